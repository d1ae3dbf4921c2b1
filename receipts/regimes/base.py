"""What a regime is: the law of a country on the papers of an entity, as data.

A regime says which particulars it wants of the issuer, what it wants to know of the donor, which sentences it prints,
what keeps a paper from being issued, and what the paper of a year is. Its version grows whenever any of that, or its
layout, changes: the snapshot keeps it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import get_language, gettext, gettext_noop

from fundraising.models import Channel, EntityText, LegalEntity
from fundraising.money import Money
from fundraising.offline.cash import TRACEABLE_ONLY

from ..models import Kind
from ..snapshot import Snapshot

FILL = re.compile(r"%\((\w+)\)s")


class Problem(StrEnum):
    """Why a paper cannot be issued; in words and with how to mend it in receipts/desk/problems.py."""

    NOT_RECEIVED = "not_received"
    NO_STATEMENT = "no_statement"
    NO_GOODS_LINE = "no_goods_line"
    NO_FONT = "no_font"
    NOT_TRACEABLE = "not_traceable"
    NO_PARTICULARS = "no_particulars"  # the issuer's
    NO_SIGNATORY = "no_signatory"
    NO_ADDRESS = "no_address"  # the donor's
    NO_TAX_NUMBER = "no_tax_number"
    NO_CERTIFICATE = "no_certificate"  # to sign what is mailed
    OTHER_CURRENCY = "other_currency"  # than the one the law writes its papers in
    NO_PLACE = "no_place"  # of issue
    NO_FACSIMILE = "no_facsimile"
    TOO_MUCH_RETURNED = "too_much_returned"  # to the donor, for a gift
    RETURNED = "returned"  # something of worth to the donor, and the regime's papers know pure donations alone
    IN_KIND = "in_kind"  # and the regime acknowledges money alone
    TOO_LONG = "too_long"  # for the one page that the law allows
    NOTICE_TOO_OLD = "notice_too_old"  # of the tax office
    AT_YEARS_END = "at_years_end"  # the regime has no paper of a single donation, or the entity chose none
    ON_YEARS_PAPER = "on_years_paper"  # which stands for the donation already
    YEAR_NOT_OVER = "year_not_over"
    UNDER_CONTEST = "under_contest"  # a bank decides on one of the year's donations


class DonorNeed(StrEnum):
    """What a tax receipt needs to say of a donor beyond name and country."""

    ADDRESS = "address"
    TAX_NUMBER = "tax_number"


class Annual(StrEnum):
    """What the paper of a year is beside those of single donations."""

    SUMMARY = "summary"  # lists what single papers stand for, and says so
    COLLECTIVE = "collective"  # stands for donations in place of single papers: one or the other
    ONLY = "only"  # there are no single papers


@dataclass(frozen=True)
class Particular:
    """Something that the law wants to read of the issuer; `check` says whether a text can be one."""

    key: str
    label: str | Promise
    hint: str | Promise = ""
    required: bool = True
    check: Callable[[str], bool] = bool


@dataclass(frozen=True)
class Grounds:
    """What a regime's sentences depend on."""

    text: EntityText | None
    particulars: Mapping[str, str]
    wording: Callable[[str, str], str]  # slot, our own text → the entity's own wording of it, or ours
    channel: str
    amount: Money
    entity: str = ""
    returned: str = ""  # what the donor got for it
    value: Money | None = None  # of what was returned, in good faith
    organisation: bool = False  # whether one gives, and not a person
    locale: str = "en"  # Babel's, of amounts

    @property
    def fills(self) -> dict[str, str]:
        """What the words between `%(` and `)s` of a sentence stand for."""
        found = {"entity": self.entity, "returned": self.returned, **self.particulars}
        if self.value is not None:
            rest = Money(max(0, (self.amount - self.value).minor), self.amount.currency)
            found |= {"value": self.value.format_exact(self.locale), "rest": rest.format_exact(self.locale)}
        return found


@dataclass(frozen=True)
class Sentence:
    """A sentence of a regime, which an entity's accountant may word anew, version by version.

    `ours` is our text by language; in other languages the English one is looked up in the translations. A text may name
    what Grounds.fills holds, as `%(key)s`. What the law words itself is `binding`: nobody words that anew.
    """

    slot: str
    label: str | Promise  # for staff
    ours: Mapping[str, str]
    binding: bool = False

    def in_language(self, language: str) -> str:
        """Our text in a language."""
        return self.ours.get(language) or gettext(self.ours["en"])

    def of(self, grounds: Grounds) -> str:
        """The sentence in the active language, with the issuer's particulars in it."""
        ours = self.in_language(get_language() or "en")
        text = ours if self.binding else grounds.wording(self.slot, ours)
        return FILL.sub(lambda found: grounds.fills.get(found[1], found[0]), text)


def no_problem(_snapshot: Snapshot) -> Problem | None:
    """The rule of a regime that refuses nothing."""
    return None


@dataclass(frozen=True)
class Regime:
    """`statements` are printed conspicuously; `refusal` says what keeps a snapshot from being issued."""

    code: str
    version: int
    name: str | Promise  # for staff
    title: str
    statements: Callable[[Grounds], list[str]]  # of a single donation's paper
    annual_statements: Callable[[Grounds], list[str]] | None = None  # of a year's; None: the same
    refusal: Callable[[Snapshot], Problem | None] = no_problem
    languages: tuple[str, ...] = ()  # in which the law wants the paper; empty: the donor's own
    layouts: Mapping[Kind, str] = field(
        default_factory=lambda: {
            Kind.DONATION: "receipts/pdf/donation.html",
            Kind.ANNUAL: "receipts/pdf/annual.html",
        }
    )
    one_page: bool = False  # whether the law allows the paper of one donation no second page
    deductible: bool = False  # whether the paper says, or lets one think, that the donation lowers a tax
    says_returned: bool = False  # whether the paper tells what the donor got for it and what that was worth
    particulars: tuple[Particular, ...] = ()
    donor_needs: frozenset[DonorNeed] = frozenset()
    signed: bool = False
    names_payment: bool = False  # how the donor paid
    names_purpose: bool = False  # what the appeal asked for
    annual: Annual = Annual.SUMMARY
    annual_least_minor: int = 0  # a year's donations below it have no paper; minor units of `currency`
    annual_title: str = gettext_noop("Statement of your donations")
    copy_mark: str = "COPY"
    retention_years: int = 7
    specimen_number: str = "00000000000"  # a donor's tax number of nobody that the regime takes
    sentences: tuple[Sentence, ...] = ()  # those of `statements` and of the layout that staff may read and word anew
    titles: Mapping[str, str] = field(default_factory=dict)  # where the law words them, by language
    currency: str = ""  # the only one that the law writes its papers in; empty: any
    in_words: bool = False  # whether the amount is written out
    protected: bool = False  # whether what is mailed is signed and closed to changes (receipts/documents/signing.py)
    facsimile: bool = False  # whether the law wants to see a signature on what is sent by mail
    law_languages: tuple[str, ...] = ()  # those that staff read wordings in, besides the donors'
    takes_in_kind: bool = False  # whether what was given in kind has a paper too, which describes it without a value

    def refuses_returned(self, value_minor: int) -> bool:
        """Whether the law wants no paper of a donation for which the donor got something of such a value."""
        return value_minor > 0 and self.deductible and not self.says_returned

    def title_in(self, language: str) -> str:
        """The title of the paper of one donation, in the active language unless the law words it."""
        return self.titles.get(language) or gettext(self.title)

    def language(self, wanted: str) -> str:
        """The language of the paper for a donor who reads `wanted`."""
        return wanted if not self.languages or wanted in self.languages else self.languages[0]


CASH_NOT_DEDUCTIBLE = gettext_noop(
    "Given in cash: the law allows a deduction only for donations whose payment can be traced."
)


def channel_problem(regime: Regime, entity: LegalEntity, channel: str) -> Problem | None:
    """What keeps a donation that came so from a tax receipt: cash, where only what can be traced is deductible."""
    untraceable = channel == Channel.CASH and entity.country in TRACEABLE_ONLY
    return Problem.NOT_TRACEABLE if untraceable and regime.deductible else None


def channel_statements(entity: LegalEntity, channel: str) -> list[str]:
    """What a paper has to say of the way a donation came, in the active language."""
    untraceable = channel == Channel.CASH and entity.country in TRACEABLE_ONLY
    return [gettext(CASH_NOT_DEDUCTIBLE)] if untraceable else []


def needs_statement(snapshot: Snapshot) -> Problem | None:
    """Without the sentence that the law wants there is no paper."""
    return None if any(snapshot.statements) else Problem.NO_STATEMENT
