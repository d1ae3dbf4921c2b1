"""Letters: what a mail says, in the donor's language. Sender and subject are neutral: an inbox must not out a donor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from css_inline import CSSInliner
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext, override

from fundraising.models import Donor

from .. import pages, receipts
from ..models import EndReason, MailKind, OutgoingMail, Receipt
from ..snapshot import Snapshot

# It keeps what depends on the reader's device (dark mode), and fetches nothing.
INLINER = CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
TEMPLATES = {
    MailKind.RECEIPT: "receipts/mail/receipt",
    MailKind.REPLACEMENT: "receipts/mail/replacement",
    MailKind.VOIDED: "receipts/mail/voided",
}


OF_A_YEAR = {
    MailKind.RECEIPT: "receipts/mail/year",
    MailKind.REPLACEMENT: "receipts/mail/year_replaced",
    MailKind.VOIDED: "receipts/mail/year_voided",
}


@dataclass(frozen=True)
class Letterhead:
    """The legal entity as the foot of a mail names it; its address on one line."""

    name: str
    legal_form: str
    registration: str
    address: str


@dataclass(frozen=True)
class Letter:
    """A mail without its envelope: a template (.txt and .html) with its context, and a document perhaps."""

    locale: str
    subject: str
    template: str
    context: Mapping[str, object]
    sender: str
    donor: Donor
    document: tuple[str, bytes] | None = None


def message(letter: Letter, mail: OutgoingMail, server: BaseEmailBackend | None) -> EmailMultiAlternatives:
    """The letter in its envelope."""
    with override(letter.locale):
        made = EmailMultiAlternatives(
            subject=letter.subject,
            body=render_to_string(f"{letter.template}.txt", dict(letter.context)),
            from_email=letter.sender,
            to=[letter.donor.email],
            headers={"Message-ID": mail.message_id, "Auto-Submitted": "auto-generated"},
            connection=server,
        )
        page = render_to_string(f"{letter.template}.html", dict(letter.context))
        made.attach_alternative(INLINER.inline(page), "text/html")
    if letter.document:
        made.attach(*letter.document, "application/pdf")
    return made


def of_receipt(receipt: Receipt, kind: MailKind) -> Letter:
    """A receipt, its replacement, or word that it is void."""
    snapshot = Snapshot.from_json(receipt.snapshot)
    void = kind == MailKind.VOIDED
    # The paper is in the language that its law wants, the letter in the one that the donor reads.
    locale = receipt.donation.locale if receipt.donation else receipt.donor.locale
    with override(locale):
        subject = gettext("Your receipt {number} is void") if void else gettext("Your receipt {number}")
        context = _context(receipt, snapshot)
    return Letter(
        locale=locale,
        subject=subject.format(number=receipt.number),
        template=(TEMPLATES if receipt.donation_id else OF_A_YEAR)[kind],
        context=context,
        sender=receipt.donor.entity.email_from,
        donor=receipt.donor,
        document=None if void else (f"{receipt.number}.pdf", receipts.read_pdf(receipt)),
    )


def _context(receipt: Receipt, snapshot: Snapshot) -> dict[str, object]:
    return {
        "greeting_name": receipt.donor.first_name or snapshot.donor_name,
        "entity": Letterhead(
            name=snapshot.entity_name,
            legal_form=snapshot.entity_form,
            registration=snapshot.entity_registration,
            address=", ".join(snapshot.entity_address.splitlines()),
        ),
        "amount": snapshot.net,
        "refunded": snapshot.refunded,
        "in_kind": snapshot.in_kind,
        "not_theirs": receipt.ended_reason == EndReason.NOT_THEIRS,
        "returned": receipt.ended_reason == EndReason.CORRECTED,  # void, and not replaced: nothing else is
        "taken_back": receipt.ended_reason == EndReason.TAKEN_BACK,
        "reference": snapshot.reference or receipt.number,
        "year": snapshot.period_first.year if snapshot.period_first else None,
        "receipt_number": receipt.number,
        "replaces": snapshot.replaces,
        "received_on": snapshot.received_on,
        "url": settings.PUBLIC_URL + _address(receipt),
        "non_deductibility": "\n".join(snapshot.statements),
    }


def _address(receipt: Receipt) -> str:
    """Where the donor sees more: the donation's page, or the paper itself where it is of a year."""
    if receipt.donation:
        return reverse("donation", kwargs={"uuid": receipt.donation.uuid})
    return pages.paper_address(receipt)
