"""Reading the books, as a textbook has it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fundraising import books, donations, ledger
from fundraising.books import JournalFilter, Ledger
from fundraising.books.chart import KINDS, Chart, Kind, NumberRefused, number_account
from fundraising.books.funds import statement
from fundraising.ledger import Bucket
from fundraising.models import Close, LegalEntity, Posting, Purpose, Role, StaffAction
from fundraising.money import Money
from tests import factories
from tests.staff import make_person

pytestmark = pytest.mark.django_db
JANUARY, FEBRUARY = date(2026, 1, 15), date(2026, 2, 15)


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def book(entity: LegalEntity, on: date, *legs: tuple[Bucket, int], key: str = "") -> ledger.Posted:
    return ledger.post(key=key or f"test:{factories.next_number()}", legs=dict(legs), occurred_at=noon(on))


def bucket(entity: LegalEntity, purpose: Purpose, currency: str = "EUR", provider: str = "") -> Bucket:
    return Bucket(entity.pk, purpose, currency, provider=provider)


def test_every_purpose_has_a_kind_a_number_and_its_own_place_in_the_chart() -> None:
    chart = Chart(factories.make_entity())
    assert set(KINDS) == set(Purpose)
    assert {account.purpose for account in chart.accounts} == set(Purpose)
    numbers = [account.number for account in chart.accounts]
    assert len(numbers) == len(set(numbers))
    assert chart.find("donations").kind == Kind.INCOME


def test_two_accounts_at_a_provider_have_two_numbers_that_never_swap() -> None:
    entity = factories.make_entity()
    factories.account_ids(bucket(entity, Purpose.PROVIDER, provider="zoe"))
    factories.account_ids(bucket(entity, Purpose.PROVIDER, provider="abe"))
    chart = Chart(entity)
    assert (chart.find("provider", "zoe").number, chart.find("provider", "abe").number) == ("1200", "1201")


def test_accountants_give_an_account_their_own_number_and_the_trail_keeps_it() -> None:
    entity = factories.make_entity()
    approver = make_person(Role.APPROVER, entity=entity)
    number_account(entity, Purpose.FEES, "", number=" 4970 ", name="Nebenkosten  des Geldverkehrs", by=approver)
    found = Chart(entity).find("fees")
    assert (found.number, found.name, found.is_ours) == ("4970", "Nebenkosten des Geldverkehrs", False)
    line = StaffAction.objects.get(entity=entity)
    assert (line.about, line.after["number"]) == ("account:fees:", "4970")


@pytest.mark.parametrize(
    ("number", "name", "code"), [("49a", "Fees", "digits"), ("123456789", "Fees", "digits"), ("4970", " ", "name")]
)
def test_a_number_that_no_package_takes_is_refused(number: str, name: str, code: str) -> None:
    entity = factories.make_entity()
    with pytest.raises(NumberRefused) as refused:
        number_account(entity, Purpose.FEES, "", number=number, name=name, by=make_person())
    assert refused.value.code == code


def test_a_month_of_giving_reads_like_a_textbook() -> None:
    """100 given, settled for 98.25, 40 refunded, 58.25 paid out in the next month."""
    kit = factories.make_appeal()
    entity = kit.entity
    _donation, charge = factories.received_donation(kit, amount=Money(10_000, "EUR"), at=noon(JANUARY))
    donations.settle(
        key="txn:1", fact_key=charge, gross=Money(10_000, "EUR"), settled=Money(10_000, "EUR"), fee=Money(175, "EUR")
    )
    factories.refund(charge, Money(4_000, "EUR"), at=noon(JANUARY))
    provider = bucket(entity, Purpose.PROVIDER, provider=factories.PROVIDER)
    book(entity, FEBRUARY, (provider, -5_825), (bucket(entity, Purpose.PAYOUTS, provider=factories.PROVIDER), 5_825))

    (column,) = books.trial_balance(entity, date(2026, 1, 31))
    assert [(line.account.purpose, line.debit, line.credit) for line in column.lines] == [
        (Purpose.PROVIDER, Money(9_825, "EUR"), None),
        (Purpose.CLEARING, None, Money(4_000, "EUR")),
        (Purpose.DONATIONS, None, Money(10_000, "EUR")),
        (Purpose.REFUNDS, Money(4_000, "EUR"), None),
        (Purpose.FEES, Money(175, "EUR"), None),
    ]
    assert column.debit == column.credit == Money(14_000, "EUR")
    (later,) = books.trial_balance(entity, FEBRUARY)
    assert {line.account.purpose: line.balance.minor for line in later.lines}[Purpose.PAYOUTS] == 5_825

    fund = statement(entity, date(2026, 1, 1), date(2026, 1, 31))[0]
    assert (fund.income.minor, fund.refunds.minor, fund.fees.minor, fund.closing.minor) == (10_000, 4_000, 175, 5_825)
    assert books.trial_balance(entity, date(2025, 12, 31)) == []


def test_announced_money_stands_apart() -> None:
    kit = factories.make_appeal()
    donation = factories.open_donation(kit)
    donations.announce_donation(donation.uuid, provider_id="pi_1", amount=donation.amount, at=noon(JANUARY))
    (column,) = books.trial_balance(kit.entity, JANUARY)
    assert column.lines == []
    assert [line.account.purpose for line in column.memorandum] == [Purpose.PENDING, Purpose.ANNOUNCED]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 40),
            st.sampled_from(["EUR", "USD", "JPY"]),
            st.sampled_from([Purpose.HAND, Purpose.EXPENSES, Purpose.OTHER_INCOME, Purpose.OPENING]),
            st.sampled_from([Purpose.SUSPENSE, Purpose.BANK_FEES, Purpose.FEES, Purpose.PENDING]),
            st.integers(-(10**9), 10**9).filter(bool),
            st.booleans(),
        ),
        max_size=12,
    ),
    st.integers(-1, 41),
)
def test_a_trial_balance_is_zero_and_the_sum_of_its_postings_at_any_day(
    facts: list[tuple[int, str, Purpose, Purpose, int, bool]], day: int
) -> None:
    """Whatever was booked on whatever day, and however much of it has been folded."""
    entity = factories.make_entity()
    for offset, currency, debit, credit, minor, fold in facts:
        on = JANUARY + timedelta(days=offset)
        book(entity, on, (bucket(entity, debit, currency), minor), (bucket(entity, credit, currency), -minor))
        if fold:
            ledger.fold()
    on = JANUARY + timedelta(days=day)
    sums: dict[tuple[str, str], int] = {
        (row["currency"], row["account__purpose"]): row["sum"]
        for row in Posting.objects.filter(entry__entity=entity, entry__accounted_on__lte=on)
        .values("currency", "account__purpose")
        .annotate(sum=Sum("amount_minor"))
        if row["sum"]
    }
    found: dict[tuple[str, str], int] = {}
    for column in books.trial_balance(entity, on):
        lines = [*column.lines, *column.memorandum]
        assert sum(line.balance.minor for line in lines) == 0
        found |= {(column.currency, str(line.account.purpose)): line.balance.minor for line in lines}
    assert found == sums


def test_the_journal_goes_back_page_by_page_and_shows_each_entry_once() -> None:
    entity = factories.make_entity()
    hand, other = bucket(entity, Purpose.HAND, provider="cash"), bucket(entity, Purpose.OTHER_INCOME)
    for number in range(books.PAGE + 7):
        book(entity, JANUARY + timedelta(days=number // 40), (hand, 100), (other, -100), key=f"test:j{number}")
    first, place = books.journal_page(entity, JournalFilter(), None)
    assert place
    rest, end = books.journal_page(entity, JournalFilter(), books.Place.read(str(place)))
    assert end is None
    days = [entry.accounted_on for entry in [*first, *rest]]
    assert days == sorted(days, reverse=True)
    assert {entry.key for entry in [*first, *rest]} == {f"test:j{number}" for number in range(books.PAGE + 7)}
    assert len(rest) == 7


def test_a_fact_of_a_closed_day_is_shown_as_late() -> None:
    entity = factories.make_entity()
    by = make_person(Role.APPROVER, entity=entity)
    Close.objects.create(entity=entity, soft_until=date(2026, 1, 31), reason="January", by=by)
    hand, other = bucket(entity, Purpose.HAND, provider="cash"), bucket(entity, Purpose.OTHER_INCOME)
    book(entity, JANUARY, (hand, 100), (other, -100), key="test:late")
    book(entity, FEBRUARY, (hand, 100), (other, -100), key="test:in time")
    (late,) = books.journal_page(entity, JournalFilter(late=True), None)[0]
    assert (late.key, late.accounted_on, books.is_late(late)) == ("test:late", date(2026, 2, 1), True)


def test_an_accounts_ledger_opens_runs_and_closes() -> None:
    entity = factories.make_entity()
    hand, other = bucket(entity, Purpose.HAND, provider="cash"), bucket(entity, Purpose.OTHER_INCOME)
    for on, minor in ((JANUARY, 500), (FEBRUARY, 200), (FEBRUARY, -50), (date(2026, 3, 1), 9)):
        book(entity, on, (hand, minor), (other, -minor))
    wanted = Ledger(Purpose.HAND, "cash", "EUR", date(2026, 2, 1), date(2026, 2, 28))
    opening = books.ledger_opening(entity, wanted)
    lines, after = books.ledger_page(entity, wanted, opening=opening, after=None)
    assert (opening.minor, books.ledger_closing(entity, wanted).minor, after) == (500, 650, None)
    assert [(line.amount.minor, line.running.minor) for line in lines] == [(200, 700), (-50, 650)]


def test_an_accounts_ledger_keeps_its_running_balance_over_pages() -> None:
    entity = factories.make_entity()
    hand, other = bucket(entity, Purpose.HAND, provider="cash"), bucket(entity, Purpose.OTHER_INCOME)
    for _number in range(books.PAGE + 3):
        book(entity, JANUARY, (hand, 10), (other, -10))
    wanted = Ledger(Purpose.HAND, "cash", "EUR", JANUARY, JANUARY)
    opening = Money(0, "EUR")
    first, place = books.ledger_page(entity, wanted, opening=opening, after=None)
    rest, end = books.ledger_page(entity, wanted, opening=opening, after=place)
    assert [line.running.minor for line in [*first, *rest]] == [10 * n for n in range(1, books.PAGE + 4)]
    assert end is None


def test_another_legal_entitys_books_are_not_read() -> None:
    ours, theirs = factories.make_entity(), factories.make_entity()
    book(theirs, JANUARY, (bucket(theirs, Purpose.HAND), 5), (bucket(theirs, Purpose.OPENING), -5))
    assert books.trial_balance(ours, JANUARY) == []
    assert books.journal_page(ours, JournalFilter(), None) == ([], None)
