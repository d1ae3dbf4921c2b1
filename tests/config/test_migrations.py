"""What every migration of ours keeps to, so that a fresh database is made quickly and goes back whole."""

import re
from collections.abc import Iterator

import pytest
from django.db.migrations import CreateModel, Migration, RunSQL
from django.db.migrations.loader import MigrationLoader

from fundraising.migrations._tables import Tables

OURS = ("config", "fundraising", "payments", "receipts")


def ours() -> Iterator[Migration]:
    migrations = MigrationLoader(None).disk_migrations
    yield from (migration for (app, _), migration in sorted(migrations.items()) if app in OURS)


@pytest.mark.parametrize("migration", [m for m in ours() if isinstance(m, Tables)], ids=str)
def test_a_migration_of_tables_does_nothing_but_make_tables(migration: Tables) -> None:
    """It renders the models once, after all its operations; any other operation would not see what was before it."""
    assert {type(operation) for operation in migration.operations} == {CreateModel}


@pytest.mark.parametrize("migration", [m for m in ours() if any(isinstance(o, RunSQL) for o in m.operations)], ids=str)
def test_the_way_back_drops_each_trigger_and_function_that_was_made(migration: Migration) -> None:
    for operation in migration.operations:
        if isinstance(operation, RunSQL):
            made, dropped = str(operation.sql), str(operation.reverse_sql)
            assert _triggers("CREATE (?:CONSTRAINT )?TRIGGER", made) == _triggers("DROP TRIGGER", dropped)
            functions = set(re.findall(r"\bCREATE FUNCTION (\w+)", made))
            gone = re.findall(r"\bDROP FUNCTION ([^;]+);", dropped)
            assert functions == {name for names in gone for name in re.findall(r"\w+", names)}


def _triggers(verb: str, sql: str) -> set[tuple[str, str]]:
    """Names of triggers with their tables."""
    return set(re.findall(rf"\b{verb} (\w+)[^;]*?\sON\s+(\w+)", sql))
