"""A mandate at the desk: what was agreed, what was collected under it, and what was changed."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from fundraising.desk import Desk, desk_page, render
from fundraising.desk.export_links import export_url
from fundraising.desk.paging import by_id
from fundraising.models import Donation, Mandate, NoticeKind
from fundraising.roles import May
from payments.models import MandateChange, Subscription

SHOWN = 50


@require_safe
@desk_page(May.READ_BOOKS, May.READ_DONORS)
def mandate_page(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """One mandate. Who gave it only for those who may see donors."""
    rows = Mandate.objects.filter(entity=desk.entity).select_related("donor", "page", "wording")
    mandate = get_object_or_404(rows, uuid=uuid)
    context = {
        "mandate": mandate,
        "subscription": Subscription.objects.filter(mandate=mandate).first(),
        "failure": mandate.notices.filter(kind=NoticeKind.MANDATE_FAILED).order_by("-at", "-pk").first(),
        "page": by_id(request, Donation.objects.filter(mandate=mandate)),
        "changes": list(MandateChange.objects.filter(mandate=mandate).order_by("-pk")[:SHOWN]),
        "export_url": export_url(desk, "mandate", mandate=mandate.uuid),
        "changes_url": export_url(desk, "mandate-changes", mandate=mandate.uuid),
    }
    return render(request, desk, "desk/mandate.html", context)
