"""Mail to donors, receipts and notices: claimed rows, sent one by one, each attempt on record.

A row is claimed and committed before anything is sent, and marked as sent after the mail server took it. Should the
process die in between, the claim lapses and the mail goes out again: a donor may rarely get the same mail twice,
with the same number, the same bytes and the same Message-ID, but never none (docs/adr/0031-receipt-mail.md).
"""

from __future__ import annotations

import logging
import smtplib
import time
from datetime import timedelta

from anymail.exceptions import AnymailAPIError, AnymailError, AnymailRecipientsRefused
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.utils import timezone

from fundraising.models import Donor

from ..models import LINKS, MailKind, MailState, OutgoingMail, Receipt, ReceiptState
from . import events, letters, link_letters, notices

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=15)
BACK_OFF = [timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360, 720, 1440)]
MAX_ATTEMPTS = len(BACK_OFF) + 1
SECONDS = 60.0  # after this long the worker is given back; the next nudge goes on
# What a server says of one mail; every other error of smtplib, all of them OSErrors, is about the server.
REFUSALS = (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError)
# What a provider's interface answers when it, or our log-in, is the trouble; other 4xx are about the mail.
TROUBLES = frozenset({401, 402, 403, 404, 408, 421, 429})


class ServerTrouble(Exception):
    """The mail server cannot be reached or refuses us."""


def send_due(*, limit: int = 100) -> int:
    """Send up to `limit` mails that are due; returns how many were sent. Several workers may run it at once.

    It stops when the mail server cannot be reached, so that an outage costs one mail an attempt, not all of them.
    """
    server = get_connection(fail_silently=False)
    deadline = time.monotonic() + SECONDS
    sent = 0
    try:
        for _ in range(limit):
            mail = _claim() if time.monotonic() < deadline else None
            if mail is None:
                break
            sent += _deliver(mail, server)
    except ServerTrouble:
        pass
    finally:
        server.close()
    return sent


def send_again(mail: OutgoingMail) -> None:
    """Let a mail go out (again) now: for the desk, after the address was mended or a donor lost it."""
    OutgoingMail.objects.filter(pk=mail.pk).exclude(state=MailState.SENDING).update(
        state=MailState.DUE,
        attempts=0,
        next_attempt_at=timezone.now(),
        last_error="",
        sent_at=None,
        delivered_at=None,
        provider_id="",
    )


@transaction.atomic(durable=True)
def _claim() -> OutgoingMail | None:
    """The next mail that is due or whose claim lapsed, marked as ours; committed before anything is sent."""
    waiting = OutgoingMail.objects.filter(
        state__in=[MailState.DUE, MailState.SENDING], next_attempt_at__lte=timezone.now()
    )
    mail = waiting.select_for_update(skip_locked=True).order_by("next_attempt_at", "pk").first()
    if mail is None:
        return None
    mail.state, mail.attempts, mail.next_attempt_at = MailState.SENDING, mail.attempts + 1, timezone.now() + LEASE
    mail.save(update_fields=["state", "attempts", "next_attempt_at"])
    return mail


def _deliver(mail: OutgoingMail, server: BaseEmailBackend) -> bool:
    """Send a claimed mail and note the outcome; no database transaction is open meanwhile."""
    if not _still_holds(mail):
        _settle(mail, state=MailState.CANCELLED)
        return False
    try:
        message = compose(mail, server)
        message.send()
    except Exception as error:  # one bad mail must not hold up the others
        server.close()
        _note_failure(mail, error)
        if _is_trouble(error):
            raise ServerTrouble from error
        return False
    provider_id = events.provider_id_of(message)
    _settle(mail, state=MailState.SENT, sent_at=timezone.now(), last_error="", provider_id=provider_id)
    events.apply(provider_id)  # the provider may have been faster than we
    return True


def _note_failure(mail: OutgoingMail, error: Exception) -> None:
    code = _code(error)
    logger.warning("mail %s, attempt %s: %s", mail.pk, mail.attempts, code)
    if _is_final(error) or mail.attempts >= MAX_ATTEMPTS:
        _settle(mail, state=MailState.FAILED, last_error=code)
    else:
        wait = BACK_OFF[mail.attempts - 1]
        _settle(mail, state=MailState.DUE, next_attempt_at=timezone.now() + wait, last_error=code)


def _settle(mail: OutgoingMail, **outcome: object) -> None:
    """Write the outcome, unless the claim lapsed and another worker took the mail."""
    claim = OutgoingMail.objects.filter(pk=mail.pk, state=MailState.SENDING, attempts=mail.attempts)
    claim.update(**outcome)


def _codes(error: Exception) -> list[int]:
    if isinstance(error, AnymailError):
        return [error.status_code] if error.status_code else []
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return sorted(code for code, _words in error.recipients.values())
    return [error.smtp_code] if isinstance(error, smtplib.SMTPResponseException) else []


def _code(error: Exception) -> str:
    """What went wrong without what the server said: its words may hold the address."""
    return " ".join([type(error).__name__, *map(str, _codes(error))])[:80]


def _is_final(error: Exception) -> bool:
    """Whether the server refused this recipient or message for good (5xx), not us or our log-in."""
    if isinstance(error, AnymailError):
        return not _is_trouble(error)
    return isinstance(error, REFUSALS) and all(code >= 500 for code in _codes(error))


def _is_trouble(error: Exception) -> bool:
    """Whether the server is down or will not have us, so that no other mail would fare better."""
    if isinstance(error, AnymailError) and not isinstance(error, AnymailRecipientsRefused):
        # Without an answer the provider was not reached.
        return all(code >= 500 or code in TROUBLES for code in _codes(error)) and isinstance(error, AnymailAPIError)
    return isinstance(error, OSError) and not isinstance(error, REFUSALS)


def compose(mail: OutgoingMail, server: BaseEmailBackend | None = None) -> EmailMultiAlternatives:
    """The mail as it goes out."""
    if mail.notice:
        return letters.message(notices.letter(mail.notice), mail, server)
    if mail.kind in LINKS:
        return letters.message(link_letters.letter(mail), mail, server)
    return letters.message(letters.of_receipt(_receipt(mail), MailKind(mail.kind)), mail, server)


def _still_holds(mail: OutgoingMail) -> bool:
    """Whether the mail would tell the truth now, and to somebody."""
    if _reader(mail).erased_at:
        return False
    if mail.notice:
        return notices.still_holds(mail.notice)
    if mail.kind in LINKS:
        return link_letters.still_holds(mail)
    return mail.kind == MailKind.VOIDED or _receipt(mail).state == ReceiptState.ISSUED


def _reader(mail: OutgoingMail) -> Donor:
    if mail.donor:
        return mail.donor
    if mail.notice:
        about = mail.notice.mandate or mail.notice.donation
        assert about is not None  # the database says so too
        return about.donor
    return _receipt(mail).donor


def _receipt(mail: OutgoingMail) -> Receipt:
    if mail.receipt is None:
        raise ValueError("a mail is of a receipt or of a notice")  # the database says so too
    return mail.receipt
