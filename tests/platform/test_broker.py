"""Celery for real: a nudge sent here reaches a worker over the broker that is configured."""

import pytest

from config.processes import Running
from fundraising.tasks import fold
from tests.waiting import wait_until


@pytest.mark.celery
def test_a_nudge_reaches_a_real_worker(celery_worker: Running) -> None:
    task = fold.delay()
    wait_until(lambda: any(f"{task.id}] succeeded" in line for line in [*celery_worker.tail]))
