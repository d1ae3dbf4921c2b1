"""The project's own commands (audit, demo) live in an app that no other app imports."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        # Tasks are sent by web processes too; without this they would go to Celery's default broker.
        from config import celery  # noqa: F401
        from config.desk import exports

        exports.register_all()
