"""Six weeks of the demo's past: donations, refunds, disputes and payouts, written into the sandbox and read from it.

What the sandbox holds is read and booked as from Stripe itself; the statements of the bank are imported as at the desk.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from config.demo import donors
from config.demo.past import Given, attempt, draft
from fundraising.bank import accounts as bank_accounts
from fundraising.bank import findings, statements
from fundraising.bank.csv_file import CsvColumns
from fundraising.bank.matching import match_line
from fundraising.drafts import open_donation
from fundraising.models import (
    BankAccount,
    BankLine,
    DonationPage,
    MatchKind,
    PublicName,
    Round,
    SpendingStep,
)
from fundraising.money import Money
from payments import payouts
from payments.bank import matching as bank_matching
from payments.breaks import reconciliation
from payments.models import Payout, StripeAccount
from payments.sandbox.loader import History, history
from payments.sandbox.objects import accounts
from payments.sandbox.store import Object
from payments.sweeps import sync

DAYS: Final = 42
DAY: Final = 86_400
DONATIONS: Final = {"lantern": 90, "harbour": 30}
SETTLED: Final = ["eur", "usd"]
CURRENCIES: Final = ["EUR"] * 10 + ["USD"] * 4 + ["GBP"] * 2 + ["JPY", "CHF"]
AMOUNTS: Final = [10, 20, 20, 25, 30, 35, 50, 50, 50, 75, 100, 100, 150, 250, 500]
CASES: Final = ["success"] * 8 + ["sepa_succeeds"]
NAMES: Final = [
    ("Marta", "Rossi", "IT"), ("Paolo", "Bianchi", "IT"), ("Giulia", "Conti", "IT"), ("Luca", "Rossi", "IT"),
    ("Ines", "Calder", "US"), ("Maya", "Holt", "US"), ("Theo", "Brandt", "DE"), ("Zoë", "Müller-Lenz", "DE"),
    ("Camille", "Lefèvre", "FR"), ("Noor", "de Wit", "NL"), ("Ewa", "Wójcik", "PL"), ("Ελένη", "Παππά", "GR"),
    ("Haru", "Mori", "JP"), ("明", "李", "TW"), ("נועה", "לוי", "IL"), ("Aled", "Price", "GB"),
    ("Siobhán", "O'Dea", "IE"), ("Lucía", "Vega", "ES"), ("Anders", "Lindqvist", "SE"), ("Ana", "Sá", "PT"),
]  # fmt: skip
SEEN_AT_A_GLANCE: Final = bank_matching.SAME_AMOUNT + bank_matching.BY_TRACE
IBANS: Final = {"EUR": "DE89370400440532013000", "USD": "GB82WEST12345698765432"}
SHOWN_TO_DONORS: Final = ("lantern", "EUR")
COLUMNS: Final = CsvColumns(
    date="date", date_format="%Y-%m-%d", decimal=".", amount="amount", name="name", reference="reference",
    bank_reference="bank reference",
)  # fmt: skip
# Days before today on which something happens that the desk must see.
FOREIGN_CHARGE, LOST_PAYOUT = 6, 11
# The first dispute of Lantern's is never answered, so its bank decides for the donor; the others wait.
DISPUTED: Final = {"lantern": (27, 7), "harbour": (3,)}
# What few gave, and much: days ago, amount, who.
LARGE: Final = {
    "lantern": [
        (38, Money(350_000, "EUR"), "Quiet Shore Foundation"), (30, Money(250_000, "USD"), "Open Door Circle"),
        (21, Money(200_000, "GBP"), "Saltmarsh Trust"), (12, Money(300_000, "EUR"), "Quiet Shore Foundation"),
    ],
}  # fmt: skip
SMALL: Final = 100_000  # minor units; what is refunded or disputed is less


@dataclass(frozen=True)
class Ordered:
    """What our bank carried out for a step, or what came back: its line, with its sign."""

    step: SpendingStep
    on: date
    amount: Money
    text: str


def write(sandbox_file: str) -> None:
    """Fill the past of every account, once; then read it, and import what the bank says."""
    for account in StripeAccount.objects.select_related("entity").order_by("pk"):
        luck = random.Random(account.slug)  # noqa: S311  # a demo, the same each time
        began = int((timezone.now() - timedelta(days=DAYS)).timestamp()) // DAY * DAY
        with transaction.atomic(), history(sandbox_file, account.slug, since=began) as past:
            given = _open_donations(account, began, luck)
            _happen(past, given, luck, began=began, disputed=list(DISPUTED.get(account.slug, ())))
        sync.sync_account(account, since=datetime.fromtimestamp(began - DAY, UTC))
        donors.wish(given)
        for payout in Payout.objects.filter(account=account, reconciliation=payouts.COMPLETED):
            payouts.itemise(payout)


def _open_donations(account: StripeAccount, began: int, luck: random.Random) -> list[Given]:
    rounds = Round.objects.filter(appeal__campaign__entity=account.entity).select_related("appeal")
    open_at = sorted(rounds, key=lambda one: (one.opens_at, one.pk))
    count = DONATIONS.get(account.slug, 20)
    # More every week, as of an appeal that spreads.
    moments = sorted(began + int((DAYS - 1) * DAY * luck.random() ** 0.7) for _ in range(count))
    given = [_open(account, luck.choice(_pages(open_at, at)), at, luck) for at in moments]
    for days, amount, organisation in LARGE.get(account.slug, ()):
        at = began + (DAYS - days) * DAY + 9 * 3_600
        given.append(_open(account, _pages(open_at, at)[0], at, luck, amount=amount, organisation=organisation))
    given += donors.open_told(account, began, DAYS)
    return sorted(given, key=lambda one: one.at)


def _pages(rounds: list[Round], at: int) -> list[tuple[DonationPage, Round]]:
    """The pages of what was open at a moment, each with its round; at the very beginning those of the first round."""
    opened = [one for one in rounds if one.opens_at.timestamp() <= at] or rounds[:1]
    newest = {one.appeal_id: one for one in opened}
    pages = DonationPage.objects.filter(appeal__in=newest).select_related("appeal").order_by("pk")
    return [(page, newest[page.appeal_id]) for page in pages]


def _open(
    account: StripeAccount,
    where: tuple[DonationPage, Round],
    at: int,
    luck: random.Random,
    *,
    amount: Money | None = None,
    organisation: str = "",
) -> Given:
    page, round_ = where
    first_name, last_name, country = luck.choice(NAMES)
    currency = luck.choice(CURRENCIES)
    unit = 10 ** Money(1, currency).exponent * (100 if currency == "JPY" else 1)
    amount = amount or Money(luck.choice(AMOUNTS) * unit, currency)
    donation = open_donation(
        draft(
            page,
            round_,
            amount,
            name=(first_name, last_name),
            email=f"{NAMES.index((first_name, last_name, country))}@donors.example",
            country=country,
            public_name=luck.choice([PublicName.ANONYMOUS, PublicName.NAME_COUNTRY]),
            organisation=organisation,
        )
    )
    payment = attempt(donation, account, at)
    return Given(at, payment, luck.choice(CASES) if amount.currency == "EUR" and not organisation else "success")


def _happen(past: History, given: list[Given], luck: random.Random, *, began: int, disputed: list[int]) -> None:
    """Charges when they came, payouts every other evening; refunds, disputes, and a charge that is none of ours."""
    accounts.configure(past.context, {"settlement_currencies": SETTLED})
    waiting = list(given)
    for day in range(DAYS):
        evening, before = began + day * DAY + DAY - 3_600, DAYS - day
        while waiting and waiting[0].at < evening:
            one = waiting.pop(0)
            past.at(one.at)
            charge = _charge(past, one)
            if one.is_told:
                continue
            is_small = one.payment.donation.amount_minor < SMALL
            if luck.random() < 0.05 and is_small:
                past.refund(charge["id"], one.payment.donation.amount_minor)
            elif disputed and before <= disputed[0] and one.case == "success" and is_small:
                past.dispute(charge["id"])
                del disputed[0]
        past.at(evening)
        if before == FOREIGN_CHARGE:
            past.charge(4_200, "eur", {})
        if before > 1 and day % 2:
            past.pay_out()


def _charge(past: History, one: Given) -> Object:
    donation = one.payment.donation
    metadata = {"payment": str(one.payment.uuid)}
    if mandate := donation.mandate:
        names = {"payment": metadata, "mandate": {"mandate": str(mandate.uuid)}}
        return past.subscribe(donation.amount_minor, donation.currency.lower(), mandate.interval, names, case=one.case)
    return past.charge(donation.amount_minor, donation.currency.lower(), metadata, case=one.case)


def open_banks(by: User) -> None:
    """Our bank accounts, in each currency in which a payout has come."""
    for account in StripeAccount.objects.select_related("entity").order_by("pk"):
        for currency, iban in IBANS.items():
            entity, known = account.entity, BankAccount.objects.filter(entity=account.entity, currency=currency)
            if _arrived(account, currency) and not known.exists():
                iban = iban if account.slug == "lantern" else f"{iban[:-2]}99"
                name = f"{entity.name} {currency}"
                own = bank_accounts.open_account(entity, by=by, currency=currency, name=name, iban=iban)
                bank_accounts.set_columns(own, columns=COLUMNS, by=by)
                if (account.slug, currency) == SHOWN_TO_DONORS:
                    bank_accounts.change_account(own, by=by, takes_donations=True)


def bank(by: User, ordered: Sequence[Ordered] = ()) -> None:
    """Statements of our bank: payouts but one, what went to partners, a donor without a reference, its own fee."""
    for account in StripeAccount.objects.select_related("entity").order_by("pk"):
        for own in BankAccount.objects.filter(entity=account.entity).order_by("pk"):
            mine = [one for one in ordered if one.step.bank_account_id == own.pk]
            _import(account, own, mine, by)
            _match(own, mine, by)
        reconciliation.reconcile(account)
        findings.note(account.entity)


def _arrived(account: StripeAccount, currency: str) -> list[Payout]:
    today = timezone.now().date()
    rows = Payout.objects.filter(account=account, currency=currency, status="paid", arrival_on__lt=today)
    arrived = list(rows.order_by("created_at"))
    if account.slug == "lantern" and currency == "EUR":
        old = [one for one in arrived if one.arrival_on < today - timedelta(days=LOST_PAYOUT)]
        arrived = [one for one in arrived if one not in old[-1:]]
    return arrived


def _import(account: StripeAccount, own: BankAccount, ordered: Sequence[Ordered], by: User) -> None:
    rows: list[tuple[date, str, str, str, str]] = [
        (
            one.arrival_on,
            f"{one.amount.decimal:f}",
            "Stripe Payments",
            f"STRIPE PAYOUT {one.trace_id}",
            one.trace_id,
        )
        for one in _arrived(account, own.currency)
    ]
    rows += [(one.on, f"{one.amount.decimal:f}", "", one.text, f"NTRF{one.step.pk:06}") for one in ordered]
    if own.currency == "EUR" and account.slug == "lantern":
        some_days_ago = timezone.now().date() - timedelta(days=5)
        rows += [
            (some_days_ago, "75.00", "Bruna Caruso", "For the five, with thanks", "NTRF004711"),
            (some_days_ago.replace(day=1), "-4.50", "", "Account fee", "NCHG000812"),
        ]
    lines = ["date;amount;name;reference;bank reference"]
    lines += [";".join([on.isoformat(), *rest]) for on, *rest in sorted(rows)]
    statements.import_statement(own, name=f"{own.currency.lower()}.csv", data="\n".join(lines).encode(), by=by)


def _match(own: BankAccount, ordered: Sequence[Ordered], by: User) -> None:
    """What is certain by itself, what we ordered, and what a person sees at a glance: the line has a payout's trace."""
    bank_matching.match_certain(own)
    for one in ordered:
        line = BankLine.objects.get(bank_account=own, booked_on=one.on, amount_minor=one.amount.minor, name="")
        match_line(line, kind=MatchKind.STEP, amount_minor=one.amount.minor, by=by, key=str(one.step.uuid))
    for line in BankLine.objects.filter(bank_account=own).exclude(unexplained_minor=0).order_by("booked_on"):
        best = next(iter(bank_matching.suggestions(line)), None)
        if best and best.score >= SEEN_AT_A_GLANCE:
            match_line(
                line, kind=best.kind, amount_minor=best.amount_minor, by=by, key=best.key, account=best.account,
                reasons=best.reasons,
            )  # fmt: skip
