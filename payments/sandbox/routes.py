"""Every operation of the API: method, path as in Stripe's OpenAPI file, parameters, function. One line each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from payments.sandbox import billing, paying
from payments.sandbox.objects import (
    accounts,
    balance_transactions,
    billing_portal,
    charges,
    checkout_sessions,
    customers,
    disputes,
    event_objects,
    invoices,
    mandates,
    payment_intents,
    payment_methods,
    payouts,
    products,
    refunds,
    setup_intents,
    subscription_requests,
    test_clocks,
    webhook_endpoints,
)
from payments.sandbox.params import READ, Shape
from payments.sandbox.store import Object


@dataclass(frozen=True)
class Operation:
    """One line of the table."""

    method: str
    path: str
    shape: Shape
    function: Callable[..., Object]


TABLE: list[tuple[str, str, Shape, Callable[..., Object]]] = [
    ("GET", "/v1/account", READ, accounts.retrieve),
    ("GET", "/v1/balance", READ, balance_transactions.balance),
    ("GET", "/v1/balance_transactions", balance_transactions.LIST, balance_transactions.list_all),
    ("GET", "/v1/balance_transactions/{id}", READ, balance_transactions.retrieve),
    (
        "GET",
        "/v1/billing_portal/configurations",
        billing_portal.LIST_CONFIGURATIONS,
        billing_portal.list_configurations,
    ),
    (
        "POST",
        "/v1/billing_portal/configurations",
        billing_portal.CREATE_CONFIGURATION,
        billing_portal.create_configuration,
    ),
    ("GET", "/v1/billing_portal/configurations/{configuration}", READ, billing_portal.retrieve_configuration),
    (
        "POST",
        "/v1/billing_portal/configurations/{configuration}",
        billing_portal.UPDATE_CONFIGURATION,
        billing_portal.update_configuration,
    ),
    ("POST", "/v1/billing_portal/sessions", billing_portal.CREATE_SESSION, billing_portal.create_session),
    ("GET", "/v1/charges", charges.LIST, charges.list_all),
    ("GET", "/v1/charges/{charge}", READ, charges.retrieve),
    ("POST", "/v1/charges/{charge}", charges.UPDATE, charges.update),
    ("GET", "/v1/checkout/sessions", checkout_sessions.LIST, checkout_sessions.list_all),
    ("POST", "/v1/checkout/sessions", checkout_sessions.CREATE, checkout_sessions.create),
    ("GET", "/v1/checkout/sessions/{session}", READ, checkout_sessions.retrieve),
    ("POST", "/v1/checkout/sessions/{session}", checkout_sessions.UPDATE, checkout_sessions.update),
    ("POST", "/v1/checkout/sessions/{session}/expire", checkout_sessions.EXPIRE, checkout_sessions.expire),
    (
        "GET",
        "/v1/checkout/sessions/{session}/line_items",
        checkout_sessions.LINE_ITEMS,
        checkout_sessions.list_line_items,
    ),
    ("GET", "/v1/confirmation_tokens/{confirmation_token}", READ, setup_intents.retrieve_token),
    ("POST", "/v1/customer_sessions", setup_intents.CREATE_SESSION, setup_intents.create_customer_session),
    ("GET", "/v1/customers", customers.LIST, customers.list_all),
    ("POST", "/v1/customers", customers.CREATE, customers.create),
    ("GET", "/v1/customers/{customer}", READ, customers.retrieve),
    ("POST", "/v1/customers/{customer}", customers.UPDATE, customers.update),
    ("DELETE", "/v1/customers/{customer}", Shape({}), customers.delete),
    ("GET", "/v1/customers/{customer}/payment_methods", customers.PAYMENT_METHODS, customers.payment_methods),
    ("GET", "/v1/disputes", disputes.LIST, disputes.list_all),
    ("GET", "/v1/disputes/{dispute}", READ, disputes.retrieve),
    ("POST", "/v1/disputes/{dispute}", disputes.UPDATE, disputes.update),
    ("POST", "/v1/disputes/{dispute}/close", disputes.CLOSE, disputes.close),
    ("GET", "/v1/events", event_objects.LIST, event_objects.list_all),
    ("GET", "/v1/events/{id}", READ, event_objects.retrieve),
    ("GET", "/v1/invoice_payments", invoices.LIST_PAYMENTS, invoices.list_payments),
    ("GET", "/v1/invoice_payments/{invoice_payment}", READ, invoices.retrieve_payment),
    ("GET", "/v1/invoices", invoices.LIST, invoices.list_all),
    ("GET", "/v1/invoices/{invoice}", READ, invoices.retrieve),
    ("POST", "/v1/invoices/{invoice}", invoices.UPDATE, invoices.update),
    ("POST", "/v1/invoices/{invoice}/pay", invoices.PAY, billing.pay_invoice),
    ("POST", "/v1/invoices/{invoice}/void", invoices.VOID, invoices.void),
    ("GET", "/v1/mandates/{mandate}", READ, mandates.retrieve),
    ("GET", "/v1/payment_intents", payment_intents.LIST, payment_intents.list_all),
    ("POST", "/v1/payment_intents", payment_intents.CREATE, payment_intents.create),
    ("GET", "/v1/payment_intents/{intent}", READ, payment_intents.retrieve),
    ("POST", "/v1/payment_intents/{intent}", payment_intents.UPDATE, payment_intents.update),
    ("POST", "/v1/payment_intents/{intent}/cancel", payment_intents.CANCEL, payment_intents.cancel),
    ("POST", "/v1/payment_intents/{intent}/confirm", payment_intents.CONFIRM, paying.confirm),
    ("GET", "/v1/payment_methods", payment_methods.LIST, payment_methods.list_all),
    ("POST", "/v1/payment_methods", payment_methods.CREATE, payment_methods.create),
    ("GET", "/v1/payment_methods/{payment_method}", READ, payment_methods.retrieve),
    ("POST", "/v1/payment_methods/{payment_method}", payment_methods.UPDATE, payment_methods.update),
    ("POST", "/v1/payment_methods/{payment_method}/attach", payment_methods.ATTACH, payment_methods.attach),
    ("POST", "/v1/payment_methods/{payment_method}/detach", payment_methods.DETACH, payment_methods.detach),
    ("GET", "/v1/payouts", payouts.LIST, payouts.list_all),
    ("POST", "/v1/payouts", payouts.CREATE, payouts.create),
    ("GET", "/v1/payouts/{payout}", READ, payouts.retrieve),
    ("POST", "/v1/payouts/{payout}", payouts.UPDATE, payouts.update),
    ("POST", "/v1/payouts/{payout}/cancel", payouts.CANCEL, payouts.cancel),
    ("GET", "/v1/prices", products.LIST_PRICES, products.list_prices),
    ("POST", "/v1/prices", products.CREATE_PRICE, products.create_price),
    ("GET", "/v1/prices/{price}", READ, products.retrieve_price),
    ("POST", "/v1/prices/{price}", products.UPDATE_PRICE, products.update_price),
    ("GET", "/v1/products", products.LIST_PRODUCTS, products.list_products),
    ("POST", "/v1/products", products.CREATE_PRODUCT, products.create_product),
    ("GET", "/v1/products/{id}", READ, products.retrieve_product),
    ("POST", "/v1/products/{id}", products.UPDATE_PRODUCT, products.update_product),
    ("DELETE", "/v1/products/{id}", Shape({}), products.delete_product),
    ("GET", "/v1/radar/early_fraud_warnings", disputes.LIST, disputes.list_warnings),
    ("GET", "/v1/radar/early_fraud_warnings/{early_fraud_warning}", READ, disputes.retrieve_warning),
    ("GET", "/v1/refunds", refunds.LIST, refunds.list_all),
    ("POST", "/v1/refunds", refunds.CREATE, refunds.create),
    ("GET", "/v1/refunds/{refund}", READ, refunds.retrieve),
    ("POST", "/v1/refunds/{refund}", refunds.UPDATE, refunds.update),
    ("POST", "/v1/refunds/{refund}/cancel", refunds.CANCEL, refunds.cancel),
    ("GET", "/v1/setup_intents", setup_intents.LIST, setup_intents.list_all),
    ("POST", "/v1/setup_intents", setup_intents.CREATE, setup_intents.create),
    ("GET", "/v1/setup_intents/{intent}", READ, setup_intents.retrieve),
    ("POST", "/v1/setup_intents/{intent}", setup_intents.UPDATE, setup_intents.update),
    ("POST", "/v1/setup_intents/{intent}/cancel", setup_intents.CANCEL, setup_intents.cancel),
    ("POST", "/v1/setup_intents/{intent}/confirm", setup_intents.CONFIRM, setup_intents.confirm),
    ("GET", "/v1/subscriptions", subscription_requests.LIST, subscription_requests.list_all),
    ("POST", "/v1/subscriptions", subscription_requests.CREATE, billing.create_subscription),
    ("GET", "/v1/subscriptions/{subscription_exposed_id}", READ, subscription_requests.retrieve),
    ("POST", "/v1/subscriptions/{subscription_exposed_id}", subscription_requests.UPDATE, subscription_requests.update),
    (
        "DELETE",
        "/v1/subscriptions/{subscription_exposed_id}",
        subscription_requests.CANCEL,
        subscription_requests.cancel,
    ),
    ("POST", "/v1/subscriptions/{subscription}/resume", subscription_requests.RESUME, subscription_requests.resume),
    ("POST", "/v1/test_helpers/confirmation_tokens", setup_intents.CREATE_TOKEN, setup_intents.create_token),
    ("GET", "/v1/test_helpers/test_clocks", test_clocks.LIST, test_clocks.list_all),
    ("POST", "/v1/test_helpers/test_clocks", test_clocks.CREATE, test_clocks.create),
    ("GET", "/v1/test_helpers/test_clocks/{test_clock}", READ, test_clocks.retrieve),
    ("DELETE", "/v1/test_helpers/test_clocks/{test_clock}", Shape({}), test_clocks.delete),
    ("POST", "/v1/test_helpers/test_clocks/{test_clock}/advance", test_clocks.ADVANCE, test_clocks.advance),
    ("GET", "/v1/webhook_endpoints", webhook_endpoints.LIST, webhook_endpoints.list_all),
    ("POST", "/v1/webhook_endpoints", webhook_endpoints.CREATE, webhook_endpoints.create),
    ("GET", "/v1/webhook_endpoints/{webhook_endpoint}", READ, webhook_endpoints.retrieve),
    ("POST", "/v1/webhook_endpoints/{webhook_endpoint}", webhook_endpoints.UPDATE, webhook_endpoints.update),
    ("DELETE", "/v1/webhook_endpoints/{webhook_endpoint}", webhook_endpoints.DELETE, webhook_endpoints.delete),
]
OPERATIONS = [Operation(*line) for line in TABLE]

# Parts that are absent unless ``expand`` names them.
INCLUDES: dict[tuple[str, str], Callable[[Any, Object], Any]] = {
    ("charge", "refunds"): charges.refunds,
    ("checkout.session", "line_items"): checkout_sessions.included_line_items,
    ("invoice", "confirmation_secret"): invoices.included_secret,
    ("invoice", "payments"): invoices.included_payments,
}
