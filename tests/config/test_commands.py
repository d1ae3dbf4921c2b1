"""The operators' verbs: the audit and its exit code, the rebuild, and the demo that may be started again and again."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import CommandError, call_command, load_command_class
from django.db import connection
from django.test import Client
from pytest_django import Settings

from fundraising import ledger
from fundraising.models import Appeal, Donation, LegalEntity, Role
from tests import factories
from tests.conftest import Sandbox
from tests.waiting import wait_until


def run(command: str, *arguments: str) -> tuple[int, str]:
    """A command's exit code and what it printed."""
    out = StringIO()
    try:
        call_command(command, *arguments, stdout=out)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


@pytest.mark.django_db
def test_the_audit_of_books_that_agree_prints_a_table_and_succeeds() -> None:
    code, table = run("audit_books", "--offline")
    assert code == 0, table
    *rows, summary = table.strip().splitlines()
    assert all(row.startswith("ok    ") for row in rows)
    assert summary == f"{len(rows)} checks, 0 differences"


@pytest.mark.django_db(transaction=True)
def test_the_audit_fails_on_a_changed_figure_and_the_rebuild_mends_it() -> None:
    factories.received_donation()

    def folded() -> bool:
        ledger.fold()
        with connection.cursor() as cursor:
            cursor.execute("UPDATE fundraising_checkpoint SET balance_minor = balance_minor + 1")
            return bool(cursor.rowcount)

    wait_until(folded)
    code, table = run("audit_books", "--offline")
    assert code == 1
    assert re.search(r"(?m)^DIFF  checkpoints that differ from their postings.*\(expected none\)$", table)
    assert table.strip().endswith("differences")
    assert run("rebuild_totals") == (0, "Checkpoints rebuilt from the postings.\n")
    assert "checkpoints that differ" not in "".join(
        line for line in run("audit_books", "--offline")[1].splitlines() if line.startswith("DIFF")
    )


def test_a_simulation_takes_how_many_are_given_under_either_name() -> None:
    parser = load_command_class("config", "simulate").create_parser("manage.py", "simulate")
    for name in ("--donations", "--gifts"):
        asked = parser.parse_args(["--seed", "7", name, "40", "--months", "6", "--faults", "all"])
        assert (asked.seed, asked.donations, asked.months, asked.faults) == (7, 40, 6, "all"), name


def test_the_demo_may_be_seeded_again_and_again(
    database_url: str, sandbox: Sandbox, settings: Settings, tmp_path: Path
) -> None:
    settings.STATE_DIR = tmp_path
    code, first = run("seed_demo")
    assert code == 0
    accounts = re.findall(r"(?m)^(\w+) +\w+ +password (\S+)$", first)
    assert [role for role, _password in accounts] == list(Role.values)
    assert (tmp_path / "demo.json").stat().st_mode & 0o077 == 0
    counts = [model.objects.count() for model in (LegalEntity, Appeal, Donation, User)]
    assert run("seed_demo") == (0, first)
    assert [model.objects.count() for model in (LegalEntity, Appeal, Donation, User)] == counts


def test_every_page_of_the_demo_opens_in_every_language(
    database_url: str, sandbox: Sandbox, settings: Settings, tmp_path: Path
) -> None:
    settings.STATE_DIR = settings.MAIL_DIR = tmp_path
    run("seed_demo", "--empty")
    cache.clear()
    visitor = Client()
    seen = {"/en/", "/it/", "/demo/", "/demo/mail/"}
    waiting = set(seen)
    while waiting:
        path = waiting.pop()
        answer = visitor.get(path)
        assert answer.status_code == 200, path
        links = re.findall(r'href="(/(?:en|it|demo)/[^"#?]*)', answer.content.decode())
        waiting |= set(links) - seen
        seen |= set(links)
    assert len(seen) >= 14


def test_the_demo_has_no_place_in_production(settings: Settings) -> None:
    settings.PRODUCTION = True
    with pytest.raises(CommandError):
        run("seed_demo")
