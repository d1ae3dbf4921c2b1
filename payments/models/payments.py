"""Attempts to pay a donation."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from fundraising.vault import SealedTextField

from .accounts import StripeAccount


class Surface(models.TextChoices):
    """Where a donor pays; Stripe's own words (`ui_mode`)."""

    HOSTED = "hosted_page", _("Stripe's page")
    ELEMENTS = "elements", _("our page, with Stripe's fields")


class PaymentState(models.TextChoices):
    CREATED = "created", _("about to ask Stripe")
    UNKNOWN = "unknown", _("asked Stripe, no answer")
    OPEN = "open", _("checkout open")
    COMPLETED = "completed", _("checkout completed")
    SUCCEEDED = "succeeded", _("charged")
    FAILED = "failed", pgettext_lazy("payment", "failed")
    EXPIRED = "expired", pgettext_lazy("payment", "expired")


# How long a checkout stays open. Stripe takes 30 minutes to 24 hours.
SESSION_LIFE = timedelta(hours=2)


def first_look_up() -> datetime:
    """An attempt for which Stripe was never asked ends with the life of a session."""
    return timezone.now() + SESSION_LIFE


ENDED = (PaymentState.SUCCEEDED, PaymentState.FAILED, PaymentState.EXPIRED)


class Payment(models.Model):
    """One attempt to pay a donation through Stripe. Its idempotency key is its UUID, or made of it.

    A donation has one attempt under way at most, and a checkout session takes one charge at most:
    so a donation is charged once, whatever the donor's fingers do.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    donation = models.ForeignKey("fundraising.Donation", models.PROTECT, related_name="payments")
    account = models.ForeignKey(StripeAccount, models.PROTECT, related_name="payments")
    state = models.CharField(max_length=10, choices=PaymentState.choices, default=PaymentState.CREATED)
    # Null until known, never empty: an empty id would equal every other empty one.
    session_id = models.CharField(max_length=120, null=True, unique=True)  # noqa: DJ001
    payment_intent_id = models.CharField(max_length=120, null=True, unique=True)  # noqa: DJ001
    charge_id = models.CharField(max_length=120, null=True, unique=True)  # noqa: DJ001
    # Of a collection under a mandate: then there is no checkout, except for the first.
    invoice_id = models.CharField(max_length=120, null=True, unique=True)  # noqa: DJ001
    invoice_status = models.CharField(max_length=20, blank=True, help_text="Stripe's word, the newest we heard.")
    invoice_said_at = models.DateTimeField(null=True, help_text="When Stripe said so, and when it tries again.")
    retry_at = models.DateTimeField(null=True, help_text="When Stripe tries to collect it again; null: not any more.")
    brand = models.CharField(_("brand"), max_length=20, blank=True)
    last4 = models.CharField(_("last four digits"), max_length=4, blank=True)
    surface = models.CharField(max_length=12, choices=Surface.choices, default=Surface.HOSTED)
    url = models.TextField(blank=True)
    transfer_url = models.TextField(blank=True, help_text="Where Stripe explains how to send the bank transfer.")
    client_secret = SealedTextField(blank=True, default="", help_text="Of a session with Stripe's fields on our page.")
    expires_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=60, blank=True)
    asked_at = models.DateTimeField(null=True, help_text="Set while a call is at work; stored before it.")
    called_at = models.DateTimeField(null=True, help_text="When the newest call began; stored before it.")
    spent_at = models.DateTimeField(null=True, help_text="When Stripe repeated a failure it had kept under the key.")
    key_from = models.DateTimeField(null=True, help_text="Since when another key is used; null: the first one.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    look_up_at = models.DateTimeField(default=first_look_up, help_text="When the sweep asks Stripe about it.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["donation"], condition=~Q(state__in=ENDED), name="one_payment_under_way"),
            models.CheckConstraint(condition=Q(state__in=PaymentState.values), name="payment_state_known"),
            models.CheckConstraint(condition=Q(surface__in=Surface.values), name="payment_surface_known"),
            models.CheckConstraint(
                condition=~Q(session_id="") & ~Q(payment_intent_id="") & ~Q(charge_id="") & ~Q(invoice_id=""),
                name="payment_ids_not_empty",
            ),
        ]
        indexes = [
            models.Index(fields=["look_up_at"], condition=~Q(state__in=ENDED), name="payment_to_look_up"),
            models.Index(fields=["last4"], condition=~Q(last4=""), name="payment_by_card"),
        ]
        verbose_name = _("payment")
        verbose_name_plural = _("payments")

    def __str__(self) -> str:
        return f"{self.uuid} {self.state}"

    @property
    def key(self) -> str:
        """The idempotency key of the call: the UUID and, after a key was spent, since when another one is used."""
        return f"{self.uuid}:{self.key_from.timestamp()}" if self.key_from else str(self.uuid)
