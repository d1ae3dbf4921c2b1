"""The rounds of appeals and the history of their goals, as a table to export."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from ..exports.kinds import Filters, Kind
from ..exports.table import Column, Row, Table, Type, of_queryset
from ..exports.tables import BOOKS
from ..models import Goal, LegalEntity
from ..money import Money


def goals(entity: LegalEntity, filters: Filters) -> Table:
    """Every goal that was set, with its round: oldest first."""
    found = Goal.objects.filter(round__appeal__campaign__entity=entity).select_related("round__appeal")
    if slug := filters.get("appeal"):
        found = found.filter(round__appeal__slug=slug)

    def row(goal: Goal) -> Row:
        round_ = goal.round
        return (
            round_.appeal.slug, round_.number, round_.reason, round_.opens_at, round_.closes_at, round_.appeal.currency,
            Money(goal.amount_minor, round_.appeal.currency).decimal, goal.set_at, goal.reason,
        )  # fmt: skip

    columns = [
        Column(_("Appeal")), Column(_("Round"), Type.INTEGER), Column(_("Why it asks")), Column(_("Opens"), Type.TIME),
        Column(_("Closes"), Type.TIME), Column(_("Currency")), Column(_("Goal"), Type.AMOUNT),
        Column(_("Set"), Type.TIME), Column(_("Why the goal")),
    ]  # fmt: skip
    return of_queryset("rounds", columns, found.order_by("round__appeal_id", "round__number", "pk"), row)


KINDS: Final = (Kind("rounds", _("Rounds and goals of appeals"), BOOKS, goals, kept=("appeal",)),)
