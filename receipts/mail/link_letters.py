"""Mails that bring a donor a link: to the form for what tax receipts need, to all their papers, or to Gift Aid's form.

A donor has one mail of each kind, however many donations want it; it goes out again when they ask.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop, override

from fundraising import content
from fundraising.models import Channel, Donation, DonationState, Donor, TaxDetails

from ..donors import links
from ..models import Declaration, IssuerRegime, MailKind, MailState, OutgoingMail, Refusal, YearRefusal, new_message_id
from ..regimes import REGIMES, Problem
from .letters import Letter, Letterhead

TEMPLATE = "receipts/mail/link"
# Neutral: never what it is for.
SUBJECTS = {
    MailKind.DETAILS: gettext_noop("Your payment {reference}: we need a detail"),
    MailKind.PAPERS: gettext_noop("The documents you asked for"),
    MailKind.GIFT_AID: gettext_noop("Your payment {reference}: a form for you"),
}
LATELY = timedelta(days=30)  # a donation is news for so long
LACKING = (Problem.NO_ADDRESS, Problem.NO_TAX_NUMBER)


def to_ask() -> QuerySet[Donor]:
    """Donors whose papers wait for their details and who were not asked yet."""
    refused = Refusal.objects.filter(donation__donor=OuterRef("pk"))
    needy = [regime.code for regime in REGIMES.values() if regime.donor_needs]
    wanted = IssuerRegime.objects.filter(entity=OuterRef("entity"), regime__in=needy).filter(
        Q(donor_countries=[]) | Q(donor_countries__contains=[OuterRef("country")])
    )
    # The paper of a year is composed in January; its donors are asked while they still remember.
    waits_for_year = Q(
        Exists(refused.filter(code=Problem.AT_YEARS_END)),
        Exists(wanted),
        ~Exists(TaxDetails.objects.filter(donor=OuterRef("pk"))),
    )
    asked = OutgoingMail.objects.filter(donor=OuterRef("pk"), kind=MailKind.DETAILS)
    reachable = Donor.objects.filter(erased_at=None).exclude(email="").filter(~Exists(asked))
    of_year = YearRefusal.objects.filter(donor=OuterRef("pk"), code__in=LACKING)
    found = reachable.filter(Q(Exists(refused.filter(code__in=LACKING))) | Q(Exists(of_year)) | waits_for_year)
    return found.order_by("pk")


def to_declare() -> QuerySet[Donor]:
    """British donors who gave lately what Gift Aid could be claimed on, never declared, and were not asked yet.

    Whoever cancelled a declaration has answered, and so has everybody else of the same mailbox who was asked: one mail
    each, and none again. Who gave before is asked from the desk.
    """
    since = timezone.now() - LATELY
    given = Donation.objects.filter(
        donor=OuterRef("pk"), state=DonationState.RECEIVED, currency="GBP", received_at__gte=since
    ).exclude(channel=Channel.IN_KIND)
    today = timezone.localdate()
    claims = IssuerRegime.objects.filter(entity=OuterRef("entity"), regime="uk_gift_aid", since__lte=today).filter(
        Q(donor_countries=[]) | Q(donor_countries__contains=["GB"]), Q(until=None) | Q(until__gte=today)
    )
    mailbox = {"donor__entity": OuterRef("entity"), "donor__email_index": OuterRef("email_index")}
    declared = Declaration.objects.filter(**mailbox)
    asked = OutgoingMail.objects.filter(**mailbox, kind=MailKind.GIFT_AID)
    people = Donor.objects.filter(country="GB", organisation="", erased_at=None).exclude(email="")
    found = people.filter(Exists(given), Exists(claims), ~Exists(declared), ~Exists(asked))
    return found.order_by("entity", "email_index", "pk").distinct("entity", "email_index")  # the first of a mailbox


@transaction.atomic
def queue_due(limit: int = 500) -> int:
    """Queue the first mail to donors who are to be asked something; how many. Several workers may run it."""
    mails = [
        OutgoingMail(donor=donor, kind=kind, message_id=new_message_id(donor.entity.email_from))
        for kind, donors in ((MailKind.DETAILS, to_ask()), (MailKind.GIFT_AID, to_declare()))
        for donor in donors.select_related("entity")[:limit]
    ]
    OutgoingMail.objects.bulk_create(mails, ignore_conflicts=True)  # another worker's
    return len(mails)


@transaction.atomic
def send(donor: Donor, kind: MailKind) -> None:
    """Let the link go to the donor's own address now, also when it went before; without an address nothing happens."""
    if donor.erased_at or not donor.email:
        return
    message_id = new_message_id(donor.entity.email_from)
    mail, is_new = OutgoingMail.objects.get_or_create(donor=donor, kind=kind, defaults={"message_id": message_id})
    if not is_new:  # another message, or mail programs would drop it as a twin of the first
        OutgoingMail.objects.filter(pk=mail.pk).exclude(state=MailState.SENDING).update(
            state=MailState.DUE,
            attempts=0,
            next_attempt_at=timezone.now(),
            last_error="",
            sent_at=None,
            message_id=message_id,
        )


def still_holds(mail: OutgoingMail) -> bool:
    """Whether there is still somebody to send it to."""
    donor = _donor(mail)
    return donor.erased_at is None and bool(donor.email)


def letter(mail: OutgoingMail) -> Letter:
    """What the donor reads. One text serves both forms of the mail, paragraph by paragraph."""
    donor, kind = _donor(mail), MailKind(mail.kind)
    entity = content.entity_of(donor.entity, donor.locale)
    newest = donor.donations.order_by("-pk").first()
    with override(donor.locale):
        text = render_to_string(f"receipts/mail/links/{kind.value}.txt", {"days": links.LASTS[kind].days})
        subject = gettext(SUBJECTS[kind]).format(reference=newest.reference if newest else "")
    return Letter(
        locale=donor.locale,
        subject=subject,
        template=TEMPLATE,
        context={
            "kind": kind.value,
            "title": subject,
            "greeting_name": donor.first_name,
            "entity": Letterhead(entity.name, entity.legal_form, entity.registration, entity.address),
            "reference": newest.reference if newest else "",
            "paragraphs": [" ".join(part.split("\n")).strip() for part in text.split("\n\n") if part.strip()],
            "url": links.url_of(donor, kind),
        },
        sender=donor.entity.email_from,
        donor=donor,
    )


def _donor(mail: OutgoingMail) -> Donor:
    if mail.donor is None:
        raise ValueError("a link is mailed to a donor")  # the database says so too
    return mail.donor
