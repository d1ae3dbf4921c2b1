"""What a donor may quote of their card is kept beside the charge, in the statement that notes the charge."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from payments import facts
from payments.models import Payment
from tests import factories
from tests.payments.desk import make_account

pytestmark = pytest.mark.django_db


def charge_of(payment: Payment, *, charge_id: str = "ch_1", details: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "id": charge_id,
        "object": "charge",
        "status": "succeeded",
        "captured": True,
        "amount_captured": 5_000,
        "currency": "eur",
        "created": 1_800_000_000,
        "payment_intent": f"pi_{charge_id}",
        "metadata": {"payment": str(payment.uuid)},
        "payment_method_details": details,
    }


@pytest.fixture
def payment(db: None) -> Payment:
    kit = factories.make_appeal()
    return Payment.objects.create(donation=factories.open_donation(kit), account=make_account(kit))


def quoted(payment: Payment) -> tuple[str, str]:
    payment.refresh_from_db()
    return payment.brand, payment.last4


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({"type": "card", "card": {"brand": "visa", "last4": "4242"}}, ("visa", "4242")),
        ({"type": "sepa_debit", "sepa_debit": {"last4": "3000", "bank_code": "37040044"}}, ("sepa_debit", "3000")),
        ({"type": "customer_balance", "customer_balance": {}}, ("", "")),
        ({"type": "card", "card": None}, ("", "")),
        (None, ("", "")),
    ],
)
def test_brand_and_digits_come_with_the_charge(payment: Payment, details: Any, expected: tuple[str, str]) -> None:
    facts.book_charge(payment.account, charge_of(payment, details=details))
    assert quoted(payment) == expected


def test_a_charge_seen_again_fills_in_what_an_older_version_did_not_keep(payment: Payment) -> None:
    facts.book_charge(payment.account, charge_of(payment))
    assert quoted(payment) == ("", "")
    facts.book_charge(
        payment.account, charge_of(payment, details={"type": "card", "card": {"brand": "visa", "last4": "4242"}})
    )
    assert quoted(payment) == ("visa", "4242")


def test_a_second_charge_keeps_its_own_card_and_leaves_that_of_the_first(payment: Payment) -> None:
    for charge_id, last4 in (("ch_1", "4242"), ("ch_2", "1111")):
        details = {"type": "card", "card": {"brand": "visa", "last4": last4}}
        facts.book_charge(payment.account, charge_of(payment, charge_id=charge_id, details=details))
    assert quoted(payment) == ("visa", "4242")
    assert Payment.objects.get(charge_id="ch_2").last4 == "1111"


def test_it_costs_no_query_of_its_own(payment: Payment) -> None:
    with CaptureQueriesContext(connection) as captured:
        facts.book_charge(
            payment.account, charge_of(payment, details={"type": "card", "card": {"brand": "visa", "last4": "4242"}})
        )
    assert len([query for query in captured.captured_queries if "payments_payment" in query["sql"]]) == 1
