"""The desk: who may do what, what never changes, and how an appeal gets from a campaigner's hands to the public."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from fundraising.appeals import life
from fundraising.models import (
    Appeal,
    AppealWording,
    Campaign,
    DonationPage,
    Donor,
    ExchangeRate,
    Fund,
    Goal,
    PageCurrency,
    Role,
    Round,
)
from payments.models import StripeAccount, WebhookSecret
from tests import factories, staff
from tests.staff import everywhere as signed_in

from .conftest import errors_beside

pytestmark = pytest.mark.django_db

ROLES = ("superuser", *Role.values)
OURS = ("fundraising", "payments", "receipts")
SECRETS = {"stripeaccount"}
BOOKS = {"entry", "balancetransaction", "inboxevent", "fraudwarning", "series"}
PEOPLES = {"mandate", "donation", "payment", "dispute", "refundrequest", "mandatechange", "subscription", "receipt",
           "refusal", "outgoingmail"}  # fmt: skip
CONTENT = {"campaign", "appeal", "round", "goal", "donationpage"}
BACKGROUND = {"legalentity", "fund", "exchangerate"}
# What a role sees in the administration; a superuser sees all.
SEEN: dict[str, set[str]] = {
    "campaigner": CONTENT | BACKGROUND | {"comment"},
    "donor_care": CONTENT | PEOPLES | {"donor", "comment"},
    "finance": CONTENT | BACKGROUND | BOOKS | PEOPLES | {"donor", "comment"},
    "approver": CONTENT | BACKGROUND | BOOKS | PEOPLES | {"donor", "comment"},
    "auditor": CONTENT | BACKGROUND | BOOKS | PEOPLES,
    "admin": CONTENT | BACKGROUND | SECRETS | {"comment"},
}
# What a role may add; a superuser may all that the administration offers.
WRITES = {"campaigner": CONTENT, "finance": {"fund", "exchangerate"}, "approver": {"fund", "exchangerate"},
          "admin": CONTENT | {"legalentity"} | SECRETS}  # fmt: skip


def registered() -> list[Any]:
    return [model for model in admin.site._registry if model._meta.app_label in OURS]


def url(model: Any, page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.fixture
def rows(db: None) -> factories.AppealKit:
    """At least one row of most tables, a received and refunded donation among them."""
    kit = factories.make_appeal()
    _donation, charge = factories.received_donation(kit, first_name="Wilhelmina", email="unmistakable@example.org")
    factories.refund(charge, factories.FIFTY_EUROS)
    account = StripeAccount.objects.create(slug="acct", entity=kit.entity, api_key="sk_test_topsecret")
    WebhookSecret.objects.create(account=account, secret="whsec_topsecret")
    ExchangeRate.objects.create(base="USD", quote="EUR", on=timezone.localdate(), rate=Decimal("0.9"), source="bank")
    return kit


@pytest.mark.parametrize("role", ROLES)
def test_every_page_of_the_desk_opens_for_those_who_may_see_it_and_for_no_one_else(
    role: str, rows: factories.AppealKit
) -> None:
    client = signed_in(role)
    assert client.get("/admin/").status_code == 200
    for model in registered():
        name = model._meta.model_name
        desk = admin.site._registry[model]
        seen = role == "superuser" or name in SEEN[role]
        assert client.get(url(model, "changelist")).status_code == (200 if seen else 403), name
        assert client.get(url(model, "changelist"), {"q": "a%00'\"", "o": "1.-2"}).status_code in {200, 302, 403}, name
        adds = desk.has_add_permission(_request()) and (role == "superuser" or name in WRITES.get(role, set()))
        assert client.get(url(model, "add")).status_code == (200 if adds else 403), name
        for row in model._default_manager.all()[:1]:
            assert client.get(url(model, "change", row.pk)).status_code == (200 if seen else 403), name
            assert client.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403, name


def _request() -> Any:
    """Of somebody who may all: what the administration offers at all."""

    class Asked:
        user = User(is_superuser=True, is_active=True)

    return Asked()


def test_strangers_meet_the_sign_in_page_and_members_without_rights_nothing(rows: factories.AppealKit) -> None:
    outsider = staff.signed_in(staff.make_person())
    for model in registered():
        answer = Client().get(url(model, "changelist"))
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/accounts/login/")
        assert outsider.get(url(model, "changelist")).status_code == 403


def test_what_is_booked_and_what_was_promised_has_no_form_to_change_it(rows: factories.AppealKit) -> None:
    client = signed_in("superuser")
    for model_name in ("Donation", "Donor", "Entry", "Goal", "ExchangeRate"):
        model = apps.get_model("fundraising", model_name)
        row = model._default_manager.first()
        before = model._default_manager.filter(pk=row.pk).values().get()
        assert (
            client.post(url(model, "change", row.pk), {"reason": "x", "rate": "5", "state": "opened"}).status_code
            == 403
        )
        assert model._default_manager.filter(pk=row.pk).values().get() == before


def test_secrets_go_in_and_never_come_out(rows: factories.AppealKit) -> None:
    client = signed_in("superuser")
    account = StripeAccount.objects.get()
    page = client.get(url(StripeAccount, "change", account.pk)).content.decode()
    assert "topsecret" not in page
    assert "topsecret" not in client.get(url(StripeAccount, "changelist")).content.decode()


def test_lists_show_no_donors_name_and_the_campaigner_never_any(rows: factories.AppealKit) -> None:
    for role in ROLES:
        client = signed_in(role)
        for model in registered():
            page = client.get(url(model, "changelist")).content.decode()
            assert "Wilhelmina" not in page, model
            assert "unmistakable@" not in page, model
    donor = Donor.objects.get()
    assert "Wilhelmina" in signed_in("finance").get(url(Donor, "change", donor.pk)).content.decode()
    assert "Wilhelmina" not in signed_in("campaigner").get(url(Donor, "change", donor.pk)).content.decode()


# --- From a campaigner's hands to the public ------------------------------------------------------


def inline(prefix: str, *forms: dict[str, Any], initial: int = 0) -> dict[str, Any]:
    data = {f"{prefix}-TOTAL_FORMS": len(forms), f"{prefix}-INITIAL_FORMS": initial}
    for number, form in enumerate(forms):
        data |= {f"{prefix}-{number}-{name}": value for name, value in form.items()}
    return data


def moment(prefix: str, when: Any) -> dict[str, str]:
    return {f"{prefix}_0": when.strftime("%Y-%m-%d"), f"{prefix}_1": when.strftime("%H:%M:%S")}


WORDING = {
    "locale": "en",
    "title": "Boats before winter",
    "ask": "Help us repair two boats.",
    "purpose": "Repairs and fuel.",
    "secondary_purpose": "Other rescues at sea.",
    "after_close": "ends",
}


def messages_of(answer: Any) -> str:
    """What the page says, all of it, without markup."""
    return html.unescape(re.sub(r"(?s)<[^>]*>|\s+", " ", answer.content.decode()))


def saved(answer: Any) -> bool:
    return bool(answer.status_code == 302)


def page_form(appeal: Appeal, currency: str = "EUR", **changes: Any) -> dict[str, Any]:
    row = {
        "currency": currency,
        "position": 0,
        "minimum_minor": 500,
        "maximum_minor": 100_000,
        "suggested_minor": "2500,5000",
    }
    fields = {"appeal": appeal.pk, "locale": "en", "slug": "boats", "published": "on"}
    return {**fields, **inline("currencies", {**row, **changes}), **inline("questions")}


def without_page(kit: factories.AppealKit) -> Appeal:
    """Another appeal of the campaign, without its English page."""
    other = factories.make_appeal(campaign=kit.campaign)
    other.pages["en"].delete()
    return other.appeal


def test_a_campaigner_puts_up_an_appeal_that_the_public_sees(visitor: Client) -> None:
    entity = factories.make_entity()
    fund = Fund.objects.create(entity=entity, name="Boats")
    client = signed_in("campaigner")
    text = {
        "locale": "en",
        "title": "Rescue at sea",
        "summary": "Boats save lives.",
        "story": "Every night.",
        "partner_credit": "",
    }
    campaign_form = {"slug": "rescue", "entity": entity.pk, "published": "on", "photo_url": ""}
    assert saved(client.post(url(Campaign, "add"), {**campaign_form, **inline("texts", text), **inline("updates")}))
    campaign = Campaign.objects.get()
    late = Fund.objects.get(entity=entity, restricted=False)
    opens = timezone.now() - timedelta(hours=1)
    asked = {"number": 1, "reason": "Winter is near", **moment("opens_at", opens), "closes_at_0": "", "closes_at_1": ""}
    appeal_form = {
        "campaign": campaign.pk, "slug": "boats", "fund": fund.pk, "late_fund": late.pk,
        "currency": "EUR", **inline("wordings", WORDING), **inline("rounds", asked),
    }  # fmt: skip
    assert saved(client.post(url(Appeal, "add"), appeal_form))
    appeal, round_ = Appeal.objects.get(), Round.objects.get()
    goal = {"amount_minor": 3_000_000, "reason": "The yard's offer"}
    round_form = {**inline("texts"), **inline("goals", goal)}
    assert saved(client.post(url(Round, "change", round_.pk), round_form))
    assert saved(client.post(url(DonationPage, "add"), page_form(appeal)))
    assert visitor.get("/en/a/boats/").status_code == 404
    life.publish(appeal, by=User.objects.get(username="campaigner"))
    cache.clear()
    page = visitor.get("/en/a/boats/").content.decode()
    for shown in ("Boats before winter", "Other rescues at sea.", "€30,000", "€50", "Rescue at sea"):
        assert shown in page
    assert errors_beside(page) == {}


def test_nobody_moves_the_state_of_an_appeal_by_hand(rows: factories.AppealKit) -> None:
    fields = {"slug": rows.appeal.slug, "late_fund": rows.appeal.late_fund_id, "state": "closed"}
    answer = signed_in("campaigner").post(
        url(Appeal, "change", rows.appeal.pk), {**fields, **inline("wordings"), **inline("rounds")}
    )
    assert saved(answer), messages_of(answer)
    rows.appeal.refresh_from_db()
    assert rows.appeal.state == "open"


def test_a_wording_without_a_secondary_purpose_is_refused_with_a_message(rows: factories.AppealKit) -> None:
    client = signed_in("campaigner")
    fund = Fund.objects.create(entity=rows.entity, name="Boats")
    form = {
        "campaign": rows.campaign.pk, "slug": "boats", "fund": fund.pk, "late_fund": rows.appeal.late_fund_id,
        "currency": "EUR", **inline("rounds"),
        **inline("wordings", {**WORDING, "secondary_purpose": "  "}),
    }  # fmt: skip
    answer = client.post(url(Appeal, "add"), form)
    assert not saved(answer)
    assert "This field is required." in messages_of(answer)


def test_new_wordings_are_numbered_and_the_old_ones_stand(rows: factories.AppealKit) -> None:
    client = signed_in("campaigner")
    form = {"slug": rows.appeal.slug, "late_fund": rows.appeal.late_fund_id}
    rounds = inline("rounds")
    address = url(Appeal, "change", rows.appeal.pk)
    again = {**WORDING, "title": "Once more"}
    answer = client.post(address, {**form, **rounds, **inline("wordings", WORDING, again)})
    assert saved(answer), messages_of(answer)
    titles = (
        AppealWording.objects.filter(appeal=rows.appeal, locale="en")
        .order_by("version")
        .values_list("title", "version")
    )
    assert list(titles) == [("Evacuations", 1), ("Boats before winter", 2), ("Once more", 3)]


def test_a_goal_is_added_and_the_old_one_stays(rows: factories.AppealKit) -> None:
    client = signed_in("campaigner")
    fields = {"round": rows.round.pk, "amount_minor": 9_000_000, "reason": "More families"}
    assert saved(client.post(url(Goal, "add"), fields))
    assert [goal.amount_minor for goal in rows.round.goals.all()] == [9_000_000, 5_000_000]
    answer = client.post(url(Goal, "add"), {**fields, "amount_minor": 0})
    assert not saved(answer)
    assert "Please correct the error" in messages_of(answer)


def test_a_currency_without_a_rate_is_refused_with_what_to_do_next(rows: factories.AppealKit) -> None:
    appeal = without_page(rows)
    client = signed_in("campaigner")
    answer = client.post(url(DonationPage, "add"), page_form(appeal, "GBP"))
    assert not saved(answer)
    assert "There is no exchange rate from GBP to EUR. Add one first" in messages_of(answer)
    rate = {"base": "GBP", "quote": "EUR", "on": "2026-01-02", "rate": "1.15", "source": "bank"}
    assert saved(signed_in("finance").post(url(ExchangeRate, "add"), rate))
    answer = client.post(url(DonationPage, "add"), page_form(appeal, "GBP"))
    assert saved(answer), messages_of(answer)


@pytest.mark.parametrize(
    "changes",
    [
        {"currency": "XXX"},
        {"suggested_minor": "100,2500"},
        {"suggested_minor": "2500,1000000"},
        {"suggested_minor": "ten"},
        {"minimum_minor": 0},
        {"minimum_minor": 5_000, "maximum_minor": 4_000},
        {"maximum_minor": 80_000_001},
        {"minimum_minor": ""},
    ],
)  # fmt: skip
def test_amounts_that_no_donor_could_give_are_refused_with_a_message(
    rows: factories.AppealKit, changes: dict[str, Any]
) -> None:
    appeal = without_page(rows)
    answer = signed_in("campaigner").post(url(DonationPage, "add"), page_form(appeal, **{"currency": "EUR", **changes}))
    assert answer.status_code == 200
    assert "Please correct the error" in messages_of(answer)
    assert not PageCurrency.objects.filter(page__slug="boats").exists()


def test_an_appeal_with_a_goal_keeps_its_currency_fund_and_campaign(rows: factories.AppealKit) -> None:
    page = signed_in("superuser").get(url(Appeal, "change", rows.appeal.pk)).content.decode()
    for field in ("currency", "fund", "campaign"):
        assert f'name="{field}"' not in page
    page = signed_in("superuser").get(url(Campaign, "change", rows.campaign.pk)).content.decode()
    assert 'name="entity"' not in page


def test_funds_of_another_legal_entity_are_refused(rows: factories.AppealKit) -> None:
    other = factories.make_entity(name="Harbour Relief")
    fund = Fund.objects.create(entity=other, name="Elsewhere")
    form = {
        "campaign": rows.campaign.pk, "slug": "boats", "fund": fund.pk, "late_fund": rows.appeal.late_fund_id,
        "currency": "EUR", **inline("wordings"), **inline("rounds"),
    }  # fmt: skip
    answer = signed_in("campaigner").post(url(Appeal, "add"), form)
    assert not saved(answer)
    assert "legal entity of the campaign" in messages_of(answer)


@pytest.mark.parametrize(("key", "livemode"), [("sk_test_1", True), ("sk_live_1", False), ("rk_live_1", False)])
def test_a_key_of_the_other_mode_is_refused_with_a_message(db: None, key: str, livemode: bool) -> None:
    entity = factories.make_entity()
    form = {"slug": "acct", "entity": entity.pk, "api_key": key, "descriptor_suffix": "", **inline("secrets")}
    answer = signed_in("superuser").post(
        url(StripeAccount, "add"), {**form, **({"livemode": "on"} if livemode else {})}
    )
    assert not saved(answer)
    assert "This key is of the other mode." in messages_of(answer)


def test_a_rate_that_could_not_be_taken_back_is_refused_with_a_message(db: None) -> None:
    factories.make_entity()
    client = signed_in("finance")
    rate = {"base": "USD", "quote": "EUR", "on": "2026-01-02", "rate": "0.9", "source": "bank"}
    tomorrow = (timezone.localdate() + timedelta(days=1)).isoformat()
    for changes, words in (
        ({"on": tomorrow}, "Choose a day until today."),
        ({"quote": "USD"}, "Choose two different currencies."),
        ({"rate": "0"}, "Please correct the error"),
        ({"rate": "NaN"}, "Please correct the error"),
        ({"base": "XXX"}, "Please correct the error"),
    ):
        answer = client.post(url(ExchangeRate, "add"), {**rate, **changes})
        assert not saved(answer)
        assert words in messages_of(answer)
    assert saved(client.post(url(ExchangeRate, "add"), rate))
    answer = client.post(url(ExchangeRate, "add"), {**rate, "rate": "0.8"})
    assert not saved(answer)
    assert "already exists" in messages_of(answer)


# --- Many currencies ------------------------------------------------------------------------------


def test_a_campaigner_adds_the_usual_currencies_at_once_and_is_told_which_lack_a_rate(
    rows: factories.AppealKit,
) -> None:
    client = signed_in("campaigner")
    ExchangeRate.objects.create(base="KWD", quote="EUR", on=timezone.localdate(), rate=Decimal("2.9"), source="bank")
    page = rows.pages["en"]
    form = {"action": "add_usual_currencies", "_selected_action": [page.pk]}
    answer = client.post(url(DonationPage, "changelist"), form, follow=True)
    told = messages_of(answer)
    assert "now takes KWD too" in told
    assert "no exchange rate yet for GBP" in told
    assert [row.currency for row in page.currencies.all()] == ["EUR", "USD", "JPY", "KWD"]
    assert not rows.pages["it"].currencies.filter(currency="KWD").exists()


def test_finance_may_look_at_pages_and_add_no_currencies(rows: factories.AppealKit) -> None:
    form = {"action": "add_usual_currencies", "_selected_action": [rows.pages["en"].pk]}
    signed_in("finance").post(url(DonationPage, "changelist"), form)
    assert rows.pages["en"].currencies.count() == 3


def test_the_fee_of_each_way_to_pay_is_set_at_the_legal_entity(rows: factories.AppealKit) -> None:
    page = signed_in("superuser").get(url(type(rows.entity), "change", rows.entity.pk)).content.decode()
    assert 'name="fee_covers-0-method"' in page
    assert "by bank debit" in page
