"""Situation updates: people and words of a report, fixed with it; counts as bands, cost per person with its basis."""

from __future__ import annotations

import csv
import io
import re
from datetime import date, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone

from fundraising.models import DonationPage, Evidence, Partner, Role, StaffAction
from fundraising.spending import verbs
from receipts.models import Counted, CountedOver, FundReport, Situation
from receipts.reports import situation, work
from receipts.reports.situation import Count, Told
from receipts.reports.work import ReportRefused
from tests import staff
from tests.fundraising.spending.kits import ON, Spending, euros, give, make_spending
from tests.receipts.reading import text_of_pdf
from tests.receipts.test_reports import address

pytestmark = pytest.mark.django_db(transaction=True)
TEXT, BASIS = "Roads are open again.", "Lists of our social workers."


@pytest.fixture
def world() -> Spending:
    """An appeal that spent 800 euros on housing and nothing on legal costs."""
    world = make_spending()
    Partner.objects.update(delay_days=0)
    by = world.author
    give(world.kit, euros(600_000))
    verbs.allocate(world.housing, euros(200_000), by=by, on=ON)
    promised = verbs.commit(world.housing, world.partner, euros(150_000), by=by, on=ON)
    sent = verbs.disburse(promised, world.bank, euros(120_000), by=by, on=ON)
    arrived = verbs.confirm_arrival(sent, euros(120_000), by=by, on=ON)
    verbs.report_spending(arrived, euros(80_000), evidence=Evidence.CONFIRMED, by=by, on=ON)
    return world


def drafted(world: Spending) -> FundReport:
    kit = world.kit
    return work.draft(kit.appeal, first=ON, last=ON + timedelta(days=1), next_on=None, notes={}, by=world.author)


def told(*people: Count, over: CountedOver = CountedOver.DAYS, on: date = ON) -> Told:
    words = {"en": TEXT, "it": "Le strade sono aperte."}
    bases = {"en": BASIS, "it": "Elenchi dei nostri assistenti sociali."}
    return Told(on=on, over=over, counted=Counted.BY_PURPOSE, texts=words, bases=bases, people=people)


def issue(report: FundReport, world: Spending) -> FundReport:
    work.ask(report, by=world.author)
    assert work.make_due() == 1
    report.refresh_from_db()
    assert report.revision, report.error
    return report


def issued(world: Spending, *people: Count, over: CountedOver = CountedOver.DAYS) -> FundReport:
    report = drafted(world)
    situation.write(report, told(*people, over=over), by=world.author)
    return issue(report, world)


def figures(client: Client, world: Spending, revision: int = 1) -> dict[tuple[str, str], str]:
    """What the CSV tells of people: amounts by row and figure."""
    content = client.get(address(world.kit, f"{revision}/report.csv")).content.decode("utf-8-sig")
    rows = csv.DictReader(io.StringIO(content))
    return {(row["line"], row["figure"]): row["amount"] for row in rows if row["table"] == "people"}


def test_page_paper_and_files_tell_the_situation_with_people_as_bands(world: Spending, client: Client) -> None:
    issued(world, Count("", 437, 500), Count("housing", 40, 60), Count("legal", 7))
    html = client.get(address(world.kit, "1/")).content.decode()
    paper = " ".join(text_of_pdf(client.get(address(world.kit, "1/report.pdf")).content).split())
    for words in (TEXT, BASIS, "400 or more", "40 or more", "fewer than 10", "€20.00 or less", "counted once for each"):
        assert words in html, words
        assert words in paper, words
    told_in_files = figures(client, world)
    assert told_in_files == {
        ("all", "assisted_least"): "400", ("all", "target"): "500", ("all", "spent"): "800.00",
        ("all", "cost_most"): "2.00",
        ("housing", "assisted_least"): "40", ("housing", "target"): "60", ("housing", "spent"): "800.00",
        ("housing", "cost_most"): "20.00", ("legal", "assisted_most"): "9",
    }  # fmt: skip
    assert "Le strade sono aperte." in client.get(address(world.kit, "1/", "it")).content.decode()


def test_the_cost_per_person_is_of_the_money_of_the_same_days(world: Spending, client: Client) -> None:
    report = work.draft(
        world.kit.appeal,
        first=ON + timedelta(days=1),
        last=ON + timedelta(days=2),
        next_on=None,
        notes={},
        by=world.author,
    )
    situation.write(report, told(Count("housing", 100)), by=world.author)
    issue(report, world)
    assert ("housing", "cost_most") not in figures(client, world)
    issued(world, Count("housing", 100), over=CountedOver.EVER)
    assert figures(client, world, 2)["housing", "cost_most"] == "8.00"


def test_no_cost_is_told_where_people_are_few_or_nothing_was_spent(world: Spending, client: Client) -> None:
    issued(world, Count("", 9), Count("housing", 9), Count("legal", 300))
    assert [key for key in figures(client, world) if key[1].startswith(("cost", "spent"))] == []


def test_counts_of_one_band_make_the_same_report_so_none_can_be_worked_out(world: Spending, client: Client) -> None:
    issued(world, Count("", 400), Count("housing", 40), Count("legal", 0))
    issued(world, Count("", 499), Count("housing", 49), Count("legal", 9))
    first, second = FundReport.objects.order_by("revision").values_list("data", flat=True)
    assert first["situation"] == second["situation"]
    assert figures(client, world, 1) == figures(client, world, 2)


def test_the_cost_of_a_band_is_rounded_up_so_that_it_is_never_less_than_told(world: Spending, client: Client) -> None:
    issued(world, Count("housing", 35))
    assert figures(client, world)["housing", "cost_most"] == "26.67"  # 800.00 / 30 = 26.666…


def test_what_an_issued_report_tells_of_people_never_changes(world: Spending) -> None:
    report = issued(world, Count("", 437))
    found = Situation.objects.get()
    for statement in (
        "UPDATE receipts_situation SET counted = 'once'",
        "DELETE FROM receipts_situation",
        "UPDATE receipts_situationtext SET text = 'x'",
        "DELETE FROM receipts_peopleassisted",
        f"INSERT INTO receipts_peopleassisted (situation_id, category, assisted) VALUES ({found.pk}, 'food', 5)",
    ):
        with (
            pytest.raises(DatabaseError, match="the report is issued"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    with pytest.raises(ReportRefused, match="asked"):
        situation.drop(report, by=world.author)
    with pytest.raises(ReportRefused, match="asked"):
        situation.write(report, told(), by=world.author)


def test_a_situation_that_says_nothing_or_not_how_people_were_counted_is_refused(world: Spending) -> None:
    report = drafted(world)
    DonationPage.objects.filter(locale="it").update(published=True)
    for wrong, code in (
        (told(on=timezone.now().date() + timedelta(days=1)), "situation_day"),
        (Told(on=ON, bases={"en": BASIS}), "situation_empty"),
        (Told(on=ON, texts={"en": TEXT, "it": TEXT}, bases={"en": BASIS}, people=[Count("", 5)]), "situation_basis"),
    ):
        with pytest.raises(ReportRefused, match=code):
            situation.write(report, wrong, by=world.author)
    assert not Situation.objects.exists()


def test_the_appeals_page_shows_the_newest_situation(world: Spending, client: Client) -> None:
    page = address(world.kit).replace("reports/", "")
    assert "The situation on" not in client.get(page).content.decode()
    issued(world, Count("", 437))
    second = drafted(world)
    situation.write(second, Told(on=ON, texts={"en": "It rains.", "it": "Piove."}), by=world.author)
    issue(second, world)
    issue(drafted(world), world)  # tells of no situation
    html = client.get(page).content.decode()
    assert "It rains." in html
    assert TEXT not in html
    assert address(world.kit, "2/") in html


def test_a_campaigner_writes_the_situation_at_the_desk_and_sees_it_as_readers_will(world: Spending) -> None:
    desk = staff.at_desk(Role.CAMPAIGNER, world.kit.entity)
    report = drafted(world)
    where = f"/desk/{world.kit.entity.slug}/reports/{report.uuid}/"
    form = {
        "on": ON.isoformat(), "over": "days", "counted": "once", "assisted_all": "437", "target_all": "500",
        "assisted_housing": "40", "text_en": TEXT, "text_it": "Piove.", "basis_en": BASIS,
    }  # fmt: skip
    wrong = desk.post(f"{where}situation/", form)
    assert (wrong.status_code, "Say in every language" in wrong.content.decode()) == (422, True)
    without = desk.post(f"{where}situation/", {**form, "assisted_all": "", "basis_it": "Elenchi."})
    assert (without.status_code, "take the target away" in without.content.decode()) == (422, True)
    shown = desk.post(f"{where}situation/", {**form, "basis_it": "Elenchi."}, follow=True).content.decode()
    assert "400 or more" in shown
    assert "Elenchi." in shown
    again = desk.get(f"{where}situation/").content.decode()
    assert re.search(r'name="assisted_all" value="437"', again)
    assert desk.post(f"{where}situation/drop/").status_code == 302
    assert not Situation.objects.exists()
    verbs_told = StaffAction.objects.filter(about=work.about(report)).order_by("pk").values_list("verb", flat=True)
    assert list(verbs_told) == ["report_drafted", "situation_written", "situation_dropped"]
    assert StaffAction.objects.get(verb="situation_written").after == {"on": ON.isoformat()}


def test_dropping_a_draft_takes_its_situation_along(world: Spending) -> None:
    report = drafted(world)
    situation.write(report, told(Count("", 5)), by=world.author)
    work.drop(report, by=world.author)
    assert not Situation.objects.exists()
