"""IATI activity files: who publishes them, and which appeals do. Off unless two people turned one on."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from fundraising.models import Category


class IatiPublisher(models.Model):
    """A legal entity in the words of the standard (codelist OrganisationType)."""

    entity = models.OneToOneField("fundraising.LegalEntity", models.PROTECT, related_name="iati_publisher")
    identifier = models.CharField(_("organisation identifier"), max_length=100)
    kind = models.CharField(_("organisation type"), max_length=2)

    class Meta:
        verbose_name = _("IATI publisher")
        verbose_name_plural = _("IATI publishers")

    def __str__(self) -> str:
        return self.identifier


class IatiState(models.TextChoices):
    OFF = "off", pgettext_lazy("export", "off")
    ASKED = "asked", pgettext_lazy("export", "waits for a second person")
    ON = "on", pgettext_lazy("export", "on")


class IatiActivity(models.Model):
    """How an appeal is published as an activity, and whether it is. What two people looked at is what is published."""

    appeal = models.OneToOneField("fundraising.Appeal", models.PROTECT, related_name="iati_activity")
    region = models.CharField(_("region"), max_length=3)
    humanitarian = models.BooleanField(_("humanitarian aid"), default=True)
    state = models.CharField(_("state"), max_length=5, choices=IatiState.choices, default=IatiState.OFF)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="off", asked_by__isnull=True, decided_by__isnull=True)
                | Q(state="asked", asked_by__isnull=False, decided_by__isnull=True)
                | Q(state="on", asked_by__isnull=False, decided_by__isnull=False) & ~Q(decided_by=F("asked_by")),
                name="iati_on_by_two",
            ),
        ]
        verbose_name = _("IATI activity")
        verbose_name_plural = _("IATI activities")

    def __str__(self) -> str:
        return f"{self.appeal_id} {self.state}"


class IatiSector(models.Model):
    """Which purpose code of the OECD DAC (five digits) a category of an appeal's budget is published under."""

    activity = models.ForeignKey(IatiActivity, models.CASCADE, related_name="sectors")
    category = models.CharField(_("category"), max_length=20, choices=Category.choices)
    code = models.CharField(_("sector"), max_length=5)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["activity", "category"], name="iati_sector_once"),
            models.CheckConstraint(condition=Q(category__in=Category.values), name="iati_category_known"),
            models.CheckConstraint(condition=Q(code__regex=r"^[0-9]{5}$"), name="iati_sector_five_digits"),
        ]

    def __str__(self) -> str:
        return f"{self.activity_id} {self.category} {self.code}"
