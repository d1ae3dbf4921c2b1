"""The money trail: budgets of appeals, partners, and each step of the money (ADR 190). Verbs: fundraising/spending/."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..money import Money, currencies
from ..vault import SealedTextField


class Category(models.TextChoices):
    """What money is spent on, broad enough to be published."""

    EVACUATION = "evacuation", _("evacuation and travel")
    DOCUMENTS = "documents", _("visas and documents")
    LEGAL = "legal", _("legal costs")
    FINES = "fines", _("fines and bail")
    HOUSING = "housing", _("housing")
    MEDICAL = "medical", _("medical care")
    FOOD = "food", _("food and daily needs")
    SOCIAL_WORK = "social_work", _("social workers")
    COORDINATION = "coordination", _("coordination")
    OTHER = "other", _("other")


class BudgetLine(models.Model):
    """One category of an appeal's budget; its amounts are rows of their own, never overwritten."""

    appeal = models.ForeignKey("fundraising.Appeal", models.PROTECT, related_name="budget_lines")
    category = models.CharField(_("category"), max_length=20, choices=Category.choices)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        ordering = ["appeal", "position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["appeal", "category"], name="budget_line_once"),
            models.CheckConstraint(condition=Q(category__in=Category.values), name="budget_category_known"),
        ]
        verbose_name = _("budget line")
        verbose_name_plural = _("budget lines")

    def __str__(self) -> str:
        return str(self.get_category_display())


class BudgetAmount(models.Model):
    """What a line is meant to cost in one currency, in minor units. The newest holds; older ones are the trace."""

    line = models.ForeignKey(BudgetLine, models.PROTECT, related_name="amounts")
    currency = models.CharField(_("currency"), max_length=3, choices=currencies)
    amount_minor = models.BigIntegerField(_("amount (minor units)"))
    reason = models.CharField(_("reason"), max_length=300)
    set_at = models.DateTimeField(default=timezone.now, editable=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(amount_minor__gte=0), name="budget_not_negative")]
        indexes = [models.Index(fields=["line", "currency", "-id"], name="budget_newest")]
        verbose_name = _("budgeted amount")
        verbose_name_plural = _("budgeted amounts")

    def __str__(self) -> str:
        return f"{self.line_id}: {self.amount_minor} {self.currency}"


class PolicyState(models.TextChoices):
    WAITING = "waiting", _("waits for approval")
    STATED = "stated", _("stated")
    REJECTED = "rejected", _("rejected")


class OverheadPolicy(models.Model):
    """What share of donations goes to administrative costs, from when it was stated. A new one is a new row.

    One that is higher than what stands is stated by a second person; once decided, a row never changes (triggers).
    """

    appeal = models.ForeignKey("fundraising.Appeal", models.PROTECT, related_name="overhead_policies")
    basis_points = models.PositiveSmallIntegerField(_("hundredths of a per cent"))
    reason = models.CharField(_("reason"), max_length=300)
    needs_second = models.BooleanField(_("needs a second person"), default=False)
    state = models.CharField(_("state"), max_length=10, choices=PolicyState.choices, default=PolicyState.WAITING)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    written_at = models.DateTimeField(default=timezone.now, editable=False)
    stated_at = models.DateTimeField(null=True, editable=False)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(basis_points__lte=3000), name="overhead_policy_sane"),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("by")), name="policy_author_cannot_approve"
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", needs_second=True, decided_by__isnull=True, stated_at__isnull=True)
                | Q(state="rejected", decided_by__isnull=False, stated_at__isnull=True)
                | Q(state="stated", stated_at__isnull=False) & (Q(needs_second=False) | Q(decided_by__isnull=False)),
                name="policy_needs_two",
            ),
            models.UniqueConstraint(fields=["appeal"], condition=Q(state="waiting"), name="policy_one_waits"),
        ]
        indexes = [models.Index(fields=["appeal", "-stated_at"], name="policy_by_time")]
        verbose_name = _("policy on administrative costs")
        verbose_name_plural = _("policies on administrative costs")

    def __str__(self) -> str:
        return f"{self.appeal_id}: {self.basis_points}"


class PartnerShown(models.TextChoices):
    """As what the public sees a partner."""

    WITHHELD = "withheld", _("withheld for safety")
    ALIAS = "alias", _("by the public alias")


class Partner(models.Model):
    """Whoever spends the money on the spot. Who they are is sealed; read it through spending/partners.py."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    entity = models.ForeignKey("fundraising.LegalEntity", models.PROTECT, related_name="partners")
    real_name = SealedTextField(_("real name"))
    contact = SealedTextField(_("contact"), blank=True, default="")
    account = SealedTextField(_("their account"), blank=True, default="")
    shown = models.CharField(
        _("shown to the public"), max_length=10, choices=PartnerShown.choices, default=PartnerShown.WITHHELD
    )
    alias = models.CharField(_("public alias"), max_length=120, blank=True)
    # Names under which they were ever shown, one a line: what is masked later is looked for under all of them.
    past_aliases = SealedTextField(blank=True, default="")
    region = models.CharField(
        _("region"), max_length=120, blank=True, help_text=_("Broad enough to endanger nobody; never a place.")
    )
    delay_days = models.PositiveSmallIntegerField(_("days until anything about them is published"), default=30)
    least_shown_minor = models.BigIntegerField(
        _("smallest amount shown (minor units)"),
        default=0,
        help_text=_("In the reporting currency; smaller ones are shown together with others."),
    )
    active = models.BooleanField(_("takes new commitments"), default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(shown__in=PartnerShown.values), name="partner_shown_known"),
            models.CheckConstraint(condition=~Q(shown="alias") | ~Q(alias=""), name="partner_alias_to_show"),
            models.CheckConstraint(condition=Q(least_shown_minor__gte=0), name="partner_least_not_negative"),
        ]
        verbose_name = _("partner")
        verbose_name_plural = _("partners")

    def __str__(self) -> str:
        return f"P-{str(self.uuid)[:8].upper()}"


class Masking(models.Model):
    """That what was published of a partner has to be masked; all that is kept looks it up. Never changed."""

    partner = models.ForeignKey(Partner, models.PROTECT, related_name="maskings")
    reason = models.CharField(_("reason"), max_length=300)
    at = models.DateTimeField(default=timezone.now, editable=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(reason=""), name="masking_has_reason")]
        verbose_name = _("masking")
        verbose_name_plural = _("maskings")

    def __str__(self) -> str:
        return f"{self.partner_id} {self.at:%Y-%m-%d}"


class StepKind(models.TextChoices):
    """What a step of the money is."""

    ALLOCATION = "allocation", _("allocation")
    DEALLOCATION = "deallocation", _("allocation taken back")
    COMMITMENT = "commitment", _("commitment")
    RELEASE = "release", _("release of a commitment")
    DISBURSEMENT = "disbursement", _("disbursement")
    ARRIVAL = "arrival", _("arrival confirmed")
    SPEND_REPORT = "spend_report", _("spend report")
    RETURN = "return", _("return of unspent money")
    ADVANCE = "advance", _("advance from another fund")
    REPAYMENT = "repayment", _("repayment of an advance")
    OVERHEAD = "overhead", _("share of administrative costs")
    SURPLUS = "surplus", _("surplus passed to the secondary purpose")
    DEFICIT = "deficit", _("deficit borne by the unrestricted fund")
    REVERSAL = "reversal", _("reversal")


class StepState(models.TextChoices):
    WAITING = "waiting", _("waits for approval")
    BOOKED = "booked", _("booked")
    REJECTED = "rejected", _("rejected")
    WITHDRAWN = "withdrawn", _("withdrawn by its author")
    UNDONE = "undone", _("undone")


class Evidence(models.TextChoices):
    """How a spend report is shown to be true."""

    PUBLIC = "public", _("public")
    REDACTED = "redacted", _("public, with parts blacked out")
    REVIEWED = "reviewed", _("seen by us, not published")
    CONFIRMED = "confirmed", _("confirmed by the partner only")


# What is left of a fund once its appeal is over: always by two people, whatever the amount.
OF_SURPLUS = (StepKind.SURPLUS, StepKind.DEFICIT)
_ON_NOTHING = ["allocation", "deallocation", "commitment", "advance", "overhead", "surplus", "deficit"]
_OF_PARTNERS = ["commitment", "release", "disbursement", "arrival", "spend_report", "return"]
_OF_FUNDS = ["advance", "repayment", "overhead", "surplus", "deficit"]


class SpendingStep(models.Model):
    """One step of an appeal's money: written by a verb, booked once, undone by a step of its own. Minor units.

    `amount` is what moves: of an arrival what was sent, and `other_minor` of `other_currency` what came; of a return
    what the partner held, and what came back to us.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    entity = models.ForeignKey("fundraising.LegalEntity", models.PROTECT, related_name="spending_steps")
    fund = models.ForeignKey("fundraising.Fund", models.PROTECT, related_name="spending_steps")
    kind = models.CharField(_("step"), max_length=14, choices=StepKind.choices)
    line = models.ForeignKey(BudgetLine, models.PROTECT, null=True, related_name="steps", verbose_name=_("line"))
    partner = models.ForeignKey(Partner, models.PROTECT, null=True, related_name="steps", verbose_name=_("partner"))
    other_fund = models.ForeignKey(
        "fundraising.Fund", models.PROTECT, null=True, related_name="+", verbose_name=_("other fund")
    )
    rests_on = models.ForeignKey("self", models.PROTECT, null=True, related_name="followers")
    currency = models.CharField(_("currency"), max_length=3, choices=currencies)
    amount_minor = models.BigIntegerField(_("amount (minor units)"))
    other_currency = models.CharField(_("currency that arrived"), max_length=3, blank=True, choices=currencies)
    other_minor = models.BigIntegerField(_("amount that arrived (minor units)"), null=True)
    bank_account = models.ForeignKey(
        "fundraising.BankAccount", models.PROTECT, null=True, related_name="spending_steps"
    )
    accounted_on = models.DateField(_("date"))
    text = SealedTextField(_("what for"), blank=True, default="")
    evidence = models.CharField(_("evidence"), max_length=10, blank=True, choices=Evidence.choices)
    attachment_name = SealedTextField(_("attachment"), blank=True, default="")
    sealed_attachment = models.BinaryField(null=True)
    needs_second = models.BooleanField(_("needs a second person"))
    state = models.CharField(_("state"), max_length=10, choices=StepState.choices, default=StepState.WAITING)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by"))
    at = models.DateTimeField(_("when"), default=timezone.now, editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("decided by")
    )
    decided_at = models.DateTimeField(_("decided"), null=True)
    decision = SealedTextField(_("why it was decided so"), blank=True, default="")
    entry = models.OneToOneField("fundraising.Entry", models.PROTECT, null=True, related_name="spending_step")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=StepKind.values), name="step_kind_known"),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="step_positive"),
            models.CheckConstraint(
                condition=Q(other_minor__isnull=True, other_currency="")
                | Q(other_minor__gt=0) & ~Q(other_currency="") & Q(kind__in=["arrival", "return", "reversal"]),
                name="step_arrived_whole",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=_ON_NOTHING, rests_on__isnull=True)
                | ~Q(kind__in=_ON_NOTHING) & Q(rests_on__isnull=False),
                name="step_rests_on_another",
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=_OF_PARTNERS) | Q(partner__isnull=False), name="step_has_partner"
            ),
            models.CheckConstraint(
                condition=Q(kind="reversal")
                | Q(kind__in=_OF_FUNDS, line__isnull=True, other_fund__isnull=False)
                | ~Q(kind__in=_OF_FUNDS) & Q(line__isnull=False, other_fund__isnull=True),
                name="step_of_line_or_between_funds",
            ),
            models.CheckConstraint(
                condition=Q(other_fund__isnull=True) | ~Q(other_fund=F("fund")), name="step_other_fund_differs"
            ),
            models.CheckConstraint(
                condition=Q(kind="spend_report", evidence__in=Evidence.values)
                | ~Q(kind="spend_report") & Q(evidence=""),
                name="step_report_says_evidence",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["disbursement", "return"], bank_account__isnull=False)
                | ~Q(kind__in=["disbursement", "return"]) & Q(bank_account__isnull=True),
                name="step_of_bank_names_it",
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("by")), name="step_author_cannot_approve"
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", decided_by__isnull=True, decided_at__isnull=True, entry__isnull=True)
                | Q(state="rejected", decided_by__isnull=False, decided_at__isnull=False, entry__isnull=True)
                | Q(state="withdrawn", decided_by__isnull=True, decided_at__isnull=False, entry__isnull=True)
                | Q(state__in=["booked", "undone"], entry__isnull=False, decided_at__isnull=False)
                & (Q(needs_second=False) | Q(decided_by__isnull=False)),
                name="step_needs_two",
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=["surplus", "deficit"]) | Q(needs_second=True), name="step_of_surplus_needs_two"
            ),
            models.UniqueConstraint(
                fields=["rests_on"],
                condition=Q(kind__in=["arrival", "reversal"]) & ~Q(state__in=["rejected", "withdrawn", "undone"]),
                name="step_arrives_or_is_undone_once",
            ),
        ]
        indexes = [
            models.Index(fields=["entity", "state", "-id"], name="step_by_state"),
            models.Index(fields=["fund", "-id"], name="step_of_fund"),
        ]
        verbose_name = _("step of the money")
        verbose_name_plural = _("steps of the money")

    def __str__(self) -> str:
        return f"{self.kind} {str(self.uuid)[:8].upper()}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def arrived(self) -> Money | None:
        return None if self.other_minor is None else Money(self.other_minor, self.other_currency)
