"""The journal laid out for accounting packages: DATEV, Xero and QuickBooks.

Each file is of one currency, because a journal of theirs is. An exchange is in two of them, closed in each by the
bridge account. Memorandum accounts are left out. Summed up by day there is one journal a day with one line for each
account and fund; entry by entry there is one for each of ours.

Columns, read in 2026: Xero https://help.xero.com/nz/ManualJournalsImport (300 lines a file); QuickBooks
https://quickbooks.intuit.com/learn-support/ "Import journal entries" (account numbers switched off, names with
parents as `Parent:Child`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from ..books.chart import MEMORANDUM, Chart, ChartAccount
from ..models import LegalEntity
from .table import Column, Row, Table, Type, major, of_sql, stream

XERO_TAX_RATE = "Tax Exempt"


class PackageRefused(Exception):
    """The package cannot take this; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Wanted:
    """Which postings: days both included, one currency."""

    first: date
    last: date
    currency: str
    by_day: bool


@dataclass(frozen=True)
class Leg:
    """One line of a journal of theirs, in minor units."""

    account: ChartAccount
    fund: str
    minor: int


@dataclass(frozen=True)
class Journal:
    """A balanced set of lines under a reference."""

    reference: str
    on: date
    text: str
    legs: list[Leg]


_POSTINGS = """
    SELECT entry.accounted_on, entry.id, entry.key, account.purpose, account.provider, coalesce(fund.name, ''),
           posting.amount_minor
    FROM fundraising_entry entry
    CROSS JOIN LATERAL (
        SELECT id, account_id, amount_minor FROM fundraising_posting WHERE entry_id = entry.id OFFSET 0) posting
    JOIN fundraising_account account ON account.id = posting.account_id
    LEFT JOIN fundraising_fund fund ON fund.id = account.fund_id
    WHERE entry.entity_id = %(entity)s AND entry.accounted_on BETWEEN %(first)s AND %(last)s
      AND account.currency = %(currency)s AND account.purpose <> ALL(%(apart)s)
    ORDER BY entry.accounted_on, entry.id, posting.id
"""


def _parameters(entity: LegalEntity, wanted: Wanted) -> dict[str, Any]:
    return {
        "entity": entity.pk,
        "first": wanted.first,
        "last": wanted.last,
        "currency": wanted.currency,
        "apart": list(MEMORANDUM),
    }


def journals(entity: LegalEntity, wanted: Wanted) -> Iterator[Journal]:
    """The journals in the order of their days; each is balanced, because every entry is, per currency."""
    chart = Chart(entity)
    rows = stream(_POSTINGS, _parameters(entity, wanted))
    for (on, entry_id, key), group in groupby(rows, lambda row: (row[0], 0, "") if wanted.by_day else row[:3]):
        legs: dict[tuple[str, str, str], int] = {}
        for row in group:
            legs[row[3:6]] = legs.get(row[3:6], 0) + row[6]
        lines = [
            Leg(chart.find(purpose, provider), fund, minor)
            for (purpose, provider, fund), minor in sorted(legs.items())
            if minor
        ]
        if lines:
            reference = f"{on:%Y%m%d}" if wanted.by_day else str(entry_id)
            yield Journal(reference, on, key or f"OpenAppeal {on.isoformat()}", lines)


def paired(journal: Journal) -> Iterator[tuple[ChartAccount, ChartAccount, str, int]]:
    """Debit and credit account, fund and amount: as DATEV wants it, two accounts a line.

    The first debit meets the first credit until one of them is used up; so `n` lines make `n − 1` pairs at most.
    """
    credit_legs = ((leg, -leg.minor) for leg in journal.legs if leg.minor < 0)
    credit, left = next(credit_legs)
    for debit in (leg for leg in journal.legs if leg.minor > 0):
        open_minor = debit.minor
        while open_minor:
            if not left:
                credit, left = next(credit_legs)
            part = min(open_minor, left)
            yield debit.account, credit.account, debit.fund or credit.fund, part
            open_minor, left = open_minor - part, left - part


def datev_table(entity: LegalEntity, wanted: Wanted) -> Table:
    """Pairs of accounts for datev.write_datev. Raises PackageRefused for a third decimal that is not 0."""

    def rows() -> Iterator[Row]:
        for journal in journals(entity, wanted):
            for debit, credit, fund, minor in paired(journal):
                amount = major(minor, wanted.currency)
                if amount != round(amount, 2):
                    raise PackageRefused("decimals")
                yield amount, debit.number, credit.number, journal.on, journal.reference, journal.text, fund

    columns = [
        Column("Umsatz", Type.AMOUNT), Column("Konto"), Column("Gegenkonto"), Column("Belegdatum", Type.DATE),
        Column("Belegfeld 1"), Column("Buchungstext"), Column("Fund"),
    ]  # fmt: skip
    return Table("EXTF_Buchungsstapel", columns, rows, lambda limit: _count(entity, wanted, limit))


def xero_table(entity: LegalEntity, wanted: Wanted, tax_rate: str = XERO_TAX_RATE) -> Table:
    """Manual journals for Xero: debit positive, credit negative."""

    def rows() -> Iterator[Row]:
        for journal in journals(entity, wanted):
            for leg in journal.legs:
                yield (
                    f"{journal.reference} {journal.text}", f"{journal.on:%d/%m/%Y}", leg.account.name,
                    leg.account.number, tax_rate, major(leg.minor, wanted.currency),
                    "Fund" if leg.fund else "", leg.fund, "", "",
                )  # fmt: skip

    columns = [
        Column("*Narration"), Column("*Date"), Column("Description"), Column("*AccountCode"), Column("*TaxRate"),
        Column("*Amount", Type.AMOUNT), Column("TrackingName1"), Column("TrackingOption1"), Column("TrackingName2"),
        Column("TrackingOption2"),
    ]  # fmt: skip
    return Table("xero-manual-journals", columns, rows, lambda limit: _count(entity, wanted, limit))


def quickbooks_table(entity: LegalEntity, wanted: Wanted) -> Table:
    """Journal entries for QuickBooks Online: accounts by name, debit and credit in columns of their own."""

    def rows() -> Iterator[Row]:
        for journal in journals(entity, wanted):
            for leg in journal.legs:
                amount = major(abs(leg.minor), wanted.currency)
                yield (
                    journal.reference, f"{journal.on:%m/%d/%Y}", leg.account.name,
                    amount if leg.minor > 0 else None, amount if leg.minor < 0 else None,
                    f"{journal.text} {leg.fund}".strip(), "", wanted.currency,
                )  # fmt: skip

    columns = [
        Column("Journal No."), Column("Journal Date"), Column("Account Name"), Column("Debits", Type.AMOUNT),
        Column("Credits", Type.AMOUNT), Column("Description"), Column("Name"), Column("Currency"),
    ]  # fmt: skip
    return Table("quickbooks-journal-entries", columns, rows, lambda limit: _count(entity, wanted, limit))


def _count(entity: LegalEntity, wanted: Wanted, limit: int | None) -> int:
    """Postings at most: what is summed up by day is fewer lines, but all of it is read."""
    return of_sql("", [], _POSTINGS, _parameters(entity, wanted), lambda row: row).count(limit)


def digits(entity: LegalEntity) -> int:
    """How long account numbers are at most; DATEV knows none shorter than four."""
    return max(4, *(len(account.number) for account in Chart(entity).accounts))
