"""The search finds a donation from anything that a donor might quote, and tells nobody what was typed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.desk import search, terms
from fundraising.desk import Desk
from fundraising.models import (
    BankAccount,
    BankLine,
    Donation,
    Entry,
    LegalEntity,
    Mandate,
    Membership,
    Role,
    StaffAction,
)
from fundraising.money import Money
from fundraising.offline.references import new_reference
from fundraising.vault import blind_words
from payments.models import Dispute, EventState, InboxEvent, Payment, PaymentState, Payout, StripeAccount, Subscription
from receipts import receipts
from tests import factories, staff
from tests.factories import AppealKit
from tests.payments.desk import make_account

pytestmark = pytest.mark.django_db


def desk(entity: LegalEntity, *roles: Role) -> Desk:
    return Desk(staff.make_person(*roles, entity=entity), entity, frozenset(roles))


def found(kit: AppealKit, query: str, role: Role = Role.FINANCE) -> list[Donation]:
    return [row.donation for row in search.search(desk(kit.entity, role), query).donations]


def paid(kit: AppealKit, account: StripeAccount, donation: Donation, **more: object) -> Payment:
    number = factories.next_number()
    ids = {
        "session_id": f"cs_test_{number}", "payment_intent_id": f"pi_test{number}", "charge_id": f"ch_test{number}",
        "state": PaymentState.SUCCEEDED,
    }  # fmt: skip
    return Payment.objects.create(donation=donation, account=account, **{**ids, **more})


@pytest.mark.parametrize("typed", ["ada@example.org", "ADA@Example.ORG", " ada@example.org ", "<Ada@example.org>,"])
def test_by_e_mail_in_any_letter_case(kit: AppealKit, typed: str) -> None:
    donation = factories.open_donation(kit, email="Ada@Example.org")
    factories.open_donation(kit, email="other@example.org")
    assert found(kit, typed) == [donation]


@pytest.mark.parametrize(
    ("first", "last", "typed"),
    [
        ("Ada", "Rossi", "rossi"),
        ("Ada", "Rossi", "ROSSI ada"),
        ("Zoë", "Müller-Lüdenscheid", "lüdenscheid"),
        ("Zoë", "Müller-Lüdenscheid", "Müller-Lüdenscheid"),
        ("Ελένη", "Παπαδοπούλου", "ελένη"),
        ("明", "李", "李 明"),
        ("נועה", "כהן", "כהן"),
        ("Anna", "O'Brien", "O'Brien"),
    ],
)
def test_by_words_of_the_name_in_any_script(kit: AppealKit, first: str, last: str, typed: str) -> None:
    donation = factories.open_donation(kit, first_name=first, last_name=last)
    factories.open_donation(kit, first_name="Bruno", last_name="Bianchi")
    assert found(kit, typed) == [donation]


@pytest.mark.parametrize(
    ("minor", "currency", "typed"),
    [
        (5_000, "EUR", "50"), (5_000, "EUR", "50,00"), (5_000, "EUR", "50.00"), (5_000, "EUR", "€50"),
        (5_000, "EUR", "50 €"), (5_000, "EUR", "50€"), (5_000, "EUR", "50 EUR"), (5_000, "EUR", "EUR50"),
        (123_456, "EUR", "1.234,56"), (123_456, "EUR", "1,234.56"), (123_456, "EUR", "1 234,56"),
        (123_400, "EUR", "1.234"), (123_400, "EUR", "1,234"), (123_400, "EUR", "1'234"), (10_000, "JPY", "¥10,000"),
        (10_000, "JPY", "10000"), (1_230, "KWD", "1.230"), (5_050, "EUR", "50,5"),
    ],
)  # fmt: skip
def test_by_an_amount_however_it_is_written(kit: AppealKit, minor: int, currency: str, typed: str) -> None:
    donation = factories.open_donation(kit, amount=Money(minor, currency))
    factories.open_donation(kit, amount=Money(minor + 10, currency))
    assert found(kit, typed) == [donation]


def test_a_symbol_narrows_an_amount_to_its_currency(kit: AppealKit) -> None:
    euros = factories.open_donation(kit, amount=Money(5_000, "EUR"))
    dollars = factories.open_donation(kit, amount=Money(5_000, "USD"))
    assert set(found(kit, "50")) == {euros, dollars}
    assert found(kit, "$50") == [dollars]
    assert found(kit, "50 usd") == [dollars]


def test_by_the_amount_before_the_fee_was_covered_on_top(kit: AppealKit) -> None:
    donation = factories.open_donation(kit, amount=Money(5_180, "EUR"), fee_cover_minor=180)
    assert found(kit, "50") == [donation]
    assert found(kit, "51,80") == [donation]


@pytest.mark.parametrize(
    "typed", ["2026-03-13", "13.3.2026", "13/03/2026", "03/13/2026", "13.03.26", "13 Mar 2026", "13 marzo 2026",
              "March 13, 2026", "20260313"],
)  # fmt: skip
def test_by_the_day_in_the_ways_people_write_it(kit: AppealKit, typed: str) -> None:
    donation = factories.open_donation(kit)
    Donation.objects.filter(pk=donation.pk).update(opened_at=datetime(2026, 3, 13, 9, 30, tzinfo=UTC))
    factories.open_donation(kit)
    assert found(kit, typed) == [donation]


def test_a_day_is_that_of_the_donor_wherever_they_live(kit: AppealKit) -> None:
    donation = factories.open_donation(kit)
    in_auckland = datetime(2026, 3, 12, 11, 30, tzinfo=UTC)  # half past midnight of the 13th there
    Donation.objects.filter(pk=donation.pk).update(opened_at=in_auckland)
    assert found(kit, "2026-03-13") == [donation]
    assert found(kit, "2026-03-15") == []


@pytest.mark.parametrize("typed", ["4242", "****4242", "•••• 4242", "x4242"])
def test_by_the_last_four_digits_of_the_card(kit: AppealKit, account: StripeAccount, typed: str) -> None:
    donation = factories.open_donation(kit)
    paid(kit, account, donation, last4="4242", brand="visa")
    paid(kit, account, factories.open_donation(kit), last4="1111")
    assert found(kit, typed) == [donation]


def test_by_any_id_of_stripes(kit: AppealKit, account: StripeAccount) -> None:
    donation, charge = factories.received_donation(kit)
    payment = paid(kit, account, donation, invoice_id="in_test1")
    refund = factories.refund(charge, Money(100, "EUR"))
    Dispute.objects.create(
        account=account, dispute_id="dp_test1", charge_id="ch", donation=donation, currency="EUR", amount_minor=1,
        status="lost", status_at=timezone.now(), reason="x", opened_at=timezone.now(),
    )  # fmt: skip
    for stripe_id in (
        payment.charge_id, payment.payment_intent_id, payment.session_id, payment.invoice_id,
        charge.removeprefix("charge:"), refund.removeprefix("refund:"), "dp_test1",
    ):  # fmt: skip
        assert found(kit, str(stripe_id)) == [donation], stripe_id


def test_by_the_subscription_all_its_collections(kit: AppealKit, account: StripeAccount) -> None:
    donation = factories.open_donation(kit)
    mandate = Mandate.objects.create(
        entity=kit.entity, donor=donation.donor, page=donation.page, round=donation.round, wording=donation.wording,
        locale="en", interval="month", currency="EUR", amount_minor=1_000,
    )  # fmt: skip
    Donation.objects.filter(pk=donation.pk).update(mandate=mandate)
    Subscription.objects.create(
        account=account, mandate=mandate, subscription_id="sub_test1", customer_id="cus", item_id="si", product_id="p",
        status="active", status_at=timezone.now(), unit_minor=1_000,
    )  # fmt: skip
    assert found(kit, "sub_test1") == [donation]
    assert found(kit, mandate.reference) == [donation], "a donor may read out the reference of their mandate"


def test_by_receipt_number_our_reference_and_the_reference_of_a_bank_transfer(kit: AppealKit) -> None:
    donation, _charge = factories.received_donation(kit)
    factories.received_donation(kit)
    receipt = receipts.issue_receipt(donation)
    Donation.objects.filter(pk=donation.pk).update(transfer_reference=new_reference())
    donation.refresh_from_db()
    reference = str(donation.transfer_reference)
    in_groups = " ".join(reference[start : start + 4] for start in range(0, len(reference), 4))
    for typed in (receipt.number, receipt.number.lower(), donation.reference, donation.reference.lower(),
                  f"#{donation.reference}", str(donation.uuid), reference, reference.lower(), in_groups):  # fmt: skip
        assert found(kit, typed) == [donation], typed


def test_by_what_the_bank_wrote(kit: AppealKit) -> None:
    account = BankAccount.objects.create(
        entity=kit.entity, slug="bank-1", name="Current", iban="DE89370400440532013000", currency="EUR"
    )
    line = BankLine.objects.create(
        bank_account=account, content="c", booked_on=date(2026, 3, 1), amount_minor=123_456, bank_reference="NTRF77",
        words=blind_words("Marta Verdi", "for the school"), unexplained_minor=123_456,
    )  # fmt: skip
    someone = desk(kit.entity, Role.FINANCE)
    for typed in ("verdi", "school marta", "1.234,56", "NTRF77", "1 Mar 2026 verdi"):
        assert search.search(someone, typed).lines == [line], typed
    assert search.search(someone, "verdi 77").lines == []


def test_payouts_and_events_by_their_ids(kit: AppealKit, account: StripeAccount) -> None:
    payout = Payout.objects.create(
        account=account, payout_id="po_test1", currency="EUR", amount_minor=98_250, status="paid",
        status_at=timezone.now(), created_at=timezone.now(), arrival_on=date(2026, 3, 2),
    )  # fmt: skip
    event = InboxEvent.objects.create(
        account=account, event_id="evt_test1", type="x", body=b"", state=EventState.HANDLED
    )
    someone = desk(kit.entity, Role.FINANCE)
    for typed in ("po_test1", "982,50", "2 Mar 2026 982.50"):
        assert search.search(someone, typed).payouts == [payout], typed
    assert search.search(someone, "evt_test1").events == [event]


def test_several_words_narrow(kit: AppealKit, account: StripeAccount) -> None:
    wanted = factories.open_donation(kit, last_name="Rossi", amount=Money(5_000, "EUR"))
    factories.open_donation(kit, last_name="Rossi", amount=Money(7_000, "EUR"))
    factories.open_donation(kit, last_name="Neri", amount=Money(5_000, "EUR"))
    paid(kit, account, wanted, last4="4242")
    assert found(kit, "rossi 50") == [wanted]
    assert found(kit, "50 rossi 4242") == [wanted]
    assert found(kit, "rossi 50 1111") == []


def test_each_donation_says_why_it_was_found(kit: AppealKit) -> None:
    factories.open_donation(kit, last_name="Rossi", amount=Money(5_000, "EUR"))
    [row] = search.search(desk(kit.entity, Role.FINANCE), "rossi 50").donations
    assert [str(reason) for reason in row.reasons] == ["amount", "name"]


def test_another_legal_entitys_donations_are_never_found(kit: AppealKit) -> None:
    stranger = factories.make_appeal()
    donation, charge = factories.received_donation(stranger, email="ada@example.org", last_name="Rossi")
    paid(stranger, make_account(stranger), donation, last4="4242", charge_id="ch_foreign")
    receipt = receipts.issue_receipt(donation)
    someone = desk(kit.entity, Role.FINANCE)
    for typed in ("ada@example.org", "rossi", "50", "4242", "ch_foreign", receipt.number, donation.reference,
                  charge.removeprefix("charge:"), str(donation.uuid), f"{donation.opened_at:%Y-%m-%d}"):  # fmt: skip
        assert search.search(someone, typed).count == 0, typed


def test_who_may_not_see_donors_finds_by_figures_only_and_no_names(kit: AppealKit) -> None:
    donation = factories.open_donation(kit, email="ada@example.org", last_name="Rossi", amount=Money(5_000, "EUR"))
    assert found(kit, "50", Role.AUDITOR) == [donation]
    for typed in ("rossi", "ada@example.org", "rossi 50"):
        result = search.search(desk(kit.entity, Role.AUDITOR), typed)
        assert (result.donations, result.left_out) == ([], True), typed
    auditor = staff.at_desk(Role.AUDITOR, kit.entity)
    shown = auditor.get(f"/desk/{kit.entity.slug}/search/", {"q": "50"}).content.decode()
    assert donation.reference in shown
    assert "Rossi" not in shown


def test_who_may_not_read_the_books_finds_no_entries_payouts_or_bank_lines(kit: AppealKit) -> None:
    donation, charge = factories.received_donation(kit)
    result = search.search(desk(kit.entity, Role.DONOR_CARE), charge.removeprefix("charge:"))
    assert [row.donation for row in result.donations] == [donation]
    assert (result.entries, result.payouts, result.lines) == ([], [], [])
    assert Entry.objects.filter(key=charge).exists()


def test_the_trail_has_that_names_were_searched_and_not_which(kit: AppealKit) -> None:
    factories.open_donation(kit, last_name="Rossi")
    finance = staff.at_desk(Role.FINANCE, kit.entity)
    for typed in ("rossi", "50", "ada@example.org"):
        finance.get(f"/desk/{kit.entity.slug}/search/", {"q": typed})
    lines = StaffAction.objects.filter(verb="donors_searched").order_by("pk")
    assert [line.after for line in lines] == [{"kinds": ["name"], "found": 1}, {"kinds": ["e-mail"], "found": 0}]
    assert "rossi" not in str([vars(line) for line in lines]).casefold()


def test_an_id_that_names_one_donation_opens_it(kit: AppealKit) -> None:
    donation, charge = factories.received_donation(kit)
    finance = staff.at_desk(Role.FINANCE, kit.entity)
    answer = finance.get(f"/desk/{kit.entity.slug}/search/", {"q": charge.removeprefix("charge:")})
    assert (answer.status_code, answer["Location"]) == (302, f"/desk/{kit.entity.slug}/donations/{donation.uuid}/")


@pytest.mark.parametrize(
    "typed", ["", "   ", "\0", "%", "'; DROP TABLE x; --", "(", "\\", "a" * 5_000, "0", "-5", "99999999999999999999",
              "RF", "RF00 0000", "@", "1/1/1", "31/02/2026", "💥", "…", "1 2 3 4 5 6 7 8 9 10 11 12 13",
              "ch_", "__"],
)  # fmt: skip
def test_whatever_is_typed_the_page_answers(kit: AppealKit, typed: str) -> None:
    factories.open_donation(kit)
    answer = staff.at_desk(Role.FINANCE, kit.entity).get(f"/desk/{kit.entity.slug}/search/", {"q": typed})
    assert answer.status_code == 200


def test_no_list_is_longer_than_fifty_and_the_page_says_so(kit: AppealKit) -> None:
    donation = factories.open_donation(kit, amount=Money(5_000, "EUR"))
    copies = [
        Donation(**{**_columns(donation), "uuid": UUID(int=number + 1), "submission": f"{number}"})
        for number in range(60)
    ]
    Donation.objects.bulk_create(copies)
    result = search.search(desk(kit.entity, Role.FINANCE), "50")
    assert (len(result.donations), result.is_more) == (50, True)


def _columns(donation: Donation) -> dict[str, object]:
    skipped = {"id", "uuid", "submission"}
    return {field.attname: getattr(donation, field.attname) for field in donation._meta.fields
            if field.attname not in skipped}  # fmt: skip


def test_a_search_asks_at_most_twenty_times_whatever_is_typed(kit: AppealKit, account: StripeAccount) -> None:
    donation, charge = factories.received_donation(kit, email="ada@example.org")
    paid(kit, account, donation, last4="4242")
    receipt = receipts.issue_receipt(donation)
    everything = (
        f"{charge.removeprefix('charge:')} re_1234 dp_1234 sub_1234 evt_1234 txn_1234 {receipt.number} 4242 "
        f"ada@example.org rossi {donation.reference} 50"
    )
    person = staff.make_person(entity=kit.entity)
    Membership.objects.create(user=person, entity=kit.entity, role=Role.APPROVER)
    client = staff.signed_in(person)
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(f"/desk/{kit.entity.slug}/search/", {"q": everything})
    assert answer.status_code == 200
    assert len(captured) <= 20, "\n".join(query["sql"] for query in captured.captured_queries)


def test_months_are_known_in_every_language_of_the_service() -> None:
    for typed in ("5 may 2026", "5 maggio 2026", "5 mag 2026", "May 5 2026"):
        assert [word.dates for word in terms.read(typed)] == [[date(2026, 5, 5)]], typed
    today = timezone.now().date()
    [word] = terms.read(f"{today + timedelta(days=1):%d %b}")
    assert word.dates[0] < today, "without a year it is the newest such day, none to come"


def test_a_29th_of_february_without_a_year_is_the_newest_there_was(monkeypatch: pytest.MonkeyPatch) -> None:
    class OnTheDayBefore(date):
        @classmethod
        def today(cls) -> OnTheDayBefore:
            return cls(2028, 2, 28)

    monkeypatch.setattr(terms, "date", OnTheDayBefore)
    [word] = terms.read("29 Feb")
    assert word.dates == [date(2024, 2, 29)]
