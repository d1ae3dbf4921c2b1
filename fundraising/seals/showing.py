"""Whether a seal is valid, asked anew each time one is shown; what of it everybody may see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Final

from django.conf import settings
from django.db.models import QuerySet

from ..models import Appeal, DonationPage, Seal, SealState
from ..spending import partners
from .statements import Statement, StatementRefused, fingerprint, in_groups, verifies


class Standing(StrEnum):
    """How a seal stands on a day."""

    VALID = "valid"
    NOT_YET = "not_yet"  # not published, or its days have not begun
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    KEY_REVOKED = "key_revoked"
    CLOSED = "closed"  # the appeal takes no money
    CHANGED = "changed"  # the appeal's addresses or the organisation are others than those that were signed
    HIDDEN = "hidden"  # the statement says more of the partner than may be said now
    BROKEN = "broken"  # the signature is not one of this statement, by this key, about this appeal


# What the public is told of a seal that is no longer valid; of all others nothing.
TOLD: Final = frozenset({Standing.EXPIRED, Standing.WITHDRAWN, Standing.KEY_REVOKED, Standing.CLOSED, Standing.CHANGED})
# What is never needed to say how a seal stands; where the fingerprint is published, only its own page says.
SEALED: Final = ("key__partner__real_name", "key__partner__contact", "key__partner__account", "key__revoked_why")


@dataclass(frozen=True)
class ShownSeal:
    """A seal as everybody may see it, in the language of one page; the first words are the partner's own."""

    seal: Seal
    statement: Statement
    text: str
    partner: str  # empty: withheld for safety

    @property
    def code(self) -> str:
        return in_groups(self.seal.code)

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.seal.key.public_key)

    @property
    def fingerprint_at(self) -> str:
        return str(self.seal.key.fingerprint_at) if self.partner else ""


@dataclass(frozen=True)
class Ended:
    """That there was a seal, until when and why; not whose."""

    standing: Standing
    on: date


def today() -> date:
    return datetime.now(UTC).date()


def addresses_of(appeal: Appeal) -> dict[str, str]:
    """Where the appeal collects, by language."""
    return addresses_by_appeal([appeal.pk]).get(appeal.pk, {})


def addresses_by_appeal(appeals: Iterable[int]) -> dict[int, dict[str, str]]:
    """The same of several appeals by their ids, in one query."""
    found: dict[int, dict[str, str]] = {}
    pages = DonationPage.objects.filter(appeal__in=set(appeals), published=True)
    for page in pages.order_by("appeal", "locale"):
        found.setdefault(page.appeal_id, {})[page.locale] = address_of(page)
    return found


def address_of(page: DonationPage) -> str:
    return f"{settings.PUBLIC_URL}{page.get_absolute_url()}"


def rows_of(appeal_id: int) -> QuerySet[Seal]:
    """What was ever published of an appeal, with what tells how it stands."""
    states = [SealState.PUBLISHED, SealState.ENDED]
    rows = Seal.objects.filter(appeal=appeal_id, state__in=states, published_at__isnull=False).order_by("pk")
    return rows.select_related("key__partner", "appeal__campaign__entity")


def seals_of(page: DonationPage) -> tuple[list[ShownSeal], list[Ended]]:
    """The valid seals of a page of an appeal, and those that are not valid any more; one query.

    The page's appeal is one that everybody may see (content.published_pages).
    """
    return among(rows_of(page.appeal_id).defer(*SEALED), page)


def among(rows: Iterable[Seal], page: DonationPage) -> tuple[list[ShownSeal], list[Ended]]:
    """The same of rows that were read some seconds ago: whether they are valid is asked now."""
    on, here = today(), {page.locale: address_of(page)}
    valid, ended = [], []
    for seal in rows:
        match standing(seal, on, here):
            case Standing.VALID:
                statement = Statement.read(seal.statement)
                valid.append(ShownSeal(seal, statement, statement.texts[page.locale], statement.partner))
            case found if found in TOLD:
                ended.append(Ended(found, _end(seal, found, on)))
    return valid, ended


def standing(seal: Seal, on: date, here: Mapping[str, str] | None = None) -> Standing:
    """How the seal stands on a day at some addresses, by language; without any, at all of its appeal."""
    try:
        statement = Statement.read(seal.statement)
    except StatementRefused:
        return Standing.BROKEN
    if not _may_be_told(seal, statement, on):
        return Standing.HIDDEN
    if not is_genuine(seal, statement):
        return Standing.BROKEN
    return _in_force(seal, statement, on, addresses_of(seal.appeal) if here is None else here)


def is_genuine(seal: Seal, statement: Statement) -> bool:
    """Whether this key signed this statement, and it is about this appeal."""
    about = statement.appeal == str(seal.appeal.uuid) and statement.key == seal.key.public_key
    return about and verifies(seal.key.public_key, seal.statement, seal.signature)


def _may_be_told(seal: Seal, statement: Statement, on: date) -> bool:
    """Nothing of a partner before its delay is over, and no name but the one that it has today."""
    partner = seal.key.partner
    if not partners.is_public(partner, partner.created_at.date(), on):
        return False
    if seal.key.appeal_id:
        return statement.partner == ""
    return partners.is_named(partner, on) and statement.partner == partner.alias


def _in_force(seal: Seal, statement: Statement, on: date, here: Mapping[str, str]) -> Standing:
    if seal.state == SealState.ENDED:
        return Standing.WITHDRAWN
    if seal.key.revoked_at:
        return Standing.KEY_REVOKED
    if not seal.appeal.takes_money:
        return Standing.CLOSED
    if statement.valid_until < on:
        return Standing.EXPIRED
    if seal.state != SealState.PUBLISHED or statement.valid_from > on:
        return Standing.NOT_YET
    entity = seal.appeal.campaign.entity
    same = statement.organisation == {"name": entity.name, "registration": entity.registration}
    same = same and here.items() <= dict(statement.addresses).items() and here.keys() <= dict(statement.texts).keys()
    return Standing.VALID if same else Standing.CHANGED


def _end(seal: Seal, found: Standing, on: date) -> date:
    """The last day on which it was valid, as far as is known."""
    until = Statement.read(seal.statement).valid_until
    match found:
        case Standing.WITHDRAWN if seal.ended_at:
            until = min(until, seal.ended_at.date())
        case Standing.KEY_REVOKED if seal.key.revoked_at:
            until = min(until, seal.key.revoked_at.date())
    return min(until, on)
