"""Masking that works backwards: what was published of a partner is shown with less detail, sums unchanged (ADR 226).

`mask` changes how the partner is shown, writes a Masking, and takes their names out of updates at once. Whatever else
keeps something published (reports: receipts/reports/masking.py) holds it back until it has looked up every Masking of
its legal entity. What is kept as donors saw it, such as wordings, is listed for a person (`mentions`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from django.contrib.auth.models import User
from django.core.cache import caches
from django.db import models, transaction
from django.db.models import Max, QuerySet
from django.utils.translation import gettext, override

from .. import trail
from ..models import (
    Appeal,
    AppealWording,
    Campaign,
    CampaignText,
    CampaignUpdate,
    LegalEntity,
    Masking,
    Partner,
    PartnerShown,
    RoundText,
)
from . import partners
from .partners import PartnerRefused, Shown

# Texts that are changed only by a person: donors saw them, or they read as a whole. With how they belong to an entity.
KEPT: Final[tuple[tuple[type[models.Model], str, tuple[str, ...]], ...]] = (
    (CampaignText, "campaign__entity", ("title", "summary", "story", "partner_credit")),
    (AppealWording, "appeal__campaign__entity", ("title", "ask", "purpose", "secondary_purpose")),
    (RoundText, "round__appeal__campaign__entity", ("reason",)),
)

ACCENTS: Final = "\u0300-\u036f\u064b-\u065f"


@dataclass(frozen=True)
class Mention:
    """A public text in which a name of the partner stands and that a person has to look at."""

    kind: str
    name: str
    locale: str


@transaction.atomic
def mask(partner: Partner, shown: Shown, *, by: User, reason: str) -> Masking:
    """Show a partner with less, backwards too. Raises PartnerRefused: `no_reason`, or as `add_partner` does."""
    if not reason.strip():
        raise PartnerRefused("no_reason")
    # One masking of an entity at a time, so that their numbers are in the order in which they are committed.
    entity = LegalEntity.objects.select_for_update(no_key=True).get(pk=partner.entity_id)
    locked = Partner.objects.select_for_update(of=("self",)).get(pk=partner.pk)
    partners.show(locked, shown)
    masking = Masking.objects.create(partner=locked, reason=reason.strip(), by=by)
    changed = _mask_updates(locked)
    trail.record(
        "partner_masked", by=by, about=partners.about(locked), entity=entity, after={"updates_changed": changed},
        reason=reason.strip(),
    )  # fmt: skip
    transaction.on_commit(caches["pages"].clear)
    return masking


def newest(entity: LegalEntity | int) -> int:
    """The number of the entity's last masking; 0 where there is none."""
    return _last(Masking.objects.filter(partner__entity=entity))


def newest_for(appeal: Appeal) -> int:
    """The same of the entity whose fund the appeal's is, in one query."""
    return _last(Masking.objects.filter(partner__entity__funds=appeal.fund_id))


def _last(maskings: QuerySet[Masking]) -> int:
    return maskings.aggregate(newest=Max("pk"))["newest"] or 0


def masked_partners(entity: LegalEntity | int, *, after: int = 0) -> list[Partner]:
    """The partners of the entity that were masked after a masking."""
    found = Partner.objects.filter(entity=entity, maskings__pk__gt=after)
    return list(found.select_related("entity").order_by("pk").distinct())


def words_of(partner: Partner) -> list[str]:
    """The names to take out of what is public, longest first: the real one, and each alias that is shown no more."""
    names = [str(partner.real_name), *partners.names_of(partner)]
    if partner.shown == PartnerShown.WITHHELD:
        names.append(partner.alias)
    return sorted({name for name in names if name}, key=lambda name: (-len(name), name))


def without(text: str, partner: Partner) -> str:
    """The text with "withheld for safety", in the active language, for each name of a masked partner in it."""
    words = gettext("withheld for safety")
    found, count = _pattern(words_of(partner)).subn(lambda _found: words, _taken_apart(text))
    return unicodedata.normalize("NFC", found) if count else text


def tells_a_name(texts: Iterable[str], entity: LegalEntity | int) -> bool:
    """Whether the real name of a partner of the entity stands in a text. Ask only for those who may read partners."""
    names = [str(name) for name in Partner.objects.filter(entity=entity).values_list("real_name", flat=True) if name]
    found = _pattern(names) if names else None
    return found is not None and any(found.search(_taken_apart(text)) for text in texts)


def mentions(partner: Partner) -> Iterator[Mention]:
    """The texts in which a name of a masked partner stands and that only a person can change."""
    pattern = _pattern(words_of(partner))
    for model, entity, names in KEPT:
        for row in model._default_manager.filter(**{entity: partner.entity_id}).order_by("pk"):
            if any(pattern.search(_taken_apart(getattr(row, name))) for name in names):
                title = unicodedata.normalize("NFC", pattern.sub("…", _taken_apart(str(row))))
                yield Mention(str(model._meta.verbose_name), title, getattr(row, "locale", ""))


def _pattern(names: Iterable[str]) -> re.Pattern[str]:
    """Any of the names in a text that is taken apart, as a word or words of its own.

    Whatever its case, its accents, and the spaces or signs between its words: a reader sees the same name.
    """
    found = [r"[\W_]+".join(map(_lettered, _words(name))) or re.escape(name) for name in names]
    return re.compile(rf"(?<!\w)(?:{'|'.join(found)})(?!\w)", re.IGNORECASE)


def _words(name: str) -> list[str]:
    bare = "".join(char for char in _taken_apart(name) if not unicodedata.combining(char))
    return re.findall(r"[^\W_]+", bare)


def _lettered(word: str) -> str:
    return "".join(f"{re.escape(char)}[{ACCENTS}]*" for char in word)


def _taken_apart(text: str) -> str:
    """The text with each accent as a sign of its own, as some keyboards write it anyway."""
    return unicodedata.normalize("NFD", text)


def _mask_updates(partner: Partner) -> int:
    """Take the names out of the updates of the entity's campaigns; how many were changed."""
    changed = 0
    campaigns = Campaign.objects.filter(entity=partner.entity_id)
    for update in CampaignUpdate.objects.filter(campaign__in=campaigns).select_for_update().order_by("pk"):
        with override(update.locale):
            title, body = without(update.title, partner), without(update.body, partner)
        if (title, body) != (update.title, update.body):
            update.title, update.body = title[:160], body
            update.save(update_fields=["title", "body"])
            changed += 1
    return changed
