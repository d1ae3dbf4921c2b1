"""The statement's exact bytes, and that whatever is changed of it breaks the signature."""

from __future__ import annotations

import base64
import shutil
import subprocess
import unicodedata
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from fundraising.seals import statements
from fundraising.seals.statements import Statement, StatementRefused, code_of, fingerprint, pem, read_key, verifies
from tests.fundraising.seals.kits import Pair, encoded

STATEMENT = Statement(
    addresses={"it": "https://give.example/it/a/via/", "en": "https://give.example/en/a/way/"},
    appeal="6f1c1c2e-0d8a-4c5f-9a0a-5b8f2f1f7a11",
    key=encoded(bytes(32)),
    organisation={"name": "Lantern Action", "registration": "EIN 00-1234567"},
    partner="Lighthouse",
    texts={"en": 'They said: "yes".', "it": "Perché sì"},
    valid_from=date(2026, 3, 1),
    valid_until=date(2027, 2, 28),
)
SPELT = (
    '{"addresses":{"en":"https://give.example/en/a/way/","it":"https://give.example/it/a/via/"},'
    '"appeal":"6f1c1c2e-0d8a-4c5f-9a0a-5b8f2f1f7a11","format":"openappeal-seal-1",'
    '"key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",'
    '"organisation":{"name":"Lantern Action","registration":"EIN 00-1234567"},"partner":"Lighthouse",'
    '"texts":{"en":"They said: \\"yes\\".","it":"Perché sì"},"valid_from":"2026-03-01","valid_until":"2027-02-28"}'
)
OPENSSL = shutil.which("openssl")


def test_a_statement_has_one_spelling_and_is_read_back_from_it() -> None:
    assert STATEMENT.text() == SPELT
    assert Statement.read(SPELT) == STATEMENT


@pytest.mark.parametrize(
    "other",
    [
        SPELT.replace('","', '", "', 1),
        SPELT.replace("é", "\\u00e9"),
        unicodedata.normalize("NFD", SPELT),
        SPELT.replace('"valid_from":"2026-03-01",', ""),
        SPELT[:-1] + ',"more":"yes"}',
        SPELT.replace("seal-1", "seal-2"),
        SPELT.replace('"Lighthouse"', "1.5"),
        SPELT.replace("2026-03-01", "20260301"),
        SPELT.replace("yes", "yes\\n"),
        "[]", "null", "", "{", "x" * 40,
    ],
)  # fmt: skip
def test_no_other_spelling_is_a_statement(other: str) -> None:
    assert other != SPELT
    with pytest.raises(StatementRefused):
        Statement.read(other)


@pytest.mark.parametrize(
    "changed",
    [
        {"addresses": {"en": "https://give.example/en/a/other/"}},
        {"addresses": {**STATEMENT.addresses, "de": "https://give.example/de/a/weg/"}},
        {"appeal": "6f1c1c2e-0d8a-4c5f-9a0a-5b8f2f1f7a12"},
        {"key": encoded(bytes(31) + b"1")},
        {"organisation": {"name": "Lantern Actions", "registration": "EIN 00-1234567"}},
        {"organisation": {"name": "Lantern Action", "registration": "EIN 00-1234568"}},
        {"partner": ""},
        {"partner": "lighthouse"},
        {"texts": {"en": 'They said: "yes" .', "it": "Perché sì"}},
        {"texts": {"en": 'They said: "yes".', "it": "Perche sì"}},
        {"valid_from": date(2026, 2, 28)},
        {"valid_until": date(2027, 3, 1)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_whatever_is_changed_of_a_statement_its_signature_is_no_longer_good(changed: dict[str, Any]) -> None:
    pair = Pair()
    signature = pair.sign(SPELT)
    assert verifies(pair.public, SPELT, signature)
    assert not verifies(pair.public, replace(STATEMENT, **changed).text(), signature)


def test_another_key_another_signature_and_none_at_all_are_not_good() -> None:
    pair, stranger = Pair(), Pair()
    signature = pair.sign(SPELT)
    raw = bytearray(base64.b64decode(signature))
    raw[0] ^= 1
    assert not verifies(stranger.public, SPELT, signature)
    assert not verifies(pair.public, SPELT, stranger.sign(SPELT))
    assert not verifies(pair.public, SPELT, encoded(bytes(raw)))
    assert not verifies(pair.public, SPELT, "")
    assert not verifies(pair.public, SPELT, "no base64")


def test_one_text_in_two_forms_of_unicode_is_one_statement() -> None:
    apart = unicodedata.normalize("NFD", "Perché sì")
    assert apart != "Perché sì"
    assert replace(STATEMENT, texts={**STATEMENT.texts, "it": apart}).text() == SPELT


def test_texts_with_line_breaks_or_invisible_commands_are_no_statement() -> None:
    for text in ("two\nlines", "tab\there", "nul\0", "line\u2028separator"):
        with pytest.raises(ValueError, match="control"):
            replace(STATEMENT, partner=text).text()


def test_keys_are_read_from_base64_and_from_pem_and_nothing_else_is_a_key() -> None:
    pair = Pair()
    assert read_key(f" {pair.public}\n") == pair.public
    assert read_key(pem(pair.public).decode()) == pair.public
    for wrong in ("", "x", encoded(bytes(31)), encoded(bytes(33)), "-----BEGIN PUBLIC KEY-----\nMA==\n"):
        with pytest.raises(StatementRefused, match="key"):
            read_key(wrong)
    with pytest.raises(StatementRefused, match="private_key"):
        read_key("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----")


def test_signatures_are_read_as_bytes_and_as_base64() -> None:
    raw = bytes(range(64))
    assert statements.read_signature(raw) == statements.read_signature(encoded(raw).encode() + b"\n") == encoded(raw)
    for wrong in (b"", raw[:-1], raw + b"1", "x", encoded(raw[:-1])):
        with pytest.raises(StatementRefused, match="signature"):
            statements.read_signature(wrong)


def test_the_code_is_of_the_statement_and_the_fingerprint_of_the_key() -> None:
    assert len(code_of(SPELT)) == statements.CODE_LETTERS
    assert code_of(SPELT) != code_of(SPELT.replace("Perch", "perch"))
    # SHA-256 of 32 zero bytes, known everywhere.
    assert fingerprint(STATEMENT.key).startswith("6668 7aad f862 bd77")


@pytest.mark.skipif(OPENSSL is None, reason="OpenSSL is not installed")
def test_openssl_signs_what_we_accept_and_accepts_what_we_show(tmp_path: Path) -> None:
    def openssl(*arguments: str) -> bytes:
        return subprocess.run([str(OPENSSL), *arguments], cwd=tmp_path, check=True, capture_output=True).stdout

    openssl("genpkey", "-algorithm", "ed25519", "-out", "partner-key.pem")
    public = read_key(openssl("pkey", "-in", "partner-key.pem", "-pubout").decode())
    (tmp_path / "statement.json").write_bytes(SPELT.encode())
    openssl("pkeyutl", "-sign", "-inkey", "partner-key.pem", "-rawin", "-in", "statement.json", "-out", "signature.bin")
    signature = statements.read_signature(openssl("base64", "-A", "-in", "signature.bin"))
    assert verifies(public, SPELT, signature)

    (tmp_path / "key.pem").write_bytes(pem(public))
    check = ("pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin", "-in", "statement.json")
    assert b"Verified Successfully" in openssl(*check, "-sigfile", "signature.bin")
    der = openssl("pkey", "-pubin", "-in", "key.pem", "-outform", "DER")
    (tmp_path / "raw").write_bytes(der[-32:])
    assert fingerprint(public).replace(" ", "") in openssl("dgst", "-sha256", "raw").decode()
    (tmp_path / "statement.json").write_bytes(SPELT.replace("Lighthouse", "Lighthousf").encode())
    with pytest.raises(subprocess.CalledProcessError):
        openssl(*check, "-sigfile", "signature.bin")
