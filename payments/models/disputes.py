"""Disputes, and early warnings of fraud."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fundraising.money import Money, currencies

from .accounts import StripeAccount


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
        indexes = [
            models.Index(fields=["charge_id"], name="dispute_charge"),
            models.Index(fields=["account", "evidence_due_by"], condition=Q(closed_at=None), name="dispute_to_answer"),
        ]
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
