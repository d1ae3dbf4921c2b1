"""Regular giving from our side: the checkout that begins it, the changes that are wanted, and calls that go wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from fundraising import ledger
from fundraising.ledger import Bucket
from fundraising.models import (
    OVER,
    AfterClose,
    AppealState,
    AppealWording,
    Break,
    BreakState,
    Cause,
    DonationState,
    EndWish,
    FeeCover,
    Interval,
    Mandate,
    MandateEnd,
    MandateState,
    NoticeKind,
    PaymentMethod,
    Purpose,
    Role,
)
from fundraising.money import Money
from payments import checkout, gateway
from payments.breaks import reconciliation
from payments.mandates import changes, subscriptions
from payments.mandates.changes import NotChangeable
from payments.models import (
    ChangeKind,
    ChangeState,
    EventState,
    InboxEvent,
    MandateChange,
    Payment,
    PaymentState,
    SecondSubscription,
    Subscription,
)
from payments.sweeps import sync
from tests import staff
from tests.payments.desk import DAY, Desk, assert_books_agree, differences, event_of, handle_all, state_of

pytestmark = pytest.mark.django_db(transaction=True)


def sign_up(desk: Desk, case: str = "success", **regularly: Any) -> tuple[Payment, Mandate]:
    payment = desk.sign_up(**regularly)
    desk.pay(payment, case)
    desk.keep_up()
    return payment, Mandate.objects.get(donations=payment.donation_id)


def want(mandate: Mandate, kind: ChangeKind, **more: Any) -> MandateChange:
    change = changes.request_change(mandate, uuid=uuid4(), kind=kind, **more)
    changes.carry_out(change.pk)
    change.refresh_from_db()
    mandate.refresh_from_db()
    return change


def told(mandate: Mandate) -> list[str]:
    return list(mandate.notices.order_by("pk").values_list("kind", flat=True))


def again(change: MandateChange) -> ChangeState:
    """The next attempt, though it is not due yet."""
    MandateChange.objects.filter(pk=change.pk).update(next_attempt_at=timezone.now())
    state = changes.carry_out(change.pk)
    change.refresh_from_db()
    return state


def test_a_mandate_begins_with_a_donation_that_is_paid_once(live: Desk) -> None:
    payment, mandate = sign_up(live)
    assert (mandate.state, state_of(payment.donation)) == ("active", "received")
    payment.refresh_from_db()
    assert payment.state == PaymentState.SUCCEEDED
    assert payment.invoice_id == live.subscription(payment).latest_invoice
    with pytest.raises(checkout.NothingToPay):
        checkout.checkout_url(payment.donation)
    subscription = Subscription.objects.get(mandate=mandate)
    subscriptions.look_up_cards()
    subscription.refresh_from_db()
    assert (subscription.method, subscription.brand, subscription.last4) == ("card", "visa", "4242")
    assert subscription.expires_on == date(2034, 12, 31)


def test_a_bank_that_replaces_a_card_is_believed_unless_the_card_expires_before_the_known_one(live: Desk) -> None:
    payment, mandate = sign_up(live)
    subscriptions.look_up_cards()
    method = live.stripe.v1.payment_methods.retrieve(live.subscription(payment).default_payment_method)
    newer: Any = method.to_dict(for_json=True)
    newer["card"] |= {"last4": "1881", "exp_year": 2035}
    older: Any = method.to_dict(for_json=True)
    older["card"] |= {"last4": "0002", "exp_year": 2033}
    for card in (newer, older):
        live.tell("payment_method.automatically_updated", card)
    assert Subscription.objects.get(mandate=mandate).last4 == "1881"


def test_only_the_way_to_pay_whose_fee_the_donor_covers_is_offered(desk: Desk) -> None:
    FeeCover.objects.create(
        entity=desk.kit.entity, currency="EUR", method=PaymentMethod.SEPA_DEBIT, basis_points=80, fixed_minor=30
    )
    FeeCover.objects.create(
        entity=desk.kit.entity, currency="USD", method=PaymentMethod.CUSTOMER_BALANCE, basis_points=50, fixed_minor=0
    )
    excluded = {}
    for method in ("", PaymentMethod.CARD):
        donation = desk.donation(method=method)
        checkout.checkout_url(donation)
        session = desk.stripe.v1.checkout.sessions.retrieve(Payment.objects.get(donation=donation).session_id or "")
        excluded[method] = session.excluded_payment_method_types
    assert excluded == {"": [], "card": ["sepa_debit"]}


def test_giving_from_next_month_on_costs_nothing_now_and_starts_on_the_day(live: Desk) -> None:
    first_on = timezone.now().date() + timedelta(days=20)
    payment, mandate = sign_up(live, first_on=first_on, day=first_on.day if first_on.day <= 28 else None)
    assert (mandate.state, mandate.next_on, state_of(payment.donation)) == ("active", first_on, "opened")
    live.until_next_collection(payment)
    assert state_of(payment.donation) == "received"
    assert mandate.donations.count() == 1
    assert not mandate.changes.exists()


def test_another_day_than_that_of_the_first_donation_is_asked_for_by_itself(live: Desk) -> None:
    today = timezone.now().date()
    day = 1 if 10 < today.day < 20 else 15  # nor is it tomorrow's, should today end meanwhile
    payment, mandate = sign_up(live, day=day)
    change = mandate.changes.get()
    assert (change.kind, change.day) == (ChangeKind.DAY, day)
    changes.carry_out_due()
    mandate.refresh_from_db()
    assert mandate.next_on == change.until
    assert change.until
    assert timedelta(days=21) <= change.until - today <= timedelta(days=53)
    assert told(mandate) == []  # the donor said so
    live.until_next_collection(payment)
    mandate.refresh_from_db()
    assert mandate.donations.filter(state="received").count() == 2
    assert mandate.next_on
    assert mandate.next_on.day == day


@pytest.mark.parametrize(
    ("interval", "last", "day", "first"),
    [
        ("month", date(2027, 1, 30), 5, date(2027, 3, 5)),
        ("month", date(2027, 1, 30), 20, date(2027, 2, 20)),
        ("month", date(2027, 1, 10), 31 - 3, date(2027, 2, 28)),
        ("month", date(2027, 12, 20), 1, date(2028, 2, 1)),
        ("year", date(2027, 3, 10), 1, date(2028, 3, 1)),
        ("year", date(2027, 3, 10), 20, date(2028, 2, 20)),
    ],
)
def test_two_collections_keep_their_distance_when_the_day_changes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, interval: str, last: date, day: int, first: date
) -> None:
    donation = desk.donation(regularly=desk.regularly(interval=Interval(interval)))
    mandate = donation.mandate
    assert mandate
    mandate.started_at = datetime(last.year, last.month, last.day, 15, tzinfo=UTC)
    monkeypatch.setattr(timezone, "now", lambda: mandate.started_at)  # nor does a day come before today
    assert subscriptions.first_on_day(mandate, day) == first


def test_an_amount_is_changed_from_the_next_collection_on(live: Desk) -> None:
    payment, mandate = sign_up(live)
    change = want(mandate, ChangeKind.AMOUNT, amount=Money(7_300, "EUR"), fee_cover=Money(300, "EUR"))
    assert change.state == ChangeState.MADE
    assert (mandate.amount_minor, mandate.fee_cover_minor) == (7_300, 300)
    live.until_next_collection(payment)
    renewed = mandate.donations.order_by("pk")[1]
    assert (renewed.amount_minor, renewed.fee_cover_minor, renewed.state) == (7_300, 300, "received")
    assert told(mandate) == [NoticeKind.MANDATE_CHANGED]
    assert differences(asking_stripe=True) == []


def test_a_donor_pauses_and_resumes(live: Desk) -> None:
    _payment, mandate = sign_up(live)
    until = timezone.now().date() + timedelta(days=75)
    assert want(mandate, ChangeKind.PAUSE, until=until).state == ChangeState.MADE
    assert (mandate.state, mandate.paused_until) == (MandateState.PAUSED, until)
    assert mandate.next_on
    assert until <= mandate.next_on < until + timedelta(days=32)
    assert want(mandate, ChangeKind.RESUME).state == ChangeState.MADE
    assert mandate.state == MandateState.ACTIVE
    live.keep_up()
    assert told(mandate) == [NoticeKind.MANDATE_PAUSED, NoticeKind.MANDATE_RESUMED]


def test_a_pause_ends_by_itself(live: Desk) -> None:
    _payment, mandate = sign_up(live)
    want(mandate, ChangeKind.PAUSE, until=timezone.now().date() + timedelta(days=40))
    live.advance(45 * DAY)
    mandate.refresh_from_db()
    assert mandate.state == MandateState.ACTIVE
    assert mandate.donations.count() == 1
    live.advance(20 * DAY)
    assert mandate.donations.filter(state="received").count() == 2


def test_whoever_ends_it_is_known_with_their_reason(live: Desk) -> None:
    _payment, mandate = sign_up(live)
    want(mandate, ChangeKind.END, end_reason=MandateEnd.DONOR, end_wish=EndWish.MONEY)
    assert (mandate.state, mandate.end_reason, mandate.end_wish) == ("ended", "donor", "money")
    live.keep_up()
    assert told(mandate) == [NoticeKind.MANDATE_ENDED]
    with pytest.raises(NotChangeable, match="ended"):
        want(mandate, ChangeKind.PAUSE)


def test_the_same_wish_twice_is_one_change_and_another_waits_for_it(live: Desk) -> None:
    _payment, mandate = sign_up(live)
    uuid = uuid4()
    first = changes.request_change(mandate, uuid=uuid, kind=ChangeKind.RESUME)
    assert changes.request_change(mandate, uuid=uuid, kind=ChangeKind.RESUME) == first
    with pytest.raises(NotChangeable, match="under_way"):
        changes.request_change(mandate, uuid=uuid4(), kind=ChangeKind.RESUME)
    changes.carry_out_due()
    changes.request_change(mandate, uuid=uuid4(), kind=ChangeKind.RESUME)


def test_what_has_not_started_cannot_be_changed(desk: Desk) -> None:
    mandate = desk.sign_up().donation.mandate
    assert mandate
    with pytest.raises(NotChangeable, match="not_started"):
        changes.request_change(mandate, uuid=uuid4(), kind=ChangeKind.END, end_reason=MandateEnd.DONOR)


@pytest.mark.parametrize("fault", ["api_500", "api_dropped", "api_500_stored", "api_500_stored_undone", "api_429"])
def test_a_change_is_made_in_the_end_whatever_stripe_does(live: Desk, fault: str) -> None:
    _payment, mandate = sign_up(live)
    live.faults({"kind": fault, "probability": 1, "match": "POST /v1/subscriptions*"})
    change = want(mandate, ChangeKind.AMOUNT, amount=Money(9_000, "EUR"))
    assert change.state in {ChangeState.WANTED, ChangeState.ASKED}
    assert sum(live.struck().values()) > 0
    live.faults()
    assert again(change) == ChangeState.MADE
    mandate.refresh_from_db()
    assert mandate.amount_minor == 9_000
    live.keep_up()
    assert told(mandate) == [NoticeKind.MANDATE_CHANGED]


def test_what_ended_at_stripe_unheard_is_learnt_from_its_refusal(live: Desk) -> None:
    payment, mandate = sign_up(live)
    live.stripe.v1.subscriptions.cancel(live.subscription(payment).id)
    change = want(mandate, ChangeKind.AMOUNT, amount=Money(9_000, "EUR"))
    assert change.state == ChangeState.REFUSED
    assert (mandate.state, mandate.end_reason) == (MandateState.ENDED, MandateEnd.PROVIDER)


def test_an_end_that_is_asked_for_twice_is_made(live: Desk) -> None:
    payment, mandate = sign_up(live)
    live.stripe.v1.subscriptions.cancel(live.subscription(payment).id)
    change = want(mandate, ChangeKind.END, end_reason=MandateEnd.STAFF)
    assert (change.state, mandate.end_reason) == (ChangeState.MADE, MandateEnd.STAFF)


def test_an_appeal_that_closes_ends_its_mandates_or_tells_their_donors_as_it_promised(live: Desk) -> None:
    _payment, ending = sign_up(live)
    _payment, going_on = sign_up(live)
    kept = AppealWording.objects.create(
        appeal=live.kit.appeal, locale="en", version=2, title="t", ask="a", purpose="p", secondary_purpose="s",
        after_close=AfterClose.CONTINUES,
    )  # fmt: skip
    Mandate.objects.filter(pk=going_on.pk).update(wording=kept)
    assert changes.end_those_of_closed_appeals() == 0
    live.kit.appeal.state = AppealState.CLOSED
    live.kit.appeal.save()
    assert changes.end_those_of_closed_appeals() == 2
    assert changes.end_those_of_closed_appeals() == 0
    changes.carry_out_due()
    ending.refresh_from_db()
    going_on.refresh_from_db()
    assert (ending.state, ending.end_reason) == ("ended", "appeal_closed")
    assert (going_on.state, told(going_on)) == ("active", [NoticeKind.MANDATE_REDIRECTED])


@pytest.mark.parametrize("until", [AppealState.RESOLVED, AppealState.ARCHIVED])
@pytest.mark.parametrize("promised", list(AfterClose))
def test_an_appeal_put_away_before_its_mandates_were_looked_at_keeps_its_promise_all_the_same(
    live: Desk, until: AppealState, promised: AfterClose
) -> None:
    payment, mandate = sign_up(live, first_on=timezone.now().date() + timedelta(days=20))
    wording = AppealWording.objects.create(
        appeal=live.kit.appeal, locale="en", version=2, title="t", ask="a", purpose="p", secondary_purpose="s",
        after_close=promised,
    )  # fmt: skip
    Mandate.objects.filter(pk=mandate.pk).update(wording=wording)
    for state in OVER[: OVER.index(until) + 1]:
        live.kit.appeal.state = state
        live.kit.appeal.save()
    assert changes.end_those_of_closed_appeals() == 1
    changes.carry_out_due()
    mandate.refresh_from_db()
    if promised == AfterClose.ENDS:
        assert (mandate.state, mandate.end_reason) == (MandateState.ENDED, MandateEnd.APPEAL_CLOSED)
        return
    assert (mandate.state, told(mandate)) == (MandateState.ACTIVE, [NoticeKind.MANDATE_REDIRECTED])
    live.until_next_collection(payment)
    donation = mandate.donations.get()
    assert (state_of(donation), donation.fund) == ("received", live.kit.appeal.late_fund)


def test_two_words_of_one_second_that_differ_are_settled_by_asking(live: Desk) -> None:
    payment, mandate = sign_up(live)
    truth: Any = live.subscription(payment).to_dict(for_json=True)
    said_at = int(Subscription.objects.get(mandate=mandate).status_at.timestamp())
    other: Any = {**truth, "pause_collection": {"behavior": "void", "resumes_at": None}}
    Subscription.objects.filter(mandate=mandate).update(status_at=gateway.moment(said_at))
    row = live.tell("customer.subscription.updated", other, created=said_at)
    assert row.state == "parked"
    live.sweep()
    row.refresh_from_db()
    mandate.refresh_from_db()
    assert (row.state, mandate.state) == ("handled", MandateState.ACTIVE)


def test_an_older_fetch_that_ends_last_changes_nothing(live: Desk) -> None:
    payment, mandate = sign_up(live)
    asked = subscriptions.Asked.now(live.account)
    fetched: Any = live.subscription(payment).to_dict(for_json=True)
    live.advance(1)
    live.stripe.v1.subscriptions.update(fetched["id"], {"pause_collection": {"behavior": "void"}})
    live.keep_up()
    assert not subscriptions.take_answer(live.account, fetched, asked)
    mandate.refresh_from_db()
    assert mandate.state == MandateState.PAUSED


def test_a_mandate_that_is_silent_is_looked_up(live: Desk) -> None:
    payment, mandate = sign_up(live)
    live.stripe.v1.subscriptions.cancel(live.subscription(payment).id)  # and no event of it
    long_ago = timezone.now() - timedelta(days=4)
    Mandate.objects.filter(pk=mandate.pk).update(next_on=long_ago.date())
    Subscription.objects.filter(mandate=mandate).update(status_at=long_ago)
    assert subscriptions.look_up_overdue() > 0
    mandate.refresh_from_db()
    assert mandate.state == MandateState.ENDED


def test_mandates_that_stripe_does_not_know_hold_up_no_other_however_many_they_are(live: Desk) -> None:
    strangers = [sign_up(live)[1] for _ in range(3)]
    payment, mandate = sign_up(live)
    live.stripe.v1.subscriptions.cancel(live.subscription(payment).id)  # and no event of it
    now = timezone.now()
    Mandate.objects.update(next_on=(now - timedelta(days=9)).date())
    for number, unknown in enumerate(strangers):
        long_ago = now - timedelta(days=8, hours=number)
        Subscription.objects.filter(mandate=unknown).update(subscription_id=f"sub_gone{number}", status_at=long_ago)
    Subscription.objects.filter(mandate=mandate).update(status_at=now - timedelta(days=7))
    assert [subscriptions.look_up_overdue(limit=2) for _sweep in range(3)] == [2, 2, 0]
    mandate.refresh_from_db()
    assert mandate.state == MandateState.ENDED
    Subscription.objects.update(looked_up_at=now - timedelta(hours=2))
    assert subscriptions.look_up_overdue(limit=9) == 3  # asked about again, later


def test_cards_that_stripe_does_not_know_hold_up_no_other_however_many_they_are(live: Desk) -> None:
    strangers = [sign_up(live)[1] for _ in range(3)]
    _payment, mandate = sign_up(live)
    Subscription.objects.update(method="", last4="")
    for number, unknown in enumerate(strangers):
        Subscription.objects.filter(mandate=unknown).update(method_id=f"pm_gone{number}")
    assert [subscriptions.look_up_cards(limit=2) for _sweep in range(3)] == [2, 2, 0]
    assert Subscription.objects.get(mandate=mandate).last4 == "4242"


def test_the_audit_sees_an_amount_that_differs_and_a_change_without_an_answer(live: Desk) -> None:
    _payment, mandate = sign_up(live)
    assert differences(asking_stripe=True) == []
    Mandate.objects.filter(pk=mandate.pk).update(amount_minor=4_000)
    change = changes.request_change(mandate, uuid=uuid4(), kind=ChangeKind.RESUME)
    MandateChange.objects.filter(pk=change.pk).update(created_at=timezone.now() - timedelta(minutes=11))
    found = differences(asking_stripe=True)
    assert len(found) == 2
    assert "changes of mandates" in found[0]
    assert "mandates by the month" in found[1]


def second_subscription(live: Desk, payment: Payment) -> Any:
    """Somebody copies the subscription in Stripe's dashboard, metadata and all."""
    first = live.subscription(payment)
    params: Any = {
        "customer": first.customer, "default_payment_method": first.default_payment_method,
        "metadata": first.metadata.to_dict(), "items": [{"price": first["items"].data[0].price.id}],
    }  # fmt: skip
    made = live.stripe.v1.subscriptions.create(params)
    live.keep_up()
    return made


def test_a_second_subscription_of_a_mandate_is_a_break_and_its_money_is_the_mandates(live: Desk) -> None:
    payment, mandate = sign_up(live)
    first = live.subscription(payment).id
    live.advance(DAY)
    second = second_subscription(live, payment)
    assert not InboxEvent.objects.exclude(state=EventState.HANDLED).exists()
    assert Subscription.objects.get().subscription_id == first
    reconciliation.reconcile(live.account)
    found = Break.objects.get(cause=Cause.SUBSCRIPTION_DOUBLED)
    assert (found.subject, found.amount_minor, found.facts["subscription"]) == (second.id, 0, first)
    page = staff.at_desk(Role.FINANCE, live.kit.entity).get(f"/desk/{live.kit.entity.slug}/breaks/{found.uuid}/")
    text = page.content.decode()
    assert "Cancel the second one" in text
    assert second.id in text
    assert f'mandates/{mandate.uuid}/">Mandate {mandate.reference}</a>' in text
    live.until_next_collection(payment, DAY)
    received = mandate.donations.filter(state=DonationState.RECEIVED)
    assert (received.count(), len(live.charges())) == (4, 4)
    live.stripe.v1.subscriptions.cancel(second.id)
    live.keep_up()
    mandate.refresh_from_db()
    assert mandate.state == MandateState.ACTIVE
    reconciliation.reconcile(live.account)
    found.refresh_from_db()
    assert found.state == BreakState.GONE
    assert_books_agree(live)


def test_what_a_second_subscription_collects_after_the_end_of_its_mandate_waits_in_suspense(live: Desk) -> None:
    payment, mandate = sign_up(live)
    live.advance(DAY)
    second_subscription(live, payment)
    live.stripe.v1.subscriptions.cancel(live.subscription(payment).id)
    live.keep_up()
    mandate.refresh_from_db()
    assert mandate.state == MandateState.ENDED
    live.advance(32 * DAY)
    assert (mandate.donations.count(), len(live.charges())) == (2, 3)
    in_suspense = Bucket(live.kit.entity.pk, Purpose.SUSPENSE, "EUR")
    assert ledger.balance(in_suspense).minor == -5_000
    reconciliation.reconcile(live.account)
    assert Break.objects.filter(cause=Cause.SUBSCRIPTION_DOUBLED, state=BreakState.OPEN).exists()


def test_the_end_of_a_second_subscription_is_learnt_from_stripes_list_too(live: Desk) -> None:
    payment, _mandate = sign_up(live)
    second = second_subscription(live, payment)
    live.stripe.v1.subscriptions.cancel(second.id)  # and no event of it
    sync.sync_mandates(live.account)
    assert SecondSubscription.objects.get().status == "canceled"
    assert list(subscriptions.second_ones(live.account)) == []


def test_an_invoice_of_a_mandate_that_nobody_knows_does_nothing(live: Desk) -> None:
    payment, _mandate = sign_up(live)
    invoice: Any = live.stripe.v1.invoices.retrieve(live.subscription(payment).latest_invoice).to_dict(for_json=True)
    for metadata in ({"mandate": str(uuid4())}, {"mandate": "no uuid"}, {}):
        invoice["parent"]["subscription_details"]["metadata"] = metadata
        live.deliver([event_of("invoice.paid", {**invoice, "id": "in_strange"})])
    handle_all()
    assert Payment.objects.count() == 1


def test_finance_ends_a_mandate_from_its_page_and_nobody_else_does(live: Desk) -> None:
    _payment, mandate = sign_up(live)
    address = reverse("admin:fundraising_mandate_end", args=[mandate.pk])
    for role, client in ((role, staff.everywhere(role)) for role in ("campaigner", "finance")):
        page = client.get(address)
        if role == "campaigner":
            assert page.status_code in {302, 403}
            assert client.post(address, {"uuid": str(uuid4())}).status_code in {302, 403}
            continue
        assert mandate.reference in page.content.decode()
        answer = client.post(address, {"uuid": str(uuid4())}, follow=True)
        assert "The mandate has ended" in answer.content.decode()
        again = client.post(address, {"uuid": str(uuid4())})
        assert "has ended already" in again.content.decode()
    mandate.refresh_from_db()
    assert (mandate.state, mandate.end_reason) == (MandateState.ENDED, MandateEnd.STAFF)
    assert mandate.changes.get().asked_by == "finance"
