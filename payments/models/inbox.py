"""The webhook inbox."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from .accounts import StripeAccount


class EventState(models.TextChoices):
    RECEIVED = "received", _("received")
    HANDLED = "handled", _("handled")
    PARKED = "parked", _("parked: waits for another fact")
    QUARANTINED = "quarantined", _("quarantined: not to be trusted")
    FAILED = "failed", pgettext_lazy("event", "failed")


class InboxEvent(models.Model):
    """A webhook as it came, byte for byte. Kept whatever becomes of it."""

    account = models.ForeignKey(StripeAccount, models.PROTECT, related_name="events")
    event_id = models.CharField(max_length=120)
    type = models.CharField(max_length=120, blank=True)
    body = models.BinaryField()
    state = models.CharField(max_length=12, choices=EventState.choices, default=EventState.RECEIVED)
    attempts = models.PositiveSmallIntegerField(default=0)
    reason = models.TextField(blank=True)
    waits_for = models.CharField(max_length=160, blank=True, help_text="Ledger key of the fact that it waits for")
    received_at = models.DateTimeField(default=timezone.now)
    next_attempt_at = models.DateTimeField(null=True, default=timezone.now)
    handled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "event_id"], name="event_once"),
            models.CheckConstraint(condition=Q(state__in=EventState.values), name="event_state_known"),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(state__in=["received", "parked"]), name="event_due"),
            models.Index(
                fields=["account", "received_at"],
                condition=Q(state__in=["failed", "quarantined"]),
                name="event_to_look_at",
            ),
            models.Index(fields=["waits_for"], condition=Q(state="parked"), name="event_waits_for"),
        ]
        verbose_name = _("webhook event")
        verbose_name_plural = _("webhook events")

    def __str__(self) -> str:
        return f"{self.event_id} {self.type}"
