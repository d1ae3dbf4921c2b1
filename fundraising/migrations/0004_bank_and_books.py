"""Bank accounts and their statements, uploads, closes, manual entries, and breaks."""

import uuid

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import fundraising.money
import fundraising.vault
from fundraising.migrations._tables import Tables


class Migration(Tables):
    dependencies = [
        ("fundraising", "0003_ledger"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="BankAccount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bank_accounts",
                        to="fundraising.legalentity",
                    ),
                ),
                ("slug", models.SlugField(max_length=40, unique=True)),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                ("iban", models.CharField(max_length=34, verbose_name="IBAN or account number")),
                ("bic", models.CharField(blank=True, max_length=11, verbose_name="BIC")),
                (
                    "currency",
                    models.CharField(choices=fundraising.money.currencies, max_length=3, verbose_name="currency"),
                ),
                (
                    "takes_donations",
                    models.BooleanField(
                        default=False,
                        help_text="Donors who give by bank transfer see it.",
                        verbose_name="shown to donors",
                    ),
                ),
                ("csv_mapping", models.JSONField(blank=True, default=dict, verbose_name="columns of its CSV files")),
            ],
            options={
                "verbose_name": "bank account",
                "verbose_name_plural": "bank accounts",
                "constraints": [
                    models.UniqueConstraint(fields=("iban", "currency"), name="bank_account_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("takes_donations", True)),
                        fields=("entity", "currency"),
                        name="one_account_shown_per_currency",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Statement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "bank_account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="statements",
                        to="fundraising.bankaccount",
                    ),
                ),
                (
                    "format",
                    models.CharField(
                        choices=[("camt053", "CAMT.053"), ("mt940", "MT940"), ("csv", "CSV")],
                        max_length=8,
                        verbose_name="format",
                    ),
                ),
                ("name", models.CharField(max_length=200, verbose_name="file")),
                ("sha256", models.CharField(max_length=64)),
                ("sealed_bytes", models.BinaryField()),
                ("first_on", models.DateField(null=True, verbose_name="from")),
                ("last_on", models.DateField(null=True, verbose_name="until")),
                ("opening_minor", models.BigIntegerField(null=True, verbose_name="opening balance (minor units)")),
                ("closing_minor", models.BigIntegerField(null=True, verbose_name="closing balance (minor units)")),
                (
                    "in_order",
                    models.BooleanField(
                        default=False, help_text="Its lines go on day by day: those between it holds whole."
                    ),
                ),
                ("lines_read", models.PositiveIntegerField(verbose_name="lines")),
                ("lines_new", models.PositiveIntegerField(verbose_name="new lines")),
                (
                    "imported_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "imported_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="imported"),
                ),
                (
                    "rolled_back_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("rolled_back_at", models.DateTimeField(null=True, verbose_name="rolled back")),
            ],
            options={
                "verbose_name": "bank statement",
                "verbose_name_plural": "bank statements",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("rolled_back_at", None)),
                        fields=("bank_account", "sha256"),
                        name="statement_bytes_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("format__in", ["camt053", "mt940", "csv"])), name="statement_format_known"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BankLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "bank_account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="fundraising.bankaccount"
                    ),
                ),
                ("content", models.CharField(help_text="SHA-256 of what the bank says of it.", max_length=64)),
                ("occurrence", models.PositiveSmallIntegerField(default=1)),
                ("booked_on", models.DateField(verbose_name="booked on")),
                ("value_on", models.DateField(null=True, verbose_name="value date")),
                ("amount_minor", models.BigIntegerField(verbose_name="amount (minor units)")),
                ("balance_minor", models.BigIntegerField(null=True, verbose_name="balance after it (minor units)")),
                ("unexplained_minor", models.BigIntegerField(default=0, verbose_name="unexplained (minor units)")),
                ("bank_reference", models.CharField(blank=True, max_length=120, verbose_name="reference of the bank")),
                ("reference", fundraising.vault.SealedTextField(blank=True, default="", verbose_name="what it is for")),
                ("name", fundraising.vault.SealedTextField(blank=True, default="", verbose_name="from or to")),
                ("iban", fundraising.vault.SealedTextField(blank=True, default="", verbose_name="their account")),
                ("iban_index", models.CharField(blank=True, help_text="Blind index.", max_length=64)),
                (
                    "words",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=64),
                        default=list,
                        help_text="Blind indexes of name and reference.",
                        size=None,
                    ),
                ),
                (
                    "entry",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bank_line",
                        to="fundraising.entry",
                    ),
                ),
                ("withdrawn_at", models.DateTimeField(null=True, verbose_name="rolled back")),
                ("statements", models.ManyToManyField(related_name="lines", to="fundraising.statement")),
            ],
            options={
                "verbose_name": "bank line",
                "verbose_name_plural": "bank lines",
                "indexes": [
                    models.Index(
                        condition=models.Q(("unexplained_minor", 0), _negated=True),
                        fields=["bank_account", "-booked_on", "-id"],
                        name="bank_line_unexplained",
                    ),
                    models.Index(
                        condition=models.Q(("iban_index", ""), _negated=True),
                        fields=["iban_index"],
                        name="bank_line_by_iban",
                    ),
                    models.Index(fields=["bank_account", "-booked_on", "-id"], name="bank_line_by_day"),
                    models.Index(
                        condition=models.Q(("bank_reference", ""), _negated=True),
                        fields=["bank_reference"],
                        name="bank_line_by_reference",
                    ),
                    models.Index(fields=["bank_account", "amount_minor"], name="bank_line_by_amount"),
                    django.contrib.postgres.indexes.GinIndex(fields=["words"], name="bank_line_words"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("bank_account", "content", "occurrence"), name="bank_line_once"),
                    models.CheckConstraint(
                        condition=models.Q(("amount_minor", 0), _negated=True), name="bank_line_not_zero"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("unexplained_minor__gte", 0), ("unexplained_minor__lte", models.F("amount_minor"))
                            ),
                            models.Q(
                                ("unexplained_minor__gte", models.F("amount_minor")), ("unexplained_minor__lte", 0)
                            ),
                            _connector="OR",
                        ),
                        name="bank_line_explained_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Match",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "line",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="matches", to="fundraising.bankline"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("payout", "payout of the provider"),
                            ("donation", "donation"),
                            ("bank_fee", "fee or interest of the bank"),
                            ("own", "from or to another account of ours"),
                            ("step", "sent to a partner, or sent back by one"),
                            ("other", "something else, booked by hand"),
                        ],
                        max_length=8,
                        verbose_name="kind",
                    ),
                ),
                ("key", models.CharField(blank=True, max_length=120, verbose_name="what")),
                (
                    "donation",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bank_matches",
                        to="fundraising.donation",
                    ),
                ),
                ("amount_minor", models.BigIntegerField(verbose_name="amount (minor units)")),
                ("why", models.CharField(blank=True, max_length=300, verbose_name="why")),
                (
                    "entry",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="bank_match", to="fundraising.entry"
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("at", models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="when")),
                (
                    "undone_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("undone_at", models.DateTimeField(null=True, verbose_name="undone")),
            ],
            options={
                "verbose_name": "match",
                "verbose_name_plural": "matches",
                "indexes": [models.Index(condition=models.Q(("undone_at", None)), fields=["key"], name="match_by_key")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["payout", "donation", "bank_fee", "own", "step", "other"])),
                        name="match_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount_minor", 0), _negated=True), name="match_not_zero"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("donation__isnull", False), ("kind", "donation")),
                            models.Q(models.Q(("kind", "donation"), _negated=True), ("donation__isnull", True)),
                            _connector="OR",
                        ),
                        name="match_of_donation_has_one",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Upload",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "bank_account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="uploads",
                        to="fundraising.bankaccount",
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("name", models.CharField(max_length=200, verbose_name="file")),
                ("sealed_bytes", models.BinaryField()),
                ("is_large", models.BooleanField(default=False, help_text="A worker reads and imports it.")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("reading", "being read"),
                            ("ready", "waits for you"),
                            ("importing", "being imported"),
                            ("imported", "imported"),
                            ("refused", "refused"),
                            ("cancelled", "cancelled"),
                            ("expired", "waited too long"),
                        ],
                        default="reading",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                ("found", models.JSONField(default=dict)),
                ("problem", models.JSONField(default=dict)),
                (
                    "uploaded_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="uploaded"),
                ),
                ("expires_at", models.DateTimeField(verbose_name="waits until")),
                ("claimed_until", models.DateTimeField(help_text="While a worker is at it.", null=True)),
                ("attempt", models.PositiveSmallIntegerField(default=0)),
                ("done", models.PositiveIntegerField(default=0, verbose_name="lines done")),
                (
                    "statement",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="upload",
                        to="fundraising.statement",
                    ),
                ),
            ],
            options={
                "verbose_name": "upload",
                "verbose_name_plural": "uploads",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ("reading", "ready", "importing"))),
                        fields=["state", "uploaded_at"],
                        name="upload_due",
                    ),
                    models.Index(fields=["bank_account", "by", "-id"], name="upload_of_person"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "state__in",
                                ["reading", "ready", "importing", "imported", "refused", "cancelled", "expired"],
                            )
                        ),
                        name="upload_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "imported"), ("statement__isnull", False)),
                            models.Q(models.Q(("state", "imported"), _negated=True), ("statement__isnull", True)),
                            _connector="OR",
                        ),
                        name="upload_imported_has_statement",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ("reading", "ready", "importing")), ("sealed_bytes", b""), _connector="OR"
                        ),
                        name="upload_over_has_no_bytes",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Alike",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "statement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="alike", to="fundraising.statement"
                    ),
                ),
                (
                    "line",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="alike", to="fundraising.bankline"
                    ),
                ),
                ("count", models.PositiveSmallIntegerField()),
                ("is_likely", models.BooleanField(default=False)),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "to be decided"), ("same", "the same lines"), ("own", "lines of their own")],
                        default="open",
                        max_length=4,
                        verbose_name="state",
                    ),
                ),
                (
                    "booked",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), default=list, size=None
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("at", models.DateTimeField(null=True, verbose_name="decided")),
            ],
            options={
                "verbose_name": "lines that look alike",
                "verbose_name_plural": "lines that look alike",
                "constraints": [
                    models.UniqueConstraint(fields=("statement", "line"), name="alike_once"),
                    models.CheckConstraint(condition=models.Q(("count__gte", 1)), name="alike_is_some"),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["open", "same", "own"])), name="alike_state_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state", "own"), ("booked__len", 0), _connector="OR"),
                        name="alike_own_has_lines",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Close",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="closes", to="fundraising.legalentity"
                    ),
                ),
                ("soft_until", models.DateField(null=True, verbose_name="closed until")),
                ("hard_until", models.DateField(null=True, verbose_name="closed for good until")),
                ("reason", models.TextField(verbose_name="why")),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("at", models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="when")),
            ],
            options={
                "verbose_name": "close of the books",
                "verbose_name_plural": "closes of the books",
                "indexes": [models.Index(fields=["entity", "-id"], name="close_newest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("hard_until__isnull", True), ("soft_until__gte", models.F("hard_until")), _connector="OR"
                        ),
                        name="close_soft_covers_hard",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="AccountNumber",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="account_numbers",
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
                        verbose_name="account",
                    ),
                ),
                ("provider", models.CharField(blank=True, max_length=40, verbose_name="provider or bank account")),
                ("number", models.CharField(max_length=12, verbose_name="number")),
                ("name", models.CharField(max_length=80, verbose_name="name")),
            ],
            options={
                "verbose_name": "account number",
                "verbose_name_plural": "account numbers",
                "constraints": [
                    models.UniqueConstraint(fields=("entity", "purpose", "provider"), name="account_number_once"),
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
                        name="account_number_purpose_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="JournalEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="journal_entries",
                        to="fundraising.legalentity",
                    ),
                ),
                ("accounted_on", models.DateField(verbose_name="date")),
                ("text", models.CharField(max_length=300, verbose_name="text")),
                ("attachment_name", models.CharField(blank=True, max_length=200, verbose_name="attachment")),
                ("sealed_attachment", models.BinaryField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "waits for approval"), ("booked", "booked"), ("rejected", "rejected")],
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
                ("decision", models.TextField(blank=True, verbose_name="why it was decided so")),
                (
                    "entry",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="journal_entry",
                        to="fundraising.entry",
                    ),
                ),
                (
                    "reverses",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reversals",
                        to="fundraising.journalentry",
                        verbose_name="takes back",
                    ),
                ),
            ],
            options={
                "verbose_name": "manual journal entry",
                "verbose_name_plural": "manual journal entries",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["waiting", "booked", "rejected"])), name="journal_state_known"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "rejected"), _negated=True),
                        fields=("reverses",),
                        name="journal_taken_back_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("decided_by__isnull", True),
                            models.Q(("decided_by", models.F("by")), _negated=True),
                            _connector="OR",
                        ),
                        name="journal_author_cannot_approve",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decided_at__isnull", True), ("entry__isnull", True), ("state", "waiting")),
                            models.Q(
                                ("decided_at__isnull", False),
                                ("decided_by__isnull", False),
                                ("entry__isnull", False),
                                ("state", "booked"),
                            ),
                            models.Q(
                                ("decided_at__isnull", False),
                                ("decided_by__isnull", False),
                                ("entry__isnull", True),
                                ("state", "rejected"),
                            ),
                            _connector="OR",
                        ),
                        name="journal_decided_by_somebody",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="JournalLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "journal_entry",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="fundraising.journalentry"
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
                        verbose_name="account",
                    ),
                ),
                ("provider", models.CharField(blank=True, max_length=40, verbose_name="provider or bank account")),
                (
                    "fund",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="fundraising.fund",
                        verbose_name="fund",
                    ),
                ),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                ("amount_minor", models.BigIntegerField(verbose_name="amount (minor units)")),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount_minor", 0), _negated=True), name="journal_line_not_zero"
                    ),
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
                        name="journal_line_purpose_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Break",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="breaks", to="fundraising.legalentity"
                    ),
                ),
                (
                    "cause",
                    models.CharField(
                        choices=[
                            ("charge_missing", "charged at the provider, not in the books"),
                            ("charge_doubled", "one donation charged twice"),
                            ("charge_foreign", "a charge that belongs to no donation of ours"),
                            ("amount_differs", "the amount is not the provider's"),
                            ("fee_differs", "the fee is not the provider's"),
                            ("unknown_to_provider", "in the books, not at the provider"),
                            ("payout_line", "a payout is not the sum of its lines"),
                            ("payout_not_in_bank", "paid out, not in the bank"),
                            ("bank_line_unknown", "in the bank, explained by nothing"),
                            ("bank_line_doubled", "a payout or donation is in the bank twice"),
                            ("statement_gap", "a statement does not follow the one before"),
                            ("lines_alike", "lines that look alike in two statements"),
                            ("balance_differs", "a balance is not the provider's or the bank's"),
                            ("suspense", "money that matches nothing"),
                            ("fund_short", "a fund has less than it has promised"),
                            ("fund_left", "money in the fund of an appeal that is over"),
                            ("order_not_in_bank", "ordered from the bank, on no statement"),
                        ],
                        max_length=20,
                        verbose_name="cause",
                    ),
                ),
                ("subject", models.CharField(max_length=160, verbose_name="what")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                ("amount_minor", models.BigIntegerField(verbose_name="amount (minor units)")),
                ("facts", models.JSONField(default=dict, verbose_name="facts")),
                (
                    "donation",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="breaks",
                        to="fundraising.donation",
                    ),
                ),
                (
                    "occurred_on",
                    models.DateField(
                        default=django.utils.timezone.localdate, help_text="The day of the money.", verbose_name="of"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "open"),
                            ("proposed", "waits for a second person"),
                            ("resolved", "resolved"),
                            ("gone", "gone by itself"),
                        ],
                        default="open",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                (
                    "found_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="found"),
                ),
                (
                    "seen_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="last seen"),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="breaks",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
                ("resolution", models.CharField(blank=True, max_length=20, verbose_name="resolution")),
                ("reason", models.TextField(blank=True, verbose_name="why it is resolved so")),
                (
                    "resolved_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="resolved by",
                    ),
                ),
                (
                    "approved_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="approved by",
                    ),
                ),
                ("resolved_at", models.DateTimeField(null=True, verbose_name="resolved")),
                (
                    "entry",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="breaks",
                        to="fundraising.entry",
                    ),
                ),
            ],
            options={
                "verbose_name": "break",
                "verbose_name_plural": "breaks",
                "indexes": [models.Index(fields=["entity", "state", "found_at"], name="break_by_age")],
                "constraints": [
                    models.UniqueConstraint(fields=("entity", "cause", "subject"), name="break_once"),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["open", "proposed", "resolved", "gone"])),
                        name="break_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "cause__in",
                                [
                                    "charge_missing",
                                    "charge_doubled",
                                    "charge_foreign",
                                    "amount_differs",
                                    "fee_differs",
                                    "unknown_to_provider",
                                    "payout_line",
                                    "payout_not_in_bank",
                                    "bank_line_unknown",
                                    "bank_line_doubled",
                                    "statement_gap",
                                    "lines_alike",
                                    "balance_differs",
                                    "suspense",
                                    "fund_short",
                                    "fund_left",
                                    "order_not_in_bank",
                                ],
                            )
                        ),
                        name="break_cause_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("approved_by__isnull", True),
                            models.Q(("approved_by", models.F("resolved_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="break_second_person",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BreakNote",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "found",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="notes", to="fundraising.break"
                    ),
                ),
                ("at", models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="when")),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "event",
                    models.CharField(
                        help_text="found, changed, assigned, commented, resolved …", max_length=20, verbose_name="event"
                    ),
                ),
                ("text", models.TextField(blank=True, verbose_name="text")),
                ("facts", models.JSONField(default=dict)),
            ],
            options={
                "verbose_name": "note on a break",
                "verbose_name_plural": "notes on a break",
                "ordering": ["id"],
            },
        ),
    ]
