"""The tests' own ground: each process has a database of its own, and commits do not leak from test to test."""

import psycopg
import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from tests import databases


@pytest.mark.django_db
def test_the_database_is_real_postgresql_and_ours_alone() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database(), version()")
        name, version = cursor.fetchone()
    assert name == databases.NAME
    assert version.startswith("PostgreSQL")


@pytest.mark.parametrize("_time", [1, 2])
def test_what_a_test_commits_is_gone_in_the_next(database_url: str, _time: int) -> None:
    get_user_model().objects.create(username="anna")
    with psycopg.connect(database_url) as other:
        assert other.execute("SELECT count(*) FROM auth_user").fetchone() == (1,)
