"""The page that explains a bank transfer (``hosted_instructions_url``), and in the sandbox also makes it."""

from html import escape

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from payments.sandbox import money, paying
from payments.sandbox.checkout_texts import TEXTS
from payments.sandbox.context import Context
from payments.sandbox.objects import accounts, bank_transfers
from payments.sandbox.page_layout import field, language, not_found, page, posted
from payments.sandbox.sandbox import Sandbox
from payments.sandbox.store import Object


class TransferPages:
    """GET says where to send how much, POST sends it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    async def transfer(self, request: Request) -> Response:
        """/c/transfer/{intent}"""
        found = self.sandbox.store.find_anywhere(request.path_params["intent"])
        if found is None or found[1]["object"] != "payment_intent":
            return not_found()
        context = self.sandbox.context(found[0], f"{request.url.scheme}://{request.url.netloc}")
        if request.method == "GET":
            return _shown(context, found[1], request)
        sent = (await posted(request)).get("minor", "")
        if sent.isdecimal() and int(sent) > 0:
            with context.store.transaction():
                paying.transfer_arrives(context, found[1], int(sent))
            self.sandbox.webhooks.wake()
        return RedirectResponse(request.url.path, 303)


def _shown(context: Context, intent: Object, request: Request) -> Response:
    lang = language({}, request)
    texts = TEXTS[lang]
    if not bank_transfers.is_awaited(intent):
        over = f'<h1>{texts["transfer"]}</h1><p role="status">{texts["transfer_over"]}</p>'
        return page(lang, texts["transfer"], over)
    left = bank_transfers.remaining(intent)
    told = intent["next_action"][bank_transfers.INSTRUCTIONS]
    kind = told["financial_addresses"][0]["type"]
    numbers = [value for value in told["financial_addresses"][0][kind].values() if isinstance(value, str)]
    rows = "".join(f"<li>{escape(text)}</li>" for text in [*numbers, told["reference"]])
    shown = money.display(left, intent["currency"])
    body = f"""<section class="order" aria-label="{texts["transfer"]}">
<p class="payee">{escape(accounts.display_name(context))}</p>
<h1>{texts["transfer"]}</h1>
<p class="amount">{shown.replace(".", ",") if lang == "it" else shown}</p>
<ul>{rows}</ul>
</section>
<form method="post" action="/c/transfer/{intent["id"]}">
{field("minor", "text", texts["transfer_minor"], str(left), 'inputmode="numeric" autocomplete="off"')}
<p><button class="button" type="submit">{texts["transfer_send"]}</button></p>
</form>"""
    return page(lang, texts["transfer"], body)
