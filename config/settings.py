"""Settings: the environment decides; with nothing set this is the demo on loopback.

Every variable is described in docs/operator-runbook.md. Production refuses to start half-configured.
"""

from __future__ import annotations

import base64
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

import dj_database_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from psycopg.conninfo import make_conninfo

from config import embedded_postgres

BASE_DIR = Path(__file__).resolve().parent.parent
ENV = os.environ.get("OPENAPPEAL_ENV", "demo")
if ENV not in {"demo", "test", "production"}:
    raise ImproperlyConfigured(f"OPENAPPEAL_ENV is {ENV!r}; use demo, test or production.")
PRODUCTION = ENV == "production"
STATE_DIR = Path(os.environ.get("OPENAPPEAL_STATE", BASE_DIR / ".state"))


def required(name: str) -> str:
    """The variable's value; in production its absence stops the start."""
    value = os.environ.get(name, "")
    if PRODUCTION and not value:
        raise ImproperlyConfigured(f"{name} must be set in production; see docs/operator-runbook.md.")
    return value


def state_secret(name: str) -> str:
    """A secret of the demo's own, made once and kept in the state directory (mode 600)."""
    path = STATE_DIR / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(base64.b64encode(secrets.token_bytes(32)).decode())
        with suppress(FileExistsError):  # of two processes starting at once, one file wins
            os.link(draft, path)
        draft.unlink()
    return path.read_text()


SECRET_KEY = required("SECRET_KEY") or state_secret("secret_key")
SECRET_KEY_FALLBACKS = os.environ.get("SECRET_KEY_FALLBACKS", "").split()
# "kid:base64,kid2:base64": the first key encrypts, all of them decrypt (fundraising/vault.py).
FIELD_KEYS = required("FIELD_KEYS") or f"demo:{state_secret('field_key')}"
# Keys the blind index of e-mail addresses; changing it means re-indexing every donor.
INDEX_KEY = required("INDEX_KEY") or state_secret("index_key")

PUBLIC_URL = (required("PUBLIC_URL") or "http://127.0.0.1:8000").rstrip("/")
# What the evidence pack of a dispute tells the bank of refunds, in words; empty: nothing.
REFUND_POLICY = os.environ.get("REFUND_POLICY", "")
# Key and certificate (PKCS #12) for papers that a law wants signed when they are mailed; docs/operator-runbook.md.
RECEIPT_SIGNING_FILE = os.environ.get("RECEIPT_SIGNING_FILE") or ("" if PRODUCTION else str(STATE_DIR / "receipts.p12"))
RECEIPT_SIGNING_PASSPHRASE = os.environ.get("RECEIPT_SIGNING_PASSPHRASE", "")
PUBLIC_HOST = PUBLIC_URL.split("://")[-1].split("/")[0].rsplit(":", 1)[0]
DEBUG = False
ALLOWED_HOSTS = (
    [PUBLIC_HOST, *os.environ.get("ALLOWED_HOSTS", "").split()]
    if PRODUCTION
    else ["127.0.0.1", "localhost", "[::1]", "testserver"]
)
INTERNAL_IPS: list[str] = []

# --- Stripe ---------------------------------------------------------------------------------------
STRIPE_API_BASE = os.environ.get("STRIPE_API_BASE", "")
if PRODUCTION and STRIPE_API_BASE:
    raise ImproperlyConfigured("STRIPE_API_BASE points payments at a stand-in; production refuses it.")
STRIPE_API_BASE = STRIPE_API_BASE or ("" if PRODUCTION else "http://127.0.0.1:8012")
STRIPE_TIMEOUT_SECONDS = 10
# Working days after the day that Stripe expects, until the desk tells of a payout that the bank does not show.
PAYOUT_IN_BANK_WITHIN = int(os.environ.get("PAYOUT_IN_BANK_WITHIN") or 5)
STRIPE_LIVEMODE = PRODUCTION and os.environ.get("STRIPE_LIVEMODE", "true") == "true"
STRIPE_SPEC_DIR = Path(os.environ.get("STRIPE_SPEC_DIR", BASE_DIR.parent / "shared" / "stripe"))
WEBHOOK_MAX_BYTES = 1_000_000

# --- Apps -----------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "config",
    "fundraising",
    "payments",
    "receipts",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.webhooks.straight_to_inbox",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.policies.desk_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "config.languages.staff_languages",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "config.sign_in.admin_gate",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # A regime's folder holds the layouts of its papers: "ca/single.html".
        "DIRS": [BASE_DIR / "templates", BASE_DIR / "receipts" / "regimes"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# --- Database, cache, broker ----------------------------------------------------------------------
DATABASE_URL = required("DATABASE_URL") or embedded_postgres.ensure()
DATABASES = {
    "default": dj_database_url.parse(DATABASE_URL, conn_max_age=600, conn_health_checks=True),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# What counts over all processes (failed sign-ins, used codes) is in the database; each process keeps its own pages.
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "shared_cache"},
    "pages": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}
# Open streams of one live process; more are asked to poll. Open files bound it too.
LIVE_VIEWERS = int(os.environ.get("LIVE_VIEWERS", "20000"))
BROKER_URL = required("BROKER_URL") or "pgmq://localhost"
# Queues in our own database: the transport wants libpq's own form of its address, and polls.
PGMQ_OPTIONS = {
    "conn_string": make_conninfo(DATABASE_URL, application_name="celery"),
    "init_extension": False,  # config/migrations/0001_queue.py installs it
    "pool_size": 2,
    "pool_timeout": 2,
    "wait_time_seconds": 0,  # a poll that waits in the database would hold up the other queues, and the worker's end
    "polling_interval": 0.1,
    "visibility_timeout": 600,
}
BROKER_OPTIONS: dict[str, Any] = PGMQ_OPTIONS if BROKER_URL.startswith("pgmq") else {}

# --- Mail -----------------------------------------------------------------------------------------
MAIL_DIR = STATE_DIR / "mail"
# A mail provider that django-anymail knows (postmark, mailgun, brevo, amazon_ses, …) tells what became of each mail;
# its own settings come as ANYMAIL_<PROVIDER>_… in the environment. Without one, mail goes out by SMTP.
MAIL_PROVIDER = os.environ.get("MAIL_PROVIDER", "")
ANYMAIL: dict[str, Any] = {
    "SEND_DEFAULTS": {"track_opens": False, "track_clicks": False},
    "IGNORE_UNSUPPORTED_FEATURES": True,  # a provider that cannot track need not be told not to
    "WEBHOOK_SECRET": os.environ.get("MAIL_WEBHOOK_SECRET", ""),  # user:password
}
ANYMAIL |= {name.removeprefix("ANYMAIL_"): value for name, value in os.environ.items() if name.startswith("ANYMAIL_")}
if PRODUCTION and MAIL_PROVIDER:
    EMAIL_BACKEND = f"anymail.backends.{MAIL_PROVIDER}.EmailBackend"
    ANYMAIL["WEBHOOK_SECRET"] = required("MAIL_WEBHOOK_SECRET")
elif PRODUCTION:
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST = required("EMAIL_HOST")
    EMAIL_PORT = int(os.environ.get("EMAIL_PORT", "587"))
    EMAIL_HOST_USER = os.environ.get("EMAIL_USER", "")
    EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_PASSWORD", "")
    EMAIL_USE_TLS = os.environ.get("EMAIL_TLS", "true") == "true"
    EMAIL_TIMEOUT = 20
else:
    # Files that the demo's mail page lists; no message can leave a machine that is not production.
    EMAIL_BACKEND = "config.demo.post.EmailBackend"
    EMAIL_FILE_PATH = str(MAIL_DIR)

# The sender of what staff get: invitations, news of their sign-in.
DEFAULT_FROM_EMAIL = os.environ.get("STAFF_EMAIL_FROM", f"no-reply@{PUBLIC_HOST}")

# --- Languages ------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
# Of the public pages, the mails and the papers.
LANGUAGES = [
    ("en", "English"),
    ("it", "Italiano"),
    ("fr", "Français"),
    ("de", "Deutsch"),
    ("es", "Español"),
    ("pt", "Português"),
    ("nl", "Nederlands"),
    ("ru", "Русский"),
    ("ar", "العربية"),
]
# Of the desk, the administration and signing in: the others' catalogues hold donors' texts alone.
STAFF_LANGUAGES = ("en", "it")
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- Static files and stored papers ---------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = Path(os.environ.get("STATIC_ROOT", STATE_DIR / "static"))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": {
            "production": "whitenoise.storage.CompressedManifestStaticFilesStorage",
            "demo": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage",  # compressing takes a minute
            "test": "django.contrib.staticfiles.storage.StaticFilesStorage",
        }[ENV]
    },
}
WHITENOISE_USE_FINDERS = ENV == "test"
MEDIA_ROOT = Path(os.environ.get("MEDIA_ROOT", STATE_DIR / "media"))

# --- Safety ---------------------------------------------------------------------------------------
CSP = {
    "default-src": [SELF],
    "object-src": [NONE],
    "base-uri": [NONE],
    "frame-ancestors": [NONE],
    # Forms answer with redirects to Stripe's pages (paying, an open collection, another card), which browsers check.
    "form-action": [
        SELF,
        "https://checkout.stripe.com",
        "https://invoice.stripe.com",
        "https://billing.stripe.com",
        *([STRIPE_API_BASE] if STRIPE_API_BASE else []),
    ],
    "img-src": [SELF, "data:"],
}
CONTENT_SECURITY_POLICY = {"DIRECTIVES": CSP}
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
if PRODUCTION:
    SECURE_SSL_REDIRECT = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    # A load balancer's health probe speaks plain HTTP from inside.
    SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# --- Signing in: staff only, always with a second factor (ADR 0100) --------------------------------
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "desk"
LOGOUT_REDIRECT_URL = "account_login"
AUTHENTICATION_BACKENDS = ["config.permissions.RolesBackend"]
SESSION_COOKIE_AGE = 12 * 3600
ACCOUNT_ADAPTER = "config.sign_in.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # an invitation by mail is the proof
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_DEFAULT_HTTP_PROTOCOL = PUBLIC_URL.split("://")[0]
# The proxy in front says who asks; with more of them in a row, say how many.
ALLAUTH_TRUSTED_PROXY_COUNT = int(os.environ.get("TRUSTED_PROXIES", "1"))
MFA_ADAPTER = "config.sign_in.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {"add_webauthn": "config.sign_in_forms.AddKeyForm"}
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_WEBAUTHN_USER_VERIFICATION = "required"  # a passkey alone signs in, so it asks for a PIN or a finger
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PRODUCTION  # the demo has no certificate

# --- Throttles (ADR 0172): how many within how many seconds, by one client or by one donor --------
# Over Tor, at schools and behind the big mobile networks many people share an address: these are far above what people
# do, and far below what a thief who tries cards needs. "donate=60/600 check=0/1" changes some; 0 lifts one.
THROTTLES: dict[str, tuple[int, int]] = {
    "donate": (40, 600),  # forms that open a donation, and the same over the API, from one address
    "pay": (60, 600),  # ways on to the payment page, from one address
    "pay_again": (12, 3600),  # of one donation
    "check": (60, 600),  # codes on the check page, from one address
    "genuine": (60, 600),  # questions whether a collection is genuine, from one address
    "link": (4, 3600),  # mails with a link, to one donor
    "links": (20, 3600),  # asked for from one address
    "form": (60, 600),  # details sent from one address
}
for _limit in os.environ.get("THROTTLES", "").split():
    _kind, _, _said = _limit.partition("=")
    _most, _, _seconds = _said.partition("/")
    if _kind not in THROTTLES or not (_most.isdecimal() and _seconds.isdecimal() and int(_seconds)):
        raise ImproperlyConfigured(f"THROTTLES says {_limit!r}; write donate=60/600, of {', '.join(THROTTLES)}.")
    THROTTLES[_kind] = int(_most), int(_seconds)
THROTTLES = {kind: limit for kind, limit in THROTTLES.items() if limit[0]}

# --- REST API -------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["fundraising.api.parsers.BoundedJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.LimitOffsetPagination",
    "PAGE_SIZE": 50,
    "UNAUTHENTICATED_USER": None,
    "EXCEPTION_HANDLER": "fundraising.api.errors.answer",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "OpenAppeal API",
    "DESCRIPTION": "Campaigns, appeals and live totals; opening a donation. Amounts are integers in minor units.",
    "VERSION": "1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
}

# --- Logging: no personal data, no bodies ---------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": os.environ.get("LOG_LEVEL", "INFO")},
    "loggers": {"stripe": {"level": "WARNING"}, "fontTools": {"level": "ERROR"}, "weasyprint": {"level": "ERROR"}},
}

# --- The admin's look -----------------------------------------------------------------------------
UNFOLD = {
    "SITE_TITLE": "OpenAppeal",
    "SITE_HEADER": "OpenAppeal",
    "SITE_SUBHEADER": "Campaigns and books",
    "SITE_ICON": lambda request: static("img/mark.svg"),
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("img/mark.svg")}],
    "SHOW_VIEW_ON_SITE": True,
    "BORDER_RADIUS": "3px",
    # The accent of static/css/tokens.css in the theme's eleven steps.
    "COLORS": {
        "primary": {
            "50": "#fdf3ef",
            "100": "#fae7df",
            "200": "#f5cbbc",
            "300": "#ffac90",
            "400": "#ff8e69",
            "500": "#d5452a",
            "600": "#ad2a12",
            "700": "#97230d",
            "800": "#7c1d0c",
            "900": "#571409",
            "950": "#2b110d",
        },
    },
}
