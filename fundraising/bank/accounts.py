"""The verbs of a bank account: open it, change it, say how its bank writes CSV. It is never deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.text import slugify

from .. import trail
from ..models import BankAccount, Channel, LegalEntity
from .csv_file import CsvColumns
from .matching import BETWEEN_OURS

SLUG_LENGTH: Final = 30
# Providers of other accounts in the ledger.
TAKEN: Final = {BETWEEN_OURS, *Channel.values}
CHANGEABLE: Final = ("name", "iban", "bic", "takes_donations")


@transaction.atomic
def open_account(entity: LegalEntity, *, by: User, currency: str, **values: Any) -> BankAccount:
    """Add a bank account; its name in the ledger is made of its name and stays for good."""
    account = BankAccount.objects.create(
        entity=entity, slug=_free_slug(str(values["name"])), currency=currency, **values
    )
    trail.record(
        "bank_account_opened",
        by=by,
        about=f"bank:{account.slug}",
        entity=entity,
        after={"currency": currency, **values},
    )
    return account


def _free_slug(name: str) -> str:
    stem = slugify(name)[:SLUG_LENGTH].strip("-") or "bank"
    slug, number = stem, 1
    while slug in TAKEN or BankAccount.objects.filter(slug=slug).exists():
        number += 1
        slug = f"{stem}-{number}"
    return slug


@transaction.atomic
def change_account(account: BankAccount, *, by: User, **values: Any) -> None:
    """Change what the account is called and whether donors see it. Its currency and name in the ledger stay."""
    standing = BankAccount.objects.select_for_update().get(pk=account.pk)
    changed: dict[str, Any] = {
        name: values[name] for name in CHANGEABLE if name in values and getattr(standing, name) != values[name]
    }
    if not changed:
        return
    before: dict[str, Any] = {name: getattr(standing, name) for name in changed}
    BankAccount.objects.filter(pk=standing.pk).update(**changed)
    _record("bank_account_changed", standing, by, before, changed)


@transaction.atomic
def set_columns(account: BankAccount, *, columns: CsvColumns, by: User) -> None:
    """Say how the account's bank writes CSV, and in which encoding it writes MT940."""
    standing = BankAccount.objects.select_for_update().get(pk=account.pk)
    before, after = standing.csv_mapping, columns.saved()
    if before == after:
        return
    BankAccount.objects.filter(pk=standing.pk).update(csv_mapping=after)
    _record("bank_columns_set", standing, by, before, after)


def _record(verb: str, account: BankAccount, by: User, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    trail.record(verb, by=by, about=f"bank:{account.slug}", entity=account.entity, before=before, after=after)
