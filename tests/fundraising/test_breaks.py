"""Breaks: found, owned, discussed, resolved by one person or by two, and open again when the facts change."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from fundraising import breaks, donations, ledger, trail
from fundraising.breaks import Finding, note_findings, resolving
from fundraising.breaks.resolutions import RESOLUTIONS
from fundraising.breaks.resolving import BreakError, NoAnswer, NotResolvable, Overtaken, Resolution, resolve, seen
from fundraising.ledger import Bucket, Posted, balance
from fundraising.models import (
    Break,
    BreakState,
    Cause,
    Channel,
    Entry,
    ExchangeRate,
    Purpose,
    StaffAction,
)
from fundraising.money import Money
from tests import factories
from tests.factories import AppealKit

pytestmark = pytest.mark.django_db
NOON = datetime.fromisoformat("2026-07-01T12:00:00+00:00")
BY_CODE = {resolution.code: resolution for resolution in RESOLUTIONS}


@pytest.fixture
def kit() -> AppealKit:
    kit = factories.make_appeal()
    kit.entity.approval_above_minor = 10_000
    kit.entity.save()
    return kit


@pytest.fixture
def marta() -> User:
    return User.objects.create_user("marta")


@pytest.fixture
def paolo() -> User:
    return User.objects.create_user("paolo")


def finding(minor: int = 5_000, *, currency: str = "USD", facts: Mapping[str, Any] | None = None) -> Finding:
    return Finding(
        Cause.CHARGE_FOREIGN, "ch_1", Money(minor, currency), date(2026, 7, 1), dict(facts or {"entry": "charge:ch_1"})
    )


def found_by_detector(kit: AppealKit, minor: int = 5_000, **changes: Any) -> Break:
    note_findings(kit.entity.pk, [Cause.CHARGE_FOREIGN], [finding(minor, **changes)])
    return Break.objects.get()


def in_suspense(kit: AppealKit, minor: int = 5_000, currency: str = "USD") -> Break:
    """A break of a charge that is booked to suspense."""
    donations.book_unmatched(
        key="charge:ch_1", entity_id=kit.entity.pk, amount=Money(minor, currency), at=NOON, provider="acct-test"
    )
    return found_by_detector(kit, minor, currency=currency)


def done(found: Break, code: str, by: User, reason: str = "As the provider told us", **choice: str) -> Break:
    return resolve(found, BY_CODE[code], by=by, reason=reason, choice=choice, as_seen=seen(found))


def events(found: Break) -> list[str]:
    return list(found.notes.values_list("event", flat=True))


# --- Found, owned, discussed ------------------------------------------------------------------------


def test_the_same_finding_twice_is_one_break(kit: AppealKit) -> None:
    found = found_by_detector(kit)
    found_by_detector(kit)
    assert events(found) == ["found"]


def test_a_break_that_is_found_no_more_is_gone_and_comes_back(kit: AppealKit) -> None:
    found = found_by_detector(kit)
    note_findings(kit.entity.pk, [Cause.CHARGE_FOREIGN], [])
    found.refresh_from_db()
    assert found.state == BreakState.GONE
    assert found_by_detector(kit).state == BreakState.OPEN
    assert events(found) == ["found", "gone", "opened again"]


def test_breaks_are_assigned_together_and_the_trail_names_each(kit: AppealKit, marta: User, paolo: User) -> None:
    found = found_by_detector(kit)
    assert breaks.assign([found], owner=paolo, by=marta) == 1
    assert breaks.assign([found], owner=paolo, by=marta) == 0
    found.refresh_from_db()
    assert found.owner == paolo
    assert StaffAction.objects.get().about == f"break:{found.uuid}"


def test_a_comment_stays_in_the_history_and_its_words_out_of_the_trail(kit: AppealKit, marta: User) -> None:
    found = found_by_detector(kit)
    breaks.comment(found, "I have written to the bank", by=marta)
    assert events(found) == ["found", "commented"]
    assert "bank" not in str(StaffAction.objects.get().after)


# --- Resolved by one or by two ----------------------------------------------------------------------


def test_below_the_threshold_one_person_resolves(kit: AppealKit, marta: User) -> None:
    found = done(in_suspense(kit, 10_000), "other_income", marta)
    assert (found.state, found.resolved_by, found.approved_by) == (BreakState.RESOLVED, marta, None)
    assert found.entry == Entry.objects.get(key="assigned:charge:ch_1")
    assert balance(Bucket(kit.entity.pk, Purpose.SUSPENSE, "USD")) == Money(0, "USD")
    assert balance(Bucket(kit.entity.pk, Purpose.OTHER_INCOME, "USD")) == Money(-10_000, "USD")


def test_above_the_threshold_nothing_is_booked_before_a_second_person_says_yes(
    kit: AppealKit, marta: User, paolo: User
) -> None:
    found = done(in_suspense(kit, 10_001), "other_income", marta)
    assert found.state == BreakState.PROPOSED
    assert not Entry.objects.filter(key__startswith="assigned:").exists()
    found = resolving.approve(found, BY_CODE["other_income"], by=paolo, as_seen=seen(found))
    assert (found.state, found.approved_by) == (BreakState.RESOLVED, paolo)
    assert Entry.objects.filter(key__startswith="assigned:").exists()
    assert events(found) == ["found", "proposed", "approved"]


def test_whoever_proposed_cannot_approve(kit: AppealKit, marta: User) -> None:
    found = done(in_suspense(kit, 10_001), "other_income", marta)
    with pytest.raises(BreakError, match="own_proposal"):
        resolving.approve(found, BY_CODE["other_income"], by=marta, as_seen=seen(found))
    assert Break.objects.get().state == BreakState.PROPOSED


def test_a_rejected_proposal_leaves_the_break_open_with_both_reasons(kit: AppealKit, marta: User, paolo: User) -> None:
    found = done(in_suspense(kit, 10_001), "other_income", marta)
    resolving.reject(found, by=paolo, reason="Ask the donor first", as_seen=seen(found))
    found.refresh_from_db()
    assert (found.state, found.resolution, found.resolved_by) == (BreakState.OPEN, "", None)
    assert [note.text for note in found.notes.all()] == ["", "As the provider told us", "Ask the donor first"]


@pytest.mark.parametrize(("rate", "second"), [("1.00", False), ("1.30", True), (None, True)])
def test_the_threshold_is_in_the_reporting_currency_and_without_a_rate_two_decide(
    kit: AppealKit, rate: str | None, second: bool
) -> None:
    if rate:
        day = date(2026, 6, 30)
        ExchangeRate.objects.create(base="EUR", quote="USD", on=day, rate=Decimal(rate), source="test")
    found = found_by_detector(kit, 9_000, currency="EUR")
    assert resolving.needs_second_person(found) is second


def test_a_rate_the_other_way_round_serves_as_well(kit: AppealKit) -> None:
    ExchangeRate.objects.create(base="USD", quote="EUR", on=date(2026, 6, 30), rate=Decimal("0.5"), source="test")
    assert resolving.in_currency(Money(9_000, "EUR"), "USD") == Money(18_000, "USD")


def test_no_break_is_resolved_without_a_reason(kit: AppealKit, marta: User) -> None:
    with pytest.raises(BreakError, match="no_reason"):
        done(in_suspense(kit), "explained", marta, reason="  ")


def test_the_trail_tells_who_resolved_what_and_why_and_verifies(kit: AppealKit, marta: User) -> None:
    found = done(in_suspense(kit), "other_income", marta)
    line = StaffAction.objects.get(verb="break_resolved")
    assert (line.about, line.reason, line.after["resolution"]) == (
        f"break:{found.uuid}", "As the provider told us", "other_income",
    )  # fmt: skip
    assert list(trail.broken_lines()) == []


# --- Once -------------------------------------------------------------------------------------------


def test_of_two_people_at_once_the_second_is_told(kit: AppealKit, marta: User, paolo: User) -> None:
    found = in_suspense(kit)
    as_seen = seen(found)
    done(found, "other_income", marta)
    with pytest.raises(Overtaken, match="state"):
        resolve(found, BY_CODE["explained"], by=paolo, reason="x", choice={}, as_seen=as_seen)


def test_a_form_sent_after_the_facts_changed_is_refused(kit: AppealKit, marta: User) -> None:
    found = in_suspense(kit)
    found_by_detector(kit, 4_000)
    with pytest.raises(Overtaken, match="facts"):
        done(found, "other_income", marta)
    assert not Entry.objects.filter(key__startswith="assigned:").exists()


def test_what_was_booked_meanwhile_is_not_booked_again(kit: AppealKit, marta: User) -> None:
    found = in_suspense(kit)
    entry = Entry.objects.get(key="charge:ch_1")
    ledger.reverse(entry, key="by-hand", occurred_at=NOON)
    with pytest.raises(NotResolvable, match="booked_meanwhile"):
        done(found, "other_income", marta)
    found.refresh_from_db()
    assert found.state == BreakState.OPEN


def test_a_resolution_of_another_cause_is_refused(kit: AppealKit, marta: User) -> None:
    with pytest.raises(NotResolvable, match="other_cause"):
        done(in_suspense(kit), "reverse", marta)


# --- Open again -------------------------------------------------------------------------------------


def test_a_resolved_break_whose_facts_change_is_open_again(kit: AppealKit, marta: User) -> None:
    found = done(in_suspense(kit), "explained", marta)
    found_by_detector(kit)
    found.refresh_from_db()
    assert found.state == BreakState.RESOLVED
    found_by_detector(kit, 4_000)
    found.refresh_from_db()
    assert (found.state, found.resolution, found.resolved_by) == (BreakState.OPEN, "", None)
    assert events(found) == ["found", "resolved", "opened again"]


def test_a_proposal_falls_when_the_facts_change(kit: AppealKit, marta: User, paolo: User) -> None:
    found = done(in_suspense(kit, 20_000), "other_income", marta)
    found_by_detector(kit, 19_000)
    with pytest.raises(Overtaken):
        resolving.approve(found, BY_CODE["other_income"], by=paolo, as_seen=seen(found))


def test_what_should_have_ended_and_is_found_a_day_later_is_open_again(kit: AppealKit, marta: User) -> None:
    found = done(in_suspense(kit), "other_income", marta)
    found_by_detector(kit)
    assert Break.objects.get().state == BreakState.RESOLVED
    Break.objects.update(resolved_at=timezone.now() - timedelta(days=2))
    found_by_detector(kit)
    found.refresh_from_db()
    assert found.state == BreakState.OPEN


def test_waiting_ends_by_itself(kit: AppealKit, marta: User) -> None:
    tomorrow = timezone.localdate() + timedelta(days=1)
    found = done(in_suspense(kit, 90_000), "wait", marta, until=tomorrow.isoformat())
    assert found.state == BreakState.RESOLVED
    found_by_detector(kit, 90_000)
    assert Break.objects.get().state == BreakState.RESOLVED
    Break.objects.update(resolution=f"wait:{timezone.localdate() - timedelta(days=1)}")
    found_by_detector(kit, 90_000)
    assert Break.objects.get().state == BreakState.OPEN


def test_somebody_may_open_a_resolved_break_again(kit: AppealKit, marta: User, paolo: User) -> None:
    found = done(in_suspense(kit), "explained", marta)
    resolving.reopen(found, by=paolo, reason="It was not that", as_seen=seen(found))
    assert Break.objects.get().state == BreakState.OPEN


# --- What is booked ---------------------------------------------------------------------------------


def test_money_of_nobody_becomes_a_donation_at_what_came(kit: AppealKit, marta: User) -> None:
    donation = factories.open_donation(kit, amount=Money(5_500, "USD"))
    done(in_suspense(kit), "to_donation", marta, donation=donation.reference)
    donation.refresh_from_db()
    assert (donation.state, donation.amount_minor, donation.announced_minor) == ("received", 5_000, 5_500)
    assert donation.channel == Channel.ONLINE
    assert balance(Bucket(kit.entity.pk, Purpose.SUSPENSE, "USD")) == Money(0, "USD")


def test_a_refund_of_a_charge_that_was_given_to_a_donation_is_that_donations(kit: AppealKit, marta: User) -> None:
    donation = factories.open_donation(kit, amount=Money(5_000, "USD"))
    done(in_suspense(kit), "to_donation", marta, donation=str(donation.uuid))
    factories.refund("charge:ch_1", Money(5_000, "USD"))
    donation.refresh_from_db()
    assert donation.state == "refunded"
    assert balance(Bucket(kit.entity.pk, Purpose.SUSPENSE, "USD")) == Money(0, "USD")


def test_a_refund_of_other_income_lowers_it(kit: AppealKit, marta: User) -> None:
    done(in_suspense(kit), "other_income", marta)
    factories.refund("charge:ch_1", Money(5_000, "USD"))
    assert balance(Bucket(kit.entity.pk, Purpose.OTHER_INCOME, "USD")) == Money(0, "USD")


@pytest.mark.parametrize("quoted", ["", "nothing", "00000000"])
def test_a_donation_that_is_not_there_is_told(kit: AppealKit, marta: User, quoted: str) -> None:
    with pytest.raises(NotResolvable, match="no_donation"):
        done(in_suspense(kit), "to_donation", marta, donation=quoted)


def test_a_donation_of_another_legal_entity_is_not_found(kit: AppealKit, marta: User) -> None:
    foreign = factories.open_donation(factories.make_appeal(), amount=Money(5_000, "USD"))
    with pytest.raises(NotResolvable, match="no_donation"):
        done(in_suspense(kit), "to_donation", marta, donation=str(foreign.uuid))


def test_a_received_donation_takes_no_second_charge(kit: AppealKit, marta: User) -> None:
    donation, _charge = factories.received_donation(kit, amount=Money(5_000, "USD"))
    with pytest.raises(NotResolvable, match="donation_received"):
        done(in_suspense(kit), "to_donation", marta, donation=str(donation.uuid))
    assert not Entry.objects.filter(key__startswith="reassigned").exists()


def test_an_entry_of_nothing_is_reversed_and_its_donation_open_again(kit: AppealKit, marta: User) -> None:
    donation, charge = factories.received_donation(kit, amount=Money(5_000, "USD"))
    told = Finding(Cause.UNKNOWN_TO_PROVIDER, charge, Money(5_000, "USD"), date(2026, 7, 1), {"entry": charge})
    note_findings(kit.entity.pk, [Cause.UNKNOWN_TO_PROVIDER], [told])
    done(Break.objects.get(), "reverse", marta)
    donation.refresh_from_db()
    assert donation.state == "opened"


def test_every_cause_can_be_explained_or_put_off(kit: AppealKit, marta: User) -> None:
    for cause in Cause:
        told = Finding(cause, f"of {cause}", Money(0, "USD"), date(2026, 7, 1), {})
        note_findings(kit.entity.pk, [cause], [told])
        found = done(Break.objects.get(cause=cause), "explained", marta)
        assert found.state == BreakState.RESOLVED


# --- When the provider is asked ---------------------------------------------------------------------


def asking(ask: Any, book: Any = None) -> Resolution:
    return Resolution(code="ask", label="", help="", causes=frozenset({Cause.CHARGE_FOREIGN}), ask=ask, book=book)


def test_without_an_answer_the_break_is_open_and_may_be_tried_again(kit: AppealKit, marta: User) -> None:
    def silent(_found: Break) -> None:
        raise NoAnswer("no_answer")

    found = in_suspense(kit)
    with pytest.raises(NoAnswer):
        resolve(found, asking(silent), by=marta, reason="x", choice={}, as_seen=seen(found))
    found.refresh_from_db()
    assert (found.state, found.resolved_by) == (BreakState.OPEN, None)
    assert events(found) == ["found", "resolving", "failed"]


def test_while_one_asks_nobody_else_does(kit: AppealKit, marta: User, paolo: User) -> None:
    found = in_suspense(kit)
    as_seen = seen(found)
    told: list[str] = []

    def ask(_found: Break) -> None:
        with pytest.raises(Overtaken):
            resolve(found, asking(ask), by=paolo, reason="y", choice={}, as_seen=as_seen)
        told.append("once")

    def book(_found: Break, _choice: Any, _by: User) -> Posted | None:
        return None

    resolve(found, asking(ask, book), by=marta, reason="x", choice={}, as_seen=as_seen)
    assert told == ["once"]
    assert Break.objects.get().resolved_by == marta


@pytest.mark.django_db(transaction=True)
def test_of_four_people_at_the_same_moment_one_books(kit: AppealKit) -> None:
    people = [User.objects.create_user(f"person-{number}") for number in range(4)]
    found = in_suspense(kit)
    as_seen, start = seen(found), Barrier(len(people))

    def attempt(person: User) -> str:
        try:
            start.wait()
            resolve(found, BY_CODE["other_income"], by=person, reason="x", choice={}, as_seen=as_seen)
        except Overtaken:
            return "told"
        finally:
            connection.close()
        return "booked"

    with ThreadPoolExecutor(len(people)) as pool:
        outcomes = sorted(pool.map(attempt, people))
    assert outcomes == ["booked", "told", "told", "told"]
    assert Entry.objects.filter(key__startswith="assigned:").count() == 1
    assert list(trail.broken_lines()) == []
