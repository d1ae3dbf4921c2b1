"""The verbs of reports: draft, change, ask for, make, drop. Issued ones are never touched again."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from datetime import date, timedelta

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone, translation

from fundraising import trail
from fundraising.models import Appeal, AppealWording, DonationPage
from fundraising.spending.masking import tells_a_name

from ..models import FundReport, ReportDocument, ReportFormat, ReportNote, ReportState
from . import people, reading, writing
from .masked import mask_draft, texts_of
from .showing import shown

log = logging.getLogger(__name__)
CLAIM = timedelta(minutes=10)


class ReportRefused(Exception):
    """The report cannot be drafted or asked for so; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def about(report: FundReport) -> str:
    """What the trail calls a report."""
    return f"report:{report.uuid}"


@transaction.atomic
def draft(
    appeal: Appeal, *, first: date, last: date, next_on: date | None, notes: Mapping[str, str], by: User
) -> FundReport:
    """Begin a report of an appeal; raises ReportRefused where one is begun already, or for days to come."""
    _refuse_days(first, last, next_on)
    # Not FOR UPDATE: donations that are made meanwhile refer to the appeal.
    Appeal.objects.select_for_update(no_key=True).get(pk=appeal.pk)
    if FundReport.objects.filter(appeal=appeal).exclude(state=ReportState.ISSUED).exists():
        raise ReportRefused("begun")
    report = FundReport.objects.create(appeal=appeal, first=first, last=last, next_on=next_on, drafted_by=by)
    _write_notes(report, notes)
    _record("report_drafted", report, by=by)
    return report


@transaction.atomic
def change(
    report: FundReport, *, first: date, last: date, next_on: date | None, notes: Mapping[str, str], by: User
) -> None:
    """Write other days or notes into a report that is not asked for yet; raises ReportRefused."""
    _refuse_days(first, last, next_on)
    locked = locked_draft(report)
    locked.first, locked.last, locked.next_on, locked.state = first, last, next_on, ReportState.DRAFT
    locked.save(update_fields=["first", "last", "next_on", "state"])
    _write_notes(locked, notes)
    _record("report_changed", locked, by=by)


@transaction.atomic
def ask(report: FundReport, *, by: User) -> None:
    """Let a worker issue the report; raises ReportRefused: `asked` already, or `names_partner` in words of its own."""
    locked = locked_draft(report)
    if tells_a_name(texts_of(locked), locked.appeal.fund.entity_id):
        raise ReportRefused("names_partner")
    locked.state, locked.issued_by, locked.error = ReportState.WAITING, by, ""
    locked.save(update_fields=["state", "issued_by", "error"])
    _record("report_asked", locked, by=by)


@transaction.atomic
def drop(report: FundReport, *, by: User) -> None:
    """Throw a report away that was not issued; raises ReportRefused."""
    locked = locked_draft(report)
    _record("report_dropped", locked, by=by)
    locked.delete()


def _refuse_days(first: date, last: date, next_on: date | None) -> None:
    if first > last:
        raise ReportRefused("order")
    if last > timezone.now().date():
        raise ReportRefused("future")
    if next_on and next_on <= last:
        raise ReportRefused("next")


def locked_draft(report: FundReport) -> FundReport:
    """The report, locked, if it is not asked for yet; raises ReportRefused: `asked`."""
    drafts = FundReport.objects.filter(pk=report.pk, state__in=[ReportState.DRAFT, ReportState.FAILED])
    locked = drafts.select_for_update().first()
    if locked is None:
        raise ReportRefused("asked")
    return locked


def _write_notes(report: FundReport, notes: Mapping[str, str]) -> None:
    report.notes.all().delete()
    ReportNote.objects.bulk_create(
        ReportNote(report=report, locale=locale, text=text.strip()) for locale, text in notes.items() if text.strip()
    )


def _record(verb: str, report: FundReport, *, by: User) -> None:
    after = {"appeal": report.appeal.slug, "first": report.first.isoformat(), "last": report.last.isoformat()}
    trail.record(verb, by=by, entity=report.appeal.fund.entity, about=about(report), after=after)


# --- A worker's part --------------------------------------------------------------------------------


def make_due() -> int:
    """Issue the reports that are asked for; how many were taken up."""
    taken = 0
    while report := _claim():
        taken += 1
        try:
            _issue(report)
        except Exception as error:  # the desk shows it, and lets it be asked for again
            log.exception("report %s", report.uuid)
            FundReport.objects.filter(pk=report.pk, state=ReportState.WAITING).update(
                state=ReportState.FAILED, error=type(error).__name__, claimed_until=None
            )
    return taken


@transaction.atomic
def _claim() -> FundReport | None:
    now = timezone.now()
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=now)
    waiting = FundReport.objects.filter(free, state=ReportState.WAITING).order_by("pk")
    report = waiting.select_for_update(skip_locked=True).first()
    if report:
        report.claimed_until = now + CLAIM
        report.save(update_fields=["claimed_until"])
    return report


@transaction.atomic(durable=True)
def _issue(report: FundReport) -> None:
    """Number, figures and files together or not at all; the figures from one snapshot of the books."""
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    appeal = (
        Appeal.objects.select_for_update(no_key=True, of=("self",))
        .select_related("fund__entity")
        .get(pk=report.appeal_id)
    )
    before = latest(appeal)
    report.revision = (before.revision or 0) + 1 if before else 1
    report.state, report.issued_at, report.claimed_until = ReportState.ISSUED, timezone.now(), None
    mask_draft(report, appeal.fund.entity)
    figures = reading.read(appeal, first=report.first, last=report.last, on=report.issued_at.date())
    report.data = people.with_situation(figures, report)
    documents = [
        ReportDocument(report=report, locale=head.locale, format=form, content=content, sha256=_sha256(content))
        for head in heads(report, appeal)
        for form, content in files(head, report, before).items()
    ]
    ReportDocument.objects.bulk_create(documents)
    report.save(update_fields=["data", "revision", "state", "issued_at", "claimed_until", "masked_through"])


def files(head: writing.Head, report: FundReport, before: FundReport | None) -> dict[ReportFormat, bytes]:
    """The report's files in the language of the head."""
    with translation.override(head.locale):
        return writing.write(head, shown(report.data, before.data if before else None))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def heads(report: FundReport, appeal: Appeal, *, published: bool = True) -> list[writing.Head]:
    """What the report says of itself in each language in which the appeal has a page, published ones by default."""
    pages = DonationPage.objects.filter(appeal=appeal).order_by("locale")
    if published:
        pages = pages.filter(published=True)
    titles = dict(AppealWording.objects.filter(appeal=appeal).order_by("version").values_list("locale", "title"))
    notes = dict(report.notes.values_list("locale", "text"))
    entity = appeal.fund.entity
    return [
        writing.Head(
            appeal=titles.get(page.locale, appeal.slug),
            slug=page.slug,
            entity_name=entity.name,
            entity_address=entity.address,
            theme=entity.theme,
            locale=page.locale,
            revision=report.revision or 0,
            issued_on=(report.issued_at or timezone.now()).date(),
            reissued_on=report.reissued_at.date() if report.reissued_at else None,
            next_on=report.next_on,
            note=notes.get(page.locale, ""),
        )
        for page in pages
    ]


# --- What is there ----------------------------------------------------------------------------------


def latest(appeal: Appeal) -> FundReport | None:
    """The appeal's newest issued report."""
    return FundReport.objects.filter(appeal=appeal, state=ReportState.ISSUED).order_by("-revision").first()


def before(report: FundReport) -> FundReport | None:
    """The revision before an issued report."""
    issued = FundReport.objects.filter(appeal=report.appeal_id, state=ReportState.ISSUED)
    return issued.filter(revision__lt=report.revision).order_by("-revision").first()
