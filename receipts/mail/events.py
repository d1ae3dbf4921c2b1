"""What mail providers tell of mails after they took them: delivered, came back, complained about.

An event may come before we noted that the mail was sent, twice, or out of order: it is stored once and then applied
to the mail, whatever the order. What a provider says in words is not kept: it may hold the address.
"""

from __future__ import annotations

import hashlib
import logging
from typing import Final

from anymail.signals import AnymailTrackingEvent, EventType
from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import timezone

from ..models import MailEvent, MailState, OutgoingMail

log = logging.getLogger(__name__)

CAME_BACK: Final = {EventType.BOUNCED, EventType.REJECTED, EventType.FAILED, EventType.COMPLAINED}
TOLD: Final = CAME_BACK | {EventType.DELIVERED}


def receive(sender: object, event: AnymailTrackingEvent, esp_name: str, **_more: object) -> None:
    """Keep an event that tells what became of a mail. Connected to the library's signal, its only way of telling."""
    if event.event_type not in TOLD or not event.message_id:
        return
    provider_id, at = str(event.message_id)[:200], event.timestamp or timezone.now()
    itself = f"{esp_name}|{provider_id}|{event.event_id or ''}|{event.event_type}|{event.reject_reason or ''}"
    MailEvent.objects.get_or_create(
        key=hashlib.sha256(itself.encode()).hexdigest(),
        defaults={
            "provider_id": provider_id,
            "kind": event.event_type,
            "reason": str(event.reject_reason or "")[:40],
            "happened_at": at,
        },
    )
    apply(provider_id)


@transaction.atomic
def apply(provider_id: str) -> None:
    """Let a sent mail show what its events tell. Coming back counts more than having been delivered before it did."""
    if not provider_id:
        return
    mail = OutgoingMail.objects.select_for_update().filter(provider_id=provider_id).first()
    if mail is None or mail.state not in {MailState.SENT, MailState.BOUNCED}:
        return
    for event in MailEvent.objects.filter(provider_id=provider_id).order_by("happened_at", "pk"):
        if event.kind in CAME_BACK:
            mail.state, mail.last_error = MailState.BOUNCED, " ".join(filter(None, [event.kind, event.reason]))[:80]
        elif mail.delivered_at is None:
            mail.delivered_at = event.happened_at
    mail.save(update_fields=["state", "last_error", "delivered_at"])


def provider_id_of(message: EmailMessage) -> str:
    """By what the provider will name the mail; empty where mail goes out by SMTP, which tells nothing."""
    status = getattr(message, "anymail_status", None)
    return str(status.message_id)[:200] if status and status.message_id is not None else ""
