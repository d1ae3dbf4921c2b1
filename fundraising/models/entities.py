"""Legal entities own accounts and issue receipts; funds are the pots they hold in trust."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..money import Money, currencies, step


class TaxStatus(models.TextChoices):
    US_501C3 = "us_501c3", _("US 501(c)(3), gifts deductible")
    US_501C4 = "us_501c4", _("US 501(c)(4), gifts not deductible")
    OTHER = "other", _("Other; no tax receipt")


def is_time_zone(told: str) -> None:
    """Raise ValidationError for what is no time zone of the IANA's."""
    if told not in available_timezones():
        raise ValidationError(gettext("There is no such time zone. Write it as America/New_York."))


class LegalEntity(models.Model):
    """The organisation that a donor gives to."""

    slug = models.SlugField(unique=True)
    name = models.CharField(_("name"), max_length=200)
    tax_status = models.CharField(_("tax status"), max_length=20, choices=TaxStatus.choices)
    country = models.CharField(_("country"), max_length=2, help_text=_("ISO 3166 code"))
    address = models.TextField(_("address"))
    registration = models.CharField(_("registration"), max_length=200, blank=True)
    currency = models.CharField(_("reporting currency"), max_length=3, choices=currencies)
    email_from = models.EmailField(_("sender of mails"), help_text=_("Neutral: an inbox must not out a donor."))
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        default="UTC",
        validators=[is_time_zone],
        help_text=_("Of the days and years on papers, as America/New_York. The books are kept in UTC."),
    )
    theme = models.SlugField(_("colour theme"), default="default")
    privacy_url = models.URLField(_("privacy notice"), blank=True)
    approval_above_minor = models.BigIntegerField(
        _("second person above (minor units)"),
        default=10_000,
        help_text=_("Breaks of more than this, in the reporting currency, need a second person to be resolved."),
    )

    class Meta:
        verbose_name = _("legal entity")
        verbose_name_plural = _("legal entities")

    def __str__(self) -> str:
        return self.name

    def day_of(self, at: datetime) -> date:
        """The day on papers of something that happened then: tax years end where the entity sits."""
        return timezone.localdate(at, ZoneInfo(self.time_zone))

    def today(self) -> date:
        """The day on papers that are issued now."""
        return self.day_of(timezone.now())

    def hours_of(self, first: date, last: date) -> tuple[datetime, datetime]:
        """From when until before when days of papers last."""
        zone = ZoneInfo(self.time_zone)
        return datetime.combine(first, time.min, zone), datetime.combine(last + timedelta(days=1), time.min, zone)

    def hours_of_year(self, year: int) -> tuple[datetime, datetime]:
        """From when until before when a year of papers lasts."""
        return self.hours_of(date(year, 1, 1), date(year, 12, 31))


class EntityText(models.Model):
    """What the entity says of itself in one language."""

    entity = models.ForeignKey(LegalEntity, models.CASCADE, related_name="texts")
    locale = models.CharField(_("language"), max_length=12, choices=settings.LANGUAGES)
    legal_form = models.CharField(_("legal form"), max_length=200)
    non_deductibility = models.TextField(
        _("non-deductibility sentence"),
        blank=True,
        help_text=_("Shown as a paragraph of its own on the form, the mail and the receipt (IRC 6113)."),
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["entity", "locale"], name="entity_text_once")]
        verbose_name = _("text of the legal entity")
        verbose_name_plural = _("texts of the legal entity")

    def __str__(self) -> str:
        return f"{self.entity} ({self.locale})"


class Fund(models.Model):
    """A pot with a purpose. Each entity has one unrestricted fund at most that takes what has no other home."""

    entity = models.ForeignKey(LegalEntity, models.PROTECT, related_name="funds")
    name = models.CharField(_("name"), max_length=200)
    restricted = models.BooleanField(_("restricted"), default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entity", "name"], name="fund_name_once"),
            models.UniqueConstraint(fields=["entity"], condition=Q(restricted=False), name="one_unrestricted_fund"),
        ]
        verbose_name = _("fund")
        verbose_name_plural = _("funds")

    def __str__(self) -> str:
        return self.name


class PaymentMethod(models.TextChoices):
    """Ways to pay whose fees differ; Stripe's own words, so that they can be sent as they are."""

    CARD = "card", _("by card")
    SEPA_DEBIT = "sepa_debit", _("by bank debit")
    CUSTOMER_BALANCE = "customer_balance", _("by bank transfer")


class FeeCover(models.Model):
    """What an entity's provider charges in a currency for a way to pay, for donors who want to cover it."""

    entity = models.ForeignKey(LegalEntity, models.CASCADE, related_name="fee_covers")
    currency = models.CharField(_("currency"), max_length=3, choices=currencies)
    method = models.CharField(_("way to pay"), max_length=20, choices=PaymentMethod.choices, default=PaymentMethod.CARD)
    basis_points = models.PositiveSmallIntegerField(_("hundredths of a per cent of the total"))
    fixed_minor = models.BigIntegerField(_("fixed part (minor units)"))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entity", "currency", "method"], name="fee_cover_once"),
            models.CheckConstraint(condition=Q(basis_points__lt=2000, fixed_minor__gte=0), name="fee_cover_sane"),
        ]
        verbose_name = _("fee cover")
        verbose_name_plural = _("fee covers")

    def __str__(self) -> str:
        return f"{self.currency} {self.method}"

    def cover(self, wished: Money) -> Money:
        """What to add to `wished` so that it arrives whole after the fee on the sum of both."""
        keep, unit = 10_000 - self.basis_points, step(wished.currency)
        total = -(-(wished.minor + self.fixed_minor) * 10_000 // (keep * unit)) * unit  # rounded up
        return Money(total - wished.minor, wished.currency)
