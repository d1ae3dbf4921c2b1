"""Forms of the bank's pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from stdnum import bic, iban
from stdnum.exceptions import ValidationError as WrongNumber

from ..bank.csv_file import COLUMNS, CsvColumns
from ..bank.matching import BY_HAND
from ..models import BankAccount, Channel, LegalEntity, MatchKind, MatchReason, Purpose
from ..money import AmountError, currencies, parse_typed


class AccountForm(forms.Form):
    """A bank account; its currency cannot be changed later."""

    name = forms.CharField(label=_("Name"), max_length=120, help_text=_("As you call it among yourselves."))
    iban = forms.CharField(label=_("IBAN or account number"), max_length=42)
    bic = forms.CharField(label=_("BIC"), max_length=11, required=False)
    currency = forms.ChoiceField(label=_("Currency"), choices=currencies)
    takes_donations = forms.BooleanField(
        label=_("Show it to donors who give by bank transfer"),
        required=False,
        help_text=_("One account per currency can be shown."),
    )

    def __init__(self, entity: LegalEntity, account: BankAccount | None, data: Any = None) -> None:
        shown = ("name", "iban", "bic", "currency", "takes_donations")
        super().__init__(data, initial={name: getattr(account, name) for name in shown} if account else None)
        self.entity, self.account = entity, account
        if account:
            self.fields["currency"].disabled = True

    def clean_iban(self) -> str:
        """Check digits are checked where the number has them."""
        number = iban.compact(self.cleaned_data["iban"])
        if number[:2].isalpha() and number[2:4].isdigit():
            try:
                return str(iban.validate(number))
            except WrongNumber as error:
                raise forms.ValidationError(_("This IBAN has a mistake: its check digits do not fit.")) from error
        if not number.isalnum() or not 4 <= len(number) <= 34:
            raise forms.ValidationError(_("An account number has 4 to 34 letters and digits."))
        return str(number).upper()

    def clean_bic(self) -> str:
        number = str(self.cleaned_data["bic"]).strip()
        if number and not bic.is_valid(number):
            raise forms.ValidationError(_("This is no BIC: it has 8 or 11 letters and digits."))
        return bic.compact(number) if number else ""

    def clean(self) -> None:
        others = BankAccount.objects.exclude(pk=self.account.pk if self.account else 0)
        told = self.cleaned_data
        if others.filter(iban=told.get("iban"), currency=told.get("currency")).exists():
            self.add_error("iban", _("This account is here already."))
        shown = others.filter(entity=self.entity, currency=told.get("currency"), takes_donations=True)
        if told.get("takes_donations") and shown.exists():
            self.add_error("takes_donations", _("Another account of this currency is shown to donors."))


DELIMITERS = [(";", _("semicolon ;")), (",", _("comma ,")), ("\t", _("tab")), ("|", "|")]
ENCODINGS = [("", "UTF-8"), ("cp1252", "Windows-1252 (ISO-8859-1)"), ("iso8859-15", "ISO-8859-15"), ("cp850", "CP850")]
DATES = [
    ("%d.%m.%Y", "31.12.2026"), ("%d.%m.%y", "31.12.26"), ("%Y-%m-%d", "2026-12-31"), ("%d/%m/%Y", "31/12/2026"),
    ("%m/%d/%Y", "12/31/2026"), ("%d-%m-%Y", "31-12-2026"), ("%Y%m%d", "20261231"), ("%Y/%m/%d", "2026/12/31"),
]  # fmt: skip
DECIMALS = [(",", "1.234,50"), (".", "1,234.50")]
COLUMN_LABELS = {
    "date": _("Booked on"),
    "value_date": _("Value date"),
    "amount": _("Amount, with its sign"),
    "debit": _("Money out"),
    "credit": _("Money in"),
    "name": _("From or to"),
    "iban": _("Their account"),
    "reference": pgettext_lazy("bank line", "What it is for"),
    "bank_reference": _("Reference of the bank"),
    "balance": _("Balance after the line"),
    "currency": _("Currency"),
    "account": _("Our account"),
}


class ColumnsForm(forms.Form):
    """How a bank writes its CSV. Columns by their heading, or by number from 1."""

    delimiter = forms.ChoiceField(label=_("Columns are separated by"), choices=DELIMITERS)
    encoding = forms.ChoiceField(
        label=_("Encoding, if it is not UTF-8"),
        choices=ENCODINGS,
        required=False,
        help_text=_("Also of this bank's MT940 files."),
    )
    header_rows = forms.IntegerField(
        label=_("Rows above the first line"),
        min_value=0,
        max_value=50,
        initial=1,
        help_text=_("The last of them holds the headings; 0 if there are none."),
    )
    date_format = forms.ChoiceField(label=_("Dates look like"), choices=DATES)
    decimal = forms.ChoiceField(label=_("Amounts look like"), choices=DECIMALS)
    sample = forms.CharField(widget=forms.HiddenInput, required=False, max_length=200_000)

    def __init__(self, saved: dict[str, Any], data: Any = None) -> None:
        super().__init__(data, initial=saved)
        for name in COLUMNS:
            self.fields[name] = forms.CharField(
                label=COLUMN_LABELS[name],
                max_length=200,
                required=name == "date",
                widget=forms.TextInput(attrs={"list": "headings", "autocomplete": "off"}),
            )
        self.fields["reference"].help_text = _("Several columns: separate them by commas.")
        self.fields["balance"].help_text = _("With it, gaps and doubled lines are found.")

    def clean(self) -> None:
        told = self.cleaned_data
        if not (told.get("amount") or told.get("debit") or told.get("credit")):
            self.add_error("amount", _("Name the column of the amount, or those of money in and out."))

    def columns(self) -> CsvColumns:
        """What was filled in, once it is valid."""
        return CsvColumns(**{name: value for name, value in self.cleaned_data.items() if name != "sample"})


class ReasonForm(forms.Form):
    """Why something is taken back; the trail keeps it."""

    reason = forms.CharField(label=_("Why"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}))


HANDS = (Channel.CHEQUE, Channel.CASH)
ACCOUNTS = [
    ("", "—"),
    *[(str(purpose), purpose.label) for purpose in BY_HAND if purpose != Purpose.HAND],
    *[(f"{Purpose.HAND}:{hand}", hand.label) for hand in HANDS],
]


class MatchForm(forms.Form):
    """What a bank line is, by hand: all of it, or a part."""

    kind = forms.ChoiceField(label=_("What it is"), choices=MatchKind.choices)
    what = forms.CharField(
        label=_("Which donation, payout, step of the money or account of ours"),
        max_length=120,
        required=False,
        help_text=_(
            "A donation's reference or that of its transfer, a payout's id (po_…), the first eight characters of a "
            "step, or our account's name."
        ),
    )
    account = forms.ChoiceField(
        label=_("Booked to"), choices=ACCOUNTS, required=False, help_text=_("Only for “something else”.")
    )
    amount = forms.CharField(
        label=_("Amount"), max_length=30, required=False, help_text=_("A part of the line; empty: all that is left.")
    )
    why = forms.CharField(label=_("Why"), max_length=300, required=False)
    # Of a suggestion that was taken.
    reasons = forms.MultipleChoiceField(choices=MatchReason.choices, required=False, widget=forms.MultipleHiddenInput)

    def __init__(self, currency: str, left_minor: int, data: Any = None) -> None:
        usual = MatchKind.DONATION if left_minor > 0 else MatchKind.BANK_FEE
        super().__init__(data, initial={"kind": usual})
        self.currency, self.left_minor = currency, left_minor

    def clean_amount(self) -> int:
        """Minor units with the line's sign, which of money that went need not be typed."""
        text = str(self.cleaned_data["amount"]).strip()
        if self.left_minor < 0:
            text = text.lstrip("-\u2212")
        if not text:
            return self.left_minor
        try:
            minor = parse_typed(text, self.currency).minor
        except AmountError as error:
            raise forms.ValidationError(_("This is no amount in the currency of the line.")) from error
        if minor > abs(self.left_minor):
            raise forms.ValidationError(_("This is more than is left of the line."))
        return minor if self.left_minor > 0 else -minor

    def clean(self) -> None:
        told = self.cleaned_data
        kind = told.get("kind")
        if kind in {MatchKind.DONATION, MatchKind.PAYOUT, MatchKind.STEP, MatchKind.OWN} and not told.get("what"):
            self.add_error("what", _("Say which one."))
        if kind == MatchKind.OTHER and not told.get("account"):
            self.add_error("account", _("Say what it is booked to."))
        if kind == MatchKind.OTHER and not told.get("why"):
            self.add_error("why", _("Say why: nothing else will explain it later."))
