"""Resolving a break: what may be done about it, by whom, and that it is done once.

A resolution is what one thing that can be done comes to; those of the books are in resolutions.py beside this file,
those that need Stripe in payments/breaks/resolutions.py. Whatever it books it books by a verb, never by an edit. Above
the legal entity's threshold one person proposes and another one approves.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.functional import Promise

from .. import trail
from ..ledger import Posted
from ..models import Break, BreakNote, BreakState, Cause, ExchangeRate
from ..money import Money
from ..roles import May
from . import WAIT, about

Choice = Mapping[str, str]  # what a resolution asks beside the reason, as text: it is kept with the proposal
Words = str | Promise


class BreakError(Exception):
    """A verb that was refused; nothing was done. `code` says why, for the page to put into words."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Overtaken(BreakError):
    """Somebody else was faster, or the facts are not those that the person saw."""


class NotResolvable(BreakError):
    """The resolution does not fit the facts, or what it needs is not there."""


class NoAnswer(BreakError):
    """The provider did not answer, or refused; the break is open still."""


@dataclass(frozen=True)
class Resolution:
    """One thing that can be done about breaks of some causes.

    `book` runs in the database transaction that ends the break, and does nothing twice; `ask` runs before, outside of
    any, and may call the provider; it may be called again. Both raise NotResolvable. `fields` are asked of the person.
    """

    code: str
    label: Words
    help: Words
    causes: frozenset[Cause]
    book: Callable[[Break, Choice, User], Posted | None] | None = None
    ask: Callable[[Break], None] | None = None
    fits: Callable[[Break], bool] = lambda _found: True
    fields: tuple[str, ...] = ()
    right: May = May.WORK_BREAKS
    settles: bool = True  # False: it only puts the break off, so no second person is asked

    def is_for(self, found: Break) -> bool:
        return found.cause in self.causes and self.fits(found)


def seen(found: Break) -> str:
    """A fingerprint of what a person sees of a break: a form sent after that has changed is refused."""
    told = [found.facts, found.amount_minor, found.currency, found.state, found.resolution]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def needs_second_person(found: Break) -> bool:
    """Whether its amount is above the legal entity's threshold; so is one that no exchange rate is known for."""
    entity = found.entity
    worth = in_currency(found.amount, entity.currency)
    return worth is None or abs(worth.minor) > entity.approval_above_minor


def in_currency(amount: Money, currency: str) -> Money | None:
    """The amount at the newest exchange rate, in either direction; None without one."""
    if amount.currency == currency or not amount:
        return Money(amount.minor, currency)
    rates = ExchangeRate.objects.filter(base__in=[amount.currency, currency], quote__in=[amount.currency, currency])
    newest = rates.order_by("-on", "pk").first()
    if newest is None:
        return None
    return amount.converted(newest.rate if newest.base == amount.currency else Decimal(1) / newest.rate, currency)


# What the trail calls an event of a break's history.
VERB_OF: Final = {
    "proposed": "break_proposed",
    "rejected": "break_rejected",
    "opened again": "break_reopened",
    "resolving": "break_claimed",
    "failed": "break_failed",
    "approved": "break_approved",
    "resolved": "break_resolved",
}


def resolve(found: Break, resolution: Resolution, *, by: User, reason: str, choice: Choice, as_seen: str) -> Break:
    """Resolve a break, or propose it where a second person is needed.

    Raises Overtaken unless the break is open and as the person saw it, NotResolvable, NoAnswer, and BreakError without
    a reason. Two people at once: the second one is told.
    """
    if not reason.strip():
        raise BreakError("no_reason")
    with transaction.atomic():
        locked = _locked(found, BreakState.OPEN, as_seen)
        if not resolution.is_for(locked):
            raise NotResolvable("other_cause")
        locked.resolution, locked.reason, locked.resolved_by = _code(resolution, choice), reason.strip(), by
        if resolution.settles and needs_second_person(locked):
            return _note(locked, BreakState.PROPOSED, "proposed", by=by, choice=choice)
        if resolution.ask is None:
            return _carry_out(locked, resolution, choice, by)
        _claim(locked, by, choice)
    return _ask_and_carry_out(locked, resolution, choice, by)


def approve(found: Break, resolution: Resolution, *, by: User, as_seen: str) -> Break:
    """Carry out what somebody else proposed; raises as `resolve` does, and BreakError for a proposal of one's own."""
    with transaction.atomic():
        locked = _locked(found, BreakState.PROPOSED, as_seen)
        if locked.resolved_by_id == by.pk:
            raise BreakError("own_proposal")
        if locked.resolution != resolution.code or not resolution.is_for(locked):
            raise NotResolvable("other_cause")
        choice = proposed_choice(locked)
        locked.approved_by = by
        if resolution.ask is None:
            return _carry_out(locked, resolution, choice, by)
        _claim(locked, by, choice)
    return _ask_and_carry_out(locked, resolution, choice, by)


@transaction.atomic
def reject(found: Break, *, by: User, reason: str, as_seen: str) -> Break:
    """Refuse a proposal, or take one's own back: the break is open again. Raises Overtaken."""
    if not reason.strip():
        raise BreakError("no_reason")
    locked = _locked(found, BreakState.PROPOSED, as_seen)
    proposed = locked.resolution
    _empty(locked)
    return _note(locked, BreakState.OPEN, "rejected", by=by, text=reason.strip(), choice={"resolution": proposed})


@transaction.atomic
def reopen(found: Break, *, by: User, reason: str, as_seen: str) -> Break:
    """What was decided does not stand; its entries do, until somebody reverses them. Raises Overtaken."""
    if not reason.strip():
        raise BreakError("no_reason")
    locked = _locked(found, BreakState.RESOLVED, as_seen)
    _empty(locked)
    return _note(locked, BreakState.OPEN, "opened again", by=by, text=reason.strip())


def proposed_choice(found: Break) -> dict[str, str]:
    """What was chosen with the newest proposal."""
    note = found.notes.filter(event="proposed").order_by("-pk").first()
    return dict(note.facts.get("choice", {})) if note else {}


def _locked(found: Break, state: BreakState, as_seen: str) -> Break:
    locked = Break.objects.select_for_update(of=("self",)).select_related("entity").get(pk=found.pk)
    if locked.state != state:
        raise Overtaken("state")
    if seen(locked) != as_seen:
        raise Overtaken("facts")
    return locked


def _code(resolution: Resolution, choice: Choice) -> str:
    if not resolution.settles:
        return f"{WAIT}{date.fromisoformat(choice['until'])}"
    return resolution.code


def _claim(locked: Break, by: User, choice: Choice) -> None:
    """Before the provider is asked: from here on nobody else may do anything about the break."""
    locked.resolved_at = timezone.now()
    _note(locked, BreakState.RESOLVED, "resolving", by=by, choice=choice)


def _ask_and_carry_out(claimed: Break, resolution: Resolution, choice: Choice, by: User) -> Break:
    """Whatever fails, the break is open again; should this process die, it is a day later: it is still found then."""
    try:
        assert resolution.ask
        resolution.ask(claimed)
        with transaction.atomic():
            locked = Break.objects.select_for_update(of=("self",)).select_related("entity").get(pk=claimed.pk)
            return _carry_out(locked, resolution, choice, by)
    except Exception as error:
        with transaction.atomic():
            locked = Break.objects.select_for_update(of=("self",)).select_related("entity").get(pk=claimed.pk)
            _empty(locked)
            _note(locked, BreakState.OPEN, "failed", by=by, text=getattr(error, "code", "error"))
        raise


def _carry_out(locked: Break, resolution: Resolution, choice: Choice, by: User) -> Break:
    posted = resolution.book(locked, choice, by) if resolution.book else None
    locked.entry_id = posted.entry_id if posted else None
    locked.resolved_at = timezone.now()
    return _note(locked, BreakState.RESOLVED, "approved" if locked.approved_by else "resolved", by=by, choice=choice)


def _empty(found: Break) -> None:
    found.resolution, found.reason, found.resolved_at = "", "", None
    found.resolved_by = found.approved_by = found.entry = None


def _note(
    found: Break, state: BreakState, event: str, *, by: User, text: str = "", choice: Choice | None = None
) -> Break:
    before = BreakState(Break.objects.values_list("state", flat=True).get(pk=found.pk))
    found.state = state
    found.save()
    told: dict[str, Any] = {"resolution": found.resolution, "choice": dict(choice or {})}
    BreakNote.objects.create(found=found, event=event, by=by, text=text or found.reason, facts=told)
    trail.record(
        VERB_OF[event],
        by=by,
        about=about(found),
        entity=found.entity,
        before={"state": before},
        after={"state": state, "entry": found.entry_id, **told},
        reason=text or found.reason,
    )
    return found
