"""What tests of the paper share."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from receipts.documents import signing


@pytest.fixture(scope="session")
def certificate_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key with a certificate that vouches for itself."""
    path = tmp_path_factory.mktemp("signing") / "receipts.p12"
    path.write_bytes(signing.self_signed("Cedar Relief", "for tests"))
    return path


@pytest.fixture
def certificate(certificate_file: Path, settings: Settings) -> Path:
    """The installation signs with a certificate of its own."""
    settings.RECEIPT_SIGNING_FILE = str(certificate_file)
    settings.RECEIPT_SIGNING_PASSPHRASE = "for tests"
    return certificate_file
