"""Budgets, partners, the steps of the money, policies on administrative costs, and seals."""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import fundraising.money
import fundraising.vault
from fundraising.migrations._tables import Tables


class Migration(Tables):
    dependencies = [
        ("fundraising", "0004_bank_and_books"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="BudgetLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "appeal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="budget_lines",
                        to="fundraising.appeal",
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
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
            ],
            options={
                "verbose_name": "budget line",
                "verbose_name_plural": "budget lines",
                "ordering": ["appeal", "position", "pk"],
                "constraints": [
                    models.UniqueConstraint(fields=("appeal", "category"), name="budget_line_once"),
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
                        name="budget_category_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BudgetAmount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "line",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="amounts", to="fundraising.budgetline"
                    ),
                ),
                (
                    "currency",
                    models.CharField(choices=fundraising.money.currencies, max_length=3, verbose_name="currency"),
                ),
                ("amount_minor", models.BigIntegerField(verbose_name="amount (minor units)")),
                ("reason", models.CharField(max_length=300, verbose_name="reason")),
                ("set_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "verbose_name": "budgeted amount",
                "verbose_name_plural": "budgeted amounts",
                "indexes": [models.Index(fields=["line", "currency", "-id"], name="budget_newest")],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("amount_minor__gte", 0)), name="budget_not_negative")
                ],
            },
        ),
        migrations.CreateModel(
            name="OverheadPolicy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "appeal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="overhead_policies",
                        to="fundraising.appeal",
                    ),
                ),
                ("basis_points", models.PositiveSmallIntegerField(verbose_name="hundredths of a per cent")),
                ("reason", models.CharField(max_length=300, verbose_name="reason")),
                ("needs_second", models.BooleanField(default=False, verbose_name="needs a second person")),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "waits for approval"), ("stated", "stated"), ("rejected", "rejected")],
                        default="waiting",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("written_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("stated_at", models.DateTimeField(editable=False, null=True)),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("decided_at", models.DateTimeField(editable=False, null=True)),
            ],
            options={
                "verbose_name": "policy on administrative costs",
                "verbose_name_plural": "policies on administrative costs",
                "indexes": [models.Index(fields=["appeal", "-stated_at"], name="policy_by_time")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("basis_points__lte", 3000)), name="overhead_policy_sane"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("decided_by__isnull", True),
                            models.Q(("decided_by", models.F("by")), _negated=True),
                            _connector="OR",
                        ),
                        name="policy_author_cannot_approve",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("decided_by__isnull", True),
                                ("needs_second", True),
                                ("state", "waiting"),
                                ("stated_at__isnull", True),
                            ),
                            models.Q(("decided_by__isnull", False), ("state", "rejected"), ("stated_at__isnull", True)),
                            models.Q(
                                ("state", "stated"),
                                ("stated_at__isnull", False),
                                models.Q(("needs_second", False), ("decided_by__isnull", False), _connector="OR"),
                            ),
                            _connector="OR",
                        ),
                        name="policy_needs_two",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "waiting")), fields=("appeal",), name="policy_one_waits"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Partner",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="partners",
                        to="fundraising.legalentity",
                    ),
                ),
                ("real_name", fundraising.vault.SealedTextField(verbose_name="real name")),
                ("contact", fundraising.vault.SealedTextField(blank=True, default="", verbose_name="contact")),
                ("account", fundraising.vault.SealedTextField(blank=True, default="", verbose_name="their account")),
                (
                    "shown",
                    models.CharField(
                        choices=[("withheld", "withheld for safety"), ("alias", "by the public alias")],
                        default="withheld",
                        max_length=10,
                        verbose_name="shown to the public",
                    ),
                ),
                ("alias", models.CharField(blank=True, max_length=120, verbose_name="public alias")),
                ("past_aliases", fundraising.vault.SealedTextField(blank=True, default="")),
                (
                    "region",
                    models.CharField(
                        blank=True,
                        help_text="Broad enough to endanger nobody; never a place.",
                        max_length=120,
                        verbose_name="region",
                    ),
                ),
                (
                    "delay_days",
                    models.PositiveSmallIntegerField(
                        default=30, verbose_name="days until anything about them is published"
                    ),
                ),
                (
                    "least_shown_minor",
                    models.BigIntegerField(
                        default=0,
                        help_text="In the reporting currency; smaller ones are shown together with others.",
                        verbose_name="smallest amount shown (minor units)",
                    ),
                ),
                ("active", models.BooleanField(default=True, verbose_name="takes new commitments")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "verbose_name": "partner",
                "verbose_name_plural": "partners",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("shown__in", ["withheld", "alias"])), name="partner_shown_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("shown", "alias"), _negated=True),
                            models.Q(("alias", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="partner_alias_to_show",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("least_shown_minor__gte", 0)), name="partner_least_not_negative"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Masking",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "partner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="maskings", to="fundraising.partner"
                    ),
                ),
                ("reason", models.CharField(max_length=300, verbose_name="reason")),
                ("at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "verbose_name": "masking",
                "verbose_name_plural": "maskings",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("reason", ""), _negated=True), name="masking_has_reason")
                ],
            },
        ),
        migrations.CreateModel(
            name="SpendingStep",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="spending_steps",
                        to="fundraising.legalentity",
                    ),
                ),
                (
                    "fund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="spending_steps",
                        to="fundraising.fund",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("allocation", "allocation"),
                            ("deallocation", "allocation taken back"),
                            ("commitment", "commitment"),
                            ("release", "release of a commitment"),
                            ("disbursement", "disbursement"),
                            ("arrival", "arrival confirmed"),
                            ("spend_report", "spend report"),
                            ("return", "return of unspent money"),
                            ("advance", "advance from another fund"),
                            ("repayment", "repayment of an advance"),
                            ("overhead", "share of administrative costs"),
                            ("surplus", "surplus passed to the secondary purpose"),
                            ("deficit", "deficit borne by the unrestricted fund"),
                            ("reversal", "reversal"),
                        ],
                        max_length=14,
                        verbose_name="step",
                    ),
                ),
                (
                    "line",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="steps",
                        to="fundraising.budgetline",
                        verbose_name="line",
                    ),
                ),
                (
                    "partner",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="steps",
                        to="fundraising.partner",
                        verbose_name="partner",
                    ),
                ),
                (
                    "other_fund",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="fundraising.fund",
                        verbose_name="other fund",
                    ),
                ),
                (
                    "rests_on",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="followers",
                        to="fundraising.spendingstep",
                    ),
                ),
                (
                    "currency",
                    models.CharField(choices=fundraising.money.currencies, max_length=3, verbose_name="currency"),
                ),
                ("amount_minor", models.BigIntegerField(verbose_name="amount (minor units)")),
                (
                    "other_currency",
                    models.CharField(
                        blank=True,
                        choices=fundraising.money.currencies,
                        max_length=3,
                        verbose_name="currency that arrived",
                    ),
                ),
                ("other_minor", models.BigIntegerField(null=True, verbose_name="amount that arrived (minor units)")),
                (
                    "bank_account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="spending_steps",
                        to="fundraising.bankaccount",
                    ),
                ),
                ("accounted_on", models.DateField(verbose_name="date")),
                ("text", fundraising.vault.SealedTextField(blank=True, default="", verbose_name="what for")),
                (
                    "evidence",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("public", "public"),
                            ("redacted", "public, with parts blacked out"),
                            ("reviewed", "seen by us, not published"),
                            ("confirmed", "confirmed by the partner only"),
                        ],
                        max_length=10,
                        verbose_name="evidence",
                    ),
                ),
                (
                    "attachment_name",
                    fundraising.vault.SealedTextField(blank=True, default="", verbose_name="attachment"),
                ),
                ("sealed_attachment", models.BinaryField(null=True)),
                ("needs_second", models.BooleanField(verbose_name="needs a second person")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "waits for approval"),
                            ("booked", "booked"),
                            ("rejected", "rejected"),
                            ("withdrawn", "withdrawn by its author"),
                            ("undone", "undone"),
                        ],
                        default="waiting",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="by",
                    ),
                ),
                ("at", models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="when")),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="decided by",
                    ),
                ),
                ("decided_at", models.DateTimeField(null=True, verbose_name="decided")),
                (
                    "decision",
                    fundraising.vault.SealedTextField(blank=True, default="", verbose_name="why it was decided so"),
                ),
                (
                    "entry",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="spending_step",
                        to="fundraising.entry",
                    ),
                ),
            ],
            options={
                "verbose_name": "step of the money",
                "verbose_name_plural": "steps of the money",
                "indexes": [
                    models.Index(fields=["entity", "state", "-id"], name="step_by_state"),
                    models.Index(fields=["fund", "-id"], name="step_of_fund"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "allocation",
                                    "deallocation",
                                    "commitment",
                                    "release",
                                    "disbursement",
                                    "arrival",
                                    "spend_report",
                                    "return",
                                    "advance",
                                    "repayment",
                                    "overhead",
                                    "surplus",
                                    "deficit",
                                    "reversal",
                                ],
                            )
                        ),
                        name="step_kind_known",
                    ),
                    models.CheckConstraint(condition=models.Q(("amount_minor__gt", 0)), name="step_positive"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("other_currency", ""), ("other_minor__isnull", True)),
                            models.Q(
                                ("other_minor__gt", 0),
                                models.Q(("other_currency", ""), _negated=True),
                                ("kind__in", ["arrival", "return", "reversal"]),
                            ),
                            _connector="OR",
                        ),
                        name="step_arrived_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                (
                                    "kind__in",
                                    [
                                        "allocation",
                                        "deallocation",
                                        "commitment",
                                        "advance",
                                        "overhead",
                                        "surplus",
                                        "deficit",
                                    ],
                                ),
                                ("rests_on__isnull", True),
                            ),
                            models.Q(
                                models.Q(
                                    (
                                        "kind__in",
                                        [
                                            "allocation",
                                            "deallocation",
                                            "commitment",
                                            "advance",
                                            "overhead",
                                            "surplus",
                                            "deficit",
                                        ],
                                    ),
                                    _negated=True,
                                ),
                                ("rests_on__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="step_rests_on_another",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                (
                                    "kind__in",
                                    ["commitment", "release", "disbursement", "arrival", "spend_report", "return"],
                                ),
                                _negated=True,
                            ),
                            ("partner__isnull", False),
                            _connector="OR",
                        ),
                        name="step_has_partner",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind", "reversal"),
                            models.Q(
                                ("kind__in", ["advance", "repayment", "overhead", "surplus", "deficit"]),
                                ("line__isnull", True),
                                ("other_fund__isnull", False),
                            ),
                            models.Q(
                                models.Q(
                                    ("kind__in", ["advance", "repayment", "overhead", "surplus", "deficit"]),
                                    _negated=True,
                                ),
                                ("line__isnull", False),
                                ("other_fund__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="step_of_line_or_between_funds",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("other_fund__isnull", True),
                            models.Q(("other_fund", models.F("fund")), _negated=True),
                            _connector="OR",
                        ),
                        name="step_other_fund_differs",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("evidence__in", ["public", "redacted", "reviewed", "confirmed"]),
                                ("kind", "spend_report"),
                            ),
                            models.Q(models.Q(("kind", "spend_report"), _negated=True), ("evidence", "")),
                            _connector="OR",
                        ),
                        name="step_report_says_evidence",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("bank_account__isnull", False), ("kind__in", ["disbursement", "return"])),
                            models.Q(
                                models.Q(("kind__in", ["disbursement", "return"]), _negated=True),
                                ("bank_account__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="step_of_bank_names_it",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("decided_by__isnull", True),
                            models.Q(("decided_by", models.F("by")), _negated=True),
                            _connector="OR",
                        ),
                        name="step_author_cannot_approve",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("decided_at__isnull", True),
                                ("decided_by__isnull", True),
                                ("entry__isnull", True),
                                ("state", "waiting"),
                            ),
                            models.Q(
                                ("decided_at__isnull", False),
                                ("decided_by__isnull", False),
                                ("entry__isnull", True),
                                ("state", "rejected"),
                            ),
                            models.Q(
                                ("decided_at__isnull", False),
                                ("decided_by__isnull", True),
                                ("entry__isnull", True),
                                ("state", "withdrawn"),
                            ),
                            models.Q(
                                ("decided_at__isnull", False),
                                ("entry__isnull", False),
                                ("state__in", ["booked", "undone"]),
                                models.Q(("needs_second", False), ("decided_by__isnull", False), _connector="OR"),
                            ),
                            _connector="OR",
                        ),
                        name="step_needs_two",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind__in", ["surplus", "deficit"]), _negated=True),
                            ("needs_second", True),
                            _connector="OR",
                        ),
                        name="step_of_surplus_needs_two",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("kind__in", ["arrival", "reversal"]),
                            models.Q(("state__in", ["rejected", "withdrawn", "undone"]), _negated=True),
                        ),
                        fields=("rests_on",),
                        name="step_arrives_or_is_undone_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PartnerKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "partner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="keys",
                        to="fundraising.partner",
                        verbose_name="partner",
                    ),
                ),
                (
                    "appeal",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="partner_keys",
                        to="fundraising.appeal",
                        verbose_name="only for",
                    ),
                ),
                (
                    "public_key",
                    models.CharField(max_length=44, unique=True, verbose_name="public key (base64 of 32 bytes)"),
                ),
                (
                    "fingerprint_at",
                    fundraising.vault.SealedTextField(
                        blank=True, default="", verbose_name="where the partner publishes its fingerprint"
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="added by",
                    ),
                ),
                ("at", models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="added")),
                ("revoked_at", models.DateTimeField(null=True, verbose_name="revoked")),
                (
                    "revoked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "revoked_why",
                    fundraising.vault.SealedTextField(blank=True, default="", verbose_name="why it was revoked"),
                ),
            ],
            options={
                "verbose_name": "key of a partner",
                "verbose_name_plural": "keys of partners",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("public_key__regex", "^[A-Za-z0-9+/]{43}=$")),
                        name="partner_key_is_32_bytes",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("revoked_at__isnull", True), ("revoked_by__isnull", True)),
                            models.Q(("revoked_at__isnull", False), ("revoked_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="partner_key_revoked_by_somebody",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Seal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "appeal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="seals",
                        to="fundraising.appeal",
                        verbose_name="appeal",
                    ),
                ),
                (
                    "key",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="seals",
                        to="fundraising.partnerkey",
                        verbose_name="key",
                    ),
                ),
                ("statement", models.TextField(verbose_name="statement")),
                ("code", models.CharField(max_length=12, unique=True, verbose_name="code")),
                (
                    "signature",
                    models.CharField(blank=True, max_length=88, verbose_name="signature (base64 of 64 bytes)"),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("drafted", "waits for the partner's signature"),
                            ("signed", "signed, waits for a second person"),
                            ("published", "published"),
                            ("ended", "ended"),
                        ],
                        default="drafted",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="by",
                    ),
                ),
                ("at", models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="when")),
                (
                    "signed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "published_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("published_at", models.DateTimeField(null=True, verbose_name="published")),
                (
                    "ended_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("ended_at", models.DateTimeField(null=True, verbose_name="ended")),
            ],
            options={
                "verbose_name": "seal",
                "verbose_name_plural": "seals",
                "indexes": [models.Index(fields=["appeal", "state"], name="seal_of_appeal")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["drafted", "signed", "published", "ended"])),
                        name="seal_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("signature", ""), ("signed_by__isnull", True)),
                            models.Q(("signature__regex", "^[A-Za-z0-9+/]{86}==$"), ("signed_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="seal_signature_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("ended_by__isnull", True),
                                ("published_by__isnull", True),
                                ("state__in", ["drafted", "signed"]),
                            ),
                            models.Q(
                                ("ended_by__isnull", True), ("published_by__isnull", False), ("state", "published")
                            ),
                            models.Q(("ended_by__isnull", False), ("state", "ended")),
                            _connector="OR",
                        ),
                        name="seal_state_says_who",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("published_by__isnull", True),
                            models.Q(
                                models.Q(("published_by", models.F("by")), _negated=True),
                                models.Q(("published_by", models.F("signed_by")), _negated=True),
                                models.Q(("signature", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="seal_takes_two_to_publish",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "signed"), _negated=True),
                            models.Q(("signature", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="seal_signed_by_partner",
                    ),
                ],
            },
        ),
    ]
