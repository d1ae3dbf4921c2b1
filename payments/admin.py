"""The desk for payments: the inbox with its replay, payments, balance transactions, Stripe accounts."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin, TabularInline

from fundraising.admin import Kept, ReadOnly

from . import inbox
from .models import BalanceTransaction, InboxEvent, Payment, StripeAccount, WebhookSecret


class Secret(forms.CharField):
    """A secret goes in and never comes out: left empty, the stored one stays."""

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=forms.PasswordInput(attrs={"autocomplete": "off"}), required=False, **options)


class StripeAccountForm(forms.ModelForm):  # type: ignore[type-arg]
    api_key = Secret(label=_("API key"), help_text=_("Write it to set or replace it. It is never shown."))

    class Meta:
        model = StripeAccount
        fields = ("slug", "entity", "livemode", "api_key", "descriptor_suffix")

    def clean_api_key(self) -> str:
        key: str = self.cleaned_data["api_key"] or self.instance.api_key
        if not key:
            raise forms.ValidationError(_("Copy the key from the Stripe dashboard: Developers, API keys."))
        return key


    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if f"_{'test' if data.get('livemode') else 'live'}_" in data.get("api_key", ""):
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


class SecretInline(TabularInline):  # type: ignore[misc]
    model = WebhookSecret
    form = WebhookSecretForm
    extra = 0


@admin.register(StripeAccount)
class StripeAccountAdmin(Kept, ModelAdmin):  # type: ignore[misc]
    form = StripeAccountForm
    list_display = ("slug", "entity", "livemode")
    inlines = (SecretInline,)


@admin.register(Payment)
class PaymentAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]
    list_display = ("uuid", "donation", "state", "error_code", "created_at")
    list_filter = ("state", "account")
    search_fields = ("session_id", "payment_intent_id", "charge_id")
    exclude = ("url",)


@admin.register(InboxEvent)
class InboxEventAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]
    list_display = ("event_id", "type", "state", "attempts", "reason", "received_at")
    list_filter = ("state", "account", "type")
    search_fields = ("event_id", "waits_for")
    exclude = ("body",)
    actions = ("replay",)

    @admin.action(description=_("Handle again"), permissions=["view"])
    def replay(self, request: HttpRequest, events: QuerySet[InboxEvent]) -> None:
        count = inbox.replay(events)
        inbox.nudge.wanted()
        text = ngettext("%d event will be handled again.", "%d events will be handled again.", count)
        self.message_user(request, text % count, messages.SUCCESS)


@admin.register(BalanceTransaction)
class BalanceTransactionAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]
    list_display = ("txn_id", "type", "currency", "amount_minor", "fee_minor", "net_minor", "created_at", "booked_at")
    list_filter = ("account", "type")
    search_fields = ("txn_id", "source")
