"""Issued reports in which a partner was masked: nobody is served one until it has been looked up and issued again.

Every report keeps the number of the last Masking that it was looked up for. As long as its legal entity has a newer
one, the report is *pending* and pages and files answer 503. A worker takes pending ones one by one: figures, notes and
files together in one database transaction, or not at all.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from fundraising import trail, vault
from fundraising.models import Appeal, LegalEntity, Masking
from fundraising.spending import masking

from ..models import FundReport, ReportDocument, ReportState, SealedEdition
from . import work
from .masked import Wishes, changed_texts, masked
from .reading import Data, DoesNotAddUp

log = logging.getLogger(__name__)
SEALED = "receipts_sealededition.sealed"
# What a masking never changes, of each currency.
SUMS = ("received", "net", "allocated", "committed", "disbursed", "confirmed", "spent", "returned", "held", "unspent")


def is_pending(report: FundReport, entity: LegalEntity | int) -> bool:
    """Whether a partner was masked since the report was looked up last: then nobody may be served it."""
    return masking.newest(entity) > report.masked_through


def pending() -> QuerySet[FundReport]:
    """The issued reports to look up."""
    newer = Masking.objects.filter(partner__entity=OuterRef("appeal__fund__entity"), pk__gt=OuterRef("masked_through"))
    return FundReport.objects.filter(Exists(newer), state=ReportState.ISSUED)


def mask_due() -> int:
    """Issue again, masked, what has to be; how many reports were looked up. What fails stays pending."""
    done, looked = 0, set[int]()
    while key := pending().exclude(pk__in=looked).order_by("pk").values_list("pk", flat=True).first():
        try:
            done += _look_up(key)
        except Exception as error:
            # No traceback and no message: both may quote what is to be masked.
            log.error("masking of report %s failed: %s", key, type(error).__name__)
        looked.add(key)
    return done


@transaction.atomic(durable=True)
def _look_up(key: int) -> bool:
    report = pending().select_for_update(of=("self",), skip_locked=True).filter(pk=key).first()
    if report is None:
        return False
    appeal = Appeal.objects.select_related("fund__entity").get(pk=report.appeal_id)
    entity = appeal.fund.entity
    partners = masking.masked_partners(entity, after=report.masked_through)
    through = masking.newest(entity)
    today = timezone.now().date()
    data = report.data
    for partner in partners:
        data = masked(data, Wishes.of(partner, appeal, today), today)
    _refuse_other_sums(report.data, data)
    texts = changed_texts(report, partners)
    report.masked_through = through
    if data == report.data and not texts:
        report.save(update_fields=["masked_through"])
        return True
    SealedEdition.objects.create(report=report, edition=report.edition, sealed=vault.seal_bytes(_whole(report), SEALED))
    report.data, report.edition, report.reissued_at = data, report.edition + 1, timezone.now()
    report.save(update_fields=["data", "edition", "reissued_at", "masked_through"])
    for row in texts:
        row.save()
    _write_files(report, appeal)
    trail.record(
        "report_masked", by=None, entity=entity, about=work.about(report),
        after={"appeal": appeal.slug, "revision": report.revision, "edition": report.edition},
    )  # fmt: skip
    return True


def _refuse_other_sums(before: Data, after: Data) -> None:
    for span in ("period", "ever"):
        for code, figures in before[span].items():
            now = after[span][code]
            lines = [sum(line["spent"] for line in one["lines"]) for one in (figures, now)]
            if lines[0] != lines[1] or any(figures[name] != now[name] for name in SUMS):
                raise DoesNotAddUp(code)


def _write_files(report: FundReport, appeal: Appeal) -> None:
    """Every file of the report anew; what belongs to no page any more is left empty."""
    before = work.before(report)
    made: dict[tuple[str, str], bytes] = {
        (head.locale, form): content
        for head in work.heads(report, appeal, published=False)
        for form, content in work.files(head, report, before).items()
    }
    for locale, form in report.documents.values_list("locale", "format"):
        content = made.get((locale, form), b"")
        digest = hashlib.sha256(content).hexdigest()
        report.documents.filter(locale=locale, format=form).update(content=content, sha256=digest)


# --- What was published before ------------------------------------------------------------------------


def _whole(report: FundReport) -> bytes:
    """Everything that was published of a report, as JSON."""
    files = report.documents.order_by("locale", "format")
    kept = {
        "data": report.data,
        "notes": dict(report.notes.values_list("locale", "text")),
        "files": [
            {"locale": one.locale, "format": one.format, "sha256": one.sha256,
             "content": base64.b64encode(one.content).decode()}
            for one in files
        ],
    }  # fmt: skip
    return json.dumps(kept).encode()


@transaction.atomic
def open_edition(sealed: SealedEdition, *, by: User, reason: str, locale: str, form: str) -> bytes:
    """A file as it was before it was masked, for somebody with READ_PARTNERS; the trail tells that they had it.

    Raises ReportDocument.DoesNotExist where there was none such.
    """
    whole: dict[str, Any] = json.loads(vault.unseal_bytes(bytes(sealed.sealed), SEALED))
    found = next((one for one in whole["files"] if (one["locale"], one["format"]) == (locale, form)), None)
    if found is None:
        raise ReportDocument.DoesNotExist
    trail.record(
        "report_unmasked_read", by=by, entity=sealed.report.appeal.fund.entity, about=work.about(sealed.report),
        after={"edition": sealed.edition, "locale": locale, "format": form}, reason=reason,
    )  # fmt: skip
    return base64.b64decode(found["content"])
