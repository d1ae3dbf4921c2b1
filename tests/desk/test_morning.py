"""The morning page: what came in, where the money is, what waits; in few queries whatever the volume."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.desk import trends
from fundraising import breaks, donations
from fundraising.books import days
from fundraising.models import Cause, JournalEntry, Purpose, Role
from fundraising.money import Money
from payments.models import BalanceTransaction, Dispute, EventState, InboxEvent
from receipts import receipts
from receipts.models import MailState, OutgoingMail
from tests import factories, staff
from tests.factories import AppealKit
from tests.payments.desk import make_account

pytestmark = pytest.mark.django_db
MOST_QUERIES = 20


@pytest.fixture
def finance(kit: AppealKit) -> Client:
    return staff.at_desk(Role.FINANCE, kit.entity)


def page(client: Client, kit: AppealKit, path: str = "") -> str:
    answer = client.get(f"/desk/{kit.entity.slug}/{path}")
    assert answer.status_code == 200
    return answer.content.decode()


def text_of(html: str) -> str:
    """What the page says, without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_a_desk_without_anything_says_that_nothing_waits(finance: Client, kit: AppealKit) -> None:
    shown = text_of(page(finance, kit))
    assert "Nothing waits" in shown
    assert "The books are empty" in shown


def test_what_came_in_is_told_by_currency_for_today_yesterday_the_week_and_the_month(kit: AppealKit) -> None:
    now = timezone.now().replace(hour=12)
    for days_ago, minor in ((0, 1_000), (1, 200), (5, 30), (80, 4)):
        factories.received_donation(kit, amount=Money(minor, "EUR"), at=now - timedelta(days=days_ago))
    factories.received_donation(kit, amount=Money(7_000, "JPY"), at=now)
    found = {row.currency: row for row in trends.Trends(kit.entity.pk, now.date()).came_in()}
    euros = found["EUR"]
    assert [money.minor for money in (euros.today, euros.yesterday, euros.week)] == [1_000, 200, 1_230]
    in_month = sum(minor for days_ago, minor in ((0, 1_000), (1, 200), (5, 30)) if days_ago < now.day)
    assert euros.month.minor == in_month
    assert found["JPY"].today == Money(7_000, "JPY")


def test_what_was_given_back_in_the_month_stands_beside_what_came_in(kit: AppealKit) -> None:
    _donation, charge = factories.received_donation(kit, amount=Money(5_000, "EUR"))
    factories.refund(charge, Money(1_500, "EUR"))
    [row] = trends.Trends(kit.entity.pk, timezone.now().date()).came_in()
    assert (row.month.minor, row.given_back.minor) == (5_000, 1_500)


def test_where_the_money_is_follows_it_from_the_charge_to_the_bank(finance: Client, kit: AppealKit) -> None:
    _donation, charge = factories.received_donation(kit, amount=Money(5_000, "EUR"))
    held = {one.purpose: one.amount.minor for one in days.holdings(kit.entity.pk, [Purpose.CLEARING, Purpose.PROVIDER])}
    assert held == {Purpose.CLEARING: 5_000}
    donations.settle(
        key="txn:1", fact_key=charge, gross=Money(5_000, "EUR"), settled=Money(5_000, "EUR"), fee=Money(175, "EUR")
    )
    held = {one.purpose: one.amount.minor for one in days.holdings(kit.entity.pk, [Purpose.CLEARING, Purpose.PROVIDER])}
    assert held == {Purpose.PROVIDER: 4_825}
    assert "€48.25" in page(finance, kit)


def test_the_share_of_fees_is_taken_in_the_currency_that_was_settled(kit: AppealKit) -> None:
    _donation, charge = factories.received_donation(kit, amount=Money(10_000, "USD"))
    donations.settle(
        key="txn:2", fact_key=charge, gross=Money(10_000, "USD"), settled=Money(9_000, "EUR"), fee=Money(270, "EUR")
    )
    [fees] = trends.Trends(kit.entity.pk, timezone.now().date()).fees()
    assert fees.currency == "EUR"
    assert [(week.settled.minor, week.fees.minor, week.share) for week in fees.weeks if week.settled.minor] == [
        (9_000, 270, 300)
    ]


def test_all_that_waits_for_a_person_is_on_the_page(finance: Client, kit: AppealKit) -> None:
    account = make_account(kit)
    long_ago = timezone.now() - timedelta(days=2)
    for state in (EventState.PARKED, EventState.FAILED):
        InboxEvent.objects.create(
            account=account,
            event_id=f"evt_{state}",
            type="charge.succeeded",
            body=b"",
            state=state,
            received_at=long_ago,
        )
    BalanceTransaction.objects.create(
        account=account, txn_id="txn_1", type="charge", currency="EUR", amount_minor=1, fee_minor=0, net_minor=1,
        created_at=long_ago, available_on=long_ago,
    )  # fmt: skip
    donation, _charge = factories.received_donation(kit)
    receipts.refuse(donation, "no_statement")
    other, _charge = factories.received_donation(kit)
    receipts.issue_receipt(other)
    OutgoingMail.objects.update(state=MailState.FAILED)
    Dispute.objects.create(
        account=account, dispute_id="dp_1", charge_id="ch_1", donation=other, currency="EUR", amount_minor=5_000,
        status="needs_response", status_at=long_ago, reason="fraudulent", opened_at=long_ago,
        evidence_due_by=timezone.now() + timedelta(days=2),
    )  # fmt: skip
    finding = breaks.Finding(Cause.CHARGE_MISSING, "ch_9", Money(-4_000, "EUR"), timezone.now().date())
    breaks.note_findings(kit.entity.pk, [Cause.CHARGE_MISSING], [finding])
    shown = text_of(page(finance, kit))
    for words in (
        "1 event of Stripe is not handled",
        "1 event of Stripe failed",
        "1 balance transaction is not booked",
        "1 receipt could not be issued",
        "1 mail could not be delivered",
        "charged at the provider, not in the books",
        "1 day left",
        "€40",
    ):
        assert words in shown, words


def test_a_deadline_nearer_than_three_days_is_red(finance: Client, kit: AppealKit) -> None:
    account = make_account(kit)
    for days_left in (2, 10):
        Dispute.objects.create(
            account=account, dispute_id=f"dp_{days_left}", charge_id="ch_1", currency="EUR", amount_minor=5_000,
            status="needs_response", status_at=timezone.now(), reason="fraudulent", opened_at=timezone.now(),
            evidence_due_by=timezone.now() + timedelta(days=days_left, hours=1),
        )  # fmt: skip
    shown = page(finance, kit)
    assert shown.index("dp_2") < shown.index("dp_10"), "the soonest is first"
    assert re.search(r'badge--bad">2 days left', shown)
    assert re.search(r'badge--warn">10 days left', shown)


def test_manual_entries_of_others_wait_for_an_approver_and_ones_own_for_somebody_else(kit: AppealKit) -> None:
    approver, other = staff.make_person(Role.APPROVER, entity=kit.entity), staff.make_person()
    for author in (approver, other):
        JournalEntry.objects.create(entity=kit.entity, accounted_on=timezone.now().date(), text="Rent", by=author)
    shown = text_of(page(staff.signed_in(approver), kit))
    assert "1 manual entry waits for your approval" in shown
    assert "1 manual entry waits for approval" in shown


def test_another_legal_entitys_money_and_worries_are_not_shown(finance: Client, kit: AppealKit) -> None:
    stranger = factories.make_appeal()
    factories.received_donation(stranger, amount=Money(77_700, "EUR"))
    finding = breaks.Finding(Cause.SUSPENSE, "x", Money(1, "EUR"), timezone.now().date())
    breaks.note_findings(stranger.entity.pk, [Cause.SUSPENSE], [finding])
    shown = text_of(page(finance, kit))
    assert "€777" not in shown
    assert "Nothing waits" in shown


@pytest.mark.parametrize("path", ["", "calendar/", "trends/"])
def test_a_page_asks_at_most_twenty_times_however_much_there_is(finance: Client, kit: AppealKit, path: str) -> None:
    few = _queries(finance, kit, path)
    account = make_account(kit)
    for number in range(12):
        for currency in ("EUR", "USD", "JPY"):
            factories.received_donation(kit, amount=Money(5_000 + number, currency))
        InboxEvent.objects.create(
            account=account, event_id=f"evt_{number}", type="x", body=b"", state=EventState.FAILED
        )
        Dispute.objects.create(
            account=account, dispute_id=f"dp_{number}", charge_id="ch", currency="EUR", amount_minor=1, status="x",
            donation=factories.open_donation(kit), status_at=timezone.now(), reason="y", opened_at=timezone.now(),
        )  # fmt: skip
    many = _queries(finance, kit, path)
    assert len(few) <= len(many) <= MOST_QUERIES, "\n".join(many)
    assert len(many) - len(few) <= 1


def _queries(client: Client, kit: AppealKit, path: str) -> list[str]:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        page(client, kit, path)
    return [query["sql"] for query in captured.captured_queries]


def test_charts_carry_their_figures_as_a_table_and_no_inline_style(finance: Client, kit: AppealKit) -> None:
    factories.received_donation(kit, amount=Money(12_345, "EUR"))
    shown = page(finance, kit, "trends/")
    assert "<svg" in shown
    assert 'role="img"' in shown
    assert "style=" not in shown
    assert '<td class="num">€123.45</td>' in shown


def test_the_calendar_goes_back_month_by_month_and_never_beyond_today(finance: Client, kit: AppealKit) -> None:
    first = timezone.now().date().replace(day=1)
    assert "The month after" not in page(finance, kit, "calendar/")
    assert "The month after" in page(finance, kit, "calendar/?month=2026-01")
    for nonsense in ("2999-01", "x", "2026-13", "0-0"):
        assert first.strftime("%B %Y") in page(finance, kit, f"calendar/?month={nonsense}")


def test_those_who_may_not_read_the_books_do_not_see_the_morning(kit: AppealKit) -> None:
    assert staff.at_desk(Role.DONOR_CARE, kit.entity).get(f"/desk/{kit.entity.slug}/").status_code == 403
