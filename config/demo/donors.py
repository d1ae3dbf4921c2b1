"""Donors of the demo of whom the desk has something to tell: those who give regularly, one whose mail comes back, one
whose name no font has, and two whose bank transfers are awaited. Every name is invented.

What they did is written into the sandbox's past like everything else, and read from it; what they wish since is asked
for by the verbs of their mandates, as from their own page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid5

from django.utils import timezone

from config.demo.past import Given, attempt, draft, set_back
from config.demo.post import GONE
from fundraising import offline
from fundraising.drafts import DonationDraft, Regularly, open_donation
from fundraising.models import (
    Appeal,
    DonationPage,
    EndWish,
    Interval,
    MandateEnd,
    Round,
)
from fundraising.money import Money
from payments.mandates import changes
from payments.models import ChangeKind, StripeAccount

DAY: Final = 86_400
APPEAL: Final = "a-way-out"
MONTHLY, YEARLY = Regularly(Interval.MONTH), Regularly(Interval.YEAR)


@dataclass(frozen=True)
class Told:
    """A donor: how many days ago they came, how they give, how their bank answers, and what they wish since."""

    days: int
    first_name: str
    last_name: str
    country: str
    amount: Money
    locale: str = "en"
    regularly: Regularly | None = None
    case: str = "success"
    domain: str = "donors.example"
    wish: dict[str, Any] = field(default_factory=dict)

    @property
    def email(self) -> str:
        name = f"{self.first_name}.{self.last_name}".lower()
        return f"{name if name.isascii() else self.country.lower()}@{self.domain}"


# Six weeks have room for two monthly collections of one mandate. A card of `fails_later` pays once.
TOLD: Final = [
    Told(40, "Nadia", "Ferri", "IT", Money(2_000, "EUR"), "it", MONTHLY,
         wish={"kind": ChangeKind.AMOUNT, "amount": Money(2_500, "EUR")}),
    Told(39, "Oskar", "Nyberg", "SE", Money(2_500, "EUR"), "en", MONTHLY,
         wish={"kind": ChangeKind.END, "end_reason": MandateEnd.DONOR, "end_wish": EndWish.MONEY}),
    Told(38, "Jonas", "Lindner", "DE", Money(1_500, "EUR"), "en", MONTHLY, case="sepa_succeeds"),
    Told(34, "Hollis", "Grant", "US", Money(12_000, "USD"), "en", YEARLY),
    Told(33, "Elio", "Marchetti", "IT", Money(3_000, "EUR"), "it", MONTHLY, case="fails_later"),
    Told(24, "Bea", "Romano", "IT", Money(1_000, "EUR"), "it", MONTHLY, wish={"kind": ChangeKind.PAUSE}),
    Told(18, "Delphine", "Aubry", "FR", Money(4_000, "USD"), "en", MONTHLY),
    # In letters of the Toto, which few machines have; the receipt is refused rather than printed with boxes.
    Told(5, "𞊒𞊪𞊒𞊪", "𞊌𞊪𞊛𞊪", "IN", Money(6_000, "EUR")),
    Told(3, "Ottone", "Sereni", "IT", Money(4_500, "EUR"), "it", domain=GONE),
]  # fmt: skip
PAUSED_FOR: Final = timedelta(days=70)
AWAITED: Final = [
    Told(37, "Gustav", "Ahlgren", "SE", Money(50_000, "EUR")),
    Told(4, "Irene", "Salvi", "IT", Money(15_000, "EUR"), "it"),
]


def open_told(account: StripeAccount, began: int, days: int) -> list[Given]:
    """Their donations, open; none at other legal entities than that of the appeal. `began`: the past's first second."""
    if not Appeal.objects.filter(slug=APPEAL, campaign__entity=account.entity).exists():
        return []
    return [_open(account, one, began + (days - one.days) * DAY + 9 * 3_600) for one in TOLD]


def _open(account: StripeAccount, one: Told, at: int) -> Given:
    payment = attempt(open_donation(_draft(one, at)), account, at)
    return Given(at, payment, one.case, is_told=True, wish=one.wish)


def _draft(one: Told, at: int) -> DonationDraft:
    page = DonationPage.objects.select_related("appeal").get(appeal__slug=APPEAL, locale=one.locale)
    rounds = Round.objects.filter(appeal=page.appeal).order_by("number")
    opened = rounds.filter(opens_at__lte=datetime.fromtimestamp(at, UTC))
    return draft(
        page,
        opened.last() or rounds[0],
        one.amount,
        name=(one.first_name, one.last_name),
        email=one.email,
        country=one.country,
        regularly=one.regularly,
    )


def wish(given: Sequence[Given]) -> None:
    """What they wish of their mandates now that these are known: more, a pause, an end. Asks the sandbox."""
    for one in given:
        mandate = one.payment.donation.mandate
        if mandate and one.wish:
            wanted = dict(one.wish)
            if wanted["kind"] == ChangeKind.PAUSE:
                wanted["until"] = timezone.now().date() + PAUSED_FOR
            change = changes.request_change(mandate, uuid=uuid5(mandate.uuid, "wish"), **wanted)
            changes.carry_out(change.pk)


def announce_transfers() -> None:
    """Bank transfers that were announced and have not come, one of them for long."""
    for one in AWAITED:
        at = int((timezone.now() - timedelta(days=one.days)).timestamp())
        set_back(offline.open_transfer(_draft(one, at)), at)
