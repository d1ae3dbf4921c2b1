"""From an uploaded file to the statements of one bank account, checked against all that can be known beforehand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import pairwise

from django.utils import timezone

from ..models import BankAccount, StatementFormat
from ..money import EXPONENTS
from . import camt, csv_file, mt940
from .formats import EARLIEST, MOST_LINES, ReadFile, ReadStatement, format_of, same_account
from .problems import BadStatement, Problem


def read_for(account: BankAccount, data: bytes) -> ReadFile:
    """The statements of this account in a file, in the order of their balances; raises BadStatement.

    Banks put several accounts into one file: those of others are left out, unless there is none of this one.
    """
    read = _read(account, data)
    if not read.statements:
        raise BadStatement(Problem.EMPTY)
    ours = [found for found in read.statements if same_account(found.account, account.iban)]
    if not ours:
        other = read.statements[0]
        raise BadStatement(Problem.ACCOUNT, other.number, other.account or "?")
    for statement in ours:
        _check(statement, account, timezone.localdate())
    ours = _in_order(ours)
    for before, after in pairwise(ours):
        _check_following(before, after)
    if sum(len(found.lines) for found in ours) > MOST_LINES:  # the parts of batches are lines too
        raise BadStatement(Problem.TOO_MANY_LINES, None, f"{MOST_LINES:,}")
    return ReadFile(read.format, tuple(ours), len(read.statements) - len(ours))


def _read(account: BankAccount, data: bytes) -> ReadFile:
    kind = format_of(data)
    if kind == StatementFormat.CAMT:
        return camt.read(data)
    if kind == StatementFormat.MT940:
        return mt940.read(data, str(account.csv_mapping.get("encoding") or ""))
    return csv_file.read(data, account.csv_mapping, account=account.iban, currency=account.currency)


def _check(statement: ReadStatement, account: BankAccount, today: date) -> None:
    if statement.currency != account.currency:
        raise BadStatement(Problem.CURRENCY, statement.number, statement.currency or "?")
    for line in statement.lines:
        if line.booked_on > today:
            raise BadStatement(Problem.FUTURE, line.number, line.booked_on.isoformat())
        if line.booked_on < EARLIEST:
            raise BadStatement(Problem.DATE, line.number, line.booked_on.isoformat())


def _in_order(statements: list[ReadStatement]) -> list[ReadStatement]:
    """By day; where one day has several, each after the one whose closing balance it opens with."""
    waiting = sorted(statements, key=lambda found: (found.first_on or date.min, found.last_on or date.min))
    ordered: list[ReadStatement] = []
    while waiting:
        closing = ordered[-1].closing_minor if ordered else None
        day = waiting[0].first_on
        following = (found for found in waiting if found.first_on == day and found.opening_minor == closing)
        chosen = next(following, None) or _first_of(waiting, day)
        waiting.remove(chosen)
        ordered.append(chosen)
    return ordered


def _first_of(waiting: list[ReadStatement], day: date | None) -> ReadStatement:
    """The statement of a day that follows no other one of it."""
    of_day = [found for found in waiting if found.first_on == day]
    closings = {found.closing_minor for found in of_day if found.closing_minor != found.opening_minor}
    return next((found for found in of_day if found.opening_minor not in closings), of_day[0])


def _check_following(before: ReadStatement, after: ReadStatement) -> None:
    if None in (before.closing_minor, after.opening_minor) or before.closing_minor == after.opening_minor:
        return
    apart = (after.opening_minor or 0) - (before.closing_minor or 0)
    amount = Decimal(apart).scaleb(-EXPONENTS[after.currency])
    raise BadStatement(Problem.PARTS_APART, after.number, f"{amount:f} {after.currency}")
