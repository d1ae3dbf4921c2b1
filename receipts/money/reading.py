"""What the money page is made of, read in few queries and remembered for half a minute, whatever the language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from fundraising.models import Appeal
from fundraising.spending.disclosure import PublicFigures
from fundraising.spending.published import key_of, published_figures, remembered

from ..models import FundReport, ReportState
from ..reports.masking import is_pending
from .rounds import History, history


@dataclass(frozen=True)
class Reconciled:
    """What the books know of having been checked."""

    bank_until: date | None  # the bank's statements are in the books up to this day, those of every account
    closed_until: date | None  # nothing of this day and before is booked any more


@dataclass(frozen=True)
class AppealMoney:
    """An appeal's money as everybody may see it."""

    figures: PublicFigures
    history: History
    reports: tuple[FundReport, ...]  # the newest issued, newest first
    situation: FundReport | None  # the newest that tells of one
    reconciled: Reconciled
    overhead: int | None  # the stated share of administrative costs in basis points
    as_of: datetime


REPORTS_SHOWN = 3


def appeal_money(appeal: Appeal) -> AppealMoney:
    """Everything of the page that no language changes."""
    return remembered(key_of("appeal-money", appeal), lambda: _read(appeal))


def _read(appeal: Appeal) -> AppealMoney:
    figures = published_figures(appeal)
    issued = FundReport.objects.filter(appeal=appeal, state=ReportState.ISSUED).order_by("-revision")
    newest = issued.values("pk")[:REPORTS_SHOWN]
    situation = issued.filter(data__has_key="situation").values("pk")[:1]
    reports = list(issued.filter(Q(pk__in=newest) | Q(pk__in=situation)))
    entity = appeal.fund.entity_id
    reconciled, overhead = _stated(appeal)
    return AppealMoney(
        figures=figures,
        history=history(appeal, figures.figures.rates),
        reports=tuple(reports[:REPORTS_SHOWN]),
        situation=next((one for one in reports if "situation" in one.data and not is_pending(one, entity)), None),
        reconciled=reconciled,
        overhead=overhead,
        as_of=timezone.now(),
    )


def _stated(appeal: Appeal) -> tuple[Reconciled, int | None]:
    """What the legal entity's books say of having been checked, and the appeal's share of administrative costs."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT (SELECT min(read.last_on) FROM (
                        SELECT max(statement.last_on) AS last_on FROM fundraising_statement statement
                        JOIN fundraising_bankaccount account ON account.id = statement.bank_account_id
                        WHERE account.entity_id = %(entity)s AND statement.rolled_back_at IS NULL
                        GROUP BY account.id) read),
                   (SELECT soft_until FROM fundraising_close WHERE entity_id = %(entity)s ORDER BY id DESC LIMIT 1),
                   (SELECT basis_points FROM fundraising_overheadpolicy
                    WHERE appeal_id = %(appeal)s AND state = 'stated' ORDER BY stated_at DESC, id DESC LIMIT 1)
            """,
            {"entity": appeal.fund.entity_id, "appeal": appeal.pk},
        )
        bank_until, closed_until, overhead = cursor.fetchone()
        return Reconciled(bank_until, closed_until), overhead
