"""The demo's first donations, given through the sandbox like any other, so that the totals are not zero."""

from __future__ import annotations

import json
import urllib.request

from django.conf import settings

from fundraising.content import newest_wording
from fundraising.drafts import DonationDraft, open_donation
from fundraising.models import Appeal, Donation, DonationPage, PublicName, Round
from fundraising.money import Money
from payments import checkout
from payments.models import Payment

# slug of the appeal, language, amount, first and last name, country, how the sandbox's bank answers
FIRST = [
    ("legal-defence", "it", Money(3_500, "EUR"), "Marta", "Verdi", "IT", "success"),
    ("legal-defence", "en", Money(15_000, "USD"), "Ines", "Calder", "US", "success"),
    ("a-way-out", "it", Money(7_500, "EUR"), "Paolo", "Neri", "IT", "success"),
    ("a-way-out", "en", Money(10_000, "JPY"), "Haru", "Mori", "JP", "success"),
    ("a-way-out", "en", Money(250_000, "EUR"), "Noor", "de Wit", "NL", "success"),
    ("a-warm-school", "en", Money(6_000, "GBP"), "Aled", "Price", "GB", "success"),
    ("a-warm-school", "it", Money(12_000, "EUR"), "Carla", "Fontana", "IT", "success"),
]


def first_donations() -> None:
    """Give each of FIRST once, on an installation where nobody has gone to pay yet."""
    # Those of the past have no address to pay at; a donation is received only when its event was handled.
    if Payment.objects.exclude(session_id=None).exclude(url="").exists():
        return
    for number, (slug, locale, amount, first_name, last_name, country, case) in enumerate(FIRST):
        appeal = Appeal.objects.get(slug=slug)
        wording = newest_wording(appeal, locale)
        if wording is None:
            raise LookupError(f"{slug} has no wording in {locale}")
        donation = open_donation(
            DonationDraft(
                page=DonationPage.objects.get(appeal=appeal, locale=locale),
                round=Round.objects.filter(appeal=appeal).latest("number"),
                wording=wording,
                amount=amount,
                fee_cover=Money(0, amount.currency),
                first_name=first_name,
                last_name=last_name,
                email=f"donor{number}@example.org",
                country=country,
                public_name=PublicName.NAME_COUNTRY if number % 2 else PublicName.ANONYMOUS,
                newsletter_consent="",
            )
        )
        checkout.checkout_url(donation)
        _pay(donation, case)


def _pay(donation: Donation, case: str) -> None:
    session = Payment.objects.get(donation=donation).session_id
    request = urllib.request.Request(  # noqa: S310  # the sandbox's own address, on this machine
        f"{settings.STRIPE_API_BASE}/sandbox/checkout/{session}/pay",
        data=json.dumps({"case": case}).encode(),
        headers={"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=10).read()  # noqa: S310
