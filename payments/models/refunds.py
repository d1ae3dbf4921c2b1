"""Refunds that we want."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from fundraising.money import Money

from .accounts import StripeAccount
from .disputes import FraudWarning


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
    """A refund that the desk or a fraud warning wants. Its UUID goes along, and is the first call's idempotency key."""

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
    spent_at = models.DateTimeField(null=True, help_text="When Stripe repeated a failure it had kept under the key.")
    key_from = models.DateTimeField(null=True, help_text="Since when another key is used; null: the first one.")

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

    @property
    def key(self) -> str:
        """The idempotency key of the call."""
        return f"{self.uuid}:{self.key_from.timestamp()}" if self.key_from else str(self.uuid)
