"""The desk for regular giving: mandates as the provider has them, their changes, and ending one."""

from __future__ import annotations

from uuid import uuid4

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from fundraising.admin import ReadOnly
from fundraising.desk.administration import DeskAdmin
from fundraising.locales import babel_locale
from fundraising.models import Mandate, MandateEnd

from ..models import ChangeKind, ChangeState, MandateChange, Subscription
from . import changes


class EndForm(forms.Form):
    """Its UUID makes a second click the same end."""

    uuid = forms.UUIDField(widget=forms.HiddenInput)


def refusal_text(code: str) -> str:
    """Why a mandate is not ended now, in words of the desk."""
    texts = {
        "ended": _("This mandate has ended already."),
        "not_started": _("The donor has not confirmed this mandate; nothing is collected under it."),
        "under_way": _("Another change of this mandate is under way. Wait for its result."),
    }
    return str(texts.get(code, code))


@admin.register(Mandate)
class MandateAdmin(ReadOnly, DeskAdmin):
    """Mandates as the provider has them; staff can end one, everything else is the donor's."""

    list_display = ("reference", "shown_amount", "interval", "state", "next_on", "started_at", "end_reason")
    list_filter = ("state", "interval", "currency", "end_reason", "entity")
    search_fields = ("uuid__startswith", "subscription__subscription_id", "subscription__customer_id")
    ordering = ("-opened_at",)
    actions_detail = ("end",)

    @admin.display(description=_("amount"), ordering="amount_minor")
    def shown_amount(self, mandate: Mandate) -> str:
        return mandate.amount.format(babel_locale(None))

    def has_end_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("payments.add_mandatechange")

    @action(description=_("End"), url_path="end", permissions=["end"])  # type: ignore[untyped-decorator]
    def end(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask once more; then store it, ask Stripe, and say what came of it."""
        rows = self.only_where(request, self.get_queryset(request), "payments.add_mandatechange")
        mandate = get_object_or_404(rows, pk=object_id)
        form = EndForm(request.POST or None, initial={"uuid": uuid4()})
        if request.method == "POST" and form.is_valid() and self._ended(request, mandate, form):
            return redirect("admin:fundraising_mandate_change", object_id)
        context = {**self.admin_site.each_context(request), "form": form, "mandate": mandate,
                   "title": _("End this mandate"), "opts": self.model._meta, "original": mandate}  # fmt: skip
        return render(request, "payments/end_mandate.html", context)

    def _ended(self, request: HttpRequest, mandate: Mandate, form: EndForm) -> bool:
        try:
            change = changes.request_change(
                mandate,
                uuid=form.cleaned_data["uuid"],
                kind=ChangeKind.END,
                end_reason=MandateEnd.STAFF,
                by=request.user.get_username(),
            )
        except changes.NotChangeable as refusal:
            form.add_error(None, refusal_text(refusal.code))
            return False
        self.note("mandate_end_asked", request, mandate)
        if (state := changes.carry_out(change.pk)) == ChangeState.MADE:
            self.message_user(request, _("The mandate has ended. The donor is told by mail."), messages.SUCCESS)
        elif state == ChangeState.REFUSED:
            change.refresh_from_db()
            refused = _("Stripe refused (%(code)s). The mandate goes on.") % {"code": change.error_code}
            self.message_user(request, refused, messages.ERROR)
        else:
            silent = _("Stripe has not answered yet. The end is stored and will be carried out; do not ask again.")
            self.message_user(request, silent, messages.WARNING)
        return True


@admin.register(MandateChange)
class MandateChangeAdmin(ReadOnly, DeskAdmin):
    entity_path = "mandate__entity"
    list_display = ("uuid", "mandate", "kind", "state", "asked_by", "error_code", "created_at", "made_at")
    list_filter = ("state", "kind")
    list_select_related = ("mandate",)
    search_fields = ("uuid__startswith", "mandate__uuid__startswith")
    ordering = ("-created_at",)


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnly, DeskAdmin):
    entity_path = "account__entity"
    list_display = ("subscription_id", "mandate", "status", "status_at", "method", "brand", "last4", "expires_on")
    list_filter = ("status", "account", "method")
    list_select_related = ("mandate",)
    search_fields = ("subscription_id", "customer_id", "mandate__uuid__startswith")
