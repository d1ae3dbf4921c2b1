"""What the demo's appeal in two rounds did with its money, by the verbs of the money trail, on days of the past.

What people set up (partners, budget, the share of administrative costs) is written with the day on which it would have
been; every cent moves by a verb, and the bank's statements tell the same story.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.contrib.auth.models import User
from django.utils import timezone

from config.demo import papers
from config.demo.history import Ordered
from config.demo.told import BASES, BUDGET, REAL_NAMES, REPORT_NOTES, SITUATIONS
from fundraising.bank import statements
from fundraising.bank.matching import match_line
from fundraising.books.manual_entries import Attachment
from fundraising.ledger import Bucket
from fundraising.models import (
    Appeal,
    BankAccount,
    BankLine,
    BudgetAmount,
    BudgetLine,
    Category,
    Evidence,
    Fund,
    MatchKind,
    OverheadPolicy,
    Partner,
    PartnerShown,
    PolicyState,
    Purpose,
    Round,
    SpendingStep,
    StepState,
)
from fundraising.money import Money
from fundraising.spending import partners, verbs
from fundraising.spending.partners import Details, Shown
from receipts.iati import work as iati
from receipts.iati.codes import SUGGESTED
from receipts.reports import situation, work

APPEAL: Final = "a-way-out"
BEGAN, FIRST_ROUND_ENDED = 41, 15  # days ago
POLICY: Final = 400  # hundredths of a per cent


def euros(amount: int) -> Money:
    return Money(amount * 100, "EUR")


def dollars(amount: int) -> Money:
    return Money(amount * 100, "USD")


def day(days_ago: int) -> date:
    return moment(days_ago).date()


def moment(days_ago: int) -> datetime:
    return timezone.now() - timedelta(days=days_ago)


def write() -> list[Ordered]:
    """The whole story, once, on an installation whose past is written and whose bank accounts are open.

    Returns what the statements of our bank must tell of it.
    """
    people = User.objects.get(username="finance"), User.objects.get(username="approver")
    story = Story(Appeal.objects.select_related("fund__entity").get(slug=APPEAL), *people)
    story.set_up()
    story.first_round()
    story.report(REPORT_NOTES[0], last=FIRST_ROUND_ENDED, situation_on=FIRST_ROUND_ENDED + 1, number=0)
    story.second_round()
    story.report(REPORT_NOTES[1], last=1, situation_on=2, number=1)
    Round.objects.filter(appeal=story.appeal, number=1).update(closes_at=moment(FIRST_ROUND_ENDED - 1))
    story.iati()
    return story.ordered


@dataclass
class Story:
    """The appeal, who writes its steps and who approves them."""

    appeal: Appeal
    finance: User
    approver: User

    def __post_init__(self) -> None:
        entity = self.appeal.fund.entity
        self.entity = entity
        self.general = Fund.objects.get(entity=entity, restricted=False)
        self.banks = {one.currency: one for one in BankAccount.objects.filter(entity=entity)}
        self.ordered: list[Ordered] = []

    # --- What people set up -----------------------------------------------------------------------

    def set_up(self) -> None:
        """Partners, budget, policy; and what the organisation had and paid before and beside the appeal."""
        self.road = self._partner(0, Shown(shown=PartnerShown.ALIAS, alias="The Night Road", region="north-east",
                                           delay_days=4))  # fmt: skip
        # Two who are withheld: of one alone the public would see what it had.
        self.rooms = self._partner(1, Shown(delay_days=12))
        self.kitchen = self._partner(2, Shown(delay_days=12))
        for category, amount in BUDGET:
            line, _new = BudgetLine.objects.get_or_create(
                appeal=self.appeal, category=category, defaults={"position": list(Category).index(category)}
            )
            BudgetAmount.objects.create(
                line=line, currency=amount.currency, amount_minor=amount.minor, reason="First estimate",
                set_at=moment(BEGAN), by=self.finance,
            )  # fmt: skip
        self.lines = {line.category: line for line in BudgetLine.objects.filter(appeal=self.appeal)}
        stated = {"stated_at": moment(BEGAN + 2), "decided_at": moment(BEGAN + 2), "state": PolicyState.STATED}
        OverheadPolicy.objects.create(
            appeal=self.appeal, basis_points=POLICY, reason="What a donation costs us on average", needs_second=True,
            by=self.finance, decided_by=self.approver, **stated,
        )  # fmt: skip
        had = Bucket(self.entity.pk, Purpose.OPENING, "EUR", fund=self.general.pk)
        paid = Bucket(self.entity.pk, Purpose.EXPENSES, "EUR")
        self.before([(euros(9_000), "Balance brought forward", had), (euros(-570), "Office and accounts", paid)])

    def _partner(self, number: int, shown: Shown) -> Partner:
        details = Details(*REAL_NAMES[number])
        found = partners.add_partner(self.entity, details, shown, by=self.finance)
        Partner.objects.filter(pk=found.pk).update(created_at=moment(BEGAN + 1))
        return found

    # --- Two rounds -------------------------------------------------------------------------------

    def first_round(self) -> None:
        """Sent before the donations had settled, out of an advance; then as the money came."""
        lent = self.step(verbs.advance, self.appeal.fund, self.general, euros(2_500), days=40, text="The first bus")
        bus = self.promise(Category.EVACUATION, self.road, euros(2_200), days=40)
        first = self.send(bus, euros(2_200), days=39)
        arrived = self.step(verbs.confirm_arrival, first, Money(218_750, "EUR"), days=36)
        rooms = self.promise(Category.HOUSING, self.rooms, euros(1_300), days=35)
        rent = self.step(verbs.confirm_arrival, self.send(rooms, euros(800), days=34), euros(800), days=32)
        self.spent(arrived, Money(206_340, "EUR"), Evidence.REVIEWED, days=31)
        self.step(verbs.repay, lent, euros(1_500), days=30)
        visas = self.promise(Category.DOCUMENTS, self.road, dollars(900), days=28)
        abroad = self.send(visas, dollars(900), days=28)
        self.spent(rent, Money(66_180, "EUR"), Evidence.REDACTED, days=27)
        food = self.promise(Category.FOOD, self.kitchen, euros(400), days=26)
        sent = self.send(food, euros(400), days=26)
        papers_bought = self.step(verbs.confirm_arrival, abroad, Money(80_915, "EUR"), days=25)
        bread = self.step(verbs.confirm_arrival, sent, euros(400), days=24)
        self.step(verbs.repay, lent, euros(1_000), days=22)
        mistake = self.promise(Category.SOCIAL_WORK, self.rooms, euros(150), days=21)
        self.step(verbs.undo, mistake, days=21, text="The wrong partner")
        self.spent(papers_bought, Money(74_520, "EUR"), Evidence.PUBLIC, days=20)
        self.spent(bread, Money(38_265, "EUR"), Evidence.CONFIRMED, days=19)
        came = Money(8_850, "EUR")
        back = self.step(
            verbs.return_unspent, rent, Money(9_000, "EUR"), bank_account=self.banks["EUR"], came=came, days=18
        )
        self.ordered.append(Ordered(back, day(17), came, "Returned"))
        self.step(verbs.release, rooms, euros(300), days=17, text="One flat was not needed")
        self.step(verbs.charge_overhead, self.appeal, euros(240), days=16)

    def second_round(self) -> None:
        """Some of it public, and what is too new not yet."""
        verbs.set_budget(
            self.appeal, Category.EVACUATION, euros(7_500), reason="The longer road costs more", by=self.finance
        )
        buses = self.promise(Category.EVACUATION, self.road, euros(3_000), days=13)
        first = self.send(buses, euros(1_800), days=13)
        arrived = self.step(verbs.confirm_arrival, first, euros(1_800), days=11)
        care = self.promise(Category.SOCIAL_WORK, self.road, dollars(500), days=9)
        abroad = self.send(care, dollars(350), days=9)
        self.spent(arrived, Money(121_440, "EUR"), Evidence.REVIEWED, days=8)
        rooms = self.promise(Category.HOUSING, self.rooms, euros(900), days=7)
        sent = self.send(rooms, euros(600), days=7)
        self.step(verbs.confirm_arrival, abroad, dollars(350), days=6)
        rent = self.step(verbs.confirm_arrival, sent, euros(600), days=5)
        self.spent(rent, Money(24_930, "EUR"), Evidence.CONFIRMED, days=3)
        self.send(buses, euros(700), days=2)
        self.step(verbs.allocate, self.lines[Category.MEDICAL], euros(350), days=2)

    # --- By the verbs -----------------------------------------------------------------------------

    def step(self, verb: Any, *given: Any, days: int, **named: Any) -> SpendingStep:
        """A step so many days ago, approved where it needs a second person."""
        taken: SpendingStep = verb(*given, by=self.finance, on=day(days), **named)
        return verbs.approve(taken, by=self.approver) if taken.state == StepState.WAITING else taken

    def promise(self, category: Category, partner: Partner, amount: Money, *, days: int) -> SpendingStep:
        """Allocated and promised to a partner."""
        self.step(verbs.allocate, self.lines[category], amount, days=days)
        return self.step(verbs.commit, self.lines[category], partner, amount, days=days)

    def send(self, promised: SpendingStep, amount: Money, *, days: int) -> SpendingStep:
        """A tranche; our bank carries it out the day after."""
        step = self.step(verbs.disburse, promised, self.banks[amount.currency], amount, days=days)
        if days > 2:
            self.ordered.append(Ordered(step, day(days - 1), -amount, f"Transfer {4_400 + step.pk}"))
        return step

    def spent(self, arrived: SpendingStep, amount: Money, evidence: Evidence, *, days: int) -> None:
        bills = None if evidence == Evidence.CONFIRMED else Attachment("bills.png", papers.drawn(2.1, 0.7, 0.3))
        self.step(verbs.report_spending, arrived, amount, evidence=evidence, attachment=bills, days=days)

    def before(self, told: list[tuple[Money, str, Bucket]]) -> None:
        """A statement of the day before it all began, each line said by hand to be what it is."""
        own, on = self.banks["EUR"], day(BEGAN)
        lines = ["date;amount;name;reference;bank reference"]
        lines += [f"{on};{amount.decimal:f};;{text};NBEG{number}" for number, (amount, text, _other) in enumerate(told)]
        read = statements.import_statement(own, name="before.csv", data="\n".join(lines).encode(), by=self.finance)
        for amount, text, other in told:
            line = BankLine.objects.get(statements=read, amount_minor=amount.minor)
            match_line(line, kind=MatchKind.OTHER, amount_minor=amount.minor, by=self.finance, why=text, account=other)

    # --- Reports ----------------------------------------------------------------------------------

    def report(self, notes: dict[str, str], *, last: int, situation_on: int, number: int) -> None:
        """A report from the beginning, with how the situation is; asked for, and made."""
        next_on = timezone.now().date() + timedelta(days=21)
        report = work.draft(
            self.appeal, first=day(BEGAN + 1), last=day(last), next_on=next_on, notes=notes, by=self.finance
        )
        texts, assisted, target = SITUATIONS[number]
        people = [situation.Count("", assisted, target)]
        told = situation.Told(on=day(situation_on), texts=texts, bases=BASES, people=people)
        situation.write(report, told, by=self.finance)
        work.ask(report, by=self.finance)
        work.make_due()

    def iati(self) -> None:
        """The appeal as an IATI activity, turned on by two people."""
        iati.set_publisher(self.entity, identifier="US-EIN-000418418", kind="21", by=self.finance)
        sectors = {category: SUGGESTED[category] for category in self.lines}
        activity = iati.prepare(self.appeal, region="998", humanitarian=True, sectors=sectors, by=self.finance)
        iati.ask(activity, by=self.finance)
        iati.turn_on(activity, by=self.approver)
