"""Campaigns and what hangs on them: appeals, rounds, goals, wordings, donation pages, updates."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import get_language, override, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from ..money import Money, currencies, step
from .entities import Fund, LegalEntity
from .ledger import ExchangeRate


class Campaign(models.Model):
    """The public page: story, updates, partners. It may hold several appeals."""

    slug = models.SlugField(unique=True)
    entity = models.ForeignKey(LegalEntity, models.PROTECT, related_name="campaigns", verbose_name=_("legal entity"))
    published = models.BooleanField(_("published"), default=False)
    photo_url = models.CharField(_("photo"), max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")

    def __str__(self) -> str:
        return self.slug


class CampaignText(models.Model):
    """The campaign in one language."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="texts")
    locale = models.CharField(_("language"), max_length=12, choices=settings.LANGUAGES)
    title = models.CharField(_("title"), max_length=160)
    summary = models.TextField(_("summary"))
    story = models.TextField(_("story"), help_text=_("Paragraphs are separated by an empty line."))
    partner_credit = models.CharField(_("partner credit"), max_length=300, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "locale"], name="campaign_text_once")]
        verbose_name = _("campaign text")
        verbose_name_plural = _("campaign texts")

    def __str__(self) -> str:
        return self.title


class CampaignUpdate(models.Model):
    """A dated update in one language."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="updates")
    locale = models.CharField(_("language"), max_length=12, choices=settings.LANGUAGES)
    published_on = models.DateField(_("date"), default=timezone.localdate)
    title = models.CharField(_("title"), max_length=160)
    body = models.TextField(_("text"), help_text=_("Paragraphs are separated by an empty line."))

    class Meta:
        ordering = ["-published_on", "-id"]
        indexes = [models.Index(fields=["campaign", "locale", "-published_on"])]
        verbose_name = _("update")
        verbose_name_plural = _("updates")

    def __str__(self) -> str:
        return f"{self.published_on} {self.title}"


class AppealState(models.TextChoices):
    DRAFT = "draft", _("draft")
    OPEN = "open", pgettext_lazy("appeal", "open")
    CLOSING = "closing", _("closing: no new monthly giving")
    CLOSED = "closed", _("closed")
    RESOLVED = "resolved", _("surplus resolved")
    ARCHIVED = "archived", _("archived")


# Those that take money, and those that are over: what comes late goes to the fund of the secondary purpose.
TAKES_MONEY = (AppealState.OPEN, AppealState.CLOSING)
OVER = (AppealState.CLOSED, AppealState.RESOLVED, AppealState.ARCHIVED)


def title_among(by_language: Mapping[str, str]) -> str:
    """The one in the active language, else in the first of the service's languages that has one; "" where none has."""
    languages = [get_language() or "", settings.LANGUAGE_CODE, *(code for code, _name in settings.LANGUAGES)]
    return next((by_language[code] for code in languages if code in by_language), "")


class Appeal(models.Model):
    """One solicitation with a purpose, a fund of its own and rounds."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="appeals")
    slug = models.SlugField(unique=True)
    fund = models.OneToOneField(Fund, models.PROTECT, related_name="appeal", verbose_name=_("fund"))
    late_fund = models.ForeignKey(
        Fund,
        models.PROTECT,
        related_name="late_appeals",
        verbose_name=_("fund of the secondary purpose"),
        help_text=_("Takes the money that arrives after the appeal has closed."),
    )
    # Moved by the verbs of fundraising/appeals/ only; a trigger knows which follows on which (`rules_of_appeals`).
    state = models.CharField(
        _("state"), max_length=10, choices=AppealState.choices, default=AppealState.DRAFT, editable=False
    )
    state_at = models.DateTimeField(_("in this state since"), default=timezone.now, editable=False)
    currency = models.CharField(_("currency of goal and total"), max_length=3, choices=currencies)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(fund=F("late_fund")), name="appeal_late_fund_differs"),
            models.CheckConstraint(condition=Q(state__in=AppealState.values), name="appeal_state_known"),
        ]
        verbose_name = _("appeal")
        verbose_name_plural = _("appeals")

    def __str__(self) -> str:
        return self.slug

    @cached_property
    def title(self) -> str:
        """The newest one in the active language, else in the first that it is worded in; its slug where it has none."""
        said = dict(self.wordings.order_by("version").values_list("locale", "title"))
        return title_among(said) or self.slug

    def clean(self) -> None:
        """Refuse what would break the books or the page, with what to do next."""
        if None in {self.campaign_id, self.fund_id, self.late_fund_id}:
            return  # the fields themselves say so
        if {self.fund.entity_id, self.late_fund.entity_id} != {self.campaign.entity_id}:
            raise ValidationError(_("Both funds must belong to the legal entity of the campaign."))

    @property
    def takes_money(self) -> bool:
        return self.state in TAKES_MONEY


class AfterClose(models.TextChoices):
    """What a wording promises to those who give every month, for when the appeal closes."""

    ENDS = "ends", _("monthly giving ends with the appeal")
    CONTINUES = "continues", _("monthly giving goes on, for the secondary purpose")


class AppealWording(models.Model):
    """What the appeal promises, in one language and version. Never changed: a new version is a new row."""

    appeal = models.ForeignKey(Appeal, models.PROTECT, related_name="wordings")
    locale = models.CharField(_("language"), max_length=12, choices=settings.LANGUAGES)
    version = models.PositiveSmallIntegerField(_("version"))
    title = models.CharField(_("title"), max_length=160)
    ask = models.TextField(_("the ask"))
    purpose = models.TextField(_("purpose"))
    secondary_purpose = models.TextField(
        _("secondary purpose"), help_text=_("What happens when the appeal raises more or less than it needs.")
    )
    after_close = models.CharField(
        _("monthly giving when the appeal closes"),
        max_length=10,
        choices=AfterClose.choices,
        default=AfterClose.ENDS,
        help_text=_("Shown to everyone who gives monthly or yearly, and kept."),
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["appeal", "locale", "version"], name="wording_version_once"),
            models.CheckConstraint(condition=~Q(secondary_purpose=""), name="wording_has_secondary_purpose"),
        ]
        verbose_name = _("wording")
        verbose_name_plural = _("wordings")

    def __str__(self) -> str:
        return f"{self.appeal} {self.locale} v{self.version}"


class Round(models.Model):
    """A revision of an appeal: why it asks (again), from when, until when."""

    appeal = models.ForeignKey(Appeal, models.PROTECT, related_name="rounds")
    number = models.PositiveSmallIntegerField(_("number"))
    reason = models.CharField(_("reason"), max_length=300)
    opens_at = models.DateTimeField(_("opens"))
    closes_at = models.DateTimeField(_("closes"), null=True, blank=True)

    class Meta:
        ordering = ["appeal", "number"]
        constraints = [
            models.UniqueConstraint(fields=["appeal", "number"], name="round_number_once"),
            models.CheckConstraint(
                condition=Q(closes_at__isnull=True) | Q(closes_at__gt=F("opens_at")),
                name="round_closes_after_opening",
            ),
        ]
        verbose_name = _("round")
        verbose_name_plural = _("rounds")

    def __str__(self) -> str:
        return f"{self.appeal} / {self.number}"

    def is_open(self) -> bool:
        """Whether the round takes money now."""
        now = timezone.now()
        return self.opens_at <= now and (self.closes_at is None or now < self.closes_at)

    def is_planned(self) -> bool:
        """Whether it opens later."""
        return self.opens_at > timezone.now()


class RoundText(models.Model):
    """Why the round asks, for visitors, in one language. `Round.reason` is the desk's own note."""

    round = models.ForeignKey(Round, models.CASCADE, related_name="texts")
    locale = models.CharField(_("language"), max_length=12, choices=settings.LANGUAGES)
    reason = models.CharField(_("reason"), max_length=300)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["round", "locale"], name="round_text_once")]
        verbose_name = _("round text")
        verbose_name_plural = _("round texts")

    def __str__(self) -> str:
        return self.reason


class Goal(models.Model):
    """A goal that was set for a round, in minor units of the appeal's currency. The newest holds."""

    round = models.ForeignKey(Round, models.PROTECT, related_name="goals")
    amount_minor = models.BigIntegerField(_("goal (minor units)"))
    set_at = models.DateTimeField(default=timezone.now, editable=False)
    reason = models.CharField(_("reason"), max_length=300)

    class Meta:
        ordering = ["round", "-set_at", "-id"]
        constraints = [models.CheckConstraint(condition=Q(amount_minor__gt=0), name="goal_positive")]
        verbose_name = _("goal")
        verbose_name_plural = _("goals")

    def __str__(self) -> str:
        return f"{self.round}: {self.amount_minor}"


class DonationPage(models.Model):
    """Where an appeal takes money in one language and currency set: `/it/a/<slug>/`."""

    appeal = models.ForeignKey(Appeal, models.PROTECT, related_name="pages")
    locale = models.CharField(_("language"), max_length=12, choices=settings.LANGUAGES)
    slug = models.SlugField(_("address"), max_length=80)
    published = models.BooleanField(_("published"), default=True)
    offers_monthly = models.BooleanField(_("offers monthly giving"), default=True)
    offers_yearly = models.BooleanField(_("offers yearly giving"), default=False)
    takes_comments = models.BooleanField(
        _("takes comments"), default=False, help_text=_("Each is shown only after somebody here has read it.")
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["locale", "slug"], name="page_address_once"),
            models.UniqueConstraint(fields=["appeal", "locale"], name="page_language_once"),
        ]
        verbose_name = _("donation page")
        verbose_name_plural = _("donation pages")

    def __str__(self) -> str:
        return self.get_absolute_url()

    def get_absolute_url(self) -> str:
        with override(self.locale):
            return reverse("appeal", kwargs={"slug": self.slug})


class QuestionKind(models.TextChoices):
    TEXT = "text", _("a line of text")
    CHOICE = "choice", _("one of several answers")
    YES = "yes", _("a box to tick")


class Question(models.Model):
    """A question of a donation page's own, in its language. Retired rather than deleted once it was answered."""

    page = models.ForeignKey(DonationPage, models.PROTECT, related_name="questions")
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    label = models.CharField(_("question"), max_length=200)
    hint = models.CharField(_("hint"), max_length=300, blank=True)
    kind = models.CharField(_("kind"), max_length=8, choices=QuestionKind.choices, default=QuestionKind.TEXT)
    choices = models.TextField(_("answers to choose from"), blank=True, help_text=_("One on each line."))
    required = models.BooleanField(_("must be answered"), default=False)
    retired = models.BooleanField(_("asked no more"), default=False)

    class Meta:
        ordering = ["page", "position", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=QuestionKind.values), name="question_kind_known"),
            models.CheckConstraint(condition=~Q(kind="choice") | ~Q(choices=""), name="question_choice_has_answers"),
        ]
        verbose_name = _("question")
        verbose_name_plural = _("questions")

    def __str__(self) -> str:
        return self.label

    @property
    def options(self) -> list[str]:
        """The answers to choose from."""
        return [line.strip() for line in self.choices.splitlines() if line.strip()]


class PageCurrency(models.Model):
    """A currency that a donation page takes; amounts in minor units."""

    page = models.ForeignKey(DonationPage, models.CASCADE, related_name="currencies")
    currency = models.CharField(_("currency"), max_length=3, choices=currencies)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    minimum_minor = models.BigIntegerField(_("minimum (minor units)"))
    maximum_minor = models.BigIntegerField(_("maximum (minor units)"))
    suggested_minor = ArrayField(models.BigIntegerField(), verbose_name=_("suggested amounts (minor units)"))
    suggested_regular_minor = ArrayField(
        models.BigIntegerField(),
        verbose_name=_("suggested monthly amounts (minor units)"),
        default=list,
        blank=True,
        help_text=_("Empty: the same as for a single donation."),
    )

    class Meta:
        ordering = ["position", "currency"]
        constraints = [
            models.UniqueConstraint(fields=["page", "currency"], name="page_currency_once"),
            models.CheckConstraint(
                # Stripe's largest charge is 99,999,999 minor units; the fee cover comes on top of a donation.
                condition=Q(minimum_minor__gt=0, maximum_minor__gte=F("minimum_minor"), maximum_minor__lte=80_000_000),
                name="page_currency_bounds",
            ),
        ]
        verbose_name = _("currency")
        verbose_name_plural = _("currencies")

    def __str__(self) -> str:
        return self.currency

    def clean(self) -> None:
        """Refuse amounts that the form would refuse, and a currency that the total could not hold."""
        low, high = self.minimum_minor or 0, self.maximum_minor or 0
        for field in ("suggested_minor", "suggested_regular_minor"):
            if any(not low <= minor <= high for minor in getattr(self, field) or ()):
                raise ValidationError({field: _("Suggest amounts from the minimum to the maximum only.")})
            if self.currency and any(minor % step(self.currency) for minor in getattr(self, field) or ()):
                raise ValidationError(
                    {field: _("Amounts in this currency must end in 0: no provider takes them else.")}
                )
        into = self.page.appeal.currency if self.page.appeal_id else self.currency
        if self.currency not in {"", into} and not ExchangeRate.objects.filter(base=self.currency, quote=into).exists():
            message = _("There is no exchange rate from %(base)s to %(quote)s. Add one first, under Exchange rates.")
            raise ValidationError({"currency": message % {"base": self.currency, "quote": into}})

    @property
    def minimum(self) -> Money:
        return Money(self.minimum_minor, self.currency)

    @property
    def maximum(self) -> Money:
        return Money(self.maximum_minor, self.currency)
