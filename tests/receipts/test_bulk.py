"""Many receipts in one database transaction: the same papers, the same rules, no gap whatever happens."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.db import connection

from fundraising.models import Donation, EntityText
from fundraising.money import Money
from receipts import bulk, pdf, receipts, tasks
from receipts.composing import compose
from receipts.models import Advantage, Document, MailKind, OutgoingMail, Receipt, ReceiptLine, Refusal, Series
from receipts.regimes import Problem
from receipts.snapshot import Snapshot
from receipts.stamping.press import Press
from tests import factories
from tests.receipts.reading import text_of
from tests.receipts.test_concurrency import in_thread, sequences

pytestmark = pytest.mark.django_db
NAMES = ["Ada", "Grace", "Hedy", "Mary", "Emmy", "Sofia", "Rosalind", "Lise", "Chien", "Marie"]


def received(count: int, kit: factories.AppealKit | None = None) -> list[Donation]:
    """Donations of different names and amounts."""
    kit = kit or factories.make_appeal()
    return [
        factories.received_donation(kit, first_name=NAMES[number % 10], amount=Money(50_00 + number, "EUR"))[0]
        for number in range(count)
    ]


def test_a_batch_issues_what_one_by_one_issues() -> None:
    donations = received(12)
    staff = User.objects.create(username="staff")
    Advantage.objects.create(
        donation=donations[3], description="a dinner", value_minor=10_00, currency="EUR", noted_by=staff
    )
    batch = bulk.issue_batch(donations)
    assert [receipt.donation for receipt in batch.issued] == donations
    assert sequences() == list(range(1, 13))
    for receipt in Receipt.objects.select_related("donation"):
        frozen = Snapshot.from_json(receipt.snapshot)
        alone = compose(receipt.sole_donation)
        assert frozen == replace(alone, number=receipt.number, check_code=receipt.check_code)
        assert receipt.pdf_sha256 == hashlib.sha256(receipts.read_pdf(receipt)).hexdigest()
        assert receipt.amount == frozen.net
        text = text_of(receipt)
        assert [word for word in (receipt.number, frozen.donor_name, receipt.check_code) if word not in text] == []
    assert OutgoingMail.objects.filter(kind=MailKind.RECEIPT).count() == ReceiptLine.objects.count() == 12
    assert {line.donation_id: line.amount_minor for line in ReceiptLine.objects.filter(claims=True)} == {
        donation.pk: donation.amount_minor for donation in donations
    }


def test_most_of_a_batch_is_stamped(monkeypatch: pytest.MonkeyPatch) -> None:
    press = Press(pdf.to_pdf)
    monkeypatch.setattr(bulk, "press", lambda: press)
    bulk.issue_batch(received(20))
    assert press.count["stamped"] >= 12


def test_a_batch_takes_few_queries(django_assert_max_num_queries: object) -> None:
    donations = received(10)
    with django_assert_max_num_queries(30):  # type: ignore[operator]
        bulk.issue_batch(donations)


def test_what_has_a_receipt_or_was_given_back_gets_none() -> None:
    kit = factories.make_appeal()
    one, third = received(2, kit)
    other, charge = factories.received_donation(kit)
    receipts.issue_receipt(one)
    factories.refund(charge, other.amount)
    batch = bulk.issue_batch([one, other, third])
    assert [receipt.donation for receipt in batch.issued] == [third]
    assert batch.refused == {}
    assert sequences() == [1, 2]


def test_a_name_that_cannot_be_printed_leaves_no_gap() -> None:
    kit = factories.make_appeal()
    donations = received(4, kit)
    bad, _ = factories.received_donation(kit, first_name="Ada \U0010fffd")
    donations[2:2] = [bad]
    batch = bulk.issue_batch(donations)
    assert batch.refused == {bad.pk: Problem.NO_FONT}
    assert sequences() == [1, 2, 3, 4]
    assert bad.pk not in {receipt.donation_id for receipt in batch.issued}


def test_an_entity_without_its_sentence_is_told_and_the_others_are_issued() -> None:
    good, bad = received(2), received(2)
    EntityText.objects.filter(entity=bad[0].entity).delete()
    batch = bulk.issue_batch([*good, *bad])
    assert {receipt.donation_id for receipt in batch.issued} == {donation.pk for donation in good}
    assert batch.refused == {donation.pk: Problem.NO_STATEMENT for donation in bad}


def test_years_and_entities_have_numbers_of_their_own() -> None:
    kit, other = factories.make_appeal(), factories.make_appeal()
    early = factories.received_donation(kit, at=datetime(2025, 12, 30, tzinfo=UTC))[0]
    batch = bulk.issue_batch([*received(2, kit), early, *received(3, other)])
    assert len(batch.issued) == 6
    assert sorted(series.last_number for series in Series.objects.all()) == [1, 2, 3]


def test_a_refusal_is_forgotten_when_the_receipt_is_issued() -> None:
    (donation,) = received(1)
    receipts.refuse(donation, Problem.NO_FONT)
    bulk.issue_batch([donation])
    assert not Refusal.objects.exists()


def test_work_goes_by_batches_when_there_is_much_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "AT_ONCE", 4)
    monkeypatch.setattr(tasks, "MANY", 7)
    kit = factories.make_appeal()
    received(10, kit)
    factories.received_donation(kit, first_name="Ada \U0010fffd")
    tasks.work_off()
    assert sequences() == list(range(1, 11))
    assert Refusal.objects.get().code == Problem.NO_FONT


def test_a_batch_that_fails_is_issued_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def out_of_ink(*_: object) -> None:
        raise OSError("out of ink")

    received(6)
    monkeypatch.setattr(bulk, "_copy", out_of_ink)
    tasks.work_off()
    assert sequences() == [1, 2, 3, 4, 5, 6]


@pytest.mark.django_db(transaction=True)
def test_workers_share_batches_and_leave_no_gap() -> None:
    donations = received(24)
    with ThreadPoolExecutor(3) as pool:
        for job in [pool.submit(in_thread, bulk.issue_batch, donations[turn * 4 :]) for turn in range(3)]:
            job.result()
    bulk.issue_batch(donations)  # what one worker held when the others came by
    assert sequences() == list(range(1, 25))
    assert OutgoingMail.objects.count() == Document.objects.count() == 24
    assert Receipt.objects.values("donation").distinct().count() == 24


def test_numbers_may_be_taken_together_and_must_all_be_used() -> None:
    bulk.issue_batch(received(3))
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert Series.objects.get().last_number == 3
