"""The evidence pack of a dispute: gathered from payments, books and receipts, which do not know each other."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.db.models import Prefetch
from django.utils import timezone
from django.utils.translation import gettext

from fundraising.locales import babel_locale
from fundraising.models import Donation, DonationState, EntityText, Posting, Purpose
from fundraising.money import Money
from payments.models import Dispute
from receipts.documents.evidence import Earlier, Evidence, Line, Step, Wording, masked
from receipts.models import MailState, OutgoingMail


def evidence_of(dispute: Dispute, donation: Donation, *, locale: str) -> Evidence:
    """What we know of a contested donation, in the language of whoever asks."""
    entity, donor = donation.entity, donation.donor
    text = EntityText.objects.filter(entity=entity, locale=donation.locale).first()
    return Evidence(
        locale=locale,
        made_at=timezone.now(),
        entity_name=entity.name,
        entity_form=text.legal_form if text else "",
        entity_address=entity.address,
        entity_registration=entity.registration,
        theme=entity.theme,
        dispute_id=dispute.dispute_id,
        charge_id=dispute.charge_id,
        reason=dispute.reason.replace("_", " "),
        status=dispute.status.replace("_", " "),
        amount=dispute.amount,
        opened_at=dispute.opened_at,
        due_by=dispute.evidence_due_by if dispute.closed_at is None else None,
        reference=donation.reference,
        donated=donation.amount,
        state=str(DonationState(donation.state).label),
        donor_name=f"{donor.first_name} {donor.last_name}".strip(),
        donor_email=masked(donor.email),
        donor_country=donor.country,
        wording=_wording(donation, text),
        course=tuple(sorted(_course(dispute, donation, locale), key=lambda step: step.at)),
        earlier=tuple(_others(donation)),
        lines=tuple(_lines(donation)),
        refund_policy=settings.REFUND_POLICY,
    )


def _wording(donation: Donation, text: EntityText | None) -> Wording:
    said = donation.wording
    return Wording(
        locale=said.locale,
        version=said.version,
        address=settings.PUBLIC_URL + donation.page.get_absolute_url(),
        title=said.title,
        ask=said.ask,
        purpose=said.purpose,
        secondary_purpose=said.secondary_purpose,
        statement=text.non_deductibility if text else "",
    )


def _course(dispute: Dispute, donation: Donation, locale: str) -> Iterator[Step]:
    """What happened to the donation and its papers, in no order."""
    yield Step(donation.opened_at, gettext("The donor sent the donation form."))
    for payment in donation.payments.filter(account=dispute.account):
        yield Step(
            payment.created_at, gettext("The donor was sent to pay (attempt %(uuid)s).") % {"uuid": payment.uuid}
        )
    yield from _money(donation, locale)
    sent = Prefetch("mails", OutgoingMail.objects.filter(state=MailState.SENT))
    for receipt in donation.receipts.defer("snapshot").prefetch_related(sent):
        yield Step(receipt.issued_at, gettext("Receipt %(number)s was issued.") % {"number": receipt.number})
        for mail in receipt.mails.all():
            assert mail.sent_at
            yield Step(
                mail.sent_at, gettext("Receipt %(number)s was mailed to the donor.") % {"number": receipt.number}
            )
    for other in donation.disputes.all():
        yield Step(other.opened_at, gettext("Dispute %(dispute)s was opened.") % {"dispute": other.dispute_id})
        if other.closed_at:
            said = {"dispute": other.dispute_id, "status": other.status.replace("_", " ")}
            yield Step(other.closed_at, gettext("Dispute %(dispute)s was closed: %(status)s.") % said)


def _money(donation: Donation, locale: str) -> Iterator[Step]:
    """What the ledger says of the donation's money, fact by fact."""
    texts = {
        Purpose.DONATIONS: gettext("%(amount)s were charged (%(fact)s)."),
        Purpose.REFUNDS: gettext("%(amount)s were refunded (%(fact)s)."),
        Purpose.WITHHELD: gettext("The bank drew %(amount)s (%(fact)s)."),
        Purpose.CHARGEBACKS: gettext("The bank took %(amount)s back for good (%(fact)s)."),
    }
    facts = Posting.objects.filter(entry__donation=donation, account__purpose__in=texts, entry__reverses=None)
    for posting in facts.select_related("entry", "account"):
        if posting.account.purpose == Purpose.WITHHELD and posting.amount_minor < 0:
            continue  # the other side of what was lost
        amount = Money(abs(posting.amount_minor), posting.currency).format_exact(babel_locale(locale))
        said = texts[Purpose(posting.account.purpose)] % {"amount": amount, "fact": posting.entry.key}
        yield Step(posting.entry.occurred_at, said)


def _others(donation: Donation) -> Iterator[Earlier]:
    """What the same donor gave to the same entity, the newest first."""
    others = Donation.objects.filter(donor=donation.donor_id, entity=donation.entity_id).exclude(pk=donation.pk)
    for other in others.exclude(received_at=None).order_by("-received_at")[:20]:
        assert other.received_at
        yield Earlier(other.received_at.date(), other.reference, other.amount, str(DonationState(other.state).label))


def _lines(donation: Donation) -> Iterator[Line]:
    lines = Posting.objects.filter(entry__donation=donation).select_related("entry", "account")
    for posting in lines.order_by("entry__occurred_at", "entry_id", "pk"):
        purpose = Purpose(posting.account.purpose).label
        amount = Money(posting.amount_minor, posting.currency)
        yield Line(posting.entry.occurred_at, posting.entry.key, str(purpose), amount)
