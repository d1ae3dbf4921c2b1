"""A claim as the table that HM Revenue & Customs wants: columns, order and writing of its schedule spreadsheet.

Amounts have two decimals and no sign of the currency, days are DD/MM/YY, and all of it is text, so that no spreadsheet
writes it differently. What is taken back is no row there: the sum of it goes into the box for what was over-claimed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from fundraising.exports.csv_file import write_csv
from fundraising.exports.ods_file import write_ods
from fundraising.exports.table import Cell, Column, Table, of_list
from fundraising.exports.xlsx_file import write_xlsx

from ..models import GiftAidClaim, GiftAidRow

COLUMNS = [
    Column(name)
    for name in (
        "Item", "Title", "First name", "Last name", "House name or number", "Postcode", "Aggregated donations",
        "Sponsored event", "Donation date", "Amount",
    )
]  # fmt: skip
EMPTIED = ("",) * 5
WRITERS: dict[str, tuple[Callable[[Table], Iterator[bytes]], str]] = {
    "ods": (write_ods, "application/vnd.oasis.opendocument.spreadsheet"),  # HMRC's own is one
    "csv": (write_csv, "text/csv; charset=utf-8"),
    "xlsx": (write_xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}


def write(claim: GiftAidClaim, form: str) -> tuple[Iterator[bytes], str]:
    """The schedule's bytes and their media type; `form` is one of WRITERS."""
    writer, media_type = WRITERS[form]
    return writer(table_of(claim)), media_type


def table_of(claim: GiftAidClaim) -> Table:
    """The rows as stored, numbered as on HMRC's form."""
    rows = claim.rows.filter(adjusts=None).order_by("position")
    return of_list(
        f"gift-aid-claim-{claim.number}", COLUMNS, [cells(number, row) for number, row in enumerate(rows, 1)]
    )


def cells(number: int, row: GiftAidRow) -> list[Cell]:
    """One line of the schedule; without names where they were emptied since."""
    title, first_name, last_name, house, postcode = json.loads(row.sealed) if row.sealed else EMPTIED
    pounds = f"{row.amount.decimal:.2f}"
    return [str(number), title, first_name, last_name, house, postcode, "", "", f"{row.received_on:%d/%m/%y}", pounds]
