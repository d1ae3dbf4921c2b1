"""Donations, what donors said with them, mandates, and what donors are told."""

import uuid

import django.db.models.deletion
import django.db.models.expressions
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import fundraising.vault
from fundraising.migrations._tables import Tables


class Migration(Tables):
    dependencies = [
        ("fundraising", "0001_campaigns_and_donors"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Mandate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mandates",
                        to="fundraising.legalentity",
                    ),
                ),
                (
                    "donor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="mandates", to="fundraising.donor"
                    ),
                ),
                (
                    "page",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mandates",
                        to="fundraising.donationpage",
                    ),
                ),
                (
                    "round",
                    models.ForeignKey(
                        help_text="Open when the donor signed up.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mandates",
                        to="fundraising.round",
                    ),
                ),
                (
                    "wording",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mandates",
                        to="fundraising.appealwording",
                    ),
                ),
                ("locale", models.CharField(max_length=12, verbose_name="language")),
                (
                    "interval",
                    models.CharField(
                        choices=[("month", "every month"), ("year", "every year")],
                        max_length=5,
                        verbose_name="interval",
                    ),
                ),
                (
                    "day",
                    models.PositiveSmallIntegerField(
                        help_text="1 to 28; empty: that of the first donation.",
                        null=True,
                        verbose_name="day of the month",
                    ),
                ),
                (
                    "first_on",
                    models.DateField(
                        help_text="Empty: at once, when the donor signs up.",
                        null=True,
                        verbose_name="first collected on",
                    ),
                ),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                ("amount_minor", models.BigIntegerField(verbose_name="amount (minor units)")),
                (
                    "fee_cover_minor",
                    models.BigIntegerField(default=0, verbose_name="of which covers the fee (minor units)"),
                ),
                (
                    "public_name",
                    models.CharField(
                        choices=[("anonymous", "anonymous"), ("name_country", "first name and country")],
                        default="anonymous",
                        max_length=20,
                        verbose_name="shown publicly as",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("opened", "signed up, not confirmed"),
                            ("active", "active"),
                            ("paused", "paused"),
                            ("failing", "the last collection failed; tried again"),
                            ("ended", "ended"),
                        ],
                        default="opened",
                        editable=False,
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                (
                    "state_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now,
                        editable=False,
                        help_text="When the provider said so; an older word changes nothing.",
                    ),
                ),
                ("next_on", models.DateField(editable=False, null=True, verbose_name="next collected on")),
                (
                    "paused_until",
                    models.DateField(
                        editable=False,
                        help_text="Empty while paused: until the donor resumes.",
                        null=True,
                        verbose_name="paused until",
                    ),
                ),
                ("opened_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("started_at", models.DateTimeField(editable=False, null=True)),
                ("ended_at", models.DateTimeField(editable=False, null=True)),
                (
                    "end_reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("donor", "the donor ended it"),
                            ("gave_up", "collecting failed too often"),
                            ("appeal_closed", "its appeal closed"),
                            ("staff", "staff ended it"),
                            ("provider", "ended at the bank or at Stripe"),
                            ("never_started", "never confirmed"),
                        ],
                        editable=False,
                        max_length=16,
                        verbose_name="why it ended",
                    ),
                ),
                (
                    "end_wish",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("money", "I cannot afford it at the moment"),
                            ("done", "I have given what I wanted to give"),
                            ("other_cause", "I give elsewhere now"),
                            ("news", "I hear too little of what my money does"),
                            ("other", "Another reason"),
                        ],
                        editable=False,
                        max_length=12,
                        verbose_name="what the donor says of why",
                    ),
                ),
            ],
            options={
                "verbose_name": "mandate",
                "verbose_name_plural": "mandates",
                "indexes": [models.Index(fields=["state", "next_on"], name="mandate_by_state")],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("amount_minor__gt", 0)), name="mandate_positive"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("fee_cover_minor__gte", 0), ("fee_cover_minor__lt", models.F("amount_minor"))
                        ),
                        name="mandate_fee_cover",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("interval__in", ["month", "year"])), name="mandate_interval_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["opened", "active", "paused", "failing", "ended"])),
                        name="mandate_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("day__isnull", True), models.Q(("day__gte", 1), ("day__lte", 28)), _connector="OR"
                        ),
                        name="mandate_day",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("ended_at__isnull", False),
                                ("state", "ended"),
                                models.Q(("end_reason", ""), _negated=True),
                            ),
                            models.Q(
                                models.Q(("state", "ended"), _negated=True),
                                ("end_reason", ""),
                                ("ended_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="mandate_end_has_date_and_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["opened", "ended"]), ("started_at__isnull", False), _connector="OR"
                        ),
                        name="mandate_started",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Donation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="donations",
                        to="fundraising.legalentity",
                    ),
                ),
                (
                    "donor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="donations", to="fundraising.donor"
                    ),
                ),
                (
                    "page",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="donations",
                        to="fundraising.donationpage",
                    ),
                ),
                (
                    "round",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="donations", to="fundraising.round"
                    ),
                ),
                (
                    "wording",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="donations",
                        to="fundraising.appealwording",
                    ),
                ),
                (
                    "fund",
                    models.ForeignKey(
                        help_text="Set when received.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="donations",
                        to="fundraising.fund",
                    ),
                ),
                (
                    "mandate",
                    models.ForeignKey(
                        help_text="The standing authority that it was collected under.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="donations",
                        to="fundraising.mandate",
                    ),
                ),
                ("locale", models.CharField(max_length=12, verbose_name="language")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                ("amount_minor", models.BigIntegerField(verbose_name="amount (minor units)")),
                (
                    "announced_minor",
                    models.BigIntegerField(
                        editable=False,
                        help_text="What the donor had announced, where another amount came by bank.",
                        null=True,
                        verbose_name="announced amount (minor units)",
                    ),
                ),
                (
                    "fee_cover_minor",
                    models.BigIntegerField(default=0, verbose_name="of which covers the fee (minor units)"),
                ),
                (
                    "public_name",
                    models.CharField(
                        choices=[("anonymous", "anonymous"), ("name_country", "first name and country")],
                        default="anonymous",
                        max_length=20,
                        verbose_name="shown publicly as",
                    ),
                ),
                (
                    "newsletter_consent",
                    models.CharField(
                        blank=True,
                        help_text="The sentence that was agreed to, or empty.",
                        max_length=300,
                        verbose_name="newsletter consent",
                    ),
                ),
                (
                    "method",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="The way to pay whose fee the donor covers, and so the one offered; empty: any.",
                        max_length=20,
                        verbose_name="method of the fee cover",
                    ),
                ),
                (
                    "tribute",
                    models.CharField(
                        blank=True,
                        choices=[("", "nobody in particular"), ("honour", "in honour of"), ("memory", "in memory of")],
                        default="",
                        max_length=8,
                        verbose_name="tribute",
                    ),
                ),
                (
                    "tribute_name",
                    fundraising.vault.SealedTextField(blank=True, default="", verbose_name="in honour or memory of"),
                ),
                (
                    "employer",
                    fundraising.vault.SealedTextField(
                        blank=True, default="", help_text="For employers that match.", verbose_name="employer"
                    ),
                ),
                (
                    "channel",
                    models.CharField(
                        choices=[
                            ("online", "online"),
                            ("bank", "transfer to our bank account"),
                            ("cheque", "cheque"),
                            ("cash", "cash"),
                            ("in_kind", "in kind"),
                        ],
                        default="online",
                        max_length=8,
                        verbose_name="how it came",
                    ),
                ),
                (
                    "paid_with",
                    models.CharField(
                        blank=True,
                        default="",
                        editable=False,
                        help_text="The way to pay as the provider calls it; empty: not through one, or it did not say.",
                        max_length=30,
                        verbose_name="paid with",
                    ),
                ),
                (
                    "in_kind",
                    fundraising.vault.SealedTextField(
                        blank=True, default="", help_text="Noted without a value.", verbose_name="what was given"
                    ),
                ),
                (
                    "transfer_reference",
                    models.CharField(
                        max_length=25, null=True, unique=True, verbose_name="reference of a bank transfer"
                    ),
                ),
                (
                    "submission",
                    models.CharField(
                        editable=False,
                        help_text="Blind index of the whole form: the same form twice is one donation.",
                        max_length=64,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("opened", "opened, not paid"),
                            ("pending", "on its way from the bank"),
                            ("received", "received"),
                            ("refunded", "refunded in full"),
                            ("disputed", "contested: the bank withholds it"),
                            ("chargeback", "taken back by the bank"),
                        ],
                        default="opened",
                        editable=False,
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("opened_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("received_at", models.DateTimeField(editable=False, null=True)),
            ],
            options={
                "verbose_name": "donation",
                "verbose_name_plural": "donations",
                "indexes": [
                    models.Index(fields=["state", "received_at"], name="fundraising_state_1c35d1_idx"),
                    models.Index(
                        condition=models.Q(("state", "received")),
                        fields=["donor", "round"],
                        name="donation_received_by",
                    ),
                    models.Index(
                        condition=models.Q(("state", "opened"), models.Q(("channel", "online"), _negated=True)),
                        fields=["entity", "-opened_at"],
                        name="donation_awaited",
                    ),
                    models.Index(
                        condition=models.Q(("public_name", "name_country"), ("state", "received")),
                        fields=["fund", "-received_at"],
                        name="donation_named",
                    ),
                    models.Index(fields=["entity", "amount_minor"], name="donation_by_amount"),
                    models.Index(
                        models.F("entity"),
                        django.db.models.expressions.CombinedExpression(
                            models.F("amount_minor"), "-", models.F("fee_cover_minor")
                        ),
                        condition=models.Q(("fee_cover_minor__gt", 0)),
                        name="donation_by_wish",
                    ),
                    models.Index(fields=["entity", "-opened_at"], name="donation_newest"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("amount_minor__gt", 0), models.Q(("channel", "in_kind"), _negated=True)),
                            models.Q(("amount_minor", 0), ("channel", "in_kind")),
                            _connector="OR",
                        ),
                        name="donation_positive",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("fee_cover_minor", 0),
                            models.Q(("fee_cover_minor__gte", 0), ("fee_cover_minor__lt", models.F("amount_minor"))),
                            _connector="OR",
                        ),
                        name="donation_fee_cover",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("channel__in", ["online", "bank", "cheque", "cash", "in_kind"])),
                        name="donation_channel_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["opened", "pending", "received", "refunded", "disputed", "chargeback"])
                        ),
                        name="donation_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("tribute__in", ["", "honour", "memory"])), name="donation_tribute_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("fund__isnull", True),
                                ("received_at__isnull", True),
                                ("state__in", ["opened", "pending"]),
                            ),
                            models.Q(
                                ("fund__isnull", False),
                                ("received_at__isnull", False),
                                ("state__in", ["received", "refunded", "disputed", "chargeback"]),
                            ),
                            _connector="OR",
                        ),
                        name="donation_received_has_date_and_fund",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "opened")),
                        fields=("submission",),
                        name="one_open_donation_per_submission",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "donation",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notices",
                        to="fundraising.donation",
                    ),
                ),
                (
                    "mandate",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notices",
                        to="fundraising.mandate",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("debit_failed", "the bank did not send a donation"),
                            ("mandate_failed", "a collection failed"),
                            ("mandate_mended", "a failed collection came after all"),
                            ("mandate_changed", "amount or day changed"),
                            ("mandate_paused", "paused"),
                            ("mandate_resumed", "resumed"),
                            ("mandate_redirected", "goes on for the secondary purpose"),
                            ("mandate_upcoming", "a yearly collection is near"),
                            ("mandate_ended", "ended"),
                        ],
                        max_length=20,
                        verbose_name="kind",
                    ),
                ),
                (
                    "about",
                    models.CharField(
                        help_text="The fact that it tells of (an invoice and its attempt, a change): told once.",
                        max_length=120,
                    ),
                ),
                (
                    "step",
                    models.PositiveSmallIntegerField(
                        default=1, help_text="Which failure in a row this is.", verbose_name="step"
                    ),
                ),
                ("is_last", models.BooleanField(default=False, verbose_name="last call")),
                ("code", models.CharField(blank=True, max_length=60, verbose_name="provider's reason")),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "verbose_name": "notice",
                "verbose_name_plural": "notices",
                "indexes": [models.Index(fields=["at"], name="notice_by_time")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("kind", "about", "donation", "mandate"), name="notice_once", nulls_distinct=False
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("donation__isnull", False), ("mandate__isnull", True)),
                            models.Q(("donation__isnull", True), ("mandate__isnull", False)),
                            _connector="OR",
                        ),
                        name="notice_of_one_thing",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "debit_failed",
                                    "mandate_failed",
                                    "mandate_mended",
                                    "mandate_changed",
                                    "mandate_paused",
                                    "mandate_resumed",
                                    "mandate_redirected",
                                    "mandate_upcoming",
                                    "mandate_ended",
                                ],
                            )
                        ),
                        name="notice_kind_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Comment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "donation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="comment", to="fundraising.donation"
                    ),
                ),
                ("text", fundraising.vault.SealedTextField(verbose_name="text")),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "waits for a decision"), ("shown", "shown"), ("hidden", "not shown")],
                        default="waiting",
                        editable=False,
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("written_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("decided_at", models.DateTimeField(editable=False, null=True, verbose_name="decided")),
                ("decided_by", models.CharField(blank=True, editable=False, max_length=150, verbose_name="decided by")),
            ],
            options={
                "verbose_name": "comment",
                "verbose_name_plural": "comments",
                "indexes": [models.Index(fields=["state", "-written_at"], name="comment_by_state")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["waiting", "shown", "hidden"])), name="comment_state_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decided_at__isnull", True), ("state", "waiting")),
                            models.Q(models.Q(("state", "waiting"), _negated=True), ("decided_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="comment_decided_has_date",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Answer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "donation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="answers", to="fundraising.donation"
                    ),
                ),
                (
                    "question",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="answers", to="fundraising.question"
                    ),
                ),
                ("label", models.CharField(max_length=200, verbose_name="question")),
                ("text", fundraising.vault.SealedTextField(verbose_name="answer")),
            ],
            options={
                "verbose_name": "answer",
                "verbose_name_plural": "answers",
                "constraints": [models.UniqueConstraint(fields=("donation", "question"), name="answer_once")],
            },
        ),
        migrations.CreateModel(
            name="DonationNote",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "donation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="notes", to="fundraising.donation"
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
                ("text", fundraising.vault.SealedTextField(verbose_name="text")),
            ],
            options={
                "verbose_name": "note on a donation",
                "verbose_name_plural": "notes on a donation",
                "ordering": ["id"],
            },
        ),
    ]
