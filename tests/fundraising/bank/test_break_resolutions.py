"""Breaks of bank lines: what the detector finds is booked by a match, and found no more."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from fundraising import ledger, offline
from fundraising.bank import findings, matching
from fundraising.breaks.resolutions import RESOLUTIONS
from fundraising.breaks.resolving import NotResolvable, resolve, seen
from fundraising.ledger import Bucket, balance
from fundraising.models import BankAccount, BankLine, Break, BreakState, Cause, MatchKind, Purpose
from fundraising.money import Money
from tests import factories

pytestmark = pytest.mark.django_db
BY_CODE = {resolution.code: resolution for resolution in RESOLUTIONS}
DAY = timezone.localdate() - timedelta(days=10)


@pytest.fixture
def bank() -> BankAccount:
    entity = factories.make_entity()
    entity.currency = "EUR"
    entity.save()
    return BankAccount.objects.create(entity=entity, slug="main-bank", name="Bank", iban="DE1", currency="EUR")


@pytest.fixture
def marta() -> User:
    return User.objects.create_user("marta")


def line_of(bank: BankAccount, minor: int, content: str = "x") -> BankLine:
    legs = {
        Bucket(bank.entity_id, Purpose.BANK, "EUR", provider=bank.slug): minor,
        offline.bank_suspense(bank.entity_id, bank.slug, "EUR"): -minor,
    }
    posted = ledger.post(key=f"bank:main-bank:{content}:1", legs=legs, occurred_at=timezone.now())
    return BankLine.objects.create(
        bank_account=bank, content=content, booked_on=DAY, amount_minor=minor, unexplained_minor=minor,
        entry_id=posted.entry_id,
    )  # fmt: skip


def only_break(bank: BankAccount) -> Break:
    findings.note(bank.entity)
    return Break.objects.get(state=BreakState.OPEN)


@pytest.mark.parametrize(
    ("minor", "code", "purpose"),
    [
        (-250, "bank_fee", Purpose.BANK_FEES),
        (120, "bank_fee", Purpose.BANK_FEES),
        (5_000, "line_income", Purpose.OTHER_INCOME),
        (-5_000, "line_expense", Purpose.EXPENSES),
    ],
)
def test_a_line_that_nothing_explains_is_booked_to_what_it_is(
    bank: BankAccount, marta: User, minor: int, code: str, purpose: Purpose
) -> None:
    line_of(bank, minor)
    found = only_break(bank)
    assert found.cause == Cause.BANK_LINE_UNKNOWN
    resolve(found, BY_CODE[code], by=marta, reason="As the bank says", choice={}, as_seen=seen(found))
    assert balance(Bucket(bank.entity_id, purpose, "EUR")) == Money(-minor, "EUR")
    assert balance(offline.bank_suspense(bank.entity_id, bank.slug, "EUR")) == Money(0, "EUR")
    findings.note(bank.entity)
    assert not Break.objects.filter(state=BreakState.OPEN).exists()


@pytest.mark.parametrize(("minor", "code"), [(500, "line_expense"), (-500, "line_income")])
def test_what_came_in_is_no_expense_and_what_went_out_no_income(bank: BankAccount, minor: int, code: str) -> None:
    line_of(bank, minor)
    assert not BY_CODE[code].is_for(only_break(bank))


def test_a_line_that_was_matched_meanwhile_is_not_booked_again(bank: BankAccount, marta: User) -> None:
    line = line_of(bank, -500)
    found = only_break(bank)
    matching.match_line(line, kind=MatchKind.BANK_FEE, amount_minor=-500, by=marta)
    with pytest.raises(NotResolvable):
        resolve(found, BY_CODE["bank_fee"], by=marta, reason="x", choice={}, as_seen=seen(found))
    assert balance(Bucket(bank.entity_id, Purpose.BANK_FEES, "EUR")) == Money(500, "EUR")


def test_of_two_lines_matched_with_one_payout_the_younger_match_is_undone(bank: BankAccount, marta: User) -> None:
    account = Bucket(bank.entity_id, Purpose.PAYOUTS, "EUR", provider="acct-test")
    for content in ("x", "y"):
        line = line_of(bank, 5_000, content)
        matching.match_line(line, kind=MatchKind.PAYOUT, amount_minor=5_000, by=marta, key="po_1", account=account)
    found = Break.objects.create(
        entity=bank.entity, cause=Cause.BANK_LINE_DOUBLED, subject="payout:po_1", currency="EUR", amount_minor=5_000
    )
    resolve(found, BY_CODE["undo_match"], by=marta, reason="x", choice={}, as_seen=seen(found))
    assert balance(account) == Money(-5_000, "EUR")
    assert not BY_CODE["undo_match"].is_for(found)
