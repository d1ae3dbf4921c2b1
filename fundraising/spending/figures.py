"""The figures of an appeal for some days, as every report and page shows them; reading.py works them out.

Of each currency of the appeal's fund, to the minor unit (`CurrencyFigures.gaps` names every sum that does not hold):

    received      = the sum over channels
    net           = received − refunds − withheld − chargebacks − fees of the provider − tax on them − fees of the bank
                    − share of administrative costs + other + exchanged + passed
    unspent       = opening + net − spent
    unspent       = available + unsettled + allocated, not committed + committed, not sent + on its way
                    + with partners + lent to other funds − borrowed from them
    of each stage = what was there at the beginning + what came into it − what went on (a category at a time)

`opening` and `unspent` are what the fund had at the beginning and at the end of the days: all that was received and
not spent, wherever it is. Amounts are positive as people read them. What has been promised is no cost: an allocation
changes where money stands, not how much there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from ..models import Appeal, ExchangeRate
from ..money import Money


@dataclass(frozen=True)
class CategoryFigures:
    """One line of the budget in one currency. The first figures are of the days, the last four at their end."""

    category: str
    budgeted: Money  # the newest amount at the end of the days
    allocated: Money
    committed: Money
    disbursed: Money
    arrived: Money  # of what was sent, in the currency in which it was sent
    confirmed: Money  # the same as partners received it, in the currency that they received
    spent: Money
    returned: Money
    to_commit: Money  # allocated, not committed
    to_send: Money  # committed, not sent
    underway: Money  # sent, arrival not confirmed
    held: Money  # with partners, neither spent nor returned


# What partners do with the money: the figures of a category that its partners' shares come to.
SHARED: Final = (
    "committed", "disbursed", "arrived", "confirmed", "spent", "returned", "to_send", "underway", "held",
)  # fmt: skip


@dataclass(frozen=True)
class Share:
    """One partner's part of a category in one currency, under the same names. Staff only: it tells partners apart."""

    partner: int  # primary key
    category: str
    committed: Money
    disbursed: Money
    arrived: Money
    confirmed: Money
    spent: Money
    returned: Money
    to_send: Money
    underway: Money
    held: Money


@dataclass(frozen=True)
class CurrencyFigures:
    """Everything in one currency."""

    currency: str
    opening: Money
    received_by: Mapping[str, Money]  # by Channel
    refunds: Money
    withheld: Money
    chargebacks: Money
    fees_provider: Money
    fee_tax: Money
    fees_bank: Money
    kept_underway: Money  # of fees_bank: what banks kept between us and partners
    admin_fee: Money
    other: Money
    exchanged: Money
    passed: Money  # a surplus or deficit: what other funds passed to it, less what it passed to them
    # Where it stands at the end of the days.
    pending: Money  # announced by banks, not received: in no sum
    unsettled: Money  # charged, not yet settled by the provider: cannot be allocated
    lent: Money
    borrowed: Money
    unspent: Money
    lines: tuple[CategoryFigures, ...] = ()
    stages_before: Mapping[tuple[str, str], Money] = field(default_factory=dict)  # (category, stage) at the beginning
    shares: tuple[Share, ...] = ()  # none in what is published

    @property
    def received(self) -> Money:
        return self._sum(self.received_by.values())

    @property
    def raised(self) -> Money:
        """What people gave and what stayed: before fees, less what was given or taken back."""
        return self.received - self.refunds - self.withheld - self.chargebacks

    @property
    def fees(self) -> Money:
        """All fees with the tax on them."""
        return self.fees_provider + self.fee_tax + self.fees_bank

    @property
    def net(self) -> Money:
        """What the days brought for the purpose."""
        taken = self.refunds + self.withheld + self.chargebacks + self.fees + self.admin_fee
        return self.received - taken + self.other + self.exchanged + self.passed

    @property
    def allocated(self) -> Money:
        return self.total("allocated")

    @property
    def committed(self) -> Money:
        return self.total("committed")

    @property
    def disbursed(self) -> Money:
        return self.total("disbursed")

    @property
    def confirmed(self) -> Money:
        return self.total("confirmed")

    @property
    def spent(self) -> Money:
        return self.total("spent")

    @property
    def returned(self) -> Money:
        return self.total("returned")

    @property
    def to_commit(self) -> Money:
        return self.total("to_commit")

    @property
    def to_send(self) -> Money:
        return self.total("to_send")

    @property
    def underway(self) -> Money:
        return self.total("underway")

    @property
    def held(self) -> Money:
        return self.total("held")

    @property
    def spent_by(self) -> dict[str, Money]:
        """Spent by category; those without are left out."""
        return {line.category: line.spent for line in self.lines if line.spent}

    @property
    def available(self) -> Money:
        """What can be allocated at the end of the days. Below zero: the fund is short, and a break says so."""
        promised = self.to_commit + self.to_send + self.underway + self.held
        return self.unspent - promised - self.lent + self.borrowed - self.unsettled

    def total(self, name: str) -> Money:
        """The sum of a figure over the lines."""
        return self._sum(getattr(line, name) for line in self.lines)

    def _sum(self, parts: Iterable[Money]) -> Money:
        return sum(parts, start=Money(0, self.currency))

    def gaps(self) -> Iterator[str]:
        """The sums that do not hold; none, or something is wrong with the books or with us."""
        if self.opening + self.net - self.spent != self.unspent:
            yield f"{self.currency}: opening + net - spent is not what is unspent"
        for line in self.lines:
            for stage, came, went in STAGES:
                before = self.stages_before.get((line.category, stage), Money(0, self.currency))
                if before + self._of(line, came) - self._of(line, went) != getattr(line, stage):
                    yield f"{self.currency}: {stage} of {line.category} is not what came into it and went on"
        yield from self._gaps_of_shares()

    def _gaps_of_shares(self) -> Iterator[str]:
        for line in self.lines if self.shares else ():
            mine = [share for share in self.shares if share.category == line.category]
            for name in SHARED:
                if self._sum(getattr(share, name) for share in mine) != getattr(line, name):
                    yield f"{self.currency}: {name} of {line.category} is not what its partners' shares come to"

    def _of(self, line: CategoryFigures, names: tuple[str, ...]) -> Money:
        return self._sum(getattr(line, name) for name in names)


# What comes into each stage and what goes on.
STAGES: Final = (
    ("to_commit", ("allocated",), ("committed",)),
    ("to_send", ("committed",), ("disbursed",)),
    ("underway", ("disbursed",), ("arrived",)),
    ("held", ("confirmed",), ("spent", "returned")),
)


@dataclass(frozen=True)
class AppealFigures:
    """The figures of an appeal for some days, both included."""

    appeal: Appeal
    first: date
    last: date
    by_currency: tuple[CurrencyFigures, ...]
    # All in the appeal's currency at `rates`, each figure rounded by itself and then summed; what came into a stage
    # and what is unspent follow from the others, so that it adds up too. None where a rate is missing.
    in_own: CurrencyFigures | None
    rates: Mapping[str, ExchangeRate]
    missing_rates: tuple[str, ...]

    def currency(self, code: str) -> CurrencyFigures | None:
        """The figures of one currency."""
        return next((found for found in self.by_currency if found.currency == code), None)

    def gaps(self) -> list[str]:
        """The sums that do not hold, in any currency."""
        own = () if self.in_own is None else (self.in_own,)
        return [gap for found in (*self.by_currency, *own) for gap in found.gaps()]
