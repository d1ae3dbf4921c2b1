"""The exports of Stripe's side: payouts, their lines, disputes. Registered when the app is ready."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Concat
from django.utils.translation import gettext_lazy as _

from fundraising.exports import kinds
from fundraising.exports.kinds import Kind
from fundraising.exports.table import CHUNK, Column, Row, Table, Type, major, of_queryset
from fundraising.models import Entry, LegalEntity, Match, MatchKind
from fundraising.roles import May

from ..models import (
    CHANGE_OPEN,
    REFUND_OPEN,
    BalanceTransaction,
    Dispute,
    EventState,
    InboxEvent,
    MandateChange,
    Payout,
    RefundRequest,
    RefundState,
)

NEEDS = frozenset({May.READ_BOOKS, May.EXPORT})
DAYS = ("first", "last")
UNHANDLED = (EventState.RECEIVED, EventState.PARKED, EventState.FAILED, EventState.QUARANTINED)


def payouts(entity: LegalEntity, filters: Mapping[str, str]) -> Table:
    """Payouts made on some days."""
    since, until = kinds.moments(filters)
    found = Payout.objects.filter(account__entity=entity, created_at__gte=since, created_at__lt=until)
    found = found.filter(**{name: filters[name] for name in ("status", "currency") if filters.get(name)})
    standing = Match.objects.filter(
        kind=MatchKind.PAYOUT, key=OuterRef("payout_id"), undone_at=None, line__bank_account__entity=entity
    )
    in_bank = standing.order_by().values("key").annotate(sum=Sum("amount_minor")).values("sum")
    found = found.annotate(in_bank_minor=Subquery(in_bank))

    def row(payout: Any) -> Row:  # a Payout, with what of it is in the bank
        return (
            payout.payout_id, payout.account.slug, payout.created_at, payout.arrival_on, payout.currency,
            payout.amount.decimal, payout.status, payout.reconciliation, payout.descriptor, payout.trace_id,
            payout.failure_code, major(payout.in_bank_minor or 0, payout.currency),
        )  # fmt: skip

    columns = [
        Column(_("Payout")), Column(_("Account")), Column(_("Made"), Type.TIME), Column(_("Expected"), Type.DATE),
        Column(_("Currency")), Column(_("Amount"), Type.AMOUNT), Column(_("State")),
        Column(_("Reconciliation at Stripe")), Column(_("Text on the statement")),
        Column(_("Trace id")), Column(_("Why it failed")), Column(_("In the bank"), Type.AMOUNT),
    ]  # fmt: skip
    return of_queryset("payouts", columns, found.select_related("account").order_by("created_at", "pk"), row)


def payout_lines(entity: LegalEntity, filters: Mapping[str, str]) -> Table:
    """The balance transactions of one payout, or of some days."""
    found = BalanceTransaction.objects.filter(account__entity=entity)
    if payout := filters.get("payout"):
        found = found.filter(payout_id=payout)
    else:
        since, until = kinds.moments(filters)
        found = found.filter(created_at__gte=since, created_at__lt=until)
    entries = Entry.objects.filter(key=Concat(Value("txn:"), OuterRef("txn_id")))
    found = found.annotate(donation_uuid=Subquery(entries.values("donation__uuid")[:1]))

    def row(line: Any) -> Row:  # a BalanceTransaction, with its donation
        amounts = (line.amount_minor, line.fee_minor, line.fee_tax_minor, line.net_minor)
        return (
            line.txn_id, line.payout_id, line.type, line.reporting_category, line.source, line.created_at,
            line.available_on, line.currency, *(major(minor, line.currency) for minor in amounts), line.booked_at,
            str(line.donation_uuid or ""),
        )  # fmt: skip

    columns = [
        Column(_("Balance transaction")), Column(_("Payout")), Column(_("Kind")), Column(_("Category")),
        Column(_("Source")), Column(_("Made"), Type.TIME), Column(_("Available"), Type.TIME), Column(_("Currency")),
        Column(_("Amount"), Type.AMOUNT), Column(_("Fee"), Type.AMOUNT), Column(_("Tax within the fee"), Type.AMOUNT),
        Column(_("Net"), Type.AMOUNT), Column(_("Booked"), Type.TIME), Column(_("Donation")),
    ]  # fmt: skip
    return of_queryset("payout-lines", columns, found.order_by("created_at", "pk"), row)


def disputes(entity: LegalEntity, filters: Mapping[str, str]) -> Table:
    """Disputes opened on some days."""
    since, until = kinds.moments(filters)
    found = Dispute.objects.filter(account__entity=entity, opened_at__gte=since, opened_at__lt=until)

    def row(dispute: Dispute) -> Row:
        return (
            dispute.dispute_id, dispute.charge_id, str(dispute.donation.uuid) if dispute.donation else "",
            dispute.opened_at, dispute.evidence_due_by, dispute.closed_at, dispute.currency, dispute.amount.decimal,
            dispute.status, dispute.reason,
        )  # fmt: skip

    columns = [
        Column(_("Dispute")), Column(_("Charge")), Column(_("Donation")), Column(_("Opened"), Type.TIME),
        Column(_("Evidence due by"), Type.TIME), Column(_("Closed"), Type.TIME), Column(_("Currency")),
        Column(_("Amount"), Type.AMOUNT), Column(_("State")), Column(_("Reason")),
    ]  # fmt: skip
    return of_queryset("disputes", columns, found.select_related("donation").order_by("opened_at", "pk"), row)


def events(entity: LegalEntity, _filters: Mapping[str, str]) -> Table:
    """Events of Stripe that are not handled."""
    found = InboxEvent.objects.filter(account__entity=entity, state__in=UNHANDLED).defer("body").order_by("-pk")

    def row(event: InboxEvent) -> Row:
        return (
            event.event_id, event.type, str(event.get_state_display()), event.received_at, event.attempts,
            event.reason, event.waits_for,
        )  # fmt: skip

    columns = [
        Column(_("Event")), Column(_("Type")), Column(_("State")), Column(_("Received"), Type.TIME),
        Column(_("Attempts"), Type.INTEGER), Column(_("Why")), Column(_("Waits for")),
    ]  # fmt: skip
    return of_queryset("events", columns, found, row)


def unbooked(entity: LegalEntity, _filters: Mapping[str, str]) -> Table:
    """Balance transactions that are not booked."""
    found = BalanceTransaction.objects.filter(account__entity=entity, booked_at=None).order_by("created_at", "pk")

    def row(line: BalanceTransaction) -> Row:
        return line.txn_id, line.type, line.source, line.currency, major(line.net_minor, line.currency), line.created_at

    columns = [
        Column(_("Balance transaction")), Column(_("Type")), Column(_("Of")), Column(_("Currency")),
        Column(_("Net"), Type.AMOUNT), Column(_("Since"), Type.TIME),
    ]  # fmt: skip
    return of_queryset("unbooked", columns, found, row)


def requests(entity: LegalEntity, _filters: Mapping[str, str]) -> Table:
    """Refunds and changes of mandates that Stripe has not answered, and refunds that it refused."""
    asked = Q(state__in=REFUND_OPEN) | Q(state=RefundState.REFUSED)
    refunds = RefundRequest.objects.filter(asked, account__entity=entity).select_related("donation").order_by("pk")
    changes = MandateChange.objects.filter(mandate__entity=entity, state__in=CHANGE_OPEN).select_related("mandate")

    def rows() -> Iterator[Row]:
        for one in refunds.iterator(chunk_size=CHUNK):
            yield (
                str(_("Refund")), str(one.donation.uuid) if one.donation else one.charge_id, one.currency,
                one.amount.decimal, one.asked_by, str(one.get_state_display()), one.error_code, one.created_at,
            )  # fmt: skip
        for change in changes.order_by("pk").iterator(chunk_size=CHUNK):
            what = f"{_('Mandate')}: {change.get_kind_display()}"
            amount = major(change.amount_minor, change.mandate.currency) if change.amount_minor else None
            yield (
                what, str(change.mandate.uuid), change.mandate.currency, amount, change.asked_by,
                str(change.get_state_display()), change.error_code, change.created_at,
            )  # fmt: skip

    columns = [
        Column(_("What")), Column(_("Donation, mandate or charge")), Column(_("Currency")),
        Column(_("Amount"), Type.AMOUNT), Column(_("Wanted by")), Column(_("State")), Column(_("Stripe's answer")),
        Column(_("Since"), Type.TIME),
    ]  # fmt: skip
    return Table("waiting-for-stripe", columns, rows, lambda _limit: refunds.count() + changes.count())


def register_all() -> None:
    """Make them known."""
    for kind in (
        Kind("payouts", _("Payouts"), NEEDS, payouts, DAYS, kept=("status", "currency")),
        Kind("payout-lines", _("Lines of payouts"), NEEDS, payout_lines, DAYS, kept=("payout",)),
        Kind("disputes", _("Disputes"), NEEDS, disputes, DAYS),
        Kind("events", _("Events of Stripe that are not handled"), NEEDS, events),
        Kind("unbooked", _("Balance transactions that are not booked"), NEEDS, unbooked),
        Kind("requests", _("Waiting for Stripe"), NEEDS, requests),
    ):
        kinds.register(kind)
