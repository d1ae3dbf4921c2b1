"""A donation: one act of giving, with everything that the donor saw and agreed to."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..money import Money


class DonationState(models.TextChoices):
    OPENED = "opened", _("opened, not paid")
    PENDING = "pending", _("on its way from the bank")
    RECEIVED = "received", _("received")
    REFUNDED = "refunded", _("refunded in full")
    DISPUTED = "disputed", _("contested: the bank withholds it")
    CHARGEBACK = "chargeback", _("taken back by the bank")


class PublicName(models.TextChoices):
    ANONYMOUS = "anonymous", _("anonymous")
    NAME_COUNTRY = "name_country", _("first name and country")


class Donation(models.Model):
    """Amounts in minor units of `currency`; `amount_minor` includes `fee_cover_minor`.

    `state` follows the booked facts and is written only by the verbs in fundraising/donations.py.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    entity = models.ForeignKey("fundraising.LegalEntity", models.PROTECT, related_name="donations")
    donor = models.ForeignKey("fundraising.Donor", models.PROTECT, related_name="donations")
    page = models.ForeignKey("fundraising.DonationPage", models.PROTECT, related_name="donations")
    round = models.ForeignKey("fundraising.Round", models.PROTECT, related_name="donations")
    wording = models.ForeignKey("fundraising.AppealWording", models.PROTECT, related_name="donations")
    fund = models.ForeignKey(
        "fundraising.Fund",
        models.PROTECT,
        null=True,
        related_name="donations",
        help_text=_("Set when received."),
    )
    locale = models.CharField(_("language"), max_length=12)
    currency = models.CharField(_("currency"), max_length=3)
    amount_minor = models.BigIntegerField(_("amount (minor units)"))
    fee_cover_minor = models.BigIntegerField(_("of which covers the fee (minor units)"), default=0)
    public_name = models.CharField(
        _("shown publicly as"), max_length=20, choices=PublicName.choices, default=PublicName.ANONYMOUS
    )
    newsletter_consent = models.CharField(
        _("newsletter consent"),
        max_length=300,
        blank=True,
        help_text=_("The sentence that was agreed to, or empty."),
    )
    submission = models.CharField(
        max_length=64,
        editable=False,
        help_text="Blind index of the whole form: the same form twice is one donation.",
    )
    state = models.CharField(
        _("state"), max_length=10, choices=DonationState.choices, default=DonationState.OPENED, editable=False
    )
    opened_at = models.DateTimeField(default=timezone.now, editable=False)
    received_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["state", "received_at"]),
            models.Index(fields=["donor", "round"], condition=Q(state="received"), name="donation_received_by"),
            models.Index(
                fields=["fund", "-received_at"],
                condition=Q(state="received", public_name="name_country"),
                name="donation_named",
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="donation_positive"),
            models.CheckConstraint(
                condition=Q(fee_cover_minor__gte=0, fee_cover_minor__lt=F("amount_minor")),
                name="donation_fee_cover",
            ),
            models.CheckConstraint(condition=Q(state__in=DonationState.values), name="donation_state_known"),
            models.CheckConstraint(
                condition=Q(state__in=["opened", "pending"], received_at__isnull=True, fund__isnull=True)
                | Q(
                    state__in=["received", "refunded", "disputed", "chargeback"],
                    received_at__isnull=False,
                    fund__isnull=False,
                ),
                name="donation_received_has_date_and_fund",
            ),
            models.UniqueConstraint(
                fields=["submission"], condition=Q(state="opened"), name="one_open_donation_per_submission"
            ),
        ]
        verbose_name = _("donation")
        verbose_name_plural = _("donations")

    def __str__(self) -> str:
        return self.reference

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def fee_cover(self) -> Money:
        return Money(self.fee_cover_minor, self.currency)

    @property
    def reference(self) -> str:
        """What a person reads out on the phone: the first eight digits of the UUID."""
        return str(self.uuid)[:8].upper()
