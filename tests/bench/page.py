"""Database queries of an appeal's page: cold, warm, and whether they grow with the donations."""

from __future__ import annotations

from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests import factories
from tests.bench.results import Result

MORE = 300


def measure() -> list[Result]:
    """With a hundredth of the donations, then with all of them."""
    kit = factories.make_appeal()
    address = kit.pages["it"].get_absolute_url()
    Client().get(address)  # what a process does once in its life is no part of it
    for _ in range(MORE // 100):
        factories.received_donation(kit)
    few, _ = queries(address)
    for _ in range(MORE):
        factories.received_donation(kit)
    cold, warm = queries(address)
    return [
        Result("page: queries cold", f"{cold}", "8", cold, 8, ceiling=True),
        Result("page: queries warm", f"{warm}", "2", warm, 2, ceiling=True),
        Result(
            "page: queries more after more donations",
            f"{cold - few}",
            "0",
            cold - few,
            0,
            ceiling=True,
            note=f"{MORE // 100} and {MORE + MORE // 100} donations",
        ),
    ]


def queries(address: str) -> tuple[int, int]:
    """Of the first visit after the cache was emptied, and of the second."""
    cache.clear()
    return count(address), count(address)


def count(address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        answer = Client().get(address)
    assert answer.status_code == 200, answer.status_code
    return len(captured)
