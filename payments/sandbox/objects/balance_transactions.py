"""Balance transactions: the truth about money, in the settlement currency; refunds and disputes are negative."""

from typing import Any

from payments.sandbox import listing, money, params
from payments.sandbox.context import Context
from payments.sandbox.errors import invalid
from payments.sandbox.objects import accounts
from payments.sandbox.store import Object

LIST = params.listing(
    created=params.moment_or_range,
    currency=params.text,
    payout=params.text,
    source=params.text,
    type=params.text,
)


def record(
    context: Context,
    *,
    kind: str,
    category: str,
    amount: int,
    currency: str,
    source: Object,
    fee: int = 0,
    fee_tax: int = 0,
    fee_name: str = "",
    available_in: int | None = None,
    presentment: str | None = None,
) -> Object:
    """Book ``amount`` minor units of the settlement ``currency``; ``presentment`` is the currency charged in.

    ``fee_tax`` is the part of the fee that is tax.
    """
    delay = context.delay("available_delay") if available_in is None else available_in
    details = [
        {"amount": part, "application": None, "currency": currency, "description": name, "type": kind_of_fee}
        for part, name, kind_of_fee in ((fee - fee_tax, fee_name, "stripe_fee"), (fee_tax, "VAT", "tax"))
        if part
    ]
    exchanged = presentment is not None and presentment != currency
    return context.save(
        context.new(
            "txn",
            "balance_transaction",
            amount=amount,
            available_on=context.now + delay,
            balance_type="payments",
            currency=currency,
            description=source.get("description"),
            # A JSON number, for display only: amounts are computed with the same rate as a Decimal.
            exchange_rate=float(money.rate(str(presentment), currency)) if exchanged else None,
            fee=fee,
            fee_details=details,
            net=amount - fee,
            reporting_category=category,
            source=source["id"],
            status="pending",
            type=kind,
            _payout=None,
        )
    )


def for_charge(context: Context, charge: Object) -> Object:
    """Book a succeeded charge: converted, less the fee of its method."""
    currency = accounts.settlement_currency(context, charge["currency"])
    amount = money.convert(charge["amount"], charge["currency"], currency)
    is_card = charge["payment_method_details"]["type"] == "card"
    fee = money.card_fee(amount, currency) if is_card else money.sepa_fee(currency)
    tax = fee * accounts.current(context).get("_fee_tax_percent", 0) // 100
    return record(
        context,
        kind="charge" if is_card else "payment",
        category="charge",
        amount=amount,
        currency=currency,
        source=charge,
        fee=fee + tax,
        fee_tax=tax,
        fee_name="Stripe processing fees",
        available_in=0 if charge.get("_after") == "available_now" else None,
        presentment=charge["currency"],
    )


def for_refund(context: Context, refund: Object, charge: Object) -> Object:
    """Book a refund at the charge's rate. Stripe keeps its fee."""
    currency = accounts.settlement_currency(context, refund["currency"])
    is_card = charge["payment_method_details"]["type"] == "card"
    return record(
        context,
        kind="refund" if is_card else "payment_refund",
        category="refund",
        amount=-money.convert(refund["amount"], refund["currency"], currency),
        currency=currency,
        source=refund,
        available_in=0,
        presentment=refund["currency"],
    )


def for_failed_refund(context: Context, refund: Object) -> Object:
    """Book money that a refund could not return."""
    currency = accounts.settlement_currency(context, refund["currency"])
    return record(
        context,
        kind="refund_failure",
        category="refund_failure",
        amount=money.convert(refund["amount"], refund["currency"], currency),
        currency=currency,
        source=refund,
        available_in=0,
        presentment=refund["currency"],
    )


def retrieve(context: Context, given: dict[str, Any], key: str) -> Object:
    """GET /v1/balance_transactions/{id}"""
    return context.get("balance_transaction", key)


def list_all(context: Context, given: dict[str, Any]) -> Object:
    """GET /v1/balance_transactions: by ``payout`` for automatic ones only; what a manual one holds nobody knows."""
    if "payout" in given and not context.get("payout", given["payout"], "payout")["automatic"]:
        raise invalid(
            "Balance transaction history can only be filtered on automatic transfers, not manual.", param="payout"
        )
    return listing.page(
        context,
        "balance_transaction",
        "/v1/balance_transactions",
        given,
        by=("currency", "source", "type"),
        equal={"_payout": given.get("payout")},
    )


def balance(context: Context, given: dict[str, Any]) -> Object:
    """GET /v1/balance: net of all balance transactions, available and pending, by settlement currency."""
    query = (
        "SELECT json_extract(data, '$.currency'), json_extract(data, '$.available_on') <= ?,"
        " sum(json_extract(data, '$.net')) FROM objects"
        " WHERE account = ? AND kind = 'balance_transaction' GROUP BY 1, 2"
    )
    sums = {(row[0], bool(row[1])): row[2] for row in context.store.sql.execute(query, (context.now, context.account))}
    currencies = sorted({currency for currency, _ in sums} | set(accounts.current(context)["_settlement_currencies"]))

    def amounts(available: bool) -> list[Object]:
        found = [(currency, sums.get((currency, available), 0)) for currency in currencies]
        return [
            {"amount": amount, "currency": currency, "source_types": {"card": amount}} for currency, amount in found
        ]

    return {"object": "balance", "available": amounts(True), "pending": amounts(False), "livemode": False}
