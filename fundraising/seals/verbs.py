"""The verbs of seals: keep a partner's key, draft a statement, take its signature, publish, end.

Each is one database transaction, and all raise SealRefused. Whoever publishes has neither drafted the statement, nor
brought its signature, nor added the key: one person alone can make no partner say anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from .. import trail
from ..models import Appeal, Partner, PartnerKey, Seal, SealState
from ..spending import partners
from .showing import Standing, addresses_of, is_genuine, standing, today
from .statements import MOST_DAYS, Statement, StatementRefused, code_of, read_key, read_signature


class SealRefused(Exception):
    """It cannot be done so; nothing was written. `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@transaction.atomic
def add_key(partner: Partner, given: str, *, by: User, appeal: Appeal | None = None, at: str = "") -> PartnerKey:
    """Keep a partner's public key: base64 or PEM. `at` is where the partner publishes its fingerprint.

    For an appeal alone it is published nowhere; else it must be. Raises SealRefused: `key`, `private_key`, `known`,
    `not_published`, `published`, `tells`, `other_entity`.
    """
    try:
        public_key = read_key(given)
    except StatementRefused as refused:
        raise SealRefused(refused.code) from None
    at = at.strip()
    if appeal and appeal.campaign.entity_id != partner.entity_id:
        raise SealRefused("other_entity")
    if bool(appeal) == bool(at):
        raise SealRefused("published" if appeal else "not_published")
    if partners.tells(partner, [at]):
        raise SealRefused("tells")
    if PartnerKey.objects.filter(public_key=public_key).exists():
        raise SealRefused("known")
    key = PartnerKey.objects.create(partner=partner, appeal=appeal, public_key=public_key, fingerprint_at=at, by=by)
    told = {"public_key": public_key, "partner": str(partner), "appeal": appeal.slug if appeal else ""}
    trail.record("partner_key_added", by=by, about=f"key:{key.uuid}", entity=partner.entity, after=told)
    return key


@transaction.atomic
def revoke_key(key: PartnerKey, *, by: User, why: str) -> PartnerKey:
    """From now on no seal of this key is valid. One person is enough. Refused: `no_reason`, `revoked`."""
    if not why.strip():
        raise SealRefused("no_reason")
    locked = PartnerKey.objects.select_for_update(of=("self",)).select_related("partner__entity").get(pk=key.pk)
    if locked.revoked_at:
        raise SealRefused("revoked")
    locked.revoked_at, locked.revoked_by, locked.revoked_why = timezone.now(), by, why.strip()
    locked.save(update_fields=["revoked_at", "revoked_by", "revoked_why"])
    trail.record("partner_key_revoked", by=by, about=f"key:{locked.uuid}", entity=locked.partner.entity)
    return locked


@transaction.atomic
def draft_seal(
    appeal: Appeal, key: PartnerKey, texts: Mapping[str, str], *, valid_from: date, valid_until: date, by: User
) -> Seal:
    """Write the statement for a partner to sign: about all pages of the appeal, in each of their languages.

    Raises SealRefused: `revoked`, `other_entity`, `other_appeal`, `no_alias`, `no_page`, `texts`, `tells`, `days`,
    `known` (the same statement again).
    """
    key = PartnerKey.objects.select_related("partner").get(pk=key.pk)
    addresses = addresses_of(appeal)
    _refuse_key(key, appeal)
    if not addresses:
        raise SealRefused("no_page")
    if not valid_from <= valid_until <= valid_from + timedelta(days=MOST_DAYS) or valid_until < today():
        raise SealRefused("days")
    words = {locale: " ".join(texts.get(locale, "").split()) for locale in addresses}
    if not all(words.values()):
        raise SealRefused("texts")
    withheld = key.appeal_id is not None
    if partners.tells(key.partner, words.values(), also_alias=withheld):
        raise SealRefused("tells")
    entity = appeal.campaign.entity
    statement = Statement(
        addresses=addresses,
        appeal=str(appeal.uuid),
        key=key.public_key,
        organisation={"name": entity.name, "registration": entity.registration},
        partner="" if withheld else key.partner.alias,
        texts=words,
        valid_from=valid_from,
        valid_until=valid_until,
    )
    try:
        text = statement.text()
    except ValueError:
        raise SealRefused("texts") from None
    if Seal.objects.filter(code=code_of(text)).exists():
        raise SealRefused("known")
    seal = Seal.objects.create(appeal=appeal, key=key, statement=text, code=code_of(text), by=by)
    _record("seal_drafted", seal, by)
    return seal


def _refuse_key(key: PartnerKey, appeal: Appeal) -> None:
    if key.revoked_at:
        raise SealRefused("revoked")
    if key.partner.entity_id != appeal.campaign.entity_id:
        raise SealRefused("other_entity")
    if key.appeal_id not in {None, appeal.pk}:
        raise SealRefused("other_appeal")
    if key.appeal_id is None and key.partner.shown != "alias":
        raise SealRefused("no_alias")


@transaction.atomic
def take_signature(seal: Seal, given: str | bytes, *, by: User) -> Seal:
    """Keep what the partner signed, once it is the key's and of these bytes. Refused: `signature`, `wrong`, `late`."""
    locked = _locked(seal)
    if locked.state not in {SealState.DRAFTED, SealState.SIGNED}:
        raise SealRefused("late")
    try:
        locked.signature = read_signature(given)
    except StatementRefused as refused:
        raise SealRefused(refused.code) from None
    if not is_genuine(locked, Statement.read(locked.statement)):
        raise SealRefused("wrong")
    locked.state, locked.signed_by = SealState.SIGNED, by
    locked.save(update_fields=["signature", "state", "signed_by"])
    _record("seal_signed", locked, by)
    return locked


@transaction.atomic
def publish(seal: Seal, *, by: User) -> Seal:
    """Show it, by somebody who had no hand in it. Refused: `own`, `unsigned`, `not_now` with how it stands."""
    locked = _locked(seal)
    if locked.state != SealState.SIGNED:
        raise SealRefused("unsigned")
    if by.pk in {locked.by_id, locked.signed_by_id, locked.key.by_id}:
        raise SealRefused("own")
    if (found := standing(locked, today())) not in {Standing.VALID, Standing.NOT_YET, Standing.HIDDEN}:
        raise SealRefused(found)
    locked.state, locked.published_by, locked.published_at = SealState.PUBLISHED, by, timezone.now()
    locked.save(update_fields=["state", "published_by", "published_at"])
    _record("seal_published", locked, by)
    return locked


@transaction.atomic
def end(seal: Seal, *, by: User) -> Seal:
    """Take it away for good, draft or published; one person is enough. Refused: `ended`."""
    locked = _locked(seal)
    if locked.state == SealState.ENDED:
        raise SealRefused("ended")
    locked.state, locked.ended_by, locked.ended_at = SealState.ENDED, by, timezone.now()
    locked.save(update_fields=["state", "ended_by", "ended_at"])
    _record("seal_ended", locked, by)
    return locked


def _locked(seal: Seal) -> Seal:
    rows = Seal.objects.select_for_update(of=("self",)).select_related("appeal__campaign__entity", "key__partner")
    return rows.get(pk=seal.pk)


def _record(verb: str, seal: Seal, by: User) -> None:
    """Ids only: what the statement says may come to be hidden."""
    told = {"appeal": seal.appeal.slug, "key": str(seal.key), "state": seal.state, "code": seal.code}
    trail.record(verb, by=by, about=f"seal:{seal.uuid}", entity=seal.appeal.campaign.entity, after=told)
