"""MT940 (SWIFT customer statement), read with the mt-940 library; structured `:86:` fields as in Germany."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from datetime import date
from typing import Any

import mt940

from ..models import StatementFormat
from .formats import (
    MOST_LINES,
    ReadFile,
    ReadLine,
    ReadStatement,
    decoded,
    minor_units,
    tidied,
    with_balances,
)
from .problems import BadStatement, Problem

NO_REFERENCE = {"NONREF", "NOTPROVIDED"}
TAG = re.compile(r"^:(\d{2}[A-Z]?|NS):", re.MULTILINE)
# What the library raises for a field that is not as the standard has it, or a day that no month has.
UNREADABLE = (RuntimeError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError)


@dataclass(frozen=True)
class _Field:
    """A field of a statement: its tag, its text with the tag, and the file's line that it starts in."""

    tag: str
    text: str
    line: int


def read(data: bytes, encoding: str = "") -> ReadFile:
    """The statements of a file; raises BadStatement."""
    text = decoded(data, encoding).replace("\r\n", "\n").replace("\r", "\n")
    fields = _fields(text)
    if sum(field.tag == "61" for field in fields) > MOST_LINES:
        raise BadStatement(Problem.TOO_MANY_LINES, None, f"{MOST_LINES:,}")
    blocks: list[list[_Field]] = []
    for field in fields:
        if field.tag == "20":
            blocks.append([])
        if blocks:
            blocks[-1].append(field)
    return ReadFile(StatementFormat.MT940, tuple(_statement(block) for block in blocks))


def _fields(text: str) -> list[_Field]:
    starts = list(TAG.finditer(text))
    ends = [start.start() for start in starts[1:]] + [len(text)]
    fields, line, position = [], 1, 0
    for start, end in zip(starts, ends, strict=True):
        line += text.count("\n", position, start.start())
        position = start.start()
        fields.append(_Field(start[1], text[position:end], line))
    return fields


def _statement(fields: list[_Field]) -> ReadStatement:
    first, last = fields[0].line, fields[-1].line
    found = _parsed(fields)
    opening = found.data.get("final_opening_balance") or found.data.get("intermediate_opening_balance")
    closing = found.data.get("final_closing_balance") or found.data.get("intermediate_closing_balance")
    if opening is None:
        raise BadStatement(Problem.BROKEN, first, ":60F:")
    if closing is None:
        raise BadStatement(Problem.BROKEN, last, ":62F:")
    currency = opening.amount.currency
    moves = [field for field in fields if field.tag == "61"]
    told = [transaction.data for transaction in found.transactions if "amount" in transaction.data]
    if len(told) != len(moves):
        raise BadStatement(Problem.BROKEN, last, ":61:")
    lines = [_line(data, field.line, currency) for data, field in zip(told, moves, strict=True)]
    days = sorted(line.booked_on for line in lines) or [_day(opening.date), _day(closing.date)]
    return with_balances(
        ReadStatement(
            account=_account(found.data),
            currency=currency,
            opening_minor=minor_units(opening.amount.amount, currency, first),
            closing_minor=minor_units(closing.amount.amount, closing.amount.currency, last),
            first_on=days[0],
            last_on=days[-1],
            lines=tuple(line for line in lines if line.amount_minor),
            number=first,
        )
    )


def _parsed(fields: list[_Field]) -> Any:
    text = "".join(field.text for field in fields)
    try:
        return _library(text)
    except UNREADABLE as error:
        line = next((field.line for field in fields if not _is_readable(field)), fields[0].line)
        tag = next((field.tag for field in fields if field.line == line), "")
        raise BadStatement(Problem.BROKEN, line, f":{tag}:") from error


def _library(text: str) -> Any:
    # As a file: a text of its own the library would take for a path first.
    return mt940.parse(io.StringIO(text), options=mt940.Options.all())


def _is_readable(field: _Field) -> bool:
    try:
        _library(f":20:X\n:60F:C200101EUR0,\n{field.text}" if field.tag == "61" else field.text)
    except UNREADABLE:
        return False
    return True


def _account(data: dict[str, Any]) -> str:
    return str(data.get("account_identification") or "").strip()


def _day(told: date) -> date:
    return date(told.year, told.month, told.day)


def _line(data: dict[str, Any], number: int, currency: str) -> ReadLine:
    value_on = _day(data["date"])
    booked = data.get("guessed_entry_date") or data.get("entry_date")
    references = (data.get("customer_reference"), data.get("end_to_end_reference"))
    quoted = [text for text in references if text and text.strip().upper() not in NO_REFERENCE]
    bank_reference = tidied(data.get("bank_reference"))
    return ReadLine(
        booked_on=_day(booked) if booked else value_on,
        value_on=value_on,
        amount_minor=minor_units(data["amount"].amount, currency, number),
        name=tidied(data.get("applicant_name") or data.get("recipient_name")),
        iban=_iban(data),
        reference=tidied(data.get("purpose"), data.get("additional_purpose"), data.get("transaction_details"), *quoted),
        bank_reference="" if bank_reference.upper() in NO_REFERENCE else bank_reference[:120],
        number=number,
    )


def _iban(data: dict[str, Any]) -> str:
    for name in ("gvc_applicant_iban", "applicant_iban"):
        if found := (data.get(name) or "").replace(" ", ""):
            return str(found)
    return ""
