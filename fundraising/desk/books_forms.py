"""What the pages of the books are filtered by, and the number of an account."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from ..bank.formats import EARLIEST
from ..books.chart import Chart
from ..exports.kinds import today
from ..models import Account, LegalEntity
from ..money import currencies

# What the key of an entry begins with.
FACTS = [
    ("", _("all")),
    ("charge", _("charges")),
    ("refund", _("refunds")),
    ("dispute", _("disputes")),
    ("txn", _("settlement, fees and payouts")),
    ("announced", _("announced debits")),
    ("bank", _("bank lines")),
    ("match", _("matches of bank lines")),
    ("journal", _("entries by hand")),
    ("revaluation", _("valuations of foreign money")),
]


def day_field(label: Any, **options: Any) -> forms.DateField:
    """A day, by the browser's own picker where it has one; whoever types a year of two digits is asked again."""
    widget = forms.DateInput(attrs={"type": "date", "min": EARLIEST.isoformat()}, format="%Y-%m-%d")
    return forms.DateField(label=label, widget=widget, validators=[_refuse_early], **options)


def _refuse_early(day: date) -> None:
    if day < EARLIEST:
        raise ValidationError(_("This is long ago. Write the year with all four digits."))


class DayForm(forms.Form):
    on = day_field(_("At the end of"), required=False)


class DaysForm(forms.Form):
    first = day_field(_("From"), required=False)
    last = day_field(_("Until"), required=False)

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        first, last = found.get("first"), found.get("last")
        if first and last and first > last:
            self.add_error("last", _("This is before the first day."))
        return found


class JournalForm(DaysForm):
    fact = forms.ChoiceField(label=_("Kind of fact"), choices=FACTS, required=False)
    key = forms.CharField(label=_("Key"), max_length=120, required=False)
    late = forms.BooleanField(label=_("Late facts only"), required=False)


class LedgerForm(DaysForm):
    """Which account, in which currency, of which fund; days default to this month."""

    field_order = ["account", "currency", "fund", "first", "last"]
    account = forms.ChoiceField(label=_("Account"))
    currency = forms.ChoiceField(label=_("Currency"))
    fund = forms.ChoiceField(label=_("Fund"), required=False)

    def __init__(self, entity: LegalEntity, chart: Chart, data: Any) -> None:
        super().__init__(data)
        used = Account.objects.filter(entity=entity).order_by("currency").values_list("currency", flat=True).distinct()
        self._choose("account", [(account.key, str(account)) for account in chart.accounts])
        self._choose("currency", [(code, code) for code in used] or currencies()[:1])
        self._choose(
            "fund", [("", _("all")), *((str(pk), name) for pk, name in entity.funds.values_list("pk", "name"))]
        )

    def _choose(self, name: str, choices: list[tuple[Any, Any]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices


class NumberForm(forms.Form):
    number = forms.CharField(label=_("Number"), max_length=8, help_text=_("Digits, eight at most."))
    name = forms.CharField(label=_("Name"), max_length=80)


class CloseForm(forms.Form):
    until = day_field(_("Close until (inclusive)"))
    reason = forms.CharField(label=_("Why"), widget=forms.Textarea(attrs={"rows": 2}))


class HardCloseForm(CloseForm):
    despite = forms.CharField(
        label=_("Why in spite of what is open"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Needed only while something above is open."),
    )


class ReopenForm(forms.Form):
    first = day_field(_("Open again from"))
    reason = forms.CharField(label=_("Why"), widget=forms.Textarea(attrs={"rows": 2}))


class RevaluationForm(forms.Form):
    on = day_field(_("Day"))
    reason = forms.CharField(label=_("Why"), required=False)


def end_of_last_month() -> date:
    """What is closed and valued most often."""
    return today().replace(day=1) - timedelta(days=1)
