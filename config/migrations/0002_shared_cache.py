"""The table of Django's database cache, as `createcachetable` makes it: what all processes count together."""

from django.db import migrations

TABLE = """
CREATE TABLE shared_cache (cache_key varchar(255) PRIMARY KEY, value text NOT NULL, expires timestamptz NOT NULL);
CREATE INDEX shared_cache_expires ON shared_cache (expires);
"""


class Migration(migrations.Migration):
    dependencies = [("config", "0001_queue")]
    operations = [migrations.RunSQL(TABLE, "DROP TABLE shared_cache")]
