"""Notices by mail: what donors are told beside their receipts. Pulled from the books, each mailed once at most.

A notice whose news has been overtaken when its mail is due (a collection that came after all) is not sent.
"""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop, override

from fundraising import content, mandates
from fundraising.models import Donation, DonationState, Mandate, MandateEnd, MandateState, Notice, NoticeKind
from fundraising.money import Money

from ..models import MailKind, MailState, OutgoingMail, Receipt, new_message_id
from .letters import Letter, Letterhead

TEMPLATE = "receipts/mail/notice"
# Neutral: a payment and its reference, never what it is for.
SUBJECTS = {
    NoticeKind.DEBIT_FAILED: gettext_noop("Your payment {reference} did not arrive"),
    NoticeKind.MANDATE_FAILED: gettext_noop("Your payment {reference} did not go through"),
    NoticeKind.MANDATE_MENDED: gettext_noop("Your payment {reference} has arrived"),
    NoticeKind.MANDATE_CHANGED: gettext_noop("Your payment {reference} has changed"),
    NoticeKind.MANDATE_PAUSED: gettext_noop("Your payment {reference} is paused"),
    NoticeKind.MANDATE_RESUMED: gettext_noop("Your payment {reference} goes on"),
    NoticeKind.MANDATE_REDIRECTED: gettext_noop("Your payment {reference}: what changes"),
    NoticeKind.MANDATE_UPCOMING: gettext_noop("Your payment {reference} is due soon"),
    NoticeKind.MANDATE_ENDED: gettext_noop("Your payment {reference} has ended"),
}
TAKEN_BACK = gettext_noop("Your payment {reference} was taken back")  # of a debit that had come
# The provider's codes in plain words' terms; whatever else a bank says is told as "no reason given".
REASONS = {
    "insufficient_funds": "funds",
    "expired_card": "expired",
    "authentication_required": "confirm",
    "authentication_failed": "confirm",
    "payment_intent_authentication_failure": "confirm",
    "invoice_payment_intent_requires_action": "confirm",
    "debit_not_authorized": "not_allowed",
    "account_closed": "closed",
    "bank_account_closed": "closed",
    "no_account": "closed",
}


def unsent() -> QuerySet[Notice]:
    """The notices that have no mail yet."""
    return Notice.objects.filter(~Exists(OutgoingMail.objects.filter(notice=OuterRef("pk"))))


@transaction.atomic
def queue_due(limit: int = 500) -> int:
    """Queue a mail for each notice that has none, oldest first; how many were found. Several workers may run it."""
    rows = unsent().select_for_update(skip_locked=True, of=("self",)).order_by("at", "pk")
    found = list(rows.select_related("mandate__entity", "donation__entity")[:limit])
    OutgoingMail.objects.bulk_create(
        [
            OutgoingMail(
                notice=notice, kind=MailKind.NOTICE, message_id=new_message_id(_about(notice).entity.email_from)
            )
            for notice in found
        ],
        ignore_conflicts=True,  # another worker's, between our look and our lock
    )
    return len(found)


def still_holds(notice: Notice) -> bool:
    """Whether the notice is news to the donor, as of now."""
    mandate = notice.mandate
    if mandate is None:
        return _debit_is_missing(_donation(notice))
    ended = mandate.state == MandateState.ENDED
    match NoticeKind(notice.kind):
        case NoticeKind.MANDATE_FAILED:
            return _failure_stands(notice, mandate)
        case NoticeKind.MANDATE_MENDED:
            return _mailed(mandate, NoticeKind.MANDATE_FAILED, about__startswith=f"{notice.about}:")
        case NoticeKind.MANDATE_PAUSED:
            return mandate.state == MandateState.PAUSED
        case NoticeKind.MANDATE_UPCOMING:
            due = mandate.next_on
            return mandate.state == MandateState.ACTIVE and due is not None and timezone.localdate() <= due
        case NoticeKind.MANDATE_ENDED:
            gave_up = mandate.end_reason == MandateEnd.GAVE_UP
            return not (gave_up and mandate.notices.filter(kind=NoticeKind.MANDATE_FAILED, is_last=True).exists())
        case _:
            return not ended


def _debit_is_missing(donation: Donation) -> bool:
    """Not if it came after all; nor where there was a receipt: then the mail that voids it tells the donor."""
    missing = donation.state in {DonationState.OPENED, DonationState.CHARGEBACK}
    return missing and not Receipt.objects.filter(donation=donation).exists()


def _failure_stands(notice: Notice, mandate: Mandate) -> bool:
    """Not if the collection came meanwhile, or the mandate has ended for another reason than this one."""
    collection = notice.about.rpartition(":")[0]
    if mandate.notices.filter(kind=NoticeKind.MANDATE_MENDED, about=collection).exists():
        return False
    if mandate.state != MandateState.ENDED:
        return True
    told = _mailed(mandate, NoticeKind.MANDATE_ENDED)
    return notice.is_last and mandate.end_reason == MandateEnd.GAVE_UP and not told


def _mailed(mandate: Mandate, kind: NoticeKind, **more: str) -> bool:
    return mandate.notices.filter(kind=kind, mail__state=MailState.SENT, **more).exists()


def letter(notice: Notice) -> Letter:
    """What the donor reads. One text serves both forms of the mail, paragraph by paragraph."""
    about = _about(notice)
    with override(about.locale):
        context = _context(notice)
        text = render_to_string(f"receipts/mail/notices/{notice.kind}.txt", context)
        paragraphs = [" ".join(part.split("\n")).strip() for part in text.split("\n\n") if part.strip()]
        subject = gettext(_subject(notice)).format(reference=about.reference)
    return Letter(
        locale=about.locale,
        subject=subject,
        template=TEMPLATE,
        context={**context, "title": subject, "paragraphs": paragraphs},
        sender=about.entity.email_from,
        donor=about.donor,
    )


def _subject(notice: Notice) -> str:
    is_back = notice.donation is not None and notice.donation.state == DonationState.CHARGEBACK
    return TAKEN_BACK if is_back else SUBJECTS[NoticeKind(notice.kind)]


def _about(notice: Notice) -> Donation | Mandate:
    return notice.mandate or _donation(notice)


def _donation(notice: Notice) -> Donation:
    if notice.donation is None:
        raise ValueError("a notice is of a donation or of a mandate")  # the database says so too
    return notice.donation


def _context(notice: Notice) -> dict[str, object]:
    about = _about(notice)
    entity = content.entity_of(about.entity, about.locale)
    page = "mandate" if notice.mandate else "donation"
    amount = _failed_amount(notice) or about.amount
    return {
        "notice": notice,
        "greeting_name": about.donor.first_name,
        "entity": Letterhead(entity.name, entity.legal_form, entity.registration, entity.address),
        "amount": amount,
        "fee_cover": about.fee_cover if about.fee_cover else None,
        "mandate": notice.mandate,
        "goes_on": bool(notice.donation and _collects(notice.donation.mandate)),
        "retry_on": notice.mandate.retry_on if notice.mandate and not notice.is_last else None,
        "reason": REASONS.get(notice.code, ""),
        "reference": about.reference,
        "secondary_purpose": about.wording.secondary_purpose,
        "url": settings.PUBLIC_URL + reverse(page, kwargs={"uuid": about.uuid}),
    }


def _collects(mandate: Mandate | None) -> bool:
    """Whether more will be collected of a donor who had a donation taken back."""
    return mandate is not None and mandate.state != MandateState.ENDED


def _failed_amount(notice: Notice) -> Money | None:
    """What the collection was of: the mandate's amount may have changed since."""
    if notice.mandate is None or notice.kind not in {NoticeKind.MANDATE_FAILED, NoticeKind.MANDATE_MENDED}:
        return None
    collection = notice.about.partition(":")[0]
    donation = mandates.collected(notice.mandate, collection)
    return donation.amount if donation else None
