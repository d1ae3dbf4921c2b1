"""Celery's tasks of the books."""

from celery import shared_task

from . import ledger, reminders


@shared_task
def fold() -> None:
    """Fold finished postings into checkpoints, should no live process be doing so."""
    ledger.fold()


@shared_task
def remind() -> None:
    """Remind of yearly collections that are near."""
    reminders.remind_of_yearly()
