"""Donors: the only table with names and addresses of givers, all of them encrypted."""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..vault import SealedTextField


class Donor(models.Model):
    """A person or organisation giving to one legal entity, as they named themselves.

    The same e-mail address under another name is another donor: nobody can rename somebody else by
    typing their address. All donors of an address are found by `email_index`, in any letter case.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    entity = models.ForeignKey("fundraising.LegalEntity", models.PROTECT, related_name="donors")
    email_index = models.CharField(max_length=64, db_index=True, editable=False)
    identity_index = models.CharField(max_length=64, editable=False)
    name_words = ArrayField(
        models.CharField(max_length=64), default=list, editable=False, help_text="Blind indexes of each word."
    )
    email = SealedTextField(_("e-mail"))
    first_name = SealedTextField(_("first name"))
    last_name = SealedTextField(_("last name"))
    organisation = SealedTextField(
        _("organisation"), blank=True, default="", help_text=_("The company or body that gives, through this person.")
    )
    country = models.CharField(_("country"), max_length=2)
    locale = models.CharField(_("language"), max_length=12)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    erased_at = models.DateTimeField(_("erased"), null=True, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["entity", "identity_index"], name="donor_identity_once")]
        indexes = [GinIndex(fields=["name_words"], name="donor_words")]
        verbose_name = _("donor")
        verbose_name_plural = _("donors")

    def __str__(self) -> str:
        return str(self.uuid)

    @property
    def full_name(self) -> str:
        """The person's name, also where an organisation gives."""
        return f"{self.first_name} {self.last_name}".strip()


class TaxDetails(models.Model):
    """What a tax receipt needs of a donor beyond their name. Asked for only where a law wants it, and never shown back
    to a browser: whoever knows a donor's e-mail address and name could otherwise read where they live.
    """

    donor = models.OneToOneField(Donor, models.PROTECT, primary_key=True, related_name="tax_details")
    title = SealedTextField(_("title"), blank=True, default="")
    street = SealedTextField(_("street and number"), blank=True, default="")
    postcode = SealedTextField(_("postcode"), blank=True, default="")
    city = SealedTextField(_("town"), blank=True, default="")
    region = SealedTextField(_("region"), blank=True, default="")
    tax_number = SealedTextField(_("tax or national number"), blank=True, default="")
    changed_at = models.DateTimeField(_("changed"), default=timezone.now)

    class Meta:
        verbose_name = _("details for tax receipts")
        verbose_name_plural = _("details for tax receipts")

    def __str__(self) -> str:
        return str(self.donor_id)

    @property
    def has_address(self) -> bool:
        """Whether a letter would arrive."""
        return bool(self.street and self.city)
