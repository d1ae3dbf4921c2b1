"""The public money page: every figure is the ledger's, whatever it is written as, and nothing says more than may be."""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.core.cache import caches
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from fundraising import disputed, ledger
from fundraising.models import Appeal, DonationPage, Evidence, ExchangeRate, Goal, RoundText
from fundraising.money import Money
from fundraising.spending import verbs
from receipts.money.reading import appeal_money
from receipts.money.rounds import steps
from tests import factories
from tests.factories import AppealKit
from tests.fundraising.spending import kits
from tests.fundraising.spending.kits import Spending, euros

pytestmark = pytest.mark.django_db


def address(kit: AppealKit, rest: str = "", locale: str = "en") -> str:
    return f"/{locale}/a/{kit.pages[locale].slug}/money/{rest}"


def spend_some(world: Spending) -> None:
    """Money in three currencies with fees, a refund and a chargeback; sent in one, come in two, partly spent."""
    kit, by = world.kit, world.author
    charge = kits.give(kit, euros(400_000), fee=11_613)
    factories.refund(charge, euros(12_345), at=kits.AT)
    lost = kits.give(kit, euros(5_001), fee=33)
    disputed.withhold_disputed(key="dispute:1", charge_key=lost, amount=euros(5_001), at=kits.AT)
    kits.give(kit, Money(70_007, "USD"), fee=2_100)
    kits.give(kit, Money(90_001, "JPY"))
    factories.received_donation(kit, amount=euros(7_777), at=kits.AT)  # not settled yet
    verbs.allocate(world.housing, euros(150_000), by=by, on=kits.ON)
    verbs.allocate(world.legal, euros(30_001), by=by, on=kits.ON)
    promised = verbs.commit(world.housing, world.partner, euros(120_000), by=by, on=kits.ON)
    first = verbs.disburse(promised, world.bank, euros(60_000), by=by, on=kits.ON)
    second = verbs.disburse(promised, world.bank, euros(10_003), by=by, on=kits.ON)
    third = verbs.disburse(promised, world.bank, euros(9_999), by=by, on=kits.ON)
    arrived = verbs.confirm_arrival(first, euros(59_987), by=by, on=kits.ON)
    verbs.confirm_arrival(second, Money(11_111, "USD"), by=by, on=kits.ON)
    verbs.report_spending(arrived, euros(33_333), evidence=Evidence.CONFIRMED, by=by, on=kits.ON)
    verbs.return_unspent(arrived, euros(1_000), came=euros(985), bank_account=world.bank, by=by, on=kits.ON)
    assert third.state == "booked"
    world.partner.delay_days = 0
    world.partner.save()


@pytest.fixture
def world() -> Spending:
    made = kits.make_spending()
    for code, rate in (("USD", "0.913"), ("JPY", "0.0061")):
        ExchangeRate.objects.create(base=code, quote="EUR", on=date(2026, 4, 1), rate=Decimal(rate), source="test")
    spend_some(made)
    return made


def in_books(appeal: Appeal) -> dict[tuple[str, str], int]:
    """What stands in the ledger by figure and currency, by a plain sum over postings: no code of the figures."""
    found: dict[tuple[str, str], int] = defaultdict(int)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT account.purpose, account.currency, sum(posting.amount_minor)::bigint
            FROM fundraising_posting posting JOIN fundraising_account account ON account.id = posting.account_id
            WHERE account.fund_id = %s GROUP BY 1, 2
            """,
            [appeal.fund_id],
        )
        for purpose, code, minor in cursor.fetchall():
            found[purpose, code] = minor
        cursor.execute(
            """
            SELECT step.kind, account.purpose, account.currency, sum(posting.amount_minor)::bigint
            FROM fundraising_posting posting JOIN fundraising_account account ON account.id = posting.account_id
            JOIN fundraising_spendingstep step ON step.entry_id = posting.entry_id
            WHERE account.fund_id = %s GROUP BY 1, 2, 3
            """,
            [appeal.fund_id],
        )
        for kind, purpose, code, minor in cursor.fetchall():
            found[f"{kind}:{purpose}", code] = minor
    return found


def expected(books: dict[tuple[str, str], int], code: str) -> dict[str, int]:
    """The lines of the tables of one currency, from those sums."""

    def of(*purposes: str) -> int:
        return sum(books[purpose, code] for purpose in purposes)

    signed = {
        "received": -of("donations"), "refunds": -of("refunds"), "withheld": -of("withheld"),
        "chargebacks": -of("chargebacks"), "fees": -of("fees", "fee_tax", "bank_fees"), "exchanged": -of("fx"),
    }  # fmt: skip
    lines = {
        **signed,
        "net": sum(signed.values()),
        "allocated": of("allocation:allocated"), "committed": of("commitment:committed"),
        "disbursed": of("disbursement:underway"), "confirmed": of("arrival:held"), "spent": of("spent"),
        "returned": -of("return:held"), "to_commit": of("allocated"), "to_send": of("committed"),
        "underway": of("underway"), "held": of("held"),
    }  # fmt: skip
    return {**lines, "unspent": lines["net"] - lines["spent"]}


def test_the_page_says_why_the_appeals_own_total_may_differ_by_a_little(world: Spending, client: Client) -> None:
    page = client.get(address(world.kit)).text
    assert "counts what has been exchanged at what it brought; so its total may differ from this one" in page


def test_page_table_picture_csv_and_json_say_what_the_postings_say_to_the_minor_unit(
    world: Spending, client: Client
) -> None:
    kit = world.kit
    books = in_books(kit.appeal)
    data = client.get(address(kit, "money.json")).json()
    rows = list(csv.DictReader(io.StringIO(client.get(address(kit, "money.csv")).content.decode("utf-8-sig"))))
    in_csv = {(row["table"], row["line"], row["column"]): (row["currency"], Decimal(row["amount"])) for row in rows}
    html = client.get(address(kit)).content.decode()
    tables = re.sub(r"(?s)<svg.*?</svg>", "", html)
    pictures = dict(re.findall(r'(?s)<title id="flow-(\w+)">.*?</title>(.*?)</svg>', html))
    assert set(pictures) == {"all", "EUR", "USD", "JPY"}
    nodes_of = {"disbursed": "sent", "confirmed": "arrived", "net": ""}
    for code in ("EUR", "USD", "JPY"):
        wanted = expected(books, code)
        told = {
            line: cells[code] for table in ("came", "far", "stands") for line, cells in data["tables"][table].items()
        }
        nodes = {node["name"]: node["minor"] for node in data["flows"][code]["nodes"]}
        for line, minor in wanted.items():
            assert told.get(line, 0) == minor, (code, line)
            money = Money(minor, code)
            written = {key: value for key, value in in_csv.items() if key[1:] == (line, code) and key[0] != "goals"}
            assert set(written.values()) <= {(code, money.decimal)}, (code, line)
            if minor:
                assert written, (code, line)
                assert money.format_exact("en") in tables, (code, line)
            if line in {"disbursed", "confirmed", "allocated", "to_send", "to_commit", "underway", "held", "returned"}:
                assert nodes.get(nodes_of.get(line, line), 0) == minor, (code, line)
                assert not minor or money.format_exact("en") in pictures[code], (code, line)
        stands = ["available", "unsettled", "to_commit", "to_send", "underway", "held"]
        assert sum(told.get(line, 0) for line in stands) == wanted["unspent"]
        assert sum(minor for name, minor in nodes.items() if name.startswith("spent:")) == wanted["spent"]
    for flow in data["flows"].values():
        for node in flow["nodes"]:
            came = sum(link["minor"] for link in flow["links"] if link["to"] == node["name"])
            went = sum(link["minor"] for link in flow["links"] if link["from"] == node["name"])
            assert node["minor"] == (came or went)
            assert not (came and went) or came == went


def test_the_sum_of_all_currencies_adds_up_too(world: Spending, client: Client) -> None:
    data = client.get(address(world.kit, "money.json")).json()
    came = {line: cells["all"] for line, cells in data["tables"]["came"].items()}
    assert sum(minor for line, minor in came.items() if line != "net") == came["net"]
    stands = {line: cells["all"] for line, cells in data["tables"]["stands"].items()}
    assert sum(minor for line, minor in stands.items() if line != "unspent") == stands["unspent"]
    assert came["net"] - data["tables"]["far"]["spent"]["all"] == stands["unspent"]


def test_sentences_say_how_far_it_has_come_and_what_is_not_settled(world: Spending, client: Client) -> None:
    html = client.get(address(world.kit)).content.decode()
    assert re.search(
        r"All in EUR: Of €[\d,.]+ raised, €800\.02 has been sent to partners; €333\.33 is accounted for", html
    )
    for words in (
        "€77.77 was charged and is on its way to us", "€99.99 was sent to partners, who have not confirmed",
        "€50.01 is withheld while donors", "$111.11 is with partners",
    ):  # fmt: skip
        assert words in html, words
    for rest in ("", "money.csv", "money.json"):
        assert kits.SECRET not in client.get(address(world.kit, rest)).content.decode()


def test_steps_that_are_too_new_are_left_out_and_the_page_says_so(world: Spending, client: Client) -> None:
    world.partner.delay_days = 3650
    world.partner.save()
    data = client.get(address(world.kit, "money.json")).json()
    assert data["tables"]["far"]["disbursed"]["EUR"] == 0
    assert data["spending_until"] == (kits.ON - timedelta(days=1)).isoformat()
    html = client.get(address(world.kit)).content.decode()
    assert "what was sent and spent is shown as it stood on April 11, 2026" in html
    assert "nothing has been sent to partners yet" in html


def test_a_fund_that_a_chargeback_left_short_says_how_much_is_missing(client: Client) -> None:
    world = kits.make_spending()
    charge = kits.give(world.kit, euros(100_000))
    verbs.allocate(world.housing, euros(90_000), by=world.author, on=kits.ON)
    disputed.withhold_disputed(key="dispute:2", charge_key=charge, amount=euros(100_000), at=kits.AT)
    html = client.get(address(world.kit)).content.decode()
    assert "€900.00 less is there than was promised" in html
    flow = client.get(address(world.kit, "money.json")).json()["flows"]["EUR"]
    assert {"name": "short", "minor": 90_000} in flow["nodes"]


def test_without_money_there_is_a_page_that_says_so(client: Client) -> None:
    kit = factories.make_appeal()
    html = client.get(address(kit)).content.decode()
    assert "No money has come in yet." in html
    assert '<svg class="way__picture"' not in html
    assert client.get(address(kit, "money.json")).json()["flows"] == {}


def test_each_language_has_the_page_and_one_taken_away_has_none(world: Spending, client: Client) -> None:
    html = client.get(address(world.kit, locale="it")).content.decode()
    assert f'hreflang="en" href="{address(world.kit)}"' in html
    assert "333,33" in html
    assert client.get(address(world.kit)).status_code == 200
    DonationPage.objects.filter(pk=world.kit.pages["en"].pk).update(published=False)
    assert client.get(address(world.kit)).status_code == 404
    caches["pages"].clear()
    html = client.get(address(world.kit, locale="it")).content.decode()
    assert f'hreflang="en" href="{address(world.kit)}"' not in html


def test_a_crowd_costs_few_queries_and_the_figures_are_read_once(
    world: Spending,
    client: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    ledger.fold()
    with django_assert_max_num_queries(13):
        answer = client.get(address(world.kit))
    assert "public" in answer["Cache-Control"]
    with django_assert_num_queries(2):  # the page, and whether a partner was masked
        client.get(address(world.kit))
    assert "Set-Cookie" not in answer


# --- Rounds -----------------------------------------------------------------------------------------------------


def test_rounds_show_every_goal_and_bring_together_what_was_raised(world: Spending, client: Client) -> None:
    kit = world.kit
    RoundText.objects.create(round=kit.round, locale="en", reason="The first forty families")
    Goal.objects.create(round=kit.round, amount_minor=6_000_000, reason="for staff alone")
    data = client.get(address(kit, "money.json")).json()
    [one] = data["rounds"]
    assert [goal["minor"] for goal in one["goals"]] == [5_000_000, 6_000_000]
    books = in_books(kit.appeal)
    for code in ("EUR", "USD", "JPY"):
        raised = -sum(books[purpose, code] for purpose in ("donations", "refunds", "withheld", "chargebacks"))
        assert one["raised"][code] == raised
    html = client.get(address(kit)).content.decode()
    assert "The first forty families" in html
    assert "€60,000.00" in html
    assert "for staff alone" not in html


def test_weeks_end_with_all_that_was_raised_and_the_goal_that_held(world: Spending) -> None:
    history = appeal_money(world.kit.appeal).history
    assert history.weeks[-1].raised == history.rounds[0].in_own
    assert all(
        second.on - first.on == timedelta(days=7)
        for first, second in zip(history.weeks, history.weeks[1:], strict=False)
    )
    assert history.weeks[-1].goal == euros(5_000_000)
    drawn = steps(history.weeks)
    assert drawn
    assert drawn.highest == euros(5_000_000)
    assert drawn.area.startswith(drawn.raised)
