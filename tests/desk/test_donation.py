"""A donation at the desk: its timeline in words, its figures, and what staff do from there."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.desk.timeline import Story
from fundraising import breaks, disputed, donations, donor_care, ledger, trail
from fundraising.desk import Desk
from fundraising.ledger import Bucket
from fundraising.models import (
    BankAccount,
    BankLine,
    Cause,
    Donation,
    Donor,
    Match,
    MatchKind,
    Purpose,
    Role,
    StaffAction,
)
from fundraising.money import Money
from fundraising.spending import verbs
from fundraising.vault import blind_index
from payments.models import BalanceTransaction, Dispute, EventState, InboxEvent, Payment, Payout, StripeAccount
from receipts import receipts
from receipts.models import EndReason, MailState, OutgoingMail, Receipt, ReceiptState, Refusal
from tests import factories, staff
from tests.factories import AppealKit
from tests.fundraising.spending import kits

pytestmark = pytest.mark.django_db


def address(kit: AppealKit, donation: Donation, more: str = "") -> str:
    return f"/desk/{kit.entity.slug}/donations/{donation.uuid}/{more}"


def story(kit: AppealKit, donation: Donation, role: Role = Role.FINANCE) -> Story:
    return Story(Desk(staff.make_person(role, entity=kit.entity), kit.entity, frozenset({role})), donation)


def told(kit: AppealKit, donation: Donation) -> list[str]:
    return [row.text for row in story(kit, donation).rows()]


def settled(account: StripeAccount, charge: str, number: str, *, payout: str = "") -> None:
    donations.settle(
        key=f"txn:txn_{number}", fact_key=charge, gross=Money(5_000, "EUR"), settled=Money(5_000, "EUR"),
        fee=Money(175, "EUR"),
    )  # fmt: skip
    BalanceTransaction.objects.create(
        account=account, txn_id=f"txn_{number}", type="charge", currency="EUR", amount_minor=5_000, fee_minor=175,
        net_minor=4_825, created_at=timezone.now(), available_on=timezone.now(), booked_at=timezone.now(),
        payout_id=payout,
    )  # fmt: skip


def paid_out(account: StripeAccount, payout_id: str) -> Payout:
    return Payout.objects.create(
        account=account, payout_id=payout_id, currency="EUR", amount_minor=4_825, status="paid",
        status_at=timezone.now(), created_at=timezone.now(), arrival_on=timezone.now().date(),
    )  # fmt: skip


def in_bank(kit: AppealKit, payout: Payout, on: date) -> None:
    bank = BankAccount.objects.create(
        entity=kit.entity, slug="bank-1", name="Current account", iban="DE89370400440532013000", currency="EUR"
    )
    line = BankLine.objects.create(bank_account=bank, content="c", booked_on=on, amount_minor=4_825,
                                   unexplained_minor=0)  # fmt: skip
    posted = ledger.post(
        key="match:1", occurred_at=timezone.now(),
        legs={Bucket(kit.entity.pk, Purpose.SUSPENSE, "EUR", provider="bank-1"): 4_825,
              Bucket(kit.entity.pk, Purpose.PAYOUTS, "EUR", provider=payout.account.slug): -4_825},
    )  # fmt: skip
    Match.objects.create(line=line, kind=MatchKind.PAYOUT, key=payout.payout_id, amount_minor=4_825,
                         entry_id=posted.entry_id)  # fmt: skip


def test_the_timeline_tells_the_way_of_a_donation_from_the_form_to_the_bank(
    kit: AppealKit, account: StripeAccount
) -> None:
    donation, charge = factories.received_donation(kit)
    Payment.objects.create(donation=donation, account=account, state="succeeded", charge_id=charge[7:])
    settled(account, charge, "1", payout="po_1")
    in_bank(kit, paid_out(account, "po_1"), timezone.now().date())
    receipt = receipts.issue_receipt(donation)
    OutgoingMail.objects.update(state=MailState.SENT, sent_at=timezone.now())
    rows = story(kit, donation).rows()
    texts = [row.text for row in rows]
    for words in (
        f"Opened on the page {donation.page.get_absolute_url()}.",
        "Charged: the donor has paid.",
        "Settled at Stripe, net of a fee of €1.75.",
        "Paid out in payout po_1 (€48.25 in all).",
        "In the bank: payout po_1 is on Current account (€48.25 in all).",
        f"Receipt {receipt.number} was issued.",
        f"Mailed: receipt {receipt.number}.",
    ):
        assert words in texts, words
    assert texts[0].startswith("Opened")
    assert texts[-1].startswith("In the bank"), "of a day of the bank only the day is known: it stands at its end"
    assert rows[-1].is_day
    assert [row.entry.key for row in rows if row.entry] == [charge, "txn:txn_1", "match:1"]


def test_refunds_disputes_and_failures_are_told_with_their_amounts(kit: AppealKit, account: StripeAccount) -> None:
    donation, charge = factories.received_donation(kit)
    now = timezone.now()
    refund = factories.refund(charge, Money(1_000, "EUR"))
    donations.undo_refund(key=refund, charge_key=charge, at=now)
    fact = {"key": "dispute:dp_1", "charge_key": charge}
    disputed.withhold_disputed(**fact, amount=Money(5_000, "EUR"), at=now)
    disputed.lose_disputed(**fact, at=now)
    Dispute.objects.create(
        account=account, dispute_id="dp_1", charge_id=charge[7:], donation=donation, currency="EUR", amount_minor=5_000,
        status="lost", status_at=now, reason="fraudulent", opened_at=now, closed_at=now,
    )  # fmt: skip
    rows = [(row.text, row.amount.minor if row.amount else None) for row in story(kit, donation).rows()]
    for row in (
        ("Refunded.", 1_000),
        ("The refund failed: the money is back with us.", 1_000),
        ("The bank withholds it until the dispute is decided.", 5_000),
        ("The dispute is lost: the bank keeps it for good.", 5_000),
        ("The donor's bank contests it: fraudulent (dispute dp_1).", 5_000),
        ("Dispute dp_1 is decided: lost.", 5_000),
    ):
        assert row in rows, row


def test_a_dispute_that_is_won_and_a_debit_that_is_announced_and_returned_are_told(kit: AppealKit) -> None:
    won, charge = factories.received_donation(kit)
    now = timezone.now()
    fact = {"key": "dispute:dp_2", "charge_key": charge}
    disputed.withhold_disputed(**fact, amount=Money(5_000, "EUR"), at=now)
    disputed.return_disputed(**fact, at=now)
    assert "The dispute is over: the bank gave the money back." in told(kit, won)
    debit = factories.open_donation(kit)
    donations.announce_donation(debit.uuid, provider_id="pi_1", amount=debit.amount, at=now)
    assert "Announced by the bank; not received yet." in told(kit, debit)
    key = factories.receive(debit)
    donations.charge_failed(charge_key=key, at=now)
    texts = told(kit, debit)
    assert "The announcement ends: the money came, or will not come." in texts
    assert "The bank returned the debit." in texts


def test_figures_are_what_is_booked(kit: AppealKit, account: StripeAccount) -> None:
    donation, charge = factories.received_donation(kit)
    settled(account, charge, "3")
    factories.refund(charge, Money(1_500, "EUR"))
    figures = story(kit, donation).figures()
    assert (figures.given.minor, figures.refunded.minor, figures.left.minor) == (5_000, 1_500, 3_500)
    assert figures.fees == (Money(175, "EUR"),)
    assert figures.net == (Money(4_825, "EUR"),)


def test_an_open_break_of_the_donation_is_told_to_those_who_read_the_books(kit: AppealKit) -> None:
    donation, _charge = factories.received_donation(kit)
    finding = breaks.Finding(
        Cause.AMOUNT_DIFFERS, "ch_1", Money(100, "EUR"), timezone.now().date(), donation_id=donation.pk
    )
    breaks.note_findings(kit.entity.pk, [Cause.AMOUNT_DIFFERS], [finding])
    assert "Break: the amount is not the provider's." in told(kit, donation)
    assert not [row for row in story(kit, donation, Role.DONOR_CARE).rows() if row.text.startswith("Break")]


def test_the_page_names_the_donor_only_to_those_who_may_see_donors(kit: AppealKit) -> None:
    donation, _charge = factories.received_donation(kit, last_name="Rossignol", email="ada@example.org")
    seen = staff.at_desk(Role.FINANCE, kit.entity).get(address(kit, donation)).content.decode()
    assert "Rossignol" in seen
    assert "ada@example.org" in seen
    unseen = staff.at_desk(Role.AUDITOR, kit.entity).get(address(kit, donation)).content.decode()
    assert donation.reference in unseen
    assert "Rossignol" not in unseen
    assert "ada@example.org" not in unseen


def test_another_legal_entitys_donation_is_not_there(kit: AppealKit) -> None:
    donation, _charge = factories.received_donation(factories.make_appeal())
    client = staff.at_desk(Role.APPROVER, kit.entity)
    for more in ("", "refund/"):
        assert client.get(address(kit, donation, more)).status_code == 404
    assert client.get(f"/desk/{kit.entity.slug}/donors/{donation.donor.uuid}/").status_code == 404


def test_the_page_asks_at_most_twenty_times_however_long_the_story(kit: AppealKit, account: StripeAccount) -> None:
    donation, charge = factories.received_donation(kit)
    for number in range(5):
        settled(account, charge, f"9{number}", payout=f"po_{number}") if number == 0 else None
        paid_out(account, f"po_{number}")
        factories.refund(charge, Money(100 + number, "EUR"))
    receipts.issue_receipt(donation)
    client = staff.at_desk(Role.APPROVER, kit.entity)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address(kit, donation)).status_code == 200
    assert len(captured) <= 20, "\n".join(query["sql"] for query in captured.captured_queries)


# --- Refunds ---------------------------------------------------------------------------------------


def refundable(kit: AppealKit, account: StripeAccount) -> Donation:
    donation, charge = factories.received_donation(kit)
    Payment.objects.create(donation=donation, account=account, state="succeeded", charge_id=charge[7:])
    return donation


def filled_in(client: Client, page: str, **changes: str) -> dict[str, str]:
    shown = client.get(page).content.decode()
    found = re.search(r'name="uuid" value="([^"]+)"', shown)
    assert found
    return {"uuid": found[1], "amount": "12.50", "reason": "requested_by_customer", "note": "by phone", **changes}


def test_a_refund_is_stored_with_who_wanted_it_and_asked_for_once(
    kit: AppealKit, account: StripeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payments.refunds.carry_out", lambda pk: "asked")
    donation = refundable(kit, account)
    client = staff.at_desk(Role.DONOR_CARE, kit.entity)
    page = address(kit, donation, "refund/")
    form = filled_in(client, page)
    for _click in range(2):
        assert client.post(page, form).status_code == 302
    [wanted] = donation.refund_requests.all()
    assert wanted.amount == Money(1_250, "EUR")
    [line] = StaffAction.objects.filter(verb="refund_wanted")
    assert (line.reason, line.after["minor"], line.about) == ("by phone", 1_250, f"donation:{donation.uuid}")
    assert not list(trail.broken_lines())


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"amount": "60"}, "more than is left"), ({"amount": "x"}, "Write an amount"), ({"note": ""}, "required")],
)
def test_a_refund_that_cannot_be_says_why_beside_the_field(
    kit: AppealKit, account: StripeAccount, changes: dict[str, str], says: str
) -> None:
    donation = refundable(kit, account)
    client = staff.at_desk(Role.FINANCE, kit.entity)
    page = address(kit, donation, "refund/")
    answer = client.post(page, filled_in(client, page, **changes))
    assert answer.status_code == 400
    assert says in answer.content.decode()
    assert not donation.refund_requests.exists()
    assert not StaffAction.objects.filter(verb="refund_wanted").exists()


def test_a_refund_wants_a_fresh_proof_and_the_right(kit: AppealKit, account: StripeAccount) -> None:
    donation = refundable(kit, account)
    page = address(kit, donation, "refund/")
    stale = staff.signed_in(staff.make_person(Role.FINANCE, entity=kit.entity), seconds_ago=3_600)
    assert stale.get(page).status_code == 302
    assert staff.at_desk(Role.AUDITOR, kit.entity).get(page).status_code == 403


# --- Donors ----------------------------------------------------------------------------------------


def test_the_donor_page_shows_all_of_one_address_in_any_case_and_no_other(kit: AppealKit) -> None:
    first, _charge = factories.received_donation(kit, email="ada@example.org", last_name="Rossi")
    second, _charge = factories.received_donation(kit, email="ADA@example.org", last_name="Verdi")
    other, _charge = factories.received_donation(kit, email="bea@example.org")
    client = staff.at_desk(Role.DONOR_CARE, kit.entity)
    shown = client.get(f"/desk/{kit.entity.slug}/donors/{first.donor.uuid}/").content.decode()
    assert first.reference in shown
    assert second.reference in shown
    assert other.reference not in shown


def details(donor: Donor, **changes: str) -> dict[str, str]:
    return {"first_name": donor.first_name, "last_name": donor.last_name, "organisation": "", "email": donor.email,
            "country": donor.country, "reason": "letter of 3 May", **changes}  # fmt: skip


def test_mending_a_name_replaces_the_receipt_and_the_trail_holds_no_name(kit: AppealKit) -> None:
    donation, _charge = factories.received_donation(kit, last_name="Rosi")
    receipt = receipts.issue_receipt(donation)
    client = staff.at_desk(Role.DONOR_CARE, kit.entity)
    page = f"/desk/{kit.entity.slug}/donors/{donation.donor.uuid}/"
    assert client.post(page, details(donation.donor, last_name="Rossini")).status_code == 302
    receipt.refresh_from_db()
    assert (receipt.state, receipt.ended_reason) == (ReceiptState.REPLACED, EndReason.CORRECTED)
    assert "Rossini" in Receipt.objects.get(replaces=receipt).snapshot
    lines = StaffAction.objects.order_by("pk")
    assert [line.verb for line in lines] == ["donor_corrected", "receipt_replaced"]
    assert lines[0].after == {"fields": ["last_name"]}
    assert "ossi" not in str([vars(line) for line in lines])


def test_a_mended_address_is_found_and_replaces_no_receipt(kit: AppealKit) -> None:
    donation, _charge = factories.received_donation(kit)
    receipt = receipts.issue_receipt(donation)
    client = staff.at_desk(Role.FINANCE, kit.entity)
    page = f"/desk/{kit.entity.slug}/donors/{donation.donor.uuid}/"
    client.post(page, details(donation.donor, email="new@example.org"))
    assert Donor.objects.get(email_index=blind_index("new@example.org")) == donation.donor
    receipt.refresh_from_db()
    assert receipt.state == ReceiptState.ISSUED


def test_a_donor_cannot_be_made_the_same_as_another(kit: AppealKit) -> None:
    one, _charge = factories.received_donation(kit, email="ada@example.org", last_name="Rossi")
    two, _charge = factories.received_donation(kit, email="ada@example.org", last_name="Verdi")
    with pytest.raises(donor_care.SameDonorExists):
        donor_care.correct_donor(
            two.donor, first_name="Ada", last_name="Rossi", organisation="", email="ada@example.org",
            country=one.donor.country, by=staff.make_person(), reason="x",
        )  # fmt: skip
    two.donor.refresh_from_db()
    assert two.donor.last_name == "Verdi"


def test_the_index_of_a_mended_donor_is_that_which_the_form_would_make(kit: AppealKit) -> None:
    donation, _charge = factories.received_donation(kit, email="ada@example.org", last_name="Rosi")
    donor_care.correct_donor(
        donation.donor, first_name="Ada", last_name="Rossi", organisation="", email="ada@example.org",
        country=donation.donor.country, by=staff.make_person(), reason="x",
    )  # fmt: skip
    again = factories.open_donation(kit, email="ada@example.org", last_name="Rossi")
    assert again.donor == donation.donor


# --- What failed -----------------------------------------------------------------------------------


def test_a_failed_mail_goes_out_again_and_the_trail_says_who_sent_it(kit: AppealKit) -> None:
    donation, _charge = factories.received_donation(kit)
    receipt = receipts.issue_receipt(donation)
    OutgoingMail.objects.update(state=MailState.FAILED, attempts=8, last_error="SMTPRecipientsRefused 550")
    client = staff.at_desk(Role.DONOR_CARE, kit.entity)
    assert receipt.number in client.get(f"/desk/{kit.entity.slug}/failed/").content.decode()
    [mail] = OutgoingMail.objects.all()
    answer = client.post(f"/desk/{kit.entity.slug}/failed/mails/{mail.pk}/send/", {"donation": str(donation.uuid)})
    assert answer["Location"] == address(kit, donation)
    mail.refresh_from_db()
    assert (mail.state, mail.attempts) == (MailState.DUE, 0)
    [line] = StaffAction.objects.filter(verb="mail_sent_again")
    assert line.about == f"receipt:{receipt.number}"


def test_a_refused_receipt_says_how_to_mend_it_and_is_tried_again_at_once(kit: AppealKit) -> None:
    donation, _charge = factories.received_donation(kit)
    receipts.refuse(donation, "no_statement")
    client = staff.at_desk(Role.FINANCE, kit.entity)
    shown = client.get(f"/desk/{kit.entity.slug}/failed/").content.decode()
    assert "Write it in the entity" in shown
    assert receipts.due() == []
    assert client.post(f"/desk/{kit.entity.slug}/failed/receipts/{donation.pk}/try/").status_code == 302
    assert receipts.due() == [donation]
    assert StaffAction.objects.filter(verb="receipt_tried_again").count() == 1


def test_mails_and_refusals_of_another_legal_entity_cannot_be_touched(kit: AppealKit) -> None:
    donation, _charge = factories.received_donation(factories.make_appeal())
    receipts.issue_receipt(donation)
    other, _charge = factories.received_donation(factories.make_appeal())
    receipts.refuse(other, "no_statement")
    client = staff.at_desk(Role.APPROVER, kit.entity)
    mail = OutgoingMail.objects.get()
    assert client.post(f"/desk/{kit.entity.slug}/failed/mails/{mail.pk}/send/").status_code == 404
    assert client.post(f"/desk/{kit.entity.slug}/failed/receipts/{other.pk}/try/").status_code == 404
    assert Refusal.objects.count() == 1


def test_events_that_failed_are_listed_with_why_and_replayed_by_the_chosen(
    kit: AppealKit, account: StripeAccount
) -> None:
    for number in (1, 2):
        InboxEvent.objects.create(
            account=account, event_id=f"evt_{number}", type="charge.succeeded", body=b"{}", state=EventState.FAILED,
            reason="KeyError", attempts=15,
        )  # fmt: skip
    client = staff.at_desk(Role.FINANCE, kit.entity)
    assert "KeyError" in client.get(f"/desk/{kit.entity.slug}/events/").content.decode()
    chosen = InboxEvent.objects.get(event_id="evt_1")
    client.post(f"/desk/{kit.entity.slug}/events/replay/", {"event": [str(chosen.pk), "x", "99999999"]})
    assert dict(InboxEvent.objects.values_list("event_id", "state")) == {"evt_1": "received", "evt_2": "failed"}
    [line] = StaffAction.objects.filter(verb="events_replayed")
    assert line.after == {"events": ["evt_1"]}


def test_the_evidence_pack_is_a_pdf_and_its_making_is_in_the_trail(kit: AppealKit, account: StripeAccount) -> None:
    donation, charge = factories.received_donation(kit)
    now = timezone.now()
    Dispute.objects.create(
        account=account, dispute_id="dp_7", charge_id=charge[7:], donation=donation, currency="EUR", amount_minor=5_000,
        status="needs_response", status_at=now, reason="fraudulent", opened_at=now, evidence_due_by=now + timedelta(9),
    )  # fmt: skip
    client = staff.at_desk(Role.FINANCE, kit.entity)
    page = f"/desk/{kit.entity.slug}/disputes/"
    assert "dp_7" in client.get(page).content.decode()
    answer = client.get(f"{page}dp_7/evidence.pdf")
    assert answer.content.startswith(b"%PDF")
    assert StaffAction.objects.filter(verb="evidence_made", about="dispute:dp_7").exists()
    assert staff.at_desk(Role.AUDITOR, kit.entity).get(f"{page}dp_7/evidence.pdf").status_code == 403


def test_the_story_tells_what_its_fund_allocated_after_it_came_to_those_who_read_the_books() -> None:
    spending = kits.make_spending()
    charge = kits.give(spending.kit, Money(100_000, "EUR"))
    donation = Donation.objects.get(entries__key=charge)
    for day, minor in ((kits.AT.date() - timedelta(days=1), 10_000), (kits.ON, 20_000)):
        verbs.allocate(spending.housing, Money(minor, "EUR"), by=spending.author, on=day)
    (row,) = [row for row in story(spending.kit, donation).rows() if "allocated" in row.text]
    assert row.text == "Its fund, of which it is a share, allocated €200 for: housing."
    assert "/spending/steps/" in row.url
    assert not [row for row in story(spending.kit, donation, Role.DONOR_CARE).rows() if "allocated" in row.text]


def test_an_attempt_that_was_refused_and_goes_on_says_why(kit: AppealKit, account: StripeAccount) -> None:
    donation = factories.open_donation(kit)
    Payment.objects.create(donation=donation, account=account, state="open", error_code="insufficient_funds")
    assert told(kit, donation)[-1] == "Attempt 1 was refused so far: insufficient funds."


def test_a_mail_that_came_back_is_told_after_it_was_sent_and_in_words(kit: AppealKit) -> None:
    donation, _charge = factories.received_donation(kit)
    receipts.issue_receipt(donation)
    sent_at = timezone.now()
    later = sent_at + timedelta(hours=1)
    OutgoingMail.objects.update(
        state=MailState.BOUNCED, sent_at=sent_at, last_error="bounced bounced", next_attempt_at=later
    )
    sent, back = story(kit, donation).rows()[-2:]
    assert (sent.at, back.at, back.tone) == (sent_at, sent_at, "bad")
    assert "It came back: the mailbox is not there" in back.text
