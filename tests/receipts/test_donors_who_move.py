"""A donor whose country changes: a paper stays under its law, and a corrected one is of the law of the new country."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from fundraising import donor_care
from fundraising.models import Donation, Donor
from fundraising.money import Money
from receipts import audit, pdf, receipts, tasks
from receipts.models import EndReason, IssuerRegime, Receipt, ReceiptState
from receipts.snapshot import Snapshot
from receipts.years import runs as year_runs
from receipts.years import verbs as year_verbs
from tests import factories
from tests.receipts import test_european_regimes as european

pytestmark = pytest.mark.django_db

YEAR = timezone.localdate().year - 1
MAY = datetime(YEAR, 5, 14, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def paper_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "render", lambda snapshot, **_more: snapshot.to_json().encode())


def two_laws(*, yearly: bool) -> factories.AppealKit:
    """An entity that issues to donors in Germany and in France."""
    kit = european.issuer("de_bmf", donor_countries=["DE"], yearly=yearly)
    IssuerRegime.objects.create(
        entity=kit.entity,
        regime="fr_cerfa",
        donor_countries=["FR"],
        particulars=european.PARTICULARS["fr_cerfa"],
        since=date(YEAR - 1, 1, 1),
        yearly=yearly,
    )
    return kit


def give(kit: factories.AppealKit, minor: int = 100_00, at: datetime = european.MARCH) -> tuple[Donation, str]:
    """A donation from Germany, with the key of its charge."""
    donation = european.give(kit, "de_bmf", minor, at)
    Donor.objects.filter(pk=donation.donor_id).update(country="DE")
    donation.donor.refresh_from_db()
    return donation, donation.entries.get(key__startswith="charge:").key


def move(donor: Donor, country: str = "FR") -> None:
    donor_care.correct_donor(
        donor,
        first_name=donor.first_name,
        last_name=donor.last_name,
        organisation="",
        email=donor.email,
        country=country,
        by=User.objects.create(username="rita"),
        reason="moved",
    )
    donor.refresh_from_db()


def standing(donor: Donor) -> list[tuple[str, int]]:
    rows = Receipt.objects.filter(donor=donor, state=ReceiptState.ISSUED).order_by("pk")
    return [(paper.series.regime, paper.amount_minor) for paper in rows]


def faults() -> list[str]:
    return [check.name for check in audit.checks() if not check.ok]


def test_the_paper_of_a_year_stays_when_the_donor_has_moved_since() -> None:
    kit = two_laws(yearly=True)
    donation, _ = give(kit)
    (paper,) = year_verbs.issue_year(donation.donor, YEAR).issued
    move(donation.donor)
    again = year_verbs.issue_year(donation.donor, YEAR)
    assert (again.issued, again.replaced, again.voided, again.refused) == ([], [], [], [])
    assert standing(donation.donor) == [("de_bmf", 100_00)]
    assert faults() == []
    assert list(year_verbs.papers_of(donation.donor)) == [paper]


def test_what_comes_after_the_move_is_on_a_paper_of_the_new_law_beside_the_old_one() -> None:
    kit = two_laws(yearly=True)
    donation, _ = give(kit)
    year_verbs.issue_year(donation.donor, YEAR)
    move(donation.donor)
    Donation.objects.filter(pk=give(kit, 30_00, MAY)[0].pk).update(donor=donation.donor)
    Donor.objects.filter(pk=donation.donor_id).update(country="FR")
    donation.donor.refresh_from_db()
    year_verbs.issue_year(donation.donor, YEAR)
    assert standing(donation.donor) == [("de_bmf", 100_00), ("fr_cerfa", 30_00)]
    assert faults() == []


def test_a_refund_after_the_move_replaces_the_paper_of_the_year_under_its_own_law() -> None:
    kit = two_laws(yearly=True)
    donation, charge = give(kit)
    (old,) = year_verbs.issue_year(donation.donor, YEAR).issued
    move(donation.donor)
    factories.refund(charge, Money(40_00, "EUR"))
    year_runs.work_off()
    assert standing(donation.donor) == [("de_bmf", 60_00)]
    assert Receipt.objects.get(state=ReceiptState.ISSUED).replaces == old
    assert faults() == []


def test_a_refund_after_the_move_replaces_a_single_receipt_under_its_own_law() -> None:
    kit = two_laws(yearly=False)
    donation, charge = give(kit)
    receipts.issue_receipt(donation)
    move(donation.donor)
    factories.refund(charge, Money(40_00, "EUR"))
    tasks.work_off()
    assert standing(donation.donor) == [("de_bmf", 60_00)]


@pytest.mark.parametrize("yearly", [True, False])
def test_a_paper_that_is_corrected_is_one_of_the_law_of_the_right_country(yearly: bool) -> None:
    kit = two_laws(yearly=yearly)
    donation, _ = give(kit)
    (old,) = year_verbs.issue_year(donation.donor, YEAR).issued if yearly else [receipts.issue_receipt(donation)]
    move(donation.donor)
    new = year_verbs.correct(Receipt.objects.get(pk=old.pk), actor="rita")
    old.refresh_from_db()
    assert (new.replaces, old.state, old.ended_reason) == (old, ReceiptState.REPLACED, EndReason.CORRECTED)
    assert standing(donation.donor) == [("fr_cerfa", 100_00)]
    assert Snapshot.from_json(new.snapshot).replaces == old.number
    assert faults() == []


def test_a_partial_refund_then_a_right_name_then_the_list_of_the_year_agree() -> None:
    kit = factories.make_appeal()
    donation, charge = factories.received_donation(kit, amount=Money(90_00, "EUR"), at=MAY)
    receipts.issue_receipt(donation)
    factories.refund(charge, Money(20_00, "EUR"))
    tasks.work_off()
    donor = donation.donor
    donor.last_name = "Bianchi"
    donor.save()
    single = year_verbs.correct(receipts.current_receipt(donation), actor="rita")  # type: ignore[arg-type]
    (paper,) = year_verbs.issue_year(donor, YEAR).issued
    said = Snapshot.from_json(paper.snapshot)
    assert (said.donor_name, said.gross_minor) == ("Ada Bianchi", 70_00)
    assert [(line.amount_minor, line.paper) for line in said.lines] == [(70_00, single.number)]
    assert Receipt.objects.filter(donation=donation).count() == 3
    assert faults() == []


def test_a_law_that_is_followed_from_july_on_has_its_donations_and_the_one_before_keeps_its_own() -> None:
    kit = european.issuer("de_bmf", yearly=True, until=date(YEAR, 6, 30))
    IssuerRegime.objects.create(
        entity=kit.entity, regime="fr_cerfa", particulars=european.PARTICULARS["fr_cerfa"],
        since=date(YEAR, 7, 1), yearly=True,
    )  # fmt: skip
    donor = european.give(kit, "de_bmf", 70_00, datetime(YEAR, 6, 30, 12, tzinfo=UTC)).donor
    european.give(kit, "de_bmf", 30_00, datetime(YEAR, 7, 1, 12, tzinfo=UTC))
    year_verbs.issue_year(donor, YEAR)
    assert standing(donor) == [("de_bmf", 70_00), ("fr_cerfa", 30_00)]
    year_verbs.issue_year(donor, YEAR)
    assert standing(donor) == [("de_bmf", 70_00), ("fr_cerfa", 30_00)]
