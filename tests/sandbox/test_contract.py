"""Every operation, request and response, against Stripe's OpenAPI file; every event against its published list."""

import json
import os
from typing import Any

import pytest
import stripe

from payments.sandbox.config import Settings
from payments.sandbox.contract import BrokenContract, Contract, find_spec
from payments.sandbox.events import EVENT_TYPES
from payments.sandbox.routes import OPERATIONS
from tests.sandbox.conftest import Desk, Receiver

SPEC_DIR = Settings.from_environment().spec_dir
FIXTURES = "fixtures3-2026-07-29.json"
DAY = 86_400


@pytest.fixture
def contract() -> Contract:
    """The OpenAPI file; without it the tests that need it are skipped, and fail where CI is set."""
    if find_spec(SPEC_DIR) is None:
        message = f"Stripe's OpenAPI file is not in {SPEC_DIR}; set STRIPE_SPEC_DIR"
        assert not os.environ.get("CI"), message
        pytest.skip(message)
    found = Contract.load(SPEC_DIR)
    assert found is not None
    return found


def test_every_event_type_is_one_that_stripe_publishes(contract: Contract) -> None:
    assert contract.event_types() >= EVENT_TYPES


def test_every_operation_is_one_that_stripe_publishes(contract: Contract) -> None:
    for operation in OPERATIONS:
        contract.parameters(operation.method, operation.path)


def test_every_parameter_is_one_that_stripe_publishes(contract: Contract) -> None:
    for operation in OPERATIONS:
        published = contract.parameters(operation.method, operation.path)
        assert set(operation.shape.fields) <= published, operation.path


def test_stripes_own_examples_pass_the_validation_we_use(contract: Contract) -> None:
    path = SPEC_DIR / FIXTURES
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    resources: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["resources"]
    failed = []
    for name, example in resources.items():
        if name not in contract.resources():
            continue
        try:
            contract.check_resource(name, example, closed=False)
        except BrokenContract:
            failed.append(name)
    # That example, newer than the API version, lacks `amount_paid_off_stripe`.
    assert failed == ["invoice"]


def test_a_response_that_breaks_the_contract_is_noticed(contract: Contract) -> None:
    with pytest.raises(BrokenContract, match="refund"):
        contract.check_resource(
            "refund", {"id": "re_1", "object": "refund", "amount": "100", "currency": "eur", "created": 1}
        )
    with pytest.raises(BrokenContract, match="made_up"):
        contract.check_resource(
            "refund", {"id": "re_1", "object": "refund", "amount": 1, "currency": "eur", "created": 1, "made_up": 1}
        )
    with pytest.raises(BrokenContract, match="colour"):
        contract.check_request("POST", "/v1/refunds", {"charge": "ch_1", "colour": "red"})


def test_every_operation_answers_as_the_openapi_file_says(desk: Desk, contract: Contract) -> None:
    before = desk.http.get("/sandbox/contract").json()
    for visit in VISITS:
        visit(desk, desk.stripe.v1)
    figures = desk.http.get("/sandbox/contract").json()
    assert figures["broken"] == before["broken"]
    answered = {name for name, count in figures["responses"].items() if count > before["responses"].get(name, 0)}
    expected = {f"{operation.method} {operation.path}" for operation in OPERATIONS}
    assert expected - answered == set()


def test_every_event_carries_a_resource_as_published(desk: Desk, contract: Contract, receiver: Receiver) -> None:
    # Webhooks show events as they are on the wire, also those that are too old for the list when months have passed.
    receiver.register(desk)
    for visit in VISITS:
        visit(desk, desk.stripe.v1)
        assert desk.flush()["outstanding"] == 0
    for event in [received.event for received in receiver.received]:
        contract.check_resource("event", event)
        contract.check_resource(event["data"]["object"]["object"], event["data"]["object"])
    assert set() == EVENT_TYPES - set(receiver.types())


Api = Any  # the SDK's typed parameters do not help where every operation is called once


def _visit_money(desk: Desk, v1: Api) -> None:
    v1.accounts.retrieve_current()
    intent = desk.donate(5000)
    charge: Any = intent.latest_charge
    v1.charges.list({"payment_intent": intent.id, "created": {"gte": 1}})
    v1.charges.retrieve(
        charge.id, {"expand": ["balance_transaction", "customer", "payment_intent.latest_charge", "refunds"]}
    )
    v1.charges.update(charge.id, {"metadata": {"a": "b"}})
    v1.balance.retrieve()
    v1.balance_transactions.retrieve(charge.balance_transaction.id, {"expand": ["source"]})
    v1.balance_transactions.list({"source": charge.id, "type": "charge"})
    refund = v1.refunds.create({"charge": charge.id, "amount": 100, "reason": "duplicate", "metadata": {"a": "b"}})
    v1.refunds.retrieve(refund.id, {"expand": ["charge", "balance_transaction"]})
    v1.refunds.update(refund.id, {"metadata": {"c": "d"}})
    v1.refunds.list({"charge": charge.id})
    v1.refunds.cancel(v1.refunds.create({"charge": charge.id, "amount": 1, "instructions_email": "a@example.org"}).id)
    v1.events.retrieve(v1.events.list({"types": ["charge.succeeded", "charge.updated"]}).data[0].id)
    v1.refunds.create({"payment_intent": desk.donate(case="refund_fails").id})
    desk.donate(3000, "kwd")
    sepa = desk.donate(case="sepa_succeeds")
    desk.donate(case="sepa_fails")
    desk.advance(DAY)
    paid: Any = v1.payment_intents.retrieve(sepa.id, {"expand": ["latest_charge"]}).latest_charge
    v1.mandates.retrieve(paid.payment_method_details.sepa_debit.mandate)
    v1.refunds.create({"charge": paid.id})
    desk.control(f"mandates/{paid.payment_method_details.sepa_debit.mandate}/revoke")


def _visit_customers(desk: Desk, v1: Api) -> None:
    address = {"city": "Roma", "country": "IT", "line1": "Via Uno 1", "postal_code": "00100"}
    customer = v1.customers.create(
        {"email": "a@example.org", "address": address, "metadata": {"a": "b"}, "preferred_locales": ["it"]}
    )
    v1.customers.retrieve(customer.id)
    v1.customers.update(customer.id, {"name": "Ada", "metadata": {"a": ""}})
    v1.customers.list({"email": "a@example.org"})
    method = v1.payment_methods.create(
        {"type": "card", "card": {"token": "tok_visa"}, "billing_details": {"address": address}}
    )
    v1.payment_methods.retrieve(method.id)
    v1.payment_methods.attach(method.id, {"customer": customer.id})
    v1.payment_methods.update(method.id, {"metadata": {"a": "b"}})
    v1.payment_methods.list({"customer": customer.id, "type": "card"})
    v1.customers.payment_methods.list(customer.id)
    desk.control(f"payment_methods/{method.id}/replace", case="success_mastercard")
    v1.customer_sessions.create({"customer": customer.id, "components": {"payment_element": {"enabled": True}}})
    v1.payment_methods.detach(method.id)
    v1.customers.delete(customer.id)


def _visit_intents(desk: Desk, v1: Api) -> None:
    intent = v1.payment_intents.create(
        {"amount": 1000, "currency": "eur", "automatic_payment_methods": {"enabled": True}}
    )
    v1.payment_intents.update(intent.id, {"amount": 1100, "metadata": {"a": "b"}, "statement_descriptor_suffix": "AID"})
    with pytest.raises(stripe.CardError):
        v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa_chargeDeclined"})
    v1.payment_intents.confirm(
        intent.id, {"payment_method": "pm_card_authenticationRequired", "return_url": "http://shop.example"}
    )
    desk.control(f"intents/{intent.id}/authenticate", outcome="pass")
    v1.payment_intents.list({"limit": 1})
    waiting = v1.payment_intents.create({"amount": 1000, "currency": "usd", "payment_method": "pm_card_visa"})
    v1.payment_intents.cancel(waiting.id, {"cancellation_reason": "abandoned"})
    iban = {"type": "sepa_debit", "sepa_debit": {"iban": "DE89370400440532013000"}}
    token = v1.test_helpers.confirmation_tokens.create({"payment_method_data": iban})
    v1.confirmation_tokens.retrieve(token.id)
    setup = v1.setup_intents.create({"usage": "off_session", "metadata": {"a": "b"}})
    v1.setup_intents.update(setup.id, {"description": "card"})
    v1.setup_intents.confirm(setup.id, {"confirmation_token": token.id})
    v1.setup_intents.retrieve(setup.id, {"expand": ["payment_method", "mandate"]})
    v1.setup_intents.list()
    declined = v1.setup_intents.create({})
    with pytest.raises(stripe.CardError):
        v1.setup_intents.confirm(declined.id, {"payment_method": "pm_card_visa_chargeDeclined"})
    v1.setup_intents.confirm(declined.id, {"payment_method": "pm_card_authenticationRequired"})
    v1.setup_intents.cancel(declined.id, {"cancellation_reason": "duplicate"})


def _visit_checkout(desk: Desk, v1: Api) -> None:
    session = desk.open_checkout(metadata={"a": "b"}, client_reference_id="r", locale="it", customer_creation="always")
    v1.checkout.sessions.retrieve(session.id, {"expand": ["line_items", "payment_intent"]})
    v1.checkout.sessions.update(session.id, {"metadata": {"c": "d"}})
    v1.checkout.sessions.line_items.list(session.id)
    desk.pay(session)
    v1.checkout.sessions.list({"status": "complete", "expand": ["data.payment_intent.latest_charge", "data.customer"]})
    v1.checkout.sessions.expire(desk.open_checkout().id)
    price = {"currency": "eur", "unit_amount": 500, "product_data": {"name": "Donation"}}
    items = {"mode": "payment", "line_items": [{"quantity": 1, "price_data": price}]}
    v1.checkout.sessions.create({**items, "ui_mode": "elements", "return_url": "http://shop.example/r"})
    transfer = {"type": "eu_bank_transfer", "eu_bank_transfer": {"country": "DE"}}
    options = {"customer_balance": {"funding_type": "bank_transfer", "bank_transfer": transfer}}
    awaited = desk.open_checkout(customer=v1.customers.create({}).id, payment_method_options=options)
    desk.pay(awaited, "bank_transfer")
    shown = v1.checkout.sessions.retrieve(awaited.id, {"expand": ["payment_intent.payment_method"]})
    desk.control(f"intents/{shown.payment_intent.id}/fund", amount=1)
    saving = v1.checkout.sessions.create({"mode": "setup", "currency": "eur", "success_url": "http://shop.example"})
    desk.pay(saving, "sepa_succeeds")


def _visit_disputes(desk: Desk, v1: Api) -> None:
    intents = [
        desk.donate(case=case) for case in ("dispute_later", "inquiry_later", "early_fraud_warning", "dispute_later")
    ]
    desk.donate(case="sepa_disputed")
    desk.advance(2 * DAY)
    first, inquiry, _, second = (v1.disputes.list({"payment_intent": intent.id}).data or [None] for intent in intents)
    v1.disputes.retrieve(first[0].id, {"expand": ["charge", "payment_intent"]})
    v1.disputes.update(first[0].id, {"evidence": {"uncategorized_text": "winning_evidence"}, "submit": True})
    v1.disputes.update(inquiry[0].id, {"evidence": {"product_description": "aid"}})
    v1.disputes.close(second[0].id)
    desk.advance(DAY)
    warning = v1.radar.early_fraud_warnings.list({"payment_intent": intents[2].id}).data[0]
    v1.radar.early_fraud_warnings.retrieve(warning.id, {"expand": ["charge"]})


def _visit_payouts(desk: Desk, v1: Api) -> None:
    desk.donate(50_000)
    desk.advance(3 * DAY)
    manual = v1.payouts.create({"amount": 1000, "currency": "eur", "metadata": {"a": "b"}})
    v1.payouts.update(manual.id, {"metadata": {"c": "d"}})
    v1.payouts.cancel(manual.id)
    desk.control("accounts/acme/payout")
    desk.advance(2 * DAY)
    payout = v1.payouts.list({"status": "paid", "arrival_date": {"gte": 1}}).data[0]
    v1.payouts.retrieve(payout.id, {"expand": ["balance_transaction"]})
    v1.balance_transactions.list({"payout": payout.id, "expand": ["data.source"]})
    desk.control(f"payouts/{payout.id}/fail")


def _visit_billing(desk: Desk, v1: Api) -> None:
    product = v1.products.create({"name": "Monthly giving", "description": "d", "metadata": {"a": "b"}})
    v1.products.retrieve(product.id)
    v1.products.update(product.id, {"name": "Giving", "url": "http://shop.example"})
    v1.products.list({"active": True})
    v1.products.delete(v1.products.create({"name": "Gone"}).id)
    monthly = {"interval": "month"}
    price = v1.prices.create({"currency": "eur", "unit_amount": 1000, "product": product.id, "recurring": monthly})
    v1.prices.retrieve(price.id, {"expand": ["product"]})
    v1.prices.update(price.id, {"nickname": "ten"})
    v1.prices.list({"product": product.id, "type": "recurring"})
    customer = v1.customers.create({"email": "a@example.org"})
    method = v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method.id}})
    wanted = {"customer": customer.id, "items": [{"price": price.id}]}
    subscription = v1.subscriptions.create(
        {**wanted, "expand": ["latest_invoice.payments", "latest_invoice.confirmation_secret"]}
    )
    v1.subscriptions.retrieve(subscription.id, {"expand": ["customer", "default_payment_method"]})
    v1.subscriptions.update(subscription.id, {"pause_collection": {"behavior": "void"}, "metadata": {"a": "b"}})
    desk.advance(32 * DAY)
    v1.subscriptions.update(subscription.id, {"pause_collection": {"behavior": "mark_uncollectible"}})
    desk.advance(31 * DAY)
    v1.subscriptions.update(subscription.id, {"pause_collection": ""})
    v1.subscriptions.create({**wanted, "default_payment_method": "pm_card_authenticationRequired"})
    v1.subscriptions.list({"customer": customer.id, "status": "all", "price": price.id})
    invoice = v1.invoices.list({"subscription": subscription.id, "status": "paid"}).data[0]
    v1.invoices.retrieve(invoice.id, {"expand": ["payments.data.payment.payment_intent"]})
    v1.invoices.update(invoice.id, {"metadata": {"a": "b"}})
    payment = v1.invoice_payments.list({"invoice": invoice.id}).data[0]
    v1.invoice_payments.retrieve(payment.id, {"expand": ["invoice"]})
    for verb in (lambda key: v1.invoices.pay(key, {"payment_method": "pm_card_visa"}), v1.invoices.void_invoice):
        incomplete = v1.subscriptions.create({**wanted, "payment_behavior": "default_incomplete"})
        verb(incomplete.latest_invoice)
    pausing = {"end_behavior": {"missing_payment_method": "pause"}}
    v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": ""}})
    trial = v1.subscriptions.create({**wanted, "trial_period_days": 1, "trial_settings": pausing})
    desk.advance(2 * DAY)
    v1.subscriptions.resume(trial.id)
    v1.subscriptions.cancel(subscription.id, {"cancellation_details": {"comment": "bye"}})
    features = {"payment_method_update": {"enabled": True}, "invoice_history": {"enabled": True}}
    configuration = v1.billing_portal.configurations.create(
        {"features": features, "business_profile": {"headline": "h"}}
    )
    v1.billing_portal.configurations.retrieve(configuration.id)
    v1.billing_portal.configurations.update(configuration.id, {"active": True})
    v1.billing_portal.configurations.list()
    v1.billing_portal.sessions.create({"customer": customer.id, "return_url": "http://shop.example"})


def _visit_clocks_and_endpoints(desk: Desk, v1: Api) -> None:
    now = desk.http.get("/sandbox/clock").json()["now"]
    clock = v1.test_helpers.test_clocks.create({"frozen_time": now, "name": "months"})
    v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": now + DAY})
    v1.test_helpers.test_clocks.retrieve(clock.id)
    v1.test_helpers.test_clocks.list()
    v1.test_helpers.test_clocks.delete(clock.id)
    endpoint = v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/", "enabled_events": ["*"], "api_version": "2026-05-27.dahlia"}
    )
    v1.webhook_endpoints.retrieve(endpoint.id)
    v1.webhook_endpoints.update(endpoint.id, {"enabled_events": ["charge.succeeded"], "metadata": {"a": "b"}})
    v1.webhook_endpoints.list()
    v1.webhook_endpoints.delete(endpoint.id)


VISITS = (
    _visit_money,
    _visit_customers,
    _visit_intents,
    _visit_checkout,
    _visit_disputes,
    _visit_payouts,
    _visit_billing,
    _visit_clocks_and_endpoints,
)
