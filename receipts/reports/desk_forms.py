"""The form of a report."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

MOST_WORDS = 5000  # characters, of a note

Day = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class ReportForm(forms.Form):
    """The days, the next date, and a note in each language of the appeal's pages (`notes`)."""

    first = forms.DateField(label=_("First day"), widget=Day)
    last = forms.DateField(label=_("Last day"), widget=Day)
    next_on = forms.DateField(
        label=_("Next report on"),
        widget=Day,
        required=False,
        help_text=_("Shown to everybody: readers wait for it."),
    )

    def __init__(self, *args: Any, locales: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = dict(settings.LANGUAGES)
        self.locales = locales
        for locale in locales:
            self.fields[f"note_{locale}"] = forms.CharField(
                label=_("Note (%(language)s)") % {"language": names.get(locale, locale)},
                widget=forms.Textarea(attrs={"rows": 5, "lang": locale}),
                required=False,
                max_length=MOST_WORDS,
                help_text=_("What stands behind the figures. Name nobody who could be harmed by it."),
            )

    @property
    def notes(self) -> dict[str, str]:
        """Notes by language."""
        return {locale: self.cleaned_data[f"note_{locale}"] for locale in self.locales}

    @property
    def days(self) -> dict[str, date | None]:
        """The dates as the verbs take them."""
        return {name: self.cleaned_data[name] for name in ("first", "last", "next_on")}


def last_month() -> tuple[date, date]:
    """First and last day of the month that is over."""
    end = timezone.now().date().replace(day=1)
    last = date.fromordinal(end.toordinal() - 1)
    return last.replace(day=1), last
