"""Closing the books: what is routed, what is refused, and the trace that stays."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from threading import Event, Thread

import pytest
from django.db import IntegrityError, connections, transaction

from fundraising import breaks, ledger
from fundraising.books import periods
from fundraising.books.periods import PeriodRefused, StillOpen
from fundraising.ledger import Bucket
from fundraising.models import Cause, Close, Entry, LegalEntity, Purpose, Role, StaffAction
from fundraising.money import Money
from tests import databases, factories
from tests.staff import make_person
from tests.waiting import wait_until

JANUARY = date(2026, 1, 31)


def book(entity: LegalEntity, on: date, key: str = "", accounted_on: date | None = None) -> Entry:
    legs = {
        Bucket(entity.pk, Purpose.HAND, "EUR", provider="cash"): 100,
        Bucket(entity.pk, Purpose.OTHER_INCOME, "EUR"): -100,
    }
    at = datetime(on.year, on.month, on.day, 9, tzinfo=UTC)
    key = key or f"test:{factories.next_number()}"
    return Entry.objects.get(pk=ledger.post(key=key, legs=legs, occurred_at=at, accounted_on=accounted_on).entry_id)


@pytest.mark.django_db
def test_a_late_fact_counts_on_the_first_open_day_and_keeps_its_own() -> None:
    entity = factories.make_entity()
    periods.close_soft(entity, until=JANUARY, by=make_person(), reason="January is reported")
    entry = book(entity, date(2026, 1, 20))
    assert (entry.accounted_on, entry.occurred_at.date()) == (date(2026, 2, 1), date(2026, 1, 20))


@pytest.mark.django_db
def test_a_close_of_one_legal_entity_leaves_the_others_open() -> None:
    ours, theirs = factories.make_entity(), factories.make_entity()
    periods.close_hard(ours, until=JANUARY, by=make_person(), reason="January")
    assert book(theirs, JANUARY).accounted_on == JANUARY


@pytest.mark.django_db
def test_nothing_names_a_day_that_is_closed_for_good() -> None:
    entity = factories.make_entity()
    periods.close_hard(entity, until=JANUARY, by=make_person(), reason="January")
    with pytest.raises(IntegrityError, match="closed until"), transaction.atomic():
        book(entity, JANUARY, accounted_on=JANUARY)
    assert book(entity, JANUARY).accounted_on == date(2026, 2, 1)


@pytest.mark.django_db
def test_a_hard_close_stops_at_what_is_open_unless_it_says_why() -> None:
    entity = factories.make_entity()
    by = make_person()
    finding = breaks.Finding(Cause.CHARGE_MISSING, "ch_1", Money(-100, "EUR"), date(2026, 1, 10))
    later = breaks.Finding(Cause.CHARGE_MISSING, "ch_2", Money(-100, "EUR"), date(2026, 2, 10))
    breaks.note_findings(entity.pk, [Cause.CHARGE_MISSING], [finding, later])
    with pytest.raises(StillOpen) as refused:
        periods.close_hard(entity, until=JANUARY, by=by, reason="January")
    assert [(check.name, check.count) for check in refused.value.standing] == [("breaks", 1)]
    close = periods.close_hard(entity, until=JANUARY, by=by, reason="January", despite="the donor was asked")
    assert close.reason == "January (open: breaks 1; the donor was asked)"
    assert close.hard_until == close.soft_until == JANUARY


@pytest.mark.django_db
def test_the_checklist_counts_what_the_balances_of_the_day_show() -> None:
    entity = factories.make_entity()
    at = datetime(2026, 1, 10, tzinfo=UTC)
    for purpose, provider in ((Purpose.PAYOUTS, "acct"), (Purpose.SUSPENSE, "our-bank"), (Purpose.SUSPENSE, "")):
        legs = {Bucket(entity.pk, purpose, "EUR", provider=provider): 5, Bucket(entity.pk, Purpose.OPENING, "EUR"): -5}
        ledger.post(key=f"test:{purpose}{provider}", legs=legs, occurred_at=at)
    counts = {check.name: check.count for check in periods.checklist(entity, JANUARY)}
    assert counts == {"breaks": 0, "payouts": 1, "bank": 1, "suspense": 1, "journal": 0}
    assert not any(check.count for check in periods.checklist(entity, date(2026, 1, 9)))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("until", "reason", "code"),
    [(date(2999, 1, 1), "too early", "future"), (JANUARY, " ", "reason"), (date(2026, 1, 1), "again", "closed")],
)
def test_a_close_that_makes_no_sense_is_refused(until: date, reason: str, code: str) -> None:
    entity = factories.make_entity()
    by = make_person()
    periods.close_soft(entity, until=date(2026, 1, 2), by=by, reason="first days")
    with pytest.raises(PeriodRefused) as refused:
        periods.close_soft(entity, until=until, by=by, reason=reason)
    assert refused.value.code == code


@pytest.mark.django_db
def test_opening_again_leaves_a_trace_and_another_person_opens_what_was_closed_for_good() -> None:
    entity = factories.make_entity()
    ada, eve = make_person(Role.APPROVER, entity=entity), make_person(Role.APPROVER, entity=entity)
    periods.close_hard(entity, until=JANUARY, by=ada, reason="January")
    periods.close_soft(entity, until=date(2026, 2, 28), by=ada, reason="February")
    first = date(2026, 1, 20)
    with pytest.raises(PeriodRefused) as refused:
        periods.reopen(entity, first=first, by=ada, reason="a bill came late")
    assert refused.value.code == "same person"
    periods.reopen(entity, first=first, by=eve, reason="a bill came late")
    assert periods.closed_until(entity) == (date(2026, 1, 19), date(2026, 1, 19))
    assert book(entity, first).accounted_on == first
    verbs = list(StaffAction.objects.filter(entity=entity).order_by("pk").values_list("verb", "reason"))
    assert verbs[-1] == ("books_reopened", "a bill came late")
    assert Close.objects.filter(entity=entity).count() == 3
    with pytest.raises(PeriodRefused, match="same person"):  # what is left of her close is still hers
        periods.reopen(entity, first=date(2026, 1, 5), by=ada, reason="more bills")


@pytest.mark.django_db
def test_a_soft_close_is_opened_by_whoever_made_it() -> None:
    entity = factories.make_entity()
    ada = make_person(Role.APPROVER, entity=entity)
    periods.close_soft(entity, until=JANUARY, by=ada, reason="January")
    assert periods.reopen(entity, first=JANUARY, by=ada, reason="typo").soft_until == JANUARY - timedelta(days=1)
    with pytest.raises(PeriodRefused, match="not closed"):
        periods.reopen(entity, first=JANUARY, by=ada, reason="typo")


@pytest.mark.django_db
def test_a_close_is_never_changed() -> None:
    entity = factories.make_entity()
    close = periods.close_soft(entity, until=JANUARY, by=make_person(), reason="January")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        Close.objects.filter(pk=close.pk).update(soft_until=None)


@pytest.mark.django_db(transaction=True)
def test_a_fact_that_is_being_booked_while_the_period_closes_lands_on_one_side_only() -> None:
    """The close waits for the writer that came first; the writer that came later sees the close."""
    entity = factories.make_entity()
    by = make_person()
    closed = Event()

    def close() -> None:
        try:
            periods.close_soft(entity, until=JANUARY, by=by, reason="January")
            closed.set()
        finally:
            connections.close_all()

    closing = Thread(target=close)
    with transaction.atomic():
        early = book(entity, JANUARY, key="test:early")
        closing.start()
        wait_until(databases.somebody_waits, what="the close waits for the writer")
        assert not closed.is_set()
    closing.join(60)
    assert closed.is_set()
    assert early.accounted_on == JANUARY
    assert book(entity, JANUARY, key="test:later").accounted_on == date(2026, 2, 1)
