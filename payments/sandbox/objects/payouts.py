"""Payouts: the balance sent to the bank. Automatic ones can be itemised, manual ones cannot."""

from typing import Any

from payments.sandbox import events, listing
from payments.sandbox.config import DAY
from payments.sandbox.context import Context
from payments.sandbox.errors import invalid
from payments.sandbox.money import read_currency
from payments.sandbox.objects import accounts, balance_transactions
from payments.sandbox.params import (
    EXPAND,
    Shape,
    integer,
    merged,
    metadata,
    moment_or_range,
    one_of,
    text,
)
from payments.sandbox.params import (
    listing as list_shape,
)
from payments.sandbox.store import Object

CREATE = Shape(
    {
        **EXPAND,
        "amount": integer,
        "currency": read_currency,
        "description": text,
        "metadata": metadata,
        "statement_descriptor": text,
    },
    required=["amount", "currency"],
)
UPDATE = Shape({**EXPAND, "metadata": metadata})
CANCEL = Shape(EXPAND)
LIST = list_shape(
    arrival_date=moment_or_range,
    created=moment_or_range,
    status=one_of("pending", "in_transit", "paid", "failed", "canceled"),
)
# https://docs.stripe.com/currencies#zero-decimal: charged with two decimals, paid out in whole units.
WHOLE_UNITS = ("huf", "twd")


def create(context: Context, given: dict[str, Any]) -> Object:
    """POST /v1/payouts: a manual payout of ``amount`` minor units of a settlement currency."""
    amount, currency = given["amount"], given["currency"]
    if amount < 1:
        raise invalid("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if currency in WHOLE_UNITS and amount % 100:
        raise invalid(
            f"Payouts in {currency} must be in whole units: amount must be a multiple of 100.", param="amount"
        )
    if amount > _available(context, currency):
        raise invalid(
            "You have insufficient funds in your Stripe account for this transfer.", code="balance_insufficient"
        )
    return _send(context, amount, currency, given, automatic=False)


def _available(context: Context, currency: str) -> int:
    rows = balance_transactions.balance(context, {})["available"]
    return sum(row["amount"] for row in rows if row["currency"] == currency)


def _send(context: Context, amount: int, currency: str, given: dict[str, Any], *, automatic: bool) -> Object:
    payout = context.new(
        "po",
        "payout",
        amount=amount,
        application_fee=None,
        application_fee_amount=None,
        arrival_date=context.now + DAY,
        automatic=automatic,
        balance_transaction=None,
        currency=currency,
        description=given.get("description"),
        destination=None,
        failure_balance_transaction=None,
        failure_code=None,
        failure_message=None,
        metadata=merged({}, given.get("metadata", {})),
        method="standard",
        original_payout=None,
        reconciliation_status="in_progress" if automatic else "not_applicable",
        reversed_by=None,
        source_type="card",
        statement_descriptor=given.get("statement_descriptor"),
        status="pending",
        trace_id=None,
        type="bank_account",
    )
    payout["balance_transaction"] = _book(context, payout, -amount, "payout", "payout")["id"]
    context.save(payout)
    events.emit(context, "payout.created", payout)
    context.later("payout_arrives", payout, DAY)
    return payout


def _book(context: Context, payout: Object, amount: int, kind: str, category: str) -> Object:
    booked = balance_transactions.record(
        context, kind=kind, category=category, amount=amount, currency=payout["currency"], source=payout, available_in=0
    )
    if payout["automatic"]:
        booked["_payout"] = payout["id"]
    return context.save(booked)


def pay_out(context: Context) -> list[Object]:
    """An automatic payout of everything available, one for each currency that has some; each item is marked.

    A negative sum is drawn from the bank account. Where payouts are in whole units, what is over stays in the balance
    and goes with the next one: the items of such a payout sum to a fraction of a unit more, or less, than what the
    bank gets.
    """
    made = []
    account = accounts.current(context)
    carried = account.setdefault("_carried", {})
    for currency in account["_settlement_currencies"]:
        extra = "AND json_extract(data, '$._payout') IS NULL AND json_extract(data, '$.available_on') <= ?"
        items = context.store.select(
            context.account, "balance_transaction", {"currency": currency}, extra=extra, values=(context.now,)
        )
        total = sum(item["net"] for item in items) + carried.get(currency, 0)
        amount = total - total % (100 if currency in WHOLE_UNITS else 1)
        if amount == 0 or amount > max(_available(context, currency), 0):
            continue
        carried[currency] = total - amount
        payout = _send(context, amount, currency, {}, automatic=True)
        for item in items:
            context.save({**item, "_payout": payout["id"]})
        made.append(payout)
    context.save(account)
    return made


def arrive(context: Context, payout: Object) -> None:
    """Job: the bank has the money; an automatic payout is then itemised."""
    if payout["status"] != "pending":
        return
    payout["status"] = "paid"
    payout["trace_id"] = {"status": "supported", "value": payout["id"][-12:].upper()}
    context.save(payout)
    events.emit(context, "payout.paid", payout, {"status": "pending"})
    if payout["automatic"]:
        payout["reconciliation_status"] = "completed"
        context.save(payout)
        events.emit(context, "payout.reconciliation_completed", payout)


def fail(context: Context, payout: Object) -> Object:
    """The bank refuses, also after the payout was called paid; the money is in the balance again."""
    if payout["status"] not in ("pending", "paid"):
        raise invalid(f"Payout {payout['id']} is {payout['status']}; it cannot fail.")
    failure = _book(context, payout, payout["amount"], "payout_failure", "payout_reversal")
    # It is to be paid out again, so it belongs to no payout yet.
    context.save({**failure, "_payout": None})
    payout |= {
        "status": "failed",
        "failure_code": "account_closed",
        "failure_message": "The bank account has been closed.",
        "failure_balance_transaction": failure["id"],
    }
    context.save(payout)
    events.emit(context, "payout.failed", payout)
    return payout


def cancel(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/payouts/{payout}/cancel: only while pending."""
    payout = context.get("payout", key, "payout")
    if payout["status"] != "pending" or payout["automatic"]:
        raise invalid(f"Payout {key} cannot be canceled: only pending manual payouts can.")
    payout["failure_balance_transaction"] = _book(
        context, payout, payout["amount"], "payout_cancel", "payout_reversal"
    )["id"]
    payout["status"] = "canceled"
    context.save(payout)
    events.emit(context, "payout.canceled", payout)
    return payout


def retrieve(context: Context, given: dict[str, Any], key: str) -> Object:
    """GET /v1/payouts/{payout}"""
    return context.get("payout", key, "payout")


def update(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/payouts/{payout}"""
    payout = context.get("payout", key, "payout")
    before = {"metadata": payout["metadata"]}
    payout["metadata"] = merged(payout["metadata"], given.get("metadata", {}))
    context.save(payout)
    events.emit(context, "payout.updated", payout, before)
    return payout


def list_all(context: Context, given: dict[str, Any]) -> Object:
    """GET /v1/payouts"""
    extra = ""
    values: tuple[int, ...] = ()
    for word, bound in given.get("arrival_date", {}).items():
        extra += f" AND json_extract(data, '$.arrival_date') {listing.COMPARISONS[word]} ?"
        values = (*values, bound)
    return listing.page(context, "payout", "/v1/payouts", given, extra=extra, values=values, by=("status",))
