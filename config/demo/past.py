"""What the demo's donations of the past have in common: a form that was sent then, and an attempt to pay it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from fundraising.content import newest_wording
from fundraising.drafts import DonationDraft
from fundraising.models import Donation, DonationPage, Mandate, PublicName, Round
from fundraising.money import Money
from payments.models import Payment, PaymentState, StripeAccount


@dataclass(frozen=True)
class Given:
    """A donation of the past and its attempt. `is_told`: what becomes of it is no matter of luck."""

    at: int
    payment: Payment
    case: str
    is_told: bool = False
    wish: dict[str, Any] = field(default_factory=dict)


def draft(
    page: DonationPage,
    round_: Round,
    amount: Money,
    *,
    name: tuple[str, str],
    email: str,
    country: str,
    public_name: PublicName = PublicName.ANONYMOUS,
    **more: Any,
) -> DonationDraft:
    """The form as it was filled in, under the page's newest wording. Raises LookupError where it has none."""
    wording = newest_wording(page.appeal, page.locale)
    if wording is None:
        raise LookupError(f"{page} has no wording")
    first_name, last_name = name
    return DonationDraft(
        page=page,
        round=round_,
        wording=wording,
        amount=amount,
        fee_cover=Money(0, amount.currency),
        first_name=first_name,
        last_name=last_name,
        email=email,
        country=country,
        public_name=public_name,
        newsletter_consent="",
        **more,
    )


def set_back(donation: Donation, at: int) -> datetime:
    """Say that its form was sent in the past, just before `at` (seconds since the epoch); returns when."""
    opened = datetime.fromtimestamp(at - 90, UTC)
    # Out of the way of the next: the same form again would be the same donation.
    Donation.objects.filter(pk=donation.pk).update(opened_at=opened, submission=uuid4().hex)
    if donation.mandate:
        Mandate.objects.filter(pk=donation.mandate.pk).update(opened_at=opened)
    return opened


def attempt(donation: Donation, account: StripeAccount, at: int) -> Payment:
    """Its open attempt. That of a mandate is opened with its checkout; the others', like all of the past, need none."""
    opened = set_back(donation, at)
    payment = Payment.objects.create(
        donation=donation, account=account, state=PaymentState.OPEN, session_id=f"cs_test_{uuid4().hex}"
    )
    Payment.objects.filter(pk=payment.pk).update(created_at=opened)
    payment.donation = donation
    return payment
