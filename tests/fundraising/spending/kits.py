"""An appeal with money, a budget, a partner, a bank account and two people of finance, for tests of the money trail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.contrib.auth.models import User

from fundraising import donations
from fundraising.models import (
    BankAccount,
    BudgetLine,
    Category,
    Fund,
    LegalEntity,
    OverheadPolicy,
    Partner,
    Role,
)
from fundraising.money import Money
from fundraising.spending import policies, verbs
from tests import factories, staff
from tests.factories import AppealKit, next_number

ON = date(2026, 4, 12)
AT = datetime(2026, 4, 10, 12, tzinfo=UTC)
SECRET = "Mirela Quenzoborough"


def euros(minor: int) -> Money:
    return Money(minor, "EUR")


def give(kit: AppealKit, amount: Money, *, at: datetime = AT, fee: int = 0) -> str:
    """A donation that has come and is settled; the key of its charge."""
    _donation, charge = factories.received_donation(kit, amount=amount, at=at)
    donations.settle(
        key=f"txn:{charge}", fact_key=charge, gross=amount, settled=amount, fee=Money(fee, amount.currency)
    )
    return charge


def make_partner(entity: LegalEntity, **fields: object) -> Partner:
    return Partner.objects.create(
        entity=entity,
        **{"real_name": SECRET, "contact": f"{SECRET}@hidden.example", "account": "XX00 4711", **fields},
    )


def make_bank(entity: LegalEntity, currency: str = "EUR") -> BankAccount:
    number = next_number()
    return BankAccount.objects.create(
        entity=entity, slug=f"bank-{number}", name=f"Bank {number}", iban=f"DE{number:020}", currency=currency
    )


@dataclass(frozen=True)
class Spending:
    """What the verbs need."""

    kit: AppealKit
    housing: BudgetLine
    legal: BudgetLine
    partner: Partner
    bank: BankAccount
    author: User
    approver: User
    general: Fund

    @property
    def fund(self) -> Fund:
        return self.kit.appeal.fund


def make_spending(*, threshold: int = 10**12) -> Spending:
    """An appeal in euros with a budget; by default one person is enough for every step."""
    entity = factories.make_entity()
    entity.approval_above_minor = threshold
    entity.currency = "EUR"
    entity.save()
    kit = factories.make_appeal(entity)
    author = staff.make_person(Role.FINANCE, entity=entity)
    for category in (Category.HOUSING, Category.LEGAL):
        verbs.set_budget(kit.appeal, category, euros(500_000), reason="First estimate", by=author)
    lines = {line.category: line for line in kit.appeal.budget_lines.all()}
    return Spending(
        kit,
        lines["housing"],
        lines["legal"],
        make_partner(entity),
        make_bank(entity),
        author,
        staff.make_person(Role.APPROVER, entity=entity),
        Fund.objects.get(entity=entity, restricted=False),
    )


def state_policy(world: Spending, basis_points: int) -> OverheadPolicy:
    """A share of administrative costs, stated by as many people as it takes."""
    policy = policies.state_overhead_policy(world.kit.appeal, basis_points, reason="Board, May", by=world.author)
    return policies.approve_policy(policy, by=world.approver) if policy.needs_second else policy
