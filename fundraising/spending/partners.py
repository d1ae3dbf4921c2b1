"""Partners: what of them may be seen, and by whom. The only way out for anything about a partner.

`desk_name` and `sealed_details` open what is sealed, for those with the right READ_PARTNERS; the trail tells of the
latter. All other functions are safe to publish. They ask the partner's row as it is now, so whoever is withheld today
is withheld in everything that is built from today on, whatever was said before.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from .. import trail
from ..breaks.resolving import in_currency
from ..models import LegalEntity, Partner, PartnerShown
from ..money import Money


class PartnerRefused(Exception):
    """The partner cannot be kept so; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Details:
    """Who a partner is. Never log, cache or publish it."""

    real_name: str
    contact: str
    account: str

    def __repr__(self) -> str:
        return "Details(sealed)"


@dataclass(frozen=True, kw_only=True)
class Shown:
    """How a partner is shown; none of it is secret."""

    shown: PartnerShown = PartnerShown.WITHHELD
    alias: str = ""
    region: str = ""
    delay_days: int = 30
    least_shown_minor: int = 0
    active: bool = True


# --- What anybody may see -----------------------------------------------------------------------------------


def is_named(partner: Partner, on: date) -> bool:
    """Whether what is published on a day may tell the partner from others: its alias, its region."""
    return partner.shown == PartnerShown.ALIAS and is_public(partner, partner.created_at.date(), on)


def public_name(partner: Partner, on: date) -> str:
    """The name under which what is published on a day shows a partner."""
    return partner.alias if is_named(partner, on) else _("withheld for safety")


def public_region(partner: Partner, on: date) -> str:
    """The region in what is published on a day; empty where there is none to name."""
    return partner.region if is_named(partner, on) else ""


def is_public(partner: Partner, happened_on: date, on: date) -> bool:
    """Whether something that happened with the partner may be published on a day."""
    return on >= happened_on + timedelta(days=partner.delay_days)


def is_large_enough(partner: Partner, amount: Money) -> bool:
    """Whether a figure of the partner alone may be shown; without an exchange rate only if any may be."""
    if not partner.least_shown_minor:
        return True
    worth = in_currency(amount, partner.entity.currency)
    return worth is not None and worth.minor >= partner.least_shown_minor


# --- What staff see -------------------------------------------------------------------------------------------


def desk_name(partner: Partner, *, may_read: bool) -> str:
    """The name at the desk: the real one for those who may read it, else its number, and the alias if it is shown."""
    if may_read:
        return str(partner.real_name)
    return f"{partner} ({partner.alias})" if partner.shown == PartnerShown.ALIAS else str(partner)


@transaction.atomic
def sealed_details(partner: Partner, *, by: User) -> Details:
    """Who the partner is, for somebody with the right READ_PARTNERS. The trail tells that they looked."""
    trail.record("partner_read", by=by, about=about(partner), entity=partner.entity)
    return Details(partner.real_name, partner.contact, partner.account)


@transaction.atomic
def add_partner(entity: LegalEntity, details: Details, shown: Shown, *, by: User) -> Partner:
    """Keep a new partner. Raises PartnerRefused: `no_name`, `no_alias`, or `alias_tells` who it is."""
    partner = Partner(entity=entity)
    _fill(partner, details, shown)
    partner.save(force_insert=True)
    trail.record("partner_added", by=by, about=about(partner), entity=entity, after=_told(partner))
    return partner


@transaction.atomic
def change_partner(partner: Partner, details: Details, shown: Shown, *, by: User) -> Partner:
    """Change what is kept of a partner, from now on everywhere. Raises as `add_partner` does."""
    locked = Partner.objects.select_for_update(of=("self",)).select_related("entity").get(pk=partner.pk)
    before, sealed = _told(locked), (locked.real_name, locked.contact, locked.account)
    _fill(locked, details, shown)
    locked.save()
    changed = sealed != (locked.real_name, locked.contact, locked.account)
    after = {**_told(locked), "sealed_details_changed": changed}
    trail.record("partner_changed", by=by, about=about(locked), entity=locked.entity, before=before, after=after)
    return locked


def names_of(partner: Partner) -> list[str]:
    """Every public name that the partner ever had and does not have now."""
    return str(partner.past_aliases).splitlines()


def about(partner: Partner) -> str:
    """What the trail calls a partner."""
    return f"partner:{partner.uuid}"


def _fill(partner: Partner, details: Details, shown: Shown) -> None:
    partner.real_name, partner.contact = details.real_name.strip(), details.contact.strip()
    partner.account = details.account.strip()
    if not partner.real_name:
        raise PartnerRefused("no_name")
    _show(partner, shown)


def show(partner: Partner, shown: Shown) -> None:
    """Keep how a partner is shown, in the caller's transaction, which locked it. Raises as `add_partner` does."""
    _show(partner, shown)
    partner.save()


def _show(partner: Partner, shown: Shown) -> None:
    names = [*names_of(partner), partner.alias]
    partner.shown, partner.alias, partner.region = shown.shown, shown.alias.strip(), shown.region.strip()
    partner.delay_days, partner.least_shown_minor = shown.delay_days, shown.least_shown_minor
    partner.active = shown.active
    partner.past_aliases = "\n".join(dict.fromkeys(name for name in names if name and name != partner.alias))
    if partner.shown == PartnerShown.ALIAS and not partner.alias:
        raise PartnerRefused("no_alias")
    if _tells(partner.real_name, [partner.alias, partner.region]):
        raise PartnerRefused("alias_tells")


def tells(partner: Partner, texts: Iterable[str], *, also_alias: bool = False) -> bool:
    """Whether a text for the public has a word of the real name; with `also_alias` also the alias, or the region."""
    found = list(texts)
    told = [partner.alias, partner.region] if also_alias else []
    whole = any(_folded(name) and _folded(name) in _folded(text) for name in told for text in found)
    return whole or _tells(partner.real_name, found)


def _tells(real_name: str, public: Iterable[str]) -> bool:
    """Whether a public word is one of the real name, of three letters or more, or the name is in it as a whole."""
    words = {word for word in _folded(real_name).split() if len(word) > 2}
    return any(words & set(_folded(text).split()) or _folded(real_name) in _folded(text) for text in public)


def _folded(text: str) -> str:
    """Lower-case words without accents and signs."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(
        "".join(char if char.isalnum() else " " for char in plain if not unicodedata.combining(char)).split()
    )


def _told(partner: Partner) -> dict[str, object]:
    """For the trail: nothing that is sealed, and not the alias, which may come to be."""
    return {
        "shown": partner.shown,
        "delay_days": partner.delay_days,
        "least_shown_minor": partner.least_shown_minor,
        "active": partner.active,
    }
