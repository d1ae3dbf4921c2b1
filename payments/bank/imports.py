"""Importing bank statements, with what is certain of their lines among payouts too: at once, or by a worker."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Final

from fundraising.bank import findings, suggestions, uploads
from fundraising.bank.preview import look
from fundraising.bank.problems import BadStatement, Problem
from fundraising.bank.statements import OtherThanSeen
from fundraising.models import BankAccount, BankLine, Upload, UploadState

from . import matching

log = logging.getLogger(__name__)
MATCHED_AT_ONCE: Final = 200  # of a kind, while somebody waits; the sweeps match the others


@dataclass(frozen=True)
class Matched:
    """How many lines were matched by themselves, and whether more are to follow."""

    donations: int
    payouts: int
    more: bool


def read(account: BankAccount, data: bytes) -> dict[str, Any]:
    """What a file holds, what its import would do, and how many lines would be matched. Raises BadStatement."""
    found = look(account, data)
    waiting = BankLine.objects.filter(bank_account=account).exclude(unexplained_minor=0).select_related("bank_account")
    known = list(waiting.order_by("-booked_on", "-pk")[: matching.MOST_LINES])
    lines = [*known, *found.new]
    donations = [line for line, _donation in suggestions.certain(account, lines) if line.pk is None]
    payouts = [line for line, _payout in matching.certain(account, lines) if line.pk is None]
    return {**found.told, "donations": len(donations), "payouts": len(payouts)}


def match_at_once(account: BankAccount) -> Matched:
    """Match what is certain after an import, as far as somebody can wait for it; and look for what is wrong."""
    donations = suggestions.match_certain(account, most=MATCHED_AT_ONCE)
    payouts = matching.match_certain(account, most=MATCHED_AT_ONCE)
    findings.note(account.entity)
    return Matched(donations, payouts, more=max(donations, payouts) >= MATCHED_AT_ONCE)


def work() -> int:
    """Read and import what waits for a worker, one after the other; how many were taken up."""
    count = uploads.expire()
    while upload := uploads.claim():
        _carry_out(upload)
        count += 1
    return count


def _carry_out(upload: Upload) -> None:
    try:
        if upload.state == UploadState.READING:
            with uploads.Beat(upload):
                found = read(upload.bank_account, uploads.bytes_of(upload))
            uploads.ready(upload, found)
        else:
            uploads.import_claimed(upload)
            match_at_once(upload.bank_account)
    except BadStatement as problem:
        uploads.refuse(upload, problem)
    except OtherThanSeen:
        uploads.see_again(upload, read(upload.bank_account, uploads.bytes_of(upload)))
    except uploads.ClaimLost:
        log.warning("upload %s was taken up by another worker", upload.uuid)
    except Exception:
        log.exception("upload %s failed", upload.uuid)
        uploads.refuse(upload, BadStatement(Problem.FAILED))
