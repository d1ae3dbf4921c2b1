"""What partners sign: that an appeal collects for them (ADR 245). Verbs: fundraising/seals/."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..vault import SealedTextField


class PartnerKey(models.Model):
    """A partner's Ed25519 public key. Never changed, only revoked; a new key is a new row.

    Without an appeal it is the partner's public key: the partner publishes its fingerprint, and its seals name the
    partner. With one it was made for that appeal alone and is published nowhere: its seals withhold the name.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    partner = models.ForeignKey("fundraising.Partner", models.PROTECT, related_name="keys", verbose_name=_("partner"))
    appeal = models.ForeignKey(
        "fundraising.Appeal", models.PROTECT, null=True, related_name="partner_keys", verbose_name=_("only for")
    )
    public_key = models.CharField(_("public key (base64 of 32 bytes)"), max_length=44, unique=True)
    fingerprint_at = SealedTextField(_("where the partner publishes its fingerprint"), blank=True, default="")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("added by"))
    at = models.DateTimeField(_("added"), default=timezone.now, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True)
    revoked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    revoked_why = SealedTextField(_("why it was revoked"), blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(public_key__regex=r"^[A-Za-z0-9+/]{43}=$"), name="partner_key_is_32_bytes"
            ),
            models.CheckConstraint(
                condition=Q(revoked_at__isnull=True, revoked_by__isnull=True)
                | Q(revoked_at__isnull=False, revoked_by__isnull=False),
                name="partner_key_revoked_by_somebody",
            ),
        ]
        verbose_name = _("key of a partner")
        verbose_name_plural = _("keys of partners")

    def __str__(self) -> str:
        return f"K-{str(self.uuid)[:8].upper()}"


class SealState(models.TextChoices):
    DRAFTED = "drafted", _("waits for the partner's signature")
    SIGNED = "signed", _("signed, waits for a second person")
    PUBLISHED = "published", _("published")
    ENDED = "ended", _("ended")


class Seal(models.Model):
    """A statement about an appeal, the partner's signature of it, and who published it.

    The statement is the text that is signed, to the byte (seals/statements.py); everything that is said of the seal is
    read from it. The row keeps nothing of it a second time but its code.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    appeal = models.ForeignKey("fundraising.Appeal", models.PROTECT, related_name="seals", verbose_name=_("appeal"))
    key = models.ForeignKey(PartnerKey, models.PROTECT, related_name="seals", verbose_name=_("key"))
    statement = models.TextField(_("statement"))
    code = models.CharField(_("code"), max_length=12, unique=True)
    signature = models.CharField(_("signature (base64 of 64 bytes)"), max_length=88, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=SealState.choices, default=SealState.DRAFTED)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by"))
    at = models.DateTimeField(_("when"), default=timezone.now, editable=False)
    signed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    published_at = models.DateTimeField(_("published"), null=True)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(_("ended"), null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=SealState.values), name="seal_state_known"),
            models.CheckConstraint(
                condition=Q(signature="", signed_by__isnull=True)
                | Q(signature__regex=r"^[A-Za-z0-9+/]{86}==$", signed_by__isnull=False),
                name="seal_signature_whole",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["drafted", "signed"], published_by__isnull=True, ended_by__isnull=True)
                | Q(state="published", published_by__isnull=False, ended_by__isnull=True)
                | Q(state="ended", ended_by__isnull=False),
                name="seal_state_says_who",
            ),
            models.CheckConstraint(
                condition=Q(published_by__isnull=True)
                | ~Q(published_by=F("by")) & ~Q(published_by=F("signed_by")) & ~Q(signature=""),
                name="seal_takes_two_to_publish",
            ),
            models.CheckConstraint(condition=~Q(state="signed") | ~Q(signature=""), name="seal_signed_by_partner"),
        ]
        indexes = [models.Index(fields=["appeal", "state"], name="seal_of_appeal")]
        verbose_name = _("seal")
        verbose_name_plural = _("seals")

    def __str__(self) -> str:
        return f"S-{str(self.uuid)[:8].upper()}"
