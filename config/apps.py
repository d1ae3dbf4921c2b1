"""The project's own commands (audit, demo) live in an app that no other app imports."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"
