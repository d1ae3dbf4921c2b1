"""Collections that fail: why, when they are tried again, and how they are mended, whichever word of them comes last."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from fundraising.models import Mandate, MandateState, NoticeKind
from payments import gateway
from payments.mandates import changes, invoices, subscriptions
from payments.mandates.changes import NotChangeable
from payments.models import ChangeKind, ChangeState, Payment
from tests.payments.desk import DAY, Desk, event_of
from tests.payments.test_mandates import sign_up, told, want

pytestmark = pytest.mark.django_db(transaction=True)


def failing(live: Desk) -> tuple[Payment, Mandate, dict[str, Any]]:
    """A mandate whose renewal has failed once, and its invoice as Stripe has it."""
    payment, mandate = sign_up(live, "fails_later")
    live.until_next_collection(payment)
    mandate.refresh_from_db()
    return payment, mandate, invoice_of(live, payment)


def invoice_of(live: Desk, payment: Payment) -> dict[str, Any]:
    newest = live.subscription(payment).latest_invoice
    invoice: dict[str, Any] = live.stripe.v1.invoices.retrieve(newest).to_dict(for_json=True)
    return invoice


def planned(invoice: dict[str, Any]) -> date:
    return gateway.moment(invoice["next_payment_attempt"]).date()


def test_when_a_failed_collection_is_tried_again_is_known_after_each_attempt(live: Desk) -> None:
    payment, mandate, invoice = failing(live)
    days = []
    while mandate.state == MandateState.FAILING:
        assert mandate.retry_on == planned(invoice)
        days.append(mandate.retry_on)
        live.advance(invoice["next_payment_attempt"] - live.now() + 1)
        mandate.refresh_from_db()
        invoice = invoice_of(live, payment)
    assert days == sorted(set(days))
    assert len(days) == 3
    assert (mandate.retry_on, mandate.notices.filter(is_last=True).count()) == (None, 1)


def test_a_collection_that_comes_after_all_is_not_tried_again(live: Desk) -> None:
    _payment, mandate, invoice = failing(live)
    live.stripe.v1.invoices.pay(invoice["id"], {"payment_method": "pm_card_visa"})
    live.keep_up()
    mandate.refresh_from_db()
    assert (mandate.state, mandate.retry_on, subscriptions.waiting(mandate)) == (MandateState.ACTIVE, None, None)


@pytest.mark.parametrize("order", [1, -1], ids=["in order", "the other way round"])
def test_the_newest_word_of_when_a_collection_is_tried_again_counts(live: Desk, order: int) -> None:
    _payment, mandate, invoice = failing(live)
    now = live.now()
    words = [{**invoice, "next_payment_attempt": now + days * DAY} for days in (9, 2, 5)]
    told = [event_of("invoice.updated", word, created=now + n) for n, word in enumerate(words, 1)]
    live.deliver(told[::order])
    mandate.refresh_from_db()
    assert mandate.retry_on == planned(words[-1])


@pytest.mark.parametrize("order", [1, -1], ids=["in order", "the other way round"])
def test_that_a_collection_is_not_tried_again_is_the_last_word_of_its_second(live: Desk, order: int) -> None:
    _payment, mandate, invoice = failing(live)
    now = live.now() + 1
    words = [{**invoice, "next_payment_attempt": now + 9 * DAY}, {**invoice, "next_payment_attempt": None}]
    live.deliver([event_of("invoice.updated", word, created=now) for word in words][::order])
    mandate.refresh_from_db()
    assert (mandate.state, mandate.retry_on) == (MandateState.FAILING, None)


def test_another_plan_that_no_event_told_of_is_learnt_by_asking_and_not_from_an_older_answer(
    live: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    _payment, mandate, invoice = failing(live)
    soon, later = ({**invoice, "next_payment_attempt": live.now() + days * DAY} for days in (2, 9))
    monkeypatch.setattr(gateway, "get_invoice", lambda *_: soon)
    assert invoices.fetch(live.account, invoice["id"])
    mandate.refresh_from_db()
    assert mandate.retry_on == planned(soon)
    seen = invoices.see_whole

    def meanwhile(*asked: Any) -> bool:
        live.deliver([event_of("invoice.updated", later, created=live.now() + 1)])
        return seen(*asked)

    monkeypatch.setattr(invoices, "see_whole", meanwhile)
    invoices.fetch(live.account, invoice["id"])
    mandate.refresh_from_db()
    assert mandate.retry_on == planned(later)


def test_a_failure_that_is_told_after_the_payment_is_old_news_also_while_the_donor_pauses(live: Desk) -> None:
    payment, mandate = sign_up(live, "fails_later")
    live.delivered = None
    live.until_next_collection(payment)
    live.stripe.v1.subscriptions.update(live.subscription(payment).id, {"pause_collection": {"behavior": "void"}})
    live.advance(DAY)
    live.stripe.v1.invoices.pay(invoice_of(live, payment)["id"], {"payment_method": "pm_card_visa"})
    newest = live.events()
    live.deliver(live.events("customer.subscription.updated", "invoice_payment.paid"))
    live.deliver(event for event in newest if event["type"] == "invoice.paid")
    live.deliver(event for event in newest if event["type"] == "invoice.payment_failed")
    mandate.refresh_from_db()
    assert mandate.state == MandateState.PAUSED
    assert told(mandate) == [NoticeKind.MANDATE_PAUSED]
    assert subscriptions.waiting(mandate) is None


def test_a_debit_that_failed_waits_to_be_settled_whenever_its_checkout_is_told_of(live: Desk) -> None:
    live.delivered = None
    payment = live.sign_up()
    live.pay(payment, "sepa_fails")
    live.advance(60)
    events = live.events()
    late = [event for event in events if event["type"].startswith("checkout.session")]
    live.deliver([event for event in events if event not in late])
    live.sweep()
    live.deliver(late)
    mandate = Mandate.objects.get(donations=payment.donation_id)
    assert mandate.state == MandateState.FAILING
    assert subscriptions.waiting(mandate) is not None


def test_an_open_collection_is_tried_again_when_the_donor_asks(live: Desk) -> None:
    payment, mandate = sign_up(live, "fails_later")
    live.until_next_collection(payment)
    mandate.refresh_from_db()
    assert mandate.state == MandateState.FAILING
    refused = want(mandate, ChangeKind.COLLECT)
    assert (refused.state, refused.error_code) == (ChangeState.REFUSED, "generic_decline")
    live.control(f"payment_methods/{live.subscription(payment).default_payment_method}/replace", case="success")
    assert want(mandate, ChangeKind.COLLECT).state == ChangeState.MADE
    live.keep_up()
    mandate.refresh_from_db()
    assert mandate.state == MandateState.ACTIVE
    assert told(mandate)[-1] == NoticeKind.MANDATE_MENDED
    with pytest.raises(NotChangeable, match="nothing_open"):
        want(mandate, ChangeKind.COLLECT)


def test_a_collection_that_was_settled_meanwhile_is_not_said_to_be_declined_again(live: Desk) -> None:
    _payment, mandate, invoice = failing(live)
    live.stripe.v1.invoices.pay(invoice["id"], {"payment_method": "pm_card_visa"})  # in another tab
    change = want(mandate, ChangeKind.COLLECT)  # before any event of it
    assert (change.state, change.error_code) == (ChangeState.MADE, "")
    live.keep_up()
    mandate.refresh_from_db()
    assert (mandate.state, mandate.donations.filter(state="received").count()) == (MandateState.ACTIVE, 2)


def test_the_reason_of_a_failure_is_told(live: Desk) -> None:
    payment, mandate = sign_up(live)
    live.control(f"payment_methods/{live.subscription(payment).default_payment_method}/replace", case="expired_card")
    live.until_next_collection(payment)
    notice = mandate.notices.get(kind=NoticeKind.MANDATE_FAILED)
    assert (notice.code, notice.step, notice.is_last) == ("expired_card", 1, False)


def test_a_link_mends_what_is_open_and_else_changes_the_card(live: Desk) -> None:
    payment, mandate = sign_up(live, "fails_later")
    portal = changes.mend_url(mandate, return_url="http://shop.example/m")
    assert "/c/portal/" in portal
    assert "/c/portal/" in changes.card_url(mandate, return_url="http://shop.example/m")
    live.until_next_collection(payment)
    assert "/c/invoice/" in changes.mend_url(mandate, return_url="http://shop.example/m")
