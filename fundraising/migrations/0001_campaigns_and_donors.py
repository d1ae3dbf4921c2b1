"""Legal entities with their funds, campaigns with their appeals and rounds, donors."""

import uuid

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import fundraising.money
import fundraising.vault
from fundraising.migrations._tables import Tables


class Migration(Tables):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="LegalEntity",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(unique=True)),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                (
                    "tax_status",
                    models.CharField(
                        choices=[
                            ("us_501c3", "US 501(c)(3), gifts deductible"),
                            ("us_501c4", "US 501(c)(4), gifts not deductible"),
                            ("other", "Other; no tax receipt"),
                        ],
                        max_length=20,
                        verbose_name="tax status",
                    ),
                ),
                ("country", models.CharField(help_text="ISO 3166 code", max_length=2, verbose_name="country")),
                ("address", models.TextField(verbose_name="address")),
                ("registration", models.CharField(blank=True, max_length=200, verbose_name="registration")),
                (
                    "currency",
                    models.CharField(
                        choices=fundraising.money.currencies, max_length=3, verbose_name="reporting currency"
                    ),
                ),
                (
                    "email_from",
                    models.EmailField(
                        help_text="Neutral: an inbox must not out a donor.",
                        max_length=254,
                        verbose_name="sender of mails",
                    ),
                ),
                ("theme", models.SlugField(default="default", verbose_name="colour theme")),
                ("privacy_url", models.URLField(blank=True, verbose_name="privacy notice")),
                (
                    "approval_above_minor",
                    models.BigIntegerField(
                        default=10000,
                        help_text="Breaks of more than this, in the reporting currency, need a second person to be resolved.",
                        verbose_name="second person above (minor units)",
                    ),
                ),
            ],
            options={
                "verbose_name": "legal entity",
                "verbose_name_plural": "legal entities",
            },
        ),
        migrations.CreateModel(
            name="EntityText",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="texts", to="fundraising.legalentity"
                    ),
                ),
                (
                    "locale",
                    models.CharField(
                        choices=[
                            ("en", "English"),
                            ("it", "Italiano"),
                            ("fr", "Français"),
                            ("de", "Deutsch"),
                            ("es", "Español"),
                            ("pt", "Português"),
                            ("nl", "Nederlands"),
                            ("ru", "Русский"),
                            ("ar", "العربية"),
                        ],
                        max_length=12,
                        verbose_name="language",
                    ),
                ),
                ("legal_form", models.CharField(max_length=200, verbose_name="legal form")),
                (
                    "non_deductibility",
                    models.TextField(
                        blank=True,
                        help_text="Shown as a paragraph of its own on the form, the mail and the receipt (IRC 6113).",
                        verbose_name="non-deductibility sentence",
                    ),
                ),
            ],
            options={
                "verbose_name": "text of the legal entity",
                "verbose_name_plural": "texts of the legal entity",
                "constraints": [models.UniqueConstraint(fields=("entity", "locale"), name="entity_text_once")],
            },
        ),
        migrations.CreateModel(
            name="Fund",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="funds", to="fundraising.legalentity"
                    ),
                ),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                ("restricted", models.BooleanField(default=True, verbose_name="restricted")),
            ],
            options={
                "verbose_name": "fund",
                "verbose_name_plural": "funds",
                "constraints": [
                    models.UniqueConstraint(fields=("entity", "name"), name="fund_name_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("restricted", False)), fields=("entity",), name="one_unrestricted_fund"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="FeeCover",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="fee_covers",
                        to="fundraising.legalentity",
                    ),
                ),
                (
                    "currency",
                    models.CharField(choices=fundraising.money.currencies, max_length=3, verbose_name="currency"),
                ),
                (
                    "method",
                    models.CharField(
                        choices=[
                            ("card", "by card"),
                            ("sepa_debit", "by bank debit"),
                            ("customer_balance", "by bank transfer"),
                        ],
                        default="card",
                        max_length=20,
                        verbose_name="way to pay",
                    ),
                ),
                (
                    "basis_points",
                    models.PositiveSmallIntegerField(verbose_name="hundredths of a per cent of the total"),
                ),
                ("fixed_minor", models.BigIntegerField(verbose_name="fixed part (minor units)")),
            ],
            options={
                "verbose_name": "fee cover",
                "verbose_name_plural": "fee covers",
                "constraints": [
                    models.UniqueConstraint(fields=("entity", "currency", "method"), name="fee_cover_once"),
                    models.CheckConstraint(
                        condition=models.Q(("basis_points__lt", 2000), ("fixed_minor__gte", 0)), name="fee_cover_sane"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Donor",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="donors", to="fundraising.legalentity"
                    ),
                ),
                ("email_index", models.CharField(db_index=True, editable=False, max_length=64)),
                ("identity_index", models.CharField(editable=False, max_length=64)),
                (
                    "name_words",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=64),
                        default=list,
                        editable=False,
                        help_text="Blind indexes of each word.",
                        size=None,
                    ),
                ),
                ("email", fundraising.vault.SealedTextField(verbose_name="e-mail")),
                ("first_name", fundraising.vault.SealedTextField(verbose_name="first name")),
                ("last_name", fundraising.vault.SealedTextField(verbose_name="last name")),
                (
                    "organisation",
                    fundraising.vault.SealedTextField(
                        blank=True,
                        default="",
                        help_text="The company or body that gives, through this person.",
                        verbose_name="organisation",
                    ),
                ),
                ("country", models.CharField(max_length=2, verbose_name="country")),
                ("locale", models.CharField(max_length=12, verbose_name="language")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("erased_at", models.DateTimeField(editable=False, null=True, verbose_name="erased")),
            ],
            options={
                "verbose_name": "donor",
                "verbose_name_plural": "donors",
                "indexes": [django.contrib.postgres.indexes.GinIndex(fields=["name_words"], name="donor_words")],
                "constraints": [
                    models.UniqueConstraint(fields=("entity", "identity_index"), name="donor_identity_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="TaxDetails",
            fields=[
                (
                    "donor",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="tax_details",
                        serialize=False,
                        to="fundraising.donor",
                    ),
                ),
                ("title", fundraising.vault.SealedTextField(blank=True, default="", verbose_name="title")),
                ("street", fundraising.vault.SealedTextField(blank=True, default="", verbose_name="street and number")),
                ("postcode", fundraising.vault.SealedTextField(blank=True, default="", verbose_name="postcode")),
                ("city", fundraising.vault.SealedTextField(blank=True, default="", verbose_name="town")),
                ("region", fundraising.vault.SealedTextField(blank=True, default="", verbose_name="region")),
                (
                    "tax_number",
                    fundraising.vault.SealedTextField(blank=True, default="", verbose_name="tax or national number"),
                ),
                ("changed_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="changed")),
            ],
            options={
                "verbose_name": "details for tax receipts",
                "verbose_name_plural": "details for tax receipts",
            },
        ),
        migrations.CreateModel(
            name="Campaign",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(unique=True)),
                (
                    "entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="campaigns",
                        to="fundraising.legalentity",
                        verbose_name="legal entity",
                    ),
                ),
                ("published", models.BooleanField(default=False, verbose_name="published")),
                ("photo_url", models.CharField(blank=True, max_length=300, verbose_name="photo")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "verbose_name": "campaign",
                "verbose_name_plural": "campaigns",
            },
        ),
        migrations.CreateModel(
            name="CampaignText",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="texts", to="fundraising.campaign"
                    ),
                ),
                (
                    "locale",
                    models.CharField(
                        choices=[
                            ("en", "English"),
                            ("it", "Italiano"),
                            ("fr", "Français"),
                            ("de", "Deutsch"),
                            ("es", "Español"),
                            ("pt", "Português"),
                            ("nl", "Nederlands"),
                            ("ru", "Русский"),
                            ("ar", "العربية"),
                        ],
                        max_length=12,
                        verbose_name="language",
                    ),
                ),
                ("title", models.CharField(max_length=160, verbose_name="title")),
                ("summary", models.TextField(verbose_name="summary")),
                (
                    "story",
                    models.TextField(help_text="Paragraphs are separated by an empty line.", verbose_name="story"),
                ),
                ("partner_credit", models.CharField(blank=True, max_length=300, verbose_name="partner credit")),
            ],
            options={
                "verbose_name": "campaign text",
                "verbose_name_plural": "campaign texts",
                "constraints": [models.UniqueConstraint(fields=("campaign", "locale"), name="campaign_text_once")],
            },
        ),
        migrations.CreateModel(
            name="CampaignUpdate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="updates", to="fundraising.campaign"
                    ),
                ),
                (
                    "locale",
                    models.CharField(
                        choices=[
                            ("en", "English"),
                            ("it", "Italiano"),
                            ("fr", "Français"),
                            ("de", "Deutsch"),
                            ("es", "Español"),
                            ("pt", "Português"),
                            ("nl", "Nederlands"),
                            ("ru", "Русский"),
                            ("ar", "العربية"),
                        ],
                        max_length=12,
                        verbose_name="language",
                    ),
                ),
                ("published_on", models.DateField(default=django.utils.timezone.localdate, verbose_name="date")),
                ("title", models.CharField(max_length=160, verbose_name="title")),
                ("body", models.TextField(help_text="Paragraphs are separated by an empty line.", verbose_name="text")),
            ],
            options={
                "verbose_name": "update",
                "verbose_name_plural": "updates",
                "ordering": ["-published_on", "-id"],
                "indexes": [
                    models.Index(fields=["campaign", "locale", "-published_on"], name="fundraising_campaig_cfe347_idx")
                ],
            },
        ),
        migrations.CreateModel(
            name="Appeal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="appeals", to="fundraising.campaign"
                    ),
                ),
                ("slug", models.SlugField(unique=True)),
                (
                    "fund",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="appeal",
                        to="fundraising.fund",
                        verbose_name="fund",
                    ),
                ),
                (
                    "late_fund",
                    models.ForeignKey(
                        help_text="Takes the money that arrives after the appeal has closed.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="late_appeals",
                        to="fundraising.fund",
                        verbose_name="fund of the secondary purpose",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "draft"),
                            ("open", "open"),
                            ("closing", "closing: no new monthly giving"),
                            ("closed", "closed"),
                            ("resolved", "surplus resolved"),
                            ("archived", "archived"),
                        ],
                        default="draft",
                        editable=False,
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                (
                    "state_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False, verbose_name="in this state since"
                    ),
                ),
                (
                    "currency",
                    models.CharField(
                        choices=fundraising.money.currencies, max_length=3, verbose_name="currency of goal and total"
                    ),
                ),
            ],
            options={
                "verbose_name": "appeal",
                "verbose_name_plural": "appeals",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("fund", models.F("late_fund")), _negated=True),
                        name="appeal_late_fund_differs",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["draft", "open", "closing", "closed", "resolved", "archived"])
                        ),
                        name="appeal_state_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AppealWording",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "appeal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="wordings", to="fundraising.appeal"
                    ),
                ),
                (
                    "locale",
                    models.CharField(
                        choices=[
                            ("en", "English"),
                            ("it", "Italiano"),
                            ("fr", "Français"),
                            ("de", "Deutsch"),
                            ("es", "Español"),
                            ("pt", "Português"),
                            ("nl", "Nederlands"),
                            ("ru", "Русский"),
                            ("ar", "العربية"),
                        ],
                        max_length=12,
                        verbose_name="language",
                    ),
                ),
                ("version", models.PositiveSmallIntegerField(verbose_name="version")),
                ("title", models.CharField(max_length=160, verbose_name="title")),
                ("ask", models.TextField(verbose_name="the ask")),
                ("purpose", models.TextField(verbose_name="purpose")),
                (
                    "secondary_purpose",
                    models.TextField(
                        help_text="What happens when the appeal raises more or less than it needs.",
                        verbose_name="secondary purpose",
                    ),
                ),
                (
                    "after_close",
                    models.CharField(
                        choices=[
                            ("ends", "monthly giving ends with the appeal"),
                            ("continues", "monthly giving goes on, for the secondary purpose"),
                        ],
                        default="ends",
                        help_text="Shown to everyone who gives monthly or yearly, and kept.",
                        max_length=10,
                        verbose_name="monthly giving when the appeal closes",
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "verbose_name": "wording",
                "verbose_name_plural": "wordings",
                "constraints": [
                    models.UniqueConstraint(fields=("appeal", "locale", "version"), name="wording_version_once"),
                    models.CheckConstraint(
                        condition=models.Q(("secondary_purpose", ""), _negated=True),
                        name="wording_has_secondary_purpose",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Round",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "appeal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="rounds", to="fundraising.appeal"
                    ),
                ),
                ("number", models.PositiveSmallIntegerField(verbose_name="number")),
                ("reason", models.CharField(max_length=300, verbose_name="reason")),
                ("opens_at", models.DateTimeField(verbose_name="opens")),
                ("closes_at", models.DateTimeField(blank=True, null=True, verbose_name="closes")),
            ],
            options={
                "verbose_name": "round",
                "verbose_name_plural": "rounds",
                "ordering": ["appeal", "number"],
                "constraints": [
                    models.UniqueConstraint(fields=("appeal", "number"), name="round_number_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("closes_at__isnull", True), ("closes_at__gt", models.F("opens_at")), _connector="OR"
                        ),
                        name="round_closes_after_opening",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RoundText",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "round",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="texts", to="fundraising.round"
                    ),
                ),
                (
                    "locale",
                    models.CharField(
                        choices=[
                            ("en", "English"),
                            ("it", "Italiano"),
                            ("fr", "Français"),
                            ("de", "Deutsch"),
                            ("es", "Español"),
                            ("pt", "Português"),
                            ("nl", "Nederlands"),
                            ("ru", "Русский"),
                            ("ar", "العربية"),
                        ],
                        max_length=12,
                        verbose_name="language",
                    ),
                ),
                ("reason", models.CharField(max_length=300, verbose_name="reason")),
            ],
            options={
                "verbose_name": "round text",
                "verbose_name_plural": "round texts",
                "constraints": [models.UniqueConstraint(fields=("round", "locale"), name="round_text_once")],
            },
        ),
        migrations.CreateModel(
            name="Goal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "round",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="goals", to="fundraising.round"
                    ),
                ),
                ("amount_minor", models.BigIntegerField(verbose_name="goal (minor units)")),
                ("set_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("reason", models.CharField(max_length=300, verbose_name="reason")),
            ],
            options={
                "verbose_name": "goal",
                "verbose_name_plural": "goals",
                "ordering": ["round", "-set_at", "-id"],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("amount_minor__gt", 0)), name="goal_positive")
                ],
            },
        ),
        migrations.CreateModel(
            name="DonationPage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "appeal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="pages", to="fundraising.appeal"
                    ),
                ),
                (
                    "locale",
                    models.CharField(
                        choices=[
                            ("en", "English"),
                            ("it", "Italiano"),
                            ("fr", "Français"),
                            ("de", "Deutsch"),
                            ("es", "Español"),
                            ("pt", "Português"),
                            ("nl", "Nederlands"),
                            ("ru", "Русский"),
                            ("ar", "العربية"),
                        ],
                        max_length=12,
                        verbose_name="language",
                    ),
                ),
                ("slug", models.SlugField(max_length=80, verbose_name="address")),
                ("published", models.BooleanField(default=True, verbose_name="published")),
                ("offers_monthly", models.BooleanField(default=True, verbose_name="offers monthly giving")),
                ("offers_yearly", models.BooleanField(default=False, verbose_name="offers yearly giving")),
                (
                    "takes_comments",
                    models.BooleanField(
                        default=False,
                        help_text="Each is shown only after somebody here has read it.",
                        verbose_name="takes comments",
                    ),
                ),
            ],
            options={
                "verbose_name": "donation page",
                "verbose_name_plural": "donation pages",
                "constraints": [
                    models.UniqueConstraint(fields=("locale", "slug"), name="page_address_once"),
                    models.UniqueConstraint(fields=("appeal", "locale"), name="page_language_once"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Question",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "page",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="questions",
                        to="fundraising.donationpage",
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
                ("label", models.CharField(max_length=200, verbose_name="question")),
                ("hint", models.CharField(blank=True, max_length=300, verbose_name="hint")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("text", "a line of text"),
                            ("choice", "one of several answers"),
                            ("yes", "a box to tick"),
                        ],
                        default="text",
                        max_length=8,
                        verbose_name="kind",
                    ),
                ),
                (
                    "choices",
                    models.TextField(blank=True, help_text="One on each line.", verbose_name="answers to choose from"),
                ),
                ("required", models.BooleanField(default=False, verbose_name="must be answered")),
                ("retired", models.BooleanField(default=False, verbose_name="asked no more")),
            ],
            options={
                "verbose_name": "question",
                "verbose_name_plural": "questions",
                "ordering": ["page", "position", "pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["text", "choice", "yes"])), name="question_kind_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "choice"), _negated=True),
                            models.Q(("choices", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="question_choice_has_answers",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PageCurrency",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "page",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="currencies",
                        to="fundraising.donationpage",
                    ),
                ),
                (
                    "currency",
                    models.CharField(choices=fundraising.money.currencies, max_length=3, verbose_name="currency"),
                ),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
                ("minimum_minor", models.BigIntegerField(verbose_name="minimum (minor units)")),
                ("maximum_minor", models.BigIntegerField(verbose_name="maximum (minor units)")),
                (
                    "suggested_minor",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), size=None, verbose_name="suggested amounts (minor units)"
                    ),
                ),
                (
                    "suggested_regular_minor",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(),
                        blank=True,
                        default=list,
                        help_text="Empty: the same as for a single donation.",
                        size=None,
                        verbose_name="suggested monthly amounts (minor units)",
                    ),
                ),
            ],
            options={
                "verbose_name": "currency",
                "verbose_name_plural": "currencies",
                "ordering": ["position", "currency"],
                "constraints": [
                    models.UniqueConstraint(fields=("page", "currency"), name="page_currency_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("maximum_minor__gte", models.F("minimum_minor")),
                            ("maximum_minor__lte", 80000000),
                            ("minimum_minor__gt", 0),
                        ),
                        name="page_currency_bounds",
                    ),
                ],
            },
        ),
    ]
