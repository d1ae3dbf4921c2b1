"""When a sweep asked Stripe about a subscription last: what Stripe refuses goes behind the others."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0003_second_subscriptions")]

    operations = [
        migrations.AddField(
            "subscription",
            "looked_up_at",
            models.DateTimeField(help_text="When a sweep asked Stripe about it last, answered or not.", null=True),
        ),
    ]
