"""Sealing anew: what is stored under an old key of the vault gets the first one of FIELD_KEYS (runbook, Keys).

A place is a column with sealed values. It is gone through in the order of its rows, a few in each database transaction:
those that the service is at are passed over and come in the next round. A row that is done names the new key, so
whoever is stopped in the middle goes on with what is left, and running it again does nothing.

What is issued or booked is kept from every change by triggers, and another ciphertext is a change. So these
transactions, and no others, stand aside from triggers (`session_replication_role`), which takes a right that the
service's own database role should not have. They write nothing but the sealed column of a row that they hold.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.db import ProgrammingError, connection, transaction
from django.db.models import Model
from psycopg import sql
from psycopg.types.json import Jsonb

from fundraising import vault
from fundraising.bank import statements, uploads
from fundraising.books import manual_entries
from fundraising.exports import work
from fundraising.models import Export, ExportPart, JournalEntry, SpendingStep, Statement, Upload
from fundraising.spending import steps
from receipts.models import Document, SealedEdition
from receipts.reports import masking

from .sign_in import TOTP_CONTEXT

BATCH: Final = 100  # rows of one database transaction: of documents, a few megabytes
ROUNDS: Final = 5  # through a place, for what the service was at
PAUSE: Final = 1.0  # seconds between two rounds


class NotAllowed(Exception):
    """The database role may not stand aside from triggers."""


@dataclass(frozen=True)
class Kind:
    """How a column holds what is sealed: SQL of whether it holds any and of its key's id, and how it is sealed anew."""

    full: str
    key_of: str
    reseal: Callable[[Any, str], Any]


@dataclass(frozen=True)
class Place:
    """A column with sealed values; `context` is the SQL of what each was sealed for, of a row named `kept`."""

    model: type[Model]
    column: str
    context: str
    kind: Kind

    @property
    def name(self) -> str:
        return f"{self.model._meta.db_table}.{self.column}"


@dataclass
class Outcome:
    """How many values of a place were sealed anew; how many the service was at; by key, those that do not open."""

    sealed: int = 0
    left: int = 0
    unreadable: Counter[str] = field(default_factory=Counter)


def _of_json(value: str, context: str) -> Jsonb:
    """An object whose sealed values are sealed anew; the others stay."""
    return Jsonb({key: _anew(one, context) for key, one in json.loads(value).items()})


def _anew(one: Any, context: str) -> Any:
    return vault.reseal(one, context) if isinstance(one, str) and one.startswith(f"{vault.VERSION}:") else one


_OF_TEXT = "CASE WHEN {text} LIKE 'v1:%%:%%' THEN split_part({text}, ':', 2) ELSE '?' END"
TEXT: Final = Kind("{column} <> ''", _OF_TEXT.replace("{text}", "{column}"), vault.reseal)
BYTES: Final = Kind(
    "length({column}) > 0",
    _OF_TEXT.replace("{text}", "encode(substring({column} FROM 1 FOR 80), 'escape')"),
    vault.reseal_bytes,
)
# Of an object one value under another key than the first is enough: all of it is sealed anew.
JSON: Final = Kind(
    "{column}::text LIKE '%%\"v1:%%'",
    "(SELECT coalesce(max(split_part(one.value, ':', 2)), %(first)s) FROM jsonb_each_text({column}) one "
    "WHERE one.value LIKE 'v1:%%:%%' AND split_part(one.value, ':', 2) <> %(first)s)",
    _of_json,
)
PART = (
    "(SELECT 'fundraising_exportpart.sealed:' || export.uuid || ':' || kept.number "
    "FROM fundraising_export export WHERE export.id = kept.export_id)"
)
PAPER = (
    "(SELECT 'receipts_document.sealed_pdf:' || receipt.number "
    "FROM receipts_receipt receipt WHERE receipt.id = kept.receipt_id)"
)


def places() -> Iterator[Place]:
    """Everything that is sealed: fields that seal by themselves, and what modules seal as bytes or within JSON."""
    for model in apps.get_models(include_auto_created=True):
        for one in model._meta.local_concrete_fields:
            if isinstance(one, vault.SealedTextField):
                yield Place(model, str(one.column), f"'{model._meta.db_table}.{one.column}'", TEXT)
    yield Place(Document, "sealed_pdf", PAPER, BYTES)
    yield Place(ExportPart, "sealed", PART, BYTES)
    yield Place(Statement, "sealed_bytes", f"'{statements.SEALED_AS}'", BYTES)
    yield Place(Upload, "sealed_bytes", f"'{uploads.SEALED_AS}'", BYTES)
    yield Place(JournalEntry, "sealed_attachment", f"'{manual_entries.CONTEXT}'", BYTES)
    yield Place(SpendingStep, "sealed_attachment", f"'{steps.ATTACHMENT}'", BYTES)
    yield Place(SealedEdition, "sealed", f"'{masking.SEALED}'", BYTES)
    yield Place(Export, "filters", f"'{work.SECRETS}'", JSON)
    yield Place(Authenticator, "data", f"'{TOTP_CONTEXT}'", JSON)


def keys_of(place: Place) -> Counter[str]:
    """How many values of a place there are by their key's id."""
    query = _query("SELECT {key_of}, count(*) FROM {table} kept WHERE {full} GROUP BY 1", place)
    with connection.cursor() as cursor:
        cursor.execute(query, {"first": vault.first_key()})
        return Counter(dict(cursor.fetchall()))


def reseal(place: Place, *, batch: int = BATCH, pause: float = PAUSE) -> Outcome:
    """Seal the values of a place anew; none is printed or logged. Raises NotAllowed.

    What does not open, because its key is not in FIELD_KEYS or it was altered, stays as it is and is counted.
    """
    outcome = Outcome()
    for number in range(ROUNDS):
        if number:
            time.sleep(pause)
        outcome.unreadable.clear()
        after: Any = None
        while (after := _batch(place, after, outcome, batch)) is not None:
            pass
        keys = keys_of(place)
        outcome.left = keys.total() - keys[vault.first_key()] - outcome.unreadable.total()
        if outcome.left <= 0:
            break
    return outcome


@transaction.atomic
def _batch(place: Place, after: Any, outcome: Outcome, batch: int) -> Any:
    """Seal the next few rows behind a key anew; the key of the last one, None where there was none."""
    wanted = _query(
        "SELECT kept.{key}, {column}, {key_of}, {context} FROM {table} kept WHERE {full} AND {key_of} <> %(first)s "
        "AND (%(after)s::bigint IS NULL OR kept.{key} > %(after)s) ORDER BY kept.{key} LIMIT %(batch)s "
        "FOR NO KEY UPDATE OF kept SKIP LOCKED",
        place,
    )
    told = _query("UPDATE {table} SET {bare} = %s WHERE {key} = %s", place)
    with connection.cursor() as cursor:
        _stand_aside(cursor)
        cursor.execute(wanted, {"first": vault.first_key(), "after": after, "batch": batch})
        rows = cursor.fetchall()
        for key, value, kid, context in rows:
            try:
                anew = place.kind.reseal(value, context)
            except vault.SealedError:
                outcome.unreadable[kid] += 1
            else:
                cursor.execute(told, [anew, key])
                outcome.sealed += 1
    return rows[-1][0] if rows else None


def _stand_aside(cursor: Any) -> None:
    """Until the end of the database transaction no trigger runs for it."""
    try:
        cursor.execute("SET LOCAL session_replication_role = replica")
    except ProgrammingError as error:
        raise NotAllowed(connection.settings_dict["USER"]) from error


def _query(text: str, place: Place) -> sql.Composed:
    """Our own SQL about a place, with the names of its table and columns in it."""
    key = place.model._meta.pk
    assert key is not None  # every model has one
    column = sql.Identifier("kept", place.column)
    return sql.SQL(text).format(
        table=sql.Identifier(place.model._meta.db_table),
        key=sql.Identifier(str(key.column)),
        bare=sql.Identifier(place.column),
        column=column,
        full=sql.SQL(place.kind.full).format(column=column),
        key_of=sql.SQL(place.kind.key_of).format(column=column),
        context=sql.SQL(place.context),
    )
