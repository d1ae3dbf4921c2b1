"""The evidence pack of a dispute, for whoever must answer the bank. That it was made goes into the trail."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_safe

from config.evidence import evidence_of
from fundraising import trail
from fundraising.desk import Desk, desk_page
from fundraising.roles import May
from payments.models import Dispute
from receipts.documents import evidence


@require_safe
@desk_page(May.READ_DONORS)
def evidence_pack(request: HttpRequest, desk: Desk, dispute_id: str) -> HttpResponse:
    """The pack, made anew. It names the donor, because the bank compares names."""
    rows = Dispute.objects.filter(account__entity=desk.entity).select_related("donation__entity", "donation__donor")
    dispute = get_object_or_404(rows, dispute_id=dispute_id)
    if dispute.donation is None:
        text = gettext("This charge belongs to no donation of ours: there is nothing to tell the bank. See suspense.")
        messages.error(request, text)
        return redirect("desk-disputes", entity=desk.entity.slug)
    document = evidence.render(evidence_of(dispute, dispute.donation, locale=get_language() or "en"))
    about = f"dispute:{dispute.dispute_id}"
    trail.record("evidence_made", by=desk.user, entity=desk.entity, about=about)
    return HttpResponse(
        document,
        content_type="application/pdf",
        headers={
            "Content-Disposition": f'attachment; filename="{dispute.dispute_id}.pdf"',
            "Cache-Control": "private, no-store",
        },
    )
