"""Stripe accounts of legal entities, and the signing secrets of their webhooks."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from fundraising.vault import SealedTextField


class StripeAccount(models.Model):
    """The Stripe account of one legal entity. Its slug is in the address of its webhook endpoint."""

    slug = models.SlugField(unique=True)
    entity = models.OneToOneField("fundraising.LegalEntity", models.PROTECT, related_name="stripe_account")
    livemode = models.BooleanField(_("live mode"), default=False)
    api_key = SealedTextField(_("API key"))
    publishable_key = models.CharField(
        _("publishable key"),
        max_length=255,
        blank=True,
        help_text=_("Public. Lets donors pay on our own page; empty: only on Stripe's."),
    )
    descriptor_suffix = models.CharField(
        _("statement descriptor suffix"),
        max_length=22,
        blank=True,
        help_text=_("Neutral: a bank statement must not out a donor."),
    )
    bank_transfers = models.BooleanField(
        _("bank transfers"),
        default=False,
        help_text=_(
            "Offer transfers to Stripe's own virtual accounts, for single donations in EUR, GBP, USD, JPY and MXN. They"
            " must be switched on in the Stripe dashboard too."
        ),
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
