"""CAMT.053 (ISO 20022 bank to customer statement), read with pycamt.

pycamt finds what a detail says: its parties, its references. The XML is parsed here, without entities, network or huge
nodes, and entries and amounts are read from the elements themselves: of balances in debit pycamt makes floats, of a
batch without amounts of its own the whole sum for each detail, and for each entry it looks through the statement.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from lxml import etree
from pycamt.parser import Camt053Parser

from ..models import StatementFormat
from .formats import (
    MOST_LINES,
    ReadFile,
    ReadLine,
    ReadStatement,
    iso_date,
    minor_units,
    tidied,
    with_balances,
)
from .problems import BadStatement, Problem

OPENING, CLOSING, BETWEEN = ("OPBD", "PRCD"), ("CLBD",), "ITBD"
NO_REFERENCE = {"NOTPROVIDED", "NOT PROVIDED", "NONREF"}
SIGNS = {"CRDT": 1, "DBIT": -1}


def read(data: bytes) -> ReadFile:
    """The statements of a file; raises BadStatement."""
    reader = _Reader(_parsed(data))
    statements = reader.tree.findall(".//Stmt", reader.namespaces)
    if not statements:
        raise BadStatement(Problem.EMPTY)
    if len(reader.tree.findall(".//Ntry", reader.namespaces)) > MOST_LINES:
        raise BadStatement(Problem.TOO_MANY_LINES, None, f"{MOST_LINES:,}")
    return ReadFile(StatementFormat.CAMT, tuple(reader.statement(element) for element in statements))


def _parsed(data: bytes) -> Any:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        line = error.lineno or None
        if "encoding" in error.msg.lower() or "not proper utf-8" in error.msg.lower():
            raise BadStatement(Problem.ENCODING, line, "UTF-8") from error
        raise BadStatement(Problem.BROKEN, line, error.msg) from error
    if root.getroottree().docinfo.doctype:
        raise BadStatement(Problem.ENTITIES, 1)
    namespace = etree.QName(root).namespace or ""
    if ":camt.053." not in namespace:
        raise BadStatement(Problem.UNKNOWN_FORMAT, root.sourceline, namespace or root.tag)
    return root


class _Reader(Camt053Parser):  # type: ignore[misc]  # pycamt has no types
    """pycamt's look-up of fields, over a document that was parsed safely; elements are asked for what it gets wrong."""

    def __init__(self, root: Any) -> None:
        self.tree = root
        self.namespaces = {None: etree.QName(root).namespace}
        self.version = self._detect_version()

    def statement(self, element: Any) -> ReadStatement:
        number = element.sourceline
        account = self._text(element, "Acct/Id/IBAN") or self._text(element, "Acct/Id/Othr/Id")
        balances = self._balances(element)
        currency = self._text(element, "Acct/Ccy") or next((ccy for _, _, ccy, _ in balances), "")
        entries = [entry for entry in element.findall("Ntry", self.namespaces) if self._is_booked(entry)]
        lines = [line for entry in entries for line in self._lines(entry, currency) if line.amount_minor]
        opening, closing = _opening(balances), _closing(balances)
        days = sorted([line.booked_on for line in lines] or [day for day in (opening[1], closing[1]) if day])
        return with_balances(
            ReadStatement(
                account=account,
                currency=currency,
                opening_minor=opening[0],
                closing_minor=closing[0],
                first_on=days[0] if days else None,
                last_on=days[-1] if days else None,
                lines=tuple(lines),
                number=number,
            )
        )

    def _text(self, element: Any, path: str) -> str:
        return (self._find_text(element, path) or "").strip()

    def _is_booked(self, entry: Any) -> bool:
        """Announced and informative entries are left out: they come again when they are booked."""
        status = self._text(entry, "Sts/Cd") or self._text(entry, "Sts")
        return status in {"", "BOOK"}

    def _balances(self, statement: Any) -> list[tuple[str, int, str, date | None]]:
        found = []
        for balance in statement.findall("Bal", self.namespaces):
            amount = balance.find("Amt", self.namespaces)
            kind = self._text(balance, "Tp/CdOrPrtry/Cd")
            if amount is None or kind not in {*OPENING, *CLOSING, BETWEEN}:
                continue
            minor, currency = self._signed(balance, amount), amount.get("Ccy", "")
            told = self._text(balance, "Dt/Dt") or self._text(balance, "Dt/DtTm")
            found.append((kind, minor, currency, iso_date(told, balance.sourceline) if told else None))
        return found

    def _signed(self, element: Any, amount: Any) -> int:
        sign = SIGNS.get(self._text(element, "CdtDbtInd"))
        if sign is None:
            raise BadStatement(Problem.AMOUNT, element.sourceline, "CdtDbtInd")
        return sign * minor_units((amount.text or "").strip(), amount.get("Ccy", ""), amount.sourceline)

    def _lines(self, entry: Any, currency: str) -> list[ReadLine]:
        """An entry's lines: each detail of a batch, if the details have amounts that add up to it; else itself."""
        amount = entry.find("Amt", self.namespaces)
        if amount is None:
            raise BadStatement(Problem.AMOUNT, entry.sourceline, "")
        if currency and amount.get("Ccy") != currency:
            raise BadStatement(Problem.CURRENCY, amount.sourceline, amount.get("Ccy", "?"))
        total = self._signed(entry, amount)
        details = entry.findall("NtryDtls/TxDtls", self.namespaces)
        parts = [self._part(detail, total, currency) for detail in details]
        if len(details) > 1 and None not in parts and sum(part or 0 for part in parts) == total:
            pairs = zip(details, parts, strict=True)
            return [self._line(entry, part or 0, [detail]) for detail, part in pairs]
        return [self._line(entry, total, details)]

    def _part(self, detail: Any, total: int, currency: str) -> int | None:
        """What a detail says it brings, in the account's currency; its sign is the entry's unless it has one."""
        for path in ("Amt", "AmtDtls/TxAmt/Amt"):
            amount = detail.find(path, self.namespaces)
            if amount is not None and amount.get("Ccy") == currency:
                minor = minor_units((amount.text or "").strip(), currency, amount.sourceline)
                sign = SIGNS.get(self._text(detail, "CdtDbtInd"), 1 if total >= 0 else -1)
                return sign * minor
        return None

    def _day_of(self, entry: Any, kind: str) -> str:
        return self._text(entry, f"{kind}/Dt") or self._text(entry, f"{kind}/DtTm")

    def _line(self, entry: Any, amount_minor: int, details: list[Any]) -> ReadLine:
        number = details[0].sourceline if len(details) == 1 else entry.sourceline
        told = [self._extract_transaction_details(detail) for detail in details]
        side = "Debtor" if amount_minor > 0 else "Creditor"
        value = self._day_of(entry, "ValDt")
        booked = self._day_of(entry, "BookgDt") or value
        references = [self._text(detail, "Refs/AcctSvcrRef") for detail in details]
        return ReadLine(
            booked_on=iso_date(booked, entry.sourceline),
            value_on=iso_date(value, entry.sourceline) if value else None,
            amount_minor=amount_minor,
            name=tidied(*(of.get(f"{side}Name") for of in told)),
            iban=told[0].get(f"{side}IBAN", "").replace(" ", "") if len(told) == 1 else "",
            reference=_reference(told) or tidied(self._text(entry, "AddtlNtryInf")),
            bank_reference=tidied(*references)[:120] or self._text(entry, "AcctSvcrRef")[:120],
            number=number,
        )


def _reference(details: list[dict[str, str]]) -> str:
    texts = []
    for detail in details:
        end_to_end = detail.get("EndToEndId", "")
        texts += [
            detail.get("RemittanceInformationFull"),
            detail.get("RemittanceInformation"),
            detail.get("AdditionalRemittanceInformation"),
            "" if end_to_end.upper() in NO_REFERENCE else end_to_end,
        ]
    return tidied(*texts)


Balance = tuple[str, int, str, date | None]


def _opening(balances: list[Balance]) -> tuple[int | None, date | None]:
    """The opening balance; on a later page of a statement, what was carried over."""
    for kind in (*OPENING, BETWEEN):
        for found, minor, _currency, day in balances:
            if found == kind:
                return minor, day
    return None, None


def _closing(balances: list[Balance]) -> tuple[int | None, date | None]:
    for kind in (*CLOSING, BETWEEN):
        for found, minor, _currency, day in reversed(balances):
            if found == kind:
                return minor, day
    return None, None
