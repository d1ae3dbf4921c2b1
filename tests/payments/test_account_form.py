"""A Stripe account at the desk: what may be written into it, and what of it is never shown."""

from __future__ import annotations

from typing import Any

import pytest

from payments.admin import StripeAccountForm
from payments.models import StripeAccount
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def entered() -> dict[str, Any]:
    return {"slug": "acme", "entity": factories.make_appeal().entity.pk, "api_key": "sk_test_acme"}


def test_staff_enter_both_keys_and_switch_bank_transfers_on(entered: dict[str, Any]) -> None:
    form = StripeAccountForm({**entered, "publishable_key": "pk_test_acme", "bank_transfers": "on"})
    assert form.is_valid(), form.errors
    form.save()
    account = StripeAccount.objects.get()
    assert (account.api_key, account.publishable_key, account.bank_transfers) == ("sk_test_acme", "pk_test_acme", True)
    assert "sk_test_acme" not in StripeAccountForm(instance=account).as_p()


@pytest.mark.parametrize("key", ["sk_test_acme", "rk_test_acme"])
def test_a_secret_key_is_refused_where_every_browser_would_get_it(entered: dict[str, Any], key: str) -> None:
    assert "publishable_key" in StripeAccountForm({**entered, "publishable_key": key}).errors


@pytest.mark.parametrize("keys", [{"api_key": "sk_live_acme"}, {"publishable_key": "pk_live_acme"}])
def test_keys_of_the_other_mode_are_refused(entered: dict[str, Any], keys: dict[str, str]) -> None:
    assert "livemode" in StripeAccountForm({**entered, **keys}).errors
