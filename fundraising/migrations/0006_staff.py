"""Who may do what and what was done; exports; attempts that are counted."""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from fundraising.migrations._tables import Tables


class Migration(Tables):
    dependencies = [
        ("fundraising", "0005_money_trail"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="memberships",
                        to="fundraising.legalentity",
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("campaigner", "campaigner"),
                            ("donor_care", "donor care"),
                            ("finance", "finance"),
                            ("approver", "finance approver"),
                            ("auditor", "auditor"),
                            ("admin", "administrator"),
                        ],
                        max_length=12,
                        verbose_name="role",
                    ),
                ),
            ],
            options={
                "verbose_name": "role of a person",
                "verbose_name_plural": "roles of persons",
                "constraints": [
                    models.UniqueConstraint(fields=("user", "entity", "role"), name="membership_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("role__in", ["campaigner", "donor_care", "finance", "approver", "auditor", "admin"])
                        ),
                        name="membership_role_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="StaffAction",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="when")),
                (
                    "actor",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="actions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "actor_name",
                    models.CharField(help_text="As they were called then.", max_length=150, verbose_name="who"),
                ),
                (
                    "entity",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="actions",
                        to="fundraising.legalentity",
                    ),
                ),
                ("verb", models.CharField(max_length=60, verbose_name="what")),
                ("about", models.CharField(blank=True, max_length=160, verbose_name="to what")),
                ("before", models.JSONField(default=dict, verbose_name="before")),
                ("after", models.JSONField(default=dict, verbose_name="after")),
                ("reason", models.TextField(blank=True, verbose_name="why")),
                (
                    "previous_hash",
                    models.CharField(blank=True, help_text="So the chain never forks.", max_length=64, unique=True),
                ),
                ("hash", models.CharField(max_length=64, unique=True)),
            ],
            options={
                "verbose_name": "action of staff",
                "verbose_name_plural": "actions of staff",
                "indexes": [
                    models.Index(fields=["entity", "-id"], name="action_of_entity"),
                    models.Index(fields=["about", "-id"], name="action_about"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Export",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="exports",
                        to="fundraising.legalentity",
                    ),
                ),
                ("kind", models.CharField(max_length=40, verbose_name="what")),
                ("format", models.CharField(max_length=12, verbose_name="format")),
                ("filters", models.JSONField(default=dict)),
                (
                    "asked_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="exports", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "asked_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="asked for"),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "waits"),
                            ("working", "being written"),
                            ("ready", "ready"),
                            ("failed", "failed"),
                            ("expired", "expired"),
                        ],
                        default="waiting",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("claimed_until", models.DateTimeField(help_text="While a worker is at it.", null=True)),
                ("rows_done", models.PositiveIntegerField(default=0, verbose_name="rows written")),
                ("rows_total", models.PositiveIntegerField(null=True, verbose_name="rows")),
                ("error", models.CharField(blank=True, max_length=60, verbose_name="error")),
                ("expires_at", models.DateTimeField(null=True, verbose_name="expires")),
            ],
            options={
                "verbose_name": "export",
                "verbose_name_plural": "exports",
                "indexes": [models.Index(fields=["state", "asked_at"], name="export_due")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["waiting", "working", "ready", "failed", "expired"])),
                        name="export_state_known",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ExportPart",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "export",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="parts", to="fundraising.export"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("sealed", models.BinaryField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("export", "number"), name="export_part_once")],
            },
        ),
        migrations.CreateModel(
            name="Attempts",
            fields=[
                (
                    "key",
                    models.CharField(
                        help_text="Blind index of kind, client and stretch.",
                        max_length=64,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("ends_at", models.DateTimeField(db_index=True)),
            ],
            options={
                "verbose_name": "attempts",
                "verbose_name_plural": "attempts",
            },
        ),
    ]
