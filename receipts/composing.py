"""Composing: from a donation, its donor and who issues, to the snapshot of a paper. Reads; writes nothing."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext

from fundraising import donations
from fundraising.locales import country_name
from fundraising.models import (
    AppealWording,
    Channel,
    Donation,
    DonationState,
    Donor,
    EntityText,
    LegalEntity,
    TaxDetails,
    Tribute,
)
from fundraising.money import Money

from .documents import signing
from .documents.in_words import amount_in_words
from .documents.ways_to_pay import payment_in_words
from .models import Advantage, IssuerRegime, Letterhead, Wording
from .regimes import (
    REGIMES,
    DonorNeed,
    Grounds,
    Problem,
    Regime,
    channel_problem,
    channel_statements,
    choice_for,
    choice_kept,
    choices_of,
    is_yearly,
    regime_by_status,
)
from .snapshot import Snapshot, written_as

CODE_ALPHABET = "23456789BCDFGHJKMNPQRSTVWXYZ"  # no vowels, nothing that looks like something else
CODE_LENGTH = 8
POSTCODE_LAST = {"AU", "CA", "GB", "IE", "NZ", "US"}  # where post is addressed town first
LONGEST_CODE = 3


class NotIssuable(Exception):
    """The donation gets no paper now; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Issuer:
    """Who issues, under which law, in which language: the same for many papers."""

    entity: LegalEntity
    regime: Regime
    locale: str
    particulars: Mapping[str, str]
    text: EntityText | None
    letterhead: Letterhead | None
    signs: bool  # whether the letterhead has a facsimile
    wordings: Mapping[str, str]
    yearly: bool = False  # a paper of the year stands for the donations, and no single ones do

    def wording(self, slot: str, ours: str) -> str:
        """A sentence of the regime as the entity's accountant signed it off, or as we wrote it."""
        return self.wordings.get(slot, ours)


def issuer_of(entity: LegalEntity, *, donor_country: str, donor_locale: str, on: date) -> Issuer:
    """Who issues to donors of a country and language for what was received on a day; four queries."""
    choice = choice_for(choices_of(entity), donor_country, on)
    return issuer_by(entity, choice, donor_locale=donor_locale)


def issuer_again(donation: Donation, regime: str, on: date) -> Issuer | None:
    """Who issued under a regime, for the paper that replaces one under it; None if the entity does so no more."""
    choice = choice_kept(choices_of(donation.entity), regime, on)
    if choice is None and regime_by_status(donation.entity).code != regime:
        return None
    return issuer_by(donation.entity, choice, donor_locale=donation.locale)


def issuer_by(entity: LegalEntity, choice: IssuerRegime | None, *, donor_locale: str) -> Issuer:
    """Who issues under a choice of the entity's; three queries."""
    regime = REGIMES[choice.regime] if choice else regime_by_status(entity)
    locale = regime.language(donor_locale)
    heads = Letterhead.objects.filter(entity=entity).order_by("-pk").defer("logo", "signature")
    head = heads.annotate(signs=Q(signature__isnull=False)).first()
    wordings = Wording.objects.filter(entity=entity, regime=regime.code, locale=locale).order_by("version")
    return Issuer(
        entity=entity,
        regime=regime,
        locale=locale,
        particulars=dict(choice.particulars) if choice else {},
        text=EntityText.objects.filter(entity=entity, locale=locale).first(),
        letterhead=head,
        signs=bool(head and head.signs),
        wordings=dict(wordings.values_list("slot", "text")),
        yearly=is_yearly(choice),
    )


def compose(donation: Donation, *, replaces: str = "", regime: str = "") -> Snapshot:
    """The paper of one donation but for its number; `replaces` names an earlier one. Raises NotIssuable.

    `regime`: the law to stay under, whose paper it replaces; else that of where the donor lives by now.
    """
    net, refunded = donations.acknowledged(donation), donations.given_back(donation)
    if donation.state != DonationState.RECEIVED or donation.received_at is None or not has_worth(donation, net):
        raise NotIssuable(Problem.NOT_RECEIVED)
    donor, on = donation.donor, donation.entity.day_of(donation.received_at)
    issuer = (issuer_again(donation, regime, on) if regime else None) or issuer_of(
        donation.entity, donor_country=donor.country, donor_locale=donation.locale, on=on
    )
    details = TaxDetails.objects.filter(donor=donor).first() if issuer.regime.donor_needs else None
    returned = Advantage.objects.filter(donation=donation).first()
    return of_donation(
        donation, issuer, net=net, refunded=refunded, details=details, returned=returned, replaces=replaces
    )


def has_worth(donation: Donation, net: Money) -> bool:
    """Whether something of a received donation is left; what was given in kind has no value noted."""
    return net.minor > 0 or donation.channel == Channel.IN_KIND


def of_donation(
    donation: Donation,
    issuer: Issuer,
    *,
    net: Money,
    refunded: Money,
    details: TaxDetails | None,
    returned: Advantage | None = None,
    replaces: str = "",
) -> Snapshot:
    """As `compose`, of what was read before; asks the database nothing. Raises NotIssuable."""
    if donation.received_at is None:
        raise NotIssuable(Problem.NOT_RECEIVED)
    if issuer.yearly:
        raise NotIssuable(Problem.AT_YEARS_END)
    if donation.channel == Channel.IN_KIND and not issuer.regime.takes_in_kind:
        raise NotIssuable(Problem.IN_KIND)
    if returned and issuer.regime.refuses_returned(returned.value_minor):
        raise NotIssuable(Problem.RETURNED)
    entity, donor, regime, text = issuer.entity, donation.donor, issuer.regime, issuer.text
    with translation.override(issuer.locale):
        grounds = Grounds(
            text,
            issuer.particulars,
            issuer.wording,
            donation.channel,
            net,
            entity=entity.name,
            returned=returned.description if returned else "",
            value=returned.value if returned else None,
            organisation=bool(donor.organisation),
            locale=written_as(regime.code, issuer.locale),
        )
        statements = (*regime.statements(grounds), *channel_statements(entity, donation.channel))
        tribute = _tribute(donation)
        channel = "" if donation.channel == Channel.ONLINE else str(Channel(donation.channel).label)
        paid_with = payment_in_words(donation) if regime.names_payment else ""
    snapshot = Snapshot(
        **parties(issuer, donor, details),
        replaces=replaces,
        donation=str(donation.uuid),
        reference=donation.reference,
        received_on=entity.day_of(donation.received_at),
        currency=net.currency,
        gross_minor=(net + refunded).minor,
        refunded_minor=refunded.minor,
        statements=statements,
        tribute=tribute,
        channel=channel,
        in_kind=donation.in_kind,
        returned=grounds.returned,
        returned_minor=grounds.value.minor if grounds.value else 0,
        paid_with=paid_with,
        purpose=purpose_of(donation, issuer.locale) if regime.names_purpose else "",
        amount_in_words=amount_in_words(net, issuer.locale) if regime.in_words else "",
    )
    if problem := (
        missing(issuer, snapshot)
        or regime.refusal(snapshot)
        or channel_problem(regime, entity, donation.channel)
        or _unsigned(regime, donor)
    ):
        raise NotIssuable(problem)
    return snapshot


def _unsigned(regime: Regime, donor: Donor) -> Problem | None:
    """What must be signed to be mailed, and cannot be; who has no address for mail gets a letter."""
    return Problem.NO_CERTIFICATE if regime.protected and donor.email and not signing.is_ready() else None


def parties(issuer: Issuer, donor: Donor, details: TaxDetails | None) -> dict[str, Any]:
    """What every paper says of who issues it and to whom; it has no number yet."""
    entity, regime, text, head = issuer.entity, issuer.regime, issuer.text, issuer.letterhead
    return {
        "regime": regime.code,
        "version": regime.version,
        "locale": issuer.locale,
        "number": "",
        "check_code": new_check_code(),
        "issued_on": entity.today(),
        "entity_name": entity.name,
        "entity_form": text.legal_form if text else "",
        "entity_address": entity.address,
        "entity_registration": entity.registration,
        "theme": entity.theme,
        "donor_name": donor.organisation or donor.full_name,
        "donor_person": donor.full_name if donor.organisation else "",
        "donor_country": donor.country,
        "letterhead": head.pk if head else 0,
        "archive": bool(head and head.archive),
        "place": head.place if head else "",
        "signatory": head.signatory if head else "",
        "signatory_role": head.signatory_role if head else "",
        "particulars": dict(issuer.particulars),
        "wordings": dict(issuer.wordings),
        "donor_title": details.title if details else "",
        "donor_address": address_lines(details, donor, issuer.locale) if details else "",
        "donor_tax_number": details.tax_number if details else "",
    }


def missing(issuer: Issuer, snapshot: Snapshot) -> Problem | None:
    """What the regime wants of issuer or donor and does not have."""
    regime = issuer.regime
    for particular in regime.particulars:
        told = str(snapshot.particulars.get(particular.key, ""))
        if (particular.required and not told) or (told and not particular.check(told)):
            return Problem.NO_PARTICULARS
    if regime.signed and not snapshot.signatory:
        return Problem.NO_SIGNATORY
    if regime.facsimile and not issuer.signs:
        return Problem.NO_FACSIMILE
    if DonorNeed.ADDRESS in regime.donor_needs and not snapshot.donor_address:
        return Problem.NO_ADDRESS
    if DonorNeed.TAX_NUMBER in regime.donor_needs and not snapshot.donor_tax_number:
        return Problem.NO_TAX_NUMBER
    if regime.currency and snapshot.currency != regime.currency:
        return Problem.OTHER_CURRENCY
    return None


def address_lines(details: TaxDetails, donor: Donor, locale: str) -> str:
    """The donor's address as lines; empty where a letter would not arrive."""
    if not details.has_address:
        return ""
    beside = details.region if len(details.region) <= LONGEST_CODE else ""  # MI, NS: of a province, beside its town
    town = [details.postcode, details.city, beside]
    if donor.country in POSTCODE_LAST:
        town = [*town[1:], details.postcode]
    region = "" if beside else details.region
    lines = [details.street, " ".join(filter(None, town)), region, country_name(donor.country, locale)]
    return "\n".join(line for line in lines if line)


def purpose_of(donation: Donation, locale: str) -> str:
    """What the appeal is called, in the language of the paper where it has one; asks the database."""
    if not donation.round_id:  # a specimen's
        return ""
    wordings = AppealWording.objects.filter(appeal=donation.round.appeal_id).order_by("-version")
    found = wordings.filter(locale=locale).first() or wordings.filter(pk=donation.wording_id).first()
    return found.title if found else ""


def new_check_code() -> str:
    """The code that, with the number, opens a paper's check page."""
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))


def _tribute(donation: Donation) -> str:
    """Whom the donation remembers or celebrates, as a line in the active language."""
    match Tribute(donation.tribute):
        case Tribute.HONOUR:
            return gettext("In honour of %(name)s") % {"name": donation.tribute_name}
        case Tribute.MEMORY:
            return gettext("In memory of %(name)s") % {"name": donation.tribute_name}
        case Tribute.NONE:
            return ""
