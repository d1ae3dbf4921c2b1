"""Property: after any history, numbers are 1..N in each series, what the ledger received stands on one paper or on none
with the reason noted, and papers sum to the ledger. With papers of single donations and lists of years, and with papers
of years in place of single ones."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fundraising import disputed, donations, donor_care
from fundraising.models import Donation, Donor, Role
from fundraising.money import Money
from receipts import audit, pdf, tasks
from receipts.desk import verbs as desk_verbs
from receipts.donors import tax_details
from receipts.models import Receipt, ReceiptLine, ReceiptState, Refusal, Series, YearRefusal
from receipts.snapshot import Snapshot
from receipts.years import runs as year_runs
from tests import factories, staff
from tests.receipts import factories_of_years

THIS_YEAR = timezone.localdate().year
YEARS = (THIS_YEAR - 2, THIS_YEAR - 1)
DONORS = 2
CURRENCIES = ("EUR", "USD", "JPY")
PICK = st.integers(0, 9)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("give"), st.integers(100, 99_999), PICK),
        st.tuples(st.just("give"), st.integers(100, 99_999), PICK),
        st.tuples(st.just("refund"), PICK, st.integers(1, 100)),
        st.tuples(st.sampled_from(["undo_refund", "fail", "dispute", "win", "lose", "reopen"]), PICK, st.just(0)),
        st.tuples(st.sampled_from(["rename", "move", "forget_address"]), PICK, PICK),
        st.tuples(st.sampled_from(["work", "crash", "years"]), PICK, st.just(0)),
    ),
    min_size=1,
    max_size=16,
)

# The list of a year is renewed before the single paper that it names is replaced.
RENUMBERED = [
    ("give", 50_00, 2),
    ("give", 50_00, 2),
    ("work", 0, 0),
    ("years", 0, 0),
    ("refund", 0, 50),
    ("work", 1, 0),
]

# What the ledger says was given and is not given back for good, of each donation, in minor units: by hand, so that the
# code under test is not asked about itself.
KEPT = """
    SELECT donation.id, coalesce(-sum(posting.amount_minor), 0)
    FROM fundraising_donation donation
    LEFT JOIN fundraising_entry entry ON entry.donation_id = donation.id
    LEFT JOIN fundraising_posting posting ON posting.entry_id = entry.id AND posting.account_id IN (
        SELECT id FROM fundraising_account WHERE purpose IN ('donations', 'refunds', 'chargebacks')
    )
    WHERE donation.entity_id = %s
    GROUP BY donation.id
"""


class History:
    """Lives through the steps with the verbs of the books and of the desk."""

    def __init__(self, *, yearly: bool) -> None:
        self.kit = factories.make_appeal()
        self.yearly = yearly
        self.staff = staff.make_person(Role.FINANCE, entity=self.kit.entity)
        if yearly:
            factories_of_years.issue_yearly(self.kit.entity)
        self.charges: list[tuple[Donation, str]] = []
        self.refunds: list[tuple[str, str]] = []
        self.disputes: list[tuple[str, str]] = []

    def step(self, act: str, one: int, two: int) -> None:
        getattr(self, act)(one, two)

    # What donors and banks do

    def give(self, minor: int, pick: int) -> None:
        """By one of two donors, in this year or one of the two before."""
        number, year = pick % DONORS, [*YEARS, YEARS[1], THIS_YEAR][pick // DONORS % 4]
        at = datetime(year, 1, 1, 12, tzinfo=UTC)
        currency = "EUR" if self.yearly else CURRENCIES[pick % len(CURRENCIES)]
        donation, charge = factories.received_donation(
            self.kit, amount=Money(minor, currency), at=at, email=f"d{number}@example.org", first_name="D"
        )
        factories_of_years.note_details(donation.donor)
        self.charges.append((donation, charge))

    def refund(self, pick: int, percent: int) -> None:
        if self.charges:
            donation, charge = self.charges[pick % len(self.charges)]
            left = donations.net_received(donation).minor
            if left > 0:
                part = Money(max(left * percent // 100, 1), donation.currency)
                self.refunds.append((factories.refund(charge, part), charge))

    def undo_refund(self, pick: int, _two: int) -> None:
        if self.refunds:
            key, charge = self.refunds.pop(pick % len(self.refunds))
            donations.undo_refund(key=key, charge_key=charge, at=timezone.now())

    def fail(self, pick: int, _two: int) -> None:
        """A debit that the bank returns after all; nothing else has left of it."""
        if self.charges:
            donation, charge = self.charges[pick % len(self.charges)]
            if donations.net_received(donation) == donation.amount:
                donations.charge_failed(charge_key=charge, at=timezone.now())

    def dispute(self, pick: int, _two: int) -> None:
        if self.charges:
            donation, charge = self.charges[pick % len(self.charges)]
            left = donations.net_received(donation)
            if left.minor > 0 and not any(charge == of for _key, of in self.disputes):
                key = f"dispute:du_{factories.next_number()}"
                disputed.withhold_disputed(key=key, charge_key=charge, amount=left, at=timezone.now())
                self.disputes.append((key, charge))

    def win(self, pick: int, _two: int) -> None:
        self._end(disputed.return_disputed, pick)

    def lose(self, pick: int, _two: int) -> None:
        self._end(disputed.lose_disputed, pick)

    def reopen(self, pick: int, _two: int) -> None:
        self._end(disputed.reopen_disputed, pick)

    def _end(self, verb: object, pick: int) -> None:
        assert callable(verb)
        if self.disputes:
            key, charge = self.disputes[pick % len(self.disputes)]
            verb(key=key, charge_key=charge, at=timezone.now())

    # What staff do

    def donor(self, pick: int) -> Donor | None:
        found = list(Donor.objects.filter(entity=self.kit.entity).order_by("pk"))
        return found[pick % len(found)] if found else None

    def rename(self, pick: int, number: int) -> None:
        """Mend a name, and replace what prints the wrong one, as the page of a donor does."""
        if donor := self.donor(pick):
            said = {name: getattr(donor, name) for name in ("last_name", "organisation", "email", "country")}
            said["first_name"] = f"D{number}"
            donor_care.correct_donor(donor, **said, by=self.staff, reason="typed wrongly")
            printed = Receipt.objects.filter(donor=donor, state=ReceiptState.ISSUED)
            desk_verbs.replace_corrected(printed, by=self.staff, reason="typed wrongly")

    def move(self, pick: int, number: int) -> None:
        """Mend an address, and replace what prints the wrong one."""
        if donor := self.donor(pick):
            tax_details.correct(donor, {"street": f"{number} rue Neuve"}, by=self.staff, reason="typed wrongly")
            desk_verbs.replace_corrected(tax_details.printed_otherwise(donor), by=self.staff, reason="typed wrongly")

    def forget_address(self, pick: int, _two: int) -> None:
        """From now on the law of papers of years refuses this donor's."""
        if donor := self.donor(pick):
            tax_details.correct(donor, {"street": ""}, by=self.staff, reason="not theirs")

    def years(self, _one: int = 0, _two: int = 0) -> None:
        for year in YEARS:
            year_runs.ask(self.kit.entity, year, by=self.staff)
        year_runs.work_off()

    def work(self, pick: int = 0, _two: int = 0) -> None:
        """Beat's two tasks, in either order."""
        for work_off in [tasks.work_off, year_runs.work_off][:: -1 if pick % 2 else 1]:
            work_off()

    def crash(self, _one: int, _two: int) -> None:
        """Do everything that is due, and lose the database transaction."""
        with transaction.atomic():
            self.work()
            self.years()
            transaction.set_rollback(True)

    def mend(self) -> None:
        """Everybody's address is known, every dispute decided, and what was refused is tried again."""
        for donor in Donor.objects.filter(entity=self.kit.entity):
            tax_details.correct(donor, {"street": "7 rue des Tilleuls"}, by=self.staff, reason="asked")
        for number, (key, charge) in enumerate(self.disputes):
            verb = disputed.return_disputed if number % 2 else disputed.lose_disputed
            verb(key=key, charge_key=charge, at=timezone.now())
        now = timezone.now()
        Refusal.objects.update(next_attempt_at=now)
        YearRefusal.objects.update(next_attempt_at=now)

    # What must be so

    def kept(self) -> dict[int, int]:
        with connection.cursor() as cursor:
            cursor.execute(KEPT, [self.kit.entity.pk])
            return dict(cursor.fetchall())

    def claims(self) -> dict[int, list[ReceiptLine]]:
        found: dict[int, list[ReceiptLine]] = {}
        lines = ReceiptLine.objects.filter(donation__entity=self.kit.entity, claims=True)
        for line in lines.select_related("receipt", "receipt__series"):
            assert line.receipt.state == ReceiptState.ISSUED
            found.setdefault(line.donation_id, []).append(line)
        return found

    def reason_noted(self, donation: Donation) -> bool:
        """Whether somebody can see why a donation stands on no paper, or on one that says something else."""
        assert donation.received_at
        year = donation.received_at.year
        if self.yearly:
            return year == THIS_YEAR or YearRefusal.objects.filter(donor=donation.donor, year=year).exists()
        return Refusal.objects.filter(donation=donation).exists()


def assert_numbers_have_no_gap(history: History) -> None:
    for series in Series.objects.filter(entity=history.kit.entity):
        numbers = sorted(series.receipts.values_list("sequence", flat=True))
        assert numbers == list(range(1, series.last_number + 1))
        assert all(
            number == f"{series}-{sequence:06d}"
            for sequence, number in series.receipts.values_list("sequence", "number")
        )
    papers = Receipt.objects.filter(donor__entity=history.kit.entity)
    successors = Counter(papers.exclude(replaces=None).values_list("replaces", flat=True))
    assert successors == dict.fromkeys(papers.filter(state=ReceiptState.REPLACED).values_list("pk", flat=True), 1)


def assert_each_euro_is_claimed_once_or_the_reason_noted(history: History) -> None:
    kept, claims = history.kept(), history.claims()
    for donation, _charge in history.charges:
        donation.refresh_from_db()
        lines = claims.get(donation.pk, [])
        assert len(lines) <= 1
        if donation.state == "received" and [line.amount_minor for line in lines] != [kept[donation.pk]]:
            assert history.reason_noted(donation)
        if donation.state in {"refunded", "chargeback"} and lines:
            assert history.reason_noted(donation) or lines[0].receipt.lines.filter(donation__state="disputed").exists()


def assert_papers_sum_to_the_ledger(history: History) -> None:
    """Once nothing is open: in each currency the papers that stand are what the ledger keeps, to the cent."""
    kept, claims = history.kept(), history.claims()
    books: Counter[str] = Counter()
    paper: Counter[str] = Counter()
    for donation, _charge in history.charges:
        donation.refresh_from_db()
        assert donation.state != "disputed"
        waits = history.yearly and donation.received_at and donation.received_at.year == THIS_YEAR
        if donation.state == "received" and not waits:
            books[donation.currency] += kept[donation.pk]
        else:
            assert donation.pk not in claims
    standing = Receipt.objects.filter(donor__entity=history.kit.entity, state=ReceiptState.ISSUED)
    for receipt in standing:
        lines = list(receipt.lines.all())
        assert receipt.amount_minor == sum(kept[line.donation_id] for line in lines)
        assert all(line.amount_minor == kept[line.donation_id] for line in lines)
        if any(line.claims for line in lines):
            assert (receipt.donation is None) == history.yearly
            paper[receipt.currency] += receipt.amount_minor
    assert paper == books
    numbers = {"", *standing.values_list("number", flat=True)}
    for receipt in standing.filter(donation=None):
        assert {line.paper for line in Snapshot.from_json(receipt.snapshot).lines} <= numbers
    assert [check.name for check in audit.checks() if not check.ok] == []


@pytest.mark.django_db
@given(steps=STEPS, yearly=st.booleans())
@example(steps=RENUMBERED, yearly=False)
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_numbers_claims_and_sums_hold_after_any_history(
    steps: list[tuple[str, int, int]], yearly: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf, "render", lambda snapshot, **_more: snapshot.to_json().encode())  # paper aside
    with transaction.atomic():
        history = History(yearly=yearly)
        for step in steps:
            history.step(*step)
        history.work()
        assert_numbers_have_no_gap(history)
        history.years()
        assert_each_euro_is_claimed_once_or_the_reason_noted(history)
        history.mend()
        history.work(1)
        history.work()
        history.years()
        assert_numbers_have_no_gap(history)
        assert_papers_sum_to_the_ledger(history)
        transaction.set_rollback(True)
