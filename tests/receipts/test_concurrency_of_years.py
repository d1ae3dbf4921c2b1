"""Papers of years while much happens at once: every donation on one paper, every number used once."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.utils import timezone

from fundraising.models import Donation, Donor, Role
from fundraising.money import Money
from receipts import audit, pdf, receipts, tasks
from receipts.composing import NotIssuable
from receipts.models import AnnualRun, IssuerRegime, Receipt, ReceiptLine, ReceiptState, RunState, Series
from receipts.years import runs as year_runs
from receipts.years import verbs as year_verbs
from tests import factories, staff
from tests.receipts import factories_of_years

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.services]

YEAR = timezone.localdate().year - 1
MARCH = datetime(YEAR, 3, 14, 12, tzinfo=UTC)
DONORS, EACH = 5, 2


@pytest.fixture(autouse=True)
def paper_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "render", lambda snapshot, **_more: snapshot.to_json().encode())


@pytest.fixture
def yearly() -> factories.AppealKit:
    """An appeal whose entity issues papers of years in place of single ones, with donations of several donors."""
    kit = factories.make_appeal()
    factories_of_years.issue_yearly(kit.entity)
    for number in range(DONORS * EACH):
        give(kit, f"d{number % DONORS}@example.org")
    return kit


def give(kit: factories.AppealKit, email: str, minor: int = 50_00) -> tuple[Donation, str]:
    given = factories.received_donation(kit, amount=Money(minor, "EUR"), at=MARCH, email=email)
    factories_of_years.note_details(given[0].donor)
    return given


def donors(kit: factories.AppealKit) -> list[Donor]:
    return list(Donor.objects.filter(entity=kit.entity).order_by("pk"))


def person(kit: factories.AppealKit) -> User:
    return staff.make_person(Role.FINANCE, entity=kit.entity)


def at_once(works: Sequence[Callable[[], object]], threads: int = 4) -> None:
    """Do them all, a few at a time, each with the thread's own connection; raises what one of them raised."""

    def one(work: Callable[[], object]) -> None:
        try:
            work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(threads) as pool:
        for job in [pool.submit(one, work) for work in works]:
            job.result()


def assert_every_number_is_used_once() -> None:
    for series in Series.objects.all():
        numbers = sorted(series.receipts.values_list("sequence", flat=True))
        assert numbers == list(range(1, series.last_number + 1)), series


def assert_every_donation_is_on_one_paper() -> None:
    claims = ReceiptLine.objects.filter(claims=True, receipt__state=ReceiptState.ISSUED)
    received = Donation.objects.filter(state="received")
    assert sorted(claims.values_list("donation", flat=True)) == sorted(received.values_list("pk", flat=True))
    assert [check.name for check in audit.checks() if not check.ok] == []


def test_many_threads_on_the_same_donors_issue_each_year_once(yearly: factories.AppealKit) -> None:
    at_once([partial(year_verbs.issue_year, donor, YEAR) for donor in donors(yearly) * 4])
    assert list(Series.objects.values_list("last_number", flat=True)) == [DONORS]
    assert set(Receipt.objects.values_list("state", "amount_minor")) == {("issued", EACH * 50_00)}
    assert_every_number_is_used_once()
    assert_every_donation_is_on_one_paper()


def test_two_workers_on_two_runs_of_one_entity_count_each_donor_once(yearly: factories.AppealKit) -> None:
    by = person(yearly)
    for donor in donors(yearly):
        donation = factories.open_donation(yearly, email=donor.email)
        factories.receive(donation, at=MARCH.replace(year=YEAR - 1))
    runs = [year_runs.ask(yearly.entity, year, by=by) for year in (YEAR - 1, YEAR)]
    at_once([year_runs.work_off] * 3)
    year_runs.work_off()
    for run in AnnualRun.objects.filter(pk__in=[run.pk for run in runs]):
        assert (run.state, run.donors_done, run.issued, run.refused) == (RunState.DONE, DONORS, DONORS, 0)
    assert_every_number_is_used_once()
    assert_every_donation_is_on_one_paper()


def test_refunds_while_a_run_goes_on_end_on_the_papers(yearly: factories.AppealKit) -> None:
    by = person(yearly)
    charges = [give(yearly, donor.email)[1] for donor in donors(yearly)]
    year_runs.ask(yearly.entity, YEAR, by=by)
    parts = [Money(minor, "EUR") for minor in (50_00, 20_00)]
    refunds = [partial(factories.refund, charge, parts[number % 2]) for number, charge in enumerate(charges)]
    at_once([year_runs.work_off, *refunds, year_runs.work_off])
    year_runs.work_off()
    assert_every_number_is_used_once()
    assert_every_donation_is_on_one_paper()


def test_a_switch_from_single_papers_to_those_of_years_in_full_swing_leaves_each_donation_one_paper(
    yearly: factories.AppealKit,
) -> None:
    choice = IssuerRegime.objects.filter(entity=yearly.entity)
    choice.update(yearly=False)

    def single(donation: Donation) -> None:
        with suppress(NotIssuable):  # it waits for the paper of its year by now, or is on it
            receipts.issue_receipt(donation)

    one_by_one = [partial(single, donation) for donation in Donation.objects.order_by("pk")]
    of_years = [partial(year_verbs.issue_year, donor, YEAR) for donor in donors(yearly)]
    half = len(one_by_one) // 2
    at_once([*one_by_one[:half], partial(choice.update, yearly=True), *of_years, *one_by_one[half:], tasks.work_off])
    at_once([*of_years, *one_by_one])
    give(yearly, donors(yearly)[0].email)
    for donor in donors(yearly):
        year_verbs.issue_year(donor, YEAR)
    assert Receipt.objects.filter(donation=None).exists()
    assert Receipt.objects.exclude(donation=None).exists()
    assert_every_number_is_used_once()
    assert_every_donation_is_on_one_paper()


def test_failures_in_the_middle_of_papers_of_both_kinds_leave_no_gap(
    yearly: factories.AppealKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    singles = factories.make_appeal()
    lone = [give(singles, f"lone{number}@example.org")[0] for number in range(6)]
    render, turn, lock = pdf.render, itertools.count(), threading.Lock()

    def fail_every_third(snapshot: object, **more: object) -> bytes:
        with lock:
            if next(turn) % 3 == 1:
                raise OSError("out of ink")
        return render(snapshot, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(pdf, "render", fail_every_third)

    def insist(verb: Callable[..., object], *subject: object) -> None:
        while True:
            with suppress(OSError):
                verb(*subject)
                return

    works = [partial(insist, receipts.issue_receipt, donation) for donation in lone]
    works += [partial(insist, year_verbs.issue_year, donor, YEAR) for donor in donors(yearly) + donors(singles)]
    at_once(works)
    monkeypatch.setattr(pdf, "render", render)
    for donor in donors(singles):
        year_verbs.issue_year(donor, YEAR)
    assert next(turn) > len(works)  # some did fail
    assert Series.objects.count() == 3  # single papers, their lists, and papers of years
    assert_every_number_is_used_once()
    assert_every_donation_is_on_one_paper()
