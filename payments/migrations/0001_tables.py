"""Accounts at Stripe, attempts to pay, the inbox, and what Stripe says of its balance."""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import fundraising.money
import fundraising.vault
import payments.models.payments
from fundraising.migrations._tables import Tables


class Migration(Tables):
    initial = True

    dependencies = [
        ("fundraising", "0002_donations_and_mandates"),
    ]

    operations = [
        migrations.CreateModel(
            name="StripeAccount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(unique=True)),
                (
                    "entity",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stripe_account",
                        to="fundraising.legalentity",
                    ),
                ),
                ("livemode", models.BooleanField(default=False, verbose_name="live mode")),
                ("api_key", fundraising.vault.SealedTextField(verbose_name="API key")),
                (
                    "publishable_key",
                    models.CharField(
                        blank=True,
                        help_text="Public. Lets donors pay on our own page; empty: only on Stripe's.",
                        max_length=255,
                        verbose_name="publishable key",
                    ),
                ),
                (
                    "descriptor_suffix",
                    models.CharField(
                        blank=True,
                        help_text="Neutral: a bank statement must not out a donor.",
                        max_length=22,
                        verbose_name="statement descriptor suffix",
                    ),
                ),
                (
                    "bank_transfers",
                    models.BooleanField(
                        default=False,
                        help_text="Offer transfers to Stripe's own virtual accounts, for single donations in EUR, GBP, USD, JPY and MXN. They must be switched on in the Stripe dashboard too.",
                        verbose_name="bank transfers",
                    ),
                ),
            ],
            options={
                "verbose_name": "Stripe account",
                "verbose_name_plural": "Stripe accounts",
            },
        ),
        migrations.CreateModel(
            name="WebhookSecret",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="secrets", to="payments.stripeaccount"
                    ),
                ),
                ("secret", fundraising.vault.SealedTextField(verbose_name="signing secret")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("retired_at", models.DateTimeField(blank=True, null=True, verbose_name="retired")),
            ],
            options={
                "verbose_name": "webhook secret",
                "verbose_name_plural": "webhook secrets",
            },
        ),
        migrations.CreateModel(
            name="Payment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "donation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="payments", to="fundraising.donation"
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payments",
                        to="payments.stripeaccount",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("created", "about to ask Stripe"),
                            ("unknown", "asked Stripe, no answer"),
                            ("open", "checkout open"),
                            ("completed", "checkout completed"),
                            ("succeeded", "charged"),
                            ("failed", "failed"),
                            ("expired", "expired"),
                        ],
                        default="created",
                        max_length=10,
                    ),
                ),
                ("session_id", models.CharField(max_length=120, null=True, unique=True)),
                ("payment_intent_id", models.CharField(max_length=120, null=True, unique=True)),
                ("charge_id", models.CharField(max_length=120, null=True, unique=True)),
                ("invoice_id", models.CharField(max_length=120, null=True, unique=True)),
                ("brand", models.CharField(blank=True, max_length=20, verbose_name="brand")),
                ("last4", models.CharField(blank=True, max_length=4, verbose_name="last four digits")),
                (
                    "surface",
                    models.CharField(
                        choices=[("hosted_page", "Stripe's page"), ("elements", "our page, with Stripe's fields")],
                        default="hosted_page",
                        max_length=12,
                    ),
                ),
                ("url", models.TextField(blank=True)),
                (
                    "transfer_url",
                    models.TextField(blank=True, help_text="Where Stripe explains how to send the bank transfer."),
                ),
                (
                    "client_secret",
                    fundraising.vault.SealedTextField(
                        blank=True, default="", help_text="Of a session with Stripe's fields on our page."
                    ),
                ),
                ("expires_at", models.DateTimeField(null=True)),
                ("error_code", models.CharField(blank=True, max_length=60)),
                (
                    "asked_at",
                    models.DateTimeField(help_text="Set while a call is at work; stored before it.", null=True),
                ),
                (
                    "called_at",
                    models.DateTimeField(help_text="When the newest call began; stored before it.", null=True),
                ),
                (
                    "spent_at",
                    models.DateTimeField(
                        help_text="When Stripe repeated a failure it had kept under the key.", null=True
                    ),
                ),
                (
                    "key_from",
                    models.DateTimeField(help_text="Since when another key is used; null: the first one.", null=True),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "look_up_at",
                    models.DateTimeField(
                        default=payments.models.payments.first_look_up, help_text="When the sweep asks Stripe about it."
                    ),
                ),
            ],
            options={
                "verbose_name": "payment",
                "verbose_name_plural": "payments",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ("succeeded", "failed", "expired")), _negated=True),
                        fields=["look_up_at"],
                        name="payment_to_look_up",
                    ),
                    models.Index(
                        condition=models.Q(("last4", ""), _negated=True), fields=["last4"], name="payment_by_card"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ("succeeded", "failed", "expired")), _negated=True),
                        fields=("donation",),
                        name="one_payment_under_way",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["created", "unknown", "open", "completed", "succeeded", "failed", "expired"])
                        ),
                        name="payment_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("surface__in", ["hosted_page", "elements"])), name="payment_surface_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("session_id", ""), _negated=True),
                            models.Q(("payment_intent_id", ""), _negated=True),
                            models.Q(("charge_id", ""), _negated=True),
                            models.Q(("invoice_id", ""), _negated=True),
                        ),
                        name="payment_ids_not_empty",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Subscription",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="subscriptions",
                        to="payments.stripeaccount",
                    ),
                ),
                (
                    "mandate",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="subscription",
                        to="fundraising.mandate",
                    ),
                ),
                ("subscription_id", models.CharField(max_length=120)),
                ("customer_id", models.CharField(max_length=120)),
                ("item_id", models.CharField(max_length=120)),
                ("product_id", models.CharField(max_length=120)),
                ("status", models.CharField(max_length=60, verbose_name="status")),
                (
                    "status_at",
                    models.DateTimeField(help_text="When Stripe said so; an older word never replaces a newer one."),
                ),
                ("unit_minor", models.BigIntegerField(verbose_name="amount at Stripe (minor units)")),
                (
                    "open_invoice_id",
                    models.CharField(blank=True, help_text="The one that failed and waits.", max_length=120),
                ),
                ("method_id", models.CharField(blank=True, max_length=120)),
                ("method", models.CharField(blank=True, max_length=20, verbose_name="way to pay")),
                ("brand", models.CharField(blank=True, max_length=20, verbose_name="brand")),
                ("last4", models.CharField(blank=True, max_length=4, verbose_name="last four digits")),
                ("expires_on", models.DateField(null=True, verbose_name="card expires")),
            ],
            options={
                "verbose_name": "subscription",
                "verbose_name_plural": "subscriptions",
                "indexes": [models.Index(fields=["account", "method_id"], name="subscription_method")],
                "constraints": [
                    models.UniqueConstraint(fields=("account", "subscription_id"), name="subscription_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("subscription_id", ""), _negated=True),
                            models.Q(("customer_id", ""), _negated=True),
                            models.Q(("status", ""), _negated=True),
                        ),
                        name="subscription_named",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="MandateChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "mandate",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="changes", to="fundraising.mandate"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("amount", "another amount"),
                            ("day", "another day"),
                            ("pause", "pause"),
                            ("resume", "resume"),
                            ("collect", "try the open collection again"),
                            ("end", "end"),
                        ],
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                ("amount_minor", models.BigIntegerField(null=True, verbose_name="amount (minor units)")),
                (
                    "fee_cover_minor",
                    models.BigIntegerField(null=True, verbose_name="of which covers the fee (minor units)"),
                ),
                ("day", models.PositiveSmallIntegerField(null=True, verbose_name="day of the month")),
                (
                    "until",
                    models.DateField(help_text="Of a pause; empty: until resumed.", null=True, verbose_name="until"),
                ),
                ("end_reason", models.CharField(blank=True, max_length=16, verbose_name="why it ends")),
                ("end_wish", models.CharField(blank=True, max_length=12, verbose_name="what the donor says of why")),
                (
                    "asked_by",
                    models.CharField(
                        blank=True,
                        help_text="Staff's name; empty: the donor, or the service.",
                        max_length=150,
                        verbose_name="wanted by",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("wanted", "about to ask Stripe"),
                            ("asked", "asked Stripe, no answer yet"),
                            ("made", "made"),
                            ("refused", "refused by Stripe"),
                        ],
                        default="wanted",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("error_code", models.CharField(blank=True, max_length=60, verbose_name="Stripe's answer")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="wanted"),
                ),
                ("made_at", models.DateTimeField(editable=False, null=True, verbose_name="made")),
                ("next_attempt_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "verbose_name": "change of a mandate",
                "verbose_name_plural": "changes of mandates",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ["wanted", "asked"])),
                        fields=["next_attempt_at"],
                        name="mandate_change_due",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["wanted", "asked"])),
                        fields=("mandate",),
                        name="one_change_under_way",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["amount", "day", "pause", "resume", "collect", "end"])),
                        name="mandate_change_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["wanted", "asked", "made", "refused"])),
                        name="mandate_change_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "amount"), _negated=True),
                            models.Q(("amount_minor__gt", 0), ("fee_cover_minor__gte", 0)),
                            _connector="OR",
                        ),
                        name="mandate_change_of_amount_has_one",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "day"), _negated=True),
                            models.Q(("day__gte", 1), ("day__lte", 28)),
                            _connector="OR",
                        ),
                        name="mandate_change_of_day_has_one",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "end"), _negated=True),
                            models.Q(("end_reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="mandate_change_end_has_reason",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="InboxEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="events", to="payments.stripeaccount"
                    ),
                ),
                ("event_id", models.CharField(max_length=120)),
                ("type", models.CharField(blank=True, max_length=120)),
                ("body", models.BinaryField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("received", "received"),
                            ("handled", "handled"),
                            ("parked", "parked: waits for another fact"),
                            ("quarantined", "quarantined: not to be trusted"),
                            ("failed", "failed"),
                        ],
                        default="received",
                        max_length=12,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("reason", models.TextField(blank=True)),
                (
                    "waits_for",
                    models.CharField(blank=True, help_text="Ledger key of the fact that it waits for", max_length=160),
                ),
                ("received_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("next_attempt_at", models.DateTimeField(default=django.utils.timezone.now, null=True)),
                ("handled_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "webhook event",
                "verbose_name_plural": "webhook events",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ["received", "parked"])),
                        fields=["next_attempt_at"],
                        name="event_due",
                    ),
                    models.Index(
                        condition=models.Q(("state__in", ["failed", "quarantined"])),
                        fields=["account", "received_at"],
                        name="event_to_look_at",
                    ),
                    models.Index(condition=models.Q(("state", "parked")), fields=["waits_for"], name="event_waits_for"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("account", "event_id"), name="event_once"),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["received", "handled", "parked", "quarantined", "failed"])),
                        name="event_state_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BalanceTransaction",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="balance_transactions",
                        to="payments.stripeaccount",
                    ),
                ),
                ("txn_id", models.CharField(max_length=120)),
                ("type", models.CharField(max_length=60)),
                ("reporting_category", models.CharField(max_length=60)),
                ("source", models.CharField(blank=True, max_length=120)),
                (
                    "payout_id",
                    models.CharField(blank=True, help_text="Once Stripe has itemised the payout.", max_length=120),
                ),
                ("currency", models.CharField(max_length=3)),
                ("amount_minor", models.BigIntegerField()),
                ("fee_minor", models.BigIntegerField()),
                ("fee_tax_minor", models.BigIntegerField(db_default=0, default=0, help_text="Tax within the fee.")),
                ("net_minor", models.BigIntegerField()),
                ("exchange_rate", models.DecimalField(decimal_places=9, max_digits=18, null=True)),
                ("created_at", models.DateTimeField()),
                ("available_on", models.DateTimeField()),
                ("booked_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "balance transaction",
                "verbose_name_plural": "balance transactions",
                "indexes": [
                    models.Index(condition=models.Q(("booked_at", None)), fields=["created_at"], name="txn_to_book"),
                    models.Index(
                        condition=models.Q(("payout_id", ""), _negated=True),
                        fields=["account", "payout_id"],
                        name="txn_of_payout",
                    ),
                    models.Index(fields=["account", "source"], name="txn_of_source"),
                    models.Index(fields=["account", "created_at"], name="txn_by_day"),
                ],
                "constraints": [models.UniqueConstraint(fields=("account", "txn_id"), name="balance_transaction_once")],
            },
        ),
        migrations.CreateModel(
            name="SyncCursor",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="cursors", to="payments.stripeaccount"
                    ),
                ),
                ("kind", models.CharField(max_length=40)),
                ("read_until", models.DateTimeField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("account", "kind"), name="cursor_once")],
            },
        ),
        migrations.CreateModel(
            name="Payout",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="payouts", to="payments.stripeaccount"
                    ),
                ),
                ("payout_id", models.CharField(max_length=120)),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                ("amount_minor", models.BigIntegerField(verbose_name="amount (minor units)")),
                ("automatic", models.BooleanField(default=True, verbose_name="automatic")),
                ("status", models.CharField(max_length=20, verbose_name="status")),
                (
                    "reconciliation",
                    models.CharField(blank=True, max_length=20, verbose_name="reconciliation at Stripe"),
                ),
                (
                    "status_at",
                    models.DateTimeField(help_text="When Stripe said so; an older word never replaces a newer one."),
                ),
                ("created_at", models.DateTimeField(verbose_name="made")),
                ("arrival_on", models.DateField(verbose_name="expected in the bank")),
                ("descriptor", models.CharField(blank=True, max_length=40, verbose_name="text on the statement")),
                ("trace_id", models.CharField(blank=True, max_length=120, verbose_name="trace id")),
                ("failure_code", models.CharField(blank=True, max_length=60, verbose_name="why it failed")),
                ("retry_of", models.CharField(blank=True, max_length=120, verbose_name="tried again for")),
                (
                    "itemised_at",
                    models.DateTimeField(
                        help_text="When its lines were last read.", null=True, verbose_name="itemised"
                    ),
                ),
            ],
            options={
                "verbose_name": "payout",
                "verbose_name_plural": "payouts",
                "indexes": [models.Index(fields=["account", "-created_at"], name="payout_newest")],
                "constraints": [models.UniqueConstraint(fields=("account", "payout_id"), name="payout_once")],
            },
        ),
        migrations.CreateModel(
            name="Dispute",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="disputes",
                        to="payments.stripeaccount",
                    ),
                ),
                ("dispute_id", models.CharField(max_length=100)),
                ("charge_id", models.CharField(max_length=100)),
                (
                    "donation",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="disputes",
                        to="fundraising.donation",
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                ("amount_minor", models.BigIntegerField(verbose_name="amount (minor units)")),
                ("status", models.CharField(max_length=60, verbose_name="status")),
                (
                    "status_at",
                    models.DateTimeField(help_text="When Stripe said so; an older word never replaces a newer one."),
                ),
                ("reason", models.CharField(max_length=60, verbose_name="reason")),
                ("evidence_due_by", models.DateTimeField(null=True, verbose_name="evidence due by")),
                ("opened_at", models.DateTimeField(verbose_name="opened")),
                ("closed_at", models.DateTimeField(null=True, verbose_name="closed")),
            ],
            options={
                "verbose_name": "dispute",
                "verbose_name_plural": "disputes",
                "indexes": [
                    models.Index(fields=["charge_id"], name="dispute_charge"),
                    models.Index(
                        condition=models.Q(("closed_at", None)),
                        fields=["account", "evidence_due_by"],
                        name="dispute_to_answer",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("account", "dispute_id"), name="dispute_once"),
                    models.CheckConstraint(condition=models.Q(("amount_minor__gt", 0)), name="dispute_positive"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("dispute_id", ""), _negated=True),
                            models.Q(("charge_id", ""), _negated=True),
                            models.Q(("status", ""), _negated=True),
                        ),
                        name="dispute_named",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="FraudRefundLimit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="fraud_refund_limits",
                        to="payments.stripeaccount",
                    ),
                ),
                (
                    "currency",
                    models.CharField(choices=fundraising.money.currencies, max_length=3, verbose_name="currency"),
                ),
                ("amount_minor", models.BigIntegerField(verbose_name="up to (minor units)")),
            ],
            options={
                "verbose_name": "automatic refund on a fraud warning",
                "verbose_name_plural": "automatic refunds on a fraud warning",
                "constraints": [
                    models.UniqueConstraint(fields=("account", "currency"), name="fraud_refund_limit_once"),
                    models.CheckConstraint(
                        condition=models.Q(("amount_minor__gt", 0)), name="fraud_refund_limit_positive"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="FraudWarning",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="fraud_warnings",
                        to="payments.stripeaccount",
                    ),
                ),
                ("warning_id", models.CharField(max_length=100)),
                ("charge_id", models.CharField(max_length=100)),
                ("fraud_type", models.CharField(max_length=60, verbose_name="kind of fraud")),
                ("warned_at", models.DateTimeField(verbose_name="warned")),
                (
                    "decided_at",
                    models.DateTimeField(
                        help_text="When the account's limits decided whether to refund it.",
                        null=True,
                        verbose_name="decided",
                    ),
                ),
            ],
            options={
                "verbose_name": "fraud warning",
                "verbose_name_plural": "fraud warnings",
                "indexes": [
                    models.Index(
                        condition=models.Q(("decided_at", None)), fields=["warned_at"], name="fraud_warning_to_decide"
                    )
                ],
                "constraints": [models.UniqueConstraint(fields=("account", "warning_id"), name="fraud_warning_once")],
            },
        ),
        migrations.CreateModel(
            name="RefundRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refund_requests",
                        to="payments.stripeaccount",
                    ),
                ),
                ("charge_id", models.CharField(max_length=100)),
                (
                    "donation",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refund_requests",
                        to="fundraising.donation",
                    ),
                ),
                (
                    "warning",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refund_request",
                        to="payments.fraudwarning",
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                ("amount_minor", models.BigIntegerField(verbose_name="amount (minor units)")),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("requested_by_customer", "the donor asked for it"),
                            ("duplicate", "given twice by mistake"),
                            ("fraudulent", "somebody else's card"),
                        ],
                        max_length=30,
                        verbose_name="reason",
                    ),
                ),
                (
                    "asked_by",
                    models.CharField(
                        blank=True, help_text="Empty: a fraud warning.", max_length=150, verbose_name="wanted by"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("wanted", "about to ask Stripe"),
                            ("asked", "asked Stripe, no answer yet"),
                            ("made", "made"),
                            ("refused", "refused by Stripe"),
                        ],
                        default="wanted",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("refund_id", models.CharField(max_length=120, null=True, unique=True)),
                ("error_code", models.CharField(blank=True, max_length=60, verbose_name="Stripe's answer")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="wanted"),
                ),
                ("next_attempt_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "spent_at",
                    models.DateTimeField(
                        help_text="When Stripe repeated a failure it had kept under the key.", null=True
                    ),
                ),
                (
                    "key_from",
                    models.DateTimeField(help_text="Since when another key is used; null: the first one.", null=True),
                ),
            ],
            options={
                "verbose_name": "refund request",
                "verbose_name_plural": "refund requests",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ["wanted", "asked"])),
                        fields=["next_attempt_at"],
                        name="refund_request_due",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["wanted", "asked"])),
                        fields=("account", "charge_id"),
                        name="one_refund_under_way",
                    ),
                    models.CheckConstraint(condition=models.Q(("amount_minor__gt", 0)), name="refund_request_positive"),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["wanted", "asked", "made", "refused"])),
                        name="refund_request_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason__in", ["requested_by_customer", "duplicate", "fraudulent"])),
                        name="refund_request_reason_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("refund_id__isnull", False), ("state", "made")),
                            models.Q(models.Q(("state", "made"), _negated=True), ("refund_id__isnull", True)),
                            _connector="OR",
                        ),
                        name="refund_request_made_has_refund",
                    ),
                ],
            },
        ),
    ]
