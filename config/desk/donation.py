"""A donation at the desk: its figures, its papers, and its timeline."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from fundraising import donor_care
from fundraising.desk import Desk, desk_page, render
from fundraising.desk.export_links import export_url
from fundraising.models import Comment, Donation, DonationState
from fundraising.roles import May
from receipts.desk.problems import of_refusal

from .timeline import Story, mail_name


@require_safe
@desk_page(May.READ_BOOKS, May.READ_DONORS)
def donation_page(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """Everything about one donation. What the donor said of themselves only for those who may read it."""
    rows = Donation.objects.filter(entity=desk.entity).select_related(
        "donor", "page", "round__appeal", "wording", "fund", "mandate", "receipt_refusal"
    )
    donation = get_object_or_404(rows, uuid=uuid)
    story = Story(desk, donation)
    figures = story.figures()
    is_received = donation.state == DonationState.RECEIVED
    context = {
        "donation": donation,
        "export_url": export_url(desk, "donation-noted", "donation", donation=donation.uuid),
        "may_note": desk.may(May.RESEND) and desk.may(May.READ_DONORS),
        "note_length": donor_care.NOTE_LENGTH,
        "figures": figures,
        "timeline": story.rows(),
        "receipts": story.receipts,
        "mails": [(mail, mail_name(mail)) for mail in story.mails],
        "refusal": of_refusal(donation.receipt_refusal.code) if hasattr(donation, "receipt_refusal") else "",
        "payments": story.payments,
        "can_refund": desk.may(May.REFUND) and is_received and any(one.charge_id for one in story.payments),
    }
    if desk.may(May.READ_DONORS):
        context["answers"] = list(donation.answers.order_by("pk"))
        context["comment"] = Comment.objects.filter(donation=donation).first()
    return render(request, desk, "desk/donation.html", context)


@require_POST
@desk_page(May.RESEND)
def note(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """Write a note beside a donation."""
    donation = get_object_or_404(Donation.objects.select_related("entity"), entity=desk.entity, uuid=uuid)
    if not desk.may(May.READ_DONORS):
        raise PermissionDenied
    if donor_care.note_on(donation, request.POST.get("text", ""), by=desk.user):
        messages.success(request, gettext("Noted."))
    return redirect("desk-donation", entity=desk.entity.slug, uuid=uuid)
