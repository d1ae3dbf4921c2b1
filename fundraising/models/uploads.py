"""Statement files on their way into the books: what is still to be confirmed, and what was taken for known."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ..money import Money
from .bank import BankAccount, BankLine, Statement


class UploadState(models.TextChoices):
    READING = "reading", _("being read")
    READY = "ready", _("waits for you")
    IMPORTING = "importing", _("being imported")
    IMPORTED = "imported", pgettext_lazy("upload", "imported")
    REFUSED = "refused", pgettext_lazy("upload", "refused")
    CANCELLED = "cancelled", pgettext_lazy("upload", "cancelled")
    EXPIRED = "expired", pgettext_lazy("upload", "waited too long")


HELD = (UploadState.READING, UploadState.READY, UploadState.IMPORTING)


class Upload(models.Model):
    """A file that one person has uploaded and not confirmed yet, or that a worker reads or imports.

    It is in no figure. The bytes are kept sealed while it waits, and go when it is over. `found` is what it holds,
    `problem` why it is refused; `attempt` counts the workers that took it up, the last of which has it.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    bank_account = models.ForeignKey(BankAccount, models.PROTECT, related_name="uploads")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    name = models.CharField(_("file"), max_length=200)
    sealed_bytes = models.BinaryField()
    is_large = models.BooleanField(default=False, help_text="A worker reads and imports it.")
    state = models.CharField(_("state"), max_length=9, choices=UploadState.choices, default=UploadState.READING)
    found = models.JSONField(default=dict)
    problem = models.JSONField(default=dict)
    uploaded_at = models.DateTimeField(_("uploaded"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("waits until"))
    claimed_until = models.DateTimeField(null=True, help_text="While a worker is at it.")
    attempt = models.PositiveSmallIntegerField(default=0)
    done = models.PositiveIntegerField(_("lines done"), default=0)
    statement = models.OneToOneField(Statement, models.PROTECT, null=True, related_name="upload")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=UploadState.values), name="upload_state_known"),
            models.CheckConstraint(
                condition=Q(state="imported", statement__isnull=False)
                | ~Q(state="imported") & Q(statement__isnull=True),
                name="upload_imported_has_statement",
            ),
            models.CheckConstraint(condition=Q(state__in=HELD) | Q(sealed_bytes=b""), name="upload_over_has_no_bytes"),
        ]
        indexes = [
            models.Index(fields=["state", "uploaded_at"], condition=Q(state__in=HELD), name="upload_due"),
            models.Index(fields=["bank_account", "by", "-id"], name="upload_of_person"),
        ]
        verbose_name = _("upload")
        verbose_name_plural = _("uploads")

    def __str__(self) -> str:
        return self.name


class AlikeState(models.TextChoices):
    OPEN = "open", _("to be decided")
    SAME = "same", _("the same lines")
    OWN = "own", _("lines of their own")


class Alike(models.Model):
    """Lines of a statement that were taken for known ones, though they may be others that look the same.

    Where files cut a day and tell no balances, nothing but a person knows. `count` is how many more there may be than
    are in the books; `is_likely`: a whole stretch of lines overlaps, so that nobody is asked. `booked` are the ids of
    the lines that somebody said are lines of their own.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    statement = models.ForeignKey(Statement, models.PROTECT, related_name="alike")
    line = models.ForeignKey(BankLine, models.PROTECT, related_name="alike")
    count = models.PositiveSmallIntegerField()
    is_likely = models.BooleanField(default=False)
    state = models.CharField(_("state"), max_length=4, choices=AlikeState.choices, default=AlikeState.OPEN)
    booked = ArrayField(models.BigIntegerField(), default=list)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(_("decided"), null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["statement", "line"], name="alike_once"),
            models.CheckConstraint(condition=Q(count__gte=1), name="alike_is_some"),
            models.CheckConstraint(condition=Q(state__in=AlikeState.values), name="alike_state_known"),
            models.CheckConstraint(condition=Q(state="own") | Q(booked__len=0), name="alike_own_has_lines"),
        ]
        verbose_name = _("lines that look alike")
        verbose_name_plural = _("lines that look alike")

    def __str__(self) -> str:
        return f"{self.count} × {self.line_id}"

    @property
    def amount(self) -> Money:
        return self.line.amount
