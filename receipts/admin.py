"""The desk's view of the paper: everything is read-only but what the verbs do."""

from __future__ import annotations

from functools import reduce
from operator import or_

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from fundraising.desk.administration import DeskAdmin, entities_where

from . import pages
from .composing import NotIssuable
from .desk import verbs as desk_verbs
from .desk.problems import of_refusal
from .mail import delivery
from .models import OutgoingMail, Receipt, Refusal, Series
from .receipts import AlreadyEnded
from .years import verbs as year_verbs


class ReadOnlyAdmin(DeskAdmin):
    """Rows of record: nobody adds, edits or deletes them by hand."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Receipt)
class ReceiptAdmin(ReadOnlyAdmin):
    entity_path = "donor__entity"
    list_display = ["number", "state", "shown_amount", "received_on", "issued_at", "locale"]
    list_filter = ["state", "series", "locale"]
    search_fields = ["number", "donation__uuid"]
    date_hierarchy = "issued_at"
    ordering = ["-issued_at", "-pk"]
    exclude = ["snapshot", "amount_minor", "currency"]
    readonly_fields = ["shown_amount", "paper", "replacement"]
    actions = ["replace_after_correction"]

    def named(self, obj: Receipt) -> str:
        return desk_verbs.about_receipt(obj)

    def get_urls(self) -> list[URLPattern]:
        paper = path("<int:pk>/pdf/", self.admin_site.admin_view(self.open_pdf), name="receipts_receipt_pdf")
        return [paper, *super().get_urls()]

    def open_pdf(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_view_permission(request):
            return HttpResponse(status=403)
        return pages.pdf_response(get_object_or_404(self.get_queryset(request), pk=pk))

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
        for receipt in self.only_where(request, queryset, "receipts.change_receipt"):
            try:
                new = year_verbs.correct(receipt, actor=request.user.get_username())
            except AlreadyEnded:
                self.message_user(request, gettext("%s is no longer valid.") % receipt, messages.WARNING)
            except NotIssuable as problem:
                self.message_user(request, f"{receipt}: {of_refusal(problem.code)}", messages.ERROR)
            else:
                self.note("receipt_replaced", request, receipt)
                note = gettext("%(old)s is replaced by %(new)s.") % {"old": receipt, "new": new}
                self.message_user(request, note, messages.SUCCESS)


@admin.register(Series)
class SeriesAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "entity", "regime", "kind", "year", "last_number"]
    list_filter = ["entity", "year"]


@admin.register(Refusal)
class RefusalAdmin(ReadOnlyAdmin):
    entity_path = "donation__entity"
    list_display = ["donation", "why", "attempts", "first_at", "next_attempt_at"]
    readonly_fields = ["why"]

    @admin.display(description=_("how to mend it"))
    def why(self, refusal: Refusal) -> str:
        return of_refusal(refusal.code)


@admin.register(OutgoingMail)
class OutgoingMailAdmin(ReadOnlyAdmin):
    entity_path = ""  # a mail's legal entity is its receipt's or its notice's
    list_display = ["about", "news", "state", "attempts", "next_attempt_at", "sent_at", "last_error"]
    list_filter = ["state", "kind", "notice__kind"]
    list_select_related = ["receipt", "notice__donation", "notice__mandate"]
    search_fields = ["receipt__number", "notice__donation__uuid", "notice__mandate__uuid"]
    ordering = ["-pk"]
    actions = ["send_again"]

    def only_where(self, request: HttpRequest, rows: QuerySet[OutgoingMail], permission: str) -> QuerySet[OutgoingMail]:
        ids = entities_where(request, permission)
        if ids is None:
            return rows
        paths = ("receipt__donation", "notice__donation", "notice__mandate")
        return rows.filter(reduce(or_, (Q(**{f"{path}__entity__in": ids}) for path in paths)))

    def named(self, obj: OutgoingMail) -> str:
        return desk_verbs.about_mail(obj)

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
        for mail in self.only_where(request, queryset, "receipts.change_outgoingmail"):
            delivery.send_again(mail)
            self.note("mail_sent_again", request, mail)
        self.message_user(request, gettext("They go out within a minute."), messages.SUCCESS)
