"""Working an appeal's figures out: the one source of every report and page. From postings only; one statement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from django.db import connection

from ..ledger import LAST_XID
from ..models import Appeal, BudgetAmount, Category, Purpose
from ..money import Money
from .converting import converted, rates_on
from .figures import SHARED, AppealFigures, CategoryFigures, CurrencyFigures, Share

# Which figure an account's movement counts in, and with what sign people read it (income is credit, so negative).
COSTS: Final = {
    Purpose.REFUNDS: "refunds",
    Purpose.WITHHELD: "withheld",
    Purpose.CHARGEBACKS: "chargebacks",
    Purpose.FEES: "fees_provider",
    Purpose.FEE_TAX: "fee_tax",
    Purpose.BANK_FEES: "fees_bank",
    Purpose.OVERHEAD: "admin_fee",
    Purpose.SPENT: "spent",
}
INCOME: Final = {
    Purpose.DONATIONS: "received",
    Purpose.OTHER_INCOME: "other",
    Purpose.EXPENSES: "other",
    Purpose.OPENING: "other",
    Purpose.FX_RESULT: "other",
    Purpose.FX: "exchanged",
    Purpose.SURPLUS: "passed",
}


# What stands where at the end of the days, by the account that holds it.
ENDS: Final = {
    Purpose.ALLOCATED: "to_commit",
    Purpose.COMMITTED: "to_send",
    Purpose.UNDERWAY: "underway",
    Purpose.HELD: "held",
}
# What moved in the days, by the step that moved it and the account that tells how much, with its sign. A reversal
# counts with the step that it undoes.
FLOWS: Final = {
    ("allocation", "allocated"): ("allocated", 1),
    ("deallocation", "allocated"): ("allocated", 1),
    ("commitment", "committed"): ("committed", 1),
    ("release", "committed"): ("committed", 1),
    ("disbursement", "underway"): ("disbursed", 1),
    ("arrival", "underway"): ("arrived", -1),
    ("arrival", "held"): ("confirmed", 1),
    ("spend_report", "spent"): ("spent", 1),
    ("return", "held"): ("returned", -1),
}


def appeal_figures(appeal: Appeal, *, first: date, last: date, before_entry: int | None = None) -> AppealFigures:
    """The figures of the appeal's fund from `first` to `last`, both included, by the day on which entries count.

    Late money is in the fund of the secondary purpose, so not in these. Three queries whatever the volume. With
    `before_entry`, the steps of the money that were booked from that entry on are left out (disclosure.py says why):
    every step is a balanced entry, so all sums hold without it too.
    """
    sums: dict[str, _Sums] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            _FIGURES,
            {
                "entity": appeal.fund.entity_id,
                "fund": appeal.fund_id,
                "first": first,
                "last": last,
                "before": before_entry,
                "xid": LAST_XID,
            },
        )
        rows = cursor.fetchall()
    for kind, name, currency, before, during in rows:
        sums.setdefault(currency, _Sums()).add(kind, name, int(before), int(during))
    for category, currency, minor in _budget(appeal, last):
        sums.setdefault(currency, _Sums()).of(category)["budgeted"] = minor
    found = tuple(
        one.figures(currency)
        for currency, one in sorted(sums.items(), key=lambda item: (item[0] != appeal.currency, item[0]))
        if one.is_any()
    )
    rates = rates_on({one.currency for one in found} - {appeal.currency}, appeal.currency, last)
    missing = tuple(one.currency for one in found if one.currency not in {appeal.currency, *rates})
    own = None if missing else converted(found, appeal.currency, rates)
    return AppealFigures(appeal, first, last, found, own, rates, missing)


# One statement, so one snapshot. Accounts of the fund as checkpoints of days and the tail; what came by which channel
# and what is not settled from the postings of the donations, for the ledger's accounts do not tell.
_FIGURES: Final = """
    WITH tail AS MATERIALIZED (
        SELECT id, accounted_on FROM fundraising_entry
        WHERE xid BETWEEN (SELECT xid FROM fundraising_fold) AND %(xid)s::xid8 AND entity_id = %(entity)s
    ), own AS MATERIALIZED (
        SELECT id, purpose, provider, currency FROM fundraising_account WHERE fund_id = %(fund)s
    ), moved AS (
        SELECT own.id, day."on", day.debit_minor - day.credit_minor AS minor
        FROM own JOIN fundraising_daycheckpoint day ON day.account_id = own.id WHERE day."on" <= %(last)s
        UNION ALL
        SELECT own.id, tail.accounted_on, posting.amount_minor
        FROM tail CROSS JOIN LATERAL (
            SELECT account_id, amount_minor FROM fundraising_posting WHERE entry_id = tail.id OFFSET 0) posting
        JOIN own ON own.id = posting.account_id WHERE tail.accounted_on <= %(last)s
        UNION ALL
        SELECT own.id, entry.accounted_on, -posting.amount_minor
        FROM fundraising_spendingstep step JOIN fundraising_entry entry ON entry.id = step.entry_id
        JOIN fundraising_posting posting ON posting.entry_id = entry.id JOIN own ON own.id = posting.account_id
        WHERE %(fund)s IN (step.fund_id, step.other_fund_id) AND entry.id >= %(before)s::bigint
          AND entry.accounted_on <= %(last)s
    ), given AS (
        SELECT donation.channel, own.currency, -sum(posting.amount_minor) AS minor
        FROM own JOIN fundraising_posting posting ON posting.account_id = own.id
        JOIN fundraising_entry entry ON entry.id = posting.entry_id
        JOIN fundraising_donation donation ON donation.id = entry.donation_id
        WHERE own.purpose = 'donations' AND entry.accounted_on BETWEEN %(first)s AND %(last)s
        GROUP BY 1, 2
    ), charged AS (
        SELECT account.currency, sum(posting.amount_minor) AS minor
        FROM fundraising_account account JOIN fundraising_posting posting ON posting.account_id = account.id
        JOIN fundraising_entry entry ON entry.id = posting.entry_id
        JOIN fundraising_donation donation ON donation.id = entry.donation_id
        WHERE account.entity_id = %(entity)s AND account.purpose = 'clearing' AND donation.fund_id = %(fund)s
          AND entry.accounted_on <= %(last)s
        GROUP BY donation.id, account.currency HAVING sum(posting.amount_minor) > 0
    ), flow AS (
        SELECT concat_ws(':', step.kind, own.purpose, own.provider, step.partner_id) AS name, own.currency,
               coalesce(sum(posting.amount_minor) FILTER (WHERE entry.accounted_on < %(first)s), 0) AS before,
               coalesce(sum(posting.amount_minor) FILTER (WHERE entry.accounted_on >= %(first)s), 0) AS during
        FROM own JOIN fundraising_posting posting ON posting.account_id = own.id
        JOIN fundraising_entry entry ON entry.id = posting.entry_id
        JOIN fundraising_spendingstep step ON step.entry_id = coalesce(entry.reverses_id, entry.id)
        WHERE own.purpose IN ('allocated', 'committed', 'underway', 'held', 'spent', 'bank_fees')
          AND entry.accounted_on <= %(last)s
          AND (%(before)s::bigint IS NULL OR entry.id < %(before)s::bigint)
        GROUP BY 1, 2
    )
    SELECT own.purpose, own.provider, own.currency,
           coalesce(sum(moved.minor) FILTER (WHERE moved."on" < %(first)s), 0),
           coalesce(sum(moved.minor) FILTER (WHERE moved."on" >= %(first)s), 0)
    FROM own JOIN moved ON moved.id = own.id GROUP BY 1, 2, 3
    UNION ALL SELECT 'channel', channel, currency, 0, minor FROM given
    UNION ALL SELECT 'unsettled', '', currency, 0, sum(minor) FROM charged GROUP BY currency
    UNION ALL SELECT 'flow', name, currency, before, during FROM flow
"""


def _budget(appeal: Appeal, last: date) -> list[tuple[str, str, int]]:
    """Category, currency and the newest amount until the end of the day."""
    until = datetime.combine(last, time(), UTC) + timedelta(days=1)
    rows = BudgetAmount.objects.filter(line__appeal=appeal, set_at__lt=until)
    newest = rows.order_by("line_id", "currency", "-pk").distinct("line_id", "currency")
    return list(newest.values_list("line__category", "currency", "amount_minor"))


_PLAIN: Final = frozenset({Purpose.PENDING, Purpose.LENT, Purpose.BORROWED})
_ORDER: Final = tuple(Category.values)


class _Sums:
    """What was read of one currency: ints by name, at the beginning and during the days."""

    def __init__(self) -> None:
        self.before: dict[str, int] = {}
        self.during: dict[str, int] = {}
        self.channels: dict[str, int] = {}
        self.unsettled = 0
        self.lines: dict[str, dict[str, int]] = {}
        self.stages_before: dict[tuple[str, str], int] = {}
        self.shares: dict[tuple[int, str], dict[str, int]] = {}

    def of(self, category: str) -> dict[str, int]:
        """The figures of a category."""
        return self.lines.setdefault(category, {})

    def add(self, kind: str, name: str, before: int, during: int) -> None:
        if kind == "channel":
            self.channels[name] = during
        elif kind == "unsettled":
            self.unsettled = during
        elif kind == "flow":
            self._flow(name.split(":"), before, during)
        elif stage := ENDS.get(Purpose(kind)):
            self.stages_before[name, stage] = before
            self.of(name)[stage] = before + during
        elif figure := COSTS.get(Purpose(kind)):
            self._note(figure, before, during)
        elif figure := INCOME.get(Purpose(kind)):
            self._note(figure, -before, -during)
        elif kind in _PLAIN:
            self._note(kind, before, during)

    def _flow(self, name: list[str], before: int, during: int) -> None:
        """What a kind of step moved on one account of a category, with one partner if it is a partner's step."""
        step, purpose, category, *partner = name
        if purpose == Purpose.BANK_FEES:  # of the currency: no account of a category
            return self._note("kept_underway", before, during) if step == "arrival" else None
        share = self.shares.setdefault((int(partner[0]), category), {}) if partner else {}
        if stage := ENDS.get(Purpose(purpose)):
            share[stage] = share.get(stage, 0) + before + during
        if found := FLOWS.get((step, purpose)):
            figure, sign = found
            for row in (self.of(category), share):
                row[figure] = row.get(figure, 0) + sign * during
        return None

    def _note(self, figure: str, before: int, during: int) -> None:
        self.before[figure] = self.before.get(figure, 0) + before
        self.during[figure] = self.during.get(figure, 0) + during

    def is_any(self) -> bool:
        lines = any(any(line.values()) for line in self.lines.values())
        return any(self.before.values()) or any(self.during.values()) or bool(self.unsettled) or lines

    def _end(self, name: str) -> int:
        return self.before.get(name, 0) + self.during.get(name, 0)

    def figures(self, currency: str) -> CurrencyFigures:
        def money(minor: int) -> Money:
            return Money(minor, currency)

        def had(sums: Mapping[str, int]) -> int:
            """What the fund has by these movements."""
            taken = sum(sums.get(name, 0) for name in COSTS.values())
            return sum(sums.get(name, 0) for name in set(INCOME.values())) - taken

        plain = (
            "refunds", "withheld", "chargebacks", "fees_provider", "fee_tax", "fees_bank", "kept_underway", "admin_fee",
            "other", "exchanged", "passed",
        )  # fmt: skip
        return CurrencyFigures(
            currency=currency,
            opening=money(had(self.before)),
            received_by={channel: money(minor) for channel, minor in sorted(self.channels.items())},
            **{name: money(self.during.get(name, 0)) for name in plain},
            pending=money(self._end("pending")),
            unsettled=money(self.unsettled),
            lent=money(self._end("lent")),
            borrowed=money(-self._end("borrowed")),
            unspent=money(had(self.before) + had(self.during)),
            lines=self._lines(currency),
            stages_before={key: money(minor) for key, minor in self.stages_before.items()},
            shares=tuple(
                Share(partner, category, **{name: money(share.get(name, 0)) for name in SHARED})
                for (partner, category), share in sorted(self.shares.items())
                if any(share.values())
            ),
        )

    def _lines(self, currency: str) -> tuple[CategoryFigures, ...]:
        """The categories that have any figure, in their own order."""
        names = [one.name for one in fields(CategoryFigures) if one.name != "category"]
        return tuple(
            CategoryFigures(category=category, **{name: Money(line.get(name, 0), currency) for name in names})
            for category, line in sorted(self.lines.items(), key=lambda item: _ORDER.index(item[0]))
            if any(line.values())
        )
