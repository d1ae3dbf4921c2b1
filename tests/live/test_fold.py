"""Checkpoint and tail: exact at every moment, whatever commits when and whoever folds."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import psycopg
import pytest
from django.db import connection, connections
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from fundraising import ledger, totals
from fundraising.ledger import Bucket
from fundraising.models import Checkpoint, Purpose
from fundraising.money import Money
from tests import factories
from tests.factories import AppealKit
from tests.live.conftest import fold_all
from tests.waiting import wait_until

pytestmark = pytest.mark.services

_numbers = itertools.count(1)


def sides(kit: AppealKit) -> tuple[Bucket, Bucket]:
    """The accounts that a donation moves: clearing, and the income of the round."""
    clearing = Bucket(kit.entity.pk, Purpose.CLEARING, "EUR", provider=factories.PROVIDER)
    return clearing, Bucket(kit.entity.pk, Purpose.DONATIONS, "EUR", fund=kit.appeal.fund_id, round=kit.round.pk)


def book(kit: AppealKit, minor: int) -> None:
    """Post an amount."""
    clearing, income = sides(kit)
    legs = {clearing: minor, income: -minor}
    ledger.post(key=f"test:{next(_numbers)}", legs=legs, occurred_at=timezone.now())


def held(kit: AppealKit) -> tuple[int, int]:
    """What both accounts hold, in minor units."""
    clearing, income = (ledger.balance(side).minor for side in sides(kit))
    return clearing, income


def in_checkpoints(kit: AppealKit) -> int:
    """What the income account's checkpoint alone says."""
    found = Checkpoint.objects.filter(account__round=kit.round).values_list("balance_minor", flat=True).first()
    return found or 0


class Writer:
    """Another database connection that books, and commits when told to."""

    _INSERT = """
        WITH entry AS (
            INSERT INTO fundraising_entry (key, entity_id, occurred_at, booked_at)
            VALUES (%s, %s, now(), now()) RETURNING id)
        INSERT INTO fundraising_posting (entry_id, account_id, currency, amount_minor)
        SELECT entry.id, line.account, 'EUR', line.minor
        FROM entry, unnest(%s::bigint[], %s::bigint[]) line (account, minor)
    """

    def __init__(self, url: str, kit: AppealKit) -> None:
        self.connection = psycopg.connect(url)
        self.entity = kit.entity.pk
        clearing, income = sides(kit)
        ids = factories.account_ids(clearing, income)
        self.accounts = [ids[clearing], ids[income]]
        self.pending = 0

    def book(self, minor: int) -> None:
        lines = [self.accounts, [minor, -minor]]
        self.connection.execute(self._INSERT, [f"test:{next(_numbers)}", self.entity, *lines])
        self.pending += minor

    def commit(self) -> int:
        self.connection.commit()
        booked, self.pending = self.pending, 0
        return booked

    def roll_back(self) -> None:
        self.connection.rollback()
        self.pending = 0


@pytest.fixture
def writer(database_url: str) -> Iterator[Callable[[AppealKit], Writer]]:
    """Make writers; their connections are closed at the end."""
    with ExitStack() as stack:

        def make(kit: AppealKit) -> Writer:
            one = Writer(database_url, kit)
            stack.enter_context(one.connection)
            return one

        yield make


def test_an_entry_that_commits_after_later_ones_were_folded_is_never_skipped(
    writer: Callable[[AppealKit], Writer],
) -> None:
    kit = factories.make_appeal()
    late = writer(kit)
    late.book(700)
    book(kit, 100)
    ledger.fold()
    assert held(kit) == (100, -100)

    late.commit()
    assert held(kit) == (800, -800)
    fold_all()
    assert held(kit) == (800, -800)
    assert in_checkpoints(kit) == -800


def test_an_entry_that_is_rolled_back_is_never_counted(writer: Callable[[AppealKit], Writer]) -> None:
    kit = factories.make_appeal()
    doomed = writer(kit)
    doomed.book(700)
    ledger.fold()
    doomed.roll_back()
    book(kit, 100)
    ledger.fold()
    assert held(kit) == (100, -100)


def test_a_writer_that_stays_open_keeps_entries_in_the_tail_and_the_total_exact(
    writer: Callable[[AppealKit], Writer],
) -> None:
    kit = factories.make_appeal()
    slow = writer(kit)
    slow.book(1)
    for _ in range(3):
        factories.received_donation(kit, amount=Money(5_000, "EUR"))
        ledger.fold()
    assert in_checkpoints(kit) == 0
    total = totals.appeal_total(kit.appeal)
    assert (total.raised, total.donations, total.donors) == (Money(15_000, "EUR"), 3, 3)
    slow.commit()
    fold_all()
    assert in_checkpoints(kit) == -15_001
    assert not ledger.has_unfolded()


def test_folding_with_nothing_new_changes_nothing(writer: Callable[[AppealKit], Writer]) -> None:
    kit = factories.make_appeal()
    book(kit, 100)
    assert wait_until(ledger.fold, 60) == [kit.round.pk]
    before = list(Checkpoint.objects.order_by("pk").values_list())
    assert ledger.fold() == []
    assert list(Checkpoint.objects.order_by("pk").values_list()) == before


def test_a_fold_tells_the_appeals_that_changed_and_no_others(database_url: str) -> None:
    moved, still = factories.make_appeal(), factories.make_appeal()
    with psycopg.connect(database_url, autocommit=True) as listener:
        listener.execute("LISTEN totals")
        book(moved, 100)
        book(moved, 200)
        fold_all()  # in two folds and two notices, if another database's writer held the second entry back
        told = [said.payload for said in listener.notifies(timeout=60, stop_after=1)]
        told += [said.payload for said in listener.notifies(timeout=0.2)]
    assert set(told) == {str(moved.appeal.uuid)} != {str(still.appeal.uuid)}


def test_one_fold_at_a_time(database_url: str) -> None:
    kit = factories.make_appeal()
    book(kit, 100)
    with psycopg.connect(database_url) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [ledger.FOLD_LOCK])
        assert ledger.fold() == []
        assert held(kit) == (100, -100)
    fold_all()
    assert in_checkpoints(kit) == -100


def _in_thread(act: Callable[[], None]) -> None:
    try:
        act()
    finally:
        connections.close_all()


@pytest.mark.slow
def test_many_writers_and_many_folds_lose_not_a_cent_and_every_reading_is_one_that_was_true(database_url: str) -> None:
    kit = factories.make_appeal()
    writers, entries, amount = 16, 25, 7
    done = threading.Event()
    seen: list[int] = []

    def write() -> None:
        for _ in range(entries):
            book(kit, amount)

    def keep_folding() -> None:
        while not done.is_set():
            ledger.fold()

    def keep_reading() -> None:
        while not done.is_set():
            seen.append(held(kit)[1])

    with ThreadPoolExecutor(writers + 4) as pool:
        others = [pool.submit(_in_thread, act) for act in (keep_folding, keep_folding, keep_reading)]
        writing = [pool.submit(_in_thread, write) for _ in range(writers)]
        for one in writing:
            one.result()
        done.set()
        for one in others:
            one.result()

    whole = writers * entries * amount
    assert held(kit) == (whole, -whole)
    fold_all()
    assert held(kit) == (whole, -whole)
    assert in_checkpoints(kit) == -whole
    assert seen == sorted(seen, reverse=True)
    assert all(minor % amount == 0 for minor in seen)


def test_a_rebuild_finds_the_same_balances_and_cures_a_checkpoint_changed_by_hand(database_url: str) -> None:
    kit = factories.make_appeal()
    factories.received_donation(kit, amount=Money(5_000, "EUR"))
    fold_all()
    factories.received_donation(kit, amount=Money(2_500, "EUR"))
    Checkpoint.objects.filter(account__round=kit.round).update(balance_minor=-999_999)
    assert totals.appeal_total(kit.appeal).raised != Money(7_500, "EUR")

    ledger.rebuild()

    total = totals.appeal_total(kit.appeal)
    assert (total.raised, total.donations, total.donors) == (Money(7_500, "EUR"), 2, 2)
    factories.received_donation(kit, amount=Money(100_000, "EUR"))
    assert totals.appeal_total(kit.appeal).raised == Money(107_500, "EUR")
    ledger.fold()
    total = totals.appeal_total(kit.appeal)
    assert (total.raised, total.donations, total.donors) == (Money(107_500, "EUR"), 3, 3)


def test_after_a_restore_into_another_cluster_a_rebuild_makes_the_totals_right(database_url: str) -> None:
    """The transaction ids of the old cluster may be higher than those of the new one: then nothing would fold."""
    kit = factories.make_appeal()
    factories.received_donation(kit, amount=Money(5_000, "EUR"))
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for table in ("entry", "posting", "tally"):
            cursor.execute(f"UPDATE fundraising_{table} SET xid = '900000000000'")
        cursor.execute("UPDATE fundraising_fold SET xid = '800000000000'")
        cursor.execute("SET session_replication_role = DEFAULT")
    factories.received_donation(kit, amount=Money(2_500, "EUR"))

    ledger.rebuild()

    assert totals.appeal_total(kit.appeal).raised == Money(7_500, "EUR")
    factories.received_donation(kit, amount=Money(1_000, "EUR"))
    ledger.fold()
    assert totals.appeal_total(kit.appeal).raised == Money(8_500, "EUR")


STEPS = st.one_of(
    st.tuples(st.just("book"), st.integers(0, 2), st.integers(1, 10**12)),
    st.tuples(st.just("commit"), st.integers(0, 2), st.just(0)),
    st.tuples(st.just("roll back"), st.integers(0, 2), st.just(0)),
    st.tuples(st.just("fold"), st.just(0), st.just(0)),
)


def test_balances_are_exact_after_every_step_of_any_interleaving(writer: Callable[[AppealKit], Writer]) -> None:
    kit = factories.make_appeal()
    book(kit, 1)
    writers = [writer(kit) for _ in range(3)]

    @given(steps=st.lists(STEPS, max_size=25))
    @settings(max_examples=60, deadline=None)
    def check(steps: list[tuple[str, int, int]]) -> None:
        expected = held(kit)[0]  # each example goes on where the last one ended
        for step, number, minor in steps:
            if step == "book":
                writers[number].book(minor)
            elif step == "commit":
                expected += writers[number].commit()
            elif step == "roll back":
                writers[number].roll_back()
            else:
                ledger.fold()
            assert held(kit) == (expected, -expected)
        expected += sum(one.commit() for one in writers)
        assert held(kit) == (expected, -expected)

    check()
    fold_all()
    assert in_checkpoints(kit) == held(kit)[1]
