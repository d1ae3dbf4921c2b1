"""What staff decide about a legal entity's papers: each in one database transaction, and in the trail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from fundraising import trail
from fundraising.models import Donation, LegalEntity
from fundraising.money import Money

from .. import receipts
from ..composing import NotIssuable
from ..models import Advantage, EndReason, ImageType, IssuerRegime, Letterhead, Receipt, ReceiptLine, Wording
from ..regimes import FILL, REGIMES, Problem, Sentence
from ..years import verbs as year_verbs


class PaperRefused(Exception):
    """What was asked for is not so, or not so any more; `code` says what."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Choice:
    """How a legal entity issues under a regime; empty `donor_countries`: to donors of every country."""

    donor_countries: Sequence[str]
    particulars: Mapping[str, str]
    since: date
    until: date | None = None
    yearly: bool = False


def choose_regime(entity: LegalEntity, code: str, choice: Choice, *, by: User) -> IssuerRegime:
    """Issue under a regime from a day on. Raises PaperRefused."""
    if code not in REGIMES:
        raise PaperRefused("unknown")
    try:
        with transaction.atomic():
            row = IssuerRegime.objects.create(entity=entity, regime=code, **_fields(choice))
            trail.record("regime_chosen", by=by, entity=entity, about=f"regime:{row.pk}", after=_told(row))
    except IntegrityError as error:
        raise PaperRefused("twice") from error
    return row


@transaction.atomic
def change_regime(row: IssuerRegime, choice: Choice, *, by: User) -> IssuerRegime:
    """Say anew for whom and with which particulars. What is issued keeps what it says."""
    row = IssuerRegime.objects.select_for_update().select_related("entity").get(pk=row.pk)
    before = _told(row)
    for name, value in _fields(choice).items():
        setattr(row, name, value)
    row.save()
    trail.record("regime_changed", by=by, entity=row.entity, about=f"regime:{row.pk}", before=before, after=_told(row))
    return row


def _fields(choice: Choice) -> dict[str, object]:
    return {
        "donor_countries": list(choice.donor_countries),
        "particulars": {key: told for key, told in choice.particulars.items() if told},
        "since": choice.since,
        "until": choice.until,
        "yearly": choice.yearly,
    }


def _told(row: IssuerRegime) -> dict[str, object]:
    """The regime for the trail: of the organisation, so nothing personal."""
    return {
        "regime": row.regime,
        "countries": list(row.donor_countries),
        "particulars": dict(row.particulars),
        "yearly": row.yearly,
        "since": row.since,
        "until": row.until,
    }


@dataclass(frozen=True)
class Pictures:
    """Pictures as images.py let them through."""

    logo: bytes | None
    logo_type: ImageType | None
    signature: bytes | None


@transaction.atomic
def set_letterhead(
    entity: LegalEntity,
    pictures: Pictures,
    *,
    place: str,
    signatory: str,
    signatory_role: str,
    by: User,
    archive: bool = False,
) -> Letterhead:
    """What papers look like from now on, and who signs them."""
    head = Letterhead.objects.create(
        entity=entity,
        logo=pictures.logo,
        logo_type=pictures.logo_type or "",
        signature=pictures.signature,
        place=place,
        signatory=signatory,
        signatory_role=signatory_role,
        archive=archive,
        made_by=by,
    )
    pictured = {"logo": bool(pictures.logo), "signature": bool(pictures.signature)}
    after = {"place": place, **pictured, "archive": archive}
    trail.record("letterhead_set", by=by, entity=entity, about=f"letterhead:{head.pk}", after=after)
    return head


@transaction.atomic
def write_wording(
    entity: LegalEntity, regime: str, slot: str, locale: str, *, text: str, signed_off_by: str, by: User
) -> Wording:
    """A sentence in the words of the entity's accountant: a new version. Raises PaperRefused."""
    sentence = sentence_of(regime, slot)
    if sentence.binding:
        raise PaperRefused("binding")
    if set(FILL.findall(text)) != set(FILL.findall(sentence.ours["en"])):
        raise PaperRefused("fills")
    LegalEntity.objects.select_for_update().get(pk=entity.pk)  # one version at a time
    same = Wording.objects.filter(entity=entity, regime=regime, slot=slot, locale=locale)
    newest = same.order_by("-version").first()
    wording = Wording.objects.create(
        entity=entity,
        regime=regime,
        slot=slot,
        locale=locale,
        version=newest.version + 1 if newest else 1,
        text=text,
        signed_off_by=signed_off_by,
        written_by=by,
    )
    after = {"sentence": f"{regime}.{slot}", "language": locale, "version": wording.version, "text": text}
    trail.record("wording_written", by=by, entity=entity, about=f"wording:{wording.pk}", after=after)
    return wording


def sentence_of(regime: str, slot: str) -> Sentence:
    """The sentence of a regime. Raises PaperRefused."""
    found = [sentence for sentence in (REGIMES[regime].sentences if regime in REGIMES else ()) if sentence.slot == slot]
    if not found:
        raise PaperRefused("unknown")
    return found[0]


@transaction.atomic
def note_advantage(donation: Donation, *, description: str, value: Money, by: User) -> Advantage:
    """Say what the donor got in return for a donation; its paper is replaced, or void where the law wants none then.

    Raises PaperRefused, NotIssuable.
    """
    donation = receipts.to_lock().get(pk=donation.pk)
    if value.currency != donation.currency or value.minor < 0:
        raise PaperRefused("value")
    values = {"description": description, "value_minor": value.minor, "currency": value.currency}
    before = Advantage.objects.filter(donation=donation).values("value_minor").first()
    advantage, _new = Advantage.objects.update_or_create(
        donation=donation, defaults={**values, "noted_by": by, "noted_at": timezone.now()}
    )
    if receipt := receipts.current_receipt(donation):
        _say_so(receipt, by)
    elif line := ReceiptLine.objects.filter(donation=donation, claims=True).select_related("receipt__series").first():
        year_verbs.issue_year(donation.donor, line.receipt.series.year, actor=by.get_username())
    trail.record(
        "advantage_noted",
        by=by,
        entity=donation.entity,
        about=f"donation:{donation.uuid}",
        before=before,
        after={"value_minor": value.minor},
    )
    return advantage


def _say_so(receipt: Receipt, by: User) -> None:
    """Replace the receipt of a donation for which something was given; one that the law wants no more ends."""
    actor = by.get_username()
    try:
        with transaction.atomic():
            receipts.replace_receipt(receipt, reason=EndReason.CORRECTED, actor=actor)
    except NotIssuable as problem:
        if problem.code not in (Problem.RETURNED, Problem.TOO_MUCH_RETURNED):
            raise
        receipts.void_receipt(receipt, reason=EndReason.CORRECTED, actor=actor)
        receipts.refuse(receipt.sole_donation, problem.code)
