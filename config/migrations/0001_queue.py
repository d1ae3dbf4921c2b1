"""Celery's queues inside PostgreSQL (pgmq), installed from the SQL its client brings: no extension, no extra rights.

Installed everywhere, used where BROKER_URL says pgmq (the default of the demo). A queue holds nudges only, so going
back leaves it alone.
"""

from django.db import migrations
from pgmq.install import get_embedded_install_sql


def install(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('pgmq.meta')")
        if cursor.fetchone()[0] is None:  # the installed extension does as well
            cursor.execute(get_embedded_install_sql())


class Migration(migrations.Migration):
    dependencies = []
    operations = [migrations.RunPython(install, migrations.RunPython.noop)]
