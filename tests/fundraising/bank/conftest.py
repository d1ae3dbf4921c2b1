"""A bank account that donors may send money to, and who works with it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from fundraising.models import BankAccount, Role
from tests import factories
from tests.fundraising.bank.samples import make_account
from tests.staff import at_desk, make_person


@pytest.fixture
def kit() -> factories.AppealKit:
    return factories.make_appeal()


@pytest.fixture
def account(kit: factories.AppealKit) -> BankAccount:
    found = make_account(kit.entity)
    found.takes_donations = True
    found.save()
    return found


@pytest.fixture
def clerk(account: BankAccount) -> User:
    return make_person(Role.FINANCE, entity=account.entity)


@pytest.fixture
def desk(account: BankAccount) -> Client:
    return at_desk(Role.FINANCE, account.entity)
