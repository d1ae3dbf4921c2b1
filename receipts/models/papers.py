"""The paper's tables. The database keeps the rules (migration `rules_of_papers`); receipts/receipts.py writes them."""

from __future__ import annotations

from datetime import date

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from fundraising.models import Donation
from fundraising.money import Money
from fundraising.vault import SealedTextField


class Kind(models.TextChoices):
    """What sort of paper a series numbers."""

    DONATION = "donation", _("receipt for one donation")
    ANNUAL = "annual", _("statement of a year")


class ReceiptState(models.TextChoices):
    ISSUED = "issued", _("issued")
    VOIDED = "voided", _("voided")
    REPLACED = "replaced", _("replaced")


class EndReason(models.TextChoices):
    """Why a receipt stopped being valid."""

    REFUNDED = "refunded", _("the donation was refunded in full")
    TAKEN_BACK = "taken_back", _("the bank took the donation back")
    AMOUNT_CHANGED = "amount_changed", _("the amount kept has changed")
    CORRECTED = "corrected", _("the donor's details were corrected")
    NOT_THEIRS = "not_theirs", _("the money was not this donation's")


class Series(models.Model):
    """Gapless numbers of one (legal entity, regime, kind, year). The year is that of the donation."""

    entity = models.ForeignKey("fundraising.LegalEntity", models.PROTECT, related_name="receipt_series")
    regime = models.CharField(_("regime"), max_length=20)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    year = models.PositiveSmallIntegerField(_("year"))
    prefix = models.CharField(_("prefix"), max_length=12)
    last_number = models.PositiveIntegerField(_("last number"), default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entity", "regime", "kind", "year"], name="series_once"),
            models.UniqueConstraint(fields=["prefix", "year"], name="series_prefix_once"),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="series_kind_known"),
        ]
        verbose_name = _("series")
        verbose_name_plural = _("series")

    def __str__(self) -> str:
        return f"{self.prefix}-{self.year}"


class Receipt(models.Model):
    """A numbered document; amounts in minor units. Only its end (`state`, `ended_…`) and `opened_at` change, once."""

    series = models.ForeignKey(Series, models.PROTECT, related_name="receipts", verbose_name=_("series"))
    sequence = models.PositiveIntegerField(_("number in the series"))
    number = models.CharField(_("number"), max_length=32, unique=True)
    donor = models.ForeignKey("fundraising.Donor", models.PROTECT, related_name="receipts", verbose_name=_("donor"))
    donation = models.ForeignKey(
        "fundraising.Donation",
        models.PROTECT,
        null=True,
        related_name="receipts",
        verbose_name=_("donation"),
        help_text=_("Empty where the paper is of a year."),
    )
    replaces = models.OneToOneField(
        "self", models.PROTECT, null=True, related_name="replaced_by", verbose_name=_("replaces")
    )
    locale = models.CharField(_("language"), max_length=12)
    template = models.CharField(_("template and version"), max_length=40)
    currency = models.CharField(_("currency"), max_length=3)
    amount_minor = models.BigIntegerField(_("amount (minor units)"))
    received_on = models.DateField(_("received on"))
    snapshot = SealedTextField(_("every field as printed"), help_text="JSON, see receipts/snapshot.py")
    pdf_sha256 = models.CharField(_("SHA-256 of the PDF"), max_length=64)
    check_code = models.CharField(_("check code"), max_length=16)
    issued_at = models.DateTimeField(_("issued"), default=timezone.now)
    state = models.CharField(_("state"), max_length=10, choices=ReceiptState.choices, default=ReceiptState.ISSUED)
    opened_at = models.DateTimeField(_("opened by the donor"), null=True, help_text="First download.")
    ended_at = models.DateTimeField(_("voided or replaced"), null=True)
    ended_reason = models.CharField(_("reason"), max_length=20, choices=EndReason.choices, blank=True)
    ended_by = models.CharField(_("by"), max_length=150, blank=True, help_text=_("Empty: by the service itself."))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["series", "sequence"], name="receipt_sequence_once"),
            models.UniqueConstraint(
                fields=["donation"], condition=Q(state="issued"), name="one_issued_receipt_per_donation"
            ),
            models.CheckConstraint(condition=Q(amount_minor__gte=0, sequence__gt=0), name="receipt_positive"),
            models.CheckConstraint(condition=~Q(replaces=F("id")), name="receipt_replaces_another"),
            models.UniqueConstraint(
                fields=["series", "donor", "currency"],
                condition=Q(state="issued", donation__isnull=True),
                name="one_issued_statement_per_year",
            ),
            models.CheckConstraint(
                condition=Q(state="issued", ended_at__isnull=True, ended_reason="", ended_by="")
                | Q(state__in=["voided", "replaced"], ended_at__isnull=False) & ~Q(ended_reason=""),
                name="receipt_end_has_date_and_reason",
            ),
        ]
        verbose_name = _("receipt")
        verbose_name_plural = _("receipts")

    def __str__(self) -> str:
        return self.number

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def issued_on(self) -> date:
        """The day as the paper says it: where the legal entity sits."""
        return self.series.entity.day_of(self.issued_at)

    @property
    def ended_on(self) -> date | None:
        """The day since when it is no longer valid, there too."""
        return self.series.entity.day_of(self.ended_at) if self.ended_at else None

    @property
    def sole_donation(self) -> Donation:
        """The donation that the paper is of; raises ValueError for the paper of a year."""
        if self.donation is None:
            raise ValueError(f"{self.number} is of a year")
        return self.donation


class ReceiptLine(models.Model):
    """A donation that a receipt is for; amounts in minor units. One paper at most may claim it against a tax."""

    receipt = models.ForeignKey(Receipt, models.PROTECT, related_name="lines")
    donation = models.ForeignKey("fundraising.Donation", models.PROTECT, related_name="receipt_lines")
    amount_minor = models.BigIntegerField(_("amount (minor units)"))
    received_on = models.DateField(_("received on"))
    claims = models.BooleanField(
        default=True, help_text="The paper stands for the donation; false when it ended, or only lists it."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["receipt", "donation"], name="receipt_line_once"),
            models.UniqueConstraint(fields=["donation"], condition=Q(claims=True), name="donation_claimed_once"),
            models.CheckConstraint(condition=Q(amount_minor__gte=0), name="receipt_line_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.receipt_id}: {self.donation_id}"


class Document(models.Model):
    """The PDF as issued, sealed (it holds a name): the same bytes for ever."""

    receipt = models.OneToOneField(Receipt, models.PROTECT, primary_key=True, related_name="document")
    sealed_pdf = models.BinaryField()

    class Meta:
        verbose_name = _("document")
        verbose_name_plural = _("documents")

    def __str__(self) -> str:
        return str(self.receipt_id)


class Refusal(models.Model):
    """Why a received donation has no receipt yet. Tried again later; gone when the receipt is issued."""

    donation = models.OneToOneField(
        "fundraising.Donation", models.PROTECT, primary_key=True, related_name="receipt_refusal"
    )
    code = models.CharField(_("reason"), max_length=60)
    first_at = models.DateTimeField(_("first refused"), default=timezone.now)
    attempts = models.PositiveIntegerField(_("attempts"), default=1)
    next_attempt_at = models.DateTimeField(_("next attempt"))

    class Meta:
        verbose_name = _("refused receipt")
        verbose_name_plural = _("refused receipts")

    def __str__(self) -> str:
        return f"{self.donation_id}: {self.code}"
