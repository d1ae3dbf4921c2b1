"""Papers of a year in bulk: runs that staff ask for, and donors whose papers were refused."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class RunState(models.TextChoices):
    WAITING = "waiting", _("waits")
    WORKING = "working", _("in progress")
    DONE = "done", _("done")


class AnnualRun(models.Model):
    """All papers of a legal entity's year, asked for by one person, worked off donor by donor in the order of keys.

    The counts are written in the database transaction that issues a donor's papers: after a kill they are right, and
    the next worker goes on behind `after_donor`.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    entity = models.ForeignKey("fundraising.LegalEntity", models.PROTECT, related_name="annual_runs")
    year = models.PositiveSmallIntegerField(_("year"))
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(_("asked for"), default=timezone.now, editable=False)
    state = models.CharField(_("state"), max_length=8, choices=RunState.choices, default=RunState.WAITING)
    claimed_until = models.DateTimeField(null=True, help_text="While a worker is at it.")
    finished_at = models.DateTimeField(_("finished"), null=True)
    after_donor = models.BigIntegerField(default=0, help_text="Key of the last donor that was done.")
    donors_total = models.PositiveIntegerField(_("donors"), default=0)
    donors_done = models.PositiveIntegerField(_("done"), default=0)
    issued = models.PositiveIntegerField(_("issued"), default=0)
    replaced = models.PositiveIntegerField(_("replaced"), default=0)
    voided = models.PositiveIntegerField(_("voided"), default=0)
    refused = models.PositiveIntegerField(_("refused"), default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["entity", "year"], condition=~Q(state="done"), name="one_annual_run_under_way"
            ),
            models.CheckConstraint(condition=Q(state__in=RunState.values), name="annual_run_state_known"),
            models.CheckConstraint(
                condition=Q(state="done", finished_at__isnull=False) | ~Q(state="done") & Q(finished_at__isnull=True),
                name="annual_run_done_has_date",
            ),
            models.CheckConstraint(
                condition=Q(state="working", claimed_until__isnull=False)
                | ~Q(state="working") & Q(claimed_until__isnull=True),
                name="annual_run_working_is_claimed",
            ),
            models.CheckConstraint(
                condition=Q(donors_done__gte=F("refused")), name="annual_run_refuses_donors_that_were_done"
            ),
        ]
        indexes = [models.Index(fields=["entity", "-id"], name="annual_run_newest")]
        verbose_name = _("run of the papers of a year")
        verbose_name_plural = _("runs of the papers of years")

    def __str__(self) -> str:
        return f"{self.entity} {self.year}"


class YearRefusal(models.Model):
    """Why a donor has no paper of a year, or an old one that no longer fits. Gone when it is issued."""

    donor = models.ForeignKey("fundraising.Donor", models.PROTECT, related_name="year_refusals")
    year = models.PositiveSmallIntegerField(_("year"))
    code = models.CharField(_("reason"), max_length=60)
    first_at = models.DateTimeField(_("first refused"), default=timezone.now)
    attempts = models.PositiveIntegerField(_("attempts"), default=1)
    next_attempt_at = models.DateTimeField(_("next attempt"))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["donor", "year"], name="year_refused_once")]
        verbose_name = _("refused paper of a year")
        verbose_name_plural = _("refused papers of years")

    def __str__(self) -> str:
        return f"{self.donor_id} {self.year}: {self.code}"
