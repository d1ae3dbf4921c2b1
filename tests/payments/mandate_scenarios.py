"""What can become of one mandate at Stripe, and what the books must say of it at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fundraising.models import DonationState, MandateEnd, MandateState, NoticeKind
from payments.models import Payment
from tests.payments.desk import DAY, Desk

RECEIVED, OPENED, PENDING = DonationState.RECEIVED, DonationState.OPENED, DonationState.PENDING
ACTIVE, FAILING, PAUSED, ENDED = MandateState.ACTIVE, MandateState.FAILING, MandateState.PAUSED, MandateState.ENDED
TOLD_FAILED, TOLD_MENDED = NoticeKind.MANDATE_FAILED, NoticeKind.MANDATE_MENDED
TOLD_ENDED, TOLD_CHANGED = NoticeKind.MANDATE_ENDED, NoticeKind.MANDATE_CHANGED
TOLD_PAUSED, TOLD_RESUMED = NoticeKind.MANDATE_PAUSED, NoticeKind.MANDATE_RESUMED


@dataclass(frozen=True)
class MandateScenario:
    """Things done at the sandbox with an open checkout of 50 euros a month, and their end.

    `donations`: the state of each, in the order of their collection; `told`: what the donor is told, if every event
    comes in its order.
    """

    happen: Callable[[Desk, Payment], object]
    mandate: MandateState
    donations: list[DonationState]
    net: int
    told: list[NoticeKind] = field(default_factory=list)
    reason: str = ""


def _change(desk: Desk, payment: Payment, **params: Any) -> None:
    """Staff change the subscription in Stripe's dashboard, a day later."""
    desk.advance(DAY)
    desk.stripe.v1.subscriptions.update(desk.subscription(payment).id, params)  # type: ignore[arg-type]


def _paid(desk: Desk, payment: Payment, case: str = "success", *, renewals: int = 0) -> None:
    desk.pay(payment, case)
    if case.startswith("sepa"):
        desk.advance(60)
    for _renewal in range(renewals):
        desk.until_next_collection(payment, 60 if case.startswith("sepa") else 0)


def _renewed(case: str = "success", renewals: int = 1) -> Callable[[Desk, Payment], None]:
    return lambda desk, payment: _paid(desk, payment, case, renewals=renewals)


def _declined_then_paid(desk: Desk, payment: Payment) -> None:
    desk.pay(payment, "declined")
    desk.pay(payment)


def _failed_then_mended(desk: Desk, payment: Payment) -> None:
    _paid(desk, payment, "fails_later", renewals=1)
    desk.advance(DAY)
    open_invoice = desk.subscription(payment).latest_invoice
    desk.stripe.v1.invoices.pay(open_invoice, {"payment_method": "pm_card_visa"})


def _paused_then_mended(desk: Desk, payment: Payment) -> None:
    """The donor pauses while a collection waits, and then pays that one after all."""
    _paid(desk, payment, "fails_later", renewals=1)
    _change(desk, payment, pause_collection={"behavior": "void"})
    desk.advance(DAY)
    desk.stripe.v1.invoices.pay(desk.subscription(payment).latest_invoice, {"payment_method": "pm_card_visa"})


def _failed_for_good(desk: Desk, payment: Payment) -> None:
    _paid(desk, payment, "fails_later", renewals=1)
    desk.advance(16 * DAY)


def _voided(desk: Desk, payment: Payment) -> None:
    """Staff let the donor off the collection that failed."""
    _paid(desk, payment, "fails_later", renewals=1)
    desk.advance(DAY)
    desk.stripe.v1.invoices.void_invoice(desk.subscription(payment).latest_invoice)


def _bank_asks(desk: Desk, payment: Payment) -> None:
    """A card whose bank wants the donor to confirm each payment: nobody is there to do so at a renewal."""
    desk.control(f"intents/{desk.pay(payment, 'three_d_secure_always')['authenticate']}/authenticate", outcome="pass")
    desk.until_next_collection(payment)


def _card_replaced(desk: Desk, payment: Payment) -> None:
    desk.pay(payment)
    method = desk.subscription(payment).default_payment_method
    desk.stripe.v1.payment_methods.update(method, {"billing_details": {"name": "Ada Rossi"}})
    desk.control(f"payment_methods/{method}/replace", case="success_mastercard")
    desk.until_next_collection(payment)


def _debit_on_its_way(desk: Desk, payment: Payment) -> None:
    _paid(desk, payment, "sepa_succeeds")
    desk.until_next_collection(payment)


def _newest_charge(desk: Desk, payment: Payment) -> Any:
    customer = desk.subscription(payment).customer
    return desk.stripe.v1.charges.list({"customer": customer}).data[0]


def _renewal_refunded(desk: Desk, payment: Payment) -> None:
    _paid(desk, payment, renewals=1)
    desk.stripe.v1.refunds.create({"charge": _newest_charge(desk, payment).id})


def _renewal_disputed(desk: Desk, payment: Payment) -> None:
    _paid(desk, payment, renewals=1)
    desk.control(f"charges/{_newest_charge(desk, payment).id}/dispute", status="needs_response", reason="fraudulent")


def _amount_changed(desk: Desk, payment: Payment) -> None:
    desk.pay(payment)
    item = desk.subscription(payment)["items"].data[0]
    price = {
        "currency": "eur",
        "product": item.price.product,
        "recurring": {"interval": "month"},
        "unit_amount": 7_000,
    }
    _change(desk, payment, items=[{"id": item.id, "price_data": price}], proration_behavior="none")
    desk.until_next_collection(payment)


def _day_changed(desk: Desk, payment: Payment) -> None:
    desk.pay(payment)
    now = desk.now()
    _change(desk, payment, trial_end=now + 40 * DAY, proration_behavior="none")
    desk.advance(38 * DAY)  # nothing before that day
    desk.until_next_collection(payment)


def _paused(desk: Desk, payment: Payment) -> None:
    desk.pay(payment)
    now = desk.now()
    _change(desk, payment, pause_collection={"behavior": "void", "resumes_at": now + 45 * DAY})
    desk.until_next_collection(payment)


def _resumed(desk: Desk, payment: Payment) -> None:
    _paused(desk, payment)
    desk.until_next_collection(payment)


def _ended(desk: Desk, payment: Payment) -> None:
    desk.pay(payment)
    desk.advance(DAY)
    desk.stripe.v1.subscriptions.cancel(desk.subscription(payment).id)


def _ended_while_failing(desk: Desk, payment: Payment) -> None:
    _paid(desk, payment, "fails_later", renewals=1)
    desk.advance(DAY)
    desk.stripe.v1.subscriptions.cancel(desk.subscription(payment).id)
    desk.advance(30 * DAY)


def _ended_on_the_way(desk: Desk, payment: Payment) -> None:
    _debit_on_its_way(desk, payment)
    desk.stripe.v1.subscriptions.cancel(desk.subscription(payment).id)
    desk.advance(60)


SCENARIOS = {
    "started": MandateScenario(_renewed(renewals=0), ACTIVE, [RECEIVED], 5_000),
    "declined, then started": MandateScenario(_declined_then_paid, ACTIVE, [RECEIVED], 5_000),
    "renewed": MandateScenario(_renewed(), ACTIVE, [RECEIVED] * 2, 10_000),
    "renewed twice": MandateScenario(_renewed(renewals=2), ACTIVE, [RECEIVED] * 3, 15_000),
    "renewal failed": MandateScenario(_renewed("fails_later"), FAILING, [RECEIVED, OPENED], 5_000, [TOLD_FAILED]),
    "renewal failed, then mended": MandateScenario(
        _failed_then_mended, ACTIVE, [RECEIVED] * 2, 10_000, [TOLD_FAILED, TOLD_MENDED]
    ),
    "renewal failed, then paused and mended": MandateScenario(
        _paused_then_mended, PAUSED, [RECEIVED] * 2, 10_000, [TOLD_FAILED, TOLD_PAUSED, TOLD_MENDED]
    ),
    "renewal failed for good": MandateScenario(
        _failed_for_good, ENDED, [RECEIVED, OPENED], 5_000, [TOLD_FAILED] * 4 + [TOLD_ENDED], MandateEnd.GAVE_UP
    ),
    "failed renewal voided": MandateScenario(_voided, ACTIVE, [RECEIVED, OPENED], 5_000, [TOLD_FAILED]),
    "bank asks at a renewal": MandateScenario(_bank_asks, FAILING, [RECEIVED, OPENED], 5_000, [TOLD_FAILED]),
    "card replaced": MandateScenario(_card_replaced, ACTIVE, [RECEIVED] * 2, 10_000),
    "first debit arrived": MandateScenario(_renewed("sepa_succeeds", 0), ACTIVE, [RECEIVED], 5_000),
    "first debit failed": MandateScenario(_renewed("sepa_fails", 0), FAILING, [OPENED], 0, [TOLD_FAILED]),
    "renewed by debit": MandateScenario(_renewed("sepa_succeeds"), ACTIVE, [RECEIVED] * 2, 10_000),
    "renewing debit on its way": MandateScenario(_debit_on_its_way, ACTIVE, [RECEIVED, PENDING], 5_000),
    "renewal refunded": MandateScenario(_renewal_refunded, ACTIVE, [RECEIVED, DonationState.REFUNDED], 5_000),
    "renewal disputed": MandateScenario(_renewal_disputed, ACTIVE, [RECEIVED, DonationState.DISPUTED], 5_000),
    "amount changed": MandateScenario(_amount_changed, ACTIVE, [RECEIVED] * 2, 12_000, [TOLD_CHANGED]),
    "day changed": MandateScenario(_day_changed, ACTIVE, [RECEIVED] * 2, 10_000),
    "paused over one collection": MandateScenario(_paused, PAUSED, [RECEIVED], 5_000, [TOLD_PAUSED]),
    "paused, then resumed": MandateScenario(_resumed, ACTIVE, [RECEIVED] * 2, 10_000, [TOLD_PAUSED, TOLD_RESUMED]),
    "ended in Stripe's portal": MandateScenario(_ended, ENDED, [RECEIVED], 5_000, [TOLD_ENDED], MandateEnd.PROVIDER),
    "ended while failing": MandateScenario(
        _ended_while_failing, ENDED, [RECEIVED, OPENED], 5_000, [TOLD_FAILED, TOLD_ENDED], MandateEnd.PROVIDER
    ),
    "ended while a debit was on its way": MandateScenario(
        _ended_on_the_way, ENDED, [RECEIVED] * 2, 10_000, [TOLD_ENDED], MandateEnd.PROVIDER
    ),
}
