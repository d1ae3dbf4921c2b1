"""What staff do about papers that did not go out: each is in the trail."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from fundraising import trail
from fundraising.models import LegalEntity

from ..composing import NotIssuable
from ..mail import delivery
from ..models import MailState, OutgoingMail, Receipt, Refusal
from ..receipts import AlreadyEnded
from ..years import verbs as year_verbs


def about_receipt(receipt: Receipt) -> str:
    """What the trail calls a receipt."""
    return f"receipt:{receipt.number}"


def about_mail(mail: OutgoingMail) -> str:
    """What the trail calls a mail: the receipt that it brings, if it brings one."""
    return about_receipt(mail.receipt) if mail.receipt else f"mail:{mail.pk}"


@transaction.atomic
def try_again(refusal: Refusal, *, by: User, entity: LegalEntity) -> None:
    """Let the service try at once to issue a receipt that was refused, after somebody mended the cause."""
    Refusal.objects.filter(pk=refusal.pk).update(next_attempt_at=timezone.now())
    about = f"donation:{refusal.donation.uuid}"
    trail.record("receipt_tried_again", by=by, entity=entity, about=about, before={"code": refusal.code})


@transaction.atomic
def send_again(mail: OutgoingMail, *, by: User, entity: LegalEntity, reason: str = "") -> None:
    """Let a mail go out (again) now: the address was mended, or the donor lost it."""
    before = {"state": mail.state, "attempts": mail.attempts, "error": mail.last_error}
    delivery.send_again(mail)
    after = {"state": MailState.DUE.value, "kind": mail.kind}
    trail.record(
        "mail_sent_again",
        by=by,
        entity=entity,
        about=about_mail(mail),
        before=before,
        after=after,
        reason=reason,
    )


def replace_corrected(printed: Iterable[Receipt], *, by: User, reason: str) -> tuple[int, int]:
    """Replace receipts whose donor was corrected, one database transaction each; how many were, and were refused.

    Single ones first: the list of a year names them by their numbers.
    """
    replaced = refused = 0
    for receipt in sorted(printed, key=lambda receipt: (receipt.donation_id is None, receipt.pk)):
        try:
            _replace(receipt, by=by, reason=reason)
            replaced += 1
        except (AlreadyEnded, NotIssuable):
            refused += 1
    return replaced, refused


@transaction.atomic
def _replace(receipt: Receipt, *, by: User, reason: str) -> None:
    new = year_verbs.correct(receipt, actor=by.get_username())
    trail.record(
        "receipt_replaced",
        by=by,
        entity=receipt.donor.entity,
        about=about_receipt(receipt),
        after={"by": new.number},
        reason=reason,
    )
