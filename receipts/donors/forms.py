"""The form for what tax receipts need of a donor. It starts empty, whatever is known: nothing stored is shown back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from fundraising import words
from fundraising.models import Donor

from ..regimes import DonorNeed
from . import numbers

# Where a letter does not arrive without it.
REGION_WANTED = {"US", "CA", "AU"}


class TaxDetailsForm(forms.Form):
    """Of all fields only those that a law wants; checked as the donor's country writes them."""

    title = forms.CharField(label=_("Title"), max_length=20, required=False)
    street = forms.CharField(
        label=_("Street and number"),
        max_length=120,
        error_messages={"required": _("Please write your street and number.")},
    )
    postcode = forms.CharField(
        label=_("Postcode"), max_length=12, error_messages={"required": _("Please write your postcode.")}
    )
    city = forms.CharField(label=_("Town"), max_length=80, error_messages={"required": _("Please write your town.")})
    region = forms.CharField(label=_("State, province or region"), max_length=80, required=False)
    tax_number = forms.CharField(
        label=_("Tax number"),
        max_length=30,
        error_messages={"required": _("Please write your tax number; the law wants it on the receipt.")},
    )

    def __init__(self, donor: Donor, needs: frozenset[DonorNeed], *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **options})
        self.country = donor.country
        if DonorNeed.ADDRESS not in needs:
            for name in ("title", "street", "postcode", "city", "region"):
                del self.fields[name]
        else:
            self.fields["postcode"].required = donor.country in numbers.POSTCODES
            self.fields["region"].required = donor.country in REGION_WANTED
        if DonorNeed.TAX_NUMBER not in needs:
            del self.fields["tax_number"]
        else:
            self.fields["tax_number"].label = str(numbers.tax_number_label(donor.country))

    def clean(self) -> dict[str, Any]:
        """Plain lines in every script, without what a paper cannot print."""
        said = super().clean() or {}
        for name in ("title", "street", "city", "region"):
            if name in said:
                try:
                    said[name] = words.clean_organisation(said[name])
                except ValidationError as error:
                    self.add_error(name, error)
        return said

    def clean_postcode(self) -> str:
        typed = words.clean_line(self.cleaned_data["postcode"], 12)
        try:
            return numbers.postcode(self.country, typed) if typed else ""
        except numbers.Wrong as error:
            raise ValidationError(_("This is not a postcode of your country. Please check it.")) from error

    def clean_tax_number(self) -> str:
        typed = words.clean_line(self.cleaned_data["tax_number"], 30)
        try:
            return numbers.tax_number(self.country, typed)
        except numbers.Wrong as error:
            raise ValidationError(
                _("This number is not right: a digit or letter is wrong or missing. Please check it.")
            ) from error


class StaffDetailsForm(TaxDetailsForm):
    """The same for staff, who see what is known, may leave anything empty, and say why they write."""

    reason = forms.CharField(
        label=_("Why"), max_length=300, help_text=_("For the trail, without names: “letter of 3 May”.")
    )

    def __init__(self, donor: Donor, *args: Any, **options: Any) -> None:
        super().__init__(donor, frozenset(DonorNeed), *args, **options)
        for name, field in self.fields.items():
            field.required = name == "reason"

    def clean_tax_number(self) -> str:
        return super().clean_tax_number() if self.cleaned_data["tax_number"].strip() else ""
