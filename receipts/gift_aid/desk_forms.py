"""What staff fill in of Gift Aid: a declaration from paper, and until when to claim."""

from __future__ import annotations

from datetime import date

from django import forms
from django.utils.translation import gettext_lazy as _

from fundraising.desk.books_forms import day_field

from .forms import DeclarationForm


class PaperForm(DeclarationForm):
    """As it stands on the paper, which is kept."""

    declared_on = day_field(_("Signed on"))
    on_paper = forms.BooleanField(
        label=_("The signed paper says what is shown above, with the donor's home address, and we keep it.")
    )

    def clean_declared_on(self) -> date:
        on: date = self.cleaned_data["declared_on"]
        return on


class ClaimForm(forms.Form):
    until = day_field(_("Donations received until"))
