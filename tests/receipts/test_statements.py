"""Every mandatory statement of every regime, read out of the PDF: of single papers and those of years, in each language
that the regime's papers are in.

The list is kept here by hand, from the laws and not from the code: who changes a text there has to read it here.
"""

from __future__ import annotations

import re

import pytest
from django.conf import LazySettings

from receipts import pdf
from receipts.models import Kind
from receipts.regimes import REGIMES
from tests.databases import PROJECT
from tests.receipts import samples
from tests.receipts.reading import text_of_pdf

pytestmark = pytest.mark.django_db

# What every paper says: who issues, to whom, number and code, how much, when.
AMOUNTS = {
    "en": ("1,234.50", "1,564.00"), "it": ("1.234,50", "1.564,00"), "fr": ("1 234,50", "1 564,00"),
    "de": ("1.234,50", "1.564,00"), "es": ("1.234,50", "1.564,00"), "pt": ("1 234,50", "1 564,00"),
    "nl": ("1.234,50", "1.564,00"), "ru": ("1 234,50", "1 564,00"), "ar": ("1,234.50", "1,564.00"),
}  # fmt: skip
DAYS = {  # of the donation, and of issue
    "en": ("March 14, 2025", "February 16, 2026"), "it": ("14 marzo 2025", "16 febbraio 2026"),
    "fr": ("14 mars 2025", "16 février 2026"), "de": ("14. März 2025", "16. Februar 2026"),
    "es": ("14 de marzo de 2025", "16 de febrero de 2026"), "pt": ("14 de março de 2025", "16 de fevereiro de 2026"),
    "nl": ("14 maart 2025", "16 februari 2026"), "ru": ("14 марта 2025 года", "16 февраля 2026 года"),
    "ar": ("مارس", "فبراير"),
}  # fmt: skip

BRITISH_DAYS = ("14 March 2025", "16 February 2026")

# That a list of a year is no second receipt.
LIST = {
    "en": ["Statement of your donations", "It is no second receipt"],
    "it": ["Riepilogo delle tue donazioni", "Non è una seconda ricevuta"],
    "fr": ["Relevé de vos dons", "Ce n’est pas un second reçu"],
    "de": ["Aufstellung Ihrer Spenden", "Sie ist kein zweiter Beleg"],
    "es": ["Relación de sus donaciones", "No es un segundo recibo"],
    "pt": ["Declaração das suas doações", "Não é um segundo recibo"],
    "nl": ["Overzicht van uw donaties", "Het is geen tweede kwitantie"],
    "ru": ["Перечень ваших пожертвований", "Это не вторая квитанция"],
    "ar": ["كشف تبرعاتك", "وليست إيصالًا ثانيًا"],
}

NO_TAX_RECEIPT = {
    "en": ["This is a payment confirmation, not a tax receipt."],
    "it": ["Questa è una conferma di pagamento, non una ricevuta fiscale."],
    "fr": ["Ceci est une confirmation de paiement, et non un reçu fiscal."],
    "de": ["Dies ist eine Zahlungsbestätigung und keine Zuwendungsbestätigung für das Finanzamt."],
    "es": ["Esto es una confirmación de pago, no un certificado fiscal."],
    "pt": ["Esta é uma confirmação de pagamento, não um recibo para efeitos fiscais."],
    "nl": ["Dit is een betalingsbevestiging en geen bewijs voor de belasting."],
    "ru": ["Это подтверждение платежа, а не документ для налоговой службы."],
    "ar": ["هذا تأكيد دفع، وليس إيصالًا ضريبيًا."],
}
NO_TAX_RECEIPT_IN_TITLE = {
    "en": ["Payment confirmation, not a tax receipt"],
    "it": ["Conferma di pagamento, non una ricevuta fiscale"],
    "fr": ["Confirmation de paiement, sans valeur de reçu fiscal"],
    "de": ["Zahlungsbestätigung, keine Zuwendungsbestätigung"],
    "es": ["Confirmación de pago, no es un certificado fiscal"],
    "pt": ["Confirmação de pagamento, não é um recibo fiscal"],
    "nl": ["Betalingsbevestiging, geen fiscaal bewijs"],
    "ru": ["Подтверждение платежа, не налоговый документ"],
    "ar": ["تأكيد دفع، وليس إيصالًا ضريبيًا"],
}
# IRS Publication 1771.
NO_GOODS = {
    "en": ["No goods or services were provided in exchange for this donation."],
    "it": ["In cambio di questa donazione non sono stati forniti beni né servizi."],
    "fr": ["Aucun bien ni service n’a été fourni en échange de ce don."],
    "de": ["Für diese Spende wurden keine Waren oder Dienstleistungen als Gegenleistung erbracht."],
    "es": ["No se entregaron bienes ni se prestaron servicios a cambio de esta donación."],
    "pt": ["Não foram fornecidos bens nem serviços em troca desta doação."],
    "nl": ["Voor deze donatie zijn geen goederen of diensten als tegenprestatie geleverd."],
    "ru": ["Взамен этого пожертвования не предоставлено никаких товаров или услуг."],
    "ar": ["لم تُقدَّم سلع أو خدمات مقابل هذا التبرع."],
}
NO_GOODS_IN_THE_YEAR = {
    "en": ["No goods or services were provided in exchange for these donations"],
    "it": ["In cambio di queste donazioni non sono stati forniti beni o servizi"],
    "fr": ["Aucun bien ni service n’a été fourni en échange de ces dons"],
    "de": ["Für diese Spenden wurden keine Waren oder Dienstleistungen als Gegenleistung erbracht"],
    "es": ["No se entregaron bienes ni se prestaron servicios a cambio de estas donaciones"],
    "pt": ["Não foram fornecidos bens nem serviços em troca destas doações"],
    "nl": ["Er zijn geen goederen of diensten geleverd in ruil voor deze donaties"],
    "ru": ["Взамен этих пожертвований не предоставлялось никаких товаров или услуг"],
    "ar": ["لم تُقدَّم سلع أو خدمات مقابل هذه التبرعات"],
}
# IRC 6113 and Notice 88-120: the entity's own sentence, as staff wrote it.
NOT_DEDUCTIBLE = {
    "en": ["Contributions to Lantern Action are not tax deductible as charitable contributions."],
    "it": ["Le donazioni a Lantern Action non sono deducibili dalle imposte."],
    "fr": ["Les dons à Lantern Action ne sont pas déductibles des impôts."],
    "de": ["Zuwendungen an Lantern Action sind nicht steuerlich abzugsfähig."],
    "es": ["Las donaciones a Lantern Action no son deducibles de impuestos."],
    "pt": ["As doações à Lantern Action não são dedutíveis nos impostos."],
    "nl": ["Giften aan Lantern Action zijn niet aftrekbaar van de belasting."],
    "ru": ["Пожертвования в Lantern Action не уменьшают налог."],
    "ar": ["غير قابلة للخصم من الضرائب."],
}
# ANBI and RSIN, no official receipt, no agreement of periodic donations.
ANBI = {
    "en": ["public benefit organisation (ANBI)", "no official donation receipt", "not an agreement of periodic"],
    "it": ["ente di pubblica utilità (ANBI)", "non prevedono una ricevuta ufficiale", "Non è un accordo di donazioni"],
    "fr": ["organisme d’intérêt public (ANBI)", "n’ont pas de reçu de don officiel", "pas un accord de dons"],
    "de": ["gemeinnützige Organisation (ANBI)", "keinen amtlichen Spendenbeleg", "keine Vereinbarung über regelmäßige"],
    "es": ["institución de utilidad pública (ANBI)", "no tienen un recibo oficial", "No es un acuerdo de donaciones"],
    "pt": ["organização de utilidade pública (ANBI)", "não têm um recibo oficial", "Não é um acordo de doações"],
    "nl": ["door de Belastingdienst aangewezen als algemeen nut beogende instelling (ANBI)",
           "geen officieel giftenbewijs", "geen overeenkomst voor periodieke giften"],
    "ru": ["общественно полезной организацией (ANBI)", "нет официальной квитанции", "не соглашение о регулярных"],
    "ar": ["مؤسسة ذات نفع عام", "لا يوجد في هولندا إيصال تبرع رسمي", "وهو ليس اتفاق تبرعات دورية"],
}  # fmt: skip
# Which charity; that this is not what lowers a tax, and that Gift Aid needs a declaration.
GIFT_AID = {
    "en": ["is a charity. Charity number", "not a tax receipt", "only if you have made a Gift Aid declaration to us"],
    "it": ["è un ente benefico", "non una ricevuta fiscale", "solo se ci hai fatto una dichiarazione Gift Aid"],
    "fr": ["est un organisme de bienfaisance", "pas un reçu fiscal", "une déclaration Gift Aid"],
    "de": ["ist eine gemeinnützige Organisation", "kein Beleg für die Steuer", "Erklärung abgegeben haben"],
    "es": ["es una organización benéfica", "no un recibo fiscal", "una declaración de Gift Aid"],
    "pt": ["é uma organização de beneficência", "não um recibo fiscal", "uma declaração Gift Aid"],
    "nl": ["is een liefdadigheidsinstelling", "geen kwitantie voor de belasting", "een Gift Aid-verklaring"],
    "ru": ["благотворительная организация", "а не налоговая квитанция", "заявление Gift Aid"],
    "ar": ["جمعية خيرية", "وليس إيصالًا ضريبيًا", "إلا إذا قدمت لنا إقرار"],
}

# Income Tax Regulations 3501(1).
CANADA = {
    "en": ["Official receipt for income tax purposes", "registered charity number", "Receipt number",
           "Gift received on", "Issued at Halifax, Nova Scotia", "Amount of gift", "Value of advantage",
           "Eligible amount of gift", "No advantage was received for this gift.",
           "Canada Revenue Agency: canada.ca/charities-giving"],
    "fr": ["Reçu officiel aux fins de l’impôt sur le revenu", "organisme de bienfaisance enregistré sous le numéro",
           "Numéro de reçu", "Don reçu le", "Délivré à Halifax, Nova Scotia", "Montant du don",
           "Valeur de l’avantage", "Montant admissible du don", "Aucun avantage n’a été reçu en échange de ce don.",
           "Agence du revenu du Canada : canada.ca/organismes-bienfaisance-dons"],
}  # fmt: skip
# BMF-Schreiben of 7 November 2013, annexes 3 and 14; R 10b.1 Abs. 4 EStR.
GERMANY = [
    "Name und Anschrift des Zuwendenden:",
    "im Sinne des § 10b des Einkommensteuergesetzes an eine der in § 5 Abs. 1 Nr. 9 des Körperschaftsteuergesetzes "
    "bezeichneten Körperschaften, Personenvereinigungen oder Vermögensmassen",
    "– in Ziffern –", "– in Buchstaben –",
    "Wir sind wegen Förderung der Hilfe für politisch Verfolgte nach dem Freistellungsbescheid bzw. nach der Anlage "
    "zum Körperschaftsteuerbescheid des Finanzamtes", "StNr. 27/123/45678",
    "für den letzten Veranlagungszeitraum 2020 bis 2022 nach § 5 Abs. 1 Nr. 9 des Körperschaftsteuergesetzes von der "
    "Körperschaftsteuer und nach § 3 Nr. 6 des Gewerbesteuergesetzes von der Gewerbesteuer befreit.",
    "Es wird bestätigt, dass die Zuwendung nur zur Förderung der Hilfe für politisch Verfolgte verwendet wird.",
    "dass es sich nicht um einen Mitgliedsbeitrag handelt, dessen Abzug nach § 10b Abs. 1 des "
    "Einkommensteuergesetzes ausgeschlossen ist.",
    "(Ort, Datum und Unterschrift des Zuwendungsempfängers)",
    "maschinell erstellt und ist ohne eigenhändige Unterschrift gültig", "am 02.05.2024 angezeigt.",
    "Wer vorsätzlich oder grob fahrlässig eine unrichtige Zuwendungsbestätigung erstellt oder veranlasst, dass "
    "Zuwendungen nicht zu den in der Zuwendungsbestätigung angegebenen steuerbegünstigten Zwecken verwendet werden, "
    "haftet für die entgangene Steuer (§ 10b Abs. 4 EStG, § 9 Abs. 3 KStG, § 9 Nr. 5 GewStG).",
    "nicht als Nachweis für die steuerliche Berücksichtigung der Zuwendung anerkannt, wenn das Datum des "
    "Freistellungsbescheides länger als 5 Jahre bzw. das Datum der Feststellung der Einhaltung der satzungsmäßigen "
    "Voraussetzungen nach § 60a Abs. 1 AO länger als 3 Jahre seit Ausstellung des Bescheides zurückliegt (§ 63 Abs. 5 "
    "AO).",
]  # fmt: skip
# Cerfa 11580, CGI 200 and 978.
FRANCE = [
    "Numéro d’ordre du reçu", "Donateur", "Articles 200 et 978 du code général des impôts (CGI)",
    "Bénéficiaire des versements", "Numéro SIREN ou RNA 732829320", "Objet Aide aux personnes déplacées",
    "Qualité Œuvre d’intérêt général", "ouvrant droit à réduction d’impôt, la somme de :", "Somme en toutes lettres",
    "Forme du don", "Nature du don", "Mode de versement du don carte bancaire",
    "Le bénéficiaire certifie sur l’honneur que les dons et versements qu’il reçoit ouvrent droit à la réduction "
    "d’impôt prévue à l’article :", "Date et signature",
]  # fmt: skip
# D.Lgs. 117/2017, articles 82 and 83; D.M. 28 November 2019.
ITALY = [
    "ai sensi dell’articolo 83 del Decreto legislativo 3 luglio 2017, n. 117", "Codice fiscale del donatore",
    "Codice fiscale dell’ente RSSDAA80A41F205L", "Iscrizione al RUNTS n. 12345, sezione APS, dal 07/11/2022",
    "In lettere", "Modalità di versamento carta di pagamento",
    "tramite banche, uffici postali o altri sistemi di pagamento previsti dall’articolo 23 del D.Lgs. 9 luglio 1997",
    "iscritto nel Registro unico nazionale del Terzo settore", "attività statutaria ai sensi dell’articolo 8, comma 1",
    "detraibile dall’imposta lorda nella misura del 30 per cento", "Le due agevolazioni non sono cumulabili.",
    "Esente da imposta di bollo ai sensi dell’articolo 82, comma 5",
]  # fmt: skip
# Ley 49/2002, article 24.2.
SPAIN = [
    "artículo 24 de la Ley 49/2002, de 23 de diciembre", "NIF del donante 00000000T", "NIF de la entidad G28029643",
    "Inscripción Registro Nacional de Asociaciones, n.º 612345", "En letra", "Forma de pago tarjeta",
    "se encuentra incluida entre las entidades reguladas en el artículo 16 de la Ley 49/2002",
    "destinará la donación al cumplimiento de su finalidad específica: la ayuda a personas refugiadas.",
    "La donación tiene carácter irrevocable, pura y simple",
]  # fmt: skip
# WIB/CIR 92, article 145/33.
BELGIUM = {
    "nl": ["Attest betreffende giften", "Volgnummer", "Jaar van de giften 2025", "Nationaal nummer 85073003328",
           "Ondernemingsnummer 0417.497.106", "Erkenning CC.30.001, 2025-2030", "In letters",
           "artikel 145/33 van het Wetboek van de inkomstenbelastingen 1992",
           "definitief en onherroepelijk zijn ontvangen, zonder enige tegenprestatie",
           "voor deze giften geen ander attest is of wordt uitgereikt"],
    "fr": ["Attestation relative aux libéralités", "Numéro d’ordre", "Année des libéralités 2025",
           "Numéro national 85073003328", "Numéro d’entreprise 0417.497.106", "Agrément CC.30.001, 2025-2030",
           "En toutes lettres", "l’article 145/33 du Code des impôts sur les revenus 1992",
           "de manière définitive et irrévocable, sans aucune contrepartie",
           "aucune autre attestation n’a été ni ne sera délivrée pour ces libéralités"],
    "de": ["Bescheinigung über unentgeltliche Zuwendungen", "Laufende Nummer", "Jahr der Zuwendungen 2025",
           "Nationalnummer 85073003328", "Unternehmensnummer 0417.497.106", "Anerkennung CC.30.001, 2025-2030",
           "In Buchstaben", "Artikel 145/33 des Einkommensteuergesetzbuches 1992",
           "endgültig und unwiderruflich eingegangen sind, ohne jede Gegenleistung",
           "für diese Zuwendungen keine andere Bescheinigung ausgestellt wurde oder wird"],
}  # fmt: skip

SINGLE = {
    "plain": {locale: said + NO_TAX_RECEIPT[locale] for locale, said in NO_TAX_RECEIPT_IN_TITLE.items()},
    "us_501c3": NO_GOODS,
    "us_501c4": NOT_DEDUCTIBLE,
    "nl": {locale: ["RSIN", "111222333", *said] for locale, said in ANBI.items()},
    "uk_gift_aid": {locale: ["1234567", *said] for locale, said in GIFT_AID.items()},
    "ca": {
        locale: ["123456782 RR 0001", "Halifax NS B3H 1A1", "Noor Haddad", *said] for locale, said in CANADA.items()
    },
    "de_bmf": {
        "de": ["Bestätigung über Geldzuwendungen/Mitgliedsbeitrag", "Tag der Zuwendung:", *GERMANY,
               "eintausendzweihundertvierunddreißig Euro und fünfzig Cent",
               "Es handelt sich um den Verzicht auf Erstattung von Aufwendungen"],
    },
    "fr_cerfa": {
        "fr": ["Reçu au titre des dons à certains organismes d’intérêt général", *FRANCE,
               "mille deux cent trente-quatre euros et cinquante centimes", "Date du versement ou du don 14 mars 2025"],
    },
    "it_ets": {
        "it": ["Ricevuta di erogazione liberale", *ITALY, "milleduecentotrentaquattro euro e cinquanta centesimi",
               "Data dell’erogazione 14 marzo 2025"],
    },
    "es_182": {
        "es": ["Certificado de donación", *SPAIN, "mil doscientos treinta y cuatro euros con cincuenta céntimos",
               "Fecha del donativo 14 de marzo de 2025"],
    },
}  # fmt: skip
YEAR = {
    "plain": {locale: LIST[locale] + said for locale, said in NO_TAX_RECEIPT.items()},
    "us_501c3": {locale: LIST[locale] + said for locale, said in NO_GOODS_IN_THE_YEAR.items()},
    "us_501c4": {locale: LIST[locale] + said for locale, said in NOT_DEDUCTIBLE.items()},
    "nl": {locale: ["RSIN", "111222333", *LIST[locale], *said] for locale, said in ANBI.items()},
    "uk_gift_aid": {locale: ["1234567", *LIST[locale], *said] for locale, said in GIFT_AID.items()},
    "ca": {locale: LIST[locale] for locale in CANADA},
    "de_bmf": {
        "de": ["Sammelbestätigung über Geldzuwendungen/Mitgliedsbeiträge", *GERMANY,
               "eintausendfünfhundertvierundsechzig Euro",
               "Zeitraum der Sammelbestätigung: 1. Januar 2025 bis 31. Dezember 2025",
               "keine weiteren Bestätigungen, weder formelle Zuwendungsbestätigungen noch Beitragsquittungen oder "
               "Ähnliches ausgestellt wurden und werden.",
               "Ob es sich um den Verzicht auf Erstattung von Aufwendungen handelt, ist der Anlage zur "
               "Sammelbestätigung zu entnehmen.",
               "Anlage zur Sammelbestätigung", "Verzicht auf die Erstattung von Aufwendungen (ja/nein)",
               "14. März 2025 Geldzuwendung nein 1.234,50 €", "1. Mai 2025 Geldzuwendung nein 250,00 €",
               "30. November 2025 Geldzuwendung nein 79,50 €", "Gesamtsumme 1.564,00 €"],
    },
    "fr_cerfa": {
        "fr": ["Reçu annuel au titre des dons à certains organismes d’intérêt général", *FRANCE,
               "mille cinq cent soixante-quatre euros", "du 1er janvier 2025 au 31 décembre 2025",
               "Aucun autre reçu n’a été et ne sera délivré", "Total 1 564,00 €"],
    },
    "it_ets": {
        "it": ["Riepilogo annuale delle erogazioni liberali", *ITALY, "millecinquecentosessantaquattro euro",
               "non sostituisce le ricevute delle singole erogazioni", "LAPS-2025-000001"],
    },
    "es_182": {
        "es": ["Certificado anual de donaciones", *SPAIN, "mil quinientos sesenta y cuatro euros",
               "No se ha expedido ni se expedirá otro certificado por los donativos que figuran en el anexo.",
               "del 1 de enero de 2025 al 31 de diciembre de 2025"],
    },
    "be": BELGIUM,
}  # fmt: skip


@pytest.mark.parametrize(("code", "kind", "locale"), samples.all_of_them())
def test_a_paper_says_all_that_its_law_wants_in_its_language(
    code: str, kind: Kind, locale: str, settings: LazySettings
) -> None:
    settings.PUBLIC_URL = "https://give.lantern.example"
    snapshot, issuer = samples.sample(code, kind, locale), samples.SAMPLES[code]
    single = kind == Kind.DONATION
    text = text_of_pdf(pdf.render(snapshot))
    wanted = [
        issuer.name, *issuer.address.splitlines()[:2], *samples.NAMES.get(locale, issuer.donor), snapshot.number,
        samples.CODE, "give.lantern.example/receipt/", AMOUNTS[locale][0 if single else 1],
        *(BRITISH_DAYS if (code, locale) == ("uk_gift_aid", "en") else DAYS[locale]),
        *(SINGLE if single else YEAR)[code][locale],
    ]  # fmt: skip
    assert [words for words in wanted if not is_said(words, text, locale)] == []


LAM_ALEF = re.compile("\u0644[\u064b-\u0652]?\u0627")


def is_said(words: str, text: str, locale: str) -> bool:
    """Whether a text says words. Readers of PDFs give Arabic words in the order in which they are painted; and those
    with lam and alef, which are one glyph, without a letter where a mark stood between them first."""
    if locale != "ar":
        return words in text
    return all(word in text for word in re.findall(r"[\w\u064b-\u0652-]+", words) if not LAM_ALEF.search(word))


def test_the_docs_have_a_row_for_every_regime() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", (PROJECT / "docs" / "regimes.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(REGIMES)
