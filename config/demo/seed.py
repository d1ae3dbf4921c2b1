"""Builds the demo from its texts. Runs at every start and adds only what is missing."""

from __future__ import annotations

import secrets
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.utils import timezone

from config.demo import texts
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
    PaymentMethod,
    Question,
    QuestionKind,
    Round,
    RoundText,
)
from payments.models import StripeAccount

GROUPS: dict[str, list[str]] = {
    "campaigner": [
        "campaign",
        "campaigntext",
        "campaignupdate",
        "appeal",
        "appealwording",
        "round",
        "roundtext",
        "goal",
        "donationpage",
        "pagecurrency",
        "question",
        "comment",
    ],
    "finance": ["fund", "exchangerate"],
}


@transaction.atomic
def content() -> None:
    """Entities, campaigns, appeals, rates and groups."""
    for quote, rate in texts.RATES.items():
        ExchangeRate.objects.get_or_create(
            base=quote,
            quote="EUR",
            on=timezone.localdate() - timedelta(days=1),
            defaults={"rate": Decimal(rate), "source": "demo"},
        )
    lantern, harbour = _entity(texts.LANTERN), _entity(texts.HARBOUR)
    sarvia, coast = _campaign(lantern, texts.SARVIA), _campaign(harbour, texts.COAST)
    for campaign, appeal in ((sarvia, texts.LEGAL), (sarvia, texts.EVACUATION), (coast, texts.SHELTER)):
        if not Appeal.objects.filter(slug=appeal["slug"]).exists():
            _appeal(campaign, appeal)


def _entity(data: dict[str, Any]) -> LegalEntity:
    fields = {key: value for key, value in data.items() if key not in {"slug", "texts"}}
    entity, created = LegalEntity.objects.get_or_create(slug=data["slug"], defaults=fields)
    if created:
        for locale, (legal_form, sentence) in data["texts"].items():
            EntityText.objects.create(entity=entity, locale=locale, legal_form=legal_form, non_deductibility=sentence)
        _fees(entity)
        Fund.objects.create(entity=entity, name="General fund", restricted=False)
        keys = {"api_key": f"sk_test_{entity.slug}", "publishable_key": f"pk_test_{entity.slug}"}
        StripeAccount.objects.create(slug=entity.slug, entity=entity, **keys)
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
    for number, (reasons, days) in enumerate(data["rounds"], start=1):
        opens = timezone.now() - timedelta(days=days)
        round_ = Round.objects.create(appeal=appeal, number=number, reason=reasons["en"], opens_at=opens)
        for locale, reason in reasons.items():
            RoundText.objects.create(round=round_, locale=locale, reason=reason)
        Goal.objects.create(round=round_, amount_minor=data["goal"], reason="Budget of our partners")
    after_close = data.get("after_close", AfterClose.ENDS)
    for locale, wording in data["wording"].items():
        fields = {key: value for key, value in wording.items() if key != "slug"}
        AppealWording.objects.create(appeal=appeal, locale=locale, version=1, after_close=after_close, **fields)
        _page(appeal, locale, wording["slug"], data)


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


def accounts() -> list[dict[str, str]]:
    """Groups, and one account each with a password of this installation's own; those that were made now."""
    made = []
    for role, models in GROUPS.items():
        group, _created = Group.objects.get_or_create(name=role)
        permissions = Permission.objects.filter(content_type__app_label="fundraising")
        own = permissions.filter(content_type__model__in=models).exclude(codename__startswith="delete")
        seen = Permission.objects.filter(
            content_type__app_label__in=["fundraising", "payments", "receipts"], codename__startswith="view"
        ).exclude(content_type__model__in=["stripeaccount", "webhooksecret"] + ([] if role == "finance" else ["donor"]))
        asks = ["add_refundrequest", "add_mandatechange"] if role == "finance" else []
        group.permissions.set([*own, *seen, *Permission.objects.filter(codename__in=asks)])
    for role in ("admin", *GROUPS):
        if not User.objects.filter(username=role).exists():
            password = secrets.token_urlsafe(9)
            user = User.objects.create_user(role, password=password, is_staff=True, is_superuser=role == "admin")
            if role != "admin":
                user.groups.add(Group.objects.get(name=role))
            made.append({"role": role, "username": role, "password": password})
    return made
