"""Importing bank statements: upload, look at what the file holds, confirm or cancel, watch a worker."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from fundraising.bank import uploads
from fundraising.bank.formats import LARGEST_FILE
from fundraising.bank.preview import Preview
from fundraising.bank.problems import BadStatement, Problem
from fundraising.bank.statements import OtherThanSeen
from fundraising.desk import Desk, desk_page, render
from fundraising.desk.bank_pages import account_of
from fundraising.models import HELD, BankAccount, Upload, UploadState
from fundraising.roles import May
from payments.bank import imports as bank_imports

View = Callable[..., HttpResponseBase]
FORM_BYTES = 100_000  # of a form around its file


def bounded(view: View) -> View:
    """Refuse a body that is too large before a byte of it is read; whoever sends it is checked after that."""
    protected = csrf_protect(view)

    @csrf_exempt
    @wraps(view)
    def measured(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if request.method == "POST" and not (length.isdigit() and 0 < int(length) <= LARGEST_FILE + FORM_BYTES):
            problem = BadStatement(Problem.TOO_LARGE, None, f"{LARGEST_FILE // 1024 // 1024} MB")
            messages.error(request, problem.message)
            return redirect(request.path)
        return protected(request, **kwargs)

    return measured


@bounded
@require_http_methods(["GET", "HEAD", "POST"])
@desk_page(May.MATCH_BANK)
def import_page(request: HttpRequest, desk: Desk, account: str) -> HttpResponse:
    """Upload a statement: nothing is imported yet. What is wrong with a file is said here, with its line."""
    found = account_of(desk, account)
    problem = ""
    if request.method == "POST":
        try:
            upload = _upload(request, desk, found)
        except BadStatement as error:
            problem = error.message
        else:
            return redirect("desk-upload", entity=desk.entity.slug, uuid=upload.uuid)
    waiting = Upload.objects.filter(bank_account=found, by=desk.user, state__in=HELD).defer("sealed_bytes")
    context = {"account": found, "problem": problem, "waiting": waiting.order_by("-pk")}
    return render(request, desk, "desk/bank_import.html", context, status=422 if problem else 200)


def _upload(request: HttpRequest, desk: Desk, account: BankAccount) -> Upload:
    """Hold the file; a small one is read at once. Raises BadStatement."""
    file = request.FILES.get("file")
    if file is None:
        raise BadStatement(Problem.EMPTY)
    data = file.read()
    found = None if uploads.is_large(data) else bank_imports.read(account, data)
    return uploads.hold(account, name=file.name or "", data=data, by=desk.user, found=found)


def _mine(desk: Desk, uuid: UUID) -> Upload:
    """An upload of this person at this desk, or 404."""
    rows = Upload.objects.filter(bank_account__entity=desk.entity, by=desk.user).defer("sealed_bytes")
    return get_object_or_404(rows.select_related("bank_account__entity", "statement"), uuid=uuid)


@require_safe
@desk_page(May.MATCH_BANK)
def upload_page(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """What a file holds and what its import would do; or how far a worker is with it; or what became of it."""
    upload = _mine(desk, uuid)
    if upload.statement:
        return redirect("desk-statement", entity=desk.entity.slug, uuid=upload.statement.uuid)
    problem = uploads.problem_of(upload)
    context = {
        "upload": upload,
        "account": upload.bank_account,
        "preview": Preview(upload.found, upload.bank_account.currency) if upload.found else None,
        "problem": problem.message if problem else "",
        "going": upload.state in {UploadState.READING, UploadState.IMPORTING},
        "waits": upload.state == UploadState.READY,
    }
    return render(request, desk, "desk/bank_upload.html", context)


@require_POST
@desk_page(May.MATCH_BANK)
def confirm(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """Import what was looked at, all or nothing; what is certain is matched, and the next page says what came of it."""
    upload = _mine(desk, uuid)
    try:
        statement = uploads.confirm(upload, by=desk.user)
    except uploads.NotWaiting:
        messages.info(request, gettext("This file does not wait any more."))
    except BadStatement:
        pass  # its page says why
    except OtherThanSeen:
        _look_again(request, upload)
    else:
        if statement:
            _tell(request, bank_imports.match_at_once(upload.bank_account))
    return redirect("desk-upload", entity=desk.entity.slug, uuid=uuid)


def _look_again(request: HttpRequest, upload: Upload) -> None:
    try:
        uploads.see_again(upload, bank_imports.read(upload.bank_account, uploads.bytes_of(upload)))
    except BadStatement as problem:
        uploads.refuse(upload, problem)
    else:
        messages.error(request, gettext("Others have imported meanwhile. Nothing was imported: look at it again."))


def _tell(request: HttpRequest, matched: bank_imports.Matched) -> None:
    told = {"donations": matched.donations, "payouts": matched.payouts}
    words = gettext("Imported. Matched by themselves: donations %(donations)d, payouts %(payouts)d.") % told
    messages.success(request, f"{words} {gettext('More follow within minutes.')}" if matched.more else words)


@require_POST
@desk_page(May.MATCH_BANK)
def cancel(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """Let go of a file: nothing of it was imported."""
    upload = _mine(desk, uuid)
    try:
        uploads.cancel(upload, by=desk.user)
    except uploads.NotWaiting:
        messages.info(request, gettext("This file does not wait any more."))
        return redirect("desk-upload", entity=desk.entity.slug, uuid=uuid)
    messages.success(request, gettext("Cancelled. Nothing was imported."))
    return redirect("desk-bank-import", entity=desk.entity.slug, account=upload.bank_account.slug)
