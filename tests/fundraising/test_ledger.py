"""The ledger in the database: balanced, append-only, each fact once, exact at any moment."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.db.utils import IntegrityError

from fundraising import audit, donations, ledger, totals
from fundraising.ledger import Bucket, KeyReused, LedgerError
from fundraising.models import Entry, LegalEntity, Posting, Purpose
from fundraising.money import Money
from tests import factories
from tests.live.conftest import fold_all

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def entity(db: None) -> LegalEntity:
    return factories.make_entity()


def clearing(entity: LegalEntity, currency: str = "EUR") -> Bucket:
    return Bucket(entity.pk, Purpose.CLEARING, currency, provider="acct")


def suspense(entity: LegalEntity, currency: str = "EUR") -> Bucket:
    return Bucket(entity.pk, Purpose.SUSPENSE, currency)


def post(entity: LegalEntity, key: str = "charge:1", minor: int = 5_000) -> ledger.Posted:
    return ledger.post(key=key, legs={clearing(entity): minor, suspense(entity): -minor}, occurred_at=NOON)


def sql(statement: str, *values: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else None


@contextmanager
def refused(words: str) -> Iterator[None]:
    """The database refuses what is done inside, at once or at commit."""
    with pytest.raises(DatabaseError, match=words), transaction.atomic():  # noqa: PT012  # what is inside is the caller's
        yield
        sql("SET CONSTRAINTS ALL IMMEDIATE")
    sql("SET CONSTRAINTS ALL DEFERRED")


def raw_entry(entity: LegalEntity, key: str = "raw") -> int:
    rows = sql(
        "INSERT INTO fundraising_entry (key, entity_id, occurred_at, booked_at)"
        " VALUES (%s, %s, now(), now()) RETURNING id",
        key,
        entity.pk,
    )
    return int(rows[0][0])


def raw_line(entry_id: int, bucket: Bucket, minor: int, currency: str = "EUR") -> None:
    account = factories.account_ids(bucket)[bucket]
    sql(
        "INSERT INTO fundraising_posting (entry_id, account_id, currency, amount_minor) VALUES (%s, %s, %s, %s)",
        entry_id,
        account,
        currency,
        minor,
    )


# --- What the database refuses, whoever writes to it ----------------------------------------------


def test_an_entry_that_does_not_balance_is_refused_at_commit(entity: LegalEntity) -> None:
    with refused("does not balance"):
        entry = raw_entry(entity)
        raw_line(entry, clearing(entity), 5_000)
        raw_line(entry, suspense(entity), -4_999)


def test_an_entry_that_balances_only_across_currencies_is_refused(entity: LegalEntity) -> None:
    with refused("does not balance"):
        entry = raw_entry(entity)
        raw_line(entry, clearing(entity), 5_000)
        raw_line(entry, suspense(entity, "USD"), -5_000, "USD")


def test_an_entry_without_lines_or_with_one_is_refused(entity: LegalEntity) -> None:
    with refused("fewer than two"):
        raw_entry(entity)
    with refused("fewer than two"):
        raw_line(raw_entry(entity), clearing(entity), 5_000)


def test_a_line_of_zero_is_refused(entity: LegalEntity) -> None:
    with refused("posting_not_zero"):
        raw_line(raw_entry(entity), clearing(entity), 0)


def test_a_line_in_another_currency_than_its_account_is_refused(entity: LegalEntity) -> None:
    with refused("posting_account_currency"):
        raw_line(raw_entry(entity), clearing(entity, "USD"), 5_000, "EUR")


def test_a_line_on_an_account_of_another_legal_entity_is_refused(entity: LegalEntity) -> None:
    other = factories.make_entity(name="Harbour Relief")
    with refused("another legal entity"):
        entry = raw_entry(entity)
        raw_line(entry, clearing(entity), 5_000)
        raw_line(entry, suspense(other), -5_000)


@pytest.mark.django_db(transaction=True)
def test_a_line_that_comes_after_its_entry_was_booked_is_refused() -> None:
    entity = factories.make_entity()
    booked = post(entity)
    with refused("no lines after"):
        raw_line(booked.entry_id, Bucket(entity.pk, Purpose.CLEARING, "EUR", provider="b"), 100)
        raw_line(booked.entry_id, Bucket(entity.pk, Purpose.CLEARING, "EUR", provider="c"), -100)


def test_a_line_that_unbalances_its_entry_after_the_check_was_forced_is_found_by_the_audit(entity: LegalEntity) -> None:
    entry = raw_entry(entity)
    raw_line(entry, clearing(entity), 5_000)
    raw_line(entry, suspense(entity), -5_000)
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    raw_line(entry, Bucket(entity.pk, Purpose.PROVIDER, "EUR", provider="acct"), 1)
    assert [check.name for check in audit.checks() if not check.ok] == ["entries that do not balance"]


KEPT = ["entry", "posting", "tally", "appealwording", "goal", "exchangerate"]


@pytest.mark.parametrize("table", KEPT)
@pytest.mark.parametrize(
    "change",
    ["UPDATE fundraising_{0} SET id = id", "DELETE FROM fundraising_{0}", "TRUNCATE fundraising_{0} CASCADE"],
)
def test_what_was_booked_or_promised_is_never_changed_deleted_or_emptied(db: None, table: str, change: str) -> None:
    factories.received_donation()
    sql("INSERT INTO fundraising_exchangerate (base, quote, \"on\", rate, source) VALUES ('USD', 'EUR', now(), 1, 'x')")
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    with refused("append-only"):
        sql(change.format(table))


def test_a_postings_transaction_may_not_be_forged_beyond_what_a_rebuild_does(entity: LegalEntity) -> None:
    post(entity)
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    with refused("append-only"):
        sql("UPDATE fundraising_posting SET xid = '5'::xid8")
    with refused("append-only"):
        sql("UPDATE fundraising_posting SET xid = '3'::xid8, amount_minor = amount_minor * 10")


def test_an_account_with_postings_is_not_deleted_and_keeps_its_currency(entity: LegalEntity) -> None:
    post(entity)
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(IntegrityError), transaction.atomic():
        sql("DELETE FROM fundraising_account")
    with pytest.raises(IntegrityError), transaction.atomic():
        sql("UPDATE fundraising_account SET currency = 'USD'")


# --- post: each fact once -------------------------------------------------------------------------


def test_the_same_key_with_the_same_legs_is_booked_once(entity: LegalEntity) -> None:
    first, second = post(entity), post(entity)
    assert (first.is_new, second.is_new) == (True, False)
    assert first.entry_id == second.entry_id
    assert ledger.balance(clearing(entity)) == Money(5_000, "EUR")


@pytest.mark.parametrize("minor", [4_999, -5_000])
def test_the_same_key_with_other_amounts_is_an_error(entity: LegalEntity, minor: int) -> None:
    post(entity)
    with pytest.raises(KeyReused):
        post(entity, minor=minor)


def test_the_same_key_with_other_accounts_is_an_error(entity: LegalEntity) -> None:
    post(entity)
    legs = {clearing(entity): 5_000, Bucket(entity.pk, Purpose.DONATIONS, "EUR"): -5_000}
    with pytest.raises(KeyReused):
        ledger.post(key="charge:1", legs=legs, occurred_at=NOON)


def test_legs_that_do_not_balance_or_are_too_few_write_nothing(entity: LegalEntity) -> None:
    for legs in (
        {clearing(entity): 5_000, suspense(entity): -4_999},
        {clearing(entity): 5_000, suspense(entity, "USD"): -5_000},
        {clearing(entity): 5_000},
        {clearing(entity): 0, suspense(entity): 0},
        {},
    ):
        with pytest.raises(LedgerError):
            ledger.post(key="wrong", legs=legs, occurred_at=NOON)
    assert not Entry.objects.exists()


def test_two_legal_entities_never_share_an_entry(entity: LegalEntity) -> None:
    other = factories.make_entity(name="Harbour Relief")
    with pytest.raises(LedgerError):
        ledger.post(key="mixed", legs={clearing(entity): 1, suspense(other): -1}, occurred_at=NOON)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_book_the_same_fact_at_once_one_does() -> None:
    entity = factories.make_entity()

    def book(_attempt: int) -> bool:
        try:
            return post(entity).is_new
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        new = list(pool.map(book, range(16)))
    assert sorted(new) == [False] * 15 + [True]
    assert ledger.balance(clearing(entity)) == Money(5_000, "EUR")


def test_an_entry_is_reversed_once_whatever_the_key(entity: LegalEntity) -> None:
    post(entity)
    entry = Entry.objects.get(key="charge:1")
    first = ledger.reverse(entry, key="charge:1:failed", occurred_at=NOON)
    again = ledger.reverse(entry, key="charge:1:failed", occurred_at=NOON)
    other = ledger.reverse(entry, key="charge:1:cancelled", occurred_at=NOON)
    assert (first.is_new, again.is_new, other.is_new) == (True, False, False)
    assert first.entry_id == again.entry_id == other.entry_id
    assert not ledger.balance(clearing(entity))
    assert Entry.objects.count() == 2


def test_a_reversal_is_a_new_entry_and_the_first_one_stays(entity: LegalEntity) -> None:
    post(entity)
    entry = Entry.objects.get(key="charge:1")
    before = ledger.legs_of(entry)
    reversal = Entry.objects.get(pk=ledger.reverse(entry, key="undone", occurred_at=NOON).entry_id)
    assert ledger.legs_of(entry) == before
    assert ledger.legs_of(reversal) == {bucket: -minor for bucket, minor in before.items()}
    assert reversal.reverses == entry


# --- Worked examples ------------------------------------------------------------------------------


def books(kit: factories.AppealKit, currency: str = "EUR") -> dict[str, int]:
    """Every account of the appeal's entity that holds something, by name."""
    found: dict[str, int] = {}
    for posting in Posting.objects.filter(account__entity=kit.entity, currency=currency).select_related("account"):
        purpose = posting.account.purpose
        found[purpose] = found.get(purpose, 0) + posting.amount_minor
    return {purpose: minor for purpose, minor in found.items() if minor}


def settle(key: str, charge: str, gross: Money, settled: Money, fee: Money) -> bool:
    return donations.settle(key=key, fact_key=charge, gross=gross, settled=settled, fee=fee)


def test_worked_example_a_donation_is_received_and_settled_less_its_fee(db: None) -> None:
    kit = factories.make_appeal()
    gross, fee = Money(5_000, "EUR"), Money(175, "EUR")
    _donation, charge = factories.received_donation(kit, amount=gross)
    # Dr charged, not yet settled 50.00        Cr donations 50.00
    assert books(kit) == {"clearing": 5_000, "donations": -5_000}
    assert settle("txn:1", charge, gross, gross, fee)
    # Dr balance at the provider 48.25, fees 1.75        Cr charged, not yet settled 50.00
    assert books(kit) == {"provider": 4_825, "fees": 175, "donations": -5_000}
    assert not settle("txn:1", charge, gross, gross, fee)
    assert books(kit) == {"provider": 4_825, "fees": 175, "donations": -5_000}


def test_worked_example_a_donation_in_dollars_is_paid_out_in_euros(db: None) -> None:
    kit = factories.make_appeal()
    _donation, charge = factories.received_donation(kit, amount=Money(6_000, "USD"))
    settle("txn:1", charge, Money(6_000, "USD"), Money(5_400, "EUR"), Money(200, "EUR"))
    # In dollars: Cr donations 60.00, Dr exchange 60.00. In euros: Dr provider 52.00, fees 2.00, Cr exchange 54.00.
    assert books(kit, "USD") == {"donations": -6_000, "fx": 6_000}
    assert books(kit, "EUR") == {"provider": 5_200, "fees": 200, "fx": -5_400}
    assert totals.appeal_total(kit.appeal).raised == Money(5_400, "EUR")


def test_worked_example_a_refund_in_part_and_then_the_rest(db: None) -> None:
    kit = factories.make_appeal()
    donation, charge = factories.received_donation(kit, amount=Money(5_000, "EUR"))
    factories.refund(charge, Money(2_000, "EUR"))
    donation.refresh_from_db()
    assert (donation.state, donations.net_received(donation)) == ("received", Money(3_000, "EUR"))
    assert books(kit) == {"clearing": 3_000, "donations": -5_000, "refunds": 2_000}
    factories.refund(charge, Money(3_000, "EUR"))
    donation.refresh_from_db()
    assert (donation.state, donations.net_received(donation)) == ("refunded", Money(0, "EUR"))
    assert books(kit) == {"donations": -5_000, "refunds": 5_000}


def test_worked_example_a_refund_that_failed_comes_back(db: None) -> None:
    kit = factories.make_appeal()
    donation, charge = factories.received_donation(kit)
    refund = factories.refund(charge, donation.amount)
    assert donations.undo_refund(key=refund, charge_key=charge, at=NOON)
    assert not donations.undo_refund(key=refund, charge_key=charge, at=NOON)
    donation.refresh_from_db()
    assert donation.state == "received"
    assert books(kit) == {"clearing": 5_000, "donations": -5_000}
    total = totals.appeal_total(kit.appeal)
    assert (total.raised, total.donations, total.donors) == (Money(5_000, "EUR"), 1, 1)


def test_worked_example_money_after_the_close_goes_to_the_secondary_purpose(db: None) -> None:
    kit = factories.make_appeal()
    donation = factories.open_donation(kit)
    type(kit.appeal).objects.filter(pk=kit.appeal.pk).update(state="closed")
    factories.receive(donation)
    assert donation.fund == kit.appeal.late_fund
    total = totals.appeal_total(kit.appeal)
    assert (total.raised, total.donations) == (Money(0, "EUR"), 0)
    assert all(check.ok for check in audit.checks())


def test_worked_example_money_that_belongs_to_nothing_waits_in_suspense_and_is_given_back(db: None) -> None:
    kit = factories.make_appeal()
    at = NOON
    donations.book_unmatched(
        key="charge:stray", entity_id=kit.entity.pk, amount=Money(900, "EUR"), at=at, provider="acct"
    )
    assert books(kit) == {"clearing": 900, "suspense": -900}
    donations.refund_donation(key="refund:stray", charge_key="charge:stray", amount=Money(900, "EUR"), at=at)
    assert books(kit) == {}


def test_a_second_charge_of_a_received_donation_goes_to_suspense_and_not_to_the_total(db: None) -> None:
    kit = factories.make_appeal()
    donation, _charge = factories.received_donation(kit)
    factories.receive(donation)
    assert books(kit) == {"clearing": 10_000, "donations": -5_000, "suspense": -5_000}
    assert totals.appeal_total(kit.appeal).raised == Money(5_000, "EUR")


def test_announced_money_is_apart_until_it_comes_or_not(db: None) -> None:
    kit = factories.make_appeal()
    donation = factories.open_donation(kit)
    donations.announce_donation(donation.uuid, provider_id="pi_1", amount=donation.amount, at=NOON)
    total = totals.appeal_total(kit.appeal)
    assert (total.raised, total.pending, total.donations) == (Money(0, "EUR"), donation.amount, 0)
    factories.receive(donation)
    total = totals.appeal_total(kit.appeal)
    assert (total.raised, total.pending, total.donations) == (donation.amount, Money(0, "EUR"), 1)


def test_a_fact_that_rests_on_an_unbooked_one_asks_to_come_back(db: None) -> None:
    with pytest.raises(donations.NotBookedYet), transaction.atomic():
        donations.refund_donation(key="refund:1", charge_key="charge:none", amount=Money(1, "EUR"), at=NOON)
    with pytest.raises(donations.NotBookedYet), transaction.atomic():
        settle("txn:1", "charge:none", Money(1, "EUR"), Money(1, "EUR"), Money(0, "EUR"))
    with pytest.raises(donations.NotBookedYet), transaction.atomic():
        donations.undo_refund(key="refund:1", charge_key="charge:none", at=NOON)


# --- Balances, folds and restores -----------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_balance_is_the_same_before_and_after_a_fold() -> None:
    entity = factories.make_entity()
    for number in range(7):
        post(entity, key=f"charge:{number}", minor=100 + number)
    before = ledger.balance(clearing(entity))
    fold_all()
    assert not ledger.has_unfolded()
    assert ledger.balance(clearing(entity)) == before == Money(721, "EUR")
    post(entity, key="charge:8", minor=9)
    assert ledger.balance(clearing(entity)) == Money(730, "EUR")
    assert all(check.ok for check in audit.checks())


@pytest.mark.django_db(transaction=True)
def test_after_a_restore_into_another_cluster_the_audit_fails_until_the_rebuild() -> None:
    kit = factories.make_appeal()
    factories.received_donation(kit)
    fold_all()
    # The old cluster was far ahead: its watermark lies in this one's future.
    ahead = "(pg_snapshot_xmax(pg_current_snapshot())::text::bigint + 1000000)::text::xid8"
    sql(f"UPDATE fundraising_fold SET xid = {ahead}")
    factories.received_donation(kit)
    wrong = [check.name for check in audit.checks() if not check.ok]
    assert "a watermark from another database cluster (cure: rebuild_totals)" in wrong
    assert totals.appeal_total(kit.appeal).raised == Money(5_000, "EUR")  # the new donation is not seen
    ledger.rebuild()
    assert all(check.ok for check in audit.checks())
    assert totals.appeal_total(kit.appeal).raised == Money(10_000, "EUR")
    factories.received_donation(kit)
    fold_all()
    total = totals.appeal_total(kit.appeal)
    assert (total.raised, total.donations, total.donors) == (Money(15_000, "EUR"), 3, 3)
    assert all(check.ok for check in audit.checks())


@pytest.mark.django_db(transaction=True)
def test_a_checkpoint_changed_by_hand_is_found_and_rebuilt() -> None:
    kit = factories.make_appeal()
    factories.received_donation(kit)
    fold_all()
    sql("UPDATE fundraising_checkpoint SET balance_minor = balance_minor - 100")
    sql("UPDATE fundraising_tallycheckpoint SET donations = donations + 1")
    wrong = [check.name for check in audit.checks() if not check.ok]
    assert [name.split(" (")[0] for name in wrong] == [
        "checkpoints that differ from their postings",
        "counts that differ from their tallies",
    ]
    ledger.rebuild()
    assert all(check.ok for check in audit.checks())


@pytest.mark.django_db(transaction=True)
def test_donations_booked_while_a_rebuild_waits_are_not_lost() -> None:
    kit = factories.make_appeal()
    for _donation in range(3):
        factories.received_donation(kit)
    waiting = [factories.open_donation(kit) for _donation in range(6)]

    def act(number: int) -> None:
        try:
            if number % 3 == 0:
                ledger.rebuild()
            elif number % 3 == 1:
                ledger.fold()
            factories.receive(waiting[number])
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(act, range(6)))
    total = totals.appeal_total(kit.appeal)
    assert (total.raised, total.donations) == (Money(45_000, "EUR"), 9)
    assert all(check.ok for check in audit.checks())
