"""Payouts at the desk: the list, one payout with its lines and the bank, and what staff can do there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from fundraising.bank.matching import match_line
from fundraising.models import BankAccount, Break, Cause, LegalEntity, MatchKind, Role, StaffAction
from payments import gateway, payouts
from payments.bank import matching
from payments.models import BalanceTransaction, Payout, StripeAccount
from tests import factories
from tests.factories import AppealKit
from tests.payments.desk import make_account
from tests.payments.test_detectors import arrive, charged, in_bank, line, paid_out
from tests.staff import at_desk

pytestmark = pytest.mark.django_db
MOST_QUERIES = 20


@pytest.fixture
def kit() -> AppealKit:
    return factories.make_appeal()


@pytest.fixture
def account(kit: AppealKit) -> StripeAccount:
    return make_account(kit)


@pytest.fixture
def bank(kit: AppealKit) -> BankAccount:
    return BankAccount.objects.create(entity=kit.entity, slug="bank-p", name="Our bank", iban="DE2", currency="EUR")


@pytest.fixture
def finance(kit: AppealKit) -> Client:
    return at_desk(Role.FINANCE, kit.entity)


def at(entity: LegalEntity, path: str = "") -> str:
    return f"/desk/{entity.slug}/payouts/{path}"


def page(client: Client, address: str, **query: Any) -> str:
    answer = client.get(address, query)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def test_the_list_names_state_lines_and_bank_of_each_payout(
    kit: AppealKit, account: StripeAccount, bank: BankAccount, finance: Client
) -> None:
    arrive(bank, paid_out(account, [charged(kit, account, 5_000)[1]]))
    waiting = paid_out(account, [charged(kit, account, 3_000)[1]])
    failed = paid_out(account, [], amount_minor=900, status="failed", automatic=False, itemised_at=None)
    shown = page(finance, at(kit.entity))
    for words in (waiting.payout_id, failed.payout_id, "in the bank", "not yet", "failed", "by hand"):
        assert words in shown, words


def test_the_list_can_be_narrowed_and_takes_nonsense(kit: AppealKit, account: StripeAccount, finance: Client) -> None:
    now = timezone.now()
    today = now.date()
    old = paid_out(account, [], amount_minor=1, created_at=now - timedelta(days=90))
    new = paid_out(account, [], amount_minor=2, status="failed", currency="USD", created_at=now)
    for query, payouts_shown in (
        ({"status": "failed"}, {new}),
        ({"currency": "EUR"}, {old}),
        ({"since": today.isoformat()}, {new}),
        ({"until": (today - timedelta(days=80)).isoformat()}, {old}),
        ({"status": "x", "currency": "y", "since": "never", "page": "z"}, {old, new}),
    ):
        shown = page(finance, at(kit.entity), **query)
        assert {one for one in (old, new) if one.payout_id in shown} == payouts_shown, query


def test_a_payout_shows_what_it_is_made_of_and_leads_to_each_donation(
    kit: AppealKit, account: StripeAccount, bank: BankAccount, finance: Client
) -> None:
    donation, kept = charged(kit, account, 5_000)
    fee, tax = line(account, "stripe_fee", -250), line(account, "tax_fee", -55)
    reserve, strange = line(account, "reserved_funds", -1_000), line(account, "adjustment", -30)
    payout = paid_out(account, [kept, fee, tax, reserve, strange])
    arrive(bank, payout)
    shown = page(finance, at(kit.entity, f"{payout.payout_id}/"))
    assert f"/desk/{kit.entity.slug}/donations/{donation.uuid}/" in shown
    for words in ("Tax on fees", "Held in reserve", "Adjustments", "Our bank", "€35.65", "-€3.50", "-€0.55"):
        assert words in shown, words
    assert shown.count("€35.65") >= 3  # the sum of its lines, what was paid out, and what is in the bank


def test_of_a_bank_line_that_is_several_things_a_payout_shows_its_own_part(
    kit: AppealKit, account: StripeAccount, bank: BankAccount, finance: Client
) -> None:
    payout = paid_out(account, [], amount_minor=900)
    came = in_bank(bank, 5_000)
    match_line(
        came, kind=MatchKind.PAYOUT, amount_minor=900, by=None, key=payout.payout_id,
        account=matching.account_of(payout),
    )  # fmt: skip
    shown = page(finance, at(kit.entity, f"{payout.payout_id}/"))
    assert "Our bank: €9.00" in shown
    assert "€50.00" not in shown


def test_the_figures_of_a_payout_sum_to_its_lines(kit: AppealKit, account: StripeAccount) -> None:
    from payments.desk.payouts import figures

    _donation, kept = charged(kit, account, 5_000)
    BalanceTransaction.objects.filter(pk=kept.pk).update(fee_tax_minor=18)
    payout = paid_out(account, [kept, line(account, "stripe_fee", -250), line(account, "payout_failure", 700)])
    found, total = figures(payout, BalanceTransaction.objects.filter(payout_id=payout.payout_id))
    assert {str(one.label): one.amount.minor for one in found} == {
        "Charges": 5_000,
        "Fees": -332,
        "Tax on fees": -18,
        "Earlier payouts that came back": 700,
    }
    assert total == payout.amount


def test_a_payout_tells_of_its_breaks_and_of_the_one_sent_again(
    kit: AppealKit, account: StripeAccount, finance: Client
) -> None:
    failed = paid_out(account, [], amount_minor=900, status="failed", failure_code="account_closed")
    again = paid_out(account, [], amount_minor=900, retry_of=failed.payout_id)
    found = Break.objects.create(
        entity=kit.entity, cause=Cause.FEE_DIFFERS, subject="ch_1", currency="EUR", amount_minor=7,
        facts={"payout": failed.payout_id},
    )  # fmt: skip
    shown = page(finance, at(kit.entity, f"{failed.payout_id}/"))
    for words in (again.payout_id, "account closed", "€0.07", f"/breaks/{found.uuid}/"):
        assert words in shown, words
    assert failed.payout_id in page(finance, at(kit.entity, f"{again.payout_id}/"))


def test_pages_ask_the_database_no_more_often_for_more(
    kit: AppealKit, account: StripeAccount, bank: BankAccount, finance: Client
) -> None:
    counts: dict[str, list[int]] = {"list": [], "payout": []}
    for size in (2, 70):
        payout = paid_out(account, [charged(kit, account, 1_000 + number)[1] for number in range(size)])
        for _ in range(size):
            arrive(bank, paid_out(account, [], amount_minor=1))
        for name, address in (("list", at(kit.entity)), ("payout", at(kit.entity, f"{payout.payout_id}/"))):
            with CaptureQueriesContext(connection) as asked:
                page(finance, address)
            counts[name].append(len(asked))
    for name, (few, many) in counts.items():
        assert few == many <= MOST_QUERIES, (name, few, many)


def test_lines_are_shown_by_fifty(kit: AppealKit, account: StripeAccount, finance: Client) -> None:
    payout = paid_out(account, [line(account, "stripe_fee", -number) for number in range(1, 61)])
    shown = page(finance, at(kit.entity, f"{payout.payout_id}/"))
    assert shown.count("fee of Stripe") == 49  # and the payout's own line
    assert "before=" in shown


def test_other_entities_payouts_are_not_there(kit: AppealKit, finance: Client) -> None:
    other = factories.make_appeal()
    payout = paid_out(make_account(other), [], amount_minor=1)
    assert finance.get(at(kit.entity, f"{payout.payout_id}/")).status_code == 404
    assert payout.payout_id not in page(finance, at(kit.entity))


def test_reading_the_lines_again_says_how_many_and_is_in_the_trail(
    kit: AppealKit, account: StripeAccount, finance: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    payout = paid_out(account, [])
    monkeypatch.setattr(payouts, "itemise", lambda found: 3)
    answer = finance.post(at(kit.entity, f"{payout.payout_id}/itemise/"), follow=True)
    assert "3 lines read." in answer.content.decode()
    action = StaffAction.objects.get(verb="payout_itemised")
    assert (action.about, action.entity, action.after) == (f"payout:{payout.payout_id}", kit.entity, {"lines": 3})


@pytest.mark.parametrize(
    ("error", "words"),
    [(gateway.Unavailable("slow"), "does not answer"), (payouts.NotItemisable("po"), "made by hand")],
)
def test_what_cannot_be_read_is_said_so(
    kit: AppealKit, account: StripeAccount, finance: Client, monkeypatch: pytest.MonkeyPatch, error: Exception,
    words: str,
) -> None:  # fmt: skip
    payout = paid_out(account, [])

    def fail(_payout: Payout) -> int:
        raise error

    monkeypatch.setattr(payouts, "itemise", fail)
    answer = finance.post(at(kit.entity, f"{payout.payout_id}/itemise/"), follow=True)
    assert words in answer.content.decode()
    assert not StaffAction.objects.filter(verb="payout_itemised").exists()


def test_comparing_now_opens_breaks_and_is_in_the_trail(
    kit: AppealKit, account: StripeAccount, finance: Client
) -> None:
    line(account, "adjustment", -30)
    answer = finance.post(f"/desk/{kit.entity.slug}/reconcile/", follow=True)
    assert "Compared: 1 difference." in answer.content.decode()
    assert Break.objects.get().cause == Cause.SUSPENSE
    assert StaffAction.objects.get(verb="payouts_compared").after == {"differences": 1}


def test_auditors_read_and_press_nothing(kit: AppealKit, account: StripeAccount) -> None:
    payout = paid_out(account, [])
    auditor = at_desk(Role.AUDITOR, kit.entity)
    shown = page(auditor, at(kit.entity, f"{payout.payout_id}/"))
    assert "Read its lines again" not in shown
    assert auditor.post(at(kit.entity, f"{payout.payout_id}/itemise/")).status_code == 403
    assert auditor.post(f"/desk/{kit.entity.slug}/reconcile/").status_code == 403
