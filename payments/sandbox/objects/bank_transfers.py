"""Bank transfers (``customer_balance``): the donor is told where to send the money, and it comes when it comes.

Until then there is no charge: the intent ``requires_action`` and shows an account. Stripe keeps the balance of such
money with a customer, so a session needs one for transfers to be offered. In euros only; the whole sum or nothing.
"""

from payments.sandbox import events, ids
from payments.sandbox.context import Context
from payments.sandbox.errors import invalid
from payments.sandbox.objects import accounts
from payments.sandbox.params import ADDRESS
from payments.sandbox.store import Object

INSTRUCTIONS = "display_bank_transfer_instructions"


def is_offered(session: Object) -> bool:
    """Whether a session can be paid by bank transfer: a payment in euros on Stripe's page, of a customer."""
    has_customer = session["customer"] or session["customer_creation"] == "always"
    excluded = session.get("excluded_payment_method_types") or ()
    is_plain = session["mode"] == "payment" and session["ui_mode"] == "hosted_page" and session["currency"] == "eur"
    return bool(is_plain and has_customer and "customer_balance" not in excluded)


def require_offered(session: Object) -> None:
    """ApiError unless the session can be paid by bank transfer."""
    if not is_offered(session):
        raise invalid("The payment method type `customer_balance` is not offered: it needs a customer, and euros.")


def announce(context: Context, intent: Object) -> Object:
    """Tell the payer which account to send the money to, and wait for it."""
    address = dict.fromkeys(ADDRESS.fields) | {"country": "DE"}
    iban = {
        "account_holder_address": address,
        "account_holder_name": accounts.display_name(context),
        "bank_address": address,
        "bic": "SANDDEFFXXX",
        "country": "DE",
        "iban": "DE00000000000000000000",
    }
    instructions = {
        "amount_remaining": intent["amount"],
        "currency": intent["currency"],
        "financial_addresses": [{"type": "iban", "iban": iban, "supported_networks": ["sepa"]}],
        "hosted_instructions_url": None,
        "reference": ids.new("ref")[4:14].upper(),
        "type": "eu_bank_transfer",
    }
    action = {"type": INSTRUCTIONS, INSTRUCTIONS: instructions}
    intent |= {"status": "requires_action", "next_action": action}
    context.save(intent)
    events.emit(context, "payment_intent.requires_action", intent)
    context.later("transfer_arrives", intent, context.delay("transfer_delay"))
    return intent


def is_awaited(intent: Object) -> bool:
    """Whether the intent waits for a bank transfer."""
    return intent["status"] == "requires_action" and (intent["next_action"] or {}).get("type") == INSTRUCTIONS
