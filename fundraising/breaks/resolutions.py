"""What can be done about a break within the books. Those that need Stripe are in payments/breaks/resolutions.py."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from .. import donations, ledger, offline
from ..bank import alike, matching
from ..ledger import Bucket, Posted
from ..models import Alike, BankLine, Break, Cause, Donation, Entry, Match, MatchKind, MatchReason, Purpose
from ..offline.references import references_in
from . import WAIT
from .resolving import Choice, NotResolvable, Resolution

ALL: Final = frozenset(Cause)
IN_SUSPENSE: Final = frozenset({Cause.CHARGE_DOUBLED, Cause.CHARGE_FOREIGN, Cause.SUSPENSE})
OF_LINES: Final = frozenset({Cause.BANK_LINE_UNKNOWN, Cause.BANK_LINE_DOUBLED})


# --- Money in suspense ------------------------------------------------------------------------------


def suspense_entry(found: Break) -> Entry:
    """The entry that put the money into suspense, locked; raises NotResolvable if it is there no more or not whole."""
    entry = ledger.locked(str(found.facts.get("entry", "")))
    if entry is None:
        raise NotResolvable("not_booked")
    if Entry.objects.filter(reverses=entry).exists():
        raise NotResolvable("booked_meanwhile")
    minor = next((minor for leg, minor in ledger.legs_of(entry).items() if _is_suspense(leg)), 0)
    if abs(minor) != abs(found.amount_minor):
        raise NotResolvable("partly_returned")
    return entry


def _is_suspense(leg: Bucket) -> bool:
    return leg.purpose == Purpose.SUSPENSE and not leg.provider


def _rebook(entry: Entry, other: Bucket) -> Posted:
    """Take an entry out of suspense: reverse it, and book it anew against another account."""
    legs = {other if _is_suspense(leg) else leg: minor for leg, minor in ledger.legs_of(entry).items()}
    ledger.reverse(entry, key=f"re{donations.ASSIGNED}{entry.key}", occurred_at=entry.occurred_at)
    return ledger.post(key=f"{donations.ASSIGNED}{entry.key}", legs=legs, occurred_at=entry.occurred_at)


def _other_income(found: Break, _choice: Choice, _by: User) -> Posted:
    entry = suspense_entry(found)
    return _rebook(entry, Bucket(found.entity_id, Purpose.OTHER_INCOME, found.currency))


def _to_donation(found: Break, choice: Choice, by: User) -> Posted:
    entry = suspense_entry(found)
    donation = donations.locked(_donation(found, choice.get("donation", "")).uuid)
    through, _suspense = donations.sides_of(entry)
    ledger.reverse(entry, key=f"re{donations.ASSIGNED}{entry.key}", occurred_at=entry.occurred_at)
    try:
        return offline.receive_into(
            donation,
            key=f"{donations.ASSIGNED}{entry.key}",
            amount=found.amount,
            at=entry.occurred_at,
            by=by,
            source=through,
        )
    except offline.AlreadyReceived as error:
        raise NotResolvable("donation_received") from error
    except offline.OtherCurrency as error:
        raise NotResolvable("other_currency") from error


def _donation(found: Break, quoted: str) -> Donation:
    """The donation that a person names: by its address, its reference, or that of its bank transfer."""
    rows = Donation.objects.filter(entity=found.entity_id)
    if references := references_in(quoted):
        rows = rows.filter(transfer_reference=references[0])
    else:
        try:
            rows = rows.filter(uuid=UUID(quoted.strip()))
        except (ValueError, ValidationError):
            rows = rows.filter(uuid__istartswith=quoted.strip()) if len(quoted.strip()) == 8 else rows.none()
    found_rows = list(rows[:2])
    if len(found_rows) != 1:
        raise NotResolvable("no_donation")
    return found_rows[0]


def is_charge(found: Break) -> bool:
    """Whether the money in suspense is a charge, which can be given back or to a donation."""
    return str(found.facts.get("entry", "")).startswith("charge:")


# --- An entry of nothing ----------------------------------------------------------------------------


def _reverse(found: Break, _choice: Choice, _by: User) -> Posted:
    """Reverse an entry that the provider knows nothing of; a donation that it was of is open again."""
    entry = ledger.booked(str(found.facts.get("entry", "")))
    if entry is None:
        raise NotResolvable("not_booked")
    try:
        if entry.donation_id and any(leg.purpose == Purpose.DONATIONS for leg in ledger.legs_of(entry)):
            return offline.undo_receipt_from_bank(entry.key, at=entry.occurred_at)
    except offline.MoreIsBooked as error:
        raise NotResolvable("more_is_booked") from error
    return ledger.reverse(entry, key=f"reversed:{entry.key}", occurred_at=entry.occurred_at)


# --- Bank lines -------------------------------------------------------------------------------------


def line_of(found: Break) -> BankLine | None:
    """The bank line that a break is about."""
    number = found.facts.get("bank_line", found.facts.get("line"))
    rows = BankLine.objects.filter(bank_account__entity=found.entity_id).select_related("bank_account")
    return rows.filter(pk=number).first() if isinstance(number, int) else None


def _match(found: Break, by: User, *, kind: MatchKind, purpose: Purpose | None = None) -> Posted:
    line = line_of(found)
    if line is None:
        raise NotResolvable("no_line")
    if not line.unexplained_minor:
        raise NotResolvable("booked_meanwhile")
    account = Bucket(found.entity_id, purpose, line.bank_account.currency) if purpose else None
    match = matching.match_line(
        line,
        kind=kind,
        amount_minor=line.unexplained_minor,
        by=by,
        reasons=[MatchReason.BREAK],
        why=str(found.uuid),
        account=account,
    )
    return Posted(match.entry_id, is_new=True)


def _line_is_fee(found: Break, _choice: Choice, by: User) -> Posted:
    return _match(found, by, kind=MatchKind.BANK_FEE)


def _line_is_income(found: Break, _choice: Choice, by: User) -> Posted:
    return _match(found, by, kind=MatchKind.OTHER, purpose=Purpose.OTHER_INCOME)


def _line_is_expense(found: Break, _choice: Choice, by: User) -> Posted:
    return _match(found, by, kind=MatchKind.OTHER, purpose=Purpose.EXPENSES)


def _came_in(found: Break) -> bool:
    line = line_of(found)
    return line is not None and line.unexplained_minor > 0


def _went_out(found: Break) -> bool:
    line = line_of(found)
    return line is not None and line.unexplained_minor < 0


def _has_line(found: Break) -> bool:
    return _came_in(found) or _went_out(found)


def _newest_match(found: Break) -> Match | None:
    payout = found.facts.get("payout") or found.subject.removeprefix("payout:").partition(":")[0]
    rows = Match.objects.filter(line__bank_account__entity=found.entity_id, undone_at=None, key=payout)
    several = list(rows.order_by("-pk")[:2])
    return several[0] if len(several) == 2 else None


def _undo_match(found: Break, _choice: Choice, by: User) -> Posted | None:
    match = _newest_match(found)
    if match is None:
        raise NotResolvable("booked_meanwhile")
    matching.undo_match(match, by=by, reason=f"break {found.uuid}")
    reversal = Entry.objects.filter(reverses=match.entry_id).first()
    return Posted(reversal.pk, is_new=True) if reversal else None


# --- Lines that look alike --------------------------------------------------------------------------


def _alike_of(found: Break) -> Alike:
    """What a break asks, if nobody has decided it yet; raises NotResolvable."""
    rows = alike.undecided(found.entity)
    one = rows.filter(uuid=found.subject.removeprefix("alike:")).first()
    if one is None:
        raise NotResolvable("booked_meanwhile")
    return one


def _lines_are_own(found: Break, _choice: Choice, by: User) -> Posted | None:
    one = _alike_of(found)
    rows = alike.book_as_own(one, count=one.count, by=by)
    return Posted(rows[0].entry_id, is_new=True) if rows[0].entry_id else None


def _lines_are_same(found: Break, _choice: Choice, by: User) -> None:
    alike.say_same(_alike_of(found), by=by)


RESOLUTIONS: Final = [
    Resolution(
        code="to_donation",
        label=_("It belongs to a donation"),
        help=_("Books the charge to a donation that is not paid yet, at the amount that came."),
        causes=IN_SUSPENSE,
        fits=is_charge,
        book=_to_donation,
        fields=("donation",),
    ),
    Resolution(
        code="reverse",
        label=_("Reverse the entry"),
        help=_("Nothing of the kind happened at the provider. A donation that the entry was of is open again."),
        causes=frozenset({Cause.UNKNOWN_TO_PROVIDER}),
        book=_reverse,
    ),
    Resolution(
        code="undo_match",
        label=_("Undo the second match"),
        help=_("Two bank lines are matched with one payout: the younger match is undone, its line is unexplained."),
        causes=frozenset({Cause.BANK_LINE_DOUBLED}),
        fits=lambda found: _newest_match(found) is not None,
        book=_undo_match,
    ),
    Resolution(
        code="lines_same",
        label=_("They are the same lines"),
        help=_("Nothing is booked: the two statements overlap."),
        causes=frozenset({Cause.LINES_ALIKE}),
        book=_lines_are_same,
    ),
    Resolution(
        code="lines_own",
        label=_("They are lines of their own"),
        help=_("Books them once more: the bank has each of them twice. On the statement's page you can say how many."),
        causes=frozenset({Cause.LINES_ALIKE}),
        book=_lines_are_own,
    ),
    Resolution(
        code="bank_fee",
        label=_("A fee or interest of the bank"),
        help=_("Books the line to fees and interest of the bank."),
        causes=OF_LINES,
        fits=_has_line,
        book=_line_is_fee,
    ),
    Resolution(
        code="line_income",
        label=_("Other income"),
        help=_("Books the line to other income: no donation, no receipt, in no total."),
        causes=OF_LINES,
        fits=_came_in,
        book=_line_is_income,
    ),
    Resolution(
        code="line_expense",
        label=_("An expense"),
        help=_("Books the line to other expenses."),
        causes=OF_LINES,
        fits=_went_out,
        book=_line_is_expense,
    ),
    Resolution(
        code="other_income",
        label=_("Other income"),
        help=_("Takes the money out of suspense and books it as other income: no donation, no receipt, in no total."),
        causes=IN_SUSPENSE,
        book=_other_income,
    ),
    Resolution(
        code="elsewhere",
        label=_("It belongs to another product"),
        help=_("The money stays in suspense and is accounted for elsewhere; the break stays closed."),
        causes=frozenset({Cause.CHARGE_FOREIGN, Cause.SUSPENSE}),
    ),
    Resolution(
        code=WAIT.removesuffix(":"),
        label=_("Wait until a day"),
        help=_("Nothing is booked. If it is still found after that day, the break is open again."),
        causes=ALL,
        fields=("until",),
        settles=False,
    ),
    Resolution(
        code="explained",
        label=_("Explained, nothing to book"),
        help=_("Say why. If the facts change, the break is open again."),
        causes=ALL,
    ),
]
