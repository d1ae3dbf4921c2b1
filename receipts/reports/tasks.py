"""Celery's task of reports: a nudge; the rows say what there is to make."""

from __future__ import annotations

from celery import shared_task

from . import masking, work


@shared_task
def make_due() -> None:
    """Mask what was issued of partners who were masked, then make the fund reports that staff asked for."""
    masking.mask_due()
    work.make_due()
