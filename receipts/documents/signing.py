"""Papers that go out by mail signed and closed to changes, where a law wants that (`Regime.protected`).

Canada wants a receipt that is e-mailed to be readable, not to be changed, and signed digitally (CRA,
"Computer-generated receipts"). So the paper is encrypted with an empty password to read it and one to change it that
nobody keeps, and then certified with the installation's certificate: no change is allowed after it
(docs/adr/0215-signed-papers.md).

pyHanko takes most of a second to import, and only workers sign: it is imported where it is needed.
"""

from __future__ import annotations

import datetime
import io
import secrets
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID
from django.conf import settings
from django.utils import timezone
from pypdf import PdfReader, PdfWriter
from pypdf.constants import UserAccessPermissions

if TYPE_CHECKING:
    from pyhanko.sign.signers import SimpleSigner

HEADER: Final = "%PDF-1.7"
FIELD: Final = "Signature"
ENDS_SOON: Final = datetime.timedelta(days=60)  # before the last day of a certificate: long enough to get another
ROOM: Final = 8 * 1024  # bytes for a signature with its chain of certificates
YEARS: Final = 10  # that a self-signed certificate holds
CHANGES: Final = (
    UserAccessPermissions.MODIFY
    | UserAccessPermissions.ADD_OR_MODIFY
    | UserAccessPermissions.FILL_FORM_FIELDS
    | UserAccessPermissions.ASSEMBLE_DOC
)
ALLOWED: Final = UserAccessPermissions.all() & ~CHANGES  # read, print, copy text, read aloud


class NoCertificate(Exception):
    """The installation has no certificate to sign with that is valid today."""


@dataclass(frozen=True)
class Certificate:
    """What the installation signs with: whose it is and the last day that it is valid."""

    subject: str
    last_day: datetime.date


class Standing(StrEnum):
    """How the installation's certificate stands today."""

    NONE = "none"  # or one that cannot be read, or is not valid yet
    ENDED = "ended"
    ENDS_SOON = "ends_soon"
    VALID = "valid"


def certificate() -> Certificate:
    """What papers are signed with today; raises NoCertificate."""
    standing, held = look()
    if held is None or standing == Standing.ENDED:
        raise NoCertificate(standing.value)
    return held


def look() -> tuple[Standing, Certificate | None]:
    """How the certificate stands, and what it is, also after its last day."""
    try:
        held = _held(settings.RECEIPT_SIGNING_FILE, settings.RECEIPT_SIGNING_PASSPHRASE)
    except NoCertificate:
        return Standing.NONE, None
    now, end = timezone.now(), held.not_valid_after_utc
    if now < held.not_valid_before_utc:
        return Standing.NONE, None
    standing = Standing.ENDED if now >= end else Standing.ENDS_SOON if now >= end - ENDS_SOON else Standing.VALID
    return standing, Certificate(held.subject.rfc4514_string(), end.date())


def is_ready() -> bool:
    """Whether papers can be signed now."""
    try:
        certificate()
    except NoCertificate:
        return False
    return True


@lru_cache(maxsize=4)
def _held(file: str, passphrase: str) -> x509.Certificate:
    """The certificate in a PKCS #12 file; raises NoCertificate. Remembered: the file is read once a process."""
    try:
        key, held, _chain = pkcs12.load_key_and_certificates(Path(file).read_bytes(), passphrase.encode() or None)
    except (OSError, ValueError) as error:
        raise NoCertificate(type(error).__name__) from error
    if key is None or held is None:
        raise NoCertificate("no key with it")
    return held


@lru_cache(maxsize=4)
def _signer(file: str, passphrase: str) -> SimpleSigner:
    from pyhanko.sign.signers import SimpleSigner

    held, word = Path(file).read_bytes(), passphrase.encode() or None
    return SimpleSigner.load_pkcs12_data(held, other_certs=[], passphrase=word)  # type: ignore[no-any-return]


# --- Papers -----------------------------------------------------------------------------------------


def protected(document: bytes, *, place: str = "") -> bytes:
    """A paper signed and closed to changes; raises NoCertificate. Other bytes each time."""
    certificate()
    return _signed(closed(document), place)


def closed(document: bytes) -> bytes:
    """A paper that everybody can read, print and have read aloud, and that programs refuse to change (AES-256)."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(document)))
    writer.pdf_header = HEADER
    writer.encrypt("", secrets.token_urlsafe(32), permissions_flag=ALLOWED, algorithm="AES-256")
    return _written(writer)


def is_closed(document: bytes) -> bool:
    """Whether a paper is closed to changes."""
    return PdfReader(io.BytesIO(document)).is_encrypted


def opened(document: bytes) -> bytes:
    """The paper without signature and encryption, to make something else of it; one that has none stays as it is."""
    reader = PdfReader(io.BytesIO(document))
    if not reader.is_encrypted:
        return document
    before = reader.trailer.get("/Prev")  # where the table of what was signed begins; the signature is an update
    if before is not None:
        reader = PdfReader(io.BytesIO(document[: document.index(b"%%EOF", int(before)) + 6]))
    writer = PdfWriter(clone_from=reader)
    writer.pdf_header = HEADER
    writer._encryption = writer._encrypt_entry = None
    return _written(writer)


def _signed(document: bytes, place: str) -> bytes:
    """Certified, with a field that is not seen and not read out (PDF/UA-1, 7.18)."""
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import fields, signers

    writer = IncrementalPdfFileWriter(io.BytesIO(document))
    writer.encrypt("")  # type: ignore[no-untyped-call]  # as it is
    hidden = fields.InvisSigSettings(set_print_flag=False, set_hidden_flag=True)
    meta = signers.PdfSignatureMetadata(
        field_name=FIELD,
        certify=True,
        docmdp_permissions=fields.MDPPerm.NO_CHANGES,
        subfilter=fields.SigSeedSubFilter.PADES,
        location=place or None,
    )
    signer = _signer(settings.RECEIPT_SIGNING_FILE, settings.RECEIPT_SIGNING_PASSPHRASE)
    spec = fields.SigFieldSpec(FIELD, invis_sig_settings=hidden)
    made = signers.PdfSigner(meta, signer, new_field_spec=spec).sign_pdf(
        writer, bytes_reserved=ROOM * 2
    )  # in hex digits
    return bytes(made.getvalue())


def _written(writer: PdfWriter) -> bytes:
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


# --- A certificate of one's own ---------------------------------------------------------------------


def self_signed(name: str, passphrase: str) -> bytes:
    """A new key with a certificate that vouches for itself, as PKCS #12: readers show who signed, and trust nobody."""
    key = ec.generate_private_key(ec.SECP256R1())  # signs many times as fast as RSA
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = timezone.now()
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    held = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=365 * YEARS))
        .add_extension(usage, critical=True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    closed_by: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        closed_by = serialization.BestAvailableEncryption(passphrase.encode())
    return pkcs12.serialize_key_and_certificates(name.encode(), key, held, None, closed_by)
