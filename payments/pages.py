"""The steps from a form to Stripe's page or to our pay step. They end in a redirect, or in an honest page."""

from __future__ import annotations

import logging
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import override
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from fundraising import pages, throttle
from fundraising.drafts import NotOpen, NotRegularly, open_donation
from fundraising.forms import TRANSFER, DonationForm
from fundraising.mandates.monthly import monthly_offer
from fundraising.models import Donation
from fundraising.offline import NoAccount, open_transfer
from fundraising.pages import SeeOther

from . import checkout, element
from .models import PaymentState

log = logging.getLogger(__name__)


# No token guards these forms: they are public, act for nobody who is signed in, and their page must
# be the same for everyone so that a shared cache can carry a crowd.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def appeal(request: HttpRequest, slug: str) -> HttpResponse:
    """The appeal's page; its form, when sent, opens a donation and leads on to Stripe."""
    if request.method != "POST":
        return pages.appeal(request, slug)
    found = pages.appeal_or_404(slug)
    form = DonationForm(found, request.POST)
    if found.state == "closed":
        return pages.render_appeal(request, found, form, status=409)
    if "show" in request.POST:  # without script: the amounts of another currency, and nothing typed is lost
        return pages.render_appeal(request, found, DonationForm(found, initial=request.POST.dict()))
    if not form.is_valid():
        return pages.render_appeal(request, found, form, status=422)
    by_transfer = TRANSFER in request.POST
    try:
        throttle.count_client("donate", request)
        donation = open_transfer(form.draft()) if by_transfer else open_donation(form.draft())
    except throttle.TooMany as error:
        form.refuse_for_now(throttle.minutes(error))
        return throttle.told(pages.render_appeal(request, found, form), error)
    except NoAccount:  # it was taken from the page within the last seconds
        form.refuse_transfer()
        return pages.render_appeal(request, found, form, status=422)
    except NotOpen:  # it closed within the last seconds
        return pages.render_appeal(request, found, form, status=409)
    except NotRegularly:  # it began to close within the last seconds
        form.refuse_regularly()
        return pages.render_appeal(request, found, form, status=422)
    if by_transfer:
        with override(donation.locale):
            return SeeOther(reverse("donation", kwargs={"uuid": donation.uuid}))
    return _on_to_stripe(request, donation)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def pay(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Try (again) to pay an opened donation; GET shows the pay step, while an attempt with Stripe's fields is open."""
    donation = pages.donation_or_404(uuid)
    if request.method != "POST":
        return _pay_step(request, donation)
    with override(donation.locale):
        try:
            throttle.count_client("pay", request)
            throttle.count("pay_again", str(uuid))
        except throttle.TooMany as error:
            return throttle.refuse(request, error)
    return _on_to_stripe(request, donation)


@csrf_exempt
@require_POST
def monthly(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Give the same every month, from next month: a donation of its own, whose card Stripe asks for anew."""
    donation = pages.donation_or_404(uuid)
    offer = monthly_offer(donation)
    try:
        throttle.count_client("donate", request)
        following = open_donation(offer.draft()) if offer else None
    except throttle.TooMany as error:
        with override(donation.locale):
            return throttle.refuse(request, error)
    except (NotOpen, NotRegularly):  # it closed within the last seconds
        following = None
    if following is None:  # its page says what there is
        with override(donation.locale):
            return SeeOther(reverse("donation", kwargs={"uuid": donation.uuid}))
    return _on_to_stripe(request, following)


def _pay_step(request: HttpRequest, donation: Donation) -> HttpResponse:
    """Stripe's fields on our page. Opens nothing: a prefetch or a reload asks Stripe for nothing."""
    with override(donation.locale):
        found = element.element_of(donation)
        address = reverse("donation", kwargs={"uuid": donation.uuid})
        if found is None:
            return pages.private(HttpResponseRedirect(f"{address}?returned=1" if _is_completed(donation) else address))
        context = pages.donation_context(donation, "opened")
        context |= {"element": found, "return_url": f"{address}?returned=1", "regularly": donation.mandate}
        context["transfers"] = checkout.offers_transfers(found.account, donation)
        response = pages.private(render(request, "fundraising/pay.html", context))
    response._csp_update = element.policy()  # type: ignore[attr-defined]
    # Wallets open windows of their own from Stripe's frames, and wait for their answer.
    response["Cross-Origin-Opener-Policy"] = "same-origin-allow-popups"
    return response


def _is_completed(donation: Donation) -> bool:
    return donation.payments.filter(state__in=[PaymentState.COMPLETED, PaymentState.SUCCEEDED]).exists()


def _on_to_stripe(request: HttpRequest, donation: Donation) -> HttpResponse:
    with override(donation.locale):
        address = reverse("donation", kwargs={"uuid": donation.uuid})
        try:
            # A browser with script says that it can show Stripe's fields.
            surface = element.surface_for(donation, request.POST.get("surface", ""))
            return SeeOther(checkout.checkout_url(donation, surface))
        except checkout.NothingToPay:
            return SeeOther(f"{address}?returned=1")
        except checkout.CannotPay as error:
            log.warning(
                "checkout of %s not possible: %s", donation.reference, error.__cause__ or str(error) or "still asking"
            )
            context = pages.donation_context(pages.donation_or_404(donation.uuid), "opened")
            response = render(request, "fundraising/pay_unavailable.html", context, status=503)
            response["Retry-After"] = "30"
            return pages.private(response)
