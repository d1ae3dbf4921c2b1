"""The money page in the active language: sentences, tables and pictures. Page, CSV and JSON are made of the same.

Tables are those of reports (receipts/reports/showing.py), with a column for each currency and one for all together.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.utils.text import capfirst
from django.utils.translation import get_language, get_language_bidi, gettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from fundraising.locales import babel_locale, long_date
from fundraising.money import Money
from fundraising.spending.disclosure import PublicPartner, category_label
from fundraising.spending.figures import AppealFigures, CurrencyFigures
from fundraising.spending.flow import Flow, Node, Picture, drawn, flow_of, mirrored

from ..reports.showing import PLACES, STAGES
from ..reports.showing_people import Situation, situation_of
from ..reports.tables import Row, Table, Words, all_in, rate_words
from .reading import AppealMoney
from .rounds import RoundMoney, Steps, steps

ALL: Final = "all"  # the column of all currencies together
LABEL_LETTERS: Final = 23
NODES: Final[dict[str, Words]] = {
    "opening": _("Had at the beginning"),
    "received": pgettext_lazy("money", "Received"),
    "other_in": _("Other money"),
    "exchanged_in": _("From other currencies"),
    "fees_in": _("Fees that came back"),
    "back_in": _("Came back to the fund"),
    "passed_in": _("Passed on by another fund of ours"),
    "passed_out": _("Passed on for the second purpose"),
    "borrowed": _("Borrowed from another fund of ours"),
    "returned_in": _("Unspent, came back from partners"),
    "short": _("Missing: promised, but not there"),
    # More than "For the purpose" of the table: before what the way to partners cost, and with what came back from them.
    "purpose": _("To work with"),
    "fees": _("Fees of provider and bank"),
    "refunds": _("Given back to donors"),
    "withheld": _("Withheld while banks decide"),
    "chargebacks": _("Taken back by banks"),
    "admin_fee": _("Share of administration"),
    "other_out": _("Other costs"),
    "exchanged_out": _("Into other currencies"),
    "allocated": STAGES["allocated"],
    "available": PLACES["available"],
    "unsettled": PLACES["unsettled"],
    "lent": PLACES["lent"],
    "sent": pgettext_lazy("money", "Sent"),
    "changed_in": _("Changed from another currency on the way"),
    "to_send": PLACES["to_send"],
    "to_commit": PLACES["to_commit"],
    "arrived": pgettext_lazy("money", "Arrived"),
    "underway": PLACES["underway"],
    "kept_underway": _("Kept by banks on the way"),
    "changed_underway": _("Changed into another currency on the way"),
    "held": PLACES["held"],
    "returned": _("Unspent, sent back to us"),
}
# The lines of the tables: a figure, its words, and the sign with which it counts in its table.
Line = tuple[str, Words, int]
CAME: Final[tuple[Line, ...]] = (
    ("opening", NODES["opening"], 1),
    ("received", NODES["received"], 1),
    ("refunds", NODES["refunds"], -1),
    ("withheld", NODES["withheld"], -1),
    ("chargebacks", NODES["chargebacks"], -1),
    ("fees", _("Fees"), -1),
    ("admin_fee", NODES["admin_fee"], -1),
    ("other", NODES["other_in"], 1),
    ("exchanged", _("Exchanged between currencies"), 1),
    ("passed", _("Passed on between funds of ours"), 1),
)
FAR: Final[tuple[Line, ...]] = tuple(
    (name, STAGES[name], 1) for name in ("allocated", "committed", "disbursed", "confirmed", "spent", "returned")
)
STANDS: Final[tuple[Line, ...]] = tuple(
    (name, words, -1 if name == "borrowed" else 1) for name, words in PLACES.items()
)
PARTNERS: Final[dict[str, Words]] = {
    "sent": NODES["sent"],
    "confirmed": NODES["arrived"],
    "spent": STAGES["spent"],
    "returned": STAGES["returned"],
    "underway": NODES["underway"],
    "held": NODES["held"],
}
# Told also where they are nothing: their absence would raise the question.
ALWAYS: Final = frozenset({"received", "fees", "allocated", "committed", "disbursed", "confirmed", "spent"})


@dataclass(frozen=True)
class Bar:
    """A node as a line of a list, for small screens: its width in thousandths of the widest."""

    label: str
    amount: Money
    width: int
    kind: str
    level: int


@dataclass(frozen=True)
class Drawing:
    """The flow of one currency as a picture, and as bars where the screen is too small for it."""

    key: str
    title: str
    says: str
    picture: Picture
    bars: Sequence[Bar]
    currency: str


@dataclass(frozen=True)
class ShownRound:
    found: RoundMoney
    reason: str


@dataclass(frozen=True)
class ShownMoney:
    """The whole page in the active language."""

    situation: Situation | None
    sentences: Sequence[str]
    unsettled: Sequence[str]
    drawings: Sequence[Drawing]
    tables: Sequence[Table]
    rounds: Sequence[ShownRound]
    steps: Steps | None
    rates: Sequence[str]
    missing_rates: str
    charged: str  # for administration in all, by currency


def shown(money: AppealMoney) -> ShownMoney:
    """The page in the active language."""
    found = money.figures.figures
    locale = get_language() or ""
    return ShownMoney(
        situation=situation_of(money.situation.data) if money.situation else None,
        sentences=list(_sentences(found)),
        unsettled=list(_unsettled(money)),
        drawings=[made for key, one in columns(found) if (made := _drawing(key, one)).bars],
        tables=list(tables(money)),
        rounds=[ShownRound(one, one.reasons.get(locale, "")) for one in money.history.rounds],
        steps=steps(money.history.weeks),
        rates=[rate_words(code, rate.rate, rate.quote, rate.on) for code, rate in sorted(found.rates.items())],
        missing_rates=", ".join(found.missing_rates),
        charged=_listed([one.admin_fee for one in found.by_currency if one.admin_fee]),
    )


def columns(found: AppealFigures) -> list[tuple[str, CurrencyFigures]]:
    """Each currency in which there is money; before them all together, where that says more than the one."""
    own = found.in_own
    with_money = [one for one in found.by_currency if one.pending or flow_of(one).nodes]
    says_more = len(with_money) > 1 or any(one.currency != found.appeal.currency for one in with_money)
    everything = [(ALL, own)] if own and says_more else []
    return [*everything, *((one.currency, one) for one in with_money)]


# --- Sentences ------------------------------------------------------------------------------------------------


def _money(amount: Money) -> str:
    return amount.format_exact(babel_locale(get_language()))


def _day(day: date) -> str:
    return long_date(day, get_language())


def _sentences(found: AppealFigures) -> Iterator[str]:
    """The state of all in a sentence or two; of each currency where no rate puts them together."""
    together = columns(found)[:1] if found.in_own else columns(found)
    for key, one in together:
        if not one.received and not one.unspent and not one.disbursed:
            continue
        words = {"raised": _money(one.raised), "sent": _money(one.disbursed), "spent": _money(one.spent)}
        about = gettext("All in %(currency)s:") % {"currency": one.currency} + " " if key == ALL else ""
        if not one.disbursed:
            yield about + gettext("Of %(raised)s raised, nothing has been sent to partners yet.") % words
        elif not one.spent:
            yield (
                about
                + gettext("Of %(raised)s raised, %(sent)s has been sent to partners. They are still to account for it.")
                % words
            )
        else:
            yield (
                about
                + gettext("Of %(raised)s raised, %(sent)s has been sent to partners; %(spent)s is accounted for.")
                % words
            )
    if not any(one.received or one.unspent or one.disbursed for one in found.by_currency):
        yield gettext("No money has come in yet.")


_OPEN: Final[tuple[tuple[str, Words], ...]] = (
    ("pending", _("%(amounts)s is announced by banks and has not come yet. It is in none of these figures.")),
    ("unsettled", _("%(amounts)s was charged and is on its way to us. It cannot be spent before it is here.")),
    ("underway", _("%(amounts)s was sent to partners, who have not confirmed yet that it came.")),
    ("held", _("%(amounts)s is with partners, who have not spent it yet or not told us how.")),
    ("withheld", _("%(amounts)s is withheld while donors' banks decide about disputes.")),
    ("lent", _("%(amounts)s is lent to another fund of ours and will come back.")),
    ("borrowed", _("%(amounts)s is borrowed from another fund of ours and has to be paid back.")),
)


def _unsettled(money: AppealMoney) -> Iterator[str]:
    """What is not final, a sentence each."""
    found = money.figures.figures.by_currency
    if until := money.figures.spending_until:
        yield gettext(
            "To protect those who carry the money, what was sent and spent is shown as it stood on %(day)s. "
            "What came in is shown as of now."
        ) % {"day": _day(until)}
    for one in found:
        if one.available.minor < 0:
            yield gettext(
                "%(amount)s less is there than was promised, most often because banks took donations back. "
                "It has to be made up for before anything more is promised."
            ) % {"amount": _money(-one.available)}
    for name, words in _OPEN:
        amounts = [value for one in found if (value := getattr(one, name)).minor > 0]
        if amounts:
            yield str(words) % {"amounts": _listed(amounts)}


def _listed(amounts: Sequence[Money]) -> str:
    return " + ".join(_money(amount) for amount in amounts)


# --- Tables ---------------------------------------------------------------------------------------------------


def tables(money: AppealMoney) -> Iterator[Table]:
    """Four tables with a column for each currency, and what each partner had; sums are below their lines."""
    found = money.figures.figures
    shown_columns = columns(found)

    def plain(name: str, sign: int) -> list[Money]:
        return [getattr(one, name) if sign > 0 else -getattr(one, name) for _key, one in shown_columns]

    def table(key: str, title: str, lines: Sequence[Line], total: Row | None) -> Table:
        rows = [
            Row(str(words), plain(name, sign), key=name)
            for name, words, sign in lines
            if name in ALWAYS or any(plain(name, sign))
        ]
        return _table(found, key, title, [*rows, *([total] if total else [])])

    net = Row(pgettext("money", "For the purpose"), plain("net", 1), is_sum=True, key="net")
    unspent = Row(pgettext("money", "Unspent"), plain("unspent", 1), is_sum=True, key="unspent")
    yield table("came", gettext("What came in"), CAME, net)
    yield table("far", gettext("How far it has come"), FAR, None)
    yield _table(found, "spent", gettext("What it was spent on"), list(_spent(shown_columns)))
    yield table("stands", gettext("Where the unspent money is"), STANDS, unspent)
    yield from _partners(money)


def _table(found: AppealFigures, key: str, title: str, rows: Sequence[Row]) -> Table:
    keys = [name for name, _one in columns(found)]
    return Table(
        key=key,
        title=title,
        first_heading=gettext("Figure"),
        headings=[all_in(found.appeal.currency) if name == ALL else name for name in keys],
        keys=keys,
        rows=rows,
    )


def _spent(shown_columns: Sequence[tuple[str, CurrencyFigures]]) -> Iterator[Row]:
    categories = dict.fromkeys(category for _key, one in shown_columns for category in one.spent_by)
    for category in categories:
        amounts = [one.spent_by.get(category, Money(0, one.currency)) for _key, one in shown_columns]
        yield Row(capfirst(category_label(category)), amounts, key=category)
    if categories:
        yield Row(gettext("Together"), [one.spent for _key, one in shown_columns], is_sum=True, key="sum")


def _partners(money: AppealMoney) -> Iterator[Table]:
    """What each partner had of the money in each currency, under the name that may be shown."""
    for code, rows in money.figures.partners.items():
        names = [name for name in PARTNERS if name in {"sent", "spent"} or any(getattr(row, name) for row in rows)]
        title = gettext("Who carried it")
        yield Table(
            key=f"partners-{code}",
            title=title if len(money.figures.partners) == 1 else f"{title}: {code}",
            first_heading=gettext("Partner"),
            headings=[str(PARTNERS[name]) for name in names],
            keys=names,
            rows=[
                Row(_named(row), [getattr(row, name) for name in names], key=f"partner-{place}")
                for place, row in enumerate(rows, start=1)
            ],
        )


def _named(row: PublicPartner) -> str:
    return capfirst(f"{row.name} ({row.region})" if row.region else row.name)


# --- Pictures -------------------------------------------------------------------------------------------------


def _drawing(key: str, one: CurrencyFigures) -> Drawing:
    flow = flow_of(one)
    picture = drawn(flow, {node.name: [*_wrapped(label_of(node)), _money(_amount(flow, node))] for node in flow.nodes})
    title = gettext("The way of the money in %(currency)s")
    if key == ALL:
        title = gettext("The way of the money, all in %(currency)s")
    return Drawing(
        key=key,
        title=title % {"currency": one.currency},
        says=_described(flow),
        picture=mirrored(picture, flow) if get_language_bidi() else picture,
        bars=list(_bars(flow)),
        currency=one.currency,
    )


def label_of(node: Node) -> str:
    return capfirst(category_label(node.category)) if node.category else str(NODES[node.key])


def _amount(flow: Flow, node: Node) -> Money:
    return Money(node.minor, flow.currency)


def _wrapped(label: str) -> list[str]:
    return textwrap.wrap(label, LABEL_LETTERS)


def _described(flow: Flow) -> str:
    """The picture in words: every node with its amount, from where the money came to where it is."""
    return "; ".join(f"{label_of(node)}: {_money(_amount(flow, node))}" for node in flow.nodes) + "."


def _bars(flow: Flow) -> Iterator[Bar]:
    widest = max((node.minor for node in flow.nodes), default=0)
    for level, column in enumerate(flow.columns):
        for node in column:
            width = max(node.minor * 1000 // widest, 2)
            yield Bar(label_of(node), _amount(flow, node), width, node.kind, level)
