"""Breaks: what reconciliation found and could not match, until somebody says what it is.

Detectors report findings; nothing else opens a break. A break that is found no more is `gone`; a resolved one whose
facts change, or that should have ended and is still found after a day, is open again. How a break is resolved is told
in fundraising/breaks/resolving.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from .. import trail
from ..models import Break, BreakNote, BreakState, Cause
from ..money import Money

# Resolutions after which detectors go on finding the same: somebody has said what it is.
LASTING: Final = frozenset({"explained", "elsewhere"})
WAIT: Final = "wait:"  # until the day that follows: a resolution that ends by itself
ENDS_WITHIN: Final = timedelta(days=1)  # what a resolution does at the provider or with the bank


@dataclass(frozen=True)
class Finding:
    """A difference as a detector saw it. `subject` names it for good (an id at the provider or of ours); `facts` are
    ids and figures in minor units, no names. The amount is positive where the books have too much."""

    cause: Cause
    subject: str
    amount: Money
    occurred_on: date
    facts: dict[str, Any] = field(default_factory=dict)
    donation_id: int | None = None


@transaction.atomic
def note_findings(entity_id: int, causes: Collection[Cause], findings: Iterable[Finding], *, among: str = "") -> None:
    """Bring the breaks of these causes to what a detector that looks for all of them has found now.

    Where several detectors share a cause, each looks `among` the subjects that begin so, and leaves the others alone.
    """
    breaks = Break.objects.select_for_update().filter(entity=entity_id, cause__in=causes, subject__startswith=among)
    standing = {(found.cause, found.subject): found for found in breaks}
    seen = set()
    for finding in findings:
        key = (str(finding.cause), finding.subject)
        seen.add(key)
        if found := standing.get(key):
            _see_again(found, finding)
        else:
            _open(entity_id, finding)
    for key, found in standing.items():
        if key not in seen and found.state in {BreakState.OPEN, BreakState.PROPOSED}:
            _move(found, BreakState.GONE, "gone")


def _open(entity_id: int, finding: Finding) -> None:
    found = Break.objects.create(
        entity_id=entity_id,
        cause=finding.cause,
        subject=finding.subject,
        currency=finding.amount.currency,
        amount_minor=finding.amount.minor,
        facts=finding.facts,
        occurred_on=finding.occurred_on,
        donation_id=finding.donation_id,
    )
    BreakNote.objects.create(found=found, event="found", facts=finding.facts)


def _see_again(found: Break, finding: Finding) -> None:
    changed = (found.facts, found.amount) != (finding.facts, finding.amount)
    found.facts, found.amount_minor, found.currency = finding.facts, finding.amount.minor, finding.amount.currency
    found.seen_at = timezone.now()
    if found.state == BreakState.OPEN and changed:
        _move(found, BreakState.OPEN, "changed")
    elif (
        changed or found.state == BreakState.GONE or (found.state == BreakState.RESOLVED and _should_have_ended(found))
    ):
        _forget_resolution(found)
        _move(found, BreakState.OPEN, "opened again")
    else:
        found.save(update_fields=["seen_at"])


def _should_have_ended(found: Break) -> bool:
    if found.resolution.startswith(WAIT):
        return timezone.localdate() > date.fromisoformat(found.resolution.removeprefix(WAIT))
    resolved_at = found.resolved_at or found.found_at
    return found.resolution not in LASTING and found.seen_at > resolved_at + ENDS_WITHIN


def _forget_resolution(found: Break) -> None:
    """What was decided stays in the notes."""
    found.resolution, found.reason, found.resolved_at = "", "", None
    found.resolved_by = found.approved_by = found.entry = None


def _move(found: Break, state: BreakState, event: str) -> None:
    found.state = state
    found.save()
    BreakNote.objects.create(found=found, event=event, facts=found.facts)


@transaction.atomic
def assign(chosen: Collection[Break], *, owner: User | None, by: User) -> int:
    """Make somebody the owner of these breaks, all of one legal entity; how many changed hands."""
    standing = Break.objects.select_for_update(of=("self",)).filter(pk__in=[found.pk for found in chosen])
    moved = [
        found for found in standing.select_related("entity").order_by("pk") if found.owner_id != (owner and owner.pk)
    ]
    name = owner.get_username() if owner else ""
    Break.objects.filter(pk__in=[found.pk for found in moved]).update(owner=owner)
    BreakNote.objects.bulk_create(BreakNote(found=found, event="assigned", by=by, text=name) for found in moved)
    for found in moved:
        trail.record(
            "break_assigned",
            by=by,
            about=about(found),
            entity=found.entity,
            before={"owner": found.owner_id},
            after={"owner": owner.pk if owner else None},
        )
    return len(moved)


@transaction.atomic
def comment(found: Break, text: str, *, by: User) -> BreakNote:
    """Say something about a break, for whoever looks at it next."""
    note = BreakNote.objects.create(found=found, event="commented", by=by, text=text)
    trail.record("break_commented", by=by, about=about(found), entity=found.entity, after={"note": note.pk})
    return note


def about(found: Break) -> str:
    """What the trail calls a break."""
    return f"break:{found.uuid}"
