"""What a tax receipt needs of a donor: asked for by a mailed link, kept in the vault, and shown to nobody."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail as outbox
from django.core import signing
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from fundraising import donor_care
from fundraising.models import Donation, Donor, TaxDetails
from receipts import receipts, tasks
from receipts.donors import links, tax_details
from receipts.donors import numbers as donor_numbers
from receipts.mail import link_letters
from receipts.models import MailKind, MailState, OutgoingMail, Receipt, Refusal
from receipts.regimes import DonorNeed, Problem
from receipts.snapshot import Snapshot
from tests import factories, staff
from tests.fundraising.test_throttle import LONG
from tests.receipts.reading import without_tokens
from tests.receipts.regimes_for_tests import wants_details

pytestmark = pytest.mark.django_db
CODICE = "RSSMRA85T10A562S"  # python-stdnum's own example
HOME = {"street": "Via Ostiense 7391", "postcode": "00154", "city": "Roma", "region": "RM", "tax_number": CODICE}


@pytest.fixture
def donation(monkeypatch: pytest.MonkeyPatch) -> Donation:
    """A received donation of an Italian donor whose receipt wants address and tax number."""
    found, _charge = factories.received_donation(email="ada@example.org", locale="it")
    wants_details(monkeypatch, found.entity)
    return found


def path_of(donor: Donor, kind: MailKind = MailKind.DETAILS) -> str:
    return links.url_of(donor, kind).removeprefix("http://127.0.0.1:8000")


def mailed() -> list[Any]:
    before = len(outbox.outbox)
    tasks.send_due()
    return outbox.outbox[before:]


# --- Being asked --------------------------------------------------------------------------------------


def test_a_donor_is_asked_once_however_many_donations_wait(donation: Donation) -> None:
    second = factories.open_donation(factories.make_appeal(donation.entity), email="ada@example.org", locale="it")
    factories.receive(second)
    tasks.work_off()
    assert [refusal.code for refusal in Refusal.objects.all()] == [Problem.NO_ADDRESS] * 2
    assert second.donor == donation.donor
    assert len(mailed()) == 1
    Refusal.objects.update(next_attempt_at=timezone.now())
    tasks.work_off()
    assert mailed() == []


def test_the_message_gives_nothing_away_and_its_link_is_the_donors(donation: Donation, client: Client) -> None:
    tasks.work_off()
    (message,) = mailed()
    assert message.to == ["ada@example.org"]
    for word in ("Lantern", "don", "tax", "appeal", "receipt"):
        assert word.lower() not in message.subject.lower()
    (url,) = set(re.findall(r"http\S+/details/\S+", message.body))
    page = client.get(url.removeprefix("http://127.0.0.1:8000"))
    assert page.status_code == 200
    assert 'lang="it"' in page.text
    # The tax office is told too, where the law wants that (receipts/years/filings.py): nobody is promised otherwise.
    assert "passato al fisco dove la legge lo vuole" in message.body
    assert "passati soltanto al fisco, dove la legge lo vuole" in page.text


def test_whoever_has_no_mailbox_is_not_asked(donation: Donation) -> None:
    Donor.objects.update(email="")
    tasks.work_off()
    assert mailed() == []


def test_a_donation_of_a_law_that_wants_nothing_asks_nothing() -> None:
    factories.received_donation()
    tasks.work_off()
    assert not OutgoingMail.objects.filter(kind=MailKind.DETAILS).exists()


# --- The form -----------------------------------------------------------------------------------------


def test_details_are_kept_and_the_receipt_that_waited_is_issued_at_once(donation: Donation, client: Client) -> None:
    tasks.work_off()
    assert not Receipt.objects.exists()
    answer = client.post(path_of(donation.donor), HOME)
    assert answer.status_code == 303
    tasks.work_off()
    snapshot = Snapshot.from_json(Receipt.objects.get().snapshot)
    assert "Via Ostiense 7391" in snapshot.donor_address
    assert snapshot.donor_tax_number == CODICE
    assert not Refusal.objects.exists()


def test_what_is_stored_is_never_shown_back(donation: Donation, client: Client) -> None:
    path = path_of(donation.donor)
    client.post(path, HOME)
    for page in (client.get(path), client.get(f"{path}?kept=1"), client.post(path, {"street": "Elsewhere 1"})):
        shown = without_tokens(page.text)
        for secret in ("Ostiense", "00154", "Roma", CODICE):
            assert secret not in shown


def test_details_are_sealed_in_the_database(donation: Donation) -> None:
    tax_details.keep(donation.donor, HOME)
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(t)::text FROM fundraising_taxdetails t")
        raw = cursor.fetchone()[0]
    # What is sealed is random letters: two of them ("RM") turn up by chance, so only the long values say anything.
    long_values = [value for value in HOME.values() if len(value) > 4]
    assert len(long_values) == 3
    assert not any(value in raw for value in long_values)


def test_the_page_is_for_nobodys_cache_and_tells_no_other_site(donation: Donation, client: Client) -> None:
    for path in (path_of(donation.donor), path_of(donation.donor, MailKind.PAPERS), "/it/details/nothing/"):
        answer = client.get(path)
        assert set(answer["Cache-Control"].split(", ")) == {"private", "no-store"}
        assert answer["Referrer-Policy"] == "no-referrer"
        assert "noindex" in answer["X-Robots-Tag"]
        assert not answer.cookies


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("postcode", "154"),
        ("tax_number", "RSSMRA85T10A562T"),
        ("tax_number", ""),
        ("street", ""),
        ("street", "Via \u202eanaiV"),
        ("city", "Roma\nRegno"),
        ("city", "x" * 81),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_kept(
    donation: Donation, client: Client, field: str, typed: str
) -> None:
    answer = client.post(path_of(donation.donor), {**HOME, field: typed})
    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == {field}
    assert f'id="id_{field}_error"' in answer.text
    assert not TaxDetails.objects.exists()


def test_a_law_that_wants_the_address_alone_asks_for_that_and_leaves_the_number(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    donation, _charge = factories.received_donation()
    tax_details.keep(donation.donor, {"tax_number": CODICE})
    wants_details(monkeypatch, donation.entity, frozenset({DonorNeed.ADDRESS}))
    path = path_of(donation.donor)
    assert "tax_number" not in client.get(path).context["form"].fields
    client.post(path, {**HOME, "tax_number": "forged"})
    kept = TaxDetails.objects.get()
    assert (kept.tax_number, kept.street) == (CODICE, HOME["street"])


def test_where_no_law_asks_there_is_no_form(client: Client) -> None:
    donation, _charge = factories.received_donation()
    path = path_of(donation.donor)
    assert "We need nothing more of you" in client.get(path).text
    client.post(path, HOME)
    assert not TaxDetails.objects.exists()


# --- Attacks ------------------------------------------------------------------------------------------


def test_an_altered_link_an_old_one_and_one_of_the_other_kind_open_nothing(donation: Donation, client: Client) -> None:
    donor = donation.donor
    good = links.token_of(donor, MailKind.DETAILS)
    papers = links.token_of(donor, MailKind.PAPERS)
    other = factories.received_donation()[0].donor
    forged = signing.dumps([other.uuid.hex, other.email_index[:24]], salt="receipts.links")
    with override("it"):
        for token in (good[:-1] + ("a" if good[-1] != "a" else "b"), papers, forged, "x" * 4000, "a:b:c", "%00"):
            assert client.get(f"/it/details/{token}/").status_code == 404
            assert client.post(f"/it/details/{token}/", HOME).status_code == 404
    assert not TaxDetails.objects.exists()


def test_a_link_works_for_two_weeks(donation: Donation, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    path = path_of(donation.donor)
    assert client.get(path).status_code == 200
    monkeypatch.setitem(links.LASTS, MailKind.DETAILS, timedelta(seconds=-1))
    assert client.get(path).status_code == 404


def test_a_link_that_went_to_a_wrong_address_dies_when_the_desk_mends_the_address(
    donation: Donation, client: Client
) -> None:
    path, donor = path_of(donation.donor), donation.donor
    donor_care.correct_donor(
        donor, first_name=donor.first_name, last_name=donor.last_name, organisation="", email="right@example.org",
        country=donor.country, by=staff.make_person(), reason="letter",
    )  # fmt: skip
    assert client.get(path).status_code == 404
    assert client.post(path, HOME).status_code == 404


def test_whoever_gives_in_a_victims_name_reads_neither_address_nor_whether_it_is_known(
    donation: Donation, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attacker types the victim's name and mailbox: it is the same donor, and the attacker knows the page."""
    tax_details.keep(donation.donor, HOME)
    receipts.issue_receipt(donation)
    stranger, _charge = factories.received_donation(email="eve@example.org", locale="it")
    wants_details(monkeypatch, stranger.entity)
    tasks.work_off()
    pages = []
    for found in (donation, stranger):
        with override("it"):
            page = client.get(reverse("donation", kwargs={"uuid": found.uuid})).text
        for secret in ("Ostiense", CODICE, ".pdf"):
            assert secret not in page
        section = page[page.index('id="papers-title"') : page.index("</section>", page.index('id="papers-title"'))]
        pages.append(section.replace(str(found.uuid), "").replace("e…@", "a…@"))
    assert pages[0] == pages[1]
    download = client.get(reverse("receipt-download", kwargs={"donation_uuid": donation.uuid}))
    assert download.status_code == 302
    assert "pdf" not in download.get("Content-Type", "")


def test_the_button_mails_the_donor_and_shows_no_link(donation: Donation, client: Client) -> None:
    for kind in (MailKind.DETAILS, MailKind.PAPERS):
        answer = client.post(f"/it/d/{donation.uuid}/mail/", {"kind": kind.value})
        assert (answer.status_code, answer["Location"]) == (303, f"/it/d/{donation.uuid}/?mailed=1")
    page = client.get(f"/it/d/{donation.uuid}/?mailed=1").text
    assert "/details/" not in page
    assert "/papers/" not in page
    assert {tuple(message.to) for message in mailed()} == {("ada@example.org",)}
    assert client.post(f"/it/d/{donation.uuid}/mail/", {"kind": "receipt"}).status_code == 404
    assert client.get(f"/it/d/{donation.uuid}/mail/").status_code == 405


def test_a_donor_may_be_mailed_again_and_it_is_another_message(donation: Donation) -> None:
    link_letters.send(donation.donor, MailKind.PAPERS)
    (first,) = mailed()
    link_letters.send(donation.donor, MailKind.PAPERS)
    (second,) = mailed()
    assert first.extra_headers["Message-ID"] != second.extra_headers["Message-ID"]
    assert OutgoingMail.objects.get(kind=MailKind.PAPERS).state == MailState.SENT


def test_the_mailbox_is_not_flooded(donation: Donation, client: Client, settings: Any) -> None:
    settings.THROTTLES = {"link": (2, LONG), "links": (50, LONG)}
    codes = [client.post(f"/it/d/{donation.uuid}/mail/", {"kind": "papers"}).status_code for _ in range(4)]
    assert codes == [303, 303, 429, 429]


# --- Numbers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("country", "typed", "kept"),
    [
        ("GB", "sw1a1aa", "SW1A 1AA"),
        ("CA", "k1a 0b1", "K1A 0B1"),
        ("NL", "1234ab", "1234 AB"),
        ("PT", "1000123", "1000-123"),
        ("DE", " 10115 ", "10115"),
        ("US", "97201-1234", "97201-1234"),
        ("KE", "any thing", "ANY THING"),
    ],
)
def test_postcodes_are_written_as_their_country_does(country: str, typed: str, kept: str) -> None:
    assert donor_numbers.postcode(country, typed) == kept


@pytest.mark.parametrize(
    ("country", "typed"), [("GB", "12345"), ("DE", "1011"), ("CA", "D1A 0B1"), ("FR", "٧٥٠٠١"), ("ES", "99001")]
)
def test_what_is_no_postcode_there_is_refused(country: str, typed: str) -> None:
    with pytest.raises(donor_numbers.Wrong):
        donor_numbers.postcode(country, typed)


@pytest.mark.parametrize(
    ("country", "typed", "kept"),
    [
        ("IT", "rss mra 85t10 a562s", CODICE),
        ("IT", "00743110157", "00743110157"),
        ("ES", "54362315-K", "54362315K"),
        ("ES", "x-2482300w", "X2482300W"),
        ("BE", "85.07.30-033 28", "85073003328"),
        ("DE", "36 574 261 809", "36574261809"),
        ("KE", "a 123.456 z", "A123456Z"),
    ],
)
def test_tax_numbers_are_checked_by_their_digits(country: str, typed: str, kept: str) -> None:
    assert donor_numbers.tax_number(country, typed) == kept


@pytest.mark.parametrize(
    ("country", "typed"), [("IT", "RSSMRA85T10A562T"), ("ES", "54362315Z"), ("BE", "85.07.30-033 29"), ("KE", "--")]
)
def test_a_wrong_tax_number_is_refused(country: str, typed: str) -> None:
    with pytest.raises(donor_numbers.Wrong):
        donor_numbers.tax_number(country, typed)
