"""Mandates as Stripe has them, and the changes to them that are wanted."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .accounts import StripeAccount


class Subscription(models.Model):
    """What Stripe calls a mandate, as it was last heard of. `status` is Stripe's word, the newest we heard."""

    account = models.ForeignKey(StripeAccount, models.PROTECT, related_name="subscriptions")
    mandate = models.OneToOneField("fundraising.Mandate", models.PROTECT, related_name="subscription")
    subscription_id = models.CharField(max_length=120)
    customer_id = models.CharField(max_length=120)
    item_id = models.CharField(max_length=120)
    product_id = models.CharField(max_length=120)
    status = models.CharField(_("status"), max_length=60)
    status_at = models.DateTimeField(help_text="When Stripe said so; an older word never replaces a newer one.")
    unit_minor = models.BigIntegerField(_("amount at Stripe (minor units)"))
    method_id = models.CharField(max_length=120, blank=True)
    method = models.CharField(_("way to pay"), max_length=20, blank=True)
    brand = models.CharField(_("brand"), max_length=20, blank=True)
    last4 = models.CharField(_("last four digits"), max_length=4, blank=True)
    expires_on = models.DateField(_("card expires"), null=True)
    looked_up_at = models.DateTimeField(
        null=True, help_text="When a sweep asked Stripe about it last, answered or not."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "subscription_id"], name="subscription_once"),
            models.CheckConstraint(
                condition=~Q(subscription_id="") & ~Q(customer_id="") & ~Q(status=""), name="subscription_named"
            ),
        ]
        indexes = [models.Index(fields=["account", "method_id"], name="subscription_method")]
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")

    def __str__(self) -> str:
        return self.subscription_id


class SecondSubscription(models.Model):
    """A subscription at Stripe that names a mandate which has another one already: the donor pays twice.

    Made there by hand, or by a copy of another one. `status` is Stripe's word, the newest we heard. What it collects is
    booked as the mandate's; nothing that it says moves the mandate. Amount in minor units, of one collection.
    """

    account = models.ForeignKey(StripeAccount, models.PROTECT, related_name="second_subscriptions")
    mandate = models.ForeignKey("fundraising.Mandate", models.PROTECT, related_name="second_subscriptions")
    subscription_id = models.CharField(max_length=120)
    status = models.CharField(_("status"), max_length=60)
    status_at = models.DateTimeField(help_text="When Stripe said so; an older word never replaces a newer one.")
    began_at = models.DateTimeField(_("made"))
    amount_minor = models.BigIntegerField(_("amount at Stripe (minor units)"))
    currency = models.CharField(_("currency"), max_length=3)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "subscription_id"], name="second_subscription_once"),
        ]
        verbose_name = _("second subscription of a mandate")
        verbose_name_plural = _("second subscriptions of mandates")

    def __str__(self) -> str:
        return self.subscription_id


class ChangeKind(models.TextChoices):
    AMOUNT = "amount", _("another amount")
    DAY = "day", _("another day")
    PAUSE = "pause", _("pause")
    RESUME = "resume", _("resume")
    COLLECT = "collect", _("try the open collection again")
    END = "end", _("end")


class ChangeState(models.TextChoices):
    WANTED = "wanted", _("about to ask Stripe")
    ASKED = "asked", _("asked Stripe, no answer yet")
    MADE = "made", _("made")
    REFUSED = "refused", _("refused by Stripe")


CHANGE_OPEN = (ChangeState.WANTED, ChangeState.ASKED)


class MandateChange(models.Model):
    """A change to a mandate that a donor, staff or a closing appeal wants. Stored first, then asked for.

    Each attempt has an idempotency key of its own, made of its UUID. What Stripe answers is noted as any word of it is.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    mandate = models.ForeignKey("fundraising.Mandate", models.PROTECT, related_name="changes")
    kind = models.CharField(_("kind"), max_length=10, choices=ChangeKind.choices)
    amount_minor = models.BigIntegerField(_("amount (minor units)"), null=True)
    fee_cover_minor = models.BigIntegerField(_("of which covers the fee (minor units)"), null=True)
    day = models.PositiveSmallIntegerField(_("day of the month"), null=True)
    until = models.DateField(_("until"), null=True, help_text=_("Of a pause; empty: until resumed."))
    end_reason = models.CharField(_("why it ends"), max_length=16, blank=True)
    end_wish = models.CharField(_("what the donor says of why"), max_length=12, blank=True)
    asked_by = models.CharField(
        _("wanted by"), max_length=150, blank=True, help_text=_("Staff's name; empty: the donor, or the service.")
    )
    state = models.CharField(_("state"), max_length=10, choices=ChangeState.choices, default=ChangeState.WANTED)
    error_code = models.CharField(_("Stripe's answer"), max_length=60, blank=True)
    created_at = models.DateTimeField(_("wanted"), default=timezone.now, editable=False)
    made_at = models.DateTimeField(_("made"), null=True, editable=False)
    next_attempt_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["mandate"], condition=Q(state__in=["wanted", "asked"]), name="one_change_under_way"
            ),
            models.CheckConstraint(condition=Q(kind__in=ChangeKind.values), name="mandate_change_kind_known"),
            models.CheckConstraint(condition=Q(state__in=ChangeState.values), name="mandate_change_state_known"),
            models.CheckConstraint(
                condition=~Q(kind="amount") | Q(amount_minor__gt=0, fee_cover_minor__gte=0),
                name="mandate_change_of_amount_has_one",
            ),
            models.CheckConstraint(
                condition=~Q(kind="day") | Q(day__gte=1, day__lte=28), name="mandate_change_of_day_has_one"
            ),
            models.CheckConstraint(condition=~Q(kind="end") | ~Q(end_reason=""), name="mandate_change_end_has_reason"),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], condition=Q(state__in=["wanted", "asked"]), name="mandate_change_due"
            )
        ]
        verbose_name = _("change of a mandate")
        verbose_name_plural = _("changes of mandates")

    def __str__(self) -> str:
        return f"{self.uuid} {self.kind} {self.state}"
