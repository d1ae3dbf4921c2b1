"""The verbs of a bank statement: import it, roll it back. Each is one database transaction, whole or not at all."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from itertools import count

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format

from .. import ledger, trail
from ..ledger import Bucket
from ..models import Alike, BankAccount, BankLine, Match, Purpose, Statement
from ..vault import blind_index, blind_words, seal_bytes, unseal_bytes
from .files import read_for
from .formats import ReadFile, ReadLine, tidied
from .identity import Sorted, sort_lines, span_of, standing_lines, standing_spans
from .problems import BadStatement, Problem

SEALED_AS = "fundraising_statement.sealed_bytes"
BATCH = 2_000  # rows in one statement to the database
Progress = Callable[[int], object]  # how many lines are done


def idle(_done: int) -> None:
    """For whoever does not ask how far it is."""


class LinesMatched(Exception):
    """A statement cannot be rolled back: these lines of it, by their ids, are matched."""

    def __init__(self, lines: Sequence[int]) -> None:
        super().__init__(f"{len(lines)} lines are matched")
        self.lines = lines


class RolledBackBefore(Exception):
    """The statement was rolled back already."""


class OtherThanSeen(Exception):
    """Other lines of the file are new than when a person looked at it: somebody has imported or rolled back since."""


def import_statement(
    account: BankAccount,
    *,
    name: str,
    data: bytes,
    by: User,
    expected_new: int | None = None,
    progress: Progress = idle,
) -> Statement:
    """Import a file: its new lines are booked, those known are only noted as held by it.

    `progress` is told how many lines are done. Raises BadStatement, and OtherThanSeen where so many new lines are not
    what is found.
    """
    read = read_for(account, data)
    with transaction.atomic():
        locked = BankAccount.objects.select_for_update().get(pk=account.pk)
        digest = hashlib.sha256(data).hexdigest()
        lines = refused_or_lines(locked, read, digest)
        found = sorted_lines(locked, lines)
        if expected_new is not None and len(found.new) != expected_new:
            raise OtherThanSeen(len(found.new))
        statement = _keep(locked, read, name=name, data=data, digest=digest, lines=lines, found=found, by=by)
        _link(statement, found)
        _place(found)
        _note_alike(statement, found)
        book_lines(locked, statement, found.new, progress)
        trail.record(
            "statement_imported",
            by=by,
            about=f"statement:{statement.uuid}",
            entity=locked.entity,
            after={"account": locked.slug, "lines": statement.lines_read, "new": statement.lines_new},
        )
    return statement


def refused_or_lines(account: BankAccount, read: ReadFile, digest: str) -> list[ReadLine]:
    """The lines of a file, unless it was imported already or says its days in another format; raises BadStatement."""
    _refuse_again(account, digest)
    lines = [line for statement in read.statements for line in statement.lines]
    _refuse_other_format(account, read, lines)
    return lines


def sorted_lines(account: BankAccount, lines: Sequence[ReadLine]) -> Sorted:
    """Which lines are new; raises BadStatement."""
    return sort_lines(account, lines, standing_lines(account, lines), standing_spans(account, lines))


def _refuse_again(account: BankAccount, digest: str) -> None:
    same = Statement.objects.filter(bank_account=account, sha256=digest, rolled_back_at=None).first()
    if same:
        when = date_format(timezone.localtime(same.imported_at), "SHORT_DATETIME_FORMAT")
        raise BadStatement(Problem.SAME_FILE, None, f"{same.name}, {when}")


def _refuse_other_format(account: BankAccount, read: ReadFile, lines: Sequence[ReadLine]) -> None:
    """A day whose lines are known in another format's words only would be booked twice."""
    days = {line.booked_on: line.number for line in lines}
    if not days:
        return
    standing = Statement.objects.filter(bank_account=account, rolled_back_at=None)
    if not standing.exclude(format=read.format).filter(last_on__gte=min(days), first_on__lte=max(days)).exists():
        return
    known = BankLine.objects.filter(bank_account=account, booked_on__in=days, withdrawn_at=None)
    other = (
        known.exclude(statements__in=standing.filter(format=read.format)).order_by("booked_on").values("booked_on")
    ).first()
    if other:
        raise BadStatement(Problem.OTHER_FORMAT, days[other["booked_on"]], other["booked_on"].isoformat())


def _keep(
    account: BankAccount,
    read: ReadFile,
    *,
    name: str,
    data: bytes,
    digest: str,
    lines: Sequence[ReadLine],
    found: Sorted,
    by: User,
) -> Statement:
    span = span_of(lines)
    first, last = read.statements[0], read.statements[-1]
    days = [day for part in read.statements for day in (part.first_on, part.last_on) if day]
    return Statement.objects.create(
        bank_account=account,
        format=read.format,
        name=tidied(name)[:200] or read.format,
        sha256=digest,
        sealed_bytes=seal_bytes(data, SEALED_AS),
        first_on=min(days, default=None),
        last_on=max(days, default=None),
        opening_minor=first.opening_minor,
        closing_minor=last.closing_minor,
        in_order=span is not None and span.in_order,
        lines_read=len(lines),
        lines_new=len(found.new),
        imported_by=by,
    )


def _link(statement: Statement, found: Sorted) -> None:
    through = BankLine.statements.through
    through.objects.bulk_create(
        [through(bankline_id=known.pk, statement_id=statement.pk) for _line, known in found.known], batch_size=BATCH
    )


def _place(found: Sorted) -> None:
    """Lines that were known without a balance now have one."""
    placed = [
        BankLine(pk=known.pk, balance_minor=line.balance_minor)
        for line, known in found.known
        if known.balance_minor is None and line.balance_minor is not None
    ]
    BankLine.objects.bulk_update(placed, ["balance_minor"], batch_size=BATCH)


def _note_alike(statement: Statement, found: Sorted) -> None:
    Alike.objects.bulk_create(
        [
            Alike(statement=statement, line_id=one.known.pk, count=one.count, is_likely=one.is_likely)
            for one in found.alike
        ],
        batch_size=BATCH,
    )


def book_lines(
    account: BankAccount,
    statement: Statement,
    new: Sequence[tuple[ReadLine, str]],
    progress: Progress = idle,
    *,
    after: int = 0,
) -> list[BankLine]:
    """Book the lines and keep their rows; a row that was withdrawn before comes back, under a key of its own.

    Occurrences are numbers above `after`.
    """
    rows, back = _rows(account, new, after)
    if not rows:
        return []
    for start in range(0, len(rows), BATCH):
        some = rows[start : start + BATCH]
        keys = [_key(account, row, statement if row.pk else None) for row in some]
        facts = [
            ledger.Fact(key, _legs(account, row.amount_minor), moment_of(row.booked_on))
            for key, row in zip(keys, some, strict=True)
        ]
        entries = ledger.post_new(facts)
        for key, row in zip(keys, some, strict=True):
            row.entry_id = entries[key]
        progress(start + len(some))
    BankLine.objects.bulk_create([row for row in rows if row.pk is None], batch_size=BATCH)
    BankLine.objects.bulk_update(
        back, ["entry", "withdrawn_at", "unexplained_minor", "value_on", "balance_minor"], batch_size=BATCH
    )
    through = BankLine.statements.through
    through.objects.bulk_create(
        [through(bankline_id=row.pk, statement_id=statement.pk) for row in rows], batch_size=BATCH
    )
    return rows


def _rows(
    account: BankAccount, new: Sequence[tuple[ReadLine, str]], after: int
) -> tuple[list[BankLine], list[BankLine]]:
    """A row for each new line, and those of them that had been withdrawn; occurrences take the lowest free number."""
    taken: dict[str, set[int]] = defaultdict(set)
    withdrawn: dict[tuple[str, int], BankLine] = {}
    for row in BankLine.objects.filter(bank_account=account, content__in={content for _line, content in new}):
        if row.withdrawn_at:
            withdrawn[row.content, row.occurrence] = row
        else:
            taken[row.content].add(row.occurrence)
    last: Counter[str] = Counter()
    rows: list[BankLine] = []
    back: list[BankLine] = []
    for line, content in new:
        occurrence = next(n for n in count(max(last[content], after) + 1) if n not in taken[content])
        last[content] = occurrence
        again = withdrawn.get((content, occurrence))
        if again:
            back.append(again)
            again.withdrawn_at, again.value_on, again.balance_minor = None, line.value_on, line.balance_minor
            again.unexplained_minor = line.amount_minor
        rows.append(again or _row(account, line, content, occurrence))
    return rows, back


def _row(account: BankAccount, line: ReadLine, content: str, occurrence: int) -> BankLine:
    return BankLine(
        bank_account=account,
        content=content,
        occurrence=occurrence,
        booked_on=line.booked_on,
        value_on=line.value_on,
        amount_minor=line.amount_minor,
        balance_minor=line.balance_minor,
        unexplained_minor=line.amount_minor,
        bank_reference=line.bank_reference,
        reference=line.reference,
        name=line.name,
        iban=line.iban,
        iban_index=iban_index(line.iban),
        words=blind_words(line.name, line.reference),
    )


def iban_index(iban: str) -> str:
    """The blind index by which lines of one account are found; empty for none."""
    compact = "".join(iban.split()).upper()
    return blind_index("iban", compact) if compact else ""


def bucket_of(account: BankAccount) -> Bucket:
    """The bank account's own account in the ledger."""
    return Bucket(account.entity_id, Purpose.BANK, account.currency, provider=account.slug)


def unexplained_of(account: BankAccount) -> Bucket:
    """Where its lines wait until they are explained."""
    return Bucket(account.entity_id, Purpose.SUSPENSE, account.currency, provider=account.slug)


def moment_of(day: date) -> datetime:
    """When a line of a day counts: noon, which is the same day everywhere, but never later than now."""
    return min(datetime.combine(day, time(12), UTC), timezone.now())


def _legs(account: BankAccount, amount_minor: int) -> dict[Bucket, int]:
    return {bucket_of(account): amount_minor, unexplained_of(account): -amount_minor}


def _key(account: BankAccount, row: BankLine, again_for: Statement | None) -> str:
    """The fact that the bank wrote this line; booked again after a roll back, it is a fact of that statement."""
    if again_for:
        return f"bank:{account.slug}:{row.content[:40]}:{row.occurrence}:{again_for.pk}"
    return f"bank:{account.slug}:{row.content}:{row.occurrence}"


@transaction.atomic
def roll_back_statement(statement: Statement, *, by: User, reason: str) -> int:
    """Withdraw the lines that no other standing statement holds, and reverse their entries; how many these were.

    Raises LinesMatched while any of them is matched: undo these matches first.
    """
    account = BankAccount.objects.select_for_update().get(pk=statement.bank_account_id)
    standing = Statement.objects.select_for_update().get(pk=statement.pk)
    if standing.rolled_back_at:
        raise RolledBackBefore
    others = BankLine.statements.through.objects.filter(statement__rolled_back_at=None).exclude(statement=standing)
    lines = BankLine.objects.select_for_update(of=("self",)).filter(statements=standing, withdrawn_at=None)
    own = list(lines.exclude(pk__in=others.values("bankline_id")).order_by("pk"))
    matched = Match.objects.filter(line__in=own, undone_at=None).values_list("line_id", flat=True)
    if matched:
        raise LinesMatched(sorted(set(matched)))
    withdraw_lines(account, own)
    standing.rolled_back_by, standing.rolled_back_at = by, timezone.now()
    standing.save(update_fields=["rolled_back_by", "rolled_back_at"])
    trail.record(
        "statement_rolled_back",
        by=by,
        about=f"statement:{standing.uuid}",
        entity=account.entity,
        after={"account": account.slug, "withdrawn": len(own)},
        reason=reason,
    )
    return len(own)


def withdraw_lines(account: BankAccount, lines: Sequence[BankLine]) -> None:
    """Reversed on the day of the line, so that balances of any open day are as if it had never been imported."""
    for start in range(0, len(lines), BATCH):
        ledger.post_new(
            [
                ledger.Fact(
                    f"bank-withdrawn:{line.entry_id}",
                    _legs(account, -line.amount_minor),
                    moment_of(line.booked_on),
                    line.entry_id,
                )
                for line in lines[start : start + BATCH]
            ]
        )
    BankLine.objects.filter(pk__in=[line.pk for line in lines]).update(
        entry=None, withdrawn_at=timezone.now(), unexplained_minor=0
    )


def bytes_of(statement: Statement) -> bytes:
    """The file as it was uploaded."""
    return unseal_bytes(bytes(statement.sealed_bytes), SEALED_AS)
