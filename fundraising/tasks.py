"""Celery's tasks of the books."""

from celery import shared_task

from . import ledger


@shared_task
def fold() -> None:
    """Fold finished postings into checkpoints, should no live process be doing so."""
    ledger.fold()
