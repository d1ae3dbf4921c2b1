"""A table of postings as a DATEV batch: "EXTF" header 700, Buchungsstapel 13, Windows-1252, CR LF.

Field set and order: https://developer.datev.de/datev/platform/de/dtvf/formate/buchungsstapel and …/formate/header.
Text is quoted, also empty text; numbers are not; amounts have a comma and two decimals.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from .table import Table, safe_text

TEXT_FIELDS = frozenset(
    {2, 3, 6, 9, 11, 12, 14, 16, 20, *range(21, 39), 40, 42, *range(48, 88), 91, 95, 96, 98, 102, 103, 105, 107, 109,
     110, 112, 118, 120, 121, 123}
)  # fmt: skip
AMOUNT, SIDE, CURRENCY, ACCOUNT, CONTRA, DAY, REFERENCE, TEXT, INFO_KIND, INFO, FIXED = (
    1, 2, 3, 7, 8, 10, 11, 14, 21, 22, 114,
)  # fmt: skip
FIELDS = (
    "Umsatz (ohne Soll/Haben-Kz)", "Soll/Haben-Kennzeichen", "WKZ Umsatz", "Kurs", "Basis-Umsatz", "WKZ Basis-Umsatz",
    "Konto", "Gegenkonto (ohne BU-Schlüssel)", "BU-Schlüssel", "Belegdatum", "Belegfeld 1", "Belegfeld 2", "Skonto",
    "Buchungstext", "Postensperre", "Diverse Adressnummer", "Geschäftspartnerbank", "Sachverhalt", "Zinssperre",
    "Beleglink",
    *(name for n in range(1, 9) for name in (f"Beleginfo - Art {n}", f"Beleginfo - Inhalt {n}")),
    "KOST1 - Kostenstelle", "KOST2 - Kostenstelle", "Kost-Menge", "EU-Land u. UStID (Bestimmung)",
    "EU-Steuersatz (Bestimmung)", "Abw. Versteuerungsart", "Sachverhalt L+L", "Funktionsergänzung L+L",
    "BU 49 Hauptfunktionstyp", "BU 49 Hauptfunktionsnummer", "BU 49 Funktionsergänzung",
    *(name for n in range(1, 21) for name in (f"Zusatzinformation - Art {n}", f"Zusatzinformation- Inhalt {n}")),
    "Stück", "Gewicht", "Zahlweise", "Forderungsart", "Veranlagungsjahr", "Zugeordnete Fälligkeit", "Skontotyp",
    "Auftragsnummer", "Buchungstyp", "USt-Schlüssel (Anzahlungen)", "EU-Land (Anzahlungen)",
    "Sachverhalt L+L (Anzahlungen)", "EU-Steuersatz (Anzahlungen)", "Erlöskonto (Anzahlungen)", "Herkunft-Kz",
    "Buchungs GUID", "KOST-Datum", "SEPA-Mandatsreferenz", "Skontosperre", "Gesellschaftername", "Beteiligtennummer",
    "Identifikationsnummer", "Zeichnernummer", "Postensperre bis", "Bezeichnung SoBil-Sachverhalt",
    "Kennzeichen SoBil-Buchung", "Festschreibung", "Leistungsdatum", "Datum Zuord. Steuerperiode", "Fälligkeit",
    "Generalumkehr (GU)", "Steuersatz", "Land", "Abrechnungsreferenz", "BVV-Position", "EU-Land u. UStID (Ursprung)",
    "EU-Steuersatz (Ursprung)", "Abw. Skontokonto",
)  # fmt: skip


@dataclass(frozen=True)
class Batch:
    """What the header says of the whole: consultant and client as the accountant numbers them, days included."""

    consultant: int
    client: int
    first: date
    last: date
    currency: str
    digits: int  # length of account numbers, 4 to 8
    name: str
    made_at: datetime


def write_datev(table: Table, batch: Batch) -> Iterator[bytes]:
    """The file in pieces. Rows: amount, debit account, credit account, day, reference, text, fund; all as laid out
    in packages.datev_table."""
    yield _line(_header(batch))
    yield _line(list(FIELDS))
    empty = ['""' if number in TEXT_FIELDS else "" for number in range(1, len(FIELDS) + 1)]
    for amount, debit, credit, day, reference, text, fund in table.rows():
        assert isinstance(amount, Decimal)
        assert isinstance(day, date)
        filled = {
            AMOUNT: f"{amount:.2f}".replace(".", ","),
            SIDE: '"S"',
            CURRENCY: f'"{batch.currency}"',
            ACCOUNT: str(debit),
            CONTRA: str(credit),
            DAY: f"{day:%d%m}",
            REFERENCE: _quoted(str(reference)),
            TEXT: _quoted(safe_text(str(text))[:60]),
            INFO_KIND: '"Fund"' if fund else '""',
            INFO: _quoted(safe_text(str(fund or ""))[:210]),
            FIXED: "0",
        }
        fields = empty.copy()
        for number, value in filled.items():
            fields[number - 1] = value
        yield _line(fields)


def _quoted(value: str) -> str:
    printable = "".join(char if char.isprintable() else " " for char in value)
    return '"' + printable.replace('"', '""') + '"'


def _header(batch: Batch) -> list[str]:
    made_at = f"{batch.made_at:%Y%m%d%H%M%S}{batch.made_at.microsecond // 1000:03}"
    year = f"{batch.first.year}0101"
    return [
        '"EXTF"', "700", "21", '"Buchungsstapel"', "13", made_at, "", '"OA"', '""', '""',
        str(batch.consultant), str(batch.client), year, str(batch.digits),
        f"{batch.first:%Y%m%d}", f"{batch.last:%Y%m%d}", _quoted(batch.name[:30]), '""', "1", "0", "0",
        f'"{batch.currency}"', "", '""', "", "", '""', "", "", '""', '""',
    ]  # fmt: skip


def _line(fields: list[str]) -> bytes:
    # What Windows-1252 cannot write (a name in Arabic) becomes a question mark: DATEV takes nothing else.
    return (";".join(fields) + "\r\n").encode("cp1252", errors="replace")
