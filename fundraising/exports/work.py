"""The verbs of exports: ask, write, fetch, expire.

A small table without donors' data is written when it is asked for. All others are a row that a worker claims; the file
is kept in sealed parts in the database. It can be fetched once it is whole, by whoever asked for it, for a day.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone, translation

from .. import trail
from ..models import Export, ExportPart, ExportState, LegalEntity
from ..vault import seal, seal_bytes, unseal, unseal_bytes
from . import kinds
from .kinds import ExportRefused, Format, Kind
from .packages import PackageRefused
from .table import Row, Table

log = logging.getLogger(__name__)
MOST_AT_ONCE = 10_000  # rows; more are a worker's
PART_BYTES = 1024 * 1024
CLAIM = timedelta(minutes=5)
KEPT = timedelta(hours=24)
GIVEN_UP = timedelta(hours=24)  # after it was asked for: it kills its worker each time
BEAT_ROWS = 2000
BY = "by"  # the filter that says who asked: what a table holds may depend on it
SECRETS = "fundraising_export.filters"


class NotYours(Exception):
    """Somebody else asked for the export, or it is not there (any more)."""


class ClaimLost(Exception):
    """Another worker has taken the export up."""


@dataclass(frozen=True)
class File:
    """A file to send: its name, its type, and its bytes in pieces."""

    name: str
    content_type: str
    pieces: Iterator[bytes]


@dataclass(frozen=True)
class Wish:
    """What somebody wants: which export, as what, filtered how. Language by the filter `language`, who by `by`."""

    kind: Kind
    form: Format
    filters: Mapping[str, str]

    @classmethod
    def read(cls, kind: str, form: str, filters: Mapping[str, str]) -> Wish:
        """Raises ExportRefused for what there is not."""
        known = kinds.find(kind)
        return cls(known, known.format(form), filters)

    @classmethod
    def of(cls, export: Export) -> Wish:
        """What was asked for, with what was kept sealed of it opened again."""
        secret = kinds.find(export.kind).secret
        opened = {name: unseal(value, SECRETS) if name in secret else value for name, value in export.filters.items()}
        return cls.read(export.kind, export.format, opened)

    def kept(self) -> dict[str, str]:
        """The filters as they are stored until a worker reads them: what may be a name is sealed."""
        secret = self.kind.secret
        return {name: seal(value, SECRETS) if name in secret else value for name, value in self.filters.items()}

    def told(self) -> dict[str, object]:
        """What the trail says of it: never the words that were looked for."""
        silent = {*self.kind.secret, BY}
        filters = {name: value for name, value in self.filters.items() if name not in silent}
        return {"kind": self.kind.code, "format": self.form.code, "filters": filters}

    def table(self, entity: LegalEntity) -> Table:
        return self.kind.table(entity, self.filters, self.form)

    def needs_worker(self, entity: LegalEntity) -> bool:
        """Whether it is too big, or names donors. Raises ExportRefused for filters that make no sense."""
        return self.kind.personal or self.table(entity).count(MOST_AT_ONCE + 1) > MOST_AT_ONCE


def write_now(entity: LegalEntity, wish: Wish, *, by: User) -> File:
    """A small export as a file, whole before the first byte is sent. Raises ExportRefused and PackageRefused."""
    table = wish.table(entity)
    data = b"".join(wish.form.write(entity, wish.filters)(table))
    trail.record("export_streamed", by=by, about=f"export:{wish.kind.code}", entity=entity, after=wish.told())
    return File(f"{table.name}.{wish.form.ending}", wish.form.content_type, iter([data]))


@transaction.atomic
def ask(entity: LegalEntity, wish: Wish, *, by: User) -> Export:
    """Note an export for a worker. Raises ExportRefused."""
    wish.table(entity)
    export = Export.objects.create(
        entity=entity, kind=wish.kind.code, format=wish.form.code, filters=wish.kept(), asked_by=by
    )
    trail.record("export_asked", by=by, about=f"export:{export.uuid}", entity=entity, after=wish.told())
    return export


@transaction.atomic
def fetch(export: Export, *, by: User) -> File:
    """The file of a finished export; only for whoever asked, and noted in the trail. Raises NotYours."""
    if export.asked_by_id != by.pk or export.state != ExportState.READY or _is_over(export):
        raise NotYours(export.uuid)
    form = kinds.find(export.kind).format(export.format)
    trail.record("export_fetched", by=by, about=f"export:{export.uuid}", entity=export.entity)
    name = f"{export.kind}-{export.asked_at:%Y%m%d-%H%M}.{form.ending}"
    return File(name if form.code != "datev" else f"EXTF_{name}", form.content_type, _parts(export))


def _is_over(export: Export) -> bool:
    return export.expires_at is None or export.expires_at <= timezone.now()


def _parts(export: Export) -> Iterator[bytes]:
    for number in range(ExportPart.objects.filter(export=export).count()):
        part = ExportPart.objects.get(export=export, number=number)
        yield unseal_bytes(bytes(part.sealed), _context(export, number))


def _context(export: Export, number: int) -> str:
    """A part opens in its own place only."""
    return f"fundraising_exportpart.sealed:{export.uuid}:{number}"


def expire() -> int:
    """Delete the parts of exports whose day is over, and give up those that no worker survives."""
    now = timezone.now()
    over = list(Export.objects.filter(state=ExportState.READY, expires_at__lte=now).values_list("pk", flat=True)[:500])
    with transaction.atomic():
        ExportPart.objects.filter(export__in=over).delete()
        Export.objects.filter(pk__in=over).update(state=ExportState.EXPIRED)
    hopeless = Q(state=ExportState.WAITING) | Q(state=ExportState.WORKING, claimed_until__lt=now)
    for export in Export.objects.filter(hopeless, asked_at__lt=now - GIVEN_UP):
        _fail(export, "gave up")
    return len(over)


def write_due() -> int:
    """Write what is asked for, one after the other; how many were taken up."""
    written = 0
    while export := _claim():
        _write(export)
        written += 1
    return written


@transaction.atomic
def _claim() -> Export | None:
    """Take up what waits, or what its worker has left; from the start, without what that one wrote.

    One at a time, as far as one can see: a long export must not keep every worker from payments and receipts.
    """
    now = timezone.now()
    if Export.objects.filter(state=ExportState.WORKING, claimed_until__gte=now).exists():
        return None
    due = Q(state=ExportState.WAITING) | Q(state=ExportState.WORKING, claimed_until__lt=now)
    found = Export.objects.select_for_update(of=("self",), skip_locked=True).select_related("entity").filter(due)
    export = found.order_by("asked_at").first()
    if export is None:
        return None
    ExportPart.objects.filter(export=export).delete()
    export.state, export.claimed_until, export.rows_done = ExportState.WORKING, now + CLAIM, 0
    export.save(update_fields=["state", "claimed_until", "rows_done"])
    return export


def _write(export: Export) -> None:
    try:
        with translation.override(export.filters.get("language") or None):
            _write_parts(export)
    except ClaimLost:
        log.warning("export %s was taken up by another worker", export.uuid)
    except (ExportRefused, PackageRefused) as refused:
        _fail(export, refused.code)
    except Exception:
        log.exception("export %s failed", export.uuid)
        _fail(export, "error")


def _write_parts(export: Export) -> None:
    wish = Wish.of(export)
    table = wish.table(export.entity)
    export.rows_total = table.count(None)
    Export.objects.filter(pk=export.pk).update(rows_total=export.rows_total)
    counted = replace(table, rows=lambda: _counted(export, table))
    waiting, number = bytearray(), 0
    for piece in wish.form.write(export.entity, wish.filters)(counted):
        waiting += piece
        while len(waiting) >= PART_BYTES:
            _keep(export, number, bytes(waiting[:PART_BYTES]))
            del waiting[:PART_BYTES]
            number += 1
    _finish(export, number, bytes(waiting))


def _counted(export: Export, table: Table) -> Iterator[Row]:
    for done, row in enumerate(table.rows(), start=1):
        export.rows_done = done
        if done % BEAT_ROWS == 0:
            _beat(export)
        yield row


def _beat(export: Export) -> None:
    """Tell how far it is, and that its worker lives; raises ClaimLost if it is another one's by now."""
    until: datetime = timezone.now() + CLAIM
    mine = Export.objects.filter(pk=export.pk, state=ExportState.WORKING, claimed_until=export.claimed_until)
    if not mine.update(claimed_until=until, rows_done=export.rows_done):
        raise ClaimLost(export.uuid)
    export.claimed_until = until


@transaction.atomic
def _keep(export: Export, number: int, data: bytes) -> None:
    _beat(export)  # first: its lock keeps another worker from taking it up in between
    ExportPart.objects.create(export=export, number=number, sealed=seal_bytes(data, _context(export, number)))


@transaction.atomic
def _finish(export: Export, number: int, rest: bytes) -> None:
    _keep(export, number, rest)
    Export.objects.filter(pk=export.pk).update(
        state=ExportState.READY, claimed_until=None, rows_done=export.rows_done, expires_at=timezone.now() + KEPT
    )


@transaction.atomic
def _fail(export: Export, code: str) -> None:
    mine = Export.objects.filter(pk=export.pk, claimed_until=export.claimed_until)
    if mine.update(state=ExportState.FAILED, error=code[:60], claimed_until=None):
        ExportPart.objects.filter(export=export).delete()
