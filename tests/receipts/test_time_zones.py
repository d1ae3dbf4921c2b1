"""The days and years of papers are those of where the legal entity sits; the books are kept in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from fundraising.models import Donation, LegalEntity
from fundraising.money import Money
from receipts import bulk, pdf, receipts, tasks
from receipts.gift_aid import claims, declaring
from receipts.models import EndReason, IssuerRegime, Kind, Receipt, Scope
from receipts.regimes import Problem
from receipts.years import runs as year_runs
from receipts.years import verbs as year_verbs
from tests import factories

pytestmark = pytest.mark.django_db

PORTLAND = "America/Los_Angeles"
# The evening of New Year's Eve in Portland, and the first hour of the new year there.
EVENING = datetime(2025, 1, 1, 3, 30, tzinfo=UTC)
NEW_YEAR = datetime(2025, 1, 1, 8, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def paper_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "render", lambda snapshot, **_more: snapshot.to_json().encode())


def kit_in(zone: str) -> factories.AppealKit:
    kit = factories.make_appeal()
    kit.entity.time_zone = zone
    kit.entity.save()
    return kit


def give(kit: factories.AppealKit, at: datetime, minor: int = 50_00, currency: str = "EUR") -> Donation:
    donation, _ = factories.received_donation(kit, amount=Money(minor, currency), at=at, email="ada@example.org")
    return donation


def test_a_donation_of_new_years_eve_is_one_of_the_old_year_where_it_is_still_evening() -> None:
    kit = kit_in(PORTLAND)
    evening, morning = (receipts.issue_receipt(give(kit, at)) for at in (EVENING, NEW_YEAR))
    assert (evening.received_on, evening.series.year) == (date(2024, 12, 31), 2024)
    assert (morning.received_on, morning.series.year) == (date(2025, 1, 1), 2025)


def test_a_donation_of_the_first_hour_is_one_of_the_new_year_where_it_has_begun() -> None:
    donation = give(kit_in("Europe/Paris"), datetime(2024, 12, 31, 23, 30, tzinfo=UTC))
    assert receipts.issue_receipt(donation).received_on == date(2025, 1, 1)


def test_whoever_checks_a_paper_reads_the_days_of_where_it_was_issued(
    monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    """Void since New Year's Eve in Portland, when it was New Year's morning in Greenwich already."""
    receipt = receipts.issue_receipt(give(kit_in(PORTLAND), EVENING))
    monkeypatch.setattr(timezone, "now", lambda: EVENING)
    receipts.void_receipt(receipt, reason=EndReason.REFUNDED)
    page = client.get(f"/receipt/{receipt.number}?c={receipt.check_code}").text
    assert '<time datetime="2024-12-31">December 31, 2024</time>' in page
    assert f'<time datetime="{receipt.issued_on}">' in page
    assert Receipt(series=receipt.series, issued_at=EVENING).issued_on == date(2024, 12, 31)


def test_receipts_issued_many_at_once_have_the_same_days() -> None:
    kit = kit_in(PORTLAND)
    donations = [give(kit, at) for at in (EVENING, NEW_YEAR)]
    issued = bulk.issue_batch(donations).issued
    assert [receipt.received_on for receipt in issued] == [date(2024, 12, 31), date(2025, 1, 1)]


def test_the_paper_of_a_year_holds_the_donations_of_that_year_there() -> None:
    kit = kit_in(PORTLAND)
    evening = give(kit, EVENING)
    give(kit, NEW_YEAR, 7_00)
    tasks.work_off()
    assert list(year_verbs.donors_of(kit.entity, 2024)) == [evening.donor_id]
    (paper,) = year_verbs.issue_year(evening.donor, 2024).issued
    assert [line.donation for line in paper.lines.all()] == [evening]


def test_a_year_is_not_over_until_it_is_over_there(monkeypatch: pytest.MonkeyPatch) -> None:
    kit = kit_in(PORTLAND)
    donation = give(kit, datetime(2024, 5, 1, 12, tzinfo=UTC))
    monkeypatch.setattr(timezone, "now", lambda: EVENING)
    assert year_verbs.issue_year(donation.donor, 2024).refused == [Problem.YEAR_NOT_OVER]
    with pytest.raises(year_runs.RunRefused):
        year_runs.ask(kit.entity, 2024, by=User.objects.create(username="rita"))
    monkeypatch.setattr(timezone, "now", lambda: NEW_YEAR)
    (paper,) = year_verbs.issue_year(donation.donor, 2024).issued
    assert '"issued_on": "2025-01-01"' in paper.snapshot


def test_a_regime_that_is_followed_from_a_day_on_begins_with_that_day_there() -> None:
    kit = kit_in(PORTLAND)
    IssuerRegime.objects.create(entity=kit.entity, regime="be", since=date(2025, 1, 1))  # of years alone
    evening, morning = give(kit, EVENING), give(kit, NEW_YEAR)
    assert receipts.due() == [evening]
    tasks.work_off()
    issued = Receipt.objects.filter(series__kind=Kind.DONATION).values_list("donation", flat=True)
    assert list(issued) == [evening.pk]
    assert not morning.receipts.exists()


def test_gift_aid_counts_the_days_of_british_summer_time() -> None:
    """Half past midnight on 6 April in Bristol, the first day of a tax year, is 5 April in UTC."""
    kit = kit_in("Europe/London")
    donation = give(kit, datetime(2025, 4, 5, 23, 30, tzinfo=UTC), currency="GBP")
    declared = declaring.Declared("", "Ada", "Rossi", "7", "Mill Lane, Bristol", "BS1 5TT", Scope.ALL)
    rita = User.objects.create(username="rita")
    declaring.record(donation.donor, declared, on=date(2025, 4, 7), by=rita)
    assert claims.prepare(kit.entity, date(2025, 4, 5)).rows == []
    claim = claims.make_claim(kit.entity, until=date(2025, 4, 6), by=rita)
    assert [row.received_on for row in claim.rows.all()] == [date(2025, 4, 6)]


@pytest.mark.parametrize("told", ["Europe/Atlantis", "", "+01:00"])
def test_what_is_no_time_zone_is_refused(told: str) -> None:
    with pytest.raises(ValidationError):
        LegalEntity(name="x", time_zone=told).clean_fields(exclude={"slug", "tax_status", "country", "address"})


def test_days_of_summer_time_are_as_long_as_they_are() -> None:
    entity = LegalEntity(time_zone="Europe/Berlin")
    first, after = entity.hours_of(date(2025, 3, 30), date(2025, 3, 30))
    assert (after.astimezone(UTC) - first.astimezone(UTC)).total_seconds() == 23 * 3600
