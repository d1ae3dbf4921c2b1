"""Charges: one attempt to take money. Made by payment intents; never changed by us but through refunds and disputes."""

from typing import Any

from payments.sandbox import cards, events, listing
from payments.sandbox.context import Context
from payments.sandbox.objects import balance_transactions, payment_methods
from payments.sandbox.params import EXPAND, Shape, merged, metadata, moment_or_range, text, unsettable
from payments.sandbox.params import listing as list_shape
from payments.sandbox.store import Object

LIST = list_shape(created=moment_or_range, customer=text, payment_intent=text, transfer_group=text)
UPDATE = Shape({**EXPAND, "description": unsettable(text), "metadata": metadata, "receipt_email": text})


def attempt(context: Context, intent: Object, payment_method: Object) -> Object:
    """Charge a payment method for an intent: succeeded, pending (SEPA) or failed, with its event and booking."""
    method = payment_methods.test_method(payment_method)
    charge = _new(context, intent, payment_method)
    if method.kind == "sepa_debit":
        charge |= {"status": "pending", "paid": False, "outcome": _outcome("authorized", "Payment complete.")}
        context.save(charge)
        events.emit(context, "charge.pending", charge)
        context.later("settle_sepa_debit", charge, context.delay("sepa_delay"))
        return charge
    if method.decline and not (method.once_saved and not intent.get("_off_session")):
        return fail(context, charge, method.decline, method.reason)
    return succeed(context, charge)


def from_transfer(context: Context, intent: Object, payment_method: Object) -> Object:
    """The charge of a bank transfer, made when the money is here."""
    return succeed(context, _new(context, intent, payment_method))


def decline(context: Context, intent: Object, payment_method: Object, code: str) -> Object:
    """A failed charge, whatever the card: for off-session payments that would need authentication."""
    return fail(context, _new(context, intent, payment_method), code, code)


def _new(context: Context, intent: Object, payment_method: Object) -> Object:
    method = payment_methods.test_method(payment_method)
    return context.new(
        "ch" if method.kind == "card" else "py",
        "charge",
        amount=intent["amount"],
        amount_captured=0,
        amount_refunded=0,
        application=None,
        application_fee=None,
        application_fee_amount=None,
        balance_transaction=None,
        billing_details=payment_method["billing_details"],
        calculated_statement_descriptor="SANDBOX" if method.kind == "card" else None,
        captured=False,
        currency=intent["currency"],
        customer=intent["customer"],
        description=intent["description"],
        disputed=False,
        failure_balance_transaction=None,
        failure_code=None,
        failure_message=None,
        fraud_details={},
        metadata=dict(intent["metadata"]),
        on_behalf_of=None,
        outcome=None,
        paid=False,
        payment_intent=intent["id"],
        payment_method=payment_method["id"],
        payment_method_details=_details(payment_method, intent),
        receipt_email=intent["receipt_email"],
        receipt_number=None,
        receipt_url=None,
        refunded=False,
        review=None,
        shipping=None,
        source_transfer=None,
        statement_descriptor=intent["statement_descriptor"],
        statement_descriptor_suffix=intent["statement_descriptor_suffix"],
        status="pending",
        transfer_data=None,
        transfer_group=None,
        _after=method.after,
        _refunding=0,
    )


def _details(payment_method: Object, intent: Object) -> Object:
    kind = payment_method["type"]
    shown = dict(payment_method[kind])
    if kind == "customer_balance":
        return {"type": kind, kind: shown}
    if kind == "sepa_debit":
        shown.pop("generated_from")
        return {"type": kind, kind: {**shown, "mandate": intent.get("_mandate")}}
    secure = {"authentication_flow": "challenge", "result": "authenticated", "result_reason": None, "version": "2.2.0"}
    for unknown in ("display_brand", "generated_from", "networks", "three_d_secure_usage"):
        shown.pop(unknown)
    shown |= {"installments": None, "mandate": None, "network": shown["brand"]}
    shown["three_d_secure"] = secure if intent.get("_authenticated") else None
    return {"type": kind, kind: shown}


def _outcome(status: str, message: str, reason: str | None = None) -> Object:
    accepted = status == "authorized"
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None if accepted else "05",
        "network_status": "approved_by_network" if accepted else "declined_by_network",
        "reason": reason,
        "risk_level": "normal",
        "seller_message": message,
        "type": status,
    }


def succeed(context: Context, charge: Object) -> Object:
    """The money is taken. The balance transaction comes now, or later when the settings say so."""
    charge |= {"status": "succeeded", "paid": True, "captured": True, "amount_captured": charge["amount"]}
    charge["outcome"] = _outcome("authorized", "Payment complete.")
    later = context.delay("balance_transaction_delay")
    context.save(charge)
    if later:
        context.later("attach_balance_transaction", charge, later)
    else:
        charge["balance_transaction"] = balance_transactions.for_charge(context, charge)["id"]
        context.save(charge)
    events.emit(context, "charge.succeeded", charge)
    if charge["_after"].startswith(("dispute", "early_fraud")):
        context.later(charge["_after"], charge, context.delay("dispute_delay"))
    return charge


def fail(context: Context, charge: Object, code: str, reason: str) -> Object:
    """The money is refused."""
    message = cards.MESSAGES.get(reason, "Your card was declined.")
    charge |= {"status": "failed", "paid": False, "failure_code": code, "failure_message": message}
    charge["outcome"] = _outcome("issuer_declined", message, reason)
    context.save(charge)
    events.emit(context, "charge.failed", charge)
    return charge


def attach_balance_transaction(context: Context, charge: Object) -> None:
    """Job: the balance transaction of a charge appears some time after the charge."""
    if charge["balance_transaction"] is None:
        charge["balance_transaction"] = balance_transactions.for_charge(context, charge)["id"]
        context.save(charge)
        events.emit(context, "charge.updated", charge, {"balance_transaction": None})


def retrieve(context: Context, given: dict[str, Any], key: str) -> Object:
    """GET /v1/charges/{charge}"""
    return context.get("charge", key)


def update(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/charges/{charge}"""
    charge = context.get("charge", key)
    before = dict(charge)
    charge |= {name: given[name] for name in ("description", "receipt_email") if name in given}
    charge["metadata"] = merged(charge["metadata"], given.get("metadata", {}))
    context.save(charge)
    events.emit(context, "charge.updated", charge, events.changes(before, charge))
    return charge


def list_all(context: Context, given: dict[str, Any]) -> Object:
    """GET /v1/charges"""
    by = ("customer", "payment_intent", "transfer_group")
    return listing.page(context, "charge", "/v1/charges", given, by=by)


def refunds(context: Context, charge: Object) -> Object:
    """What ``expand[]=refunds`` shows."""
    return listing.page(context, "refund", f"/v1/charges/{charge['id']}/refunds", {}, equal={"charge": charge["id"]})
