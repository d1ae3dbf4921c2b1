"""A paper as it would look, of a donor and a donation that do not exist. Nothing of it is stored or numbered."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time
from uuid import UUID

from django.utils import timezone

from fundraising.models import AppealWording, Channel, Donation, DonationState, Donor, LegalEntity, TaxDetails
from fundraising.money import Money

from .. import pdf
from ..composing import NotIssuable, issuer_by, of_donation
from ..documents import copies
from ..models import IssuerRegime
from ..regimes import REGIMES
from ..snapshot import Snapshot
from ..years.composing import Given, of_year

SPECIMEN = "SPECIMEN"  # the number of a paper that nobody issued
# What stands across the page, in the languages that papers are in.
MARKS = {
    "en": SPECIMEN, "it": "FAC-SIMILE", "fr": "SPÉCIMEN", "de": "MUSTER", "es": "MUESTRA",
    "pt": "ESPÉCIME", "nl": SPECIMEN, "ru": "ОБРАЗЕЦ", "ar": "نموذج",
}  # fmt: skip
AMOUNT_MINOR = 120_00
CODE = "XXXXXXXX"


def compose(row: IssuerRegime, locale: str) -> Snapshot:
    """The specimen of a regime as an entity would issue it today. Raises NotIssuable."""
    regime = REGIMES[row.regime]
    issuer = issuer_by(row.entity, row, donor_locale=locale)
    amount = Money(AMOUNT_MINOR, regime.currency or row.entity.currency)
    donation = _donation(row, amount, locale)
    details = TaxDetails(
        donor=donation.donor,
        street="7 Example Lane",
        postcode="AB1 2CD",
        city="Sampleton",
        tax_number=regime.specimen_number,
    )
    told = details if regime.donor_needs else None
    if issuer.yearly:
        year = row.entity.today().year - 1
        given = [Given(donation, date(year, month, 14), amount.minor // 2) for month in (3, 9)]
        snapshot = of_year(donation.donor, issuer, year, given, details=told)
    else:
        snapshot = of_donation(donation, issuer, net=amount, refunded=Money(0, amount.currency), details=told)
    return replace(snapshot, number=SPECIMEN, check_code=CODE)


def render(row: IssuerRegime, locale: str) -> bytes:
    """The specimen as PDF, with a mark across each page. Raises NotIssuable, pdf.NoFont."""
    snapshot = compose(row, locale)
    return copies.as_specimen(pdf.render(snapshot), MARKS.get(snapshot.locale, SPECIMEN))


def problem_of(row: IssuerRegime, locale: str) -> str:
    """Why the entity could issue nothing under the regime today; empty where it could."""
    if row.regime not in REGIMES:
        return "unknown"
    try:
        compose(row, locale)
    except NotIssuable as problem:
        return problem.code
    return ""


def _donation(row: IssuerRegime, amount: Money, locale: str) -> Donation:
    """A donation of nobody."""
    entity: LegalEntity = row.entity
    country = row.donor_countries[0] if row.donor_countries else entity.country
    donor = Donor(
        entity=entity, first_name="Alex", last_name="Sample", email="alex@example.org", country=country, locale=locale
    )
    day = entity.today()
    return Donation(
        uuid=UUID(int=0),
        entity=entity,
        donor=donor,
        locale=locale,
        currency=amount.currency,
        amount_minor=amount.minor,
        channel=Channel.ONLINE,
        state=DonationState.RECEIVED,
        received_at=timezone.make_aware(datetime.combine(day, time(12))),
        wording=AppealWording(title="Example appeal", purpose="Example purpose", locale=locale),
    )
