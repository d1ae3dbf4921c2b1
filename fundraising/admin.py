"""The desk for campaigners. Books are shown, never edited; wordings and goals are added, never changed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.contrib.postgres.fields import ArrayField
from django.db.models import Case, Max, QuerySet, When
from django.http import HttpRequest
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import StackedInline, TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminTextInputWidget

from . import totals
from .comments import hide_comment, show_comment
from .currencies import add_usual
from .desk.administration import DeskAdmin
from .locales import babel_locale
from .models import (
    Answer,
    Appeal,
    AppealState,
    AppealWording,
    Campaign,
    CampaignText,
    CampaignUpdate,
    Comment,
    CommentState,
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
    Question,
    Round,
    RoundText,
)
from .money import Money

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class StaffAdmin(UserAdmin, DeskAdmin):  # type: ignore[misc,type-arg]
    """For superusers; roles are given on the desk's page of staff."""

    entity_path = ""
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


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
class LegalEntityAdmin(Kept, DeskAdmin):
    entity_path = "pk"
    list_display = ("name", "tax_status", "country", "currency")
    inlines = (EntityTextInline, FeeCoverInline)


@admin.register(Fund)
class FundAdmin(Kept, DeskAdmin):
    list_display = ("name", "entity", "restricted")
    list_filter = ("entity",)

    def get_readonly_fields(self, request: HttpRequest, obj: Fund | None = None) -> tuple[str, ...]:
        """Donors gave for its purpose, or for none: that stands as soon as money was booked to it."""
        return ("entity", "restricted") if obj and obj.accounts.exists() else ()


class CampaignTextInline(StackedInline):  # type: ignore[misc]
    model = CampaignText
    extra = 0
    tab = True


class UpdateInline(StackedInline):  # type: ignore[misc]
    model = CampaignUpdate
    extra = 0
    tab = True


@admin.register(Campaign)
class CampaignAdmin(Kept, DeskAdmin):
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


class RoundInline(AppendOnly, TabularInline):  # type: ignore[misc]
    """The rounds of a draft; later ones are opened at the desk, which asks for a reason in every language."""

    model = Round
    extra = 0
    tab = True

    def has_add_permission(self, request: HttpRequest, obj: Appeal | None = None) -> bool:
        return obj is None or obj.state == AppealState.DRAFT


@admin.register(Appeal)
class AppealAdmin(Kept, DeskAdmin):
    entity_path = "campaign__entity"
    list_display = ("slug", "campaign", "state", "raised", "donations")
    list_filter = ("state", "campaign")
    inlines = (WordingInline, RoundInline)

    def get_readonly_fields(self, request: HttpRequest, obj: Appeal | None = None) -> tuple[str, ...]:
        """With its first goal an appeal's currency and funds stand: money is counted in them."""
        settled = obj is not None and Goal.objects.filter(round__appeal=obj).exists()
        return ("state", "campaign", "fund", "currency") if settled else ("state",)

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


class RoundTextInline(AppendOnly, TabularInline):  # type: ignore[misc]
    model = RoundText
    extra = 0


class GoalInline(AppendOnly, TabularInline):  # type: ignore[misc]
    model = Goal
    extra = 0


@admin.register(Round)
class RoundAdmin(Kept, DeskAdmin):
    """What a round said stays; its goals and texts are added to."""

    entity_path = "appeal__campaign__entity"
    readonly_fields = ("appeal", "number", "reason", "opens_at", "closes_at")
    list_display = ("appeal", "number", "reason", "opens_at", "closes_at")
    inlines = (RoundTextInline, GoalInline)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(Goal)
class GoalAdmin(AppendOnly, DeskAdmin):
    entity_path = "round__appeal__campaign__entity"
    list_display = ("round", "amount", "reason", "set_at")

    @admin.display(description=_("goal"))
    def amount(self, goal: Goal) -> str:
        return Money(goal.amount_minor, goal.round.appeal.currency).format(babel_locale(None))


class CurrencyInline(TabularInline):  # type: ignore[misc]
    model = PageCurrency
    formfield_overrides = {ArrayField: {"widget": UnfoldAdminTextInputWidget}}  # a few numbers on one line
    extra = 0


class QuestionInline(Kept, StackedInline):  # type: ignore[misc]
    model = Question
    extra = 0


@admin.register(DonationPage)
class DonationPageAdmin(Kept, DeskAdmin):
    entity_path = "appeal__campaign__entity"
    list_display = ("slug", "locale", "appeal", "published", "offers_monthly", "offers_yearly", "takes_comments")
    list_filter = ("locale", "published")
    inlines = (CurrencyInline, QuestionInline)
    actions = ("add_usual_currencies",)

    @admin.action(description=_("Add the usual currencies"), permissions=["change"])
    def add_usual_currencies(self, request: HttpRequest, pages: QuerySet[DonationPage]) -> None:
        """Every usual currency that a page lacks, where a rate leads to the appeal's currency."""
        for page in pages.select_related("appeal"):
            done = add_usual(page)
            names = {"page": str(page), "added": ", ".join(done.added), "missing": ", ".join(done.without_rate)}
            if done.added:
                self.message_user(request, gettext("%(page)s now takes %(added)s too.") % names)
            if done.without_rate:
                text = gettext("%(page)s: no exchange rate yet for %(missing)s. Add them under Exchange rates.")
                self.message_user(request, text % names, messages.WARNING)


@admin.register(ExchangeRate)
class ExchangeRateAdmin(AppendOnly, DeskAdmin):
    entity_path = ""
    list_display = ("base", "quote", "on", "rate", "source")
    list_filter = ("quote", "base")


@admin.register(Donor)
class DonorAdmin(ReadOnly, DeskAdmin):
    """Lists show no name: whoever needs one opens the one donor."""

    list_display = ("uuid", "entity", "country", "locale", "created_at")
    list_filter = ("entity",)
    fields = ("uuid", "entity", "first_name", "last_name", "organisation", "email", "country", "locale", "created_at")


class EntryInline(ReadOnly, TabularInline):  # type: ignore[misc]
    model = Entry
    extra = 0
    fields = ("key", "occurred_at", "booked_at", "reverses")
    show_change_link = True


def may_see_donors(request: HttpRequest, entity: LegalEntity | None) -> bool:
    return request.user.has_perm("fundraising.view_donor", entity)


class AnswerInline(ReadOnly, TabularInline):  # type: ignore[misc]
    model = Answer
    extra = 0
    fields = ("label", "text")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Answers are the donor's own words."""
        return may_see_donors(request, obj.entity if obj else None)


@admin.register(Donation)
class DonationAdmin(ReadOnly, DeskAdmin):
    list_display = ("reference", "opened_at", "shown_amount", "state", "page", "received_at")
    list_filter = ("state", "currency", "entity")
    search_fields = ("uuid__startswith",)
    list_select_related = ("page",)
    inlines = (AnswerInline, EntryInline)

    def get_exclude(self, request: HttpRequest, obj: Donation | None = None) -> tuple[str, ...]:
        """What says who gave, or for whom, is for those who may see donors."""
        return () if may_see_donors(request, obj.entity if obj else None) else ("tribute_name", "employer")

    @admin.display(description=_("amount"), ordering="amount_minor")
    def shown_amount(self, donation: Donation) -> str:
        return donation.amount.format(babel_locale(None))


@admin.register(Comment)
class CommentAdmin(Kept, DeskAdmin):
    """The wall's waiting list, oldest last; nobody rewrites what a donor said."""

    entity_path = "donation__entity"
    list_display = ("words", "state", "page", "donation_state", "written_at", "decided_by", "decided_at")
    list_filter = ("state", "donation__page")
    list_select_related = ("donation__page", "donation__donor")
    ordering = (Case(When(state=CommentState.WAITING, then=0), default=1), "-written_at")
    fields = ("donation", "text", "state", "written_at", "decided_by", "decided_at")
    readonly_fields = fields
    actions = ("show", "hide")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        """With the donor's name for those who may see donors of every legal entity in their list."""
        entities = LegalEntity.objects.filter(pk__in=self.entity_ids(request, "view") or [])
        named = may_see_donors(request, None) and all(may_see_donors(request, entity) for entity in entities)
        return (*self.list_display, "donor_name") if named else self.list_display

    @admin.display(description=_("comment"))
    def words(self, comment: Comment) -> str:
        return Truncator(comment.text).chars(120)

    @admin.display(description=_("donation page"))
    def page(self, comment: Comment) -> str:
        return str(comment.donation.page)

    @admin.display(description=_("donation"))
    def donation_state(self, comment: Comment) -> str:
        return str(comment.donation.get_state_display())

    @admin.display(description=_("donor"))
    def donor_name(self, comment: Comment) -> str:
        return comment.donation.donor.full_name

    @admin.action(description=_("Show on the page"), permissions=["change"])
    def show(self, request: HttpRequest, comments: QuerySet[Comment]) -> None:
        for comment in self.only_where(request, comments, "fundraising.change_comment"):
            show_comment(comment, by=request.user.get_username())
            self.note("comment_shown", request, comment)

    @admin.action(description=_("Do not show"), permissions=["change"])
    def hide(self, request: HttpRequest, comments: QuerySet[Comment]) -> None:
        for comment in self.only_where(request, comments, "fundraising.change_comment"):
            hide_comment(comment, by=request.user.get_username())
            self.note("comment_hidden", request, comment)


class PostingInline(ReadOnly, TabularInline):  # type: ignore[misc]
    model = Posting
    extra = 0
    fields = ("account", "currency", "amount_minor")


@admin.register(Entry)
class EntryAdmin(ReadOnly, DeskAdmin):
    list_display = ("key", "entity", "occurred_at", "booked_at", "reverses")
    list_filter = ("entity",)
    search_fields = ("key",)
    fields = ("key", "entity", "donation", "occurred_at", "booked_at", "reverses")
    inlines = (PostingInline,)
