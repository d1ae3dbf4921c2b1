"""Runs: the papers of a year for all donors of a legal entity, worked off by a worker with its progress to be seen.

A worker claims a run for a few minutes, beats as it goes, and does donor after donor, one database transaction each:
the donor's papers, and the run's counts and place with them. So a worker that is killed leaves neither half of a donor
nor a wrong count, and whoever comes next goes on behind the last one. A run may be asked for again at any time: what is
as it should be stays as it is.
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from fundraising import trail
from fundraising.models import Donor, LegalEntity

from ..models import AnnualRun, RunState
from ..regimes import Problem
from . import verbs

logger = logging.getLogger(__name__)

CLAIM = timedelta(minutes=10)  # a donor takes seconds at most
BATCH = 200  # donors read at once
SECONDS = 60.0  # after this long the worker is given back; the next nudge goes on


class RunRefused(Exception):
    """There is nothing to run; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class ClaimLost(Exception):
    """Another worker has taken the run up."""


@transaction.atomic
def ask(entity: LegalEntity, year: int, *, by: User) -> AnnualRun:
    """Ask for the papers of a year; one that is under way is returned as it is. Raises RunRefused."""
    if year >= entity.today().year:
        raise RunRefused(Problem.YEAR_NOT_OVER)
    LegalEntity.objects.select_for_update(no_key=True).get(pk=entity.pk)
    under_way = AnnualRun.objects.filter(entity=entity, year=year).exclude(state=RunState.DONE).first()
    if under_way:
        return under_way
    total = verbs.donors_of(entity, year).count()
    run = AnnualRun.objects.create(entity=entity, year=year, asked_by=by, donors_total=total)
    trail.record("annual_run_asked", by=by, entity=entity, about=f"annual_run:{run.uuid}", after={"year": year})
    return run


def work_off() -> None:
    """Renew papers that the books have overtaken, try refused ones again, then go on with what was asked for."""
    deadline = time.monotonic() + SECONDS
    for paper in verbs.to_renew():
        if paper.donor.erased_at:  # receipts/donors/sealing.py voids it
            continue
        _bring(paper.donor, paper.series.year)
    for refusal in verbs.to_try_again():
        _bring(refusal.donor, refusal.year)
    while time.monotonic() < deadline and (run := _claim()):
        try:
            _work(run, deadline)
        except ClaimLost:
            logger.warning("run %s was taken up by another worker", run.uuid)


@transaction.atomic
def _claim() -> AnnualRun | None:
    """Take up the oldest run that waits, or that its worker has left."""
    now = timezone.now()
    due = Q(state=RunState.WAITING) | Q(state=RunState.WORKING, claimed_until__lt=now)
    run = (
        AnnualRun.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("entity")
        .filter(due)
        .order_by("asked_at")
        .first()
    )
    if run:
        run.state, run.claimed_until = RunState.WORKING, now + CLAIM
        run.save(update_fields=["state", "claimed_until"])
    return run


def _work(run: AnnualRun, deadline: float) -> None:
    """Donor after donor until the end, or until the time is up: then the run waits for the next nudge."""
    while True:
        donors = _next(run)
        for donor in donors:
            if time.monotonic() > deadline:
                _settle(run, state=RunState.WAITING)
                return
            _one(run, donor)
        if len(donors) < BATCH:
            _settle(run, state=RunState.DONE, finished_at=timezone.now())
            return


def _next(run: AnnualRun) -> list[Donor]:
    keys = list(verbs.donors_of(run.entity, run.year).filter(donor__gt=run.after_donor)[:BATCH])
    return list(Donor.objects.filter(pk__in=keys).select_related("entity").order_by("pk"))


def _one(run: AnnualRun, donor: Donor) -> None:
    """A donor's papers and the run's place, together or not at all. A fault of ours is noted and does not stop it."""
    try:
        with transaction.atomic():
            outcome = verbs.issue_year(donor, run.year)
            _go_on(run, donor, outcome)
    except ClaimLost:
        raise
    except Exception as error:
        logger.exception("donor %s gets no paper of %s", donor.uuid, run.year)
        with transaction.atomic():
            _go_on(run, donor, verbs.Outcome(refused=[type(error).__name__]))


def _go_on(run: AnnualRun, donor: Donor, outcome: verbs.Outcome) -> None:
    """Count a donor as done; raises ClaimLost if the run is another worker's by now."""
    if outcome.refused:
        verbs.refuse(donor, run.year, outcome.refused[0])
    until = timezone.now() + CLAIM
    _update(
        run,
        claimed_until=until,
        after_donor=donor.pk,
        donors_done=F("donors_done") + 1,
        issued=F("issued") + len(outcome.issued),
        replaced=F("replaced") + len(outcome.replaced),
        voided=F("voided") + len(outcome.voided),
        refused=F("refused") + int(bool(outcome.refused)),
    )
    run.claimed_until, run.after_donor = until, donor.pk


def _settle(run: AnnualRun, **outcome: object) -> None:
    _update(run, claimed_until=None, **outcome)


def _update(run: AnnualRun, **changes: object) -> None:
    mine = AnnualRun.objects.filter(pk=run.pk, state=RunState.WORKING, claimed_until=run.claimed_until)
    if not mine.update(**changes):
        raise ClaimLost(run.uuid)


def _bring(donor: Donor, year: int) -> None:
    try:
        with transaction.atomic():
            outcome = verbs.issue_year(donor, year)
            if outcome.refused:
                verbs.refuse(donor, year, outcome.refused[0])
    except Exception as error:  # noted on the desk, tried again later
        logger.exception("donor %s keeps an old paper of %s", donor.uuid, year)
        verbs.refuse(donor, year, type(error).__name__)
