"""CSV statements, which every bank writes in its own way: a mapping saved with the bank account says how."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from ..models import StatementFormat
from ..money import EXPONENTS
from .formats import (
    MOST_LINES,
    ReadFile,
    ReadLine,
    ReadStatement,
    decoded,
    lines_about,
    minor_units,
    same_account,
    tidied,
    with_balances,
)
from .problems import BadStatement, Problem

csv.field_size_limit(100_000)
GROUPS = {",": "[. '’\u00a0\u202f]", ".": "[, '’\u00a0\u202f]"}
MOST_HEADER_ROWS = 50


@dataclass(frozen=True)
class CsvColumns:
    """How a bank writes its CSV. Columns by their heading, or by number from 1; empty: there is none.

    Money stands in `amount`, signed, or in `debit` and `credit`. `reference` may name several columns, by commas.
    """

    date: str
    delimiter: str = ";"
    encoding: str = ""
    header_rows: int = 1
    date_format: str = "%d.%m.%Y"
    decimal: str = ","
    value_date: str = ""
    amount: str = ""
    debit: str = ""
    credit: str = ""
    name: str = ""
    iban: str = ""
    reference: str = ""
    bank_reference: str = ""
    balance: str = ""
    currency: str = ""
    account: str = ""

    @classmethod
    def of(cls, saved: Mapping[str, Any]) -> CsvColumns:
        """The mapping as saved; raises BadStatement where there is none."""
        if not saved.get("date") or not (saved.get("amount") or saved.get("debit") or saved.get("credit")):
            raise BadStatement(Problem.NO_MAPPING)
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in saved.items() if name in known})

    def saved(self) -> dict[str, Any]:
        return asdict(self)


COLUMNS = (
    "date", "value_date", "amount", "debit", "credit", "name", "iban", "reference", "bank_reference", "balance",
    "currency", "account",
)  # fmt: skip


def read(data: bytes, saved: Mapping[str, Any], *, account: str, currency: str) -> ReadFile:
    """The lines of a file, oldest first; raises BadStatement. `account` and `currency` hold where no column tells."""
    mapping = CsvColumns.of(saved)
    if lines_about(data) > MOST_LINES + MOST_HEADER_ROWS:
        raise BadStatement(Problem.TOO_MANY_LINES, None, f"{MOST_LINES:,}")
    rows = _rows(decoded(data, mapping.encoding), mapping)
    reader = _Reader(mapping, account, currency)
    lines = reader.lines(rows)
    if not lines:
        raise BadStatement(Problem.EMPTY)
    return ReadFile(StatementFormat.CSV, (_statement(_oldest_first(lines), reader),))


def first_rows(data: bytes, saved: Mapping[str, Any], count: int = 8) -> list[list[str]]:
    """The file's first rows as its delimiter cuts them, to choose columns by; raises BadStatement."""
    mapping = CsvColumns(date="1", delimiter=str(saved.get("delimiter") or ";"))
    text = decoded(data[:200_000], str(saved.get("encoding") or ""))
    rows = _rows(text, mapping)
    return [row for _line, row in (found for found, _ in zip(rows, range(count), strict=False))]


def _rows(text: str, mapping: CsvColumns) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number of the line that each ends in; quoted fields may hold line breaks."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mapping.delimiter, strict=True)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise BadStatement(Problem.BROKEN, reader.line_num, str(error)) from error


class _Reader:
    """Rows to lines, by a mapping."""

    def __init__(self, mapping: CsvColumns, account: str, currency: str) -> None:
        self.mapping, self.account, self.currency = mapping, account, currency
        self.places: dict[str, list[int]] = {}

    def lines(self, rows: Iterator[tuple[int, list[str]]]) -> list[ReadLine]:
        header: list[str] = []
        for _skipped in range(self.mapping.header_rows):
            _number, header = next(rows, (0, []))
        self.places = {name: self._places(str(getattr(self.mapping, name)), header) for name in COLUMNS}
        return [self._line(row, number) for number, row in rows if any(cell.strip() for cell in row)]

    def _places(self, told: str, header: Sequence[str]) -> list[int]:
        """The positions of the columns that the mapping names; raises BadStatement for one that is not there."""
        headings = [cell.strip().casefold() for cell in header]
        places = []
        for name in (part.strip() for part in ([told] if told.casefold() in headings else told.split(","))):
            if name.casefold() in headings and name:
                places.append(headings.index(name.casefold()))
            elif name.isdigit() and int(name):
                places.append(int(name) - 1)
            elif name:
                raise BadStatement(Problem.COLUMN_MISSING, self.mapping.header_rows or None, name)
        return places

    def _cell(self, row: Sequence[str], name: str, number: int) -> str:
        places = self.places[name]
        if places and max(places) >= len(row):
            raise BadStatement(Problem.BROKEN, number, f"{len(row)} < {max(places) + 1}")
        return tidied(*(row[place] for place in places))

    def _line(self, row: list[str], number: int) -> ReadLine:
        cell = {name: self._cell(row, name, number) for name in COLUMNS}
        if cell["currency"] and cell["currency"].upper() != self.currency:
            raise BadStatement(Problem.CURRENCY, number, cell["currency"])
        if cell["account"] and not same_account(cell["account"], self.account):
            raise BadStatement(Problem.ACCOUNT, number, cell["account"])
        return ReadLine(
            booked_on=self._date(cell["date"], number),
            value_on=self._date(cell["value_date"], number) if cell["value_date"] else None,
            amount_minor=self._amount(cell, number),
            name=cell["name"],
            iban=cell["iban"].replace(" ", ""),
            reference=cell["reference"],
            bank_reference=cell["bank_reference"][:120],
            number=number,
            balance_minor=self._minor(cell["balance"], number) if cell["balance"] else None,
        )

    def _date(self, text: str, number: int) -> date:
        try:
            return datetime.strptime(text, self.mapping.date_format).date()  # noqa: DTZ007  # a day, no moment
        except ValueError as error:
            raise BadStatement(Problem.DATE, number, text) from error

    def _amount(self, cell: Mapping[str, str], number: int) -> int:
        if cell["amount"]:
            return self._minor(cell["amount"], number)
        sides = [abs(self._minor(cell[name], number)) if cell[name] else 0 for name in ("credit", "debit")]
        if all(sides) or not (cell["credit"] or cell["debit"]):
            raise BadStatement(Problem.AMOUNT, number, " / ".join((cell["credit"], cell["debit"])))
        return sides[0] - sides[1]

    def _minor(self, text: str, number: int) -> int:
        """`1.234,50`, `1,234.50`, `12,50-`, `(12.50)`: with the mapping's decimal sign, groups of three."""
        bare, sign = _unsigned(text)
        group = GROUPS[self.mapping.decimal]
        point = re.escape(self.mapping.decimal)
        found = re.fullmatch(rf"(\d+|\d{{1,3}}(?:{group}\d{{3}})+)(?:{point}(\d*))?", bare, re.ASCII)
        if found is None:
            raise BadStatement(Problem.AMOUNT, number, text)
        whole, fraction = re.sub(r"\D", "", found[1]), found[2] or ""
        return sign * minor_units(f"{whole}.{fraction}" if fraction else whole, self.currency, number)


def _unsigned(text: str) -> tuple[str, int]:
    bare = text.strip().replace("\u2212", "-")
    if bare.startswith("(") and bare.endswith(")"):
        return bare[1:-1].strip(), -1
    for mark, sign in (("-", -1), ("+", 1)):
        if bare.startswith(mark) or bare.endswith(mark):
            return bare.removeprefix(mark).removesuffix(mark).strip(), sign
    return bare, 1


def _oldest_first(lines: list[ReadLine]) -> list[ReadLine]:
    """Banks write the newest first as often as not; on one day the balances tell."""
    if lines[0].booked_on != lines[-1].booked_on:
        return lines[::-1] if lines[0].booked_on > lines[-1].booked_on else lines
    return lines[::-1] if not _follow(lines) and _follow(lines[::-1]) else lines


def _follow(lines: Sequence[ReadLine]) -> bool:
    return all(
        line.balance_minor == before.balance_minor + line.amount_minor
        for before, line in pairwise(lines)
        if before.balance_minor is not None
    )


def _statement(lines: list[ReadLine], reader: _Reader) -> ReadStatement:
    opening = closing = None
    if all(line.balance_minor is not None for line in lines):
        opening = (lines[0].balance_minor or 0) - lines[0].amount_minor
        closing = lines[-1].balance_minor
        _check_balances(lines, reader.currency)
    else:
        lines = [replace(line, balance_minor=None) for line in lines]
    days = sorted(line.booked_on for line in lines)
    return with_balances(
        ReadStatement(
            account=reader.account,
            currency=reader.currency,
            opening_minor=opening,
            closing_minor=closing,
            first_on=days[0],
            last_on=days[-1],
            lines=tuple(line for line in lines if line.amount_minor),
            number=lines[0].number,
        )
    )


def _check_balances(lines: Sequence[ReadLine], currency: str) -> None:
    for before, line in pairwise(lines):
        apart = (line.balance_minor or 0) - (before.balance_minor or 0) - line.amount_minor
        if apart:
            amount = Decimal(apart).scaleb(-EXPONENTS[currency])
            raise BadStatement(Problem.SUM, line.number, f"{amount:f} {currency}")
