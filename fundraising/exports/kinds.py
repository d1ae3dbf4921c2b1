"""Every export there is: what it holds, who may have it, what it is filtered by, and as what it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ..models import LegalEntity
from ..roles import May
from . import packages
from .csv_file import write_csv, write_csv_with_mark
from .datev import Batch, write_datev
from .table import Table
from .xlsx_file import write_xlsx

Filters = Mapping[str, str]
Make = Callable[[LegalEntity, Filters], Table]
Write = Callable[[Table], Iterator[bytes]]
EARLIEST, LATEST = date(1900, 1, 1), date(9990, 12, 31)


class ExportRefused(Exception):
    """The export cannot be made so; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Format:
    """As what a table is written. Packages lay the table out themselves (`make`) and need filters of their own."""

    code: str
    label: str | Promise
    ending: str
    content_type: str
    write: Callable[[LegalEntity, Filters], Write]
    make: Make | None = None
    fields: tuple[str, ...] = ()


def _plainly(write: Write) -> Callable[[LegalEntity, Filters], Write]:
    return lambda _entity, _filters: write


XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
GENERIC = (
    Format("xlsx", _("Spreadsheet (XLSX)"), "xlsx", XLSX, _plainly(write_xlsx)),
    Format("csv", _("CSV (UTF-8)"), "csv", "text/csv; charset=utf-8", _plainly(write_csv)),
    Format("csv-excel", _("CSV for Excel (with a byte order mark)"), "csv", "text/csv; charset=utf-8",
           _plainly(write_csv_with_mark)),
)  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """One export. `personal` ones name donors: they are always written by a worker, sealed, and expire.

    `fields` are filters that people fill in. `kept` are those of the page that the export is of: they come along as
    they are. `secret` ones of these are kept sealed and never told in the trail. One that means nothing without its
    page is not `listed` among all exports.
    """

    code: str
    label: str | Promise
    needs: frozenset[May]
    make: Make
    fields: tuple[str, ...] = ()
    personal: bool = False
    kept: tuple[str, ...] = ()
    secret: frozenset[str] = frozenset()
    listed: bool = True
    formats: tuple[Format, ...] = field(default=GENERIC)

    def format(self, code: str) -> Format:
        """One of its formats; raises ExportRefused."""
        for known in self.formats:
            if known.code == code:
                return known
        raise ExportRefused("format")

    def table(self, entity: LegalEntity, filters: Filters, form: Format) -> Table:
        """The table that this format writes."""
        return (form.make or self.make)(entity, filters)


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Make an export known; the same code again replaces it."""
    _kinds[kind.code] = kind


def find(code: str) -> Kind:
    """The export of a code; raises ExportRefused."""
    if code not in _kinds:
        raise ExportRefused("kind")
    return _kinds[code]


def allowed(rights: frozenset[May]) -> list[Kind]:
    """The exports that these rights allow, in the order in which they were registered."""
    return [kind for kind in _kinds.values() if kind.needs <= rights]


def day(filters: Filters, name: str, default: date) -> date:
    """A day of the filters; raises ExportRefused for nonsense."""
    try:
        return date.fromisoformat(filters[name]) if filters.get(name) else default
    except ValueError:
        raise ExportRefused(name) from None


def today() -> date:
    """The day that the books are at: UTC, as in the ledger."""
    return datetime.now(UTC).date()


def days(filters: Filters) -> tuple[date, date]:
    """First and last day, both included; without any, all days that there may be."""
    return _in_order(day(filters, "first", EARLIEST), day(filters, "last", LATEST))


def moments(filters: Filters) -> tuple[datetime, datetime]:
    """The first moment of the first day, and the first one after the last day."""
    first, last = days(filters)
    return datetime.combine(first, time(), UTC), datetime.combine(min(last, LATEST) + timedelta(days=1), time(), UTC)


def year_so_far(filters: Filters) -> tuple[date, date]:
    """First and last day, both included; without any, the year so far. For packages, whose files are of one year."""
    last = day(filters, "last", today())
    return _in_order(day(filters, "first", last.replace(month=1, day=1)), last)


def _in_order(first: date, last: date) -> tuple[date, date]:
    if first > last:
        raise ExportRefused("order")
    return first, last


# --- What accounting packages take ------------------------------------------------------------------


def _wanted(entity: LegalEntity, filters: Filters) -> packages.Wanted:
    first, last = year_so_far(filters)
    currency = filters.get("currency") or entity.currency
    return packages.Wanted(first, last, currency, by_day=filters.get("lines", "day") == "day")


def _datev(entity: LegalEntity, filters: Filters) -> Table:
    wanted = _wanted(entity, filters)
    if wanted.first.year != wanted.last.year:
        raise ExportRefused("year")  # the day is written without its year, which the header gives
    return packages.datev_table(entity, wanted)


def _write_datev(entity: LegalEntity, filters: Filters) -> Write:
    wanted = _wanted(entity, filters)
    batch = Batch(
        consultant=_number(filters, "consultant", 1001, 9_999_999),
        client=_number(filters, "client", 1, 99_999),
        first=wanted.first,
        last=wanted.last,
        currency=wanted.currency,
        digits=packages.digits(entity),
        name=f"{entity.slug} {wanted.currency}",
        made_at=timezone.now(),
    )
    return partial(write_datev, batch=batch)


def _number(filters: Filters, name: str, least: int, most: int) -> int:
    text = filters.get(name) or str(least)
    if not text.isdecimal() or not least <= int(text) <= most:
        raise ExportRefused(name)
    return int(text)


def _xero(entity: LegalEntity, filters: Filters) -> Table:
    return packages.xero_table(entity, _wanted(entity, filters), filters.get("tax_rate") or packages.XERO_TAX_RATE)


def _quickbooks(entity: LegalEntity, filters: Filters) -> Table:
    return packages.quickbooks_table(entity, _wanted(entity, filters))


_OF_PACKAGES = ("currency", "lines")
PACKAGES = (
    Format("datev", "DATEV", "csv", "text/csv; charset=windows-1252", _write_datev, _datev,
           (*_OF_PACKAGES, "consultant", "client")),
    Format("xero", "Xero", "csv", "text/csv; charset=utf-8", _plainly(write_csv), _xero, (*_OF_PACKAGES, "tax_rate")),
    Format("quickbooks", "QuickBooks Online", "csv", "text/csv; charset=utf-8", _plainly(write_csv), _quickbooks,
           _OF_PACKAGES),
)  # fmt: skip
