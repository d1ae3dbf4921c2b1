"""What a mail provider tells: delivered, came back, complained of; twice, too early, in any order, of unknown mails."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest
from anymail.backends.test import EmailBackend
from anymail.exceptions import AnymailAPIError, AnymailRecipientsRefused
from anymail.signals import RejectReason
from anymail.webhooks.postmark import PostmarkTrackingWebhookView
from django.core import mail as outbox
from django.core.exceptions import SuspiciousOperation
from django.test import RequestFactory
from pytest_django import Settings

from fundraising.models import Role
from receipts import receipts
from receipts.desk.problems import of_mail
from receipts.mail import delivery, events
from receipts.models import MailEvent, MailState, OutgoingMail, Receipt
from tests import factories, staff

pytestmark = pytest.mark.django_db
SECRET = "postmark:long-and-secret"


@pytest.fixture(autouse=True)
def provider(settings: Settings) -> None:
    """A provider of django-anymail that takes every mail and numbers it."""
    settings.EMAIL_BACKEND = "anymail.backends.test.EmailBackend"
    settings.ANYMAIL = {"WEBHOOK_SECRET": SECRET, "SEND_DEFAULTS": {"track_opens": False, "track_clicks": False}}
    # So that the numbers of one test are not those of another.
    outbox.outbox[:] = []


def sent() -> OutgoingMail:
    """A receipt's mail that the provider took."""
    receipts.issue_receipt(factories.received_donation()[0])
    delivery.send_due()
    return OutgoingMail.objects.get(state=MailState.SENT)


def told(provider_id: str, kind: str = "Delivery", *, minute: int = 0, secret: str = SECRET, **more: Any) -> int:
    """The provider's webhook, as Postmark writes it."""
    at = datetime(2026, 4, 1, 12, minute, tzinfo=UTC).isoformat()
    event = {"RecordType": kind, "MessageID": provider_id, "DeliveredAt": at, "BouncedAt": at, **more}
    basic = base64.b64encode(secret.encode()).decode()
    request = RequestFactory().post(
        "/", json.dumps(event), content_type="application/json", headers={"Authorization": f"Basic {basic}"}
    )
    return int(PostmarkTrackingWebhookView.as_view()(request).status_code)


def bounced(provider_id: str, **more: Any) -> int:
    return told(provider_id, "Bounce", Type="HardBounce", Email="ada@example.org", ID=7, **more)


def test_a_mail_shows_that_it_was_delivered() -> None:
    mail = sent()
    assert mail.provider_id == "0"
    told(mail.provider_id)
    mail.refresh_from_db()
    assert (mail.state, mail.delivered_at) == (MailState.SENT, datetime(2026, 4, 1, 12, tzinfo=UTC))


def test_a_mail_that_came_back_waits_at_the_desk_and_can_be_sent_again() -> None:
    mail = sent()
    bounced(mail.provider_id)
    mail.refresh_from_db()
    assert (mail.state, mail.last_error) == (MailState.BOUNCED, "bounced bounced")
    entity = mail.receipt.donor.entity  # type: ignore[union-attr]
    page = staff.at_desk(Role.FINANCE, entity).get(f"/desk/{entity.slug}/failed/").content.decode()
    assert "Ask the donor for another address." in page
    delivery.send_again(mail)
    delivery.send_due()
    mail.refresh_from_db()
    assert (mail.state, mail.provider_id, mail.delivered_at) == (MailState.SENT, "1", None)


@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_whatever_the_order_a_mail_that_came_back_came_back(order: tuple[int, ...]) -> None:
    mail = sent()
    tell = [
        lambda: told(mail.provider_id, minute=1),
        lambda: bounced(mail.provider_id, minute=2),
        lambda: told(mail.provider_id, "SpamComplaint", Type="SpamComplaint", minute=3),
    ]
    for one in order:
        tell[one]()
        tell[one]()
    mail.refresh_from_db()
    assert (mail.state, mail.last_error) == (MailState.BOUNCED, "complained spam")
    assert mail.delivered_at is not None
    assert MailEvent.objects.count() == 3


def test_an_event_that_is_faster_than_our_own_note_is_not_lost() -> None:
    bounced("0")
    mail = OutgoingMail.objects.get(pk=_sent_at_once().pk)
    assert mail.state == MailState.BOUNCED


def _sent_at_once() -> OutgoingMail:
    receipts.issue_receipt(factories.received_donation()[0])
    delivery.send_due()
    return OutgoingMail.objects.get()


def test_an_event_of_an_unknown_mail_is_kept_and_answered() -> None:
    assert bounced("of-somebody-else") == 200
    assert MailEvent.objects.get().provider_id == "of-somebody-else"


def test_opens_and_clicks_are_neither_asked_for_nor_kept() -> None:
    mail = sent()
    message: Any = outbox.outbox[0]
    assert message.anymail_test_params["track_opens"] is False
    assert message.anymail_test_params["track_clicks"] is False
    told(mail.provider_id, "Open", UserAgent="a reader")
    assert not MailEvent.objects.exists()


def test_no_event_keeps_the_address() -> None:
    bounced("0", Description="user ada@example.org unknown")
    assert "ada@example" not in str([vars(event) for event in MailEvent.objects.all()])


def test_who_does_not_know_the_secret_tells_nothing() -> None:
    with pytest.raises(SuspiciousOperation):
        bounced("0", secret="somebody:else")
    assert not MailEvent.objects.exists()


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (AnymailAPIError("no such mailbox", status_code=422), MailState.FAILED),
        (AnymailRecipientsRefused("blocked"), MailState.FAILED),
        (AnymailAPIError("too many requests", status_code=429), MailState.DUE),
        (AnymailAPIError("we are down", status_code=503), MailState.DUE),
        (AnymailAPIError("not reached"), MailState.DUE),
    ],
)
def test_a_provider_that_refuses_a_mail_is_not_one_that_is_down(
    error: Exception, state: MailState, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object) -> None:
        raise error

    monkeypatch.setattr(EmailBackend, "post_to_esp", refuse)
    receipts.issue_receipt(factories.received_donation()[0])
    assert delivery.send_due() == 0
    mail = OutgoingMail.objects.get()
    assert (mail.state, mail.attempts) == (state, 1)
    assert Receipt.objects.get().state == "issued"


def test_every_way_a_mail_fails_is_put_into_words_and_what_our_own_server_said_stays() -> None:
    reasons = [text for name, text in vars(RejectReason).items() if name.isupper()]
    assert len(reasons) > 5
    for kind in events.CAME_BACK:
        for error in (kind, *(f"{kind} {reason}" for reason in reasons)):
            assert of_mail(error) != error
    assert of_mail("SMTPServerDisconnected") == "SMTPServerDisconnected"
