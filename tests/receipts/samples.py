"""A sample paper of every regime, single and of a year, in every language: the same to the last letter on any day.

Organisations, people and numbers are invented; the numbers pass their checks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from unittest import mock
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from config.demo.papers import HEADS, drawn
from fundraising.models import (
    AppealWording,
    Channel,
    Donation,
    DonationState,
    Donor,
    EntityText,
    LegalEntity,
    TaxDetails,
)
from fundraising.money import Money
from receipts.composing import issuer_by, of_donation
from receipts.models import ImageType, IssuerRegime, Kind, Letterhead
from receipts.regimes import REGIMES, Annual, DonorNeed, Regime
from receipts.snapshot import Snapshot
from receipts.years.composing import Given, of_year

NOW = datetime(2026, 2, 16, 12, tzinfo=UTC)
YEAR = 2025
CODE = "K7WTQ2MX"
# The sentence of the United States' 501(c)(4), which is each entity's own.
NOT_DEDUCTIBLE = {
    "en": "Contributions to Lantern Action are not tax deductible as charitable contributions.",
    "it": "Le donazioni a Lantern Action non sono deducibili dalle imposte.",
    "fr": "Les dons à Lantern Action ne sont pas déductibles des impôts.",
    "de": "Zuwendungen an Lantern Action sind nicht steuerlich abzugsfähig.",
    "es": "Las donaciones a Lantern Action no son deducibles de impuestos.",
    "pt": "As doações à Lantern Action não são dedutíveis nos impostos.",
    "nl": "Giften aan Lantern Action zijn niet aftrekbaar van de belasting.",
    "ru": "Пожертвования в Lantern Action не уменьшают налог.",
    "ar": "التبرعات إلى Lantern Action غير قابلة للخصم من الضرائب.",
}
NAMES = {"ru": ("Анна", "Белова"), "ar": ("ليلى", "حداد")}


@dataclass(frozen=True)
class Sample:
    """Who issues, and to whom."""

    name: str
    address: str
    country: str
    registration: str
    currency: str
    place: str
    signatory: str
    role: str
    prefix: str
    donor: tuple[str, str] = ("Ada", "Rossi")
    home: tuple[str, str, str, str] = ("7 Mill Lane", "B3H 1A1", "Halifax", "NS")
    particulars: dict[str, str] = field(default_factory=dict)
    theme: str = "ember"


SAMPLES = {
    "plain": Sample(
        "Lantern International", "Quai du Lac 12\n1201 Genève\nSwitzerland", "CH", "CHE-100.000.005", "CHF",
        "Genève", "Maren Okafor", "Treasurer", "LI",
    ),
    "us_501c3": Sample(
        "Cedar Relief Fund", "48 Canal Street\nPortland, OR 97201\nUnited States", "US", "EIN 00-7654321", "USD",
        "Portland", "Noor Haddad", "Treasurer", "CRF", theme="tide",
    ),
    "us_501c4": Sample(
        "Lantern Action", "12 Harbour Street\nPortland, OR 97201\nUnited States", "US", "EIN 00-1234567", "USD",
        "Portland", "Maren Okafor", "Treasurer", "LA",
    ),
    "ca": Sample(
        "Cedar Relief Canada", "200 Lower Water Street\nHalifax NS B3J 1P5\nCanada", "CA", "", "CAD",
        "Halifax, Nova Scotia", "Noor Haddad", "Treasurer", "CRC", theme="tide",
        particulars={"registration_number": "123456782 RR 0001"},
    ),
    "uk_gift_aid": Sample(
        "Harbour Light Trust", "3 Wharf Road\nBristol BS1 5TT\nUnited Kingdom", "GB", "", "GBP",
        "Bristol", "Imogen Vale", "Honorary Treasurer", "HLT", theme="iris",
        particulars={"hmrc_reference": "XR12345", "charity_number": "1234567"},
    ),
    "nl": Sample(
        "Stichting Havenlicht", "Prinsengracht 12\n1015 DK Amsterdam\nNetherlands", "NL", "KvK 12345678", "EUR",
        "Amsterdam", "Ties van der Aar", "Penningmeester", "SH", theme="tide", particulars={"rsin": "111222333"},
    ),
    "de_bmf": Sample(
        "Laternenhilfe e. V.", "Hafenstraße 12\n10999 Berlin", "DE", "VR 12345 B, Amtsgericht Charlottenburg", "EUR",
        "Berlin", "Mira Halden", "Schatzmeisterin", "L",
        donor=("Jörg", "Weiß"), home=("Lindenweg 7", "20095", "Hamburg", ""),
        particulars={
            "tax_office": "für Körperschaften I, Berlin", "tax_number": "27/123/45678",
            "notice": "Freistellungsbescheid", "notice_date": "12.03.2024", "period": "2020 bis 2022",
            "purposes": "der Hilfe für politisch Verfolgte", "notified": "02.05.2024",
        },
    ),
    "fr_cerfa": Sample(
        "Lumière du Port", "4 quai de la Fosse\n44000 Nantes", "FR", "", "EUR",
        "Nantes", "Maël Kerguen", "Trésorier", "LP",
        donor=("Zoé", "Lefèvre"), home=("7 rue des Tilleuls", "69001", "Lyon", ""),
        particulars={
            "number": "732829320", "purpose": "Aide aux personnes déplacées", "quality": "Œuvre d’intérêt général",
        },
    ),
    "it_ets": Sample(
        "Lanterna APS", "Via del Molo 12\n16126 Genova", "IT", "", "EUR",
        "Genova", "Elia Sanna", "Tesoriere", "LAPS",
        home=("Via dei Tigli 7", "20121", "Milano", "MI"),
        particulars={
            "fiscal_code": "RSSDAA80A41F205L", "runts": "12345", "section": "APS", "registered_on": "07/11/2022",
        },
    ),
    "es_182": Sample(
        "Fundación Farol", "Paseo del Puerto 12\n46024 Valencia", "ES", "", "EUR",
        "Valencia", "Inés Quiroga", "Tesorera", "FF",
        donor=("Begoña", "Muñoz"), home=("Calle de los Tilos 7", "28004", "Madrid", ""),
        particulars={
            "nif": "G28029643", "register": "Registro Nacional de Asociaciones, n.º 612345",
            "purpose": "la ayuda a personas refugiadas",
        },
    ),
    "be": Sample(
        "Havenlicht vzw", "Kaai 12\n2000 Antwerpen", "BE", "", "EUR",
        "Antwerpen", "Lotte Peeters", "Penningmeester", "H", theme="tide",
        donor=("Noémie", "Claes"), home=("Lindelaan 7", "9000", "Gent", ""),
        particulars={"number": "0417.497.106", "recognition": "CC.30.001, 2025-2030"},
    ),
}  # fmt: skip


def all_of_them() -> list[tuple[str, Kind, str]]:
    """Every paper there is: regime, kind, language."""
    return [
        (code, kind, locale)
        for code, regime in REGIMES.items()
        for kind in (Kind.DONATION, Kind.ANNUAL)
        if kind == Kind.ANNUAL or regime.annual != Annual.ONLY
        for locale in regime.languages or [language for language, _name in settings.LANGUAGES]
    ]


@contextmanager
def on_the_day() -> Iterator[None]:
    """Papers issued meanwhile are issued on one day for ever."""
    with mock.patch.object(timezone, "now", return_value=NOW):
        yield


def sample(code: str, kind: Kind, locale: str) -> Snapshot:
    """A paper as an organisation under the regime would issue it; stores who issues, and nothing else."""
    told = SAMPLES[code]
    entity = _entity(code, told)
    regime = IssuerRegime.objects.create(
        entity=entity,
        regime=code,
        particulars=told.particulars,
        since=date(2020, 1, 1),
        yearly=kind == Kind.ANNUAL and REGIMES[code].annual == Annual.COLLECTIVE,
    )
    donor = _donor(entity, told, locale)
    details = _details(donor, told, REGIMES[code]) if REGIMES[code].donor_needs else None
    with on_the_day():
        issuer = issuer_by(entity, regime, donor_locale=locale)
        if kind == Kind.DONATION:
            donation = _donation(donor, told, locale, 1)
            net = donation.amount
            snapshot = of_donation(donation, issuer, net=net, refunded=Money(0, net.currency), details=details)
        else:
            snapshot = of_year(donor, issuer, YEAR, _given(donor, told, locale, code), details=details)
    return replace(snapshot, number=f"{told.prefix}-{YEAR}-000123", check_code=CODE)


def _entity(code: str, told: Sample) -> LegalEntity:
    entity = LegalEntity.objects.create(
        slug=f"sample-{code.replace('_', '-')}",
        name=told.name,
        tax_status="us_501c4" if code == "us_501c4" else "us_501c3" if code == "us_501c3" else "other",
        country=told.country,
        address=told.address,
        registration=told.registration,
        currency=told.currency,
        email_from="donations@lantern.example",
        theme=told.theme,
    )
    for locale, sentence in NOT_DEDUCTIBLE.items():
        EntityText.objects.create(
            entity=entity, locale=locale, non_deductibility=sentence if code == "us_501c4" else ""
        )
    head = HEADS["harbour" if told.theme == "tide" else "lantern"]
    Letterhead.objects.create(
        entity=entity,
        logo=head.logo.encode(),
        logo_type=ImageType.SVG,
        place=told.place,
        signatory=told.signatory,
        signatory_role=told.role,
        signature=drawn(*head.hand),
    )
    return entity


def _donor(entity: LegalEntity, told: Sample, locale: str) -> Donor:
    first, last = NAMES.get(locale, told.donor)
    return Donor(entity=entity, first_name=first, last_name=last, country=told.country, locale=locale)


def _details(donor: Donor, told: Sample, law: Regime) -> TaxDetails:
    street, postcode, city, region = told.home
    number = law.specimen_number if DonorNeed.TAX_NUMBER in law.donor_needs else ""
    return TaxDetails(donor=donor, street=street, postcode=postcode, city=city, region=region, tax_number=number)


def _donation(donor: Donor, told: Sample, locale: str, number: int) -> Donation:
    minor, month, day = [(1_234_50, 3, 14), (250_00, 5, 1), (79_50, 11, 30)][number - 1]
    return Donation(
        uuid=UUID(int=number << 96),
        entity=donor.entity,
        donor=donor,
        locale=locale,
        currency=told.currency,
        amount_minor=minor,
        channel=Channel.ONLINE,
        paid_with="card",
        state=DonationState.RECEIVED,
        received_at=datetime(YEAR, month, day, 12, tzinfo=UTC),
        wording=AppealWording(title="Evacuations", purpose="Travel and shelter", locale=locale),
    )


def _given(donor: Donor, told: Sample, locale: str, code: str) -> list[Given]:
    given = []
    for number in (1, 2, 3):
        donation = _donation(donor, told, locale, number)
        assert donation.received_at
        paper = f"{told.prefix}-{YEAR}-{number:06d}" if REGIMES[code].annual == Annual.SUMMARY else ""
        given.append(Given(donation, donation.received_at.date(), donation.amount_minor, paper))
    return given
