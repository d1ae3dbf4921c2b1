"""The forms of the money trail: one for every kind of step, each with the fields that it needs."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from ..books.manual_entries import MOST_BYTES, Attachment
from ..exports.kinds import today
from ..models import (
    Appeal,
    BankAccount,
    BudgetLine,
    Category,
    Evidence,
    Fund,
    Partner,
    PartnerShown,
    SpendingStep,
    StepKind,
)
from ..money import Money, currencies
from ..spending import partners, stages
from .books_forms import day_field
from .journal_forms import typed
from .who import Desk

ALONE: Final = (
    "budget", StepKind.ALLOCATION, StepKind.DEALLOCATION, StepKind.COMMITMENT, StepKind.ADVANCE, "policy",
    StepKind.OVERHEAD,
)  # fmt: skip
_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "budget": ("category", "currency", "amount", "reason"),
    StepKind.ALLOCATION: ("line", "currency", "amount", "on", "text"),
    StepKind.DEALLOCATION: ("line", "currency", "amount", "on", "reason"),
    StepKind.COMMITMENT: ("line", "partner", "currency", "amount", "on", "text"),
    StepKind.ADVANCE: ("lender", "currency", "amount", "on", "reason"),
    "policy": ("percent", "reason"),
    StepKind.OVERHEAD: ("currency", "amount", "on", "text"),
    StepKind.RELEASE: ("amount", "on", "reason"),
    StepKind.DISBURSEMENT: ("bank_account", "amount", "on", "text"),
    StepKind.ARRIVAL: ("currency", "amount", "on", "text"),
    StepKind.SPEND_REPORT: ("amount", "evidence", "attachment", "on", "text"),
    StepKind.RETURN: ("amount", "bank_account", "came", "on", "text"),
    StepKind.REPAYMENT: ("amount", "on", "text"),
}


class StepForm(forms.Form):
    """A step of one kind for an appeal, or resting on another step; `money` is the amount as it was typed."""

    category = forms.ChoiceField(label=_("Category"), choices=Category.choices)
    line = forms.ModelChoiceField(label=_("Line of the budget"), queryset=BudgetLine.objects.none())
    partner = forms.ModelChoiceField(label=_("Partner"), queryset=Partner.objects.none())
    lender = forms.ModelChoiceField(label=_("From the fund"), queryset=Fund.objects.none())
    bank_account = forms.ModelChoiceField(label=_("Bank account"), queryset=BankAccount.objects.none())
    currency = forms.ChoiceField(label=_("Currency"))
    amount = forms.CharField(label=_("Amount"), max_length=24)
    came = forms.CharField(
        label=_("What our bank got"), max_length=24, required=False, help_text=_("Empty: the same amount.")
    )
    evidence = forms.ChoiceField(label=_("Evidence"), choices=Evidence.choices)
    attachment = forms.FileField(
        label=_("File"), required=False, help_text=_("PDF, PNG or JPEG, 10 MB at most. It is kept sealed.")
    )
    percent = forms.DecimalField(
        label=_("Per cent of donations from now on"), min_value=0, max_value=30, decimal_places=2,
        help_text=_("Donors must be able to read it before they give. Never more than the real cost is charged."),
    )  # fmt: skip
    on = day_field(_("Date"), initial=today)
    text = forms.CharField(
        label=_("What for"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Kept sealed; only those who may read partners see it."),
    )
    reason = forms.CharField(label=_("Why"), max_length=300)
    money: Money
    money_came: Money | None = None

    def __init__(
        self, desk: Desk, kind: str, *args: Any, appeal: Appeal | None, rests_on: SpendingStep | None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.kind, self.rests_on = kind, rests_on
        self.fixed = stages.carries(rests_on).currency if rests_on and kind != StepKind.ARRIVAL else ""
        wanted = _FIELDS[kind]
        for name in [name for name in self.fields if name not in wanted]:
            del self.fields[name]
        self.order_fields(list(wanted))
        self._choices(desk, appeal)
        for name in ("amount", "came"):
            if name in self.fields:
                self.fields[name].widget.attrs |= {"inputmode": "decimal", "autocomplete": "off"}
        if rests_on and "amount" in self.fields:
            most = stages.left(rests_on)
            self.fields["amount"].initial = f"{most.decimal:f}"
            if self.fixed:
                self.fields["amount"].help_text = _("In %(currency)s.") % {"currency": self.fixed}

    def _choices(self, desk: Desk, appeal: Appeal | None) -> None:
        fields: Any = self.fields
        codes = sorted(currencies(), key=lambda code: code[0] != (appeal.currency if appeal else desk.entity.currency))
        if "currency" in fields:
            fields["currency"].choices = codes
            fields["currency"].initial = self.rests_on.currency if self.rests_on else codes[0][0]
        if "line" in fields:
            fields["line"].queryset = BudgetLine.objects.filter(appeal=appeal)
        if "partner" in fields:
            fields["partner"].queryset = Partner.objects.filter(entity=desk.entity, active=True).order_by("pk")
            fields["partner"].label_from_instance = lambda one: partners.desk_name(one, may_read=desk.may_read_partners)
        if "lender" in fields and appeal:
            fields["lender"].queryset = Fund.objects.filter(entity=desk.entity).exclude(pk=appeal.fund_id)
        if "bank_account" in fields:
            accounts = BankAccount.objects.filter(entity=desk.entity)
            fields["bank_account"].queryset = (
                accounts.filter(currency=self.fixed) if self.kind == StepKind.DISBURSEMENT else accounts
            )

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        currency = self.fixed or found.get("currency", "")
        if currency and found.get("amount"):
            self._read("amount", currency)
        if found.get("came") and found.get("bank_account"):
            self._read("came", found["bank_account"].currency)
        return found

    def _read(self, name: str, currency: str) -> None:
        try:
            money = typed(self.cleaned_data[name].strip(), currency)
        except ValidationError as error:
            self.add_error(name, error)
            return
        if name == "amount":
            self.money = money
        else:
            self.money_came = money

    @property
    def upload(self) -> Attachment | None:
        """The file, read one byte further than may be, so that one that is too large is not read whole."""
        found = self.cleaned_data.get("attachment")
        return Attachment(found.name, found.read(MOST_BYTES + 1)) if found else None


class PartnerForm(forms.Form):
    real_name = forms.CharField(label=_("Real name"), max_length=200, help_text=_("Kept sealed."))
    contact = forms.CharField(
        label=_("Contact"), required=False, widget=forms.Textarea(attrs={"rows": 2}), help_text=_("Kept sealed.")
    )
    account = forms.CharField(
        label=_("Their account"), required=False, widget=forms.Textarea(attrs={"rows": 2}), help_text=_("Kept sealed.")
    )
    shown = forms.ChoiceField(label=_("Shown to the public"), choices=PartnerShown.choices)
    alias = forms.CharField(
        label=_("Public alias"), required=False, max_length=120, help_text=_("No word of the real name.")
    )
    region = forms.CharField(
        label=_("Region"),
        required=False,
        max_length=120,
        help_text=_("Broad enough to endanger nobody; never a place."),
    )
    delay_days = forms.IntegerField(
        label=_("Days until anything is published"), min_value=0, max_value=3650, initial=30
    )
    least_shown = forms.CharField(
        label=_("Smallest amount shown"),
        initial="0",
        max_length=24,
        help_text=_("In the reporting currency. Smaller ones are shown together with others."),
    )
    active = forms.BooleanField(label=_("Takes new commitments"), required=False, initial=True)

    def __init__(self, currency: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reporting_currency = currency

    def clean_least_shown(self) -> int:
        return typed(self.cleaned_data["least_shown"].strip(), self.reporting_currency).minor

    @property
    def details(self) -> partners.Details:
        data = self.cleaned_data
        return partners.Details(data["real_name"], data["contact"], data["account"])

    @property
    def public(self) -> partners.Shown:
        data = self.cleaned_data
        return partners.Shown(
            shown=PartnerShown(data["shown"]),
            alias=data["alias"],
            region=data["region"],
            delay_days=data["delay_days"],
            least_shown_minor=data["least_shown"],
            active=data["active"],
        )


class MaskForm(PartnerForm):
    """How a partner is shown once they are masked, and why. Who they are does not change."""

    real_name = None  # type: ignore[assignment]  # takes the field away
    contact = None  # type: ignore[assignment]
    account = None  # type: ignore[assignment]
    reason = forms.CharField(
        label=_("Why"), max_length=300, help_text=_("For the trail, without names: “arrests in the region”.")
    )
