"""An amount that a donor typed: read, and held against what the page takes. Every refusal says what to do."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from . import locales
from .money import AmountError, AmountProblem, Money, parse_amount
from .offers import Currency

AMOUNT_MESSAGES: dict[AmountProblem, str | Promise] = {
    AmountProblem.EMPTY: _("Choose an amount, or write your own."),
    AmountProblem.DIGITS: _("Write the amount with the digits 0 to 9."),
    AmountProblem.SHAPE: _("This is not an amount. Write it like 25 or 25.50."),
    AmountProblem.NEGATIVE: _("The amount must be more than zero."),
    AmountProblem.ZERO: _("The amount must be more than zero."),
}


def typed_amount(text: str, currency: Currency) -> Money:
    """The amount as typed; raises ValidationError."""
    try:
        return parse_amount(text, currency.code)
    except AmountError as error:
        raise ValidationError(_amount_message(error.code, currency)) from error


def check_bounds(wished: Money, currency: Currency) -> None:
    """Raises ValidationError for less or more than the page takes."""
    if wished < currency.minimum:
        raise ValidationError(
            gettext("The smallest donation is %(minimum)s.")
            % {"minimum": currency.minimum.format(locales.babel_locale(get_language()))}
        )
    if currency.maximum < wished:
        raise ValidationError(_too_large(currency))


def _amount_message(problem: AmountProblem, currency: Currency) -> str:
    if problem == AmountProblem.SIZE:
        return _too_large(currency)
    if problem == AmountProblem.STEP:
        return gettext("%(currency)s has three decimals, and the last one must be 0.") % {"currency": currency.code}
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
