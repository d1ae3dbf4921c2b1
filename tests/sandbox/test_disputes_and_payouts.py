"""Money taken back by banks, and money sent to ours."""

from typing import Any

import pytest
import stripe

from tests.sandbox.conftest import Desk

DAY = 86_400


def _dispute(desk: Desk, intent: stripe.PaymentIntent) -> stripe.Dispute:
    return desk.stripe.v1.disputes.list({"payment_intent": intent.id}).data[0]


def _disputed(desk: Desk, case: str = "dispute_later", amount: int = 5000) -> stripe.PaymentIntent:
    intent = desk.donate(amount, case=case)
    desk.advance(60)
    return intent


def test_a_dispute_withdraws_the_amount_and_a_fee(desk: Desk) -> None:
    intent = _disputed(desk)
    dispute = _dispute(desk, intent)
    assert (dispute.status, dispute.reason, dispute.amount) == ("needs_response", "fraudulent", 5000)
    booked: Any = dispute.balance_transactions[0]
    assert (booked.amount, booked.fee, booked.net, booked.reporting_category) == (-5000, 2000, -7000, "dispute")
    assert desk.event_types()[-2:] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]


def test_a_disputed_charge_cannot_be_refunded(desk: Desk) -> None:
    intent = _disputed(desk)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        desk.stripe.v1.refunds.create({"payment_intent": intent.id})
    assert refused.value.code == "charge_disputed"


def test_winning_evidence_brings_the_money_back(desk: Desk) -> None:
    dispute = _dispute(desk, _disputed(desk))
    sent = desk.stripe.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}})
    assert (sent.status, sent.evidence_details.submission_count) == ("under_review", 1)
    desk.advance(60)
    won = desk.stripe.v1.disputes.retrieve(dispute.id)
    assert (won.status, [item.amount for item in won.balance_transactions]) == ("won", [-5000, 5000])
    assert desk.event_types()[-2:] == ["charge.dispute.closed", "charge.dispute.funds_reinstated"]


def test_an_unanswered_dispute_is_lost_at_its_deadline(desk: Desk) -> None:
    dispute = _dispute(desk, _disputed(desk))
    desk.advance(10 * DAY)
    lost = desk.stripe.v1.disputes.retrieve(dispute.id)
    assert (lost.status, len(lost.balance_transactions)) == ("lost", 1)
    with pytest.raises(stripe.InvalidRequestError):
        desk.stripe.v1.disputes.close(dispute.id)


def test_an_inquiry_moves_no_money_and_can_be_refunded(desk: Desk) -> None:
    intent = _disputed(desk, "inquiry_later")
    dispute = _dispute(desk, intent)
    assert (dispute.status, dispute.balance_transactions) == ("warning_needs_response", [])
    assert desk.stripe.v1.refunds.create({"payment_intent": intent.id}).status == "succeeded"
    assert desk.stripe.v1.disputes.close(dispute.id).status == "warning_closed"


def test_a_disputed_sepa_debit_is_lost_at_once(desk: Desk) -> None:
    intent = desk.donate(case="sepa_disputed")
    desk.advance(DAY)
    assert _dispute(desk, intent).status == "lost"


def test_a_refunded_charge_can_still_be_disputed(desk: Desk) -> None:
    intent = desk.donate(3000)
    desk.stripe.v1.refunds.create({"payment_intent": intent.id, "amount": 1000})
    charge: Any = intent.latest_charge
    desk.control(f"charges/{charge.id}/dispute", reason="duplicate")
    assert _dispute(desk, intent).amount == 2000


def test_a_prevented_dispute_moves_no_money(desk: Desk) -> None:
    charge: Any = desk.donate().latest_charge
    opened = desk.control(f"charges/{charge.id}/dispute", status="prevented")
    assert (opened["status"], opened["balance_transactions"]) == ("prevented", [])


def test_an_early_fraud_warning_names_the_charge(desk: Desk) -> None:
    intent = _disputed(desk, "early_fraud_warning")
    warning = desk.stripe.v1.radar.early_fraud_warnings.list({"payment_intent": intent.id}).data[0]
    charge: Any = intent.latest_charge
    assert (warning.charge, warning.actionable) == (charge.id, True)


def _net(desk: Desk) -> int:
    return int(desk.state()["balance"]["eur"]["net"])


def test_an_automatic_payout_is_itemised_once_it_is_reconciled(desk: Desk) -> None:
    desk.donate(10_000)
    desk.donate(2000)
    desk.advance(2 * DAY)
    desk.donate(700)
    made = desk.control("accounts/acme/payout")["payouts"]
    assert [(payout["amount"], payout["reconciliation_status"]) for payout in made] == [(11_782, "in_progress")]
    desk.advance(DAY)
    payout = desk.stripe.v1.payouts.retrieve(made[0]["id"])
    assert (payout.status, payout.reconciliation_status) == ("paid", "completed")
    items = desk.stripe.v1.balance_transactions.list({"payout": payout.id}).data
    assert sum(item.net for item in items) == 0
    assert sorted(item.type for item in items) == ["charge", "charge", "payout"]
    assert desk.event_types()[-2:] == ["payout.paid", "payout.reconciliation_completed"]


def test_a_bank_takes_back_that_a_dispute_was_lost(desk: Desk) -> None:
    intent = desk.donate(10_000)
    before = _net(desk)
    charge: Any = intent.latest_charge
    dispute = desk.control(f"charges/{charge.id}/dispute")
    assert desk.http.post(f"/sandbox/disputes/{dispute['id']}/reconsider", json={"status": "won"}).status_code == 400
    desk.control(f"disputes/{dispute['id']}/decide", outcome="lost")
    assert desk.control(f"disputes/{dispute['id']}/reconsider", status="under_review")["status"] == "under_review"
    desk.control(f"disputes/{dispute['id']}/decide", outcome="lost")
    assert _net(desk) == before - 10_000 - 2_000
    back = desk.control(f"disputes/{dispute['id']}/reconsider", status="won")
    assert [line["reporting_category"] for line in back["balance_transactions"]] == ["dispute", "dispute_reversal"]
    assert _net(desk) == before - 2_000
    assert desk.event_types()[-2:] == ["charge.dispute.updated", "charge.dispute.funds_reinstated"]


def test_what_was_paid_out_is_not_paid_out_again(desk: Desk) -> None:
    desk.donate(10_000)
    desk.advance(2 * DAY)
    assert len(desk.control("accounts/acme/payout")["payouts"]) == 1
    assert desk.control("accounts/acme/payout")["payouts"] == []


def test_a_failed_payout_is_in_the_balance_again(desk: Desk) -> None:
    desk.donate(10_000)
    desk.advance(2 * DAY)
    before = _net(desk)
    payout = desk.control("accounts/acme/payout")["payouts"][0]
    assert _net(desk) == 0
    failed = desk.control(f"payouts/{payout['id']}/fail")
    assert (failed["status"], _net(desk)) == ("failed", before)
    assert desk.control("accounts/acme/payout")["payouts"][0]["amount"] == payout["amount"]


def test_daily_payouts_come_by_themselves(desk: Desk) -> None:
    desk.control("accounts/acme", payout_interval="daily")
    desk.donate(10_000)
    desk.advance(5 * DAY)
    assert [payout.status for payout in desk.stripe.v1.payouts.list().data] == ["paid"]


def test_a_manual_payout_cannot_exceed_what_is_available(desk: Desk) -> None:
    desk.donate(10_000)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        desk.stripe.v1.payouts.create({"amount": 1000, "currency": "eur"})
    assert refused.value.code == "balance_insufficient"
    desk.advance(2 * DAY)
    payout = desk.stripe.v1.payouts.create({"amount": 1000, "currency": "eur"})
    assert payout.reconciliation_status == "not_applicable"
    with pytest.raises(stripe.InvalidRequestError, match="manual"):
        desk.stripe.v1.balance_transactions.list({"payout": payout.id})


def test_every_balance_is_the_sum_of_its_transactions(desk: Desk) -> None:
    desk.control("accounts/acme", payout_interval="daily")
    for case in ("success", "dispute_later", "refund_fails", "sepa_succeeds", "sepa_fails", "sepa_disputed"):
        desk.donate(5000, case=case)
    desk.stripe.v1.refunds.create({"payment_intent": desk.donate(1000).id, "amount": 300})
    desk.advance(4 * DAY)
    found = desk.stripe.v1.balance_transactions.list({"limit": 100}).data
    balance = desk.stripe.v1.balance.retrieve()
    amounts: list[Any] = [*balance.available, *balance.pending]
    total = sum(item.amount for item in amounts)
    assert total == sum(item.net for item in found) == _net(desk)
