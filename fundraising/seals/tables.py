"""Exports of seals and keys. Nothing sealed is in them; partners by number and alias."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from ..exports.kinds import Filters, Kind
from ..exports.table import Column, Row, Table, Type, of_queryset
from ..models import LegalEntity, PartnerKey, Seal
from ..roles import May
from ..spending import partners
from .showing import addresses_by_appeal, standing, today
from .statements import fingerprint

BOOKS: Final = frozenset({May.READ_BOOKS, May.EXPORT})


def seals(entity: LegalEntity, _filters: Filters) -> Table:
    """Seals, newest first."""
    found = Seal.objects.filter(appeal__campaign__entity=entity).select_related(
        "appeal__campaign__entity", "key__partner", "by", "signed_by", "published_by", "ended_by"
    )
    found = found.defer("key__partner__real_name", "key__partner__contact", "key__partner__account")

    addresses = addresses_by_appeal(found.values_list("appeal_id", flat=True))

    def row(one: Seal) -> Row:
        here = addresses.get(one.appeal_id, {})
        people = (one.by, one.signed_by, one.published_by, one.ended_by)
        return (
            str(one), one.appeal.slug, partners.desk_name(one.key.partner, may_read=False), str(one.key), one.code,
            str(one.get_state_display()), standing(one, today(), here).value, one.at, one.published_at, one.ended_at,
            *(person.get_username() if person else "" for person in people),
        )  # fmt: skip

    columns = [
        *map(Column, (_("Seal"), _("Appeal"), _("Partner"), _("Key"), _("Code"), _("State"), _("Standing"))),
        *(Column(name, Type.TIME) for name in (_("When"), _("Published"), _("Ended"))),
        *map(Column, (_("By"), _("Signature brought by"), _("Published by"), _("Ended by"))),
    ]
    return of_queryset("seals", columns, found.order_by("-pk"), row)


def keys(entity: LegalEntity, _filters: Filters) -> Table:
    """Keys of partners, newest first."""
    found = PartnerKey.objects.filter(partner__entity=entity).select_related("partner", "appeal", "by", "revoked_by")
    found = found.defer("partner__real_name", "partner__contact", "partner__account", "fingerprint_at", "revoked_why")

    def row(one: PartnerKey) -> Row:
        return (
            str(one), partners.desk_name(one.partner, may_read=False), one.appeal.slug if one.appeal else "",
            fingerprint(one.public_key), one.by.get_username(), one.at,
            one.revoked_by.get_username() if one.revoked_by else "", one.revoked_at,
        )  # fmt: skip

    columns = [
        *map(Column, (_("Key"), _("Partner"), _("Only for"), _("Fingerprint"), _("By"))), Column(_("When"), Type.TIME),
        Column(_("Revoked by")), Column(_("Revoked"), Type.TIME),
    ]  # fmt: skip
    return of_queryset("partner-keys", columns, found.order_by("-pk"), row)


KINDS: Final = (
    Kind("seals", _("Seals of partners"), BOOKS, seals),
    Kind("partner-keys", _("Keys of partners"), BOOKS, keys),
)
