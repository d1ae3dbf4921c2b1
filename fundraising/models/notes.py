"""What staff write beside a donation."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..vault import SealedTextField


class DonationNote(models.Model):
    """A note of staff on a donation: who, when, what. Never changed or deleted (trigger).

    It may name people, so it is sealed. Only erasing the donor empties its text.
    """

    donation = models.ForeignKey("fundraising.Donation", models.PROTECT, related_name="notes")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by"))
    at = models.DateTimeField(_("when"), default=timezone.now, editable=False)
    text = SealedTextField(_("text"))

    class Meta:
        ordering = ["id"]
        verbose_name = _("note on a donation")
        verbose_name_plural = _("notes on a donation")

    def __str__(self) -> str:
        return f"{self.donation_id}: {self.at:%Y-%m-%d}"
