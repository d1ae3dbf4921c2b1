"""All that the form takes, over the API: frequencies, currencies, ways to pay, tributes, comments and answers."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from fundraising.currencies import add_usual
from fundraising.models import Comment, Donation, DonationPage, ExchangeRate, FeeCover, Mandate, Question, QuestionKind
from fundraising.money import Money
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def kit(db: None) -> factories.AppealKit:
    """A page that offers all there is: yearly too, comments, two questions, dinars, two ways to pay."""
    kit = factories.make_appeal()
    DonationPage.objects.update(offers_yearly=True, takes_comments=True)
    ExchangeRate.objects.create(base="KWD", quote="EUR", on=timezone.localdate(), rate=Decimal("2.9"), source="test")
    add_usual(kit.pages["en"])
    FeeCover.objects.create(entity=kit.entity, currency="EUR", method="sepa_debit", basis_points=0, fixed_minor=35)
    Question.objects.create(page=kit.pages["en"], label="Why?", required=True)
    Question.objects.create(page=kit.pages["en"], position=1, label="Over 18?", kind=QuestionKind.YES)
    cache.clear()
    return kit


def asked(kit: factories.AppealKit, **changes: Any) -> dict[str, Any]:
    why = Question.objects.get(label="Why?")
    fields = {
        "locale": "en",
        "page": kit.pages["en"].slug,
        "amount_minor": 2_500,
        "first_name": "Ada",
        "last_name": "Rossi",
        "email": "ada@example.org",
        "country": "IT",
        "answers": {str(why.pk): "My aunt"},
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


def send(visitor: Client, data: Any) -> Any:
    return visitor.post("/api/v1/donations/", json.dumps(data), content_type="application/json")


def test_what_a_page_offers_is_read_before_it_is_asked_for(visitor: Client, kit: factories.AppealKit) -> None:
    page = visitor.get(f"/api/v1/appeals/{kit.pages['en'].slug}/", {"locale": "en"}).json()
    assert page["frequencies"] == ["once", "month", "year"]
    assert (page["after_close"], page["takes_comments"]) == ("ends", True)
    assert [(question["label"], question["kind"], question["required"]) for question in page["questions"]] == [
        ("Why?", "text", True),
        ("Over 18?", "yes", False),
    ]
    offered = {currency["code"]: currency for currency in page["currencies"]}
    assert offered["KWD"] == {
        "code": "KWD",
        "exponent": 3,
        "minimum_minor": 2_000,
        "maximum_minor": 3_000_000,
        "suggested_minor": [5_000, 10_000, 25_000, 50_000],
        "suggested_monthly_minor": [2_000, 4_000, 7_000, 15_000],
        "fees": [],
    }
    assert offered["EUR"]["suggested_monthly_minor"] == offered["EUR"]["suggested_minor"]
    assert offered["EUR"]["fees"] == [
        {"method": "card", "basis_points": 290, "fixed_minor": 30},
        {"method": "sepa_debit", "basis_points": 0, "fixed_minor": 35},
    ]
    assert offered["JPY"]["exponent"] == 0


def test_everything_that_the_form_takes_is_kept(visitor: Client, kit: factories.AppealKit) -> None:
    over = Question.objects.get(label="Over 18?")
    why = Question.objects.get(label="Why?")
    sent = asked(
        kit, frequency="month", day=None, cover_fee=True, method="sepa_debit", organisation="Brandt GmbH",
        employer="Halcyon Works", tribute="memory", tribute_name="Sorana", comment="Courage!\nAda",
        answers={str(why.pk): "My aunt", str(over.pk): "yes"},
    )  # fmt: skip
    assert send(visitor, sent).status_code == 503  # opened; there is no account here to pay it with
    donation, mandate = Donation.objects.get(), Mandate.objects.get()
    assert (donation.mandate, mandate.interval) == (mandate, "month")
    assert (donation.amount, donation.method) == (Money(2_535, "EUR"), "sepa_debit")
    assert (donation.tribute, donation.tribute_name, donation.employer) == ("memory", "Sorana", "Halcyon Works")
    assert donation.donor.organisation == "Brandt GmbH"
    assert Comment.objects.get().text == "Courage!\nAda"
    assert [answer.text for answer in donation.answers.order_by("pk")] == ["My aunt", "yes"]


def test_a_box_is_ticked_by_yes_alone(visitor: Client, kit: factories.AppealKit) -> None:
    over, why = Question.objects.get(label="Over 18?"), Question.objects.get(label="Why?")
    send(visitor, asked(kit, answers={str(why.pk): "x", str(over.pk): "no"}))
    assert [answer.text for answer in Donation.objects.get().answers.all()] == ["x"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"frequency": "week"}, "frequency"),
        ({"frequency": "month", "day": 29}, "day"),
        ({"frequency": "month", "day": 0}, "day"),
        ({"currency": "KWD", "amount_minor": 5_125}, "amount_minor"),
        ({"currency": "KWD", "amount_minor": 1_990}, "amount_minor"),
        ({"cover_fee": True}, "method"),
        ({"cover_fee": True, "method": "cash"}, "method"),
        ({"cover_fee": True, "method": "customer_balance"}, "method"),
        ({"tribute": "memory"}, "tribute_name"),
        ({"tribute_name": "Sorana"}, "tribute"),
        ({"tribute": "", "tribute_name": ""}, "tribute"),
        ({"organisation": "A\x00"}, "organisation"),
        ({"employer": "x" * 201}, "employer"),
        ({"comment": "www.spam.example"}, "comment"),
        ({"comment": "x" * 501}, "comment"),
        ({"answers": {"0": "x"}}, "answers"),
        ({"answers": ["x"]}, "answers"),
    ],
)
def test_what_is_wrong_is_named_by_field_and_nothing_is_written(
    visitor: Client, kit: factories.AppealKit, changes: dict[str, Any], field: str
) -> None:
    answer = send(visitor, asked(kit, **changes))
    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == [field]
    assert not Donation.objects.exists()
    assert not Mandate.objects.exists()


def test_a_question_that_must_be_answered_is_named(visitor: Client, kit: factories.AppealKit) -> None:
    why = Question.objects.get(label="Why?")
    answer = send(visitor, asked(kit, answers=None))
    assert list(answer.json()["error"]["fields"]) == [f"answers.{why.pk}"]


def test_the_schema_names_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json")
    schemas = json.loads(capsys.readouterr().out)["components"]["schemas"]
    request = schemas["DonationRequestRequest" if "DonationRequestRequest" in schemas else "DonationRequest"]
    assert set(request["properties"]) >= {
        "frequency", "day", "method", "tribute", "tribute_name", "organisation", "employer", "comment", "answers"
    }  # fmt: skip
    assert {"exponent", "minimum_minor", "maximum_minor", "fees"} <= set(schemas["Currency"]["properties"])
