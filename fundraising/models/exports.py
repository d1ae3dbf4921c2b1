"""Exports: files that a worker writes for staff, and that expire."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class ExportState(models.TextChoices):
    WAITING = "waiting", _("waits")
    WORKING = "working", _("being written")
    READY = "ready", pgettext_lazy("export", "ready")
    FAILED = "failed", pgettext_lazy("export", "failed")
    EXPIRED = "expired", pgettext_lazy("export", "expired")


class Export(models.Model):
    """A file of what a page shows, asked for by one person, who alone may fetch it until it expires."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    entity = models.ForeignKey("fundraising.LegalEntity", models.PROTECT, related_name="exports")
    kind = models.CharField(_("what"), max_length=40)
    format = models.CharField(_("format"), max_length=12)
    filters = models.JSONField(default=dict)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="exports")
    asked_at = models.DateTimeField(_("asked for"), default=timezone.now, editable=False)
    state = models.CharField(_("state"), max_length=8, choices=ExportState.choices, default=ExportState.WAITING)
    claimed_until = models.DateTimeField(null=True, help_text="While a worker is at it.")
    rows_done = models.PositiveIntegerField(_("rows written"), default=0)
    rows_total = models.PositiveIntegerField(_("rows"), null=True)
    error = models.CharField(_("error"), max_length=60, blank=True)
    expires_at = models.DateTimeField(_("expires"), null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(state__in=ExportState.values), name="export_state_known")]
        indexes = [models.Index(fields=["state", "asked_at"], name="export_due")]
        verbose_name = _("export")
        verbose_name_plural = _("exports")

    def __str__(self) -> str:
        return f"{self.kind} {self.format}"


class ExportPart(models.Model):
    """A sealed piece of an export's file, in order: no disk is shared, and memory stays flat."""

    export = models.ForeignKey(Export, models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    sealed = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["export", "number"], name="export_part_once")]

    def __str__(self) -> str:
        return f"{self.export_id}/{self.number}"
