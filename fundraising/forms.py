"""The donation form: everything a stranger may type, turned into a DonationDraft or a clear message."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import get_language, gettext, ngettext
from django.utils.translation import gettext_lazy as _

from . import locales
from .amounts import check_bounds, typed_amount
from .content import AppealContent
from .drafts import DonationDraft, Regularly
from .models import AppealState, Interval, PublicName, Question, QuestionKind, Tribute
from .money import Money
from .offers import ONCE, Currency, Fee
from .words import clean_comment, clean_line, clean_name, clean_organisation

OTHER = "other"
TRANSFER = "transfer"  # the button of who would rather send a bank transfer
DAYS = range(1, 29)
# Stripe takes a date for the first collection that is two days away at least; a third for time zones.
NOTICE = timedelta(days=3)
ONLY_ONCE = _("This appeal is about to close and takes single donations only. Please give once.")


class WordsField(forms.CharField):
    """What a person writes, tidied by one of the functions of words.py."""

    def __init__(self, tidy: Callable[[str], str], **options: Any) -> None:
        super().__init__(**options)
        self.tidy = tidy

    def to_python(self, value: Any) -> str:
        return self.tidy(super().to_python(value) or "")


class DonationForm(forms.Form):
    """One donation to one page. `content` says what the page offers; nothing hidden is believed."""

    frequency = forms.ChoiceField(required=False)
    day = forms.TypedChoiceField(
        choices=[("", ""), *((str(day), str(day)) for day in DAYS)],
        coerce=int,
        empty_value=None,
        required=False,
        error_messages={"invalid_choice": _("Please choose a day from 1 to 28.")},
    )
    currency = forms.CharField(label=_("Currency"), required=False)
    amount_choice = forms.CharField(label=_("Amount"), required=False)
    amount = forms.CharField(
        label=_("Your amount"),
        required=False,
        max_length=40,
        error_messages={"max_length": _("This is not an amount. Write it like 25 or 25.50.")},
    )
    cover_fee = forms.BooleanField(label=_("Cover the payment fee too"), required=False)
    method = forms.CharField(required=False)
    first_name = WordsField(
        clean_name, label=_("First name"), error_messages={"required": _("Please write your first name.")}
    )
    last_name = WordsField(
        clean_name, label=_("Last name"), error_messages={"required": _("Please write your last name.")}
    )
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
    tribute = forms.ChoiceField(
        label=_("Your donation is"),
        choices=Tribute.choices,
        required=False,
        error_messages={"invalid_choice": _("Please choose whether it honours or remembers somebody.")},
    )
    tribute_name = WordsField(clean_name, label=_("Whom?"), required=False)
    organisation = WordsField(clean_organisation, label=_("Company or organisation that gives"), required=False)
    employer = WordsField(clean_line, label=_("Your employer"), required=False)
    comment = WordsField(clean_comment, label=_("A few words for this page"), required=False)
    newsletter = forms.BooleanField(label=_("Write to me about what my donation made possible"), required=False)
    website = forms.CharField(required=False, max_length=200)

    def __init__(self, content: AppealContent, data: Any = None, initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        self.content = content
        self.offered = {currency.code: currency for currency in content.currencies}
        frequency: Any = self.fields["frequency"]
        frequency.choices = [(value, value) for value in content.frequencies]
        closing = content.state == AppealState.CLOSING
        frequency.error_messages["invalid_choice"] = ONLY_ONCE if closing else _("Please choose how often to give.")
        country: Any = self.fields["country"]
        country.choices = [("", gettext("Choose …")), *locales.countries(content.page.locale)]
        for question in content.questions:
            self.fields[question_name(question)] = _answer_field(question)

    # --- What the page shows: what was chosen, or sent, or else what comes first ---------------------

    @property
    def shown_currency(self) -> Currency:
        return self.offered.get(self["currency"].value() or "") or self.content.currencies[0]

    @property
    def shown_frequency(self) -> str:
        value = self["frequency"].value()
        return value if value in self.content.frequencies else ONCE

    @property
    def shown_fees(self) -> list[tuple[Fee, bool]]:
        """Every way to pay that some currency has a fee for, and whether the shown one has."""
        here = {fee.method: fee for fee in self.shown_currency.fees}
        methods = {fee.method: fee for currency in self.content.currencies for fee in currency.fees}
        return [(here.get(method, fee), method in here) for method, fee in methods.items()]

    @property
    def shown_method(self) -> str:
        """The way to pay that is marked: what was sent, or the first with a fee."""
        fees = self.shown_currency.fees
        return self["method"].value() or (fees[0].method if fees else "")

    @property
    def asked(self) -> list[tuple[Question, forms.BoundField]]:
        return [(question, self[question_name(question)]) for question in self.content.questions]

    @property
    def told_of_tribute(self) -> bool:
        return self._told("tribute", "tribute_name")

    @property
    def told_of_work(self) -> bool:
        return self._told("organisation", "employer")

    @property
    def told_more(self) -> bool:
        return self._told("comment")

    @property
    def by_transfer(self) -> list[Currency]:
        """The currencies that may be sent to a bank account of ours."""
        return [currency for currency in self.content.currencies if currency.by_transfer]

    @property
    def transfer_codes(self) -> str:
        return ", ".join(currency.code for currency in self.by_transfer)

    def _told(self, *names: str) -> bool:
        """Whether an optional part has something in it, and so is shown open."""
        return any(self[name].value() or self[name].errors for name in names)

    # --- What was sent --------------------------------------------------------------------------------

    def clean_frequency(self) -> str:
        return self.cleaned_data["frequency"] or ONCE

    def clean_currency(self) -> str:
        code: str = self.cleaned_data["currency"] or next(iter(self.offered))
        if code not in self.offered:
            raise ValidationError(_("This appeal does not take that currency. Please choose one from the list."))
        return code

    def clean_comment(self) -> str:
        text: str = self.cleaned_data["comment"]
        if text and not self.content.page.takes_comments:
            raise ValidationError(_("This page takes no comments."))
        return text

    def clean_website(self) -> str:
        if self.cleaned_data["website"]:
            raise ValidationError(_("Please leave the last field empty; it is there to catch robots."))
        return ""

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if "currency" in data and not {"amount", "amount_choice"} & self.errors.keys():
            self._clean_amount(self.offered[data["currency"]])
        if TRANSFER in self.data:
            self._clean_transfer()
        elif "currency" in data and data.get("cover_fee"):
            self._clean_method(self.offered[data["currency"]].covers(data.get("frequency", ONCE)))
        if not {"tribute", "tribute_name"} & self.errors.keys():
            self._clean_tribute(data["tribute"], data["tribute_name"])
        return data

    def _clean_amount(self, currency: Currency) -> None:
        choice = self.cleaned_data.get("amount_choice", "")
        typed = self.cleaned_data.get("amount", "")
        try:
            if choice and choice != OTHER:
                wished = self._suggested(choice, currency)
                self._check_no_other(wished, typed, currency)
            else:
                wished = typed_amount(typed, currency)
            check_bounds(wished, currency)
        except ValidationError as error:
            self.add_error("amount" if choice == OTHER or typed else "amount_choice", error)
            return
        self.cleaned_data["wished"] = wished

    def _check_no_other(self, suggested: Money, typed: str, currency: Currency) -> None:
        """Without script a free amount that was given up stays in its hidden field: ask, never guess."""
        if typed and typed_amount(typed, currency) != suggested:
            raise ValidationError(
                gettext("You chose %(suggested)s and also wrote %(typed)s. Please keep only one of the two.")
                % {"suggested": suggested.format(locales.babel_locale(get_language())), "typed": typed}
            )

    def _suggested(self, choice: str, currency: Currency) -> Money:
        for suggestion in currency.suggested(self.cleaned_data.get("frequency", ONCE)):
            if suggestion.value == choice:
                return suggestion.money
        if any(choice == other.value for other in [*currency.suggestions, *currency.monthly]):
            raise ValidationError(_("This amount was meant for giving at another interval. Please choose again."))
        others = (other for offer in self.offered.values() for other in [*offer.suggestions, *offer.monthly])
        if any(choice == other.value for other in others):
            raise ValidationError(
                gettext("You chose %(currency)s but an amount in another currency. Please choose again.")
                % {"currency": currency.code}
            )
        raise ValidationError(_("Choose an amount, or write your own."))

    def _clean_method(self, fees: list[Fee]) -> None:
        """Where ways to pay cost differently, the donor says which one; else there is nothing to choose."""
        asked = self.cleaned_data.get("method", "")
        if len(fees) > 1 or (asked and fees):
            fees = [fee for fee in fees if fee.method == asked]
            if not fees:
                self.add_error("method", _("Choose how you will pay: each way has its own fee."))
        self.cleaned_data["fee"] = fees[0] if fees else None

    def _clean_transfer(self) -> None:
        """A bank transfer is sent by the donor, once, in a currency that we have an account for."""
        currency = self.offered.get(self.cleaned_data.get("currency", ""))
        if self.cleaned_data.get("frequency", ONCE) != ONCE:
            self.add_error(
                "frequency",
                _("We cannot collect a bank transfer. Please give once, or set up a standing order at your bank."),
            )
        if currency and not currency.by_transfer:
            self.refuse_transfer()

    def refuse_for_now(self, minutes: int) -> None:
        """Too many forms came from this connection; what was typed stays."""
        self.add_error(
            None,
            ValidationError(
                ngettext(
                    "To keep card thieves out, we limit how often one connection may give. Nothing was charged, and "
                    "nothing you wrote is lost: please send it again in %(minutes)d minute.",
                    "To keep card thieves out, we limit how often one connection may give. Nothing was charged, and "
                    "nothing you wrote is lost: please send it again in %(minutes)d minutes.",
                    minutes,
                )
                % {"minutes": minutes},
                code="throttled",
            ),
        )

    def refuse_transfer(self) -> None:
        """There is no bank account of ours for the chosen currency."""
        codes = self.transfer_codes or "–"
        self.add_error(
            "currency", gettext("By bank transfer we take: %(currencies)s. Please choose.") % {"currencies": codes}
        )

    def _clean_tribute(self, tribute: str, name: str) -> None:
        if tribute and not name:
            self.add_error("tribute_name", _("Please write whom you give for."))
        if name and not tribute:
            self.add_error("tribute", _("Please choose whether it honours or remembers somebody."))

    def refuse_regularly(self) -> None:
        """The appeal took its last mandate while this form was on its way."""
        self.add_error("frequency", str(ONLY_ONCE))

    # --- What becomes of it ---------------------------------------------------------------------------

    def draft(self) -> DonationDraft:
        """The checked form as a draft. The fee cover is worked out here, never taken from the browser."""
        data, wished = self.cleaned_data, self.cleaned_data["wished"]
        fee: Fee | None = data.get("fee")
        cover = fee.cover(wished) if fee else Money(0, wished.currency)
        several = len(self.offered[wished.currency].fees) > 1
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
            regularly=None if data["frequency"] == ONCE else regularly(Interval(data["frequency"]), data["day"]),
            method=fee.method if fee and several else "",
            organisation=data["organisation"],
            employer=data["employer"],
            tribute=Tribute(data["tribute"]),
            tribute_name=data["tribute_name"],
            comment=data["comment"],
            answers=tuple(self._answers()),
        )

    def _answers(self) -> list[tuple[Question, str]]:
        given = [(question, self.cleaned_data[question_name(question)]) for question in self.content.questions]
        return [(question, "yes" if answer is True else answer) for question, answer in given if answer]


def question_name(question: Question) -> str:
    """The name of a question's field."""
    return f"question_{question.pk}"


def _answer_field(question: Question) -> forms.Field:
    required = {"required": _("Please answer this question."), "invalid_choice": _("Please choose one of the answers.")}
    options: dict[str, Any] = {"label": question.label, "required": question.required, "error_messages": required}
    match QuestionKind(question.kind):
        case QuestionKind.YES:
            options["error_messages"] = {"required": _("Please tick this box to go on.")}
            return forms.BooleanField(**options)
        case QuestionKind.CHOICE:
            return forms.ChoiceField(choices=[(text, text) for text in question.options], **options)
        case _:
            return WordsField(clean_line, **options)


def regularly(interval: Interval, day: int | None) -> Regularly:
    """At once and then on the same day; or, when the donor chose another day, the first time when it comes next."""
    today = timezone.localdate()
    return Regularly(interval, day, None if day in {None, today.day} else _next(day or 1, today + NOTICE))


def _next(day: int, earliest: date) -> date:
    """The first date with this day of the month that is not before `earliest`. `day` is 28 at most."""
    this_month = earliest.replace(day=day)
    if this_month >= earliest:
        return this_month
    return (earliest.replace(day=1) + timedelta(days=31)).replace(day=day)
