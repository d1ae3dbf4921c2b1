"""Fund reports, what they say of people, and IATI activities."""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from fundraising.migrations._tables import Tables


class Migration(Tables):
    dependencies = [
        ("fundraising", "0002_donations_and_mandates"),
        ("receipts", "0002_gift_aid"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="FundReport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "appeal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reports",
                        to="fundraising.appeal",
                        verbose_name="appeal",
                    ),
                ),
                ("revision", models.PositiveIntegerField(null=True, verbose_name="revision")),
                ("first", models.DateField(verbose_name="first day")),
                ("last", models.DateField(verbose_name="last day")),
                ("next_on", models.DateField(blank=True, null=True, verbose_name="next report on")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "draft"),
                            ("waiting", "being made"),
                            ("issued", "issued"),
                            ("failed", "failed"),
                        ],
                        default="draft",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                (
                    "data",
                    models.JSONField(
                        default=dict, help_text="Minor units, see receipts/reports/reading.py", verbose_name="figures"
                    ),
                ),
                (
                    "drafted_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("drafted_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="drafted")),
                (
                    "issued_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("issued_at", models.DateTimeField(null=True, verbose_name="issued")),
                ("claimed_until", models.DateTimeField(help_text="While a worker is at it.", null=True)),
                ("error", models.CharField(blank=True, max_length=60, verbose_name="error")),
                ("edition", models.PositiveSmallIntegerField(default=1, verbose_name="edition")),
                ("reissued_at", models.DateTimeField(null=True, verbose_name="issued again")),
                (
                    "masked_through",
                    models.BigIntegerField(default=0, help_text="The last Masking that was looked up for it."),
                ),
            ],
            options={
                "verbose_name": "fund report",
                "verbose_name_plural": "fund reports",
                "constraints": [
                    models.UniqueConstraint(fields=("appeal", "revision"), name="report_revision_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "issued"), _negated=True),
                        fields=("appeal",),
                        name="one_report_of_an_appeal_in_the_making",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("last__gte", models.F("first"))), name="report_ends_after_start"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["draft", "waiting", "issued", "failed"])),
                        name="report_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("issued_at__isnull", False),
                                ("issued_by__isnull", False),
                                ("revision__gte", 1),
                                ("state", "issued"),
                            ),
                            models.Q(
                                models.Q(("state", "issued"), _negated=True),
                                ("issued_at__isnull", True),
                                ("revision__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="report_issued_has_number_and_date",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ReportNote",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "report",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="notes", to="receipts.fundreport"
                    ),
                ),
                ("locale", models.CharField(max_length=12, verbose_name="language")),
                ("text", models.TextField(verbose_name="text")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("report", "locale"), name="report_note_once"),
                    models.CheckConstraint(
                        condition=models.Q(("text", ""), _negated=True), name="report_note_says_something"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ReportDocument",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "report",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="documents", to="receipts.fundreport"
                    ),
                ),
                ("locale", models.CharField(max_length=12, verbose_name="language")),
                (
                    "format",
                    models.CharField(
                        choices=[("pdf", "PDF"), ("csv", "CSV"), ("xlsx", "XLSX")], max_length=4, verbose_name="format"
                    ),
                ),
                ("content", models.BinaryField()),
                ("sha256", models.CharField(max_length=64)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("report", "locale", "format"), name="report_document_once"),
                    models.CheckConstraint(
                        condition=models.Q(("format__in", ["pdf", "csv", "xlsx"])), name="report_format_known"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SealedEdition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "report",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sealed_editions",
                        to="receipts.fundreport",
                    ),
                ),
                ("edition", models.PositiveSmallIntegerField(verbose_name="edition")),
                ("sealed", models.BinaryField()),
                ("sealed_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="sealed")),
            ],
            options={
                "verbose_name": "sealed edition",
                "verbose_name_plural": "sealed editions",
                "constraints": [models.UniqueConstraint(fields=("report", "edition"), name="sealed_edition_once")],
            },
        ),
        migrations.CreateModel(
            name="Situation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "report",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="situation", to="receipts.fundreport"
                    ),
                ),
                ("on", models.DateField(verbose_name="date")),
                (
                    "over",
                    models.CharField(
                        choices=[("days", "in the days of this report"), ("ever", "since the appeal began")],
                        default="days",
                        max_length=4,
                        verbose_name="people counted",
                    ),
                ),
                (
                    "counted",
                    models.CharField(
                        choices=[
                            ("once", "Each person is counted once."),
                            (
                                "by_purpose",
                                "Whoever was helped in several ways is counted once for each, and once in all.",
                            ),
                            (
                                "each_time",
                                "Each time somebody was helped is counted: one person may be in it several times.",
                            ),
                        ],
                        default="once",
                        max_length=10,
                        verbose_name="counted twice?",
                    ),
                ),
            ],
            options={
                "verbose_name": "situation",
                "verbose_name_plural": "situations",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("over__in", ["days", "ever"])), name="situation_over_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("counted__in", ["once", "by_purpose", "each_time"])),
                        name="situation_counted_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SituationText",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "situation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="texts", to="receipts.situation"
                    ),
                ),
                ("locale", models.CharField(max_length=12, verbose_name="language")),
                ("text", models.TextField(blank=True, verbose_name="situation")),
                ("basis", models.TextField(blank=True, verbose_name="how people were counted")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("situation", "locale"), name="situation_text_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("text", ""), _negated=True),
                            models.Q(("basis", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="situation_text_says_something",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PeopleAssisted",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "situation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="people", to="receipts.situation"
                    ),
                ),
                (
                    "category",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("evacuation", "evacuation and travel"),
                            ("documents", "visas and documents"),
                            ("legal", "legal costs"),
                            ("fines", "fines and bail"),
                            ("housing", "housing"),
                            ("medical", "medical care"),
                            ("food", "food and daily needs"),
                            ("social_work", "social workers"),
                            ("coordination", "coordination"),
                            ("other", "other"),
                        ],
                        max_length=20,
                        verbose_name="category",
                    ),
                ),
                ("assisted", models.PositiveIntegerField(verbose_name="people assisted")),
                ("target", models.PositiveIntegerField(null=True, verbose_name="people to be assisted")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("situation", "category"), name="people_of_category_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("category", ""),
                            (
                                "category__in",
                                [
                                    "evacuation",
                                    "documents",
                                    "legal",
                                    "fines",
                                    "housing",
                                    "medical",
                                    "food",
                                    "social_work",
                                    "coordination",
                                    "other",
                                ],
                            ),
                            _connector="OR",
                        ),
                        name="people_category_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("target__isnull", True), ("target__gt", 0), _connector="OR"),
                        name="people_target_positive",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="IatiPublisher",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "entity",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="iati_publisher",
                        to="fundraising.legalentity",
                    ),
                ),
                ("identifier", models.CharField(max_length=100, verbose_name="organisation identifier")),
                ("kind", models.CharField(max_length=2, verbose_name="organisation type")),
            ],
            options={
                "verbose_name": "IATI publisher",
                "verbose_name_plural": "IATI publishers",
            },
        ),
        migrations.CreateModel(
            name="IatiActivity",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "appeal",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="iati_activity",
                        to="fundraising.appeal",
                    ),
                ),
                ("region", models.CharField(max_length=3, verbose_name="region")),
                ("humanitarian", models.BooleanField(default=True, verbose_name="humanitarian aid")),
                (
                    "state",
                    models.CharField(
                        choices=[("off", "off"), ("asked", "waits for a second person"), ("on", "on")],
                        default="off",
                        max_length=5,
                        verbose_name="state",
                    ),
                ),
                (
                    "asked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "IATI activity",
                "verbose_name_plural": "IATI activities",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("asked_by__isnull", True), ("decided_by__isnull", True), ("state", "off")),
                            models.Q(("asked_by__isnull", False), ("decided_by__isnull", True), ("state", "asked")),
                            models.Q(
                                ("asked_by__isnull", False),
                                ("decided_by__isnull", False),
                                ("state", "on"),
                                models.Q(("decided_by", models.F("asked_by")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="iati_on_by_two",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="IatiSector",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "activity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="sectors", to="receipts.iatiactivity"
                    ),
                ),
                (
                    "category",
                    models.CharField(
                        choices=[
                            ("evacuation", "evacuation and travel"),
                            ("documents", "visas and documents"),
                            ("legal", "legal costs"),
                            ("fines", "fines and bail"),
                            ("housing", "housing"),
                            ("medical", "medical care"),
                            ("food", "food and daily needs"),
                            ("social_work", "social workers"),
                            ("coordination", "coordination"),
                            ("other", "other"),
                        ],
                        max_length=20,
                        verbose_name="category",
                    ),
                ),
                ("code", models.CharField(max_length=5, verbose_name="sector")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("activity", "category"), name="iati_sector_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "category__in",
                                [
                                    "evacuation",
                                    "documents",
                                    "legal",
                                    "fines",
                                    "housing",
                                    "medical",
                                    "food",
                                    "social_work",
                                    "coordination",
                                    "other",
                                ],
                            )
                        ),
                        name="iati_category_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("code__regex", "^[0-9]{5}$")), name="iati_sector_five_digits"
                    ),
                ],
            },
        ),
    ]
