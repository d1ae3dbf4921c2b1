"""The verbs of an upload: hold, confirm, cancel, expire; and how a worker takes one up.

A small file is read while its person waits; a large one by a worker, and imported by one. The row is what a worker
claims; whichever took it up last has it. An import is one database transaction: a worker that dies leaves nothing.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from types import TracebackType
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from .. import trail
from ..models import HELD, BankAccount, Statement, Upload, UploadState
from ..vault import seal_bytes, unseal_bytes
from .formats import lines_about, tidied
from .problems import BadStatement, Problem
from .statements import import_statement

SEALED_AS: Final = "fundraising_upload.sealed_bytes"
KEPT: Final = timedelta(hours=2)  # for whoever has uploaded it to confirm
MOST_WAITING: Final = 10  # of a person and an account
LINES_AT_ONCE: Final = 2_000  # more are a worker's
BYTES_AT_ONCE: Final = 4 * 1024 * 1024
CLAIM: Final = timedelta(minutes=2)
BEAT: Final = 2.0  # seconds
ATTEMPTS: Final = 3  # after so many workers have died of it, it is refused
GIVEN_UP: Final = timedelta(hours=24)


class NotWaiting(Exception):
    """The upload does not wait for its person any more: it was confirmed, cancelled, or waited too long."""


class ClaimLost(Exception):
    """Another worker has taken the upload up."""


def is_large(data: bytes) -> bool:
    """Whether a worker should read it: what this takes is longer than a proxy waits."""
    return len(data) > BYTES_AT_ONCE or lines_about(data) > LINES_AT_ONCE


@transaction.atomic
def hold(account: BankAccount, *, name: str, data: bytes, by: User, found: dict[str, Any] | None) -> Upload:
    """Keep a file until it is confirmed; without `found` a worker reads it first. Raises BadStatement for too many."""
    locked = BankAccount.objects.select_for_update().get(pk=account.pk)
    if Upload.objects.filter(bank_account=locked, by=by, state__in=HELD).count() >= MOST_WAITING:
        raise BadStatement(Problem.TOO_MANY_WAIT, None, str(MOST_WAITING))
    upload = Upload.objects.create(
        bank_account=locked,
        by=by,
        name=tidied(name)[:200] or "?",
        sealed_bytes=seal_bytes(data, SEALED_AS),
        is_large=found is None or is_large(data),
        state=UploadState.READING if found is None else UploadState.READY,
        found=found or {},
        expires_at=timezone.now() + KEPT,
    )
    _record("statement_uploaded", upload, by=by)
    return upload


def bytes_of(upload: Upload) -> bytes:
    """The file as it was uploaded."""
    return unseal_bytes(bytes(upload.sealed_bytes), SEALED_AS)


def confirm(upload: Upload, *, by: User) -> Statement | None:
    """Import what its person has looked at: at once, or None where a worker does.

    Raises NotWaiting, OtherThanSeen where other lines are new by now, and BadStatement, which ends the upload.
    """
    try:
        with transaction.atomic():
            # The account first, as imports lock.
            BankAccount.objects.select_for_update().get(pk=upload.bank_account_id)
            standing = _waiting(upload, by)
            if standing.is_large or _is_busy(standing.bank_account):
                standing.state, standing.expires_at = UploadState.IMPORTING, timezone.now() + GIVEN_UP
                standing.save(update_fields=["state", "expires_at"])
                return None
            statement = _import(standing)
            _finish(standing, statement)
            return statement
    except BadStatement as problem:
        refuse(upload, problem)
        raise


def _waiting(upload: Upload, by: User) -> Upload:
    rows = Upload.objects.select_for_update(of=("self",)).select_related("bank_account__entity")
    standing = rows.get(pk=upload.pk)
    if standing.state != UploadState.READY or standing.by_id != by.pk or standing.expires_at <= timezone.now():
        raise NotWaiting
    return standing


def _is_busy(account: BankAccount) -> bool:
    """Whether a worker imports into this account: nobody should wait for it."""
    return Upload.objects.filter(bank_account=account, state=UploadState.IMPORTING).exists()


def _import(upload: Upload, beat: Beat | None = None) -> Statement:
    return import_statement(
        upload.bank_account,
        name=upload.name,
        data=bytes_of(upload),
        by=upload.by,
        expected_new=upload.found["new"],
        **({"progress": beat.tell} if beat else {}),
    )


def _finish(upload: Upload, statement: Statement) -> None:
    upload.state, upload.statement, upload.sealed_bytes = UploadState.IMPORTED, statement, b""
    upload.done, upload.claimed_until = statement.lines_read, None
    upload.save(update_fields=["state", "statement", "sealed_bytes", "done", "claimed_until"])


def see_again(upload: Upload, found: dict[str, Any]) -> None:
    """Others have imported or rolled back meanwhile: it waits for its person anew, with what is found now."""
    mine = Upload.objects.filter(pk=upload.pk, state__in=HELD, attempt=upload.attempt)
    mine.update(
        state=UploadState.READY, found={**found, "again": True}, claimed_until=None, expires_at=timezone.now() + KEPT
    )


def refuse(upload: Upload, problem: BadStatement) -> None:
    """It is no statement, or cannot be imported: say why, and let go of it."""
    told = {"code": problem.code, "line": problem.line, "detail": problem.detail}
    mine = Upload.objects.filter(pk=upload.pk, state__in=HELD, attempt=upload.attempt)
    mine.update(state=UploadState.REFUSED, problem=told, sealed_bytes=b"", claimed_until=None)


def problem_of(upload: Upload) -> BadStatement | None:
    """Why it was refused."""
    told = upload.problem
    return BadStatement(Problem(told["code"]), told["line"], told["detail"]) if told else None


@transaction.atomic
def cancel(upload: Upload, *, by: User) -> None:
    """Let go of a file before it is imported. Raises NotWaiting."""
    standing = _waiting(upload, by)
    standing.state, standing.sealed_bytes = UploadState.CANCELLED, b""
    standing.save(update_fields=["state", "sealed_bytes"])
    _record("upload_cancelled", standing, by=by)


def expire() -> int:
    """Let go of files that have waited too long, and of those that no worker survives; how many."""
    now = timezone.now()
    waited = Upload.objects.filter(state=UploadState.READY, expires_at__lte=now)
    count = waited.update(state=UploadState.EXPIRED, sealed_bytes=b"")
    idle = Q(claimed_until=None) | Q(claimed_until__lt=now)
    hopeless = Q(attempt__gte=ATTEMPTS) | Q(uploaded_at__lt=now - GIVEN_UP - KEPT)
    going = Q(state__in=[UploadState.READING, UploadState.IMPORTING])
    for upload in Upload.objects.filter(going & idle & hopeless).defer("sealed_bytes"):
        refuse(upload, BadStatement(Problem.NO_WORKER))
        count += 1
    return count


# --- Workers --------------------------------------------------------------------------------------


@transaction.atomic
def claim() -> Upload | None:
    """Take up what waits for a worker, or what its worker has left, the oldest first.

    One at a time, as far as one can see: a long import must not keep every worker from payments and receipts.
    """
    now = timezone.now()
    going = Upload.objects.filter(state__in=[UploadState.READING, UploadState.IMPORTING])
    if going.filter(claimed_until__gte=now).exists():
        return None
    due = going.filter(attempt__lt=ATTEMPTS)
    found = due.select_for_update(of=("self",), skip_locked=True).select_related("bank_account__entity", "by")
    upload = found.order_by("uploaded_at", "pk").first()
    if upload is None:
        return None
    upload.attempt, upload.claimed_until, upload.done = upload.attempt + 1, now + CLAIM, 0
    upload.save(update_fields=["attempt", "claimed_until", "done"])
    return upload


class Beat:
    """While a worker is at an upload: tells how far it is, past the transaction of the import, and that it lives."""

    def __init__(self, upload: Upload, seconds: float = BEAT) -> None:
        self._mine = Upload.objects.filter(pk=upload.pk, attempt=upload.attempt, state=upload.state)
        self._seconds, self._over, self._done = seconds, threading.Event(), 0
        self._thread = threading.Thread(target=self._run, name="upload-beat", daemon=True)

    def tell(self, done: int) -> None:
        """So many lines are done."""
        self._done = done

    def __enter__(self) -> Beat:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._over.wait(self._seconds):
                self._mine.update(done=self._done, claimed_until=timezone.now() + CLAIM)
        finally:
            connection.close()


def import_claimed(upload: Upload) -> Statement:
    """Import what a worker has taken up, whole or not at all.

    Raises BadStatement, OtherThanSeen, and ClaimLost where another worker has it by now.
    """
    with transaction.atomic():
        with Beat(upload) as beat:
            statement = _import(upload, beat)
        mine = Upload.objects.select_for_update().filter(pk=upload.pk, attempt=upload.attempt)
        if not mine.filter(state=UploadState.IMPORTING).exists():
            raise ClaimLost
        _finish(upload, statement)
    return statement


def ready(upload: Upload, found: dict[str, Any]) -> None:
    """A worker has read it: it waits for its person."""
    mine = Upload.objects.filter(pk=upload.pk, attempt=upload.attempt, state=UploadState.READING)
    mine.update(state=UploadState.READY, found=found, attempt=0, claimed_until=None, expires_at=timezone.now() + KEPT)


def _record(verb: str, upload: Upload, *, by: User) -> None:
    account = upload.bank_account
    after = {"account": account.slug, "file": upload.name}
    trail.record(verb, by=by, about=f"upload:{upload.uuid}", entity=account.entity, after=after)
