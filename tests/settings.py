"""Settings of the tests: PostgreSQL of our own unless DATABASE_URL names one, and nothing that leaves this process."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from config import embedded_postgres

# One server for all test runs of this checkout, without fsync; it stops when the last run has ended.
SERVER_STATE = Path(__file__).resolve().parent.parent / ".state" / "test"
EMBEDDED = os.environ.get("DATABASE_URL", "").startswith("postgresql://openappeal@%2F") or not os.environ.get(
    "DATABASE_URL"
)
if EMBEDDED:
    os.environ["DATABASE_URL"] = embedded_postgres.ensure(SERVER_STATE, tuning=embedded_postgres.FAST)
os.environ["OPENAPPEAL_ENV"] = "test"
os.environ["OPENAPPEAL_STATE"] = tempfile.mkdtemp(prefix="openappeal-test-")
atexit.register(shutil.rmtree, os.environ["OPENAPPEAL_STATE"], ignore_errors=True)
# The broker of the tests marked `celery`, whose worker is real; all others' nudges stay in the process.
# Kept under a name of its own: the workers of pytest-xdist inherit this environment.
TEST_BROKER_URL = os.environ.setdefault("TEST_BROKER_URL", os.environ.get("BROKER_URL", ""))
os.environ["BROKER_URL"] = "memory://"
# Nobody answers here, whatever else runs on this machine: tests that need Stripe point this at a sandbox of their own.
os.environ["STRIPE_API_BASE"] = "http://127.0.0.1:9"

from config.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# One memory for both, emptied between tests; the database's cache has its own test.
CACHES = {name: {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"} for name in ("default", "pages")}
# The sandbox answers at once, on a machine that does nothing else.
STRIPE_TIMEOUT_SECONDS = 30
# Each test's client builds the middleware anew: it looks for a file when that is asked for, not for all each time.
WHITENOISE_AUTOREFRESH = True
# All tests come from one address; those of the throttles set limits of their own.
THROTTLES = {}
