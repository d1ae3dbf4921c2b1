"""Forms of rounds and goals."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..appeals.rounds import RoundDraft
from ..models import Appeal, DonationPage
from ..money import Money
from .books_forms import day_field
from .journal_forms import typed


def _goal_field(currency: str) -> forms.CharField:
    return forms.CharField(
        label=_("Goal"),
        max_length=24,
        help_text=_("In %(currency)s.") % {"currency": currency},
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )


class GoalForm(forms.Form):
    """A new goal of a round."""

    def __init__(self, currency: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = currency
        self.fields["goal"] = _goal_field(currency)
        self.fields["reason"] = forms.CharField(label=_("Why"), max_length=300)

    def clean_goal(self) -> Money:
        return typed(self.cleaned_data["goal"].strip(), self.currency)


class RoundForm(GoalForm):
    """A round: why it asks, for the desk and for readers of every page, its goal and its days."""

    def __init__(self, appeal: Appeal, *args: Any, **kwargs: Any) -> None:
        super().__init__(appeal.currency, *args, **kwargs)
        self.fields["reason"].help_text = _("For the desk.")
        pages = DonationPage.objects.filter(appeal=appeal, published=True).order_by("locale")
        self.locales = list(pages.values_list("locale", flat=True))
        for locale in self.locales:
            label = _("Why, for readers: %(language)s") % {"language": dict(settings.LANGUAGES)[locale]}
            self.fields[f"text_{locale}"] = forms.CharField(label=label, max_length=300, required=False)
        self.fields["opens_on"] = day_field(_("First day"), required=False, help_text=_("Empty: now."))
        self.fields["closes_on"] = day_field(_("Last day"), required=False, help_text=_("Empty: until it is closed."))
        self.order_fields(["reason", *(f"text_{locale}" for locale in self.locales), "goal", "opens_on", "closes_on"])

    @property
    def draft(self) -> RoundDraft:
        """What was typed, for the verb."""
        data = self.cleaned_data
        opens, closes = data["opens_on"], data["closes_on"]
        return RoundDraft(
            reason=data["reason"],
            goal=data["goal"],
            texts={locale: data[f"text_{locale}"] for locale in self.locales},
            opens_at=_start_of(opens) if opens and opens != timezone.localdate() else None,
            closes_at=_start_of(closes + timedelta(days=1)) if closes else None,
        )


def _start_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))
