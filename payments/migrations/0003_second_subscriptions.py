"""Subscriptions at Stripe that name a mandate which has another one already."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("fundraising", "0015_break_subscription_doubled"),
        ("payments", "0002_when_collections_are_tried_again"),
    ]

    operations = [
        migrations.CreateModel(
            name="SecondSubscription",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("subscription_id", models.CharField(max_length=120)),
                ("status", models.CharField(max_length=60, verbose_name="status")),
                (
                    "status_at",
                    models.DateTimeField(help_text="When Stripe said so; an older word never replaces a newer one."),
                ),
                ("began_at", models.DateTimeField(verbose_name="made")),
                ("amount_minor", models.BigIntegerField(verbose_name="amount at Stripe (minor units)")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="second_subscriptions",
                        to="payments.stripeaccount",
                    ),
                ),
                (
                    "mandate",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="second_subscriptions",
                        to="fundraising.mandate",
                    ),
                ),
            ],
            options={
                "verbose_name": "second subscription of a mandate",
                "verbose_name_plural": "second subscriptions of mandates",
                "constraints": [
                    models.UniqueConstraint(fields=("account", "subscription_id"), name="second_subscription_once")
                ],
            },
        ),
    ]
