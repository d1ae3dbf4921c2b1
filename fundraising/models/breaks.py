"""Breaks: what reconciliation could not match."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ..money import Money


class Cause(models.TextChoices):
    """What is wrong, in the words of whoever has to mend it."""

    CHARGE_MISSING = "charge_missing", _("charged at the provider, not in the books")
    CHARGE_DOUBLED = "charge_doubled", _("one donation charged twice")
    CHARGE_FOREIGN = "charge_foreign", _("a charge that belongs to no donation of ours")
    AMOUNT_DIFFERS = "amount_differs", _("the amount is not the provider's")
    FEE_DIFFERS = "fee_differs", _("the fee is not the provider's")
    UNKNOWN_TO_PROVIDER = "unknown_to_provider", _("in the books, not at the provider")
    PAYOUT_LINE_MISSING = "payout_line", _("a payout is not the sum of its lines")
    PAYOUT_NOT_IN_BANK = "payout_not_in_bank", _("paid out, not in the bank")
    BANK_LINE_UNKNOWN = "bank_line_unknown", _("in the bank, explained by nothing")
    BANK_LINE_DOUBLED = "bank_line_doubled", _("a payout or donation is in the bank twice")
    STATEMENT_GAP = "statement_gap", _("a statement does not follow the one before")
    LINES_ALIKE = "lines_alike", _("lines that look alike in two statements")
    BALANCE_DIFFERS = "balance_differs", _("a balance is not the provider's or the bank's")
    SUSPENSE = "suspense", _("money that matches nothing")
    FUND_SHORT = "fund_short", _("a fund has less than it has promised")
    FUND_LEFT = "fund_left", _("money in the fund of an appeal that is over")
    SUBSCRIPTION_DOUBLED = "subscription_doubled", _("a mandate is collected twice")
    ORDER_NOT_IN_BANK = "order_not_in_bank", _("ordered from the bank, on no statement")


class BreakState(models.TextChoices):
    OPEN = "open", pgettext_lazy("break", "open")
    PROPOSED = "proposed", _("waits for a second person")
    RESOLVED = "resolved", _("resolved")
    GONE = "gone", _("gone by itself")


class Break(models.Model):
    """Something reconciliation could not match. Known by legal entity, cause and subject; the verbs are in breaks.py.

    Amount in minor units, as far as the books are off: positive where we have too much. `facts` are ids and figures,
    no names; when they change, a resolved break opens again.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    entity = models.ForeignKey("fundraising.LegalEntity", models.PROTECT, related_name="breaks")
    cause = models.CharField(_("cause"), max_length=20, choices=Cause.choices)
    subject = models.CharField(_("what"), max_length=160)
    currency = models.CharField(_("currency"), max_length=3)
    amount_minor = models.BigIntegerField(_("amount (minor units)"))
    facts = models.JSONField(_("facts"), default=dict)
    donation = models.ForeignKey("fundraising.Donation", models.PROTECT, null=True, related_name="breaks")
    occurred_on = models.DateField(_("of"), default=timezone.localdate, help_text=_("The day of the money."))
    state = models.CharField(_("state"), max_length=10, choices=BreakState.choices, default=BreakState.OPEN)
    found_at = models.DateTimeField(_("found"), default=timezone.now, editable=False)
    seen_at = models.DateTimeField(_("last seen"), default=timezone.now, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="breaks", verbose_name=_("owner")
    )
    resolution = models.CharField(_("resolution"), max_length=20, blank=True)
    reason = models.TextField(_("why it is resolved so"), blank=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("resolved by")
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("approved by")
    )
    resolved_at = models.DateTimeField(_("resolved"), null=True)
    entry = models.ForeignKey("fundraising.Entry", models.PROTECT, null=True, related_name="breaks")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entity", "cause", "subject"], name="break_once"),
            models.CheckConstraint(condition=Q(state__in=BreakState.values), name="break_state_known"),
            models.CheckConstraint(condition=Q(cause__in=Cause.values), name="break_cause_known"),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("resolved_by")), name="break_second_person"
            ),
        ]
        indexes = [models.Index(fields=["entity", "state", "found_at"], name="break_by_age")]
        verbose_name = _("break")
        verbose_name_plural = _("breaks")

    def __str__(self) -> str:
        return f"{self.cause} {self.subject}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class BreakNote(models.Model):
    """What happened to a break, and what people said of it. Never changed."""

    found = models.ForeignKey(Break, models.PROTECT, related_name="notes")
    at = models.DateTimeField(_("when"), default=timezone.now, editable=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    event = models.CharField(_("event"), max_length=20, help_text=_("found, changed, assigned, commented, resolved …"))
    text = models.TextField(_("text"), blank=True)
    facts = models.JSONField(default=dict)

    class Meta:
        ordering = ["id"]
        verbose_name = _("note on a break")
        verbose_name_plural = _("notes on a break")

    def __str__(self) -> str:
        return f"{self.event} {self.text[:40]}"
