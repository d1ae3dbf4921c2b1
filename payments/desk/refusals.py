"""Why there is no refund, by our code or Stripe's, in words of the desk."""

from __future__ import annotations

from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from fundraising.locales import babel_locale
from fundraising.money import Money


def refusal_text(code: str, amount: Money) -> str:
    """Why there is no refund, by our code or Stripe's, in words of the desk."""
    texts = {
        "too_much": _("That is more than is left of this donation: %(amount)s."),
        "not_charged": _("This donation was not paid through Stripe; there is nothing to send back."),
        "disputed": _("The bank withholds this donation while it decides. A refund now would pay twice."),
        "charge_disputed": _("The bank has taken this donation back. A refund now would pay twice."),
        "under_way": _("A refund of this donation is under way. Wait for its result."),
        # Stripe has no code of its own for an amount above what is left.
        "InvalidRequestError": _(
            "Stripe refused the refund: less may be left of the charge than our books know. Look again soon."
        ),
        "charge_already_refunded": _("Stripe says that this donation was refunded already. The books will follow."),
    }
    text = texts.get(code, _("Stripe refused the refund (%(code)s). Nothing was sent back."))
    return text % {"amount": amount.format(babel_locale(get_language())), "code": code}
