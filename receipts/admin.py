"""The desk's view of the paper: everything is read-only but what the verbs do."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from . import delivery, pages, receipts
from .models import EndReason, OutgoingMail, Receipt, Refusal, Series
from .receipts import AlreadyEnded, NotIssuable
from .regimes import Problem

REFUSAL_TEXTS = {
    Problem.NOT_RECEIVED: _("The donation is not received, or nothing of it is left."),
    Problem.NO_STATEMENT: _(
        "The legal entity has no statement for the receipt in this language. Write it in the entity's texts."
    ),
    Problem.NO_GOODS_LINE: _("The statement about goods and services is missing."),
    Problem.NO_FONT: _(
        "No font of the server has a letter of this receipt, often of the donor's name. Install one (on Debian "
        "fonts-noto-core and fonts-noto-cjk) and restart the workers."
    ),
}


def _in_words(code: str) -> str:
    """What a refusal means and how to mend it; a fault of ours keeps its name."""
    if code in {problem.value for problem in Problem}:
        return str(REFUSAL_TEXTS[Problem(code)])
    return f"{gettext('A fault')}: {code}"


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]
    """Rows of record: nobody adds, edits or deletes them by hand."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Receipt)
class ReceiptAdmin(ReadOnlyAdmin):
    list_display = ["number", "state", "shown_amount", "received_on", "issued_at", "locale"]
    list_filter = ["state", "series", "locale"]
    search_fields = ["number", "donation__uuid"]
    date_hierarchy = "issued_at"
    ordering = ["-issued_at", "-pk"]
    exclude = ["snapshot", "amount_minor", "currency"]
    readonly_fields = ["shown_amount", "paper", "replacement"]
    actions = ["replace_after_correction"]

    def get_urls(self) -> list[URLPattern]:
        paper = path("<int:pk>/pdf/", self.admin_site.admin_view(self.open_pdf), name="receipts_receipt_pdf")
        return [paper, *super().get_urls()]

    def open_pdf(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_view_permission(request):
            return HttpResponse(status=403)
        return pages.pdf_response(get_object_or_404(Receipt, pk=pk))

    @admin.display(description=_("amount"))
    def shown_amount(self, receipt: Receipt) -> str:
        return str(receipt.amount)

    @admin.display(description=_("document"))
    def paper(self, receipt: Receipt) -> str:
        return format_html('<a href="{}">PDF</a>', reverse("admin:receipts_receipt_pdf", args=[receipt.pk]))

    @admin.display(description=_("replaced by"))
    def replacement(self, receipt: Receipt) -> str:
        return str(Receipt.objects.filter(replaces=receipt).first() or "")

    def has_replace_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("receipts.change_receipt")

    @admin.action(description=_("Replace by a new receipt (after correcting the donor)"), permissions=["replace"])
    def replace_after_correction(self, request: HttpRequest, queryset: QuerySet[Receipt]) -> None:
        for receipt in queryset:
            try:
                new = receipts.replace_receipt(receipt, reason=EndReason.CORRECTED, actor=request.user.get_username())
            except AlreadyEnded:
                self.message_user(request, gettext("%s is no longer valid.") % receipt, messages.WARNING)
            except NotIssuable as problem:
                self.message_user(request, f"{receipt}: {_in_words(problem.code)}", messages.ERROR)
            else:
                note = gettext("%(old)s is replaced by %(new)s.") % {"old": receipt, "new": new}
                self.message_user(request, note, messages.SUCCESS)


@admin.register(Series)
class SeriesAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "entity", "regime", "kind", "year", "last_number"]
    list_filter = ["entity", "year"]


@admin.register(Refusal)
class RefusalAdmin(ReadOnlyAdmin):
    list_display = ["donation", "why", "attempts", "first_at", "next_attempt_at"]
    readonly_fields = ["why"]

    @admin.display(description=_("how to mend it"))
    def why(self, refusal: Refusal) -> str:
        return _in_words(refusal.code)


@admin.register(OutgoingMail)
class OutgoingMailAdmin(ReadOnlyAdmin):
    list_display = ["about", "news", "state", "attempts", "next_attempt_at", "sent_at", "last_error"]
    list_filter = ["state", "kind", "notice__kind"]
    list_select_related = ["receipt", "notice__donation", "notice__mandate"]
    search_fields = ["receipt__number", "notice__donation__uuid", "notice__mandate__uuid"]
    ordering = ["-pk"]
    actions = ["send_again"]

    @admin.display(description=_("about"))
    def about(self, mail: OutgoingMail) -> str:
        return str(mail.receipt or (mail.notice and (mail.notice.mandate or mail.notice.donation)) or "")

    @admin.display(description=_("kind"), ordering="kind")
    def news(self, mail: OutgoingMail) -> str:
        return mail.notice.get_kind_display() if mail.notice else mail.get_kind_display()

    def has_send_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("receipts.change_outgoingmail")

    @admin.action(description=_("Send again"), permissions=["send"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[OutgoingMail]) -> None:
        for mail in queryset:
            delivery.send_again(mail)
        self.message_user(request, gettext("They go out within a minute."), messages.SUCCESS)
