"""The demo's mailbox shows every message, also those that one connection wrote into one file."""

from pathlib import Path

import pytest
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.test import Client


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(settings, "MAIL_DIR", tmp_path)
    return tmp_path


def test_mails_sent_over_one_connection_are_listed_one_by_one_with_their_attachments(
    client: Client, folder: Path
) -> None:
    backend = get_connection("django.core.mail.backends.filebased.EmailBackend", file_path=str(folder))
    backend.open()
    for number in range(3):
        message = EmailMessage(f"Receipt {number}", "Thank you.", "us@example.org", ["ada@example.org"])
        message.attach(f"{number}.pdf", b"%PDF-1.7", "application/pdf")
        backend.send_messages([message])
    backend.close()
    page = client.get("/demo/mail/").content.decode()
    assert [page.count(f"Receipt {number}") for number in range(3)] == [1, 1, 1]
    first = page.split('href="/demo/mail/')[1].split('"')[0]
    mail = client.get(f"/demo/mail/{first}")
    assert b"Receipt 2" in mail.content
    assert b"2.pdf" in mail.content
    paper = client.get(f"/demo/mail/{first}0/")
    assert (paper["Content-Type"], paper.content) == ("application/pdf", b"%PDF-1.7")


def test_a_mail_that_does_not_exist_is_not_found(client: Client, folder: Path) -> None:
    assert client.get("/demo/mail/20260101-1-0/").status_code == 404
