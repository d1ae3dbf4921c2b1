"""Django's entry to the receipts app."""

from django.apps import AppConfig


class ReceiptsConfig(AppConfig):
    name = "receipts"
