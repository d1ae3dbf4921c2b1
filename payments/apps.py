"""Django's entry to the payments app."""

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "payments"

    def ready(self) -> None:
        from .desk import exports

        exports.register_all()
