"""Every page of the desk, found by itself, over a desk with much of everything: few queries however much there is."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from html import unescape
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from fundraising.exports import work
from fundraising.models import Export
from tests import staff
from tests.desk import volume
from tests.desk.addresses import ALL, NAMES, filled
from tests.desk.volume import Full

pytestmark = pytest.mark.django_db
MOST_QUERIES = 20
LITTLE, MUCH = 3, 300
# What to ask for, where the page shows little without.
ASKED = {
    "desk-account": "?account=clearing:{account}&currency=EUR",
    "desk-search": "?q=zimt",
    "desk-breaks": "?state=all",
    "desk-drafts": "?state=all",
    "desk-bank-lines": "?state=all",
    "desk-export-new": "?kind=journal",
    "desk-papers-choose": "?regime=us_501c4",
}
# Where one is only led on from.
ELSEWHERE = {"desk", "desk-start"}


def objects(full: Full) -> dict[str, dict[str, object]]:
    """What each address names: by the address's name, the values of its parts."""
    return {
        "desk-account-number": {"purpose": "fees"},
        "desk-account-number with provider": {"purpose": "bank", "provider": full.bank.slug},
        "desk-break": {"uuid": full.found.uuid},
        "desk-bank-account": {"account": full.bank.slug},
        "desk-bank-columns": {"account": full.bank.slug},
        "desk-bank-import": {"account": full.bank.slug},
        "desk-bank-line": {"pk": full.line.pk},
        "desk-bank-lines": {"account": full.bank.slug},
        "desk-bounced": {"uuid": full.cheque.uuid},
        "desk-donation": {"uuid": full.donation.uuid},
        "desk-donor": {"uuid": full.donation.donor.uuid},
        "desk-erase": {"uuid": full.donation.donor.uuid},
        "desk-draft": {"uuid": full.draft.uuid},
        "desk-draft-voucher": {"uuid": full.draft.uuid},
        "desk-export-fetch": {"uuid": full.export.uuid},
        "desk-entry": {"pk": full.entry.pk},
        "desk-event": {"event_id": full.event.event_id},
        "desk-mandate": {"uuid": full.mandate.uuid},
        "desk-evidence": {"dispute_id": full.dispute.dispute_id},
        "desk-payout": {"payout_id": full.payout.payout_id},
        "desk-person": {"pk": full.boss.pk},
        "desk-appeal": {"appeal": full.kit.appeal.slug},
        "desk-appeal-spending": {"appeal": full.kit.appeal.slug},
        "desk-fund": {"pk": full.kit.appeal.fund_id},
        "desk-goal": {"appeal": full.kit.appeal.slug, "number": full.kit.round.number},
        "desk-round-new": {"appeal": full.kit.appeal.slug},
        "desk-partner": {"uuid": full.partner.uuid},
        "desk-partner-change": {"uuid": full.partner.uuid},
        "desk-partner-mask": {"uuid": full.partner.uuid},
        "desk-key": {"uuid": full.seal.key.uuid},
        "desk-key-new": {"uuid": full.partner.uuid},
        "desk-seal": {"uuid": full.seal.uuid},
        "desk-seal-new": {"appeal": full.kit.appeal.slug},
        "desk-seal-statement": {"uuid": full.seal.uuid},
        "desk-step": {"uuid": full.step.uuid},
        "desk-step-evidence": {"uuid": full.report.uuid},
        "desk-step-new": {"appeal": full.kit.appeal.slug, "kind": "commitment"},
        "desk-step-next": {"uuid": full.step.uuid, "kind": "disbursement"},
        "desk-report-begin": {"appeal": full.kit.appeal.slug},
        "desk-iati-appeal": {"appeal": full.kit.appeal.slug},
        "desk-iati-edit": {"appeal": full.kit.appeal.slug},
        "desk-specimen": {"regime": "us_501c4"},
        "desk-wordings": {"regime": "us_501c4"},
        "desk-upload": {"uuid": full.upload.uuid},
        "desk-gift-aid-claim": {"number": full.papers.claim.number},
        "desk-gift-aid-donor": {"uuid": full.donation.donor.uuid},
        "desk-gift-aid-file": {"number": full.papers.claim.number, "form": "csv"},
        "desk-papers-change": {"pk": full.papers.regime.pk},
        "desk-report": {"uuid": full.papers.report.uuid},
        "desk-report-edit": {"uuid": full.papers.report.uuid},
        "desk-returned": {"uuid": full.donation.uuid},
        "desk-sealed": {"number": full.papers.sealed.number},
        "desk-wording": {"regime": "nl", "slot": "anbi", "locale": "nl"},
        "desk-year": {"uuid": full.papers.run.uuid},
        "desk-receipt": {"number": full.receipt.number},
        "desk-record-line": {"pk": full.line.pk},
        "desk-refund": {"uuid": full.donation.uuid},
        "desk-statement": {"uuid": full.statement.uuid},
        "desk-statements": {"account": full.bank.slug},
    }


# Pages that need more than one of each to be there; their own tests look at them.
ELSEWHERE_TESTED = {"desk-report-edition", "desk-report-situation"}
NOTHING = {"int": 987_654_321, "str": "nothing", "slug": "nothing", "uuid": UUID(int=7)}


def pages(full: Full) -> Iterator[tuple[str, str]]:
    """Name and address of every page that can be read. What only takes a form answers 405, and is none."""
    known = objects(full)
    for (route, _pattern), name in zip(ALL, NAMES, strict=True):
        if name in ELSEWHERE_TESTED:
            continue
        values = known.get(f"{name} with provider" if "provider>" in route else name)
        address = filled(route, full.kit.entity.slug, NOTHING, values)
        yield name, address + ASKED.get(name, "").format(account=full.account.slug)


@pytest.fixture
def full() -> Full:
    return volume.begin()


def looked_at(client: Client, full: Full) -> dict[str, int]:
    """How many queries each page asks."""
    found, unseen = {}, []
    for name, address in pages(full):
        with CaptureQueriesContext(connection) as asked:
            answer = client.get(address)
        if answer.status_code == 405:
            continue
        if answer.status_code == 404:
            unseen.append(f"{address}: nothing is there. Say in objects() what {name} is to name.")
        elif answer.status_code != (302 if name in ELSEWHERE else 200):
            unseen.append(f"{address}: {answer.status_code}")
        told = [query["sql"] for query in asked if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))]
        found[f"{name} {address}"] = len(told)
    assert not unseen, "\n".join(unseen)
    return found


def test_every_page_asks_at_most_twenty_queries_and_no_more_of_them_when_there_is_much(full: Full) -> None:
    boss = staff.signed_in(full.boss)
    volume.add(full, LITTLE)
    little = looked_at(boss, full)
    volume.add(full, MUCH)
    much = looked_at(boss, full)
    assert len(much) > 40
    assert {name: asked for name, asked in much.items() if asked > MOST_QUERIES} == {}
    assert {name: (little[name], asked) for name, asked in much.items() if asked > little[name]} == {}


# --- Exports of what is on screen -------------------------------------------------------------------

# Rows of a page that sum up others or stand above them: by cause, what was held before the first, an entry's head.
SUMS = {"desk-trial-balance": 1, "desk-breaks": 20, "desk-suspense": 20, "desk-account": 1, "desk-journal": 50}
NOT_EXPORTED = {
    "desk-gift-aid-claim": "its schedule is its export",
    "desk-gift-aid-file": "an export itself",
    "desk-draft-new": "an empty form",
    "desk-exports": "a list of one's own files",
    "desk-bank-columns": "a sample of the file that is on one's own disk",
}


def exports_of(html: str) -> list[str]:
    """The addresses of the exports that a page offers."""
    return [unescape(found) for found in re.findall(r'href="([^"]*/exports/new/[^"]*)"', html)]


def exported(client: Client, address: str) -> list[list[str]]:
    """What comes of following the link and choosing CSV: the rows, without their heading."""
    form = client.get(address)
    assert form.status_code == 200, address
    shown = form.context["form"]
    if "csv" not in dict(shown.fields["format"].choices):
        return []  # the papers themselves, no table
    asked = {name: shown[name].value() or "" for name in shown.fields} | {"format": "csv"}
    answer = client.post(address, asked)
    if answer.status_code == 302:
        work.write_due()
        export = Export.objects.latest("pk")
        assert export.state == "ready", (address, export.error)
        answer = client.get(reverse("desk-export-fetch", args=[export.entity.slug, export.uuid]))
    assert answer.status_code == 200, address
    data = b"".join(answer).decode()  # a response is its pieces
    return list(csv.reader(io.StringIO(data, newline="")))[1:]


def rows_on(html: str) -> list[str]:
    """The rows of a page's tables, as text; those of the calendar are days, and in another table of the page."""
    html = re.sub(r'<td class="[^"]*bank-offers[^"]*">.*?</td>', "", html, flags=re.S)  # what a line may be: a guess
    tables = re.findall(r'<table class="desk-table[^"]*">(.*?)</table>', html, re.S)
    bodies = "".join("".join(re.findall(r"<tbody>(.*?)</tbody>", table, re.S)) for table in tables)
    return re.findall(r"<tr[ >].*?</tr>", bodies, re.S)


def ids_in(html: str) -> set[str]:
    """What names a row on the page and in its export alike: ids of Stripe's, numbers, references, words of mine."""
    text = unescape(re.sub(r"<[^>]+>", " ", html))
    return set(
        re.findall(
            r"\b(?:[a-z]{2,4}_\w+|(?:bank|txn|charge):\w+|X-\d+|(?:Pens|Zimt|thing|Month|Sender|Bank) \d+)", text
        )
    )


def missing(client: Client, name: str, html: str, rows: list[str]) -> list[str]:
    """What is wrong with a page's exports: there is none, or they lack rows of the page."""
    links = exports_of(html)
    if not links:
        return [f"{name} shows a table and offers no export. If it needs none, say why in NOT_EXPORTED."]
    written = [row for link in dict.fromkeys(links) for row in exported(client, link)]
    told = "\n".join(" ".join(row) for row in written)
    found = [f"{name}: {word} is not exported" for word in sorted(ids_in("".join(rows))) if word not in told]
    if len(written) < len(rows) - SUMS.get(name, 0):
        found.append(f"{name}: {len(written)} rows exported of {len(rows)}")
    return found


def test_every_page_with_a_table_offers_an_export_of_its_rows(full: Full) -> None:
    volume.add(full, 4)
    boss = staff.signed_in(full.boss)
    wrong, with_tables = [], 0
    for name, address in pages(full):
        answer = boss.get(address)
        if answer.status_code != 200 or not answer.get("Content-Type", "").startswith("text/html"):
            continue
        html = answer.content.decode()
        rows = rows_on(html)
        if rows and name not in NOT_EXPORTED:
            with_tables += 1
            wrong += missing(boss, name, html, rows)
    assert wrong == []
    assert with_tables > 25
