"""A clean month: donations and attempts of ours, and what became of them at Stripe and in the bank."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import uuid4

from django.utils import timezone

from fundraising.models import Appeal, Donation, Donor, PublicName
from fundraising.money import Money
from fundraising.vault import blind_index, blind_words
from payments.models import Payment, PaymentState, StripeAccount
from payments.sandbox.loader import History, history
from payments.sandbox.objects import accounts, payouts

DAY: Final = 86_400
DAYS: Final = 30
BEGAN: Final = timedelta(days=48)  # so long ago that all of the month is in the bank
# Stripe pays out in two of the currencies and exchanges the others.
SETTLED: Final = ["eur", "usd"]
CURRENCIES: Final = ["EUR"] * 14 + ["USD"] * 3 + ["GBP"] * 2 + ["JPY"]
CASES: Final = ["success"] * 9 + ["sepa_succeeds"]
DONORS_EACH: Final = 4  # donations of a donor


@dataclass
class Month:
    """The month: our attempts by their time, and what of them was given back or drawn by a bank."""

    account: StripeAccount
    path: Path
    began: int
    random: random.Random
    payments: list[tuple[int, Payment]] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)  # charges with more than themselves

    @property
    def ended(self) -> int:
        """When the last of it had been paid out and had arrived."""
        return self.began + (DAYS + 5) * DAY

    @property
    def since(self) -> datetime:
        return datetime.fromtimestamp(self.began - DAY, UTC)

    @property
    def until(self) -> datetime:
        return datetime.fromtimestamp(self.ended - DAY, UTC)


def begin(account: StripeAccount, path: Path, *, seed: int) -> Month:
    """A month of this account that begins at a midnight."""
    first = (timezone.now() - BEGAN).replace(hour=0, minute=0, second=0, microsecond=0)
    return Month(account, path, int(first.timestamp()), random.Random(seed))  # noqa: S311


def open_donations(month: Month, count: int) -> None:
    """Donations that were opened, each with an attempt whose session is open."""
    appeals = list(Appeal.objects.filter(campaign__entity=month.account.entity_id).order_by("pk"))
    donors = _donors(month, appeals[0], -(-count // DONORS_EACH))
    moments = sorted(month.began + month.random.randrange(DAYS * DAY) for _ in range(count))
    donations = [_donation(month, month.random.choice(appeals), month.random.choice(donors), at) for at in moments]
    Donation.objects.bulk_create(donations, batch_size=1_000)
    made = [
        Payment(
            donation=donation,
            account=month.account,
            state=PaymentState.OPEN,
            session_id=f"cs_test_{uuid4().hex}",
            created_at=donation.opened_at,
        )
        for donation in donations
    ]
    Payment.objects.bulk_create(made, batch_size=1_000)
    month.payments = list(zip(moments, made, strict=True))


def _donors(month: Month, appeal: Appeal, count: int) -> list[Donor]:
    page = appeal.pages.order_by("pk")[0]
    donors = []
    for number in range(count):
        email, names = f"donor-{number}@example.org", ("Ada", f"Rossi {number}")
        donors.append(
            Donor(
                entity_id=month.account.entity_id,
                email=email,
                first_name=names[0],
                last_name=names[1],
                email_index=blind_index(email),
                identity_index=blind_index(email, *names, "IT"),
                name_words=blind_words(*names),
                country="IT",
                locale=page.locale,
            )
        )
    return Donor.objects.bulk_create(donors, batch_size=1_000)


def _donation(month: Month, appeal: Appeal, donor: Donor, at: int) -> Donation:
    currency = month.random.choice(CURRENCIES)
    unit = 10 ** Money(1, currency).exponent
    minor = month.random.randrange(5, 400) * unit * (100 if currency == "JPY" else 1) + month.random.randrange(unit)
    page = appeal.pages.order_by("pk")[0]
    uuid = uuid4()
    return Donation(
        uuid=uuid,
        entity_id=month.account.entity_id,
        donor=donor,
        page=page,
        round=appeal.rounds.order_by("-number")[0],
        wording=appeal.wordings.filter(locale=page.locale).order_by("-version")[0],
        locale=page.locale,
        currency=currency,
        amount_minor=minor,
        public_name=PublicName.ANONYMOUS,
        submission=hashlib.sha256(uuid.bytes).hexdigest(),
        opened_at=datetime.fromtimestamp(at, UTC),
    )


def happen(month: Month) -> None:
    """All of the month at Stripe: charges, some given back or disputed, fees, tax, a reserve, payouts every day."""
    with history(str(month.path), month.account.slug, since=month.began) as past:
        accounts.configure(past.context, {"settlement_currencies": SETTLED, "fee_tax_percent": 22})
        waiting = list(month.payments)
        for day in range(DAYS + 3):
            evening = month.began + day * DAY + DAY - 3_600
            while waiting and waiting[0][0] < evening:
                _pay(month, past, *waiting.pop(0))
            past.at(evening)
            _of_stripes_own(past, day)
            made = past.pay_out()
            if day == DAYS // 2 and made:
                past.at(evening + 1_800)
                payouts.fail(past.context, made[0])
        past.at(month.ended - DAY)


def _pay(month: Month, past: History, at: int, payment: Payment) -> None:
    past.at(at)
    donation, case = payment.donation, month.random.choice(CASES)
    case = "success" if donation.currency != "EUR" else case
    charge = past.charge(donation.amount_minor, donation.currency.lower(), {"payment": str(payment.uuid)}, case=case)
    chance = month.random.random()
    if chance < 0.03:
        part = donation.amount_minor if chance < 0.02 else max(donation.amount_minor // 3, 1)
        past.refund(charge["id"], part)
    elif chance < 0.033:
        past.dispute(charge["id"])
    if chance < 0.033:
        month.touched.add(charge["id"])


def _of_stripes_own(past: History, day: int) -> None:
    if day == 5:
        past.adjust("reserved_funds", "risk_reserved_funds", -2_000, "eur")
    if day == 25:
        past.adjust("reserved_funds", "risk_reserved_funds", 2_000, "eur")
    if day % 7 == 6:
        past.adjust("stripe_fee", "fee", -299, "eur")
        past.adjust("tax_fee", "tax", -66, "eur")
