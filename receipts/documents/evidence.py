"""The evidence pack: what we know of a contested donation, for whoever must answer the bank. Data in, a PDF out.

Nothing of it is stored: it is made anew from the books whenever somebody asks. It names the donor, because the bank
compares names; of the address only what shows that there is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from babel.dates import format_datetime
from django.template.loader import render_to_string
from django.utils import translation

from fundraising.locales import babel_locale, country_name
from fundraising.money import Money

from .. import pdf


@dataclass(frozen=True)
class Step:
    """Something that happened to the donation."""

    at: datetime
    what: str


@dataclass(frozen=True)
class Earlier:
    """A donation that the same donor made before and what became of it."""

    received_on: date
    reference: str
    amount: Money
    state: str


@dataclass(frozen=True)
class Line:
    """One line of the ledger; debit is positive."""

    at: datetime
    key: str
    account: str
    amount: Money


@dataclass(frozen=True)
class Wording:
    """What the donor read and agreed to, in the language that they read."""

    locale: str
    version: int
    address: str
    title: str
    ask: str
    purpose: str
    secondary_purpose: str
    statement: str


@dataclass(frozen=True)
class Evidence:
    """Everything in the pack. Times are UTC; empty texts stand for what does not apply."""

    locale: str
    made_at: datetime
    entity_name: str
    entity_form: str
    entity_address: str
    entity_registration: str
    theme: str
    dispute_id: str
    charge_id: str
    reason: str
    status: str
    amount: Money
    opened_at: datetime
    due_by: datetime | None
    reference: str
    donated: Money
    state: str
    donor_name: str
    donor_email: str
    donor_country: str
    wording: Wording
    course: tuple[Step, ...]
    earlier: tuple[Earlier, ...]
    lines: tuple[Line, ...]
    refund_policy: str


def masked(email: str) -> str:
    """An e-mail address that its owner knows again and nobody else learns: `a…@example.org`."""
    name, _, domain = email.rpartition("@")
    return f"{name[:1]}…@{domain}" if name else ""


def render(evidence: Evidence) -> bytes:
    """The PDF, in the language of whoever asks; raises the errors of receipts/pdf.py."""
    return pdf.to_pdf(to_html(evidence), identifier=f"{evidence.dispute_id} {evidence.made_at.isoformat()}")


def to_html(evidence: Evidence) -> str:
    """The page that becomes the PDF."""
    locale = babel_locale(evidence.locale)
    with translation.override(evidence.locale):
        return render_to_string(
            "receipts/pdf/evidence.html",
            {
                "evidence": evidence,
                "address_lines": evidence.entity_address.splitlines(),
                "accent": pdf.ACCENTS.get(evidence.theme, pdf.ACCENTS["ember"]),
                "country": country_name(evidence.donor_country, evidence.locale),
                "amount": evidence.amount.format_exact(locale),
                "donated": evidence.donated.format_exact(locale),
                "opened": _moment(evidence.opened_at, locale),
                "due": _moment(evidence.due_by, locale) if evidence.due_by else "",
                "made": _moment(evidence.made_at, locale),
                "course": [(_moment(step.at, locale), step.what) for step in evidence.course],
                "earlier": [
                    (pdf.long_date(one.received_on, evidence.locale), one.reference, one.amount.format_exact(locale),
                     one.state)
                    for one in evidence.earlier
                ],
                "lines": [
                    (_moment(line.at, locale), line.key, line.account, line.amount.format_exact(locale))
                    for line in evidence.lines
                ],
            },
        )  # fmt: skip


def _moment(at: datetime, locale: str) -> str:
    """A date and a time of UTC, as the banks' forms want them."""
    return format_datetime(at, "d MMM y, HH:mm 'UTC'", tzinfo=UTC, locale=locale).replace(" ", pdf.NO_BREAK)
