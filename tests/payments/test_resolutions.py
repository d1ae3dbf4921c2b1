"""Breaks at Stripe: what detectors find is mended by a resolution, and found no more."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from fundraising import audit, donations, ledger
from fundraising.breaks.resolutions import RESOLUTIONS as OF_BOOKS
from fundraising.breaks.resolving import NoAnswer, NotResolvable, resolve, seen
from fundraising.donations import in_transaction
from fundraising.ledger import Bucket, balance
from fundraising.models import Break, BreakState, Cause, Donation, Posting, Purpose
from fundraising.money import Money
from payments import gateway
from payments.breaks import reconciliation
from payments.breaks import resolutions as of_stripe
from payments.models import BalanceTransaction, Payout, RefundRequest, StripeAccount
from payments.sweeps import settlement
from tests import databases, factories
from tests.factories import PROVIDER, AppealKit
from tests.payments.desk import add_rates
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db
BY_CODE = {resolution.code: of_stripe.unless_returned(resolution) for resolution in [*OF_BOOKS, *of_stripe.RESOLUTIONS]}
DAY = timezone.now() - timedelta(days=3)


@pytest.fixture
def kit() -> AppealKit:
    kit = factories.make_appeal()
    kit.entity.currency = "EUR"
    kit.entity.approval_above_minor = 1_000_000
    kit.entity.save()
    return kit


@pytest.fixture
def account(kit: AppealKit) -> StripeAccount:
    return StripeAccount.objects.create(slug=PROVIDER, entity=kit.entity, api_key="sk_test_x")


@pytest.fixture
def marta() -> User:
    return User.objects.create_user("marta")


def line_of(account: StripeAccount, charge_id: str, amount: int = 5_000, fee: int = 175) -> BalanceTransaction:
    """Stripe's line of a charge, kept and not booked."""
    return BalanceTransaction.objects.create(
        account=account, txn_id=f"txn_{charge_id}", type="charge", reporting_category="charge", source=charge_id,
        currency="EUR", amount_minor=amount, fee_minor=fee, net_minor=amount - fee, created_at=DAY, available_on=DAY,
    )  # fmt: skip


def received(kit: AppealKit, minor: int = 5_000) -> tuple[Donation, str]:
    donation, key = factories.received_donation(kit, amount=Money(minor, "EUR"), at=DAY)
    return donation, key.removeprefix("charge:")


def only_break(account: StripeAccount) -> Break:
    reconciliation.reconcile(account)
    return Break.objects.get(state=BreakState.OPEN)


def nothing_found(account: StripeAccount) -> bool:
    reconciliation.reconcile(account)
    return not Break.objects.filter(state=BreakState.OPEN).exists()


def done(found: Break, code: str, by: User, **choice: str) -> Break:
    return resolve(found, BY_CODE[code], by=by, reason="As Stripe says", choice=choice, as_seen=seen(found))


def at_provider(kit: AppealKit) -> int:
    return balance(Bucket(kit.entity.pk, Purpose.PROVIDER, "EUR", provider=PROVIDER)).minor


def in_clearing(kit: AppealKit) -> int:
    return balance(Bucket(kit.entity.pk, Purpose.CLEARING, "EUR", provider=PROVIDER)).minor


def books_agree() -> bool:
    return all(check.ok for check in audit.checks())


def test_clean_books_have_nothing_to_resolve(kit: AppealKit, account: StripeAccount) -> None:
    _donation, charge = received(kit)
    line_of(account, charge)
    settlement.book_kept(account)
    assert nothing_found(account)


def test_a_wrong_fee_is_mended_by_the_difference(kit: AppealKit, account: StripeAccount, marta: User) -> None:
    _donation, charge = received(kit)
    line = line_of(account, charge, fee=100)
    settlement.book_kept(account)
    BalanceTransaction.objects.filter(pk=line.pk).update(fee_minor=175, net_minor=4_825)
    found = only_break(account)
    assert found.cause == Cause.FEE_DIFFERS
    resolved = done(found, "take_theirs", marta)
    assert resolved.entry
    assert resolved.entry.key == f"mended:1:txn:txn_{charge}"
    assert (at_provider(kit), in_clearing(kit)) == (4_825, 0)
    assert nothing_found(account)
    assert books_agree()


def test_a_wrong_amount_is_mended_and_the_donation_counts_at_what_was_charged(
    kit: AppealKit, account: StripeAccount, marta: User
) -> None:
    donation, charge = received(kit, 5_500)
    settlement.book_kept(account)
    line_of(account, charge, amount=5_500)
    settlement.book_kept(account)
    BalanceTransaction.objects.update(amount_minor=5_000, net_minor=4_825)
    found = only_break(account)
    assert (found.cause, found.amount) == (Cause.AMOUNT_DIFFERS, Money(500, "EUR"))
    done(found, "take_theirs", marta)
    donation.refresh_from_db()
    assert (donation.amount_minor, donation.announced_minor) == (5_000, 5_500)
    assert donations.net_received(donation) == Money(5_000, "EUR")
    assert (at_provider(kit), in_clearing(kit)) == (4_825, 0)
    assert nothing_found(account)
    assert books_agree()


def test_a_difference_that_was_mended_meanwhile_is_not_mended_twice(
    kit: AppealKit, account: StripeAccount, marta: User
) -> None:
    _donation, charge = received(kit)
    line_of(account, charge, fee=100)
    settlement.book_kept(account)
    BalanceTransaction.objects.update(fee_minor=175, net_minor=4_825)
    found = only_break(account)
    assert of_stripe._take_theirs(found, {}, marta) is not None
    assert of_stripe._take_theirs(found, {}, marta) is None
    assert at_provider(kit) == 4_825


def test_a_second_difference_adds_a_second_mend(kit: AppealKit, account: StripeAccount, marta: User) -> None:
    _donation, charge = received(kit)
    line_of(account, charge, fee=100)
    settlement.book_kept(account)
    for fee in (175, 180):
        BalanceTransaction.objects.update(fee_minor=fee, net_minor=5_000 - fee)
        done(only_break(account), "take_theirs", marta)
    assert at_provider(kit) == 4_820
    assert nothing_found(account)


def test_a_line_that_was_never_booked_is_booked(kit: AppealKit, account: StripeAccount, marta: User) -> None:
    _donation, charge = received(kit)
    line_of(account, charge)
    found = only_break(account)
    assert found.cause == Cause.AMOUNT_DIFFERS
    done(found, "take_theirs", marta)
    assert at_provider(kit) == 4_825
    assert nothing_found(account)


def test_an_entry_that_stripe_does_not_know_is_reversed(kit: AppealKit, account: StripeAccount, marta: User) -> None:
    donation, _charge = received(kit)
    found = only_break(account)
    assert found.cause == Cause.UNKNOWN_TO_PROVIDER
    done(found, "reverse", marta)
    donation.refresh_from_db()
    assert (donation.state, in_clearing(kit)) == ("opened", 0)
    assert nothing_found(account)
    assert books_agree()


def charged(charge_id: str, donation: Donation | None = None, minor: int = 5_000) -> dict[str, Any]:
    """A charge as Stripe tells it."""
    return {
        "id": charge_id, "object": "charge", "status": "succeeded", "captured": True, "customer": None,
        "amount_captured": minor, "currency": "eur", "created": int(DAY.timestamp()), "payment_intent": None,
        "metadata": {"payment": str(donation.payments.get().uuid)} if donation else {}, "payment_method_details": {},
    }  # fmt: skip


def test_a_missing_charge_is_fetched_and_booked(
    kit: AppealKit, account: StripeAccount, marta: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    donation = factories.open_donation(kit)
    donation.payments.create(account=account)
    line_of(account, "ch_1")
    found = only_break(account)
    assert found.cause == Cause.CHARGE_MISSING
    monkeypatch.setattr(gateway, "get_charge", lambda _account, charge_id: charged(charge_id, donation))
    done(found, "fetch", marta)
    donation.refresh_from_db()
    assert (donation.state, at_provider(kit)) == ("received", 4_825)
    assert nothing_found(account)


def test_when_stripe_does_not_answer_the_break_stays_open(
    kit: AppealKit, account: StripeAccount, marta: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(_account: StripeAccount, _charge_id: str) -> dict[str, Any]:
        raise gateway.Unavailable("no connection")

    line_of(account, "ch_1")
    found = only_break(account)
    monkeypatch.setattr(gateway, "get_charge", silent)
    with pytest.raises(NoAnswer):
        done(found, "fetch", marta)
    assert Break.objects.get().state == BreakState.OPEN


def doubled(kit: AppealKit, account: StripeAccount) -> Break:
    """A donation charged twice: the second charge is in suspense."""
    donation, charge = received(kit)
    donation.payments.create(account=account, charge_id="ch_second", state="succeeded")
    donations.receive_donation(donation.uuid, key="charge:ch_second", amount=donation.amount, at=DAY, provider=PROVIDER)
    for charge_id in (charge, "ch_second"):
        line_of(account, charge_id)
    settlement.book_kept(account)
    return only_break(account)


def test_a_doubled_charge_is_wanted_back_once(kit: AppealKit, account: StripeAccount, marta: User) -> None:
    found = doubled(kit, account)
    assert found.cause == Cause.CHARGE_DOUBLED
    done(found, "refund", marta)
    wanted = RefundRequest.objects.get()
    assert (wanted.charge_id, wanted.amount_minor, wanted.state) == ("ch_second", 5_000, "wanted")
    with pytest.raises(NotResolvable, match="under_way"):
        of_stripe._book_refund(found, {}, marta)


@pytest.mark.parametrize("ending", ["refused", "failed later"])
def test_a_doubled_charge_whose_refund_came_to_nothing_can_be_given_back_again(
    kit: AppealKit, account: StripeAccount, marta: User, ending: str
) -> None:
    found = doubled(kit, account)
    of_stripe._book_refund(found, {}, marta)
    if ending == "refused":
        RefundRequest.objects.update(state="refused", error_code="charge_disputed")
    else:
        RefundRequest.objects.update(state="made", refund_id="re_1")
        key, charge, at = "refund:re_1", "charge:ch_second", timezone.now()
        donations.refund_donation(key=key, charge_key=charge, amount=Money(5_000, "EUR"), at=at)
        of_stripe._book_refund(found, {}, marta)
        assert RefundRequest.objects.count() == 1  # as long as it stands
        donations.undo_refund(key=key, charge_key=charge, at=at)
    of_stripe._book_refund(found, {}, marta)
    assert list(RefundRequest.objects.order_by("pk").values_list("state", flat=True)[1:]) == ["wanted"]
    with pytest.raises(NotResolvable, match="under_way"):
        of_stripe._book_refund(found, {}, marta)


@pytest.mark.parametrize("code", ["to_donation", "other_income", "refund"])
@pytest.mark.parametrize("minor", [2_000, 5_000])
def test_money_in_suspense_that_went_back_since_it_was_found_is_not_booked_a_second_time(
    kit: AppealKit, account: StripeAccount, marta: User, code: str, minor: int
) -> None:
    found = doubled(kit, account)
    RefundRequest.objects.create(
        account=account,
        charge_id="ch_second",
        refund_id="re_1",
        state="made",
        currency="EUR",
        amount_minor=minor,
        reason="duplicate",
        asked_by="marta",
    )
    donations.refund_donation(
        key="refund:re_1", charge_key="charge:ch_second", amount=Money(minor, "EUR"), at=timezone.now()
    )
    other, _charge = factories.received_donation(kit, email="other@example.org")
    before = Posting.objects.count()
    with pytest.raises(NotResolvable, match="partly_returned"):
        done(found, code, marta, donation=str(other.uuid))
    assert (Posting.objects.count(), RefundRequest.objects.count()) == (before, 1)


@pytest.mark.django_db(transaction=True)
def test_a_refund_that_is_being_booked_is_waited_for_before_its_charge_is_booked_to_something_else(
    kit: AppealKit, account: StripeAccount, marta: User
) -> None:
    found, refunded, looked = doubled(kit, account), Event(), Event()

    def refund() -> None:
        try:
            with in_transaction:
                amount, at = Money(5_000, "EUR"), timezone.now()
                donations.refund_donation(key="refund:re_1", charge_key="charge:ch_second", amount=amount, at=at)
                refunded.set()
                wait_until(databases.somebody_waits, 60, "the resolution waits")
                looked.set()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        refunding = pool.submit(refund)
        assert refunded.wait(60)
        with pytest.raises(NotResolvable, match="partly_returned"):
            done(found, "other_income", marta)
        refunding.result()
    assert looked.is_set()
    assert not ledger.booked("assigned:charge:ch_second")


def test_once_the_refund_is_booked_nothing_is_found(kit: AppealKit, account: StripeAccount, marta: User) -> None:
    found = doubled(kit, account)
    done(found, "refund", marta)
    RefundRequest.objects.update(state="made", refund_id="re_1")
    donations.refund_donation(
        key="refund:re_1", charge_key="charge:ch_second", amount=Money(5_000, "EUR"), at=timezone.now()
    )
    assert nothing_found(account)
    assert books_agree()


def test_a_foreign_charge_becomes_other_income_and_is_found_no_more(
    kit: AppealKit, account: StripeAccount, marta: User
) -> None:
    donations.book_unmatched(
        key="charge:ch_1", entity_id=kit.entity.pk, amount=Money(5_000, "EUR"), at=DAY, provider=PROVIDER
    )
    line_of(account, "ch_1")
    settlement.book_kept(account)
    found = only_break(account)
    assert found.cause == Cause.CHARGE_FOREIGN
    done(found, "other_income", marta)
    assert (at_provider(kit), in_clearing(kit)) == (4_825, 0)
    assert nothing_found(account)


def test_a_line_of_a_kind_nobody_knows_becomes_other_income(
    kit: AppealKit, account: StripeAccount, marta: User
) -> None:
    BalanceTransaction.objects.create(
        account=account, txn_id="txn_odd", type="something_new", reporting_category="other", source="", currency="EUR",
        amount_minor=700, fee_minor=0, net_minor=700, created_at=DAY, available_on=DAY,
    )  # fmt: skip
    settlement.book_kept(account)
    found = only_break(account)
    assert found.cause == Cause.SUSPENSE
    done(found, "other_income", marta)
    assert at_provider(kit) == 700
    assert nothing_found(account)


def test_a_payout_is_itemised_again(
    kit: AppealKit, account: StripeAccount, marta: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = datetime(2026, 7, 1, tzinfo=UTC)
    Payout.objects.create(
        account=account, payout_id="po_1", currency="EUR", amount_minor=700, status="paid", status_at=at,
        created_at=at, arrival_on=at.date(), itemised_at=at,
    )  # fmt: skip
    found = only_break(account)
    assert found.cause == Cause.PAYOUT_LINE_MISSING
    line: dict[str, Any] = {
        "id": "txn_1", "type": "stripe_fee", "reporting_category": "fee", "source": None, "currency": "eur",
        "amount": 700, "fee": 0, "net": 700, "created": int(at.timestamp()), "available_on": int(at.timestamp()),
        "fee_details": [],
    }  # fmt: skip
    monkeypatch.setattr(gateway, "each", lambda *_args, **_options: iter([line]))
    done(found, "itemise", marta)
    assert nothing_found(account)


def exchanged(kit: AppealKit, account: StripeAccount, fee: int = 150) -> tuple[Donation, BalanceTransaction]:
    """50.00 USD that Stripe settled as 45.00 EUR."""
    add_rates()
    donation, key = factories.received_donation(kit, amount=Money(5_000, "USD"), at=DAY)
    line = line_of(account, key.removeprefix("charge:"), amount=4_500, fee=fee)
    BalanceTransaction.objects.filter(pk=line.pk).update(exchange_rate="0.9")
    settlement.book_kept(account)
    assert nothing_found(account)
    return donation, line


def bridge(kit: AppealKit, donation: Donation, currency: str) -> int:
    """What the exchange's account holds of the donation's fund, whatever its round."""
    postings = Posting.objects.filter(account__entity=kit.entity, account__purpose=Purpose.FX, currency=currency)
    return sum(postings.filter(account__fund=donation.fund_id).values_list("amount_minor", flat=True))


def test_a_wrong_fee_of_exchanged_money_is_mended_and_the_exchange_stays(
    kit: AppealKit, account: StripeAccount, marta: User
) -> None:
    donation, line = exchanged(kit, account)
    BalanceTransaction.objects.filter(pk=line.pk).update(fee_minor=170, net_minor=4_330)
    found = only_break(account)
    assert found.cause == Cause.FEE_DIFFERS
    done(found, "take_theirs", marta)
    donation.refresh_from_db()
    assert (at_provider(kit), bridge(kit, donation, "USD"), bridge(kit, donation, "EUR")) == (4_330, 5_000, -4_500)
    assert donation.amount == Money(5_000, "USD")
    assert nothing_found(account)
    assert books_agree()


def test_another_rate_than_booked_moves_the_exchange_and_never_the_donation(
    kit: AppealKit, account: StripeAccount, marta: User
) -> None:
    donation, line = exchanged(kit, account)
    BalanceTransaction.objects.filter(pk=line.pk).update(exchange_rate="0.92", amount_minor=4_600, net_minor=4_450)
    found = only_break(account)
    assert (found.cause, found.amount) == (Cause.AMOUNT_DIFFERS, Money(-100, "EUR"))
    resolved = done(found, "take_theirs", marta)
    assert resolved.entry
    assert {posting.currency for posting in resolved.entry.postings.all()} == {"EUR"}
    donation.refresh_from_db()
    assert (at_provider(kit), bridge(kit, donation, "USD"), bridge(kit, donation, "EUR")) == (4_450, 5_000, -4_600)
    assert donations.net_received(donation) == Money(5_000, "USD")
    assert nothing_found(account)
    assert books_agree()


def test_what_was_mended_of_exchanged_money_is_not_mended_twice(
    kit: AppealKit, account: StripeAccount, marta: User
) -> None:
    _donation, line = exchanged(kit, account)
    BalanceTransaction.objects.filter(pk=line.pk).update(fee_minor=170, net_minor=4_330)
    found = only_break(account)
    assert of_stripe._take_theirs(found, {}, marta) is not None
    assert of_stripe._take_theirs(found, {}, marta) is None
    assert at_provider(kit) == 4_330


def test_a_charge_that_its_rate_does_not_explain_is_left_to_people(
    kit: AppealKit, account: StripeAccount, marta: User
) -> None:
    _donation, line = exchanged(kit, account)
    BalanceTransaction.objects.filter(pk=line.pk).update(amount_minor=5_400, net_minor=5_250)  # as of 60.00 USD
    found = only_break(account)
    with pytest.raises(NotResolvable, match="other_currency"):
        of_stripe._take_theirs(found, {}, marta)
    assert at_provider(kit) == 4_350


def test_a_settlement_in_another_currency_is_left_to_people(
    kit: AppealKit, account: StripeAccount, marta: User
) -> None:
    donation, charge = received(kit)
    line = line_of(account, charge)
    settlement.book_kept(account)
    BalanceTransaction.objects.filter(pk=line.pk).update(currency="USD")
    found = Break(entity=kit.entity, cause=Cause.AMOUNT_DIFFERS, subject=charge, facts={"line": line.txn_id})
    with pytest.raises(NotResolvable, match="other_currency"):
        of_stripe._take_theirs(found, {}, marta)
    assert ledger.booked(f"mended:1:charge:{charge}") is None
    assert donation.amount_minor == 5_000
