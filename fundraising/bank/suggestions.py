"""What a bank line may be: suggestions with their reasons, the likeliest first. What is certain is matched at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from sys import maxsize
from typing import Final

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.functional import Promise

from ..donations import UNPAID
from ..ledger import Bucket
from ..models import BankAccount, BankLine, Donation, DonationState, Match, MatchKind, MatchReason
from ..money import Money
from ..offline import AlreadyReceived
from ..offline.references import references_in
from ..vault import blind_words
from .matching import NotMatchable, match_line, of_which_a_match_was_undone
from .statements import iban_index

# Scores: what is likely from 50 on, as good as certain from 90 on.
BY_REFERENCE: Final = 90
BY_IBAN: Final = 50
BY_NAME: Final = 30
SAME_AMOUNT: Final = 10
MOST: Final = 10  # suggestions of a kind
MOST_CERTAIN: Final = 2_000  # lines looked at in one go
# A transfer can be on its way for weeks; nobody pays before they have promised, but clocks and days differ.
EARLIEST, LATEST = timedelta(days=120), timedelta(days=2)
# Words that say who is meant in many names: alone they tell nobody apart.
WEAK_WORDS: Final = {"and", "und", "et", "de", "di", "da", "von", "van", "der", "del", "mr", "mrs", "ms", "dr"}


@dataclass(frozen=True)
class Suggestion:
    """What a line may be matched with. Amount in minor units with the line's sign; `score` up to 100.

    `about` says what is suggested where its key says nothing to people; it is in no match.
    """

    kind: MatchKind
    amount_minor: int
    currency: str
    score: int
    reasons: tuple[MatchReason, ...]
    key: str = ""
    donation: Donation | None = None
    account: Bucket | None = None
    about: str = ""

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def words(self) -> list[str | Promise]:
        """What it is and why, in the language of whoever reads."""
        return [*filter(None, [self.about]), *(reason.label for reason in self.reasons)]


@dataclass(frozen=True)
class _Candidates:
    """What several lines of one account may be, looked up for all of them at once."""

    awaited: Mapping[str, Donation]  # by the reference of the transfer
    received: Mapping[str, Donation]
    near: Sequence[Donation]  # awaited, of donors whom a line may tell
    sent_back: Sequence[Donation]  # received, of donors whose account a line went to
    donors: Mapping[str, set[int]]  # by the account that their money came from before
    ours: Sequence[BankAccount]


def for_line(line: BankLine) -> list[Suggestion]:
    """The donations, refunds and accounts of ours that the unexplained part of a line may be."""
    return for_lines([line])[0]


def for_lines(lines: Sequence[BankLine]) -> list[list[Suggestion]]:
    """The same for each of several lines of one bank account; six queries however many they are."""
    waiting = [line for line in lines if line.unexplained_minor]
    if not waiting:
        return [[] for _line in lines]
    candidates = _candidates(waiting[0].bank_account, waiting)
    return [_of_line(line, candidates) if line.unexplained_minor else [] for line in lines]


def _candidates(account: BankAccount, lines: Sequence[BankLine]) -> _Candidates:
    into = [line for line in lines if line.unexplained_minor > 0]
    out = [line for line in lines if line.unexplained_minor < 0]
    donors = _donors_before(account, lines)
    received = Donation.objects.filter(
        entity=account.entity_id, currency=account.currency, state=DonationState.RECEIVED
    ).select_related("donor")
    return _Candidates(
        awaited=_by_reference(_waiting(account), into),
        received=_by_reference(received, out),
        near=_near(account, into, donors) if into else [],
        sent_back=_sent_back(received, out, donors),
        donors=donors,
        ours=list(BankAccount.objects.filter(entity=account.entity_id).exclude(pk=account.pk)),
    )


def _by_reference(donations: QuerySet[Donation], lines: Iterable[BankLine]) -> dict[str, Donation]:
    quoted = {reference for line in lines for reference in _quoted(line)}
    found = donations.filter(transfer_reference__in=quoted) if quoted else []
    return {str(donation.transfer_reference): donation for donation in found}


def _near(account: BankAccount, lines: Sequence[BankLine], donors: Mapping[str, set[int]]) -> list[Donation]:
    """Awaited donations of these days whose donor has paid from such an account, or has a name and amount in common."""
    days = [line.booked_on for line in lines]
    words = sorted({word for line in lines for word in _telling_words(line.name)})
    told = Q(donor__in={donor for line in lines for donor in donors.get(line.iban_index, ())})
    if words:
        told |= Q(amount_minor__in={line.unexplained_minor for line in lines}, donor__name_words__overlap=words)
    rows = _waiting(account).filter(
        told, opened_at__date__range=(min(days) - EARLIEST, max(days) + LATEST), transfer_reference__isnull=False
    )
    return list(rows[: MOST * MOST])


def _sent_back(
    received: QuerySet[Donation], lines: Sequence[BankLine], donors: Mapping[str, set[int]]
) -> list[Donation]:
    told = {donor for line in lines for donor in donors.get(line.iban_index, ())}
    if not told:
        return []
    amounts = {-line.unexplained_minor for line in lines}
    return list(received.filter(donor__in=told, amount_minor__in=amounts).order_by("-opened_at")[: MOST * MOST])


def _quoted(line: BankLine) -> list[str]:
    return references_in(f"{line.reference} {line.name}")


def _of_line(line: BankLine, candidates: _Candidates) -> list[Suggestion]:
    of_kind = _donations if line.unexplained_minor > 0 else _refunds
    found = [*_own_accounts(line, candidates), *of_kind(line, candidates)]
    return sorted(found, key=lambda suggestion: -suggestion.score)


def _donations(line: BankLine, candidates: _Candidates) -> Iterator[Suggestion]:
    """Donations that wait for a transfer: by the reference quoted, the account it came from before, amount and name."""
    reasons: dict[int, list[tuple[int, MatchReason]]] = {}
    donations: dict[int, Donation] = {}

    def note(found: Iterable[Donation], score: int, reason: MatchReason) -> None:
        for donation in islice(found, MOST):
            donations[donation.pk] = donation
            reasons.setdefault(donation.pk, []).append((score, reason))

    days = (line.booked_on - EARLIEST, line.booked_on + LATEST)
    near = [found for found in candidates.near if days[0] <= timezone.localdate(found.opened_at) <= days[1]]
    donors, words = candidates.donors.get(line.iban_index, set()), set(_telling_words(line.name))
    quoted = (candidates.awaited[reference] for reference in _quoted(line) if reference in candidates.awaited)
    note(quoted, BY_REFERENCE, MatchReason.QUOTED)
    note((found for found in near if found.donor_id in donors), BY_IBAN, MatchReason.SAME_ACCOUNT)
    same = (found for found in near if found.amount_minor == line.unexplained_minor)
    named = (found for found in same if words.intersection(found.donor.name_words))
    note(named, BY_NAME, MatchReason.SAME_NAME)
    for pk, told in reasons.items():
        yield _of_donation(line, donations[pk], told)


def _of_donation(line: BankLine, donation: Donation, told: list[tuple[int, MatchReason]]) -> Suggestion:
    same = donation.amount_minor == line.unexplained_minor
    told = [*told, (SAME_AMOUNT, MatchReason.SAME_AMOUNT) if same else (0, MatchReason.OTHER_AMOUNT)]
    return Suggestion(
        MatchKind.DONATION,
        line.unexplained_minor,
        line.bank_account.currency,
        min(sum(score for score, _reason in told), 100),
        tuple(reason for _score, reason in told),
        donation=donation,
    )


def _waiting(account: BankAccount) -> QuerySet[Donation]:
    return (
        Donation.objects.filter(entity=account.entity_id, currency=account.currency, state__in=UNPAID)
        .select_related("donor")
        .order_by("-opened_at")
    )


def _donors_before(account: BankAccount, lines: Iterable[BankLine]) -> dict[str, set[int]]:
    """Whose donations came from the accounts that these lines came from or went to, by the account's index."""
    matches = Match.objects.filter(
        line__iban_index__in={line.iban_index for line in lines} - {""},
        line__bank_account__entity=account.entity_id,
        kind=MatchKind.DONATION,
        undone_at=None,
    )
    found: dict[str, set[int]] = {}
    for index, donor in matches.values_list("line__iban_index", "donation__donor").distinct()[: MOST * MOST]:
        found.setdefault(index, set()).add(donor)
    return found


def _telling_words(name: str) -> list[str]:
    words = [word for word in name.replace(",", " ").split() if len(word) > 1 and word.casefold() not in WEAK_WORDS]
    return blind_words(*words)


def _refunds(line: BankLine, candidates: _Candidates) -> Iterator[Suggestion]:
    """Donations of whoever this money went to that were received and may have been sent back."""
    donors = candidates.donors.get(line.iban_index, set())
    quoted = [candidates.received[reference] for reference in _quoted(line) if reference in candidates.received]
    from_account = [
        found
        for found in candidates.sent_back
        if found.donor_id in donors and found.amount_minor == -line.unexplained_minor
    ]
    for donation in quoted[:MOST]:
        yield _of_refund(line, donation, BY_REFERENCE, MatchReason.REFUND_QUOTED)
    for donation in from_account[:MOST]:
        yield _of_refund(line, donation, BY_IBAN, MatchReason.REFUND_TO_ACCOUNT)


def _of_refund(line: BankLine, donation: Donation, score: int, reason: MatchReason) -> Suggestion:
    return Suggestion(
        MatchKind.DONATION,
        line.unexplained_minor,
        line.bank_account.currency,
        score,
        (reason,),
        donation=donation,
    )


def _own_accounts(line: BankLine, candidates: _Candidates) -> Iterator[Suggestion]:
    for account in candidates.ours:
        if line.iban_index and iban_index(account.iban) == line.iban_index:
            yield Suggestion(
                MatchKind.OWN,
                line.unexplained_minor,
                line.bank_account.currency,
                95,
                (MatchReason.OURS,),
                key=account.slug,
            )


def match_certain(account: BankAccount, *, most: int = MOST_CERTAIN) -> int:
    """Match lines that quote the reference of one awaited donation and bring just its amount; how many were."""
    lines = BankLine.objects.filter(bank_account=account, unexplained_minor__gt=0).order_by("-booked_on", "-pk")
    return sum(_match(line, donation) for line, donation in certain(account, list(lines[:MOST_CERTAIN]))[:most])


def certain(account: BankAccount, lines: Sequence[BankLine]) -> list[tuple[BankLine, Donation]]:
    """Of these lines those that quote the reference of one awaited donation and bring just its amount, oldest first.

    They need not be in the books yet. Two lines that quote one donation: the first is its.
    """
    into = [line for line in lines if line.unexplained_minor > 0]
    decided = of_which_a_match_was_undone(into)
    into = [line for line in into if line.pk not in decided]
    awaited = _by_reference(_waiting(account), into)
    matched: set[int] = set()
    found = []
    for line in sorted(into, key=lambda line: (line.booked_on, line.pk or maxsize)):
        donations = [awaited[reference] for reference in _quoted(line) if reference in awaited]
        if len(donations) == 1 and _is_whole(line, donations[0]) and donations[0].pk not in matched:
            matched.add(donations[0].pk)
            found.append((line, donations[0]))
    return found


def _match(line: BankLine, donation: Donation) -> bool:
    try:
        match_line(
            line,
            kind=MatchKind.DONATION,
            amount_minor=line.amount_minor,
            by=None,
            reasons=(MatchReason.QUOTED, MatchReason.SAME_AMOUNT),
            donation=donation,
        )
    except (NotMatchable, AlreadyReceived):  # somebody was quicker
        return False
    return True


def _is_whole(line: BankLine, donation: Donation) -> bool:
    return line.unexplained_minor == line.amount_minor == donation.amount_minor
