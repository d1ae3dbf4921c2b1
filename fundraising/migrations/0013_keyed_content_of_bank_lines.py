"""The content of bank lines is a keyed hash: who guesses what a line says cannot prove it."""

from typing import Any

from django.db import migrations, models

from fundraising.vault import blind_index


def key_content(apps: Any, _schema_editor: Any) -> None:
    """What was hashed without a key is hashed once more with it, as identity.content_of does. Entries keep their keys."""
    BankLine = apps.get_model("fundraising", "BankLine")
    changed = []
    for line in BankLine.objects.only("pk", "content").iterator(chunk_size=1000):
        line.content = blind_index("bank line", line.content)
        changed.append(line)
    BankLine.objects.bulk_update(changed, ["content"], batch_size=1000)


class Migration(migrations.Migration):
    dependencies = [("fundraising", "0012_time_zone_of_papers")]

    operations = [
        migrations.AlterField(
            "bankline",
            "content",
            models.CharField(help_text="Keyed hash of what the bank says of it.", max_length=64),
        ),
        migrations.RunPython(key_content, migrations.RunPython.noop),
    ]
