"""The desk for payments: the inbox with its replay, payments, balance transactions, Stripe accounts."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import TabularInline
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from fundraising import donations
from fundraising.admin import DonationAdmin, Kept, ReadOnly
from fundraising.desk.access import require_fresh
from fundraising.desk.administration import DeskAdmin
from fundraising.locales import babel_locale
from fundraising.models import Donation
from fundraising.money import AmountError, Money, parse_amount

from . import inbox, refunds
from .desk.refunds import want_refund
from .desk.refusals import refusal_text
from .mandates import admin as mandate_admin
from .models import (
    BalanceTransaction,
    Dispute,
    FraudRefundLimit,
    FraudWarning,
    InboxEvent,
    Payment,
    RefundReason,
    RefundRequest,
    RefundState,
    StripeAccount,
    WebhookSecret,
)


class Secret(forms.CharField):
    """A secret goes in and never comes out: left empty, the stored one stays."""

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=forms.PasswordInput(attrs={"autocomplete": "off"}), required=False, **options)


class StripeAccountForm(forms.ModelForm):  # type: ignore[type-arg]
    api_key = Secret(label=_("API key"), help_text=_("Write it to set or replace it. It is never shown."))

    class Meta:
        model = StripeAccount
        fields = ("slug", "entity", "livemode", "api_key", "publishable_key", "descriptor_suffix", "bank_transfers")

    def clean_api_key(self) -> str:
        key: str = self.cleaned_data["api_key"] or self.instance.api_key
        if not key:
            raise forms.ValidationError(_("Copy the key from the Stripe dashboard: Developers, API keys."))
        return key

    def clean_publishable_key(self) -> str:
        key: str = self.cleaned_data["publishable_key"]
        if key and not key.startswith("pk_"):  # it is sent to every browser: a secret one must not be kept here
            raise forms.ValidationError(_("A publishable key begins with pk_."))
        return key

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        other = f"_{'test' if data.get('livemode') else 'live'}_"
        if other in data.get("api_key", "") or other in data.get("publishable_key", ""):
            self.add_error("livemode", _("This key is of the other mode. Tick live mode for a live key only."))
        return data


class WebhookSecretForm(forms.ModelForm):  # type: ignore[type-arg]
    secret = Secret(label=_("signing secret"))

    class Meta:
        model = WebhookSecret
        fields = ("secret", "retired_at")

    def clean_secret(self) -> str:
        secret: str = self.cleaned_data["secret"] or self.instance.secret
        if not secret:
            raise forms.ValidationError(_("Copy the secret from the endpoint's page in the Stripe dashboard."))
        return secret


class RefundForm(forms.Form):
    """How much goes back, in the donation's currency, and why. Its UUID makes a second click the same refund."""

    uuid = forms.UUIDField(widget=forms.HiddenInput)
    amount = forms.CharField(label=_("amount"), widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}))
    reason = forms.ChoiceField(label=_("reason"), choices=RefundReason.choices, widget=UnfoldAdminSelectWidget)

    def __init__(self, *args: Any, left: Money, **options: Any) -> None:
        super().__init__(*args, **options)
        self.left = left

    def clean_amount(self) -> Money:
        try:
            return parse_amount(self.cleaned_data["amount"], self.left.currency)
        except AmountError as error:
            raise forms.ValidationError(_("Write an amount, such as 25 or 12.50.")) from error

    def clean_reason(self) -> RefundReason:
        return RefundReason(self.cleaned_data["reason"])


def _shown(amount: Money) -> str:
    return amount.format(babel_locale(None))


class RefundLimitInline(TabularInline):  # type: ignore[misc]
    model = FraudRefundLimit
    extra = 0


class SecretInline(TabularInline):  # type: ignore[misc]
    model = WebhookSecret
    form = WebhookSecretForm
    extra = 0


@admin.register(StripeAccount)
class StripeAccountAdmin(Kept, DeskAdmin):
    form = StripeAccountForm
    list_display = ("slug", "entity", "livemode")
    inlines = (SecretInline, RefundLimitInline)


admin.site.unregister(Donation)


@admin.register(Donation)
class DonationDesk(DonationAdmin):
    """The donation as the books show it, and beside it what only payments can do: give it back."""

    actions_detail = ("refund",)

    def has_refund_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("payments.add_refundrequest")

    @action(description=_("Refund"), url_path="refund", permissions=["refund"])  # type: ignore[untyped-decorator]
    def refund(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Have staff prove who they are, ask how much and why; store it, ask Stripe, and say what came of it."""
        require_fresh(request)
        rows = self.only_where(request, self.get_queryset(request), "payments.add_refundrequest")
        donation = get_object_or_404(rows, pk=object_id)
        left = donations.net_received(donation)
        form = RefundForm(request.POST or None, left=left, initial={"uuid": uuid4(), "amount": f"{left.decimal:f}"})
        if request.method == "POST" and form.is_valid() and self._refunded(request, donation, form):
            return redirect("admin:fundraising_donation_change", object_id)
        context = {**self.admin_site.each_context(request), "form": form, "donation": donation, "left": left,
                   "title": _("Refund"), "opts": self.model._meta, "original": donation}  # fmt: skip
        return render(request, "payments/refund.html", context)

    def _refunded(self, request: HttpRequest, donation: Donation, form: RefundForm) -> bool:
        assert isinstance(request.user, User)
        try:
            wanted = want_refund(donation, by=request.user, note="", **form.cleaned_data)
        except refunds.NotRefundable as refusal:
            form.add_error("amount", refusal_text(refusal.code, refusal.left))
            return False
        state = refunds.carry_out(wanted.pk)
        wanted.refresh_from_db()
        if state == RefundState.REFUSED:
            self.message_user(request, refusal_text(wanted.error_code, wanted.amount), messages.ERROR)
        elif state == RefundState.MADE:
            text = _("%(amount)s goes back to the donor. Total and receipt follow by themselves.")
            self.message_user(request, text % {"amount": _shown(wanted.amount)}, messages.SUCCESS)
        else:
            text = _("Stripe has not answered yet. The refund is stored and will be made once; do not ask again.")
            self.message_user(request, text, messages.WARNING)
        return True


@admin.register(Dispute)
class DisputeAdmin(ReadOnly, DeskAdmin):
    """Those to answer first: open ones by their deadline, then the closed ones."""

    entity_path = "account__entity"
    list_display = ("dispute_id", "donation", "shown_amount", "reason", "status", "evidence_due_by", "closed_at")
    list_filter = ("status", "account")
    search_fields = ("dispute_id", "charge_id")
    list_select_related = ("donation",)
    ordering = (F("closed_at").desc(nulls_first=True), F("evidence_due_by").asc(nulls_last=True), "pk")

    @admin.display(description=_("amount"), ordering="amount_minor")
    def shown_amount(self, dispute: Dispute) -> str:
        return _shown(dispute.amount)


@admin.register(FraudWarning)
class FraudWarningAdmin(ReadOnly, DeskAdmin):
    entity_path = "account__entity"
    list_display = ("warning_id", "charge_id", "fraud_type", "warned_at", "decided_at", "refund_request")
    list_filter = ("account",)
    list_select_related = ("refund_request",)
    search_fields = ("warning_id", "charge_id")


@admin.register(RefundRequest)
class RefundRequestAdmin(ReadOnly, DeskAdmin):
    entity_path = "account__entity"
    list_display = ("uuid", "donation", "shown_amount", "reason", "asked_by", "state", "error_code", "created_at")
    list_filter = ("state", "reason", "account")
    list_select_related = ("donation",)
    search_fields = ("uuid__startswith", "charge_id", "refund_id")

    @admin.display(description=_("amount"), ordering="amount_minor")
    def shown_amount(self, wanted: RefundRequest) -> str:
        return _shown(wanted.amount)


@admin.register(Payment)
class PaymentAdmin(ReadOnly, DeskAdmin):
    entity_path = "account__entity"
    list_display = ("uuid", "donation", "state", "error_code", "created_at")
    list_filter = ("state", "account")
    search_fields = ("session_id", "payment_intent_id", "charge_id")
    exclude = ("url",)


@admin.register(InboxEvent)
class InboxEventAdmin(ReadOnly, DeskAdmin):
    entity_path = "account__entity"
    list_display = ("event_id", "type", "state", "attempts", "reason", "received_at")
    list_filter = ("state", "account", "type")
    search_fields = ("event_id", "waits_for")
    exclude = ("body",)
    actions = ("replay",)

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("payments.change_inboxevent")

    @admin.action(description=_("Handle again"), permissions=["replay"])
    def replay(self, request: HttpRequest, events: QuerySet[InboxEvent]) -> None:
        events = self.only_where(request, events, "payments.change_inboxevent")
        chosen = list(events.select_related("account__entity"))
        count = inbox.replay(events)
        for event in chosen:
            self.note("events_replayed", request, event)
        inbox.nudge.wanted()
        text = ngettext("%d event will be handled again.", "%d events will be handled again.", count)
        self.message_user(request, text % count, messages.SUCCESS)


@admin.register(BalanceTransaction)
class BalanceTransactionAdmin(ReadOnly, DeskAdmin):
    entity_path = "account__entity"
    list_display = ("txn_id", "type", "currency", "amount_minor", "fee_minor", "net_minor", "created_at", "booked_at")
    list_filter = ("account", "type")
    search_fields = ("txn_id", "source")


__all__ = ["mandate_admin"]  # registered by being imported
