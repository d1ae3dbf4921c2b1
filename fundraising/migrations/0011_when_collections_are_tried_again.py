"""When a collection that failed is tried again; what has ended collects no more."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("fundraising", "0010_rules_of_staff"),
    ]

    operations = [
        migrations.AddField(
            model_name="mandate",
            name="retry_on",
            field=models.DateField(
                editable=False,
                help_text="Of a collection that failed; empty: not any more.",
                null=True,
                verbose_name="tried again on",
            ),
        ),
        migrations.AddConstraint(
            model_name="mandate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "ended"), _negated=True),
                    models.Q(("next_on", None), ("retry_on", None)),
                    _connector="OR",
                ),
                name="mandate_ended_collects_no_more",
            ),
        ),
    ]
