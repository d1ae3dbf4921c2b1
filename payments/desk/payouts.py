"""Payouts at the desk: what Stripe sent, what each is made of, and where in the bank it is."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from fundraising import trail
from fundraising.desk import Desk, desk_page, render
from fundraising.desk.export_links import export_url
from fundraising.desk.paging import by_id, by_number
from fundraising.models import BankAccount, Break, BreakState, Entry, LegalEntity, Match, MatchKind
from fundraising.money import Money
from fundraising.roles import May

from .. import gateway, payouts
from ..breaks import reconciliation
from ..models import BalanceTransaction, Payout, StripeAccount
from ..sweeps import settlement

log = logging.getLogger(__name__)

STATUSES: dict[str, tuple[str | Promise, str]] = {
    "pending": (_("about to be sent"), "plain"),
    "in_transit": (_("on its way"), "plain"),
    "paid": (pgettext_lazy("payout", "sent"), "good"),
    "failed": (pgettext_lazy("payout", "failed"), "bad"),
    "canceled": (_("cancelled"), "warn"),
}


class Filters(forms.Form):
    """What payouts to list."""

    status = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[("", _("all")), *((name, words) for name, (words, _tone) in STATUSES.items())],
    )
    currency = forms.ChoiceField(label=_("Currency"), required=False)
    since = forms.DateField(label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=_("Until"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, currencies: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", _("all")), *((currency, currency) for currency in currencies)]
        self.fields["currency"].choices = choices  # type: ignore[attr-defined]  # the field is a ChoiceField

    def apply(self, rows: QuerySet[Payout]) -> QuerySet[Payout]:
        """The rows that fit; what is nonsense in the address fits everything."""
        wanted = self.cleaned_data if self.is_valid() else {**self.cleaned_data}
        names = {"status": "status", "currency": "currency", "since": "created_at__date__gte"}
        fits = {field: wanted[name] for name, field in names.items() if wanted.get(name)}
        if wanted.get("until"):
            fits["created_at__date__lte"] = wanted["until"]
        return rows.filter(**fits)


@dataclass(frozen=True)
class Shown:
    """A payout, and what of it is in the bank; `in_bank` is None where no bank account of the currency is ours."""

    payout: Payout
    in_bank: Money | None

    @property
    def words(self) -> str | Promise:
        return STATUSES.get(self.payout.status, (self.payout.status, ""))[0]

    @property
    def tone(self) -> str:
        return STATUSES.get(self.payout.status, ("", "plain"))[1]

    @property
    def expected(self) -> Money:
        """What the bank should have."""
        return Money(0, self.payout.currency) if self.payout.status in payouts.RETURNED else self.payout.amount

    @property
    def agrees(self) -> bool:
        return self.in_bank == self.expected


def shown(entity: LegalEntity, rows: Sequence[Payout]) -> list[Shown]:
    """Payouts with what the bank has of them: two statements, however many."""
    ours = set(BankAccount.objects.filter(entity=entity).values_list("currency", flat=True))
    standing = Match.objects.filter(
        kind=MatchKind.PAYOUT,
        key__in=[payout.payout_id for payout in rows],
        undone_at=None,
        line__bank_account__entity=entity,
    )
    sums = dict(standing.values_list("key").annotate(sum=Sum("amount_minor")))
    return [
        Shown(payout, Money(sums.get(payout.payout_id, 0), payout.currency) if payout.currency in ours else None)
        for payout in rows
    ]


@require_safe
@desk_page(May.READ_BOOKS)
def payouts_page(request: HttpRequest, desk: Desk) -> HttpResponse:
    """All payouts, newest first."""
    rows = Payout.objects.filter(account__entity=desk.entity)
    currencies = rows.order_by("currency").values_list("currency", flat=True).distinct()
    filters = Filters(request.GET, currencies=currencies)
    page = by_number(request, filters.apply(rows).order_by("-created_at", "-pk"))
    account = StripeAccount.objects.filter(entity=desk.entity).first()
    asked = filters.cleaned_data
    days = {"first": asked.get("since"), "last": asked.get("until")}
    context = {
        "page": page,
        "payouts": shown(desk.entity, list(page)),
        "form": filters,
        "export_url": export_url(desk, "payouts", status=asked.get("status"), currency=asked.get("currency"), **days),
        "reconciled_at": reconciliation.reconciled_at(account) if account else None,
        "may_work": desk.may(May.WORK_BREAKS),
    }
    return render(request, desk, "desk/payouts.html", context)


@dataclass(frozen=True)
class Figure:
    """One figure of a payout's head, and how many lines it sums."""

    label: str | Promise
    amount: Money
    lines: int


GROUPS: dict[str, str | Promise] = {
    "gross": _("Charges"),
    "refunds": _("Refunds"),
    "disputes": _("Disputes"),
    "fees": _("Fees"),
    "tax": _("Tax on fees"),
    "reserves": _("Held in reserve"),
    "returned": _("Earlier payouts that came back"),
    "other": _("Adjustments"),
}
KINDS: dict[str, str | Promise] = {
    "gross": _("charge"),
    "refunds": _("refund"),
    "disputes": _("dispute"),
    "fees": _("fee of Stripe"),
    "tax": _("tax on fees"),
    "reserves": _("reserve"),
    "returned": _("payout that came back"),
    "sent": _("payout"),
    "other": _("adjustment"),
}


def group_of(kind: str, category: str) -> str:
    """Which figure a line belongs to, by its type and reporting category."""
    if category in settlement.DISPUTES:
        return "disputes"
    if kind in settlement.RESERVES or category in settlement.RESERVED:
        return "reserves"
    groups = {
        "gross": settlement.CHARGES,
        "refunds": settlement.REFUNDS | settlement.FAILED_REFUNDS | settlement.RETURNED_DEBITS,
        "fees": settlement.FEES,
        "tax": settlement.FEE_TAXES,
        "sent": {"payout"},
        "returned": settlement.PAYOUTS,
    }
    return next((name for name, kinds in groups.items() if kind in kinds), "other")


def figures(payout: Payout, lines: QuerySet[BalanceTransaction]) -> tuple[list[Figure], Money]:
    """What a payout is made of, and the sum of that; the line of the payout itself is none of it."""
    sums: dict[str, list[int]] = {name: [0, 0] for name in GROUPS}
    rows = lines.exclude(type="payout", source=payout.payout_id).values_list("type", "reporting_category")
    summed = rows.annotate(Sum("amount_minor"), Sum("fee_minor"), Sum("fee_tax_minor"), Count("pk"))
    for kind, category, amount, fee, tax, count in summed.order_by("type"):
        group = group_of(kind, category)
        group = "returned" if group == "sent" else group
        for name, minor, counted in ((group, amount, count), ("fees", tax - fee, 0), ("tax", -tax, 0)):
            sums[name][0] += minor
            sums[name][1] += counted
    found = [
        Figure(label, Money(sums[name][0], payout.currency), sums[name][1])
        for name, label in GROUPS.items()
        if sums[name][0] or sums[name][1] or name in {"gross", "fees"}
    ]
    return found, Money(sum(minor for minor, _count in sums.values()), payout.currency)


@dataclass(frozen=True)
class Line:
    """A line of Stripe's and the donation that it is of."""

    line: BalanceTransaction
    words: str | Promise
    donation: UUID | None

    @property
    def reference(self) -> str:
        return str(self.donation)[:8].upper()

    def __getattr__(self, name: str) -> Any:
        """`amount`, `fee` and `net` as money."""
        if name not in {"amount", "fee", "net"}:
            raise AttributeError(name)
        return Money(getattr(self.line, f"{name}_minor"), self.line.currency)


def lines_of(rows: Sequence[BalanceTransaction]) -> list[Line]:
    """Lines with their donations, in one statement however many: the entry of a line knows its donation."""
    keys = {key: line.pk for line in rows for key in (f"txn:{line.txn_id}", f"charge:{line.source}")}
    entries = Entry.objects.filter(key__in=keys, donation__isnull=False).values_list("key", "donation__uuid")
    of_line = {keys[key]: donation for key, donation in entries}
    return [Line(line, KINDS[group_of(line.type, line.reporting_category)], of_line.get(line.pk)) for line in rows]


@require_safe
@desk_page(May.READ_BOOKS)
def payout_page(request: HttpRequest, desk: Desk, payout_id: str) -> HttpResponse:
    """One payout: its figures, its lines, and the bank."""
    payout = _of(desk, payout_id)
    lines = BalanceTransaction.objects.filter(account=payout.account, payout_id=payout_id)
    page = by_id(request, lines)
    parts, total = figures(payout, lines)
    standing = Match.objects.filter(
        kind=MatchKind.PAYOUT, key=payout_id, undone_at=None, line__bank_account__entity=desk.entity
    ).select_related("line__bank_account")
    breaks = Break.objects.filter(entity=desk.entity, state__in=[BreakState.OPEN, BreakState.PROPOSED])
    named = Q(subject=payout_id) | Q(subject__startswith=f"payout:{payout_id}") | Q(facts__payout=payout_id)
    context = {
        "shown": shown(desk.entity, [payout])[0],
        "payout": payout,
        "page": page,
        "lines": lines_of(list(page)),
        "figures": parts,
        "total": total,
        "matches": list(standing[:20]),
        "export_url": export_url(desk, "payout-lines", payout=payout_id),
        "breaks": list(breaks.filter(named).order_by("found_at")[:20]),
        "retried_by": Payout.objects.filter(account=payout.account, retry_of=payout_id).first(),
        "reconciled_at": reconciliation.reconciled_at(payout.account),
        "may_work": desk.may(May.WORK_BREAKS),
    }
    return render(request, desk, "desk/payout.html", context)


def _of(desk: Desk, payout_id: str) -> Payout:
    rows = Payout.objects.select_related("account")
    return get_object_or_404(rows, account__entity=desk.entity, payout_id=payout_id)


@require_POST
@desk_page(May.WORK_BREAKS)
def itemise(request: HttpRequest, desk: Desk, payout_id: str) -> HttpResponse:
    """Read a payout's lines from Stripe again, and compare."""
    payout = _of(desk, payout_id)
    try:
        count = payouts.itemise(payout)
    except payouts.NotItemisable:
        messages.error(request, gettext("Stripe cannot say what a payout made by hand consists of."))
    except (gateway.Unavailable, gateway.UnknownOutcome, gateway.Refused) as error:
        log.warning("payout %s not itemised: %s", payout_id, error)
        messages.error(request, gettext("Stripe does not answer. Try again in a few minutes."))
    else:
        about = f"payout:{payout_id}"
        trail.record("payout_itemised", by=desk.user, entity=desk.entity, about=about, after={"lines": count})
        reconciliation.reconcile(payout.account)
        told = ngettext("%(count)d line read.", "%(count)d lines read.", count) % {"count": count}
        messages.success(request, told)
    return redirect("desk-payout", entity=desk.entity.slug, payout_id=payout_id)


@require_POST
@desk_page(May.WORK_BREAKS)
def reconcile(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Compare everything now."""
    account = get_object_or_404(StripeAccount, entity=desk.entity)
    count = len(reconciliation.reconcile(account))
    about = f"stripeaccount:{account.pk}"
    trail.record("payouts_compared", by=desk.user, entity=desk.entity, about=about, after={"differences": count})
    told = ngettext("Compared: %(count)d difference.", "Compared: %(count)d differences.", count) % {"count": count}
    messages.success(request, told)
    return redirect("desk-payouts", entity=desk.entity.slug)
