"""Erasing a donor: the person is gone from every table, the money stays, and papers are kept for as long as the law."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from config.desk.erasing import NotErasable, erase_donor
from fundraising import erasing, ledger, offline, totals, trail
from fundraising.bank.matching import match_line
from fundraising.bank.statements import import_statement
from fundraising.drafts import Regularly
from fundraising.erasing import Obstacle
from fundraising.models import (
    BankAccount,
    BankLine,
    Comment,
    Donation,
    DonationNote,
    DonationState,
    Donor,
    Interval,
    LegalEntity,
    Mandate,
    MandateState,
    MatchKind,
    Membership,
    Role,
    StaffAction,
    TaxDetails,
)
from fundraising.money import Money
from fundraising.offline.references import in_groups
from fundraising.vault import SealedTextField, unseal_bytes
from payments import forgetting
from payments.models import InboxEvent
from receipts import audit, receipts, tasks
from receipts.donors import links, sealing, tax_details
from receipts.mail import link_letters
from receipts.models import (
    Document,
    MailKind,
    MailState,
    OutgoingMail,
    Receipt,
    ReceiptState,
    SealedPaper,
)
from tests import factories, staff
from tests.fundraising.bank.samples import Row, camt
from tests.fundraising.bank.samples import make_account as make_bank_account
from tests.payments.desk import make_account

pytestmark = pytest.mark.django_db
LONG_AGO = timezone.now() - timedelta(days=60)
# Found nowhere else, whatever else the tables hold.
WORDS = ("Quillfeather", "Ostrakova", "zyx.quill@example.org", "Wimbledonstrasse", "Oma Xanthippe", "Brennnesselhof")


@pytest.fixture
def donation() -> Donation:
    """A donation of two months ago with all that a donor may say of themselves, and its receipt."""
    kit = factories.make_appeal()
    make_account(kit)
    found, _charge = factories.received_donation(
        kit, first_name="Quillfeather", last_name="Ostrakova", email="zyx.quill@example.org", at=LONG_AGO
    )
    Donation.objects.filter(pk=found.pk).update(
        tribute="memory", tribute_name="Oma Xanthippe", employer="Brennnesselhof", opened_at=LONG_AGO,
        public_name="name_country",
    )  # fmt: skip
    Donor.objects.filter(pk=found.donor_id).update(created_at=LONG_AGO)
    Comment.objects.create(donation=found, text="Quillfeather was here")
    DonationNote.objects.create(donation=found, by=staff.make_person(), text="Quillfeather rang")
    tax_details.keep(found.donor, {"street": "Wimbledonstrasse 4", "city": "Roma", "tax_number": "X"})
    body = {"id": "evt_1", "type": "x", "data": {"object": {
        "id": "cs_1", "client_reference_id": str(found.uuid), "amount_total": 5000,
        "customer_details": {"email": "zyx.quill@example.org", "name": "Quillfeather Ostrakova"},
    }}}  # fmt: skip
    InboxEvent.objects.create(
        account=kit.entity.stripe_account, event_id="evt_1", type="x", body=json.dumps(body).encode(), state="handled"
    )
    receipts.issue_receipt(found)
    found.refresh_from_db()
    return found


@pytest.fixture
def boss() -> User:
    return staff.make_person()


def erase(donation: Donation, by: User) -> None:
    erase_donor(donation.donor, by=by, reason="letter of 3 May")


def everything_stored() -> str:
    """Every value of every table, as it is stored."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        told = []
        for table in tables:
            cursor.execute(f'SELECT string_agg(t::text, chr(10)) FROM "{table}" t')
            told.append(cursor.fetchone()[0] or "")
    text = "\n".join(told)
    return text + "\n" + "\n".join(_unhexed(text))


def _unhexed(text: str) -> list[str]:
    """Bytes are shown in hexadecimal: they are read too."""
    return [
        bytes.fromhex(found).decode("utf-8", "replace") for found in re.findall(r"\\\\?x((?:[0-9a-f]{2}){8,})", text)
    ]


def everything_unsealed() -> str:
    """What every sealed field says to whoever has the keys."""
    told = []
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if isinstance(field, SealedTextField):
                told += [str(value) for value in model._default_manager.values_list(field.attname, flat=True)]
    for receipt in Receipt.objects.select_related("document"):
        if sealed := bytes(receipt.document.sealed_pdf):
            told.append(unseal_bytes(sealed, receipts.document_context(receipt.number)).decode("latin-1"))
    return "\n".join(told)


def found_words(text: str) -> set[str]:
    return {word for word in WORDS if word.casefold() in text.casefold()}


# --- Leaks --------------------------------------------------------------------------------------------


def test_the_search_for_leaks_finds_what_is_planted(donation: Donation) -> None:
    assert {"Quillfeather", "zyx.quill@example.org"} <= found_words(everything_stored())  # Stripe's event is plain
    assert found_words(everything_unsealed()) == set(WORDS)


def test_nothing_of_the_person_is_left_but_what_is_sealed_for_the_law(donation: Donation, boss: User) -> None:
    kit = donation.round.appeal.campaign.entity
    account = BankAccount.objects.create(entity=kit, slug="bank-1", name="B", iban="DE00", currency="EUR")
    BankLine.objects.create(bank_account=account, content="c", booked_on=LONG_AGO.date(), amount_minor=1, name="other")
    erase(donation, boss)
    assert found_words(everything_stored()) == set()
    in_papers = found_words(Receipt.objects.get().snapshot)
    assert {"Quillfeather", "Ostrakova", "Oma Xanthippe"} <= in_papers
    others = everything_unsealed().replace(Receipt.objects.get().snapshot, "")
    assert found_words(others) == set()
    assert BankLine.objects.get().name == "other"


def test_blind_indexes_find_nobody_any_more(donation: Donation, boss: User) -> None:
    before = Donor.objects.get(pk=donation.donor_id)
    old = {before.email_index, before.identity_index, *before.name_words, donation.submission}
    erase(donation, boss)
    stored = everything_stored()
    assert not [index for index in old if index in stored]


def test_after_retention_the_papers_too_are_empty_and_the_books_audit_clean(donation: Donation, boss: User) -> None:
    erase(donation, boss)
    receipt = Receipt.objects.get()
    number, sha = receipt.number, receipt.pdf_sha256
    assert sealing.empty_due() == 0
    let_time_pass(receipt)
    assert sealing.empty_due() == 1
    assert sealing.empty_due() == 0
    assert found_words(everything_unsealed()) == set()
    left = Receipt.objects.get()
    assert (left.number, left.pdf_sha256, left.amount_minor) == (number, sha, 5_000)
    assert (left.snapshot, bytes(left.document.sealed_pdf)) == ("", b"")
    assert [check.name for check in audit.checks() if not check.ok] == []
    assert StaffAction.objects.filter(verb="sealed_paper_emptied", about=f"receipt:{number}").exists()


def let_time_pass(receipt: Receipt) -> None:
    """As if the years of retention were over: the database itself refuses to be told so."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "UPDATE receipts_sealedpaper SET kept_until = current_date - 1 WHERE receipt_id = %s", [receipt.pk]
        )
        cursor.execute("SET session_replication_role = DEFAULT")


# --- What stays ---------------------------------------------------------------------------------------


def test_money_and_totals_stay_as_they_are(donation: Donation, boss: User) -> None:
    appeal = donation.round.appeal
    ledger.fold()
    before = totals.as_json(appeal, totals.appeal_total(appeal))
    row = Donation.objects.values("amount_minor", "currency", "state", "received_at", "uuid").get(pk=donation.pk)
    erase(donation, boss)
    ledger.fold()
    after = totals.as_json(appeal, totals.appeal_total(appeal))
    assert {**before, "as_of": ""} == {**after, "as_of": ""}
    assert row == Donation.objects.values("amount_minor", "currency", "state", "received_at", "uuid").get(
        pk=donation.pk
    )
    assert [check.name for check in audit.checks() if not check.ok] == []


def test_stripes_events_keep_their_ids_and_amounts(donation: Donation, boss: User) -> None:
    erase(donation, boss)
    event = json.loads(bytes(InboxEvent.objects.get().body))
    assert event["data"]["object"]["amount_total"] == 5000
    assert event["data"]["object"]["client_reference_id"] == str(donation.uuid)
    assert event["data"]["object"]["customer_details"] == {"email": "", "name": ""}


def test_an_event_that_is_no_json_keeps_nothing() -> None:
    assert forgetting.without_person(b"\xff zyx.quill@example.org") == b""


def test_the_trail_says_so_and_names_nobody(donation: Donation, boss: User) -> None:
    erase(donation, boss)
    line = StaffAction.objects.get(verb="donor_erased")
    assert (line.actor, line.about, line.reason) == (boss, f"donor:{donation.donor.uuid}", "letter of 3 May")
    assert not found_words(str(line.after))
    assert not list(trail.broken_lines())


def test_the_same_person_may_give_again_and_is_somebody_new(donation: Donation, boss: User) -> None:
    erase(donation, boss)
    again = factories.open_donation(
        factories.make_appeal(donation.entity), first_name="Quillfeather", last_name="Ostrakova",
        email="zyx.quill@example.org",
    )  # fmt: skip
    assert again.donor_id != donation.donor_id


def test_erasing_twice_changes_nothing(donation: Donation, boss: User) -> None:
    erase(donation, boss)
    at = Donor.objects.get(pk=donation.donor_id).erased_at
    erase(donation, boss)
    assert Donor.objects.get(pk=donation.donor_id).erased_at == at
    assert StaffAction.objects.filter(verb="donor_erased").count() == 1


# --- What has to be over first ------------------------------------------------------------------------


def test_a_donor_whose_money_still_moves_is_not_erased(boss: User) -> None:
    kit = factories.make_appeal()
    email = "ada@example.org"
    fresh, _charge = factories.received_donation(kit, email=email)
    monthly = factories.open_donation(kit, email=email, regularly=Regularly(Interval.MONTH))
    assert monthly.mandate
    Mandate.objects.filter(pk=monthly.mandate.pk).update(state=MandateState.ACTIVE, started_at=timezone.now())
    assert erasing.obstacles(fresh.donor) == [Obstacle.MANDATE, Obstacle.UNDER_WAY, Obstacle.RECENT]
    Donation.objects.filter(pk=fresh.pk).update(state=DonationState.DISPUTED)
    with pytest.raises(NotErasable) as refusal:
        erase(fresh, boss)
    assert Obstacle.DISPUTE in refusal.value.obstacles
    assert Donor.objects.get(pk=fresh.donor_id).email == email


def transfer_of_long_ago() -> Donation:
    """A bank transfer that somebody announced two months ago."""
    kit = factories.make_appeal()
    bank_of_donors(kit.entity)
    draft = factories.draft(kit, amount=Money(5_000, "EUR"), email="zyx.quill@example.org", last_name="Ostrakova")
    found = offline.open_transfer(draft)
    Donation.objects.filter(pk=found.pk).update(opened_at=LONG_AGO)
    return found


def bank_of_donors(entity: LegalEntity) -> BankAccount:
    own = make_bank_account(entity)
    BankAccount.objects.filter(pk=own.pk).update(takes_donations=True)
    return own


def line_of(donation: Donation, by: User, text: str) -> BankLine:
    """Its money in the bank, one cent less than announced, so that nothing is matched by itself."""
    row = Row(timezone.localdate(), 4_999, name="Ostrakova", text=text)
    own = BankAccount.objects.get(entity=donation.entity)
    statement = import_statement(own, name="x", data=camt([row], iban=own.iban), by=by)
    return statement.lines.select_related("bank_account").get()


@pytest.mark.parametrize("written", ["{0}", "{1}", "rf: {1}"])
def test_a_donor_whose_reference_the_bank_quotes_is_erased_once_that_line_is_matched(boss: User, written: str) -> None:
    donation = transfer_of_long_ago()
    reference = str(donation.transfer_reference)
    line = line_of(donation, boss, written.format(reference, in_groups(reference).lower()))
    assert erasing.obstacles(donation.donor) == [Obstacle.IN_BANK]
    match_line(line, kind=MatchKind.DONATION, amount_minor=4_999, by=boss, donation=donation)
    Donation.objects.update(received_at=LONG_AGO)
    erase(donation, boss)
    assert found_words(everything_unsealed()) == set()


def test_late_money_of_somebody_who_was_erased_names_nobody(boss: User) -> None:
    donation = transfer_of_long_ago()
    erase(donation, boss)
    line = line_of(donation, boss, f"{donation.transfer_reference}")
    donation = Donation.objects.get(pk=donation.pk)
    match_line(line, kind=MatchKind.DONATION, amount_minor=4_999, by=boss, donation=donation)
    assert found_words(everything_unsealed()) == set()
    line.refresh_from_db()
    assert (line.words, line.unexplained_minor) == ([], 0)


def test_a_fault_in_the_middle_erases_nothing(donation: Donation, boss: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_donor: Donor) -> int:
        raise RuntimeError

    monkeypatch.setattr(sealing, "seal_papers", fail)
    with pytest.raises(RuntimeError):
        erase(donation, boss)
    assert found_words(everything_unsealed()) == set(WORDS)
    assert "zyx.quill@example.org" in everything_stored()


# --- Sealed papers ------------------------------------------------------------------------------------


def test_no_link_page_or_role_opens_a_sealed_paper(donation: Donation, boss: User, client: Client) -> None:
    receipt = Receipt.objects.get()
    link = links.url_of(donation.donor, MailKind.PAPERS).removeprefix("http://127.0.0.1:8000")
    assert client.get(f"{link}{receipt.number}.pdf").status_code == 200
    erase(donation, boss)
    assert client.get(link).status_code == 404
    assert client.get(f"{link}{receipt.number}.pdf").status_code == 404
    assert client.get(reverse("receipt-download", kwargs={"donation_uuid": donation.uuid})).status_code == 404
    assert ".pdf" not in client.get(reverse("donation", kwargs={"uuid": donation.uuid})).text
    for role in Role:
        answer = staff.at_desk(role, donation.entity).get(f"/desk/{donation.entity.slug}/receipts/{receipt.number}.pdf")
        assert answer.status_code in {403, 404}
    check = client.get(f"/receipt/{receipt.number}?c={receipt.check_code}")
    assert check.context["state"] == ReceiptState.ISSUED


def test_a_legal_demand_opens_it_with_a_reason_and_in_the_trail(donation: Donation, boss: User) -> None:
    erase(donation, boss)
    receipt = Receipt.objects.get()
    path = f"/desk/{donation.entity.slug}/sealed/{receipt.number}/"
    approver = staff.at_desk(Role.APPROVER, donation.entity)
    assert approver.post(path, {"reason": ""}).status_code == 400
    assert not StaffAction.objects.filter(verb="sealed_paper_opened").exists()
    answer = approver.post(path, {"reason": "Finanzamt, order of 3 May"})
    assert answer.content == receipts.read_pdf(receipt)
    assert StaffAction.objects.get(verb="sealed_paper_opened").reason == "Finanzamt, order of 3 May"
    assert staff.at_desk(Role.FINANCE, donation.entity).get(path).status_code == 403


def test_the_database_keeps_papers_from_being_emptied_early_or_otherwise(donation: Donation, boss: User) -> None:
    receipt = Receipt.objects.get()
    attempts = [
        "UPDATE receipts_receipt SET snapshot = ''",
        "UPDATE receipts_document SET sealed_pdf = ''",
        "UPDATE receipts_receipt SET snapshot = '', amount_minor = 1",
        "UPDATE receipts_receipt SET amount_minor = 1",
        "UPDATE receipts_document SET sealed_pdf = 'x'",
        "DELETE FROM receipts_document",
        "DELETE FROM receipts_receipt",
        f"INSERT INTO receipts_sealedpaper (receipt_id, sealed_at, kept_until) VALUES ({receipt.pk}, now(), now())",
    ]

    def refused(statement: str) -> bool:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)
        except DatabaseError:
            return True
        return False

    assert all(refused(one) for one in attempts)
    erase(donation, boss)
    later = [
        *attempts,
        "UPDATE receipts_sealedpaper SET kept_until = '2000-01-01'",
        "UPDATE receipts_sealedpaper SET emptied_at = now()",
        "DELETE FROM receipts_sealedpaper",
    ]
    assert [one for one in later if not refused(one)] == []
    let_time_pass(receipt)
    assert refused("UPDATE receipts_receipt SET snapshot = '', amount_minor = 1")
    assert refused("UPDATE receipts_sealedpaper SET emptied_at = now()")
    assert not refused("UPDATE receipts_document SET sealed_pdf = ''")


def test_a_paper_is_kept_for_the_years_of_its_law(donation: Donation) -> None:
    receipt = Receipt.objects.select_related("series").get()
    assert sealing.kept_until(receipt) == date(timezone.localdate(receipt.issued_at).year + 7, 12, 31)


def test_a_late_refund_voids_the_sealed_paper_and_mails_nobody(boss: User) -> None:
    kit = factories.make_appeal()
    donation, charge = factories.received_donation(kit, at=LONG_AGO)
    receipts.issue_receipt(donation)
    Donation.objects.update(opened_at=LONG_AGO)
    erase(donation, boss)
    factories.refund(charge, Money(1_00, "EUR"))
    tasks.work_off()
    assert [receipt.state for receipt in Receipt.objects.all()] == [ReceiptState.VOIDED]
    tasks.send_due()
    assert not OutgoingMail.objects.filter(state=MailState.SENT).exists()
    assert [check.name for check in audit.checks() if not check.ok] == []


def test_mails_that_waited_are_not_sent(donation: Donation, boss: User, mailoutbox: list[Any]) -> None:
    link_letters.send(donation.donor, MailKind.PAPERS)
    erase(donation, boss)
    tasks.send_due()
    assert mailoutbox == []


# --- At the desk --------------------------------------------------------------------------------------


def test_the_page_asks_for_a_reference_and_a_reason_and_for_the_second_factor_anew(donation: Donation) -> None:
    path = f"/desk/{donation.entity.slug}/donors/{donation.donor.uuid}/erase/"
    care = staff.make_person(Role.DONOR_CARE, entity=donation.entity)
    assert staff.signed_in(care, seconds_ago=600).get(path).status_code == 302
    client = staff.signed_in(care)
    assert client.post(path, {"reference": "NOTHEIRS", "reason": "x"}).status_code == 400
    assert client.post(path, {"reference": donation.reference, "reason": ""}).status_code == 400
    assert client.post(path, {"reference": donation.reference.lower(), "reason": "letter"}).status_code == 302
    page = client.get(path, follow=True).text
    assert "Erased donor" in page
    assert not found_words(page)
    assert not Membership.objects.filter(role=Role.ADMIN, user=care).exists()
    assert not TaxDetails.objects.exists()
    assert SealedPaper.objects.count() == Document.objects.count() == 1


def test_staff_write_details_and_replace_the_papers_that_print_others(donation: Donation) -> None:
    care = staff.at_desk(Role.DONOR_CARE, donation.entity)
    path = f"/desk/{donation.entity.slug}/donors/{donation.donor.uuid}/"
    assert "Wimbledonstrasse" in care.get(path).text
    assert staff.at_desk(Role.AUDITOR, donation.entity).get(path).status_code == 403
    told = {"street": "Neue Gasse 9", "postcode": "00154", "city": "Roma", "reason": "a call"}
    assert care.post(f"{path}details/", told).status_code == 302
    assert TaxDetails.objects.get().street == "Neue Gasse 9"
    line = StaffAction.objects.get(verb="tax_details_changed")
    assert line.reason == "a call"
    assert "Gasse" not in str(line.after)
    assert care.post(f"{path}details/", {**told, "postcode": "1"}).status_code == 400
