"""The paper's tables. The database keeps the rules (migration 0002); receipts/receipts.py writes them."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from fundraising.money import Money
from fundraising.vault import SealedTextField


class Kind(models.TextChoices):
    """What sort of paper a series numbers."""

    DONATION = "donation", _("receipt for one donation")


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
    """A numbered document; amounts in minor units. Only `state` and the `ended_…` fields ever change, once."""

    series = models.ForeignKey(Series, models.PROTECT, related_name="receipts", verbose_name=_("series"))
    sequence = models.PositiveIntegerField(_("number in the series"))
    number = models.CharField(_("number"), max_length=32, unique=True)
    donation = models.ForeignKey(
        "fundraising.Donation", models.PROTECT, related_name="receipts", verbose_name=_("donation")
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
    ended_at = models.DateTimeField(_("voided or replaced"), null=True)
    ended_reason = models.CharField(_("reason"), max_length=20, choices=EndReason.choices, blank=True)
    ended_by = models.CharField(_("by"), max_length=150, blank=True, help_text=_("Empty: by the service itself."))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["series", "sequence"], name="receipt_sequence_once"),
            models.UniqueConstraint(
                fields=["donation"], condition=Q(state="issued"), name="one_issued_receipt_per_donation"
            ),
            models.CheckConstraint(condition=Q(amount_minor__gt=0, sequence__gt=0), name="receipt_positive"),
            models.CheckConstraint(condition=~Q(replaces=F("id")), name="receipt_replaces_another"),
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


class MailKind(models.TextChoices):
    RECEIPT = "receipt", _("receipt")
    REPLACEMENT = "replacement", _("receipt that replaces another")
    VOIDED = "voided", _("notice that a receipt is void")
    NOTICE = "notice", _("notice")


class MailState(models.TextChoices):
    DUE = "due", _("due")
    SENDING = "sending", _("being sent")
    SENT = "sent", _("sent")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled: overtaken before it was sent")


class OutgoingMail(models.Model):
    """A mail to a donor: a receipt, or a notice. The address is read when it is sent, and kept nowhere else."""

    receipt = models.ForeignKey(Receipt, models.PROTECT, null=True, related_name="mails", verbose_name=_("receipt"))
    notice = models.OneToOneField(
        "fundraising.Notice", models.PROTECT, null=True, related_name="mail", verbose_name=_("notice")
    )
    kind = models.CharField(_("kind"), max_length=12, choices=MailKind.choices)
    state = models.CharField(_("state"), max_length=10, choices=MailState.choices, default=MailState.DUE)
    message_id = models.CharField(
        _("message id"), max_length=320, help_text=_("The same in every attempt, so that mail programs drop a twin.")
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(
        _("next attempt"), default=timezone.now, help_text=_("While being sent: when the claim lapses.")
    )
    last_error = models.CharField(_("last error"), max_length=80, blank=True)
    sent_at = models.DateTimeField(_("sent"), null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["receipt", "kind"], name="mail_once_per_kind"),
            models.CheckConstraint(
                condition=Q(kind="notice", notice__isnull=False, receipt__isnull=True)
                | ~Q(kind="notice") & Q(notice__isnull=True, receipt__isnull=False),
                name="mail_of_receipt_or_notice",
            ),
            models.CheckConstraint(condition=Q(state__in=MailState.values), name="mail_state_known"),
            models.CheckConstraint(condition=Q(kind__in=MailKind.values), name="mail_kind_known"),
            models.CheckConstraint(
                condition=Q(state="sent", sent_at__isnull=False) | ~Q(state="sent") & Q(sent_at__isnull=True),
                name="mail_sent_has_date",
            ),
        ]
        indexes = [models.Index(fields=["next_attempt_at"], condition=Q(state__in=["due", "sending"]), name="mail_due")]
        verbose_name = _("outgoing mail")
        verbose_name_plural = _("outgoing mails")

    def __str__(self) -> str:
        return f"{self.kind}: {self.state}"


def new_message_id(sender: str) -> str:
    """A Message-ID in the sender's domain."""
    return f"<{uuid.uuid4()}@{sender.rpartition('@')[2]}>"
