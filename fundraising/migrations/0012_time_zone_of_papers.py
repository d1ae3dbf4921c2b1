"""Where the day of a legal entity's papers begins; UTC, as it was for all."""

from django.db import migrations, models

import fundraising.models.entities


class Migration(migrations.Migration):
    dependencies = [("fundraising", "0011_when_collections_are_tried_again")]

    operations = [
        migrations.AddField(
            model_name="legalentity",
            name="time_zone",
            field=models.CharField(
                default="UTC",
                help_text="Of the days and years on papers, as America/New_York. The books are kept in UTC.",
                max_length=64,
                validators=[fundraising.models.entities.is_time_zone],
                verbose_name="time zone",
            ),
        ),
    ]
