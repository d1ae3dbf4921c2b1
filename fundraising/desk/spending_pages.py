"""The money trail at the desk: appeals with their figures, steps of the money, and what waits for a second person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ..appeals.titles import entitle
from ..exports.kinds import today
from ..models import Appeal, Category, Channel, OverheadPolicy, Purpose, SpendingStep, StepKind, StepState
from ..money import Money
from ..roles import May
from ..spending import partners, policies, stages, verbs
from ..spending.figures import AppealFigures, CurrencyFigures
from ..spending.reading import appeal_figures
from ..spending.steps import SpendingRefused
from . import Desk, desk_page, paging, render
from .books_forms import DaysForm
from .export_links import export_url
from .spending_forms import ALONE, StepForm
from .spending_words import DO, FOLLOWERS, Account, in_words

SEALED = ("sealed_attachment", "text", "decision", "attachment_name", "partner__contact", "partner__account")


@desk_page(May.READ_BOOKS)
def overview(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The appeals, and how many steps of each wait."""
    waiting = Count("fund__spending_steps", filter=Q(fund__spending_steps__state=StepState.WAITING))
    appeals = Appeal.objects.filter(campaign__entity=desk.entity).annotate(waiting=waiting)
    page = paging.by_id(request, appeals.select_related("fund"))
    entitle(page.rows)
    context = {
        "page": page,
        "waiting": SpendingStep.objects.filter(entity=desk.entity, state=StepState.WAITING).count(),
        "export_url": export_url(desk, "appeals"),
    }
    return render(request, desk, "desk/spending/overview.html", context)


@desk_page(May.READ_BOOKS)
def waiting(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The steps that wait for a second person."""
    found = _steps(desk).filter(state=StepState.WAITING)
    context = {
        "page": _shown(desk, paging.by_id(request, found)),
        "export_url": export_url(desk, "steps", state=StepState.WAITING),
    }
    return render(request, desk, "desk/spending/waiting.html", context)


@desk_page(May.READ_BOOKS)
def appeal(request: HttpRequest, desk: Desk, *, appeal: str) -> HttpResponse:
    """Budget against what is allocated, committed, sent, confirmed and spent; each figure leads to its postings."""
    return _appeal_page(request, desk, _appeal(desk, appeal))


def _appeal_page(request: HttpRequest, desk: Desk, found: Appeal, problem: str = "") -> HttpResponse:
    form = DaysForm(request.GET)
    asked = form.cleaned_data if form.is_valid() else {}
    first, last = asked.get("first") or date(2000, 1, 1), asked.get("last") or today()
    figures = appeal_figures(found, first=first, last=last)
    account = Account(desk, figures)
    waits = policies.waiting_policy(found)
    context = {
        "appeal": found,
        "form": form,
        "gaps": figures.gaps(),
        "missing_rates": figures.missing_rates,
        "columns": [_column(one, account) for one in figures.by_currency],
        "own": _totals(figures),
        "page": _shown(desk, paging.by_id(request, _steps(desk).filter(fund=found.fund_id))),
        "actions": [(kind, DO[kind]) for kind in ALONE] if desk.may(May.SPEND) else [],
        "export_url": export_url(desk, "spending", appeal=found.slug, first=first, last=last),
        "steps_export_url": export_url(desk, "steps", appeal=found.slug),
        "policy": policies.standing_policy(found),
        "waiting_policy": waits,
        "may_decide_policy": waits is not None and desk.may(May.APPROVE) and waits.by_id != desk.user.pk,
        "problem": problem,
    }
    return render(request, desk, "desk/spending/appeal.html", context, status=422 if problem else 200)


@desk_page(May.APPROVE)
@require_POST
def decide_policy(request: HttpRequest, desk: Desk, *, appeal: str, pk: int, decision: str) -> HttpResponse:
    """State a higher share of administrative costs that somebody else wrote, or refuse it."""
    found = _appeal(desk, appeal)
    policy = get_object_or_404(OverheadPolicy, pk=pk, appeal=found)
    try:
        _DECISIONS[decision](policy, by=desk.user)
    except KeyError:
        raise Http404 from None
    except SpendingRefused as refused:
        return _appeal_page(request, desk, found, in_words(refused))
    stated = decision == "approve"
    messages.success(request, _("Donors are told so from now on.") if stated else _("It is rejected."))
    return redirect("desk-appeal-spending", entity=desk.entity.slug, appeal=appeal)


_DECISIONS = {"approve": policies.approve_policy, "reject": policies.reject_policy}


def _column(one: CurrencyFigures, account: Account) -> dict[str, Any]:
    """The figures of one currency in the order in which they add up, with the accounts behind them."""
    code = one.currency

    def to(purpose: Purpose, category: str = "") -> str:
        return account.url(purpose, code, category)

    channels = dict(Channel.choices)
    came = [
        (_("Had at the beginning"), one.opening, ""),
        *(
            (_("Received: %(how)s") % {"how": channels.get(channel, channel)}, money, to(Purpose.DONATIONS))
            for channel, money in one.received_by.items()
        ),
        (_("Refunds"), -one.refunds, to(Purpose.REFUNDS)),
        (_("Withheld while a bank decides"), -one.withheld, to(Purpose.WITHHELD)),
        (_("Chargebacks"), -one.chargebacks, to(Purpose.CHARGEBACKS)),
        (_("Fees of the provider"), -one.fees_provider, to(Purpose.FEES)),
        (_("Tax on fees"), -one.fee_tax, to(Purpose.FEE_TAX)),
        (_("Fees of the bank"), -one.fees_bank, to(Purpose.BANK_FEES)),
        (_("Share of administrative costs"), -one.admin_fee, to(Purpose.OVERHEAD)),
        (_("Other"), one.other, to(Purpose.OTHER_INCOME)),
        (_("Exchanged"), one.exchanged, to(Purpose.FX)),
        (_("Passed on from or to other funds"), one.passed, to(Purpose.SURPLUS)),
        (_("Spent by partners"), -one.spent, ""),
    ]
    stands = [
        (_("Available"), one.available, ""),
        (_("Charged, not yet settled"), one.unsettled, ""),
        (_("Allocated, not committed"), one.to_commit, ""),
        (_("Committed, not sent"), one.to_send, ""),
        (_("On its way to partners"), one.underway, ""),
        (_("With partners"), one.held, ""),
        (_("Lent to other funds"), one.lent, to(Purpose.LENT)),
        (_("Borrowed from other funds"), -one.borrowed, to(Purpose.BORROWED)),
    ]
    categories = dict(Category.choices)
    lines = [
        {
            "label": categories.get(line.category, line.category),
            "cells": [
                (line.budgeted, ""),
                (line.allocated, to(Purpose.ALLOCATED, line.category)),
                (line.committed, to(Purpose.COMMITTED, line.category)),
                (line.disbursed, to(Purpose.UNDERWAY, line.category)),
                (line.confirmed, to(Purpose.HELD, line.category)),
                (line.spent, to(Purpose.SPENT, line.category)),
                (line.returned, to(Purpose.HELD, line.category)),
                (line.held, to(Purpose.HELD, line.category)),
            ],
        }
        for line in one.lines
    ]
    return {
        "currency": code,
        "came": [row for row in came if row[1]],
        "stands": [row for row in stands if row[1]],
        "unspent": one.unspent,
        "pending": one.pending,
        "short": one.available.minor < 0,
        "available": one.available,
        "lines": lines,
        "sums": [one.total("budgeted"), one.allocated, one.committed, one.disbursed, one.confirmed, one.spent,
                 one.returned, one.held],
    }  # fmt: skip


def _totals(figures: AppealFigures) -> list[tuple[str, Money]]:
    """All in the appeal's currency, where there is a rate and more than one."""
    own = figures.in_own
    if own is None or len(figures.by_currency) < 2:
        return []
    return [
        (_("Received"), own.received),
        (_("Net"), own.net),
        (_("Allocated"), own.allocated),
        (_("Sent"), own.disbursed),
        (_("Confirmed by partners"), own.confirmed),
        (_("Spent"), own.spent),
        (_("Unspent"), own.unspent),
        (_("Available"), own.available),
    ]


# --- A step -----------------------------------------------------------------------------------------------------


@desk_page(May.READ_BOOKS)
def step(request: HttpRequest, desk: Desk, *, uuid: UUID) -> HttpResponse:
    """One step: what it is, what it rests on, what rests on it, and what can be done."""
    return _page(request, desk, _step(desk, uuid))


def _page(request: HttpRequest, desk: Desk, found: SpendingStep, problems: list[str] | None = None) -> HttpResponse:
    waits, booked = found.state == StepState.WAITING, found.state == StepState.BOOKED
    followers = found.followers.select_related("line", "partner", "by", "fund__appeal").order_by("pk")
    may_spend = desk.may(May.SPEND) and booked
    context = {
        "found": found,
        "problems": problems or [],
        "partner_name": partners.desk_name(found.partner, may_read=desk.may_read_partners) if found.partner else "",
        "followers": _shown(desk, paging.Page(list(followers.defer(*SEALED)))),
        "left": stages.left(found) if booked and StepKind(found.kind) in FOLLOWERS else None,
        "next": [(kind, DO[kind]) for kind in FOLLOWERS.get(StepKind(found.kind), ())] if may_spend else [],
        "is_own": found.by_id == desk.user.pk,
        "may_decide": waits and desk.may(May.APPROVE) and found.by_id != desk.user.pk,
        "may_withdraw": waits and desk.may(May.SPEND) and found.by_id == desk.user.pk,
        "may_undo": may_spend and found.kind != StepKind.REVERSAL,
        "appeal": getattr(found.fund, "appeal", None),
        "export_url": export_url(desk, "steps", step=found.uuid),
        "today": today(),
    }
    return render(request, desk, "desk/spending/step.html", context, status=422 if problems else 200)


@desk_page(May.APPROVE)
@require_POST
def approve(request: HttpRequest, desk: Desk, *, uuid: UUID) -> HttpResponse:
    """Book it."""
    decision = request.POST.get("decision", "")
    return _decided(request, desk, uuid, partial(verbs.approve, decision=decision), _("It is booked."))


@desk_page(May.APPROVE)
@require_POST
def reject(request: HttpRequest, desk: Desk, *, uuid: UUID) -> HttpResponse:
    """Refuse it, with a reason."""
    decision = request.POST.get("decision", "")
    return _decided(request, desk, uuid, partial(verbs.reject, decision=decision), _("It is rejected."))


@desk_page(May.SPEND)
@require_POST
def withdraw(request: HttpRequest, desk: Desk, *, uuid: UUID) -> HttpResponse:
    """Take back a step of one's own that waits."""
    return _decided(request, desk, uuid, verbs.withdraw, _("It is withdrawn."))


def _decided(request: HttpRequest, desk: Desk, uuid: UUID, decide: Callable[..., object], done: str) -> HttpResponse:
    found = _step(desk, uuid)
    try:
        decide(found, by=desk.user)
    except SpendingRefused as refused:
        return _page(request, desk, found, [in_words(refused)])
    messages.success(request, done)
    return redirect("desk-step", entity=desk.entity.slug, uuid=uuid)


@desk_page(May.SPEND)
@require_POST
def undo(request: HttpRequest, desk: Desk, *, uuid: UUID) -> HttpResponse:
    """Write the reversal of a step."""
    found = _step(desk, uuid)
    try:
        back = verbs.undo(found, by=desk.user, on=today(), text=request.POST.get("text", ""))
    except SpendingRefused as refused:
        return _page(request, desk, found, [in_words(refused)])
    return _done(request, desk, back)


@desk_page(May.READ_PARTNERS)
def evidence(request: HttpRequest, desk: Desk, *, uuid: UUID) -> HttpResponse:
    """The file of a spend report, as a download: no browser shows it as a page of ours."""
    found = get_object_or_404(SpendingStep, uuid=uuid, entity=desk.entity)
    try:
        data, kind = verbs.evidence_of(found)
    except SpendingStep.DoesNotExist:
        raise Http404 from None
    answer = HttpResponse(data, content_type=kind)
    answer.headers["Content-Disposition"] = content_disposition_header(True, found.attachment_name) or "attachment"
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


# --- Writing steps ----------------------------------------------------------------------------------------------


@desk_page(May.SPEND)
def new(request: HttpRequest, desk: Desk, *, appeal: str, kind: str) -> HttpResponse:
    """A step that rests on none: a budget, an allocation, a commitment, an advance."""
    if kind not in ALONE:
        raise Http404
    return _form(request, desk, kind, appeal=_appeal(desk, appeal))


@desk_page(May.SPEND)
def following(request: HttpRequest, desk: Desk, *, uuid: UUID, kind: str) -> HttpResponse:
    """A step that rests on another one."""
    found = _step(desk, uuid)
    if kind not in FOLLOWERS.get(StepKind(found.kind), ()):
        raise Http404
    return _form(request, desk, kind, rests_on=found)


def _form(
    request: HttpRequest, desk: Desk, kind: str, *, appeal: Appeal | None = None, rests_on: SpendingStep | None = None
) -> HttpResponse:
    form = StepForm(desk, kind, request.POST or None, request.FILES or None, appeal=appeal, rests_on=rests_on)
    if request.method == "POST" and form.is_valid():
        try:
            written = _take(desk, form, appeal, rests_on)
        except SpendingRefused as refused:
            form.add_error(None, in_words(refused))
        else:
            if written:
                return _done(request, desk, written)
            assert appeal
            messages.success(request, _("Saved."))
            return redirect("desk-appeal-spending", entity=desk.entity.slug, appeal=appeal.slug)
    context = {"form": form, "kind": kind, "title": DO[kind], "appeal": appeal, "rests_on": rests_on}
    status = 422 if form.errors else 200
    return render(request, desk, "desk/spending/form.html", context, status=status)


def _take(desk: Desk, form: StepForm, appeal: Appeal | None, rests_on: SpendingStep | None) -> SpendingStep | None:
    data: dict[str, Any] = form.cleaned_data
    who: dict[str, Any] = {"by": desk.user, "on": data.get("on"), "text": data.get("text", "")}
    if appeal:
        match form.kind:
            case "budget":
                category = Category(data["category"])
                verbs.set_budget(appeal, category, form.money, reason=data["reason"], by=desk.user)
                return None
            case "policy":
                basis_points = int(data["percent"] * 100)
                policies.state_overhead_policy(appeal, basis_points, reason=data["reason"], by=desk.user)
                return None
            case StepKind.OVERHEAD:
                return verbs.charge_overhead(appeal, form.money, **who)
            case StepKind.ALLOCATION:
                return verbs.allocate(data["line"], form.money, **who)
            case StepKind.DEALLOCATION:
                return verbs.deallocate(data["line"], form.money, **{**who, "text": data["reason"]})
            case StepKind.COMMITMENT:
                return verbs.commit(data["line"], data["partner"], form.money, **who)
            case _:
                return verbs.advance(appeal.fund, data["lender"], form.money, **{**who, "text": data["reason"]})
    assert rests_on
    return _follow(form, data, rests_on, who)


def _follow(form: StepForm, data: dict[str, Any], rests_on: SpendingStep, who: dict[str, Any]) -> SpendingStep:
    match form.kind:
        case StepKind.RELEASE:
            return verbs.release(rests_on, form.money, **{**who, "text": data["reason"]})
        case StepKind.DISBURSEMENT:
            return verbs.disburse(rests_on, data["bank_account"], form.money, **who)
        case StepKind.ARRIVAL:
            return verbs.confirm_arrival(rests_on, form.money, **who)
        case StepKind.SPEND_REPORT:
            evidence = data["evidence"]
            return verbs.report_spending(rests_on, form.money, evidence=evidence, attachment=form.upload, **who)
        case StepKind.RETURN:
            bank, came = data["bank_account"], form.money_came
            return verbs.return_unspent(rests_on, form.money, bank_account=bank, came=came, **who)
        case _:
            return verbs.repay(rests_on, form.money, **who)


def _done(request: HttpRequest, desk: Desk, written: SpendingStep) -> HttpResponse:
    waits = written.state == StepState.WAITING
    messages.success(request, _("It waits for somebody else to approve it.") if waits else _("It is booked."))
    return redirect("desk-step", entity=desk.entity.slug, uuid=written.uuid)


# --- Finding ----------------------------------------------------------------------------------------------------


def _appeal(desk: Desk, slug: str) -> Appeal:
    return get_object_or_404(Appeal.objects.select_related("fund"), slug=slug, campaign__entity=desk.entity)


def _step(desk: Desk, uuid: UUID) -> SpendingStep:
    rows = SpendingStep.objects.select_related(
        "entity", "fund__appeal", "other_fund", "line__appeal", "partner", "bank_account", "by", "decided_by", "entry",
        "rests_on__partner",
    )  # fmt: skip
    return get_object_or_404(
        rows.defer("sealed_attachment", "rests_on__sealed_attachment"), uuid=uuid, entity=desk.entity
    )


def _steps(desk: Desk) -> QuerySet[SpendingStep]:
    """Steps for a list: nothing sealed but, for those who may, names."""
    rows = SpendingStep.objects.filter(entity=desk.entity).select_related("line", "partner", "by", "fund__appeal")
    return rows.defer(*SEALED) if desk.may_read_partners else rows.defer(*SEALED, "partner__real_name")


def _shown(desk: Desk, page: paging.Page) -> paging.Page:
    """The page with a partner's name on each step, as this person may see it."""
    for one in page.rows:
        name = partners.desk_name(one.partner, may_read=desk.may_read_partners) if one.partner else ""
        one.partner_name = name
    return page
