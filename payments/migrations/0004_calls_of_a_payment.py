"""When Stripe was asked for an attempt's checkout, and under which key."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0003_mandates_at_stripe")]

    operations = [
        migrations.AddField(
            "payment",
            "called_at",
            models.DateTimeField(null=True, help_text="When the newest call began; stored before it."),
        ),
        migrations.AddField(
            "payment",
            "spent_at",
            models.DateTimeField(null=True, help_text="When Stripe repeated a failure it had kept under the key."),
        ),
        migrations.AddField(
            "payment",
            "key_from",
            models.DateTimeField(null=True, help_text="Since when another key is used; null: the first one."),
        ),
    ]
