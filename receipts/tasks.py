"""Celery's tasks of the paper. Beat nudges them; the rows say what there is to do, so a lost nudge loses nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from celery import shared_task

from fundraising.models import Donation, DonationState

from . import bulk, receipts
from .composing import NotIssuable
from .donors import sealing
from .gift_aid import declaring
from .mail import delivery, link_letters, notices
from .models import EndReason, Receipt
from .receipts import AlreadyEnded
from .years import runs as year_runs

logger = logging.getLogger(__name__)

Subject = TypeVar("Subject", Donation, Receipt)
BATCH = 500
MANY = 2000  # due donations that are looked up together
AT_ONCE = 200  # receipts of one database transaction
HANDFUL = 5  # up to here they are rendered one by one
SECONDS = 60.0  # after this long the worker is given back; the next nudge goes on


@shared_task
def issue_due() -> None:
    """Void, replace and issue what is due, and send the mails at once."""
    work_off()
    delivery.send_due()


@shared_task
def issue_years() -> None:
    """Renew papers of years that the books have overtaken, and go on with runs that staff asked for."""
    year_runs.work_off()


@shared_task
def send_due() -> None:
    """Send the mails that are due: notices, those that failed before, and those of receipts that the desk issued."""
    notices.queue_due()
    link_letters.queue_due()
    delivery.send_due()


def work_off() -> None:
    """Void, replace and issue a batch of receipts. One that fails is noted and does not hold up the others."""
    deadline = time.monotonic() + SECONDS
    for receipt in receipts.to_void(limit=BATCH):
        _try(receipt.sole_donation, _void, receipt)
    sealing.void_outdated()
    for receipt in receipts.to_replace(limit=BATCH):
        _try(receipt.sole_donation, _replace, receipt)
    issuers: bulk.Issuers = {}
    while time.monotonic() < deadline and _issue(receipts.due(limit=MANY), issuers, deadline):
        pass


def _issue(due: list[Donation], issuers: bulk.Issuers, deadline: float) -> bool:
    """Issue what is due, many at once where there are many; whether there may be more."""
    if len(due) <= HANDFUL:
        for donation in due:
            _try(donation, receipts.issue_if_free, donation)
        return False
    issued = 0
    for start in range(0, len(due), AT_ONCE):
        if time.monotonic() > deadline:
            break
        issued += _issue_many(due[start : start + AT_ONCE], issuers)
    return issued > 0 and len(due) == MANY


def _issue_many(due: list[Donation], issuers: bulk.Issuers) -> int:
    """Issue a batch; if that fails as a whole, one by one, so that the one at fault is found."""
    try:
        batch = bulk.issue_batch(due, issuers)
    except Exception:
        logger.exception("a batch of %s receipts failed: they are issued one by one", len(due))
        for donation in due:
            _try(donation, receipts.issue_if_free, donation)
        return 0
    for donation in due:
        if code := batch.refused.get(donation.pk):
            logger.warning("donation %s gets no receipt: %s", donation.uuid, code)
            receipts.refuse(donation, code)
    return len(batch.issued)


def _void(receipt: Receipt) -> None:
    receipts.void_receipt(receipt, reason=_REASONS[DonationState(receipt.sole_donation.state)])


_REASONS = {
    DonationState.REFUNDED: EndReason.REFUNDED,
    DonationState.CHARGEBACK: EndReason.TAKEN_BACK,
    DonationState.OPENED: EndReason.NOT_THEIRS,
}


def _replace(receipt: Receipt) -> None:
    receipts.replace_receipt(receipt, reason=EndReason.AMOUNT_CHANGED)


def _try(donation: Donation, verb: Callable[[Subject], object], subject: Subject) -> None:
    try:
        verb(subject)
    except AlreadyEnded:
        pass  # another worker was faster
    except NotIssuable as problem:
        logger.warning("donation %s gets no receipt: %s", donation.uuid, problem.code)
        receipts.refuse(donation, problem.code)
    except Exception as error:  # noted on the desk, tried again later
        logger.exception("donation %s gets no receipt", donation.uuid)
        receipts.refuse(donation, type(error).__name__)


@shared_task
def empty_sealed() -> None:
    """Empty the papers of erased donors that no law wants kept any more."""
    sealing.empty_due()


@shared_task
def empty_declarations() -> None:
    """Empty the Gift Aid declarations of erased donors that nobody has to keep any more."""
    declaring.empty_due()
