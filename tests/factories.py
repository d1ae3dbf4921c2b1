"""Rows for tests, made as the desk and the verbs make them. Names are invented; every call makes new ones."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from fundraising import donations, drafts, ledger
from fundraising.models import (
    Appeal,
    AppealState,
    AppealWording,
    Campaign,
    CampaignText,
    Donation,
    DonationPage,
    EntityText,
    FeeCover,
    Fund,
    Goal,
    LegalEntity,
    PageCurrency,
    PublicName,
    Round,
    TaxStatus,
)
from fundraising.money import Money

LOCALES = ("en", "it")
PROVIDER = "acct-test"
FIFTY_EUROS = Money(5_000, "EUR")
NOT_DEDUCTIBLE = {
    "en": "Contributions to Lantern Action are not tax deductible as charitable contributions.",
    "it": "Le donazioni a Lantern Action non sono deducibili dalle imposte.",
}
_number = itertools.count(1)


def next_number() -> int:
    """A number no other row of this process has taken; part of slugs, names and provider ids."""
    return next(_number)


def make_entity(*, tax_status: TaxStatus = TaxStatus.US_501C4, name: str = "Lantern Action") -> LegalEntity:
    """A legal entity with its texts and its unrestricted fund."""
    entity = LegalEntity.objects.create(
        slug=f"entity-{next_number()}",
        name=name,
        tax_status=tax_status,
        country="US",
        address="12 Harbour Street\nPortland, OR 97201\nUnited States",
        registration="EIN 00-1234567",
        currency="USD",
        email_from="donations@lantern.example",
    )
    for locale in LOCALES:
        EntityText.objects.create(
            entity=entity,
            locale=locale,
            legal_form={"en": "A non-profit organisation", "it": "Un ente senza scopo di lucro"}[locale],
            non_deductibility=NOT_DEDUCTIBLE[locale] if tax_status == TaxStatus.US_501C4 else "",
        )
    FeeCover.objects.create(entity=entity, currency="EUR", basis_points=290, fixed_minor=30)
    Fund.objects.create(entity=entity, name="General fund", restricted=False)
    return entity


@dataclass(frozen=True)
class AppealKit:
    """An open appeal with everything a donation needs."""

    entity: LegalEntity
    campaign: Campaign
    appeal: Appeal
    round: Round
    pages: dict[str, DonationPage]
    wordings: dict[str, AppealWording]


def make_appeal(
    entity: LegalEntity | None = None,
    *,
    campaign: Campaign | None = None,
    currencies: tuple[str, ...] = ("EUR", "USD", "JPY"),
    goal_minor: int = 5_000_000,
) -> AppealKit:
    """An open appeal in EUR: campaign, fund, round with a goal, pages and wordings in every language."""
    number = next_number()
    entity = entity or (campaign.entity if campaign else make_entity())
    campaign = campaign or _make_campaign(entity, number)
    appeal = Appeal.objects.create(
        campaign=campaign,
        slug=f"appeal-{number}",
        fund=Fund.objects.create(entity=entity, name=f"Evacuations {number}"),
        late_fund=Fund.objects.get(entity=entity, restricted=False),
        currency="EUR",
    )
    round_ = Round.objects.create(
        appeal=appeal, number=1, reason="First families", opens_at=timezone.now() - timedelta(days=1)
    )
    Goal.objects.create(round=round_, amount_minor=goal_minor, reason="Cost of forty journeys")
    kit = AppealKit(
        entity=entity,
        campaign=campaign,
        appeal=appeal,
        round=round_,
        pages={locale: _make_page(appeal, locale, currencies) for locale in LOCALES},
        wordings={locale: _make_wording(appeal, locale) for locale in LOCALES},
    )
    appeal.state = AppealState.OPEN
    appeal.save(update_fields=["state"])
    return kit


def _make_campaign(entity: LegalEntity, number: int) -> Campaign:
    campaign = Campaign.objects.create(slug=f"campaign-{number}", entity=entity, published=True)
    for locale in LOCALES:
        CampaignText.objects.create(
            campaign=campaign,
            locale=locale,
            title={"en": "A way out", "it": "Una via d'uscita"}[locale],
            summary={"en": "Safe passage, now.", "it": "Un passaggio sicuro, ora."}[locale],
            story={"en": "They have to leave.\n\nYou can help.", "it": "Devono partire.\n\nPuoi aiutare."}[locale],
        )
    return campaign


def _make_page(appeal: Appeal, locale: str, currencies: tuple[str, ...]) -> DonationPage:
    page = DonationPage.objects.create(appeal=appeal, locale=locale, slug=f"{appeal.slug}-{locale}")
    for position, currency in enumerate(currencies):
        unit = Money(1, currency).exponent
        PageCurrency.objects.create(
            page=page,
            currency=currency,
            position=position,
            minimum_minor=5 * 10**unit,
            maximum_minor=50_000 * 10**unit,
            suggested_minor=[20 * 10**unit, 50 * 10**unit, 100 * 10**unit],
        )
    return page


def _make_wording(appeal: Appeal, locale: str) -> AppealWording:
    return AppealWording.objects.create(
        appeal=appeal,
        locale=locale,
        version=1,
        title={"en": "Evacuations", "it": "Evacuazioni"}[locale],
        ask={"en": "Help forty families to leave.", "it": "Aiuta quaranta famiglie a partire."}[locale],
        purpose={"en": "Travel, visas and shelter.", "it": "Viaggio, visti e alloggio."}[locale],
        secondary_purpose={
            "en": "What this appeal does not need helps others at risk.",
            "it": "Quanto non serve a questo appello aiuta altre persone a rischio.",
        }[locale],
    )


def draft(
    kit: AppealKit,
    *,
    amount: Money = FIFTY_EUROS,
    fee_cover_minor: int = 0,
    locale: str = "en",
    first_name: str = "Ada",
    last_name: str = "Rossi",
    email: str | None = None,
    regularly: drafts.Regularly | None = None,
    method: str = "",
) -> drafts.DonationDraft:
    """What a donor filled in, a donor of its own unless `email` is given."""
    return drafts.DonationDraft(
        page=kit.pages[locale],
        round=kit.round,
        wording=kit.wordings[locale],
        amount=amount,
        fee_cover=Money(fee_cover_minor, amount.currency),
        first_name=first_name,
        last_name=last_name,
        email=email or f"donor-{next_number()}@example.org",
        country="IT",
        public_name=PublicName.ANONYMOUS,
        newsletter_consent="",
        regularly=regularly,
        method=method,
    )


def open_donation(
    kit: AppealKit | None = None,
    *,
    amount: Money = FIFTY_EUROS,
    fee_cover_minor: int = 0,
    locale: str = "en",
    first_name: str = "Ada",
    last_name: str = "Rossi",
    email: str | None = None,
    regularly: drafts.Regularly | None = None,
    method: str = "",
) -> Donation:
    """A donation that has been opened and not paid, by a donor of its own unless `email` is given."""
    filled_in = draft(
        kit or make_appeal(),
        amount=amount,
        fee_cover_minor=fee_cover_minor,
        locale=locale,
        first_name=first_name,
        last_name=last_name,
        email=email,
        regularly=regularly,
        method=method,
    )
    return drafts.open_donation(filled_in)


def receive(donation: Donation, *, at: datetime | None = None, amount: Money | None = None) -> str:
    """Book the charge of a donation; returns the charge's key."""
    key = f"charge:ch_test_{next_number()}_{donation.uuid.hex[:8]}"
    donations.receive_donation(
        donation.uuid, key=key, amount=amount or donation.amount, at=at or timezone.now(), provider=PROVIDER
    )
    donation.refresh_from_db()
    return key


def refund(charge_key: str, amount: Money, *, at: datetime | None = None) -> str:
    """Book a refund of a charge; returns the refund's key."""
    key = f"refund:re_test_{next_number()}_{charge_key[-8:]}"
    donations.refund_donation(key=key, charge_key=charge_key, amount=amount, at=at or timezone.now())
    return key


def received_donation(
    kit: AppealKit | None = None,
    *,
    amount: Money = FIFTY_EUROS,
    fee_cover_minor: int = 0,
    locale: str = "en",
    first_name: str = "Ada",
    last_name: str = "Rossi",
    email: str | None = None,
    at: datetime | None = None,
) -> tuple[Donation, str]:
    """A donation that was received, with the key of its charge."""
    donation = open_donation(
        kit,
        amount=amount,
        fee_cover_minor=fee_cover_minor,
        locale=locale,
        first_name=first_name,
        last_name=last_name,
        email=email,
    )
    return donation, receive(donation, at=at)


def account_ids(*buckets: ledger.Bucket) -> dict[ledger.Bucket, int]:
    """The ids of ledger accounts, opened if they are not yet; for tests that write lines by hand."""
    ledger._open_accounts(buckets)
    return ledger._find_accounts(buckets)
