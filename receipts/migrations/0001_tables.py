import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import fundraising.vault


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("fundraising", "0002_ledger_rules"),
    ]

    operations = [
        migrations.CreateModel(
            name="Receipt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sequence", models.PositiveIntegerField(verbose_name="number in the series")),
                ("number", models.CharField(max_length=32, unique=True, verbose_name="number")),
                ("locale", models.CharField(max_length=12, verbose_name="language")),
                ("template", models.CharField(max_length=40, verbose_name="template and version")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                ("amount_minor", models.BigIntegerField(verbose_name="amount (minor units)")),
                ("received_on", models.DateField(verbose_name="received on")),
                (
                    "snapshot",
                    fundraising.vault.SealedTextField(
                        help_text="JSON, see receipts/snapshot.py", verbose_name="every field as printed"
                    ),
                ),
                ("pdf_sha256", models.CharField(max_length=64, verbose_name="SHA-256 of the PDF")),
                ("check_code", models.CharField(max_length=16, verbose_name="check code")),
                ("issued_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="issued")),
                (
                    "state",
                    models.CharField(
                        choices=[("issued", "issued"), ("voided", "voided"), ("replaced", "replaced")],
                        default="issued",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("ended_at", models.DateTimeField(null=True, verbose_name="voided or replaced")),
                (
                    "ended_reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("refunded", "the donation was refunded in full"),
                            ("amount_changed", "the amount kept has changed"),
                            ("corrected", "the donor's details were corrected"),
                        ],
                        max_length=20,
                        verbose_name="reason",
                    ),
                ),
                (
                    "ended_by",
                    models.CharField(
                        blank=True, help_text="Empty: by the service itself.", max_length=150, verbose_name="by"
                    ),
                ),
                (
                    "donation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="receipts",
                        to="fundraising.donation",
                        verbose_name="donation",
                    ),
                ),
                (
                    "replaces",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replaced_by",
                        to="receipts.receipt",
                        verbose_name="replaces",
                    ),
                ),
            ],
            options={
                "verbose_name": "receipt",
                "verbose_name_plural": "receipts",
            },
        ),
        migrations.CreateModel(
            name="Refusal",
            fields=[
                (
                    "donation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="receipt_refusal",
                        serialize=False,
                        to="fundraising.donation",
                    ),
                ),
                ("code", models.CharField(max_length=60, verbose_name="reason")),
                ("first_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="first refused")),
                ("attempts", models.PositiveIntegerField(default=1, verbose_name="attempts")),
                ("next_attempt_at", models.DateTimeField(verbose_name="next attempt")),
            ],
            options={
                "verbose_name": "refused receipt",
                "verbose_name_plural": "refused receipts",
            },
        ),
        migrations.CreateModel(
            name="Document",
            fields=[
                (
                    "receipt",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="document",
                        serialize=False,
                        to="receipts.receipt",
                    ),
                ),
                ("sealed_pdf", models.BinaryField()),
            ],
            options={
                "verbose_name": "document",
                "verbose_name_plural": "documents",
            },
        ),
        migrations.CreateModel(
            name="Series",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("regime", models.CharField(max_length=20, verbose_name="regime")),
                (
                    "kind",
                    models.CharField(
                        choices=[("donation", "receipt for one donation")], max_length=20, verbose_name="kind"
                    ),
                ),
                ("year", models.PositiveSmallIntegerField(verbose_name="year")),
                ("prefix", models.CharField(max_length=12, verbose_name="prefix")),
                ("last_number", models.PositiveIntegerField(default=0, verbose_name="last number")),
                (
                    "entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="receipt_series",
                        to="fundraising.legalentity",
                    ),
                ),
            ],
            options={
                "verbose_name": "series",
                "verbose_name_plural": "series",
            },
        ),
        migrations.AddField(
            model_name="receipt",
            name="series",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="receipts",
                to="receipts.series",
                verbose_name="series",
            ),
        ),
        migrations.CreateModel(
            name="OutgoingMail",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("receipt", "receipt"),
                            ("replacement", "receipt that replaces another"),
                            ("voided", "notice that a receipt is void"),
                        ],
                        max_length=12,
                        verbose_name="kind",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("due", "due"),
                            ("sending", "being sent"),
                            ("sent", "sent"),
                            ("failed", "failed"),
                            ("cancelled", "cancelled: the receipt ended first"),
                        ],
                        default="due",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                (
                    "message_id",
                    models.CharField(
                        help_text="The same in every attempt, so that mail programs drop a twin.",
                        max_length=320,
                        verbose_name="message id",
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                (
                    "next_attempt_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now,
                        help_text="While being sent: when the claim lapses.",
                        verbose_name="next attempt",
                    ),
                ),
                ("last_error", models.CharField(blank=True, max_length=80, verbose_name="last error")),
                ("sent_at", models.DateTimeField(null=True, verbose_name="sent")),
                (
                    "receipt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mails",
                        to="receipts.receipt",
                        verbose_name="receipt",
                    ),
                ),
            ],
            options={
                "verbose_name": "outgoing mail",
                "verbose_name_plural": "outgoing mails",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ["due", "sending"])),
                        fields=["next_attempt_at"],
                        name="mail_due",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("receipt", "kind"), name="mail_once_per_kind"),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["due", "sending", "sent", "failed", "cancelled"])),
                        name="mail_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["receipt", "replacement", "voided"])), name="mail_kind_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("sent_at__isnull", False), ("state", "sent")),
                            models.Q(models.Q(("state", "sent"), _negated=True), ("sent_at__isnull", True)),
                            _connector="OR",
                        ),
                        name="mail_sent_has_date",
                    ),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="series",
            constraint=models.UniqueConstraint(fields=("entity", "regime", "kind", "year"), name="series_once"),
        ),
        migrations.AddConstraint(
            model_name="series",
            constraint=models.UniqueConstraint(fields=("prefix", "year"), name="series_prefix_once"),
        ),
        migrations.AddConstraint(
            model_name="series",
            constraint=models.CheckConstraint(condition=models.Q(("kind__in", ["donation"])), name="series_kind_known"),
        ),
        migrations.AddConstraint(
            model_name="receipt",
            constraint=models.UniqueConstraint(fields=("series", "sequence"), name="receipt_sequence_once"),
        ),
        migrations.AddConstraint(
            model_name="receipt",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "issued")), fields=("donation",), name="one_issued_receipt_per_donation"
            ),
        ),
        migrations.AddConstraint(
            model_name="receipt",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount_minor__gt", 0), ("sequence__gt", 0)), name="receipt_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="receipt",
            constraint=models.CheckConstraint(
                condition=models.Q(("replaces", models.F("id")), _negated=True), name="receipt_replaces_another"
            ),
        ),
        migrations.AddConstraint(
            model_name="receipt",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", True), ("ended_by", ""), ("ended_reason", ""), ("state", "issued")),
                    models.Q(
                        ("ended_at__isnull", False),
                        ("state__in", ["voided", "replaced"]),
                        models.Q(("ended_reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="receipt_end_has_date_and_reason",
            ),
        ),
    ]
