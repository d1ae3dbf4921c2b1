"""What laws want to be told of a year: right rows, sums of the receipts, and who cannot be told of is said."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Sum

from fundraising.exports.kinds import ExportRefused
from fundraising.models import Donation, Donor, LegalEntity, TaxDetails
from fundraising.money import Money
from receipts import pdf, receipts
from receipts.models import EndReason, IssuerRegime, Receipt, ReceiptState
from receipts.years import filings
from receipts.years import verbs as year_verbs
from tests import factories
from tests.receipts.test_european_regimes import COUNTRY, MARCH, MAY, YEAR, issuer

pytestmark = pytest.mark.django_db
JULY = datetime(YEAR, 7, 14, 12, tzinfo=UTC)
TABLES = {
    "fr_cerfa": filings.french,
    "it_ets": filings.italian,
    "es_182": filings.spanish,
    "be": filings.belgian,
}


@pytest.fixture(autouse=True)
def paper_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is filed reads snapshots: no page needs to be laid out."""
    monkeypatch.setattr(pdf, "render", lambda snapshot, **_more: snapshot.to_json().encode())


def give(
    kit: factories.AppealKit, who: str, minor: int, at: datetime = MARCH, *, number: str = "", postcode: str = "20095"
) -> tuple[Donation, str]:
    """A donation of somebody, by their first name; without a number they have not told us theirs."""
    donation, charge = factories.received_donation(
        kit, amount=Money(minor, "EUR"), at=at, first_name=who, email=f"{who.lower()}@example.org"
    )
    Donation.objects.filter(pk=donation.pk).update(paid_with="card")
    told = {"street": "Lindenweg 7", "postcode": postcode, "city": "Hamburg", "tax_number": number}
    TaxDetails.objects.update_or_create(donor=donation.donor, defaults=told)
    donation.refresh_from_db()
    return donation, charge


def rows_of(code: str, entity: LegalEntity, year: int = YEAR) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in TABLES[code](entity, {"year": str(year)}).rows()]


def papers_sum(entity: LegalEntity, year: int = YEAR) -> Decimal:
    """What the valid papers of a year say."""
    standing = Receipt.objects.filter(donor__entity=entity, state=ReceiptState.ISSUED, series__year=year)
    return Decimal(standing.aggregate(sum=Sum("amount_minor"))["sum"] or 0) / 100


def issue_all(entity: LegalEntity, year: int = YEAR) -> None:
    """The papers of a year of all donors, as a run does, and their single ones."""
    for donation in receipts.due():
        receipts.issue_receipt(donation)
    for donor in Donor.objects.filter(entity=entity).order_by("pk"):
        year_verbs.issue_year(donor, year)


# --- France -----------------------------------------------------------------------------------------


def test_france_is_told_how_many_receipts_there_were_and_their_sum() -> None:
    kit = issuer("fr_cerfa")
    for who, minor in (("Ada", 120_50), ("Ada", 79_50), ("Bo", 30_00)):
        receipts.issue_receipt(give(kit, who, minor)[0])
    refunded, charge = give(kit, "Cem", 55_00)
    receipt = receipts.issue_receipt(refunded)
    factories.refund(charge, Money(55_00, "EUR"))
    (gone,) = receipts.to_void()
    assert gone == receipt
    receipts.void_receipt(gone, reason=EndReason.REFUNDED)
    (row,) = rows_of("fr_cerfa", kit.entity)
    assert row == (YEAR, 3, Decimal("230.00"))
    assert row[2] == papers_sum(kit.entity)


def test_a_paper_of_the_year_is_one_receipt_in_the_french_totals() -> None:
    kit = issuer("fr_cerfa", yearly=True)
    give(kit, "Ada", 120_50)
    give(kit, "Ada", 79_50, MAY)
    give(kit, "Bo", 30_00)
    issue_all(kit.entity)
    assert rows_of("fr_cerfa", kit.entity) == [(YEAR, 2, Decimal("230.00"))]


def test_a_year_without_receipts_is_told_as_nothing() -> None:
    assert rows_of("fr_cerfa", issuer("fr_cerfa").entity) == [(YEAR, 0, Decimal("0.00"))]


# --- Italy ------------------------------------------------------------------------------------------


def test_italy_is_told_per_codice_fiscale_and_who_has_none_stands_below_with_a_note() -> None:
    kit = issuer("it_ets")
    for who, number, minor, at in (
        ("Ada", "RSSDAA80A41F205L", 120_50, MARCH),
        ("Ada", "RSSDAA80A41F205L", 79_50, MAY),
        ("Bo", "VRDBOO80A01F205Z", 30_00, MARCH),
    ):
        receipts.issue_receipt(give(kit, who, minor, at, number=number)[0])
    unnumbered, _ = give(kit, "Cem", 12_00)
    assert receipts.due() == [unnumbered]
    told, more, left = rows_of("it_ets", kit.entity)
    assert told == ("RSSDAA80A41F205L", "Ada Rossi", YEAR, Decimal("200.00"), "")
    assert more == ("VRDBOO80A01F205Z", "Bo Rossi", YEAR, Decimal("30.00"), "")
    assert left == ("", "Cem Rossi", YEAR, Decimal("12.00"), "Manca il codice fiscale")
    assert told[3] + more[3] == papers_sum(kit.entity)


def test_a_returned_donation_is_told_nowhere_in_italy() -> None:
    kit = issuer("it_ets")
    donation, charge = give(kit, "Ada", 50_00, number="RSSDAA80A41F205L")
    receipt = receipts.issue_receipt(donation)
    factories.refund(charge, Money(20_00, "EUR"))
    (changed,) = receipts.to_replace()
    receipts.replace_receipt(changed, reason=EndReason.AMOUNT_CHANGED)
    assert rows_of("it_ets", kit.entity) == [("RSSDAA80A41F205L", "Ada Rossi", YEAR, Decimal("30.00"), "")]
    assert papers_sum(kit.entity) == Decimal("30.00")
    assert receipt.number not in str(rows_of("it_ets", kit.entity))


# --- Spain ------------------------------------------------------------------------------------------


def test_spain_is_told_per_nif_with_the_province_and_who_has_none_stands_below_with_a_note() -> None:
    kit = issuer("es_182", yearly=True)
    give(kit, "Ada", 120_50, number="00000000T", postcode="28013")
    give(kit, "Ada", 79_50, MAY, number="00000000T", postcode="28013")
    give(kit, "Bo", 30_00, number="11111111H", postcode="")
    give(kit, "Cem", 12_00, JULY)
    issue_all(kit.entity)
    told, more, left = rows_of("es_182", kit.entity)
    assert told == ("00000000T", "Ada Rossi", "28", "A", Decimal("200.00"), "", "2", "")
    assert more == ("11111111H", "Bo Rossi", "99", "A", Decimal("30.00"), "", "2", "")
    assert left == ("", "Cem Rossi", "", "A", Decimal("12.00"), "", "", "Falta el NIF")
    assert told[4] + more[4] == papers_sum(kit.entity)


@pytest.mark.parametrize(
    ("first", "second", "third", "recurs"), [(10, 10, 10, "1"), (10, 20, 15, "2"), (0, 20, 20, "2")]
)
def test_a_spanish_donation_recurs_after_two_years_of_no_less(first: int, second: int, third: int, recurs: str) -> None:
    kit = issuer("es_182", yearly=True)
    IssuerRegime.objects.update(since=MARCH.date().replace(year=YEAR - 5))
    for back, euros in ((2, first), (1, second), (0, third)):
        if euros:
            give(kit, "Ada", euros * 100, MARCH.replace(year=YEAR - back), number="00000000T")
            issue_all(kit.entity, YEAR - back)
    (row,) = rows_of("es_182", kit.entity)
    assert (row[4], row[6]) == (Decimal(third), recurs)


# --- Belgium ----------------------------------------------------------------------------------------


def test_belgium_is_told_each_certificate_and_who_has_no_number_stands_below_with_a_note() -> None:
    kit = issuer("be")
    give(kit, "Ada", 120_50, number="85073003328")
    give(kit, "Ada", 79_50, MAY, number="85073003328")
    give(kit, "Bo", 39_99, number="85073003328")  # too little for a certificate
    give(kit, "Cem", 45_00)
    give(kit, "Dua", 12_00)  # too little to be asked for a number
    issue_all(kit.entity)
    paper = Receipt.objects.get(state=ReceiptState.ISSUED)
    told, left = rows_of("be", kit.entity)
    assert told[:3] == (paper.number, "85073003328", "Ada Rossi")
    assert "Lindenweg 7, 20095 Hamburg" in told[3]
    assert told[4:] == (Decimal("200.00"), "")
    assert left[:5] == ("", "", "Cem Rossi", "", Decimal("45.00"))
    assert "Numéro national manquant" in left[5]
    assert told[4] == papers_sum(kit.entity)


# --- All of them ------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["it_ets", "es_182", "be"])
def test_once_the_number_is_told_the_donor_is_filed(code: str) -> None:
    kit = issuer(code, yearly=code == "es_182")
    numbers = {"it_ets": "RSSDAA80A41F205L", "es_182": "00000000T", "be": "85073003328"}
    donation, _ = give(kit, "Ada", 60_00)
    assert [row[-1] != "" for row in rows_of(code, kit.entity)] == [True]
    give(kit, "Ada", 60_00, MAY, number=numbers[code])
    issue_all(kit.entity)
    rows = rows_of(code, kit.entity)
    assert [row[-1] for row in rows] == [""]  # single certificates would be two rows: Belgium has those of years alone
    assert numbers[code] in rows[0]
    assert donation.donor.entity == kit.entity


@pytest.mark.parametrize("code", TABLES)
def test_other_years_and_other_entities_are_not_told(code: str) -> None:
    kit = issuer(code, yearly=True)
    numbers = {"it_ets": "RSSDAA80A41F205L", "es_182": "00000000T", "be": "85073003328"}
    give(kit, "Ada", 60_00, MARCH.replace(year=YEAR - 1), number=numbers.get(code, ""))
    issue_all(kit.entity, YEAR - 1)
    other = factories.make_entity(name="Another")
    nothing = [(YEAR, 0, Decimal("0.00"))] if code == "fr_cerfa" else []
    assert rows_of(code, kit.entity) == nothing
    assert rows_of(code, other) == nothing
    assert COUNTRY[code] == kit.entity.country


def test_a_year_that_is_none_is_refused() -> None:
    with pytest.raises(ExportRefused):
        filings.french(factories.make_entity(), {"year": "last"})
