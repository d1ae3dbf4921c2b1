"""Everything the sandbox remembers, in one SQLite file (or in memory). Objects are JSON; one transaction a request.

Keys of an object that start with an underscore are ours and never leave the sandbox.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

Object = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
    created INTEGER NOT NULL, data TEXT NOT NULL, UNIQUE (account, id)
);
CREATE INDEX IF NOT EXISTS objects_kind ON objects (account, kind, seq);
CREATE INDEX IF NOT EXISTS objects_id ON objects (id);
CREATE INDEX IF NOT EXISTS objects_intent ON objects (account, kind, json_extract(data, '$.payment_intent'));
CREATE INDEX IF NOT EXISTS objects_charge ON objects (account, kind, json_extract(data, '$.charge'));
CREATE INDEX IF NOT EXISTS objects_source ON objects (account, kind, json_extract(data, '$.source'));
CREATE INDEX IF NOT EXISTS objects_customer ON objects (account, kind, json_extract(data, '$.customer'));
CREATE INDEX IF NOT EXISTS objects_payout ON objects (account, kind, json_extract(data, '$._payout'));
CREATE INDEX IF NOT EXISTS objects_session ON objects (account, kind, json_extract(data, '$._intent'));
CREATE INDEX IF NOT EXISTS objects_invoice ON objects (account, kind, json_extract(data, '$.invoice'));
CREATE TABLE IF NOT EXISTS idempotency (
    account TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, request_id TEXT NOT NULL,
    status INTEGER NOT NULL, body TEXT NOT NULL, created INTEGER NOT NULL, PRIMARY KEY (account, key)
);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, event TEXT NOT NULL, endpoint TEXT NOT NULL,
    due REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'pending', faults TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS deliveries_event ON deliveries (event);
CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, due INTEGER NOT NULL,
    verb TEXT NOT NULL, target TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS jobs_due ON jobs (due, id);
CREATE TABLE IF NOT EXISTS memory (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Store:
    """The sandbox's only state. Used from the event loop's thread alone, hence without locks."""

    def __init__(self, path: str) -> None:
        self.sql = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # A write-ahead log survives kill -9; a power cut may cost the last moments, which is fine for a sandbox.
        self.sql.execute("PRAGMA journal_mode = WAL")
        self.sql.execute("PRAGMA synchronous = NORMAL")
        self.sql.executescript(SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, unless the exception says that the work stands. One inside another is a savepoint of it."""
        nested = self.sql.in_transaction
        keep, undo = ("RELEASE nested", "ROLLBACK TO nested") if nested else ("COMMIT", "ROLLBACK")
        self.sql.execute("SAVEPOINT nested" if nested else "BEGIN IMMEDIATE")
        try:
            yield
        except Exception as error:
            self.sql.execute(keep if getattr(error, "keeps_work", False) else undo)
            raise
        self.sql.execute(keep)

    def save(self, account: str, thing: Object) -> Object:
        """Insert or overwrite an object; its place in lists stays where it was first written."""
        self.sql.execute(
            "INSERT INTO objects (account, kind, id, created, data) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (account, id) DO UPDATE SET data = excluded.data",
            (account, thing["object"], thing["id"], thing.get("created", 0), json.dumps(thing, separators=(",", ":"))),
        )
        return thing

    def find(self, account: str, key: str, kind: str | None = None) -> Object | None:
        """The object with this id, or None; of this kind where one is given."""
        row = self.sql.execute("SELECT kind, data FROM objects WHERE account = ? AND id = ?", (account, key)).fetchone()
        if row is None or (kind and row[0] != kind):
            return None
        found: Object = json.loads(row[1])
        return found

    def find_anywhere(self, key: str) -> tuple[str, Object] | None:
        """The object with this id and the account it is in: for pages, which carry no key."""
        row = self.sql.execute("SELECT account, data FROM objects WHERE id = ?", (key,)).fetchone()
        return (row[0], json.loads(row[1])) if row else None

    def remove(self, account: str, key: str) -> None:
        """Forget an object."""
        self.sql.execute("DELETE FROM objects WHERE account = ? AND id = ?", (account, key))

    def place(self, account: str, key: str) -> int | None:
        """Where an object stands in the order of creation, or None."""
        row = self.sql.execute("SELECT seq FROM objects WHERE account = ? AND id = ?", (account, key)).fetchone()
        return int(row[0]) if row else None

    def select(
        self,
        account: str,
        kind: str,
        equal: Mapping[str, Any] | None = None,
        *,
        extra: str = "",
        values: tuple[Any, ...] = (),
        order: str = "DESC",
        limit: int = -1,
    ) -> list[Object]:
        """Objects of a kind whose fields equal the given ones, newest first unless told otherwise."""
        clauses, arguments = ["account = ?", "kind = ?"], [account, kind]
        for path, value in (equal or {}).items():
            clauses.append(f"json_extract(data, '$.{path}') = ?")
            arguments.append(value)
        query = f"SELECT data FROM objects WHERE {' AND '.join(clauses)} {extra} ORDER BY seq {order} LIMIT {limit:d}"
        return [json.loads(row[0]) for row in self.sql.execute(query, (*arguments, *values))]

    def accounts(self) -> list[str]:
        """The slugs of every account that has been used."""
        return [row[0] for row in self.sql.execute("SELECT DISTINCT account FROM objects ORDER BY account")]

    def remembered(self, name: str) -> str | None:
        """A single remembered value, or None."""
        row = self.sql.execute("SELECT value FROM memory WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    def remember(self, name: str, value: str) -> None:
        """Keep a single value."""
        self.sql.execute("INSERT OR REPLACE INTO memory VALUES (?, ?)", (name, value))

    def schedule(self, account: str, due: int, verb: str, target: str) -> None:
        """Have a verb done to an object when virtual time reaches ``due``."""
        self.sql.execute(
            "INSERT INTO jobs (account, due, verb, target) VALUES (?, ?, ?, ?)", (account, due, verb, target)
        )

    def next_job(self, until: int) -> tuple[int, str, int, str, str] | None:
        """The earliest job due by then: id, account, due, verb, target."""
        row = self.sql.execute(
            "SELECT id, account, due, verb, target FROM jobs WHERE due <= ? ORDER BY due, id LIMIT 1", (until,)
        ).fetchone()
        return (int(row[0]), row[1], int(row[2]), row[3], row[4]) if row else None

    def drop_job(self, job: int) -> None:
        """A job done is forgotten."""
        self.sql.execute("DELETE FROM jobs WHERE id = ?", (job,))

    def clear(self) -> None:
        """Forget everything: a fresh sandbox."""
        for table in ("objects", "idempotency", "deliveries", "jobs", "memory"):
            self.sql.execute(f"DELETE FROM {table}")
