"""What happens by itself as virtual time passes: SEPA settles, refunds arrive, sessions expire."""

import logging
from collections.abc import Callable
from typing import Any

from payments.sandbox import billing, paying
from payments.sandbox.config import DAY
from payments.sandbox.context import Context
from payments.sandbox.objects import (
    charges,
    checkout_sessions,
    disputes,
    payment_intents,
    payment_methods,
    payouts,
    refunds,
    subscriptions,
)
from payments.sandbox.store import Object

log = logging.getLogger("payments.sandbox.jobs")

Verb = Callable[[Context, Object], None]


def settle_sepa_debit(context: Context, charge: Object) -> None:
    """The bank answers a direct debit: the money arrives, or does not."""
    if charge["status"] != "pending":
        return
    intent = context.get("payment_intent", charge["payment_intent"])
    method = payment_methods.test_method(context.get("payment_method", charge["payment_method"]))
    if method.decline:
        charges.fail(context, charge, method.decline, method.decline)
        error = {
            "type": "card_error",
            "code": method.decline,
            "message": charge["failure_message"],
            "charge": charge["id"],
        }
        payment_intents.failed(context, intent, error, charge)
    else:
        charges.succeed(context, charge)
        payment_intents.succeeded(context, intent, charge)
    checkout_sessions.settle(context, intent)
    billing.follow(context, intent)


def pay_out_daily(context: Context, account: Object) -> None:
    """An account with automatic payouts pays out what is available and plans the next time."""
    interval = account["settings"]["payouts"]["schedule"]["interval"]
    if interval == "manual":
        return
    payouts.pay_out(context)
    context.later("pay_out", account, PAYOUT_DAYS[interval] * DAY)


def dispute(reason: str, status: str = "needs_response") -> Verb:
    """A verb that disputes a charge."""

    def verb(context: Context, charge: Object) -> None:
        disputes.open_dispute(context, charge, reason=reason, status=status)

    return verb


def warn_of_fraud(context: Context, charge: Object) -> None:
    """The card network warns early."""
    disputes.warn(context, charge)


def transfer_arrives(context: Context, intent: Object) -> None:
    """The money of a bank transfer is here."""
    paying.transfer_arrives(context, intent)


PAYOUT_DAYS = {"daily": 1, "weekly": 7, "monthly": 30}
VERBS: dict[str, Verb] = {
    "answer_refund": refunds.answer,
    "attach_balance_transaction": charges.attach_balance_transaction,
    "cancel_subscription_in_time": subscriptions.cancel_in_time,
    "decide_dispute": disputes.decide_on_evidence,
    "dispute_deadline": disputes.deadline,
    "dispute_fraudulent": dispute("fraudulent"),
    "dispute_inquiry": dispute("general", "warning_needs_response"),
    "dispute_product_not_received": dispute("product_not_received"),
    "dispute_sepa": dispute("debit_not_authorized", "lost"),
    "early_fraud_warning": warn_of_fraud,
    "expire_checkout": checkout_sessions.expire_if_open,
    "fail_refund": refunds.fail,
    "finalize_invoice": billing.finalize_invoice,
    "pay_out": pay_out_daily,
    "payout_arrives": payouts.arrive,
    "renew_subscription": billing.renew_subscription,
    "resume_collection": subscriptions.resume_collection,
    "retry_invoice": billing.retry_invoice,
    "settle_sepa_debit": settle_sepa_debit,
    "succeed_refund": refunds.succeed,
    "transfer_arrives": transfer_arrives,
}


def run_due(context_for: Callable[[str], Any], until: int, *, limit: int = 10_000) -> int:
    """Do what is due by ``until``, each in its own transaction and at its own moment; returns how many were done."""
    shared = context_for("")
    done = 0
    while done < limit and (job := shared.store.next_job(until)) is not None:
        number, account, due, verb, target = job
        shared.clock.move_to(due)
        with shared.store.transaction():
            shared.store.drop_job(number)
            _run(context_for(account), verb, target)
        done += 1
    return done


def _run(context: Context, verb: str, target: str) -> None:
    found = context.store.find(context.account, target)
    if found is None:
        return
    if verb not in VERBS:
        log.warning("no such job here: %s", verb)
        return
    VERBS[verb](context, found)
