"""Disputes and early fraud warnings. The money moves on ``funds_withdrawn`` and ``funds_reinstated``, nowhere else."""

from typing import Any

from payments.sandbox import events, listing, money
from payments.sandbox.config import DAY
from payments.sandbox.context import Context
from payments.sandbox.errors import invalid
from payments.sandbox.objects import accounts, balance_transactions
from payments.sandbox.params import (
    EXPAND,
    Shape,
    boolean,
    merged,
    metadata,
    moment_or_range,
    text,
    unsettable,
)  # fmt: skip
from payments.sandbox.params import (
    listing as list_shape,
)
from payments.sandbox.store import Object

EVIDENCE_TEXTS = (
    "access_activity_log", "billing_address", "cancellation_policy_disclosure", "cancellation_rebuttal",
    "customer_email_address", "customer_name", "customer_purchase_ip", "duplicate_charge_explanation",
    "duplicate_charge_id", "product_description", "refund_policy_disclosure", "refund_refusal_explanation",
    "service_date", "shipping_address", "shipping_carrier", "shipping_date", "shipping_tracking_number",
    "uncategorized_text",
)  # fmt: skip
EVIDENCE_FILES = (
    "cancellation_policy", "customer_communication", "customer_signature", "duplicate_charge_documentation", "receipt",
    "refund_policy", "service_documentation", "shipping_documentation", "uncategorized_file",
)  # fmt: skip
EVIDENCE = Shape({name: unsettable(text) for name in (*EVIDENCE_TEXTS, *EVIDENCE_FILES)})
UPDATE = Shape({**EXPAND, "evidence": EVIDENCE, "metadata": metadata, "submit": boolean})
CLOSE = Shape(EXPAND)
LIST = list_shape(created=moment_or_range, charge=text, payment_intent=text)
DUE = 9 * DAY
OPEN = ("needs_response", "warning_needs_response", "under_review", "warning_under_review")
# https://docs.stripe.com/testing#evidence: these words, sent as evidence, decide a test dispute.
DECISIVE = {"winning_evidence": "won", "losing_evidence": "lost"}


def open_dispute(context: Context, charge: Object, *, reason: str, status: str = "needs_response") -> Object:
    """The bank contests a charge: what of it was not refunded, or all of it when all was. Inquiries move no money."""
    if charge["status"] != "succeeded":
        raise invalid(f"Charge {charge['id']} has not succeeded; nobody can dispute it.")
    dispute = context.new(
        "du",
        "dispute",
        amount=charge["amount"] - charge["amount_refunded"] or charge["amount"],
        balance_transactions=[],
        charge=charge["id"],
        currency=charge["currency"],
        enhanced_eligibility_types=[],
        evidence=dict.fromkeys((*EVIDENCE_TEXTS, *EVIDENCE_FILES)) | {"enhanced_evidence": {}},
        evidence_details={
            "due_by": context.now + DUE,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        is_charge_refundable=status.startswith("warning"),
        metadata={},
        payment_intent=charge["payment_intent"],
        reason=reason,
        status=status,
    )
    charge["disputed"] = True
    context.save(charge)
    context.save(dispute)
    events.emit(context, "charge.dispute.created", dispute)
    if status in ("needs_response", "lost"):
        _withdraw(context, dispute, charge)
    if status in ("lost", "prevented"):
        events.emit(context, "charge.dispute.closed", dispute)
    else:
        context.later("dispute_deadline", dispute, DUE)
    return dispute


def _withdraw(context: Context, dispute: Object, charge: Object) -> None:
    charge["_charged_back"] = True
    context.save(charge)
    _move_money(
        context, dispute, -1, "dispute", money.dispute_fee(accounts.settlement_currency(context, dispute["currency"]))
    )
    events.emit(context, "charge.dispute.funds_withdrawn", dispute)


def _move_money(context: Context, dispute: Object, sign: int, category: str, fee: int) -> None:
    currency = accounts.settlement_currency(context, dispute["currency"])
    booked = balance_transactions.record(
        context,
        kind="adjustment",
        category=category,
        amount=sign * money.convert(dispute["amount"], dispute["currency"], currency),
        currency=currency,
        source=dispute,
        fee=fee,
        fee_name="Dispute fee",
        available_in=0,
        presentment=dispute["currency"],
    )
    dispute["balance_transactions"].append({key: value for key, value in booked.items() if not key.startswith("_")})
    context.save(dispute)


def decide(context: Context, dispute: Object, outcome: str) -> Object:
    """The bank decides: ``won`` brings the money back (the fee stays), ``lost`` changes nothing more."""
    if dispute["status"] not in OPEN:
        raise invalid(f"Dispute {dispute['id']} is closed: {dispute['status']}.")
    inquiry = dispute["status"].startswith("warning")
    dispute["status"] = "warning_closed" if inquiry else outcome
    context.save(dispute)
    events.emit(context, "charge.dispute.closed", dispute)
    if outcome == "won" and not inquiry:
        _reinstate(context, dispute)
    return dispute


def _reinstate(context: Context, dispute: Object) -> None:
    charge = context.get("charge", dispute["charge"])
    charge["_charged_back"] = False
    context.save(charge)
    _move_money(context, dispute, 1, "dispute_reversal", 0)
    events.emit(context, "charge.dispute.funds_reinstated", dispute)


def reconsider(context: Context, dispute: Object, status: str) -> Object:
    """The bank takes back that a dispute was lost: ``won`` brings the money back, ``under_review`` leaves it open."""
    if dispute["status"] != "lost":
        raise invalid(f"Dispute {dispute['id']} is not lost: {dispute['status']}.")
    dispute["status"] = status
    context.save(dispute)
    events.emit(context, "charge.dispute.updated", dispute)
    if status == "won":
        _reinstate(context, dispute)
    return dispute


def deadline(context: Context, dispute: Object) -> None:
    """Job: nobody answered in time."""
    if dispute["status"].endswith("needs_response"):
        dispute["evidence_details"]["past_due"] = True
        decide(context, dispute, "lost")


def decide_on_evidence(context: Context, dispute: Object) -> None:
    """Job: the bank has read the evidence."""
    outcome = DECISIVE.get(dispute["evidence"]["uncategorized_text"] or "")
    if outcome and dispute["status"] in OPEN:
        decide(context, dispute, outcome)


def update(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/disputes/{dispute}: evidence is submitted unless ``submit`` is false."""
    dispute = context.get("dispute", key, "dispute")
    evidence = given.get("evidence", {})
    if evidence and dispute["status"] not in OPEN:
        raise invalid(
            "This dispute is already closed; evidence can no longer be submitted.", code="dispute_already_closed"
        )
    dispute["evidence"] |= evidence
    dispute["metadata"] = merged(dispute["metadata"], given.get("metadata", {}))
    details = dispute["evidence_details"]
    details["has_evidence"] = any(value for name, value in dispute["evidence"].items() if name != "enhanced_evidence")
    if details["has_evidence"] and given.get("submit", True) and dispute["status"].endswith("needs_response"):
        details["submission_count"] += 1
        dispute["status"] = dispute["status"].replace("needs_response", "under_review")
        context.later("decide_dispute", dispute, context.delay("dispute_delay"))
    context.save(dispute)
    events.emit(context, "charge.dispute.updated", dispute)
    return dispute


def close(context: Context, given: dict[str, Any], key: str) -> Object:
    """POST /v1/disputes/{dispute}/close: accept it as lost."""
    return decide(context, context.get("dispute", key, "dispute"), "lost")


def retrieve(context: Context, given: dict[str, Any], key: str) -> Object:
    """GET /v1/disputes/{dispute}"""
    return context.get("dispute", key, "dispute")


def list_all(context: Context, given: dict[str, Any]) -> Object:
    """GET /v1/disputes"""
    return listing.page(context, "dispute", "/v1/disputes", given, by=("charge", "payment_intent"))


def warn(context: Context, charge: Object) -> Object:
    """The card network suspects fraud and says so early."""
    warning = context.new(
        "issfr",
        "radar.early_fraud_warning",
        actionable=not charge["refunded"] and not charge["disputed"],
        charge=charge["id"],
        fraud_type="made_with_stolen_card",
        payment_intent=charge["payment_intent"],
    )
    context.save(warning)
    events.emit(context, "radar.early_fraud_warning.created", warning)
    return warning


def retrieve_warning(context: Context, given: dict[str, Any], key: str) -> Object:
    """GET /v1/radar/early_fraud_warnings/{early_fraud_warning}"""
    return context.get("radar.early_fraud_warning", key)


def list_warnings(context: Context, given: dict[str, Any]) -> Object:
    """GET /v1/radar/early_fraud_warnings"""
    url, by = "/v1/radar/early_fraud_warnings", ("charge", "payment_intent")
    return listing.page(context, "radar.early_fraud_warning", url, given, by=by)
