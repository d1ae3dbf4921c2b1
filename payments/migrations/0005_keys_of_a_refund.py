"""Under which key Stripe is asked for a refund, once it keeps a failure under the first one."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0004_calls_of_a_payment")]

    operations = [
        migrations.AddField(
            "refundrequest",
            "spent_at",
            models.DateTimeField(null=True, help_text="When Stripe repeated a failure it had kept under the key."),
        ),
        migrations.AddField(
            "refundrequest",
            "key_from",
            models.DateTimeField(null=True, help_text="Since when another key is used; null: the first one."),
        ),
    ]
