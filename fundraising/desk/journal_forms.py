"""The form of a manual entry: some lines, each an account with a debit or a credit. Empty lines are left out."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ..books.chart import IN_HAND, Chart
from ..books.manual_entries import FREE, MIRRORS, Line
from ..exports.kinds import today
from ..models import LegalEntity, Purpose
from ..money import EXPONENTS, Money, currencies
from .books_forms import day_field

LINES = 8
MOST_LINES = 60
_AMOUNT = re.compile(r"(\d{1,12})(?:[.,](\d+))?")


def typed(text: str, currency: str) -> Money:
    """Money from digits with at most one point or comma; raises ValidationError. No grouping: 1.000 is no thousand."""
    found = _AMOUNT.fullmatch(re.sub(r"[\s'\u2019]", "", text))
    if not found or not text.isascii():
        raise ValidationError(_("This is not an amount. Write it like 1250.00."))
    whole, fraction = found[1], found[2] or ""
    exponent = EXPONENTS[currency]
    if len(fraction) > exponent:
        words = _("%(currency)s has %(decimals)s decimals.")
        raise ValidationError(words, params={"currency": currency, "decimals": exponent})
    return Money(int(whole + fraction.ljust(exponent, "0")), currency)


class EntryForm(forms.Form):
    """What an entry says as a whole. Sent twice, with the same `uuid`, it is one entry."""

    uuid = forms.UUIDField(widget=forms.HiddenInput, required=False, initial=uuid4)
    text = forms.CharField(label=pgettext_lazy("manual entry", "What it is for"), max_length=300)
    accounted_on = day_field(_("Date"), initial=today)
    attachment = forms.FileField(
        label=_("Voucher"), required=False, help_text=_("PDF, PNG or JPEG, 10 MB at most. It is kept sealed.")
    )


class LineForm(forms.Form):
    """One line; `line` is what it says, None while it is empty."""

    account = forms.ChoiceField(label=_("Account"), required=False)
    fund = forms.ChoiceField(label=_("Fund"), required=False)
    currency = forms.ChoiceField(label=_("Currency"))
    debit = forms.CharField(label=_("Debit"), required=False, max_length=24)
    credit = forms.CharField(label=_("Credit"), required=False, max_length=24)
    line: Line | None = None

    def __init__(self, *arguments: Any, accounts: Any, funds: Any, codes: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for name, choices in (("account", accounts), ("fund", funds), ("currency", codes)):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = choices
        for name, field in self.fields.items():
            field.widget.attrs |= {"class": "desk-input", "aria-label": str(field.label)}
            if name in {"debit", "credit"}:
                field.widget.attrs |= {"inputmode": "decimal", "autocomplete": "off"}

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        debit, credit = found.get("debit", "").strip(), found.get("credit", "").strip()
        if not found.get("account") and not debit and not credit:
            return found
        if not found.get("account"):
            self.add_error("account", _("Choose an account."))
        if bool(debit) == bool(credit):
            self.add_error("debit", _("Either debit or credit."))
        elif found.get("currency"):
            self._read(found, "debit" if debit else "credit")
        return found

    def _read(self, found: dict[str, Any], side: str) -> None:
        try:
            amount = typed(found[side].strip(), found["currency"])
        except ValidationError as error:
            self.add_error(side, error)
            return
        if found.get("account"):
            purpose, _colon, provider = found["account"].partition(":")
            fund = int(found["fund"]) if found.get("fund") else None
            self.line = Line(Purpose(purpose), amount if side == "debit" else -amount, provider, fund)


LineFormSet = forms.formset_factory(LineForm, extra=LINES, max_num=MOST_LINES)


def choices(entity: LegalEntity) -> dict[str, Any]:
    """The accounts that may be booked by hand, and the funds."""
    accounts = [
        (account.key, str(account))
        for account in Chart(entity).accounts
        if account.purpose in FREE | MIRRORS and (account.purpose != Purpose.HAND or account.provider in IN_HAND)
        if account.provider or account.purpose not in MIRRORS
    ]
    funds = [(str(pk), name) for pk, name in entity.funds.order_by("name").values_list("pk", "name")]
    codes = sorted(currencies(), key=lambda code: code[0] != entity.currency)
    return {"accounts": [("", "—"), *accounts], "funds": [("", "—"), *funds], "codes": codes}
