"""Mail to donors: what goes out, and what became of it."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from .papers import Receipt


class MailKind(models.TextChoices):
    RECEIPT = "receipt", _("receipt")
    REPLACEMENT = "replacement", _("receipt that replaces another")
    VOIDED = "voided", _("notice that a receipt is void")
    NOTICE = "notice", _("notice")
    DETAILS = "details", _("link for the details of tax receipts")
    PAPERS = "papers", _("link to all papers")
    GIFT_AID = "gift_aid", _("link for a Gift Aid declaration")


LINKS = (MailKind.DETAILS, MailKind.PAPERS, MailKind.GIFT_AID)  # to a donor as such, one of each


class MailState(models.TextChoices):
    DUE = "due", _("due")
    SENDING = "sending", _("being sent")
    SENT = "sent", pgettext_lazy("mail", "sent")
    BOUNCED = "bounced", pgettext_lazy("mail", "sent, and came back")
    FAILED = "failed", pgettext_lazy("mail", "failed")
    CANCELLED = "cancelled", _("cancelled: overtaken before it was sent")


UNDELIVERED = (MailState.FAILED, MailState.BOUNCED)  # staff must look


class OutgoingMail(models.Model):
    """A mail to a donor: a receipt, a notice, or a link. The address is read when it is sent, and kept nowhere else."""

    receipt = models.ForeignKey(Receipt, models.PROTECT, null=True, related_name="mails", verbose_name=_("receipt"))
    notice = models.OneToOneField(
        "fundraising.Notice", models.PROTECT, null=True, related_name="mail", verbose_name=_("notice")
    )
    donor = models.ForeignKey(
        "fundraising.Donor",
        models.PROTECT,
        null=True,
        related_name="link_mails",
        verbose_name=_("donor"),
        help_text=_("Of a link: a donor has one row of each kind, sent as often as they ask."),
    )
    kind = models.CharField(_("kind"), max_length=12, choices=MailKind.choices)
    state = models.CharField(_("state"), max_length=10, choices=MailState.choices, default=MailState.DUE)
    message_id = models.CharField(
        _("message id"), max_length=320, help_text=_("The same in every attempt, so that mail programs drop a twin.")
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(
        _("next attempt"), default=timezone.now, help_text=_("While being sent: when the claim lapses.")
    )
    last_error = models.CharField(_("last error"), max_length=80, blank=True)
    sent_at = models.DateTimeField(pgettext_lazy("mail", "sent"), null=True)
    provider_id = models.CharField(
        _("id at the mail provider"), max_length=200, blank=True, help_text=_("By which its events name the mail.")
    )
    delivered_at = models.DateTimeField(_("delivered"), null=True, help_text=_("The donor's mail server took it."))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["receipt", "kind"], name="mail_once_per_kind"),
            models.CheckConstraint(
                condition=Q(kind="notice", notice__isnull=False, receipt__isnull=True, donor__isnull=True)
                | Q(kind__in=LINKS, donor__isnull=False, notice__isnull=True, receipt__isnull=True)
                | ~Q(kind__in=["notice", *LINKS]) & Q(notice__isnull=True, receipt__isnull=False, donor__isnull=True),
                name="mail_of_receipt_or_notice",
            ),
            models.UniqueConstraint(fields=["donor", "kind"], name="mail_of_link_once"),
            models.CheckConstraint(condition=Q(state__in=MailState.values), name="mail_state_known"),
            models.CheckConstraint(condition=Q(kind__in=MailKind.values), name="mail_kind_known"),
            models.CheckConstraint(
                condition=Q(state__in=["sent", "bounced"], sent_at__isnull=False)
                | ~Q(state__in=["sent", "bounced"]) & Q(sent_at__isnull=True, delivered_at__isnull=True),
                name="mail_sent_has_date",
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(state__in=["due", "sending"]), name="mail_due"),
            models.Index(fields=["next_attempt_at"], condition=Q(state__in=["failed", "bounced"]), name="mail_failed"),
            models.Index(fields=["provider_id"], condition=~Q(provider_id=""), name="mail_by_provider_id"),
        ]
        verbose_name = _("outgoing mail")
        verbose_name_plural = _("outgoing mails")

    def __str__(self) -> str:
        return f"{self.kind}: {self.state}"


class MailEvent(models.Model):
    """What a mail provider told of a mail, once each. Without the address: `provider_id` is enough to find the mail."""

    key = models.CharField(max_length=64, unique=True, help_text="SHA-256 of what makes the event itself.")
    provider_id = models.CharField(_("id at the mail provider"), max_length=200)
    kind = models.CharField(_("kind"), max_length=20)
    reason = models.CharField(_("reason"), max_length=40, blank=True)
    happened_at = models.DateTimeField(_("happened"))
    received_at = models.DateTimeField(_("received"), default=timezone.now, editable=False)

    class Meta:
        indexes = [models.Index(fields=["provider_id"], name="mail_event_of_mail")]
        verbose_name = _("event of a mail")
        verbose_name_plural = _("events of mails")

    def __str__(self) -> str:
        return f"{self.kind} {self.provider_id}"


def new_message_id(sender: str) -> str:
    """A Message-ID in the sender's domain."""
    return f"<{uuid.uuid4()}@{sender.rpartition('@')[2]}>"
