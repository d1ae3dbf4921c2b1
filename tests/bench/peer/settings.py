"""dj-stripe's settings: the benchmark's PostgreSQL, our sandbox for its calls to Stripe, persistent connections."""

import os
from urllib.parse import unquote, urlsplit

_url = urlsplit(os.environ["PEER_DATABASE_URL"])
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _url.path.lstrip("/"),
        "USER": _url.username,
        "PASSWORD": _url.password or "",
        "HOST": unquote(_url.hostname or "") if "%2" not in _url.netloc else unquote(_url.netloc.split("@")[-1]),
        "PORT": _url.port or "" if "%2" not in _url.netloc else "",
        "CONN_MAX_AGE": 600,
    }
}
SECRET_KEY = "of the benchmark"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "peer.urls"
WSGI_APPLICATION = "peer.wsgi.application"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "djstripe",
]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STRIPE_TEST_SECRET_KEY = "sk_test_benchmark000000000000000000"
STRIPE_LIVE_MODE = False
STRIPE_API_HOST = os.environ["STRIPE_API_BASE"]
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"
