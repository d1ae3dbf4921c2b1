"""Stripe accounts, attempts to pay, the webhook inbox and settled balance transactions."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from fundraising.vault import SealedTextField


class StripeAccount(models.Model):
    """The Stripe account of one legal entity. Its slug is in the address of its webhook endpoint."""

    slug = models.SlugField(unique=True)
    entity = models.OneToOneField("fundraising.LegalEntity", models.PROTECT, related_name="stripe_account")
    livemode = models.BooleanField(_("live mode"), default=False)
    api_key = SealedTextField(_("API key"))
    descriptor_suffix = models.CharField(
        _("statement descriptor suffix"),
        max_length=22,
        blank=True,
        help_text=_("Neutral: a bank statement must not out a donor."),
    )

    class Meta:
        verbose_name = _("Stripe account")
        verbose_name_plural = _("Stripe accounts")

    def __str__(self) -> str:
        return self.slug


class WebhookSecret(models.Model):
    """A signing secret of the account's endpoint; several are active while one replaces another."""

    account = models.ForeignKey(StripeAccount, models.CASCADE, related_name="secrets")
    secret = SealedTextField(_("signing secret"))
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    retired_at = models.DateTimeField(_("retired"), null=True, blank=True)

    class Meta:
        verbose_name = _("webhook secret")
        verbose_name_plural = _("webhook secrets")

    def __str__(self) -> str:
        return f"{self.account} {self.created_at:%Y-%m-%d}"


class PaymentState(models.TextChoices):
    CREATED = "created", _("about to ask Stripe")
    UNKNOWN = "unknown", _("asked Stripe, no answer")
    OPEN = "open", _("checkout open")
    COMPLETED = "completed", _("checkout completed")
    SUCCEEDED = "succeeded", _("charged")
    FAILED = "failed", _("failed")
    EXPIRED = "expired", _("expired")


# How long a checkout stays open. Stripe takes 30 minutes to 24 hours.
SESSION_LIFE = timedelta(hours=2)


def first_look_up() -> datetime:
    """An attempt for which Stripe was never asked ends with the life of a session."""
    return timezone.now() + SESSION_LIFE


ENDED = (PaymentState.SUCCEEDED, PaymentState.FAILED, PaymentState.EXPIRED)


class Payment(models.Model):
    """One attempt to pay a donation through Stripe. Its UUID is the idempotency key of the call.

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
    url = models.TextField(blank=True)
    expires_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=60, blank=True)
    asked_at = models.DateTimeField(null=True, help_text="Set while a call is at work; stored before it.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    look_up_at = models.DateTimeField(default=first_look_up, help_text="When the sweep asks Stripe about it.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["donation"], condition=~Q(state__in=ENDED), name="one_payment_under_way"),
            models.CheckConstraint(condition=Q(state__in=PaymentState.values), name="payment_state_known"),
            models.CheckConstraint(
                condition=~Q(session_id="") & ~Q(payment_intent_id="") & ~Q(charge_id=""),
                name="payment_ids_not_empty",
            ),
        ]
        indexes = [models.Index(fields=["look_up_at"], condition=~Q(state__in=ENDED), name="payment_to_look_up")]
        verbose_name = _("payment")
        verbose_name_plural = _("payments")

    def __str__(self) -> str:
        return f"{self.uuid} {self.state}"


class EventState(models.TextChoices):
    RECEIVED = "received", _("received")
    HANDLED = "handled", _("handled")
    PARKED = "parked", _("parked: waits for another fact")
    QUARANTINED = "quarantined", _("quarantined: not to be trusted")
    FAILED = "failed", _("failed")


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
            models.Index(fields=["waits_for"], condition=Q(state="parked"), name="event_waits_for"),
        ]
        verbose_name = _("webhook event")
        verbose_name_plural = _("webhook events")

    def __str__(self) -> str:
        return f"{self.event_id} {self.type}"


class BalanceTransaction(models.Model):
    """A line of Stripe's own books, the truth about money. Amounts in minor units of `currency`."""

    account = models.ForeignKey(StripeAccount, models.PROTECT, related_name="balance_transactions")
    txn_id = models.CharField(max_length=120)
    type = models.CharField(max_length=60)
    reporting_category = models.CharField(max_length=60)
    source = models.CharField(max_length=120, blank=True)
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    fee_minor = models.BigIntegerField()
    net_minor = models.BigIntegerField()
    exchange_rate = models.DecimalField(max_digits=18, decimal_places=9, null=True)
    created_at = models.DateTimeField()
    available_on = models.DateTimeField()
    booked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "txn_id"], name="balance_transaction_once")]
        indexes = [models.Index(fields=["created_at"], condition=Q(booked_at=None), name="txn_to_book")]
        verbose_name = _("balance transaction")
        verbose_name_plural = _("balance transactions")

    def __str__(self) -> str:
        return self.txn_id


class SyncCursor(models.Model):
    """Up to when an account's objects of a kind have been read from Stripe."""

    account = models.ForeignKey(StripeAccount, models.CASCADE, related_name="cursors")
    kind = models.CharField(max_length=40)
    read_until = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "kind"], name="cursor_once")]

    def __str__(self) -> str:
        return f"{self.account} {self.kind}"
