"""Staff: who may do what for which legal entity, and the trail of what they did."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What a person does for a legal entity; fundraising/roles.py says what each may."""

    CAMPAIGNER = "campaigner", _("campaigner")
    DONOR_CARE = "donor_care", _("donor care")
    FINANCE = "finance", _("finance")
    APPROVER = "approver", _("finance approver")
    AUDITOR = "auditor", _("auditor")
    ADMIN = "admin", _("administrator")


class Membership(models.Model):
    """A role of a person at one legal entity; they may have several."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    entity = models.ForeignKey("fundraising.LegalEntity", models.PROTECT, related_name="memberships")
    role = models.CharField(_("role"), max_length=12, choices=Role.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "entity", "role"], name="membership_once"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
        ]
        verbose_name = _("role of a person")
        verbose_name_plural = _("roles of persons")

    def __str__(self) -> str:
        return f"{self.user}: {self.role} ({self.entity_id})"


class StaffAction(models.Model):
    """One line of the trail: who did what to what, before and after, when and why. Written by fundraising/trail.py.

    Never changed or deleted, and each line carries the hash of the one before it. No names or addresses of donors.
    """

    at = models.DateTimeField(_("when"), default=timezone.now, editable=False)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="actions")
    actor_name = models.CharField(_("who"), max_length=150, help_text=_("As they were called then."))
    entity = models.ForeignKey("fundraising.LegalEntity", models.PROTECT, null=True, related_name="actions")
    verb = models.CharField(_("what"), max_length=60)
    about = models.CharField(_("to what"), max_length=160, blank=True)
    before = models.JSONField(_("before"), default=dict)
    after = models.JSONField(_("after"), default=dict)
    reason = models.TextField(_("why"), blank=True)
    previous_hash = models.CharField(max_length=64, blank=True, unique=True, help_text="So the chain never forks.")
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        indexes = [
            models.Index(fields=["entity", "-id"], name="action_of_entity"),
            models.Index(fields=["about", "-id"], name="action_about"),
        ]
        verbose_name = _("action of staff")
        verbose_name_plural = _("actions of staff")

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor_name} {self.verb} {self.about}"
