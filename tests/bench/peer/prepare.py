"""Migrate dj-stripe's database and make its webhook endpoint.

`python -m peer.prepare SECRET` prints the endpoint's UUID.
"""

import os
import sys

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "peer.settings"
django.setup()

from django.core.management import call_command  # noqa: E402
from djstripe.models import Account, WebhookEndpoint  # type: ignore[import-not-found]  # noqa: E402

call_command("migrate", verbosity=0, interactive=False)
account = Account.get_default_account()
endpoint = WebhookEndpoint.objects.create(
    id="we_benchmark",
    livemode=False,
    secret=sys.argv[1],
    enabled_events=["*"],
    status="enabled",
    url="http://127.0.0.1/",
    djstripe_owner_account=account,
)
print(endpoint.djstripe_uuid)
