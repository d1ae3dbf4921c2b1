"""Opening a donation: from a checked draft to a row that can be paid. No money moves here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from .models import (
    Answer,
    AppealState,
    AppealWording,
    Channel,
    Comment,
    Donation,
    DonationPage,
    DonationState,
    Donor,
    Interval,
    LegalEntity,
    Mandate,
    PublicName,
    Question,
    Round,
    Tribute,
)
from .money import Money
from .vault import blind_index, blind_words


class NotOpen(Exception):
    """The appeal takes no money now."""


class NotRegularly(Exception):
    """The appeal takes single donations only: it is about to close."""


@dataclass(frozen=True)
class Regularly:
    """Giving again and again: how often, on which day (1 to 28), and from when, if not at once."""

    interval: Interval
    day: int | None = None
    first_on: date | None = None


@dataclass(frozen=True)
class DonationDraft:
    """What a donor filled in, already checked. `amount` includes `fee_cover`, which is that of `method`."""

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
    regularly: Regularly | None = None
    method: str = ""
    organisation: str = ""
    employer: str = ""
    tribute: Tribute = Tribute.NONE
    tribute_name: str = ""
    comment: str = ""
    answers: tuple[tuple[Question, str], ...] = ()


def open_donation(draft: DonationDraft) -> Donation:
    """Open a donation, or return the one that the same form opened and nobody has paid yet.

    A double click, a second tab or the back button send the same form again: that is one donation.
    Giving regularly opens the mandate with its first donation. Raises NotOpen when the appeal has
    closed meanwhile, NotRegularly when it takes no new mandates.
    """
    round_ = Round.objects.select_related("appeal").get(pk=draft.round.pk)  # the draft's may be seconds old
    if not (round_.appeal.takes_money and round_.is_open()):
        raise NotOpen(round_.appeal.slug)
    if draft.regularly and round_.appeal.state != AppealState.OPEN:
        raise NotRegularly(round_.appeal.slug)
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


def record(draft: DonationDraft, *, uuid: UUID, channel: Channel, in_kind: str) -> Donation:
    """Open a donation that staff record, also of an appeal that takes no more; two equal ones are two."""
    submission = blind_index("recorded", str(uuid))
    return _create(draft, _donor(draft), submission, uuid=uuid, channel=channel, in_kind=in_kind)


def _create(draft: DonationDraft, donor: Donor, submission: str, **more: Any) -> Donation:
    donation = Donation.objects.create(
        entity_id=donor.entity_id,
        donor=donor,
        page=draft.page,
        round=draft.round,
        wording=draft.wording,
        mandate=_mandate(draft, donor, draft.regularly) if draft.regularly else None,
        locale=draft.page.locale,
        currency=draft.amount.currency,
        amount_minor=draft.amount.minor,
        fee_cover_minor=draft.fee_cover.minor,
        public_name=draft.public_name,
        newsletter_consent=draft.newsletter_consent,
        method=draft.method,
        tribute=draft.tribute,
        tribute_name=draft.tribute_name,
        employer=draft.employer,
        submission=submission,
        **more,
    )
    if draft.comment:
        Comment.objects.create(donation=donation, text=draft.comment)
    Answer.objects.bulk_create(
        Answer(donation=donation, question=question, label=question.label, text=text)
        for question, text in draft.answers
    )
    return donation


def _mandate(draft: DonationDraft, donor: Donor, regularly: Regularly) -> Mandate:
    return Mandate.objects.create(
        entity_id=donor.entity_id,
        donor=donor,
        page=draft.page,
        round=draft.round,
        wording=draft.wording,
        locale=draft.page.locale,
        interval=regularly.interval,
        day=regularly.day,
        first_on=regularly.first_on,
        currency=draft.amount.currency,
        amount_minor=draft.amount.minor,
        fee_cover_minor=draft.fee_cover.minor,
        public_name=draft.public_name,
    )


def _submission(draft: DonationDraft) -> str:
    answers = (text for question, answer in draft.answers for text in (str(question.pk), answer))
    return blind_index(
        *map(str, (draft.page.pk, draft.round.pk, draft.wording.pk, draft.amount, draft.fee_cover, draft.regularly)),
        draft.email, draft.first_name, draft.last_name, draft.country, draft.public_name, draft.newsletter_consent,
        draft.method, draft.organisation, draft.employer, draft.tribute, draft.tribute_name, draft.comment, *answers,
    )  # fmt: skip


def _donor(draft: DonationDraft) -> Donor:
    entity: LegalEntity = draft.round.appeal.campaign.entity
    organisation = [draft.organisation] if draft.organisation else []
    identity = blind_index(draft.email, draft.first_name, draft.last_name, draft.country, *organisation)
    donor, _created = Donor.objects.get_or_create(
        entity=entity,
        identity_index=identity,
        defaults={
            "email_index": blind_index(draft.email),
            "email": draft.email,
            "first_name": draft.first_name,
            "last_name": draft.last_name,
            "organisation": draft.organisation,
            "name_words": blind_words(draft.first_name, draft.last_name, draft.organisation),
            "country": draft.country,
            "locale": draft.page.locale,
        },
    )
    return donor
