"""Lines that look alike in two statements: a person says whether they are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from ..bank import alike
from ..bank.statements import LinesMatched
from ..models import Alike, AlikeState, Break, BreakState, Cause, Statement
from ..roles import May
from .access import Desk, desk_page

STANDING = (BreakState.OPEN, BreakState.PROPOSED)


@dataclass(frozen=True)
class Question:
    """Lines that look alike, with the break that asks for them, if one does; `is_open` while it can be decided here."""

    alike: Alike
    found: Break | None
    is_open: bool


def questions_of(statement: Statement) -> Sequence[Question]:
    """What was taken for known of a statement; three queries however many."""
    rows = list(
        Alike.objects.filter(statement=statement)
        .select_related("line__bank_account", "by")
        .order_by("line__booked_on", "pk")[:200]
    )
    if not rows:
        return []
    undecided = set(
        alike.undecided(statement.bank_account.entity).filter(statement=statement).values_list("pk", flat=True)
    )
    asked = Break.objects.filter(
        entity=statement.bank_account.entity_id,
        cause=Cause.LINES_ALIKE,
        subject__in=[f"alike:{one.uuid}" for one in rows],
    )
    breaks = {found.subject: found for found in asked.filter(state__in=STANDING)}
    return [Question(one, breaks.get(f"alike:{one.uuid}"), one.pk in undecided) for one in rows]


class DecisionForm(forms.Form):
    """What the lines are: how many are lines of their own, the same ones, or undecided again."""

    what = forms.ChoiceField(choices=[("own", "own"), ("same", "same"), ("again", "again")])
    count = forms.IntegerField(min_value=1, max_value=30_000, required=False)
    reason = forms.CharField(label=_("Why"), max_length=500, required=False)


@require_POST
@desk_page(May.MATCH_BANK)
def decide(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """Say what the lines are. Where a break asks for it, the break is where it is decided."""
    rows = Alike.objects.filter(statement__bank_account__entity=desk.entity)
    found = get_object_or_404(rows.select_related("statement", "line").defer("statement__sealed_bytes"), uuid=uuid)
    form = DecisionForm(request.POST)
    asked = Break.objects.filter(entity=desk.entity, cause=Cause.LINES_ALIKE, subject=f"alike:{found.uuid}")
    if not form.is_valid():
        messages.error(request, gettext("Say how many lines there are more, as a number from 1."))
    elif form.cleaned_data["what"] != "again" and asked.filter(state__in=STANDING).exists():
        messages.error(request, gettext("A break asks for this. Resolve it there."))
    else:
        _decide(request, desk, found, form)
    return redirect("desk-statement", entity=desk.entity.slug, uuid=found.statement.uuid)


def _decide(request: HttpRequest, desk: Desk, found: Alike, form: DecisionForm) -> None:
    told = form.cleaned_data
    try:
        if told["what"] == AlikeState.OWN:
            rows = alike.book_as_own(found, count=told["count"] or found.count, by=desk.user)
            words = ngettext("Booked: %d line more.", "Booked: %d lines more.", len(rows)) % len(rows)
        elif told["what"] == AlikeState.SAME:
            alike.say_same(found, by=desk.user)
            words = gettext("Noted: they are the same lines.")
        else:
            alike.decide_again(found, by=desk.user, reason=told["reason"])
            words = gettext("Taken back. Lines that were booked by it are withdrawn.")
        messages.success(request, words)
    except alike.DecidedBefore:
        messages.info(request, gettext("It is decided already."))
    except LinesMatched:
        messages.error(
            request, gettext("Not taken back: a line that was booked by it is matched. Undo the match first.")
        )
    except ValueError:
        messages.error(request, gettext("There cannot be so many lines more."))
