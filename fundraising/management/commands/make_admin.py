"""Make the first administrator of a legal entity: prints a link by which they set their password.

After that they invite everybody else on the desk's page of staff.
"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from fundraising import staff
from fundraising.models import LegalEntity, Role


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--entity", required=True, help="the legal entity's slug")

    def handle(self, *, email: str, entity: str, **options: Any) -> None:
        found = LegalEntity.objects.filter(slug=entity).first()
        if found is None:
            known = ", ".join(LegalEntity.objects.order_by("slug").values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"There is no legal entity {entity!r}. Those there are: {known}.")
        user = staff.invite(
            email, name=("", ""), entity=found, role=Role.ADMIN, by=None, reason="make_admin on the command line"
        )
        self.stdout.write(f"{user.username} is an administrator of {found.name}.")
        if not user.has_usable_password():
            self.stdout.write(f"Set the password, and then a second factor, at:\n{staff.link(user)}")
