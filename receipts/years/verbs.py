"""The paper of a year: what a donor gave to a legal entity, per regime and currency.

What it is depends on the regime (`Annual`): a list of what single papers stand for, or a paper that stands for the
donations itself, in place of single ones. Which of both claims a donation is kept line by line, and the database lets
only one of them (migration `rules_of_papers`).

One verb brings the papers of a donor and year to what the books say: it issues, replaces and voids, and does nothing
where nothing differs, so it may be called again at any time. Lock order: donations in the order of their keys,
receipt, series.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Sum
from django.utils import timezone

from fundraising.models import (
    Account,
    Channel,
    Donation,
    DonationState,
    Donor,
    LegalEntity,
    Posting,
    Purpose,
    TaxDetails,
)

from .. import receipts
from ..composing import NotIssuable, issuer_by
from ..models import Advantage, EndReason, IssuerRegime, Kind, Receipt, ReceiptLine, ReceiptState, YearRefusal
from ..regimes import REGIMES, Annual, Problem, Regime, choice_for, choice_kept, choices_of, regime_by_status
from ..snapshot import Snapshot
from .composing import Given, of_year

RETRY_AFTER = receipts.RETRY_AFTER


@dataclass
class Outcome:
    """What became of a donor's papers of a year; `refused` holds why there are none."""

    issued: list[Receipt] = field(default_factory=list)
    replaced: list[Receipt] = field(default_factory=list)
    voided: list[Receipt] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Group:
    """The donations of one paper: of one regime and currency; `choice` is the entity's last one of them."""

    choice: IssuerRegime | None
    regime: str
    currency: str
    given: tuple[Given, ...]


# --- What waits -------------------------------------------------------------------------------------


def donors_of(entity: LegalEntity, year: int) -> QuerySet[Donation, int]:
    """The keys of donors whose donations of a year stand, each once."""
    first, after = entity.hours_of_year(year)
    rows = Donation.objects.filter(
        entity=entity, state=DonationState.RECEIVED, received_at__gte=first, received_at__lt=after
    )
    rows = rows.filter(donor__erased_at=None).exclude(channel=Channel.IN_KIND)
    return rows.order_by("donor").values_list("donor", flat=True).distinct()


def to_renew(*, limit: int = 200) -> list[Receipt]:
    """Issued papers of a year with a donation that was given back or taken back since, or whose own paper has another
    number now; those refused lately wait.

    An open dispute changes nothing, and a paper with one waits for its end.
    """
    standing = Receipt.objects.filter(donation=None, state=ReceiptState.ISSUED)
    lines = ReceiptLine.objects.filter(receipt=OuterRef("pk"))
    contested = lines.filter(donation__state=DonationState.DISPUTED)
    gone = lines.exclude(donation__state__in=[DonationState.RECEIVED, DonationState.DISPUTED])
    left = [Purpose.REFUNDS, Purpose.CHARGEBACKS]
    back = list(Account.objects.filter(purpose__in=left).values_list("pk", flat=True))
    touched = lines.filter(
        donation__entries__postings__account__in=back,
        donation__entries__booked_at__gt=OuterRef("issued_at") - timedelta(hours=1),
    )
    renumbered = lines.filter(claims=False, donation__receipts__ended_at__gt=OuterRef("issued_at"))
    waiting = YearRefusal.objects.filter(
        donor=OuterRef("donor"), year=OuterRef("series__year"), next_attempt_at__gt=timezone.now()
    )
    overtaken = standing.filter(Q(Exists(gone)) | Q(Exists(touched)) | Q(Exists(renumbered)))
    found = overtaken.filter(~Exists(contested), ~Exists(waiting))
    rows = found.select_related("series", "donor").defer("snapshot").order_by("pk")
    return [paper for paper in rows[:limit] if _differs(paper)]


def to_try_again(*, limit: int = 200) -> list[YearRefusal]:
    """Refused papers whose next attempt has come: at once where a donor has told what was missing."""
    rows = YearRefusal.objects.filter(next_attempt_at__lte=timezone.now(), donor__erased_at=None)
    return list(rows.select_related("donor__entity").order_by("next_attempt_at", "pk")[:limit])


def _differs(paper: Receipt) -> bool:
    """Whether the books say something else of the donations on a paper by now."""
    lines = list(paper.lines.select_related("donation"))
    standing = [line for line in lines if line.donation.state == DonationState.RECEIVED]
    kept = acknowledged(line.donation_id for line in standing)
    if len(standing) < len(lines) or any(kept[line.donation_id] != line.amount_minor for line in standing):
        return True
    return _names_ended(paper)


def _names_ended(paper: Receipt) -> bool:
    """Whether a list names a paper that stands for nothing any more."""
    if paper.lines.filter(claims=True).exists() or not paper.snapshot:
        return False
    named = [line.paper for line in Snapshot.from_json(paper.snapshot).lines if line.paper]
    return Receipt.objects.filter(number__in=named).exclude(state=ReceiptState.ISSUED).exists()


# --- Verbs ------------------------------------------------------------------------------------------


@transaction.atomic
def issue_year(donor: Donor, year: int, *, actor: str = "") -> Outcome:
    """Bring the donor's papers of a year that is over to what the books say."""
    return _issue(donor, year, actor=actor, corrected=None)


def correct(paper: Receipt, *, actor: str) -> Receipt:
    """Replace any paper after the donor's details were corrected. Raises AlreadyEnded, NotIssuable."""
    if paper.donation_id is None:
        return correct_paper(paper, actor=actor)
    return receipts.replace_receipt(paper, reason=EndReason.CORRECTED, actor=actor)


@transaction.atomic
def correct_paper(paper: Receipt, *, actor: str) -> Receipt:
    """Replace the paper of a year after the donor's details were corrected. Raises AlreadyEnded, NotIssuable."""
    if paper.state != ReceiptState.ISSUED:
        raise receipts.AlreadyEnded(paper.number)
    outcome = _issue(paper.donor, paper.series.year, actor=actor, corrected=paper)
    new = next((one for one in outcome.replaced if one.replaces_id == paper.pk), None)
    if new is None:
        raise NotIssuable(outcome.refused[0] if outcome.refused else Problem.NOT_RECEIVED)
    return new


def refuse(donor: Donor, year: int, code: str) -> None:
    """Note why a donor has no paper of a year, and when to try again."""
    refusal, is_new = YearRefusal.objects.get_or_create(
        donor=donor, year=year, defaults={"code": code[:60], "next_attempt_at": timezone.now() + RETRY_AFTER[0]}
    )
    if not is_new:
        wait = RETRY_AFTER[min(refusal.attempts, len(RETRY_AFTER) - 1)]
        YearRefusal.objects.filter(pk=refusal.pk).update(
            code=code[:60], attempts=F("attempts") + 1, next_attempt_at=timezone.now() + wait
        )


def papers_of(donor: Donor) -> QuerySet[Receipt]:
    """A donor's standing papers of years, the newest first; `receipts.pages.paper_address` says where each is."""
    rows = Receipt.objects.filter(donor=donor, donation=None, state=ReceiptState.ISSUED)
    return rows.select_related("series").defer("snapshot").order_by("-series__year", "-pk")


# --- How it is done ---------------------------------------------------------------------------------


def _issue(donor: Donor, year: int, *, actor: str, corrected: Receipt | None) -> Outcome:
    if year >= donor.entity.today().year:
        return Outcome(refused=[Problem.YEAR_NOT_OVER])
    donations = _locked(donor, year)
    papers = {(paper.series.regime, paper.currency): paper for paper in _standing(donor, year)}
    outcome = Outcome()
    if donor.erased_at:  # nobody is left to name on a paper
        papers = {key: paper for key, paper in papers.items() if _differs(paper)}
        donations = []
    for group in _groups(donor, donations, {paper.pk for paper in papers.values() if paper != corrected}):
        old = papers.pop((group.regime, group.currency), None) or _of_other_law(papers, group, corrected)
        if old and _is_same(old, group) and old != corrected:
            continue
        if old and _is_contested(old):
            outcome.refused.append(Problem.UNDER_CONTEST)
            continue
        _issue_group(donor, year, group, old, actor=actor, corrected=old == corrected, outcome=outcome)
    for paper in papers.values():
        if not _is_contested(paper):
            outcome.voided.append(receipts.void_receipt(paper, reason=_why_gone(paper), actor=actor))
    if not outcome.refused:
        YearRefusal.objects.filter(donor=donor, year=year).delete()
    return outcome


def _issue_group(
    donor: Donor, year: int, group: Group, old: Receipt | None, *, actor: str, corrected: bool, outcome: Outcome
) -> None:
    """Issue or replace one paper. A refusal leaves the others of the donor, and the old paper, as they are."""
    try:
        with transaction.atomic():
            paper = _write(
                donor, year, group, old, EndReason.CORRECTED if corrected else EndReason.AMOUNT_CHANGED, actor
            )
    except NotIssuable as problem:
        outcome.refused.append(problem.code)
    else:
        (outcome.replaced if old else outcome.issued).append(paper)


def _write(donor: Donor, year: int, group: Group, old: Receipt | None, reason: EndReason, actor: str) -> Receipt:
    issuer = issuer_by(donor.entity, group.choice, donor_locale=_language(group))
    details = TaxDetails.objects.filter(donor=donor).first() if issuer.regime.donor_needs else None
    draft = of_year(donor, issuer, year, group.given, details=details, replaces=old.number if old else "")
    if old:
        receipts.end(old, ReceiptState.REPLACED, reason, actor)
    claims = issuer.regime.annual != Annual.SUMMARY
    lines = [
        ReceiptLine(donation=one.donation, amount_minor=one.amount_minor, received_on=one.received_on, claims=claims)
        for one in group.given
    ]
    return receipts.store(draft, donor, lines, donation=None, replaces=old)


def _language(group: Group) -> str:
    """The language that the donor read last."""
    return max(group.given, key=lambda one: one.donation.pk).donation.locale


def _locked(donor: Donor, year: int) -> list[Donation]:
    """The donor's donations of the year, in any state, under lock."""
    first, after = donor.entity.hours_of_year(year)
    rows = Donation.objects.select_for_update(of=("self",)).select_related("wording")
    rows = rows.filter(donor=donor, received_at__gte=first, received_at__lt=after).exclude(channel=Channel.IN_KIND)
    return list(rows.order_by("pk"))


def _standing(donor: Donor, year: int) -> list[Receipt]:
    rows = Receipt.objects.filter(donor=donor, donation=None, series__year=year, state=ReceiptState.ISSUED)
    return list(rows.select_related("series", "donor").order_by("pk"))


def _of_other_law(papers: dict[tuple[str, str], Receipt], group: Group, corrected: Receipt | None) -> Receipt | None:
    """The corrected paper, which a group of another law replaces: the donor's country was wrong on it."""
    key = next((key for key, paper in papers.items() if paper == corrected), None)
    if key is None or corrected is None:
        return None
    on_it = set(corrected.lines.values_list("donation", flat=True))
    return papers.pop(key) if any(given.donation.pk in on_it for given in group.given) else None


def _groups(donor: Donor, donations: Iterable[Donation], standing: Collection[int]) -> list[Group]:
    """What belongs on which paper, of what is received: a paper that stands for donations leaves out what others do.

    What a paper holds, single or one of the `standing` ones of the year, stays under its law, wherever the donor moved.
    """
    received = [donation for donation in donations if donation.state == DonationState.RECEIVED]
    kept = acknowledged(donation.pk for donation in received)
    own, laws = _own_papers(received), _laws_of(received, standing)
    returned = dict(Advantage.objects.filter(donation__in=received).values_list("donation", "value_minor"))
    choices = choices_of(donor.entity)
    by_paper: dict[tuple[str, str], list[tuple[IssuerRegime | None, Given]]] = defaultdict(list)
    for donation in sorted(received, key=lambda donation: (donation.received_at, donation.pk)):
        if donation.received_at is None or kept[donation.pk] <= 0:
            continue
        on = donor.entity.day_of(donation.received_at)
        regime, choice = _law_of(donor, choices, on, laws.get(donation.pk, ""))
        stays = laws.get(donation.pk) == regime.code
        if regime.annual == Annual.COLLECTIVE and not (stays or (choice and choice.yearly)):
            continue  # it has a paper of its own, or will have one
        if regime.annual != Annual.SUMMARY and donation.pk in own:
            continue
        if regime.refuses_returned(returned.get(donation.pk, 0)):
            continue
        given = Given(donation, on, kept[donation.pk], own.get(donation.pk, ""))
        by_paper[regime.code, donation.currency].append((choice, given))
    groups = [
        Group(rows[-1][0], regime, currency, tuple(given for _choice, given in rows))
        for (regime, currency), rows in sorted(by_paper.items())
    ]
    return [group for group in groups if not _is_too_little(group)]


def _laws_of(donations: Iterable[Donation], standing: Collection[int]) -> dict[int, str]:
    """The regimes of papers that hold donations: single ones go before those of the year."""
    keys = [donation.pk for donation in donations]
    lines = ReceiptLine.objects.filter(donation__in=keys, receipt__state=ReceiptState.ISSUED)
    rows = lines.filter(Q(receipt__in=standing) | Q(receipt__donation=F("donation")))
    rows = rows.order_by(F("receipt__donation").asc(nulls_first=True))
    return dict(rows.values_list("donation", "receipt__series__regime"))


def _law_of(donor: Donor, choices: Sequence[IssuerRegime], on: date, before: str) -> tuple[Regime, IssuerRegime | None]:
    """The law of a donation of a day, with the entity's choice of it: the one `before`, while it issues under that."""
    choice = choice_kept(choices, before, on)
    if choice is None and regime_by_status(donor.entity).code != before:
        choice = choice_for(choices, donor.country, on)
    return (REGIMES[choice.regime] if choice else regime_by_status(donor.entity)), choice


def _is_too_little(group: Group) -> bool:
    """Whether the law wants no paper for so little."""
    return sum(one.amount_minor for one in group.given) < REGIMES[group.regime].annual_least_minor


def acknowledged(keys: Iterable[int]) -> dict[int, int]:
    """What paper says was given, of each donation, in minor units: received less what has left for good."""
    keys = list(keys)
    said = [Purpose.DONATIONS, Purpose.REFUNDS, Purpose.CHARGEBACKS]
    rows = Posting.objects.filter(entry__donation__in=keys, account__purpose__in=said)
    sums = dict(rows.values_list("entry__donation").annotate(Sum("amount_minor")))
    return {key: -sums.get(key, 0) for key in keys}


def _own_papers(donations: Iterable[Donation]) -> dict[int, str]:
    """The numbers of the single papers that stand for donations."""
    keys = [donation.pk for donation in donations]
    rows = Receipt.objects.filter(donation__in=keys, state=ReceiptState.ISSUED)
    return {key: number for key, number in rows.values_list("donation", "number") if key}


def _is_same(paper: Receipt, group: Group) -> bool:
    """Whether a paper says what it would say now."""
    printed = dict(paper.lines.values_list("donation", "amount_minor"))
    return printed == {one.donation.pk: one.amount_minor for one in group.given} and not _names_ended(paper)


def _is_contested(paper: Receipt) -> bool:
    return paper.lines.filter(donation__state=DonationState.DISPUTED).exists()


def _why_gone(paper: Receipt) -> EndReason:
    lines = paper.lines.all()
    if lines.filter(donation__state=DonationState.CHARGEBACK).exists():
        return EndReason.TAKEN_BACK
    returned = REGIMES[paper.series.regime].deductible and lines.filter(donation__advantage__value_minor__gt=0).exists()
    return EndReason.CORRECTED if returned else EndReason.REFUNDED


def is_of_year(paper: Receipt) -> bool:
    """Whether a paper is of a year."""
    return paper.series.kind == Kind.ANNUAL
