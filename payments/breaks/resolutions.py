"""What can be done about a break at Stripe, or by what Stripe says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Final
from uuid import uuid5

from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _

from fundraising import ledger
from fundraising.breaks import mending
from fundraising.breaks.resolutions import IN_SUSPENSE, is_charge, suspense_entry
from fundraising.breaks.resolving import Choice, NoAnswer, NotResolvable, Resolution
from fundraising.donations import NotBookedYet
from fundraising.ledger import Bucket, Posted
from fundraising.models import Break, Cause, Entry, Purpose
from fundraising.money import Money
from fundraising.roles import May

from .. import facts, gateway, payouts
from ..models import REFUND_OPEN, BalanceTransaction, Payout, RefundReason, RefundRequest, RefundState, StripeAccount
from ..sweeps import settlement
from . import detectors

FEES: Final = frozenset({Purpose.FEES, Purpose.FEE_TAX})


def _answered(ask: Callable[[Break], None]) -> Callable[[Break], None]:
    """Say that Stripe did not answer, or refused, in the words of breaks."""

    @wraps(ask)
    def asked(found: Break) -> None:
        try:
            ask(found)
        except (gateway.Unavailable, gateway.UnknownOutcome) as error:
            raise NoAnswer("no_answer") from error
        except gateway.Refused as error:
            raise NoAnswer("refused") from error
        except NotBookedYet as error:
            raise NotResolvable("not_booked") from error

    return asked


def _line(found: Break) -> BalanceTransaction:
    """Stripe's line that a break is about; raises NotResolvable."""
    rows = BalanceTransaction.objects.filter(account__entity=found.entity_id).select_related("account")
    line = rows.filter(txn_id=found.facts.get("line", found.subject)).first()
    if line is None:
        raise NotResolvable("no_line")
    return line


# --- A charge that is not in the books --------------------------------------------------------------


@_answered
def _fetch_charge(found: Break) -> None:
    line = _line(found)
    facts.book_charge(line.account, gateway.get_charge(line.account, line.source))


def _settle_fetched(found: Break, _choice: Choice, _by: User) -> Posted:
    """The charge is booked by now; its line follows."""
    line = _line(found)
    charge = ledger.booked(facts.charge_key(line.source))
    if charge is None:
        raise NotResolvable("not_charged")
    settlement.book_kept(line.account)
    return Posted(charge.pk, is_new=True)


# --- Money in suspense ------------------------------------------------------------------------------


def _refund(found: Break, _choice: Choice, by: User) -> None:
    """Want the charge given back; the worker asks Stripe within a minute, and books what Stripe says."""
    entry = suspense_entry(found)
    charge_id = entry.key.removeprefix(facts.charge_key(""))
    account = _account_of(entry)
    before = RefundRequest.objects.filter(account=account, charge_id=charge_id)
    if before.filter(state__in=REFUND_OPEN).exists():
        raise NotResolvable("under_way")
    in_vain = sum(_came_to_nothing(wanted) for wanted in before)
    doubled = found.cause == Cause.CHARGE_DOUBLED
    RefundRequest.objects.get_or_create(
        uuid=uuid5(found.uuid, f"refund of {charge_id}, {in_vain} in vain"),
        defaults={
            "account": account,
            "charge_id": charge_id,
            "donation": found.donation,
            "currency": found.currency,
            "amount_minor": abs(found.amount_minor),
            "reason": RefundReason.DUPLICATE if doubled else RefundReason.REQUESTED,
            "asked_by": by.get_username(),
        },
    )


def unless_returned(resolution: Resolution) -> Resolution:
    """The resolution as it was, but for money in suspense: then it looks once more, when it books, that all is there.

    A refund or a dispute may have come since the break was found; what it took would count twice.
    """
    book = resolution.book
    if resolution.causes != IN_SUSPENSE or book is None:
        return resolution

    def checked(found: Break, choice: Choice, by: User) -> Posted | None:
        suspense_entry(found)  # locks it: what comes from now on waits
        accounts = StripeAccount.objects.filter(entity=found.entity_id)
        waiting = {(one.subject, one.amount) for account in accounts for one in detectors.in_suspense(account)}
        if accounts and (found.subject, found.amount) not in waiting:
            raise NotResolvable("partly_returned")
        return book(found, choice, by)

    return replace(resolution, book=checked)


def _came_to_nothing(wanted: RefundRequest) -> bool:
    """Whether Stripe refused the refund, or it failed later: then the money may be given back anew."""
    if wanted.state == RefundState.REFUSED:
        return True
    return ledger.booked(f"{facts.refund_key(wanted.refund_id or '')}:failed") is not None


def _book_refund(found: Break, choice: Choice, by: User) -> Posted | None:
    _refund(found, choice, by)
    return None


def _account_of(entry: Entry) -> StripeAccount:
    slug = next((leg.provider for leg in ledger.legs_of(entry) if leg.purpose == Purpose.CLEARING), "")
    account = StripeAccount.objects.filter(slug=slug).first()
    if account is None:
        raise NotResolvable("not_charged")
    return account


# --- Another amount or fee --------------------------------------------------------------------------


def _take_theirs(found: Break, _choice: Choice, _by: User) -> Posted | None:
    """Add to what is booked of a line the difference to what Stripe says; none if the books say so by now."""
    line = _line(found)
    settled = ledger.booked(f"txn:{line.txn_id}")
    if settled is None:
        settlement.book_kept(line.account)
        settled = ledger.booked(f"txn:{line.txn_id}")
    if settled is None:
        raise NotResolvable("not_bookable")
    posted = None
    if line.type in settlement.CHARGES:
        posted = _mend_charge(line)
    return _mend_settlement(line, settled) or posted


def _mend_charge(line: BalanceTransaction) -> Posted | None:
    charge = ledger.booked(facts.charge_key(line.source))
    if charge is None:
        raise NotResolvable("not_charged")
    clearing = next(leg for leg in ledger.legs_of(charge) if leg.purpose == Purpose.CLEARING)
    if clearing.currency != line.currency:
        _refuse_unless_exchanged_as_charged(line, charge, clearing)
        return None
    amount = Money(line.amount_minor, line.currency)
    return mending.correct_received(charge.key, amount=amount, at=charge.occurred_at)


def _refuse_unless_exchanged_as_charged(line: BalanceTransaction, charge: Entry, clearing: Bucket) -> None:
    """Where Stripe exchanged, its line does not say what the donor was charged: a charge that may be wrong is left to
    people. It is right where the settlement cleared it whole and its rate makes of it what the line says."""
    settled = ledger.booked(f"txn:{line.txn_id}")
    charged = mending.legs_with_mends(charge)[clearing]
    cleared = mending.legs_with_mends(settled)[clearing] if settled else 0
    if charged + cleared or not settlement.fits_rate(Money(charged, clearing.currency), line):
        raise NotResolvable("other_currency")


def _mend_settlement(line: BalanceTransaction, settled: Entry) -> Posted | None:
    """Bring what was booked of a settlement to the line.

    Where Stripe exchanged, the side of the exchange that is in the line's currency takes the difference: what was
    charged stays, its rate is another one.
    """
    booked = mending.legs_with_mends(settled)
    legs = {leg: minor for leg, minor in booked.items() if leg.currency == line.currency}
    if len(legs) < len(booked) and not any(leg.purpose == Purpose.FX for leg in legs):
        raise NotResolvable("other_currency")
    provider = Bucket(line.account.entity_id, Purpose.PROVIDER, line.currency, provider=line.account.slug)
    fees = next(
        (leg for leg in legs if leg.purpose == Purpose.FEES), Bucket(provider.entity, Purpose.FEES, line.currency)
    )
    other = next((leg for leg in legs if leg.purpose not in {Purpose.PROVIDER, *FEES}), fees)
    booked_fee = sum(minor for leg, minor in legs.items() if leg.purpose in FEES) if other != fees else 0
    net_off = line.net_minor - legs.get(provider, 0)
    fee_off = line.fee_minor - booked_fee if other != fees else -net_off
    if not net_off and (not fee_off or other == fees):
        return None
    difference = {provider: net_off, fees: fee_off}
    if other != fees:
        difference[other] = -(net_off + fee_off)
    return mending.mend(settled, difference, at=settled.occurred_at)


def _is_line(found: Break) -> bool:
    return "line" in found.facts and "at_provider" in found.facts


# --- Payouts and balances ---------------------------------------------------------------------------


@_answered
def _itemise(found: Break) -> None:
    rows = Payout.objects.filter(account__entity=found.entity_id, payout_id=found.subject).select_related("account")
    payout = rows.first()
    if payout is None:
        raise NotResolvable("no_line")
    try:
        payouts.itemise(payout)
    except payouts.NotItemisable as error:
        raise NotResolvable("not_itemisable") from error


@_answered
def _read_again(found: Break) -> None:
    for account in StripeAccount.objects.filter(entity=found.entity_id):
        settlement.settle_account(account, since=settlement.FIRST_DAY)


RESOLUTIONS: Final = [
    Resolution(
        code="fetch",
        label=_("Fetch it from Stripe and book it"),
        help=_("Asks Stripe for the charge and books it, to its donation if it is one of ours."),
        causes=frozenset({Cause.CHARGE_MISSING}),
        ask=_fetch_charge,
        book=_settle_fetched,
    ),
    Resolution(
        code="refund",
        label=_("Give the money back"),
        help=_("Asks Stripe within a minute to refund the charge; the break ends when the refund is booked."),
        causes=IN_SUSPENSE,
        fits=is_charge,
        book=_book_refund,
        right=May.REFUND,
    ),
    Resolution(
        code="take_theirs",
        label=_("Book the difference to what Stripe says"),
        help=_("What was booked stays; an entry beside it adds the difference. A donation counts at what was charged."),
        causes=frozenset({Cause.AMOUNT_DIFFERS, Cause.FEE_DIFFERS}),
        fits=_is_line,
        book=_take_theirs,
    ),
    Resolution(
        code="itemise",
        label=_("Read the payout's lines again"),
        help=_("Asks Stripe what the payout is made of, and books what was missing."),
        causes=frozenset({Cause.PAYOUT_LINE_MISSING}),
        ask=_itemise,
    ),
    Resolution(
        code="read_again",
        label=_("Read all of Stripe's lines again"),
        help=_("Asks Stripe for every balance transaction and books those that are missing. It may take minutes."),
        causes=frozenset({Cause.BALANCE_DIFFERS}),
        fits=lambda found: found.subject.startswith("stripe:"),
        ask=_read_again,
    ),
]
