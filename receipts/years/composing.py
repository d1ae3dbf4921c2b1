"""Composing the paper of a year. Reads nothing, writes nothing: what it needs is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils import translation
from django.utils.translation import gettext, gettext_noop

from fundraising.models import Channel, Donation, Donor, TaxDetails
from fundraising.money import Money

from ..composing import Issuer, NotIssuable, missing, parties
from ..documents.in_words import amount_in_words
from ..documents.ways_to_pay import payment_in_words
from ..models import Kind
from ..regimes import Annual, Grounds, channel_problem
from ..snapshot import Line, Snapshot

NO_SECOND_RECEIPT = gettext_noop(
    "This is a list of your donations. It is no second receipt: what stands for a donation is its own receipt."
)


@dataclass(frozen=True)
class Given:
    """A donation of the year; amount in minor units, after what left for good. `paper` is its own receipt's number."""

    donation: Donation
    received_on: date
    amount_minor: int
    paper: str = ""


def of_year(
    donor: Donor, issuer: Issuer, year: int, given: Sequence[Given], *, details: TaxDetails | None, replaces: str = ""
) -> Snapshot:
    """The paper of a donor's year but for its number. Raises NotIssuable."""
    regime, entity = issuer.regime, issuer.entity
    total = Money(sum(one.amount_minor for one in given), given[0].donation.currency)
    with translation.override(issuer.locale):
        statements = _statements(issuer, donor, total)
        lines = tuple(_line(issuer, one) for one in given)
    snapshot = Snapshot(
        kind=Kind.ANNUAL.value,
        **parties(issuer, donor, details),
        replaces=replaces,
        donation="",
        reference="",
        received_on=date(year, 12, 31),
        currency=total.currency,
        gross_minor=total.minor,
        refunded_minor=0,
        statements=statements,
        amount_in_words=amount_in_words(total, issuer.locale) if regime.in_words else "",
        paid_with=", ".join(dict.fromkeys(line.channel for line in lines)) if regime.names_payment else "",
        period_first=date(year, 1, 1),
        period_last=date(year, 12, 31),
        lines=lines,
    )
    problem = missing(issuer, snapshot) or regime.refusal(snapshot)
    if regime.annual != Annual.SUMMARY:
        ways = {one.donation.channel for one in given}
        problem = problem or next(filter(None, (channel_problem(regime, entity, way) for way in ways)), None)
    if problem:
        raise NotIssuable(problem)
    return snapshot


def _statements(issuer: Issuer, donor: Donor, total: Money) -> tuple[str, ...]:
    """What the paper says, in the active language. A list says first that it is one."""
    regime = issuer.regime
    grounds = Grounds(
        issuer.text,
        issuer.particulars,
        issuer.wording,
        Channel.ONLINE,
        total,
        entity=issuer.entity.name,
        organisation=bool(donor.organisation),
    )
    said = (regime.annual_statements or regime.statements)(grounds)
    return (gettext(NO_SECOND_RECEIPT), *said) if regime.annual == Annual.SUMMARY else tuple(said)


def _line(issuer: Issuer, one: Given) -> Line:
    if issuer.regime.names_payment:
        channel = payment_in_words(one.donation)
    else:
        channel = "" if one.donation.channel == Channel.ONLINE else str(Channel(one.donation.channel).label)
    return Line(one.received_on, one.amount_minor, one.donation.reference, one.paper, channel)
