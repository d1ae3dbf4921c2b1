"""Series, receipts with their lines and documents, the paper of a year, print and mail."""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import fundraising.vault
from fundraising.migrations._tables import Tables


class Migration(Tables):
    initial = True

    dependencies = [
        ("fundraising", "0002_donations_and_mandates"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Letterhead",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="letterheads",
                        to="fundraising.legalentity",
                    ),
                ),
                ("logo", models.BinaryField(null=True, verbose_name="logo")),
                (
                    "logo_type",
                    models.CharField(
                        blank=True,
                        choices=[("image/png", "PNG"), ("image/svg+xml", "SVG")],
                        max_length=20,
                        verbose_name="type of the logo",
                    ),
                ),
                ("place", models.CharField(blank=True, max_length=120, verbose_name="place of issue")),
                ("signatory", models.CharField(blank=True, max_length=160, verbose_name="who signs")),
                ("signatory_role", models.CharField(blank=True, max_length=160, verbose_name="their role")),
                ("signature", models.BinaryField(null=True, verbose_name="facsimile of the signature (PNG)")),
                (
                    "archive",
                    models.BooleanField(
                        default=False,
                        help_text="Papers are issued as PDF/A-3, with what they say attached as data.",
                        verbose_name="archive files",
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "verbose_name": "letterhead",
                "verbose_name_plural": "letterheads",
                "indexes": [models.Index(fields=["entity", "-id"], name="letterhead_newest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("logo__isnull", True), ("logo_type", "")),
                            models.Q(("logo__isnull", False), models.Q(("logo_type", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="letterhead_logo_has_type",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="IssuerRegime",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="regimes",
                        to="fundraising.legalentity",
                    ),
                ),
                ("regime", models.CharField(max_length=20, verbose_name="regime")),
                (
                    "donor_countries",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=2),
                        blank=True,
                        default=list,
                        help_text="ISO 3166 codes. Empty: donors of every country that no other regime takes.",
                        size=None,
                        verbose_name="countries of donors",
                    ),
                ),
                (
                    "particulars",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text="What the law wants to read of the organisation.",
                        verbose_name="particulars",
                    ),
                ),
                (
                    "yearly",
                    models.BooleanField(
                        default=False,
                        help_text="Where the law lets one choose: one collective paper a year, and none of single donations.",
                        verbose_name="one paper a year",
                    ),
                ),
                ("since", models.DateField(verbose_name="for donations since")),
                ("until", models.DateField(blank=True, null=True, verbose_name="for donations until")),
            ],
            options={
                "verbose_name": "regime of a legal entity",
                "verbose_name_plural": "regimes of legal entities",
                "constraints": [
                    models.UniqueConstraint(fields=("entity", "regime", "since"), name="issuer_regime_once"),
                    models.CheckConstraint(
                        condition=models.Q(("until__isnull", True), ("until__gte", models.F("since")), _connector="OR"),
                        name="issuer_regime_ends_after_start",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Wording",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="paper_wordings",
                        to="fundraising.legalentity",
                    ),
                ),
                ("regime", models.CharField(max_length=20, verbose_name="regime")),
                ("slot", models.CharField(max_length=40, verbose_name="sentence")),
                ("locale", models.CharField(max_length=12, verbose_name="language")),
                ("version", models.PositiveSmallIntegerField(verbose_name="version")),
                ("text", models.TextField(verbose_name="text")),
                (
                    "signed_off_by",
                    models.CharField(
                        default="",
                        help_text="The accountant or lawyer who says it is right.",
                        max_length=160,
                        verbose_name="signed off by",
                    ),
                ),
                (
                    "written_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("written_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "verbose_name": "wording of a paper",
                "verbose_name_plural": "wordings of papers",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("entity", "regime", "slot", "locale", "version"), name="paper_wording_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("text", ""), _negated=True), name="paper_wording_says_something"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Series",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="receipt_series",
                        to="fundraising.legalentity",
                    ),
                ),
                ("regime", models.CharField(max_length=20, verbose_name="regime")),
                (
                    "kind",
                    models.CharField(
                        choices=[("donation", "receipt for one donation"), ("annual", "statement of a year")],
                        max_length=20,
                        verbose_name="kind",
                    ),
                ),
                ("year", models.PositiveSmallIntegerField(verbose_name="year")),
                ("prefix", models.CharField(max_length=12, verbose_name="prefix")),
                ("last_number", models.PositiveIntegerField(default=0, verbose_name="last number")),
            ],
            options={
                "verbose_name": "series",
                "verbose_name_plural": "series",
                "constraints": [
                    models.UniqueConstraint(fields=("entity", "regime", "kind", "year"), name="series_once"),
                    models.UniqueConstraint(fields=("prefix", "year"), name="series_prefix_once"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["donation", "annual"])), name="series_kind_known"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Receipt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "series",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="receipts",
                        to="receipts.series",
                        verbose_name="series",
                    ),
                ),
                ("sequence", models.PositiveIntegerField(verbose_name="number in the series")),
                ("number", models.CharField(max_length=32, unique=True, verbose_name="number")),
                (
                    "donor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="receipts",
                        to="fundraising.donor",
                        verbose_name="donor",
                    ),
                ),
                (
                    "donation",
                    models.ForeignKey(
                        help_text="Empty where the paper is of a year.",
                        null=True,
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
                (
                    "opened_at",
                    models.DateTimeField(help_text="First download.", null=True, verbose_name="opened by the donor"),
                ),
                ("ended_at", models.DateTimeField(null=True, verbose_name="voided or replaced")),
                (
                    "ended_reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("refunded", "the donation was refunded in full"),
                            ("taken_back", "the bank took the donation back"),
                            ("amount_changed", "the amount kept has changed"),
                            ("corrected", "the donor's details were corrected"),
                            ("not_theirs", "the money was not this donation's"),
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
            ],
            options={
                "verbose_name": "receipt",
                "verbose_name_plural": "receipts",
                "constraints": [
                    models.UniqueConstraint(fields=("series", "sequence"), name="receipt_sequence_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "issued")),
                        fields=("donation",),
                        name="one_issued_receipt_per_donation",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount_minor__gte", 0), ("sequence__gt", 0)), name="receipt_positive"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("replaces", models.F("id")), _negated=True), name="receipt_replaces_another"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("donation__isnull", True), ("state", "issued")),
                        fields=("series", "donor", "currency"),
                        name="one_issued_statement_per_year",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("ended_at__isnull", True), ("ended_by", ""), ("ended_reason", ""), ("state", "issued")
                            ),
                            models.Q(
                                ("ended_at__isnull", False),
                                ("state__in", ["voided", "replaced"]),
                                models.Q(("ended_reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="receipt_end_has_date_and_reason",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ReceiptLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "receipt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="receipts.receipt"
                    ),
                ),
                (
                    "donation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="receipt_lines",
                        to="fundraising.donation",
                    ),
                ),
                ("amount_minor", models.BigIntegerField(verbose_name="amount (minor units)")),
                ("received_on", models.DateField(verbose_name="received on")),
                (
                    "claims",
                    models.BooleanField(
                        default=True,
                        help_text="The paper stands for the donation; false when it ended, or only lists it.",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("receipt", "donation"), name="receipt_line_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("claims", True)), fields=("donation",), name="donation_claimed_once"
                    ),
                    models.CheckConstraint(condition=models.Q(("amount_minor__gte", 0)), name="receipt_line_positive"),
                ],
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
            name="SealedPaper",
            fields=[
                (
                    "receipt",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="sealing",
                        serialize=False,
                        to="receipts.receipt",
                    ),
                ),
                ("sealed_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="sealed")),
                (
                    "kept_until",
                    models.DateField(
                        help_text="The last day that the law wants the paper kept.", verbose_name="kept until"
                    ),
                ),
                ("emptied_at", models.DateTimeField(null=True, verbose_name="emptied")),
            ],
            options={
                "verbose_name": "sealed paper",
                "verbose_name_plural": "sealed papers",
                "indexes": [
                    models.Index(
                        condition=models.Q(("emptied_at", None)), fields=["kept_until"], name="sealed_paper_kept"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Advantage",
            fields=[
                (
                    "donation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="advantage",
                        serialize=False,
                        to="fundraising.donation",
                    ),
                ),
                ("description", models.CharField(max_length=200, verbose_name="what the donor got")),
                ("value_minor", models.BigIntegerField(verbose_name="value in good faith (minor units)")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                (
                    "noted_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("noted_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "verbose_name": "what a donor got in return",
                "verbose_name_plural": "what donors got in return",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("value_minor__gte", 0), models.Q(("description", ""), _negated=True)),
                        name="advantage_described_and_valued",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="AnnualRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="annual_runs",
                        to="fundraising.legalentity",
                    ),
                ),
                ("year", models.PositiveSmallIntegerField(verbose_name="year")),
                (
                    "asked_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "asked_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="asked for"),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "waits"), ("working", "in progress"), ("done", "done")],
                        default="waiting",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("claimed_until", models.DateTimeField(help_text="While a worker is at it.", null=True)),
                ("finished_at", models.DateTimeField(null=True, verbose_name="finished")),
                ("after_donor", models.BigIntegerField(default=0, help_text="Key of the last donor that was done.")),
                ("donors_total", models.PositiveIntegerField(default=0, verbose_name="donors")),
                ("donors_done", models.PositiveIntegerField(default=0, verbose_name="done")),
                ("issued", models.PositiveIntegerField(default=0, verbose_name="issued")),
                ("replaced", models.PositiveIntegerField(default=0, verbose_name="replaced")),
                ("voided", models.PositiveIntegerField(default=0, verbose_name="voided")),
                ("refused", models.PositiveIntegerField(default=0, verbose_name="refused")),
            ],
            options={
                "verbose_name": "run of the papers of a year",
                "verbose_name_plural": "runs of the papers of years",
                "indexes": [models.Index(fields=["entity", "-id"], name="annual_run_newest")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "done"), _negated=True),
                        fields=("entity", "year"),
                        name="one_annual_run_under_way",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["waiting", "working", "done"])), name="annual_run_state_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("finished_at__isnull", False), ("state", "done")),
                            models.Q(models.Q(("state", "done"), _negated=True), ("finished_at__isnull", True)),
                            _connector="OR",
                        ),
                        name="annual_run_done_has_date",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("claimed_until__isnull", False), ("state", "working")),
                            models.Q(models.Q(("state", "working"), _negated=True), ("claimed_until__isnull", True)),
                            _connector="OR",
                        ),
                        name="annual_run_working_is_claimed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("donors_done__gte", models.F("refused"))),
                        name="annual_run_refuses_donors_that_were_done",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="YearRefusal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "donor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="year_refusals",
                        to="fundraising.donor",
                    ),
                ),
                ("year", models.PositiveSmallIntegerField(verbose_name="year")),
                ("code", models.CharField(max_length=60, verbose_name="reason")),
                ("first_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="first refused")),
                ("attempts", models.PositiveIntegerField(default=1, verbose_name="attempts")),
                ("next_attempt_at", models.DateTimeField(verbose_name="next attempt")),
            ],
            options={
                "verbose_name": "refused paper of a year",
                "verbose_name_plural": "refused papers of years",
                "constraints": [models.UniqueConstraint(fields=("donor", "year"), name="year_refused_once")],
            },
        ),
        migrations.CreateModel(
            name="OutgoingMail",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "receipt",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mails",
                        to="receipts.receipt",
                        verbose_name="receipt",
                    ),
                ),
                (
                    "notice",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mail",
                        to="fundraising.notice",
                        verbose_name="notice",
                    ),
                ),
                (
                    "donor",
                    models.ForeignKey(
                        help_text="Of a link: a donor has one row of each kind, sent as often as they ask.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="link_mails",
                        to="fundraising.donor",
                        verbose_name="donor",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("receipt", "receipt"),
                            ("replacement", "receipt that replaces another"),
                            ("voided", "notice that a receipt is void"),
                            ("notice", "notice"),
                            ("details", "link for the details of tax receipts"),
                            ("papers", "link to all papers"),
                            ("gift_aid", "link for a Gift Aid declaration"),
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
                            ("bounced", "sent, and came back"),
                            ("failed", "failed"),
                            ("cancelled", "cancelled: overtaken before it was sent"),
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
                    "provider_id",
                    models.CharField(
                        blank=True,
                        help_text="By which its events name the mail.",
                        max_length=200,
                        verbose_name="id at the mail provider",
                    ),
                ),
                (
                    "delivered_at",
                    models.DateTimeField(
                        help_text="The donor's mail server took it.", null=True, verbose_name="delivered"
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
                    ),
                    models.Index(
                        condition=models.Q(("state__in", ["failed", "bounced"])),
                        fields=["next_attempt_at"],
                        name="mail_failed",
                    ),
                    models.Index(
                        condition=models.Q(("provider_id", ""), _negated=True),
                        fields=["provider_id"],
                        name="mail_by_provider_id",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("receipt", "kind"), name="mail_once_per_kind"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("donor__isnull", True),
                                ("kind", "notice"),
                                ("notice__isnull", False),
                                ("receipt__isnull", True),
                            ),
                            models.Q(
                                ("donor__isnull", False),
                                ("kind__in", ("details", "papers", "gift_aid")),
                                ("notice__isnull", True),
                                ("receipt__isnull", True),
                            ),
                            models.Q(
                                models.Q(("kind__in", ["notice", "details", "papers", "gift_aid"]), _negated=True),
                                ("donor__isnull", True),
                                ("notice__isnull", True),
                                ("receipt__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="mail_of_receipt_or_notice",
                    ),
                    models.UniqueConstraint(fields=("donor", "kind"), name="mail_of_link_once"),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["due", "sending", "sent", "bounced", "failed", "cancelled"])),
                        name="mail_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                ["receipt", "replacement", "voided", "notice", "details", "papers", "gift_aid"],
                            )
                        ),
                        name="mail_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("sent_at__isnull", False), ("state__in", ["sent", "bounced"])),
                            models.Q(
                                models.Q(("state__in", ["sent", "bounced"]), _negated=True),
                                ("delivered_at__isnull", True),
                                ("sent_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="mail_sent_has_date",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="MailEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "key",
                    models.CharField(help_text="SHA-256 of what makes the event itself.", max_length=64, unique=True),
                ),
                ("provider_id", models.CharField(max_length=200, verbose_name="id at the mail provider")),
                ("kind", models.CharField(max_length=20, verbose_name="kind")),
                ("reason", models.CharField(blank=True, max_length=40, verbose_name="reason")),
                ("happened_at", models.DateTimeField(verbose_name="happened")),
                (
                    "received_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="received"),
                ),
            ],
            options={
                "verbose_name": "event of a mail",
                "verbose_name_plural": "events of mails",
                "indexes": [models.Index(fields=["provider_id"], name="mail_event_of_mail")],
            },
        ),
        migrations.CreateModel(
            name="PrintBatch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="print_batches",
                        to="fundraising.legalentity",
                    ),
                ),
                ("number", models.PositiveIntegerField(verbose_name="number")),
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "made_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="made"),
                ),
                ("count", models.PositiveIntegerField(verbose_name="papers")),
            ],
            options={
                "verbose_name": "print batch",
                "verbose_name_plural": "print batches",
                "constraints": [
                    models.UniqueConstraint(fields=("entity", "number"), name="print_batch_number_once"),
                    models.CheckConstraint(condition=models.Q(("count__gt", 0)), name="print_batch_not_empty"),
                ],
            },
        ),
        migrations.CreateModel(
            name="PrintedReceipt",
            fields=[
                (
                    "batch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="papers", to="receipts.printbatch"
                    ),
                ),
                (
                    "receipt",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="printed",
                        serialize=False,
                        to="receipts.receipt",
                    ),
                ),
            ],
        ),
    ]
