"""What a fund report says of the people: drafted with it, fixed when it is issued."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fundraising.models import Category

from .reports import FundReport


class CountedOver(models.TextChoices):
    """The days of which people are counted, and of which the money is that is divided by them."""

    DAYS = "days", _("in the days of this report")
    EVER = "ever", _("since the appeal began")


class Counted(models.TextChoices):
    """Whether one person may be in the counts more than once."""

    ONCE = "once", _("Each person is counted once.")
    BY_PURPOSE = "by_purpose", _("Whoever was helped in several ways is counted once for each, and once in all.")
    EACH_TIME = "each_time", _("Each time somebody was helped is counted: one person may be in it several times.")


class Situation(models.Model):
    """The situation as a report tells it, on a day."""

    report = models.OneToOneField(FundReport, models.CASCADE, related_name="situation")
    on = models.DateField(_("date"))
    over = models.CharField(_("people counted"), max_length=4, choices=CountedOver.choices, default=CountedOver.DAYS)
    counted = models.CharField(_("counted twice?"), max_length=10, choices=Counted.choices, default=Counted.ONCE)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(over__in=CountedOver.values), name="situation_over_known"),
            models.CheckConstraint(condition=Q(counted__in=Counted.values), name="situation_counted_known"),
        ]
        verbose_name = _("situation")
        verbose_name_plural = _("situations")

    def __str__(self) -> str:
        return f"{self.report_id} {self.on}"


class SituationText(models.Model):
    """The situation and how people were counted, in one language."""

    situation = models.ForeignKey(Situation, models.CASCADE, related_name="texts")
    locale = models.CharField(_("language"), max_length=12)
    text = models.TextField(_("situation"), blank=True)
    basis = models.TextField(_("how people were counted"), blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["situation", "locale"], name="situation_text_once"),
            models.CheckConstraint(condition=~Q(text="") | ~Q(basis=""), name="situation_text_says_something"),
        ]

    def __str__(self) -> str:
        return f"{self.situation_id} {self.locale}"


class PeopleAssisted(models.Model):
    """People who were helped with one category of the budget, or in all (no category). Published as a band only."""

    situation = models.ForeignKey(Situation, models.CASCADE, related_name="people")
    category = models.CharField(_("category"), max_length=20, blank=True, choices=Category.choices)
    assisted = models.PositiveIntegerField(_("people assisted"))
    target = models.PositiveIntegerField(_("people to be assisted"), null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["situation", "category"], name="people_of_category_once"),
            models.CheckConstraint(
                condition=Q(category="") | Q(category__in=Category.values), name="people_category_known"
            ),
            models.CheckConstraint(condition=Q(target__isnull=True) | Q(target__gt=0), name="people_target_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.situation_id} {self.category or 'all'}"
