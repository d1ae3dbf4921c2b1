"""The ledger: accounts, entries with their postings and tallies, what is folded of them, and rates."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import fundraising.models.ledger
import fundraising.money
from fundraising.migrations._tables import Tables


class Migration(Tables):
    dependencies = [
        ("fundraising", "0002_donations_and_mandates"),
    ]

    operations = [
        migrations.CreateModel(
            name="Account",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="accounts",
                        to="fundraising.legalentity",
                    ),
                ),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("clearing", "charged, not yet settled"),
                            ("provider", "balance at the provider"),
                            ("reserved", "held back by the provider"),
                            ("payouts", "paid out by the provider"),
                            ("bank", "bank account"),
                            ("hand", "cash and cheques in hand"),
                            ("suspense", "money that matches nothing"),
                            ("donations", "donations"),
                            ("refunds", "refunds"),
                            ("withheld", "withheld while a bank decides"),
                            ("chargebacks", "taken back by a bank"),
                            ("fees", "fees of the provider"),
                            ("fee_tax", "tax on fees"),
                            ("bank_fees", "fees and interest of the bank"),
                            ("expenses", "other expenses"),
                            ("other_income", "other income"),
                            ("opening", "opening balances"),
                            ("fx_result", "exchange gains and losses"),
                            ("fx", "currency exchange"),
                            ("outgoing", "ordered from the bank, not yet on its statement"),
                            ("underway", "on its way to partners"),
                            ("held", "with partners"),
                            ("spent", "spent by partners"),
                            ("overhead", "share of administrative costs"),
                            ("lent", "lent to other funds"),
                            ("borrowed", "borrowed from other funds"),
                            ("surplus", "surplus and deficits passed between funds"),
                            ("pending", "announced, not received"),
                            ("announced", "counterpart of announced"),
                            ("allocated", "allocated, not committed"),
                            ("committed", "committed to partners, not sent"),
                            ("earmarked", "counterpart of allocated and committed"),
                            ("released", "released from restriction"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "provider",
                    models.CharField(
                        blank=True, help_text="Slug of the provider's account, where it has one", max_length=40
                    ),
                ),
                (
                    "fund",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="accounts",
                        to="fundraising.fund",
                    ),
                ),
                (
                    "round",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="accounts",
                        to="fundraising.round",
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
            ],
            options={
                "verbose_name": "account",
                "verbose_name_plural": "accounts",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("entity", "purpose", "provider", "fund", "round", "currency"),
                        name="account_once",
                        nulls_distinct=False,
                    ),
                    models.UniqueConstraint(fields=("id", "currency"), name="account_currency"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "purpose__in",
                                [
                                    "clearing",
                                    "provider",
                                    "reserved",
                                    "payouts",
                                    "bank",
                                    "hand",
                                    "suspense",
                                    "donations",
                                    "refunds",
                                    "withheld",
                                    "chargebacks",
                                    "fees",
                                    "fee_tax",
                                    "bank_fees",
                                    "expenses",
                                    "other_income",
                                    "opening",
                                    "fx_result",
                                    "fx",
                                    "outgoing",
                                    "underway",
                                    "held",
                                    "spent",
                                    "overhead",
                                    "lent",
                                    "borrowed",
                                    "surplus",
                                    "pending",
                                    "announced",
                                    "allocated",
                                    "committed",
                                    "earmarked",
                                    "released",
                                ],
                            )
                        ),
                        name="account_purpose_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Entry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=120)),
                (
                    "entity",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entries",
                        to="fundraising.legalentity",
                    ),
                ),
                (
                    "donation",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entries",
                        to="fundraising.donation",
                    ),
                ),
                (
                    "reverses",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reversed_by",
                        to="fundraising.entry",
                    ),
                ),
                ("occurred_at", models.DateTimeField()),
                ("accounted_on", models.DateField(default=None, verbose_name="date")),
                ("booked_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("xid", fundraising.models.ledger.Xid8Field(db_default=fundraising.models.ledger.CurrentXid())),
            ],
            options={
                "verbose_name": "entry",
                "verbose_name_plural": "entries",
                "indexes": [models.Index(fields=["entity", "accounted_on", "id"], name="entry_by_day")],
                "constraints": [models.UniqueConstraint(fields=("key",), name="entry_key_once")],
            },
        ),
        migrations.CreateModel(
            name="Posting",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "entry",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="postings",
                        to="fundraising.entry",
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="postings",
                        to="fundraising.account",
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                ("amount_minor", models.BigIntegerField()),
                ("xid", fundraising.models.ledger.Xid8Field(db_default=fundraising.models.ledger.CurrentXid())),
            ],
            options={
                "verbose_name": "posting",
                "verbose_name_plural": "postings",
                "indexes": [models.Index(fields=["account", "xid"], include=("amount_minor",), name="posting_tail")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount_minor", 0), _negated=True), name="posting_not_zero"
                    ),
                    models.UniqueConstraint(fields=("entry", "account"), name="posting_once_per_account"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Tally",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "entry",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="tally", to="fundraising.entry"
                    ),
                ),
                (
                    "round",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="fundraising.round",
                    ),
                ),
                ("donations", models.SmallIntegerField()),
                ("round_donors", models.SmallIntegerField()),
                ("appeal_donors", models.SmallIntegerField()),
                ("campaign_donors", models.SmallIntegerField()),
                ("xid", fundraising.models.ledger.Xid8Field(db_default=fundraising.models.ledger.CurrentXid())),
            ],
            options={
                "indexes": [models.Index(fields=["round", "xid"], name="tally_tail")],
            },
        ),
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="checkpoint",
                        serialize=False,
                        to="fundraising.account",
                    ),
                ),
                ("balance_minor", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="DayCheckpoint",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="days",
                        to="fundraising.account",
                    ),
                ),
                ("on", models.DateField(verbose_name="date")),
                ("debit_minor", models.BigIntegerField()),
                ("credit_minor", models.BigIntegerField()),
                ("postings", models.BigIntegerField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("account", "on"), name="day_checkpoint_once")],
            },
        ),
        migrations.CreateModel(
            name="TallyCheckpoint",
            fields=[
                (
                    "round",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="fundraising.round",
                    ),
                ),
                ("donations", models.BigIntegerField()),
                ("round_donors", models.BigIntegerField()),
                ("appeal_donors", models.BigIntegerField()),
                ("campaign_donors", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="Fold",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("xid", fundraising.models.ledger.Xid8Field()),
                ("folded_at", models.DateTimeField()),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=models.Q(("id", 1)), name="one_fold")],
            },
        ),
        migrations.CreateModel(
            name="ExchangeRate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("base", models.CharField(choices=fundraising.money.currencies, max_length=3)),
                ("quote", models.CharField(choices=fundraising.money.currencies, max_length=3)),
                ("on", models.DateField()),
                ("rate", models.DecimalField(decimal_places=9, max_digits=18)),
                ("source", models.CharField(max_length=120)),
            ],
            options={
                "verbose_name": "exchange rate",
                "verbose_name_plural": "exchange rates",
                "constraints": [
                    models.UniqueConstraint(fields=("base", "quote", "on"), name="rate_once_a_day"),
                    models.CheckConstraint(condition=models.Q(("rate__gt", 0)), name="rate_positive"),
                ],
            },
        ),
    ]
