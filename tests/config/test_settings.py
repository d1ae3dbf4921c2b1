"""Settings: production refuses to start half-configured, or with a stand-in for Stripe."""

from __future__ import annotations

import base64
import os
import subprocess
import sys

import pytest

from tests import databases

KEY = base64.b64encode(b"k" * 32).decode()
COMPLETE = {
    "OPENAPPEAL_ENV": "production",
    "DATABASE_URL": "postgresql://nobody@localhost/none",
    "BROKER_URL": "redis://localhost",
    "SECRET_KEY": "u9z3Jx0n8cQm2Lr7Vt5By1Kd6Wf4Hs-pEoGiAaNxTqUyRzMv-0Kc4Jd8",
    "FIELD_KEYS": f"2026:{KEY}",
    "INDEX_KEY": KEY,
    "PUBLIC_URL": "https://appeals.example.org",
    "EMAIL_HOST": "mail.example.org",
}


def start(changes: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Start a process with these settings and no others of this machine, and do nothing."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    env = {**kept, **COMPLETE, "DJANGO_SETTINGS_MODULE": "config.settings", **changes}
    command = [sys.executable, "-c", "import django; django.setup()"]
    return subprocess.run(command, env=env, cwd=databases.PROJECT, capture_output=True, text=True, check=False)


def test_a_complete_environment_starts() -> None:
    done = start({})
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        *(({name: ""}, name) for name in COMPLETE if name != "OPENAPPEAL_ENV"),
        ({"STRIPE_API_BASE": "http://127.0.0.1:8012"}, "STRIPE_API_BASE"),
        ({"FIELD_KEYS": "not a key"}, "FIELD_KEYS"),
        ({"OPENAPPEAL_ENV": "staging"}, "OPENAPPEAL_ENV"),
    ],
)
def test_production_refuses_what_is_missing_or_wrong_and_names_it(changes: dict[str, str], named: str) -> None:
    done = start(changes)
    assert done.returncode != 0
    assert "ImproperlyConfigured" in done.stderr
    assert named in done.stderr.strip().splitlines()[-1]


def test_the_checks_of_a_deployment_are_clean() -> None:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(
        command, env={**kept, **COMPLETE}, cwd=databases.PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
