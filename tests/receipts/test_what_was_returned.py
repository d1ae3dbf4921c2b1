"""What the donor got in return: laws that know donations without any return have no paper of such a one.

And what laws say to organisations in other words than to persons.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from fundraising.models import Donation, Donor, Role
from fundraising.money import Money
from receipts import bulk, receipts
from receipts.mail import delivery
from receipts.models import EndReason, MailKind, OutgoingMail, Receipt, ReceiptLine, ReceiptState, Refusal
from receipts.papers import verbs
from receipts.regimes import REGIMES, Problem
from receipts.years import filings
from receipts.years import verbs as year_verbs
from tests import factories, staff
from tests.receipts import test_european_regimes as european
from tests.receipts.reading import text_of
from tests.receipts.test_regimes_of_us_ca_uk_nl import REGISTRATION, donation_to, entity_under

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("certificate")]

YEAR = timezone.localdate().year - 1
SINGLE = ["de_bmf", "fr_cerfa", "it_ets", "es_182"]
OF_A_YEAR = ["de_bmf", "fr_cerfa", "es_182", "be"]


def note(donation: Donation, minor: int) -> None:
    by = staff.make_person(Role.FINANCE, entity=donation.entity)
    verbs.note_advantage(donation, description="a dinner", value=Money(minor, donation.currency), by=by)


def test_every_law_that_lowers_a_tax_tells_what_was_returned_or_refuses_it() -> None:
    refusing = {code for code, regime in REGIMES.items() if regime.refuses_returned(1)}
    assert refusing == {"de_bmf", "fr_cerfa", "it_ets", "es_182", "be", "nl"}
    assert not any(regime.refuses_returned(0) for regime in REGIMES.values())


@pytest.mark.parametrize("code", SINGLE)
def test_a_donation_with_a_return_of_worth_has_no_paper_of_such_a_law(code: str) -> None:
    donation = european.give(european.issuer(code), code)
    note(donation, 40_00)
    assert bulk.issue_batch([donation]).refused == {donation.pk: Problem.RETURNED}
    assert not Receipt.objects.exists()


def test_a_sign_of_thanks_that_is_worth_nothing_keeps_no_paper_back() -> None:
    donation = european.give(european.issuer("fr_cerfa"), "fr_cerfa")
    note(donation, 0)
    assert receipts.issue_receipt(donation).state == ReceiptState.ISSUED


@pytest.mark.parametrize("code", SINGLE)
def test_a_receipt_that_was_issued_is_void_once_a_return_is_noted_and_the_donor_is_told_why(code: str) -> None:
    donation = european.give(european.issuer(code), code)
    receipt = receipts.issue_receipt(donation)
    note(donation, 40_00)
    receipt.refresh_from_db()
    assert (receipt.state, receipt.ended_reason) == (ReceiptState.VOIDED, EndReason.CORRECTED)
    assert Refusal.objects.get(donation=donation).code == Problem.RETURNED
    message = delivery.compose(OutgoingMail.objects.get(receipt=receipt, kind=MailKind.VOIDED))
    assert "you got something in return" in message.body
    assert "refunded" not in message.body


def test_more_than_80_per_cent_noted_after_the_receipt_makes_it_void_in_canada() -> None:
    donation = donation_to(entity_under("ca", registration_number=REGISTRATION), Money(100_00, "CAD"))
    receipt = receipts.issue_receipt(donation)
    note(donation, 80_01)
    receipt.refresh_from_db()
    assert receipt.state == ReceiptState.VOIDED
    assert Refusal.objects.get(donation=donation).code == Problem.TOO_MUCH_RETURNED


def test_a_return_worth_more_than_the_donation_leaves_nothing_to_deduct_in_the_united_states() -> None:
    donation = donation_to(entity_under("us_501c3"), Money(100_00, "USD"))
    note(donation, 130_00)
    text = text_of(receipts.issue_receipt(donation))
    assert "worth $130.00" in text
    assert "no more than what you gave above that value: $0.00" in text


@pytest.mark.parametrize("code", OF_A_YEAR)
def test_the_paper_of_a_year_leaves_such_a_donation_out_and_is_replaced_when_it_is_noted_late(code: str) -> None:
    kit = european.issuer(code, yearly=True)
    pure, dinner = european.give(kit, code, 200_00), european.give(kit, code, 100_00, european.MAY)
    (old,) = year_verbs.issue_year(pure.donor, YEAR).issued
    note(dinner, 40_00)
    old.refresh_from_db()
    (paper,) = year_verbs.papers_of(pure.donor)
    assert (old.state, paper.replaces, paper.amount_minor) == (ReceiptState.REPLACED, old, 200_00)
    assert list(ReceiptLine.objects.filter(claims=True).values_list("donation", flat=True)) == [pure.pk]


def test_the_paper_of_a_year_of_which_nothing_is_left_says_that_something_was_returned() -> None:
    donation = european.give(european.issuer("be"), "be", 100_00)
    (paper,) = year_verbs.issue_year(donation.donor, YEAR).issued
    note(donation, 40_00)
    paper.refresh_from_db()
    assert (paper.state, paper.ended_reason) == (ReceiptState.VOIDED, EndReason.CORRECTED)
    message = delivery.compose(OutgoingMail.objects.get(receipt=paper, kind=MailKind.VOIDED))
    assert "you got something in return" in message.body


# --- Organisations ----------------------------------------------------------------------------------


def company(kit: factories.AppealKit, code: str, minor: int = 120_50) -> Donation:
    donation = european.give(kit, code, minor)
    Donor.objects.filter(pk=donation.donor_id).update(organisation="Faro S.r.l.")
    return Donation.objects.get(pk=donation.pk)


def test_an_italian_company_reads_of_the_deduction_of_paragraph_2_alone() -> None:
    text = text_of(receipts.issue_receipt(company(european.issuer("it_ets"), "it_ets")))
    assert "Faro S.r.l. Ada Rossi" in text
    assert "nel limite del 10 per cento del reddito complessivo dichiarato (art. 83, comma 2" in text
    assert "detraibile" not in text


@pytest.mark.parametrize(
    ("locale", "law"),
    [
        ("nl", "artikelen 199 en 200 van het Wetboek"),
        ("fr", "articles 199 et 200 du Code"),
        ("de", "Artikeln 199 und 200 des Einkommensteuergesetzbuches"),
    ],
)
def test_a_belgian_companys_certificate_is_of_articles_199_and_200(locale: str, law: str) -> None:
    donation = company(european.issuer("be"), "be", 100_00)
    Donation.objects.filter(pk=donation.pk).update(locale=locale)
    (paper,) = year_verbs.issue_year(donation.donor, YEAR).issued
    text = text_of(paper)
    assert law in text
    assert "145/33" not in text


def test_a_french_company_reads_of_article_238_bis() -> None:
    text = text_of(receipts.issue_receipt(company(european.issuer("fr_cerfa"), "fr_cerfa")))
    assert "Article 238 bis du code général des impôts" in text
    assert "238 bis du CGI" in text.replace("× ", "×")
    assert "200 du CGI" not in text


def test_what_companies_gave_is_in_no_list_for_the_italian_tax_office() -> None:
    kit = european.issuer("it_ets")
    receipts.issue_receipt(company(kit, "it_ets"))
    at = datetime(YEAR, 6, 1, 12, tzinfo=UTC)
    person, _ = factories.received_donation(kit, amount=Money(30_00, "EUR"), at=at, email="bo@example.org")
    rows = [tuple(row) for row in filings.italian(kit.entity, {"year": str(YEAR)}).rows()]
    assert [(row[1], row[4]) for row in rows] == [("Ada Rossi", "Manca il codice fiscale")]
    assert person.donor.organisation == ""
