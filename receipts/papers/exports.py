"""The export of what an entity's accountant worded anew."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from fundraising.exports import kinds
from fundraising.exports.kinds import Kind
from fundraising.exports.table import Column, Row, Table, Type, of_queryset
from fundraising.models import LegalEntity
from fundraising.roles import May

from ..models import Wording
from ..years.exports import Filters


def wordings(entity: LegalEntity, _filters: Filters) -> Table:
    """Every version of every sentence, with who signed it off."""
    found = Wording.objects.filter(entity=entity).select_related("written_by")

    def row(one: Wording) -> Row:
        by = one.written_by.get_username()
        return one.regime, one.slot, one.locale, one.version, one.text, one.signed_off_by, by, one.written_at

    columns = [
        Column(_("Regime")), Column(_("Sentence")), Column(_("Language")), Column(_("Version"), Type.INTEGER),
        Column(_("Text")), Column(_("Signed off by")), Column(_("By")), Column(_("Written"), Type.TIME),
    ]  # fmt: skip
    return of_queryset("wordings", columns, found.order_by("regime", "slot", "locale", "version"), row)


def register_all() -> None:
    """Make it known."""
    kinds.register(Kind("wordings", _("Wordings of papers"), frozenset({May.MANAGE_PAPERS, May.EXPORT}), wordings))
