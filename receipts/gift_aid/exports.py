"""The exports of Gift Aid's lists at the desk: claims, and declarations, which name donors."""

from __future__ import annotations

from django.db.models import Count, Q, Sum
from django.utils.translation import gettext_lazy as _

from fundraising.exports import kinds
from fundraising.exports.kinds import Kind
from fundraising.exports.table import Column, Row, Table, Type, major, of_queryset
from fundraising.models import LegalEntity
from fundraising.roles import May

from ..models import Declaration, GiftAidClaim
from ..years.exports import Filters
from .claims import CURRENCY

NEEDS = frozenset({May.GIFT_AID, May.EXPORT})


def claims(entity: LegalEntity, _filters: Filters) -> Table:
    """The claims made, the newest first."""
    of_claim = Q(rows__adjusts=None)
    found = GiftAidClaim.objects.filter(entity=entity).select_related("made_by").order_by("-number")
    found = found.annotate(
        donations=Count("rows", filter=of_claim), pence=Sum("rows__amount_minor", filter=of_claim, default=0)
    )

    def row(claim: GiftAidClaim) -> Row:
        donations, pence = claim.donations, claim.pence  # type: ignore[attr-defined]
        amount = major(pence, CURRENCY)
        return claim.number, claim.made_at, claim.made_by.get_username(), claim.until, donations, amount

    columns = [
        Column(_("Number"), Type.INTEGER), Column(_("Made"), Type.TIME), Column(_("By")),
        Column(_("Donations until"), Type.DATE), Column(_("Donations"), Type.INTEGER),
        Column(_("Amount (GBP)"), Type.AMOUNT),
    ]  # fmt: skip
    return of_queryset("gift-aid-claims", columns, found, row)


def declarations(entity: LegalEntity, _filters: Filters) -> Table:
    """All declarations, the newest first; without names where the donor was erased."""
    found = Declaration.objects.filter(entity=entity).select_related("donor").order_by("-pk")

    def row(one: Declaration) -> Row:
        name = "" if one.donor.erased_at else f"{one.first_name} {one.last_name}"
        scope, way = str(one.get_scope_display()), str(one.get_way_display())
        return str(one.donor.uuid), name, scope, one.declared_on, way, one.cancelled_on

    columns = [
        Column(_("Donor")), Column(_("Name")), Column(_("For which donations")), Column(_("Declared"), Type.DATE),
        Column(_("Made")), Column(_("Cancelled"), Type.DATE),
    ]  # fmt: skip
    return of_queryset("gift-aid-declarations", columns, found, row)


def register_all() -> None:
    """Make them known."""
    kinds.register(Kind("gift-aid-claims", _("Gift Aid claims"), NEEDS, claims))
    kinds.register(Kind("gift-aid-declarations", _("Gift Aid declarations"), NEEDS, declarations, personal=True))
