"""The newest word of each invoice, and when Stripe tries to collect it again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0001_tables"),
    ]

    operations = [
        migrations.RemoveField(
            model_name="subscription",
            name="open_invoice_id",
        ),
        migrations.AddField(
            model_name="payment",
            name="invoice_said_at",
            field=models.DateTimeField(help_text="When Stripe said so, and when it tries again.", null=True),
        ),
        migrations.AddField(
            model_name="payment",
            name="invoice_status",
            field=models.CharField(blank=True, help_text="Stripe's word, the newest we heard.", max_length=20),
        ),
        migrations.AddField(
            model_name="payment",
            name="retry_at",
            field=models.DateTimeField(
                help_text="When Stripe tries to collect it again; null: not any more.", null=True
            ),
        ),
    ]
