"""The bank's pages of the desk: accounts and their set-up, statements and rolling them back, lines.

Importing and matching need payouts too: config/desk/bank_pages.py.
"""

from __future__ import annotations

import base64
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from ..bank import accounts, statements
from ..bank.csv_file import first_rows
from ..bank.csv_file import read as read_csv
from ..bank.lists import account_rows, statement_lines
from ..bank.problems import BadStatement
from ..models import BankAccount, BankLine, Statement
from ..roles import May
from .access import Desk, desk_page
from .alike_pages import questions_of
from .bank_forms import AccountForm, ColumnsForm, ReasonForm
from .export_links import export_url
from .frame import render
from .paging import by_id, by_number

SAMPLE_BYTES = 100_000
ROWS_SHOWN = 8
LINES = ("bank-lines-named", "bank-lines")  # the exports of lines, with names for whoever may see them


def account_of(desk: Desk, slug: str) -> BankAccount:
    """A bank account of the desk's legal entity, or 404."""
    return get_object_or_404(BankAccount.objects.select_related("entity"), entity=desk.entity, slug=slug)


@require_safe
@desk_page(May.READ_BOOKS)
def bank(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The bank accounts: what they hold, and what waits to be explained."""
    context = {
        "rows": account_rows(desk.entity),
        "may_match": desk.may(May.MATCH_BANK),
        "export_url": export_url(desk, "bank-accounts"),
    }
    return render(request, desk, "desk/bank.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@desk_page(May.MATCH_BANK)
def add_account(request: HttpRequest, desk: Desk) -> HttpResponse:
    """A new bank account."""
    form = AccountForm(desk.entity, None, request.POST or None)
    if request.method == "POST" and form.is_valid():
        account = accounts.open_account(desk.entity, by=desk.user, **form.cleaned_data)
        messages.success(request, gettext("%(name)s is here. Import its first statement.") % {"name": account.name})
        return redirect("desk-bank", entity=desk.entity.slug)
    return render(request, desk, "desk/bank_account.html", {"form": form, "account": None})


@require_http_methods(["GET", "HEAD", "POST"])
@desk_page(May.MATCH_BANK)
def edit_account(request: HttpRequest, desk: Desk, account: str) -> HttpResponse:
    """What a bank account is called, and whether donors see it."""
    found = account_of(desk, account)
    form = AccountForm(desk.entity, found, request.POST or None)
    if request.method == "POST" and form.is_valid():
        accounts.change_account(found, by=desk.user, **form.cleaned_data)
        messages.success(request, gettext("Saved."))
        return redirect("desk-bank", entity=desk.entity.slug)
    return render(request, desk, "desk/bank_account.html", {"form": form, "account": found})


@require_http_methods(["GET", "HEAD", "POST"])
@desk_page(May.MATCH_BANK)
def columns(request: HttpRequest, desk: Desk, account: str) -> HttpResponse:
    """How a bank writes CSV, tried on a sample before it is saved."""
    found = account_of(desk, account)
    data = request.POST.copy() if request.method == "POST" else None
    if data is not None and (upload := request.FILES.get("file")):
        data["sample"] = base64.b64encode(upload.read(SAMPLE_BYTES)).decode()
    form = ColumnsForm(found.csv_mapping, data)
    if data is not None and form.is_valid() and "save" in data:
        accounts.set_columns(found, columns=form.columns(), by=desk.user)
        messages.success(request, gettext("Saved."))
        return redirect("desk-bank", entity=desk.entity.slug)
    context = {"form": form, "account": found, **_tried(found, form, data)}
    return render(request, desk, "desk/bank_columns.html", context)


def _tried(account: BankAccount, form: ColumnsForm, data: Any) -> dict[str, Any]:
    """The sample's first rows as cut, and as read; or what is wrong with it."""
    sample = _sample(data)
    if not sample:
        return {}
    told: dict[str, Any] = {}
    try:
        told["rows"] = first_rows(sample, data, ROWS_SHOWN)
        headings = int(data["header_rows"]) if str(data.get("header_rows", "")).isdigit() else 1
        told["headings"] = told["rows"][headings - 1] if 0 < headings <= len(told["rows"]) else []
        if form.is_valid():
            read = read_csv(sample, form.columns().saved(), account=account.iban, currency=account.currency)
            shown = read.statements[0].lines[:ROWS_SHOWN]
            told["read"] = [
                BankLine(
                    bank_account=account,
                    booked_on=line.booked_on,
                    amount_minor=line.amount_minor,
                    name=line.name,
                    iban=line.iban,
                    reference=line.reference,
                    bank_reference=line.bank_reference,
                )
                for line in shown
            ]
    except BadStatement as error:
        told["problem"] = error.message
    return told


def _sample(data: Any) -> bytes:
    """The sample without its last row, which is cut off where it was too long."""
    try:
        sample = base64.b64decode(data["sample"] if data else "", validate=True)
    except (KeyError, ValueError):
        return b""
    return sample.rpartition(b"\n")[0] if len(sample) >= SAMPLE_BYTES else sample


@require_safe
@desk_page(May.READ_BOOKS)
def statement_list(request: HttpRequest, desk: Desk, account: str) -> HttpResponse:
    """The statements of a bank account, newest first."""
    found = account_of(desk, account)
    rows = Statement.objects.filter(bank_account=found).defer("sealed_bytes").select_related("imported_by")
    context = {
        "account": found,
        "page": by_id(request, rows),
        "may_match": desk.may(May.MATCH_BANK),
        "export_url": export_url(desk, "statements", account=found.slug),
    }
    return render(request, desk, "desk/bank_statements.html", context)


@require_http_methods(["GET", "HEAD"])
@desk_page(May.READ_BOOKS)
def statement_page(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """One statement with its lines."""
    found = get_object_or_404(_statements(desk), uuid=uuid)
    return _statement_page(request, desk, found, ReasonForm(), [])


def _statements(desk: Desk) -> QuerySet[Statement]:
    return (
        Statement.objects.filter(bank_account__entity=desk.entity)
        .defer("sealed_bytes")
        .select_related("bank_account__entity", "imported_by", "rolled_back_by")
    )


def _statement_page(
    request: HttpRequest, desk: Desk, statement: Statement, form: ReasonForm, matched: list[BankLine]
) -> HttpResponse:
    context = {
        "statement": statement,
        "account": statement.bank_account,
        "page": by_number(request, statement_lines(statement)),
        "form": form,
        "matched": matched,
        "may_match": desk.may(May.MATCH_BANK) and statement.rolled_back_at is None,
        "shows_names": desk.may_read_bank_names,
        "known": statement.lines_read - statement.lines_new,
        "questions": [] if statement.rolled_back_at else questions_of(statement),
        "export_url": export_url(desk, *LINES, statement=statement.uuid),
    }
    return render(request, desk, "desk/bank_statement.html", context, status=409 if matched else 200)


@require_http_methods(["POST"])
@desk_page(May.MATCH_BANK)
def roll_back(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """Take a statement back; where its lines are matched, say which."""
    found = get_object_or_404(_statements(desk), uuid=uuid)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return _statement_page(request, desk, found, form, [])
    try:
        count = statements.roll_back_statement(found, by=desk.user, reason=form.cleaned_data["reason"])
    except statements.LinesMatched as error:
        rows = BankLine.objects.filter(pk__in=error.lines).select_related("bank_account").order_by("booked_on", "pk")
        return _statement_page(request, desk, found, form, list(rows[:100]))
    except statements.RolledBackBefore:
        messages.info(request, gettext("It was rolled back already."))
    else:
        told = ngettext("Rolled back: %d line is withdrawn.", "Rolled back: %d lines are withdrawn.", count) % count
        messages.success(request, told)
    return redirect("desk-statement", entity=desk.entity.slug, uuid=uuid)
