"""What a break is about, as people recognise it: a bank line by its day and amount, a step of the money by its appeal.

Looked up for all the breaks of a page at once: a query for each kind of thing that there is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from fundraising.appeals.titles import entitle
from fundraising.desk import Desk
from fundraising.locales import babel_locale, long_date
from fundraising.models import (
    Appeal,
    BankAccount,
    BankLine,
    Break,
    Donation,
    Entry,
    Fund,
    Mandate,
    SpendingStep,
    Statement,
)
from fundraising.money import Money
from payments.models import Payout

from .links import to

# Of facts: what each names.
KINDS: Final = {
    "bank_line": "bank_line",
    "first": "bank_line",
    "step": "step",
    "statement": "statement",
    "after": "statement",
    "payout": "payout",
    "donation": "donation",
    "fund": "fund",
    "appeal": "appeal",
    "entry": "entry",
    "mandate": "mandate",
}
# Of subjects: what the word before the colon names.
PREFIXES: Final = {"payout": "payout", "step": "step", "fund": "fund", "statement": "statement", "bank": "account"}
# Where a subject alone does not say it.
TELLING: Final = ("bank_line", "step", "fund", "mandate")


@dataclass(frozen=True)
class Named:
    """A thing in words, and its page; empty where it has none."""

    text: str
    url: str = ""


class Names:
    """The names of what some breaks of a legal entity are about."""

    def __init__(self, desk: Desk, breaks: Iterable[Break]) -> None:
        self._desk = desk
        wanted: dict[str, set[str]] = {}
        for found in breaks:
            for kind, key in [_subject(found), *_facts(found)]:
                wanted.setdefault(kind, set()).add(key)
        self._named: dict[tuple[str, str], Named] = {}
        lookups = {
            "bank_line": self._lines,
            "step": self._steps,
            "fund": self._funds,
            "appeal": self._appeals,
            "statement": self._statements,
            "account": self._accounts,
            "payout": self._payouts,
            "donation": self._donations,
            "entry": self._entries,
            "mandate": self._mandates,
        }
        for kind, look_up in lookups.items():
            if keys := wanted.get(kind):
                self._named |= {(kind, key): named for key, named in look_up(keys)}

    def subject(self, found: Break) -> Named:
        """What the break is about."""
        kind, key = _subject(found)
        if known := self._named.get((kind, key)):
            return known
        if kind == "stripe":
            return Named(_("Balance at Stripe, %(currency)s") % {"currency": key}, to(self._desk, "desk-payouts"))
        if kind in {"charge", "line"}:
            return self._of_stripe(found, kind, key)
        return Named(found.subject)

    def fact(self, name: str, value: Any) -> Named | None:
        """What a fact names; None where it names nothing that is known."""
        return self._named.get((KINDS.get(name, ""), str(value)))

    def _of_stripe(self, found: Break, kind: str, key: str) -> Named:
        """A charge or another line of Stripe's: by its donation where it has one, else by Stripe's id."""
        if found.donation:
            words = _("Charge of donation %(name)s") if kind == "charge" else _("Stripe's line of donation %(name)s")
            return Named(words % {"name": found.donation.reference}, self._donation(found.donation))
        words = _("Charge %(name)s") if kind == "charge" else _("Stripe's line %(name)s")
        entry = self.fact("entry", found.facts.get("entry"))
        return Named(words % {"name": key}, entry.url if entry else "")

    def _donation(self, donation: Donation) -> str:
        return to(self._desk, "desk-donation", uuid=donation.uuid)

    def _lines(self, keys: Collection[str]) -> Iterable[tuple[str, Named]]:
        rows = BankLine.objects.filter(bank_account__entity=self._desk.entity, pk__in=_numbers(keys))
        for line in rows.select_related("bank_account"):
            told = {"day": _day(line.booked_on), "amount": _amount(line.amount), "name": line.name}
            words = _("Bank line of %(day)s, %(amount)s")
            if line.name and self._desk.may_read_bank_names:
                words = _("Bank line of %(day)s, %(amount)s, %(name)s")
            yield str(line.pk), Named(words % told, to(self._desk, "desk-bank-line", pk=line.pk))

    def _steps(self, keys: Collection[str]) -> Iterable[tuple[str, Named]]:
        """Who the partner is stays out of it."""
        rows = list(
            SpendingStep.objects.filter(entity=self._desk.entity, uuid__in=_uuids(keys))
            .select_related("fund__appeal")
            .defer("sealed_attachment")
        )
        of_fund = self._titles_by_fund([step.fund for step in rows])
        for step in rows:
            told = {
                "kind": step.get_kind_display(), "day": _day(step.accounted_on),
                "amount": _amount(Money(step.amount_minor, step.currency)), "what": of_fund[step.fund_id],
            }  # fmt: skip
            words = _("%(kind)s of %(day)s, %(amount)s, %(what)s") % told
            yield str(step.uuid), Named(words[:1].upper() + words[1:], to(self._desk, "desk-step", uuid=step.uuid))

    def _funds(self, keys: Collection[str]) -> Iterable[tuple[str, Named]]:
        for fund in Fund.objects.filter(entity=self._desk.entity, pk__in=_numbers(keys)):
            words = _("Fund “%(name)s”") % {"name": fund.name}
            yield str(fund.pk), Named(words, to(self._desk, "desk-fund", pk=fund.pk))

    def _titles_by_fund(self, funds: Collection[Fund]) -> dict[int, str]:
        """The title of each fund's appeal; of one that has none, its own name."""
        appeals = entitle(fund.appeal for fund in funds if hasattr(fund, "appeal"))
        return {fund.pk: fund.name for fund in funds} | {appeal.fund_id: appeal.title for appeal in appeals}

    def _appeals(self, keys: Collection[str]) -> Iterable[tuple[str, Named]]:
        for appeal in entitle(Appeal.objects.filter(campaign__entity=self._desk.entity, slug__in=keys)):
            yield appeal.slug, Named(appeal.title, to(self._desk, "desk-appeal", appeal=appeal.slug))

    def _statements(self, keys: Collection[str]) -> Iterable[tuple[str, Named]]:
        rows = Statement.objects.filter(bank_account__entity=self._desk.entity, uuid__in=_uuids(keys))
        for statement in rows.defer("sealed_bytes").select_related("bank_account"):
            told = {"name": statement.name, "account": statement.bank_account.name}
            words = _("Statement “%(name)s” of %(account)s") % told
            yield str(statement.uuid), Named(words, to(self._desk, "desk-statement", uuid=statement.uuid))

    def _accounts(self, keys: Collection[str]) -> Iterable[tuple[str, Named]]:
        for account in BankAccount.objects.filter(entity=self._desk.entity, slug__in=keys):
            words = _("Bank account “%(name)s”") % {"name": account.name}
            yield account.slug, Named(words, to(self._desk, "desk-bank-lines", account=account.slug))

    def _payouts(self, keys: Collection[str]) -> Iterable[tuple[str, Named]]:
        for payout in Payout.objects.filter(account__entity=self._desk.entity, payout_id__in=keys):
            words = _("Payout of %(day)s, %(amount)s") % {
                "day": _day(payout.arrival_on), "amount": _amount(payout.amount),
            }  # fmt: skip
            yield payout.payout_id, Named(words, to(self._desk, "desk-payout", payout_id=payout.payout_id))

    def _donations(self, keys: Collection[str]) -> Iterable[tuple[str, Named]]:
        for donation in Donation.objects.filter(entity=self._desk.entity, uuid__in=_uuids(keys)):
            words = _("Donation %(name)s") % {"name": donation.reference}
            yield str(donation.uuid), Named(words, self._donation(donation))

    def _entries(self, keys: Collection[str]) -> Iterable[tuple[str, Named]]:
        for pk, key in Entry.objects.filter(entity=self._desk.entity, key__in=keys).values_list("pk", "key"):
            yield key, Named(key, to(self._desk, "desk-entry", pk=pk))

    def _mandates(self, keys: Collection[str]) -> Iterable[tuple[str, Named]]:
        for mandate in Mandate.objects.filter(entity=self._desk.entity, uuid__in=_uuids(keys)):
            words = _("Mandate %(name)s") % {"name": mandate.reference}
            yield str(mandate.uuid), Named(words, to(self._desk, "desk-mandate", uuid=mandate.uuid))


def _subject(found: Break) -> tuple[str, str]:
    """What kind of thing it is about, and that thing's key."""
    prefix, _colon, rest = found.subject.partition(":")
    telling = next((name for name in TELLING if found.facts.get(name)), "")
    if telling:
        return KINDS[telling], str(found.facts[telling])
    if prefix == "stripe":
        return "stripe", rest.rpartition(":")[2]
    if prefix in PREFIXES:
        return PREFIXES[prefix], rest.partition(":")[0]
    if prefix.startswith("po_"):
        return "payout", prefix
    if prefix.startswith(("ch_", "py_")):
        return "charge", prefix
    return "line", rest or prefix


def _facts(found: Break) -> list[tuple[str, str]]:
    return [(KINDS[name], str(value)) for name, value in found.facts.items() if name in KINDS and value]


def _numbers(keys: Iterable[str]) -> list[int]:
    return [int(key) for key in keys if key.isascii() and key.isdecimal()]


def _uuids(keys: Iterable[str]) -> list[UUID]:
    found = []
    for key in keys:
        try:
            found.append(UUID(key))
        except ValueError:
            continue
    return found


def _day(day: date) -> str:
    return long_date(day, get_language())


def _amount(amount: Money) -> str:
    return amount.format_exact(babel_locale(get_language()))
