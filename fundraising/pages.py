"""The public pages. They may be cached by anyone for a few seconds, so they carry no cookie and no token."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.translation import get_language, gettext, override
from django.views.decorators.http import require_safe

from . import content as reading
from . import donations, offline
from .content import AppealContent, NotPublished
from .forms import DonationForm
from .mandates.monthly import monthly_offer
from .models import Channel, Donation, DonationState, Entry, Mandate, MandateState, PublicName, Tribute
from .offline import epc, references
from .seals import showing
from .spending.way import way_of

# Long enough to carry a crowd from a shared cache, short enough that an update is seen at once.
PUBLIC_SECONDS = 5
# For how long a donor who came back from the payment page is told "confirming".
CONFIRMING = timedelta(hours=2)
ON_ITS_WAY = timedelta(days=14)  # banks take about ten to credit a refund


def _language() -> str:
    return get_language() or "en"


def _public(response: HttpResponse) -> HttpResponse:
    patch_cache_control(response, public=True, max_age=PUBLIC_SECONDS, stale_while_revalidate=30, stale_if_error=600)
    return response


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    campaigns = reading.home_content(_language())
    context = {
        "campaigns": campaigns,
        "entity": campaigns[0].entity if len({c.entity.name for c in campaigns}) == 1 else None,
        "alternates": reading.home_alternates(_language()),
    }
    return _public(render(request, "fundraising/home.html", context))


@require_safe
def campaign(request: HttpRequest, slug: str) -> HttpResponse:
    try:
        found = reading.campaign_content(_language(), slug)
    except NotPublished as error:
        raise Http404 from error
    context = {"campaign": found, "entity": found.entity, "alternates": found.alternates}
    return _public(render(request, "fundraising/campaign.html", context))


@require_safe
def appeal(request: HttpRequest, slug: str) -> HttpResponse:
    """The page; `?currency=` and `?frequency=` choose what its form shows first, the same for everyone."""
    found = appeal_or_404(slug)
    asked = {name: request.GET[name] for name in ("currency", "frequency") if name in request.GET}
    return _public(render_appeal(request, found, DonationForm(found, initial=asked)))


def appeal_or_404(slug: str) -> AppealContent:
    """The page of this address in the active language."""
    try:
        return reading.appeal_content(_language(), slug)
    except NotPublished as error:
        raise Http404 from error


def render_appeal(request: HttpRequest, found: AppealContent, form: DonationForm, status: int = 200) -> HttpResponse:
    """The appeal's page with its form, empty or with what the donor must mend."""
    round_ = found.round
    context = {
        "page": {
            "title": found.wording.title,
            "headline": found.wording.title,
            "url": found.url,
            "slug": found.page.slug,
        },
        "campaign": found.campaign,
        "appeal": {
            "uuid": found.appeal.uuid,
            "state": found.state,
            "ask": found.wording.ask,
            "purpose": found.wording.purpose,
            "secondary_purpose": found.wording.secondary_purpose,
            "after_close": found.wording.after_close,
            "overhead": found.overhead,
            "takes_comments": found.page.takes_comments,
            "campaign_url": found.campaign.url,
        },
        "round": {
            "number": round_.number,
            "reason": found.reason,
            "opens": round_.opens_at,
            "closes": round_.closes_at,
        },
        "total": reading.shown(found.appeal),
        "entity": found.entity,
        "form": form,
        "currencies": found.currencies,
        "frequencies": found.frequencies,
        "supporters": found.supporters,
        "seals": showing.among(found.seals, found.page)[0],
        "comments": found.comments,
        "alternates": found.alternates,
    }
    response = render(request, "fundraising/appeal.html", context, status=status)
    if request.method == "POST":  # it shows what a donor typed
        patch_cache_control(response, private=True, no_store=True)
    return response


@require_safe
def donation(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """What is booked of a donation. Its address is the donor's key, so nobody may cache or pass it on."""
    found = donation_or_404(uuid)
    if found.locale != _language():
        query = request.META.get("QUERY_STRING", "")
        return private(HttpResponseRedirect(_address(found) + (f"?{query}" if query else "")))
    state = shown_state(found, returned="returned" in request.GET)
    context = {**donation_context(found, state), "just_mailed": "mailed" in request.GET}
    response = render(request, "fundraising/donation.html", context)
    return private(response)


@require_safe
def donation_state(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The state alone, for the page to ask every few seconds."""
    found = donation_or_404(uuid)
    return private(JsonResponse({"state": shown_state(found, returned="returned" in request.GET)}))


class SeeOther(HttpResponseRedirect):
    """After a POST, so that a reload or the back button never sends the form again."""

    status_code = 303


def private(response: HttpResponse) -> HttpResponse:
    """For the donor alone: in nobody's cache, and its address passed on to nobody."""
    patch_cache_control(response, private=True, no_store=True)
    response["Referrer-Policy"] = "no-referrer"
    return response


def donation_or_404(uuid: UUID) -> Donation:
    """The donation with all that its page names."""
    rows = Donation.objects.select_related("donor", "page__appeal__fund__entity", "wording", "entity", "mandate")
    found = rows.filter(uuid=uuid).first()
    if found is None:
        raise Http404
    return found


def _address(found: Donation) -> str:
    with override(found.locale):
        return reverse("donation", kwargs={"uuid": found.uuid})


def shown_state(found: Donation, *, returned: bool) -> str:
    """The state as the donor's page words it. Only booked facts make it `received`."""
    match DonationState(found.state):
        case DonationState.OPENED:
            if found.mandate and found.mandate.started_at:
                return "confirming" if _is_being_collected(found, found.mandate) else "scheduled"
            if Entry.objects.filter(donation=found, key__startswith=donations.announced_key("")).exists():
                return "failed"  # announced by the bank, then withdrawn
            fresh = timezone.now() - found.opened_at < CONFIRMING
            if returned and fresh:
                return "confirming"
            return "transfer" if found.channel == Channel.BANK else "opened"
        case DonationState.RECEIVED if donations.given_back(found):
            return "partly_refunded"
        case state:
            return state.value


def _is_being_collected(found: Donation, mandate: Mandate) -> bool:
    """Whether word of a mandate's first collection is to come any second; the others are collected in their time."""
    at_once = mandate.first_on is None and found.opened_at - mandate.opened_at < timedelta(minutes=1)
    return at_once and mandate.state == MandateState.ACTIVE and timezone.now() - found.opened_at < CONFIRMING


def _is_on_its_way_back(found: Donation) -> bool:
    """Whether the last of what was sent back may still be with the banks."""
    since = timezone.now() - ON_ITS_WAY
    return Entry.objects.filter(donation=found, key__startswith="refund:", occurred_at__gt=since).exists()


def donation_context(found: Donation, state: str) -> dict[str, Any]:
    """What donation.html and pay_unavailable.html are given."""
    address = _address(found)
    waiting = state in {"confirming", "pending"}
    refunded = donations.given_back(found) if state in {"refunded", "partly_refunded"} else None
    return {
        "donation": {
            "uuid": found.uuid,
            "reference": found.reference,
            "amount": found.amount,
            "fee_cover": found.fee_cover if found.fee_cover else None,
            "state": state,
            "received_at": found.received_at,
            "refunded": refunded,
            "is_on_its_way": state == "refunded" and _is_on_its_way_back(found),
            "withheld": donations.withheld(found) if state == "disputed" else None,
            "public_name": PublicName(found.public_name).label,
            "tribute": Tribute(found.tribute).label if found.tribute else "",
            "tribute_name": found.tribute_name,
            "organisation": found.donor.organisation,
            "appeal_title": found.wording.title,
            "appeal_url": found.page.get_absolute_url(),
            "page_slug": found.page.slug,
            "purpose": found.wording.purpose,
            "secondary_purpose": found.wording.secondary_purpose,
            "state_url": f"{address}state.json?returned=1" if waiting else "",
            "email_masked": _masked(found.donor.email),
        },
        "mandate": found.mandate if found.mandate and found.mandate.started_at else None,
        "monthly": monthly_offer(found) if state == "received" else None,
        "way": way_of(found),
        "steps": _steps(state),
        "retry_url": f"{address}pay/" if state in {"opened", "failed", "transfer"} else None,
        "transfer": _transfer(found) if state == "transfer" else None,
        "entity": reading.entity_of(found.entity, found.locale),
        "alternates": [],
    }


def _transfer(found: Donation) -> dict[str, Any] | None:
    """Where to send a bank transfer, and what to write on it."""
    account = offline.account_for(found.entity_id, found.currency)
    if account is None or not found.transfer_reference:
        return None
    owner, reference = found.entity.name, found.transfer_reference
    in_euro = found.currency == "EUR"
    said = epc.payload(account, name=owner, amount=found.amount, reference=reference) if in_euro else ""
    return {
        "owner": owner,
        "iban": references.in_groups(account.iban),
        "bic": account.bic,
        "reference": references.in_groups(reference),
        "qr": epc.svg(said) if said else "",
    }


def _masked(email: str) -> str:
    name, _at, domain = email.partition("@")
    return f"{name[:1]}…@{domain}" if domain else ""


def _steps(state: str) -> list[dict[str, str]]:
    """What happens to the donation, in order. Nothing is promised that the books cannot show."""
    if state in {"refunded", "disputed", "chargeback", "opened", "failed", "scheduled", "transfer"}:
        return []
    received = state in {"received", "partly_refunded"}
    return [
        {
            "title": gettext("Your payment arrives"),
            "text": gettext("Booked to the appeal you chose, and in its total."),
            "state": "done" if received else "current",
        },
        {
            "title": gettext("You get a receipt"),
            "text": gettext("As a PDF by e-mail, with a subject line that gives nothing away."),
            "state": "current" if received else "todo",
        },
        {
            "title": gettext("We report on the money"),
            "text": gettext("Dated updates on the page of the appeal say what has been done with it."),
            "state": "todo",
        },
    ]


@require_safe
def root(request: HttpRequest) -> HttpResponse:
    """The bare address: on to the reader's language, if anything is told in it."""
    told = reading.home_languages()
    with override(_language() if _language() in told else told[0]):
        response = redirect("home")
    response["Vary"] = "Accept-Language"
    return response


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """For a load balancer: this process answers."""
    return HttpResponse("ok", content_type="text/plain")
