"""What a hurried person does to the desk: sends twice, goes back, types nonsense, huge sums and days far away."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from fundraising.bank import statements
from fundraising.models import BankAccount, BankLine, Donation, JournalEntry, Match, Role
from tests.factories import AppealKit
from tests.fundraising.bank.samples import Row, camt, make_account
from tests.fundraising.test_offline_pages import filled_in
from tests.staff import make_person, signed_in

pytestmark = pytest.mark.django_db
LARGE = 200_000_000  # two millions: more than Stripe takes in one charge


@pytest.fixture
def account(kit: AppealKit) -> BankAccount:
    return make_account(kit.entity)


@pytest.fixture
def desk(kit: AppealKit) -> Client:
    return signed_in(make_person(Role.APPROVER, Role.ADMIN, entity=kit.entity))


@pytest.fixture
def line(kit: AppealKit, account: BankAccount) -> BankLine:
    clerk = make_person(Role.FINANCE, entity=kit.entity)
    statements.import_statement(account, name="x", data=camt([Row(timezone.localdate(), LARGE)]), by=clerk)
    return BankLine.objects.get()


def address(kit: AppealKit, rest: str) -> str:
    return f"/desk/{kit.entity.slug}/{rest}"


def test_a_part_of_a_large_line_is_matched_and_the_line_is_found_by_its_amount(
    desk: Client, kit: AppealKit, account: BankAccount, line: BankLine
) -> None:
    told = {"kind": "other", "account": "other_income", "amount": "1500000", "why": "a legacy"}
    desk.post(address(kit, f"bank/lines/{line.pk}/match/"), told)
    assert Match.objects.get().amount_minor == 150_000_000
    where = address(kit, f"bank/accounts/{account.slug}/lines/")
    assert f"/bank/lines/{line.pk}/" in desk.get(where, {"amount": "2,000,000"}).content.decode()


def test_a_large_cheque_is_recorded(desk: Client, kit: AppealKit) -> None:
    assert desk.post(address(kit, "record/"), filled_in(kit, amount="1500000")).status_code == 302
    assert Donation.objects.get().amount_minor == 150_000_000


@pytest.mark.parametrize("amount", ["-5", "0", "1e9", "9" * 30, "\u0665", "12.345", "\x00"])
def test_what_is_no_amount_is_refused_beside_its_field(desk: Client, kit: AppealKit, amount: str) -> None:
    assert desk.post(address(kit, "record/"), filled_in(kit, amount=amount)).status_code == 422
    assert not Donation.objects.exists()


def entry(**changed: str) -> dict[str, str]:
    lines = {
        "lines-TOTAL_FORMS": "2", "lines-INITIAL_FORMS": "0",
        "lines-0-account": "expenses:", "lines-0-currency": "EUR", "lines-0-debit": "12",
        "lines-1-account": "hand:cash", "lines-1-currency": "EUR", "lines-1-credit": "12",
    }  # fmt: skip
    return {"uuid": str(uuid4()), "text": "Rent", "accounted_on": "2026-03-31", **lines, **changed}


def test_a_manual_entry_sent_twice_is_one_entry(desk: Client, kit: AppealKit) -> None:
    sent = entry()
    answers = [desk.post(address(kit, "journal/manual/new/"), sent) for _click in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert answers[0]["Location"] == answers[1]["Location"]
    assert JournalEntry.objects.count() == 1
    desk.post(address(kit, "journal/manual/new/"), entry())
    assert JournalEntry.objects.count() == 2


def test_the_form_of_a_manual_entry_has_a_number_of_its_own(desk: Client, kit: AppealKit) -> None:
    page = desk.get(address(kit, "journal/manual/new/"))
    assert 'type="hidden" name="uuid"' in page.content.decode()


def test_a_donation_recorded_from_a_line_is_recorded_once_and_the_second_person_is_told(
    desk: Client, kit: AppealKit, line: BankLine
) -> None:
    where = address(kit, f"record/line/{line.pk}/")
    told = {**filled_in(kit), "uuid": str(uuid4())}
    assert desk.post(where, told).status_code == 302
    for sent in (told, {**told, "uuid": str(uuid4())}):
        answer = desk.post(where, sent, follow=True)
        assert "Nothing was recorded." in answer.content.decode()
    assert Donation.objects.count() == 1


def test_a_cheque_taken_back_twice_says_so(desk: Client, kit: AppealKit) -> None:
    desk.post(address(kit, "record/"), filled_in(kit))
    where = address(kit, f"donations/{Donation.objects.get().uuid}/bounced/")
    desk.post(where, {"reason": "no cover"})
    answer: Any = desk.post(where, {"reason": "no cover"}, follow=True)
    assert "Nothing of this cheque is left to take back." in answer.content.decode()


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
@pytest.mark.parametrize(
    "page",
    ["trail/?since={0}&until={0}", "exports/new/?kind=trail", "exports/new/?kind=donations", "journal/?first={0}"],
)
def test_the_first_and_the_last_day_of_all_break_no_page(desk: Client, kit: AppealKit, page: str, day: str) -> None:
    where = address(kit, page.format(day))
    answer = desk.post(where, {"format": "csv", "first": day, "last": day}) if "exports" in page else desk.get(where)
    assert answer.status_code in {200, 302, 422}


def test_nonsense_in_a_filter_of_breaks_is_no_error(desk: Client, kit: AppealKit) -> None:
    assert desk.get(address(kit, "breaks/"), {"currency": "\x00", "cause": "\x00"}).status_code == 200
