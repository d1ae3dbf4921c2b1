"""Copies and archive files: the stored bytes come first, unchanged; what is added breaks no rule of PDF/UA or PDF/A."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from django.test import Client
from django.urls import reverse
from pypdf.generic import StreamObject

from fundraising.models import Role
from fundraising.money import Money
from receipts import bulk, pdf, receipts
from receipts.documents import copies, pictures, signing
from receipts.mail import delivery
from receipts.models import Letterhead, OutgoingMail
from receipts.papers import specimen
from receipts.snapshot import Snapshot
from receipts.stamping import Page
from receipts.stamping.press import Press
from tests import factories, staff
from tests.receipts.pictures import SIGNATURE as PNG
from tests.receipts.reading import reader
from tests.receipts.test_pdf import SNAPSHOT
from tests.receipts.test_regimes_of_us_ca_uk_nl import REGISTRATION, donation_to, entity_under

SIGNED = replace(SNAPSHOT, letterhead=7, place="Portland", signatory="Grace Okoye", signatory_role="Treasurer")
NS = {
    "pdfaid": "http://www.aiim.org/pdfa/ns/id/",
    "pdfuaid": "http://www.aiim.org/pdfua/ns/id/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
}
QPDF = shutil.which("qpdf")
VERAPDF = shutil.which("verapdf")


@pytest.fixture(autouse=True)
def letterhead(monkeypatch: pytest.MonkeyPatch) -> None:
    """A letterhead with two pictures, which needs no database."""
    shown = (
        ("letterhead:7/logo", pictures.Picture(PNG, "image/png")),
        ("letterhead:7/signature", pictures.Picture(PNG, "image/png")),
    )
    head = pictures.Pictures("letterhead:7/logo", "letterhead:7/signature", shown)

    def of(letterhead: int) -> pictures.Pictures:
        return head if letterhead == 7 else pictures.Pictures()

    monkeypatch.setattr(pictures, "pictures_of", of)
    monkeypatch.setattr(pdf, "pictures_of", of)


@pytest.fixture
def document() -> bytes:
    return pdf.render(SIGNED)


def root_of(document: bytes) -> Any:
    return reader(document).trailer["/Root"].get_object()


# --- Copies -----------------------------------------------------------------------------------------


def test_a_copy_is_the_stored_paper_and_a_mark_on_each_page(document: bytes) -> None:
    copy = copies.as_copy(document, "DUPLIKAT")
    assert copy.startswith(document)
    assert copy == copies.as_copy(document, "DUPLIKAT")
    (page,) = reader(copy).pages
    assert "DUPLIKAT" in page.extract_text()
    assert "Ada Rossi" in page.extract_text()
    assert "DUPLIKAT" not in reader(document).pages[0].extract_text()


def test_a_copys_mark_is_no_part_of_what_is_read_out_but_its_title_is(document: bytes) -> None:
    read = reader(copies.as_copy(document, "COPY"))
    (page,) = read.pages
    contents: Any = page["/Contents"]
    last = contents[-1].get_object().get_data()
    assert last.split() == [b"Q", b"/Artifact", b"BMC", b"q", b"/OaCopy", b"Do", b"Q", b"EMC"]
    assert read.metadata is not None
    assert read.metadata.title == "COPY: Donation receipt LA-2026-000123"
    metadata = root_of(copies.as_copy(document, "COPY"))["/Metadata"].get_object().get_data()
    assert b">COPY: Donation receipt LA-2026-000123<" in metadata


def test_the_pages_of_a_stamped_paper_are_copied_too() -> None:
    press = Press(pdf.to_pdf)

    def stamp(snapshot: Snapshot, setting: str) -> bytes:
        return press.print(Page.of(pdf.to_html(snapshot, setting=setting)), identifier=snapshot.number)

    for number in range(1, 9):
        made = pdf.render(replace(SIGNED, number=f"LA-2026-{number:06d}", donor_name="Ada" * number), printer=stamp)
    assert press.count["rendered"] + press.count["compared"] + press.count["stamped"] >= 8
    copy = copies.as_copy(made, "COPIA")
    assert copy.startswith(made)
    assert "COPIA" in reader(copy).pages[0].extract_text()


@pytest.mark.parametrize("mark", sorted(set(specimen.MARKS.values())))
def test_a_specimen_has_a_word_across_the_page_that_is_not_read_out(document: bytes, mark: str) -> None:
    made = copies.as_specimen(document, mark)
    (page,) = reader(made).pages
    contents: Any = page["/Contents"]
    assert contents[-1].get_object().get_data().split() == [
        b"Q", b"/Artifact", b"BMC", b"q", b"/OaCopy", b"Do", b"Q", b"EMC"
    ]  # fmt: skip
    form = page["/Resources"]["/XObject"]["/OaCopy"].get_object()  # type: ignore[index]
    turns = [[float(one) for one in found.split()[:4]] for found in re.findall(rb"([-\d. ]+) cm", form.get_data())]
    (turn,) = [one for one in turns if one[1]]
    assert turn == pytest.approx([0.61, -0.79, 0.79, 0.61], abs=0.01)  # along the diagonal of US Letter
    assert reader(made).metadata.title == f"{mark}: Donation receipt LA-2026-000123"  # type: ignore[union-attr]
    assert root_of(made).raw_get("/StructTreeRoot").idnum == root_of(document).raw_get("/StructTreeRoot").idnum


@pytest.mark.parametrize("form", ["copy", "specimen", "archive"])
def test_an_update_counts_its_objects_right(document: bytes, form: str) -> None:
    made = {
        "copy": lambda: copies.as_copy(document, "COPY"),
        "specimen": lambda: copies.as_specimen(document, "MUSTER"),
        "archive": lambda: copies.as_archive(document, SIGNED),
    }[form]()
    told = made[int(made[made.rindex(b"startxref") + 9 :].split()[0]) :]
    size = int(re.search(rb"/Size (\d+)", told)[1])  # type: ignore[index]
    index = [int(one) for one in re.search(rb"/Index \[([ \d]+)\]", told)[1].split()]  # type: ignore[index]
    assert size == index[-2] + index[-1]


@pytest.mark.skipif(not QPDF, reason="qpdf is not installed")
def test_qpdf_finds_nothing_to_warn_of(document: bytes, tmp_path: Path) -> None:
    archive = copies.as_archive(document, SIGNED)
    for made in (copies.as_copy(document, "COPY"), archive, copies.as_copy(archive, "COPY")):
        path = tmp_path / "made.pdf"
        path.write_bytes(made)
        done = subprocess.run([str(QPDF), "--check", str(path)], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")


# --- Archive files ----------------------------------------------------------------------------------


def test_an_archive_file_says_that_it_is_pdf_a_3a_and_still_pdf_ua(document: bytes) -> None:
    archive = copies.as_archive(document, SIGNED)
    assert archive.startswith(document)
    assert archive == copies.as_archive(document, SIGNED)
    metadata = root_of(archive)["/Metadata"].get_object()
    assert "/Filter" not in metadata
    packet = metadata.get_data()
    tree = ElementTree.fromstring(packet[packet.index(b"<x:xmpmeta") : packet.index(b"</x:xmpmeta>") + 12])  # noqa: S314  our own
    described = list(tree.iter(f"{{{NS['rdf']}}}Description"))
    told = {name: value for one in described for name, value in one.attrib.items()}
    assert told[f"{{{NS['pdfaid']}}}part"] == "3"
    assert told[f"{{{NS['pdfaid']}}}conformance"] == "A"
    assert told[f"{{{NS['pdfuaid']}}}part"] == "1"
    assert len(list(tree.iter(f"{{{NS['rdf']}}}RDF"))) == 1
    assert b"pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/<" in packet  # PDF/A knows no PDF/UA by itself


def test_an_archive_file_has_what_pdf_a_demands(document: bytes) -> None:
    """Structure by structure (ISO 19005-3): not a validator's word, which the next test asks for where there is one."""
    read = reader(copies.as_archive(document, SIGNED))
    root: Any = read.trailer["/Root"].get_object()
    assert (root["/Lang"], root["/MarkInfo"]["/Marked"], "/StructTreeRoot" in root) == ("en", True, True)
    identifier: Any = read.trailer["/ID"]
    assert len(identifier) == 2
    assert "/Encrypt" not in read.trailer
    assert not {"/OpenAction", "/AA", "/Perms"} & set(root)
    (intent,) = root["/OutputIntents"]
    profile = intent.get_object()["/DestOutputProfile"].get_object()
    assert (intent.get_object()["/S"], profile["/N"], profile.get_data()[36:40]) == ("/GTS_PDFA1", 3, b"acsp")
    for number in range(1, len(read.xref_objStm) + len(read.xref[0]) + 1):
        one: Any = read.get_object(number)
        if isinstance(one, StreamObject):
            assert "/LZWDecode" not in str(one.get("/Filter"))
            assert "/F" not in one  # no content from outside
        if isinstance(one, dict) and one.get("/Subtype") == "/Image":
            assert str(one.get("/Interpolate", False)) == "False"
        if isinstance(one, dict) and one.get("/Type") == "/FontDescriptor":
            assert {"/FontFile2", "/FontFile3"} & set(one)
        if isinstance(one, dict) and one.get("/Subtype") == "/Type0":
            assert "/ToUnicode" in one
        if isinstance(one, dict) and one.get("/Type") == "/Action":
            assert one["/S"] not in {"/Launch", "/JavaScript", "/ImportData"}


def test_an_archive_file_carries_its_data(document: bytes) -> None:
    archive = copies.as_archive(document, SIGNED)
    (attached,) = root_of(archive)["/AF"]
    file = attached.get_object()
    assert (file["/AFRelationship"], file["/F"], file["/UF"]) == ("/Data", "receipt.json", "receipt.json")
    stream = file["/EF"]["/F"].get_object()
    assert (stream["/Subtype"], "/ModDate" in stream["/Params"]) == ("/application/json", True)
    told = json.loads(stream.get_data())
    assert (told["format"], told["number"], told["gross_minor"]) == ("openappeal-receipt/1", "LA-2026-000123", 123450)
    assert told["issued_on"] == "2026-03-15"
    assert not {"letterhead", "theme", "donation", "wordings"} & set(told)
    assert root_of(archive)["/Names"]["/EmbeddedFiles"]["/Names"][0] == "receipt.json"


def test_every_field_of_the_data_is_documented() -> None:
    told = json.loads(copies.data_of(SIGNED))
    words = (Path(__file__).parents[2] / "docs" / "receipt-data.md").read_text()
    assert [name for name in told if f"`{name}`" not in words] == []


@pytest.mark.skipif(not VERAPDF, reason="veraPDF is not installed")
@pytest.mark.parametrize("flavour", ["3a", "ua1"])
def test_verapdf_finds_nothing(document: bytes, flavour: str, tmp_path: Path) -> None:
    for name, made in {
        "paper": document,
        "copy": copies.as_copy(document, "COPY"),
        "archive": copies.as_archive(document, SIGNED),
        "copy-of-archive": copies.as_copy(copies.as_archive(document, SIGNED), "COPY"),
    }.items():
        if flavour == "3a" and "archive" not in name:
            continue
        path = tmp_path / f"{name}.pdf"
        path.write_bytes(made)
        done = subprocess.run([str(VERAPDF), "--flavour", flavour, str(path)], capture_output=True, text=True)
        assert done.returncode == 0, f"{name}: {done.stdout[-4000:]}"


# --- Pages ------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(("form", "ends"), [("copy", "-copy.pdf"), ("archive", "-archive.pdf"), ("other", ".pdf")])
def test_a_donor_downloads_a_copy_or_an_archive_file(client: Client, form: str, ends: str) -> None:
    receipt = receipts.issue_receipt(factories.received_donation()[0])
    address = reverse("receipt-download", kwargs={"donation_uuid": receipt.sole_donation.uuid})
    response = client.get(f"{address}?as={form}")
    stored = receipts.read_pdf(receipt)
    assert response.content.startswith(stored)
    assert (response.content == stored) == (form == "other")
    assert response["Content-Disposition"] == f'inline; filename="{receipt.number}{ends}"'
    if form == "archive":
        (attached,) = root_of(response.content)["/AF"]
        told = json.loads(attached.get_object()["/EF"]["/F"].get_object().get_data())
        assert told["check_code"] == Snapshot.from_json(receipt.snapshot).check_code


# --- Issued as archive files ------------------------------------------------------------------------


def files_of(document: bytes) -> list[Any]:
    """What is attached to a paper."""
    return [one.get_object()["/F"] for one in root_of(document).get("/AF", [])]


@pytest.mark.django_db
def test_an_entity_that_wants_archive_files_issues_and_mails_them(client: Client) -> None:
    donation, _ = factories.received_donation()
    desk = staff.at_desk(Role.APPROVER, donation.entity)
    desk.post(reverse("desk-letterhead", kwargs={"entity": donation.entity.slug}), {"place": "Ghent", "archive": "on"})
    receipt = receipts.issue_receipt(donation)
    message = delivery.compose(OutgoingMail.objects.get(receipt=receipt))
    ((_name, sent, _type),) = message.attachments
    assert isinstance(sent, bytes)
    assert hashlib.sha256(sent).hexdigest() == receipt.pdf_sha256
    assert files_of(sent) == ["receipt.json"]
    address = reverse("receipt-download", kwargs={"donation_uuid": donation.uuid})
    assert client.get(f"{address}?as=archive").content == sent
    assert "COPY" in reader(client.get(f"{address}?as=copy").content).pages[0].extract_text()
    shown = desk.get(reverse("desk-letterhead", kwargs={"entity": donation.entity.slug}))
    assert shown.context["form"]["archive"].value() is True


@pytest.mark.django_db
def test_papers_issued_many_at_once_are_archive_files_too_and_signed_ones_are_not(certificate: Path) -> None:
    donation, _ = factories.received_donation()
    Letterhead.objects.create(entity=donation.entity, archive=True)
    (receipt,) = bulk.issue_batch([donation]).issued
    assert files_of(receipts.read_pdf(receipt)) == ["receipt.json"]
    canadian = donation_to(entity_under("ca", registration_number=REGISTRATION), Money(10_00, "CAD"))
    Letterhead.objects.create(
        entity=canadian.entity, place="Halifax", signatory="Noor Haddad", signature=PNG, archive=True
    )
    signed = receipts.read_pdf(receipts.issue_receipt(canadian))
    assert (signing.is_closed(signed), files_of(signed)) == (True, [])
