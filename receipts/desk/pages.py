"""Papers at the desk: receipts that could not be issued, mails that did not arrive, and letting both go again."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from fundraising.desk import Desk, desk_page, render
from fundraising.desk.export_links import export_url
from fundraising.desk.paging import by_id
from fundraising.roles import May

from .. import pages, receipts
from ..documents import signing
from ..models import UNDELIVERED, OutgoingMail, Receipt, Refusal
from . import verbs
from .problems import of_mail, of_refusal

SHOWN = 50


def _mails(desk: Desk) -> QuerySet[OutgoingMail]:
    """The mails of a legal entity."""
    of_us = (
        Q(receipt__donor__entity=desk.entity)
        | Q(notice__donation__entity=desk.entity)
        | Q(notice__mandate__entity=desk.entity)
        | Q(donor__entity=desk.entity)
    )
    rows = OutgoingMail.objects.filter(of_us).select_related(
        "receipt__donation", "receipt__donor", "notice__donation", "notice__mandate", "donor"
    )
    return rows.defer("receipt__snapshot")


@require_safe
@desk_page(May.RESEND, May.READ_BOOKS)
def failed(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Receipts that were refused, with how to mend it, and mails that failed."""
    refused = Refusal.objects.filter(donation__entity=desk.entity).select_related("donation").order_by("first_at")
    page = by_id(request, _mails(desk).filter(state__in=UNDELIVERED))
    context = {
        "refusals": [(refusal, of_refusal(refusal.code)) for refusal in refused[:SHOWN]],
        "page": page,
        "mails": [(mail, of_mail(mail.last_error)) for mail in page],
        "may_resend": desk.may(May.RESEND),
        "export_url": export_url(desk, "failed"),
    }
    return render(request, desk, "desk/failed.html", context)


@require_POST
@desk_page(May.RESEND)
def send_again(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """Let a mail go out again."""
    mail = get_object_or_404(_mails(desk), pk=pk)
    verbs.send_again(mail, by=desk.user, entity=desk.entity)
    messages.success(request, gettext("It goes out within a minute."))
    return _back(request, desk)


@require_POST
@desk_page(May.RESEND)
def try_again(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """Let the service try once more to issue a receipt."""
    refusal = get_object_or_404(Refusal.objects.select_related("donation"), pk=pk, donation__entity=desk.entity)
    verbs.try_again(refusal, by=desk.user, entity=desk.entity)
    messages.success(request, gettext("It is tried again within a minute."))
    return _back(request, desk)


@require_safe
@desk_page(May.READ_DONORS)
def paper(request: HttpRequest, desk: Desk, number: str) -> HttpResponse:
    """A receipt as it was issued; `?as=copy` marks it one, `?as=archive` is PDF/A-3 with its data."""
    receipt = get_object_or_404(Receipt.objects.filter(donor__entity=desk.entity), number=number)
    form = request.GET.get("as", "")
    if form == "archive" and not pages.is_sealed(receipt) and signing.is_closed(receipts.read_pdf(receipt)):
        messages.error(request, gettext("There is no PDF/A of a signed paper. Keep the paper itself."))
        return redirect("desk-donation", entity=desk.entity.slug, uuid=receipt.sole_donation.uuid)
    return pages.pdf_response(receipt, form=form)


def _back(request: HttpRequest, desk: Desk) -> HttpResponse:
    """To the donation from whose page it was done, else to the list."""
    try:
        uuid = UUID(request.POST.get("donation", ""))
    except ValueError:
        return redirect("desk-failed", entity=desk.entity.slug)
    return redirect("desk-donation", entity=desk.entity.slug, uuid=uuid)
