"""The customer portal's page: see what is running, use another card, end it. A flow shows one of these alone."""

from html import escape

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from payments.sandbox import cards, money
from payments.sandbox.cards import TestMethod
from payments.sandbox.checkout_texts import TEXTS
from payments.sandbox.context import Context
from payments.sandbox.objects import customers, payment_methods, subscription_requests, subscriptions
from payments.sandbox.page_layout import buttons, field, language, not_found, page, posted
from payments.sandbox.sandbox import Sandbox
from payments.sandbox.store import Object

CARDS = ("success", "success_mastercard", "fails_later", "three_d_secure_always")


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
        lang = language(session, request)
        if request.method == "GET":
            return _card_form(session, lang) if session["flow"] else page(*_shown(session, running, lang))
        form = await posted(request)
        method = _card_of(form)
        if method is None and form.get("end") is None:
            return _card_form(session, lang, typed=form.get("card", ""), error=TEXTS[lang]["unknown_card"])
        with context.store.transaction():
            _do(context, session, running, method, form)
        self.sandbox.webhooks.wake()
        return RedirectResponse(_next(session, request), 303)


def _runs(subscription: Object) -> bool:
    return subscription["status"] in subscriptions.ALIVE


def _card_of(form: dict[str, str]) -> TestMethod | None:
    """The test card that was chosen by its button, or typed; one that every bank refuses is not saved."""
    method = cards.BY_CASE.get(form.get("case", "")) or cards.by_number(form.get("card", ""))
    return None if method and method.decline and not method.once_saved else method


def _do(
    context: Context, session: Object, running: list[Object], method: TestMethod | None, form: dict[str, str]
) -> None:
    """End the subscription named, or use another test card for all of them."""
    if form.get("end") in [item["id"] for item in running]:
        subscription_requests.update(context, {"cancel_at_period_end": True}, form["end"])
    if method:
        saved = payment_methods.of_test_method(context, method)
        payment_methods.attach_to(context, saved, session["customer"])
        customers.update(context, {"invoice_settings": {"default_payment_method": saved["id"]}}, session["customer"])
        for item in running:
            subscription_requests.update(context, {"default_payment_method": saved["id"]}, item["id"])


def _next(session: Object, request: Request) -> str:
    """Where a finished flow leads; without one, back to the page itself."""
    after = (session["flow"] or {}).get("after_completion") or {}
    return str(after["redirect"]["return_url"]) if after.get("redirect") else request.url.path


def _shown(session: Object, running: list[Object], lang: str) -> tuple[str, str, str]:
    texts = TEXTS[lang]
    rows = "".join(f"<li>{_row(item, texts)}</li>" for item in running) or f"<li>{texts['nothing_runs']}</li>"
    body = f"""<h1>{texts["portal"]}</h1>
<form method="post">
<ul class="list">{rows}</ul>
<fieldset><legend>{texts["other_card"]}</legend>{buttons(CARDS, texts)}</fieldset>
</form>
{_back(session, texts)}"""
    return lang, texts["portal"], body


def _card_form(session: Object, lang: str, *, typed: str = "", error: str = "") -> Response:
    """The page of the flow ``payment_method_update``: a card, and nothing else."""
    texts = TEXTS[lang]
    alert = f'<p class="error" role="alert" id="error">{escape(error)}</p>' if error else ""
    described = "hint error" if error else "hint"
    body = f"""<h1>{texts["other_card"]}</h1>
{alert}
<form method="post">
{field("card", "text", texts["card"], typed, f'autocomplete="off" aria-describedby="{described}"')}
<p class="hint" id="hint">{texts["hint"]}</p>
<p><button class="button" type="submit">{texts["update_card"]}</button></p>
<fieldset><legend>{texts["cases"]}</legend>
{buttons(CARDS, texts)}
</fieldset>
</form>
{_back(session, texts)}"""
    return page(lang, texts["other_card"], body, 402 if error else 200)


def _back(session: Object, texts: dict[str, str]) -> str:
    if not session["return_url"]:
        return ""
    return f'<p class="back"><a href="{escape(session["return_url"])}">{texts["return"]}</a></p>'


def _row(subscription: Object, texts: dict[str, str]) -> str:
    price = subscription["_items"][0]["price"]
    amount = money.display(price["unit_amount"] * subscription["_items"][0]["quantity"], price["currency"])
    if subscription["cancel_at_period_end"]:
        return f"{amount} – {texts['ends']}"
    return f'{amount} <button name="end" value="{subscription["id"]}">{texts["end"]}</button>'
