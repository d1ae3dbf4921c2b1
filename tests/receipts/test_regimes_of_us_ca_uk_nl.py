"""Each mandatory statement of these regimes, read out of the PDF; and what keeps a paper from being issued."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from fundraising.models import Channel, Donation, Donor, LegalEntity, Role, TaxDetails, TaxStatus
from fundraising.money import Money
from fundraising.offline.recording import Recorded, record_donation
from receipts import receipts
from receipts.composing import NotIssuable, compose
from receipts.mail import delivery
from receipts.models import EndReason, IssuerRegime, Letterhead, OutgoingMail, Receipt, Wording
from receipts.papers import verbs
from receipts.regimes import REGIMES, Problem
from receipts.regimes.ca import is_registration
from receipts.regimes.uk_gift_aid import CHARITY_NUMBER, HMRC_REFERENCE
from tests import factories, staff
from tests.receipts.pictures import SIGNATURE
from tests.receipts.reading import reader

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("certificate")]
REGISTRATION = "123456782 RR 0001"
RSIN = "111222333"


def issue(donation: Donation) -> str:
    """The text of the donation's receipt, on one line."""
    return text_of(receipts.issue_receipt(donation))


def text_of(receipt: Receipt) -> str:
    return " ".join(" ".join(page.extract_text() for page in reader(receipts.read_pdf(receipt)).pages).split())


def entity_under(
    regime: str, *, name: str = "Cedar Relief", letterhead: bool = True, **particulars: str
) -> LegalEntity:
    """An entity that issues under a regime, with a letterhead that signs."""
    entity = factories.make_entity(tax_status=TaxStatus.OTHER, name=name)
    IssuerRegime.objects.create(entity=entity, regime=regime, particulars=particulars, since=date(2020, 1, 1))
    if letterhead:
        Letterhead.objects.create(
            entity=entity, place="Halifax, Nova Scotia", signatory="Noor Haddad", signatory_role="Treasurer",
            signature=SIGNATURE,
        )  # fmt: skip
    return entity


def donation_to(entity: LegalEntity, amount: Money, *, locale: str = "en", address: bool = True) -> Donation:
    donation, _ = factories.received_donation(factories.make_appeal(entity), amount=amount, locale="en")
    Donor.objects.filter(pk=donation.donor_id).update(country="CA")
    Donation.objects.filter(pk=donation.pk).update(locale=locale)
    if address:
        TaxDetails.objects.create(
            donor=donation.donor, street="9 Spruce Street", postcode="B3H 1A1", city="Halifax", region="NS"
        )
    donation.refresh_from_db()
    return Donation.objects.select_related("donor", "entity").get(pk=donation.pk)


def problem_of(donation: Donation) -> str:
    with pytest.raises(NotIssuable) as refused:
        compose(donation)
    return refused.value.code


def returned(donation: Donation, description: str, minor: int) -> None:
    by = staff.make_person(Role.FINANCE, entity=donation.entity)
    verbs.note_advantage(donation, description=description, value=Money(minor, donation.currency), by=by)


# --- United States ----------------------------------------------------------------------------------


def test_a_501c3_receipt_names_donor_and_amount_and_says_that_nothing_was_given_in_return() -> None:
    entity = factories.make_entity(tax_status=TaxStatus.US_501C3)
    text = issue(donation_to(entity, Money(250_00, "USD"), address=False))
    for words in ("Ada Rossi", "$250.00", "Lantern Action", "No goods or services were provided in exchange"):
        assert words in text


def test_a_501c3_receipt_describes_what_the_donor_got_with_its_value_and_what_is_left_to_deduct() -> None:
    donation = donation_to(factories.make_entity(tax_status=TaxStatus.US_501C3), Money(100_00, "USD"), address=False)
    returned(donation, "a dinner", 30_00)
    text = issue(donation)
    assert "you received: a dinner. We estimate in good faith that this was worth $30.00" in text
    assert "you may deduct no more than what you gave above that value: $70.00" in text
    assert "No goods or services" not in text


def test_up_to_75_dollars_no_disclosure_is_needed() -> None:
    donation = donation_to(factories.make_entity(tax_status=TaxStatus.US_501C3), Money(75_00, "USD"), address=False)
    returned(donation, "a mug", 9_00)
    text = issue(donation)
    assert "a mug" in text
    assert "deduct" not in text


def test_what_is_noted_after_the_receipt_replaces_it() -> None:
    donation = donation_to(factories.make_entity(tax_status=TaxStatus.US_501C3), Money(100_00, "USD"), address=False)
    first = receipts.issue_receipt(donation)
    returned(donation, "a book", 12_00)
    now = receipts.current_receipt(donation)
    assert now is not None
    assert (now.replaces, "a book" in text_of(now)) == (first, True)


def test_the_sentence_of_a_501c4_is_the_entitys_own_on_form_mail_and_receipt() -> None:
    donation = donation_to(factories.make_entity(), Money(20_00, "USD"), address=False)
    assert factories.NOT_DEDUCTIBLE["en"] in issue(donation)


# --- Canada -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        (
            "en",
            [
                "Official receipt for income tax purposes", "Registration number", "Receipt number",
                "Gift received on", "Issued at Halifax, Nova Scotia", "Amount of gift $100.00 (CAD)",
                "Value of advantage $20.00", "Eligible amount of gift $80.00 (CAD)",
                "Advantage received by the donor: a concert ticket, value $20.00",
                "Canada Revenue Agency: canada.ca/charities-giving",
            ],
        ),
        (
            "fr",
            [
                "Reçu officiel aux fins de l’impôt sur le revenu", "Numéro d’enregistrement", "Numéro de reçu",
                "Don reçu le", "Délivré à Halifax, Nova Scotia", "Montant du don 100,00", "Valeur de l’avantage 20,00",
                "Montant admissible du don 80,00",
                "Avantage reçu par le donateur : a concert ticket, valeur 20,00",
                "Agence du revenu du Canada : canada.ca/organismes-bienfaisance-dons",
            ],
        ),
    ],
)  # fmt: skip
def test_a_canadian_receipt_says_all_that_the_law_wants_in_both_languages(locale: str, said: list[str]) -> None:
    donation = donation_to(entity_under("ca", registration_number=REGISTRATION), Money(100_00, "CAD"), locale=locale)
    returned(donation, "a concert ticket", 20_00)
    receipt = receipts.issue_receipt(donation)
    text = text_of(receipt).replace("\u202f", " ").replace("CA$", "$")
    always = [
        "Cedar Relief", "12 Harbour Street", REGISTRATION, receipt.number, "Ada Rossi", "9 Spruce Street",
        "Halifax NS B3H 1A1", "Noor Haddad", "Treasurer",
    ]  # fmt: skip
    assert [words for words in (*always, *said) if words not in text] == []


def test_a_canadian_donor_who_reads_neither_language_gets_english() -> None:
    entity = entity_under("ca", registration_number=REGISTRATION)
    assert compose(donation_to(entity, Money(10_00, "CAD"), locale="it")).locale == "en"


@pytest.mark.parametrize(
    ("locale", "sentence"),
    [("en", "cancels and replaces receipt #"), ("fr", "annule et remplace le reçu no ")],
)
def test_a_canadian_replacement_says_which_receipt_it_cancels(locale: str, sentence: str) -> None:
    donation = donation_to(entity_under("ca", registration_number=REGISTRATION), Money(10_00, "CAD"), locale=locale)
    first = receipts.issue_receipt(donation)
    second = receipts.replace_receipt(first, reason=EndReason.CORRECTED)
    assert f"{sentence}{first.number}" in text_of(second)


def test_a_canadian_receipt_is_refused_while_anything_that_the_law_wants_is_missing() -> None:
    assert problem_of(donation_to(entity_under("ca"), Money(10_00, "CAD"))) == Problem.NO_PARTICULARS
    wrong = entity_under("ca", registration_number="123456789 RR 0001")
    assert problem_of(donation_to(wrong, Money(10_00, "CAD"))) == Problem.NO_PARTICULARS
    unsigned = entity_under("ca", letterhead=False, registration_number=REGISTRATION)
    assert problem_of(donation_to(unsigned, Money(10_00, "CAD"))) == Problem.NO_SIGNATORY
    Letterhead.objects.create(entity=unsigned, place="Halifax", signatory="Noor Haddad")
    assert problem_of(donation_to(unsigned, Money(10_00, "CAD"))) == Problem.NO_FACSIMILE
    Letterhead.objects.create(entity=unsigned, signatory="Noor Haddad", signature=SIGNATURE)
    assert problem_of(donation_to(unsigned, Money(10_00, "CAD"))) == Problem.NO_PLACE
    entity = entity_under("ca", registration_number=REGISTRATION)
    assert problem_of(donation_to(entity, Money(10_00, "CAD"), address=False)) == Problem.NO_ADDRESS
    assert problem_of(donation_to(entity, Money(10_00, "USD"))) == Problem.OTHER_CURRENCY


def test_what_is_given_back_by_more_than_80_per_cent_is_no_gift_in_canada() -> None:
    entity = entity_under("ca", registration_number=REGISTRATION)
    for minor, problem in ((80_00, None), (80_01, Problem.TOO_MUCH_RETURNED)):
        donation = donation_to(entity, Money(100_00, "CAD"))
        returned(donation, "a dinner", minor)
        if problem:
            assert problem_of(donation) == problem
        else:
            assert compose(donation).eligible_shown.endswith("20.00")


@pytest.mark.parametrize(
    ("told", "right"),
    [(REGISTRATION, True), ("123456782RR0001", True), ("123456789RR0001", False), ("123456782RT0001", False)],
)
def test_a_canadian_registration_number_is_a_business_number_with_rr(told: str, right: bool) -> None:
    assert is_registration(told) == right


# --- The Netherlands and the United Kingdom ---------------------------------------------------------


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("nl", ["Bevestiging van uw gift", "algemeen nut beogende instelling (ANBI)", "geen officieel giftenbewijs"]),
        ("en", ["Donation confirmation", "public benefit organisation (ANBI)", "no official donation receipt"]),
        ("it", ["Conferma della donazione", "ente di pubblica utilità (ANBI)", "non prevedono una ricevuta ufficiale"]),
    ],
)
def test_a_dutch_paper_shows_anbi_and_rsin_and_calls_itself_no_official_receipt(locale: str, said: list[str]) -> None:
    text = issue(donation_to(entity_under("nl", rsin=RSIN), Money(50_00, "EUR"), locale=locale, address=False))
    assert [words for words in ("Cedar Relief", f"RSIN: {RSIN}", "Ada Rossi", *said) if words not in text] == []


def test_an_rsin_that_is_mistyped_keeps_the_paper_back() -> None:
    donation = donation_to(entity_under("nl", rsin="111222334"), Money(50_00, "EUR"))
    assert problem_of(donation) == Problem.NO_PARTICULARS


def test_a_british_charitys_paper_names_its_number_and_says_what_gift_aid_needs() -> None:
    entity = entity_under("uk_gift_aid", hmrc_reference="XR12345", charity_number="1234567")
    text = issue(donation_to(entity, Money(25_00, "GBP"), address=False))
    for words in ("Charity number: 1234567", "not a tax receipt", "Gift Aid declaration", "£25.00"):
        assert words in text
    bare = entity_under("uk_gift_aid", hmrc_reference="XR12345")
    assert "recognised as a charity by HM Revenue & Customs" in issue(donation_to(bare, Money(25_00, "GBP")))


@pytest.mark.parametrize("told", ["XR12345", "A1", "ab123"])
def test_references_of_hmrc_are_letters_and_digits(told: str) -> None:
    assert HMRC_REFERENCE.fullmatch(told)
    assert not HMRC_REFERENCE.fullmatch(f"{told}-")


def test_charity_numbers_are_those_of_the_three_regulators() -> None:
    assert all(CHARITY_NUMBER.fullmatch(told) for told in ("1234567", "SC012345", "NIC101234"))
    assert not any(CHARITY_NUMBER.fullmatch(told) for told in ("12345", "SC1234567", "XX123456"))


# --- All of them ------------------------------------------------------------------------------------


@pytest.mark.parametrize("locale", ["en", "it", "fr", "de", "es", "pt", "nl", "ru"])
def test_the_paper_without_a_regime_says_in_its_title_that_it_is_no_tax_receipt(locale: str) -> None:
    plain = REGIMES["plain"]
    text = issue(donation_to(factories.make_entity(tax_status=TaxStatus.OTHER), Money(5_00, "EUR"), locale=locale))
    assert plain.titles[locale] in text


def test_a_regime_for_the_donors_country_goes_before_the_one_for_all() -> None:
    entity = entity_under("nl", rsin=RSIN)
    donation = donation_to(entity, Money(50_00, "CAD"))
    IssuerRegime.objects.create(
        entity=entity, regime="ca", donor_countries=["CA"], since=date(2020, 1, 1),
        particulars={"registration_number": REGISTRATION},
    )  # fmt: skip
    assert compose(donation).regime == "ca"
    Donor.objects.filter(pk=donation.donor_id).update(country="BE")
    donation.donor.refresh_from_db()
    assert compose(donation).regime == "nl"


def test_a_wording_of_the_entitys_own_stands_in_place_of_ours_and_the_newest_version_counts() -> None:
    entity = entity_under("nl", rsin=RSIN)
    by = staff.make_person(Role.APPROVER, entity=entity)
    for version, text in ((1, "Oud. RSIN %(rsin)s"), (2, "%(entity)s heeft de ANBI-status, RSIN %(rsin)s.")):
        Wording.objects.create(
            entity=entity, regime="nl", slot="anbi", locale="nl", version=version, text=text, written_by=by
        )
    text = issue(donation_to(entity, Money(50_00, "EUR"), locale="nl"))
    assert f"Cedar Relief heeft de ANBI-status, RSIN {RSIN}." in text
    assert "Oud." not in text


def test_a_wording_that_loses_the_rsin_is_refused() -> None:
    entity = entity_under("nl", rsin=RSIN)
    by = staff.make_person(Role.APPROVER, entity=entity)
    Wording.objects.create(entity=entity, regime="nl", slot="anbi", locale="nl", version=1, text="ANBI.", written_by=by)
    assert problem_of(donation_to(entity, Money(50_00, "EUR"), locale="nl")) == Problem.NO_STATEMENT


@pytest.mark.parametrize("regime", REGIMES.values(), ids=REGIMES)
def test_sentences_of_a_regime_have_their_own_slots_and_english_ones_to_fall_back_on(regime: Any) -> None:
    slots = [sentence.slot for sentence in regime.sentences]
    assert len(slots) == len(set(slots))
    assert all("en" in sentence.ours or set(regime.languages) <= set(sentence.ours) for sentence in regime.sentences)


# --- In kind ----------------------------------------------------------------------------------------


def given_in_kind(entity: LegalEntity) -> Donation:
    by = staff.make_person(Role.FINANCE, entity=entity)
    draft = factories.draft(factories.make_appeal(entity), amount=Money(0, "USD"))
    given = Recorded(Channel.IN_KIND, date(2026, 7, 1), "Forty blankets")
    return Donation.objects.get(pk=record_donation(draft, given, uuid=uuid4(), by=by).pk)


def test_what_is_given_in_kind_to_a_501c3_is_described_on_a_receipt_without_a_value() -> None:
    donation = given_in_kind(factories.make_entity(tax_status=TaxStatus.US_501C3))
    assert receipts.due() == [donation]
    receipt = receipts.issue_receipt(donation)
    text = text_of(receipt)
    for words in ("Forty blankets", "No goods or services were provided in exchange", "Ada Rossi"):
        assert words in text
    assert "$" not in text
    assert (receipt.amount_minor, receipts.due()) == (0, [])
    mail = delivery.compose(OutgoingMail.objects.get(receipt=receipt))
    assert "Forty blankets" in mail.body
    assert "$" not in mail.body


def test_what_is_given_in_kind_elsewhere_has_no_receipt() -> None:
    donation = given_in_kind(factories.make_entity(tax_status=TaxStatus.US_501C4))
    assert receipts.due() == []
    assert problem_of(donation) == Problem.IN_KIND
