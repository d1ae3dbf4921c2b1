"""The verbs of a mandate: start, collect, fail and mend, change, pause, resume, end, redirect. No money moves here.

Each verb is one database transaction and may be called any number of times for the same word of the
provider. `at` is when the provider said it: an older word changes nothing. What the donor is to be told is
written down once, as a Notice. Lock order: mandate, then donation.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from ..donations import in_transaction
from ..models import Donation, DonationState, Mandate, MandateEnd, MandateState, Notice, NoticeKind, Round
from ..money import Money

# For words of one second: the later in this list follows on the earlier.
COURSE = [
    MandateState.OPENED, MandateState.FAILING, MandateState.ACTIVE, MandateState.PAUSED, MandateState.ENDED,
]  # fmt: skip
PAUSES = (NoticeKind.MANDATE_PAUSED, NoticeKind.MANDATE_RESUMED)
# Donations of collections carry no form: in its place, what they were collected for.
COLLECTION = "collection:"


class NotCollectable(LookupError):
    """There is no such mandate, or it had ended before."""


@in_transaction
def start(mandate_uuid: UUID, *, at: datetime, next_on: date | None) -> bool:
    """The donor has confirmed it: it collects from now on."""
    mandate = _locked(mandate_uuid)
    if mandate.state != MandateState.OPENED:
        return False
    _write(mandate, state=MandateState.ACTIVE, state_at=at, started_at=at, next_on=next_on)
    return True


@in_transaction
def expect(mandate_uuid: UUID, *, next_on: date | None) -> None:
    """Note when it collects next, as the provider has it now."""
    mandate = _locked(mandate_uuid)
    if mandate.state != MandateState.ENDED and mandate.next_on != next_on:
        _write(mandate, next_on=next_on)


@in_transaction
def expect_retry(mandate_uuid: UUID, *, on: date | None) -> None:
    """Note when a collection that failed is tried again, as the provider has it now; None: not any more."""
    mandate = _locked(mandate_uuid)
    if mandate.state != MandateState.ENDED and mandate.retry_on != on:
        _write(mandate, retry_on=on)


@transaction.atomic  # with a savepoint: whoever catches its error goes on
def collect(mandate_uuid: UUID, *, about: str, amount: Money, at: datetime) -> Donation:
    """The donation of one collection, `about` being the provider's id of it: the form's own if that is unused.

    Raises NotCollectable. A debit that was on its way when the mandate ended is collected all the same.
    """
    mandate = _collectable(mandate_uuid, at)
    if known := collected(mandate, about):
        return known
    first = mandate.donations.order_by("pk").first()
    unpaid = {DonationState.OPENED, DonationState.PENDING}
    if first and first.state in unpaid and not first.submission.startswith(COLLECTION):
        return _adopt(first, mandate, about, amount)
    return _open(mandate, first, about, amount, at)


@transaction.atomic
def collect_next(mandate_uuid: UUID, *, about: str, amount: Money, at: datetime) -> Donation:
    """As `collect`, for what cannot be the first collection: the form's donation is left to that one."""
    mandate = _collectable(mandate_uuid, at)
    return collected(mandate, about) or _open(mandate, mandate.donations.order_by("pk").first(), about, amount, at)


def _collectable(mandate_uuid: UUID, at: datetime) -> Mandate:
    try:
        mandate = _locked(mandate_uuid)
    except Mandate.DoesNotExist as error:
        raise NotCollectable(mandate_uuid) from error
    if mandate.ended_at and mandate.ended_at < at:
        raise NotCollectable(mandate_uuid)
    return mandate


def _submission(about: str) -> str:
    return f"{COLLECTION}{hashlib.sha256(about.encode()).hexdigest()}"[:64]


def collected(mandate: Mandate, about: str) -> Donation | None:
    """The donation of the collection `about`, if there is one."""
    return mandate.donations.filter(submission=_submission(about)).first()


def _adopt(first: Donation, mandate: Mandate, about: str, amount: Money) -> Donation:
    """The form's own donation; the amount may have changed before it was first collected."""
    first.submission, first.amount_minor = _submission(about), amount.minor
    first.fee_cover_minor = _fee_cover(mandate, amount)
    first.save(update_fields=["submission", "amount_minor", "fee_cover_minor"])
    return first


def _open(mandate: Mandate, first: Donation | None, about: str, amount: Money, at: datetime) -> Donation:
    """A donation of its own, in memory or honour of whom the first one was."""
    return Donation.objects.create(
        entity_id=mandate.entity_id,
        donor_id=mandate.donor_id,
        page_id=mandate.page_id,
        round_id=_round(mandate, at),
        wording_id=mandate.wording_id,
        mandate=mandate,
        locale=mandate.locale,
        currency=amount.currency,
        amount_minor=amount.minor,
        fee_cover_minor=_fee_cover(mandate, amount),
        public_name=mandate.public_name,
        method=first.method if first else "",
        tribute=first.tribute if first else "",
        tribute_name=first.tribute_name if first else "",
        employer=first.employer if first else "",
        submission=_submission(about),
        opened_at=at,
    )


def _fee_cover(mandate: Mandate, amount: Money) -> int:
    """An amount other than the agreed one was set at the provider: nobody knows what of it covers a fee."""
    return mandate.fee_cover_minor if amount == mandate.amount else 0


def _round(mandate: Mandate, at: datetime) -> int:
    """The newest round of the appeal that is open then, else the one in which the donor signed up."""
    rounds = Round.objects.filter(appeal__rounds=mandate.round_id, opens_at__lte=at)
    newest = rounds.filter(Q(closes_at=None) | Q(closes_at__gt=at)).order_by("-number").first()
    return newest.pk if newest else mandate.round_id


@in_transaction
def failed(mandate_uuid: UUID, *, about: str, step: int, is_last: bool, code: str, at: datetime) -> bool:
    """An attempt to collect failed; `about` is the collection's id, a colon and the attempt's number.

    False if it is old news: told of before, or collected since.
    """
    mandate = _locked(mandate_uuid)
    if mandate.state == MandateState.ENDED or _is_older(mandate, MandateState.FAILING, at):
        return False
    if not _tell(mandate, NoticeKind.MANDATE_FAILED, about, at, step=step, is_last=is_last, code=code[:60]):
        return False
    if mandate.state != MandateState.PAUSED:
        started_at = mandate.started_at or at
        _write(mandate, state=MandateState.FAILING, state_at=at, started_at=started_at)
    return True


@in_transaction
def mended(mandate_uuid: UUID, *, about: str, at: datetime) -> bool:
    """A collection came; the donor is told if they were told that it had failed."""
    mandate = _locked(mandate_uuid)
    if mandate.state == MandateState.ENDED:
        return False
    collecting = mandate.state in {MandateState.ACTIVE, MandateState.FAILING}
    if collecting and not _is_older(mandate, MandateState.ACTIVE, at):
        _write(mandate, state=MandateState.ACTIVE, state_at=at)
    told = mandate.notices.filter(kind=NoticeKind.MANDATE_FAILED, about__startswith=f"{about}:")
    return told.exists() and _tell(mandate, NoticeKind.MANDATE_MENDED, about, at)


@in_transaction
def let_off(mandate_uuid: UUID, *, at: datetime) -> bool:
    """Nobody asks for the failed collection any more; the next one comes in its time."""
    mandate = _locked(mandate_uuid)
    if mandate.state != MandateState.FAILING or _is_older(mandate, MandateState.ACTIVE, at):
        return False
    _write(mandate, state=MandateState.ACTIVE, state_at=at)
    return True


def last_failed_at(mandate: Mandate, about: str) -> datetime | None:
    """When the collection `about` failed last, as far as we know."""
    failures = mandate.notices.filter(kind=NoticeKind.MANDATE_FAILED, about__startswith=f"{about}:")
    return failures.order_by("-at").values_list("at", flat=True).first()


@in_transaction
def changed(
    mandate_uuid: UUID,
    *,
    about: str,
    amount: Money,
    fee_cover: Money,
    day: int | None,
    next_on: date | None,
    at: datetime,
) -> bool:
    """Amount and day are these now."""
    mandate = _locked(mandate_uuid)
    if mandate.state == MandateState.ENDED or _has_newer(mandate, (NoticeKind.MANDATE_CHANGED,), at):
        return False
    said = {"amount_minor": amount.minor, "fee_cover_minor": fee_cover.minor, "day": day}
    if amount.currency != mandate.currency:
        raise ValueError(f"{amount} for a mandate in {mandate.currency}")
    if all(getattr(mandate, name) == value for name, value in said.items()):
        return False
    _write(mandate, **said, next_on=next_on)
    return _tell(mandate, NoticeKind.MANDATE_CHANGED, about, at)


@in_transaction
def paused(mandate_uuid: UUID, *, about: str, until: date | None, at: datetime) -> bool:
    """It collects nothing until a day, or until resumed. A pause can be prolonged by another one."""
    mandate = _locked(mandate_uuid)
    if mandate.state == MandateState.ENDED or _has_newer(mandate, PAUSES, at):
        return False
    if mandate.state == MandateState.PAUSED and mandate.paused_until == until:
        return False
    _write(
        mandate,
        state=MandateState.PAUSED,
        state_at=max(at, mandate.state_at) if mandate.started_at else at,
        started_at=mandate.started_at or at,
        paused_until=until,
    )
    return _tell(mandate, NoticeKind.MANDATE_PAUSED, about, at)


@in_transaction
def resumed(mandate_uuid: UUID, *, about: str, next_on: date | None, at: datetime) -> bool:
    """It collects again."""
    mandate = _locked(mandate_uuid)
    if mandate.state != MandateState.PAUSED or _has_newer(mandate, PAUSES, at):
        return False
    _write(
        mandate,
        state=MandateState.ACTIVE,
        state_at=max(at, mandate.state_at),
        paused_until=None,
        next_on=next_on,
    )
    return _tell(mandate, NoticeKind.MANDATE_RESUMED, about, at)


@in_transaction
def ended(mandate_uuid: UUID, *, about: str, reason: MandateEnd, wish: str, at: datetime) -> bool:
    """It is over, for good. Whoever never confirmed it is told nothing."""
    mandate = _locked(mandate_uuid)
    if mandate.state == MandateState.ENDED:
        return False
    _write(
        mandate,
        state=MandateState.ENDED,
        state_at=max(at, mandate.state_at) if mandate.started_at else at,
        ended_at=at,
        end_reason=reason,
        end_wish=wish,
        next_on=None,
        retry_on=None,
        paused_until=None,
    )
    if reason != MandateEnd.NEVER_STARTED:
        _tell(mandate, NoticeKind.MANDATE_ENDED, about, at)
    return True


@in_transaction
def redirected(mandate_uuid: UUID, *, about: str, at: datetime) -> bool:
    """The appeal has closed and the mandate goes on for its secondary purpose, as its wording promised."""
    mandate = _locked(mandate_uuid)
    if mandate.state == MandateState.ENDED:
        return False
    return _tell(mandate, NoticeKind.MANDATE_REDIRECTED, about, at)


def _locked(mandate_uuid: UUID) -> Mandate:
    return Mandate.objects.select_for_update(of=("self",)).get(uuid=mandate_uuid)


def _write(mandate: Mandate, **fields: Any) -> None:
    Mandate.objects.filter(pk=mandate.pk).update(**fields)


def _is_older(mandate: Mandate, state: MandateState, at: datetime) -> bool:
    """Whether a word of collecting or failing is older than what we know. One that has not started knows nothing."""
    if mandate.state not in {MandateState.ACTIVE, MandateState.FAILING}:
        return False
    return (at, COURSE.index(state)) < (mandate.state_at, COURSE.index(MandateState(mandate.state)))


def _has_newer(mandate: Mandate, kinds: tuple[NoticeKind, ...], at: datetime) -> bool:
    """Whether a newer word of these kinds is known."""
    return mandate.notices.filter(kind__in=kinds, at__gt=at).exists()


def _tell(mandate: Mandate, kind: NoticeKind, about: str, at: datetime, **more: Any) -> bool:
    """Write down that the donor is to be told; False if it was before. Under the mandate's lock."""
    _notice, is_new = Notice.objects.get_or_create(
        kind=kind, about=about, donation=None, mandate=mandate, defaults={"at": at, **more}
    )
    return is_new
