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


def _charge_described(desk: Desk, payment: Payment) -> None:
    """Staff note something on the charge: one more event of the same charge."""
    desk.control("settings", balance_transaction_delay=5)
    desk.pay(payment)
    desk.advance(60)


RECEIVED, REFUNDED, OPENED = DonationState.RECEIVED, DonationState.REFUNDED, DonationState.OPENED
SUCCEEDED, FAILED = PaymentState.SUCCEEDED, PaymentState.FAILED

SCENARIOS = {
    "paid": Scenario(lambda desk, payment: desk.pay(payment), RECEIVED, SUCCEEDED, 5_000),
    "declined": Scenario(lambda desk, payment: desk.pay(payment, "declined"), OPENED, PaymentState.OPEN, 0),
    "declined then paid": Scenario(_declined_then_paid, RECEIVED, SUCCEEDED, 5_000),
    "refunded": Scenario(lambda desk, payment: _refunded(desk, payment, 5_000), REFUNDED, SUCCEEDED, 0),
    "refunded in part": Scenario(lambda desk, payment: _refunded(desk, payment, 1_200), RECEIVED, SUCCEEDED, 3_800),
    "refunded in parts": Scenario(lambda desk, payment: _refunded(desk, payment, 2_000, 3_000), REFUNDED, SUCCEEDED, 0),
    "refund failed": Scenario(_refund_failed, RECEIVED, SUCCEEDED, 5_000),
    "refund failed, then refunded": Scenario(_refunded_at_the_second_try, RECEIVED, SUCCEEDED, 3_000),
    "charge updated": Scenario(_charge_described, RECEIVED, SUCCEEDED, 5_000),
    "debit arrived": Scenario(_sepa("sepa_succeeds"), RECEIVED, SUCCEEDED, 5_000),
    "debit failed": Scenario(_sepa("sepa_fails"), OPENED, FAILED, 0),
    "debit refunded": Scenario(_sepa_refunded, REFUNDED, SUCCEEDED, 0),
    "expired": Scenario(_expired, OPENED, PaymentState.EXPIRED, 0),
}
