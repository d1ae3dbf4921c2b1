"""Declarations: made by a donor or recorded from paper, cancelled, and kept for as long as the law wants.

The law wants the charity, the donor with a home address, what is declared for, the wish, and that the donor was told
who pays the difference (The Donations to Charity by Individuals (Appropriate Declarations) Regulations 2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from fundraising import trail
from fundraising.models import Donation, DonationState, Donor, LegalEntity

from ..models import Declaration, GiftAidRow, Scope, Way, Wording
from ..models.gift_aid import years_before
from ..regimes import FILL
from ..regimes.uk_gift_aid import TAX_STATEMENT, WISHES

YEARS_KEPT = 6
PERSONAL = ("title", "first_name", "last_name", "house", "street", "postcode")
REGIME = "uk_gift_aid"


class DeclarationRefused(Exception):
    """It cannot be declared or cancelled so; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Declared:
    """What a donor declares, as particulars.py let it through; an empty `postcode` is a home outside the UK."""

    title: str
    first_name: str
    last_name: str
    house: str
    street: str
    postcode: str
    scope: Scope
    donation: Donation | None = None


@dataclass(frozen=True)
class Words:
    """What a donor agrees to, a wish and the statement on tax, and the entity's version of the latter; 0: ours."""

    wish: str
    statement: str
    version: int

    @property
    def text(self) -> str:
        return f"{self.wish} {self.statement}"


def words_of(entity: LegalEntity, scope: Scope) -> Words:
    """What a donor agrees to. It is English: the law is."""
    own = Wording.objects.filter(entity=entity, regime=REGIME, locale="en", slot=TAX_STATEMENT.slot)
    newest = own.order_by("-version").first()
    wish = FILL.sub(lambda found: entity.name if found[1] == "entity" else found[0], WISHES[scope])
    return Words(wish, newest.text if newest else TAX_STATEMENT.ours["en"], newest.version if newest else 0)


@transaction.atomic
def declare(donor: Donor, declared: Declared) -> Declaration:
    """A declaration that the donor makes on their page today. Raises DeclarationRefused."""
    return _store(donor, declared, way=Way.ONLINE, on=donor.entity.today(), by=None)


@transaction.atomic
def record(donor: Donor, declared: Declared, *, on: date, by: User) -> Declaration:
    """A declaration that came on paper; the paper is kept. Raises DeclarationRefused."""
    if on > donor.entity.today():
        raise DeclarationRefused("future")
    declaration = _store(donor, declared, way=Way.PAPER, on=on, by=by)
    after = {"scope": declaration.scope, "declared_on": on, "wording": declaration.wording_version}
    trail.record("declaration_recorded", by=by, entity=donor.entity, about=about(declaration), after=after)
    return declaration


def _store(donor: Donor, declared: Declared, *, way: Way, on: date, by: User | None) -> Declaration:
    if donor.organisation:
        raise DeclarationRefused("organisation")
    if (declared.scope == Scope.THIS) != (declared.donation is not None):
        raise DeclarationRefused("donation")
    words = words_of(donor.entity, declared.scope)
    return Declaration.objects.create(
        entity=donor.entity,
        donor=donor,
        title=declared.title,
        first_name=declared.first_name,
        last_name=declared.last_name,
        house=declared.house,
        street=declared.street,
        postcode=declared.postcode,
        scope=declared.scope,
        donation=declared.donation,
        wording=words.text,
        wording_version=words.version,
        way=way,
        declared_on=on,
        recorded_by=by,
    )


@transaction.atomic
def cancel(declaration: Declaration, *, on: date, by: User | None) -> Declaration:
    """End a declaration: donations from that day on are not claimed. Without `by` the donor did it themselves.

    Raises DeclarationRefused.
    """
    declaration = Declaration.objects.select_for_update(of=("self",)).select_related("entity").get(pk=declaration.pk)
    if declaration.cancelled_on is not None:
        raise DeclarationRefused("cancelled")
    if not declaration.declared_on <= on <= declaration.entity.today():
        raise DeclarationRefused("day")
    declaration.cancelled_on = on
    declaration.save(update_fields=["cancelled_on"])
    if by:
        trail.record(
            "declaration_cancelled", by=by, entity=declaration.entity, about=about(declaration), after={"on": on}
        )
    return declaration


def about(declaration: Declaration) -> str:
    """What the trail calls a declaration."""
    return f"declaration:{declaration.uuid}"


def kept_until(donor: Donor) -> date | None:
    """The day until which a donor's declarations have to be kept; None where they made none.

    Six years after the end of what they were last claimed for (Gift Aid record keeping), and as long as something can
    be claimed on them; one that stands is kept as long as it stands.
    """
    made = Declaration.objects.filter(donor=donor)
    if not made.exists():
        return None
    claimed = GiftAidRow.objects.filter(declaration__in=made).aggregate(last=Max("claim__made_at"))["last"]
    given = Donation.objects.filter(donor=donor, state=DonationState.RECEIVED, currency="GBP")
    received = given.aggregate(last=Max("received_at"))["last"]
    days = [declaration.cancelled_on or declaration.declared_on for declaration in made]
    days += [donor.entity.day_of(at) for at in (claimed, received) if at]
    return years_before(max(days), -YEARS_KEPT)


def empty_due(*, limit: int = 500) -> int:
    """Empty the declarations of erased donors that nobody has to keep any more, donor by donor; of how many donors."""
    over = years_before(timezone.localdate(), YEARS_KEPT)
    full = Declaration.objects.filter(emptied_at=None, donor__erased_at__isnull=False, declared_on__lt=over)
    keys = list(full.order_by("donor").values_list("donor", flat=True).distinct()[:limit])
    return sum(_empty(key) for key in keys)


@transaction.atomic
def _empty(donor_id: int) -> bool:
    """Names and address go, here and in what was claimed; the words agreed to, days and amounts stay."""
    donor = Donor.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk=donor_id).first()
    until = kept_until(donor) if donor else None
    if donor is None or until is None or until >= timezone.localdate():
        return False
    full = Declaration.objects.filter(donor=donor, emptied_at=None)
    emptied = list(full.select_related("entity").order_by("pk"))
    full.update(**dict.fromkeys(PERSONAL, ""), emptied_at=timezone.now())
    GiftAidRow.objects.filter(declaration__in=emptied).update(sealed="")
    for declaration in emptied:
        trail.record("declaration_emptied", by=None, entity=declaration.entity, about=about(declaration))
    return bool(emptied)
