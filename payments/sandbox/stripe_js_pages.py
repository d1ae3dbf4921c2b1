"""The stand-in for Stripe.js: the script, the frames that it opens, and the two requests behind them.

A page asks with a publishable key ``pk_test_<account>`` and the session's client secret, as with Stripe; the two
requests are Stripe's own business and in no published contract.
"""

import re
from hmac import compare_digest
from html import escape
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from payments.sandbox import cards, money, paying
from payments.sandbox.cards import TestMethod
from payments.sandbox.context import Context
from payments.sandbox.errors import ApiError, invalid, unauthorized
from payments.sandbox.objects import checkout_sessions
from payments.sandbox.page_layout import posted
from payments.sandbox.sandbox import Sandbox
from payments.sandbox.store import Object
from payments.sandbox.stripe_js_texts import texts_in

FILES = Path(__file__).with_name("stripe_js")
KEY = re.compile(r"pk_test_([A-Za-z0-9-]+)(?:_[A-Za-z0-9_-]*)?")
# Frames may stand in any page, as Stripe's do; the session's client secret is what opens them.
FRAME = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}
ANY_PAGE = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store"}
METHODS = ("card", "sepa_debit", "google_pay")
SCRIPTS = ("stripe.js", "element.js", "authenticate.js")


class StripeJsPages:
    """What is below /dahlia/, and /v1/payment_pages/."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def routes(self) -> list[Route]:
        """The addresses."""
        return [
            Route("/dahlia/{name:str}.{kind:str}", file),
            Route("/dahlia/element", element),
            Route("/dahlia/authenticate/{intent}", self.authenticate, methods=["GET", "POST"]),
            Route("/v1/payment_pages/{session}/init", self.init, methods=["POST"]),
            Route("/v1/payment_pages/{session}/confirm", self.confirm, methods=["POST"]),
        ]

    async def init(self, request: Request) -> Response:
        """The session as the page may see it."""
        return await self._answer(request, _shown)

    async def confirm(self, request: Request) -> Response:
        """Pay with what was typed."""
        return await self._answer(request, _confirm)

    async def _answer(self, request: Request, act: Any) -> Response:
        given = await posted(request)
        try:
            context, session = self._opened(request, given)
            with context.store.transaction():
                answer = act(context, session, given)
        except ApiError as error:
            return JSONResponse(error.as_json(), error.status, ANY_PAGE)
        finally:
            self.sandbox.webhooks.wake()
        return JSONResponse(answer, 200, ANY_PAGE)

    def _opened(self, request: Request, given: dict[str, str]) -> tuple[Context, Object]:
        """The session that key and client secret open; ApiError 401 or 404."""
        key = KEY.fullmatch(given.get("key", ""))
        if key is None:
            raise unauthorized("The sandbox takes publishable keys of the form pk_test_<account>; never a live key.")
        found = self.sandbox.store.find_anywhere(request.path_params["session"])
        secret = str((found[1].get("client_secret") if found else "") or "")
        is_right = compare_digest(secret.encode(), given.get("client_secret", "").encode())
        if found is None or not secret or not is_right or found[0] != key[1]:
            raise invalid("No such Checkout Session, or not of this key.", code="resource_missing", status=404)
        return self.sandbox.context(found[0], f"{request.url.scheme}://{request.url.netloc}"), found[1]

    async def authenticate(self, request: Request) -> Response:
        """3-D Secure in a frame: GET asks, POST answers."""
        found = self.sandbox.store.find_anywhere(request.path_params["intent"])
        if found is None or found[1].get("status") != "requires_action":
            return HTMLResponse("", 404, FRAME)
        context = self.sandbox.context(found[0], f"{request.url.scheme}://{request.url.netloc}")
        if request.method == "GET":
            session = checkout_sessions.of_intent(context, found[1]) or {}
            return _question(found[1], str(session.get("locale") or "en"))
        outcome = (await posted(request)).get("outcome", "")
        with context.store.transaction():
            intent = paying.authenticate(context, found[1], outcome)
        self.sandbox.webhooks.wake()
        return JSONResponse({"status": intent["status"]}, 200, {"Cache-Control": "no-store"})


async def file(request: Request) -> Response:
    """The scripts and the style sheet."""
    name = f"{request.path_params['name']}.{request.path_params['kind']}"
    if name in SCRIPTS:
        return FileResponse(FILES / name, media_type="text/javascript", headers={"Cache-Control": "no-cache"})
    if name == "element.css":
        return FileResponse(FILES / name, media_type="text/css", headers={"Cache-Control": "no-cache"})
    return Response(status_code=404)


def _shown(context: Context, session: Object, given: dict[str, str]) -> Object:
    texts = texts_in(given.get("locale", ""))[1]
    problem = paying.problem(context, session)
    return {
        "id": session["id"],
        "status": session["status"],
        "payment_status": session["payment_status"],
        "amount": session["amount_total"] or 0,
        "currency": session["currency"] or "eur",
        "divisor": 10 ** money.exponent(session["currency"] or "eur"),
        "email": checkout_sessions.prefilled_email(context, session) or None,
        "methods": _offered(session),
        "return_url": session.get("return_url") or "",
        "problem": texts.get(problem, problem),
        "items": [
            {
                "id": item["id"],
                "name": item["description"] or "",
                "price": item["price"]["id"],
                "amount": item["amount_total"],
                "quantity": item["quantity"],
            }
            for item in session["_line_items"]
        ],
    }


def _offered(session: Object) -> list[str]:
    """Card, debit and wallet, less what the session excludes; a debit is in euros, and a wallet holds a card."""
    excluded = set(session.get("excluded_payment_method_types") or ())
    if session["currency"] != "eur":
        excluded.add("sepa_debit")
    if "card" in excluded:
        excluded.add("google_pay")
    return [kind for kind in METHODS if kind not in excluded]


def _confirm(context: Context, session: Object, given: dict[str, str]) -> Object:
    texts = texts_in(given.get("locale", ""))[1]
    method = _method(given) if given.get("method") in _offered(session) else None
    if method is None:
        return {"type": "error", "message": texts["unknown_card"], "declineCode": None}
    email = given.get("email") or checkout_sessions.prefilled_email(context, session)
    if not email:
        return {"type": "error", "message": texts["email_missing"], "declineCode": None}
    payer = {"email": email, "name": given.get("name", "")}
    if given["method"] == "google_pay":
        payer["wallet"] = "google_pay"
    session = paying.pay(context, session, method, payer)
    intent = paying.waiting_for_authentication(context, session)
    if intent:
        return {"type": "authenticate", "url": f"/dahlia/authenticate/{intent['id']}"}
    if session["status"] == "complete":
        return {"type": "done"}
    problem = paying.problem(context, session)
    return {"type": "error", "message": texts.get(problem, problem), "declineCode": "generic_decline"}


def _method(given: dict[str, str]) -> TestMethod | None:
    """The test method that was chosen and typed; None when it is none of the test numbers."""
    kind = given.get("method", "")
    if kind == "google_pay":
        return cards.BY_CASE["success"]
    found = cards.by_number(given.get("iban" if kind == "sepa_debit" else "number", ""))
    return found if found and found.kind == kind else None


async def element(request: Request) -> Response:
    """The frame with the fields."""
    lang, texts = texts_in(request.query_params.get("locale", "en"))
    methods = "\n".join(
        f'<label><input type="radio" name="method" value="{kind}"{" checked" if kind == "card" else ""}>'
        f"<span>{texts[kind]}</span></label>"
        for kind in METHODS
    )
    body = f"""<form data-incomplete="{escape(texts["incomplete"])}" novalidate>
<fieldset class="methods"><legend>{texts["methods"]}</legend>
{methods}
</fieldset>
<fieldset data-method="card">
{_field("number", texts["number"], 'inputmode="numeric" autocomplete="off"')}
<div class="two">
{_field("expiry", texts["expiry"], 'inputmode="numeric" autocomplete="off"')}
{_field("cvc", texts["cvc"], 'inputmode="numeric" autocomplete="off"')}
</div>
<p class="hint">{texts["card_hint"]}</p>
</fieldset>
<fieldset data-method="sepa_debit" hidden disabled>
{_field("iban", texts["iban"], 'autocomplete="off"')}
{_field("name", texts["name"], 'autocomplete="name"')}
<p class="hint">{texts["sepa_hint"]}</p>
</fieldset>
<fieldset data-method="google_pay" hidden disabled>
<p class="hint">{texts["wallet_hint"]}</p>
</fieldset>
<p class="error" role="alert" data-error hidden></p>
</form>"""
    return _frame(lang, texts["methods"], body, "element.js")


def _field(name: str, label: str, attributes: str) -> str:
    return f'<label class="field">{label}<input name="{name}" type="text" required {attributes}></label>'


def _question(intent: Object, locale: str) -> Response:
    lang, texts = texts_in(locale)
    body = f"""<main>
<h1>{texts["authenticate"]}</h1>
<p>{texts["authenticate_text"]}</p>
<form method="post" action="/dahlia/authenticate/{intent["id"]}">
<button type="submit" name="outcome" value="pass">{texts["pass"]}</button>
<button type="submit" name="outcome" value="fail">{texts["fail"]}</button>
</form>
</main>"""
    return _frame(lang, texts["authenticate"], body, "authenticate.js")


def _frame(lang: str, title: str, body: str, script: str) -> Response:
    html = f"""<!doctype html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="/dahlia/element.css">
<script src="/dahlia/{script}" defer></script>
</head>
<body>
{body}
</body>
</html>
"""
    return HTMLResponse(html, 200, FRAME)
