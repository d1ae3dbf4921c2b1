"""Whatever tells of the demo's appeal in two rounds says what its postings say, to the cent; read by SQL of this file.

What the public may not see yet is left out here by the rule as it is written in the ADR, not by the code that is
tested: from the first step on whose partner's days are not over, no step of the fund is shown.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal
from html import unescape
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

import openpyxl
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test import Client

from config import runner
from config.processes import Group, free_port
from fundraising.bank import orders
from fundraising.models import Appeal, BankAccount, SpendingStep
from fundraising.money import EXPONENTS, Money
from fundraising.spending import published
from receipts.models import FundReport, ReportState
from receipts.reports import work
from tests.receipts.reading import text_of_pdf

pytestmark = pytest.mark.slow
SLUG: Final = "a-way-out"
BEGINNING: Final = date(2000, 1, 1)
AFTER_ALL_DELAYS: Final = timedelta(days=60)

# --- The demo ---------------------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """One moment for the whole test, which the test may move; noon, so that no day ends meanwhile."""
    moments = [datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)]
    if moments[0] > datetime.now(UTC):
        moments[0] -= timedelta(days=1)
    monkeypatch.setattr("django.utils.timezone.now", lambda: moments[0])

    class Pinned(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Pinned:
            return cls.fromtimestamp(moments[0].timestamp(), tz)

    monkeypatch.setattr(published, "datetime", Pinned)
    return moments


@pytest.fixture
def demo(
    database_url: str, processes: Group, tmp_path: Path, clock: list[datetime], monkeypatch: pytest.MonkeyPatch
) -> Appeal:
    """The demo's history, in a sandbox of its own; the appeal in two rounds."""
    port, file = free_port(), tmp_path / "sandbox.sqlite3"
    processes.start(runner.sandbox(port, env={"SANDBOX_STATE": str(file)}))
    monkeypatch.setattr(settings, "STRIPE_API_BASE", runner.address(port))
    monkeypatch.setattr(settings, "STATE_DIR", tmp_path)
    monkeypatch.setenv("SANDBOX_STATE", str(file))
    call_command("seed_demo", "--history", "--empty", stdout=io.StringIO())
    cache.clear()
    return Appeal.objects.select_related("fund").get(slug=SLUG)


# --- What the postings say --------------------------------------------------------------------------------

_SHOWN: Final = """
    WITH too_new AS (
        SELECT min(step.entry_id) AS id FROM fundraising_spendingstep step
        JOIN fundraising_partner partner ON partner.id = step.partner_id
        WHERE step.fund_id = %(fund)s AND step.state IN ('booked', 'undone')
          AND step.accounted_on + partner.delay_days > %(on)s::date
    ), posted AS (
        SELECT posting.amount_minor AS minor, account.purpose, account.provider, account.currency,
               account.fund_id, entry.donation_id, entry.accounted_on, told.kind, told.partner_id
        FROM fundraising_posting posting
        JOIN fundraising_account account ON account.id = posting.account_id
        JOIN fundraising_entry entry ON entry.id = posting.entry_id
        LEFT JOIN fundraising_spendingstep own ON own.entry_id = entry.id
        LEFT JOIN fundraising_spendingstep told ON told.entry_id = coalesce(entry.reverses_id, entry.id)
        WHERE entry.accounted_on <= %(last)s
          AND (own.id IS NULL OR (SELECT id FROM too_new) IS NULL OR own.entry_id < (SELECT id FROM too_new))
    )
"""
Sums = dict[str, int]
# Purpose of an account of the fund: the figure it counts in; income is credit, so it is read with the other sign.
COSTS: Final = {
    "refunds": "refunds", "withheld": "withheld", "chargebacks": "chargebacks", "fees": "fees_provider",
    "fee_tax": "fee_tax", "bank_fees": "fees_bank", "overhead": "admin_fee", "spent": "spent",
}  # fmt: skip
INCOME: Final = {
    "donations": "received", "other_income": "other", "expenses": "other", "opening": "other", "fx_result": "other",
    "fx": "exchanged", "surplus": "passed",
}  # fmt: skip
STAGES: Final = {"allocated": "to_commit", "committed": "to_send", "underway": "underway", "held": "held"}
FLOWS: Final = {
    ("allocation", "allocated"): ("allocated", 1), ("deallocation", "allocated"): ("allocated", 1),
    ("commitment", "committed"): ("committed", 1), ("release", "committed"): ("committed", 1),
    ("arrival", "underway"): ("arrived", -1),
    ("disbursement", "underway"): ("disbursed", 1), ("arrival", "held"): ("confirmed", 1),
    ("spend_report", "spent"): ("spent", 1), ("return", "held"): ("returned", -1),
}  # fmt: skip


@dataclass
class Told:
    """Figures of one currency, in minor units."""

    figures: Sums = field(default_factory=lambda: defaultdict(int))
    channels: Sums = field(default_factory=lambda: defaultdict(int))
    lines: dict[str, Sums] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))

    def derive(self) -> Told:
        """What follows from the rest, by the formulas of figures.py."""
        all_of = self.figures
        all_of["received"] = sum(self.channels.values())
        all_of["fees"] = all_of["fees_provider"] + all_of["fee_tax"] + all_of["fees_bank"]
        all_of["back"] = all_of["refunds"] + all_of["withheld"] + all_of["chargebacks"]
        all_of["others"] = all_of["other"] + all_of["exchanged"]
        taken = all_of["back"] + all_of["fees"] + all_of["admin_fee"]
        all_of["net"] = all_of["received"] - taken + all_of["others"] + all_of["passed"]
        all_of["spent"] = sum(line["spent"] for line in self.lines.values())
        all_of["unspent"] = all_of["opening"] + all_of["net"] - all_of["spent"]
        for stage in STAGES.values():
            all_of[stage] = sum(line[stage] for line in self.lines.values())
        promised = sum(all_of[stage] for stage in STAGES.values())
        all_of["available"] = all_of["unspent"] - promised - all_of["lent"] + all_of["borrowed"] - all_of["unsettled"]
        return self


def rows(sql: str, **values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def from_postings(appeal: Appeal, first: date, last: date, on: date) -> dict[str, Told]:
    """Every figure of the appeal's fund by currency, as everybody may see it on a day."""
    found: dict[str, Told] = defaultdict(Told)
    here = {"fund": appeal.fund_id, "first": first, "last": last, "on": on}
    for purpose, provider, currency, before, during in rows(
        f"""{_SHOWN} SELECT purpose, provider, currency,
            sum(minor) FILTER (WHERE accounted_on < %(first)s)::bigint,
            sum(minor) FILTER (WHERE accounted_on >= %(first)s)::bigint
        FROM posted WHERE fund_id = %(fund)s GROUP BY 1, 2, 3""", **here
    ):  # fmt: skip
        _count(found[currency], purpose, provider, before or 0, during or 0)
    for channel, currency, minor in rows(
        f"""{_SHOWN} SELECT donation.channel, posted.currency, -sum(minor)::bigint
        FROM posted JOIN fundraising_donation donation ON donation.id = posted.donation_id
        WHERE posted.fund_id = %(fund)s AND purpose = 'donations' AND accounted_on >= %(first)s GROUP BY 1, 2""", **here
    ):  # fmt: skip
        found[currency].channels[channel] = minor
    for currency, minor in rows(
        f"""{_SHOWN} SELECT currency, sum(minor)::bigint FROM (
            SELECT posted.donation_id, posted.currency, sum(minor) AS minor
            FROM posted JOIN fundraising_donation donation ON donation.id = posted.donation_id
            WHERE purpose = 'clearing' AND donation.fund_id = %(fund)s GROUP BY 1, 2) charged
        WHERE minor > 0 GROUP BY 1""", **here
    ):  # fmt: skip
        found[currency].figures["unsettled"] = minor
    for kind, purpose, category, currency, minor in rows(
        f"""{_SHOWN} SELECT kind, purpose, provider, currency, sum(minor)::bigint FROM posted
        WHERE fund_id = %(fund)s AND kind IS NOT NULL AND accounted_on >= %(first)s GROUP BY 1, 2, 3, 4""", **here
    ):  # fmt: skip
        if (kind, purpose) in FLOWS:
            name, sign = FLOWS[kind, purpose]
            found[currency].lines[category][name] += sign * minor
    for category, currency, minor in rows(
        """SELECT DISTINCT ON (line.id, amount.currency) line.category, amount.currency, amount.amount_minor
        FROM fundraising_budgetamount amount JOIN fundraising_budgetline line ON line.id = amount.line_id
        JOIN fundraising_appeal appeal ON appeal.id = line.appeal_id
        WHERE appeal.fund_id = %(fund)s AND amount.set_at < %(last)s::date + 1
        ORDER BY line.id, amount.currency, amount.id DESC""", **here
    ):  # fmt: skip
        found[currency].lines[category]["budgeted"] = minor
    return {currency: told.derive() for currency, told in found.items()}


def _count(told: Told, purpose: str, category: str, before: int, during: int) -> None:
    if purpose in COSTS:
        told.figures[COSTS[purpose]] += during
        told.figures["opening"] -= before
    elif purpose in INCOME:
        told.figures[INCOME[purpose]] -= during
        told.figures["opening"] -= before
    elif purpose in STAGES:
        told.lines[category][STAGES[purpose]] = before + during
        told.lines[category][f"{STAGES[purpose]} before"] = before
    elif purpose in {"lent", "borrowed"}:
        told.figures[purpose] = (before + during) * (-1 if purpose == "borrowed" else 1)


def in_own(found: Mapping[str, Told], currency: str, last: date) -> Told:
    """All currencies in one: each figure converted and rounded by itself, then summed."""
    own = Told()
    for code, told in found.items():
        rate = Decimal(1)
        if code != currency:
            [(rate,)] = rows(
                """SELECT rate FROM fundraising_exchangerate WHERE base = %(base)s AND quote = %(quote)s
                AND "on" <= %(last)s ORDER BY "on" DESC LIMIT 1""", base=code, quote=currency, last=last
            )  # fmt: skip

        def converted(minor: int, code: str = code, rate: Decimal = rate) -> int:
            major = Decimal(minor).scaleb(-EXPONENTS[code]) * rate
            return int(major.scaleb(EXPONENTS[currency]).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))

        for mine, theirs in [(own.figures, told.figures), (own.channels, told.channels),
                             *((own.lines[category], line) for category, line in told.lines.items())]:  # fmt: skip
            for name, minor in theirs.items():
                mine[name] += converted(minor)
    for line in own.lines.values():
        # What is somewhere and what went on is converted; what came there follows, so that rounding parts nothing.
        line["confirmed"] = line["held"] - line["held before"] + line["spent"] + line["returned"]
        line["disbursed"] = line["underway"] - line["underway before"] + line["arrived"]
        line["committed"] = line["to_send"] - line["to_send before"] + line["disbursed"]
        line["allocated"] = line["to_commit"] - line["to_commit before"] + line["committed"]
    return own.derive()


def by_partner(appeal: Appeal, first: date, last: date, on: date) -> dict[str, dict[str, Sums]]:
    """By currency and public name (`withheld` for all others) what partners had."""
    found: dict[str, dict[str, Sums]] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
    for alias, kind, purpose, currency, during, ever in rows(
        f"""{_SHOWN} SELECT CASE WHEN partner.shown = 'alias'
                AND (partner.created_at AT TIME ZONE 'UTC')::date + partner.delay_days <= %(on)s::date
                THEN partner.alias ELSE 'withheld' END,
            kind, purpose, currency, coalesce(sum(minor) FILTER (WHERE accounted_on >= %(first)s), 0)::bigint,
            sum(minor)::bigint
        FROM posted JOIN fundraising_partner partner ON partner.id = posted.partner_id
        WHERE fund_id = %(fund)s AND purpose IN ('underway', 'held', 'spent') GROUP BY 1, 2, 3, 4""",
        fund=appeal.fund_id, first=first, last=last, on=on,
    ):  # fmt: skip
        row = found[currency][alias]
        if (kind, purpose) in FLOWS:
            name, sign = FLOWS[kind, purpose]
            if name != "arrived":
                row["sent" if name == "disbursed" else name] += sign * during
        if purpose in {"underway", "held"}:
            row[purpose] += ever
    return found


# --- What a report says -----------------------------------------------------------------------------------

Cells = dict[tuple[str, str, str, str], int]  # table, line, figure and currency: minor units
SIGNS: Final = {"back": -1, "fees": -1, "admin_fee": -1, "spent": -1}
MONEY: Final = ("opening", "received", "back", "fees", "admin_fee", "other", "passed", "net", "spent", "unspent")
PLACES: Final = ("available", "unsettled", "to_commit", "to_send", "underway", "held", "lent", "borrowed", "unspent")
OF_LINES: Final = ("budgeted", "allocated", "committed", "disbursed", "confirmed", "spent", "returned", "held")


def expected(appeal: Appeal, first: date, last: date, on: date) -> Cells:
    """The cells of the tables of a report, from postings."""
    found = from_postings(appeal, first, last, on)
    cells: Cells = {}
    for code, told in found.items():
        cells |= _of(told, code, code, code)
        cells |= {("channels", channel, code, code): minor for channel, minor in told.channels.items()}
    own = in_own(found, appeal.currency, last)
    cells |= _of(own, "all", "all", appeal.currency)
    for code, partners in by_partner(appeal, first, last, on).items():
        for name, row in partners.items():
            cells |= {(f"partners-{code}", name, figure, code): minor for figure, minor in row.items()}
    return {key: minor for key, minor in cells.items() if minor}


def _of(told: Told, label: str, suffix: str, currency: str) -> Cells:
    cells: Cells = {}
    for name in MONEY:
        minor = told.figures["others" if name == "other" else name]
        cells["money", label, name, currency] = minor * SIGNS.get(name, 1)
    for name in PLACES:
        cells["places", name, suffix, currency] = told.figures[name] * (-1 if name == "borrowed" else 1)
    for category, line in told.lines.items():
        for name in OF_LINES:
            cells[f"categories-{suffix}", category, name, currency] = line[name]
    return cells


def in_csv(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def cells_of(told: list[dict[str, str]]) -> Cells:
    """The cells of the tables of money, without sums of rows and what is empty."""
    return {
        (row["table"], row["line"], row["figure"], row["currency"]): minor_of(row)
        for row in told
        if row["table"].startswith(("money", "channels", "categories-", "partners-", "places"))
        and row["line"] != "sum"
        and minor_of(row)
    }


def minor_of(row: Mapping[str, str]) -> int:
    return int(Decimal(row["amount"]).scaleb(EXPONENTS[row["currency"]]))


def differences(found: Mapping[Any, int], wanted: Mapping[Any, int]) -> dict[Any, tuple[int, int]]:
    """What is not the same in both."""
    both = {*found, *wanted}
    return {key: (found.get(key, 0), wanted.get(key, 0)) for key in both if found.get(key, 0) != wanted.get(key, 0)}


def look_at_report(report: FundReport) -> None:
    """Page, PDF, CSV and XLSX of a report, in each language, against the postings."""
    assert report.issued_at
    wanted = expected(report.appeal, report.first, report.last, report.issued_at.date())
    for page in report.appeal.pages.all():
        base = f"{page.get_absolute_url()}reports/{report.revision}/"
        told = in_csv(Client().get(f"{base}report.csv").content)
        assert differences(cells_of(told), wanted) == {}, base
        sheet = openpyxl.load_workbook(io.BytesIO(Client().get(f"{base}report.xlsx").content)).worksheets[0]
        head, *lines = [[cell.value for cell in row] for row in sheet.iter_rows()]
        amounts = [Decimal(str(line[head.index("amount")])) for line in lines if line[head.index("amount")] is not None]
        assert amounts == [Decimal(row["amount"]) for row in told], base
        shown = Counter(
            Money(minor_of(row), row["currency"]).format_exact(page.locale)
            for row in told
            if row["table"].split("-")[0] in {"money", "channels", "categories", "partners", "places", "changes"}
        )
        html = Client().get(base).content.decode()
        cells = Counter(unescape(cell) for cell in re.findall(r"<bdi>([^<]*)</bdi>", html))
        assert shown - cells == Counter(), base
        paper = _plain(text_of_pdf(Client().get(f"{base}report.pdf").content))
        assert [text for text, count in shown.items() if paper.count(_plain(text)) < count] == [], base


def _plain(text: str) -> str:
    """Without spaces: a paper sets and breaks them as it likes."""
    return re.sub(r"\s", "", text)


def look_at_iati(appeal: Appeal, on: date) -> None:
    """The activity file, whose months sum up to all days until yesterday."""
    wanted: Sums = {}
    for code, told in from_postings(appeal, BEGINNING, on - timedelta(days=1), on).items():
        figures = told.figures
        sums = {
            name: sum(line[name] for line in told.lines.values()) for name in ("committed", "disbursed", "returned")
        }
        wanted |= {
            f"{code} 1": figures["received"] - figures["back"] + figures["other"],
            f"{code} 2": sums["committed"],
            f"{code} 3": sums["disbursed"] - sums["returned"],
            f"{code} 4": figures["fees"] + figures["admin_fee"],
        }
    found: Sums = defaultdict(int)
    root = ElementTree.fromstring(Client().get(f"/iati/{appeal.slug}.xml").content)  # noqa: S314  # our own file
    for one in root.iter("transaction"):
        kind, value = one.find("transaction-type"), one.find("value")
        assert kind is not None
        assert value is not None
        code = value.attrib["currency"]
        found[f"{code} {kind.attrib['code']}"] += int(Decimal(value.text or "").scaleb(EXPONENTS[code]))
    assert differences(found, wanted) == {}
    assert {name.split()[1] for name, minor in found.items() if minor} == {"1", "2", "3", "4"}


CAME: Final = {
    "opening": 1, "received": 1, "refunds": -1, "withheld": -1, "chargebacks": -1, "fees": -1, "admin_fee": -1,
    "other": 1, "exchanged": 1, "passed": 1, "net": 1,
}  # fmt: skip
FAR: Final = ("allocated", "committed", "disbursed", "confirmed", "spent", "returned")


def on_money_page(appeal: Appeal, today: date) -> Cells:
    """The cells of the tables of the public page of the money, from postings."""
    found = from_postings(appeal, BEGINNING, today, today)
    columns = {code: (told, code) for code, told in found.items()}
    columns["all"] = in_own(found, appeal.currency, today), appeal.currency
    cells: Cells = {}
    for column, (told, code) in columns.items():
        cells |= {("came", name, column, code): sign * told.figures[name] for name, sign in CAME.items()}
        cells |= {("far", name, column, code): sum(line[name] for line in told.lines.values()) for name in FAR}
        cells |= {("spent", category, column, code): line["spent"] for category, line in told.lines.items()}
        for name in PLACES:
            cells["stands", name, column, code] = told.figures[name] * (-1 if name == "borrowed" else 1)
    for code, partners in by_partner(appeal, BEGINNING, today, today).items():
        for name, row in partners.items():
            cells |= {(f"partners-{code}", name, figure, code): minor for figure, minor in row.items()}
    for number, code, minor in rows(
        """SELECT round.number::text, account.currency, -sum(posting.amount_minor)::bigint
        FROM fundraising_posting posting JOIN fundraising_account account ON account.id = posting.account_id
        JOIN fundraising_round round ON round.id = account.round_id
        WHERE account.fund_id = %(fund)s
          AND account.purpose IN ('donations', 'refunds', 'withheld', 'chargebacks') GROUP BY 1, 2""",
        fund=appeal.fund_id,
    ):  # fmt: skip
        cells["rounds", number, code, code] = minor
    return {key: minor for key, minor in cells.items() if minor}


def look_at_money(appeal: Appeal, today: date) -> None:
    """The public page of the money, its CSV and its JSON, in each language."""
    cache.clear()
    wanted = on_money_page(appeal, today)
    for page in appeal.pages.all():
        base = f"{page.get_absolute_url()}money/"
        told = [row for row in in_csv(Client().get(f"{base}money.csv").content) if row["table"] != "goals"]
        found = {
            (row["table"], _line_of(row), row["column"], row["currency"]): minor_of(row)
            for row in told
            if row["line"] != "sum" and minor_of(row)
        }
        assert differences(found, wanted) == {}, base
        json = Client().get(f"{base}money.json").json()
        cells = {(table, line, column): minor for table, lines in json["tables"].items()
                 for line, row in lines.items() for column, minor in row.items()}  # fmt: skip
        in_tables = {
            (row["table"], row["line"], row["column"]): minor_of(row) for row in told if row["table"] != "rounds"
        }
        assert cells == in_tables, base
        html = unescape(Client().get(base).content.decode())
        amounts = {Money(minor_of(row), row["currency"]).format_exact(page.locale) for row in told}
        assert [text for text in sorted(amounts) if text not in html] == [], base


def _line_of(row: Mapping[str, str]) -> str:
    """A partner by its alias, all others together; other lines by their own names."""
    if not row["table"].startswith("partners-"):
        return row["line"]
    return next((alias for alias in ("The Night Road",) if row["label"].startswith(alias)), "withheld")


def issue(appeal: Appeal, *, first: date, last: date) -> FundReport:
    by = User.objects.get(username="finance")
    report = work.draft(appeal, first=first, last=last, next_on=None, notes={}, by=by)
    work.ask(report, by=by)
    assert work.make_due() == 1
    report.refresh_from_db()
    assert report.state == ReportState.ISSUED, report.error
    return report


# --- The proof --------------------------------------------------------------------------------------------


def happened(appeal: Appeal) -> Iterator[tuple[str, Callable[[], bool]]]:
    """What the demo's appeal must have seen, so that what is proven is worth it."""
    today = datetime.now(UTC).date()
    found = from_postings(appeal, BEGINNING, today, today + AFTER_ALL_DELAYS)
    own = in_own(found, appeal.currency, today)
    for name in ("received", "refunds", "chargebacks", "fees_provider", "fees_bank", "admin_fee", "spent", "held"):
        yield name, lambda name=name: own.figures[name] > 0  # type: ignore[misc]
    kinds = set(SpendingStep.objects.filter(fund=appeal.fund_id).values_list("kind", flat=True))
    for kind in ("advance", "repayment", "return", "release", "reversal", "overhead", "spend_report"):
        yield kind, lambda kind=kind: kind in kinds  # type: ignore[misc]
    yield "four currencies", lambda: len(
        rows(
            """SELECT DISTINCT currency FROM fundraising_donation WHERE fund_id = %(fund)s AND state = 'received'""",
            fund=appeal.fund_id,
        )
    ) >= 4  # fmt: skip
    sent = SpendingStep.objects.filter(fund=appeal.fund_id, kind="disbursement", state="booked")
    yield "sent in two currencies", lambda: len(set(sent.values_list("currency", flat=True))) == 2
    yield (
        "two rounds, each with its goals",
        lambda: [one.goals.count() for one in appeal.rounds.order_by("number")] == [2, 2],
    )
    yield "an advance paid back", lambda: own.figures["borrowed"] == 0
    banks = BankAccount.objects.filter(entity=appeal.fund.entity_id)
    left = [step.kind for bank in banks for step, _minor in orders.open_orders(bank)]
    yield "the bank explains all that was sent but the last", lambda: left == ["disbursement"]


def test_all_that_is_told_of_the_demos_appeal_says_what_its_postings_say_before_and_after_all_delays(
    demo: Appeal, clock: list[datetime]
) -> None:
    assert [name for name, holds in happened(demo) if not holds()] == []
    today = clock[0].date()
    first, second = FundReport.objects.filter(appeal=demo).order_by("revision")
    assert (first.revision, second.revision) == (1, 2)
    began = first.first
    now = expected(demo, began, today, today)
    look_at_iati(demo, today)
    look_at_money(demo, today)
    clock[0] += AFTER_ALL_DELAYS
    look_at_iati(demo, clock[0].date())
    look_at_money(demo, clock[0].date())
    later = expected(demo, began, today, clock[0].date())
    assert differences(now, later) != {}  # something is held back today
    after = issue(demo, first=began, last=today)
    inside = issue(demo, first=began + timedelta(days=10), last=today)
    for report in (first, second, after, inside):
        look_at_report(report)
    told = from_postings(demo, BEGINNING, today, clock[0].date())
    for currency, figures in told.items():
        [(available,)] = rows("SELECT fund_available(%(fund)s, %(code)s)", fund=demo.fund_id, code=currency)
        assert figures.figures["available"] == available, currency
