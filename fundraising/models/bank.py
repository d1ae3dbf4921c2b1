"""Our own bank accounts: statements as the banks sent them, their lines, and what each line was matched with."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..money import Money, currencies
from ..vault import SealedTextField


class BankAccount(models.Model):
    """A bank account of a legal entity. Its slug is the provider of its accounts in the ledger."""

    entity = models.ForeignKey("fundraising.LegalEntity", models.PROTECT, related_name="bank_accounts")
    slug = models.SlugField(unique=True, max_length=40)
    name = models.CharField(_("name"), max_length=120)
    iban = models.CharField(_("IBAN or account number"), max_length=34)
    bic = models.CharField(_("BIC"), max_length=11, blank=True)
    currency = models.CharField(_("currency"), max_length=3, choices=currencies)
    takes_donations = models.BooleanField(
        _("shown to donors"), default=False, help_text=_("Donors who give by bank transfer see it.")
    )
    csv_mapping = models.JSONField(_("columns of its CSV files"), default=dict, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["iban", "currency"], name="bank_account_once"),
            models.UniqueConstraint(
                fields=["entity", "currency"], condition=Q(takes_donations=True), name="one_account_shown_per_currency"
            ),
        ]
        verbose_name = _("bank account")
        verbose_name_plural = _("bank accounts")

    def __str__(self) -> str:
        return self.name


class StatementFormat(models.TextChoices):
    CAMT = "camt053", "CAMT.053"
    MT940 = "mt940", "MT940"
    CSV = "csv", "CSV"


class Statement(models.Model):
    """A statement file as it was uploaded. The same bytes are imported once; rolled back, its own lines go."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    bank_account = models.ForeignKey(BankAccount, models.PROTECT, related_name="statements")
    format = models.CharField(_("format"), max_length=8, choices=StatementFormat.choices)
    name = models.CharField(_("file"), max_length=200)
    sha256 = models.CharField(max_length=64)
    sealed_bytes = models.BinaryField()
    first_on = models.DateField(_("from"), null=True)
    last_on = models.DateField(_("until"), null=True)
    opening_minor = models.BigIntegerField(_("opening balance (minor units)"), null=True)
    closing_minor = models.BigIntegerField(_("closing balance (minor units)"), null=True)
    in_order = models.BooleanField(default=False, help_text="Its lines go on day by day: those between it holds whole.")
    lines_read = models.PositiveIntegerField(_("lines"))
    lines_new = models.PositiveIntegerField(_("new lines"))
    imported_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    imported_at = models.DateTimeField(_("imported"), default=timezone.now, editable=False)
    rolled_back_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    rolled_back_at = models.DateTimeField(_("rolled back"), null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["bank_account", "sha256"], condition=Q(rolled_back_at=None), name="statement_bytes_once"
            ),
            models.CheckConstraint(condition=Q(format__in=StatementFormat.values), name="statement_format_known"),
        ]
        verbose_name = _("bank statement")
        verbose_name_plural = _("bank statements")

    def __str__(self) -> str:
        return self.name

    @property
    def opening(self) -> Money | None:
        return None if self.opening_minor is None else Money(self.opening_minor, self.bank_account.currency)

    @property
    def closing(self) -> Money | None:
        return None if self.closing_minor is None else Money(self.closing_minor, self.bank_account.currency)


class BankLine(models.Model):
    """A line of a bank statement, known by its content: the same line in two files is one row.

    `occurrence` tells lines of equal content apart: the second of one file is 2. Amounts in minor units of the
    account's currency, positive when money came in. Booked on import: bank against what is not explained yet.
    """

    bank_account = models.ForeignKey(BankAccount, models.PROTECT, related_name="lines")
    content = models.CharField(max_length=64, help_text="Keyed hash of what the bank says of it.")
    occurrence = models.PositiveSmallIntegerField(default=1)
    statements = models.ManyToManyField(Statement, related_name="lines")
    booked_on = models.DateField(_("booked on"))
    value_on = models.DateField(_("value date"), null=True)
    amount_minor = models.BigIntegerField(_("amount (minor units)"))
    # Where in the day the line stands. Null: the file gave no balances.
    balance_minor = models.BigIntegerField(_("balance after it (minor units)"), null=True)
    # Of the amount, what no standing match explains; 0 once it is withdrawn.
    unexplained_minor = models.BigIntegerField(_("unexplained (minor units)"), default=0)
    bank_reference = models.CharField(_("reference of the bank"), max_length=120, blank=True)
    reference = SealedTextField(_("what it is for"), blank=True, default="")
    name = SealedTextField(_("from or to"), blank=True, default="")
    iban = SealedTextField(_("their account"), blank=True, default="")
    iban_index = models.CharField(max_length=64, blank=True, help_text="Blind index.")
    words = ArrayField(models.CharField(max_length=64), default=list, help_text="Blind indexes of name and reference.")
    # Null: rolled back, or not booked yet. Only a line in the books can be matched.
    entry = models.OneToOneField("fundraising.Entry", models.PROTECT, null=True, related_name="bank_line")
    withdrawn_at = models.DateTimeField(_("rolled back"), null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bank_account", "content", "occurrence"], name="bank_line_once"),
            models.CheckConstraint(condition=~Q(amount_minor=0), name="bank_line_not_zero"),
            models.CheckConstraint(
                condition=Q(unexplained_minor__gte=0, unexplained_minor__lte=F("amount_minor"))
                | Q(unexplained_minor__lte=0, unexplained_minor__gte=F("amount_minor")),
                name="bank_line_explained_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["bank_account", "-booked_on", "-id"],
                condition=~Q(unexplained_minor=0),
                name="bank_line_unexplained",
            ),
            models.Index(fields=["iban_index"], condition=~Q(iban_index=""), name="bank_line_by_iban"),
            models.Index(fields=["bank_account", "-booked_on", "-id"], name="bank_line_by_day"),
            models.Index(fields=["bank_reference"], condition=~Q(bank_reference=""), name="bank_line_by_reference"),
            models.Index(fields=["bank_account", "amount_minor"], name="bank_line_by_amount"),
            GinIndex(fields=["words"], name="bank_line_words"),
        ]
        verbose_name = _("bank line")
        verbose_name_plural = _("bank lines")

    def __str__(self) -> str:
        return f"{self.booked_on} {self.amount_minor}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.bank_account.currency)

    @property
    def unexplained(self) -> Money:
        return Money(self.unexplained_minor, self.bank_account.currency)


class MatchKind(models.TextChoices):
    """What a bank line turned out to be."""

    PAYOUT = "payout", _("payout of the provider")
    DONATION = "donation", _("donation")
    BANK_FEE = "bank_fee", _("fee or interest of the bank")
    OWN = "own", _("from or to another account of ours")
    STEP = "step", _("sent to a partner, or sent back by one")
    OTHER = "other", _("something else, booked by hand")


class MatchReason(models.TextChoices):
    """Why a line is taken for what it was matched with: stored as codes, worded in the language of whoever reads."""

    SAME_AMOUNT = "same_amount", _("is of this amount")
    OTHER_AMOUNT = "other_amount", _("is of another amount")
    QUOTED = "quoted", _("quotes its reference")
    NUMBERED = "numbered", _("quotes its number")
    SAME_ACCOUNT = "same_account", _("came from this account before")
    SAME_NAME = "same_name", _("has a name in common")
    REFUND_QUOTED = "refund_quoted", _("is a refund that quotes its reference")
    REFUND_TO_ACCOUNT = "refund_to_account", _("may be a refund: it came from the account that this went to")
    OURS = "ours", _("is from or to another bank account of ours")
    RECORDED = "recorded", _("recorded from the line")
    BREAK = "break", _("resolves a break")
    TRACE = "trace", _("carries its trace id")
    DESCRIPTOR = "descriptor", _("carries its text")
    NAMES_STRIPE = "names_stripe", _("names Stripe")
    ON_THE_DAY = "on_the_day", _("came on the day expected")
    WITHIN_DAYS = "within_days", _("came within three days of the day expected")
    TAKES_BACK = "takes_back", _("takes back a payout that failed")


class Match(models.Model):
    """What a bank line, or a part of it, was matched with; undone by a reversal, never deleted.

    `key` names the other side: a payout's id at the provider, another bank account's slug, a step's UUID. Amount in
    minor units with the line's sign. `reasons` are those of the program; `why` is what a person wrote.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    line = models.ForeignKey(BankLine, models.PROTECT, related_name="matches")
    kind = models.CharField(_("kind"), max_length=8, choices=MatchKind.choices)
    key = models.CharField(_("what"), max_length=120, blank=True)
    donation = models.ForeignKey("fundraising.Donation", models.PROTECT, null=True, related_name="bank_matches")
    amount_minor = models.BigIntegerField(_("amount (minor units)"))
    reasons = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    why = models.CharField(_("why"), max_length=300, blank=True)
    entry = models.OneToOneField("fundraising.Entry", models.PROTECT, related_name="bank_match")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(_("when"), default=timezone.now, editable=False)
    undone_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    undone_at = models.DateTimeField(_("undone"), null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=MatchKind.values), name="match_kind_known"),
            models.CheckConstraint(condition=~Q(amount_minor=0), name="match_not_zero"),
            models.CheckConstraint(condition=Q(reasons__contained_by=MatchReason.values), name="match_reasons_known"),
            models.CheckConstraint(
                condition=Q(kind="donation", donation__isnull=False) | ~Q(kind="donation") & Q(donation__isnull=True),
                name="match_of_donation_has_one",
            ),
        ]
        indexes = [
            models.Index(fields=["key"], condition=Q(undone_at=None), name="match_by_key"),
        ]
        verbose_name = _("match")
        verbose_name_plural = _("matches")

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"

    @property
    def explanation(self) -> str:
        """Why, in the language of whoever reads."""
        return "; ".join([*(str(MatchReason(code).label) for code in self.reasons), *filter(None, [self.why])])

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.line.bank_account.currency)
