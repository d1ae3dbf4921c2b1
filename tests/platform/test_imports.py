"""Processes that make no paper do not carry what makes papers."""

import os
import subprocess
import sys

from tests import databases, factories

# What a worker needs when it makes a paper or an OpenDocument file, and nobody before.
HEAVY = {"weasyprint", "pydyf", "pyhanko", "odfdo", "openpyxl"}
LOADED = f"print('loaded:', *(set({sorted(HEAVY)}) & sys.modules.keys()))"
OF_WEB = """
import sys
from django.test import Client
from config.wsgi import application
answer = Client(headers={"host": "localhost"}).get(sys.argv[1])
assert answer.status_code == 200, answer.status_code
"""
OF_LIVE = """
import sys
import fundraising.live
"""
OF_PAPERS = """
import sys
import django
django.setup()
from receipts import pdf
pdf.srgb_profile()
"""


def loaded(program: str, database_url: str, *arguments: str) -> set[str]:
    """Which of the heavy libraries a process of its own has imported at the end of a program."""
    env = {**os.environ, "DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-c", program + LOADED, *arguments]
    done = subprocess.run(command, env=env, cwd=databases.PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.strip().splitlines()[-1].split()[1:])


def test_web_answers_an_appeal_page_without_what_makes_papers(database_url: str) -> None:
    page = factories.make_appeal().pages["en"].get_absolute_url()
    assert loaded(OF_WEB, database_url, page) == set()


def test_live_starts_without_what_makes_papers(database_url: str) -> None:
    assert loaded(OF_LIVE, database_url) == set()


def test_the_first_paper_brings_what_makes_it(database_url: str) -> None:
    assert loaded(OF_PAPERS, database_url) == {"weasyprint", "pydyf"}
