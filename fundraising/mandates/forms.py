"""What a donor may ask of their mandate. Each form carries a UUID of its own: sent twice, it is one wish."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ..amounts import check_bounds, typed_amount
from ..models import EndWish, Interval, Mandate
from ..money import Money
from ..offers import Currency
from .content import later

DAYS = range(1, 29)
PAUSES = (1, 2, 3, 6)
UNTIL_RESUMED = "open"


class WishForm(forms.Form):
    """A wish without any details: skip the next one, resume, try again."""

    uuid = forms.UUIDField(
        error_messages=dict.fromkeys(("required", "invalid"), _("This page has aged. Please try once more."))
    )


class SkipForm(WishForm):
    """`on` is the collection to leave out, so that a page that has aged does not leave out another one."""

    on = forms.DateField()


class AmountForm(WishForm):
    """Another amount, before what covers the fee."""

    amount = forms.CharField(
        label=_("New amount"),
        max_length=40,
        error_messages={
            "required": _("Please write an amount."),
            "max_length": _("This is not an amount. Write it like 25 or 25.50."),
        },
    )

    def __init__(self, offer: Currency, data: Any = None, initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        self.offer = offer

    def clean_amount(self) -> Money:
        wished = typed_amount(self.cleaned_data["amount"], self.offer)
        check_bounds(wished, self.offer)
        return wished


class DayForm(WishForm):
    day = forms.TypedChoiceField(
        label=_("Day of the month"),
        choices=[(str(day), str(day)) for day in DAYS],
        coerce=int,
        error_messages=dict.fromkeys(("required", "invalid_choice"), _("Please choose a day from 1 to 28.")),
    )


class PauseForm(WishForm):
    """For some months, counted in collections that are left out; or until the donor resumes it."""

    months = forms.ChoiceField(
        error_messages=dict.fromkeys(("required", "invalid_choice"), _("Please choose for how long."))
    )

    def __init__(self, mandate: Mandate, data: Any = None) -> None:
        super().__init__(data)
        # A year's collection is left out by skipping it; months would not move it.
        next_on = mandate.next_on if mandate.interval == Interval.MONTH else None
        self.ends = {str(months): later(next_on, months) for months in PAUSES} if next_on else {}
        field: Any = self.fields["months"]
        field.choices = [(value, value) for value in (*self.ends, UNTIL_RESUMED)]

    @property
    def until(self) -> date | None:
        """The day of the first collection after the pause."""
        return self.ends.get(self.cleaned_data["months"])


class EndForm(WishForm):
    wish = forms.ChoiceField(
        choices=[("", _("I would rather not say")), *EndWish.choices],
        required=False,
        error_messages={"invalid_choice": _("Please choose one of the reasons, or none.")},
    )

    def clean_wish(self) -> str:
        wish: str = self.cleaned_data["wish"]
        return wish
