"""Bank statements as banks write them, made from rows of our own. Names are invented, account numbers are examples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from fundraising.models import BankAccount, LegalEntity
from tests.factories import make_entity, next_number

IBAN = "DE89370400440532013000"
OTHER_IBAN = "DE02120300000000202051"
DONOR_IBAN = "IT60X0542811101000000123456"
GERMAN = {
    "delimiter": ";", "encoding": "cp1252", "header_rows": 1, "date": "Buchungstag", "value_date": "Valuta",
    "amount": "Betrag", "name": "Name", "iban": "IBAN", "reference": "Verwendungszweck", "date_format": "%d.%m.%Y",
    "decimal": ",", "balance": "Saldo", "currency": "Waehrung",
}  # fmt: skip
ENGLISH = {
    "delimiter": ",", "header_rows": 1, "date": "Date", "debit": "Paid out", "credit": "Paid in",
    "name": "Payee", "reference": "Details", "date_format": "%Y-%m-%d", "decimal": ".",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A line of a statement; amount in minor units."""

    on: date
    minor: int
    name: str = "Ada Rossi"
    iban: str = DONOR_IBAN
    text: str = "Donation"
    reference: str = ""


def make_account(
    entity: LegalEntity | None = None,
    *,
    currency: str = "EUR",
    iban: str = IBAN,
    mapping: dict[str, object] | None = None,
) -> BankAccount:
    """A bank account of its own."""
    number = next_number()
    return BankAccount.objects.create(
        entity=entity or make_entity(),
        slug=f"bank-{number}",
        name=f"House bank {number}",
        iban=iban,
        currency=currency,
        csv_mapping=mapping or {},
    )


def major(minor: int, exponent: int = 2, point: str = ".") -> str:
    digits = str(abs(minor)).zfill(exponent + 1)
    return f"{digits[:-exponent]}{point}{digits[-exponent:]}" if exponent else digits


def camt(
    rows: Iterable[Row], opening: int = 0, *, version: str = "08", iban: str = IBAN, currency: str = "EUR"
) -> bytes:
    """A CAMT.053 file of one statement."""
    return camt_file(camt_statement(rows, opening, version=version, iban=iban, currency=currency), version=version)


def camt_file(*statements: str, version: str = "08") -> bytes:
    body = "\n".join(statements)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}">
<BkToCstmrStmt>
<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-11-02T06:00:00</CreDtTm></GrpHdr>
{body}
</BkToCstmrStmt>
</Document>
""".encode()


def camt_statement(
    rows: Iterable[Row], opening: int = 0, *, version: str = "08", iban: str = IBAN, currency: str = "EUR"
) -> str:
    rows = list(rows)
    closing = opening + sum(row.minor for row in rows)
    entries = "\n".join(_entry(row, currency, version) for row in rows)
    days = [row.on for row in rows] or [date(2026, 11, 1)]
    return f"""<Stmt>
<Id>S1</Id>
<Acct><Id><IBAN>{iban}</IBAN></Id><Ccy>{currency}</Ccy></Acct>
{_balance("OPBD", opening, currency, days[0])}
{_balance("CLBD", closing, currency, days[-1])}
{entries}
</Stmt>"""


def _balance(kind: str, minor: int, currency: str, on: date) -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>{_amount(minor, currency)}"
        f"<Dt><Dt>{on.isoformat()}</Dt></Dt></Bal>"
    )


def _amount(minor: int, currency: str) -> str:
    side = "CRDT" if minor >= 0 else "DBIT"
    return f'<Amt Ccy="{currency}">{major(minor)}</Amt><CdtDbtInd>{side}</CdtDbtInd>'


def _entry(row: Row, currency: str, version: str) -> str:
    status = "<Sts>BOOK</Sts>" if version == "02" else "<Sts><Cd>BOOK</Cd></Sts>"
    reference = f"<AcctSvcrRef>{row.reference}</AcctSvcrRef>" if row.reference else ""
    return (
        f"<Ntry>{_amount(row.minor, currency)}{status}<BookgDt><Dt>{row.on.isoformat()}</Dt></BookgDt>"
        f"<ValDt><Dt>{row.on.isoformat()}</Dt></ValDt>{reference}\n"
        f"<NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>{_party(row, version)}"
        f"<RmtInf><Ustrd>{row.text}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
    )


def _party(row: Row, version: str) -> str:
    side = "Dbtr" if row.minor > 0 else "Cdtr"
    name = f"<Nm>{row.name}</Nm>" if version == "02" else f"<Pty><Nm>{row.name}</Nm></Pty>"
    return f"<RltdPties><{side}>{name}</{side}><{side}Acct><Id><IBAN>{row.iban}</IBAN></Id></{side}Acct></RltdPties>"


def mt940(
    rows: Iterable[Row], opening: int = 0, *, account: str = "37040044/0532013000", currency: str = "EUR"
) -> bytes:
    """An MT940 file of one statement, with structured details."""
    rows = list(rows)
    closing = opening + sum(row.minor for row in rows)
    first, last = (rows[0].on, rows[-1].on) if rows else (date(2026, 11, 1), date(2026, 11, 1))
    lines = [":20:STARTUMS", f":25:{account}", ":28C:1/1", f":60F:{_mt_balance(opening, first, currency)}"]
    for row in rows:
        mark = "C" if row.minor > 0 else "D"
        reference = row.reference or "NONREF"
        lines += [
            f":61:{row.on:%y%m%d}{row.on:%m%d}{mark}{major(row.minor, point=',')}NTRFNONREF//{reference}",
            f":86:166?00GUTSCHRIFT?20SVWZ+{row.text}?30BYLADEM1001?31{row.iban}?32{row.name}",
        ]
    lines += [f":62F:{_mt_balance(closing, last, currency)}", "-"]
    return ("\r\n".join(lines) + "\r\n").encode()


def _mt_balance(minor: int, on: date, currency: str) -> str:
    return f"{'C' if minor >= 0 else 'D'}{on:%y%m%d}{currency}{major(minor, point=',')}"


def german_csv(rows: Sequence[Row], opening: int = 0) -> bytes:
    """As a German bank writes it: newest first, with balances, in Windows' encoding."""
    balance, lines = opening, []
    for row in rows:
        balance += row.minor
        signed = f"{'-' if row.minor < 0 else ''}{major(row.minor, point=',')}"
        saldo = f"{'-' if balance < 0 else ''}{major(balance, point=',')}"
        day = f"{row.on:%d.%m.%Y}"
        lines.append(f'{day};{day};"{row.name}";{row.iban};"{row.text}";{signed};{saldo};EUR')
    head = "Buchungstag;Valuta;Name;IBAN;Verwendungszweck;Betrag;Saldo;Waehrung"
    return "\r\n".join([head, *reversed(lines), ""]).encode("cp1252")


def english_csv(rows: Sequence[Row]) -> bytes:
    """As an English bank writes it: two columns of money, no balances."""
    lines = ["Date,Payee,Details,Paid out,Paid in"]
    for row in rows:
        sides = ("", major(row.minor)) if row.minor > 0 else (major(row.minor), "")
        lines.append(f'{row.on.isoformat()},{row.name},"{row.text}",{sides[0]},{sides[1]}')
    return ("\n".join(lines) + "\n").encode()
