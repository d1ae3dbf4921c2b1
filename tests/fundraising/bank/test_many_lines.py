"""Several lines matched in one go, and lines that look alike decided on the statement's page."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from fundraising import offline
from fundraising.bank import findings, matching, statements
from fundraising.models import (
    Alike,
    BankAccount,
    BankLine,
    Donation,
    DonationState,
    LegalEntity,
    Match,
    MatchKind,
    Role,
    StaffAction,
    Statement,
)
from fundraising.money import Money
from tests import factories
from tests.fundraising.bank.samples import ENGLISH, OTHER_IBAN, Row, camt, english_csv, make_account
from tests.staff import at_desk

pytestmark = pytest.mark.django_db


def transfer(kit: factories.AppealKit, minor: int, number: int = 0) -> Donation:
    draft = factories.draft(kit, amount=Money(minor, "EUR"), email=f"donor-{number}@example.org")
    return offline.open_transfer(draft)


def bring(account: BankAccount, clerk: User, *rows: Row) -> list[BankLine]:
    statement = statements.import_statement(account, name="x", data=camt(rows, iban=account.iban), by=clerk)
    return list(statement.lines.order_by("pk"))


def where(entity: LegalEntity, account: BankAccount, rest: str = "") -> str:
    return f"/desk/{entity.slug}/bank/accounts/{account.slug}/lines/{rest}"


def page(desk: Client, account: BankAccount, query: str = "") -> str:
    return desk.get(where(account.entity, account) + query).content.decode()


def tokens(text: str, name: str = "chosen") -> list[str]:
    return re.findall(rf'name="{name}" value="([^"]+)"', text)


def send(desk: Client, account: BankAccount, query: str = "", **data: Any) -> Any:
    return desk.post(where(account.entity, account, "match/") + query, data, follow=True)


def test_ticked_lines_are_matched_in_one_go_and_each_is_in_the_trail(
    desk: Client, account: BankAccount, clerk: User, kit: factories.AppealKit
) -> None:
    donations = [transfer(kit, 1_000 * n, n) for n in range(1, 4)]
    today = timezone.localdate()
    rows = [Row(today, one.amount_minor, text=str(one.transfer_reference), iban="") for one in donations]
    first, second, third = bring(account, clerk, *rows)
    offered = tokens(page(desk, account))
    assert len(offered) == 3
    chosen = [token for token in offered if token.startswith((f"{first.pk}|", f"{third.pk}|"))]
    answer = send(desk, account, "?state=all", chosen=chosen)
    assert "Matched: 2 lines." in answer.content.decode()
    assert answer.redirect_chain[-1][0].endswith("/lines/?state=all")
    assert set(Match.objects.values_list("line", flat=True)) == {first.pk, third.pk}
    assert StaffAction.objects.filter(verb="line_matched").count() == 2
    states = {one.pk: Donation.objects.get(pk=one.pk).state for one in donations}
    assert list(states.values()) == [DonationState.RECEIVED, DonationState.OPENED, DonationState.RECEIVED]
    match = Match.objects.get(line=first)
    matching.undo_match(match, by=clerk, reason="other donor")
    second.refresh_from_db()
    assert second.unexplained_minor == 2_000


def test_all_certain_ones_of_the_page_are_matched_and_no_others(
    desk: Client, account: BankAccount, clerk: User, kit: factories.AppealKit
) -> None:
    exact, other = transfer(kit, 1_000, 1), transfer(kit, 2_000, 2)
    today = timezone.localdate()
    sure, _unsure, _none = bring(
        account,
        clerk,
        Row(today, 1_000, text=str(exact.transfer_reference)),
        Row(today, 1_999, text=str(other.transfer_reference)),
        Row(today, 77, name="Somebody", iban=""),
    )
    text = page(desk, account)
    assert [token.split("|")[0] for token in tokens(text, "certain")] == [str(sure.pk)]
    assert len(tokens(text)) == 2
    answer = send(desk, account, certain=tokens(text, "certain"), all="1")
    assert "Matched: 1 line." in answer.content.decode()
    assert Match.objects.get().line == sure


def test_two_lines_that_may_be_one_donation_are_not_certain_and_only_one_is_matched(
    desk: Client, account: BankAccount, clerk: User, kit: factories.AppealKit
) -> None:
    donation = transfer(kit, 1_000)
    row = Row(timezone.localdate(), 1_000, text=str(donation.transfer_reference))
    bring(account, clerk, row, row)
    text = page(desk, account)
    assert tokens(text, "certain") == []
    answer = send(desk, account, chosen=tokens(text))
    assert "Matched: 1 line. 1 line was not matched" in answer.content.decode()
    assert Match.objects.count() == 1


def test_what_was_matched_or_split_since_is_left_alone(
    desk: Client, account: BankAccount, clerk: User, kit: factories.AppealKit
) -> None:
    donations = [transfer(kit, 1_000 * n, n) for n in (1, 2)]
    today = timezone.localdate()
    lines = bring(
        account, clerk, *[Row(today, one.amount_minor, text=str(one.transfer_reference)) for one in donations]
    )
    chosen = tokens(page(desk, account))
    matching.match_line(lines[0], kind=MatchKind.BANK_FEE, amount_minor=1_000, by=clerk)
    matching.match_line(lines[1], kind=MatchKind.BANK_FEE, amount_minor=1, by=clerk)
    answer = send(desk, account, chosen=chosen)
    assert "Matched: 0 lines. 2 lines were not matched" in answer.content.decode()
    assert not Match.objects.filter(kind=MatchKind.DONATION).exists()


def test_sent_twice_it_is_matched_once(
    desk: Client, account: BankAccount, clerk: User, kit: factories.AppealKit
) -> None:
    donation = transfer(kit, 1_000)
    bring(account, clerk, Row(timezone.localdate(), 1_000, text=str(donation.transfer_reference)))
    chosen = tokens(page(desk, account))
    send(desk, account, chosen=chosen)
    assert "1 line was not matched" in send(desk, account, chosen=chosen).content.decode()
    assert Match.objects.count() == 1


@pytest.mark.parametrize("chosen", [[], ["nonsense"], ["99999999999999999999|1|donation|x"], ["1|2"], ["-1|2|own|x"]])
def test_nonsense_matches_nothing(desk: Client, account: BankAccount, clerk: User, chosen: list[str]) -> None:
    bring(account, clerk, Row(timezone.localdate(), 77))
    assert send(desk, account, chosen=chosen).status_code == 200
    assert not Match.objects.exists()


def test_lines_of_another_account_are_not_matched_here(
    desk: Client, account: BankAccount, clerk: User, kit: factories.AppealKit
) -> None:
    other = make_account(kit.entity, iban=OTHER_IBAN)
    donation = transfer(kit, 1_000)
    bring(other, clerk, Row(timezone.localdate(), 1_000, text=str(donation.transfer_reference)))
    chosen = tokens(page(desk, other))
    assert len(chosen) == 1
    send(desk, account, chosen=chosen)
    assert not Match.objects.exists()


def test_whoever_may_only_read_is_offered_nothing(account: BankAccount, clerk: User, kit: factories.AppealKit) -> None:
    donation = transfer(kit, 1_000)
    bring(account, clerk, Row(timezone.localdate(), 1_000, text=str(donation.transfer_reference)))
    auditor = at_desk(Role.AUDITOR, account.entity)
    text = page(auditor, account)
    assert tokens(text) == []
    assert send(auditor, account, chosen=["1|1|donation|x"]).status_code == 403


def test_a_page_full_of_suggestions_needs_few_queries(
    desk: Client, account: BankAccount, clerk: User, kit: factories.AppealKit, django_assert_max_num_queries: Any
) -> None:
    make_account(kit.entity, iban=OTHER_IBAN)
    today = timezone.localdate()
    donations = [transfer(kit, 1_000 + n, n) for n in range(30)]
    rows = [Row(today, one.amount_minor, text=str(one.transfer_reference)) for one in donations]
    rows += [Row(today, -100 - n, iban=OTHER_IBAN) for n in range(25)]
    bring(account, clerk, *rows)
    with django_assert_max_num_queries(20):
        assert len(tokens(page(desk, account))) == 50


# --- Lines that look alike ------------------------------------------------------------------------


@pytest.fixture
def alike(account: BankAccount, clerk: User) -> Alike:
    account.csv_mapping = ENGLISH
    account.save()
    day = date(2026, 11, 2)
    for rows in ([Row(day - timedelta(days=1), 1), Row(day, 500)], [Row(day, 500), Row(day + timedelta(days=1), 2)]):
        statements.import_statement(account, name="x.csv", data=english_csv(rows), by=clerk)
    return Alike.objects.get()


def decide(desk: Client, alike: Alike, **data: Any) -> str:
    entity = alike.line.bank_account.entity
    answer = desk.post(f"/desk/{entity.slug}/bank/alike/{alike.uuid}/", data, follow=True)
    return str(answer.content.decode())


def test_a_person_says_on_the_statements_page_that_lines_are_their_own(desk: Client, alike: Alike) -> None:
    assert "Booked: 1 line more." in decide(desk, alike, what="own", count="1")
    assert BankLine.objects.filter(amount_minor=500).count() == 2
    assert "decided already" in decide(desk, alike, what="own", count="1")
    assert "decided already" in decide(desk, alike, what="same", count="1")
    assert "Taken back." in decide(desk, alike, what="again")
    assert BankLine.objects.filter(amount_minor=500, withdrawn_at=None).count() == 1
    assert "the same lines" in decide(desk, alike, what="same")


@pytest.mark.parametrize("count", ["0", "-1", "2", "99999999999999999999", "one"])
def test_a_number_that_cannot_be_is_refused(desk: Client, alike: Alike, count: str) -> None:
    decide(desk, alike, what="own", count=count)
    assert BankLine.objects.filter(amount_minor=500).count() == 1


def test_where_a_break_asks_it_is_decided_there(desk: Client, alike: Alike) -> None:
    findings.note(alike.line.bank_account.entity)
    assert "A break asks for this." in decide(desk, alike, what="own", count="1")
    statement = Statement.objects.get(pk=alike.statement_id)
    text = desk.get(f"/desk/{alike.line.bank_account.entity.slug}/bank/statements/{statement.uuid}/").content.decode()
    assert "Decide it at the break" in text
    assert BankLine.objects.filter(amount_minor=500).count() == 1


def test_another_legal_entitys_lines_are_not_there_to_decide(alike: Alike) -> None:
    elsewhere = factories.make_entity()
    stranger = at_desk(Role.FINANCE, elsewhere)
    assert stranger.post(f"/desk/{elsewhere.slug}/bank/alike/{alike.uuid}/", {"what": "own"}).status_code == 404
