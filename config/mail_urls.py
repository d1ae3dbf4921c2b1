"""The address to which the mail provider tells what became of mails: the configured one's, and no other."""

from anymail.urls import urlpatterns as of_all_providers
from django.conf import settings
from django.urls import URLPattern

urlpatterns: list[URLPattern] = [
    pattern for pattern in of_all_providers if pattern.name == f"{settings.MAIL_PROVIDER}_tracking_webhook"
]
