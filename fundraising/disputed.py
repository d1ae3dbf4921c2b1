"""The verbs of a donation that a bank contests: its money is withheld, returned, lost, or withheld again.

Each is one database transaction and may be called any number of times for the same fact.
"""

from __future__ import annotations

from datetime import datetime

from . import ledger
from .donations import (
    LOWERED_THEMSELVES,
    NotBookedYet,
    contra,
    fact_and_donation,
    follow,
    in_transaction,
    sides_of,
    take_back,
)
from .models import Donation, Entry, Purpose
from .money import Money


@in_transaction
def withhold_disputed(*, key: str, charge_key: str, amount: Money, at: datetime) -> bool:
    """Book money that a bank has drawn while it decides a dispute; raises NotBookedYet before its charge.

    It may be more than is left of the charge: a bank can draw what was refunded before.
    """
    return take_back(key, charge_key, amount, at, Purpose.WITHHELD)


@in_transaction
def return_disputed(*, key: str, charge_key: str, at: datetime) -> bool:
    """The bank gave the withheld money back, even after it had decided against us; raises NotBookedYet without it."""
    charge, donation = fact_and_donation(charge_key)
    withheld = ledger.booked(key)
    if withheld is None:
        raise NotBookedYet(key)
    _end_loss(charge, donation, key, at)
    posted = ledger.reverse(withheld, key=f"{key}:returned", occurred_at=at)
    follow(donation, posted, sides_of(charge)[1])
    return posted.is_new


@in_transaction
def lose_disputed(*, key: str, charge_key: str, at: datetime) -> bool:
    """The bank decided against us: what it withholds is taken back for good. No-op while it is lost or returned.

    A bank that took its decision back may decide so again: each loss is an entry of its own.
    Raises NotBookedYet before the money was withheld.
    """
    charge, donation = fact_and_donation(charge_key)
    withheld = ledger.booked(key)
    if withheld is None:
        raise NotBookedYet(key)
    held = sides_of(withheld)[1]  # suspense, where the charge had found no donation by then
    if held.purpose in LOWERED_THEMSELVES or Entry.objects.filter(reverses=withheld).exists():
        return False
    number, standing = _last_loss(key)
    if standing:
        return False
    minor = ledger.legs_of(withheld)[held]
    posted = ledger.post(
        key=_loss_key(key, number + 1),
        legs={held: -minor, contra(held, Purpose.CHARGEBACKS): minor},
        occurred_at=at,
        donation_id=charge.donation_id,
    )
    follow(donation, posted, sides_of(charge)[1])
    return posted.is_new


@in_transaction
def reopen_disputed(*, key: str, charge_key: str, at: datetime) -> bool:
    """The bank took back its decision against us; the money is withheld again until it comes."""
    charge, donation = fact_and_donation(charge_key)
    return _end_loss(charge, donation, key, at)


def _end_loss(charge: Entry, donation: Donation | None, key: str, at: datetime) -> bool:
    _number, lost = _last_loss(key)
    if lost is None:
        return False
    posted = ledger.reverse(lost, key=f"{lost.key}:undone", occurred_at=at)
    follow(donation, posted, sides_of(charge)[1])
    return posted.is_new


def _last_loss(key: str) -> tuple[int, Entry | None]:
    """How often a dispute was lost, and the entry of the last time if nothing has undone it."""
    number, standing = 0, None
    while lost := ledger.booked(_loss_key(key, number + 1)):
        number += 1
        standing = None if Entry.objects.filter(reverses=lost).exists() else lost
    return number, standing


def _loss_key(key: str, number: int) -> str:
    return f"{key}:lost" if number == 1 else f"{key}:lost:{number}"
