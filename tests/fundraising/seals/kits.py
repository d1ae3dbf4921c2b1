"""A partner with a key pair of its own, and people who draft, sign and publish, for tests of seals."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.contrib.auth.models import User

from fundraising.models import Partner, PartnerKey, PartnerShown, Role, Seal
from fundraising.seals import verbs
from tests import factories, staff
from tests.factories import AppealKit
from tests.fundraising.spending.kits import make_partner

ALIAS, PLACE = "Lighthouse", "https://lighthouse.example/key"
TODAY = date(2040, 3, 1)
WORDS = {"en": "We know this appeal.", "it": "Conosciamo questo appello."}


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@dataclass(frozen=True)
class Pair:
    """What only the partner has."""

    private: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def public(self) -> str:
        return encoded(self.private.public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        return encoded(self.private.sign(text.encode()))


@dataclass(frozen=True)
class Sealing:
    """An appeal, a partner with a key, and three people: one adds the key, one writes, one publishes."""

    kit: AppealKit
    partner: Partner
    pair: Pair
    key: PartnerKey
    keeper: User
    author: User
    approver: User

    def draft(self, **changes: Any) -> Seal:
        asked: dict[str, Any] = {
            "texts": WORDS, "valid_from": TODAY, "valid_until": in_days(100), "by": self.author,
            "key": self.key, "appeal": self.kit.appeal, **changes,
        }  # fmt: skip
        return verbs.draft_seal(asked.pop("appeal"), asked.pop("key"), asked.pop("texts"), **asked)

    def signed(self, **changes: Any) -> Seal:
        seal = self.draft(**changes)
        return verbs.take_signature(seal, self.pair.sign(seal.statement), by=self.author)

    def published(self, **changes: Any) -> Seal:
        return verbs.publish(self.signed(**changes), by=self.approver)


def make_sealing(*, withheld: bool = False, kit: AppealKit | None = None) -> Sealing:
    """A partner of whom all may be said at once; with `withheld` its name not, so its key is for one appeal alone."""
    kit = kit or factories.make_appeal()
    shown = PartnerShown.WITHHELD if withheld else PartnerShown.ALIAS
    partner = make_partner(kit.entity, shown=shown, alias=ALIAS, region="the south", delay_days=0)
    keeper, pair = staff.make_person(Role.FINANCE, entity=kit.entity), Pair()
    key = verbs.add_key(
        partner, pair.public, appeal=kit.appeal if withheld else None, at="" if withheld else PLACE, by=keeper
    )
    author = staff.make_person(Role.FINANCE, entity=kit.entity)
    return Sealing(kit, partner, pair, key, keeper, author, staff.make_person(Role.APPROVER, entity=kit.entity))


def in_days(days: int) -> date:
    return TODAY + timedelta(days=days)
