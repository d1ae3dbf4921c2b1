"""The donation form: everything a stranger may type, turned into a DonationDraft or a clear message."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from . import locales
from .content import AppealContent, Currency
from .drafts import DonationDraft
from .models import FeeCover, PublicName
from .money import AmountError, AmountProblem, Money, parse_amount

NAME_LENGTH = 80
# Letters and marks that show nothing: fillers of Hangul, a joiner of graphemes, vowels of Khmer.
INVISIBLE = "\u115f\u1160\u3164\uffa0\u034f\u17b4\u17b5"
JOINERS = "\u200c\u200d"
# No script stacks more marks on a letter.
PILED_MARKS = re.compile(r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{4}")
OTHER = "other"

AMOUNT_MESSAGES: dict[AmountProblem, str | Promise] = {
    AmountProblem.EMPTY: _("Choose an amount, or write your own."),
    AmountProblem.DIGITS: _("Write the amount with the digits 0 to 9."),
    AmountProblem.SHAPE: _("This is not an amount. Write it like 25 or 25.50."),
    AmountProblem.NEGATIVE: _("The amount must be more than zero."),
    AmountProblem.ZERO: _("The amount must be more than zero."),
}


def clean_name(text: str) -> str:
    """A person's name as typed, without the tricks that Unicode offers; raises ValidationError.

    Joiners stay: Persian and Indian names need them. Direction overrides and control characters
    could make a receipt read backwards; symbols are no letters.
    """
    text = unicodedata.normalize("NFC", re.sub(" +", " ", text)).strip().strip(JOINERS)
    if len(text) > NAME_LENGTH:
        raise ValidationError(
            gettext("Please shorten this to at most %(limit)d characters.") % {"limit": NAME_LENGTH}, code="length"
        )
    for char in text:
        kind = unicodedata.category(char)
        hidden = char in INVISIBLE or (kind == "Cf" and char not in JOINERS)
        if hidden or kind in {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}:
            raise ValidationError(_("This contains an invisible character. Please type it again."), code="control")
        if kind in {"So", "Sk", "Sm", "Me"} or 0xFE00 <= ord(char) <= 0xFE0F:
            raise ValidationError(_("Please use letters only, without symbols or emoji."), code="symbol")
    if PILED_MARKS.search(text):
        raise ValidationError(_("Please use letters only, without symbols or emoji."), code="symbol")
    return text


class NameField(forms.CharField):
    def to_python(self, value: Any) -> str:
        return clean_name(super().to_python(value) or "")


class DonationForm(forms.Form):
    """One donation to one page. `content` says what the page offers; nothing hidden is believed."""

    frequency = forms.ChoiceField(choices=[("once", _("Once"))], required=False, widget=forms.HiddenInput)
    currency = forms.CharField(label=_("Currency"), required=False)
    amount_choice = forms.CharField(label=_("Amount"), required=False)
    amount = forms.CharField(
        label=_("Your amount"),
        required=False,
        max_length=40,
        error_messages={"max_length": _("This is not an amount. Write it like 25 or 25.50.")},
    )
    cover_fee = forms.BooleanField(label=_("Cover the payment fee too"), required=False)
    first_name = NameField(label=_("First name"), error_messages={"required": _("Please write your first name.")})
    last_name = NameField(label=_("Last name"), error_messages={"required": _("Please write your last name.")})
    email = forms.EmailField(
        label=_("E-mail"),
        max_length=254,
        error_messages={
            "required": _("Please write your e-mail address; the receipt goes there."),
            "invalid": _("This e-mail address is not complete. It looks like name@example.org."),
        },
    )
    country = forms.ChoiceField(
        label=_("Country"),
        error_messages={
            "required": _("Please choose your country."),
            "invalid_choice": _("Please choose a country from the list."),
        },
    )
    public_name = forms.ChoiceField(
        label=_("How you appear on this page"),
        choices=PublicName.choices,
        required=False,
        error_messages={"invalid_choice": _("Please choose how you want to appear.")},
    )
    newsletter = forms.BooleanField(label=_("Write to me about what my donation made possible"), required=False)
    website = forms.CharField(required=False, max_length=200)

    def __init__(self, content: AppealContent, data: Any = None) -> None:
        super().__init__(data)
        self.content = content
        self.offered = {currency.code: currency for currency in content.currencies}
        country: Any = self.fields["country"]
        country.choices = [("", gettext("Choose …")), *locales.countries(content.page.locale)]

    def clean_currency(self) -> str:
        code: str = self.cleaned_data["currency"] or next(iter(self.offered))
        if code not in self.offered:
            raise ValidationError(_("This appeal does not take that currency. Please choose one from the list."))
        return code

    def clean_website(self) -> str:
        if self.cleaned_data["website"]:
            raise ValidationError(_("Please leave the last field empty; it is there to catch robots."))
        return ""

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if "currency" in data and not {"amount", "amount_choice"} & self.errors.keys():
            self._clean_amount(self.offered[data["currency"]])
        return data

    def _clean_amount(self, currency: Currency) -> None:
        choice = self.cleaned_data.get("amount_choice", "")
        typed = self.cleaned_data.get("amount", "")
        try:
            if choice and choice != OTHER:
                wished = self._suggested(choice, currency)
                self._check_no_other(wished, typed, currency)
            else:
                wished = self._typed(typed, currency)
            self._check_bounds(wished, currency)
        except ValidationError as error:
            self.add_error("amount" if choice == OTHER or typed else "amount_choice", error)
            return
        self.cleaned_data["wished"] = wished

    def _check_no_other(self, suggested: Money, typed: str, currency: Currency) -> None:
        """Without script a free amount that was given up stays in its hidden field: ask, never guess."""
        if typed and self._typed(typed, currency) != suggested:
            raise ValidationError(
                gettext("You chose %(suggested)s and also wrote %(typed)s. Please keep only one of the two.")
                % {"suggested": suggested.format(locales.babel_locale(get_language())), "typed": typed}
            )

    def _suggested(self, choice: str, currency: Currency) -> Money:
        for suggestion in currency.suggestions:
            if suggestion.value == choice:
                return suggestion.money
        if any(choice == other.value for offer in self.offered.values() for other in offer.suggestions):
            raise ValidationError(
                gettext("You chose %(currency)s but an amount in another currency. Please choose again.")
                % {"currency": currency.code}
            )
        raise ValidationError(_("Choose an amount, or write your own."))

    def _typed(self, text: str, currency: Currency) -> Money:
        try:
            return parse_amount(text, currency.code)
        except AmountError as error:
            raise ValidationError(_amount_message(error.code, currency)) from error

    def _check_bounds(self, wished: Money, currency: Currency) -> None:
        if wished < currency.minimum:
            raise ValidationError(
                gettext("The smallest donation is %(minimum)s.")
                % {"minimum": currency.minimum.format(locales.babel_locale(get_language()))}
            )
        if currency.maximum < wished:
            raise ValidationError(_too_large(currency))

    def draft(self) -> DonationDraft:
        """The checked form as a draft. The fee cover is worked out here, never taken from the browser."""
        data, wished = self.cleaned_data, self.cleaned_data["wished"]
        cover = self._fee_cover(wished) if data["cover_fee"] else Money(0, wished.currency)
        return DonationDraft(
            page=self.content.page,
            round=self.content.round,
            wording=self.content.wording,
            amount=wished + cover,
            fee_cover=cover,
            first_name=data["first_name"],
            last_name=data["last_name"],
            email=data["email"],
            country=data["country"],
            public_name=PublicName(data["public_name"] or PublicName.ANONYMOUS),
            newsletter_consent=str(self.fields["newsletter"].label) if data["newsletter"] else "",
        )

    def _fee_cover(self, wished: Money) -> Money:
        for fee in self.content.fees:
            if fee.currency == wished.currency:
                rule = FeeCover(currency=fee.currency, basis_points=fee.basis_points, fixed_minor=fee.fixed.minor)
                return rule.cover(wished)
        return Money(0, wished.currency)


def _amount_message(problem: AmountProblem, currency: Currency) -> str:
    if problem == AmountProblem.SIZE:
        return _too_large(currency)
    if problem == AmountProblem.DECIMALS:
        exponent = currency.minimum.exponent
        if exponent == 0:
            message = gettext("%(currency)s has no decimals. Please write a whole amount.")
            return message % {"currency": currency.code}
        return gettext(
            "%(currency)s has %(count)d decimals. Please write no more, and thousands without a point or comma."
        ) % {"currency": currency.code, "count": exponent}
    return str(AMOUNT_MESSAGES[problem])


def _too_large(currency: Currency) -> str:
    return gettext("The largest donation by card is %(maximum)s. For more, please write to us.") % {
        "maximum": currency.maximum.format(locales.babel_locale(get_language()))
    }
