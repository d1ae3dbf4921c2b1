"""What people add to the books by hand, and up to when the books are closed."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .ledger import Purpose


class Close(models.Model):
    """Up to which day (inclusive) a legal entity's books are closed; the newest row counts, older ones are the trace.

    Facts of a closed day are booked on the first open day (trigger). Up to `hard_until` nothing is
    booked at all; between that and `soft_until` a finance approver still may, by hand.
    """

    entity = models.ForeignKey("fundraising.LegalEntity", models.PROTECT, related_name="closes")
    soft_until = models.DateField(_("closed until"), null=True)
    hard_until = models.DateField(_("closed for good until"), null=True)
    reason = models.TextField(_("why"))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(_("when"), default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(hard_until__isnull=True) | Q(soft_until__gte=F("hard_until")), name="close_soft_covers_hard"
            ),
        ]
        indexes = [models.Index(fields=["entity", "-id"], name="close_newest")]
        verbose_name = _("close of the books")
        verbose_name_plural = _("closes of the books")

    def __str__(self) -> str:
        return f"{self.entity_id}: {self.soft_until} / {self.hard_until}"


class AccountNumber(models.Model):
    """The number and name that a legal entity's accountants give an account of ours."""

    entity = models.ForeignKey("fundraising.LegalEntity", models.PROTECT, related_name="account_numbers")
    purpose = models.CharField(_("account"), max_length=12, choices=Purpose.choices)
    provider = models.CharField(_("provider or bank account"), max_length=40, blank=True)
    number = models.CharField(_("number"), max_length=12)
    name = models.CharField(_("name"), max_length=80)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entity", "purpose", "provider"], name="account_number_once"),
            models.CheckConstraint(condition=Q(purpose__in=Purpose.values), name="account_number_purpose_known"),
        ]
        verbose_name = _("account number")
        verbose_name_plural = _("account numbers")

    def __str__(self) -> str:
        return f"{self.number} {self.name}"


class JournalState(models.TextChoices):
    WAITING = "waiting", _("waits for approval")
    BOOKED = "booked", _("booked")
    REJECTED = "rejected", _("rejected")


class JournalEntry(models.Model):
    """An entry that a person wants in the books; booked when another one approves it."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    entity = models.ForeignKey("fundraising.LegalEntity", models.PROTECT, related_name="journal_entries")
    accounted_on = models.DateField(_("date"))
    text = models.CharField(_("text"), max_length=300)
    attachment_name = models.CharField(_("attachment"), max_length=200, blank=True)
    sealed_attachment = models.BinaryField(null=True)
    state = models.CharField(_("state"), max_length=10, choices=JournalState.choices, default=JournalState.WAITING)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by"))
    at = models.DateTimeField(_("when"), default=timezone.now, editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("decided by")
    )
    decided_at = models.DateTimeField(_("decided"), null=True)
    decision = models.TextField(_("why it was decided so"), blank=True)
    entry = models.OneToOneField("fundraising.Entry", models.PROTECT, null=True, related_name="journal_entry")
    reverses = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="reversals", verbose_name=_("takes back")
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=JournalState.values), name="journal_state_known"),
            models.UniqueConstraint(
                fields=["reverses"], condition=~Q(state="rejected"), name="journal_taken_back_once"
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("by")), name="journal_author_cannot_approve"
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", decided_at__isnull=True, entry__isnull=True)
                | Q(state="booked", decided_by__isnull=False, decided_at__isnull=False, entry__isnull=False)
                | Q(state="rejected", decided_by__isnull=False, decided_at__isnull=False, entry__isnull=True),
                name="journal_decided_by_somebody",
            ),
        ]
        verbose_name = _("manual journal entry")
        verbose_name_plural = _("manual journal entries")

    def __str__(self) -> str:
        return f"{self.accounted_on} {self.text}"


class JournalLine(models.Model):
    """One line of a manual entry, in minor units: debit positive, credit negative."""

    journal_entry = models.ForeignKey(JournalEntry, models.PROTECT, related_name="lines")
    purpose = models.CharField(_("account"), max_length=12, choices=Purpose.choices)
    provider = models.CharField(_("provider or bank account"), max_length=40, blank=True)
    fund = models.ForeignKey("fundraising.Fund", models.PROTECT, null=True, related_name="+", verbose_name=_("fund"))
    currency = models.CharField(_("currency"), max_length=3)
    amount_minor = models.BigIntegerField(_("amount (minor units)"))

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(amount_minor=0), name="journal_line_not_zero"),
            models.CheckConstraint(condition=Q(purpose__in=Purpose.values), name="journal_line_purpose_known"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.amount_minor} {self.currency}"
