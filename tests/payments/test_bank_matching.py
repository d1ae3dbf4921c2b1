"""Payouts on bank statements: suggested with reasons, matched by themselves only where there is no other."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone, translation

from fundraising import ledger
from fundraising.bank import matching, statements
from fundraising.ledger import Bucket
from fundraising.models import BankAccount, BankLine, Match, MatchKind, Purpose, Role
from fundraising.offline.references import new_reference
from payments.bank import matching as bank_matching
from payments.models import Payout, StripeAccount
from tests import factories
from tests.fundraising.bank.samples import Row, camt, make_account
from tests.staff import make_person

pytestmark = pytest.mark.django_db
DAY = date(2025, 11, 5)


@pytest.fixture
def account() -> BankAccount:
    return make_account()


@pytest.fixture
def clerk(account: BankAccount) -> User:
    return make_person(Role.FINANCE, entity=account.entity)


@pytest.fixture
def stripe(account: BankAccount) -> StripeAccount:
    return StripeAccount.objects.create(slug=f"acct-{factories.next_number()}", entity=account.entity, api_key="sk")


def payout(stripe: StripeAccount, minor: int, on: date = DAY, **more: str) -> Payout:
    created = datetime.combine(on - timedelta(days=2), datetime.min.time(), timezone.get_current_timezone())
    return Payout.objects.create(
        account=stripe, payout_id=f"po_{factories.next_number()}", currency="EUR", amount_minor=minor, arrival_on=on,
        created_at=created, status_at=created, **{"status": "paid", "descriptor": "STRIPE PAYOUT", **more},
    )  # fmt: skip


def bring(account: BankAccount, clerk: User, *rows: Row, opening: int = 0) -> list[BankLine]:
    statement = statements.import_statement(account, name="x", data=camt(rows, opening), by=clerk)
    return list(statement.lines.select_related("bank_account").order_by("pk"))


def stripe_row(minor: int, on: date = DAY, text: str = "Stripe payout") -> Row:
    return Row(on, minor, name="Stripe", text=text)


def test_a_payout_is_suggested_with_its_reasons(account: BankAccount, clerk: User, stripe: StripeAccount) -> None:
    expected = payout(stripe, 98_250, trace_id="TRC-77")
    payout(stripe, 98_251)
    [line] = bring(account, clerk, stripe_row(98_250, text="STRIPE PAYOUT trc 77"))
    [found] = bank_matching.suggestions(line)
    assert (found.key, found.score, found.kind) == (expected.payout_id, 100, MatchKind.PAYOUT)
    assert found.words == [
        "is of this amount", "carries its trace id", "carries its text", "names Stripe", "came on the day expected",
    ]  # fmt: skip


def test_the_only_payout_of_an_amount_is_matched_by_itself(
    account: BankAccount, clerk: User, stripe: StripeAccount
) -> None:
    expected = payout(stripe, 98_250)
    bring(account, clerk, stripe_row(98_250, DAY + timedelta(days=1)))
    assert bank_matching.match_certain(account) == 1
    assert bank_matching.match_certain(account) == 0
    found = Match.objects.get()
    assert (found.key, found.by, found.kind) == (expected.payout_id, None, MatchKind.PAYOUT)
    paid_out = Bucket(account.entity_id, Purpose.PAYOUTS, "EUR", provider=stripe.slug)
    assert ledger.balance(paid_out).minor == -98_250
    assert ledger.balance(statements.unexplained_of(account)).minor == 0
    matching.undo_match(found, by=clerk, reason="no")
    assert ledger.balance(paid_out).minor == 0
    assert bank_matching.match_certain(account) == 0, "what somebody undid is not done again by itself"


def test_why_it_was_matched_is_worded_for_whoever_reads_it(
    account: BankAccount, clerk: User, stripe: StripeAccount
) -> None:
    payout(stripe, 98_250)
    bring(account, clerk, stripe_row(98_250))
    with translation.override("it"):
        bank_matching.match_certain(account)
    found = Match.objects.get()
    assert (found.why, "names_stripe" in found.reasons) == ("", True)
    assert "names Stripe; came on the day expected" in found.explanation
    with translation.override("it"):
        assert "nomina Stripe" in found.explanation


def test_a_match_of_before_says_why_as_it_was_worded_then(
    account: BankAccount, clerk: User, stripe: StripeAccount
) -> None:
    payout(stripe, 98_250)
    bring(account, clerk, stripe_row(98_250))
    bank_matching.match_certain(account)
    Match.objects.update(reasons=[], why="nomina Stripe")
    assert Match.objects.get().explanation == "nomina Stripe"


def test_two_payouts_or_two_lines_of_an_amount_are_left_to_people(
    account: BankAccount, clerk: User, stripe: StripeAccount
) -> None:
    payout(stripe, 500)
    payout(stripe, 500)
    payout(stripe, 700)
    lines = bring(account, clerk, stripe_row(500), stripe_row(700), stripe_row(700, text="STRIPE 2"))
    assert bank_matching.match_certain(account) == 0
    assert len(bank_matching.suggestions(lines[0])) == 2


def test_of_a_line_that_came_twice_the_first_is_the_payout(
    account: BankAccount, clerk: User, stripe: StripeAccount
) -> None:
    payout(stripe, 700)
    first, second = bring(account, clerk, stripe_row(700), stripe_row(700))
    assert bank_matching.match_certain(account) == 1
    assert (Match.objects.get().line, first.occurrence, second.occurrence) == (first, 1, 2)


def test_a_payout_of_another_month_failed_or_of_a_donor_is_not_certain(
    account: BankAccount, clerk: User, stripe: StripeAccount
) -> None:
    payout(stripe, 500, DAY - timedelta(days=30))
    payout(stripe, 700, status="failed")
    payout(stripe, 900)
    bring(account, clerk, stripe_row(500), stripe_row(700), Row(DAY, 900, text=f"Gift {new_reference()}"))
    assert bank_matching.match_certain(account) == 0


def test_a_payout_that_takes_money_from_us_is_matched_too(
    account: BankAccount, clerk: User, stripe: StripeAccount
) -> None:
    expected = payout(stripe, -4_200)
    bring(account, clerk, stripe_row(-4_200))
    assert bank_matching.match_certain(account) == 1
    assert Match.objects.get().key == expected.payout_id


def test_a_line_that_takes_a_failed_payout_back_is_suggested_for_it(
    account: BankAccount, clerk: User, stripe: StripeAccount
) -> None:
    failed = payout(stripe, 500)
    bring(account, clerk, stripe_row(500))
    bank_matching.match_certain(account)
    Payout.objects.update(status="failed")
    [back] = bring(account, clerk, stripe_row(-500, DAY + timedelta(days=2)), opening=500)
    [found] = bank_matching.suggestions(back)
    assert (found.key, found.amount_minor) == (failed.payout_id, -500)


def test_payouts_of_another_legal_entity_are_not_ours(account: BankAccount, clerk: User, stripe: StripeAccount) -> None:
    other = StripeAccount.objects.create(slug="acct-elsewhere", entity=factories.make_entity(), api_key="sk")
    theirs = payout(other, 500)
    [line] = bring(account, clerk, stripe_row(500))
    assert bank_matching.suggestions(line) == []
    assert bank_matching.match_certain(account) == 0
    assert bank_matching.payout_of(account, theirs.payout_id) is None


def test_two_payouts_of_an_amount_are_each_matched_with_the_line_that_carries_their_trace_id(
    account: BankAccount, clerk: User, stripe: StripeAccount
) -> None:
    first, second = (payout(stripe, 500, DAY + timedelta(days=n), trace_id=f"TRC-1000{n}") for n in (0, 1))
    rows = [stripe_row(500, DAY + timedelta(days=1), text=f"STRIPE trc 1000{n}") for n in (1, 0)]
    of_second, of_first = bring(account, clerk, *rows)
    assert bank_matching.match_certain(account) == 2
    assert dict(Match.objects.values_list("key", "line")) == {
        first.payout_id: of_first.pk, second.payout_id: of_second.pk,
    }  # fmt: skip


def test_of_two_payouts_of_an_amount_the_one_without_a_trace_is_left_what_the_other_is_not(
    account: BankAccount, clerk: User, stripe: StripeAccount
) -> None:
    told, untold = payout(stripe, 500, trace_id="TRC-10001"), payout(stripe, 500, DAY + timedelta(days=1))
    carries, bare = bring(account, clerk, stripe_row(500, text="STRIPE TRC-10001"), stripe_row(500, text="STRIPE"))
    assert bank_matching.match_certain(account) == 2
    assert dict(Match.objects.values_list("key", "line")) == {told.payout_id: carries.pk, untold.payout_id: bare.pk}


def test_a_line_that_carries_the_trace_id_of_a_payout_is_no_other_ones(
    account: BankAccount, clerk: User, stripe: StripeAccount
) -> None:
    payout(stripe, 500, trace_id="TRC-10001")
    payout(stripe, 700)
    bring(account, clerk, stripe_row(700, text="STRIPE TRC-10001"))
    assert bank_matching.match_certain(account) == 0


def test_a_trace_id_that_is_the_beginning_of_another_is_not_taken_for_it(
    account: BankAccount, clerk: User, stripe: StripeAccount
) -> None:
    payout(stripe, 500, trace_id="TRC-1000")
    whole = payout(stripe, 500, DAY + timedelta(days=1), trace_id="TRC-10001")
    [line] = bring(account, clerk, stripe_row(500, text="STRIPE TRC-10001"))
    assert bank_matching.match_certain(account) == 1
    assert (Match.objects.get().key, Match.objects.get().line) == (whole.payout_id, line)


def test_several_lines_get_the_suggestions_that_each_would_get_alone(
    account: BankAccount, clerk: User, stripe: StripeAccount
) -> None:
    for minor, days in ((500, 0), (500, 3), (700, 0), (700, 40), (-900, 1)):
        payout(stripe, minor, DAY + timedelta(days=days))
    lines = bring(account, clerk, stripe_row(500), stripe_row(700), stripe_row(-900), stripe_row(123))
    together = bank_matching.suggestions_for(lines)
    assert together == [bank_matching.suggestions(line) for line in lines]
    assert [len(found) for found in together] == [2, 1, 1, 0]
