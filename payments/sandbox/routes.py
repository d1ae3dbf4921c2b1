"""Every operation of the API: method, path as in Stripe's OpenAPI file, parameters, function. One line each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from payments.sandbox.objects import (
    accounts,
    balance_transactions,
    charges,
    checkout_sessions,
    customers,
    event_objects,
    mandates,
    payment_intents,
    payment_methods,
    products,
    refunds,
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
    ("GET", "/v1/customers", customers.LIST, customers.list_all),
    ("POST", "/v1/customers", customers.CREATE, customers.create),
    ("GET", "/v1/customers/{customer}", READ, customers.retrieve),
    ("POST", "/v1/customers/{customer}", customers.UPDATE, customers.update),
    ("DELETE", "/v1/customers/{customer}", Shape({}), customers.delete),
    ("GET", "/v1/customers/{customer}/payment_methods", customers.PAYMENT_METHODS, customers.payment_methods),
    ("GET", "/v1/events", event_objects.LIST, event_objects.list_all),
    ("GET", "/v1/events/{id}", READ, event_objects.retrieve),
    ("GET", "/v1/mandates/{mandate}", READ, mandates.retrieve),
    ("GET", "/v1/payment_intents", payment_intents.LIST, payment_intents.list_all),
    ("POST", "/v1/payment_intents", payment_intents.CREATE, payment_intents.create),
    ("GET", "/v1/payment_intents/{intent}", READ, payment_intents.retrieve),
    ("POST", "/v1/payment_intents/{intent}", payment_intents.UPDATE, payment_intents.update),
    ("POST", "/v1/payment_intents/{intent}/cancel", payment_intents.CANCEL, payment_intents.cancel),
    ("POST", "/v1/payment_intents/{intent}/confirm", payment_intents.CONFIRM, payment_intents.confirm),
    ("GET", "/v1/payment_methods", payment_methods.LIST, payment_methods.list_all),
    ("POST", "/v1/payment_methods", payment_methods.CREATE, payment_methods.create),
    ("GET", "/v1/payment_methods/{payment_method}", READ, payment_methods.retrieve),
    ("POST", "/v1/payment_methods/{payment_method}", payment_methods.UPDATE, payment_methods.update),
    ("POST", "/v1/payment_methods/{payment_method}/attach", payment_methods.ATTACH, payment_methods.attach),
    ("POST", "/v1/payment_methods/{payment_method}/detach", payment_methods.DETACH, payment_methods.detach),
    ("GET", "/v1/prices", products.LIST_PRICES, products.list_prices),
    ("POST", "/v1/prices", products.CREATE_PRICE, products.create_price),
    ("GET", "/v1/prices/{price}", READ, products.retrieve_price),
    ("POST", "/v1/prices/{price}", products.UPDATE_PRICE, products.update_price),
    ("GET", "/v1/products", products.LIST_PRODUCTS, products.list_products),
    ("POST", "/v1/products", products.CREATE_PRODUCT, products.create_product),
    ("GET", "/v1/products/{id}", READ, products.retrieve_product),
    ("POST", "/v1/products/{id}", products.UPDATE_PRODUCT, products.update_product),
    ("DELETE", "/v1/products/{id}", Shape({}), products.delete_product),
    ("GET", "/v1/refunds", refunds.LIST, refunds.list_all),
    ("POST", "/v1/refunds", refunds.CREATE, refunds.create),
    ("GET", "/v1/refunds/{refund}", READ, refunds.retrieve),
    ("POST", "/v1/refunds/{refund}", refunds.UPDATE, refunds.update),
    ("POST", "/v1/refunds/{refund}/cancel", refunds.CANCEL, refunds.cancel),
    ("GET", "/v1/webhook_endpoints", webhook_endpoints.LIST, webhook_endpoints.list_all),
    ("POST", "/v1/webhook_endpoints", webhook_endpoints.CREATE, webhook_endpoints.create),
    ("GET", "/v1/webhook_endpoints/{webhook_endpoint}", READ, webhook_endpoints.retrieve),
    ("POST", "/v1/webhook_endpoints/{webhook_endpoint}", webhook_endpoints.UPDATE, webhook_endpoints.update),
    ("DELETE", "/v1/webhook_endpoints/{webhook_endpoint}", webhook_endpoints.DELETE, webhook_endpoints.delete),
]
OPERATIONS = [Operation(*line) for line in TABLE]

# Parts that are absent unless ``expand`` names them.
INCLUDES: dict[tuple[str, str], Callable[[Any, Object], Object]] = {
    ("charge", "refunds"): charges.refunds,
    ("checkout.session", "line_items"): checkout_sessions.included_line_items,
}
