"""Reading the books: balances at a day, trial balance, funds, journal, account ledger. Writes nothing.

All figures count by `Entry.accounted_on`. A balance at a day is the sums per day behind the fold's watermark
(DayCheckpoint) up to that day, and the postings after the watermark that count on it or before: one statement, so
one snapshot, exact whatever has been folded, and as quick with ten million postings as with ten. Minor units; debit
positive, credit negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import BooleanField, Prefetch, QuerySet
from django.db.models.expressions import RawSQL

from ..ledger import LAST_XID
from ..models import Entry, LegalEntity, Posting, Purpose
from ..money import Money
from .chart import KINDS, Chart, ChartAccount, Kind

PAGE = 50


@dataclass(frozen=True)
class Balance:
    """What one account of the ledger holds at the end of a day."""

    account_id: int
    purpose: Purpose
    provider: str
    fund_id: int | None
    currency: str
    minor: int


# The entries after the watermark: few, and found by their transaction ids alone. By itself, and each with a look-up of
# its lines (OFFSET 0): a planner that does not know how few they are would read a table of millions for each account.
TAIL = """
    tail AS MATERIALIZED (
        SELECT id, entity_id, accounted_on FROM fundraising_entry
        WHERE xid BETWEEN (SELECT xid FROM fundraising_fold) AND %(last)s::xid8
    ), unfolded AS MATERIALIZED (
        SELECT posting.account_id, tail.accounted_on AS "on", sum(posting.amount_minor) AS minor
        FROM tail CROSS JOIN LATERAL (
            SELECT account_id, amount_minor FROM fundraising_posting WHERE entry_id = tail.id OFFSET 0) posting
        WHERE tail.entity_id = %(entity)s AND tail.accounted_on <= %(on)s
        GROUP BY posting.account_id, tail.accounted_on
    )
"""
_BALANCES = f"""
    WITH {TAIL}
    SELECT account.id, account.purpose, account.provider, account.fund_id, account.currency,
           coalesce((SELECT sum(day.debit_minor - day.credit_minor) FROM fundraising_daycheckpoint day
                     WHERE day.account_id = account.id AND day.on <= %(on)s), 0)
         + coalesce((SELECT sum(minor) FROM unfolded WHERE unfolded.account_id = account.id), 0)
    FROM fundraising_account account
    WHERE account.entity_id = %(entity)s AND (%(purpose)s::text IS NULL OR account.purpose = %(purpose)s)
    ORDER BY account.id
"""


def balances(entity_id: int, on: date, purpose: Purpose | None = None) -> list[Balance]:
    """Every account of a legal entity (or those of one purpose) at the end of a day. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_BALANCES, {"entity": entity_id, "on": on, "purpose": purpose, "last": LAST_XID})
        return [
            Balance(account, Purpose(name), provider, fund, currency, int(minor))
            for account, name, provider, fund, currency, minor in cursor.fetchall()
        ]


@dataclass(frozen=True)
class TrialLine:
    """One account of the chart in one currency, on the side where its balance stands."""

    account: ChartAccount
    balance: Money

    @property
    def debit(self) -> Money | None:
        return self.balance if self.balance.minor > 0 else None

    @property
    def credit(self) -> Money | None:
        return -self.balance if self.balance.minor < 0 else None


@dataclass
class TrialColumn:
    """The trial balance of one currency: debit and credit come to the same. Memorandum accounts stand apart."""

    currency: str
    lines: list[TrialLine] = field(default_factory=list)
    memorandum: list[TrialLine] = field(default_factory=list)

    @property
    def debit(self) -> Money:
        return Money(sum(line.balance.minor for line in self.lines if line.balance.minor > 0), self.currency)

    @property
    def credit(self) -> Money:
        return Money(-sum(line.balance.minor for line in self.lines if line.balance.minor < 0), self.currency)


def trial_balance(entity: LegalEntity, on: date) -> list[TrialColumn]:
    """The trial balance at the end of a day, per currency, accounts in the order of their numbers."""
    sums: dict[tuple[str, Purpose, str], int] = {}
    for balance in balances(entity.pk, on):
        named = (balance.currency, balance.purpose, balance.provider)
        sums[named] = sums.get(named, 0) + balance.minor
    chart = Chart(entity)
    columns: dict[str, TrialColumn] = {}
    for (currency, purpose, provider), minor in sums.items():
        if minor:
            column = columns.setdefault(currency, TrialColumn(currency))
            side = column.memorandum if KINDS[purpose] == Kind.MEMORANDUM else column.lines
            side.append(TrialLine(chart.find(purpose, provider), Money(minor, currency)))
    for column in columns.values():
        for side in (column.lines, column.memorandum):
            side.sort(key=lambda line: (line.account.number, line.account.provider))
    return sorted(columns.values(), key=lambda column: (column.currency != entity.currency, column.currency))


@dataclass(frozen=True)
class Place:
    """Where a page of the journal or of an account ends: the day and id of its last entry."""

    on: date
    entry_id: int

    def __str__(self) -> str:
        return f"{self.on.isoformat()}.{self.entry_id}"

    @classmethod
    def read(cls, text: str) -> Place | None:
        """The place that an address names; None for what is none."""
        day, _dot, entry_id = text.partition(".")
        try:
            return cls(date.fromisoformat(day), int(entry_id))
        except ValueError:
            return None


@dataclass(frozen=True)
class JournalFilter:
    """Which entries a journal shows; the days are both included."""

    first: date | None = None
    last: date | None = None
    fact: str = ""  # what the key begins with: charge, refund, txn, bank, match, journal …
    key: str = ""
    late: bool = False  # only facts of a closed day


def journal(entity: LegalEntity, wanted: JournalFilter) -> QuerySet[Entry]:
    """The entries of a legal entity, newest day first, unpaged."""
    found = Entry.objects.filter(entity=entity)
    if wanted.first:
        found = found.filter(accounted_on__gte=wanted.first)
    if wanted.last:
        found = found.filter(accounted_on__lte=wanted.last)
    if wanted.fact:
        found = found.filter(key__startswith=f"{wanted.fact}:")
    if wanted.key:
        found = found.filter(key=wanted.key)
    if wanted.late:
        found = found.filter(_true("(occurred_at AT TIME ZONE 'UTC')::date < accounted_on"))
    return found.order_by("-accounted_on", "-pk")


def _true(sql: str, *parameters: object) -> RawSQL:
    return RawSQL(sql, parameters, output_field=BooleanField())


def journal_page(entity: LegalEntity, wanted: JournalFilter, after: Place | None) -> tuple[list[Entry], Place | None]:
    """A page of the journal with its lines, and where the next one begins. Two queries."""
    found = journal(entity, wanted)
    if after:
        # As a row comparison the index is entered at the place itself, whatever the day holds.
        found = found.filter(_true("(accounted_on, fundraising_entry.id) < (%s, %s)", after.on, after.entry_id))
    lines = Posting.objects.select_related("account__fund").order_by("pk")
    entries = list(found.prefetch_related(Prefetch("postings", queryset=lines))[: PAGE + 1])
    more = entries[PAGE:]
    entries = entries[:PAGE]
    return entries, Place(entries[-1].accounted_on, entries[-1].pk) if more else None


def is_late(entry: Entry) -> bool:
    """Whether it counts on a later day than it happened on, because that day was closed."""
    return entry.occurred_at.astimezone(UTC).date() < entry.accounted_on


@dataclass(frozen=True)
class Ledger:
    """Which account's ledger: one number of the chart in one currency, of one fund if named. Days both included."""

    purpose: Purpose
    provider: str
    currency: str
    first: date
    last: date
    fund_id: int | None = None


@dataclass(frozen=True)
class LedgerLine:
    """A line of an account, and what the account held after it."""

    entry_id: int
    key: str
    accounted_on: date
    occurred_at: datetime
    donation_id: int | None
    fund_id: int | None
    amount: Money
    running: Money

    @property
    def debit(self) -> Money | None:
        return self.amount if self.amount.minor > 0 else None

    @property
    def credit(self) -> Money | None:
        return -self.amount if self.amount.minor < 0 else None

    @property
    def is_late(self) -> bool:
        return self.occurred_at.astimezone(UTC).date() < self.accounted_on


# The days bound the entries, the accounts their lines; one number of the chart may be many accounts (funds, rounds).
# Lines are looked up by their entry (OFFSET 0), here and in the exports: of days that its statistics do not know yet, a
# planner expects one entry, and would read all lines of an account for each.
LEDGER_LINES = """
    SELECT entry.id, entry.key, entry.accounted_on, entry.occurred_at, entry.donation_id, account.fund_id,
           posting.amount_minor,
           %(opening)s::bigint + sum(posting.amount_minor) OVER (ORDER BY entry.accounted_on, entry.id, posting.id)
    FROM fundraising_entry entry
    CROSS JOIN LATERAL (
        SELECT id, account_id, amount_minor FROM fundraising_posting WHERE entry_id = entry.id OFFSET 0) posting
    JOIN fundraising_account account ON account.id = posting.account_id
    WHERE entry.entity_id = %(entity)s AND entry.accounted_on BETWEEN %(first)s AND %(last)s
      AND account.entity_id = %(entity)s AND account.purpose = %(purpose)s AND account.provider = %(provider)s
      AND account.currency = %(currency)s AND (%(fund)s::bigint IS NULL OR account.fund_id = %(fund)s)
"""


def ledger_opening(entity: LegalEntity, wanted: Ledger) -> Money:
    """What the account held before the first day."""
    return _held(entity, wanted, wanted.first - timedelta(days=1))


def ledger_closing(entity: LegalEntity, wanted: Ledger) -> Money:
    """What the account holds at the end of the last day."""
    return _held(entity, wanted, wanted.last)


def _held(entity: LegalEntity, wanted: Ledger, on: date) -> Money:
    held = (
        balance.minor
        for balance in balances(entity.pk, on, wanted.purpose)
        if (balance.provider, balance.currency) == (wanted.provider, wanted.currency)
        and wanted.fund_id in {None, balance.fund_id}
    )
    return Money(sum(held), wanted.currency)


def ledger_parameters(entity: LegalEntity, wanted: Ledger, opening: Money) -> dict[str, Any]:
    """What LEDGER_LINES asks for."""
    return {
        "entity": entity.pk,
        "purpose": wanted.purpose,
        "provider": wanted.provider,
        "currency": wanted.currency,
        "fund": wanted.fund_id,
        "first": wanted.first,
        "last": wanted.last,
        "opening": opening.minor,
    }


def ledger_page(
    entity: LegalEntity, wanted: Ledger, *, opening: Money, after: Place | None
) -> tuple[list[LedgerLine], Place | None]:
    """A page of an account's lines, oldest first, and where the next one begins. One query.

    Two lines of one entry on the account stay on one page: a page may be a few lines longer.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT * FROM ({LEDGER_LINES}) AS line (entry_id, key, on_day, at, donation, fund, amount, running)
            WHERE (line.on_day, line.entry_id) > (%(after_on)s::date, %(after_id)s::bigint)
            ORDER BY on_day, entry_id FETCH FIRST {PAGE + 1} ROWS WITH TIES
            """,
            {
                **ledger_parameters(entity, wanted, opening),
                "after_on": after.on if after else wanted.first,
                "after_id": after.entry_id if after else 0,
            },
        )
        lines = [ledger_line(row, wanted.currency) for row in cursor.fetchall()]
    if len(lines) <= PAGE:
        return lines, None
    last = lines[PAGE - 1]
    kept = [line for line in lines if (line.accounted_on, line.entry_id) <= (last.accounted_on, last.entry_id)]
    return kept, Place(last.accounted_on, last.entry_id) if len(kept) < len(lines) else None


def ledger_line(row: Sequence[Any], currency: str) -> LedgerLine:
    """A line as LEDGER_LINES gives it."""
    entry_id, key, on, at, donation_id, fund_id, amount, running = row
    return LedgerLine(
        entry_id, key, on, at, donation_id, fund_id, Money(int(amount), currency), Money(int(running), currency)
    )
