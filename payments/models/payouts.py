"""Payouts: what Stripe sends to a bank account of ours."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from fundraising.money import Money

from .accounts import StripeAccount


class Payout(models.Model):
    """A payout as Stripe last told of it; status and reconciliation are Stripe's words. Amount in minor units.

    Negative: Stripe takes money from our bank account. Its balance transactions carry its id once it was itemised;
    those of a manual payout Stripe cannot name.
    """

    account = models.ForeignKey(StripeAccount, models.PROTECT, related_name="payouts")
    payout_id = models.CharField(max_length=120)
    currency = models.CharField(_("currency"), max_length=3)
    amount_minor = models.BigIntegerField(_("amount (minor units)"))
    automatic = models.BooleanField(_("automatic"), default=True)
    status = models.CharField(_("status"), max_length=20)
    reconciliation = models.CharField(_("reconciliation at Stripe"), max_length=20, blank=True)
    status_at = models.DateTimeField(help_text="When Stripe said so; an older word never replaces a newer one.")
    created_at = models.DateTimeField(_("made"))
    arrival_on = models.DateField(_("expected in the bank"))
    descriptor = models.CharField(_("text on the statement"), max_length=40, blank=True)
    trace_id = models.CharField(_("trace id"), max_length=120, blank=True)
    failure_code = models.CharField(_("why it failed"), max_length=60, blank=True)
    retry_of = models.CharField(_("tried again for"), max_length=120, blank=True)
    itemised_at = models.DateTimeField(_("itemised"), null=True, help_text="When its lines were last read.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "payout_id"], name="payout_once")]
        indexes = [models.Index(fields=["account", "-created_at"], name="payout_newest")]
        verbose_name = _("payout")
        verbose_name_plural = _("payouts")

    def __str__(self) -> str:
        return self.payout_id

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)
