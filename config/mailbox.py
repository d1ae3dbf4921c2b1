"""The demo's place to see what was mailed: files that the mail backend wrote. Not in production."""

from __future__ import annotations

import email
import email.policy
import json
import time
from collections.abc import Iterator
from email.message import EmailMessage
from itertools import islice
from pathlib import Path
from typing import Any, Final

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from fundraising import content

TOTP_PERIOD: Final = 30
# The file backend ends each message with such a line, and writes the messages of one connection to one file.
END = b"\n" + b"-" * 79 + b"\n"


def _messages() -> Iterator[tuple[str, EmailMessage]]:
    """Every message with its id (file and place in it), newest first."""
    files = sorted(Path(settings.MAIL_DIR).glob("*.log"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files:
        raw = file.read_bytes().split(END)[:-1]
        for place in reversed(range(len(raw))):
            yield f"{file.stem}-{place}", email.message_from_bytes(raw[place], policy=email.policy.default)


def _row(mail_id: str, message: EmailMessage) -> dict[str, Any]:
    return {
        "id": mail_id,
        "subject": message["Subject"],
        "to": message["To"],
        "date": message["Date"],
        "attachments": len(list(message.iter_attachments())),
    }


def _find(mail_id: str) -> EmailMessage:
    for found, message in _messages():
        if found == mail_id:
            return message
    raise Http404


@require_safe
def mails(request: HttpRequest) -> HttpResponse:
    return render(request, "demo/mail_list.html", {"mails": [_row(*mail) for mail in islice(_messages(), 200)]})


@require_safe
def mail(request: HttpRequest, mail_id: str) -> HttpResponse:
    message = _find(mail_id)
    body = message.get_body(("plain",))
    attachments = [
        {"name": part.get_filename(), "url": f"{index}/", "size": len(part.get_payload(decode=True) or b"")}
        for index, part in enumerate(message.iter_attachments())
    ]
    context = {
        "subject": message["Subject"],
        "from": message["From"],
        "to": message["To"],
        "date": message["Date"],
        "text": body.get_content() if body else "",
        "attachments": attachments,
    }
    return render(request, "demo/mail_detail.html", context)


@require_safe
def attachment(request: HttpRequest, mail_id: str, index: int) -> HttpResponse:
    parts = list(_find(mail_id).iter_attachments())
    if index >= len(parts):
        raise Http404
    response = HttpResponse(parts[index].get_payload(decode=True), content_type=parts[index].get_content_type())
    response["Content-Disposition"] = f'inline; filename="{parts[index].get_filename()}"'
    return response


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """What to try, with the demo's accounts."""
    file = Path(settings.STATE_DIR) / "demo.json"
    demo = json.loads(file.read_text()) if file.exists() else {"accounts": []}
    appeals = [card for campaign in content.home_content("en") for card in campaign.appeals]
    accounts = [{**account, "code": _code(account.get("secret", ""))} for account in demo["accounts"]]
    context = {"accounts": accounts, "appeals": appeals, "seconds": TOTP_PERIOD - int(time.time()) % TOTP_PERIOD}
    response = render(request, "demo/start.html", context)
    response["Cache-Control"] = "no-store"
    return response


def _code(secret: str) -> str:
    """What an authenticator app with this secret shows now."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // TOTP_PERIOD))) if secret else ""


urlpatterns = [
    path("", start),
    path("mail/", mails),
    path("mail/<slug:mail_id>/", mail),
    path("mail/<slug:mail_id>/<int:index>/", attachment),
]
