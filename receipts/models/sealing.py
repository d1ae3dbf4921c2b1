"""Papers of erased donors: sealed until the law lets them go, then emptied. Number, amount and hash stay for ever."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .papers import Receipt


class SealedPaper(models.Model):
    """A paper that nobody may read but for a legal demand. It cannot be emptied before `kept_until` is over."""

    receipt = models.OneToOneField(Receipt, models.PROTECT, primary_key=True, related_name="sealing")
    sealed_at = models.DateTimeField(_("sealed"), default=timezone.now)
    kept_until = models.DateField(_("kept until"), help_text=_("The last day that the law wants the paper kept."))
    emptied_at = models.DateTimeField(_("emptied"), null=True)

    class Meta:
        indexes = [
            models.Index(fields=["kept_until"], condition=Q(emptied_at=None), name="sealed_paper_kept"),
        ]
        verbose_name = _("sealed paper")
        verbose_name_plural = _("sealed papers")

    def __str__(self) -> str:
        return f"{self.receipt_id} until {self.kept_until}"
