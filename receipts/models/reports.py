"""Fund-allocation reports: what an appeal received and where the money went, as numbered revisions that stay."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class ReportState(models.TextChoices):
    DRAFT = "draft", pgettext_lazy("report", "draft")
    WAITING = "waiting", pgettext_lazy("report", "being made")
    ISSUED = "issued", pgettext_lazy("report", "issued")
    FAILED = "failed", pgettext_lazy("report", "failed")


class FundReport(models.Model):
    """An appeal's money for some days, both included. Issued ones are numbered and change by masking alone."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    appeal = models.ForeignKey("fundraising.Appeal", models.PROTECT, related_name="reports", verbose_name=_("appeal"))
    revision = models.PositiveIntegerField(_("revision"), null=True)
    first = models.DateField(_("first day"))
    last = models.DateField(_("last day"))
    next_on = models.DateField(_("next report on"), null=True, blank=True)
    state = models.CharField(_("state"), max_length=8, choices=ReportState.choices, default=ReportState.DRAFT)
    data = models.JSONField(_("figures"), default=dict, help_text="Minor units, see receipts/reports/reading.py")
    drafted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    drafted_at = models.DateTimeField(_("drafted"), default=timezone.now)
    issued_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    issued_at = models.DateTimeField(_("issued"), null=True)
    claimed_until = models.DateTimeField(null=True, help_text="While a worker is at it.")
    error = models.CharField(_("error"), max_length=60, blank=True)
    # Issued again with less of a partner at risk in it: same revision, same sums, another edition.
    edition = models.PositiveSmallIntegerField(_("edition"), default=1)
    reissued_at = models.DateTimeField(_("issued again"), null=True)
    masked_through = models.BigIntegerField(default=0, help_text="The last Masking that was looked up for it.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["appeal", "revision"], name="report_revision_once"),
            models.UniqueConstraint(
                fields=["appeal"], condition=~Q(state="issued"), name="one_report_of_an_appeal_in_the_making"
            ),
            models.CheckConstraint(condition=Q(last__gte=F("first")), name="report_ends_after_start"),
            models.CheckConstraint(condition=Q(state__in=ReportState.values), name="report_state_known"),
            models.CheckConstraint(
                condition=Q(state="issued", revision__gte=1, issued_at__isnull=False, issued_by__isnull=False)
                | ~Q(state="issued") & Q(revision__isnull=True, issued_at__isnull=True),
                name="report_issued_has_number_and_date",
            ),
        ]
        verbose_name = _("fund report")
        verbose_name_plural = _("fund reports")

    def __str__(self) -> str:
        return f"{self.appeal} {self.revision or '–'}"


class ReportNote(models.Model):
    """What the campaigner says to the figures, in one language."""

    report = models.ForeignKey(FundReport, models.CASCADE, related_name="notes")
    locale = models.CharField(_("language"), max_length=12)
    text = models.TextField(_("text"))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["report", "locale"], name="report_note_once"),
            models.CheckConstraint(condition=~Q(text=""), name="report_note_says_something"),
        ]

    def __str__(self) -> str:
        return f"{self.report_id} {self.locale}"


class ReportFormat(models.TextChoices):
    PDF = "pdf", "PDF"
    CSV = "csv", "CSV"
    XLSX = "xlsx", "XLSX"


class ReportDocument(models.Model):
    """A file of an issued report in one language: the same bytes until it is masked. Public."""

    report = models.ForeignKey(FundReport, models.PROTECT, related_name="documents")
    locale = models.CharField(_("language"), max_length=12)
    format = models.CharField(_("format"), max_length=4, choices=ReportFormat.choices)
    content = models.BinaryField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["report", "locale", "format"], name="report_document_once"),
            models.CheckConstraint(condition=Q(format__in=ReportFormat.values), name="report_format_known"),
        ]

    def __str__(self) -> str:
        return f"{self.report_id} {self.locale} {self.format}"


class SealedEdition(models.Model):
    """What a report was before it was masked: figures, notes and files, sealed. Nobody is shown it but on purpose."""

    report = models.ForeignKey(FundReport, models.PROTECT, related_name="sealed_editions")
    edition = models.PositiveSmallIntegerField(_("edition"))
    sealed = models.BinaryField()
    sealed_at = models.DateTimeField(_("sealed"), default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["report", "edition"], name="sealed_edition_once")]
        verbose_name = _("sealed edition")
        verbose_name_plural = _("sealed editions")

    def __str__(self) -> str:
        return f"{self.report_id} {self.edition}"
