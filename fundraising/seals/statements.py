"""The statement that a partner signs, its exact bytes, and the check of the signature (Ed25519, RFC 8032).

The bytes are UTF-8 JSON (RFC 8259): one object whose values are strings or objects of strings; keys sorted by code
point; no white space between tokens; every text in Unicode's form C, on one line; of the characters only `"` and `\\`
are escaped. So one statement has one spelling, and whoever has the bytes needs nothing of ours to check them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

FORMAT: Final = "openappeal-seal-1"
CODE_LETTERS: Final = 12  # 60 bits: nobody finds a second statement with the same code by chance
MOST_DAYS: Final = 366 * 2
_KEY_BYTES, _SIGNATURE_BYTES = 32, 64


class StatementRefused(Exception):
    """The text is no statement, the key no key or the signature none; `code` says which."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What a partner says of an appeal. Days are of UTC, both included."""

    addresses: Mapping[str, str]  # by language: the pages where the appeal collects
    appeal: str  # its UUID
    key: str  # the public key, base64 of 32 bytes
    organisation: Mapping[str, str]  # the legal entity that collects: name, registration
    partner: str  # its public name; empty where that is withheld for safety
    texts: Mapping[str, str]  # by language: the partner's words
    valid_from: date
    valid_until: date

    def text(self) -> str:
        """The text whose UTF-8 bytes are signed."""
        plain = {**asdict(self), "format": FORMAT}
        plain |= {"valid_from": self.valid_from.isoformat(), "valid_until": self.valid_until.isoformat()}
        return json.dumps(_normal(plain), ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @classmethod
    def read(cls, text: str) -> Statement:
        """The statement of a text; raises StatementRefused `statement` unless it is spelt exactly as `text` does."""
        try:
            fields: dict[str, Any] = json.loads(text)
            if fields.pop("format") != FORMAT:
                raise ValueError
            for name in ("valid_from", "valid_until"):
                fields[name] = date.fromisoformat(fields[name])
            found = cls(**fields)
            if found.text() != text:
                raise ValueError
        except (ValueError, TypeError, KeyError, AttributeError):
            raise StatementRefused("statement") from None
        return found


def _normal(value: Any) -> Any:
    """Strings and objects of strings in Unicode's form C, on one line; anything else is no part of a statement."""
    if isinstance(value, Mapping):
        return {_normal(name): _normal(one) for name, one in value.items()}
    if not isinstance(value, str):
        raise TypeError(value)
    text = unicodedata.normalize("NFC", value)
    if any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in text):
        raise ValueError("control character")
    return text


@lru_cache(maxsize=1024)
def verifies(public_key: str, text: str, signature: str) -> bool:
    """Whether the signature is the key's and of these bytes. Of its arguments alone, so it may be remembered."""
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        key.verify(base64.b64decode(signature, validate=True), text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def code_of(text: str) -> str:
    """A short code for the statement, for posters and the telephone: letters and digits of its SHA-256."""
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode()[:CODE_LETTERS]


def in_groups(text: str) -> str:
    """In groups of four, for people."""
    return " ".join(re.findall(".{1,4}", text))


def fingerprint(public_key: str) -> str:
    """SHA-256 of the 32 bytes of the key, in hexadecimal, in groups of four."""
    return in_groups(hashlib.sha256(base64.b64decode(public_key)).hexdigest())


def pem(public_key: str) -> bytes:
    """The key as OpenSSL reads it."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key))
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def read_key(text: str) -> str:
    """A public key as it is kept, from base64 of its 32 bytes or from PEM; raises StatementRefused `key`."""
    try:
        if "BEGIN PRIVATE KEY" in text:
            raise StatementRefused("private_key")
        if "BEGIN PUBLIC KEY" in text:
            key = load_pem_public_key(text.strip().encode())
            if not isinstance(key, Ed25519PublicKey):
                raise StatementRefused("key")
            return base64.b64encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
        return _base64(text, _KEY_BYTES, "key")
    except ValueError:
        raise StatementRefused("key") from None


def read_signature(given: str | bytes) -> str:
    """A signature as it is kept, from its 64 bytes or their base64; raises StatementRefused `signature`."""
    if isinstance(given, bytes):
        if len(given) == _SIGNATURE_BYTES:
            return base64.b64encode(given).decode()
        given = given.decode("ascii", "replace")
    return _base64(given, _SIGNATURE_BYTES, "signature")


def _base64(text: str, length: int, what: str) -> str:
    try:
        raw = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise StatementRefused(what) from None
    if len(raw) != length:
        raise StatementRefused(what)
    return base64.b64encode(raw).decode()
