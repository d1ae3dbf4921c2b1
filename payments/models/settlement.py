"""Stripe's own books, and up to where they have been read."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .accounts import StripeAccount


class BalanceTransaction(models.Model):
    """A line of Stripe's own books, the truth about money. Amounts in minor units of `currency`."""

    account = models.ForeignKey(StripeAccount, models.PROTECT, related_name="balance_transactions")
    txn_id = models.CharField(max_length=120)
    type = models.CharField(max_length=60)
    reporting_category = models.CharField(max_length=60)
    source = models.CharField(max_length=120, blank=True)
    payout_id = models.CharField(max_length=120, blank=True, help_text="Once Stripe has itemised the payout.")
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    fee_minor = models.BigIntegerField()
    fee_tax_minor = models.BigIntegerField(default=0, db_default=0, help_text="Tax within the fee.")
    net_minor = models.BigIntegerField()
    exchange_rate = models.DecimalField(max_digits=18, decimal_places=9, null=True)
    created_at = models.DateTimeField()
    available_on = models.DateTimeField()
    booked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "txn_id"], name="balance_transaction_once")]
        indexes = [
            models.Index(fields=["created_at"], condition=Q(booked_at=None), name="txn_to_book"),
            models.Index(fields=["account", "payout_id"], condition=~Q(payout_id=""), name="txn_of_payout"),
            models.Index(fields=["account", "source"], name="txn_of_source"),
            models.Index(fields=["account", "created_at"], name="txn_by_day"),
        ]
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
