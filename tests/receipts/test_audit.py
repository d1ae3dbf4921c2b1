"""The audit finds whatever was tampered with, even by somebody who switched the database's rules off."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from fundraising.models import Entry
from fundraising.money import Money
from receipts import audit, receipts, tasks
from receipts.models import UNDELIVERED, MailState, OutgoingMail, Receipt
from receipts.regimes import Problem
from tests import factories

pytestmark = pytest.mark.django_db

GAP = "series with a gap or a repeat"
ALTERED = "receipts altered since they were issued"
OFF = "receipts in EUR = ledger"
MAIL = "mails that wait for over a day"


def faults() -> list[str]:
    return [check.name for check in audit.checks() if not check.ok]


def tamper(sql: str) -> None:
    """Change rows with triggers switched off, as an administrator of the server could."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql)
        cursor.execute("SET LOCAL session_replication_role = origin")


@pytest.fixture
def books() -> list[Receipt]:
    """Three receipts in two currencies, one of them a replacement, one voided besides, one donation due."""
    kit = factories.make_appeal()
    donations = [
        factories.received_donation(kit),
        factories.received_donation(kit, amount=Money(5_000, "JPY")),
        factories.received_donation(kit, amount=Money(70_00, "EUR")),
        factories.received_donation(kit),
    ]
    tasks.work_off()
    factories.refund(donations[2][1], Money(20_00, "EUR"))
    factories.refund(donations[3][1], donations[3][0].amount)
    tasks.work_off()
    factories.received_donation(kit)
    return list(Receipt.objects.filter(state="issued").order_by("sequence"))


def test_books_in_order_pass_and_show_their_figures(books: list[Receipt]) -> None:
    assert len(books) == 3
    rows = {check.name: (check.expected, check.found) for check in audit.checks()}
    assert faults() == []
    assert rows["received donations = receipts + due"] == ("4", "3 + 1 due")
    assert rows[OFF] == ("100.00 EUR", "100.00 EUR")
    assert rows["receipts in JPY = ledger"] == ("5000 JPY", "5000 JPY")


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("DELETE FROM receipts_receipt WHERE sequence = 2", GAP),
        ("UPDATE receipts_receipt SET sequence = 9, number = 'LA-2026-000009' WHERE sequence = 5", GAP),
        ("UPDATE receipts_series SET last_number = 6", GAP),
        ("UPDATE receipts_receipt SET amount_minor = amount_minor + 1 WHERE sequence = 1", OFF),
        ("UPDATE receipts_receipt SET received_on = received_on - 1 WHERE sequence = 1", ALTERED),
        ("UPDATE receipts_receipt SET pdf_sha256 = repeat('0', 64) WHERE sequence = 1", ALTERED),
        ("UPDATE receipts_receipt SET snapshot = 'v1:x:y' WHERE sequence = 1", ALTERED),
        ("UPDATE receipts_document SET sealed_pdf = 'forged'", ALTERED),
        ("DELETE FROM receipts_document", ALTERED),
        ("UPDATE receipts_outgoingmail SET next_attempt_at = next_attempt_at - interval '2 days'", MAIL),
        ("UPDATE fundraising_posting SET amount_minor = amount_minor * 2", OFF),
    ],
)  # fmt: skip
def test_whatever_was_tampered_with_is_found(books: list[Receipt], sql: str, fault: str) -> None:
    tamper(sql)
    assert fault in faults()


def test_documents_that_changed_places_are_found(books: list[Receipt]) -> None:
    greatest = "SELECT sealed_pdf FROM receipts_document ORDER BY sealed_pdf DESC LIMIT 1"
    tamper(f"UPDATE receipts_document SET sealed_pdf = ({greatest})")
    assert faults() == [ALTERED]


def test_a_refund_of_this_minute_is_work_and_an_old_one_a_fault() -> None:
    partly, fully = factories.received_donation(), factories.received_donation()
    for donation, _charge in (partly, fully):
        receipts.issue_receipt(donation)
    factories.refund(partly[1], Money(1_00, "EUR"))
    factories.refund(fully[1], fully[0].amount)
    assert faults() == []
    long_ago = timezone.now() - timedelta(hours=1)
    assert Entry.objects.count() == 4
    tamper(f"UPDATE fundraising_entry SET booked_at = '{long_ago.isoformat()}'")
    assert faults() == ["receipts without a received donation", OFF]
    tasks.work_off()
    assert faults() == []


def left_open() -> list[str]:
    return [check.name for check in audit.checks() if check.is_open]


def test_a_receipt_refused_by_a_rule_is_open_until_it_is_mended_and_one_refused_by_a_fault_is_wrong() -> None:
    donation, _ = factories.received_donation()
    receipts.refuse(donation, Problem.NO_STATEMENT)
    assert (faults(), left_open()) == ([], ["donations whose receipt is refused"])
    receipts.refuse(donation, "KeyError")
    assert (faults(), left_open()) == (["donations whose receipt is refused by a fault"], [])
    receipts.issue_receipt(donation)
    assert (faults(), left_open()) == ([], [])


@pytest.mark.parametrize("state", UNDELIVERED)
def test_a_mail_that_did_not_arrive_is_open(state: MailState) -> None:
    receipts.issue_receipt(factories.received_donation()[0])
    OutgoingMail.objects.update(state=state, sent_at=timezone.now() if state == MailState.BOUNCED else None)
    assert (faults(), left_open()) == ([], ["mails that failed or came back"])


def test_a_mail_that_waits_for_days_is_a_fault() -> None:
    receipts.issue_receipt(factories.received_donation()[0])
    assert faults() == []
    OutgoingMail.objects.update(next_attempt_at=timezone.now() - timedelta(days=2))
    assert faults() == [MAIL]
