"""Papers for the post: batches to print, each paper once."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .papers import Receipt


class PrintBatch(models.Model):
    """Papers of a legal entity that are printed and posted together. Never changed."""

    entity = models.ForeignKey("fundraising.LegalEntity", models.PROTECT, related_name="print_batches")
    number = models.PositiveIntegerField(_("number"))
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    made_at = models.DateTimeField(_("made"), default=timezone.now, editable=False)
    count = models.PositiveIntegerField(_("papers"))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entity", "number"], name="print_batch_number_once"),
            models.CheckConstraint(condition=models.Q(count__gt=0), name="print_batch_not_empty"),
        ]
        verbose_name = _("print batch")
        verbose_name_plural = _("print batches")

    def __str__(self) -> str:
        return f"{self.entity} {self.number}"


class PrintedReceipt(models.Model):
    """A paper in its batch: it is put into one once. Who needs it again gets a copy, marked as one."""

    batch = models.ForeignKey(PrintBatch, models.PROTECT, related_name="papers")
    receipt = models.OneToOneField(Receipt, models.PROTECT, primary_key=True, related_name="printed")

    def __str__(self) -> str:
        return str(self.receipt_id)
