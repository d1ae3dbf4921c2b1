"""Errors planted in a clean month are found, each by its cause, and the clean month shows none."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from tests import databases

KINDS = 10


def test_the_desk_finds_every_planted_error_by_its_cause_and_nothing_else(database_url: str) -> None:
    """In a process of its own: it uses a database and a sandbox of its own."""
    command = [sys.executable, "manage.py", "plant_errors", "--seed", "7", "--donations", "200"]
    env = {**os.environ, "DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run(
        command, cwd=databases.PROJECT, env=env, capture_output=True, text=True, timeout=1200, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = [line.split() for line in done.stdout.splitlines()]
    counts = [row[-3:] for row in told if len(row) > 4 and all(word.isdigit() for word in row[-3:])]
    assert len(counts) == KINDS
    assert all(planted == found == named != "0" for planted, found, named in counts)
    assert "breaks in the clean month: 0" in done.stdout
    assert "false alarms among the errors: 0" in done.stdout


def test_errors_have_no_place_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "PRODUCTION", True)
    with pytest.raises(CommandError, match="production"):
        call_command("plant_errors")
