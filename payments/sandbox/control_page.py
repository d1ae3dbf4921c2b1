"""A page to play Stripe and the banks by hand: faults, time, disputes, payouts. The control API with buttons."""

from datetime import UTC, datetime
from html import escape
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from payments.sandbox import faults, money, webhooks
from payments.sandbox.errors import ApiError
from payments.sandbox.objects import disputes, payouts
from payments.sandbox.page_layout import page, posted
from payments.sandbox.sandbox import Sandbox

SPANS = {"an hour": 3600, "a day": 86_400, "a week": 7 * 86_400, "a month": 31 * 86_400}
SHOWN = 10


class ControlPage:
    """/sandbox/"""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    async def control(self, request: Request) -> Response:
        """GET shows the state, POST does what a button says; posts from other sites are refused."""
        if request.method == "GET":
            return page("en", "Control", self._body())
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != request.url.netloc:
            return Response("This form was sent by another site.", 403)
        try:
            self._do(await posted(request))
        except (ApiError, ValueError) as error:
            return page("en", "Control", f'<p class="error" role="alert">{escape(str(error))}</p>{self._body()}', 400)
        self.sandbox.webhooks.wake()
        return RedirectResponse("/sandbox/", 303)

    def _do(self, form: dict[str, str]) -> None:
        if form.get("advance") in SPANS:
            target = self.sandbox.clock.now() + SPANS[form["advance"]]
            self.sandbox.run_jobs(target)
            self.sandbox.clock.move_to(target)
        if "fault" in form:
            chosen = {"faults": [{"kind": form["fault"], "probability": 0.3}]}
            self.sandbox.put_in_force(faults.Faults.wanted(chosen, seed=self.sandbox.faults.seed))
        if "calm" in form:
            self.sandbox.faults.clear()
        if "deliver" in form:
            webhooks.retry_now(self.sandbox.store)
        for name, verb in (("dispute", self._dispute), ("fail", self._fail_payout), ("pay_out", self._pay_out)):
            if name in form:
                with self.sandbox.store.transaction():
                    verb(form[name])

    def _dispute(self, key: str) -> None:
        found = self.sandbox.store.find_anywhere(key)
        if found and found[1]["object"] == "charge":
            disputes.open_dispute(self.sandbox.context(found[0]), found[1], reason="fraudulent")

    def _fail_payout(self, key: str) -> None:
        found = self.sandbox.store.find_anywhere(key)
        if found and found[1]["object"] == "payout":
            payouts.fail(self.sandbox.context(found[0]), found[1])

    def _pay_out(self, account: str) -> None:
        if account in self.sandbox.store.accounts():
            payouts.pay_out(self.sandbox.context(account))

    def _body(self) -> str:
        now = datetime.fromtimestamp(self.sandbox.clock.now(), UTC)
        accounts = self.sandbox.store.accounts()
        return f"""<h1>Control</h1>
<form method="post">
<h2>Time</h2><p>{now:%Y-%m-%d %H:%M} UTC. Advance by:</p>{_buttons("advance", {span: span for span in SPANS})}
<h2>Webhooks</h2><p>{_figures(webhooks.figures(self.sandbox.store))}</p>{_buttons("deliver", {"now": "Deliver now"})}
<h2>Faults</h2><p>In force: {self._faults()}. A fault chosen here strikes three times in ten.</p>
{_buttons("calm", {"now": "No faults"})}
<details><summary>Choose a fault</summary>{_buttons("fault", faults.KINDS)}</details>
<h2>Payouts</h2>{_buttons("pay_out", {account: f"Pay out {account}" for account in accounts})}
{_buttons("fail", self._recent("payout", "Fail", ("pending", "paid")))}
<h2>Disputes</h2>{_buttons("dispute", self._recent("charge", "Dispute", ("succeeded",)))}
</form>"""

    def _faults(self) -> str:
        struck = self.sandbox.faults.counters
        shown = [f"{fault.kind} (struck {struck.get(fault.kind, 0)} times)" for fault in self.sandbox.faults.active]
        return ", ".join(shown) or "none"

    def _recent(self, kind: str, verb: str, statuses: tuple[str, ...]) -> dict[str, str]:
        found = {}
        for account in self.sandbox.store.accounts():
            for thing in self.sandbox.store.select(account, kind, limit=SHOWN):
                if thing["status"] in statuses and not thing.get("disputed"):
                    amount = money.display(thing["amount"], thing["currency"])
                    found[thing["id"]] = f"{verb} {amount} of {account}"
        return found


def _figures(found: dict[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(found.items())) or "None yet."


def _buttons(name: str, choices: dict[str, str]) -> str:
    return "".join(
        f'<button name="{name}" value="{escape(key)}">{escape(text)}</button>' for key, text in choices.items()
    )
