"""Opening a donation: from a checked draft to a row that can be paid. No money moves here."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import IntegrityError, transaction

from .models import (
    AppealWording,
    Donation,
    DonationPage,
    DonationState,
    Donor,
    LegalEntity,
    PublicName,
    Round,
)
from .money import Money
from .vault import blind_index


class NotOpen(Exception):
    """The appeal takes no money now."""


@dataclass(frozen=True)
class DonationDraft:
    """What a donor filled in, already checked. `amount` includes `fee_cover`."""

    page: DonationPage
    round: Round
    wording: AppealWording
    amount: Money
    fee_cover: Money
    first_name: str
    last_name: str
    email: str
    country: str
    public_name: PublicName
    newsletter_consent: str


def open_donation(draft: DonationDraft) -> Donation:
    """Open a donation, or return the one that the same form opened and nobody has paid yet.

    A double click, a second tab or the back button send the same form again: that is one donation.
    Raises NotOpen when the appeal has closed meanwhile.
    """
    round_ = Round.objects.select_related("appeal").get(pk=draft.round.pk)  # the draft's may be seconds old
    if not (round_.appeal.takes_money and round_.is_open()):
        raise NotOpen(round_.appeal.slug)
    submission = _submission(draft)
    donor = _donor(draft)
    opened = Donation.objects.filter(submission=submission, state=DonationState.OPENED)
    while True:
        if twin := opened.first():
            return twin
        try:
            with transaction.atomic():
                return _create(draft, donor, submission)
        except IntegrityError:
            if not opened.exists():  # not the twin's doing
                raise


def _create(draft: DonationDraft, donor: Donor, submission: str) -> Donation:
    return Donation.objects.create(
        entity_id=donor.entity_id,
        donor=donor,
        page=draft.page,
        round=draft.round,
        wording=draft.wording,
        locale=draft.page.locale,
        currency=draft.amount.currency,
        amount_minor=draft.amount.minor,
        fee_cover_minor=draft.fee_cover.minor,
        public_name=draft.public_name,
        newsletter_consent=draft.newsletter_consent,
        submission=submission,
    )


def _submission(draft: DonationDraft) -> str:
    return blind_index(
        *map(str, (draft.page.pk, draft.round.pk, draft.wording.pk, draft.amount, draft.fee_cover)),
        draft.email, draft.first_name, draft.last_name, draft.country, draft.public_name, draft.newsletter_consent,
    )  # fmt: skip


def _donor(draft: DonationDraft) -> Donor:
    entity: LegalEntity = draft.round.appeal.campaign.entity
    identity = blind_index(draft.email, draft.first_name, draft.last_name, draft.country)
    donor, _created = Donor.objects.get_or_create(
        entity=entity,
        identity_index=identity,
        defaults={
            "email_index": blind_index(draft.email),
            "email": draft.email,
            "first_name": draft.first_name,
            "last_name": draft.last_name,
            "country": draft.country,
            "locale": draft.page.locale,
        },
    )
    return donor
