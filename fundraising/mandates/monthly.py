"""The same again, every month: what a donor who has just given once is offered, and nobody is talked into."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.utils import timezone

from .. import content, offers
from ..drafts import DonationDraft, Regularly
from ..models import (
    AppealState,
    AppealWording,
    Donation,
    DonationState,
    Interval,
    Mandate,
    MandateState,
    PaymentMethod,
    PublicName,
    Round,
)
from ..money import Money
from ..spending.policies import standing_policy
from . import content as mandate_content


@dataclass(frozen=True)
class MonthlyOffer:
    """The amounts, the promises and the first day of giving every month what was given once."""

    donation: Donation
    round: Round
    wording: AppealWording
    amount: Money
    fee_cover: Money
    first_on: date
    overhead: int | None  # basis points, as on the appeal's page

    def draft(self) -> DonationDraft:
        """What the donor agrees to by one click: who they are is known, and nothing is agreed to beside it."""
        given, donor = self.donation, self.donation.donor
        return DonationDraft(
            page=given.page,
            round=self.round,
            wording=self.wording,
            amount=self.amount,
            fee_cover=self.fee_cover,
            first_name=donor.first_name,
            last_name=donor.last_name,
            email=donor.email,
            country=donor.country,
            public_name=PublicName(given.public_name),
            newsletter_consent="",
            regularly=Regularly(Interval.MONTH, first_on=self.first_on),
            method="" if given.method == PaymentMethod.CUSTOMER_BALANCE else given.method,
            organisation=donor.organisation,
        )


def monthly_offer(donation: Donation) -> MonthlyOffer | None:
    """The offer, where the page gives monthly, the appeal is open, and the donor has not taken it up already."""
    page, appeal = donation.page, donation.page.appeal
    if donation.state != DonationState.RECEIVED or donation.mandate_id or not page.offers_monthly:
        return None
    round_, wording = content.newest_round(appeal).first(), content.newest_wording(appeal, donation.locale)
    if appeal.state != AppealState.OPEN or round_ is None or not round_.is_open() or wording is None:
        return None
    currency = next((found for found in offers.currencies(page) if found.code == donation.currency), None)
    if currency is None or _taken_up(donation):
        return None
    wished = donation.amount - donation.fee_cover
    cover = mandate_content.fee_cover(currency, wished, donation.method) if donation.fee_cover else donation.fee_cover
    first_on = mandate_content.later(timezone.localdate(), 1)
    policy = standing_policy(appeal)
    overhead = policy.basis_points if policy else None
    return MonthlyOffer(donation, round_, wording, wished + cover, cover, first_on, overhead)


def _taken_up(donation: Donation) -> bool:
    """Whether the donor has signed up since; what they did before is not told to whoever types their name."""
    since = Mandate.objects.filter(donor=donation.donor_id, opened_at__gt=donation.opened_at)
    return since.filter(page__appeal=donation.page.appeal_id).exclude(state=MandateState.OPENED).exists()
