"""Refunds: full, partial, pending, failing later. Never more than was charged."""

from typing import Any

from payments.sandbox import events, listing, money
from payments.sandbox.context import Context
from payments.sandbox.errors import invalid
from payments.sandbox.objects import balance_transactions
from payments.sandbox.params import EXPAND, Shape, integer, merged, metadata, moment_or_range, one_of, text
from payments.sandbox.params import listing as list_shape
from payments.sandbox.store import Object

CREATE = Shape(
    {
        **EXPAND,
        "amount": integer,
        "charge": text,
        "instructions_email": text,
        "metadata": metadata,
        "payment_intent": text,
        "reason": one_of("duplicate", "fraudulent", "requested_by_customer"),
    }
)
UPDATE = Shape({**EXPAND, "metadata": metadata})
CANCEL = Shape(EXPAND)
LIST = list_shape(created=moment_or_range, charge=text, payment_intent=text)
TRANSFERRED = (
    "customer_balance"  # https://docs.stripe.com/payments/customer-balance/refunding: the payer is asked first
)


def create(context: Context, given: dict[str, Any]) -> Object:
    """POST /v1/refunds: ``amount`` minor units of the charge's currency, all that remains when not given."""
    charge = _charge(context, given)
    remaining = charge["amount"] - charge["amount_refunded"]
    amount = given.get("amount", remaining)
    _check(charge, amount, remaining)
    refund = _new(context, charge, amount, given)
    if refund["status"] != "requires_action":
        refund["balance_transaction"] = balance_transactions.for_refund(context, refund, charge)["id"]
    context.save(refund)
    before = {"amount_refunded": charge["amount_refunded"], "refunded": charge["refunded"]}
    _count(context, charge, amount)
    events.emit(context, "refund.created", refund)
    events.emit(context, "charge.refunded", charge, before)
    _plan(context, refund, charge)
    return refund


def _charge(context: Context, given: dict[str, Any]) -> Object:
    if "charge" in given:
        return context.get("charge", given["charge"], "charge")
    if "payment_intent" not in given:
        raise invalid("One of the following params should be provided for this request: payment_intent or charge.")
    intent = context.get("payment_intent", given["payment_intent"], "payment_intent")
    charge = context.find("charge", intent["latest_charge"])
    if charge is None or charge["status"] == "failed":
        raise invalid(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
            code="payment_intent_unexpected_state",
        )
    return charge


def _check(charge: Object, amount: int, remaining: int) -> None:
    key = charge["id"]
    if charge["status"] != "succeeded":
        raise invalid(f"Charge {key} cannot be refunded: it has not succeeded.", code="charge_not_refundable")
    if charge.get("_charged_back"):
        raise invalid(f"Charge {key} has been charged back; cannot issue a refund.", code="charge_disputed")
    if remaining == 0:
        raise invalid(f"Charge {key} has already been refunded.", code="charge_already_refunded")
    if amount < 1:
        raise invalid("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if charge["currency"] in money.WHOLE_UNITS_ONLY and amount % 100:
        raise invalid(f"Invalid amount: {charge['currency']} amounts must be a multiple of 100.", param="amount")
    if amount > remaining:
        shown = money.display(amount, charge["currency"]), money.display(remaining, charge["currency"])
        raise invalid(
            f"Refund amount ({shown[0]}) is greater than unrefunded amount on charge ({shown[1]})", param="amount"
        )


def _new(context: Context, charge: Object, amount: int, given: dict[str, Any]) -> Object:
    kind = charge["payment_method_details"]["type"]
    asks = "instructions_email" in given or kind == TRANSFERRED
    waits = kind == "sepa_debit" or charge["_after"] == "refund_succeeds_later"
    details = {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"}
    refund = context.new(
        "re" if kind == "card" else "pyr",
        "refund",
        amount=amount,
        balance_transaction=None,
        charge=charge["id"],
        currency=charge["currency"],
        destination_details={"type": kind, "card": details} if kind == "card" else {"type": kind},
        metadata=merged({}, given.get("metadata", {})),
        payment_intent=charge["payment_intent"],
        reason=given.get("reason"),
        receipt_number=None,
        source_transfer_reversal=None,
        status="requires_action" if asks else "pending" if waits else "succeeded",
        transfer_reversal=None,
    )
    if "instructions_email" in given:
        refund["instructions_email"] = given["instructions_email"]
    return refund


def _count(context: Context, charge: Object, amount: int) -> None:
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    context.save(charge)


def _plan(context: Context, refund: Object, charge: Object) -> None:
    if refund["status"] == "pending":
        context.later("succeed_refund", refund, context.delay("refund_delay"))
    elif charge["payment_method_details"]["type"] == TRANSFERRED:
        context.later("answer_refund", refund, context.delay("refund_delay"))
    elif charge["_after"] == "refund_fails_later":
        context.later("fail_refund", refund, context.delay("refund_delay"))


def succeed(context: Context, refund: Object) -> None:
    """Job: a pending refund arrived."""
    if refund["status"] == "pending":
        _move(context, refund, "succeeded")


def answer(context: Context, refund: Object) -> None:
    """Job: the payer has told which account a bank transfer goes back to; now the money moves."""
    if refund["status"] == "requires_action":
        charge = context.get("charge", refund["charge"])
        refund["balance_transaction"] = balance_transactions.for_refund(context, refund, charge)["id"]
        _move(context, refund, "succeeded")


def fail(context: Context, refund: Object) -> None:
    """Job: a refund did not arrive; the money comes back to the balance."""
    if refund["status"] not in ("pending", "succeeded"):
        return
    refund["failure_balance_transaction"] = balance_transactions.for_failed_refund(context, refund)["id"]
    refund["failure_reason"] = "lost_or_stolen_card"
    _uncount(context, refund)
    _move(context, refund, "failed")


def _uncount(context: Context, refund: Object) -> None:
    charge = context.get("charge", refund["charge"])
    _count(context, charge, -refund["amount"])


def _move(context: Context, refund: Object, status: str) -> None:
    before = {"status": refund["status"]}
    refund["status"] = status
    context.save(refund)
    if status == "failed":
        events.emit(context, "refund.failed", refund)
    events.emit(context, "refund.updated", refund, before)
    events.emit(context, "charge.refund.updated", refund, before)


def cancel(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/refunds/{refund}/cancel: only one that waits for the donor's action."""
    refund = context.get("refund", key, "refund")
    if refund["status"] != "requires_action":
        raise invalid(f"Refund {key} cannot be canceled: its status is {refund['status']}, not requires_action.")
    _uncount(context, refund)
    _move(context, refund, "canceled")
    return refund


def retrieve(context: Context, given: dict[str, Any], key: str) -> Object:
    """GET /v1/refunds/{refund}"""
    return context.get("refund", key, "refund")


def update(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/refunds/{refund}"""
    refund = context.get("refund", key, "refund")
    before = {"metadata": refund["metadata"]}
    refund["metadata"] = merged(refund["metadata"], given.get("metadata", {}))
    context.save(refund)
    events.emit(context, "refund.updated", refund, before)
    return refund


def list_all(context: Context, given: dict[str, Any]) -> Object:
    """GET /v1/refunds"""
    return listing.page(context, "refund", "/v1/refunds", given, by=("charge", "payment_intent"))
