"""Django's entry to the payments app."""

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "payments"
