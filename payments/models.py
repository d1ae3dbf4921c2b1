"""Stripe accounts, attempts to pay, the webhook inbox and settled balance transactions."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from fundraising.money import Money, currencies
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


class Dispute(models.Model):
    """A bank contests a charge. What became of the money is in the ledger; this row is for whoever must answer.

    `status` is Stripe's word, the newest we heard: a status that Stripe invents tomorrow is kept too.
    """

    account = models.ForeignKey(StripeAccount, models.PROTECT, related_name="disputes")
    dispute_id = models.CharField(max_length=100)
    charge_id = models.CharField(max_length=100)
    donation = models.ForeignKey("fundraising.Donation", models.PROTECT, null=True, related_name="disputes")
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField(_("amount (minor units)"))
    status = models.CharField(_("status"), max_length=60)
    status_at = models.DateTimeField(help_text="When Stripe said so; an older word never replaces a newer one.")
    reason = models.CharField(_("reason"), max_length=60)
    evidence_due_by = models.DateTimeField(_("evidence due by"), null=True)
    opened_at = models.DateTimeField(_("opened"))
    closed_at = models.DateTimeField(_("closed"), null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "dispute_id"], name="dispute_once"),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="dispute_positive"),
            models.CheckConstraint(
                condition=~Q(dispute_id="") & ~Q(charge_id="") & ~Q(status=""), name="dispute_named"
            ),
        ]
        indexes = [models.Index(fields=["charge_id"], name="dispute_charge")]
        verbose_name = _("dispute")
        verbose_name_plural = _("disputes")

    def __str__(self) -> str:
        return self.dispute_id

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class FraudRefundLimit(models.Model):
    """Up to which amount a charge that a card network suspects is refunded without asking. None: never."""

    account = models.ForeignKey(StripeAccount, models.CASCADE, related_name="fraud_refund_limits")
    currency = models.CharField(_("currency"), max_length=3, choices=currencies)
    amount_minor = models.BigIntegerField(_("up to (minor units)"))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "currency"], name="fraud_refund_limit_once"),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="fraud_refund_limit_positive"),
        ]
        verbose_name = _("automatic refund on a fraud warning")
        verbose_name_plural = _("automatic refunds on a fraud warning")

    def __str__(self) -> str:
        return str(Money(self.amount_minor, self.currency))


class FraudWarning(models.Model):
    """A card network says early that a charge looks stolen; a dispute may follow."""

    account = models.ForeignKey(StripeAccount, models.PROTECT, related_name="fraud_warnings")
    warning_id = models.CharField(max_length=100)
    charge_id = models.CharField(max_length=100)
    fraud_type = models.CharField(_("kind of fraud"), max_length=60)
    warned_at = models.DateTimeField(_("warned"))
    decided_at = models.DateTimeField(
        _("decided"), null=True, help_text=_("When the account's limits decided whether to refund it.")
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "warning_id"], name="fraud_warning_once")]
        indexes = [models.Index(fields=["warned_at"], condition=Q(decided_at=None), name="fraud_warning_to_decide")]
        verbose_name = _("fraud warning")
        verbose_name_plural = _("fraud warnings")

    def __str__(self) -> str:
        return self.warning_id


class RefundState(models.TextChoices):
    WANTED = "wanted", _("about to ask Stripe")
    ASKED = "asked", _("asked Stripe, no answer yet")
    MADE = "made", _("made")
    REFUSED = "refused", _("refused by Stripe")


class RefundReason(models.TextChoices):
    """Stripe's own words, so that they can be sent as they are."""

    REQUESTED = "requested_by_customer", _("the donor asked for it")
    DUPLICATE = "duplicate", _("given twice by mistake")
    FRAUDULENT = "fraudulent", _("somebody else's card")


REFUND_OPEN = (RefundState.WANTED, RefundState.ASKED)


class RefundRequest(models.Model):
    """A refund that the desk or a fraud warning wants. Its UUID is the idempotency key of the call."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(StripeAccount, models.PROTECT, related_name="refund_requests")
    charge_id = models.CharField(max_length=100)
    donation = models.ForeignKey("fundraising.Donation", models.PROTECT, null=True, related_name="refund_requests")
    warning = models.OneToOneField(FraudWarning, models.PROTECT, null=True, related_name="refund_request")
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField(_("amount (minor units)"))
    reason = models.CharField(_("reason"), max_length=30, choices=RefundReason.choices)
    asked_by = models.CharField(_("wanted by"), max_length=150, blank=True, help_text=_("Empty: a fraud warning."))
    state = models.CharField(_("state"), max_length=10, choices=RefundState.choices, default=RefundState.WANTED)
    refund_id = models.CharField(max_length=120, null=True, unique=True)  # noqa: DJ001
    error_code = models.CharField(_("Stripe's answer"), max_length=60, blank=True)
    created_at = models.DateTimeField(_("wanted"), default=timezone.now, editable=False)
    next_attempt_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            # Two people, or one with two tabs: the second sees the first one's refund before deciding again.
            models.UniqueConstraint(
                fields=["account", "charge_id"], condition=Q(state__in=["wanted", "asked"]), name="one_refund_under_way"
            ),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="refund_request_positive"),
            models.CheckConstraint(condition=Q(state__in=RefundState.values), name="refund_request_state_known"),
            models.CheckConstraint(condition=Q(reason__in=RefundReason.values), name="refund_request_reason_known"),
            models.CheckConstraint(
                condition=Q(state="made", refund_id__isnull=False) | ~Q(state="made") & Q(refund_id__isnull=True),
                name="refund_request_made_has_refund",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], condition=Q(state__in=["wanted", "asked"]), name="refund_request_due"
            )
        ]
        verbose_name = _("refund request")
        verbose_name_plural = _("refund requests")

    def __str__(self) -> str:
        return f"{self.uuid} {self.state}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)
