"""Why a line is taken for what it was matched with, as codes. What stands in `why` by now stays as it was worded."""

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models

REASONS = [
    "same_amount", "other_amount", "quoted", "numbered", "same_account", "same_name", "refund_quoted",
    "refund_to_account", "ours", "recorded", "break", "trace", "descriptor", "names_stripe", "on_the_day",
    "within_days", "takes_back",
]  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("fundraising", "0013_keyed_content_of_bank_lines")]

    operations = [
        migrations.AddField("match", "reasons", ArrayField(models.CharField(max_length=20), blank=True, default=list)),
        migrations.AddConstraint(
            "match",
            models.CheckConstraint(condition=models.Q(reasons__contained_by=REASONS), name="match_reasons_known"),
        ),
    ]
