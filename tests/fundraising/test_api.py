"""The API: what its schema says, for readers and for whoever opens donations."""

from __future__ import annotations

import json
import logging
import re
import uuid
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from fundraising.models import Appeal, Campaign, Donation, Donor, PageCurrency
from fundraising.money import Money
from payments.models import Payment, StripeAccount
from tests import factories
from tests.conftest import Sandbox

from .conftest import address, filled_in


def asked(kit: factories.AppealKit, **changes: Any) -> dict[str, Any]:
    fields = {
        "locale": "it",
        "page": kit.pages["it"].slug,
        "currency": "EUR",
        "amount_minor": 2_500,
        "first_name": "Ada",
        "last_name": "Rossi",
        "email": "ada@example.org",
        "country": "IT",
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


def open_donation(visitor: Client, data: Any) -> Any:
    return visitor.post("/api/v1/donations/", json.dumps(data), content_type="application/json")


# --- Reading --------------------------------------------------------------------------------------


def test_the_schema_is_valid_and_holds_every_address_of_the_api(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json")
    paths = json.loads(capsys.readouterr().out)["paths"]
    assert set(paths) >= {
        "/api/v1/campaigns/",
        "/api/v1/campaigns/{slug}/",
        "/api/v1/appeals/{slug}/",
        "/api/v1/totals/{uuid}/",
        "/api/v1/donations/",
    }
    assert set(paths["/api/v1/donations/"]) == {"post"}


def test_the_docs_are_read_without_any_other_origin(visitor: Client) -> None:
    answer = visitor.get("/api/v1/docs/")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>\s*\S", page), "an inline script, which the policy forbids"
    assert "unsafe-eval" not in answer["Content-Security-Policy"]
    assert visitor.get("/api/v1/schema/").status_code == 200


@pytest.mark.django_db
def test_campaigns_appeals_and_totals_are_read_in_a_language(visitor: Client, kit: factories.AppealKit) -> None:
    factories.received_donation(kit, amount=Money(123_456, "EUR"))
    query = {"locale": "it"}
    campaigns = visitor.get("/api/v1/campaigns/", query)
    assert campaigns.json()[0]["title"] == "Una via d'uscita"
    campaign = visitor.get(f"/api/v1/campaigns/{kit.campaign.slug}/", query).json()
    assert campaign["story"] == ["Devono partire.", "Puoi aiutare."]
    assert campaign["appeals"][0]["url"] == address(kit, "it")
    appeal = visitor.get(f"/api/v1/appeals/{kit.pages['it'].slug}/", query).json()
    assert appeal["purpose"] == kit.wordings["it"].purpose
    assert [currency["code"] for currency in appeal["currencies"]] == ["EUR", "USD", "JPY"]
    total = visitor.get(f"/api/v1/totals/{kit.appeal.uuid}/")
    assert total.json()["raised"] == {"minor": 123_456, "currency": "EUR"}
    assert total.json()["raised"] == appeal["total"]["raised"]
    for answer in (campaigns, total):
        assert "public" in answer["Cache-Control"]
        assert not answer.cookies


@pytest.mark.django_db
def test_an_unknown_language_is_named_and_unknown_things_are_not_found(
    visitor: Client, kit: factories.AppealKit
) -> None:
    for path in ("/api/v1/campaigns/", f"/api/v1/appeals/{kit.pages['en'].slug}/"):
        answer = visitor.get(path, {"locale": "xx"})
        assert answer.status_code == 400
        assert answer.json()["error"]["fields"] == {"locale": ["Use one of en, it, fr, de, es, pt, nl, ru, ar."]}
    for path in ("campaigns/none/", "appeals/none/", f"totals/{uuid.uuid4()}/"):
        answer = visitor.get(f"/api/v1/{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    for model, hide in ((Appeal, {"state": "draft"}), (Campaign, {"published": False})):
        model.objects.update(**hide)
        cache.clear()
        assert visitor.get(f"/api/v1/totals/{kit.appeal.uuid}/").status_code == 404
        assert visitor.get(f"/api/v1/appeals/{kit.pages['en'].slug}/").status_code == 404


@pytest.mark.django_db
def test_json_is_the_one_language_of_the_api(visitor: Client, kit: factories.AppealKit) -> None:
    assert visitor.get("/api/v1/campaigns/", headers={"accept": "text/html"}).status_code == 406
    form = visitor.post("/api/v1/donations/", {"amount_minor": 2_500})
    assert (form.status_code, form.json()["error"]["code"]) == (415, "unsupported_media_type")
    assert visitor.put("/api/v1/donations/").status_code == 405
    assert visitor.get("/api/v1/donations/").status_code == 405


# --- Opening a donation ---------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount_minor": 0}, "amount_minor"),
        ({"amount_minor": -5}, "amount_minor"),
        ({"amount_minor": 10.5}, "amount_minor"),
        ({"amount_minor": "NaN"}, "amount_minor"),
        ({"amount_minor": 1e400}, "amount_minor"),
        ({"amount_minor": 10**30}, "amount_minor"),
        ({"amount_minor": 499}, "amount_minor"),
        ({"amount_minor": 5_000_001}, "amount_minor"),
        ({"amount_minor": None}, "amount_minor"),
        ({"currency": "GBP"}, "currency"),
        ({"currency": "XXX"}, "currency"),
        ({"locale": "xx"}, "locale"),
        ({"page": "none"}, "page"),
        ({"page": "../x"}, "page"),
        ({"email": "ada"}, "email"),
        ({"email": "ada\ud800@example.org"}, "email"),
        ({"country": "ZZ"}, "country"),
        ({"first_name": ""}, "first_name"),
        ({"first_name": "A\ud800"}, "first_name"),
        ({"first_name": "A\x00"}, "first_name"),
        ({"first_name": "\u202eadA"}, "first_name"),
        ({"last_name": "\U0001f600" * 10_000}, "last_name"),
        ({"last_name": ["Rossi"]}, "last_name"),
        ({"public_name": "full"}, "public_name"),
    ],
)
def test_bad_input_is_named_by_field_and_nothing_is_written(
    visitor: Client, kit: factories.AppealKit, changes: dict[str, Any], field: str
) -> None:
    answer = open_donation(visitor, asked(kit, **changes))
    assert answer.status_code == 400
    error = answer.json()["error"]
    if changes.get("amount_minor") != 1e400:  # JSON knows no infinity: the whole body is refused
        assert (error["code"], list(error["fields"])) == ("invalid", [field])
    assert not Donation.objects.exists()
    assert not Donor.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("body", ["", "{", "[]", "null", "1", '"x"', "\x00", "[" * 5_000])
def test_rubbish_is_refused_and_no_error_of_ours(visitor: Client, kit: factories.AppealKit, body: str) -> None:
    answer = visitor.post("/api/v1/donations/", body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


@pytest.mark.django_db
def test_a_giant_request_is_refused_unread(visitor: Client, kit: factories.AppealKit) -> None:
    answer = open_donation(visitor, asked(kit, first_name="x" * 1_100_000))
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


@pytest.mark.django_db
def test_a_closed_appeal_takes_no_donation(visitor: Client, kit: factories.AppealKit) -> None:
    Appeal.objects.update(state="closed")
    answer = open_donation(visitor, asked(kit))
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
    assert not Donation.objects.exists()


@pytest.mark.django_db
def test_a_page_without_a_currency_is_no_page(visitor: Client, kit: factories.AppealKit) -> None:
    PageCurrency.objects.all().delete()
    answer = open_donation(visitor, asked(kit, currency=None))
    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == ["page"]


@pytest.mark.django_db
def test_an_entity_without_a_stripe_account_is_unavailable(visitor: Client, kit: factories.AppealKit) -> None:
    assert open_donation(visitor, asked(kit)).status_code == 503


@pytest.fixture
def paying_kit(database_url: str, sandbox: Sandbox) -> factories.AppealKit:
    """An open appeal whose legal entity has an account at the sandbox."""
    kit = factories.make_appeal()
    StripeAccount.objects.create(slug=f"acct-{kit.entity.pk}", entity=kit.entity, api_key=f"sk_test_api{kit.entity.pk}")
    return kit


def test_an_opened_donation_leads_to_the_checkout_and_the_same_request_to_the_same_donation(
    visitor: Client, paying_kit: factories.AppealKit, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    first = open_donation(visitor, asked(paying_kit, cover_fee=True))
    assert first.status_code == 201
    assert "no-store" in first["Cache-Control"]
    body = first.json()
    assert body["checkout_url"].startswith(sandbox.url)
    assert body["page_url"] == f"{settings.PUBLIC_URL}/it/d/{body['donation']}/"
    again = open_donation(visitor, asked(paying_kit, cover_fee=True))
    assert again.json() == body
    donation = Donation.objects.get()
    assert (donation.amount_minor, donation.fee_cover_minor) == (2_606, 106)
    other = open_donation(visitor, asked(paying_kit, amount_minor=2_501))
    assert other.json()["donation"] != body["donation"]
    _no_personal_data_in(caplog.text)
    payment = Payment.objects.get(donation=donation)
    key = {"Authorization": f"Bearer {payment.account.api_key}"}
    session = sandbox.http.get(f"/v1/checkout/sessions/{payment.session_id}", headers=key).json()
    assert session["metadata"] == {"payment": str(payment.uuid)}
    assert session["client_reference_id"] == str(payment.uuid)
    _no_personal_data_in(
        json.dumps(
            {name: value for name, value in session.items() if "email" not in name and name != "customer_details"}
        )
    )


def _no_personal_data_in(text: str) -> None:
    for secret in ("Rossi", "ada@example.org", "Ada "):
        assert secret not in text


def test_a_valid_form_leads_to_the_checkout_by_see_other(
    visitor: Client, paying_kit: factories.AppealKit, sandbox: Sandbox
) -> None:
    for _click in range(2):
        answer = visitor.post(address(paying_kit), filled_in())
        assert answer.status_code == 303
        assert answer["Location"].startswith(sandbox.url)
    assert Donation.objects.count() == Payment.objects.count() == 1


def test_without_stripe_both_doors_say_so_and_log_no_name(
    visitor: Client, paying_kit: factories.AppealKit, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"
    form = visitor.post(address(paying_kit), filled_in())
    assert form.status_code == 503
    assert "no-store" in form["Cache-Control"]
    api = open_donation(visitor, asked(paying_kit, amount_minor=700))
    assert (api.status_code, api.json()["error"]["code"]) == (503, "unavailable")
    assert Donation.objects.filter(state="opened").count() == 2
    _no_personal_data_in(caplog.text)
