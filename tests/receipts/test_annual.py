"""The paper of a year: a list, or what stands for the donations in place of single papers; never both."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from fundraising.exports import work
from fundraising.models import Donation, DonationState, Donor, Role
from fundraising.money import Money
from fundraising.vault import blind_index
from receipts import audit, pages, pdf, receipts, tasks
from receipts.donors import tax_details
from receipts.mail import delivery
from receipts.models import (
    AnnualRun,
    EndReason,
    MailKind,
    OutgoingMail,
    Receipt,
    ReceiptState,
    RunState,
    YearRefusal,
)
from receipts.regimes import Problem
from receipts.snapshot import Snapshot
from receipts.years import exports as year_exports
from receipts.years import runs as year_runs
from receipts.years import verbs as year_verbs
from tests import factories, staff
from tests.receipts import factories_of_years

pytestmark = pytest.mark.django_db

YEAR = timezone.localdate().year - 1
MARCH, MAY = (datetime(YEAR, month, 14, 12, tzinfo=UTC) for month in (3, 5))


def euros(minor: int) -> Money:
    return Money(minor, "EUR")


@pytest.fixture(autouse=True)
def paper_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "render", lambda snapshot, **_more: snapshot.to_json().encode())


@pytest.fixture
def kit() -> factories.AppealKit:
    return factories.make_appeal()


def give(kit: factories.AppealKit, minor: int = 50_00, at: datetime = MARCH, **more: Any) -> tuple[Donation, str]:
    """A donation by the one donor of these tests, unless they name another."""
    more.setdefault("email", "ada@example.org")
    return factories.received_donation(kit, amount=euros(minor), at=at, **more)


def snapshot_of(paper: Receipt) -> Snapshot:
    return Snapshot.from_json(paper.snapshot)


def faults() -> list[str]:
    return [check.name for check in audit.checks() if not check.ok]


def test_a_list_names_each_donation_and_its_own_paper_and_claims_none_of_them(kit: factories.AppealKit) -> None:
    one, _ = give(kit)
    other, _ = give(kit, 20_00, MAY)
    tasks.work_off()
    (paper,) = year_verbs.issue_year(one.donor, YEAR).issued
    said = snapshot_of(paper)
    assert (paper.donation, paper.amount, paper.received_on) == (None, euros(70_00), date(YEAR, 12, 31))
    assert [(line.received_on, line.amount_minor, line.paper) for line in said.lines] == [
        (MARCH.date(), 50_00, one.receipts.get().number),
        (MAY.date(), 20_00, other.receipts.get().number),
    ]
    assert "no second receipt" in said.statements[0]
    assert factories.NOT_DEDUCTIBLE["en"] in said.statements
    assert set(paper.lines.values_list("claims", flat=True)) == {False}
    assert OutgoingMail.objects.get(receipt=paper).kind == MailKind.RECEIPT
    assert faults() == []


def test_a_year_is_of_one_donor_and_currency_and_its_numbers_are_their_own(kit: factories.AppealKit) -> None:
    euro, _ = give(kit)
    factories.received_donation(kit, amount=Money(30_00, "USD"), at=MAY, email="ada@example.org")
    stranger, _ = give(kit, email="bo@example.org", first_name="Bo")
    give(kit, at=datetime(YEAR - 1, 12, 31, 12, tzinfo=UTC))
    tasks.work_off()
    papers = year_verbs.issue_year(euro.donor, YEAR).issued + year_verbs.issue_year(stranger.donor, YEAR).issued
    assert [(paper.donor, str(paper.amount)) for paper in papers] == [
        (euro.donor, "50.00 EUR"), (euro.donor, "30.00 USD"), (stranger.donor, "50.00 EUR"),
    ]  # fmt: skip
    assert [paper.sequence for paper in papers] == [1, 2, 3]
    assert papers[0].series.prefix != euro.receipts.get().series.prefix
    assert list(year_verbs.papers_of(euro.donor)) == [papers[1], papers[0]]


def test_the_same_again_changes_nothing_and_a_year_that_goes_on_has_no_paper(kit: factories.AppealKit) -> None:
    donation, _ = give(kit)
    give(kit, at=timezone.now())
    year_verbs.issue_year(donation.donor, YEAR)
    again = year_verbs.issue_year(donation.donor, YEAR)
    assert (again.issued, again.replaced, again.voided) == ([], [], [])
    assert year_verbs.issue_year(donation.donor, timezone.localdate().year).refused == [Problem.YEAR_NOT_OVER]
    assert Receipt.objects.filter(donation=None).count() == 1


def test_what_came_late_is_on_a_paper_that_replaces_the_first(kit: factories.AppealKit) -> None:
    donation, _ = give(kit)
    (old,) = year_verbs.issue_year(donation.donor, YEAR).issued
    give(kit, 20_00, MAY)
    (new,) = year_verbs.issue_year(donation.donor, YEAR).replaced
    old.refresh_from_db()
    assert (new.replaces, new.amount, old.state) == (old, euros(70_00), ReceiptState.REPLACED)
    assert snapshot_of(new).replaces == old.number


def test_a_refund_replaces_the_paper_and_the_last_one_voids_it_and_the_donor_is_told(kit: factories.AppealKit) -> None:
    (one, charge), (_other, second) = give(kit), give(kit, 20_00, MAY)
    (first,) = year_verbs.issue_year(one.donor, YEAR).issued
    assert year_verbs.to_renew() == []
    factories.refund(charge, euros(50_00))
    assert year_verbs.to_renew() == [first]
    year_runs.work_off()
    (paper,) = year_verbs.papers_of(one.donor)
    assert (paper.replaces, paper.amount) == (first, euros(20_00))
    factories.refund(second, euros(5_00))
    year_runs.work_off()
    (paper,) = year_verbs.papers_of(one.donor)
    assert paper.amount == euros(15_00)
    factories.refund(second, euros(15_00))
    year_runs.work_off()
    paper.refresh_from_db()
    assert (paper.state, paper.ended_reason) == (ReceiptState.VOIDED, EndReason.REFUNDED)
    told = [mail.kind for mail in OutgoingMail.objects.filter(receipt__donation=None).order_by("pk")]
    assert told == [MailKind.RECEIPT, MailKind.REPLACEMENT, MailKind.REPLACEMENT, MailKind.VOIDED]
    assert faults() == []


def test_a_corrected_donor_gets_their_paper_anew(kit: factories.AppealKit) -> None:
    donation, _ = give(kit)
    (old,) = year_verbs.issue_year(donation.donor, YEAR).issued
    donation.donor.last_name = "Bianchi"
    donation.donor.save()
    new = year_verbs.correct(old, actor="rita")
    old.refresh_from_db()
    assert (new.replaces, old.ended_reason, old.ended_by) == (old, EndReason.CORRECTED, "rita")
    assert snapshot_of(new).donor_name == "Ada Bianchi"
    with pytest.raises(receipts.AlreadyEnded):
        year_verbs.correct(old, actor="rita")


# --- In bulk ----------------------------------------------------------------------------------------


def many(kit: factories.AppealKit, count: int = 5) -> list[Donation]:
    return [give(kit, email=f"donor{number}@example.org", first_name=f"D{number}")[0] for number in range(count)]


def test_a_run_issues_a_paper_to_each_donor_once_and_counts_them(kit: factories.AppealKit) -> None:
    many(kit)
    give(kit, at=timezone.now(), email="late@example.org", first_name="Late")
    boss = staff.make_person(Role.FINANCE, entity=kit.entity)
    run = year_runs.ask(kit.entity, YEAR, by=boss)
    assert year_runs.ask(kit.entity, YEAR, by=boss) == run
    assert (run.state, run.donors_total) == (RunState.WAITING, 5)
    year_runs.work_off()
    run.refresh_from_db()
    assert (run.state, run.donors_done, run.issued, run.refused) == (RunState.DONE, 5, 5, 0)
    again = year_runs.ask(kit.entity, YEAR, by=boss)
    year_runs.work_off()
    again.refresh_from_db()
    assert (again.state, again.donors_done, again.issued, again.replaced) == (RunState.DONE, 5, 0, 0)
    assert sorted(year_exports.standing(kit.entity, YEAR).values_list("sequence", flat=True)) == [1, 2, 3, 4, 5]
    with pytest.raises(year_runs.RunRefused):
        year_runs.ask(kit.entity, timezone.localdate().year, by=boss)


def test_a_run_whose_worker_died_goes_on_behind_the_last_donor(
    kit: factories.AppealKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(kit)
    run = year_runs.ask(kit.entity, YEAR, by=staff.make_person(Role.FINANCE, entity=kit.entity))
    issue_year, calls = year_verbs.issue_year, iter(range(100))

    def die_at_the_third(donor: Donor, year: int) -> year_verbs.Outcome:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return issue_year(donor, year)

    monkeypatch.setattr(year_verbs, "issue_year", die_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        year_runs.work_off()
    run.refresh_from_db()
    assert (run.state, run.donors_done, run.issued) == (RunState.WORKING, 2, 2)
    year_runs.work_off()  # its claim has not lapsed
    run.refresh_from_db()
    assert run.donors_done == 2
    AnnualRun.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    year_runs.work_off()
    run.refresh_from_db()
    assert (run.state, run.donors_done, run.issued) == (RunState.DONE, 5, 5)
    assert list(Receipt.objects.filter(donation=None).values_list("sequence", flat=True).order_by("sequence")) == [
        1, 2, 3, 4, 5,
    ]  # fmt: skip


def test_a_fault_at_one_donor_is_listed_and_stops_nobody(
    kit: factories.AppealKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = many(kit)[1].donor

    def out_of_ink(snapshot: Snapshot, **_more: object) -> bytes:
        if snapshot.donor_name.startswith("D1"):
            raise OSError("out of ink")
        return snapshot.to_json().encode()

    monkeypatch.setattr(pdf, "render", out_of_ink)
    run = year_runs.ask(kit.entity, YEAR, by=staff.make_person(Role.FINANCE, entity=kit.entity))
    year_runs.work_off()
    run.refresh_from_db()
    assert (run.state, run.issued, run.refused) == (RunState.DONE, 4, 1)
    assert [(one.donor, one.code) for one in YearRefusal.objects.all()] == [(bad, "OSError")]
    assert "papers of years that are refused by a fault" in faults()
    monkeypatch.setattr(pdf, "render", lambda snapshot, **_more: snapshot.to_json().encode())
    year_verbs.issue_year(bad, YEAR)
    assert not YearRefusal.objects.exists()


def test_a_paper_that_was_refused_comes_by_itself_once_the_donor_told_what_was_missing(
    kit: factories.AppealKit,
) -> None:
    factories_of_years.issue_yearly(kit.entity)
    donation, _charge = give(kit)
    year_runs.ask(kit.entity, YEAR, by=staff.make_person(Role.FINANCE, entity=kit.entity))
    year_runs.work_off()
    assert YearRefusal.objects.get().code == Problem.NO_ADDRESS
    year_runs.work_off()
    assert YearRefusal.objects.get().attempts == 1  # it waits for its next attempt
    tax_details.keep(donation.donor, {"street": "7 rue des Tilleuls", "postcode": "69001", "city": "Lyon"})
    year_runs.work_off()
    assert year_verbs.papers_of(donation.donor).get().amount == euros(50_00)
    assert not YearRefusal.objects.exists()


def test_a_list_whose_donations_have_papers_of_other_numbers_since_is_replaced(kit: factories.AppealKit) -> None:
    donation, charge = give(kit)
    give(kit, 20_00, MAY)
    tasks.work_off()
    year_verbs.issue_year(donation.donor, YEAR)
    factories.refund(charge, euros(10_00))
    year_runs.work_off()  # before the single paper is replaced
    tasks.work_off()
    year_runs.work_off()
    (paper,) = year_verbs.papers_of(donation.donor)
    named = {line.paper for line in snapshot_of(paper).lines}
    assert named == set(Receipt.objects.exclude(donation=None).filter(state="issued").values_list("number", flat=True))
    assert year_verbs.to_renew() == []


def test_the_zip_holds_every_standing_paper_and_is_written_by_a_worker(kit: factories.AppealKit) -> None:
    for donation in many(kit, 3):
        year_verbs.issue_year(donation.donor, YEAR)
    boss = staff.make_person(Role.FINANCE, entity=kit.entity)
    wish = work.Wish.read("papers-zip", "zip", {"year": str(YEAR)})
    assert wish.needs_worker(kit.entity)
    export = work.ask(kit.entity, wish, by=boss)
    work.write_due()
    export.refresh_from_db()
    assert (export.state, export.rows_done) == ("ready", 3)
    data = b"".join(work.fetch(export, by=boss).pieces)
    papers = list(year_exports.standing(kit.entity, YEAR))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [f"{paper.number}.pdf" for paper in papers]
        assert archive.read(f"{papers[0].number}.pdf") == receipts.read_pdf(papers[0])


def test_the_desk_asks_for_a_year_and_shows_how_far_it_is(kit: factories.AppealKit) -> None:
    many(kit, 2)
    desk = staff.at_desk(Role.FINANCE, kit.entity)
    answer = desk.post(reverse("desk-years-begin", args=[kit.entity.slug]), {"year": YEAR})
    assert answer.status_code == 302
    page = desk.get(answer["Location"]).content.decode()
    assert "<progress" in page
    year_runs.work_off()
    page = desk.get(answer["Location"]).content.decode()
    assert "<progress" not in page
    assert f"/exports/new/?kind=papers-zip&amp;year={YEAR}" in page
    assert str(YEAR) in desk.get(reverse("desk-years", args=[kit.entity.slug])).content.decode()
    not_over = {"year": timezone.localdate().year}
    assert desk.post(reverse("desk-years-begin", args=[kit.entity.slug]), not_over).status_code == 302
    assert AnnualRun.objects.count() == 1


# --- The donor --------------------------------------------------------------------------------------


def test_a_donor_fetches_a_paper_by_an_address_that_nobody_guesses(kit: factories.AppealKit, client: Client) -> None:
    donation, charge = give(kit)
    (paper,) = year_verbs.issue_year(donation.donor, YEAR).issued
    address = pages.paper_address(paper)
    assert client.get(address.replace(paper.number, paper.number[:-1] + "9")).status_code == 404
    answer = client.get(address)
    assert (answer.status_code, answer.content) == (200, receipts.read_pdf(paper))
    paper.refresh_from_db()
    assert paper.opened_at is not None
    factories.refund(charge, euros(20_00))
    year_runs.work_off()
    (newer,) = year_verbs.papers_of(donation.donor)
    assert client.get(address).content == receipts.read_pdf(newer)
    factories.refund(charge, euros(30_00))
    year_runs.work_off()
    assert client.get(address).status_code == 404


def test_an_address_that_went_to_a_mistyped_mailbox_opens_nothing_once_it_is_mended(
    kit: factories.AppealKit, client: Client
) -> None:
    donation, _charge = give(kit)
    (paper,) = year_verbs.issue_year(donation.donor, YEAR).issued
    address = pages.paper_address(paper)
    Donor.objects.filter(pk=donation.donor_id).update(email="b@example.org", email_index=blind_index("b@example.org"))
    assert client.get(address).status_code == 404
    paper.refresh_from_db()
    assert client.get(pages.paper_address(Receipt.objects.get(pk=paper.pk))).status_code == 200


def test_the_donor_gets_the_paper_by_mail_and_word_when_it_is_replaced_or_void(kit: factories.AppealKit) -> None:
    donation, charge = give(kit)
    other, _second = give(kit, 20_00, MAY)
    (paper,) = year_verbs.issue_year(donation.donor, YEAR).issued
    delivery.send_due()
    factories.refund(charge, euros(50_00))
    year_runs.work_off()
    delivery.send_due()
    first, second = mail.outbox
    assert (first.subject, paper.number in first.body) == (f"Your receipt {paper.number}", True)
    assert str(YEAR) in first.body
    assert pages.paper_address(paper) in first.body
    assert first.attachments[0][0] == f"{paper.number}.pdf"
    assert paper.number in second.body
    assert "no longer valid" in second.body
    assert other.reference not in second.subject


# --- Disputes ---------------------------------------------------------------------------------------


def test_a_contested_donation_leaves_the_paper_as_it_is_until_the_bank_decides(kit: factories.AppealKit) -> None:
    donation, _ = give(kit)
    _other, charge = give(kit, 20_00, MAY)
    (paper,) = year_verbs.issue_year(donation.donor, YEAR).issued
    factories.refund(charge, euros(5_00))
    Donation.objects.filter(pk=donation.pk).update(state=DonationState.DISPUTED)
    assert year_verbs.to_renew() == []
    assert year_verbs.issue_year(donation.donor, YEAR).refused == [Problem.UNDER_CONTEST]
    Donation.objects.filter(pk=donation.pk).update(state=DonationState.RECEIVED)
    assert year_verbs.to_renew() == [paper]
    (newer,) = year_verbs.issue_year(donation.donor, YEAR).replaced
    assert newer.amount == euros(65_00)
