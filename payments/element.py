"""The pay step: Stripe's fields on a page of our own, the only page that may load Stripe's script."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from csp.constants import SELF
from django.conf import settings
from django.utils import timezone

from fundraising.models import Donation, DonationState, PaymentMethod

from .models import Payment, PaymentState, StripeAccount, Surface

# Stripe's script of the API version that the gateway speaks (https://docs.stripe.com/sdks/stripejs-versioning).
SCRIPT = "/dahlia/stripe.js"


@dataclass(frozen=True)
class Element:
    """What the browser needs to show Stripe's fields: all of it is made for the browser."""

    script: str
    publishable_key: str
    client_secret: str
    account: StripeAccount


def is_offered(account: StripeAccount | None) -> bool:
    """Whether donors to this account can pay on our page: it has a publishable key, and one of the right mode."""
    if account is None or not account.publishable_key:
        return False
    is_live = "_live_" in account.publishable_key
    return is_live == account.livemode and not (is_live and settings.STRIPE_API_BASE)


def surface_for(donation: Donation, wish: str) -> Surface:
    """Where a donor pays whose browser wishes so; the wish is no more than that."""
    if wish != Surface.ELEMENTS or donation.method == PaymentMethod.CUSTOMER_BALANCE:  # which Stripe's page explains
        return Surface.HOSTED
    account = StripeAccount.objects.filter(entity=donation.entity_id).first()
    return Surface.ELEMENTS if is_offered(account) else Surface.HOSTED


def element_of(donation: Donation) -> Element | None:
    """The open attempt with Stripe's fields, if there is one to be paid; asks nobody."""
    if donation.state != DonationState.OPENED:
        return None
    payment = (
        Payment.objects.select_related("account")
        .filter(donation=donation, surface=Surface.ELEMENTS, state=PaymentState.OPEN, expires_at__gt=timezone.now())
        .first()
    )
    if payment is None or not payment.client_secret or not is_offered(payment.account):
        return None
    return Element(
        f"{_script_origin()}{SCRIPT}", payment.account.publishable_key, payment.client_secret, payment.account
    )


def _script_origin() -> str:
    return settings.STRIPE_API_BASE or "https://js.stripe.com"


def policy() -> dict[str, list[str]]:
    """What the pay step may load beyond our own files: what Stripe's guide names for Stripe.js, and no more.

    https://docs.stripe.com/security/guide#content-security-policy (its frames start on any subdomain of js.stripe.com,
    hooks.stripe.com is for banks' redirects such as 3-D Secure). Without Google Maps, which the guide names for address
    fields: we show none. Without link.com, for Link: it is to be switched off (docs/operator-runbook.md). Without
    checkout.stripe.com, for Stripe's whole page in a frame: ours is its fields alone.
    """
    if settings.STRIPE_API_BASE:
        parts = urlsplit(settings.STRIPE_API_BASE)
        stand_in = f"{parts.scheme}://{parts.netloc}"
        return {"script-src": [SELF, stand_in], "frame-src": [stand_in], "connect-src": [SELF, stand_in]}
    scripts = ["https://js.stripe.com", "https://*.js.stripe.com"]
    return {
        "script-src": [SELF, *scripts],
        "frame-src": [*scripts, "https://hooks.stripe.com"],
        "connect-src": [SELF, "https://api.stripe.com"],
    }
