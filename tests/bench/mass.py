"""Receipts by the ten thousand, end to end in one worker, against WeasyPrint alone in the same process.

End to end: what is due is looked up, locked and composed; numbered, frozen, printed, hashed, sealed and stored, with
the mail queued. Counted by the worker's own processor time, because other work shares the cores; the time of its
database process and the clock are told beside it.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from datetime import timedelta

from django.utils import timezone

from fundraising.ledger import Bucket
from fundraising.models import Donation, DonationState, Donor, Purpose
from tests import factories
from tests.bench import place
from tests.bench.ledger import execute
from tests.bench.results import Result

RECEIPTS = int(os.environ.get("BENCH_RECEIPTS", "20000"))
FIRST = ["Ada", "Grace", "Niccolò", "Hedy", "Zoë", "Emmy", "José", "Lise", "Anna Maria", "Bo", "J. R.", "François"]
LAST = ["Rossi", "Hopper", "Lamarr", "Noether", "D’Angelo", "Müller-Lüdenscheidt", "Li", "Ferrari Bianchi", "O’Brien"]
MORE = ["", " Conti", " Smith", " Weiss", " de la Cruz", " Ahlström", " Kowalczyk"]
COUNTRIES = ["IT", "DE", "FR", "US", "GB", "ES", "CH"]
PER_SECOND, TIMES_PLAIN, MEGABYTES, GROWTH = 300, 20, 200, 1.05


def measure() -> list[Result]:
    fill(RECEIPTS)
    told = json.loads(
        subprocess.run(
            [place.PYTHON, "-m", "tests.bench.issuer", str(RECEIPTS)], check=True, capture_output=True, text=True
        ).stdout.splitlines()[-1]
    )
    rate, plain = told["issued"] / told["cpu"], 1 / told["plain"]
    resident = {int(count): size / 2**20 for count, size in told["resident"].items()}
    early = resident[min(count for count in resident if count >= told["issued"] / 10)]
    last = resident[max(resident)]
    share = told["count"].get("stamped", 0) / told["issued"]
    note = (
        f"{told['issued']:,} receipts, {share:.1%} stamped, {told['count']}; by the clock {told['clock']:.0f} s; "
        f"the database's process took {told['database'] / told['issued'] * 1000:.2f} ms a receipt besides"
    )
    curve = ", ".join(f"{size:.0f} MB at {count:,}" for count, size in resident.items())
    return [
        Result("receipts, mass: end to end a second and core", f"{rate:.0f}/s", f"{PER_SECOND}/s", rate, PER_SECOND,
               note=note),
        Result("receipts, mass: end to end to WeasyPrint alone", f"{rate:.0f}/s", f"{plain:.1f}/s", rate / plain,
               TIMES_PLAIN, note="the page only, fonts and style sheet parsed once, same process"),
        Result("receipts, mass: stamping alone to WeasyPrint", f"{1 / told['print']:.0f}/s", f"{plain:.1f}/s",
               told["plain"] / told["print"], None, note="the page from HTML to PDF, warm"),
        Result("receipts, mass: memory of the worker", f"{last:.0f} MB", f"{MEGABYTES} MB", last, MEGABYTES,
               ceiling=True, note=curve),
        Result("receipts, mass: memory at the end to that at a tenth", f"{last:.0f} MB", f"{early:.0f} MB",
               last / early, GROWTH, ceiling=True),
    ]  # fmt: skip


def fill(count: int) -> None:
    """Received donations of many names, amounts and days, with their charges in the ledger."""
    kit = factories.make_appeal()
    names = itertools.cycle(itertools.product(FIRST, LAST, MORE))
    locales = itertools.cycle(["en", "en", "it"])
    donors = [
        Donor(
            entity=kit.entity, email=f"donor-{number}@example.org", email_index=f"bench-{number}",
            identity_index=f"bench-{number}", first_name=first, last_name=last + more,
            country=COUNTRIES[number % len(COUNTRIES)], locale=locale,
        )
        for number, (first, last, more), locale in zip(range(count), names, locales, strict=False)
    ]  # fmt: skip
    Donor.objects.bulk_create(donors, batch_size=2000)
    now = timezone.now()
    Donation.objects.bulk_create(
        [
            Donation(
                entity=kit.entity, donor=donor, page=kit.pages[donor.locale], round=kit.round, fund=kit.appeal.fund,
                wording=kit.wordings[donor.locale], locale=donor.locale, currency="EUR",
                amount_minor=[5000, 2500, 10000, 1700 + number % 5000][number % 4], submission=f"bench-{number}",
                state=DonationState.RECEIVED, received_at=now - timedelta(seconds=number * 60),
            )
            for number, donor in enumerate(donors)
        ],
        batch_size=2000,
    )  # fmt: skip
    clearing = Bucket(kit.entity.pk, Purpose.CLEARING, "EUR", provider="bench-mass")
    income = Bucket(kit.entity.pk, Purpose.DONATIONS, "EUR", fund=kit.appeal.fund_id, round=kit.round.pk)
    ids = factories.account_ids(clearing, income)
    execute("SET session_replication_role = replica")
    execute(
        """
        WITH charged AS (
            INSERT INTO fundraising_entry (key, entity_id, donation_id, occurred_at, accounted_on, booked_at)
            SELECT 'charge:bench-mass-' || id, entity_id, id, received_at, received_at::date, received_at
            FROM fundraising_donation WHERE submission LIKE 'bench-%%' RETURNING id, donation_id
        )
        INSERT INTO fundraising_posting (entry_id, account_id, currency, amount_minor)
        SELECT charged.id, leg.account, 'EUR', leg.sign * donation.amount_minor
        FROM charged JOIN fundraising_donation donation ON donation.id = charged.donation_id
        CROSS JOIN LATERAL (VALUES (%s, 1), (%s, -1)) leg (account, sign)
        """,
        ids[clearing],
        ids[income],
    )
    execute("SET session_replication_role = DEFAULT")
    execute("VACUUM (ANALYZE)")
