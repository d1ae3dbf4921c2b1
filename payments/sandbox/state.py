"""Figures of an account, for tests that compare their books with ours. Minor units, by currency."""

from collections import defaultdict
from typing import Any

from payments.sandbox.context import Context
from payments.sandbox.objects import accounts


def figures(context: Context) -> dict[str, Any]:
    """Charges, refunds, disputes, payouts and balance of one account."""
    account = accounts.current(context)
    return {
        "id": account["id"],
        "settlement_currencies": account["_settlement_currencies"],
        "charges": _charges(context),
        "refunds": _by_status(context, "refund"),
        "disputes": _by_status(context, "dispute"),
        "payouts": _by_status(context, "payout"),
        "checkout_sessions": _counted(context, "checkout.session"),
        "subscriptions": _counted(context, "subscription"),
        "balance": _balance(context),
        "events": context.store.sql.execute(
            "SELECT count(*) FROM objects WHERE account = ? AND kind = 'event'", (context.account,)
        ).fetchone()[0],
    }


def _charges(context: Context) -> dict[str, dict[str, dict[str, int]]]:
    """By currency and status: count, amount charged, amount refunded."""
    query = (
        "SELECT json_extract(data, '$.currency'), json_extract(data, '$.status'), count(*),"
        " sum(json_extract(data, '$.amount')), sum(json_extract(data, '$.amount_refunded'))"
        " FROM objects WHERE account = ? AND kind = 'charge' GROUP BY 1, 2"
    )
    found: dict[str, dict[str, dict[str, int]]] = defaultdict(dict)
    for currency, status, count, amount, refunded in context.store.sql.execute(query, (context.account,)):
        found[currency][status] = {"count": count, "amount": amount, "refunded": refunded}
    return dict(found)


def _by_status(context: Context, kind: str) -> dict[str, dict[str, dict[str, int]]]:
    query = (
        "SELECT json_extract(data, '$.currency'), json_extract(data, '$.status'), count(*),"
        " sum(json_extract(data, '$.amount')) FROM objects WHERE account = ? AND kind = ? GROUP BY 1, 2"
    )
    found: dict[str, dict[str, dict[str, int]]] = defaultdict(dict)
    for currency, status, count, amount in context.store.sql.execute(query, (context.account, kind)):
        found[currency][status] = {"count": count, "amount": amount}
    return dict(found)


def _counted(context: Context, kind: str) -> dict[str, int]:
    query = "SELECT json_extract(data, '$.status'), count(*) FROM objects WHERE account = ? AND kind = ? GROUP BY 1"
    return dict(context.store.sql.execute(query, (context.account, kind)).fetchall())


def _balance(context: Context) -> dict[str, dict[str, int]]:
    """By settlement currency: gross, fees and net of every balance transaction."""
    query = (
        "SELECT json_extract(data, '$.currency'), count(*), sum(json_extract(data, '$.amount')),"
        " sum(json_extract(data, '$.fee')), sum(json_extract(data, '$.net')) FROM objects"
        " WHERE account = ? AND kind = 'balance_transaction' GROUP BY 1"
    )
    rows = context.store.sql.execute(query, (context.account,)).fetchall()
    return {
        currency: {"count": count, "amount": amount, "fee": fee, "net": net}
        for currency, count, amount, fee, net in rows
    }
