"""Which rows of a table of money are shown together, so that no amount too small to be shown can be worked out.

Of official statistics: cells below a least value are *small*; their rows are put together into one (primary
suppression), and with them as many more as it takes that nothing can be had back by subtraction from the sum
(complementary suppression). A row here is a category or a partner in one currency.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from ..money import Money
from .converting import rates_on
from .figures import SHARED, STAGES, CategoryFigures, Share


@dataclass(frozen=True)
class Cells:
    """A row: its amounts in minor units, and the least that may be shown of it, in minor units of the entity's."""

    key: str
    minors: tuple[int, ...]
    least: int

    @property
    def is_empty(self) -> bool:
        return not any(self.minors)

    @property
    def size(self) -> int:
        return max((abs(minor) for minor in self.minors), default=0)


# Whether an amount in minor units reaches a least one, both without sign.
IsLarge = Callable[[int, int], bool]


def large(own: str, codes: Iterable[str], on: date) -> dict[str, IsLarge]:
    """For each currency, whether an amount reaches a least one in `own`; without an exchange rate none does."""
    rates = rates_on(set(codes) - {own}, own, on)

    def by(code: str) -> IsLarge:
        rate = rates[code].rate if code in rates else None
        if code == own:
            return lambda minor, least: minor >= least
        return lambda minor, least: rate is not None and Money(minor, code).converted(rate, own).minor >= least

    return {code: by(code) for code in codes}


def minors(row: CategoryFigures | Share) -> tuple[int, ...]:
    """All that a row tells of partners: its figures, and what stood there at the beginning, which follows from them."""
    return minors_of(lambda name: int(getattr(row, name).minor))


def minors_of(of: Callable[[str], int]) -> tuple[int, ...]:
    """The same of figures in minor units by name, as a published report keeps them."""
    told = [of(name) for name in SHARED]
    stages = [(stage, came, went) for stage, came, went in STAGES if stage in SHARED]
    return (*told, *(of(stage) - sum(map(of, came)) + sum(map(of, went)) for stage, came, went in stages))


def together(rows: Sequence[Cells], is_large: IsLarge, must: Iterable[str] = ()) -> frozenset[str]:
    """The rows to show as one: those of `must`, those with a small cell, and the smallest others that hide them.

    Where no others are left, all of them: then only the sum is shown.
    """
    keys = small(rows, is_large).union(must)
    found = [row for row in rows if row.key in keys]
    rest = sorted((row for row in rows if row.key not in keys), key=lambda row: (row.is_empty, row.size, row.key))
    while found and rest and not _hides(found, is_large):
        found.append(rest.pop(0))
    return frozenset(row.key for row in found)


def small(rows: Sequence[Cells], is_large: IsLarge) -> frozenset[str]:
    """The rows that have a small cell."""
    return frozenset(row.key for row in rows if not all(_shown(minor, row.least, is_large) for minor in row.minors))


def in_all(tables: Sequence[Sequence[Cells]], is_large: IsLarge, must: Iterable[str] = ()) -> frozenset[str]:
    """The rows to show as one in tables that are published together: what one hides, none of the others tells."""
    hidden = frozenset(must)
    while True:
        more = hidden.union(*(together(table, is_large, hidden) for table in tables))
        if more == hidden:
            return hidden
        hidden = more


def _hides(found: Sequence[Cells], is_large: IsLarge) -> bool:
    """Whether two rows or more have a part in it, and no cell of the sum is small itself."""
    if sum(not row.is_empty for row in found) < 2:
        return False
    for column in zip(*(row.minors for row in found), strict=True):
        least = max((row.least for row, minor in zip(found, column, strict=True) if minor), default=0)
        if not _shown(sum(column), least, is_large):
            return False
    return True


def _shown(minor: int, least: int, is_large: IsLarge) -> bool:
    return not minor or not least or is_large(abs(minor), least)
