"""The driver: donors, staff, banks and workers of one seed, act by act."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from fundraising import donations, drafts, ledger
from fundraising.drafts import DonationDraft, NotOpen, NotRegularly, Regularly
from fundraising.models import (
    Appeal,
    AppealState,
    Donation,
    DonationPage,
    EndWish,
    Interval,
    Mandate,
    MandateEnd,
    MandateState,
    PublicName,
)
from fundraising.money import Money
from payments import checkout, inbox, refunds
from payments.mandates import changes
from payments.models import ChangeKind, InboxEvent, RefundReason

from . import clock
from .broker import Broker
from .world import World

DAY = 86_400
CURRENCIES = ["EUR"] * 6 + ["USD"] * 3 + ["GBP", "JPY", "SEK"]
CASES = {
    "success": 30, "declined": 3, "three_d_secure_always": 4, "sepa_succeeds": 5, "sepa_fails": 3, "sepa_disputed": 2,
    "insufficient_funds": 1, "dispute_later": 2, "inquiry_later": 1, "early_fraud_warning": 1, "refund_pending": 2,
    "refund_fails": 2, "fails_later": 2, "bank_transfer": 6,
}  # fmt: skip
Draft = dict[str, Any]


class Driver:
    """What happens in one seed. Each act may meet any fault, and takes it as a person would: it gives up for now."""

    def __init__(self, world: World, broker: Broker, *, seed: int) -> None:
        self.world, self.broker, self.random = world, broker, random.Random(seed)  # noqa: S311
        self.opened: list[Donation] = []
        self.acts: Counter[str] = Counter()
        self.weights: dict[Callable[[], object], int] = {
            self.pay: 10, self.click_again: 3, self.send: 4, self.change_mandate: 5, self.replace_card: 1,
            self.refund_at_desk: 3, self.refund_in_dashboard: 3, self.call_off: 1, self.fail_refund: 1,
            self.dispute: 3, self.decide: 4, self.reconsider: 2, self.warn: 1, self.pay_out: 2, self.fail_payout: 1,
            self.charge_of_others: 1, self.adjust: 1, self.work: 12, self.beat: 6,
        }  # fmt: skip

    def run(self, *, count: int, months: int) -> None:
        """`count` donations over so many months, and what becomes of them meanwhile."""
        self.world.control(f"accounts/{self.world.account.slug}", settlement_currencies=["eur", "usd"])
        pause = months * 30 * DAY // count
        for number in range(count):
            self.do(self.give)
            for _ in range(self.random.randrange(4)):
                self.do(self.random.choices(list(self.weights), list(self.weights.values()))[0])
            self.pass_time(self.random.randrange(1, 2 * pause))
            if number == count * 3 // 4:
                self.do(self.close_an_appeal)

    def do(self, act: Callable[[], object]) -> None:
        self.acts[act.__name__] += 1
        act()
        if self._chance(0.8):  # seldom, two acts fall into one second, and their events come together
            self.world.advance(self.random.randint(1, 40))

    # --- donors

    def give(self) -> None:
        """Somebody fills in a form, once or monthly, and most pay at once."""
        pages = DonationPage.objects.filter(appeal__campaign__entity=self.world.account.entity_id).order_by("pk")
        page = self.random.choice(list(pages))
        regularly = Regularly(Interval.MONTH, day=self._day(), first_on=self._later()) if self._chance(0.4) else None
        with suppress(NotOpen, NotRegularly):
            donation = drafts.open_donation(self._draft(page, regularly))
            self.opened.append(donation)
            self._to_checkout(donation)
            if self._chance(0.85):
                self.pay()

    def _draft(self, page: DonationPage, regularly: Regularly | None) -> DonationDraft:
        currency = self.random.choice(CURRENCIES)
        whole = self.random.randrange(5, 500) * (100 if currency in {"JPY", "SEK"} else 1)
        cents = self.random.randrange(100) if Money(1, currency).exponent == 2 else 0
        wordings = page.appeal.wordings.filter(locale=page.locale).order_by("-version")
        return DonationDraft(
            page=page,
            round=page.appeal.rounds.order_by("-number")[0],
            wording=wordings[0],
            amount=Money(whole * 10 ** Money(1, currency).exponent + cents, currency),
            fee_cover=Money(0, currency),
            first_name="Ada",
            last_name="Rossi",
            email=f"donor-{self.random.randrange(200)}@example.org",
            country="IT",
            public_name=PublicName.ANONYMOUS,
            newsletter_consent="",
            regularly=regularly,
        )

    def _day(self) -> int | None:
        return self.random.randint(1, 28) if self._chance(0.4) else None

    def _later(self) -> Any:
        return timezone.localdate() + timedelta(days=self.random.randint(5, 25)) if self._chance(0.2) else None

    def _to_checkout(self, donation: Donation) -> None:
        with suppress(checkout.NothingToPay, checkout.CannotPay):
            checkout.checkout_url(donation)

    def click_again(self) -> None:
        """A donor comes back to a donation, paid or not."""
        if self.opened:
            self._to_checkout(self.random.choice(self.opened[-20:]))

    def pay(self) -> None:
        """Somebody pays a session that Stripe has open, whether or not we know of it."""
        if not (sessions := self.world.newest("checkout/sessions", status="open")):
            return
        session = self.random.choice(sessions[:3])["id"]
        case = self.random.choices(list(CASES), list(CASES.values()))[0]
        found = self.world.control(f"checkout/{session}/pay", case=case, email="ada@example.org", name="Ada") or {}
        if intent := found.get("authenticate"):
            outcome = self.random.choice(["pass", "pass", "fail"])
            self.world.control(f"intents/{intent}/authenticate", outcome=outcome)

    def send(self) -> None:
        """A donor sends the money that a transfer was announced for: a part, all of it, or too much."""
        if found := self._awaited():
            intent = self.random.choice(found)
            some = {"amount": self.random.randint(1, 2 * intent["amount"])} if self._chance(0.5) else {}
            self.world.control(f"intents/{intent['id']}/fund", **some)

    def _awaited(self) -> list[dict[str, Any]]:
        """Payment intents that wait for a bank transfer."""
        waiting = [one for one in self.world.newest("payment_intents") if one["status"] == "requires_action"]
        return [one for one in waiting if one["next_action"]["type"] == "display_bank_transfer_instructions"]

    def change_mandate(self) -> None:
        """A donor changes, pauses, resumes or ends what they give regularly, or has a failed collection tried again."""
        if (mandate := self._mandate()) is None:
            return
        kind = self.random.choice([kind for kind in ChangeKind if kind != ChangeKind.END or self._chance(0.3)])
        more: Draft = {}
        if kind == ChangeKind.AMOUNT:
            minor = mandate.amount_minor + 10 ** Money(1, mandate.currency).exponent * self.random.randint(1, 20)
            more = {"amount": Money(minor, mandate.currency), "fee_cover": Money(0, mandate.currency)}
        elif kind == ChangeKind.DAY:
            more = {"day": self.random.randint(1, 28)}
        elif kind == ChangeKind.PAUSE and self._chance(0.7):
            more = {"until": timezone.localdate() + timedelta(days=self.random.randint(20, 70))}
        elif kind == ChangeKind.END:
            more = {"end_reason": MandateEnd.DONOR, "end_wish": EndWish.MONEY}
        with suppress(changes.NotChangeable):
            changes.carry_out(changes.request_change(mandate, uuid=self._uuid(), kind=kind, **more).pk)

    def _mandate(self) -> Mandate | None:
        known = Mandate.objects.exclude(state__in=[MandateState.OPENED, MandateState.ENDED]).order_by("pk")
        count = known.count()
        return known[self.random.randrange(count)] if count else None

    def replace_card(self) -> None:
        """A bank gives a new card, and the first one or the new one has no money."""
        if methods := [one["default_payment_method"] for one in self.world.newest("subscriptions")]:
            method = self.random.choice(methods)
            self.world.control(f"payment_methods/{method}/replace", case=self.random.choice(["declined", "success"]))

    # --- staff

    def refund_at_desk(self) -> None:
        """Staff give back a donation, or a part of it."""
        received = Donation.objects.filter(state="received").order_by("pk")
        if not (count := received.count()):
            return
        donation = received[self.random.randrange(count)]
        left = donations.net_received(donation)
        amount = Money(self.random.choice([left.minor, self.random.randint(1, max(left.minor, 1))]), left.currency)
        with suppress(refunds.NotRefundable):
            wanted = refunds.request_refund(
                donation, uuid=self._uuid(), amount=amount, reason=RefundReason.REQUESTED, by="finance"
            )
            refunds.carry_out(wanted.pk)

    def refund_in_dashboard(self) -> None:
        """Staff give back a charge at Stripe, where we hear of it later."""
        charges = [one for one in self.world.newest("charges") if one["status"] == "succeeded" and not one["refunded"]]
        if charges:
            charge = self.random.choice(charges)
            left = charge["amount"] - charge["amount_refunded"]
            minor = self.random.choice([left, self.random.randint(1, left)])
            self.world.ask("POST", "refunds", {"charge": charge["id"], "amount": str(minor)})

    def call_off(self) -> None:
        """Staff cancel at Stripe what waits for a bank transfer."""
        if found := self._awaited():
            self.world.ask("POST", f"payment_intents/{self.random.choice(found)['id']}/cancel", {})

    def close_an_appeal(self) -> None:
        """An appeal ends; what donors promised for later follows its wording."""
        appeals = Appeal.objects.filter(campaign__entity=self.world.account.entity_id).order_by("pk")
        appeals.filter(pk=self.random.choice(list(appeals)).pk).update(state=AppealState.CLOSED)

    # --- banks and Stripe

    def fail_refund(self) -> None:
        if found := [one for one in self.world.newest("refunds") if one["status"] in {"succeeded", "pending"}]:
            self.world.control(f"refunds/{self.random.choice(found)['id']}/fail")

    def dispute(self) -> None:
        found = [one for one in self.world.newest("charges") if one["status"] == "succeeded" and not one["disputed"]]
        if found:
            status = self.random.choice(["needs_response"] * 3 + ["warning_needs_response", "prevented", "lost"])
            self.world.control(f"charges/{self.random.choice(found)['id']}/dispute", status=status)

    def decide(self) -> None:
        if found := [one for one in self.world.newest("disputes") if one["status"].endswith(("response", "review"))]:
            outcome = self.random.choice(["won", "lost"])
            self.world.control(f"disputes/{self.random.choice(found)['id']}/decide", outcome=outcome)

    def reconsider(self) -> None:
        """A bank takes back that a dispute was lost: the money comes back, or the question is open again."""
        if found := [one for one in self.world.newest("disputes") if one["status"] == "lost"]:
            status = self.random.choice(["won", "won", "under_review"])
            self.world.control(f"disputes/{self.random.choice(found)['id']}/reconsider", status=status)

    def warn(self) -> None:
        if found := [one for one in self.world.newest("charges") if one["status"] == "succeeded"]:
            self.world.control(f"charges/{self.random.choice(found)['id']}/warn")

    def pay_out(self) -> None:
        self.world.control(f"accounts/{self.world.account.slug}/payout")

    def fail_payout(self) -> None:
        if found := [one for one in self.world.newest("payouts") if one["status"] in {"pending", "paid"}]:
            self.world.control(f"payouts/{self.random.choice(found)['id']}/fail")

    def charge_of_others(self) -> None:
        """Another product of the same organisation charges a card through the same account."""
        given = {"amount": str(self.random.randrange(500, 9_000)), "currency": self.random.choice(["eur", "usd"])}
        given |= {"payment_method": "pm_card_visa", "confirm": "true", "automatic_payment_methods[enabled]": "true"}
        self.world.ask("POST", "payment_intents", {**given, "automatic_payment_methods[allow_redirects]": "never"})

    def adjust(self) -> None:
        """Stripe takes a fee of its own, or moves money for a reason that we do not know."""
        kind, category = self.random.choice([("stripe_fee", "fee"), ("adjustment", "other_adjustment")])
        given = {"type": kind, "reporting_category": category, "amount": -self.random.randint(1, 900)}
        self.world.control(f"accounts/{self.world.account.slug}/adjust", **given, currency="eur")

    # --- workers and time

    def work(self) -> None:
        self.broker.work()
        ledger.fold()

    def beat(self) -> None:
        self.broker.beat()

    def pass_time(self, seconds: int) -> None:
        """Time passes a few hours at a time, with a beat now and then."""
        while seconds > 0:
            step = min(seconds, self.random.randint(1, 18) * 3_600)
            self.world.advance(step)
            seconds -= step
            # Of real days, in which Beat comes thousands of times, these are seldom five without it. Should they be, an
            # event waits on: it fails after days and tries, not by the calendar alone.
            if self._chance(0.6):
                self.do(self.beat)
            self.do(self.work)

    def end(self) -> None:
        """No more faults; what is on its way arrives; two quiet days pass; the sweeps do their work."""
        self.world.control("faults", faults=[])
        self.broker.loses = 0.0
        for _ in range(4):
            self.world.deliver(all_that_wait=True)
            self.world.advance(self.random.randint(8, 12) * 3_600)
            # Of another API version: staff look at each and set it aside, for the sweeps book what it told of.
            inbox.set_aside(InboxEvent.objects.filter(state="parked", waits_for="", next_attempt_at=None))
            self.broker.beat_all()
            self.work()
        # All is quiet now, and an hour's worth of sweeps brings in what the last hours left.
        for _ in range(2):
            self.world.deliver(all_that_wait=True)
            clock.advance(900)
            self.broker.beat_all()
        self.world.deliver(all_that_wait=True)
        self.work()

    def _chance(self, of: float) -> bool:
        return self.random.random() < of

    def _uuid(self) -> UUID:
        return UUID(int=self.random.getrandbits(128), version=4)
