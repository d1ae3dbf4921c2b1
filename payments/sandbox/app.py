"""The sandbox for one process: ``granian --interface asgi payments.sandbox.app:application``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from payments.sandbox import api
from payments.sandbox.checkout_page import CheckoutPages
from payments.sandbox.config import API_VERSION, Settings
from payments.sandbox.control import Control
from payments.sandbox.control_page import ControlPage
from payments.sandbox.invoice_page import InvoicePages
from payments.sandbox.portal_page import PortalPages
from payments.sandbox.routes import OPERATIONS
from payments.sandbox.sandbox import Sandbox
from payments.sandbox.stripe_js_pages import StripeJsPages
from payments.sandbox.transfer_page import TransferPages


def create_application(settings: Settings) -> Starlette:
    """A sandbox of its own, with routes for the API, the pages and the control API."""
    sandbox = Sandbox(settings)
    pages = CheckoutPages(sandbox)

    @asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[None]:
        sandbox.start()
        yield
        await sandbox.stop()

    async def root(request: Request) -> Response:
        return JSONResponse({"sandbox": "Stripe", "api_version": API_VERSION, "livemode": False})

    routes = [
        Route("/", root),
        *[
            Route(operation.path, api.endpoint(sandbox, operation), methods=[operation.method])
            for operation in OPERATIONS
        ],
        *StripeJsPages(sandbox).routes(),
        Route("/v1/{rest:path}", api.unknown, methods=["GET", "POST", "DELETE"]),
        Route("/c/style.css", pages.style),
        Route("/c/pay/{session}", pages.pay, methods=["GET", "POST"]),
        Route("/c/authenticate/{intent}", pages.authenticate, methods=["GET", "POST"]),
        Route("/c/invoice/{invoice}", InvoicePages(sandbox).invoice, methods=["GET", "POST"]),
        Route("/c/transfer/{intent}", TransferPages(sandbox).transfer, methods=["GET", "POST"]),
        Route("/c/portal/{session}", PortalPages(sandbox).portal, methods=["GET", "POST"]),
        Route("/sandbox/", ControlPage(sandbox).control, methods=["GET", "POST"]),
        *Control(sandbox).routes(),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


application = create_application(Settings.from_environment())
