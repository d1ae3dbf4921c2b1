"""All addresses of the service. The only place that knows those of every app."""

from django.conf import settings
from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from config import mailbox
from fundraising import pages
from payments import inbox

urlpatterns = [
    path("", pages.root),
    path("healthz", pages.healthz),
    path("admin/", admin.site.urls),
    path("desk/", include("config.desk.urls")),
    path("accounts/", include("config.account_urls")),
    path("webhooks/mail/", include("config.mail_urls")),
    path("webhooks/stripe/<slug:account>/", inbox.receive, name="stripe-webhook"),
    path("receipt/", include("receipts.urls")),
    path("iati/", include("receipts.iati.urls")),
    path("api/v1/", include("fundraising.api.urls")),
    path("api/v1/", include("payments.api")),
    path("api/v1/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("api/v1/docs/", SpectacularSwaggerSplitView.as_view(url_name="api-schema"), name="api-docs"),
]
if not settings.PRODUCTION:
    urlpatterns += [path("demo/", include(mailbox.urlpatterns))]

urlpatterns += i18n_patterns(
    path("", include("fundraising.urls")),
    path("", include("payments.urls")),
    path("", include("receipts.reports.urls")),
    path("", include("receipts.money.urls")),
    path("", include("receipts.donors.urls")),
)
