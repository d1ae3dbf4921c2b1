"""Django's entry to the receipts app."""

from anymail.signals import tracking
from django.apps import AppConfig
from django.core import checks
from django.utils.translation import gettext_lazy as _

from .checks import fonts_for_names, harfbuzz_subset, signing_certificate


class ReceiptsConfig(AppConfig):
    name = "receipts"
    verbose_name = _("receipts")

    def ready(self) -> None:
        from .desk import exports as desk_exports
        from .gift_aid import exports as gift_aid_exports
        from .mail import events as mail_events
        from .papers import exports as paper_exports
        from .years import exports as year_exports
        from .years import filings

        tracking.connect(mail_events.receive, dispatch_uid="mail-events")
        desk_exports.register_all()
        year_exports.register_all()
        filings.register_all()
        gift_aid_exports.register_all()
        paper_exports.register_all()
        checks.register(harfbuzz_subset)
        checks.register(fonts_for_names)
        checks.register(signing_certificate)
