"""What is wrong with a file that should be a bank statement, said exactly and with its line."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class Problem(StrEnum):
    """Why a file is refused."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    TOO_MANY_LINES = "too_many_lines"
    UNKNOWN_FORMAT = "unknown_format"
    NO_MAPPING = "no_mapping"
    COLUMN_MISSING = "column_missing"
    BROKEN = "broken"
    ENTITIES = "entities"
    ENCODING = "encoding"
    DATE = "date"
    FUTURE = "future"
    AMOUNT = "amount"
    DECIMALS = "decimals"
    CURRENCY = "currency"
    ACCOUNT = "account"
    SUM = "sum"
    PARTS_APART = "parts_apart"
    SAME_FILE = "same_file"
    OTHER_FORMAT = "other_format"
    CONTRADICTS = "contradicts"
    TOO_MANY_WAIT = "too_many_wait"
    NO_WORKER = "no_worker"
    FAILED = "failed"


MESSAGES: Final[dict[Problem, str | Promise]] = {
    Problem.EMPTY: _("the file has no statement in it."),
    Problem.TOO_LARGE: _(
        "the file is larger than %(detail)s. Ask your bank for shorter periods, such as single months, and import one "
        "after the other; they may overlap."
    ),
    Problem.TOO_MANY_LINES: _(
        "the file has more than %(detail)s lines. Ask your bank for shorter periods, such as single months, and import "
        "one after the other; they may overlap."
    ),
    Problem.UNKNOWN_FORMAT: _("this is not CAMT.053, MT940 or CSV: %(detail)s"),
    Problem.NO_MAPPING: _(
        "this looks like CSV, and the bank account does not say yet which column is what. Set that up first."
    ),
    Problem.COLUMN_MISSING: _("there is no column “%(detail)s”, which the bank account's set-up names."),
    Problem.BROKEN: _("the file is broken or cut off: %(detail)s"),
    Problem.ENTITIES: _("the file defines entities of its own, which no bank does. It is not read."),
    Problem.ENCODING: _(
        "this is not %(detail)s text. If your bank writes another encoding, say so in the set-up of the bank account."
    ),
    Problem.DATE: _("“%(detail)s” is no date as expected."),
    Problem.FUTURE: _("%(detail)s is in the future."),
    Problem.AMOUNT: _("“%(detail)s” is no amount as expected."),
    Problem.DECIMALS: _("%(detail)s has more decimals than the currency."),
    Problem.CURRENCY: _("the amount is in %(detail)s, which is not the currency of this bank account."),
    Problem.ACCOUNT: _("the statement is of account %(detail)s, not of this one."),
    Problem.SUM: _("opening balance and lines do not give the closing balance: they are %(detail)s apart."),
    Problem.PARTS_APART: _("the statement in the file does not follow the one before it: %(detail)s are missing."),
    Problem.SAME_FILE: _("this very file was imported already: %(detail)s."),
    Problem.OTHER_FORMAT: _(
        "%(detail)s was imported from a file of another format, which words the same lines differently. Import each "
        "day in one format only, or roll the other statement back first."
    ),
    Problem.CONTRADICTS: _(
        "the file covers %(detail)s, but does not hold all lines that are known of that day. Has the export been "
        "filtered, or the set-up of columns changed? Or has somebody said that a line is there twice?"
    ),
    Problem.TOO_MANY_WAIT: _("%(detail)s files of yours wait already. Import or cancel them first."),
    Problem.NO_WORKER: _(
        "no worker could finish this file. Ask your bank for shorter periods, and tell whoever runs this service."
    ),
    Problem.FAILED: _("something went wrong; it was logged. Try again."),
}


class BadStatement(ValueError):
    """A file that is not imported. `line` is that of the file, from 1, or None where it is the whole file."""

    def __init__(self, code: Problem, line: int | None = None, detail: str = "") -> None:
        super().__init__(f"{code} in line {line}: {detail}")
        self.code, self.line, self.detail = code, line, detail

    @property
    def message(self) -> str:
        """What is wrong, in the reader's language."""
        what = str(MESSAGES[self.code]) % {"detail": self.detail}
        if self.line is None:
            return what[:1].upper() + what[1:]
        return gettext("Line %(line)d: %(what)s") % {"line": self.line, "what": what}
