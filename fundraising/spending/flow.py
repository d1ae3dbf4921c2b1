"""The way of an appeal's money as a picture: figures in, nodes and bands out. A template draws them as SVG.

    received ─┬─ for the purpose ─┬─ allocated ─┬─ sent ─┬─ arrived ─┬─ spent, by category
              └─ fees, refunds …  └─ waiting …  └─ …     └─ …        └─ with partners, returned

Amounts are integer minor units of one currency, and what comes into a node is what goes out of it, to the unit
(`Flow.gaps`). That holds by the identities of figures.py, for figures counted from the appeal's beginning. What is
below zero comes in from the other side: a fund that is short, fees that came back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from .figures import CurrencyFigures

# Every node that can be, in the column and the order in which it is drawn. `spent` stands for one of each category.
COLUMNS: Final[tuple[tuple[str, ...], ...]] = (
    (
        "opening",
        "received",
        "other_in",
        "exchanged_in",
        "passed_in",
        "fees_in",
        "back_in",
        "borrowed",
        "returned_in",
        "short",
    ),
    ("purpose", "passed_out", "fees", "refunds", "withheld", "chargebacks", "admin_fee", "other_out", "exchanged_out"),
    ("allocated", "available", "unsettled", "lent"),
    ("sent", "changed_in", "to_send", "to_commit"),
    ("arrived", "underway", "kept_underway", "changed_underway"),
    ("spent", "held", "returned"),
)
# How a node is drawn: what came in, what it passes through, what it cost, where it stands, what it was spent on, what
# is missing.
KINDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("opening", "received", "other_in", "exchanged_in", "fees_in", "back_in"), "in"),
    **dict.fromkeys(("borrowed", "returned_in", "changed_in", "passed_in"), "in"),
    **dict.fromkeys(("purpose", "allocated", "sent", "arrived"), "through"),
    **dict.fromkeys(("fees", "refunds", "withheld", "chargebacks", "admin_fee", "other_out", "exchanged_out"), "cost"),
    **dict.fromkeys(("kept_underway", "changed_underway"), "cost"),
    **dict.fromkeys(("available", "unsettled", "lent", "to_send", "to_commit", "underway", "held", "returned"), "rest"),
    "passed_out": "rest",
    "spent": "spent",
    "short": "short",
}


@dataclass(frozen=True)
class Node:
    """A place of the money; `minor` units pass through it or stay. `category` where it is spent on one."""

    key: str
    minor: int
    category: str = ""

    @property
    def kind(self) -> str:
        return KINDS[self.key]

    @property
    def name(self) -> str:
        """Unique in its flow."""
        return f"{self.key}:{self.category}" if self.category else self.key


@dataclass(frozen=True)
class Link:
    """`minor` units, more than zero, from one node to another, both by their names."""

    source: str
    target: str
    minor: int


@dataclass(frozen=True)
class Flow:
    """Nodes by column and the links between them; empty where there is no money."""

    currency: str
    columns: tuple[tuple[Node, ...], ...]
    links: tuple[Link, ...]

    @property
    def nodes(self) -> tuple[Node, ...]:
        return tuple(node for column in self.columns for node in column)

    def gaps(self) -> Iterator[str]:
        """The nodes into which not as much comes as goes out, or whose amount is neither."""
        for node in self.nodes:
            came = sum(link.minor for link in self.links if link.target == node.name)
            went = sum(link.minor for link in self.links if link.source == node.name)
            if (came and went and came != went) or max(came, went) != node.minor:
                yield node.name


def flow_of(money: CurrencyFigures) -> Flow:
    """The flow of one currency, from figures that are counted from the appeal's beginning."""
    amounts: dict[tuple[str, str], int] = {}
    changed = (money.total("arrived") - money.confirmed - money.kept_underway).minor
    sources, costs = _into_the_purpose(money, changed)
    rests = {name: getattr(money, name).minor for name in ("available", "unsettled", "lent")}
    if rests["available"] < 0:
        sources["short"] = -rests.pop("available")
    purpose = money.allocated.minor + sum(rests.values())
    amounts |= _matched(sources, {**costs, "purpose": purpose})
    amounts |= {("purpose", name): minor for name, minor in rests.items()}
    amounts["purpose", "allocated"] = money.allocated.minor
    amounts |= {("allocated", name): getattr(money, name).minor for name in ("to_send", "to_commit")}
    amounts["allocated", "sent"] = money.disbursed.minor
    amounts |= {
        ("sent", "underway"): money.underway.minor,
        ("sent", "kept_underway"): money.kept_underway.minor,
        ("sent", "changed_underway"): max(changed, 0),
        ("changed_in", "arrived"): max(-changed, 0),
        ("sent", "arrived"): money.confirmed.minor + min(changed, 0),
        ("arrived", "held"): money.held.minor,
        ("arrived", "returned"): money.returned.minor,
        **{("arrived", f"spent:{category}"): spent.minor for category, spent in money.spent_by.items()},
    }
    return _flow(money.currency, amounts)


def _into_the_purpose(money: CurrencyFigures, changed: int) -> tuple[dict[str, int], dict[str, int]]:
    """What came in and what it cost before the purpose, in minor units; what happened on the way is told there."""
    signed = {
        "opening": money.opening.minor,
        "received": money.received.minor,
        "other": money.other.minor,
        "exchanged": money.exchanged.minor + changed,
        "passed": money.passed.minor,
        "fees": (money.kept_underway - money.fees).minor,
        "refunds": -money.refunds.minor,
        "withheld": -money.withheld.minor,
        "chargebacks": -money.chargebacks.minor,
        "admin_fee": -money.admin_fee.minor,
    }
    sources = {_IN.get(name, "back_in"): 0 for name in signed}
    for name, minor in signed.items():
        sources[_IN.get(name, "back_in")] += max(minor, 0)
    costs = {_OUT.get(name, name): max(-minor, 0) for name, minor in signed.items()}
    return {**sources, "borrowed": money.borrowed.minor, "returned_in": money.returned.minor}, costs


_IN: Final = {
    "opening": "opening", "received": "received", "other": "other_in", "exchanged": "exchanged_in",
    "passed": "passed_in", "fees": "fees_in",
}  # fmt: skip
_OUT: Final = {
    "opening": "other_out", "received": "other_out", "other": "other_out", "exchanged": "exchanged_out",
    "passed": "passed_out",
}  # fmt: skip


def _matched(sources: Mapping[str, int], targets: Mapping[str, int]) -> dict[tuple[str, str], int]:
    """Each source poured into the targets in their order: costs are borne by what was received first of all."""
    amounts: dict[tuple[str, str], int] = {}
    room = dict(targets)
    for source in sorted(sources, key=COLUMNS[0].index):
        left = sources[source]
        for target in room:
            part = min(left, room[target])
            amounts[source, target] = part
            left, room[target] = left - part, room[target] - part
    return amounts


def _flow(currency: str, amounts: Mapping[tuple[str, str], int]) -> Flow:
    links = [Link(source, target, minor) for (source, target), minor in amounts.items() if minor > 0]
    names = {name: 0 for link in links for name in (link.source, link.target)}
    for name in names:
        came = sum(link.minor for link in links if link.target == name)
        names[name] = came or sum(link.minor for link in links if link.source == name)
    columns = tuple(tuple(_nodes(keys, names)) for keys in COLUMNS)
    order = {node.name: place for place, node in enumerate(node for column in columns for node in column)}
    links.sort(key=lambda link: (order[link.source], order[link.target]))
    return Flow(currency, tuple(column for column in columns if column), tuple(links))


def _nodes(keys: Iterable[str], names: Mapping[str, int]) -> Iterator[Node]:
    for key in keys:
        for name, minor in names.items():
            if name.partition(":")[0] == key:
                yield Node(key, minor, name.partition(":")[2])


# --- Drawing --------------------------------------------------------------------------------------------------

# Units of the picture's own; a letter of a label is about 7 wide.
WIDTH: Final = 1180.0
FLOW_HEIGHT: Final = 300.0  # of the fullest column, without what keeps labels apart
THICK: Final = 14.0
LAST_LABEL: Final = 168.0
WIDEST_STEP: Final = 300.0
LINE: Final = 17.0
GAP: Final = 12.0
TOP: Final = 4.0
LEAST: Final = 1.5  # something is never drawn as nothing


@dataclass(frozen=True)
class Block:
    """A node as it is drawn. Its label is lines of text that begin at `text_x`, the amount last."""

    node: Node
    x: float
    y: float
    height: float
    text_x: float
    lines: tuple[tuple[float, str], ...]
    width: float = THICK


@dataclass(frozen=True)
class Band:
    """A link as it is drawn: the outline of its band."""

    link: Link
    path: str
    kind: str


@dataclass(frozen=True)
class Picture:
    """All of it, from left to right."""

    blocks: tuple[Block, ...]
    bands: tuple[Band, ...]
    height: float
    width: float = WIDTH


def drawn(flow: Flow, labels: Mapping[str, Sequence[str]]) -> Picture:
    """The picture, with the lines of each node's label by its name; none overlaps another."""
    fullest = max((sum(node.minor for node in column) for column in flow.columns), default=0)
    scale = FLOW_HEIGHT / fullest if fullest else 0.0
    step = min((WIDTH - THICK - LAST_LABEL) / max(len(flow.columns) - 1, 1), WIDEST_STEP)
    blocks: dict[str, Block] = {}
    bottom = 0.0
    for place, column in enumerate(flow.columns):
        y = TOP
        for node in column:
            block = _block(node, place * step, y, node.minor * scale, labels[node.name])
            blocks[node.name] = block
            y += max(block.height, LINE * len(block.lines)) + GAP
        bottom = max(bottom, y)
    return Picture(tuple(blocks.values()), tuple(_bands(flow, blocks, scale)), _rounded(bottom))


def mirrored(picture: Picture, flow: Flow) -> Picture:
    """The same from right to left, for languages that are written so."""
    blocks = tuple(
        replace(block, x=_rounded(WIDTH - block.x - block.width), text_x=_rounded(WIDTH - block.text_x))
        for block in picture.blocks
    )
    fullest = max((sum(node.minor for node in column) for column in flow.columns), default=0)
    bands = _bands(flow, {block.node.name: block for block in blocks}, FLOW_HEIGHT / fullest if fullest else 0.0)
    return replace(picture, blocks=blocks, bands=tuple(bands))


def _block(node: Node, x: float, y: float, height: float, label: Sequence[str]) -> Block:
    lines = tuple((_rounded(y + LINE * (place + 1) - 4), text) for place, text in enumerate(label))
    return Block(node, _rounded(x), _rounded(y), _rounded(max(height, LEAST)), _rounded(x + THICK + 6), lines)


def _bands(flow: Flow, blocks: Mapping[str, Block], scale: float) -> Iterator[Band]:
    """Bands leave a node, and come into it, in the order of the nodes at their other ends."""
    leaves = {name: block.y for name, block in blocks.items()}
    comes = dict(leaves)
    for link in flow.links:
        source, target = blocks[link.source], blocks[link.target]
        thick = link.minor * scale
        path = _outline(source, target, leaves[link.source], comes[link.target], thick)
        leaves[link.source] += thick
        comes[link.target] += thick
        yield Band(link, path, target.node.kind if target.node.kind != "through" else source.node.kind)


def _outline(source: Block, target: Block, leaves: float, comes: float, thick: float) -> str:
    forth = source.x < target.x
    start = source.x + (source.width if forth else 0.0)
    end = target.x + (0.0 if forth else target.width)
    middle = _rounded((start + end) / 2)
    above, below = (_rounded(leaves), _rounded(comes)), (_rounded(leaves + thick), _rounded(comes + thick))
    return (
        f"M{_rounded(start)} {above[0]}C{middle} {above[0]} {middle} {above[1]} {_rounded(end)} {above[1]}"
        f"V{below[1]}C{middle} {below[1]} {middle} {below[0]} {_rounded(start)} {below[0]}Z"
    )


def _rounded(value: float) -> float:
    return round(value, 1)
