"""What a donor got in return for a donation: laws want it described, with a good-faith value."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from fundraising.money import Money


class Advantage(models.Model):
    """Goods or services that a donor got for a donation; the value in minor units of the donation's currency."""

    donation = models.OneToOneField("fundraising.Donation", models.PROTECT, primary_key=True, related_name="advantage")
    description = models.CharField(_("what the donor got"), max_length=200)
    value_minor = models.BigIntegerField(_("value in good faith (minor units)"))
    currency = models.CharField(_("currency"), max_length=3)
    noted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    noted_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(value_minor__gte=0) & ~Q(description=""), name="advantage_described_and_valued"
            )
        ]
        verbose_name = _("what a donor got in return")
        verbose_name_plural = _("what donors got in return")

    def __str__(self) -> str:
        return str(self.donation_id)

    @property
    def value(self) -> Money:
        return Money(self.value_minor, self.currency)
