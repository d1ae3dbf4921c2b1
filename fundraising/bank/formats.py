"""Files of bank statements, whatever their format, as one neutral type. The format is known by content, not by name."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

from ..models import StatementFormat
from ..money import EXPONENTS
from .problems import BadStatement, Problem

LARGEST_FILE: Final = 32 * 1024 * 1024  # bytes
MOST_LINES: Final = 20_000  # of money in one file: more would hold the request up past the patience of proxies
EARLIEST: Final = date(2000, 1, 1)  # before it, a year was read wrongly
LARGEST_AMOUNT: Final = 10**16  # minor units
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
UTF16_XML = (b"\xff\xfe<", b"\xfe\xff\0<")


@dataclass(frozen=True, slots=True)
class ReadLine:
    """A line as the bank wrote it. Amounts in minor units, positive when money came in; `number` is the file's line."""

    booked_on: date
    value_on: date | None
    amount_minor: int
    name: str = ""
    iban: str = ""
    reference: str = ""
    bank_reference: str = ""
    number: int = 0
    balance_minor: int | None = None


@dataclass(frozen=True)
class ReadStatement:
    """One statement of a file: account as the bank names it, balances in minor units where the bank tells them."""

    account: str
    currency: str
    opening_minor: int | None
    closing_minor: int | None
    first_on: date | None
    last_on: date | None
    lines: tuple[ReadLine, ...]
    number: int = 1


@dataclass(frozen=True)
class ReadFile:
    """A file of one or more statements."""

    format: StatementFormat
    statements: tuple[ReadStatement, ...]
    others: int = 0  # statements of other accounts, left out


def format_of(data: bytes) -> StatementFormat:
    """The format of a file by its first bytes; raises BadStatement. What is neither XML nor MT940 may be CSV."""
    if len(data) > LARGEST_FILE:
        raise BadStatement(Problem.TOO_LARGE, None, f"{LARGEST_FILE // 1024 // 1024} MB")
    head = data[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    if not head:
        raise BadStatement(Problem.EMPTY)
    if head.startswith((b"<", *UTF16_XML)):
        return StatementFormat.CAMT
    if head.startswith(UTF16_MARKS):  # spreadsheets write text so
        return StatementFormat.CSV
    if re.search(rb"(?m)^:20:", head):
        return StatementFormat.MT940
    if b"\0" in head or head.startswith((b"%PDF", b"PK\x03\x04")):
        raise BadStatement(Problem.UNKNOWN_FORMAT, None, _kind_of(head))
    return StatementFormat.CSV


def lines_about(data: bytes) -> int:
    """How many lines a file has, about and quickly."""
    if format_of(data) == StatementFormat.CAMT:
        return max(data.count(b"Ntry>"), data.count(b"TxDtls>")) // 2
    if format_of(data) == StatementFormat.MT940:
        return data.count(b":61:")
    return max(data.count(b"\n"), data.count(b"\r"))


def _kind_of(head: bytes) -> str:
    if head.startswith(b"%PDF"):
        return "PDF"
    return "ZIP, XLSX" if head.startswith(b"PK\x03\x04") else "binary"


def decoded(data: bytes, encoding: str = "") -> str:
    """The text of a file: UTF-8 or marked UTF-16, else the encoding that the set-up names; raises BadStatement."""
    try:
        return data.decode("utf-16" if data.startswith(UTF16_MARKS) else "utf-8-sig")
    except UnicodeDecodeError as error:
        if not encoding:
            raise BadStatement(Problem.ENCODING, line_at(data, error.start), "UTF-8") from error
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        start = error.start if isinstance(error, UnicodeDecodeError) else 0
        raise BadStatement(Problem.ENCODING, line_at(data, start), f"UTF-8 / {encoding}") from error


def line_at(data: bytes, position: int) -> int:
    """The number of the line, from 1, that a byte stands in."""
    return data.count(b"\n", 0, position) + 1


def minor_units(amount: str | Decimal, currency: str, line: int | None) -> int:
    """An amount in minor units, exact; raises BadStatement where it has more decimals than the currency."""
    if currency not in EXPONENTS:
        raise BadStatement(Problem.CURRENCY, line, currency or "?")
    try:
        scaled = Decimal(amount).scaleb(EXPONENTS[currency])
        minor = int(scaled)
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise BadStatement(Problem.AMOUNT, line, str(amount)) from error
    if minor != scaled:
        raise BadStatement(Problem.DECIMALS, line, f"{amount} {currency}")
    if abs(minor) >= LARGEST_AMOUNT:
        raise BadStatement(Problem.AMOUNT, line, str(amount))
    return minor


def iso_date(text: str | None, line: int | None) -> date:
    """The day of an ISO date or date with time; raises BadStatement."""
    try:
        return date.fromisoformat((text or "").strip()[:10])
    except ValueError as error:
        raise BadStatement(Problem.DATE, line, text or "") from error


def tidied(*texts: str | None) -> str:
    """The texts one after the other, each once, with single spaces. Control characters are spaces."""
    seen: dict[str, None] = {}
    for text in texts:
        if tidy := " ".join(re.sub(r"[\x00-\x1f\x7f\u2028\u2029]", " ", text or "").split()):
            seen[tidy] = None
    return " ".join(seen)


def with_balances(statement: ReadStatement) -> ReadStatement:
    """The statement with the balance after each line; raises BadStatement if they do not lead to its closing one."""
    if statement.opening_minor is None:
        return statement
    balance, lines = statement.opening_minor, []
    for line in statement.lines:
        balance += line.amount_minor
        lines.append(replace(line, balance_minor=balance))
    if statement.closing_minor is not None and balance != statement.closing_minor:
        apart = Decimal(statement.closing_minor - balance).scaleb(-EXPONENTS[statement.currency])
        number = lines[-1].number if lines else statement.number
        raise BadStatement(Problem.SUM, number, f"{apart:f} {statement.currency}")
    return replace(statement, lines=tuple(lines), closing_minor=balance)


def same_account(told: str, iban: str) -> bool:
    """Whether a bank's name for an account is ours: the IBAN, also with its currency, or a national number in it."""
    told_id, ours = (re.sub(r"[^0-9A-Z]", "", text.upper()) for text in (told, iban))
    if told_id == ours or (len(told_id) == len(ours) + 3 and told_id.startswith(ours) and told_id[-3:].isalpha()):
        return True
    if "/" in told:  # bank code or BIC, then the number of the account
        code, _, number = told.upper().rpartition("/")
        number = re.sub(r"[^0-9]", "", number)
        in_ours = ours[4:] if code.strip().isdigit() else ours[12:]
        whole = f"{code.strip()}{number.zfill(10)}" if code.strip().isdigit() else number.zfill(10)
        return bool(number) and ours.startswith("DE") and whole == in_ours
    return False
