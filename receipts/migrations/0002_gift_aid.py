"""Gift Aid: declarations, and claims with their rows."""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import fundraising.vault
from fundraising.migrations._tables import Tables


class Migration(Tables):
    dependencies = [
        ("fundraising", "0002_donations_and_mandates"),
        ("receipts", "0001_papers_and_mail"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Declaration",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="fundraising.legalentity"
                    ),
                ),
                (
                    "donor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="gift_aid_declarations",
                        to="fundraising.donor",
                    ),
                ),
                ("title", fundraising.vault.SealedTextField(blank=True, default="", verbose_name="title")),
                ("first_name", fundraising.vault.SealedTextField(verbose_name="first name")),
                ("last_name", fundraising.vault.SealedTextField(verbose_name="last name")),
                ("house", fundraising.vault.SealedTextField(verbose_name="name or number of the house")),
                ("street", fundraising.vault.SealedTextField(blank=True, default="", verbose_name="street and town")),
                (
                    "postcode",
                    fundraising.vault.SealedTextField(
                        blank=True, default="", help_text="Empty: home outside the UK.", verbose_name="postcode"
                    ),
                ),
                (
                    "scope",
                    models.CharField(
                        choices=[
                            ("this", "this donation only"),
                            ("future", "donations from today on"),
                            ("all", "donations of the past four years and from today on"),
                        ],
                        max_length=8,
                        verbose_name="scope",
                    ),
                ),
                (
                    "donation",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="fundraising.donation",
                        verbose_name="donation",
                    ),
                ),
                ("wording", models.TextField(verbose_name="what the donor agreed to")),
                (
                    "wording_version",
                    models.PositiveSmallIntegerField(
                        help_text="Of the organisation's own wording; 0: ours.", verbose_name="version of the wording"
                    ),
                ),
                (
                    "way",
                    models.CharField(
                        choices=[("online", "on the donor's page"), ("paper", "on paper")],
                        max_length=8,
                        verbose_name="made",
                    ),
                ),
                ("declared_on", models.DateField(verbose_name="declared on")),
                ("recorded_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "recorded_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("cancelled_on", models.DateField(null=True, verbose_name="cancelled on")),
                (
                    "emptied_at",
                    models.DateTimeField(
                        help_text="The donor was erased, and nobody has to keep it any more.",
                        null=True,
                        verbose_name="emptied",
                    ),
                ),
            ],
            options={
                "verbose_name": "Gift Aid declaration",
                "verbose_name_plural": "Gift Aid declarations",
                "indexes": [models.Index(fields=["entity", "-id"], name="declaration_newest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("scope__in", ["this", "future", "all"])), name="declaration_scope_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("recorded_by__isnull", True), ("way", "online")),
                            models.Q(("recorded_by__isnull", False), ("way", "paper")),
                            _connector="OR",
                        ),
                        name="declaration_made_by_donor_or_recorded",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("donation__isnull", False), ("scope", "this")),
                            models.Q(models.Q(("scope", "this"), _negated=True), ("donation__isnull", True)),
                            _connector="OR",
                        ),
                        name="declaration_of_one_names_it",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("cancelled_on__isnull", True),
                            ("cancelled_on__gte", models.F("declared_on")),
                            _connector="OR",
                        ),
                        name="declaration_cancelled_after_made",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("wording", ""), _negated=True), name="declaration_has_wording"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="GiftAidClaim",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="gift_aid_claims",
                        to="fundraising.legalentity",
                    ),
                ),
                ("number", models.PositiveIntegerField(verbose_name="number")),
                ("until", models.DateField(verbose_name="donations until")),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="made")),
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "verbose_name": "Gift Aid claim",
                "verbose_name_plural": "Gift Aid claims",
                "constraints": [
                    models.UniqueConstraint(fields=("entity", "number"), name="gift_aid_claim_number_once"),
                    models.CheckConstraint(condition=models.Q(("number__gt", 0)), name="gift_aid_claim_numbered"),
                ],
            },
        ),
        migrations.CreateModel(
            name="GiftAidRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "claim",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="rows", to="receipts.giftaidclaim"
                    ),
                ),
                ("position", models.PositiveIntegerField()),
                (
                    "donation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="gift_aid_rows",
                        to="fundraising.donation",
                    ),
                ),
                (
                    "declaration",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="rows", to="receipts.declaration"
                    ),
                ),
                (
                    "adjusts",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="adjustments",
                        to="receipts.giftaidrow",
                    ),
                ),
                ("received_on", models.DateField()),
                ("amount_minor", models.BigIntegerField(verbose_name="amount (pence)")),
                ("sealed", fundraising.vault.SealedTextField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("adjusts__isnull", True)),
                        fields=("donation",),
                        name="donation_in_one_gift_aid_claim",
                    ),
                    models.UniqueConstraint(fields=("claim", "position"), name="gift_aid_row_position_once"),
                    models.UniqueConstraint(fields=("claim", "adjusts"), name="gift_aid_row_adjusted_once_a_claim"),
                    models.CheckConstraint(
                        condition=models.Q(("amount_minor__gt", 0), ("position__gt", 0)), name="gift_aid_row_positive"
                    ),
                ],
            },
        ),
    ]
