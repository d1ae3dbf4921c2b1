"""A mandate: a donor's standing authority to collect, month after month or year after year."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..money import Money
from .donations import PublicName


class Interval(models.TextChoices):
    """Stripe's own words, so that they can be sent as they are."""

    MONTH = "month", _("every month")
    YEAR = "year", _("every year")


class MandateState(models.TextChoices):
    OPENED = "opened", _("signed up, not confirmed")
    ACTIVE = "active", _("active")
    PAUSED = "paused", _("paused")
    FAILING = "failing", _("the last collection failed; tried again")
    ENDED = "ended", _("ended")


class MandateEnd(models.TextChoices):
    """Why a mandate collects no more."""

    DONOR = "donor", _("the donor ended it")
    GAVE_UP = "gave_up", _("collecting failed too often")
    APPEAL_CLOSED = "appeal_closed", _("its appeal closed")
    STAFF = "staff", _("staff ended it")
    PROVIDER = "provider", _("ended at the bank or at Stripe")
    NEVER_STARTED = "never_started", _("never confirmed")


class EndWish(models.TextChoices):
    """What a donor may say of why they end it; nobody has to."""

    MONEY = "money", _("I cannot afford it at the moment")
    DONE = "done", _("I have given what I wanted to give")
    OTHER_CAUSE = "other_cause", _("I give elsewhere now")
    NEWS = "news", _("I hear too little of what my money does")
    OTHER = "other", _("Another reason")


class Mandate(models.Model):
    """Amounts in minor units of `currency`, for one interval; `amount_minor` includes `fee_cover_minor`.

    Each collection is a donation of its own. `state` follows what the provider says and is written
    only by the verbs in fundraising/mandates/__init__.py. A mandate is a promise: it is in no total.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    entity = models.ForeignKey("fundraising.LegalEntity", models.PROTECT, related_name="mandates")
    donor = models.ForeignKey("fundraising.Donor", models.PROTECT, related_name="mandates")
    page = models.ForeignKey("fundraising.DonationPage", models.PROTECT, related_name="mandates")
    round = models.ForeignKey(
        "fundraising.Round", models.PROTECT, related_name="mandates", help_text=_("Open when the donor signed up.")
    )
    wording = models.ForeignKey("fundraising.AppealWording", models.PROTECT, related_name="mandates")
    locale = models.CharField(_("language"), max_length=12)
    interval = models.CharField(_("interval"), max_length=5, choices=Interval.choices)
    day = models.PositiveSmallIntegerField(
        _("day of the month"), null=True, help_text=_("1 to 28; empty: that of the first donation.")
    )
    first_on = models.DateField(
        _("first collected on"), null=True, help_text=_("Empty: at once, when the donor signs up.")
    )
    currency = models.CharField(_("currency"), max_length=3)
    amount_minor = models.BigIntegerField(_("amount (minor units)"))
    fee_cover_minor = models.BigIntegerField(_("of which covers the fee (minor units)"), default=0)
    public_name = models.CharField(
        _("shown publicly as"), max_length=20, choices=PublicName.choices, default=PublicName.ANONYMOUS
    )
    state = models.CharField(
        _("state"), max_length=10, choices=MandateState.choices, default=MandateState.OPENED, editable=False
    )
    state_at = models.DateTimeField(
        default=timezone.now, editable=False, help_text="When the provider said so; an older word changes nothing."
    )
    next_on = models.DateField(_("next collected on"), null=True, editable=False)
    retry_on = models.DateField(
        _("tried again on"), null=True, editable=False, help_text=_("Of a collection that failed; empty: not any more.")
    )
    paused_until = models.DateField(
        _("paused until"), null=True, editable=False, help_text=_("Empty while paused: until the donor resumes.")
    )
    opened_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    end_reason = models.CharField(
        _("why it ended"), max_length=16, choices=MandateEnd.choices, blank=True, editable=False
    )
    end_wish = models.CharField(
        _("what the donor says of why"), max_length=12, choices=EndWish.choices, blank=True, editable=False
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="mandate_positive"),
            models.CheckConstraint(
                condition=Q(fee_cover_minor__gte=0, fee_cover_minor__lt=F("amount_minor")), name="mandate_fee_cover"
            ),
            models.CheckConstraint(condition=Q(interval__in=Interval.values), name="mandate_interval_known"),
            models.CheckConstraint(condition=Q(state__in=MandateState.values), name="mandate_state_known"),
            models.CheckConstraint(condition=Q(day__isnull=True) | Q(day__gte=1, day__lte=28), name="mandate_day"),
            models.CheckConstraint(
                condition=Q(state="ended", ended_at__isnull=False) & ~Q(end_reason="")
                | ~Q(state="ended") & Q(ended_at__isnull=True, end_reason=""),
                name="mandate_end_has_date_and_reason",
            ),
            models.CheckConstraint(
                condition=~Q(state="ended") | Q(next_on=None, retry_on=None), name="mandate_ended_collects_no_more"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["opened", "ended"]) | Q(started_at__isnull=False), name="mandate_started"
            ),
        ]
        indexes = [models.Index(fields=["state", "next_on"], name="mandate_by_state")]
        verbose_name = _("mandate")
        verbose_name_plural = _("mandates")

    def __str__(self) -> str:
        return self.reference

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def fee_cover(self) -> Money:
        return Money(self.fee_cover_minor, self.currency)

    @property
    def reference(self) -> str:
        """What a person reads out on the phone: the first eight digits of the UUID."""
        return str(self.uuid)[:8].upper()


class NoticeKind(models.TextChoices):
    """What a donor is told by mail beside the receipts."""

    DEBIT_FAILED = "debit_failed", _("the bank did not send a donation")
    MANDATE_FAILED = "mandate_failed", _("a collection failed")
    MANDATE_MENDED = "mandate_mended", _("a failed collection came after all")
    MANDATE_CHANGED = "mandate_changed", _("amount or day changed")
    MANDATE_PAUSED = "mandate_paused", _("paused")
    MANDATE_RESUMED = "mandate_resumed", _("resumed")
    MANDATE_REDIRECTED = "mandate_redirected", _("goes on for the secondary purpose")
    MANDATE_UPCOMING = "mandate_upcoming", _("a yearly collection is near")
    MANDATE_ENDED = "mandate_ended", _("ended")


class Notice(models.Model):
    """Something that a donor is to be told once, by mail. The paper side sends it (receipts/mail/delivery.py)."""

    donation = models.ForeignKey("fundraising.Donation", models.PROTECT, null=True, related_name="notices")
    mandate = models.ForeignKey(Mandate, models.PROTECT, null=True, related_name="notices")
    kind = models.CharField(_("kind"), max_length=20, choices=NoticeKind.choices)
    about = models.CharField(
        max_length=120, help_text="The fact that it tells of (an invoice and its attempt, a change): told once."
    )
    step = models.PositiveSmallIntegerField(_("step"), default=1, help_text=_("Which failure in a row this is."))
    is_last = models.BooleanField(_("last call"), default=False)
    code = models.CharField(_("provider's reason"), max_length=60, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "about", "donation", "mandate"], nulls_distinct=False, name="notice_once"
            ),
            models.CheckConstraint(
                condition=Q(donation__isnull=False, mandate__isnull=True)
                | Q(donation__isnull=True, mandate__isnull=False),
                name="notice_of_one_thing",
            ),
            models.CheckConstraint(condition=Q(kind__in=NoticeKind.values), name="notice_kind_known"),
        ]
        indexes = [models.Index(fields=["at"], name="notice_by_time")]
        verbose_name = _("notice")
        verbose_name_plural = _("notices")

    def __str__(self) -> str:
        return f"{self.kind} {self.about}"
