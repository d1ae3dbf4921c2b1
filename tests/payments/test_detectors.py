"""What reconciliation finds: each difference is planted by itself, beside a clean account that shows none."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from fundraising import donations, ledger
from fundraising.bank.matching import match_line, undo_match
from fundraising.breaks import Finding
from fundraising.ledger import Bucket
from fundraising.models import (
    BankAccount,
    BankLine,
    Break,
    BreakState,
    Cause,
    Donation,
    Match,
    MatchKind,
    Purpose,
)
from fundraising.money import Money
from payments import facts
from payments.bank.matching import account_of
from payments.breaks import detectors, reconciliation
from payments.breaks.reconciliation import DayState
from payments.models import (
    BalanceTransaction,
    Payment,
    PaymentState,
    Payout,
    RefundReason,
    RefundRequest,
    RefundState,
    StripeAccount,
)
from payments.sweeps import settlement
from tests import factories
from tests.factories import AppealKit
from tests.payments.desk import make_account

pytestmark = pytest.mark.django_db

AT = (timezone.now() - timedelta(days=20)).replace(hour=12, microsecond=0)
ARRIVED = (AT + timedelta(days=3)).date()


@pytest.fixture
def kit() -> AppealKit:
    return factories.make_appeal()


@pytest.fixture
def account(kit: AppealKit) -> StripeAccount:
    return make_account(kit)


@pytest.fixture
def bank(kit: AppealKit) -> BankAccount:
    return BankAccount.objects.create(
        entity=kit.entity, slug=f"bank-{factories.next_number()}", name="Bank", iban="DE1", currency="EUR"
    )


@pytest.fixture
def clean(kit: AppealKit, account: StripeAccount, bank: BankAccount) -> Payout:
    """Two donations, charged, settled, paid out and in the bank."""
    lines = [charged(kit, account, minor)[1] for minor in (5_000, 3_000)]
    payout = paid_out(account, lines)
    arrive(bank, payout)
    assert found(account) == []
    return payout


def charged(
    kit: AppealKit, account: StripeAccount, minor: int, *, currency: str = "EUR", rate: str = ""
) -> tuple[Donation, BalanceTransaction]:
    """A donation that was charged and settled."""
    donation = factories.open_donation(kit, amount=Money(minor, currency))
    charge_id = f"ch_{factories.next_number()}"
    Payment.objects.create(donation=donation, account=account, state=PaymentState.SUCCEEDED, charge_id=charge_id)
    donations.receive_donation(
        donation.uuid, key=f"charge:{charge_id}", amount=donation.amount, at=AT, provider=account.slug
    )
    amount = int(minor * Decimal(rate)) if rate else minor
    return donation, line(account, "charge", amount, source=charge_id, fee=100, rate=rate)


def line(
    account: StripeAccount, kind: str, amount: int, *, source: str = "", fee: int = 0, rate: str = "", **more: Any
) -> BalanceTransaction:
    """A line of Stripe's, kept and booked."""
    categories = {"stripe_fee": "fee", "adjustment": "other_adjustment"}
    kept = BalanceTransaction.objects.create(
        account=account, txn_id=f"txn_{factories.next_number()}", type=kind, source=source,
        reporting_category=categories.get(kind, kind), currency="EUR", amount_minor=amount, fee_minor=fee,
        net_minor=amount - fee, exchange_rate=Decimal(rate) if rate else None, created_at=AT, available_on=AT, **more,
    )  # fmt: skip
    settlement.book_kept(account)
    return kept


def paid_out(account: StripeAccount, lines: list[BalanceTransaction], **said: Any) -> Payout:
    """A payout of these lines, itemised, with the line of its own."""
    payout = Payout.objects.create(**{
        "account": account, "payout_id": f"po_{factories.next_number()}", "currency": "EUR",
        "amount_minor": sum(one.net_minor for one in lines), "status": "paid", "reconciliation": "completed",
        "status_at": AT, "created_at": AT, "arrival_on": ARRIVED, "itemised_at": AT, **said,
    })  # fmt: skip
    BalanceTransaction.objects.filter(pk__in=[one.pk for one in lines]).update(payout_id=payout.payout_id)
    line(account, "payout", -payout.amount_minor, source=payout.payout_id, payout_id=payout.payout_id)
    return payout


def in_bank(bank: BankAccount, minor: int, *, content: str = "", occurrence: int = 1) -> BankLine:
    """A bank line, booked as an import does, and explained by nothing."""
    key = f"bank:{bank.slug}:{factories.next_number()}"
    posted = ledger.post(
        key=key,
        legs={
            Bucket(bank.entity_id, Purpose.BANK, bank.currency, provider=bank.slug): minor,
            Bucket(bank.entity_id, Purpose.SUSPENSE, bank.currency, provider=bank.slug): -minor,
        },
        occurred_at=AT,
    )
    return BankLine.objects.create(
        bank_account=bank, content=content or key, occurrence=occurrence, booked_on=ARRIVED, amount_minor=minor,
        unexplained_minor=minor, entry_id=posted.entry_id,
    )  # fmt: skip


def arrive(bank: BankAccount, payout: Payout, *, content: str = "") -> Match:
    """The payout on a bank line, matched."""
    came = in_bank(bank, payout.amount_minor, content=content)
    return match_line(
        came, kind=MatchKind.PAYOUT, amount_minor=came.amount_minor, by=None, key=payout.payout_id,
        account=account_of(payout),
    )  # fmt: skip


def found(account: StripeAccount) -> list[tuple[Cause, str, int]]:
    return [(one.cause, one.subject, one.amount.minor) for one in detectors.findings(account)]


def only(account: StripeAccount) -> Finding:
    [finding] = detectors.findings(account)
    return finding


def execute(statement: str, *parameters: Any) -> None:
    """Past the rules of the database, as no verb can."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement, parameters)
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")


def lose(*keys: str) -> None:
    """The books lose entries."""
    for table in ("posting", "tally"):
        execute(
            f"DELETE FROM fundraising_{table} WHERE entry_id IN (SELECT id FROM fundraising_entry WHERE key = ANY(%s))",
            [*keys],
        )
    execute("DELETE FROM fundraising_entry WHERE key = ANY(%s)", [*keys])


# --- charges and lines


def test_a_charge_that_the_books_have_not_is_missing(kit: AppealKit, account: StripeAccount, clean: Payout) -> None:
    _donation, kept = charged(kit, account, 2_000)
    lose(f"charge:{kept.source}", f"txn:{kept.txn_id}")
    assert found(account) == [(Cause.CHARGE_MISSING, kept.source, -2_000)]


def test_a_charge_of_this_hour_has_its_time(kit: AppealKit, account: StripeAccount) -> None:
    kept = line(account, "charge", 2_000, source="ch_new")
    BalanceTransaction.objects.filter(pk=kept.pk).update(created_at=timezone.now())
    assert found(account) == []
    BalanceTransaction.objects.filter(pk=kept.pk).update(created_at=timezone.now() - timedelta(hours=2))
    assert found(account) == [(Cause.CHARGE_MISSING, "ch_new", -2_000)]


def charge_at_stripe(charge_id: str, payment: Payment | None, minor: int = 5_000) -> dict[str, Any]:
    return {
        "id": charge_id, "status": "succeeded", "captured": True, "amount_captured": minor, "currency": "eur",
        "created": int(AT.timestamp()), "metadata": {"payment": str(payment.uuid)} if payment else {},
        "payment_intent": f"pi_{charge_id}", "customer": None, "payment_method_details": {"type": "card", "card": {}},
    }  # fmt: skip


def test_a_second_charge_of_a_donation_is_named_so_and_is_over_when_it_is_given_back(
    kit: AppealKit, account: StripeAccount, clean: Payout
) -> None:
    donation, _kept = charged(kit, account, 5_000)
    payment = Payment.objects.get(donation=donation)
    for _ in range(2):
        facts.book_charge(account, charge_at_stripe("ch_twice", payment))
    line(account, "charge", 5_000, source="ch_twice", fee=100)
    finding = only(account)
    assert (finding.cause, finding.subject, finding.amount.minor) == (Cause.CHARGE_DOUBLED, "ch_twice", 5_000)
    assert finding.donation_id == donation.pk
    donations.refund_donation(key="refund:re_1", charge_key="charge:ch_twice", amount=Money(5_000, "EUR"), at=AT)
    assert found(account) == []


def test_a_foreign_charge_is_named_so_until_what_we_asked_back_of_it_is_all(
    kit: AppealKit, account: StripeAccount, clean: Payout
) -> None:
    facts.book_charge(account, charge_at_stripe("ch_shop", None))
    line(account, "charge", 5_000, source="ch_shop", fee=100)
    assert found(account) == [(Cause.CHARGE_FOREIGN, "ch_shop", 5_000)]
    donation = Donation.objects.first()
    RefundRequest.objects.create(
        account=account, charge_id="ch_shop", donation=donation, currency="EUR", amount_minor=2_000,
        state=RefundState.MADE, reason=RefundReason.DUPLICATE, refund_id="re_part",
    )  # fmt: skip
    donations.refund_donation(key="refund:re_part", charge_key="charge:ch_shop", amount=Money(2_000, "EUR"), at=AT)
    assert found(account) == [(Cause.CHARGE_FOREIGN, "ch_shop", 3_000)]


def move(key: str, **by: int) -> None:
    for purpose, minor in by.items():
        execute(
            "UPDATE fundraising_posting p SET amount_minor = p.amount_minor + %s FROM fundraising_entry e,"
            " fundraising_account a WHERE e.id = p.entry_id AND a.id = p.account_id AND e.key = %s AND a.purpose = %s",
            minor, key, purpose,
        )  # fmt: skip


def test_a_charge_booked_with_another_amount_differs(kit: AppealKit, account: StripeAccount, clean: Payout) -> None:
    _donation, kept = charged(kit, account, 2_000)
    move(f"charge:{kept.source}", clearing=500, donations=-500)
    move(f"txn:{kept.txn_id}", clearing=-500, provider=500)
    assert found(account) == [(Cause.AMOUNT_DIFFERS, kept.source, 500)]


def test_a_settlement_of_less_than_the_charge_differs(kit: AppealKit, account: StripeAccount, clean: Payout) -> None:
    _donation, kept = charged(kit, account, 2_000)
    move(f"charge:{kept.source}", clearing=300, donations=-300)
    assert found(account) == [(Cause.AMOUNT_DIFFERS, kept.source, 300)]


@pytest.mark.parametrize(("currency", "minor", "rate"), [("USD", 5_500, "0.909090909"), ("JPY", 16_000, "0.00625")])
def test_where_stripe_exchanged_the_amount_is_held_against_its_rate(
    kit: AppealKit, account: StripeAccount, currency: str, minor: int, rate: str
) -> None:
    of_minor_units = str(Decimal(rate) * (100 if currency == "JPY" else 1))
    for told in {rate, of_minor_units}:
        _donation, kept = charged(kit, account, minor, currency=currency, rate=of_minor_units)
        BalanceTransaction.objects.filter(pk=kept.pk).update(exchange_rate=Decimal(told))
        assert found(account) == []
    move(f"charge:{kept.source}", clearing=500, donations=-500)
    move(f"txn:{kept.txn_id}", clearing=-500)
    [(cause, subject, off)] = found(account)
    assert (cause, subject) == (Cause.AMOUNT_DIFFERS, kept.source)
    assert off > 0


def test_a_fee_that_stripe_names_otherwise_now_differs(kit: AppealKit, account: StripeAccount, clean: Payout) -> None:
    _donation, kept = charged(kit, account, 2_000)
    BalanceTransaction.objects.filter(pk=kept.pk).update(fee_minor=130, net_minor=1_870)
    assert found(account) == [(Cause.FEE_DIFFERS, kept.source, 30)]


def test_a_line_of_stripes_own_that_is_booked_otherwise_differs(account: StripeAccount, clean: Payout) -> None:
    kept = line(account, "stripe_fee", -250)
    assert found(account) == []
    move(f"txn:{kept.txn_id}", provider=-50, fees=50)
    assert found(account) == [(Cause.AMOUNT_DIFFERS, kept.txn_id, -50)]


def test_a_charge_that_stripe_does_not_know_is_told_of_after_a_day(
    kit: AppealKit, account: StripeAccount, clean: Payout
) -> None:
    donation = factories.open_donation(kit)
    donations.receive_donation(
        donation.uuid, key="charge:ch_dream", amount=donation.amount, at=AT, provider=account.slug
    )
    assert found(account) == [(Cause.UNKNOWN_TO_PROVIDER, "ch_dream", 5_000)]
    recent = factories.open_donation(kit)
    donations.receive_donation(
        recent.uuid, key="charge:ch_new", amount=recent.amount, at=timezone.now(), provider=account.slug
    )
    assert [subject for _cause, subject, _off in found(account)] == ["ch_dream"]


def test_a_settlement_that_stripe_does_not_know_is_told_of(
    kit: AppealKit, account: StripeAccount, clean: Payout
) -> None:
    _donation, kept = charged(kit, account, 2_000)
    BalanceTransaction.objects.filter(pk=kept.pk).update(txn_id="txn_other")
    causes = {(cause, subject) for cause, subject, _off in found(account)}
    assert (Cause.UNKNOWN_TO_PROVIDER, kept.txn_id) in causes


def test_a_line_that_nobody_knows_is_in_suspense(account: StripeAccount, clean: Payout) -> None:
    kept = line(account, "adjustment", -700)
    assert found(account) == [(Cause.SUSPENSE, f"txn:{kept.txn_id}", -700)]


# --- payouts


def test_a_payout_that_is_not_the_sum_of_its_lines_misses_one(
    kit: AppealKit, account: StripeAccount, bank: BankAccount, clean: Payout
) -> None:
    BalanceTransaction.objects.filter(amount_minor=3_000).update(payout_id="")
    assert found(account) == [(Cause.PAYOUT_LINE_MISSING, clean.payout_id, -2_900)]


def test_payouts_in_whole_units_may_leave_a_fraction(kit: AppealKit, account: StripeAccount) -> None:
    _donation, kept = charged(kit, account, 5_050)
    payout = paid_out(account, [kept])
    for currency, off, count in (("HUF", 50, 0), ("HUF", 150, 1), ("EUR", 50, 1)):
        Payout.objects.filter(pk=payout.pk).update(currency=currency, amount_minor=payout.amount_minor - off)
        assert len([*detectors.payouts_and_lines(account)]) == count, (currency, off)


def test_a_payout_made_by_hand_and_a_failed_one_that_was_never_itemised_miss_no_line(account: StripeAccount) -> None:
    paid_out(account, [], amount_minor=1_000, automatic=False, itemised_at=None, reconciliation="not_applicable")
    paid_out(account, [], amount_minor=1_000, status="failed", itemised_at=None, reconciliation="in_progress")
    assert [*detectors.payouts_and_lines(account)] == []


def test_a_payout_whose_lines_never_came_is_told_of(account: StripeAccount) -> None:
    payout = paid_out(account, [], amount_minor=1_000, itemised_at=None, reconciliation="in_progress")
    assert found(account) == [(Cause.PAYOUT_LINE_MISSING, payout.payout_id, -1_000)]


def test_a_payout_that_the_bank_does_not_show_in_time_is_told_of(
    account: StripeAccount, bank: BankAccount, clean: Payout
) -> None:
    match = Match.objects.get()
    undo_match(match, by=User.objects.create_user("finance"), reason="wrong")
    assert (Cause.PAYOUT_NOT_IN_BANK, clean.payout_id, -7_800) in found(account)
    Payout.objects.filter(pk=clean.pk).update(arrival_on=timezone.now().date() - timedelta(days=2))
    assert Cause.PAYOUT_NOT_IN_BANK not in {cause for cause, _subject, _off in found(account)}


def test_without_a_bank_account_of_the_currency_nobody_waits_for_the_bank(
    kit: AppealKit, account: StripeAccount
) -> None:
    paid_out(account, [charged(kit, account, 2_000)[1]])
    assert found(account) == []


def test_a_negative_payout_is_a_line_that_takes_money(
    kit: AppealKit, account: StripeAccount, bank: BankAccount, clean: Payout
) -> None:
    payout = paid_out(account, [line(account, "stripe_fee", -250)])
    assert found(account) == [(Cause.PAYOUT_NOT_IN_BANK, payout.payout_id, 250)]
    arrive(bank, payout)
    assert found(account) == []


def test_a_failed_payout_that_came_to_the_bank_must_go_back(
    account: StripeAccount, bank: BankAccount, clean: Payout
) -> None:
    Payout.objects.update(status="failed")
    assert found(account) == [(Cause.AMOUNT_DIFFERS, clean.payout_id, 7_800)]
    back = in_bank(bank, -7_800)
    match_line(
        back, kind=MatchKind.PAYOUT, amount_minor=-7_800, by=None, key=clean.payout_id, account=account_of(clean)
    )
    assert found(account) == []


def test_a_payout_matched_twice_is_doubled_in_the_bank(
    account: StripeAccount, bank: BankAccount, clean: Payout
) -> None:
    arrive(bank, clean)
    assert found(account) == [(Cause.BANK_LINE_DOUBLED, f"payout:{clean.payout_id}", 7_800)]


def test_a_bank_line_that_repeats_that_of_a_payout_is_doubled(
    kit: AppealKit, account: StripeAccount, bank: BankAccount
) -> None:
    payout = paid_out(account, [charged(kit, account, 2_000)[1]])
    arrive(bank, payout, content="same words")
    again = in_bank(bank, payout.amount_minor, content="same words", occurrence=2)
    in_bank(bank, payout.amount_minor, content="other words")
    assert found(account) == [(Cause.BANK_LINE_DOUBLED, f"payout:{payout.payout_id}:{again.pk}", 1_900)]


def test_a_line_like_that_of_a_payout_may_be_another_payout_still_to_come(
    kit: AppealKit, account: StripeAccount, bank: BankAccount
) -> None:
    first, second = (paid_out(account, [charged(kit, account, 2_000)[1]]) for _ in range(2))
    arrive(bank, first, content="same words")
    in_bank(bank, second.amount_minor, content="same words", occurrence=2)
    assert Cause.BANK_LINE_DOUBLED not in {cause for cause, _subject, _off in found(account)}


def test_a_line_with_the_trace_id_of_a_matched_payout_is_doubled_whatever_is_still_to_come(
    kit: AppealKit, account: StripeAccount, bank: BankAccount
) -> None:
    first, _second = (paid_out(account, [charged(kit, account, 2_000)[1]]) for _ in range(2))
    Payout.objects.filter(pk=first.pk).update(trace_id="TRC-10001")
    arrive(bank, first, content="same words")
    again = in_bank(bank, first.amount_minor, content="same words", occurrence=2)
    BankLine.objects.filter(pk=again.pk).update(bank_reference="TRC10001")
    told = (Cause.BANK_LINE_DOUBLED, f"payout:{first.payout_id}:{again.pk}", 1_900)
    assert told in found(account)


def test_working_days_leave_out_weekends() -> None:
    assert detectors.working_days_before(date(2026, 11, 18), 5) == date(2026, 11, 11)
    assert detectors.working_days_before(date(2026, 11, 22), 1) == date(2026, 11, 20)


# --- breaks and days


def test_a_difference_becomes_a_break_once_and_is_gone_with_it(
    kit: AppealKit, account: StripeAccount, clean: Payout
) -> None:
    _donation, kept = charged(kit, account, 2_000)
    BalanceTransaction.objects.filter(pk=kept.pk).update(fee_minor=130, net_minor=1_870)
    for _ in range(2):
        reconciliation.reconcile(account)
    [standing] = Break.objects.all()
    assert (standing.cause, standing.state) == (Cause.FEE_DIFFERS, BreakState.OPEN)
    BalanceTransaction.objects.filter(pk=kept.pk).update(fee_minor=100, net_minor=1_900)
    reconciliation.reconcile(account)
    assert Break.objects.get().state == BreakState.GONE
    assert reconciliation.reconciled_at(account)


def test_breaks_of_other_detectors_are_left_alone(kit: AppealKit, account: StripeAccount) -> None:
    for cause, subject in ((Cause.BALANCE_DIFFERS, "bank:x"), (Cause.BANK_LINE_DOUBLED, "donation:x")):
        Break.objects.create(entity=kit.entity, cause=cause, subject=subject, currency="EUR", amount_minor=1)
    reconciliation.reconcile(account)
    assert set(Break.objects.values_list("state", flat=True)) == {BreakState.OPEN}


def test_a_balance_differs_only_by_what_no_line_explains(kit: AppealKit, account: StripeAccount, clean: Payout) -> None:
    _donation, kept = charged(kit, account, 2_000)
    move(f"txn:{kept.txn_id}", provider=-30, fees=30)
    standing = [*detectors.findings(account)]
    books = Counter(EUR=1_870)
    assert [*reconciliation.unexplained(account, Counter(EUR=1_900), books, found=standing)] == []
    [left] = reconciliation.unexplained(account, Counter(EUR=1_901), books, found=standing)
    assert (left.cause, left.amount.minor) == (Cause.BALANCE_DIFFERS, -1)


def days_of(kit: AppealKit) -> reconciliation.Day:
    return next(day for day in reconciliation.days(kit.entity, AT.date()) if day.on == AT.date())


def test_a_day_is_reconciled_when_all_of_its_money_is_in_the_bank(
    kit: AppealKit, account: StripeAccount, clean: Payout
) -> None:
    day = days_of(kit)
    assert day.state == DayState.RECONCILED
    [figures] = day.figures
    assert (figures.lines, figures.gross.minor, figures.fees.minor, figures.net.minor) == (2, 8_000, 200, 7_800)
    assert figures.arrived == figures.net
    charged(kit, account, 2_000)
    assert days_of(kit).state == DayState.IN_TRANSIT
    Break.objects.create(
        entity=kit.entity, cause=Cause.FEE_DIFFERS, subject="x", currency="EUR", amount_minor=1, occurred_on=AT.date()
    )
    assert days_of(kit).state == DayState.BREAKS
    assert len(reconciliation.days(kit.entity, date(2024, 2, 3))) == 29
    assert {day.state for day in reconciliation.days(kit.entity, date(2024, 2, 3))} == {DayState.NOTHING}


def test_the_money_of_a_payout_that_failed_is_home_with_the_one_sent_anew(
    kit: AppealKit, account: StripeAccount, bank: BankAccount
) -> None:
    failed = paid_out(account, [charged(kit, account, 2_000)[1]], status="failed")
    assert days_of(kit).state == DayState.IN_TRANSIT
    back = line(account, "payout_failure", failed.amount_minor, source=failed.payout_id)
    again = paid_out(account, [back], retry_of=failed.payout_id)
    arrive(bank, again)
    assert days_of(kit).state == DayState.RECONCILED
    assert found(account) == []


def test_what_was_there_before_a_payout_by_hand_counts_as_sent_with_it(kit: AppealKit, account: StripeAccount) -> None:
    charged(kit, account, 2_000)
    paid_out(account, [], amount_minor=1_000, automatic=False, created_at=AT - timedelta(hours=1))
    assert days_of(kit).state == DayState.IN_TRANSIT
    paid_out(account, [], amount_minor=900, automatic=False, created_at=AT + timedelta(hours=1))
    assert days_of(kit).state == DayState.RECONCILED


def test_days_are_those_of_utc(kit: AppealKit, account: StripeAccount) -> None:
    kept = line(account, "stripe_fee", -100)
    BalanceTransaction.objects.filter(pk=kept.pk).update(created_at=datetime(2026, 10, 31, 23, 59, tzinfo=UTC))
    assert [day.on for day in reconciliation.days(kit.entity, date(2026, 10, 1)) if day.figures] == [date(2026, 10, 31)]
