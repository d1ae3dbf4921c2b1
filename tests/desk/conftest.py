"""An appeal and its account at Stripe, for the tests of the desk that want no others."""

from __future__ import annotations

import pytest

from payments.models import StripeAccount
from tests import factories
from tests.factories import AppealKit
from tests.payments.desk import make_account


@pytest.fixture
def kit() -> AppealKit:
    return factories.make_appeal()


@pytest.fixture
def account(kit: AppealKit) -> StripeAccount:
    return make_account(kit)
