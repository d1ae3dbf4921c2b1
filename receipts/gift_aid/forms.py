"""The form of a declaration, as the donor's page has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from fundraising.models import Donation, DonationState, Donor

from ..models import Scope
from . import particulars
from .declaring import Declared
from .particulars import ParticularRefused

WORDS = {
    "postcode": _("This is no UK postcode. Write it like SW1A 2AA."),
    "name_length": _("HM Revenue & Customs takes 35 letters at most: shorten it as your tax papers do."),
    "name": _("Letters, hyphens and apostrophes only, as in your tax papers."),
    "title": _("Four letters at most: Mr, Mrs, Ms, Dr."),
    "house": _("The name or number of the house."),
    "not_home": _("It has to be a home address: not of work, not a box, not in care of somebody."),
}


class DeclarationForm(forms.Form):
    title = forms.CharField(label=_("Title"), max_length=20, required=False, help_text=_("Mr, Mrs, Ms, Dr – or none."))
    first_name = forms.CharField(
        label=_("First name"), max_length=80, error_messages={"required": _("Please write your first name.")}
    )
    last_name = forms.CharField(
        label=_("Last name"), max_length=80, error_messages={"required": _("Please write your last name.")}
    )
    house = forms.CharField(
        label=_("House name or number"),
        max_length=80,
        error_messages={"required": WORDS["house"]},
    )
    street = forms.CharField(
        label=_("Street and town"),
        max_length=120,
        error_messages={"required": _("Please write your street and town.")},
    )
    postcode = forms.CharField(label=_("Postcode"), max_length=12, required=False)
    overseas = forms.BooleanField(label=_("The home is outside the United Kingdom"), required=False)
    scope = forms.ChoiceField(
        label=_("For which donations"),
        choices=Scope.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Please choose for which donations.")},
    )

    def __init__(self, donor: Donor, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{"label_suffix": "", **options})
        self.donor = donor
        self.newest = (
            Donation.objects.filter(donor=donor, state=DonationState.RECEIVED, currency="GBP")
            .order_by("-received_at", "-pk")
            .first()
        )
        self.scopes = [choice for choice in Scope.choices if choice[0] != Scope.THIS or self.newest]
        field = self.fields["scope"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = self.scopes

    def clean_title(self) -> str:
        return self._read("title", particulars.title)

    def clean_first_name(self) -> str:
        return self._read("first_name", particulars.name)

    def clean_last_name(self) -> str:
        return self._read("last_name", particulars.name)

    def clean_house(self) -> str:
        return self._read("house", particulars.house)

    def clean_street(self) -> str:
        told = " ".join(str(self.cleaned_data["street"]).split())
        if particulars.is_no_home(told):
            raise forms.ValidationError(WORDS["not_home"])
        return told

    def clean_postcode(self) -> str:
        return self._read("postcode", particulars.postcode) if self.cleaned_data["postcode"].strip() else ""

    def _read(self, name: str, reader: Callable[[str], str]) -> str:
        try:
            return reader(str(self.cleaned_data[name]))
        except ParticularRefused as refused:
            raise forms.ValidationError(WORDS[refused.code]) from None

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if "postcode" in found and bool(found["postcode"]) == found.get("overseas", False):
            self.add_error("postcode", _("Write the postcode, or say that the home is outside the United Kingdom."))
        return found

    def declared(self) -> Declared:
        """What was declared; after `is_valid`."""
        found = {name: told for name, told in self.cleaned_data.items() if name in Declared.__dataclass_fields__}
        scope = Scope(found["scope"])
        return Declared(**{**found, "scope": scope, "donation": self.newest if scope == Scope.THIS else None})
