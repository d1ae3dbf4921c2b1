"""The verbs of a mandate: again, out of order, at once; and in which round its collections are."""

from __future__ import annotations

import threading
from datetime import date, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from fundraising import donations, mandates
from fundraising.drafts import Regularly
from fundraising.models import (
    AppealState,
    DonationState,
    Interval,
    Mandate,
    MandateEnd,
    MandateState,
    NoticeKind,
    PublicName,
    Round,
    Tribute,
)
from fundraising.money import Money
from tests import factories

pytestmark = pytest.mark.django_db

BEGAN = timezone.now().replace(microsecond=0)
FIFTY = Money(5_000, "EUR")
NEXT = (BEGAN + timedelta(days=30)).date()


def later(days: float) -> datetime:
    return BEGAN + timedelta(days=days)


def opened(kit: factories.AppealKit | None = None, **more: object) -> Mandate:
    donation = factories.open_donation(kit, regularly=Regularly(Interval.MONTH), **more)  # type: ignore[arg-type]
    assert donation.mandate
    return donation.mandate


def started(kit: factories.AppealKit | None = None, **more: object) -> Mandate:
    mandate = opened(kit, **more)
    assert mandates.start(mandate.uuid, at=BEGAN, next_on=NEXT)
    mandate.refresh_from_db()
    return mandate


def state_of(mandate: Mandate) -> MandateState:
    mandate.refresh_from_db()
    return MandateState(mandate.state)


def told(mandate: Mandate) -> list[str]:
    return list(mandate.notices.order_by("pk").values_list("kind", flat=True))


def fail(mandate: Mandate, at: datetime, *, about: str = "in_2:1", step: int = 1) -> bool:
    return mandates.failed(mandate.uuid, about=about, step=step, is_last=False, code="expired_card", at=at)


def test_a_mandate_starts_once() -> None:
    mandate = started()
    assert not mandates.start(mandate.uuid, at=later(3), next_on=None)
    assert state_of(mandate) == MandateState.ACTIVE
    assert (mandate.started_at, mandate.next_on) == (BEGAN, NEXT)


def test_the_first_collection_is_the_donation_of_the_form() -> None:
    mandate = started()
    first = mandate.donations.get()
    assert mandates.collect(mandate.uuid, about="in_1", amount=FIFTY, at=BEGAN) == first
    assert mandates.collect(mandate.uuid, about="in_1", amount=FIFTY, at=BEGAN) == first
    second = mandates.collect(mandate.uuid, about="in_2", amount=FIFTY, at=later(30))
    assert second != first
    assert mandates.collect(mandate.uuid, about="in_2", amount=FIFTY, at=later(30)) == second
    assert mandate.donations.count() == 2


def test_what_cannot_be_the_first_collection_leaves_the_donation_of_the_form() -> None:
    mandate = started()
    second = mandates.collect_next(mandate.uuid, about="in_2", amount=FIFTY, at=later(30))
    first = mandates.collect(mandate.uuid, about="in_1", amount=FIFTY, at=BEGAN)
    assert first.pk < second.pk
    assert mandates.collect_next(mandate.uuid, about="in_2", amount=FIFTY, at=later(30)) == second


def test_a_collection_is_like_the_first_donation_in_all_that_the_donor_chose() -> None:
    mandate = started(fee_cover_minor=200)
    first = mandate.donations.get()
    first.tribute, first.tribute_name, first.employer = Tribute.MEMORY, "Nonna Pia", "Harbour Works"
    first.newsletter_consent = "Write to me"
    first.save()
    mandates.collect(mandate.uuid, about="in_1", amount=FIFTY, at=BEGAN)
    second = mandates.collect(mandate.uuid, about="in_2", amount=FIFTY, at=later(30))
    assert (second.tribute, second.tribute_name, second.employer) == (Tribute.MEMORY, "Nonna Pia", "Harbour Works")
    assert (second.donor_id, second.wording_id, second.page_id) == (first.donor_id, first.wording_id, first.page_id)
    assert (second.amount_minor, second.fee_cover_minor) == (5_000, 200)
    assert second.public_name == PublicName.ANONYMOUS
    assert second.newsletter_consent == ""  # they said so once
    assert second.opened_at == later(30)


def test_an_amount_that_was_set_at_stripe_covers_no_fee_that_we_know_of() -> None:
    mandate = started(fee_cover_minor=200)
    mandates.collect(mandate.uuid, about="in_1", amount=FIFTY, at=BEGAN)
    other = mandates.collect(mandate.uuid, about="in_2", amount=Money(150, "EUR"), at=later(30))
    assert (other.amount_minor, other.fee_cover_minor) == (150, 0)


def test_a_collection_is_in_the_newest_round_that_is_open_then() -> None:
    kit = factories.make_appeal()
    mandate = started(kit)
    second = Round.objects.create(appeal=kit.appeal, number=2, reason="More", opens_at=later(10), closes_at=later(50))
    Round.objects.create(appeal=kit.appeal, number=3, reason="Later", opens_at=later(100))
    mandates.collect(mandate.uuid, about="in_1", amount=FIFTY, at=BEGAN)
    rounds = [
        mandates.collect(mandate.uuid, about=f"in_{days}", amount=FIFTY, at=later(days)).round for days in (5, 30, 60)
    ]
    assert rounds == [kit.round, second, kit.round]


def test_where_no_round_is_open_a_collection_is_in_that_of_the_sign_up_and_its_money_in_the_late_fund() -> None:
    kit = factories.make_appeal()
    mandate = started(kit)
    mandates.collect(mandate.uuid, about="in_1", amount=FIFTY, at=BEGAN)
    kit.appeal.state = AppealState.CLOSED
    kit.appeal.save()
    Round.objects.filter(pk=kit.round.pk).update(closes_at=later(1))
    donation = mandates.collect(mandate.uuid, about="in_2", amount=FIFTY, at=later(30))
    donations.receive_donation(donation.uuid, key="charge:ch_late", amount=FIFTY, at=later(30), provider="acct")
    donation.refresh_from_db()
    assert (donation.round, donation.fund) == (kit.round, kit.appeal.late_fund)


def test_nothing_is_collected_under_a_mandate_that_had_ended_or_never_was() -> None:
    mandate = started()
    mandates.ended(mandate.uuid, about="sub_1", reason=MandateEnd.DONOR, wish="", at=later(10))
    on_its_way = mandates.collect(mandate.uuid, about="in_1", amount=FIFTY, at=later(9))
    assert on_its_way.state == DonationState.OPENED
    with pytest.raises(mandates.NotCollectable):
        mandates.collect(mandate.uuid, about="in_2", amount=FIFTY, at=later(11))
    with pytest.raises(mandates.NotCollectable):
        mandates.collect(factories.make_appeal().appeal.uuid, about="in_3", amount=FIFTY, at=later(9))


def test_a_failed_collection_is_told_of_once_for_each_attempt_and_then_that_it_came() -> None:
    mandate = started()
    assert fail(mandate, later(30))
    assert not fail(mandate, later(30))
    assert fail(mandate, later(33), about="in_2:2", step=2)
    assert state_of(mandate) == MandateState.FAILING
    assert mandates.mended(mandate.uuid, about="in_2", at=later(34))
    assert not mandates.mended(mandate.uuid, about="in_2", at=later(34))
    assert state_of(mandate) == MandateState.ACTIVE
    failed, mended = NoticeKind.MANDATE_FAILED, NoticeKind.MANDATE_MENDED
    assert told(mandate) == [failed, failed, mended]
    assert list(mandate.notices.filter(kind=failed).order_by("pk").values_list("step", "code")) == [
        (1, "expired_card"),
        (2, "expired_card"),
    ]


@pytest.mark.parametrize("came_later", [0, 1])
def test_a_failure_that_is_heard_of_after_the_money_came_changes_nothing(came_later: int) -> None:
    mandate = started()
    mandates.mended(mandate.uuid, about="in_2", at=later(30 + came_later))
    assert not fail(mandate, later(30))
    assert state_of(mandate) == MandateState.ACTIVE
    assert told(mandate) == []


def test_an_older_collection_that_comes_does_not_mend_a_newer_failure() -> None:
    mandate = started()
    fail(mandate, later(60), about="in_3:1")
    mandates.mended(mandate.uuid, about="in_2", at=later(45))
    assert state_of(mandate) == MandateState.FAILING


def test_whoever_is_let_off_a_failed_collection_is_told_nothing() -> None:
    mandate = started()
    fail(mandate, later(30))
    assert mandates.let_off(mandate.uuid, at=later(31))
    assert state_of(mandate) == MandateState.ACTIVE
    assert told(mandate) == [NoticeKind.MANDATE_FAILED]


def test_a_debit_can_fail_before_anything_else_is_known_of_the_mandate() -> None:
    mandate = opened()
    assert fail(mandate, later(14), about="in_1:1")
    assert state_of(mandate) == MandateState.FAILING
    assert mandate.started_at == later(14)


def test_a_change_is_told_of_if_it_changes_anything() -> None:
    mandate = started()

    def change(minor: int, day: int | None, about: str, at: datetime) -> bool:
        amount, none = Money(minor, "EUR"), Money(0, "EUR")
        return mandates.changed(mandate.uuid, about=about, amount=amount, fee_cover=none, day=day, next_on=NEXT, at=at)

    assert not change(5_000, None, "change:0", later(1))
    assert change(7_000, None, "change:1", later(2))
    assert not change(7_000, None, "change:1", later(2))
    assert change(7_000, 5, "change:2", later(4))
    assert not change(6_000, 5, "change:late", later(3))
    mandate.refresh_from_db()
    assert (mandate.amount_minor, mandate.day) == (7_000, 5)
    assert told(mandate) == [NoticeKind.MANDATE_CHANGED] * 2


def test_a_pause_can_be_prolonged_and_ended_and_an_older_word_of_it_changes_nothing() -> None:
    mandate = started()
    until, longer = date(2027, 3, 1), date(2027, 5, 1)
    assert mandates.paused(mandate.uuid, about="change:1", until=until, at=later(5))
    assert not mandates.paused(mandate.uuid, about="sub:5", until=until, at=later(5))
    assert mandates.paused(mandate.uuid, about="change:2", until=longer, at=later(6))
    assert not mandates.paused(mandate.uuid, about="sub:late", until=until, at=later(5))
    mandate.refresh_from_db()
    assert (mandate.state, mandate.paused_until) == (MandateState.PAUSED, longer)
    assert mandates.resumed(mandate.uuid, about="change:3", next_on=NEXT, at=later(8))
    assert not mandates.paused(mandate.uuid, about="sub:later", until=None, at=later(7))
    assert state_of(mandate) == MandateState.ACTIVE
    assert mandate.paused_until is None


def test_a_pause_stands_while_an_earlier_collection_fails_and_comes() -> None:
    mandate = started()
    mandates.paused(mandate.uuid, about="change:1", until=None, at=later(31))
    assert fail(mandate, later(30))
    assert mandates.mended(mandate.uuid, about="in_2", at=later(32))
    assert state_of(mandate) == MandateState.PAUSED


def test_an_end_is_final_and_told_of_once() -> None:
    mandate = started()
    assert mandates.ended(mandate.uuid, about="sub_1", reason=MandateEnd.GAVE_UP, wish="", at=later(40))
    assert not mandates.ended(mandate.uuid, about="sub_1", reason=MandateEnd.DONOR, wish="money", at=later(41))
    assert not fail(mandate, later(42))
    assert not mandates.mended(mandate.uuid, about="in_2", at=later(42))
    assert not mandates.paused(mandate.uuid, about="x", until=None, at=later(42))
    assert not mandates.resumed(mandate.uuid, about="x", next_on=None, at=later(42))
    assert not mandates.start(mandate.uuid, at=later(42), next_on=None)
    assert not mandates.redirected(mandate.uuid, about="x", at=later(42))
    assert state_of(mandate) == MandateState.ENDED
    assert (mandate.end_reason, mandate.ended_at, mandate.next_on) == (MandateEnd.GAVE_UP, later(40), None)
    assert told(mandate) == [NoticeKind.MANDATE_ENDED]


def test_whoever_never_confirmed_is_told_nothing_of_the_end() -> None:
    mandate = opened()
    mandates.ended(mandate.uuid, about="sub_1", reason=MandateEnd.NEVER_STARTED, wish="", at=later(1))
    assert told(mandate) == []


def test_the_new_purpose_is_told_of_once() -> None:
    mandate = started()
    assert mandates.redirected(mandate.uuid, about="appeal:1", at=later(1))
    assert not mandates.redirected(mandate.uuid, about="appeal:1", at=later(2))
    assert state_of(mandate) == MandateState.ACTIVE


@pytest.mark.django_db(transaction=True)
def test_one_collection_is_one_donation_however_many_workers_hear_of_it() -> None:
    mandate = started()
    barrier, found = threading.Barrier(4), []

    def hear(number: int) -> None:
        try:
            barrier.wait(60)
            about = f"in_{number % 2}"
            found.append(mandates.collect(mandate.uuid, about=about, amount=FIFTY, at=later(number)).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=hear, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 4
    assert len(set(found)) == 2 == mandate.donations.count()
