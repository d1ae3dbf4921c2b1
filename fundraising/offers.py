"""What a donation page offers to its donors: currencies with their amounts, the cost of each way to pay, questions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import JSONObject

from . import locales
from .models import BankAccount, DonationPage, FeeCover, Interval, PageCurrency, PaymentMethod, Question
from .money import Money

ONCE = "once"


@dataclass(frozen=True)
class Suggestion:
    value: str  # "EUR:2500", the value of its radio button; "EUR:500:month" where it is meant for every month
    money: Money


@dataclass(frozen=True)
class Fee:
    """What a way to pay costs in a currency."""

    method: str
    basis_points: int
    percent_text: str
    fixed: Money

    @property
    def label(self) -> str:
        return str(PaymentMethod(self.method).label)

    @property
    def regular(self) -> bool:
        """Whether it can be collected again and again; a bank transfer is sent by the donor each time."""
        return self.method != PaymentMethod.CUSTOMER_BALANCE

    def cover(self, wished: Money) -> Money:
        """What to add to `wished` so that it arrives whole."""
        rule = FeeCover(currency=wished.currency, basis_points=self.basis_points, fixed_minor=self.fixed.minor)
        return rule.cover(wished)


@dataclass(frozen=True)
class Currency:
    code: str
    name: str
    symbol: str
    minimum: Money
    maximum: Money
    suggestions: list[Suggestion]
    monthly: list[Suggestion]  # empty: the same as for a single donation
    fees: list[Fee]
    by_transfer: bool = False  # whether donors may send it to a bank account of the entity's own

    def suggested(self, frequency: str) -> list[Suggestion]:
        """The amounts to suggest to who gives once, every `month` or every `year`."""
        return self.monthly if self.monthly and frequency == Interval.MONTH else self.suggestions

    def covers(self, frequency: str) -> list[Fee]:
        """The ways to pay whose fee can be covered, for who gives so often."""
        return [fee for fee in self.fees if frequency == ONCE or fee.regular]

    # What donate-form.js reads of a currency that was not the page's when it was sent.

    @property
    def suggestions_text(self) -> str:
        return " ".join(str(suggestion.money.minor) for suggestion in self.suggestions)

    @property
    def monthly_text(self) -> str:
        return " ".join(str(suggestion.money.minor) for suggestion in self.monthly)

    @property
    def fees_text(self) -> str:
        return " ".join(f"{fee.method}:{fee.basis_points}:{fee.fixed.minor}" for fee in self.fees)


def with_questions(pages: QuerySet[Any]) -> QuerySet[Any]:
    """Donation pages with the questions they ask, as JSON: no query of its own."""
    asked = Question.objects.filter(page=OuterRef("pk"), retired=False).order_by("position", "pk")
    fields = ("id", "position", "label", "hint", "kind", "choices", "required")
    found: QuerySet[Any] = pages.annotate(
        asked=ArraySubquery(asked.values(json=JSONObject(**{name: name for name in fields})))
    )
    return found


def questions(page: Any) -> list[Question]:
    """The questions of a page that was read `with_questions`."""
    return [Question(page_id=page.pk, **fields) for fields in page.asked]


def currencies(page: DonationPage) -> list[Currency]:
    """The currencies of a page in its order, each with the fees and the bank account of its entity; one query."""
    entity = OuterRef("page__appeal__campaign__entity")
    shown = BankAccount.objects.filter(entity=entity, currency=OuterRef("currency"), takes_donations=True)
    rules = FeeCover.objects.filter(entity=entity, currency=OuterRef("currency"))
    fees = rules.order_by("pk").values(
        json=JSONObject(method="method", basis_points="basis_points", fixed_minor="fixed_minor")
    )
    rows = PageCurrency.objects.filter(page=page).annotate(fees=ArraySubquery(fees), by_transfer=Exists(shown))
    return [_currency(row, page.locale) for row in rows]


def _currency(row: Any, locale: str) -> Currency:
    code = row.currency
    return Currency(
        code=code,
        name=locales.currency_name(code, locale),
        symbol=locales.symbol(code, locale),
        minimum=row.minimum,
        maximum=row.maximum,
        suggestions=[Suggestion(f"{code}:{minor}", Money(minor, code)) for minor in row.suggested_minor],
        monthly=[
            Suggestion(f"{code}:{minor}:{Interval.MONTH}", Money(minor, code)) for minor in row.suggested_regular_minor
        ],
        fees=[
            Fee(
                method=fee["method"],
                basis_points=fee["basis_points"],
                percent_text=locales.percent(fee["basis_points"], locale),
                fixed=Money(fee["fixed_minor"], code),
            )
            for fee in row.fees
        ],
        by_transfer=row.by_transfer,
    )
