"""Celery's tasks of the paper. Beat nudges them; the rows say what there is to do, so a lost nudge loses nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from celery import shared_task

from fundraising.models import Donation, DonationState

from . import delivery, notices, receipts
from .models import EndReason, Receipt
from .receipts import AlreadyEnded, NotIssuable

logger = logging.getLogger(__name__)

Subject = TypeVar("Subject", Donation, Receipt)
BATCH = 500
SECONDS = 60.0  # after this long the worker is given back; the next nudge goes on


@shared_task
def issue_due() -> None:
    """Void, replace and issue what is due, and send the mails at once."""
    work_off()
    delivery.send_due()


@shared_task
def send_due() -> None:
    """Send the mails that are due: notices, those that failed before, and those of receipts that the desk issued."""
    notices.queue_due()
    delivery.send_due()


def work_off() -> None:
    """Void, replace and issue a batch of receipts. One that fails is noted and does not hold up the others."""
    deadline = time.monotonic() + SECONDS
    for receipt in receipts.to_void(limit=BATCH):
        _try(receipt.donation, _void, receipt)
    for receipt in receipts.to_replace(limit=BATCH):
        _try(receipt.donation, _replace, receipt)
    for donation in receipts.due(limit=BATCH):
        if time.monotonic() > deadline:
            break
        _try(donation, receipts.issue_if_free, donation)


def _void(receipt: Receipt) -> None:
    taken = receipt.donation.state == DonationState.CHARGEBACK
    receipts.void_receipt(receipt, reason=EndReason.TAKEN_BACK if taken else EndReason.REFUNDED)


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
