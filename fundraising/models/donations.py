"""A donation: one act of giving, with everything that the donor saw and agreed to."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..money import Money
from ..vault import SealedTextField


class DonationState(models.TextChoices):
    OPENED = "opened", _("opened, not paid")
    PENDING = "pending", _("on its way from the bank")
    RECEIVED = "received", _("received")
    REFUNDED = "refunded", _("refunded in full")
    DISPUTED = "disputed", _("contested: the bank withholds it")
    CHARGEBACK = "chargeback", _("taken back by the bank")


class PublicName(models.TextChoices):
    ANONYMOUS = "anonymous", _("anonymous")
    NAME_COUNTRY = "name_country", _("first name and country")


class Tribute(models.TextChoices):
    """Whom a donation remembers or celebrates."""

    NONE = "", _("nobody in particular")
    HONOUR = "honour", _("in honour of")
    MEMORY = "memory", _("in memory of")


class Channel(models.TextChoices):
    """How a donation came."""

    ONLINE = "online", _("online")
    BANK = "bank", _("transfer to our bank account")
    CHEQUE = "cheque", _("cheque")
    CASH = "cash", _("cash")
    IN_KIND = "in_kind", _("in kind")


class Donation(models.Model):
    """Amounts in minor units of `currency`; `amount_minor` includes `fee_cover_minor`.

    `state` follows the booked facts and is written only by the verbs in fundraising/donations.py.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    entity = models.ForeignKey("fundraising.LegalEntity", models.PROTECT, related_name="donations")
    donor = models.ForeignKey("fundraising.Donor", models.PROTECT, related_name="donations")
    page = models.ForeignKey("fundraising.DonationPage", models.PROTECT, related_name="donations")
    round = models.ForeignKey("fundraising.Round", models.PROTECT, related_name="donations")
    wording = models.ForeignKey("fundraising.AppealWording", models.PROTECT, related_name="donations")
    fund = models.ForeignKey(
        "fundraising.Fund",
        models.PROTECT,
        null=True,
        related_name="donations",
        help_text=_("Set when received."),
    )
    mandate = models.ForeignKey(
        "fundraising.Mandate",
        models.PROTECT,
        null=True,
        related_name="donations",
        help_text=_("The standing authority that it was collected under."),
    )
    locale = models.CharField(_("language"), max_length=12)
    currency = models.CharField(_("currency"), max_length=3)
    amount_minor = models.BigIntegerField(_("amount (minor units)"))
    announced_minor = models.BigIntegerField(
        _("announced amount (minor units)"),
        null=True,
        editable=False,
        help_text=_("What the donor had announced, where another amount came by bank."),
    )
    fee_cover_minor = models.BigIntegerField(_("of which covers the fee (minor units)"), default=0)
    public_name = models.CharField(
        _("shown publicly as"), max_length=20, choices=PublicName.choices, default=PublicName.ANONYMOUS
    )
    newsletter_consent = models.CharField(
        _("newsletter consent"),
        max_length=300,
        blank=True,
        help_text=_("The sentence that was agreed to, or empty."),
    )
    method = models.CharField(
        _("method of the fee cover"),
        max_length=20,
        blank=True,
        default="",
        help_text=_("The way to pay whose fee the donor covers, and so the one offered; empty: any."),
    )
    tribute = models.CharField(_("tribute"), max_length=8, choices=Tribute.choices, blank=True, default="")
    tribute_name = SealedTextField(_("in honour or memory of"), blank=True, default="")
    employer = SealedTextField(_("employer"), blank=True, default="", help_text=_("For employers that match."))
    channel = models.CharField(_("how it came"), max_length=8, choices=Channel.choices, default=Channel.ONLINE)
    paid_with = models.CharField(
        _("paid with"),
        max_length=30,
        blank=True,
        default="",
        editable=False,
        help_text=_("The way to pay as the provider calls it; empty: not through one, or it did not say."),
    )
    in_kind = SealedTextField(_("what was given"), blank=True, default="", help_text=_("Noted without a value."))
    # Null until a donor is asked to quote it; an ISO 11649 creditor reference, which carries check digits.
    transfer_reference = models.CharField(  # noqa: DJ001
        _("reference of a bank transfer"), max_length=25, null=True, unique=True
    )
    submission = models.CharField(
        max_length=64,
        editable=False,
        help_text="Blind index of the whole form: the same form twice is one donation.",
    )
    state = models.CharField(
        _("state"), max_length=10, choices=DonationState.choices, default=DonationState.OPENED, editable=False
    )
    opened_at = models.DateTimeField(default=timezone.now, editable=False)
    received_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["state", "received_at"]),
            models.Index(fields=["donor", "round"], condition=Q(state="received"), name="donation_received_by"),
            models.Index(
                fields=["entity", "-opened_at"],
                condition=Q(state="opened") & ~Q(channel="online"),
                name="donation_awaited",
            ),
            models.Index(
                fields=["fund", "-received_at"],
                condition=Q(state="received", public_name="name_country"),
                name="donation_named",
            ),
            # For whoever looks for a donation at the desk.
            models.Index(fields=["entity", "amount_minor"], name="donation_by_amount"),
            models.Index(
                F("entity"),
                F("amount_minor") - F("fee_cover_minor"),
                condition=Q(fee_cover_minor__gt=0),
                name="donation_by_wish",
            ),
            models.Index(fields=["entity", "-opened_at"], name="donation_newest"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0) & ~Q(channel="in_kind") | Q(amount_minor=0, channel="in_kind"),
                name="donation_positive",
            ),
            models.CheckConstraint(
                condition=Q(fee_cover_minor=0) | Q(fee_cover_minor__gte=0, fee_cover_minor__lt=F("amount_minor")),
                name="donation_fee_cover",
            ),
            models.CheckConstraint(condition=Q(channel__in=Channel.values), name="donation_channel_known"),
            models.CheckConstraint(condition=Q(state__in=DonationState.values), name="donation_state_known"),
            models.CheckConstraint(condition=Q(tribute__in=Tribute.values), name="donation_tribute_known"),
            models.CheckConstraint(
                condition=Q(state__in=["opened", "pending"], received_at__isnull=True, fund__isnull=True)
                | Q(
                    state__in=["received", "refunded", "disputed", "chargeback"],
                    received_at__isnull=False,
                    fund__isnull=False,
                ),
                name="donation_received_has_date_and_fund",
            ),
            models.UniqueConstraint(
                fields=["submission"], condition=Q(state="opened"), name="one_open_donation_per_submission"
            ),
        ]
        verbose_name = _("donation")
        verbose_name_plural = _("donations")

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


class CommentState(models.TextChoices):
    WAITING = "waiting", _("waits for a decision")
    SHOWN = "shown", _("shown")
    HIDDEN = "hidden", _("not shown")


class Comment(models.Model):
    """A few words for the appeal's wall. Shown only after staff said yes, and only while its donation stands."""

    donation = models.OneToOneField(Donation, models.PROTECT, related_name="comment")
    text = SealedTextField(_("text"))
    state = models.CharField(
        _("state"), max_length=8, choices=CommentState.choices, default=CommentState.WAITING, editable=False
    )
    written_at = models.DateTimeField(default=timezone.now, editable=False)
    decided_at = models.DateTimeField(_("decided"), null=True, editable=False)
    decided_by = models.CharField(_("decided by"), max_length=150, blank=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=CommentState.values), name="comment_state_known"),
            models.CheckConstraint(
                condition=Q(state="waiting", decided_at__isnull=True)
                | ~Q(state="waiting") & Q(decided_at__isnull=False),
                name="comment_decided_has_date",
            ),
        ]
        indexes = [models.Index(fields=["state", "-written_at"], name="comment_by_state")]
        verbose_name = _("comment")
        verbose_name_plural = _("comments")

    def __str__(self) -> str:
        return str(self.donation)


class Answer(models.Model):
    """What a donor answered to a question of the page, beside the question as they saw it."""

    donation = models.ForeignKey(Donation, models.PROTECT, related_name="answers")
    question = models.ForeignKey("fundraising.Question", models.PROTECT, related_name="answers")
    label = models.CharField(_("question"), max_length=200)
    text = SealedTextField(_("answer"))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["donation", "question"], name="answer_once")]
        verbose_name = _("answer")
        verbose_name_plural = _("answers")

    def __str__(self) -> str:
        return self.label
