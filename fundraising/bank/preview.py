"""What a statement file holds and what its import would do, before anything is imported."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from ..books.periods import closed_until
from ..models import BankAccount, BankLine, Statement, StatementFormat
from ..money import EXPONENTS, Money
from .files import read_for
from .findings import in_order, standing_statements
from .formats import ReadFile, ReadLine
from .identity import Sorted
from .statements import refused_or_lines, sorted_lines

Told = dict[str, Any]  # as it is kept with the upload


@dataclass(frozen=True)
class Look:
    """What was found, to be kept; and the new lines, as rows that are not in the database."""

    told: Told
    new: list[BankLine]


def look(account: BankAccount, data: bytes) -> Look:
    """Read a file as an import does, and write nothing. Raises BadStatement."""
    read = read_for(account, data)
    lines = refused_or_lines(account, read, hashlib.sha256(data).hexdigest())
    found = sorted_lines(account, lines)
    into, out = ([line.amount_minor for line in lines if (line.amount_minor > 0) is side] for side in (True, False))
    days = [day for part in read.statements for day in (part.first_on, part.last_on) if day]
    told: Told = {
        "account": read.statements[0].account,
        "format": read.format,
        "first_on": min(days).isoformat() if days else None,
        "last_on": max(days).isoformat() if days else None,
        "lines": len(lines),
        "new": len(found.new),
        "into": [len(into), sum(into)],
        "out": [len(out), sum(out)],
        "opening": read.statements[0].opening_minor,
        "closing": read.statements[-1].closing_minor,
        "warnings": [[code, *values] for code, *values in _warnings(account, read, lines, found)],
    }
    return Look(told, [_unsaved(account, line, content) for line, content in found.new])


def _unsaved(account: BankAccount, line: ReadLine, content: str) -> BankLine:
    """Enough of a row to say what it certainly is."""
    return BankLine(
        bank_account=account,
        content=content,
        booked_on=line.booked_on,
        amount_minor=line.amount_minor,
        unexplained_minor=line.amount_minor,
        bank_reference=line.bank_reference,
        reference=line.reference,
        name=line.name,
    )


Warning_ = tuple[Any, ...]  # a code of WARNINGS and what its words take


def _warnings(account: BankAccount, read: ReadFile, lines: Sequence[ReadLine], found: Sorted) -> list[Warning_]:
    told: list[Warning_] = [*_gaps(account, read, found)]
    if lines and not found.new:
        told.append(("nothing_new",))
    if lines and read.statements[0].opening_minor is None:
        told.append(("no_balances",))
    if asked := sum(one.count for one in found.alike if not one.is_likely):
        told.append(("alike", asked))
    if likely := sum(one.count for one in found.alike if one.is_likely):
        told.append(("alike_likely", likely))
    if read.others:
        told.append(("others", read.others))
    closed, _hard = closed_until(account.entity)
    if closed and (late := sum(line.booked_on <= closed for line, _content in found.new)):
        told.append(("closed", late, closed.isoformat()))
    return told


def _gaps(account: BankAccount, read: ReadFile, found: Sorted) -> list[Warning_]:
    """Where the file does not follow the statement before it, or is not followed by the one after it."""
    first, last = read.statements[0], read.statements[-1]
    if None in (first.opening_minor, last.closing_minor, first.first_on, last.last_on):
        return []
    shared = {pk for _line, known in found.known for pk in known.statements}
    standing = [one for one in in_order(standing_statements(account)) if one.pk not in shared]
    told: list[Warning_] = []
    before = [one for one in standing if one.last_on and first.first_on and one.last_on <= first.first_on]
    near = [one for one in before if one.last_on == max(one.last_on or date.min for one in before)]
    if near and not shared and first.opening_minor not in {one.closing_minor for one in near}:
        told.append(_gap("gap_before", near[-1], (first.opening_minor or 0) - (near[-1].closing_minor or 0)))
    after = [one for one in standing if one.first_on and last.last_on and one.first_on >= last.last_on]
    near = [one for one in after if one.first_on == min(one.first_on or date.max for one in after)]
    if near and not shared and last.closing_minor not in {one.opening_minor for one in near}:
        told.append(_gap("gap_after", near[0], (near[0].opening_minor or 0) - (last.closing_minor or 0)))
    return told


def _gap(code: str, other: Statement, missing: int) -> Warning_:
    return code, missing, other.name


WARNINGS: Final[dict[str, str | Promise]] = {
    "gap_before": _(
        "A statement is missing: this one does not open with the balance that “%(name)s” closes with. They are "
        "%(amount)s apart."
    ),
    "gap_after": _(
        "A statement is missing: “%(name)s” does not open with the balance that this one closes with. They are "
        "%(amount)s apart."
    ),
    "nothing_new": _("All of its lines are here already: nothing would be booked."),
    "no_balances": _("The file tells no balances: gaps and missing lines cannot be seen."),
    "alike": ngettext_lazy(
        "%(count)s line looks like one that is here already, and no file holds its day whole. It is taken for the same "
        "one; you are asked after the import.",
        "%(count)s lines look like ones that are here already, and no file holds their day whole. They are taken for "
        "the same ones; you are asked after the import.",
        "count",
    ),
    "alike_likely": ngettext_lazy(
        "%(count)s line is taken for the same as in the file before, as both hold a whole stretch of lines.",
        "%(count)s lines are taken for the same as in the file before, as both hold a whole stretch of lines.",
        "count",
    ),
    "others": ngettext_lazy(
        "%(count)s statement of another account is in the file too and is left out.",
        "%(count)s statements of other accounts are in the file too and are left out.",
        "count",
    ),
    "closed": ngettext_lazy(
        "%(count)s new line is of days that are closed (until %(day)s): it counts on the first open day.",
        "%(count)s new lines are of days that are closed (until %(day)s): they count on the first open day.",
        "count",
    ),
}
GRAVE: Final = frozenset({"gap_before", "gap_after", "alike"})


@dataclass(frozen=True)
class Said:
    """A warning in words."""

    words: str
    is_grave: bool


@dataclass(frozen=True)
class Preview:
    """What was found, for a page."""

    told: Mapping[str, Any]
    currency: str

    @property
    def format(self) -> str:
        return str(StatementFormat(self.told["format"]).label)

    @property
    def first_on(self) -> date | None:
        return date.fromisoformat(self.told["first_on"]) if self.told["first_on"] else None

    @property
    def last_on(self) -> date | None:
        return date.fromisoformat(self.told["last_on"]) if self.told["last_on"] else None

    @property
    def known(self) -> int:
        return int(self.told["lines"] - self.told["new"])

    @property
    def into(self) -> tuple[int, Money]:
        return self.told["into"][0], Money(self.told["into"][1], self.currency)

    @property
    def out(self) -> tuple[int, Money]:
        return self.told["out"][0], Money(self.told["out"][1], self.currency)

    @property
    def opening(self) -> Money | None:
        return None if self.told["opening"] is None else Money(self.told["opening"], self.currency)

    @property
    def closing(self) -> Money | None:
        return None if self.told["closing"] is None else Money(self.told["closing"], self.currency)

    @property
    def warnings(self) -> list[Said]:
        return [Said(self._words(code, *values), code in GRAVE) for code, *values in self.told["warnings"]]

    def _words(self, code: str, *values: Any) -> str:
        if code in {"gap_before", "gap_after"}:
            amount = Decimal(values[0]).scaleb(-EXPONENTS[self.currency])
            return str(WARNINGS[code]) % {"name": values[1], "amount": f"{amount:f} {self.currency}"}
        if not values:
            return str(WARNINGS[code])
        day = date_format(date.fromisoformat(values[1]), "SHORT_DATE_FORMAT") if len(values) > 1 else ""
        return str(WARNINGS[code] % {"count": values[0], "day": day})
