"""The ledger's tables. The database keeps the rules (`rules_of_the_ledger`); fundraising/ledger.py writes them."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..money import currencies


class Xid8Field(models.Field):  # type: ignore[type-arg]  # not subscriptable at run time
    """PostgreSQL's 64-bit id of the database transaction that wrote the row."""

    def db_type(self, connection: Any) -> str:
        return "xid8"


class CurrentXid(models.Func):
    function = "pg_current_xact_id"
    template = "%(function)s()"
    output_field = Xid8Field()


class Purpose(models.TextChoices):
    """What an account is for. Signs: debit is positive, credit negative."""

    CLEARING = "clearing", _("charged, not yet settled")  # asset
    PROVIDER = "provider", _("balance at the provider")  # asset
    RESERVED = "reserved", _("held back by the provider")  # asset
    PAYOUTS = "payouts", _("paid out by the provider")  # asset, until the bank's own lines are matched
    BANK = "bank", _("bank account")  # asset; its provider is the bank account's slug
    HAND = "hand", _("cash and cheques in hand")  # asset; its provider is `cash` or `cheque`
    SUSPENSE = "suspense", _("money that matches nothing")  # liability; of a bank account: lines not explained yet
    DONATIONS = "donations", _("donations")  # income
    REFUNDS = "refunds", _("refunds")  # contra income
    WITHHELD = "withheld", _("withheld while a bank decides")  # contra income
    CHARGEBACKS = "chargebacks", _("taken back by a bank")  # contra income
    FEES = "fees", _("fees of the provider")  # expense
    FEE_TAX = "fee_tax", _("tax on fees")  # expense
    BANK_FEES = "bank_fees", _("fees and interest of the bank")  # expense
    EXPENSES = "expenses", _("other expenses")  # expense, by hand
    OTHER_INCOME = "other_income", _("other income")  # income, by hand
    OPENING = "opening", _("opening balances")  # equity, by hand
    FX_RESULT = "fx_result", _("exchange gains and losses")  # expense or income, at the end of a period
    FX = "fx", _("currency exchange")  # bridges the legs of an exchange
    # The money trail (ADR 190). Of the stages of money the provider is the category of the budget.
    OUTGOING = "outgoing", _("ordered from the bank, not yet on its statement")  # liability, by bank account
    UNDERWAY = "underway", _("on its way to partners")  # asset
    HELD = "held", _("with partners")  # asset
    SPENT = "spent", _("spent by partners")  # expense
    OVERHEAD = "overhead", _("share of administrative costs")  # expense of one fund, the same back in another
    LENT = "lent", _("lent to other funds")  # asset
    BORROWED = "borrowed", _("borrowed from other funds")  # liability
    SURPLUS = "surplus", _("surplus and deficits passed between funds")  # equity
    PENDING = "pending", _("announced, not received")  # memorandum
    ANNOUNCED = "announced", _("counterpart of announced")  # memorandum
    ALLOCATED = "allocated", _("allocated, not committed")  # memorandum
    COMMITTED = "committed", _("committed to partners, not sent")  # memorandum
    EARMARKED = "earmarked", _("counterpart of allocated and committed")  # memorandum
    RELEASED = "released", _("released from restriction")  # memorandum: of the fund, and against it of no fund


# What a donation has brought is the sum of these: income, and whatever took some of it back.
BROUGHT = (Purpose.DONATIONS, Purpose.REFUNDS, Purpose.WITHHELD, Purpose.CHARGEBACKS)


class Account(models.Model):
    """A ledger bucket in one currency. Accounts of a fund carry it; those of a round carry both."""

    entity = models.ForeignKey("fundraising.LegalEntity", models.PROTECT, related_name="accounts")
    purpose = models.CharField(max_length=12, choices=Purpose.choices)
    provider = models.CharField(max_length=40, blank=True, help_text="Slug of the provider's account, where it has one")
    fund = models.ForeignKey("fundraising.Fund", models.PROTECT, null=True, related_name="accounts")
    round = models.ForeignKey("fundraising.Round", models.PROTECT, null=True, related_name="accounts")
    currency = models.CharField(max_length=3)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["entity", "purpose", "provider", "fund", "round", "currency"],
                nulls_distinct=False,
                name="account_once",
            ),
            models.UniqueConstraint(fields=["id", "currency"], name="account_currency"),
            models.CheckConstraint(condition=Q(purpose__in=Purpose.values), name="account_purpose_known"),
        ]
        verbose_name = _("account")
        verbose_name_plural = _("accounts")

    def __str__(self) -> str:
        parts = [
            self.purpose,
            self.provider,
            str(self.fund_id or ""),
            str(self.round_id or ""),
            self.currency,
        ]
        return ":".join(part for part in parts if part)


class Entry(models.Model):
    """A balanced set of postings, written once. `key` names the fact; the same fact is booked once."""

    key = models.CharField(max_length=120)
    entity = models.ForeignKey("fundraising.LegalEntity", models.PROTECT, related_name="entries", db_index=False)
    donation = models.ForeignKey("fundraising.Donation", models.PROTECT, null=True, related_name="entries")
    reverses = models.OneToOneField("self", models.PROTECT, null=True, related_name="reversed_by")
    occurred_at = models.DateTimeField()
    # The day it counts on: that of the fact, or the first one that was open (trigger).
    accounted_on = models.DateField(_("date"), default=None)
    booked_at = models.DateTimeField(default=timezone.now)
    xid = Xid8Field(db_default=CurrentXid())

    class Meta:
        # A constraint, not unique=True: that would bring a second index for LIKE, written with every entry.
        constraints = [models.UniqueConstraint(fields=["key"], name="entry_key_once")]
        indexes = [models.Index(fields=["entity", "accounted_on", "id"], name="entry_by_day")]
        verbose_name = _("entry")
        verbose_name_plural = _("entries")

    def __str__(self) -> str:
        return self.key


class Posting(models.Model):
    """One signed line in minor units: debit positive, credit negative."""

    entry = models.ForeignKey(Entry, models.PROTECT, related_name="postings", db_index=False)
    # Its foreign key is (account, currency), in `rules_of_the_ledger`; one of account alone would do the same again.
    account = models.ForeignKey(Account, models.PROTECT, related_name="postings", db_index=False, db_constraint=False)
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    xid = Xid8Field(db_default=CurrentXid())

    class Meta:
        indexes = [models.Index(fields=["account", "xid"], include=["amount_minor"], name="posting_tail")]
        constraints = [
            models.CheckConstraint(condition=~Q(amount_minor=0), name="posting_not_zero"),
            models.UniqueConstraint(fields=["entry", "account"], name="posting_once_per_account"),
        ]
        verbose_name = _("posting")
        verbose_name_plural = _("postings")

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.currency}"


class Tally(models.Model):
    """By how much an entry changes the counts of a round: donations, and donors new to each scope.

    Append-only like postings, written in the same database transaction under the donor's lock, so
    that counts are as exact as sums.
    """

    entry = models.OneToOneField(Entry, models.PROTECT, related_name="tally")
    round = models.ForeignKey("fundraising.Round", models.PROTECT, related_name="+", db_index=False)
    donations = models.SmallIntegerField()
    round_donors = models.SmallIntegerField()
    appeal_donors = models.SmallIntegerField()
    campaign_donors = models.SmallIntegerField()
    xid = Xid8Field(db_default=CurrentXid())

    class Meta:
        indexes = [models.Index(fields=["round", "xid"], name="tally_tail")]

    def __str__(self) -> str:
        return f"{self.round_id}: {self.donations:+d}"


class Checkpoint(models.Model):
    """Balance of an account over all postings behind the fold's watermark, in minor units."""

    account = models.OneToOneField(Account, models.PROTECT, primary_key=True, related_name="checkpoint")
    balance_minor = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.account_id}: {self.balance_minor}"


class DayCheckpoint(models.Model):
    """What an account's postings of one day come to, behind the fold's watermark. In minor units, both >= 0."""

    account = models.ForeignKey(Account, models.PROTECT, related_name="days", db_index=False)
    on = models.DateField(_("date"))
    debit_minor = models.BigIntegerField()
    credit_minor = models.BigIntegerField()
    postings = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "on"], name="day_checkpoint_once")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.on}"


class TallyCheckpoint(models.Model):
    """Counts of a round over all tallies behind the fold's watermark."""

    round = models.OneToOneField("fundraising.Round", models.PROTECT, primary_key=True, related_name="+")
    donations = models.BigIntegerField()
    round_donors = models.BigIntegerField()
    appeal_donors = models.BigIntegerField()
    campaign_donors = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.round_id}: {self.donations}"


class Fold(models.Model):
    """The one watermark: everything written by database transactions before `xid` is in the checkpoints."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    xid = Xid8Field()
    folded_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_fold")]

    def __str__(self) -> str:
        return str(self.xid)


class ExchangeRate(models.Model):
    """Units of `quote` for one of `base` on a day, with its source. Never overwritten."""

    base = models.CharField(max_length=3, choices=currencies)
    quote = models.CharField(max_length=3, choices=currencies)
    on = models.DateField()
    rate = models.DecimalField(max_digits=18, decimal_places=9)
    source = models.CharField(max_length=120)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["base", "quote", "on"], name="rate_once_a_day"),
            models.CheckConstraint(condition=Q(rate__gt=0), name="rate_positive"),
        ]
        verbose_name = _("exchange rate")
        verbose_name_plural = _("exchange rates")

    def __str__(self) -> str:
        return f"{self.base}/{self.quote} {self.on}"

    def clean(self) -> None:
        """Refuse what could not be taken back: the newest day counts, and a rate stands once it is written."""
        if self.base == self.quote:
            raise ValidationError({"quote": _("Choose two different currencies.")})
        if self.on and self.on > timezone.localdate():
            raise ValidationError(
                {"on": _("A rate of a day to come would count from now on. Choose a day until today.")}
            )
