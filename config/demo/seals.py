"""The demo's partners seal its appeals: one by its alias, one whose name is withheld. Their keys are thrown away."""

from __future__ import annotations

import base64
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.contrib.auth.models import User
from django.utils.translation import override

from config.demo.told import SEALED
from fundraising.models import Appeal, Partner, PartnerShown, Seal, SealState
from fundraising.seals import showing, verbs
from fundraising.seals.showing import Standing
from fundraising.seals.words import usual_text

YEAR = timedelta(days=365)


def add() -> None:
    """A valid seal on both appeals of the partners; anew where the address of the demo is another than last time."""
    for slug, shown in (("a-way-out", PartnerShown.ALIAS), ("legal-defence", PartnerShown.WITHHELD)):
        appeal = Appeal.objects.select_related("campaign__entity").get(slug=slug)
        partner = Partner.objects.filter(entity=appeal.campaign.entity, shown=shown).order_by("pk").first()
        if partner and not _is_sealed(appeal):
            _seal(appeal, partner)


def _is_sealed(appeal: Appeal) -> bool:
    rows = Seal.objects.filter(appeal=appeal, state=SealState.PUBLISHED).select_related(
        "appeal__campaign__entity", "key__partner"
    )
    return any(showing.standing(seal, showing.today()) == Standing.VALID for seal in rows)


def _seal(appeal: Appeal, partner: Partner) -> None:
    finance, approver = (User.objects.get(username=name) for name in ("finance", "approver"))
    for old in Seal.objects.filter(appeal=appeal).exclude(state=SealState.ENDED):
        verbs.end(old, by=finance)
    private = Ed25519PrivateKey.generate()
    public = base64.b64encode(private.public_key().public_bytes_raw()).decode()
    named = partner.shown == PartnerShown.ALIAS
    place = "https://the-night-road.example/key" if named else ""
    key = verbs.add_key(partner, public, appeal=None if named else appeal, at=place, by=finance)
    today = showing.today()
    texts = SEALED if named else _usual(appeal)
    seal = verbs.draft_seal(appeal, key, texts, valid_from=today, valid_until=today + YEAR, by=finance)
    seal = verbs.take_signature(seal, private.sign(seal.statement.encode()), by=finance)
    verbs.publish(seal, by=approver)


def _usual(appeal: Appeal) -> dict[str, str]:
    found = {}
    for locale in showing.addresses_of(appeal):
        with override(locale):
            found[locale] = usual_text(appeal.campaign.entity.name)
    return found
