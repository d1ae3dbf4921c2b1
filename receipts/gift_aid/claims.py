"""Claims: which donations can be claimed now, which cannot and why, and making a claim of them.

A claim holds received pounds that no claim had before, under a declaration that covers them; what was refunded after it
was claimed is taken back in the next one (ITA 2007, sections 414 to 430; HMRC, "Schedule spreadsheets").
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from fundraising import trail
from fundraising.models import Channel, Donation, DonationState, LegalEntity, Posting, Purpose
from fundraising.money import Money

from ..models import Advantage, Declaration, GiftAidClaim, GiftAidRow
from ..models.gift_aid import PAST_YEARS, years_before
from .particulars import OVERSEAS, is_no_home

MOST_ROWS = 1000  # of one schedule
CLAIM_LOCK = 0x0A_61_D0  # any constant: one claim is made at a time
CURRENCY = "GBP"


class ClaimProblem(StrEnum):
    """Why a donation of somebody who declared is not claimed; in words in desk_words.py."""

    OTHER_CURRENCY = "other_currency"
    NOT_COVERED = "not_covered"
    TOO_OLD = "too_old"
    ORGANISATION = "organisation"
    NOT_HOME = "not_home"
    RETURNED = "returned"


class NothingToClaim(Exception):
    """There is nothing to claim and nothing to take back."""


@dataclass(frozen=True)
class Claimable:
    """A donation with the declaration under which it is claimed; the amount is what is left of it."""

    donation: Donation
    declaration: Declaration
    amount: Money


@dataclass(frozen=True)
class Taken:
    """What of a claimed row was given back since."""

    row: GiftAidRow
    amount: Money


@dataclass
class Prepared:
    """What a claim made now would hold, and what it would leave out."""

    rows: list[Claimable] = field(default_factory=list)
    taken_back: list[Taken] = field(default_factory=list)
    refused: list[tuple[Donation, ClaimProblem]] = field(default_factory=list)

    @property
    def total(self) -> Money:
        return sum((row.amount for row in self.rows), Money(0, CURRENCY))

    @property
    def overclaimed(self) -> Money:
        """Of donations claimed before: what was given back of them."""
        return sum((one.amount for one in self.taken_back), Money(0, CURRENCY))

    @property
    def tax(self) -> Money:
        """A quarter of what was given: the basic rate of 20 % of the gross (ITA 2007, s. 415)."""
        return tax_on(self.total)


def tax_on(amount: Money) -> Money:
    return Money(amount.minor // 4, amount.currency)


def prepare(entity: LegalEntity, until: date) -> Prepared:
    """What can be claimed of donations received until a day, oldest first, a thousand at most."""
    prepared = Prepared(taken_back=_taken_back(entity))
    found = list(
        _unclaimed(entity, until).select_related("donor", "entity").order_by("received_at", "pk")[: MOST_ROWS * 2]
    )
    declarations = _declarations(found)
    left = _left(found)
    returned = Advantage.objects.in_bulk([donation.pk for donation in found])
    for donation in found:
        amount = left[donation.pk]
        if amount <= 0:
            continue
        declaration, problem = _judge(donation, declarations[donation.donor_id], amount, returned.get(donation.pk))
        if declaration and not problem:
            if len(prepared.rows) < MOST_ROWS:
                prepared.rows.append(Claimable(donation, declaration, Money(amount, CURRENCY)))
        elif problem:
            prepared.refused.append((donation, problem))
    return prepared


def without_declaration(entity: LegalEntity) -> int:
    """How many received donations in pounds of British donors no declaration stands behind, up to a thousand."""
    declared = Declaration.objects.filter(donor=OuterRef("donor"))
    found = Donation.objects.filter(
        entity=entity, state=DonationState.RECEIVED, currency=CURRENCY, donor__country="GB"
    ).filter(~Exists(declared))
    return found.exclude(channel=Channel.IN_KIND)[:1000].count()


@transaction.atomic
def make_claim(entity: LegalEntity, *, until: date, by: User) -> GiftAidClaim:
    """Claim what can be claimed, and take back what was given back; raises NothingToClaim."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CLAIM_LOCK])
    # Locked before they are judged: a refund of one of them waits, or was booked and is seen.
    keys = list(_unclaimed(entity, until).order_by("received_at", "pk").values_list("pk", flat=True)[: MOST_ROWS * 2])
    list(Donation.objects.select_for_update().filter(pk__in=keys).order_by("pk").values_list("pk"))
    prepared = prepare(entity, until)
    if not prepared.rows and not prepared.taken_back:
        raise NothingToClaim
    before = GiftAidClaim.objects.filter(entity=entity).order_by("-number").first()
    claim = GiftAidClaim.objects.create(
        entity=entity, number=before.number + 1 if before else 1, until=until, made_by=by
    )
    GiftAidRow.objects.bulk_create(_rows(claim, prepared))
    after = {
        "donations": len(prepared.rows), "pence": prepared.total.minor, "taken_back_pence": prepared.overclaimed.minor
    }  # fmt: skip
    trail.record("gift_aid_claimed", by=by, entity=entity, about=f"gift_aid_claim:{claim.number}", after=after)
    return claim


def _rows(claim: GiftAidClaim, prepared: Prepared) -> Iterable[GiftAidRow]:
    position = 0
    for one in prepared.rows:
        position += 1
        yield GiftAidRow(
            claim=claim, position=position, donation=one.donation, declaration=one.declaration,
            received_on=_received_on(one.donation), amount_minor=one.amount.minor, sealed=_sealed(one.declaration),
        )  # fmt: skip
    for taken in prepared.taken_back:
        position += 1
        yield GiftAidRow(
            claim=claim, position=position, donation_id=taken.row.donation_id, declaration_id=taken.row.declaration_id,
            adjusts=taken.row, received_on=taken.row.received_on, amount_minor=taken.amount.minor,
            sealed=taken.row.sealed,
        )  # fmt: skip


def _sealed(declaration: Declaration) -> str:
    """Title, names, house and postcode as they stand on the schedule."""
    told = [declaration.title, declaration.first_name, declaration.last_name, declaration.house]
    return json.dumps([*told, declaration.postcode or OVERSEAS], ensure_ascii=False)


def _unclaimed(entity: LegalEntity, until: date) -> QuerySet[Donation]:
    """Received money of donors who declared, that no claim had."""
    declared = Declaration.objects.filter(donor=OuterRef("donor"), emptied_at=None)
    claimed = GiftAidRow.objects.filter(donation=OuterRef("pk"), adjusts=None)
    _first, after = entity.hours_of(until, min(until, entity.today()))
    money = Donation.objects.filter(entity=entity, state=DonationState.RECEIVED, received_at__lt=after)
    return money.exclude(channel=Channel.IN_KIND).filter(Exists(declared), ~Exists(claimed))


def _declarations(found: Sequence[Donation]) -> dict[int, list[Declaration]]:
    """By donor, newest first."""
    by_donor: dict[int, list[Declaration]] = defaultdict(list)
    donors = {donation.donor_id for donation in found}
    for declaration in Declaration.objects.filter(donor__in=donors, emptied_at=None).order_by("-declared_on", "-pk"):
        by_donor[declaration.donor_id].append(declaration)
    return by_donor


def _left(found: Sequence[Donation]) -> dict[int, int]:
    """What is left of donations after what was given back, in minor units, as booked."""
    purposes = [Purpose.DONATIONS, Purpose.REFUNDS, Purpose.CHARGEBACKS]
    rows = Posting.objects.filter(entry__donation__in=[one.pk for one in found], account__purpose__in=purposes)
    left: dict[int, int] = defaultdict(int)
    for key, balance in rows.values_list("entry__donation").annotate(balance=Sum("amount_minor")):
        left[key] = -balance
    return left


def _judge(
    donation: Donation, declarations: Sequence[Declaration], amount: int, returned: Advantage | None
) -> tuple[Declaration | None, ClaimProblem | None]:
    """The declaration to claim under, or why there is no claim."""
    on = _received_on(donation)
    if donation.currency != CURRENCY:
        return None, ClaimProblem.OTHER_CURRENCY
    if donation.donor.organisation:
        return None, ClaimProblem.ORGANISATION
    covering = [one for one in declarations if one.covers(donation.pk, on)]
    if not covering:
        return None, ClaimProblem.NOT_COVERED
    if on < years_before(donation.entity.today(), PAST_YEARS):
        return None, ClaimProblem.TOO_OLD
    if is_no_home(f"{covering[0].house} {covering[0].street}"):
        return None, ClaimProblem.NOT_HOME
    if returned and returned.value_minor > greatest_benefit(amount):
        return None, ClaimProblem.RETURNED
    return covering[0], None


def greatest_benefit(amount_minor: int) -> int:
    """In pence, what a donor may get back for a donation: 25 % of the first £100, 5 % of the rest, £2,500 at most.

    ITA 2007, s. 418, as in force since 6 April 2019.
    """
    first = min(amount_minor, 100_00)
    return min(first // 4 + (amount_minor - first) // 20, 2_500_00)


def _received_on(donation: Donation) -> date:
    assert donation.received_at is not None  # the database says so of received donations
    return donation.entity.day_of(donation.received_at)


def _taken_back(entity: LegalEntity) -> list[Taken]:
    """Of rows claimed before: what was given back since and not taken back yet."""
    gone = Q(donation__state__in=[DonationState.REFUNDED, DonationState.CHARGEBACK, DonationState.OPENED])
    back = [Purpose.REFUNDS, Purpose.CHARGEBACKS]
    given_back = Posting.objects.filter(entry__donation=OuterRef("donation"), account__purpose__in=back)
    claimed = GiftAidRow.objects.filter(claim__entity=entity, adjusts=None).filter(gone | Exists(given_back))
    found = []
    rows = list(claimed.select_related("donation").annotate(before=Sum("adjustments__amount_minor")).order_by("pk"))
    left = _left([row.donation for row in rows])
    for row in rows:
        kept = left[row.donation_id] if row.donation.state in (DonationState.RECEIVED, DonationState.DISPUTED) else 0
        amount = row.amount_minor - max(0, kept) - (row.before or 0)
        if amount > 0:
            found.append(Taken(row, Money(amount, CURRENCY)))
    return found
