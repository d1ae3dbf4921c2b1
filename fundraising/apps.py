"""Django's entry to the fundraising app."""

from django.apps import AppConfig


class FundraisingConfig(AppConfig):
    name = "fundraising"

    def ready(self) -> None:
        from . import vault

        vault.check_keys()
