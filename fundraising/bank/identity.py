"""Which lines of a file are known already, and which are new: the rule by which no line is ever booked twice.

A line is known by its content; equal lines are told apart by counting. How often a line stands in the books after an
import is decided day by day (docs/adr/0120):

- A day that the file covers whole (it holds earlier and later ones) has each line as often as the file says.
- On the first and last day a file may be cut anywhere. There a line is known if it stands at the same place, that is
  with the same balance after it; one at another place is another line, however alike they look.
- Where the same stretch of a day was imported before (same balances before and after it), the file is taken to hold
  the whole day.
- Where either side has no balances, a line like a known one is taken for it: nothing is booked twice. Unless some file
  holds the day whole, or both files hold the same end of it, it may be a line of its own: that only a person knows
  (docs/adr/0165).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import Enum

from ..models import BankAccount, BankLine, Statement
from ..vault import blind_index
from .formats import ReadLine
from .problems import BadStatement, Problem


@dataclass(frozen=True)
class Standing:
    """A line in the books: what tells it apart, and the statements that hold it."""

    pk: int
    content: str
    occurrence: int
    booked_on: date
    amount_minor: int
    balance_minor: int | None
    statements: frozenset[int]


class Part(Enum):
    """What a file holds of a day: all of it, its end, its beginning, or who knows."""

    WHOLE, END, BEGINNING, SOME = range(4)


@dataclass(frozen=True)
class Span:
    """The days of a file. In order: its lines go on day by day, so that it holds those between first and last whole."""

    first_on: date
    last_on: date
    in_order: bool

    def part_of(self, day: date) -> Part:
        if not self.in_order or self.first_on == self.last_on:
            return Part.SOME
        if self.first_on < day < self.last_on:
            return Part.WHOLE
        return Part.END if day == self.first_on else Part.BEGINNING


@dataclass(frozen=True)
class AlikeLines:
    """Lines of a file that were taken for known ones, one of which is `known`, and may be `count` of their own."""

    line: ReadLine
    known: Standing
    count: int
    is_likely: bool


@dataclass(frozen=True)
class Sorted:
    """A file's lines: those new to the books with their content, and those known with the row each one is."""

    new: list[tuple[ReadLine, str]] = field(default_factory=list)
    known: list[tuple[ReadLine, Standing]] = field(default_factory=list)
    alike: list[AlikeLines] = field(default_factory=list)


def content_of(account: BankAccount, line: ReadLine) -> str:
    """A keyed hash of what the bank says of a line: the same in every file that holds it.

    It stands in the keys of entries, which many read; without the key, a name on a line could be found by guessing.
    """
    told = [
        account.pk, line.booked_on.isoformat(), line.amount_minor, account.currency,
        *(" ".join(text.split()) for text in (line.bank_reference, line.name, line.iban, line.reference)),
    ]  # fmt: skip
    return blind_index("bank line", hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest())


def standing_lines(account: BankAccount, lines: Sequence[ReadLine]) -> list[Standing]:
    """The lines in the books of all days that a file's lines lie between."""
    days = [line.booked_on for line in lines]
    if not days:
        return []
    through = BankLine.statements.through
    rows = list(
        BankLine.objects.filter(bank_account=account, booked_on__range=(min(days), max(days)), withdrawn_at=None)
        .order_by("pk")
        .values_list("pk", "content", "occurrence", "booked_on", "amount_minor", "balance_minor")
    )
    held: dict[int, set[int]] = defaultdict(set)
    links = through.objects.filter(bankline__in=[row[0] for row in rows], statement__rolled_back_at=None)
    for line_id, statement_id in links.values_list("bankline_id", "statement_id"):
        held[line_id].add(statement_id)
    return [Standing(*row, statements=frozenset(held[row[0]])) for row in rows]


def standing_spans(account: BankAccount, lines: Sequence[ReadLine]) -> dict[int, Span]:
    """The days of the statements in the books that a file's lines lie between, by the statement's id."""
    days = [line.booked_on for line in lines]
    if not days:
        return {}
    rows = Statement.objects.filter(
        bank_account=account, rolled_back_at=None, first_on__lte=max(days), last_on__gte=min(days)
    )
    told = rows.values_list("pk", "first_on", "last_on", "in_order")
    return {pk: Span(first, last, in_order) for pk, first, last, in_order in told if first and last}


def sort_lines(
    account: BankAccount, lines: Sequence[ReadLine], standing: Sequence[Standing], spans: Mapping[int, Span]
) -> Sorted:
    """Tell new lines from known ones; raises BadStatement where a whole day lacks a line that is known."""
    span = span_of(lines)
    file_days: dict[date, list[tuple[ReadLine, str]]] = defaultdict(list)
    for line in lines:
        file_days[line.booked_on].append((line, content_of(account, line)))
    known_days: dict[date, list[Standing]] = defaultdict(list)
    for found in standing:
        known_days[found.booked_on].append(found)
    result = Sorted()
    for day, of_file in file_days.items():
        of_books = known_days[day]
        part = span.part_of(day) if span else Part.SOME
        by_count = part == Part.WHOLE or _is_same_stretch(of_file, of_books)
        by_looks = _sort_day(of_file, of_books, by_count=by_count, into=result)
        if by_looks and not by_count and not any(known.part_of(day) == Part.WHOLE for known in spans.values()):
            same_end = [pk for pk, known in spans.items() if part != Part.SOME and known.part_of(day) == part]
            result.alike.extend(_alike(of_file, of_books, by_looks, part, same_end))
    for day, of_books in known_days.items():
        if span and span.part_of(day) == Part.WHOLE:
            _refuse_lacking(file_days.get(day, []), of_books, day)
    return result


def span_of(lines: Sequence[ReadLine]) -> Span | None:
    """The days that a file's lines are of; None for a file without any."""
    days = [line.booked_on for line in lines]
    return Span(min(days), max(days), days == sorted(days)) if days else None


def _sort_day(
    of_file: list[tuple[ReadLine, str]], of_books: list[Standing], *, by_count: bool, into: Sorted
) -> dict[int, Standing]:
    """Sort a day's lines; those known by their looks alone, as no balance tells their place, by their index."""
    left: dict[str, list[Standing]] = defaultdict(list)
    for found in of_books:
        left[found.content].append(found)
    unplaced: list[tuple[int, ReadLine, str]] = []
    by_looks: dict[int, Standing] = {}
    for index, (line, content) in enumerate(of_file):
        at_place = [found for found in left[content] if found.balance_minor == line.balance_minor]
        if line.balance_minor is not None and at_place:
            left[content].remove(at_place[0])
            into.known.append((line, at_place[0]))
        else:
            unplaced.append((index, line, content))
    for index, line, content in unplaced:
        placeless = [found for found in left[content] if by_count or None in (found.balance_minor, line.balance_minor)]
        if placeless:
            left[content].remove(placeless[0])
            into.known.append((line, placeless[0]))
            by_looks[index] = placeless[0]
        else:
            into.new.append((line, content))
    return by_looks


def _alike(
    of_file: Sequence[tuple[ReadLine, str]],
    of_books: Sequence[Standing],
    by_looks: Mapping[int, Standing],
    part: Part,
    same_end: Sequence[int],
) -> Iterator[AlikeLines]:
    """The lines of a cut day that may be lines of their own.

    Two files that hold the same end of a day hold the same lines of it, as many as the longer one has: beyond what
    such a statement has, each line may be known or not.
    """
    known_by: dict[str, list[int]] = defaultdict(list)
    for index in by_looks:
        known_by[of_file[index][1]].append(index)
    is_likely = _is_stretch(sorted(by_looks), len(of_file), part) and len(known_by) > 1
    for content, indexes in known_by.items():
        in_books = [found for found in of_books if found.content == content]
        sure = max((sum(pk in found.statements for found in in_books) for pk in same_end), default=0)
        count = len(indexes) - sure
        if count > 0:
            yield AlikeLines(of_file[indexes[-1]][0], by_looks[indexes[-1]], count, is_likely)


def _is_stretch(indexes: Sequence[int], count: int, part: Part) -> bool:
    """Whether known lines stand together, where a file would go on from another: at the day's beginning or its end."""
    together = indexes[-1] - indexes[0] + 1 == len(indexes)
    if part == Part.END:
        return together and indexes[0] == 0
    if part == Part.BEGINNING:
        return together and indexes[-1] == count - 1
    return together


def _is_same_stretch(of_file: list[tuple[ReadLine, str]], of_books: list[Standing]) -> bool:
    """Whether a statement in the books holds what leads from the same balance to the same balance on this day."""
    stretch = _ends([(line.balance_minor, line.amount_minor) for line, _content in of_file])
    if stretch is None:
        return False
    by_statement: dict[int, list[tuple[int | None, int]]] = defaultdict(list)
    for found in of_books:
        for statement in found.statements:
            by_statement[statement].append((found.balance_minor, found.amount_minor))
    return any(_ends(steps) == stretch for steps in by_statement.values())


def _ends(steps: list[tuple[int | None, int]]) -> tuple[Counter[int], Counter[int]] | None:
    """The balances that steps lead from and to, in whatever order they are; None where one has no balance."""
    balances = [(balance - amount, balance) for balance, amount in steps if balance is not None]
    if len(balances) < len(steps):
        return None
    before, after = (Counter(side) for side in zip(*balances, strict=True))
    # Where the day ends as it began, only the same steps are the same stretch.
    return (before - after, after - before) if before != after else (before, after)


def _refuse_lacking(of_file: list[tuple[ReadLine, str]], of_books: list[Standing], day: date) -> None:
    lacking = Counter(found.content for found in of_books) - Counter(content for _line, content in of_file)
    if lacking:
        raise BadStatement(Problem.CONTRADICTS, of_file[0][0].number if of_file else None, day.isoformat())
