"""Property: after any history of donations and refunds, numbers are 1..N and receipts sum to the ledger."""

from __future__ import annotations

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fundraising.donations import net_received, undo_refund
from fundraising.models import Donation
from fundraising.money import Money
from receipts import audit, pdf, tasks
from receipts.models import Receipt, ReceiptState
from tests import factories

CURRENCIES = ("EUR", "USD", "JPY")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("give"), st.integers(100, 99_999), st.sampled_from(CURRENCIES)),
        st.tuples(st.just("refund"), st.integers(0, 9), st.integers(1, 100)),
        st.tuples(st.just("refund fails"), st.integers(0, 9), st.just(0)),
        st.tuples(st.just("work"), st.just(0), st.just(0)),
        st.tuples(st.just("crash"), st.just(0), st.just(0)),
    ),
    min_size=1,
    max_size=14,
)


class History:
    """Lives through the steps with the verbs of the books."""

    def __init__(self) -> None:
        self.kit = factories.make_appeal()
        self.charges: list[tuple[Donation, str]] = []
        self.refunds: list[tuple[str, str]] = []

    def step(self, act: str, one: int, two: object) -> None:
        if act == "give":
            self.charges.append(factories.received_donation(self.kit, amount=Money(one, str(two))))
        elif act == "refund" and self.charges:
            self.refund(*self.charges[one % len(self.charges)], int(str(two)))
        elif act == "refund fails" and self.refunds:
            refund, charge = self.refunds.pop(one % len(self.refunds))
            undo_refund(key=refund, charge_key=charge, at=self.charges[0][0].opened_at)
        elif act == "work":
            tasks.work_off()
        elif act == "crash":
            self.crash()

    def refund(self, donation: Donation, charge: str, percent: int) -> None:
        left = net_received(donation).minor
        if left:
            part = Money(max(left * percent // 100, 1), donation.currency)
            self.refunds.append((factories.refund(charge, part), charge))

    def crash(self) -> None:
        """Issue everything that is due, and lose the database transaction."""
        with transaction.atomic():
            tasks.work_off()
            transaction.set_rollback(True)


@pytest.mark.django_db
@given(steps=STEPS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_numbers_and_sums_hold_after_any_history(
    steps: list[tuple[str, int, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf, "render", lambda snapshot: snapshot.to_json().encode())  # paper aside
    with transaction.atomic():
        history = History()
        for step in steps:
            history.step(*step)
        tasks.work_off()
        mine = Receipt.objects.filter(donation__entity=history.kit.entity)
        assert sorted(mine.values_list("sequence", flat=True)) == list(range(1, mine.count() + 1))
        for donation, _charge in history.charges:
            donation.refresh_from_db()
            standing = list(mine.filter(donation=donation, state=ReceiptState.ISSUED))
            assert sum(receipt.amount_minor for receipt in standing) == net_received(donation).minor
            assert len(standing) == (1 if donation.state == "received" else 0)
        assert [check.name for check in audit.checks() if not check.ok] == []
        transaction.set_rollback(True)
