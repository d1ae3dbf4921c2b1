"""The desk for campaigners. Books are shown, never edited; wordings and goals are added, never changed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.contrib.postgres.fields import ArrayField
from django.db.models import Max
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, StackedInline, TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminTextInputWidget

from . import totals
from .locales import babel_locale
from .models import (
    Appeal,
    AppealWording,
    Campaign,
    CampaignText,
    CampaignUpdate,
    Donation,
    DonationPage,
    Donor,
    EntityText,
    Entry,
    ExchangeRate,
    FeeCover,
    Fund,
    Goal,
    LegalEntity,
    PageCurrency,
    Posting,
    Round,
    RoundText,
)
from .money import Money

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class StaffAdmin(UserAdmin, ModelAdmin):  # type: ignore[misc,type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class RoleAdmin(GroupAdmin, ModelAdmin):  # type: ignore[misc]
    pass


class Kept:
    """Rows that no one deletes."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnly(Kept):
    """Rows that only verbs write."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AppendOnly(Kept):
    """Rows that are added, and then stand."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class EntityTextInline(StackedInline):  # type: ignore[misc]
    model = EntityText
    extra = 0
    tab = True


class FeeCoverInline(TabularInline):  # type: ignore[misc]
    model = FeeCover
    extra = 0
    tab = True


@admin.register(LegalEntity)
class LegalEntityAdmin(Kept, ModelAdmin):  # type: ignore[misc]
    list_display = ("name", "tax_status", "country", "currency")
    inlines = (EntityTextInline, FeeCoverInline)


@admin.register(Fund)
class FundAdmin(Kept, ModelAdmin):  # type: ignore[misc]
    list_display = ("name", "entity", "restricted")
    list_filter = ("entity",)


class CampaignTextInline(StackedInline):  # type: ignore[misc]
    model = CampaignText
    extra = 0
    tab = True


class UpdateInline(StackedInline):  # type: ignore[misc]
    model = CampaignUpdate
    extra = 0
    tab = True


@admin.register(Campaign)
class CampaignAdmin(Kept, ModelAdmin):  # type: ignore[misc]
    list_display = ("slug", "entity", "published", "created_at")
    list_filter = ("published", "entity")
    prepopulated_fields: dict[str, Any] = {}
    inlines = (CampaignTextInline, UpdateInline)

    def get_readonly_fields(self, request: HttpRequest, obj: Campaign | None = None) -> tuple[str, ...]:
        """The legal entity stands as soon as an appeal rests on it."""
        return ("entity",) if obj and obj.appeals.exists() else ()


class WordingInline(AppendOnly, StackedInline):  # type: ignore[misc]
    model = AppealWording
    readonly_fields = ("version",)
    extra = 0
    tab = True


class RoundInline(Kept, TabularInline):  # type: ignore[misc]
    model = Round
    extra = 0
    tab = True


@admin.register(Appeal)
class AppealAdmin(Kept, ModelAdmin):  # type: ignore[misc]
    list_display = ("slug", "campaign", "state", "raised", "donations")
    list_filter = ("state", "campaign")
    inlines = (WordingInline, RoundInline)

    def get_readonly_fields(self, request: HttpRequest, obj: Appeal | None = None) -> tuple[str, ...]:
        """With its first goal an appeal's currency and funds stand: money is counted in them."""
        settled = obj is not None and Goal.objects.filter(round__appeal=obj).exists()
        return ("campaign", "fund", "currency") if settled else ()

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """A new wording is the next version in its language; nobody has to count."""
        if formset.model is not AppealWording:
            super().save_formset(request, form, formset, change)
            return
        for wording in formset.save(commit=False):
            before = AppealWording.objects.filter(appeal=wording.appeal, locale=wording.locale)
            wording.version = (before.aggregate(newest=Max("version"))["newest"] or 0) + 1
            wording.save()

    @admin.display(description=_("raised"))
    def raised(self, appeal: Appeal) -> str:
        return totals.appeal_total(appeal).raised.format(babel_locale(None))

    @admin.display(description=_("donations"))
    def donations(self, appeal: Appeal) -> int:
        return totals.appeal_total(appeal).donations


class RoundTextInline(TabularInline):  # type: ignore[misc]
    model = RoundText
    extra = 0


class GoalInline(AppendOnly, TabularInline):  # type: ignore[misc]
    model = Goal
    extra = 0


@admin.register(Round)
class RoundAdmin(Kept, ModelAdmin):  # type: ignore[misc]
    list_display = ("appeal", "number", "reason", "opens_at", "closes_at")
    inlines = (RoundTextInline, GoalInline)


@admin.register(Goal)
class GoalAdmin(AppendOnly, ModelAdmin):  # type: ignore[misc]
    list_display = ("round", "amount", "reason", "set_at")

    @admin.display(description=_("goal"))
    def amount(self, goal: Goal) -> str:
        return Money(goal.amount_minor, goal.round.appeal.currency).format(babel_locale(None))


class CurrencyInline(TabularInline):  # type: ignore[misc]
    model = PageCurrency
    formfield_overrides = {ArrayField: {"widget": UnfoldAdminTextInputWidget}}  # a few numbers on one line
    extra = 0


@admin.register(DonationPage)
class DonationPageAdmin(Kept, ModelAdmin):  # type: ignore[misc]
    list_display = ("slug", "locale", "appeal", "published")
    list_filter = ("locale", "published")
    inlines = (CurrencyInline,)


@admin.register(ExchangeRate)
class ExchangeRateAdmin(AppendOnly, ModelAdmin):  # type: ignore[misc]
    list_display = ("base", "quote", "on", "rate", "source")
    list_filter = ("quote", "base")


@admin.register(Donor)
class DonorAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]
    """Lists show no name: whoever needs one opens the one donor."""

    list_display = ("uuid", "entity", "country", "locale", "created_at")
    list_filter = ("entity",)
    fields = ("uuid", "entity", "first_name", "last_name", "email", "country", "locale", "created_at")


class EntryInline(ReadOnly, TabularInline):  # type: ignore[misc]
    model = Entry
    extra = 0
    fields = ("key", "occurred_at", "booked_at", "reverses")
    show_change_link = True


@admin.register(Donation)
class DonationAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]
    list_display = ("reference", "opened_at", "shown_amount", "state", "page", "received_at")
    list_filter = ("state", "currency", "entity")
    search_fields = ("uuid__startswith",)
    list_select_related = ("page",)
    inlines = (EntryInline,)

    @admin.display(description=_("amount"), ordering="amount_minor")
    def shown_amount(self, donation: Donation) -> str:
        return donation.amount.format(babel_locale(None))


class PostingInline(ReadOnly, TabularInline):  # type: ignore[misc]
    model = Posting
    extra = 0
    fields = ("account", "currency", "amount_minor")


@admin.register(Entry)
class EntryAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]
    list_display = ("key", "entity", "occurred_at", "booked_at", "reverses")
    list_filter = ("entity",)
    search_fields = ("key",)
    fields = ("key", "entity", "donation", "occurred_at", "booked_at", "reverses")
    inlines = (PostingInline,)
