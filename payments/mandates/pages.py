"""The donor's page of a mandate, and what they may ask of it there. Its address is their key: there is no password.

Each wish is stored, asked of Stripe in the same request, and shown as what became of it: made, refused, or still
waiting for an answer. Whoever sends a form twice wishes once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, override
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from fundraising import content, pages
from fundraising.mandates import content as mandate_content
from fundraising.mandates.forms import AmountForm, DayForm, EndForm, PauseForm, SkipForm, WishForm
from fundraising.models import OVER, EndWish, Mandate, MandateEnd, MandateState
from fundraising.pages import SeeOther

from .. import gateway
from ..models import CHANGE_OPEN, ChangeKind, MandateChange, Subscription
from . import changes, subscriptions

log = logging.getLogger(__name__)

SHOWN_DONATIONS = 12
# For how long the page says what became of a wish.
NEWS = timedelta(hours=1)
STRIPE_ERRORS = (gateway.Unavailable, gateway.UnknownOutcome, gateway.Refused)


# --- The page -----------------------------------------------------------------------------------------


@require_safe
def mandate(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """What a donor gives regularly, what it has brought, and what they may change."""
    found = _mandate_or_404(uuid)
    if found.locale != get_language():
        query = request.META.get("QUERY_STRING", "")
        return pages.private(HttpResponseRedirect(_address(found) + (f"?{query}" if query else "")))
    return _page(request, found)


@require_safe
def mandate_state(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The state alone, for the page to ask while it waits."""
    return pages.private(JsonResponse({"state": _shown_state(request, _mandate_or_404(uuid))}))


def _mandate_or_404(uuid: UUID) -> Mandate:
    rows = Mandate.objects.select_related("donor", "page__appeal", "wording", "entity", "round__appeal")
    found = rows.filter(uuid=uuid).first()
    if found is None:
        raise Http404
    return found


def _address(found: Mandate, name: str = "mandate") -> str:
    with override(found.locale):
        return reverse(name, kwargs={"uuid": found.uuid})


def _shown_state(request: HttpRequest, found: Mandate) -> str:
    """The state as the page words it: `confirming` and `changing` are waits for Stripe."""
    if found.state == MandateState.OPENED:
        fresh = timezone.now() - found.opened_at < pages.CONFIRMING
        return "confirming" if fresh and "returned" in request.GET else "opened"
    if MandateChange.objects.filter(mandate=found, state__in=CHANGE_OPEN).exists():
        return "changing"
    return found.state


def _page(
    request: HttpRequest, found: Mandate, *, status: int = 200, problem: str = "", form: WishForm | None = None
) -> HttpResponse:
    """The page, with what is wrong with a form that was sent, or why a wish could not be taken."""
    state = _shown_state(request, found)
    context = {
        **_context(request, found),
        "state": state,
        "state_url": f"{_address(found)}state.json?returned=1" if state in {"confirming", "changing"} else "",
        "problem": problem,
        "open": _opened_part(request, form),
    }
    if state in {"active", "paused", "failing"}:
        context |= _forms(found, form)
    if state == "failing":
        context |= _failed(found)
    return pages.private(render(request, "fundraising/mandate.html", context, status=status))


def _opened_part(request: HttpRequest, form: WishForm | None) -> str:
    """Which of the folded forms stands open: the one with an error, or the one that a link leads to."""
    names = {AmountForm: "amount", DayForm: "day", PauseForm: "pause"}
    return names.get(type(form), "") if form else request.GET.get("open", "")


def _context(request: HttpRequest, found: Mandate) -> dict[str, Any]:
    subscription = Subscription.objects.filter(mandate=found).first()
    every = "all" in request.GET
    collections = mandate_content.collections(found, None if every else SHOWN_DONATIONS + 1)
    return {
        "mandate": found,
        "address": _address(found),
        "wished": found.amount - found.fee_cover,
        "method": subscription if subscription and subscription.last4 else None,
        "method_expired": bool(
            subscription and subscription.expires_on and subscription.expires_on < timezone.localdate()
        ),
        "collections": collections if every else collections[:SHOWN_DONATIONS],
        "more_collections": not every and len(collections) > SHOWN_DONATIONS,
        "first": found.donations.order_by("pk").first() if found.state == MandateState.OPENED else None,
        "brought": mandate_content.brought(found),
        "appeal_url": found.page.get_absolute_url(),
        "appeal_closed": found.round.appeal.state in OVER,
        "news": _news(request, found),
        "returned": "returned" in request.GET,
        "entity": content.entity_of(found.entity, found.locale),
        "alternates": [],
    }


def _news(request: HttpRequest, found: Mandate) -> MandateChange | None:
    """What became of the newest wish, for whoever comes from having sent it."""
    newest = MandateChange.objects.filter(mandate=found, created_at__gt=timezone.now() - NEWS).order_by("-pk").first()
    waiting = newest is not None and newest.state in CHANGE_OPEN
    asked_for = newest is not None and request.GET.get("change") == str(newest.uuid)
    return newest if waiting or asked_for else None


def _failed(found: Mandate) -> dict[str, Any]:
    """What waits to be collected: not what is agreed by now, should that have changed since."""
    waiting = subscriptions.waiting(found)
    donation = found.donations.filter(payments__invoice_id=waiting).first() if waiting else None
    return {"can_collect": waiting is not None, "failed_amount": (donation or found).amount}


def _forms(found: Mandate, sent: WishForm | None) -> dict[str, Any]:
    offer = mandate_content.offer_of(found)
    return {
        "offer": offer,
        "amount_form": sent if isinstance(sent, AmountForm) else offer and AmountForm(offer),
        "day_form": sent if isinstance(sent, DayForm) else DayForm(),
        "pause_form": sent if isinstance(sent, PauseForm) else PauseForm(found),
        "skipped_until": mandate_content.one_later(found),
        # One for each form, so that each is a wish of its own; the one that was sent keeps its own.
        "uuids": {name: uuid4() for name in ("amount", "day", "skip", "pause", "resume", "collect")},
    }


# --- Wishes -------------------------------------------------------------------------------------------


def _wish(request: HttpRequest, found: Mandate, form: WishForm, kind: ChangeKind, **wanted: Any) -> HttpResponse:
    """Store the wish, ask Stripe, and show what became of it."""
    try:
        change = changes.request_change(found, uuid=form.cleaned_data["uuid"], kind=kind, **wanted)
    except changes.NotChangeable as refusal:
        return _page(request, found, status=409, problem=refusal.code)
    changes.carry_out(change.pk)
    return pages.private(SeeOther(f"{_address(found)}?change={change.uuid}"))


# As with the form of a donation no token guards these: whoever sends them knows the address, which is the key.
def _sent(view: Callable[[HttpRequest, Mandate], HttpResponse]) -> Callable[[HttpRequest, UUID], HttpResponse]:
    """A view of a form of the page."""

    @csrf_exempt
    @require_POST
    def answer(request: HttpRequest, uuid: UUID) -> HttpResponse:
        found = _mandate_or_404(uuid)
        with override(found.locale):
            return view(request, found)

    return answer


@_sent
def amount(request: HttpRequest, found: Mandate) -> HttpResponse:
    """Another amount. What covered the fee covers that of the new amount."""
    offer = mandate_content.offer_of(found)
    if offer is None:
        return _page(request, found, status=409, problem="currency")
    form = AmountForm(offer, request.POST)
    if not form.is_valid():
        return _page(request, found, status=422, form=form)
    wished = form.cleaned_data["amount"]
    cover = found.fee_cover
    if cover:
        cover = mandate_content.fee_cover(offer, wished, _method(found))
    return _wish(request, found, form, ChangeKind.AMOUNT, amount=wished + cover, fee_cover=cover)


def _method(found: Mandate) -> str:
    subscription = Subscription.objects.filter(mandate=found).first()
    return subscription.method if subscription else ""


@_sent
def day(request: HttpRequest, found: Mandate) -> HttpResponse:
    form = DayForm(request.POST)
    if not form.is_valid():
        return _page(request, found, status=422, form=form)
    return _wish(request, found, form, ChangeKind.DAY, day=form.cleaned_data["day"])


@_sent
def skip(request: HttpRequest, found: Mandate) -> HttpResponse:
    """Leave out the next collection: a pause until the one after it."""
    form = SkipForm(request.POST)
    if not form.is_valid():
        return _page(request, found, status=422, problem="form")
    again = MandateChange.objects.filter(mandate=found, uuid=form.cleaned_data["uuid"]).exists()
    if form.cleaned_data["on"] != found.next_on and not again:
        return _page(request, found, status=409, problem="form")
    return _wish(request, found, form, ChangeKind.PAUSE, until=mandate_content.one_later(found))


@_sent
def pause(request: HttpRequest, found: Mandate) -> HttpResponse:
    form = PauseForm(found, request.POST)
    if not form.is_valid():
        return _page(request, found, status=422, form=form)
    return _wish(request, found, form, ChangeKind.PAUSE, until=form.until)


@_sent
def resume(request: HttpRequest, found: Mandate) -> HttpResponse:
    form = WishForm(request.POST)
    if not form.is_valid():
        return _page(request, found, status=422, problem="form")
    return _wish(request, found, form, ChangeKind.RESUME)


@_sent
def collect(request: HttpRequest, found: Mandate) -> HttpResponse:
    """Try the collection that failed again, with the card as it is now."""
    form = WishForm(request.POST)
    if not form.is_valid():
        return _page(request, found, status=422, problem="form")
    return _wish(request, found, form, ChangeKind.COLLECT)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def end(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Ask once, with what might help instead; then end it."""
    found = _mandate_or_404(uuid)
    with override(found.locale):
        form = EndForm(request.POST) if request.method == "POST" else EndForm()
        if found.state == MandateState.ENDED:
            return pages.private(SeeOther(_address(found)))
        if form.is_bound and form.is_valid():
            wish = form.cleaned_data["wish"]
            return _wish(request, found, form, ChangeKind.END, end_reason=MandateEnd.DONOR, end_wish=wish)
        context = {
            **_context(request, found),
            "form": form,
            "uuid": uuid4(),
            "wishes": EndWish.choices,
            "can_pause": found.state == MandateState.ACTIVE,
        }
        status = 422 if form.is_bound else 200
        return pages.private(render(request, "fundraising/mandate_end.html", context, status=status))


# --- On to Stripe's pages -----------------------------------------------------------------------------


@_sent
def card(request: HttpRequest, found: Mandate) -> HttpResponse:
    """Another card or account, on Stripe's page; nothing of it ever comes to us."""
    return _on_to_stripe(request, found, changes.card_url)


@_sent
def mend(request: HttpRequest, found: Mandate) -> HttpResponse:
    """Pay the collection that failed, or answer the bank, on Stripe's page."""
    return _on_to_stripe(request, found, changes.mend_url)


def _on_to_stripe(request: HttpRequest, found: Mandate, url_of: Callable[..., str]) -> HttpResponse:
    if found.state in {MandateState.OPENED, MandateState.ENDED}:
        return _page(request, found, status=409, problem="ended" if found.ended_at else "not_started")
    try:
        return pages.private(SeeOther(url_of(found, return_url=f"{settings.PUBLIC_URL}{_address(found)}?returned=1")))
    except STRIPE_ERRORS as error:
        log.warning("no page of Stripe's for mandate %s: %s", found.reference, error)
        response = _page(request, found, status=503, problem="unavailable")
        response["Retry-After"] = "30"
        return response
