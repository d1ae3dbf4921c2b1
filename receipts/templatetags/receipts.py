"""What a page of another app may show of a donation's receipt."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django import template
from django.urls import reverse

from ..models import MailState, OutgoingMail, Receipt, ReceiptState

register = template.Library()


@dataclass(frozen=True)
class ShownReceipt:
    """`state`: none | due | issued | sent; `url` of the document where there is one."""

    state: str
    number: str = ""
    url: str = ""


@register.simple_tag
def receipt_of(donation_uuid: UUID, donation_state: str) -> ShownReceipt:
    """The valid receipt of a donation, for whoever holds the donation's UUID."""
    receipt = Receipt.objects.filter(donation__uuid=donation_uuid, state=ReceiptState.ISSUED).first()
    if receipt is None:
        return ShownReceipt("due" if donation_state in {"received", "partly_refunded"} else "none")
    mails = OutgoingMail.objects.filter(receipt=receipt)
    sent = mails.filter(state=MailState.SENT).exists()
    url = reverse("receipt-download", kwargs={"donation_uuid": donation_uuid})
    return ShownReceipt("sent" if sent else "issued", receipt.number, url)
