"""Receipts are issued once, numbered without gaps, and end by being voided or replaced, never by vanishing."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connection, transaction

from fundraising import donations
from fundraising.models import Donation, EntityText, TaxStatus
from fundraising.money import Money
from fundraising.vault import SealedError
from receipts import pdf, receipts, tasks
from receipts.composing import NotIssuable
from receipts.models import (
    Document,
    EndReason,
    MailState,
    OutgoingMail,
    Receipt,
    ReceiptLine,
    ReceiptState,
    Refusal,
    Series,
)
from receipts.receipts import AlreadyEnded
from receipts.regimes import REGIMES, Problem
from receipts.snapshot import Snapshot
from tests import factories
from tests.receipts.reading import text_of

pytestmark = pytest.mark.django_db


def euros(cents: int) -> Money:
    return Money(cents, "EUR")


def refuses(sql: str, *params: int, because: str = "append-only") -> None:
    """The database itself says no, whoever asks."""

    def attempt() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")  # what was before is fine
            cursor.execute(sql, params or None)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(DatabaseError, match=because):
        attempt()


# --- Issuing ----------------------------------------------------------------------------------------


def test_a_received_donation_is_due_until_its_receipt_is_issued() -> None:
    donation, _ = factories.received_donation()
    assert donation in receipts.due()
    receipt = receipts.issue_receipt(donation)
    assert (receipt.amount, receipt.state) == (donation.amount, ReceiptState.ISSUED)
    assert donation not in receipts.due()


def test_issuing_twice_gives_the_same_receipt() -> None:
    donation, _ = factories.received_donation()
    first = receipts.issue_receipt(donation)
    assert receipts.issue_receipt(donation) == first
    assert Series.objects.get().last_number == 1


def test_a_donation_that_is_not_received_gets_no_receipt() -> None:
    donation = factories.open_donation()
    assert donation not in receipts.due()
    with pytest.raises(NotIssuable) as refusal:
        receipts.issue_receipt(donation)
    assert refusal.value.code == Problem.NOT_RECEIVED
    assert not Series.objects.exists()


def test_the_oldest_donations_come_first() -> None:
    kit = factories.make_appeal()
    young, _ = factories.received_donation(kit, at=datetime(2026, 5, 2, tzinfo=UTC))
    old, _ = factories.received_donation(kit, at=datetime(2026, 5, 1, tzinfo=UTC))
    assert receipts.due(limit=2) == [old, young]
    assert receipts.due(limit=1) == [old]


def test_numbers_run_without_gap_within_a_series_and_start_anew_each_year() -> None:
    kit = factories.make_appeal()
    days = [datetime(2025, 12, 31, tzinfo=UTC), datetime(2025, 12, 31, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)]
    numbers = [receipts.issue_receipt(factories.received_donation(kit, at=day)[0]).number for day in days]
    assert numbers == ["LA-2025-000001", "LA-2025-000002", "LA-2026-000001"]


def test_two_entities_with_the_same_initials_do_not_share_numbers() -> None:
    kits = [factories.make_appeal(factories.make_entity(name=name)) for name in ("Lantern Action", "Light Abroad")]
    day = datetime(2026, 1, 1, tzinfo=UTC)
    numbers = [receipts.issue_receipt(factories.received_donation(kit, at=day)[0]).number for kit in kits]
    assert numbers == ["LA-2026-000001", "LA2-2026-000001"]


def test_a_failure_while_rendering_gives_the_number_back(monkeypatch: pytest.MonkeyPatch) -> None:
    kit = factories.make_appeal()
    with monkeypatch.context() as patch:
        patch.setattr(pdf, "render", lambda _snapshot, **_how: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            receipts.issue_receipt(factories.received_donation(kit)[0])
    assert receipts.issue_receipt(factories.received_donation(kit)[0]).sequence == 1


def test_the_document_is_kept_sealed_and_comes_back_as_the_same_bytes() -> None:
    receipt = receipts.issue_receipt(factories.received_donation()[0])
    document = receipts.read_pdf(receipt)
    assert document.startswith(b"%PDF-1.7")
    assert hashlib.sha256(document).hexdigest() == receipt.pdf_sha256
    assert receipts.read_pdf(Receipt.objects.get(pk=receipt.pk)) == document
    with connection.cursor() as cursor:
        cursor.execute("SELECT sealed_pdf, snapshot FROM receipts_document, receipts_receipt")
        sealed, snapshot = cursor.fetchone()
    assert document[:20] not in bytes(sealed)
    assert "Ada Rossi" not in snapshot  # a space is in nothing sealed
    assert Snapshot.from_json(receipt.snapshot).donor_name == "Ada Rossi"


# --- Refunds ----------------------------------------------------------------------------------------


def test_a_partial_refund_before_issue_makes_a_receipt_for_the_rest_that_says_so() -> None:
    donation, charge = factories.received_donation(amount=euros(50_00))
    factories.refund(charge, euros(12_34))
    receipt = receipts.issue_receipt(donation)
    assert receipt.amount == euros(37_66)
    assert "received a donation of €50.00" in text_of(receipt)
    assert "refunded €12.34 of it. This receipt is for the rest." in text_of(receipt)


def test_a_donation_refunded_before_issue_gets_no_receipt() -> None:
    donation, charge = factories.received_donation()
    factories.refund(charge, donation.amount)
    assert donation not in receipts.due()
    with pytest.raises(NotIssuable):
        receipts.issue_receipt(donation)


def test_a_full_refund_voids_the_receipt_and_its_number_survives() -> None:
    kit = factories.make_appeal()
    donation, charge = factories.received_donation(kit)
    receipt = receipts.issue_receipt(donation)
    assert receipts.to_void() == []
    factories.refund(charge, donation.amount)
    assert receipts.to_void() == [receipt]
    tasks.work_off()
    receipt.refresh_from_db()
    assert (receipt.state, receipt.ended_reason, receipt.number[-6:]) == ("voided", "refunded", "000001")
    assert (receipts.to_void(), receipts.due()) == ([], [])
    assert receipts.issue_receipt(factories.received_donation(kit)[0]).sequence == 2


def test_a_partial_refund_replaces_the_receipt_and_links_both_ways() -> None:
    donation, charge = factories.received_donation(amount=euros(50_00))
    old = receipts.issue_receipt(donation)
    assert receipts.to_replace() == []
    factories.refund(charge, euros(10_00))
    assert receipts.to_replace() == [old]
    tasks.work_off()
    old.refresh_from_db()
    new = receipts.current_receipt(donation)
    assert new is not None
    assert (old.state, old.replaced_by, new.replaces, new.amount) == ("replaced", new, old, euros(40_00))
    assert f"This receipt cancels and replaces receipt {old.number}." in text_of(new)
    assert (receipts.to_replace(), receipts.due()) == ([], [])


def test_a_refund_that_failed_after_the_receipt_was_voided_makes_the_donation_due_again() -> None:
    donation, charge = factories.received_donation()
    receipts.issue_receipt(donation)
    refund = factories.refund(charge, donation.amount)
    tasks.work_off()
    assert donation.received_at
    donations.undo_refund(key=refund, charge_key=charge, at=donation.received_at)
    tasks.work_off()
    states = Receipt.objects.order_by("sequence").values_list("sequence", "state")
    assert list(states) == [(1, "voided"), (2, "issued")]


def test_a_receipt_ends_once() -> None:
    receipt = receipts.issue_receipt(factories.received_donation()[0])
    receipts.void_receipt(receipt, reason=EndReason.REFUNDED)
    with pytest.raises(AlreadyEnded):
        receipts.replace_receipt(receipt, reason=EndReason.CORRECTED)


def test_a_corrected_name_makes_a_new_receipt_with_the_new_name() -> None:
    donation, _ = factories.received_donation()
    old = receipts.issue_receipt(donation)
    donation.donor.first_name = "Adele"
    donation.donor.save()
    new = receipts.replace_receipt(old, reason=EndReason.CORRECTED, actor="marta")
    old.refresh_from_db()
    assert (old.ended_by, new.sequence) == ("marta", 2)
    assert "Adele Rossi" in text_of(new)
    assert "Ada Rossi" in text_of(old)


# --- Regimes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "locale", "sentence"),
    [
        (TaxStatus.US_501C4, "en", factories.NOT_DEDUCTIBLE["en"]),
        (TaxStatus.US_501C4, "it", factories.NOT_DEDUCTIBLE["it"]),
        (TaxStatus.US_501C3, "en", "No goods or services were provided in exchange for this donation."),
        (TaxStatus.OTHER, "en", "This is a payment confirmation, not a tax receipt."),
    ],
)
def test_every_regime_prints_its_statement(status: TaxStatus, locale: str, sentence: str) -> None:
    kit = factories.make_appeal(factories.make_entity(tax_status=status))
    donation, _ = factories.received_donation(kit, locale=locale)
    receipt = receipts.issue_receipt(donation)
    assert sentence in text_of(receipt)
    assert Snapshot.from_json(receipt.snapshot).statements == (sentence,)


def test_a_payment_confirmation_does_not_call_itself_a_donation_receipt() -> None:
    kit = factories.make_appeal(factories.make_entity(tax_status=TaxStatus.OTHER))
    text = text_of(receipts.issue_receipt(factories.received_donation(kit)[0]))
    assert "Payment confirmation" in text
    assert "Donation receipt" not in text


def test_an_entity_without_its_sentence_issues_nothing_until_somebody_writes_it() -> None:
    kit = factories.make_appeal()
    EntityText.objects.filter(entity=kit.entity, locale="it").update(non_deductibility="")
    mute, _ = factories.received_donation(kit, locale="it")
    fine, _ = factories.received_donation(kit, locale="en")
    tasks.work_off()
    assert Refusal.objects.get().code == Problem.NO_STATEMENT
    assert (receipts.current_receipt(mute), receipts.due()) == (None, [])
    assert receipts.current_receipt(fine) is not None

    EntityText.objects.filter(entity=kit.entity, locale="it").update(non_deductibility="Non deducibile.")
    assert "Non deducibile." in text_of(receipts.issue_receipt(mute))
    assert not Refusal.objects.exists()


def test_a_receipt_with_a_letter_that_no_font_has_waits_for_the_font() -> None:
    kit = factories.make_appeal()
    factories.received_donation(kit, last_name="\U0010fffd")
    tasks.work_off()
    assert Refusal.objects.get().code == Problem.NO_FONT
    assert receipts.issue_receipt(factories.received_donation(kit)[0]).sequence == 1


@pytest.mark.parametrize(
    ("amount", "problem"),
    [
        (Money(249_99, "USD"), None),
        (Money(250_00, "USD"), Problem.NO_GOODS_LINE),
        (Money(10_00, "EUR"), Problem.NO_GOODS_LINE),
    ],
)
def test_a_501c3_receipt_of_250_dollars_or_more_needs_the_goods_line(amount: Money, problem: Problem | None) -> None:
    kit = factories.make_appeal(factories.make_entity(tax_status=TaxStatus.US_501C3))
    receipt = receipts.issue_receipt(factories.received_donation(kit, amount=amount)[0])
    snapshot = Snapshot.from_json(receipt.snapshot)
    bare = Snapshot(**{**vars(snapshot), "statements": ()})
    refusal = REGIMES["us_501c3"].refusal
    assert (refusal(snapshot), refusal(bare)) == (None, problem)


# --- What the database refuses ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "amount_minor = 1",
        "number = 'LA-2026-000009'",
        "pdf_sha256 = ''",
        "snapshot = ''",
        "state = 'issued'",
        "state = 'voided', ended_reason = 'refunded', ended_at = now(), currency = 'USD'",
    ],
)
def test_an_issued_receipt_cannot_be_changed(change: str) -> None:
    receipt = receipts.issue_receipt(factories.received_donation()[0])
    refuses(f"UPDATE receipts_receipt SET {change} WHERE id = %s", receipt.pk)


@pytest.mark.parametrize(
    "change", ["state = 'issued', ended_at = NULL, ended_reason = ''", "ended_reason = 'corrected'"]
)
def test_an_ended_receipt_does_not_come_back(change: str) -> None:
    receipt = receipts.issue_receipt(factories.received_donation()[0])
    receipts.void_receipt(receipt, reason=EndReason.REFUNDED)
    refuses(f"UPDATE receipts_receipt SET {change} WHERE id = %s", receipt.pk)


def test_neither_receipts_nor_documents_can_be_deleted() -> None:
    receipt = receipts.issue_receipt(factories.received_donation()[0])
    refuses("DELETE FROM receipts_document WHERE receipt_id = %s", receipt.pk)
    refuses("UPDATE receipts_document SET sealed_pdf = '' WHERE receipt_id = %s", receipt.pk)
    OutgoingMail.objects.all().delete()
    refuses("DELETE FROM receipts_receipt WHERE id = %s", receipt.pk)
    refuses("TRUNCATE receipts_receipt CASCADE")


def test_a_number_that_was_taken_must_be_used_and_counts_up_by_one() -> None:
    receipts.issue_receipt(factories.received_donation()[0])
    refuses("UPDATE receipts_series SET last_number = last_number + 1", because="taken and not used")
    refuses("UPDATE receipts_series SET last_number = last_number + 2", because="taken and not used")
    refuses("UPDATE receipts_series SET last_number = 0", because="only counts up")
    refuses("DELETE FROM receipts_series", because="only counts up")


def test_a_receipt_needs_a_received_donation_and_a_document_and_lines_that_sum_to_it() -> None:
    kit = factories.make_appeal()
    receipts.issue_receipt(factories.received_donation(kit)[0])
    insert = """
        UPDATE receipts_series SET last_number = last_number + 1;
        WITH made AS (
            INSERT INTO receipts_receipt (series_id, sequence, number, donor_id, donation_id, locale, template,
                currency, amount_minor, received_on, snapshot, pdf_sha256, check_code, issued_at, state, ended_reason,
                ended_by)
            SELECT series_id, 2, left(number, -1) || '2', {donor}, {donation}, locale, template, currency,
                amount_minor, received_on, snapshot, pdf_sha256, check_code, issued_at, state, '', ''
            FROM receipts_receipt RETURNING *
        )
        SELECT id FROM made;
        INSERT INTO receipts_receiptline (receipt_id, donation_id, amount_minor, received_on, claims)
        SELECT id, {donation}, amount_minor - {less}, received_on, true
        FROM receipts_receipt ORDER BY id DESC LIMIT 1;
    """

    def statement(donation: Donation, *, less: int = 0) -> str:
        return insert.format(donor=donation.donor.pk, donation=donation.pk, less=less)

    refuses(statement(factories.open_donation(kit)), because="is not received")
    refuses(statement(factories.received_donation(kit)[0]), because="has no document")
    short = statement(factories.received_donation(kit)[0], less=1) + "SET CONSTRAINTS receipt_has_lines IMMEDIATE"
    refuses(short, because="do not fit it")
    refuses(statement(factories.received_donation()[0]), because="does not fit its series")


def test_one_paper_at_most_claims_a_donation_and_an_ended_one_claims_nothing() -> None:
    receipt = receipts.issue_receipt(factories.received_donation()[0])
    (line,) = receipt.lines.all()
    assert (line.donation, line.amount_minor, line.claims) == (receipt.donation, receipt.amount_minor, True)
    refuses("UPDATE receipts_receiptline SET claims = false")
    refuses("DELETE FROM receipts_receiptline")
    receipts.replace_receipt(receipt, reason=EndReason.CORRECTED)
    assert list(ReceiptLine.objects.order_by("pk").values_list("claims", flat=True)) == [False, True]
    refuses("UPDATE receipts_receiptline SET claims = true")


def test_a_document_moved_to_another_receipt_does_not_open() -> None:
    kit = factories.make_appeal()
    one, other = (receipts.issue_receipt(factories.received_donation(kit)[0]) for _ in range(2))
    moved = Document(receipt=other, sealed_pdf=one.document.sealed_pdf)
    other.document = moved
    with pytest.raises(SealedError):
        receipts.read_pdf(other)


# --- Work -------------------------------------------------------------------------------------------


def test_one_donation_that_fails_does_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    kit = factories.make_appeal()
    bad, _ = factories.received_donation(kit, first_name="Bad")
    good, _ = factories.received_donation(kit, first_name="Good")
    render = pdf.render

    def fail_for_bad(snapshot: Snapshot, **how: pdf.Printer | None) -> bytes:
        if snapshot.donor_name.startswith("Bad"):
            raise OSError("out of ink")
        return render(snapshot, **how)

    monkeypatch.setattr(pdf, "render", fail_for_bad)
    tasks.work_off()
    assert receipts.current_receipt(good) is not None
    refusal = Refusal.objects.get()
    assert (refusal.donation, refusal.code, refusal.attempts) == (bad, "OSError", 1)
    tasks.work_off()  # not before its next attempt
    refusal.refresh_from_db()
    assert refusal.attempts == 1


def test_a_replaced_receipt_that_was_never_mailed_is_not_mailed_any_more() -> None:
    donation, charge = factories.received_donation()
    old = receipts.issue_receipt(donation)
    factories.refund(charge, euros(1_00))
    tasks.work_off()
    assert OutgoingMail.objects.get(receipt=old).state == MailState.CANCELLED
    new = OutgoingMail.objects.get(receipt__replaces=old)
    assert (new.kind, new.state) == ("replacement", "due")
