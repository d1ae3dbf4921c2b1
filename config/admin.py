"""What the desk shows that needs more than one app: the evidence pack of a dispute."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from payments.admin import DisputeAdmin
from payments.models import Dispute
from receipts.documents import evidence

from .evidence import evidence_of

admin.site.unregister(Dispute)


@admin.register(Dispute)
class DisputeDesk(DisputeAdmin):
    """A dispute, and beside it what to send the bank."""

    actions_detail = ("evidence",)

    def has_evidence_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """It names a donor: whoever may see disputes and donors."""
        return request.user.has_perms(["payments.view_dispute", "fundraising.view_donor"])

    def _seen_with_donors(self, request: HttpRequest) -> QuerySet[Dispute]:
        return self.only_where(request, self.get_queryset(request), "fundraising.view_donor").select_related("donation")

    @action(description=_("Evidence (PDF)"), url_path="evidence", permissions=["evidence"])  # type: ignore[untyped-decorator]
    def evidence(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The evidence pack, made anew."""
        dispute = get_object_or_404(self._seen_with_donors(request), pk=object_id)
        if dispute.donation is None:
            text = _("This charge belongs to no donation of ours: there is nothing to tell the bank. See suspense.")
            self.message_user(request, text, messages.ERROR)
            return redirect("admin:payments_dispute_change", object_id)
        document = evidence.render(evidence_of(dispute, dispute.donation, locale=get_language() or "en"))
        return HttpResponse(
            document,
            content_type="application/pdf",
            headers={
                "Content-Disposition": f'attachment; filename="{dispute.dispute_id}.pdf"',
                "Cache-Control": "private, no-store",
            },
        )
