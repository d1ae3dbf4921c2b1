"""Payouts on bank statements: which payout a bank line may be, and the matches that are certain."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Final

from django.db.models import Exists, OuterRef, QuerySet

from fundraising.bank.matching import NotMatchable, match_line, of_which_a_match_was_undone
from fundraising.bank.suggestions import Suggestion
from fundraising.ledger import Bucket
from fundraising.models import BankAccount, BankLine, Match, MatchKind, MatchReason, Purpose
from fundraising.offline.references import references_in

from ..models import Payout

RETURNED: Final = ("canceled", "failed")
# Around the day on which Stripe expects a payout in the bank: where people look, and where one alone is certain.
NEAR: Final = (timedelta(days=-5), timedelta(days=15))
CERTAIN: Final = (timedelta(days=-3), timedelta(days=7))
SAME_AMOUNT, BY_TRACE, BY_DESCRIPTOR, BY_NAME, ON_THE_DAY, WITHIN_DAYS = 40, 45, 25, 15, 15, 8
MOST: Final = 10
MOST_LINES: Final = 2_000  # looked at in one go
SHORTEST_TRACE: Final = 5  # letters and digits; shorter ones stand in texts by chance


def suggestions(line: BankLine) -> list[Suggestion]:
    """The payouts that the unexplained part of a line may be, the likeliest first."""
    return suggestions_for([line])[0]


def suggestions_for(lines: Sequence[BankLine]) -> list[list[Suggestion]]:
    """The same for each of several lines of one bank account; two queries however many they are."""
    open_lines = [line for line in lines if line.unexplained_minor]
    if not open_lines:
        return [[] for _line in lines]
    account, days = open_lines[0].bank_account, [line.booked_on for line in open_lines]
    amounts = {line.unexplained_minor for line in open_lines}
    near = _unmatched(account).filter(
        amount_minor__in=amounts, arrival_on__range=(min(days) - NEAR[1], max(days) - NEAR[0])
    )
    candidates = list(near.order_by("arrival_on", "pk")[: MOST * len(open_lines)])
    returned = list(_returned(account, amounts, max(days)))
    return [_sorted_for(line, candidates, returned) for line in lines]


def _sorted_for(line: BankLine, candidates: Sequence[Payout], returned: Sequence[Payout]) -> list[Suggestion]:
    near = [
        payout
        for payout in candidates
        if payout.amount_minor == line.unexplained_minor and NEAR[0] <= line.booked_on - payout.arrival_on <= NEAR[1]
    ]
    back = [
        payout
        for payout in returned
        if payout.amount_minor == -line.unexplained_minor and payout.arrival_on <= line.booked_on
    ]
    found = [*(_suggestion(line, payout) for payout in near[:MOST]), *(_return(line, payout) for payout in back[:MOST])]
    return sorted(found, key=lambda suggestion: -suggestion.score)


def _returned(account: BankAccount, amounts: Iterable[int], until: date) -> QuerySet[Payout]:
    """Payouts that came and went again: the line that takes the money back belongs to the same payout."""
    came = Match.objects.filter(key=OuterRef("payout_id"), kind=MatchKind.PAYOUT, undone_at=None)
    failed = Payout.objects.filter(
        account__entity=account.entity_id,
        currency=account.currency,
        status__in=RETURNED,
        amount_minor__in=[-minor for minor in amounts],
        arrival_on__lte=until,
    )
    return failed.filter(Exists(came)).select_related("account").order_by("-arrival_on", "-pk")[: MOST * MOST]


def _return(line: BankLine, payout: Payout) -> Suggestion:
    return Suggestion(
        MatchKind.PAYOUT,
        line.unexplained_minor,
        payout.currency,
        SAME_AMOUNT,
        (MatchReason.TAKES_BACK,),
        key=payout.payout_id,
        account=account_of(payout),
    )


def _unmatched(account: BankAccount) -> QuerySet[Payout]:
    matched = Match.objects.filter(key=OuterRef("payout_id"), kind=MatchKind.PAYOUT, undone_at=None)
    return (
        Payout.objects.filter(account__entity=account.entity_id, currency=account.currency)
        .exclude(status__in=RETURNED)
        .filter(~Exists(matched))
        .select_related("account")
    )


def _suggestion(line: BankLine, payout: Payout) -> Suggestion:
    reasons = [*_reasons(line, payout)]
    return Suggestion(
        MatchKind.PAYOUT,
        line.unexplained_minor,
        payout.currency,
        min(sum(score for score, _reason in reasons), 100),
        tuple(reason for _score, reason in reasons),
        key=payout.payout_id,
        account=account_of(payout),
    )


def account_of(payout: Payout) -> Bucket:
    """Where what Stripe has paid out waits for the bank's line."""
    return Bucket(payout.account.entity_id, Purpose.PAYOUTS, payout.currency, provider=payout.account.slug)


def _reasons(line: BankLine, payout: Payout) -> Iterator[tuple[int, MatchReason]]:
    yield SAME_AMOUNT, MatchReason.SAME_AMOUNT
    text, name = _bare(f"{line.reference} {line.bank_reference}"), _bare(line.name)
    if carries_trace(line, payout.trace_id):
        yield BY_TRACE, MatchReason.TRACE
    if payout.descriptor and _bare(payout.descriptor) in text + name:
        yield BY_DESCRIPTOR, MatchReason.DESCRIPTOR
    if "STRIPE" in name or "STRIPE" in text:
        yield BY_NAME, MatchReason.NAMES_STRIPE
    days = (line.booked_on - payout.arrival_on).days
    if not days:
        yield ON_THE_DAY, MatchReason.ON_THE_DAY
    elif abs(days) <= 3:
        yield WITHIN_DAYS, MatchReason.WITHIN_DAYS


def _bare(text: str) -> str:
    return re.sub(r"[\W_]", "", text).upper()


def payout_of(account: BankAccount, payout_id: str) -> Payout | None:
    """A payout of the bank account's legal entity and currency, by Stripe's id for it."""
    found = Payout.objects.filter(account__entity=account.entity_id, currency=account.currency, payout_id=payout_id)
    return found.select_related("account").first()


def match_certain(account: BankAccount, *, most: int = MOST_LINES) -> int:
    """Match the lines that are certainly a payout; how many were."""
    lines = BankLine.objects.filter(bank_account=account).exclude(unexplained_minor=0).order_by("-booked_on", "-pk")
    return sum(_match(line, payout) for line, payout in certain(account, list(lines[:MOST_LINES]))[:most])


def certain(account: BankAccount, lines: Sequence[BankLine]) -> list[tuple[BankLine, Payout]]:
    """Of these lines those that are certainly a payout, each with its own; they need not be in the books yet.

    First by the trace id, which Stripe gives to one payout and banks hand on. Then where amount and days leave only
    one payout for a line and one line for a payout. A line that carries the trace id of another payout is that one's.
    """
    whole = [line for line in lines if line.unexplained_minor == line.amount_minor and _may_be(line)]
    decided = of_which_a_match_was_undone(whole)
    whole = [line for line in whole if line.pk not in decided]
    if not whole:
        return []
    days = [line.booked_on for line in whole]
    near = (min(days) - NEAR[1], max(days) - NEAR[0])
    traces = [_bare(trace) for trace in _traces_of(account).filter(arrival_on__range=near)]
    payouts = list(
        _unmatched(account)
        .filter(arrival_on__range=near, amount_minor__in={line.amount_minor for line in whole})
        .order_by("arrival_on", "pk")
    )
    found = _by_trace(whole, payouts)
    taken = {id(line) for line, _payout in found}
    untold = [line for line in whole if id(line) not in taken and not _traces_in(line, traces)]
    told = {payout.pk for _line, payout in found}
    return [*found, *_by_days(untold, [payout for payout in payouts if payout.pk not in told])]


def _may_be(line: BankLine) -> bool:
    """A line that quotes a donation's reference is a donor's, whatever its amount."""
    return not references_in(f"{line.reference} {line.name}")


def _traces_of(account: BankAccount) -> QuerySet[Payout, str]:
    """The trace ids of all payouts, matched or not."""
    rows = Payout.objects.filter(account__entity=account.entity_id, currency=account.currency)
    return rows.exclude(trace_id="").values_list("trace_id", flat=True)


def _traces_in(line: BankLine, traces: Iterable[str]) -> set[str]:
    """The bare trace ids that a line carries; one that is only a part of another that it carries is none."""
    text = _bare(f"{line.reference} {line.bank_reference}")
    carried = {trace for trace in traces if len(trace) >= SHORTEST_TRACE and trace in text}
    return {trace for trace in carried if not any(trace != other and trace in other for other in carried)}


def carries_trace(line: BankLine, trace_id: str) -> bool:
    """Whether a line carries this trace id."""
    return bool(_traces_in(line, [_bare(trace_id)]))


def _by_trace(lines: Sequence[BankLine], payouts: Sequence[Payout]) -> list[tuple[BankLine, Payout]]:
    """Of several lines with one trace id the first is the payout's; the others are for reconciliation to tell of."""
    of_trace: dict[tuple[int, str], list[Payout]] = {}
    for payout in payouts:
        of_trace.setdefault((payout.amount_minor, _bare(payout.trace_id)), []).append(payout)
    found, told = [], set()
    for line in sorted(lines, key=lambda line: (line.booked_on, line.occurrence)):
        traces = _traces_in(line, [trace for minor, trace in of_trace if minor == line.amount_minor])
        if len(traces) != 1:
            continue
        [trace] = traces
        same = of_trace[line.amount_minor, trace]
        if len(same) == 1 and same[0].pk not in told:
            told.add(same[0].pk)
            found.append((line, same[0]))
    return found


def _by_days(lines: Sequence[BankLine], payouts: Sequence[Payout]) -> list[tuple[BankLine, Payout]]:
    of_amount: dict[int, list[Payout]] = {}
    for payout in payouts:
        of_amount.setdefault(payout.amount_minor, []).append(payout)
    of_payout: dict[int, list[BankLine]] = {}
    of_line: dict[int, list[Payout]] = {}
    for line in lines:
        for payout in of_amount.get(line.amount_minor, []):
            if CERTAIN[0] <= line.booked_on - payout.arrival_on <= CERTAIN[1]:
                of_line.setdefault(id(line), []).append(payout)
                of_payout.setdefault(payout.pk, []).append(line)
    found = []
    for same in of_payout.values():
        # Of lines that say the same the first is the payout's.
        if len({line.content for line in same}) == 1 and len(of_line[id(same[0])]) == 1:
            line = min(same, key=lambda line: line.occurrence)
            found.append((line, of_line[id(line)][0]))
    return found


def _match(line: BankLine, payout: Payout) -> bool:
    try:
        match_line(
            line,
            kind=MatchKind.PAYOUT,
            amount_minor=line.amount_minor,
            by=None,
            reasons=[reason for _score, reason in _reasons(line, payout)],
            key=payout.payout_id,
            account=account_of(payout),
        )
    except NotMatchable:  # somebody was quicker
        return False
    return True
