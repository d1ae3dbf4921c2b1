"""Why a receipt was refused, or a mail did not arrive, and how to mend it, in words of the desk."""

from __future__ import annotations

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..regimes import Problem

REFUSAL_TEXTS = {
    Problem.NOT_RECEIVED: _("The donation is not received, or nothing of it is left."),
    Problem.NO_STATEMENT: _(
        "The legal entity has no statement for the receipt in this language. Write it in the entity's texts."
    ),
    Problem.NO_GOODS_LINE: _(
        "The statement about goods and services is missing. Say on the page of the donation what the donor got back "
        "for it, or write the sentence at the desk under Papers, Wordings."
    ),
    Problem.NOT_TRACEABLE: _(
        "It was given in cash, and the law of this country gives no deduction for what cannot be traced: there is no "
        "tax receipt. Thank the donor in a letter that names no deduction."
    ),
    Problem.NO_PARTICULARS: _(
        "What the law wants to read of the organisation is missing or not valid. Write it at the desk under Papers."
    ),
    Problem.NO_SIGNATORY: _("Nobody signs. Name who does, at the desk under Papers, Letterhead."),
    Problem.NO_ADDRESS: _(
        "The donor's address is missing. Ask the donor for it, or write it on the page of the donation; the receipt "
        "is then issued by itself."
    ),
    Problem.NO_TAX_NUMBER: _(
        "The donor's tax number is missing. Ask the donor for it, or write it on the page of the donation; the receipt "
        "is then issued by itself."
    ),
    Problem.OTHER_CURRENCY: _(
        "The law of this receipt knows one currency, and the donation came in another. Give the donor a payment "
        "confirmation by hand, or have the accountant say how such donations are acknowledged."
    ),
    Problem.NO_PLACE: _("The place of issue is missing. Write it at the desk under Papers, Letterhead."),
    Problem.NO_FACSIMILE: _(
        "The law wants a signature on papers that are sent by mail. Upload one at the desk under Papers, Letterhead."
    ),
    Problem.NO_CERTIFICATE: _(
        "The law wants this receipt signed digitally and closed to changes when it goes out by mail, and there is no "
        "certificate to sign with that is valid today. Whoever runs this installation sets one (operator's runbook, "
        "Certificate for receipts); the receipts then go out by themselves. Donors without an e-mail address get "
        "theirs by post meanwhile."
    ),
    Problem.TOO_MUCH_RETURNED: _(
        "What the donor got in return is worth more than 80 % of what they gave: the law sees no gift in it. Give "
        "them a payment confirmation by hand, or mend what the donation's page says of it."
    ),
    Problem.RETURNED: _(
        "The donor got something of worth for it, and the law of this paper knows donations without any return. Thank "
        "them in a letter that names no deduction, or mend what the donation's page says of it."
    ),
    Problem.IN_KIND: _(
        "It was given in kind, and the law for this donor acknowledges money alone. Thank the donor in a letter that "
        "names no value."
    ),
    Problem.TOO_LONG: _(
        "The law wants this paper on one page, and it does not fit. Shorten the organisation's own wordings, or its "
        "address."
    ),
    Problem.NOTICE_TOO_OLD: _(
        "The tax office's notice is too old for papers under it (§ 63 Abs. 5 AO). Write the new one at the desk under "
        "Papers."
    ),
    Problem.AT_YEARS_END: _("It is one of those that the paper of the year stands for; that one is issued in January."),
    Problem.ON_YEARS_PAPER: _("The paper of its year stands for it already; the law allows only one."),
    Problem.YEAR_NOT_OVER: _("The year is not over yet. Ask for its papers again from January on."),
    Problem.UNDER_CONTEST: _("A bank still decides on one of the year's donations. The paper waits for that."),
    Problem.NO_FONT: _(
        "No font of the server has a letter of this receipt, often of the donor's name. Install one (on Debian "
        "fonts-noto-core and fonts-noto-cjk) and restart the workers."
    ),
}


def of_refusal(code: str) -> str:
    """What a refusal means and how to mend it; a fault of ours keeps its name."""
    if code in {problem.value for problem in Problem}:
        return str(REFUSAL_TEXTS[Problem(code)])
    return f"{gettext('A fault')}: {code}"


# By what mail providers call it (anymail's reasons, or its kinds of event where none is given).
MAIL_TEXTS = {
    "bounced": _("It came back: the mailbox is not there or takes nothing. Ask the donor for another address."),
    "invalid": _("It is no address. Ask the donor for the right one."),
    "timed_out": _("The donor's mail server did not answer for too long. Send it again."),
    "blocked": _(
        "The mail provider or the donor's mail server refuses our mails to there. Whoever runs this installation asks "
        "the provider why."
    ),
    "spam": _("It was taken for spam. Ask the donor by another way whether they want it; do not just send it again."),
    "complained": _("The donor called it spam. Write to them by another way, if at all."),
    "unsubscribed": _(
        "The donor told the mail provider to send them nothing of us. Give them the paper by another way."
    ),
    "rejected": _("The mail provider did not take it. Whoever runs this installation sees there why."),
    "failed": _("The mail provider could not send it. Send it again."),
}


def of_mail(error: str) -> str:
    """What an error of a mail means; what our own server said stays as it is."""
    kind, _space, reason = error.partition(" ")
    return str(MAIL_TEXTS.get(reason or kind) or MAIL_TEXTS.get(kind) or error)
