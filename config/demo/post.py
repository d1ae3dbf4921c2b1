"""The demo's mail goes into files; and as a mail provider does, it tells what came back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import uuid4

from anymail.message import AnymailStatus
from anymail.signals import AnymailTrackingEvent, EventType, RejectReason, tracking
from django.core.mail import EmailMessage
from django.core.mail.backends.filebased import EmailBackend as FileBackend
from django.utils import timezone

# Whoever is written to there has moved on: the mail is taken, and comes back.
GONE: Final = "gone.example"


class EmailBackend(FileBackend):
    """Django's file backend, with bounces of the mails to GONE."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        sent = int(super().send_messages(email_messages) or 0)
        for message in email_messages:
            if any(address.endswith(f"@{GONE}") for address in message.to):
                _send_back(message)
        return sent


def _send_back(message: EmailMessage) -> None:
    status = AnymailStatus()
    status.message_id = f"demo-{uuid4()}"
    message.anymail_status = status  # type: ignore[attr-defined]
    event = AnymailTrackingEvent(
        event_type=EventType.BOUNCED,
        timestamp=timezone.now(),
        message_id=status.message_id,
        reject_reason=RejectReason.BOUNCED,
    )
    tracking.send(EmailBackend, event=event, esp_name="demo")
