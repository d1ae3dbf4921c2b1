"""The export of papers that did not go out. Registered when the app is ready."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fundraising.exports import kinds
from fundraising.exports.kinds import Kind
from fundraising.exports.table import CHUNK, Column, Row, Table, Type, of_queryset
from fundraising.models import Appeal, LegalEntity
from fundraising.roles import May

from .. import printing
from ..models import UNDELIVERED, FundReport, IatiState, OutgoingMail, PrintBatch, Refusal
from .problems import of_mail, of_refusal

NEEDS = frozenset({May.READ_BOOKS, May.EXPORT})


def failed(entity: LegalEntity, _filters: Mapping[str, str]) -> Table:
    """Receipts that could not be issued, and mails that were not delivered."""
    refused = Refusal.objects.filter(donation__entity=entity).select_related("donation").order_by("first_at", "pk")
    of_us = Q(receipt__donor__entity=entity) | Q(notice__donation__entity=entity) | Q(notice__mandate__entity=entity)
    of_us |= Q(donor__entity=entity)
    mails = OutgoingMail.objects.filter(of_us, state__in=UNDELIVERED).order_by("-pk")
    about = ("receipt__donation", "receipt__donor", "notice__donation", "notice__mandate", "donor")
    mails = mails.select_related(*about).defer("receipt__snapshot")

    def rows() -> Iterator[Row]:
        for refusal in refused.iterator(chunk_size=CHUNK):
            yield (
                str(_("Receipt")), "", str(refusal.donation.uuid), str(of_refusal(refusal.code)), refusal.first_at,
                refusal.attempts,
            )  # fmt: skip
        for mail in mails.iterator(chunk_size=CHUNK):
            yield (
                str(_("Mail")),
                _name(mail),
                _about(mail),
                of_mail(mail.last_error),
                mail.next_attempt_at,
                mail.attempts,
            )

    columns = [
        Column(_("What")), Column(_("Name")), Column(_("Donation, mandate or donor")), Column(_("Why")),
        Column(_("Since"), Type.TIME), Column(_("Attempts"), Type.INTEGER),
    ]  # fmt: skip
    return Table("not-sent", columns, rows, lambda _limit: refused.count() + mails.count())


def _name(mail: OutgoingMail) -> str:
    if mail.notice:
        return str(mail.notice.get_kind_display())
    return f"{mail.get_kind_display()} {mail.receipt.number if mail.receipt else ''}".strip()


def _about(mail: OutgoingMail) -> str:
    """The UUID of the donation, mandate or donor that it is about."""
    if mail.receipt:
        return str((mail.receipt.donation or mail.receipt.donor).uuid)
    about = mail.donor or (mail.notice and (mail.notice.donation or mail.notice.mandate))
    return str(about.uuid) if about else ""


def reports(entity: LegalEntity, _filters: Mapping[str, str]) -> Table:
    """The fund reports of the legal entity's appeals, issued or begun."""
    found = FundReport.objects.filter(appeal__fund__entity=entity).select_related("appeal", "issued_by")

    def row(report: FundReport) -> Row:
        by = report.issued_by.get_username() if report.issued_by else ""
        state = str(report.get_state_display())
        return report.appeal.slug, report.revision, report.first, report.last, state, by, report.next_on

    columns = [
        Column(_("Appeal")), Column(_("Revision"), Type.INTEGER), Column(_("First day"), Type.DATE),
        Column(_("Last day"), Type.DATE), Column(_("State")), Column(_("By")), Column(_("Next report on"), Type.DATE),
    ]  # fmt: skip
    return of_queryset("reports", columns, found.defer("data").order_by("-pk"), row)


def print_batches(entity: LegalEntity, _filters: Mapping[str, str]) -> Table:
    """The batches of papers that went to the post."""
    found = PrintBatch.objects.filter(entity=entity).select_related("made_by").order_by("-pk")

    def row(batch: PrintBatch) -> Row:
        return batch.number, batch.made_at, batch.made_by.get_username(), batch.count

    columns = [
        Column(_("Number"), Type.INTEGER), Column(_("Made"), Type.TIME), Column(_("By")),
        Column(_("Papers"), Type.INTEGER),
    ]  # fmt: skip
    return of_queryset("print-batches", columns, found, row)


def iati(entity: LegalEntity, _filters: Mapping[str, str]) -> Table:
    """The appeals, and whether they are published as IATI activities."""
    found = Appeal.objects.filter(fund__entity=entity).select_related(
        "iati_activity__asked_by", "iati_activity__decided_by"
    )

    def row(appeal: Appeal) -> Row:
        activity = getattr(appeal, "iati_activity", None)
        if activity is None:
            return appeal.slug, str(IatiState.OFF.label), "", "", ""
        people = [person.get_username() if person else "" for person in (activity.asked_by, activity.decided_by)]
        return appeal.slug, str(activity.get_state_display()), activity.region, *people

    columns = [
        Column(_("Appeal")), Column(_("IATI file")), Column(_("Region")), Column(_("Asked by")),
        Column(_("Decided by")),
    ]  # fmt: skip
    return of_queryset("iati", columns, found.order_by("slug"), row)


def register_all() -> None:
    """Make it known."""
    kinds.register(printing.EXPORT)
    kinds.register(Kind("print-batches", _("Batches to print"), frozenset({May.RESEND, May.EXPORT}), print_batches))
    kinds.register(Kind("reports", _("Fund reports"), frozenset({May.EXPORT}), reports))
    kinds.register(Kind("iati", _("Appeals as IATI activities"), frozenset({May.EXPORT}), iati))
    kinds.register(Kind("failed", _("Failed mails and receipts"), NEEDS, failed))
