"""`audit_books`: 0 when all agree, 1 after anything that was booked, counted or issued is tampered with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from payments.sweeps import settlement
from receipts import receipts
from tests.live.conftest import fold_all
from tests.payments.desk import Desk

pytestmark = pytest.mark.django_db(transaction=True)


def _of_first(kind: str) -> str:
    """SQL: rows that belong to the first entry of a kind."""
    return f"entry_id = (SELECT min(id) FROM fundraising_entry WHERE key LIKE '{kind}:%')"


POSTINGS, TALLY = "UPDATE fundraising_posting SET amount_minor = amount_minor", "UPDATE fundraising_tally SET"
FIRST_TALLY = "WHERE id = (SELECT min(id) FROM fundraising_tally)"
FIRST_DONATION = "WHERE id = (SELECT min(id) FROM fundraising_donation)"
# Each is a wrong that somebody with the database's password could do.
TAMPERING = {
    "one leg": f"{POSTINGS} + 1 WHERE id = (SELECT min(id) FROM fundraising_posting)",
    "both legs of a charge": f"{POSTINGS} * 2 WHERE {_of_first('charge')}",
    "both legs of a refund": f"{POSTINGS} * 2 WHERE {_of_first('refund')}",
    "both legs of a fee": f"""
        UPDATE fundraising_posting SET amount_minor = amount_minor + CASE purpose WHEN 'fees' THEN 5 ELSE -5 END
        FROM fundraising_account account
        WHERE account.id = account_id AND purpose IN ('fees', 'provider') AND {_of_first("txn")}""",
    "a checkpoint": "UPDATE fundraising_checkpoint SET balance_minor = balance_minor - 100",
    "a day's sum": "UPDATE fundraising_daycheckpoint SET credit_minor = credit_minor + 1",
    "a count in a checkpoint": "UPDATE fundraising_tallycheckpoint SET donations = donations + 1",
    "a tally": f"{TALLY} donations = donations + 1 {FIRST_TALLY}",
    "donors of a round": f"{TALLY} round_donors = 0 {FIRST_TALLY}; DELETE FROM fundraising_tallycheckpoint",
    "a donation's state": f"UPDATE fundraising_donation SET state = 'refunded' {FIRST_DONATION}",
    "a donation's amount": f"UPDATE fundraising_donation SET amount_minor = 1 {FIRST_DONATION}",
    "a charge taken out": f"""
        DELETE FROM fundraising_tally WHERE {_of_first("charge")};
        DELETE FROM fundraising_posting WHERE {_of_first("charge")};
        DELETE FROM fundraising_entry WHERE id = (SELECT min(id) FROM fundraising_entry WHERE key LIKE 'charge:%')""",
    "a receipt's amount": "UPDATE receipts_receipt SET amount_minor = amount_minor + 1",
    "a receipt's document": "UPDATE receipts_document SET sealed_pdf = sealed_pdf || 'x'",
    "a receipt's hash": "UPDATE receipts_receipt SET pdf_sha256 = repeat('0', 64)",
    "a receipt taken out": """
        DELETE FROM receipts_document; DELETE FROM receipts_outgoingmail; DELETE FROM receipts_receipt""",
}


class Undo(Exception):
    """Takes the tampering back."""


@contextmanager
def without_triggers() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        try:
            yield
        finally:
            cursor.execute("SET session_replication_role = DEFAULT")


def audit(*options: str) -> tuple[int, str]:
    """Exit code and output."""
    out = StringIO()
    try:
        call_command("audit_books", *options, stdout=out)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


@pytest.fixture
def books(desk: Desk) -> Desk:
    """Three donations of which one is refunded in part, settled, folded, with one receipt."""
    first, second, _third = desk.donate(5_000), desk.donate(3_000), desk.donate(2_000, "USD")
    desk.refund(second, 1_000)
    desk.deliver(desk.events())
    settlement.settle_account(desk.account)
    fold_all()
    receipts.issue_receipt(first.donation)
    return desk


def test_the_audit_passes_clean_books_and_finds_every_tampering(books: Desk) -> None:
    code, out = audit()
    assert code == 0, out
    assert "0 differences" in out
    missed = [name for name, sql in TAMPERING.items() if not _found(sql)]
    assert missed == []
    assert audit()[0] == 0


def _found(sql: str) -> bool:
    """Whether the audit fails after a tampering. Stripe is asked outside of the database transaction, so not here."""
    with without_triggers():
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute(sql)
                offline = audit("--offline")[0]
                raise Undo
        except Undo:
            pass
        if offline == 1:
            return True
    return _found_with_stripe(sql)


def _found_with_stripe(sql: str) -> bool:
    """As above with Stripe's own figures; what was changed stays changed until it is changed back."""
    backup = "CREATE TABLE kept AS SELECT * FROM fundraising_posting"
    restore = (
        "UPDATE fundraising_posting p SET amount_minor = k.amount_minor FROM kept k WHERE k.id = p.id; DROP TABLE kept"
    )
    with without_triggers(), connection.cursor() as cursor:
        cursor.execute(backup)
        cursor.execute(sql)
        code = audit()[0]
        cursor.execute(restore)
    return code == 1


def test_a_charge_that_stripe_has_and_the_books_have_not_fails_the_audit(books: Desk) -> None:
    books.donate(1_234)
    code, out = audit()
    assert code == 1
    assert f"DIFF  {books.account}: charges" in out
    assert audit("--offline")[0] == 0


def test_when_stripe_does_not_answer_the_audit_says_so_and_fails(books: Desk) -> None:
    books.faults({"kind": "api_429"})
    code, out = audit()
    assert code == 1
    assert "none (rate_limit)" in out
