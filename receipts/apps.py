"""Django's entry to the receipts app."""

from django.apps import AppConfig
from django.core import checks
from django.utils.translation import gettext_lazy as _

from .checks import harfbuzz_subset


class ReceiptsConfig(AppConfig):
    name = "receipts"
    verbose_name = _("receipts")

    def ready(self) -> None:
        checks.register(harfbuzz_subset)
