"""The forms of IATI files at the desk."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from fundraising.models import Category

from .codes import ORGANISATION_TYPES, REGIONS, SECTORS, SUGGESTED


def _choices(codes: dict[str, Any]) -> list[tuple[str, str]]:
    return [(code, f"{code} {name}") for code, name in codes.items()]


class PublisherForm(forms.Form):
    """Who publishes."""

    identifier = forms.CharField(
        label=_("Organisation identifier"),
        max_length=100,
        help_text=_("Registration agency and number, as the standard wants them: GB-CHC-202918, US-EIN-13-1644147."),
    )
    kind = forms.ChoiceField(label=_("Organisation type"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = _choices(ORGANISATION_TYPES)  # type: ignore[attr-defined]


class ActivityForm(forms.Form):
    """As what an appeal is published; a sector for each category of its budget."""

    region = forms.ChoiceField(label=_("Region"), help_text=_("Never a country: the wider, the safer."))
    humanitarian = forms.BooleanField(label=_("Humanitarian aid"), required=False)

    def __init__(self, *args: Any, categories: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.categories = categories
        self.fields["region"].choices = _choices(REGIONS)  # type: ignore[attr-defined]
        for category in categories:
            self.fields[f"sector_{category}"] = forms.ChoiceField(
                label=_("Sector of %(category)s") % {"category": capfirst(str(Category(category).label))},
                choices=_choices(SECTORS),
                initial=SUGGESTED[category],
            )

    @property
    def sectors(self) -> dict[str, str]:
        """Codes by category."""
        return {category: self.cleaned_data[f"sector_{category}"] for category in self.categories}
