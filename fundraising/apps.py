"""Django's entry to the fundraising app."""

from django.apps import AppConfig


class FundraisingConfig(AppConfig):
    name = "fundraising"

    def ready(self) -> None:
        from . import vault
        from .appeals import tables as appeals
        from .exports import kinds, tables
        from .seals import tables as seals
        from .spending import tables as spending

        vault.check_keys()
        tables.register_all()
        for kind in (*appeals.KINDS, *spending.KINDS, *seals.KINDS):
            kinds.register(kind)
