"""Links to a donor's own pages. Signed, over after some days, and only ever mailed to the donor's own address.

Whoever types a victim's name and address into the form gets no link: it goes to the victim's mailbox. When the desk
mends the address, or the donor is erased, the links that went out before open nothing any more.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.translation import override

from fundraising.models import Donor

from ..models import MailKind

LASTS = {
    MailKind.DETAILS: timedelta(days=14),
    MailKind.PAPERS: timedelta(days=2),
    MailKind.GIFT_AID: timedelta(days=14),
}
PAGES = {
    MailKind.DETAILS: "donor-details",
    MailKind.PAPERS: "donor-papers",
    MailKind.GIFT_AID: "donor-gift-aid",
}


class DeadLink(Exception):
    """The link was altered, has expired, or its donor has another address by now."""


def token_of(donor: Donor, kind: MailKind) -> str:
    return signing.dumps([donor.uuid.hex, _mailbox(donor)], salt=_salt(kind))


def donor_of(token: str, kind: MailKind) -> Donor:
    """The donor whose link of this kind it is; raises DeadLink."""
    try:
        uuid, mailbox = signing.loads(token, salt=_salt(kind), max_age=LASTS[kind])
        donor = Donor.objects.select_related("entity").filter(uuid=UUID(uuid), erased_at=None).first()
    except (signing.BadSignature, ValueError) as error:
        raise DeadLink from error
    if donor is None or not donor.email or not constant_time_compare(mailbox, _mailbox(donor)):
        raise DeadLink
    return donor


def url_of(donor: Donor, kind: MailKind) -> str:
    """The whole address, for a mail."""
    with override(donor.locale):
        return settings.PUBLIC_URL + reverse(PAGES[kind], kwargs={"token": token_of(donor, kind)})


def _salt(kind: MailKind) -> str:
    """A link of one kind opens no page of the other."""
    return f"receipts.links.{kind.value}"


def _mailbox(donor: Donor) -> str:
    return donor.email_index[:24]
