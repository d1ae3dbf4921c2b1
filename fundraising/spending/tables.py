"""Exports of the money trail: an appeal's figures, the steps, the partners. No sealed field is in any of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from ..exports import kinds
from ..exports.kinds import ExportRefused, Filters, Kind
from ..exports.table import Column, Row, Table, Type, of_list, of_queryset
from ..models import Appeal, LegalEntity, Partner, SpendingStep, StepState
from ..money import Money
from ..roles import May
from . import partners
from .figures import CurrencyFigures
from .reading import appeal_figures

BOOKS: Final = frozenset({May.READ_BOOKS, May.EXPORT})
# The figures of a currency in the order in which they add up (figures.py), with the names that code uses.
FIGURES: Final = (
    "opening", "received", "refunds", "withheld", "chargebacks", "fees_provider", "fee_tax", "fees_bank", "admin_fee",
    "other", "exchanged", "passed", "net", "spent", "unspent", "available", "unsettled", "to_commit", "to_send",
    "underway", "held", "lent", "borrowed", "pending",
)  # fmt: skip
OF_LINES: Final = (
    "budgeted", "allocated", "committed", "disbursed", "arrived", "confirmed", "spent", "returned", "to_commit",
    "to_send", "underway", "held",
)  # fmt: skip
_FIRST: Final = date(2000, 1, 1)


def figures(entity: LegalEntity, filters: Filters) -> Table:
    """Every figure of an appeal (or of all), one a row."""
    appeals = Appeal.objects.filter(campaign__entity=entity).select_related("fund").order_by("pk")
    if slug := filters.get("appeal"):
        appeals = appeals.filter(slug=slug)
    first, last = kinds.day(filters, "first", _FIRST), kinds.day(filters, "last", kinds.today())
    if first > last:
        raise ExportRefused("order")
    rows = [
        (appeal.slug, *row)
        for appeal in appeals
        for one in appeal_figures(appeal, first=first, last=last).by_currency
        for row in _rows(one)
    ]
    columns = [
        Column(_("Appeal")), Column(_("Currency")), Column(_("Category")), Column(_("Figure")),
        Column(_("Amount"), Type.AMOUNT),
    ]  # fmt: skip
    return of_list("spending", columns, rows)


def _rows(one: CurrencyFigures) -> Iterator[tuple[str, ...]]:
    def row(category: str, name: str, money: Money) -> Row:
        return (one.currency, category, name, money.decimal)

    for name in FIGURES:
        yield row("", name, getattr(one, name))  # type: ignore[misc]
    for channel, money in one.received_by.items():
        yield row("", f"received_{channel}", money)  # type: ignore[misc]
    for line in one.lines:
        for name in OF_LINES:
            yield row(line.category, name, getattr(line, name))  # type: ignore[misc]


def steps(entity: LegalEntity, filters: Filters) -> Table:
    """Steps of the money, oldest first; partners by number and alias."""
    first, last = kinds.days(filters)
    found = SpendingStep.objects.filter(entity=entity, accounted_on__range=(first, last))
    found = found.select_related("line", "partner", "by", "decided_by", "fund", "rests_on", "bank_account")
    found = found.defer(
        "sealed_attachment", "text", "decision", "attachment_name", "partner__real_name", "partner__contact",
        "partner__account", "rests_on__sealed_attachment", "rests_on__text", "rests_on__decision",
        "rests_on__attachment_name",
    )  # fmt: skip
    if slug := filters.get("appeal"):
        found = found.filter(fund__appeal__slug=slug)
    if (state := filters.get("state", "")) in StepState.values:
        found = found.filter(state=state)
    if wanted := filters.get("step"):
        found = found.filter(rests_on__uuid=_uuid(wanted))

    def row(one: SpendingStep) -> Row:
        return (
            one.accounted_on, str(one.uuid), str(one.get_kind_display()), str(one.get_state_display()), one.fund.name,
            one.line.category if one.line else "",
            partners.desk_name(one.partner, may_read=False) if one.partner else "",
            one.currency, one.amount.decimal, one.other_currency, one.arrived.decimal if one.arrived else None,
            one.bank_account.name if one.bank_account else "", one.evidence, one.by.get_username(), one.at,
            one.decided_by.get_username() if one.decided_by else "", one.decided_at,
            str(one.rests_on.uuid) if one.rests_on else "", one.entry_id,
        )  # fmt: skip

    columns = [
        Column(_("Date"), Type.DATE), Column(_("Step")), Column(_("Kind")), Column(_("State")), Column(_("Fund")),
        Column(_("Category")), Column(_("Partner")), Column(_("Currency")), Column(_("Amount"), Type.AMOUNT),
        Column(_("Currency that arrived")), Column(_("Amount that arrived"), Type.AMOUNT), Column(_("Bank account")),
        Column(_("Evidence")), Column(_("By")), Column(_("When"), Type.TIME), Column(_("Decided by")),
        Column(_("Decided"), Type.TIME), Column(_("Rests on")), Column(_("Entry"), Type.INTEGER),
    ]  # fmt: skip
    return of_queryset("steps", columns, found.order_by("accounted_on", "pk"), row)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ExportRefused("step") from None


def partner_table(entity: LegalEntity, _filters: Filters) -> Table:
    """Partners as the books know them: without who they are."""
    found = Partner.objects.filter(entity=entity).defer("real_name", "contact", "account").order_by("pk")
    on = kinds.today()

    def row(one: Partner) -> Row:
        return (
            str(one), str(one.get_shown_display()), partners.public_name(one, on), partners.public_region(one, on),
            one.delay_days, Money(one.least_shown_minor, entity.currency).decimal, "x" if one.active else "",
        )  # fmt: skip

    columns = [
        Column(_("Partner")), Column(_("Shown to the public")), Column(_("Public name")), Column(_("Region")),
        Column(_("Days until anything is published"), Type.INTEGER), Column(_("Smallest amount shown"), Type.AMOUNT),
        Column(_("Takes new commitments")),
    ]  # fmt: skip
    return of_queryset("partners", columns, found, row)


KINDS: Final = (
    Kind("spending", _("Figures of the money trail"), BOOKS, figures, ("first", "last"), kept=("appeal",)),
    Kind("steps", _("Steps of the money"), BOOKS, steps, ("first", "last"), kept=("appeal", "state", "step")),
    Kind("partners", _("Partners, without who they are"), BOOKS, partner_table),
)
