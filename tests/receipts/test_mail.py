"""Receipts reach donors by mail: once, in their language, from a neutral sender, and in spite of outages."""

from __future__ import annotations

import smtplib
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import unescape
from io import BufferedRWPair

import pytest
from django.core import mail as outbox
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone
from pytest_django import Settings

from fundraising.money import Money
from receipts import receipts, tasks
from receipts.mail import delivery
from receipts.models import MailState, OutgoingMail, Receipt
from tests import factories

pytestmark = pytest.mark.django_db


def issued(locale: str = "en", **donor: str) -> Receipt:
    return receipts.issue_receipt(factories.received_donation(locale=locale, **donor)[0])  # type: ignore[arg-type]


def only_mail() -> OutgoingMail:
    return OutgoingMail.objects.get()


def last_message() -> EmailMultiAlternatives:
    message = outbox.outbox[-1]
    assert isinstance(message, EmailMultiAlternatives)
    return message


def only_message() -> EmailMultiAlternatives:
    assert len(outbox.outbox) == 1
    return last_message()


def later(wait: timedelta = timedelta(days=3)) -> None:
    """Let what waits be due."""
    for row in OutgoingMail.objects.all():
        OutgoingMail.objects.filter(pk=row.pk).update(next_attempt_at=row.next_attempt_at - wait)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """Errors the mail server will answer with, one for each message, before it works again."""
    errors: list[Exception] = []
    send = EmailBackend.send_messages

    def fail(self: EmailBackend, messages: list[EmailMultiAlternatives]) -> int:
        if errors:
            raise errors.pop(0)
        return int(send(self, messages))

    monkeypatch.setattr(EmailBackend, "send_messages", fail)
    return errors


# --- What it says -----------------------------------------------------------------------------------


def test_a_receipt_is_mailed_once_with_the_stored_document() -> None:
    receipt = issued(email="ada@example.org")
    assert (delivery.send_due(), delivery.send_due()) == (1, 0)
    (message,) = outbox.outbox
    assert message.to == ["ada@example.org"]
    assert message.attachments == [(f"{receipt.number}.pdf", receipts.read_pdf(receipt), "application/pdf")]
    assert message.message()["Message-ID"] == only_mail().message_id
    assert (only_mail().state, only_mail().attempts) == (MailState.SENT, 1)


@pytest.mark.parametrize(
    ("locale", "subject", "words"),
    [
        ("en", "Your receipt {}", ["Dear Ada", "€50", factories.NOT_DEDUCTIBLE["en"]]),
        ("it", "La tua ricevuta {}", ["Ada", "50 €", factories.NOT_DEDUCTIBLE["it"]]),
    ],
)
def test_a_mail_is_in_the_donors_language(locale: str, subject: str, words: list[str]) -> None:
    receipt = issued(locale)
    delivery.send_due()
    message = only_message()
    assert message.subject == subject.format(receipt.number)
    html = str(message.alternatives[0][0])
    for word in words:
        assert word in message.body.replace("\u00a0", " ")
        assert word in unescape(html).replace("\u00a0", " ")
    assert f"/{locale}/d/{receipt.sole_donation.uuid}/" in message.body


def test_an_inbox_does_not_out_a_donor() -> None:
    receipt = issued()
    delivery.send_due()
    (message,) = outbox.outbox
    assert message.from_email == "donations@lantern.example"  # no name that says more
    seen = f"{message.subject} {message.from_email}".lower()
    assert not any(word in seen for word in ("evacuation", "campaign", "a way out", "lantern action"))
    assert receipt.sole_donation.wording.title not in message.body


def test_a_name_full_of_markup_stays_text() -> None:
    issued(first_name="<b>Ada</b> & Co")
    delivery.send_due()
    message = only_message()
    assert "<b>Ada</b> & Co" in message.body
    assert "&lt;b&gt;Ada&lt;/b&gt; &amp; Co" in str(message.alternatives[0][0])


@pytest.mark.parametrize(("locale", "sentence"), [("en", "no longer valid"), ("it", "non è più valida")])
def test_a_donor_is_told_when_a_receipt_is_voided(locale: str, sentence: str) -> None:
    donation, charge = factories.received_donation(locale=locale)
    receipt = receipts.issue_receipt(donation)
    delivery.send_due()
    factories.refund(charge, donation.amount)
    tasks.issue_due()
    message = last_message()
    assert receipt.number in message.subject
    assert sentence in message.body
    assert sentence in str(message.alternatives[0][0])
    assert message.attachments == []


@pytest.mark.parametrize(
    ("locale", "sentence"), [("en", "is cancelled and replaced by receipt"), ("it", "annullata e sostituita")]
)
def test_a_donor_gets_the_receipt_that_replaces_another(locale: str, sentence: str) -> None:
    donation, charge = factories.received_donation(locale=locale)
    old = receipts.issue_receipt(donation)
    delivery.send_due()
    factories.refund(charge, Money(10_00, "EUR"))
    tasks.issue_due()
    message = last_message()
    new = old.replaced_by
    assert message.attachments[0][0] == f"{new.number}.pdf"
    assert sentence in message.body
    assert old.number in message.body
    assert len(outbox.outbox) == 2


# --- When it fails ----------------------------------------------------------------------------------


def test_after_a_failure_the_mail_waits_and_then_goes_out(broken: list[Exception]) -> None:
    issued()
    broken.append(smtplib.SMTPServerDisconnected("gone"))
    before = timezone.now()
    assert delivery.send_due() == 0
    mail = only_mail()
    assert (mail.state, mail.last_error) == (MailState.DUE, "SMTPServerDisconnected")
    assert mail.next_attempt_at > before + timedelta(seconds=50)
    assert delivery.send_due() == 0  # not before its time
    later()
    assert delivery.send_due() == 1
    assert (only_mail().state, only_mail().attempts, only_mail().last_error) == (MailState.SENT, 2, "")


def test_an_outage_costs_one_mail_an_attempt_and_not_all(broken: list[Exception]) -> None:
    for _ in range(3):
        issued()
    broken.append(ConnectionRefusedError())
    assert delivery.send_due() == 0
    assert sorted(OutgoingMail.objects.values_list("attempts", flat=True)) == [0, 0, 1]


def test_an_address_that_does_not_exist_is_not_tried_again_nor_written_down(broken: list[Exception]) -> None:
    issued(email="gone@example.org")
    issued()
    broken.append(smtplib.SMTPRecipientsRefused({"gone@example.org": (550, b"no gone@example.org here")}))
    assert delivery.send_due() == 1  # the other one
    failed = OutgoingMail.objects.get(state=MailState.FAILED)
    assert failed.last_error == "SMTPRecipientsRefused 550"


def test_a_mailbox_that_is_full_today_is_tried_again(broken: list[Exception]) -> None:
    issued()
    broken.append(smtplib.SMTPRecipientsRefused({"ada@example.org": (452, b"full")}))
    delivery.send_due()
    assert (only_mail().state, only_mail().last_error) == (MailState.DUE, "SMTPRecipientsRefused 452")


def test_a_mail_that_never_goes_out_ends_as_failed_and_the_desk_can_send_it_again(broken: list[Exception]) -> None:
    issued()
    broken.extend(smtplib.SMTPDataError(451, b"later") for _ in range(delivery.MAX_ATTEMPTS))
    for _ in range(delivery.MAX_ATTEMPTS):
        assert only_mail().state == MailState.DUE
        delivery.send_due()
        later()
    assert (only_mail().state, only_mail().attempts) == (MailState.FAILED, delivery.MAX_ATTEMPTS)
    assert delivery.send_due() == 0
    delivery.send_again(only_mail())
    assert delivery.send_due() == 1


def test_a_claim_whose_worker_died_lapses_and_the_mail_goes_out_with_the_same_id() -> None:
    issued()
    claimed = delivery._claim()
    assert claimed is not None
    assert delivery.send_due() == 0  # somebody may still be at it
    later(delivery.LEASE)
    assert delivery.send_due() == 1
    assert outbox.outbox[0].message()["Message-ID"] == claimed.message_id
    delivery._settle(claimed, state=MailState.DUE)  # the first worker was alive after all: too late
    assert only_mail().state == MailState.SENT


# --- A real mail server -----------------------------------------------------------------------------


class MailServer(threading.Thread):
    """As much of RFC 5321 as smtplib speaks, on a free port; refuses the first `refusals` messages with 451."""

    def __init__(self, refusals: int) -> None:
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.refusals = refusals
        self.messages: list[EmailMessage] = []

    def run(self) -> None:
        while True:
            try:
                client, _address = self.listener.accept()
            except OSError:
                return
            with client, client.makefile("rwb") as lines:
                self.talk(lines)

    def talk(self, lines: BufferedRWPair) -> None:
        def say(answer: str) -> None:
            lines.write(f"{answer}\r\n".encode())
            lines.flush()

        say("220 ready")
        while line := lines.readline():
            match line[:4].upper():
                case b"DATA":
                    say("354 go on")
                    say(self.take(b"".join(iter(lines.readline, b".\r\n"))))
                case b"QUIT":
                    say("221 bye")
                    break
                case _:
                    say("250 fine")

    def take(self, data: bytes) -> str:
        if self.refusals:
            self.refusals -= 1
            return "451 not now"
        message = message_from_bytes(data, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 taken"


@pytest.fixture
def mail_server(settings: Settings) -> Iterator[MailServer]:
    server = MailServer(refusals=1)
    server.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", server.port, False
    yield server
    server.listener.close()


def test_a_real_server_that_says_not_now_gets_the_mail_later(mail_server: MailServer) -> None:
    receipt = issued("it", first_name="Zoë", email="zoe@example.org")
    assert delivery.send_due() == 0
    assert only_mail().last_error == "SMTPDataError 451"
    later()
    assert delivery.send_due() == 1
    (message,) = mail_server.messages
    assert (message["To"], message["From"]) == ("zoe@example.org", "donations@lantern.example")
    (attachment,) = message.iter_attachments()
    assert attachment.get_content() == receipts.read_pdf(receipt)
    text = message.get_body(("plain",))
    assert text is not None
    assert "Zoë" in text.get_content()


def test_a_server_that_is_down_is_found_again_when_it_is_up(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_USE_TLS = "127.0.0.1", False
    issued()
    with socket.socket() as taken:  # so that nobody else listens there meanwhile
        taken.bind(("127.0.0.1", 0))
        settings.EMAIL_PORT = taken.getsockname()[1]
        assert delivery.send_due() == 0
    assert only_mail().last_error == "ConnectionRefusedError"
