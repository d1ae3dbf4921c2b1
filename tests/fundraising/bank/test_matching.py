"""What a bank line may be, what is matched by itself, and the breaks of bank accounts."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from fundraising import audit, ledger, offline
from fundraising.bank import findings, matching, statements, suggestions
from fundraising.ledger import Bucket
from fundraising.models import (
    BankAccount,
    BankLine,
    Break,
    BreakState,
    Cause,
    Donation,
    DonationState,
    Match,
    MatchKind,
    Purpose,
    StaffAction,
)
from fundraising.money import Money
from tests import factories
from tests.fundraising.bank.samples import DONOR_IBAN, OTHER_IBAN, Row, camt, make_account

pytestmark = pytest.mark.django_db


@pytest.fixture
def today() -> date:
    return timezone.localdate()


def bring(account: BankAccount, clerk: User, *rows: Row, opening: int = 0) -> list[BankLine]:
    statement = statements.import_statement(account, name="x", data=camt(rows, opening, iban=account.iban), by=clerk)
    return list(statement.lines.select_related("bank_account").order_by("pk"))


def transfer(kit: factories.AppealKit, minor: int = 5_000, email: str | None = None) -> Donation:
    return offline.open_transfer(factories.draft(kit, amount=Money(minor, "EUR"), email=email))


def held(account: BankAccount, purpose: Purpose, provider: str = "") -> int:
    return ledger.balance(Bucket(account.entity_id, purpose, account.currency, provider=provider)).minor


def test_a_reference_is_found_however_it_is_written(
    kit: factories.AppealKit, account: BankAccount, clerk: User, today: date
) -> None:
    donation = transfer(kit)
    reference = str(donation.transfer_reference)
    written = [
        reference,
        reference.lower(),
        " ".join(reference),
        f"Spende {reference[:4]}-{reference[4:8]} {reference[8:]} danke",
    ]
    rows = [Row(today, 5_000 + n, text=text) for n, text in enumerate(written)]
    for line in bring(account, clerk, *rows):
        [found, *_rest] = suggestions.for_line(line)
        assert (found.donation, found.kind) == (donation, MatchKind.DONATION)
        assert found.score >= suggestions.BY_REFERENCE


def test_the_exact_reference_and_amount_is_matched_by_itself(
    kit: factories.AppealKit, account: BankAccount, clerk: User, today: date
) -> None:
    donation, other = transfer(kit), transfer(kit, 7_000)
    bring(
        account,
        clerk,
        Row(today, 5_000, text=f"x {donation.transfer_reference}"),
        Row(today, 6_999, text=f"{other.transfer_reference}"),
    )
    assert suggestions.match_certain(account) == 1
    assert suggestions.match_certain(account) == 0
    donation.refresh_from_db()
    other.refresh_from_db()
    assert (donation.state, other.state) == (DonationState.RECEIVED, DonationState.OPENED)
    found = Match.objects.get()
    assert found.by is None
    assert not StaffAction.objects.filter(verb="line_matched").exists()
    matching.undo_match(found, by=clerk, reason="other donor")
    donation.refresh_from_db()
    assert donation.state == DonationState.OPENED
    assert held(account, Purpose.SUSPENSE, account.slug) == -11_999
    assert suggestions.match_certain(account) == 0, "what somebody undid is not done again by itself"
    [suggested] = suggestions.for_line(found.line)
    assert suggested.donation == donation


def test_two_lines_with_one_reference_receive_the_donation_once(
    kit: factories.AppealKit, account: BankAccount, clerk: User, today: date
) -> None:
    donation = transfer(kit)
    text = f"{donation.transfer_reference}"
    bring(account, clerk, Row(today, 5_000, text=text), Row(today, 5_000, text=text))
    assert suggestions.match_certain(account) == 1
    findings.note(account.entity)
    found = Break.objects.get(cause=Cause.BANK_LINE_DOUBLED)
    assert (found.amount_minor, found.donation) == (5_000, donation)


def test_a_donor_is_known_by_the_account_that_their_money_came_from(
    kit: factories.AppealKit, account: BankAccount, clerk: User, today: date
) -> None:
    first, second = (transfer(kit, email="ada@example.org") for _ in (1, 2))
    if first.pk == second.pk:  # the same form twice is one donation
        second = transfer(kit, 2_500, email="ada@example.org")
    old, new = bring(
        account,
        clerk,
        Row(today, 5_000, text=f"{first.transfer_reference}"),
        Row(today, 2_500, text="as always", name="A R"),
    )
    suggestions.match_certain(account)
    found = {suggestion.donation: suggestion for suggestion in suggestions.for_line(new)}
    assert "came from this account before" in found[second].words
    assert old.iban_index == new.iban_index


def test_amount_and_a_word_of_the_name_suggest_a_donation(
    kit: factories.AppealKit, account: BankAccount, clerk: User, today: date
) -> None:
    donation = transfer(kit)
    donor = donation.donor
    by_name, by_amount, nobody = bring(
        account, clerk,
        Row(today, 5_000, name=f"Dr. {donor.last_name.upper()}", iban=OTHER_IBAN),
        Row(today, 5_001, name=donor.last_name, iban=OTHER_IBAN),
        Row(today, 5_000, name="Somebody Else", iban=OTHER_IBAN),
    )  # fmt: skip
    [found] = suggestions.for_line(by_name)
    assert found.donation == donation
    assert found.score < suggestions.BY_IBAN
    assert suggestions.for_line(by_amount) == []
    assert suggestions.for_line(nobody) == []


def test_money_between_our_accounts_leaves_nothing_unexplained(account: BankAccount, clerk: User, today: date) -> None:
    other = make_account(account.entity, iban=OTHER_IBAN)
    [out] = bring(account, clerk, Row(today, -5_000, iban=OTHER_IBAN))
    [into] = bring(other, clerk, Row(today, 5_000, iban=account.iban))
    for line in (out, into):
        [found] = suggestions.for_line(line)
        assert found.kind == MatchKind.OWN
        matching.match_line(line, kind=MatchKind.OWN, amount_minor=line.amount_minor, by=clerk, key=found.key)
    assert held(account, Purpose.SUSPENSE, account.slug) == held(account, Purpose.SUSPENSE, other.slug) == 0
    assert held(account, Purpose.SUSPENSE, matching.BETWEEN_OURS) == 0


def test_a_refund_from_our_bank_is_booked_by_its_line(
    kit: factories.AppealKit, account: BankAccount, clerk: User, today: date
) -> None:
    donation = transfer(kit)
    bring(account, clerk, Row(today, 5_000, text=f"{donation.transfer_reference}"))
    suggestions.match_certain(account)
    [back] = bring(account, clerk, Row(today, -5_000, iban=DONOR_IBAN, text="refund"), opening=5_000)
    [found] = suggestions.for_line(back)
    assert found.donation == donation
    refund = matching.match_line(back, kind=MatchKind.DONATION, amount_minor=-5_000, by=clerk, donation=donation)
    donation.refresh_from_db()
    assert donation.state == DonationState.REFUNDED
    with pytest.raises(offline.MoreIsBooked):
        matching.undo_match(Match.objects.exclude(pk=refund.pk).get(), by=clerk, reason="")
    matching.undo_match(refund, by=clerk, reason="")
    donation.refresh_from_db()
    assert donation.state == DonationState.RECEIVED


def test_no_more_of_a_line_is_matched_than_there_is(account: BankAccount, clerk: User, today: date) -> None:
    [line] = bring(account, clerk, Row(today, -1_000))
    for wrong in (-1_001, 1, 0):
        with pytest.raises(matching.NotMatchable):
            matching.match_line(line, kind=MatchKind.BANK_FEE, amount_minor=wrong, by=clerk)
    matching.match_line(line, kind=MatchKind.BANK_FEE, amount_minor=-600, by=clerk)
    with pytest.raises(matching.NotMatchable):
        matching.match_line(line, kind=MatchKind.BANK_FEE, amount_minor=-600, by=clerk)
    assert held(account, Purpose.BANK_FEES) == 600


def test_a_match_is_undone_once(account: BankAccount, clerk: User, today: date) -> None:
    [line] = bring(account, clerk, Row(today, -1_000))
    match = matching.match_line(line, kind=MatchKind.BANK_FEE, amount_minor=-1_000, by=clerk)
    matching.undo_match(match, by=clerk, reason="no")
    with pytest.raises(matching.UndoneBefore):
        matching.undo_match(match, by=clerk, reason="no")
    again = matching.match_line(line, kind=MatchKind.BANK_FEE, amount_minor=-1_000, by=clerk)
    assert again.entry_id != match.entry_id
    assert held(account, Purpose.BANK_FEES) == 1_000
    told = StaffAction.objects.filter(about=f"match:{match.uuid}").order_by("pk")
    assert list(told.values_list("verb", flat=True)) == ["line_matched", "match_undone"]


def test_the_audit_finds_a_line_whose_unexplained_part_is_wrong(account: BankAccount, clerk: User, today: date) -> None:
    first, second = bring(account, clerk, Row(today, -1_000), Row(today, -700))
    matching.match_line(first, kind=MatchKind.BANK_FEE, amount_minor=-600, by=clerk)
    wrong = matching.match_line(second, kind=MatchKind.BANK_FEE, amount_minor=-700, by=clerk)
    matching.undo_match(wrong, by=clerk, reason="no")
    assert all(check.ok for check in audit.checks())
    BankLine.objects.filter(pk=second.pk).update(unexplained_minor=0)
    assert [check.name for check in audit.checks() if not check.ok] == [
        "bank lines whose unexplained part is not what their matches leave"
    ]


def test_accounts_that_no_line_may_be_booked_to_by_hand_are_refused(
    account: BankAccount, clerk: User, today: date
) -> None:
    [line] = bring(account, clerk, Row(today, 1_000))
    income = Bucket(account.entity_id, Purpose.DONATIONS, "EUR")
    for kind, bucket in (
        (MatchKind.OTHER, income),
        (MatchKind.OTHER, None),
        (MatchKind.PAYOUT, None),
        (MatchKind.DONATION, None),
    ):
        with pytest.raises(matching.OtherSideMissing):
            matching.match_line(line, kind=kind, amount_minor=1_000, by=clerk, account=bucket)


# --- Breaks ---------------------------------------------------------------------------------------


def causes(account: BankAccount) -> dict[str, int]:
    findings.note(account.entity)
    standing = Break.objects.filter(entity=account.entity, state=BreakState.OPEN)
    return dict(standing.values_list("cause", "amount_minor"))


def test_a_line_that_nothing_explains_for_days_is_a_break_until_it_is_matched(
    account: BankAccount, clerk: User, today: date
) -> None:
    old, _new = bring(account, clerk, Row(today - findings.WAITS, -900), Row(today, -300))
    assert causes(account) == {Cause.BANK_LINE_UNKNOWN: -900}
    matching.match_line(old, kind=MatchKind.BANK_FEE, amount_minor=-900, by=clerk)
    assert causes(account) == {}


def test_a_missing_statement_is_a_break_until_it_comes(account: BankAccount, clerk: User, today: date) -> None:
    first, second, third = (Row(today - timedelta(days=n), 1_000 + n) for n in (2, 1, 0))
    bring(account, clerk, first)
    bring(account, clerk, third, opening=first.minor + second.minor)
    assert causes(account) == {Cause.STATEMENT_GAP: -second.minor, Cause.BALANCE_DIFFERS: -second.minor}
    bring(account, clerk, second, opening=first.minor)
    assert causes(account) == {}


def test_overlapping_statements_and_several_of_one_day_are_no_gap(
    account: BankAccount, clerk: User, today: date
) -> None:
    days = [today - timedelta(days=n) for n in (2, 1, 0)]
    rows = [Row(day, 100 + n, text=f"Gift {n}") for n, day in enumerate(days)]
    bring(account, clerk, *rows[:2])
    bring(account, clerk, *rows[1:], opening=100)
    bring(account, clerk, Row(today, 7), opening=303)
    bring(account, clerk, Row(today, 9), opening=310)
    assert causes(account) == {}


def test_what_was_in_the_account_before_is_a_break_until_it_is_booked(
    account: BankAccount, clerk: User, today: date
) -> None:
    bring(account, clerk, Row(today, 500), opening=10_000)
    assert causes(account) == {Cause.BALANCE_DIFFERS: -10_000}
    opening = Bucket(account.entity_id, Purpose.OPENING, "EUR")
    ledger.post(
        key="opening", legs={statements.bucket_of(account): 10_000, opening: -10_000}, occurred_at=timezone.now()
    )
    assert causes(account) == {}
