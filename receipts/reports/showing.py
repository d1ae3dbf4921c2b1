"""From kept numbers to tables in the active language. Page, PDF, CSV and XLSX are all made of these."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from babel.numbers import format_percent
from django.utils.text import capfirst
from django.utils.translation import get_language, gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from fundraising.locales import babel_locale
from fundraising.models import Category, Channel
from fundraising.money import Money
from fundraising.spending.disclosure import SEVERAL, category_label

from .reading import Data
from .showing_people import Situation, situation_of
from .tables import Row, Table, Words, all_in, rate_words, without_empty


@dataclass(frozen=True)
class Bar:
    """A category of the chart: widths in thousandths of the widest, each bar within the one before."""

    label: str
    budgeted: int
    sent: int
    spent: int


@dataclass(frozen=True)
class Shown:
    """A report as people see it."""

    currency: str
    first: date
    last: date
    budget: Money | None
    budget_is: str
    raised: Money | None
    coverage: str
    coverage_part: int  # per cent for the progress bar, 100 at most
    gap: Money | None
    surplus: Money | None
    tables: Sequence[Table]
    bars: Sequence[Bar] = ()
    rates: Sequence[str] = ()
    missing_rates: Sequence[str] = ()
    changes: Table | None = None
    spending_until: date | None = None  # later steps with partners are not shown yet
    situation: Situation | None = None


COLUMNS: dict[str, Words] = {
    "opening": _("At the beginning"),
    "received": pgettext_lazy("money", "Received"),
    "back": _("Given or taken back"),
    "fees": _("Fees"),
    "admin_fee": _("Share of administration"),
    "other": _("Other and exchange"),
    "passed": _("Passed on for the secondary purpose"),
    "net": _("For the purpose"),
    "spent": pgettext_lazy("money", "Spent"),
    "unspent": pgettext_lazy("money", "Unspent"),
}
STAGES: dict[str, Words] = {
    "budgeted": pgettext_lazy("money", "Budget"),
    "allocated": pgettext_lazy("money", "Allocated"),
    "committed": pgettext_lazy("money", "Promised to partners"),
    "disbursed": pgettext_lazy("money", "Sent"),
    "confirmed": pgettext_lazy("money", "Arrived"),
    "spent": pgettext_lazy("money", "Spent"),
    "returned": pgettext_lazy("money", "Returned"),
    "held": _("With partners, unspent"),
}
OF_PARTNERS: dict[str, Words] = {
    "sent": pgettext_lazy("money", "Sent"),
    "confirmed": pgettext_lazy("money", "Arrived"),
    "spent": pgettext_lazy("money", "Spent"),
    "returned": pgettext_lazy("money", "Returned"),
    "underway": _("Sent, arrival not yet confirmed"),
    "held": _("With partners, unspent"),
}
PLACES: dict[str, Words] = {
    "available": _("Not yet allocated"),
    "unsettled": _("Given, on its way to us"),
    "to_commit": _("Allocated, not yet promised to a partner"),
    "to_send": _("Promised, not yet sent"),
    "underway": _("Sent, arrival not yet confirmed"),
    "held": _("With partners, not yet spent"),
    "lent": _("Lent to another fund of ours"),
    "borrowed": _("Borrowed from another fund of ours"),
}
HEADLINES: dict[str, Words] = {
    "received": pgettext_lazy("money", "Received"),
    "fees": _("Fees"),
    "net": _("For the purpose"),
    "allocated": pgettext_lazy("money", "Allocated"),
    "disbursed": pgettext_lazy("money", "Sent"),
    "confirmed": pgettext_lazy("money", "Arrived"),
    "spent": pgettext_lazy("money", "Spent"),
    "unspent": pgettext_lazy("money", "Unspent"),
}


def shown(data: Data, before: Data | None = None) -> Shown:
    """The report in the active language; `before` are the figures of the revision before it."""
    data = _in_order(data)
    currency = data["currency"]
    budget, raised = _money(data["budget"], currency), _money(data["raised"], currency)
    gap = budget - raised if budget and raised is not None else None
    return Shown(
        currency=currency,
        first=date.fromisoformat(data["first"]),
        last=date.fromisoformat(data["last"]),
        budget=budget,
        budget_is=data["budget_is"],
        raised=raised,
        coverage=_percent(raised, budget),
        coverage_part=min(100, raised.minor * 100 // budget.minor) if budget and raised is not None else 0,
        gap=gap if gap is not None and gap.minor > 0 else None,
        surplus=-gap if gap is not None and gap.minor < 0 else None,
        tables=list(_tables(data)),
        bars=list(_bars(data["own"])),
        rates=[
            rate_words(one["from"], Decimal(one["rate"]), one["to"], date.fromisoformat(one["on"]))
            for one in data["rates"]
        ],
        missing_rates=data["missing_rates"],
        changes=_changes(data, before) if before else None,
        spending_until=date.fromisoformat(until) if (until := data.get("spending_until")) else None,
        situation=situation_of(data),
    )


def _in_order(data: Data) -> Data:
    """The appeal's currency first, then the others by code: the database keeps no order, and page and files agree."""

    def sorted_by_code(by_currency: Data) -> Data:
        return dict(sorted(by_currency.items(), key=lambda one: (one[0] != data["currency"], one[0])))

    names = {"period", "ever", "partners"} & data.keys()
    return {**data, **{name: sorted_by_code(data[name]) for name in names}}


def _money(minor: int | None, currency: str) -> Money | None:
    return None if minor is None else Money(minor, currency)


def _percent(part: Money | None, whole: Money | None) -> str:
    if part is None or not whole:
        return ""
    return format_percent(Decimal(part.minor) / whole.minor, format="#,##0.#%", locale=babel_locale(get_language()))


def _tables(data: Data) -> Iterator[Table]:
    yield _money_in(data)
    yield _by_channel(data)
    everything = [*data["period"].values()]
    spending = [figures for figures in everything if figures["lines"]]
    if data["own"] and len(spending) > 1:
        yield _by_category(data["own"], titled=True, everything=True)
    for figures in spending:
        yield _by_category(figures, titled=len(everything) > 1)
    for code, rows in data.get("partners", {}).items():
        yield _by_partner(rows, code, titled=len(everything) > 1)
    yield _where_it_stands(data)


def _money_in(data: Data) -> Table:
    rows = [_in_row(figures, code) for code, figures in data["period"].items()]
    if data["own"] and len(rows) > 1:
        rows.append(_in_row(data["own"], all_in(data["currency"]), key="all", is_sum=True))
    return without_empty(
        Table(
            key="money",
            title=gettext("What came in and what went out"),
            first_heading=gettext("Currency"),
            headings=[str(words) for words in COLUMNS.values()],
            keys=list(COLUMNS),
            rows=rows,
            says=gettext(
                "What was there at the beginning and what came for the purpose, less what was spent, is unspent."
            ),
        )
    )


def _in_row(figures: Data, label: str, *, key: str = "", is_sum: bool = False) -> Row:
    back = figures["refunds"] + figures["withheld"] + figures["chargebacks"]
    amounts = {**figures, "back": -back, "fees": -figures["fees"], "admin_fee": -figures["admin_fee"],
               "other": figures["other"] + figures["exchanged"], "passed": figures.get("passed", 0),
               "spent": -figures["spent"]}  # fmt: skip
    return Row(label, [Money(amounts[name], figures["currency"]) for name in COLUMNS], is_sum, key or label)


def _by_channel(data: Data) -> Table:
    currencies = list(data["period"])
    channels = [code for code in Channel.values if any(code in one["received_by"] for one in data["period"].values())]
    rows = [
        Row(
            capfirst(str(Channel(channel).label)),
            [_money(data["period"][code]["received_by"].get(channel), code) for code in currencies],
            key=channel,
        )
        for channel in channels
    ]
    return Table(
        key="channels",
        title=gettext("How it was given"),
        first_heading=gettext("Way"),
        headings=currencies,
        keys=currencies,
        rows=rows,
    )


def category_name(code: str) -> str:
    """The category in the active language."""
    return capfirst(category_label(code)) if code in {*Category.values, SEVERAL} else code


def _by_category(figures: Data, *, titled: bool, everything: bool = False) -> Table:
    currency = figures["currency"]
    sums = {name: sum(line[name] for line in figures["lines"]) for name in STAGES}
    rows = [
        Row(category_name(line["category"]), [Money(line[name], currency) for name in STAGES], key=line["category"])
        for line in figures["lines"]
    ]
    rows.append(Row(gettext("Together"), [Money(sums[name], currency) for name in STAGES], is_sum=True, key="sum"))
    title = gettext("Where it went")
    if titled:
        title = f"{title}: {all_in(currency) if everything else currency}"
    made = Table(
        key=f"categories-{'all' if everything else currency}",
        title=title,
        first_heading=gettext("Purpose"),
        headings=[str(words) for words in STAGES.values()],
        keys=list(STAGES),
        rows=rows,
    )
    return without_empty(made)


def _by_partner(partners: Sequence[Data], currency: str, *, titled: bool) -> Table:
    """What partners had of the money; those who are withheld are one row without a name."""
    rows = [
        Row(
            ", ".join(filter(None, [one["alias"], one["region"]])) or capfirst(gettext("withheld for safety")),
            [Money(one[name], currency) for name in OF_PARTNERS],
            key=one["alias"] or "withheld",
        )
        for one in partners
    ]
    sums = [Money(sum(one[name] for one in partners), currency) for name in OF_PARTNERS]
    rows.append(Row(gettext("Together"), sums, is_sum=True, key="sum"))
    title = gettext("Through whom it went")
    made = Table(
        key=f"partners-{currency}",
        title=f"{title}: {currency}" if titled else title,
        first_heading=gettext("Partner"),
        headings=[str(words) for words in OF_PARTNERS.values()],
        keys=list(OF_PARTNERS),
        rows=rows,
    )
    return without_empty(made)


def _where_it_stands(data: Data) -> Table:
    columns = [*data["period"].items()]
    if data["own"] and len(columns) > 1:
        columns.append(("all", data["own"]))
    rows = [
        Row(
            str(words),
            [
                Money(figures[name] * (-1 if name == "borrowed" else 1), figures["currency"])
                for _code, figures in columns
            ],
            key=name,
        )
        for name, words in PLACES.items()
        if any(figures[name] for _code, figures in columns)
    ]
    total = [Money(figures["unspent"], figures["currency"]) for _code, figures in columns]
    rows.append(Row(str(COLUMNS["unspent"]), total, is_sum=True, key="unspent"))
    return Table(
        key="places",
        title=gettext("Where the unspent money is"),
        first_heading=gettext("Place"),
        headings=[all_in(data["currency"]) if code == "all" else code for code, _figures in columns],
        keys=[code for code, _figures in columns],
        rows=rows,
    )


def _changes(data: Data, before: Data) -> Table | None:
    """What differs from the revision before, counted from the beginning; in one currency or, without rates, in each."""
    rows = []
    for label, now, then in _pairs(data, before):
        for name, words in HEADLINES.items():
            old, new = then[name], now[name]
            if old != new:
                title = f"{words} ({label})" if label else str(words)
                amounts = [Money(minor, now["currency"]) for minor in (old, new, new - old)]
                rows.append(Row(title, amounts, key=f"{label}{name}"))
    headings = [gettext("Before"), pgettext_lazy("report", "Now"), gettext("Difference")]
    return Table(
        key="changes",
        title=gettext("What has changed since the report before, counted from the beginning"),
        first_heading=gettext("Figure"),
        headings=[str(words) for words in headings],
        keys=["before", "now", "difference"],
        rows=rows,
        says="" if rows else gettext("No figure has changed."),
    )


def _pairs(data: Data, before: Data) -> Iterator[tuple[str, Data, Data]]:
    if data["ever_own"] and before["ever_own"] and data["currency"] == before["currency"]:
        yield "", data["ever_own"], before["ever_own"]
        return
    for code, now in data["ever"].items():
        yield code, now, before["ever"].get(code) or {**dict.fromkeys(now, 0), "currency": code}


BAR_WIDTH = 1000


def _bars(own: Data | None) -> Iterator[Bar]:
    """Each category as bars within each other: budget, sent, spent. Nothing without a common currency."""
    lines = own["lines"] if own else []
    widest = max((max(line["budgeted"], line["disbursed"], line["spent"]) for line in lines), default=0)
    for line in lines:
        if widest:
            widths = (max(0, line[name]) * BAR_WIDTH // widest for name in ("budgeted", "disbursed", "spent"))
            yield Bar(category_name(line["category"]), *widths)
