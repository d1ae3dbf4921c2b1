"""The hosted page of an invoice: what is owed, and a way to pay it, 3-D Secure included."""

from html import escape

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from payments.sandbox import billing, cards, money
from payments.sandbox.cards import TestMethod
from payments.sandbox.checkout_texts import TEXTS
from payments.sandbox.context import Context
from payments.sandbox.objects import accounts, invoices, payment_methods
from payments.sandbox.page_layout import buttons, field, language, not_found, page, posted
from payments.sandbox.sandbox import Sandbox
from payments.sandbox.store import Object

BUTTONS = ("success", "three_d_secure", "declined", "insufficient_funds")


class InvoicePages:
    """GET shows an invoice's page, POST tries to pay it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    async def invoice(self, request: Request) -> Response:
        """/c/invoice/{invoice}"""
        found = self.sandbox.store.find_anywhere(request.path_params["invoice"])
        if found is None or found[1]["object"] != "invoice" or found[1]["status"] == "draft":
            return not_found()
        context = self.sandbox.context(found[0], f"{request.url.scheme}://{request.url.netloc}")
        if request.method == "GET":
            return _shown(context, found[1], request)
        form = await posted(request)
        with context.store.transaction():
            answer = _try_to_pay(context, found[1], form, request)
        self.sandbox.webhooks.wake()
        return answer


def _try_to_pay(context: Context, invoice: Object, form: dict[str, str], request: Request) -> Response:
    if invoice["status"] != "open":
        return _shown(context, invoice, request)
    method = cards.BY_CASE.get(form.get("case", "")) or cards.by_number(form.get("card", ""))
    if method is None:
        error = TEXTS[language({}, request)]["unknown_card"]
        return _shown(context, invoice, request, typed=form.get("card", ""), error=error)
    intent = _pay(context, invoice, method)
    if intent["status"] == "requires_action":
        return RedirectResponse(f"/c/authenticate/{intent['id']}", 303)
    return RedirectResponse(request.url.path, 303)


def _pay(context: Context, invoice: Object, method: TestMethod) -> Object:
    """Collect with this card while the payer is there, and keep it for the customer; the intent tells what came of it.

    Authentication leads back to this page.
    """
    payment_method = payment_methods.of_test_method(context, method)
    intent = context.get("payment_intent", invoice["_intent"])
    context.save({**intent, "_return_url": f"/c/invoice/{invoice['id']}"})
    intent = invoices.collect(context, invoice, payment_method, off_session=False)
    billing.follow(context, intent)
    return intent


def _shown(context: Context, invoice: Object, request: Request, *, typed: str = "", error: str = "") -> Response:
    lang = language({}, request)
    texts = TEXTS[lang]
    amount = money.display(invoice["amount_due"], invoice["currency"])
    head = f"""<section class="order" aria-label="{texts["order"]}">
<p class="payee">{escape(accounts.display_name(context))}</p>
<h1>{texts["invoice"]} {escape(invoice["number"] or "")}</h1>
<p class="amount">{amount.replace(".", ",") if lang == "it" else amount}</p>
</section>"""
    status = 402 if error else 200
    if invoice["status"] != "open":
        said = texts[f"invoice_{invoice['status']}"]
        return page(lang, texts["invoice"], f'{head}\n<p role="status"><strong>{said}</strong></p>')
    intent = context.find("payment_intent", invoice["_intent"]) or {}
    if intent.get("status") == "processing":
        return page(lang, texts["invoice"], f'{head}\n<p role="status"><strong>{texts["processing"]}</strong></p>')
    error = error or str((intent.get("last_payment_error") or {}).get("message", ""))
    alert = f'<p class="error" role="alert" id="error">{escape(texts.get(error, error))}</p>' if error else ""
    described = "hint error" if error else "hint"
    body = f"""{head}
{alert}
<form method="post" action="/c/invoice/{invoice["id"]}">
{field("card", "text", texts["card"], typed, f'autocomplete="off" aria-describedby="{described}"')}
<p class="hint" id="hint">{texts["hint"]}</p>
<p><button class="button" type="submit">{texts["payment"]}</button></p>
<fieldset>
<legend>{texts["cases"]}</legend>
{buttons(BUTTONS, texts)}
</fieldset>
</form>"""
    return page(lang, texts["invoice"], body, status)
