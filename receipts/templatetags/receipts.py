"""What a page of another app may show of a donation's receipt."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django import template
from django.urls import reverse

from fundraising.models import Donation

from ..donors import tax_details
from ..iati import work as iati
from ..models import MailState, OutgoingMail, Receipt, ReceiptState
from ..reports import masking, people
from ..reports.showing_people import situation_of

register = template.Library()


@dataclass(frozen=True)
class ShownReceipt:
    """`state`: none | due | issued | sent | mailed; `url` of the document where there is one.

    `mailed` says nothing of whether there is one: such a paper prints a donor's address or tax number, and whoever
    gives in another's name opens this page. It goes to the donor's mailbox, and the request for what it lacks too.
    """

    state: str
    number: str = ""
    url: str = ""


@register.simple_tag
def receipt_of(donation_uuid: UUID, donation_state: str) -> ShownReceipt:
    """The valid receipt of a donation, for whoever holds the donation's UUID."""
    is_received = donation_state in {"received", "partly_refunded", "disputed"}
    donation = Donation.objects.select_related("donor", "entity").filter(uuid=donation_uuid).first()
    receipt = Receipt.objects.filter(donation=donation, state=ReceiptState.ISSUED, sealing=None).first()
    if donation is None or donation.donor.erased_at:
        return ShownReceipt("none")
    if (is_received and tax_details.asks_details(donation)) or (receipt and tax_details.prints_details(receipt)):
        return ShownReceipt("mailed")
    if receipt is None:
        return ShownReceipt("due" if donation_state in {"received", "partly_refunded"} else "none")
    mails = OutgoingMail.objects.filter(receipt=receipt)
    sent = mails.filter(state=MailState.SENT).exists()
    url = reverse("receipt-download", kwargs={"donation_uuid": donation_uuid})
    return ShownReceipt("sent" if sent else "issued", receipt.number, url)


@register.inclusion_tag("receipts/_newest_situation.html")
def newest_situation(appeal_uuid: UUID, slug: str) -> dict[str, object]:
    """The situation that the appeal's newest report tells, if one does; `slug` of its page in the active language."""
    found = people.newest(appeal_uuid)
    if found is None or masking.is_pending(found, found.appeal.fund.entity_id):
        return {}
    return {"situation": situation_of(found.data), "report": found, "slug": slug}


@register.simple_tag
def iati_file(appeal_uuid: UUID) -> str:
    """The address of the appeal's IATI file; empty where it publishes none."""
    slug = iati.public().filter(appeal__uuid=appeal_uuid).values_list("appeal__slug", flat=True).first()
    return reverse("iati-file", kwargs={"appeal": slug}) if slug else ""
