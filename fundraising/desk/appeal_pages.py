"""An appeal's life at the desk: its state, what can be done with it and why another thing cannot, rounds and goals."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ..appeals import life, rounds
from ..appeals.life import AppealRefused
from ..appeals.obstacles import FROM, Act, Obstacle, in_the_way
from ..appeals.titles import entitle
from ..exports.kinds import today
from ..models import Appeal, AppealState, Goal, Round, RoundText, SpendingStep, StaffAction
from ..money import Money
from ..roles import May
from ..spending import surplus
from ..spending.steps import SpendingRefused
from ..trail_words import in_words as verb_in_words
from . import Desk, desk_page, paging, render, spending_words
from .appeal_forms import GoalForm, RoundForm
from .appeal_words import DO, MEANS, Words, in_words
from .export_links import export_url

# Who does what: campaigners ask, finance settles.
SETTLES = frozenset({Act.RESOLVE, Act.ARCHIVE})
HISTORY = 20


@dataclass(frozen=True)
class Choice:
    """Something that can be done, or what stands in its way."""

    act: Act
    label: Words
    means: Words
    obstacles: list[str]
    is_allowed: bool
    needs_reason: bool


@desk_page(May.READ_BOOKS, May.EDIT_CAMPAIGNS)
def overview(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Every appeal with its state."""
    found = Appeal.objects.filter(campaign__entity=desk.entity).select_related("fund", "campaign")
    page = paging.by_id(request, found)
    entitle(page.rows)
    context = {"page": page, "export_url": export_url(desk, "appeals")}
    return render(request, desk, "desk/appeals/overview.html", context)


@desk_page(May.READ_BOOKS, May.EDIT_CAMPAIGNS)
def appeal(request: HttpRequest, desk: Desk, *, appeal: str) -> HttpResponse:
    """One appeal: where it is in its life, what can be done, its rounds and what was done."""
    return _page(request, desk, _appeal(desk, appeal))


def _page(request: HttpRequest, desk: Desk, found: Appeal, problems: list[str] | None = None) -> HttpResponse:
    reads_books = desk.may(May.READ_BOOKS)
    goals = Prefetch("goals", queryset=Goal.objects.order_by("-pk"))
    texts = Prefetch("texts", queryset=RoundText.objects.order_by("locale"))
    own = found.rounds.prefetch_related(goals, texts).order_by("-number")
    choices = [_choice(desk, found, act) for act in Act if act == Act.STEP_BACK or found.state in _near(act)]
    told = StaffAction.objects.filter(entity=desk.entity, about=life.about(found))
    context = {
        "appeal": found,
        "problems": problems or [],
        "choices": [choice for choice in choices if found.state in FROM[choice.act]],
        "later": [choice for choice in choices if found.state not in FROM[choice.act]],
        "left": _left(found) if reads_books else [],
        "rounds": [_round(found, one) for one in own],
        "round_obstacles": [in_words(one, with_amounts=reads_books) for one in rounds.obstacles_of_rounds(found)],
        "may_edit": desk.may(May.EDIT_CAMPAIGNS),
        "reads_books": reads_books,
        "history": [(verb_in_words(line.verb), line) for line in told.order_by("-pk")[:HISTORY]],
        "export_url": export_url(desk, "rounds", appeal=found.slug),
    }
    return render(request, desk, "desk/appeals/appeal.html", context, status=422 if problems else 200)


def _left(found: Appeal) -> list[str]:
    rows = [Obstacle(left.what, amount=left.amount) for left in surplus.left_of(found.fund)]
    return [in_words(one, with_amounts=True) for one in rows]


def _near(act: Act) -> frozenset[AppealState]:
    """The states in which an act is worth a word: where it is possible, and the one before."""
    before = {
        Act.PUBLISH: (), Act.BEGIN_CLOSING: (AppealState.DRAFT,), Act.CLOSE: (AppealState.DRAFT,),
        Act.RESOLVE: (AppealState.OPEN, AppealState.CLOSING), Act.ARCHIVE: (AppealState.CLOSED,), Act.STEP_BACK: (),
    }  # fmt: skip
    return FROM[act] | frozenset(before[act])


def _choice(desk: Desk, found: Appeal, act: Act) -> Choice:
    right = May.SPEND if act in SETTLES else May.EDIT_CAMPAIGNS
    obstacles = [in_words(one, with_amounts=desk.may(May.READ_BOOKS)) for one in in_the_way(found, act)]
    needs_reason = act not in {Act.PUBLISH, Act.ARCHIVE}
    return Choice(act, DO[act], MEANS[act], obstacles, desk.may(right), needs_reason)


def _round(appeal: Appeal, row: Round) -> dict[str, object]:
    return {
        "row": row,
        "is_open": row.is_open(),
        "is_planned": row.is_planned(),
        "goals": [(Money(goal.amount_minor, appeal.currency), goal) for goal in row.goals.all()],
        "texts": list(row.texts.all()),
    }


# --- What is done with it -----------------------------------------------------------------------------------


@desk_page(May.EDIT_CAMPAIGNS)
@require_POST
def act(request: HttpRequest, desk: Desk, *, appeal: str, act: str) -> HttpResponse:
    """Open, begin to close, close, or take a step back."""
    if act not in set(Act) - SETTLES:
        raise Http404
    return _done(request, desk, _appeal(desk, appeal), Act(act))


@desk_page(May.SPEND)
@require_POST
def settle(request: HttpRequest, desk: Desk, *, appeal: str, act: str) -> HttpResponse:
    """Pass on what is left, or archive."""
    if act not in SETTLES:
        raise Http404
    return _done(request, desk, _appeal(desk, appeal), Act(act))


def _done(request: HttpRequest, desk: Desk, found: Appeal, wanted: Act) -> HttpResponse:
    try:
        steps = _do(desk, found, wanted, request.POST.get("reason", ""))
    except AppealRefused as refused:
        problems = [in_words(one, with_amounts=desk.may(May.READ_BOOKS)) for one in refused.obstacles]
        return _page(request, desk, _appeal(desk, found.slug), problems)
    except SpendingRefused as refused:
        return _page(request, desk, _appeal(desk, found.slug), [spending_words.in_words(refused)])
    if steps:
        messages.success(request, _("It waits for somebody else to approve it."))
        return redirect("desk-spending-waiting", entity=desk.entity.slug)
    messages.success(request, _("It is done."))
    return redirect("desk-appeal", entity=desk.entity.slug, appeal=found.slug)


def _do(desk: Desk, found: Appeal, wanted: Act, reason: str) -> list[SpendingStep]:
    match wanted:
        case Act.PUBLISH:
            life.publish(found, by=desk.user)
        case Act.BEGIN_CLOSING:
            life.begin_closing(found, by=desk.user, reason=reason)
        case Act.CLOSE:
            life.close(found, by=desk.user, reason=reason)
        case Act.STEP_BACK:
            life.step_back(found, by=desk.user, reason=reason)
        case Act.ARCHIVE:
            life.archive(found, by=desk.user)
        case Act.RESOLVE:
            return life.resolve_surplus(found, by=desk.user, on=today(), text=reason)
    return []


# --- Rounds and goals ---------------------------------------------------------------------------------------


@desk_page(May.EDIT_CAMPAIGNS)
def new_round(request: HttpRequest, desk: Desk, *, appeal: str) -> HttpResponse:
    """Open a round, which opens an appeal again that was closing or closed."""
    found = _appeal(desk, appeal)
    form = RoundForm(found, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            rounds.open_round(found, form.draft, by=desk.user)
        except AppealRefused as refused:
            for one in refused.obstacles:
                form.add_error(None, in_words(one, with_amounts=False))
        else:
            messages.success(request, _("The round is opened."))
            return redirect("desk-appeal", entity=desk.entity.slug, appeal=appeal)
    context = {"appeal": found, "form": form, "title": _("Open a round")}
    return render(request, desk, "desk/appeals/form.html", context, status=422 if form.errors else 200)


@desk_page(May.EDIT_CAMPAIGNS)
def goal(request: HttpRequest, desk: Desk, *, appeal: str, number: int) -> HttpResponse:
    """Set another goal of a round."""
    found = _appeal(desk, appeal)
    row = get_object_or_404(Round.objects.select_related("appeal__fund__entity"), appeal=found, number=number)
    form = GoalForm(found.currency, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            rounds.set_goal(row, form.cleaned_data["goal"], reason=form.cleaned_data["reason"], by=desk.user)
        except AppealRefused as refused:
            for one in refused.obstacles:
                form.add_error(None, in_words(one, with_amounts=False))
        else:
            messages.success(request, _("The goal is set. The one before stays in its history."))
            return redirect("desk-appeal", entity=desk.entity.slug, appeal=appeal)
    context = {"appeal": found, "form": form, "title": _("Goal of round %(number)s") % {"number": number}}
    return render(request, desk, "desk/appeals/form.html", context, status=422 if form.errors else 200)


@desk_page(May.EDIT_CAMPAIGNS)
@require_POST
def close_round(request: HttpRequest, desk: Desk, *, appeal: str, number: int) -> HttpResponse:
    """End a round now."""
    found = _appeal(desk, appeal)
    row = get_object_or_404(Round.objects.select_related("appeal"), appeal=found, number=number)
    try:
        rounds.close_round(row, by=desk.user, reason=request.POST.get("reason", ""))
    except AppealRefused as refused:
        return _page(request, desk, found, [in_words(one, with_amounts=False) for one in refused.obstacles])
    messages.success(request, _("The round is closed."))
    return redirect("desk-appeal", entity=desk.entity.slug, appeal=appeal)


def _appeal(desk: Desk, slug: str) -> Appeal:
    rows = Appeal.objects.select_related("fund__entity", "late_fund", "campaign")
    return get_object_or_404(rows, slug=slug, campaign__entity=desk.entity)
