"""The QR code that a banking app reads: EPC069-12, "Quick response code: guidelines to enable data capture for the
initiation of a SEPA credit transfer", version 002 of its data.
"""

from __future__ import annotations

import io

import segno
from django.utils.safestring import SafeString, mark_safe

from ..models import BankAccount
from ..money import Money

NAME_LENGTH = 70
QUIET_ZONE = 4  # modules, as QR readers want them


def payload(account: BankAccount, *, name: str, amount: Money, reference: str) -> str:
    """What the code says: whom to pay (`name`, as the bank knows it), how many euros, and the structured reference."""
    if amount.currency != "EUR":
        raise ValueError("a SEPA credit transfer is in euros")
    lines = [
        "BCD",
        "002",
        "1",  # UTF-8
        "SCT",
        account.bic,
        name[:NAME_LENGTH],
        account.iban.replace(" ", ""),
        f"EUR{amount.decimal:.2f}",
        "CHAR",  # purpose code of ISO 20022: a charity payment
        reference,
    ]
    return "\n".join(lines)


def svg(text: str) -> SafeString:
    """The code as SVG to stand in a page; black on white in every colour scheme, because readers want it so."""
    code = segno.make_qr(text, error="m", boost_error=False, encoding="utf-8")
    out = io.BytesIO()
    code.save(
        out, kind="svg", border=QUIET_ZONE, dark="#000", light="#fff", xmldecl=False, svgns=False, omitsize=True,
        svgclass=None, lineclass=None,
    )  # fmt: skip
    return mark_safe(out.getvalue().decode())  # noqa: S308  # paths only, made by segno
