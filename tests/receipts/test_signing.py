"""What Canada's law wants of a receipt that is mailed: signed, closed to changes, readable by everybody."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils.formats import date_format
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import MDPPerm
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext
from pypdf.constants import UserAccessPermissions
from pytest_django import Settings

from fundraising.models import Donation, Donor, Role
from fundraising.money import Money
from receipts import bulk, checks, pdf, printing, receipts
from receipts.desk.problems import of_refusal
from receipts.documents import signing
from receipts.mail import delivery
from receipts.models import EndReason, OutgoingMail, Receipt
from receipts.regimes import Problem
from tests import staff
from tests.receipts.reading import reader, text_of_pdf
from tests.receipts.test_pdf import SNAPSHOT
from tests.receipts.test_regimes_of_us_ca_uk_nl import REGISTRATION, donation_to, entity_under, problem_of


def signature_of(document: bytes, certificate: Path | None = None) -> Any:
    """What a reader's program finds of the one signature; whom it trusts is the given certificate alone."""
    read = PdfFileReader(io.BytesIO(document))
    read.decrypt("")
    (signature,) = read.embedded_signatures
    signer = signature.signer_cert
    return validate_pdf_signature(signature, ValidationContext(trust_roots=[signer] if certificate else []))


def canadian(**more: Any) -> Donation:
    return donation_to(entity_under("ca", registration_number=REGISTRATION), Money(100_00, "CAD"), **more)


@pytest.fixture
def plain() -> bytes:
    return pdf.render(SNAPSHOT)


# --- The document -----------------------------------------------------------------------------------


def test_what_is_signed_is_whole_and_allows_no_change_after_it(plain: bytes, certificate: Path) -> None:
    found = signature_of(signing.protected(plain, place="Halifax"), certificate)
    assert (found.intact, found.valid, found.trusted, found.bottom_line) == (True, True, True, True)
    assert found.coverage.name == "ENTIRE_FILE"
    assert found.docmdp_ok
    assert found.modification_level.name == "NONE"
    assert "Cedar Relief" in found.signing_cert.subject.human_friendly


def test_it_is_certified_with_no_changes_permitted(plain: bytes, certificate: Path) -> None:
    read = PdfFileReader(io.BytesIO(signing.protected(plain)))
    read.decrypt("")
    (signature,) = read.embedded_signatures
    assert signature.docmdp_level == MDPPerm.NO_CHANGES
    assert read.root["/Perms"]["/DocMDP"] is not None


@pytest.mark.parametrize("where", ["in the page", "in the signature"])
def test_one_changed_byte_breaks_the_signature(plain: bytes, certificate: Path, where: str) -> None:
    document = bytearray(signing.protected(plain))
    read = PdfFileReader(io.BytesIO(bytes(document)))
    read.decrypt("")
    (signature,) = read.embedded_signatures
    if where == "in the page":
        at = document.index(b"stream\n") + 40
    else:
        sealed = bytes(document[: signature.byte_range[2]]).rstrip(b">0")  # what follows the signature is padding
        at = len(sealed) - 1
    document[at] = document[at] ^ 1 if where == "in the page" else ord("1") + (document[at] == ord("1"))
    try:
        found = signature_of(bytes(document), certificate)
    except ValueError:  # the signature is none any more
        return
    assert not found.bottom_line


def test_everybody_reads_prints_and_has_it_read_aloud_and_nobody_changes_it(plain: bytes, certificate: Path) -> None:
    read = reader(signing.protected(plain))
    assert read.is_encrypted
    allowed = read.user_access_permissions
    assert allowed is not None
    for may in ("PRINT", "PRINT_TO_REPRESENTATION", "EXTRACT", "EXTRACT_TEXT_AND_GRAPHICS"):
        assert UserAccessPermissions[may] in allowed
    for may_not in ("MODIFY", "ADD_OR_MODIFY", "FILL_FORM_FIELDS", "ASSEMBLE_DOC"):
        assert UserAccessPermissions[may_not] not in allowed
    assert text_of_pdf(signing.protected(plain)) == text_of_pdf(plain)


def test_the_signature_is_not_seen_and_the_tags_and_title_stay(plain: bytes, certificate: Path) -> None:
    read = reader(signing.protected(plain))
    root: Any = read.trailer["/Root"].get_object()
    assert (root["/MarkInfo"]["/Marked"], root["/Lang"], "/StructTreeRoot" in root) == (True, "en", True)
    assert read.metadata is not None
    assert read.metadata.title == "Donation receipt LA-2026-000123"
    (field,) = root["/AcroForm"]["/Fields"]
    assert field.get_object()["/F"] & 2  # hidden: needs no tag (PDF/UA-1, 7.18.1)


def test_opened_it_is_the_paper_without_signature_or_encryption(plain: bytes, certificate: Path) -> None:
    again = signing.opened(signing.protected(plain))
    read = reader(again)
    root: Any = read.trailer["/Root"].get_object()
    assert (read.is_encrypted, "/AcroForm" in root, "/Perms" in root) == (False, False, False)
    assert text_of_pdf(again) == text_of_pdf(plain)
    assert signing.opened(plain) == plain


# --- The certificate --------------------------------------------------------------------------------


def test_without_a_file_or_with_a_wrong_passphrase_there_is_no_certificate(
    certificate: Path, settings: Settings, tmp_path: Path
) -> None:
    assert signing.certificate().subject == "CN=Cedar Relief"
    settings.RECEIPT_SIGNING_PASSPHRASE = "another"
    assert not signing.is_ready()
    settings.RECEIPT_SIGNING_FILE = str(tmp_path / "none.p12")
    assert not signing.is_ready()
    settings.RECEIPT_SIGNING_FILE = ""
    assert not signing.is_ready()
    with pytest.raises(signing.NoCertificate):
        signing.protected(b"")


def test_a_certificate_is_of_no_use_after_its_last_day(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    after = datetime.combine(signing.certificate().last_day, time.min, UTC) + timedelta(days=2)
    monkeypatch.setattr("receipts.documents.signing.timezone.now", lambda: after)
    assert not signing.is_ready()


def test_production_warns_of_a_certificate_that_cannot_be_used(certificate: Path, settings: Settings) -> None:
    settings.PRODUCTION = True
    assert checks.signing_certificate() == []
    settings.RECEIPT_SIGNING_PASSPHRASE = "another"
    (warning,) = checks.signing_certificate()
    assert warning.id == "receipts.W003"
    settings.RECEIPT_SIGNING_FILE = ""
    assert checks.signing_certificate() == []


def test_the_command_makes_a_certificate_once(settings: Settings, tmp_path: Path) -> None:
    settings.RECEIPT_SIGNING_FILE = str(tmp_path / "new" / "receipts.p12")
    settings.RECEIPT_SIGNING_PASSPHRASE = "secret"
    call_command("make_signing_certificate", "Cedar Relief", verbosity=0)
    assert signing.certificate().subject == "CN=Cedar Relief"
    assert Path(settings.RECEIPT_SIGNING_FILE).stat().st_mode & 0o077 == 0
    with pytest.raises(CommandError, match="one already"):
        call_command("make_signing_certificate", "Cedar Relief")


# --- Receipts of Canada -----------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_canadian_receipt_is_mailed_signed_and_its_hash_is_that_of_the_bytes_sent(certificate: Path) -> None:
    receipt = receipts.issue_receipt(canadian())
    message = delivery.compose(OutgoingMail.objects.get(receipt=receipt))
    ((name, sent, _type),) = message.attachments
    assert isinstance(sent, bytes)
    assert name == f"{receipt.number}.pdf"
    assert hashlib.sha256(sent).hexdigest() == Receipt.objects.get(pk=receipt.pk).pdf_sha256
    assert signature_of(sent, certificate).bottom_line
    assert "Official receipt for income tax purposes" in text_of_pdf(sent)


@pytest.mark.django_db
def test_receipts_issued_many_at_once_are_signed_too(certificate: Path) -> None:
    (receipt,) = bulk.issue_batch([canadian()]).issued
    assert signature_of(receipts.read_pdf(receipt), certificate).bottom_line


@pytest.mark.django_db
def test_without_a_certificate_the_receipt_waits_and_the_desk_says_why() -> None:
    donation = canadian()
    assert problem_of(donation) == Problem.NO_CERTIFICATE
    assert "Certificate for receipts" in of_refusal(Problem.NO_CERTIFICATE)
    batch = bulk.issue_batch([donation])
    assert batch.refused == {donation.pk: Problem.NO_CERTIFICATE}
    client = staff.at_desk(Role.APPROVER, donation.entity)
    page = client.get(reverse("desk-papers", kwargs={"entity": donation.entity.slug})).content.decode()
    assert "no certificate to sign with" in page


def days_before_its_end(days: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is so many days before the end of the certificate; of none, or fewer, it has ended."""
    end = signing._held(settings.RECEIPT_SIGNING_FILE, settings.RECEIPT_SIGNING_PASSPHRASE).not_valid_after_utc
    monkeypatch.setattr(signing, "timezone", SimpleNamespace(now=lambda: end - timedelta(days=days)))


@pytest.mark.parametrize(
    ("days", "standing"),
    [(61, "valid"), (60, "ends_soon"), (1, "ends_soon"), (0, "ended"), (-400, "ended"), (366 * 11, "none")],
)
def test_a_certificate_ends_soon_for_sixty_days(
    days: int, standing: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days_before_its_end(days, monkeypatch)
    assert signing.look()[0] == standing
    assert signing.is_ready() is (standing in ("valid", "ends_soon"))


def test_production_warns_of_a_certificate_that_ends_soon(
    certificate: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PRODUCTION = True
    days_before_its_end(30, monkeypatch)
    (warning,) = checks.signing_certificate()
    assert (warning.id, str(signing.certificate().last_day) in warning.msg) == ("receipts.W004", True)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("days", "worry", "papers"),
    [
        (90, "", ""),
        (30, "The certificate that signs receipts ends on", "It ends soon."),
        (0, "The certificate that signs receipts ended on", "It has ended: receipts"),
    ],
)
def test_the_desk_shows_the_last_day_of_the_certificate_and_warns_before_and_after_it(
    days: int, worry: str, papers: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entity = entity_under("ca", registration_number=REGISTRATION)
    client = staff.at_desk(Role.APPROVER, entity)
    (last_day,) = {date_format(held.last_day, "SHORT_DATE_FORMAT") for held in [signing.certificate()]}
    days_before_its_end(days, monkeypatch)
    shown = client.get(reverse("desk-papers", kwargs={"entity": entity.slug})).content.decode()
    assert last_day in shown
    assert papers in shown
    morning = client.get(reverse("desk-morning", kwargs={"entity": entity.slug})).content.decode()
    assert (f"{worry} {last_day}" in morning) if worry else ("The certificate that signs" not in morning)


@pytest.mark.django_db
def test_whoever_signs_nothing_is_told_of_no_certificate() -> None:
    entity = entity_under("nl", rsin="111222333")
    client = staff.at_desk(Role.APPROVER, entity)
    for page in ("desk-papers", "desk-morning"):
        shown = client.get(reverse(page, kwargs={"entity": entity.slug})).content.decode()
        assert "Certificate for receipts" not in shown
        assert "certificate to sign" not in shown


@pytest.mark.django_db
def test_without_a_certificate_who_has_no_address_for_mail_gets_theirs_on_paper() -> None:
    entity = entity_under("ca", registration_number=REGISTRATION)
    donation = donation_to(entity, Money(100_00, "CAD"))
    Donor.objects.filter(pk=donation.donor_id).update(email="")
    receipt = receipts.issue_receipt(Donation.objects.get(pk=donation.pk))
    assert not signing.is_closed(receipts.read_pdf(receipt))
    assert list(printing.waiting(entity)) == [receipt]


@pytest.mark.django_db
def test_a_copy_is_marked_and_closed_and_there_is_no_archive_file_of_it(certificate: Path) -> None:
    receipt = receipts.issue_receipt(canadian())
    by = staff.at_desk(Role.DONOR_CARE, receipt.donor.entity)
    address = reverse("desk-receipt", kwargs={"entity": receipt.donor.entity.slug, "number": receipt.number})
    assert by.get(address).content == receipts.read_pdf(receipt)
    copy = by.get(f"{address}?as=copy").content
    assert "COPY" in text_of_pdf(copy)
    assert signing.is_closed(copy)
    refused = by.get(f"{address}?as=archive", follow=True)
    assert "no PDF/A of a signed paper" in refused.content.decode()


@pytest.mark.django_db
def test_a_batch_to_print_holds_signed_papers_without_their_signatures(certificate: Path) -> None:
    entity = entity_under("ca", registration_number=REGISTRATION)
    donation = donation_to(entity, Money(100_00, "CAD"))
    Donor.objects.filter(pk=donation.donor_id).update(email="")
    receipt = receipts.issue_receipt(Donation.objects.get(pk=donation.pk))
    assert signing.is_closed(receipts.read_pdf(receipt))
    batch = printing.make_batch(entity, by=staff.make_person(Role.DONOR_CARE, entity=entity))
    printed = b"".join(printing._one_file(printing.table(entity, {"batch": str(batch.number)})))
    assert not reader(printed).is_encrypted
    assert receipt.number in text_of_pdf(printed)


@pytest.mark.django_db
def test_a_replacement_is_signed_as_well(certificate: Path) -> None:
    first = receipts.issue_receipt(canadian())
    second = receipts.replace_receipt(first, reason=EndReason.CORRECTED)
    assert signature_of(receipts.read_pdf(second), certificate).bottom_line
