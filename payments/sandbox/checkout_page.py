"""The hosted checkout page: plain HTML and forms, correct without JavaScript, in English and Italian."""

from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from payments.sandbox import cards, money, paying
from payments.sandbox.checkout_texts import TEXTS
from payments.sandbox.context import Context
from payments.sandbox.objects import accounts, bank_transfers, checkout_sessions
from payments.sandbox.page_layout import buttons, field, language, not_found, page, posted
from payments.sandbox.sandbox import Sandbox
from payments.sandbox.store import Object

STYLE = Path(__file__).with_name("checkout_page.css")
BUTTONS = ("success", "three_d_secure", "declined", "insufficient_funds", "sepa_succeeds", "sepa_fails")


class CheckoutPages:
    """The pages below /c/: pay, authenticate, and the style sheet."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    async def style(self, request: Request) -> Response:
        """GET /c/style.css"""
        return FileResponse(STYLE, media_type="text/css")

    async def pay(self, request: Request) -> Response:
        """GET shows the page of a session, POST tries to pay it."""
        found = self.sandbox.store.find_anywhere(request.path_params["session"])
        if found is None or found[1]["object"] != "checkout.session" or found[1]["ui_mode"] != "hosted_page":
            return not_found()
        context = self._context(found[0], request)
        if request.method == "GET":
            return _form(context, found[1], request) if found[1]["status"] == "open" else _over(found[1], request)
        form = await posted(request)
        with context.store.transaction():
            return self._try_to_pay(context, found[1], form, request)

    def _context(self, account: str, request: Request) -> Context:
        self.sandbox.webhooks.wake()
        return self.sandbox.context(account, f"{request.url.scheme}://{request.url.netloc}")

    def _try_to_pay(self, context: Context, session: Object, form: dict[str, str], request: Request) -> Response:
        if session["status"] != "open":
            return _over(session, request)
        case = form.get("case", "")
        method = cards.BY_CASE.get(case) or cards.by_number(form.get("card", ""))
        if method is None:
            return _form(context, session, request, typed=form, error=TEXTS[language(session, request)]["unknown_card"])
        session = paying.pay(context, session, method, form)
        self.sandbox.webhooks.wake()
        intent = paying.waiting_for_authentication(context, session)
        if intent:
            return RedirectResponse(f"/c/authenticate/{intent['id']}", 303)
        if session["status"] == "complete":
            return RedirectResponse(_success_url(session), 303)
        return _form(context, session, request, typed=form, error=paying.problem(context, session))

    async def authenticate(self, request: Request) -> Response:
        """3-D Secure: GET asks, POST with ``outcome`` pass or fail answers."""
        found = self.sandbox.store.find_anywhere(request.path_params["intent"])
        if found is None or found[1].get("status") != "requires_action":
            return not_found()
        context = self._context(found[0], request)
        session = checkout_sessions.of_intent(context, found[1])
        if request.method == "GET":
            return _authentication(context, found[1], language(session or {}, request))
        form = await posted(request)
        with context.store.transaction():
            return self._authenticated(context, found[1], session, form.get("outcome", ""))

    def _authenticated(self, context: Context, intent: Object, session: Object | None, outcome: str) -> Response:
        intent = paying.authenticate(context, intent, outcome)
        self.sandbox.webhooks.wake()
        if session is None:
            return RedirectResponse(intent["_return_url"] or "/", 303)
        session = context.get("checkout.session", session["id"])
        leaves = session["status"] == "complete" or session["ui_mode"] != "hosted_page"
        return RedirectResponse(_success_url(session) if leaves else f"/c/pay/{session['id']}", 303)


def _success_url(session: Object) -> str:
    url = session["success_url"] or session.get("return_url") or "/"
    return str(url).replace("{CHECKOUT_SESSION_ID}", session["id"])


def _over(session: Object, request: Request) -> Response:
    """The page of a session that can no longer be paid."""
    lang = language(session, request)
    texts = TEXTS[lang]
    if session["status"] == "complete":
        link = f'<p><a class="button" href="{escape(_success_url(session))}">{texts["continue"]}</a></p>'
        return page(lang, texts["complete"], f"<h1>{texts['complete']}</h1><p>{texts['complete_text']}</p>{link}")
    return page(
        lang, texts["expired"], f"<h1>{texts['expired']}</h1><p>{texts['expired_text']}</p>{_back(session, texts)}", 410
    )


def _back(session: Object, texts: dict[str, str]) -> str:
    if not session["cancel_url"]:
        return ""
    return f'<p class="back"><a href="{escape(session["cancel_url"])}">{texts["back"]}</a></p>'


def _form(
    context: Context, session: Object, request: Request, *, typed: dict[str, str] | None = None, error: str = ""
) -> Response:
    lang = language(session, request)
    texts, typed = TEXTS[lang], typed or {}
    email = typed.get("email") or checkout_sessions.prefilled_email(context, session)
    status = 402 if error else 200
    error = error or paying.problem(context, session)
    values = {"card": typed.get("card", ""), "email": email, "name": typed.get("name", "")}
    described = "hint error" if error else "hint"
    alert = f'<p class="error" role="alert" id="error">{escape(_translated(error, texts))}</p>' if error else ""
    body = f"""<section class="order" aria-label="{texts["order"]}">
<p class="payee">{escape(accounts.display_name(context))}</p>
<h1>{_title(session, texts)}</h1>
<p class="amount">{_amount(session, lang)}</p>
{_items(session)}
</section>
{alert}
<form method="post" action="/c/pay/{session["id"]}">
{field("email", "email", texts["email"], values["email"], 'autocomplete="email" required')}
{field("name", "text", texts["name"], values["name"], 'autocomplete="cc-name"')}
{field("card", "text", texts["card"], values["card"], f'autocomplete="off" aria-describedby="{described}"')}
<p class="hint" id="hint">{texts["hint"]}</p>
<p><button class="button" type="submit">{_verb(session, texts)}</button></p>
<fieldset>
<legend>{texts["cases"]}</legend>
{buttons((*BUTTONS, *_transfer(session)), texts)}
</fieldset>
</form>
{_back(session, texts)}"""
    return page(lang, texts["pay"], body, status)


def _transfer(session: Object) -> tuple[str, ...]:
    return ("bank_transfer",) if bank_transfers.is_offered(session) else ()


def _amount(session: Object, lang: str) -> str:
    if session["amount_total"] is None:
        return ""
    shown = money.display(session["amount_total"], session["currency"])
    return shown.replace(".", ",") if lang == "it" else shown


def _title(session: Object, texts: dict[str, str]) -> str:
    return texts["donate_title"] if session["submit_type"] == "donate" else texts[f"title_{session['mode']}"]


def _verb(session: Object, texts: dict[str, str]) -> str:
    return texts["donate"] if session["submit_type"] == "donate" else texts[session["mode"]]


def _items(session: Object) -> str:
    rows = [f"<li>{escape(item['description'] or '')} × {item['quantity']}</li>" for item in session["_line_items"]]
    return f"<ul>{''.join(rows)}</ul>" if rows else ""


def _translated(message: str, texts: dict[str, str]) -> str:
    return texts.get(message, message)


def _authentication(context: Context, intent: Object, lang: str) -> Response:
    texts = TEXTS[lang]
    body = f"""<h1>{texts["authenticate"]}</h1>
<p>{texts["authenticate_text"]}</p>
<form method="post" action="/c/authenticate/{intent["id"]}">
<p><button class="button" type="submit" name="outcome" value="pass">{texts["pass"]}</button></p>
<p><button type="submit" name="outcome" value="fail">{texts["fail"]}</button></p>
</form>"""
    return page(lang, texts["authenticate"], body)
