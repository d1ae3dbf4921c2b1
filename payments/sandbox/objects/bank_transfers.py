"""Bank transfers (``customer_balance``): the donor is told where to send the money, and it comes when it comes.

Until all of it is here there is no charge: the intent ``requires_action`` and shows an account. Stripe keeps such money
with a customer, so a session needs one, and the options that say so, for transfers to be offered.
"""

from typing import Any

from payments.sandbox import events, ids
from payments.sandbox.context import Context
from payments.sandbox.errors import invalid
from payments.sandbox.objects import accounts
from payments.sandbox.params import ADDRESS, Shape, list_of, one_of, text
from payments.sandbox.store import Object

INSTRUCTIONS = "display_bank_transfer_instructions"
TYPES = {
    "eur": "eu_bank_transfer",
    "gbp": "gb_bank_transfer",
    "jpy": "jp_bank_transfer",
    "mxn": "mx_bank_transfer",
    "usd": "us_bank_transfer",
}
OPTIONS = Shape(
    {
        "bank_transfer": Shape(
            {
                "eu_bank_transfer": Shape({"country": one_of("BE", "DE", "ES", "FR", "IE", "NL")}, ["country"]),
                "requested_address_types": list_of(text),
                "type": one_of(*TYPES.values()),
            },
            ["type"],
        ),
        "funding_type": one_of("bank_transfer"),
        "setup_future_usage": one_of("none"),
    }
)
ACCOUNTS: dict[str, tuple[str, Object]] = {
    "eur": ("iban", {"bic": "SANDDEFFXXX", "country": "DE", "iban": "DE00000000000000000000"}),
    "gbp": ("sort_code", {"account_number": "00000000", "sort_code": "000000"}),
    "jpy": ("zengin", {"account_number": "0000000", "account_type": "futsu", "bank_code": "0000",
                       "bank_name": "SANDBOX", "branch_code": "000", "branch_name": "SANDBOX"}),
    "mxn": ("spei", {"bank_code": "000", "bank_name": "SANDBOX", "clabe": "000000000000000000"}),
    "usd": ("aba", {"account_number": "000000000000", "account_type": "checking", "bank_name": "SANDBOX",
                    "routing_number": "000000000"}),
}  # fmt: skip
NETWORKS = {
    "eur": ["sepa"],
    "gbp": ["bacs", "fps"],
    "jpy": ["zengin"],
    "mxn": ["spei"],
    "usd": ["ach", "domestic_wire_us"],
}


def check_options(given: dict[str, Any], currency: str | None) -> None:
    """ApiError unless the options of a session fit each other and its currency."""
    wanted = (given.get("customer_balance") or {}).get("bank_transfer")
    if not wanted:
        return
    name = "payment_method_options[customer_balance][bank_transfer]"
    if wanted["type"] != TYPES.get(currency or ""):
        raise invalid(f"A {wanted['type']} cannot be made in {currency}.", param=f"{name}[type]")
    if (wanted["type"] == "eu_bank_transfer") != ("eu_bank_transfer" in wanted):
        raise invalid("An eu_bank_transfer, and no other, needs a country.", param=f"{name}[eu_bank_transfer]")


def is_offered(session: Object) -> bool:
    """Whether a session can be paid by bank transfer: a payment on Stripe's page, of a customer, with the options."""
    options = (session["payment_method_options"] or {}).get("customer_balance") or {}
    is_wanted = options.get("funding_type") == "bank_transfer" and "bank_transfer" in options and session["customer"]
    excluded = session.get("excluded_payment_method_types") or ()
    is_plain = session["mode"] == "payment" and session["ui_mode"] == "hosted_page"
    return bool(is_plain and is_wanted and "customer_balance" not in excluded)


def require_offered(session: Object) -> None:
    """ApiError unless the session can be paid by bank transfer."""
    if not is_offered(session):
        raise invalid("The payment method type `customer_balance` is not offered: it needs a customer, and options.")


def announce(context: Context, intent: Object) -> Object:
    """Tell the payer which account to send the money to, and wait for it."""
    currency = intent["currency"]
    instructions = {
        "amount_remaining": intent["amount"],
        "currency": currency,
        "financial_addresses": [_address(context, currency)],
        "hosted_instructions_url": f"{context.base_url}/c/transfer/{intent['id']}",
        "reference": ids.new("ref")[4:14].upper(),
        "type": TYPES[currency],
    }
    action = {"type": INSTRUCTIONS, INSTRUCTIONS: instructions}
    intent |= {"status": "requires_action", "next_action": action}
    context.save(intent)
    events.emit(context, "payment_intent.requires_action", intent)
    context.later("transfer_arrives", intent, context.delay("transfer_delay"))
    return intent


def _address(context: Context, currency: str) -> Object:
    kind, numbers = ACCOUNTS[currency]
    address = dict.fromkeys(ADDRESS.fields) | {"country": "DE"}
    holder = {
        "account_holder_address": address,
        "account_holder_name": accounts.display_name(context),
        "bank_address": address,
    }
    return {"type": kind, kind: {**holder, **numbers}, "supported_networks": NETWORKS[currency]}


def is_awaited(intent: Object) -> bool:
    """Whether the intent waits for a bank transfer."""
    return intent["status"] == "requires_action" and (intent["next_action"] or {}).get("type") == INSTRUCTIONS


def remaining(intent: Object) -> int:
    """What is still to come, in minor units, of an intent that waits for a bank transfer."""
    return int(intent["next_action"][INSTRUCTIONS]["amount_remaining"])


def fund_partly(context: Context, intent: Object, minor: int) -> Object:
    """A part of the money is here: no charge yet, and less to send."""
    intent["next_action"][INSTRUCTIONS]["amount_remaining"] -= minor
    context.save(intent)
    events.emit(context, "payment_intent.partially_funded", intent)
    return intent
