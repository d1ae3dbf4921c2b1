"""Disputes and early fraud warnings: what banks and card networks say of a charge, and what a dispute's money does."""

from __future__ import annotations

from datetime import datetime

from fundraising import disputed, ledger
from fundraising.donations import in_transaction

from .facts import Object, amount_of, charge_key, dispute_key
from .gateway import moment
from .models import Dispute, FraudWarning, StripeAccount

# For words of one second: the later in this list follows on the earlier.
COURSE = [
    "warning_needs_response", "needs_response", "warning_under_review", "under_review",
    "warning_closed", "prevented", "lost", "won",
]  # fmt: skip
FINAL = {"warning_closed", "prevented", "lost", "won"}


@in_transaction
def see_dispute(account: StripeAccount, dispute: Object, *, said_at: datetime, moved: frozenset[str]) -> bool:
    """Note what a dispute says of itself, and book its money: `moved` by "dispute" and "dispute_reversal".

    The status never moves money by itself, except that a lost one makes what is withheld a loss.
    Raises NotBookedYet while money has moved on a charge that is not booked.
    """
    row = _note_dispute(account, dispute, said_at)
    moved |= {line["reporting_category"] for line in dispute.get("balance_transactions") or ()}
    fact = {"key": dispute_key(dispute["id"]), "charge_key": charge_key(dispute["charge"])}
    if not moved & {"dispute", "dispute_reversal"} and ledger.booked(fact["key"]) is None:
        return False
    amount, at = amount_of(dispute["amount"], dispute["currency"]), moment(dispute["created"])
    is_new = disputed.withhold_disputed(**fact, amount=amount, at=at)
    if "dispute_reversal" in moved:
        return disputed.return_disputed(**fact, at=max(at, said_at)) or is_new
    follow = disputed.lose_disputed if row.status == "lost" else disputed.reopen_disputed
    return follow(**fact, at=max(at, row.status_at)) or is_new


def _note_dispute(account: StripeAccount, dispute: Object, said_at: datetime) -> Dispute:
    """The dispute's row with the newest status; what is older than the row changes nothing."""
    charge = ledger.booked(charge_key(dispute["charge"]))
    due = (dispute.get("evidence_details") or {}).get("due_by")
    status = dispute["status"]
    said = {
        "status": status,
        "status_at": said_at,
        "reason": dispute["reason"],
        "amount_minor": amount_of(dispute["amount"], dispute["currency"]).minor,
        "evidence_due_by": moment(due) if due else None,
        "closed_at": said_at if status in FINAL else None,
    }
    identity = {
        "charge_id": dispute["charge"],
        "currency": dispute["currency"].upper(),
        "opened_at": moment(dispute["created"]),
    }
    Dispute.objects.bulk_create(
        [Dispute(account=account, dispute_id=dispute["id"], **identity, **said)], ignore_conflicts=True
    )
    row = Dispute.objects.select_for_update().get(account=account, dispute_id=dispute["id"])
    if (said_at, _course(status)) > (row.status_at, _course(row.status)):
        Dispute.objects.filter(pk=row.pk).update(**said)
    if charge and charge.donation_id and row.donation_id is None:
        Dispute.objects.filter(pk=row.pk).update(donation=charge.donation_id)
    row.refresh_from_db()
    return row


def _course(status: str) -> int:
    return COURSE.index(status) if status in COURSE else -1


def see_warning(account: StripeAccount, warning: Object) -> bool:
    """Keep a card network's early fraud warning; payments/refunds.py decides what follows."""
    _row, is_new = FraudWarning.objects.get_or_create(
        account=account,
        warning_id=warning["id"],
        defaults={
            "charge_id": warning["charge"],
            "fraud_type": warning["fraud_type"],
            "warned_at": moment(warning["created"]),
        },
    )
    return is_new
