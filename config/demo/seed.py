"""Builds the demo from its texts. Runs at every start and adds only what is missing."""

from __future__ import annotations

import secrets
from datetime import timedelta
from decimal import Decimal
from typing import Any

from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from config.demo import papers, texts
from fundraising.currencies import add_usual
from fundraising.models import (
    AfterClose,
    Appeal,
    AppealState,
    AppealWording,
    Campaign,
    CampaignText,
    CampaignUpdate,
    DonationPage,
    EntityText,
    ExchangeRate,
    FeeCover,
    Fund,
    Goal,
    LegalEntity,
    Membership,
    PaymentMethod,
    Question,
    QuestionKind,
    Role,
    Round,
    RoundText,
)
from payments.models import StripeAccount

PAST_DAYS = 45  # a little more than the history tells of


@transaction.atomic
def content() -> None:
    """Entities, campaigns, appeals and rates."""
    _rates()
    lantern, harbour = _entity(texts.LANTERN), _entity(texts.HARBOUR)
    for entity in (lantern, harbour):
        papers.add(entity)
    sarvia, coast = _campaign(lantern, texts.SARVIA), _campaign(harbour, texts.COAST)
    for campaign, appeal in ((sarvia, texts.LEGAL), (sarvia, texts.EVACUATION), (coast, texts.SHELTER)):
        if not Appeal.objects.filter(slug=appeal["slug"]).exists():
            _appeal(campaign, appeal)


def _rates() -> None:
    """Those of yesterday, and of the day before the past that is told begins."""
    yesterday = timezone.localdate() - timedelta(days=1)
    began = yesterday - timedelta(days=PAST_DAYS)
    for base, rate in texts.RATES.items():
        told = {"rate": Decimal(rate), "source": "demo"}
        known = ExchangeRate.objects.filter(base=base, quote="EUR")
        known.get_or_create(base=base, quote="EUR", on=yesterday, defaults=told)
        if not known.filter(on__lte=began).exists():
            ExchangeRate.objects.create(base=base, quote="EUR", on=began, **told)


def _entity(data: dict[str, Any]) -> LegalEntity:
    fields = {key: value for key, value in data.items() if key not in {"slug", "texts"}}
    entity, created = LegalEntity.objects.get_or_create(slug=data["slug"], defaults=fields)
    if created:
        for locale, (legal_form, sentence) in data["texts"].items():
            EntityText.objects.create(entity=entity, locale=locale, legal_form=legal_form, non_deductibility=sentence)
        _fees(entity)
        Fund.objects.create(entity=entity, name="General fund", restricted=False)
        keys = {"api_key": f"sk_test_{entity.slug}", "publishable_key": f"pk_test_{entity.slug}"}
        StripeAccount.objects.create(slug=entity.slug, entity=entity, bank_transfers=True, **keys)
    return entity


def _fees(entity: LegalEntity) -> None:
    card, debit = PaymentMethod.CARD, PaymentMethod.SEPA_DEBIT
    rules = [(currency, card, texts.CARD_BASIS_POINTS, fixed) for currency, fixed in texts.CARD_FIXED.items()]
    for currency, method, basis_points, fixed in [*rules, ("EUR", debit, 0, texts.SEPA_FIXED)]:
        FeeCover.objects.create(
            entity=entity, currency=currency, method=method, basis_points=basis_points, fixed_minor=fixed
        )


def _campaign(entity: LegalEntity, data: dict[str, Any]) -> Campaign:
    campaign, created = Campaign.objects.get_or_create(
        slug=data["slug"], defaults={"entity": entity, "published": True}
    )
    if created:
        for locale, text in data["texts"].items():
            CampaignText.objects.create(campaign=campaign, locale=locale, **text)
        for days, update in data["updates"]:
            for locale, (title, body) in update.items():
                on = timezone.localdate() - timedelta(days=days)
                CampaignUpdate.objects.create(campaign=campaign, locale=locale, published_on=on, title=title, body=body)
    return campaign


def _appeal(campaign: Campaign, data: dict[str, Any]) -> None:
    entity = campaign.entity
    appeal = Appeal.objects.create(
        campaign=campaign,
        slug=data["slug"],
        fund=Fund.objects.create(entity=entity, name=data["fund"]),
        late_fund=Fund.objects.get(entity=entity, restricted=False),
        state=AppealState.OPEN,
        currency="EUR",
    )
    for number, told in enumerate(data["rounds"], start=1):
        _round(appeal, number, told)
    after_close = data.get("after_close", AfterClose.ENDS)
    for locale, wording in data["wording"].items():
        fields = {key: value for key, value in wording.items() if key != "slug"}
        AppealWording.objects.create(appeal=appeal, locale=locale, version=1, after_close=after_close, **fields)
        _page(appeal, locale, wording["slug"], data)


def _round(appeal: Appeal, number: int, told: dict[str, Any]) -> None:
    """A round with the goals that it had, one after the other. One that has closed is closed once its past is told."""
    now = timezone.now()
    opens = now - timedelta(days=told["opens"])
    round_ = Round.objects.create(appeal=appeal, number=number, reason=told["reasons"]["en"], opens_at=opens)
    for locale, reason in told["reasons"].items():
        RoundText.objects.create(round=round_, locale=locale, reason=reason)
    for days, goal, why in told["goals"]:
        Goal.objects.create(round=round_, amount_minor=goal, reason=why, set_at=now - timedelta(days=days))


def _page(appeal: Appeal, locale: str, slug: str, data: dict[str, Any]) -> None:
    page = DonationPage.objects.create(
        appeal=appeal,
        locale=locale,
        slug=slug,
        offers_yearly=data.get("yearly", False),
        takes_comments=data.get("comments", False),
    )
    add_usual(page)
    if "question" in data:
        label, answers = data["question"][locale]
        Question.objects.create(page=page, label=label, kind=QuestionKind.CHOICE, choices="\n".join(answers))


@transaction.atomic
def accounts() -> list[dict[str, str]]:
    """One account for each role, with a password and an authenticator's secret of this installation's own.

    Returns those that were made now. `admin` is a superuser as well.
    """
    made = []
    for role in Role:
        user = User.objects.filter(username=role).first()
        if user is None:
            password, secret = secrets.token_urlsafe(9), generate_totp_secret()
            mail = f"{role}@staff.example"
            user = User.objects.create_user(role, mail, password, is_staff=True, is_superuser=role == Role.ADMIN)
            TOTP.activate(user, secret)
            made.append({"role": str(role), "username": str(role), "password": password, "secret": secret})
        for entity in LegalEntity.objects.filter(slug__in=(texts.LANTERN["slug"], texts.HARBOUR["slug"])):
            Membership.objects.get_or_create(user=user, entity=entity, role=role)
    return made
