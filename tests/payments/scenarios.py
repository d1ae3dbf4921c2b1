"""What can become of one donation at Stripe, and what the books must say of it at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fundraising.models import DonationState
from payments.models import Payment, PaymentState
from tests.payments.desk import Desk


@dataclass(frozen=True)
class Scenario:
    """Things done at the sandbox with an open checkout of 50 euros, and their end."""

    happen: Callable[[Desk, Payment], object]
    donation: DonationState
    payment: PaymentState
    net: int
    transfers: bool = False  # whether the checkout takes bank transfers


def _refunded(desk: Desk, payment: Payment, *parts: int) -> None:
    desk.pay(payment)
    for part in parts:
        desk.refund(payment, part)


def _refund_failed(desk: Desk, payment: Payment) -> None:
    desk.pay(payment)
    desk.control(f"refunds/{desk.refund(payment).id}/fail")


def _refunded_at_the_second_try(desk: Desk, payment: Payment) -> None:
    _refund_failed(desk, payment)
    desk.refund(payment, 2_000)


def _refunded_anew(desk: Desk, payment: Payment) -> None:
    _refund_failed(desk, payment)
    desk.refund(payment)


def _declined_then_paid(desk: Desk, payment: Payment) -> None:
    desk.pay(payment, "declined")
    desk.pay(payment)


def _sepa(case: str) -> Callable[[Desk, Payment], None]:
    def happen(desk: Desk, payment: Payment) -> None:
        desk.pay(payment, case)
        desk.advance(60)

    return happen


def _sepa_refunded(desk: Desk, payment: Payment) -> None:
    _sepa("sepa_succeeds")(desk, payment)
    desk.refund(payment, 5_000)
    desk.advance(60)


def _expired(desk: Desk, payment: Payment) -> None:
    desk.stripe.v1.checkout.sessions.expire(payment.session_id or "")


def _declined_then_expired(desk: Desk, payment: Payment) -> None:
    """The checkout's intent is cancelled with it."""
    desk.pay(payment, "declined")
    _expired(desk, payment)


def _transfer(*parts: int, declined: bool = False, cancelled: bool = False) -> Callable[[Desk, Payment], None]:
    def happen(desk: Desk, payment: Payment) -> None:
        if declined:
            desk.pay(payment, "declined")
        desk.pay(payment, "bank_transfer")
        intent = str(desk.stripe.v1.checkout.sessions.retrieve(payment.session_id or "").payment_intent)
        for part in parts:
            desk.control(f"intents/{intent}/fund", amount=part)
        if cancelled:
            desk.stripe.v1.payment_intents.cancel(intent)

    return happen


def _charge_described(desk: Desk, payment: Payment) -> None:
    """Staff note something on the charge: one more event of the same charge."""
    desk.control("settings", balance_transaction_delay=5)
    desk.pay(payment)
    desk.advance(60)


def _disputed(
    *, outcome: str = "", status: str = "needs_response", refunded: int = 0
) -> Callable[[Desk, Payment], None]:
    def happen(desk: Desk, payment: Payment) -> None:
        _refunded(desk, payment, *([refunded] if refunded else []))
        dispute = desk.dispute(payment, status=status)
        if outcome:
            desk.control(f"disputes/{dispute['id']}/decide", outcome=outcome)

    return happen


def _evidence_sent(desk: Desk, payment: Payment) -> None:
    desk.pay(payment)
    dispute = desk.dispute(payment)
    desk.stripe.v1.disputes.update(dispute["id"], {"evidence": {"uncategorized_text": "They wrote to thank us."}})


def _warned(desk: Desk, payment: Payment) -> None:
    desk.pay(payment)
    desk.control(f"charges/{desk.charge_of(payment).id}/warn")


RECEIVED, REFUNDED, OPENED = DonationState.RECEIVED, DonationState.REFUNDED, DonationState.OPENED
DISPUTED, CHARGEBACK = DonationState.DISPUTED, DonationState.CHARGEBACK
SUCCEEDED, FAILED, EXPIRED = PaymentState.SUCCEEDED, PaymentState.FAILED, PaymentState.EXPIRED

SCENARIOS = {
    "paid": Scenario(lambda desk, payment: desk.pay(payment), RECEIVED, SUCCEEDED, 5_000),
    "declined": Scenario(lambda desk, payment: desk.pay(payment, "declined"), OPENED, PaymentState.OPEN, 0),
    "expired": Scenario(_expired, OPENED, EXPIRED, 0),
    "declined, then expired": Scenario(_declined_then_expired, OPENED, EXPIRED, 0),
    "transfer in part": Scenario(_transfer(2_000), DonationState.PENDING, PaymentState.COMPLETED, 0, transfers=True),
    "declined then paid": Scenario(_declined_then_paid, RECEIVED, SUCCEEDED, 5_000),
    "refunded": Scenario(lambda desk, payment: _refunded(desk, payment, 5_000), REFUNDED, SUCCEEDED, 0),
    "refunded in part": Scenario(lambda desk, payment: _refunded(desk, payment, 1_200), RECEIVED, SUCCEEDED, 3_800),
    "refunded in parts": Scenario(lambda desk, payment: _refunded(desk, payment, 2_000, 3_000), REFUNDED, SUCCEEDED, 0),
    "refund failed": Scenario(_refund_failed, RECEIVED, SUCCEEDED, 5_000),
    "refund failed, then refunded": Scenario(_refunded_at_the_second_try, RECEIVED, SUCCEEDED, 3_000),
    "refund failed, then refunded anew": Scenario(_refunded_anew, REFUNDED, SUCCEEDED, 0),
    "charge updated": Scenario(_charge_described, RECEIVED, SUCCEEDED, 5_000),
    "debit arrived": Scenario(_sepa("sepa_succeeds"), RECEIVED, SUCCEEDED, 5_000),
    "debit failed": Scenario(_sepa("sepa_fails"), OPENED, FAILED, 0),
    "debit refunded": Scenario(_sepa_refunded, REFUNDED, SUCCEEDED, 0),
    "disputed": Scenario(_disputed(), DISPUTED, SUCCEEDED, 0),
    "evidence sent": Scenario(_evidence_sent, DISPUTED, SUCCEEDED, 0),
    "dispute won": Scenario(_disputed(outcome="won"), RECEIVED, SUCCEEDED, 5_000),
    "dispute lost": Scenario(_disputed(outcome="lost"), CHARGEBACK, SUCCEEDED, 0),
    "debit taken back": Scenario(_sepa("sepa_disputed"), CHARGEBACK, SUCCEEDED, 0),
    "inquiry": Scenario(_disputed(status="warning_needs_response"), RECEIVED, SUCCEEDED, 5_000),
    "inquiry closed": Scenario(_disputed(status="warning_needs_response", outcome="won"), RECEIVED, SUCCEEDED, 5_000),
    "dispute prevented": Scenario(_disputed(status="prevented"), RECEIVED, SUCCEEDED, 5_000),
    "refunded in part, then disputed": Scenario(_disputed(refunded=1_200), DISPUTED, SUCCEEDED, 0),
    "refunded in part, dispute won": Scenario(_disputed(refunded=1_200, outcome="won"), RECEIVED, SUCCEEDED, 3_800),
    "refunded in part, dispute lost": Scenario(_disputed(refunded=1_200, outcome="lost"), CHARGEBACK, SUCCEEDED, 0),
    # The bank draws what was refunded before: we have paid twice until we win.
    "refunded, then disputed": Scenario(_disputed(refunded=5_000), DISPUTED, SUCCEEDED, -5_000),
    "refunded, dispute won": Scenario(_disputed(refunded=5_000, outcome="won"), REFUNDED, SUCCEEDED, 0),
    "refunded, dispute lost": Scenario(_disputed(refunded=5_000, outcome="lost"), CHARGEBACK, SUCCEEDED, -5_000),
    "fraud warned of": Scenario(_warned, RECEIVED, SUCCEEDED, 5_000),
    "transfer in parts": Scenario(_transfer(2_000, 3_000), RECEIVED, SUCCEEDED, 5_000, transfers=True),
    "transfer cancelled": Scenario(_transfer(cancelled=True), OPENED, FAILED, 0, transfers=True),
    "declined, then transfer cancelled": Scenario(
        _transfer(2_000, declined=True, cancelled=True), OPENED, FAILED, 0, transfers=True
    ),
}
