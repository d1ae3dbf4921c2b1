"""Gift Aid (United Kingdom): declarations of donors, and the claims that rest on them.

The database keeps the rules: a declaration is cancelled once and otherwise never changed, a donation is claimed once,
and no more is taken back than was claimed (migration `rules_of_gift_aid`).
"""

from __future__ import annotations

import uuid
from datetime import date, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from fundraising.money import Money
from fundraising.vault import SealedTextField

PAST_YEARS = 4  # how far back a declaration may reach, and a claim


class Scope(models.TextChoices):
    """Which donations a declaration covers."""

    THIS = "this", _("this donation only")
    FUTURE = "future", _("donations from today on")
    ALL = "all", _("donations of the past four years and from today on")


class Way(models.TextChoices):
    """How a declaration was made."""

    ONLINE = "online", _("on the donor's page")
    PAPER = "paper", _("on paper")


class Declaration(models.Model):
    """A donor's Gift Aid declaration, in the words they agreed to. Kept six years after the last claim on it.

    Of a donor who was erased it is emptied then: names and address go, here and in the rows of claims.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    entity = models.ForeignKey("fundraising.LegalEntity", models.PROTECT, related_name="+")
    donor = models.ForeignKey("fundraising.Donor", models.PROTECT, related_name="gift_aid_declarations")
    title = SealedTextField(_("title"), blank=True, default="")
    first_name = SealedTextField(_("first name"))
    last_name = SealedTextField(_("last name"))
    house = SealedTextField(_("name or number of the house"))
    street = SealedTextField(_("street and town"), blank=True, default="")
    postcode = SealedTextField(_("postcode"), blank=True, default="", help_text=_("Empty: home outside the UK."))
    scope = models.CharField(_("scope"), max_length=8, choices=Scope.choices)
    donation = models.ForeignKey(
        "fundraising.Donation", models.PROTECT, null=True, related_name="+", verbose_name=_("donation")
    )
    wording = models.TextField(_("what the donor agreed to"))
    wording_version = models.PositiveSmallIntegerField(
        _("version of the wording"), help_text=_("Of the organisation's own wording; 0: ours.")
    )
    way = models.CharField(_("made"), max_length=8, choices=Way.choices)
    declared_on = models.DateField(_("declared on"))
    recorded_at = models.DateTimeField(default=timezone.now, editable=False)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    cancelled_on = models.DateField(_("cancelled on"), null=True)
    emptied_at = models.DateTimeField(
        _("emptied"), null=True, help_text=_("The donor was erased, and nobody has to keep it any more.")
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(scope__in=Scope.values), name="declaration_scope_known"),
            models.CheckConstraint(
                condition=Q(way="online", recorded_by__isnull=True) | Q(way="paper", recorded_by__isnull=False),
                name="declaration_made_by_donor_or_recorded",
            ),
            models.CheckConstraint(
                condition=Q(scope="this", donation__isnull=False) | ~Q(scope="this") & Q(donation__isnull=True),
                name="declaration_of_one_names_it",
            ),
            models.CheckConstraint(
                condition=Q(cancelled_on__isnull=True) | Q(cancelled_on__gte=models.F("declared_on")),
                name="declaration_cancelled_after_made",
            ),
            models.CheckConstraint(condition=~Q(wording=""), name="declaration_has_wording"),
        ]
        indexes = [models.Index(fields=["entity", "-id"], name="declaration_newest")]
        verbose_name = _("Gift Aid declaration")
        verbose_name_plural = _("Gift Aid declarations")

    def __str__(self) -> str:
        return str(self.uuid)

    @property
    def first_day(self) -> date:
        """The first day whose donations it covers."""
        if self.scope == Scope.ALL:
            return years_before(self.declared_on, PAST_YEARS)
        return self.declared_on

    def covers(self, donation_id: int, received_on: date) -> bool:
        """Whether a donation received on a day falls under it."""
        if self.scope == Scope.THIS:
            return self.donation_id == donation_id
        return self.first_day <= received_on and (self.cancelled_on is None or received_on < self.cancelled_on)


class GiftAidClaim(models.Model):
    """A claim schedule as it was made for HM Revenue & Customs. Never changed; numbered 1, 2, … per legal entity."""

    entity = models.ForeignKey("fundraising.LegalEntity", models.PROTECT, related_name="gift_aid_claims")
    number = models.PositiveIntegerField(_("number"))
    until = models.DateField(_("donations until"))
    made_at = models.DateTimeField(_("made"), default=timezone.now)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entity", "number"], name="gift_aid_claim_number_once"),
            models.CheckConstraint(condition=Q(number__gt=0), name="gift_aid_claim_numbered"),
        ]
        verbose_name = _("Gift Aid claim")
        verbose_name_plural = _("Gift Aid claims")

    def __str__(self) -> str:
        return f"{self.entity_id}: {self.number}"


class GiftAidRow(models.Model):
    """A line of a claim, in pence: a donation that is claimed, or what is taken back of one claimed before.

    `sealed` holds title, names, house and postcode as they stand on the schedule; empty once its declaration is.
    """

    claim = models.ForeignKey(GiftAidClaim, models.PROTECT, related_name="rows")
    position = models.PositiveIntegerField()
    donation = models.ForeignKey("fundraising.Donation", models.PROTECT, related_name="gift_aid_rows")
    declaration = models.ForeignKey(Declaration, models.PROTECT, related_name="rows")
    adjusts = models.ForeignKey("self", models.PROTECT, null=True, related_name="adjustments")
    received_on = models.DateField()
    amount_minor = models.BigIntegerField(_("amount (pence)"))
    sealed = SealedTextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["donation"], condition=Q(adjusts__isnull=True), name="donation_in_one_gift_aid_claim"
            ),
            models.UniqueConstraint(fields=["claim", "position"], name="gift_aid_row_position_once"),
            models.UniqueConstraint(fields=["claim", "adjusts"], name="gift_aid_row_adjusted_once_a_claim"),
            models.CheckConstraint(condition=Q(amount_minor__gt=0, position__gt=0), name="gift_aid_row_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.claim_id}: {self.position}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, "GBP")


def years_before(day: date, years: int) -> date:
    """The same day so many years earlier; 1 March where there is no 29 February."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return (day + timedelta(days=1)).replace(year=day.year - years)
