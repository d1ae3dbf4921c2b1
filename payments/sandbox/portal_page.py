"""The customer portal's page: see what is running, use another card, end it."""

from html import escape

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from payments.sandbox import cards, money
from payments.sandbox.checkout_texts import TEXTS
from payments.sandbox.context import Context
from payments.sandbox.objects import customers, payment_methods, subscription_requests, subscriptions
from payments.sandbox.page_layout import language, not_found, page, posted
from payments.sandbox.sandbox import Sandbox
from payments.sandbox.store import Object

CARDS = ("success", "fails_later")


class PortalPages:
    """GET shows a portal session's page, POST does what a button says."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    async def portal(self, request: Request) -> Response:
        """/c/portal/{session}"""
        found = self.sandbox.store.find_anywhere(request.path_params["session"])
        if found is None or found[1]["object"] != "billing_portal.session":
            return not_found()
        context, session = self.sandbox.context(found[0]), found[1]
        running = [item for item in context.select("subscription", customer=session["customer"]) if _runs(item)]
        if request.method == "GET":
            return page(*_shown(session, running, language(session, request)))
        form = await posted(request)
        with context.store.transaction():
            _do(context, session["customer"], running, form)
        self.sandbox.webhooks.wake()
        return RedirectResponse(request.url.path, 303)


def _runs(subscription: Object) -> bool:
    return subscription["status"] in subscriptions.ALIVE


def _do(context: Context, customer: str, running: list[Object], form: dict[str, str]) -> None:
    """End the subscription named, or use another test card for all of them."""
    if form.get("end") in [item["id"] for item in running]:
        subscription_requests.update(context, {"cancel_at_period_end": True}, form["end"])
    if form.get("card") in CARDS:
        method = payment_methods.of_test_method(context, cards.BY_CASE[form["card"]])
        payment_methods.attach_to(context, method, customer)
        customers.update(context, {"invoice_settings": {"default_payment_method": method["id"]}}, customer)
        for item in running:
            subscription_requests.update(context, {"default_payment_method": method["id"]}, item["id"])


def _shown(session: Object, running: list[Object], lang: str) -> tuple[str, str, str]:
    texts = TEXTS[lang]
    rows = "".join(f"<li>{_row(item, texts)}</li>" for item in running) or f"<li>{texts['nothing_runs']}</li>"
    buttons = "".join(
        f'<button name="card" value="{case}">{texts[case]} <small>{cards.BY_CASE[case].number}</small></button>'
        for case in CARDS
    )
    back = (
        f'<p class="back"><a href="{escape(session["return_url"])}">{texts["return"]}</a></p>'
        if session["return_url"]
        else ""
    )
    body = f"""<h1>{texts["portal"]}</h1>
<form method="post">
<ul class="list">{rows}</ul>
<fieldset><legend>{texts["other_card"]}</legend>{buttons}</fieldset>
</form>
{back}"""
    return lang, texts["portal"], body


def _row(subscription: Object, texts: dict[str, str]) -> str:
    price = subscription["_items"][0]["price"]
    amount = money.display(price["unit_amount"] * subscription["_items"][0]["quantity"], price["currency"])
    if subscription["cancel_at_period_end"]:
        return f"{amount} – {texts['ends']}"
    return f'{amount} <button name="end" value="{subscription["id"]}">{texts["end"]}</button>'
