"""The vault: personal fields are encrypted in the database, and found by a keyed blind index.

A value reads `v1:<key id>:<base64 of nonce and AES-256-GCM ciphertext>`. The key id lets keys rotate:
new values take the first key of FIELD_KEYS, old ones are read with theirs. The column's name is
authenticated with the value, so that a ciphertext moved to another column does not open.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
import unicodedata
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

VERSION = "v1"


class SealedError(Exception):
    """A stored value does not open: its key is unknown or it was altered."""


@lru_cache(maxsize=4)
def _keys(spec: str) -> dict[str, AESGCM]:
    pairs = (item.strip().split(":", 1) for item in spec.split(","))
    return {kid: AESGCM(base64.b64decode(key, validate=True)) for kid, key in pairs}


def check_keys() -> None:
    """Raise ImproperlyConfigured for unusable FIELD_KEYS at the start, not at the first donation."""
    try:
        usable = all(re.fullmatch(r"[\w-]+", kid) for kid in _keys(settings.FIELD_KEYS))
    except ValueError:
        usable = False
    if not usable:
        raise ImproperlyConfigured("FIELD_KEYS must read kid:base64[,kid2:base64…], each key 16, 24 or 32 bytes.")


def seal(text: str, context: str) -> str:
    """Encrypt `text` for `context` (table.column) with the active key; empty stays empty."""
    if not text:
        return ""
    kid, cipher = next(iter(_keys(settings.FIELD_KEYS).items()))
    nonce = secrets.token_bytes(12)
    sealed = nonce + cipher.encrypt(nonce, text.encode(), context.encode())
    return f"{VERSION}:{kid}:{base64.b64encode(sealed).decode()}"


def unseal(value: str, context: str) -> str:
    """The text behind a sealed value; raises SealedError."""
    if not value:
        return ""
    try:
        version, kid, body = value.split(":", 2)
        raw = base64.b64decode(body)
        if version != VERSION:
            raise SealedError(f"unknown vault version {version!r}")
        return _keys(settings.FIELD_KEYS)[kid].decrypt(raw[:12], raw[12:], context.encode()).decode()
    except (KeyError, ValueError, InvalidTag) as error:
        raise SealedError(f"a value of {context} does not open") from error


def seal_bytes(data: bytes, context: str) -> bytes:
    """Encrypt a document for `context`: `v1:<key id>:` and then the raw nonce and ciphertext."""
    kid, cipher = next(iter(_keys(settings.FIELD_KEYS).items()))
    nonce = secrets.token_bytes(12)
    return f"{VERSION}:{kid}:".encode() + nonce + cipher.encrypt(nonce, data, context.encode())


def unseal_bytes(value: bytes, context: str) -> bytes:
    """The document behind `seal_bytes`; raises SealedError."""
    try:
        version, kid, raw = value.split(b":", 2)
        if version != VERSION.encode():
            raise SealedError(f"unknown vault version {version!r}")
        return _keys(settings.FIELD_KEYS)[kid.decode()].decrypt(raw[:12], raw[12:], context.encode())
    except (KeyError, ValueError, InvalidTag) as error:
        raise SealedError(f"a document of {context} does not open") from error


def first_key() -> str:
    """The id of the key that new values take."""
    return next(iter(_keys(settings.FIELD_KEYS)))


def reseal(value: str, context: str) -> str:
    """A sealed value under the first key; raises SealedError."""
    return seal(unseal(value, context), context)


def reseal_bytes(value: bytes, context: str) -> bytes:
    """A sealed document under the first key; raises SealedError."""
    return seal_bytes(unseal_bytes(value, context), context)


def key_of(value: str) -> str:
    """The key id that a sealed value needs."""
    return value.split(":", 2)[1] if value else ""


def blind_index(*parts: str) -> str:
    """A keyed hash by which equal texts are found without being read; letter case and form do not matter."""
    text = "\x1f".join(unicodedata.normalize("NFKC", part).strip().casefold() for part in parts)
    return hmac.digest(settings.INDEX_KEY.encode(), text.encode(), "sha256").hex()


def blind_words(*texts: str) -> list[str]:
    """A blind index of each word of the texts, once and in no telling order: they are found by any word of theirs."""
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", " ".join(texts)).casefold())
    return sorted({blind_index("word", word) for word in words})


class SealedTextField(models.TextField):  # type: ignore[type-arg]  # not subscriptable at run time
    """Text that is encrypted at rest. It cannot be searched; keep a blind index beside it."""

    def _context(self) -> str:
        return f"{self.model._meta.db_table}.{self.column}"

    def get_prep_value(self, value: Any) -> Any:
        return seal(value, self._context()) if value is not None else None

    def from_db_value(self, value: str | None, expression: object, connection: BaseDatabaseWrapper) -> str | None:
        return unseal(value, self._context()) if value is not None else None
