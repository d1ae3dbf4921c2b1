"""Who issues papers: a legal entity's letterhead, the regimes it issues under, and its own wording of them."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class ImageType(models.TextChoices):
    PNG = "image/png", "PNG"
    SVG = "image/svg+xml", "SVG"


class Letterhead(models.Model):
    """What a legal entity's papers look like and who signs them. Never changed: a new one is a new row."""

    entity = models.ForeignKey("fundraising.LegalEntity", models.PROTECT, related_name="letterheads")
    logo = models.BinaryField(_("logo"), null=True)
    logo_type = models.CharField(_("type of the logo"), max_length=20, choices=ImageType.choices, blank=True)
    place = models.CharField(_("place of issue"), max_length=120, blank=True)
    signatory = models.CharField(_("who signs"), max_length=160, blank=True)
    signatory_role = models.CharField(_("their role"), max_length=160, blank=True)
    signature = models.BinaryField(_("facsimile of the signature (PNG)"), null=True)
    archive = models.BooleanField(
        _("archive files"),
        default=False,
        help_text=_("Papers are issued as PDF/A-3, with what they say attached as data."),
    )
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    made_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        indexes = [models.Index(fields=["entity", "-id"], name="letterhead_newest")]
        constraints = [
            models.CheckConstraint(
                condition=Q(logo__isnull=True, logo_type="") | Q(logo__isnull=False) & ~Q(logo_type=""),
                name="letterhead_logo_has_type",
            )
        ]
        verbose_name = _("letterhead")
        verbose_name_plural = _("letterheads")

    def __str__(self) -> str:
        return f"{self.entity} {self.pk}"


class IssuerRegime(models.Model):
    """A regime under which a legal entity issues papers, for donors of some countries or of all."""

    entity = models.ForeignKey("fundraising.LegalEntity", models.PROTECT, related_name="regimes")
    regime = models.CharField(_("regime"), max_length=20)
    donor_countries = ArrayField(
        models.CharField(max_length=2),
        default=list,
        blank=True,
        verbose_name=_("countries of donors"),
        help_text=_("ISO 3166 codes. Empty: donors of every country that no other regime takes."),
    )
    particulars = models.JSONField(
        _("particulars"), default=dict, blank=True, help_text=_("What the law wants to read of the organisation.")
    )
    yearly = models.BooleanField(
        _("one paper a year"),
        default=False,
        help_text=_("Where the law lets one choose: one collective paper a year, and none of single donations."),
    )
    since = models.DateField(_("for donations since"))
    until = models.DateField(_("for donations until"), null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entity", "regime", "since"], name="issuer_regime_once"),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gte=F("since")), name="issuer_regime_ends_after_start"
            ),
        ]
        verbose_name = _("regime of a legal entity")
        verbose_name_plural = _("regimes of legal entities")

    def __str__(self) -> str:
        return f"{self.entity} {self.regime}"


class Wording(models.Model):
    """A sentence of a regime as the entity's accountant signed it off. Never changed: a new version is a new row."""

    entity = models.ForeignKey("fundraising.LegalEntity", models.PROTECT, related_name="paper_wordings")
    regime = models.CharField(_("regime"), max_length=20)
    slot = models.CharField(_("sentence"), max_length=40)
    locale = models.CharField(_("language"), max_length=12)
    version = models.PositiveSmallIntegerField(_("version"))
    text = models.TextField(_("text"))
    signed_off_by = models.CharField(
        _("signed off by"), max_length=160, default="", help_text=_("The accountant or lawyer who says it is right.")
    )
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    written_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["entity", "regime", "slot", "locale", "version"], name="paper_wording_once"
            ),
            models.CheckConstraint(condition=~Q(text=""), name="paper_wording_says_something"),
        ]
        verbose_name = _("wording of a paper")
        verbose_name_plural = _("wordings of papers")

    def __str__(self) -> str:
        return f"{self.regime}.{self.slot} {self.locale} {self.version}"
