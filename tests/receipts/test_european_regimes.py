"""Germany, France, Italy, Spain and Belgium: what must stand on their papers, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from fundraising.models import Donation, LegalEntity, TaxDetails
from fundraising.money import Money
from receipts import pdf, receipts
from receipts.composing import NotIssuable
from receipts.models import IssuerRegime, Letterhead, ReceiptLine
from receipts.regimes import REGIMES, Problem
from receipts.snapshot import Line, Snapshot
from receipts.years import verbs as year_verbs
from tests import factories
from tests.receipts.reading import reader, text_of

pytestmark = pytest.mark.django_db

TODAY = timezone.localdate()
YEAR = TODAY.year - 1
MARCH, MAY = (datetime(YEAR, month, 14, 12, tzinfo=UTC) for month in (3, 5))
# One black pixel, as a facsimile.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
    "3a7e9b550000000a4944415478da6360000000020001e221bc330000000049454e44ae426082"
)
PARTICULARS = {
    "de_bmf": {
        "tax_office": "Berlin für Körperschaften I",
        "tax_number": "27/123/45678",
        "notice": "Freistellungsbescheid",
        "notice_date": (TODAY - timedelta(days=400)).strftime("%d.%m.%Y"),
        "period": "2020 bis 2022",
        "purposes": "der Hilfe für politisch Verfolgte",
        "notified": (TODAY - timedelta(days=300)).strftime("%d.%m.%Y"),
    },
    "fr_cerfa": {
        "number": "732829320",
        "purpose": "Aide aux personnes déplacées",
        "quality": "Œuvre d’intérêt général",
    },
    "it_ets": {"fiscal_code": "RSSDAA80A41F205L", "runts": "12345", "section": "APS", "registered_on": "07/11/2022"},
    "es_182": {"nif": "G28029643", "register": "Registro Nacional n.º 612345", "purpose": "ayuda a refugiados"},
    "be": {"number": "0417.497.106", "recognition": "CC.30.001, 2025-2030"},
}
COUNTRY = {"de_bmf": "DE", "fr_cerfa": "FR", "it_ets": "IT", "es_182": "ES", "be": "BE"}
NUMBERS = {"it_ets": "RSSDAA80A41F205L", "es_182": "00000000T", "be": "85073003328"}


def issuer(code: str, **more: Any) -> factories.AppealKit:
    """An appeal of an entity that issues under a regime."""
    kit = factories.make_appeal()
    entity = kit.entity
    entity.name, entity.address, entity.country = "Laternenhilfe", "Hafenstraße 12\n10999 Berlin", COUNTRY[code]
    entity.save()
    fields = {"particulars": PARTICULARS[code], "since": date(YEAR - 1, 1, 1), **more}
    IssuerRegime.objects.create(entity=entity, regime=code, **fields)
    Letterhead.objects.create(
        entity=entity, place="Berlin", signatory="Mira Halden", signatory_role="Schatzmeisterin", signature=PIXEL
    )
    return kit


def give(kit: factories.AppealKit, code: str, minor: int = 120_50, at: datetime = MARCH) -> Donation:
    """A donation by card of a donor whose address and tax number are known."""
    donation, _ = factories.received_donation(kit, amount=Money(minor, "EUR"), at=at, email="ada@example.org")
    Donation.objects.filter(pk=donation.pk).update(paid_with="card")
    TaxDetails.objects.update_or_create(
        donor=donation.donor,
        defaults={
            "street": "Lindenweg 7", "postcode": "20095", "city": "Hamburg", "tax_number": NUMBERS.get(code, ""),
        },
    )  # fmt: skip
    donation.refresh_from_db()
    return donation


# What each single paper says; the German model's order binds.
SINGLE = {
    "de_bmf": [
        "Laternenhilfe", "Hafenstraße 12", "Name und Anschrift des Zuwendenden:", "Ada Rossi", "Lindenweg 7",
        "20095 Hamburg", "Bestätigung über Geldzuwendungen/Mitgliedsbeitrag",
        "im Sinne des § 10b des Einkommensteuergesetzes an eine der in § 5 Abs. 1 Nr. 9 des Körperschaftsteuergesetzes "
        "bezeichneten Körperschaften, Personenvereinigungen oder Vermögensmassen",
        "Betrag der Zuwendung – in Ziffern – 120,50 €", "– in Buchstaben – einhundertzwanzig Euro und fünfzig Cent",
        f"Tag der Zuwendung: 14. März {YEAR}", "Es handelt sich um den Verzicht auf Erstattung von Aufwendungen",
        "Wir sind wegen Förderung der Hilfe für politisch Verfolgte nach dem Freistellungsbescheid bzw. nach der "
        "Anlage zum Körperschaftsteuerbescheid des Finanzamtes Berlin für Körperschaften I, StNr. 27/123/45678, vom",
        "für den letzten Veranlagungszeitraum 2020 bis 2022 nach § 5 Abs. 1 Nr. 9 des Körperschaftsteuergesetzes von "
        "der Körperschaftsteuer und nach § 3 Nr. 6 des Gewerbesteuergesetzes von der Gewerbesteuer befreit.",
        "Es wird bestätigt, dass die Zuwendung nur zur Förderung der Hilfe für politisch Verfolgte verwendet wird.",
        "dass es sich nicht um einen Mitgliedsbeitrag handelt, dessen Abzug nach § 10b Abs. 1 des "
        "Einkommensteuergesetzes ausgeschlossen ist.",
        "Berlin, ", "Mira Halden", "(Ort, Datum und Unterschrift des Zuwendungsempfängers)",
        "maschinell erstellt und ist ohne eigenhändige Unterschrift gültig (R 10b.1 Abs. 4 EStR)", "angezeigt",
        "Hinweis:", "haftet für die entgangene Steuer (§ 10b Abs. 4 EStG, § 9 Abs. 3 KStG, § 9 Nr. 5 GewStG).",
        "länger als 5 Jahre bzw.", "länger als 3 Jahre seit Ausstellung des Bescheides zurückliegt (§ 63 Abs. 5 AO).",
    ],
    "fr_cerfa": [
        "Donateur", "Ada Rossi", "Lindenweg 7", "Reçu au titre des dons à certains organismes d’intérêt général",
        "Articles 200 et 978 du code général des impôts", "Bénéficiaire des versements", "Laternenhilfe",
        "Numéro SIREN ou RNA 732829320", "Objet Aide aux personnes déplacées", "la somme de : 120,50 €",
        "Somme en toutes lettres cent vingt euros et cinquante centimes", f"Date du versement ou du don 14 mars {YEAR}",
        "Forme du don", "Déclaration de don manuel", "Nature du don", "Numéraire", "Mode de versement du don",
        "carte bancaire", "certifie sur l’honneur", "200 du CGI", "Date et signature", "Mira Halden",
    ],
    "it_ets": [
        "Ada Rossi", "Lindenweg 7", "Ricevuta di erogazione liberale", "Decreto legislativo 3 luglio 2017, n. 117",
        "Codice fiscale dell’ente RSSDAA80A41F205L", "Iscrizione al RUNTS n. 12345, sezione APS", "120,50 €",
        "centoventi euro e cinquanta centesimi", f"Data dell’erogazione 14 marzo {YEAR}",
        "Modalità di versamento carta di pagamento", "Destinazione Evacuazioni", "articolo 23 del D.Lgs. 9 luglio 1997",
        "Registro unico nazionale del Terzo settore", "detraibile dall’imposta lorda nella misura del 30 per cento",
        "Esente da imposta di bollo", "Mira Halden",
    ],
    "es_182": [
        "Ada Rossi", "Certificado de donación", "Entidad donataria", "Laternenhilfe", "NIF de la entidad G28029643",
        "120,50 €", "ciento veinte euros con cincuenta céntimos", f"Fecha del donativo 14 de marzo de {YEAR}",
        "Forma de pago tarjeta", "artículo 16 de la Ley 49/2002", "finalidad específica: ayuda a refugiados",
        "carácter irrevocable", "Mira Halden",
    ],
}  # fmt: skip
MARKS = {
    "fr_cerfa": "Numéro d’ordre du reçu",
    "it_ets": "Codice fiscale del donatore RSSDAA80A41F205L",
    "es_182": "NIF del donante 00000000T",
}


@pytest.mark.parametrize("code", SINGLE)
def test_a_single_paper_says_what_the_law_wants_on_one_page(code: str) -> None:
    receipt = receipts.issue_receipt(give(issuer(code), code))
    text = text_of(receipt)
    place = 0
    for words in SINGLE[code]:
        assert words in text, words
        if code == "de_bmf" and words not in {"Laternenhilfe", "Hafenstraße 12"}:  # a letterhead is painted last
            assert text.find(words, place) >= 0, f"out of order: {words}"
            place = text.find(words, place)
    assert MARKS.get(code, receipt.number) in text
    assert receipt.number in text
    assert len(reader(receipts.read_pdf(receipt)).pages) == 1


YEARS = {
    "de_bmf": [
        "Sammelbestätigung über Geldzuwendungen/Mitgliedsbeiträge", "Gesamtbetrag der Zuwendung", "200,00 €",
        "zweihundert Euro", f"Zeitraum der Sammelbestätigung: 1. Januar {YEAR} bis 31. Dezember {YEAR}",
        "keine weiteren Bestätigungen, weder formelle Zuwendungsbestätigungen noch Beitragsquittungen oder Ähnliches "
        "ausgestellt wurden und werden.", "ist der Anlage zur Sammelbestätigung zu entnehmen.",
        "Anlage zur Sammelbestätigung", "Datum der Zuwendung", "Art der Zuwendung",
        f"14. März {YEAR} Geldzuwendung nein 120,50 €", f"14. Mai {YEAR} Geldzuwendung nein 79,50 €",
        "Gesamtsumme 200,00 €",
    ],
    "fr_cerfa": ["200,00 €", "Aucun autre reçu n’a été et ne sera délivré", "Numéraire carte bancaire 79,50 €"],
    "es_182": ["Certificado anual de donaciones", "No se ha expedido ni se expedirá otro certificado", "200,00 €"],
    "be": [
        "Attestation relative aux libéralités", "Numéro d’ordre", f"Année des libéralités {YEAR}",
        "Numéro national 85073003328", "Numéro d’entreprise 0417.497.106", "200,00 €", "deux cents euros",
        "l’article 145/33", "sans aucune contrepartie", "carte bancaire", "Mira Halden",
    ],
}  # fmt: skip


@pytest.mark.parametrize("code", YEARS)
def test_the_paper_of_a_year_stands_for_its_donations_and_says_so(code: str) -> None:
    kit = issuer(code, yearly=code != "be")
    donation = give(kit, code)
    if code == "be":  # by somebody who reads French; others read Dutch
        Donation.objects.filter(pk=donation.pk).update(locale="fr")
    second = give(kit, code, 79_50, MAY)
    if code == "be":
        Donation.objects.filter(pk=second.pk).update(locale="fr")
    (paper,) = year_verbs.issue_year(donation.donor, YEAR).issued
    text = text_of(paper)
    for words in YEARS[code]:
        assert words in text, words
    assert set(paper.lines.values_list("claims", flat=True)) == {True}


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("nl", ["Attest betreffende giften", "Volgnummer", "betaalkaart", "tweehonderd euro", "zonder enige"]),
        ("fr", ["Attestation relative aux libéralités", "Numéro d’ordre", "carte bancaire", "deux cents euros"]),
        ("de", [
            "Bescheinigung über unentgeltliche Zuwendungen", "Laufende Nummer", "Nationalnummer 85073003328",
            "Unternehmensnummer 0417.497.106", "zweihundert Euro", "Kartenzahlung", "ohne jede Gegenleistung",
            "Artikel 145/33 des Einkommensteuergesetzbuches 1992", "Anlage zur Bescheinigung", "Gesamtbetrag 200,00",
            "Die Gültigkeit dieser Bescheinigung kann überprüft werden:",
        ]),
        ("en", ["Attest betreffende giften"]),
    ],
)  # fmt: skip
def test_belgium_writes_in_the_donors_language_of_its_three(locale: str, said: list[str]) -> None:
    donation = give(issuer("be"), "be", 200_00)
    Donation.objects.filter(pk=donation.pk).update(locale=locale)
    (paper,) = year_verbs.issue_year(donation.donor, YEAR).issued
    text = text_of(paper)
    assert [words for words in said if words not in text] == []
    if locale == "de":
        assert [words for words in ("Volgnummer", "Numéro", "giften", "libéralités") if words in text] == []


# --- One or the other -------------------------------------------------------------------------------


@pytest.fixture
def paper_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "render", lambda snapshot, **_more: snapshot.to_json().encode())


@pytest.mark.usefixtures("paper_aside")
@pytest.mark.parametrize("code", ["de_bmf", "fr_cerfa", "es_182", "be"])
def test_a_donation_of_a_yearly_entity_has_no_paper_of_its_own(code: str) -> None:
    kit = issuer(code, yearly=True)
    donation = give(kit, code)
    assert receipts.due() == []
    with pytest.raises(NotIssuable, match=Problem.AT_YEARS_END):
        receipts.issue_receipt(donation)
    year_verbs.issue_year(donation.donor, YEAR)
    with pytest.raises(NotIssuable, match=Problem.ON_YEARS_PAPER):
        receipts.issue_receipt(donation)


@pytest.mark.usefixtures("paper_aside")
def test_a_donation_with_a_single_paper_is_on_no_collective_one() -> None:
    kit = issuer("de_bmf")
    single = give(kit, "de_bmf")
    receipts.issue_receipt(single)
    assert year_verbs.issue_year(single.donor, YEAR).issued == []
    IssuerRegime.objects.update(yearly=True)
    late = give(kit, "de_bmf", 79_50, MAY)
    (paper,) = year_verbs.issue_year(single.donor, YEAR).issued
    assert [line.donation for line in paper.lines.all()] == [late]
    assert ReceiptLine.objects.filter(donation=single, claims=True).count() == 1


@pytest.mark.usefixtures("paper_aside")
def test_a_belgian_certificate_is_only_from_forty_euros_a_year_and_they_alone_are_numbered() -> None:
    kit = issuer("be")
    little = give(kit, "be", 39_99)
    assert year_verbs.issue_year(little.donor, YEAR).issued == []
    give(kit, "be", 1, MAY)
    (paper,) = year_verbs.issue_year(little.donor, YEAR).issued
    assert (paper.sequence, paper.amount_minor) == (1, 40_00)


# --- Refusals ---------------------------------------------------------------------------------------


def told(**changed: str) -> Callable[[LegalEntity, Donation], None]:
    def change(entity: LegalEntity, _donation: Donation) -> None:
        row = IssuerRegime.objects.get(entity=entity)
        row.particulars = {key: value for key, value in {**row.particulars, **changed}.items() if value}
        row.save()

    return change


def no_letterhead(entity: LegalEntity, _donation: Donation) -> None:
    Letterhead.objects.create(entity=entity, place="Berlin")


def no_facsimile(entity: LegalEntity, _donation: Donation) -> None:
    Letterhead.objects.create(entity=entity, place="Berlin", signatory="Mira Halden")


def no_place(entity: LegalEntity, _donation: Donation) -> None:
    Letterhead.objects.create(entity=entity, signatory="Mira Halden", signature=PIXEL)


def no_address(_entity: LegalEntity, donation: Donation) -> None:
    TaxDetails.objects.filter(donor=donation.donor).update(street="")


def wrong_number(_entity: LegalEntity, donation: Donation) -> None:
    TaxDetails.objects.filter(donor=donation.donor).update(tax_number="12345")


def in_cash(_entity: LegalEntity, donation: Donation) -> None:
    Donation.objects.filter(pk=donation.pk).update(channel="cash", paid_with="")


def days_ago(days: int) -> str:
    return (TODAY - timedelta(days=days)).strftime("%d.%m.%Y")


@pytest.mark.usefixtures("paper_aside")
@pytest.mark.parametrize(
    ("code", "spoil", "problem"),
    [
        ("de_bmf", told(purposes=""), Problem.NO_PARTICULARS),
        ("de_bmf", told(notice="Zettel"), Problem.NO_PARTICULARS),
        ("de_bmf", told(notice_date="31.02.2024"), Problem.NO_PARTICULARS),
        ("de_bmf", told(period=""), Problem.NO_PARTICULARS),
        ("de_bmf", told(notified=""), Problem.NO_PARTICULARS),
        ("de_bmf", told(notice_date=days_ago(366 * 5 + 1)), Problem.NOTICE_TOO_OLD),
        ("de_bmf", told(notice="60a", notice_date=days_ago(366 * 3 + 1)), Problem.NOTICE_TOO_OLD),
        ("de_bmf", no_letterhead, Problem.NO_SIGNATORY),
        ("de_bmf", no_facsimile, Problem.NO_FACSIMILE),
        ("de_bmf", no_place, Problem.NO_PLACE),
        ("de_bmf", no_address, Problem.NO_ADDRESS),
        ("fr_cerfa", told(number="123456789"), Problem.NO_PARTICULARS),
        ("fr_cerfa", told(purpose=""), Problem.NO_PARTICULARS),
        ("fr_cerfa", no_address, Problem.NO_ADDRESS),
        ("fr_cerfa", no_letterhead, Problem.NO_SIGNATORY),
        ("fr_cerfa", no_place, Problem.NO_PLACE),
        ("it_ets", told(section="OOO"), Problem.NO_PARTICULARS),
        ("it_ets", told(fiscal_code="X"), Problem.NO_PARTICULARS),
        ("it_ets", wrong_number, Problem.NO_TAX_NUMBER),
        ("it_ets", in_cash, Problem.NOT_TRACEABLE),
        ("es_182", told(nif="X"), Problem.NO_PARTICULARS),
        ("es_182", wrong_number, Problem.NO_TAX_NUMBER),
        ("es_182", no_letterhead, Problem.NO_SIGNATORY),
    ],
)  # fmt: skip
def test_what_breaks_a_rule_is_not_issued(
    code: str, spoil: Callable[[LegalEntity, Donation], None], problem: Problem
) -> None:
    kit = issuer(code)
    donation = give(kit, code)
    spoil(kit.entity, donation)
    with pytest.raises(NotIssuable) as refused:
        receipts.issue_receipt(Donation.objects.get(pk=donation.pk))
    assert refused.value.code == problem


@pytest.mark.usefixtures("paper_aside")
@pytest.mark.parametrize("code", COUNTRY)
def test_dollars_have_no_paper_of_a_law_that_writes_euros(code: str) -> None:
    kit = issuer(code, yearly=False)
    donation = give(kit, code)
    dollars, _ = factories.received_donation(kit, amount=Money(50_00, "USD"), at=MARCH, email="ada@example.org")
    if code == "be":
        assert year_verbs.issue_year(donation.donor, YEAR).refused == [Problem.OTHER_CURRENCY]
    else:
        with pytest.raises(NotIssuable, match=Problem.OTHER_CURRENCY):
            receipts.issue_receipt(dollars)


# --- One page ---------------------------------------------------------------------------------------


def german(**more: Any) -> Snapshot:
    """A paper of Germany, as it is frozen."""
    return replace(
        Snapshot(
            regime="de_bmf", version=REGIMES["de_bmf"].version, locale="de", number="LH-2025-000042",
            check_code="K7WTQ2MX", issued_on=TODAY, replaces="", entity_name="Laternenhilfe e. V.", entity_form="",
            entity_address="Hafenstraße 12\n10999 Berlin", entity_registration="", theme="tide",
            donor_name="Ada Rossi", donor_country="DE", donation="", reference="B100B6BB", received_on=MARCH.date(),
            currency="EUR", gross_minor=120_50, refunded_minor=0, statements=(), place="Berlin",
            signatory="Mira Halden", particulars=PARTICULARS["de_bmf"],
            donor_address="Lindenweg 7\n20095 Hamburg\nDeutschland", amount_in_words="einhundertzwanzig Euro",
        ),
        **more,
    )  # fmt: skip


def test_a_long_name_address_and_amount_still_fit_one_german_page() -> None:
    snapshot = german(
        donor_name="Prinzessin Friederike Wilhelmine von der Lindenhöhe-Birkenstein zu Hohenwald",
        donor_address="Straße der Vereinigten Feuerwehren 1234a, Hinterhaus, 3. Stock\n20095 Hamburg\nDeutschland",
        gross_minor=999_999_999_99,
        amount_in_words=(
            "neunhundertneunundneunzig Millionen neunhundertneunundneunzigtausendneunhundertneunundneunzig Euro und "
            "neunundneunzig Cent"
        ),
    )
    assert len(reader(pdf.render(snapshot)).pages) == 1


def test_what_fits_no_page_is_refused() -> None:
    with pytest.raises(pdf.TooLong):
        pdf.render(german(particulars={**PARTICULARS["de_bmf"], "purposes": "der Hilfe für Verfolgte, " * 120}))


def test_the_annex_of_a_german_year_goes_on_over_pages() -> None:
    lines = tuple(Line(MARCH.date(), 1_00, "B100B6BB") for _ in range(90))
    snapshot = german(
        kind="annual", period_first=date(YEAR, 1, 1), period_last=date(YEAR, 12, 31), lines=lines, gross_minor=90_00
    )
    pages = reader(pdf.render(snapshot)).pages
    assert len(pages) >= 4
    assert sum(page.extract_text().count("Geldzuwendung nein") for page in pages) == 90
