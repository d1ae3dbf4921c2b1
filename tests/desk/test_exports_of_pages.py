"""Exports of pages: names only for those who may see them, and no word of a search where it could be read later."""

from __future__ import annotations

import csv
import io
from urllib.parse import parse_qs, urlparse

import pytest
from django.test import Client
from django.urls import reverse

from fundraising import breaks
from fundraising.exports import work
from fundraising.models import BankAccount, BankLine, Cause, Export, Role, StaffAction
from fundraising.money import Money
from fundraising.roles import May
from fundraising.vault import blind_words
from tests import factories, staff
from tests.desk.test_every_page import exports_of
from tests.factories import AppealKit

pytestmark = pytest.mark.django_db


@pytest.fixture
def kit() -> AppealKit:
    kit = factories.make_appeal()
    factories.received_donation(kit, last_name="Lindqvist", email="bo@example.org")
    bank = BankAccount.objects.create(entity=kit.entity, slug="our-bank", name="Our bank", iban="DE02", currency="EUR")
    BankLine.objects.create(
        bank_account=bank, content="0" * 64, booked_on="2026-03-05", amount_minor=500, unexplained_minor=500,
        name="Bo Lindqvist", reference="for the boats", words=blind_words("Bo Lindqvist", "for the boats"),
    )  # fmt: skip
    return kit


def link_on(client: Client, kit: AppealKit, name: str, query: str = "", **parts: object) -> str:
    """Where the page's first export is asked for."""
    address = reverse(name, kwargs={"entity": kit.entity.slug, **parts})
    return exports_of(client.get(address + query).content.decode())[0]


def asked(client: Client, link: str) -> list[dict[str, str]]:
    """The rows as CSV, by way of a worker where one writes it."""
    filters = {name: values[0] for name, values in parse_qs(urlparse(link).query).items()}
    answer = client.post(link, {**filters, "format": "csv"})
    if answer.status_code == 302:
        work.write_due()
        export = Export.objects.latest("pk")
        answer = client.get(reverse("desk-export-fetch", args=[export.entity.slug, export.uuid]))
    data = b"".join(answer).decode()  # a response is its pieces
    return list(csv.DictReader(io.StringIO(data, newline="")))


def test_bank_lines_go_out_with_names_only_to_those_who_may_see_donors(kit: AppealKit) -> None:
    finance, auditor = staff.at_desk(Role.FINANCE, kit.entity), staff.at_desk(Role.AUDITOR, kit.entity)
    [row] = asked(finance, link_on(finance, kit, "desk-bank-lines", account="our-bank"))
    assert (row["Amount"], row["From or to"], row["What it is for"]) == ("5.00", "Bo Lindqvist", "for the boats")
    assert Export.objects.get().kind == "bank-lines-named"  # by a worker: it is personal
    [row] = asked(auditor, link_on(auditor, kit, "desk-bank-lines", account="our-bank"))
    assert row["Amount"] == "5.00"
    assert "Lindqvist" not in str(row)
    refused = auditor.get(reverse("desk-export-new", args=[kit.entity.slug]) + "?kind=bank-lines-named")
    assert refused.status_code == 403


def test_lines_that_words_and_days_leave_out_of_the_page_are_left_out_of_its_export(kit: AppealKit) -> None:
    finance = staff.at_desk(Role.FINANCE, kit.entity)
    for query, count in (
        ("?q=boats", 1),
        ("?q=ships", 0),
        ("?first=2026-03-06", 0),
        ("?amount=5", 1),
        ("?amount=6", 0),
    ):
        rows = asked(finance, link_on(finance, kit, "desk-bank-lines", query, account="our-bank"))
        assert len(rows) == count, query


def test_the_words_of_a_search_are_sealed_until_they_are_used_and_never_in_the_trail(kit: AppealKit) -> None:
    finance = staff.at_desk(Role.FINANCE, kit.entity)
    rows = asked(finance, link_on(finance, kit, "desk-search", "?q=lindqvist"))
    assert [row["Donor, from or to"] for row in rows if row["What"] == "Donation"] == ["Ada Lindqvist"]
    assert "lindqvist" not in str(Export.objects.get().filters).casefold()
    told = [(action.about, action.before, action.after, action.reason) for action in StaffAction.objects.all()]
    assert "lindqvist" not in str(told).casefold()


def test_an_auditor_exports_what_a_search_found_without_donors(kit: AppealKit) -> None:
    auditor = staff.at_desk(Role.AUDITOR, kit.entity)
    rows = asked(auditor, link_on(auditor, kit, "desk-search", "?q=50"))
    assert [row["Amount"] for row in rows if row["What"] == "Donation"] == ["50.00"]
    assert "Lindqvist" not in str(rows)
    assert Export.objects.count() == 0  # names nobody: written at once


def test_breaks_go_out_as_their_page_filters_them(kit: AppealKit) -> None:
    finance = staff.at_desk(Role.FINANCE, kit.entity)
    for subject, cause in (("ch_1", Cause.CHARGE_MISSING), ("txn_1", Cause.FEE_DIFFERS)):
        finding = breaks.Finding(cause, subject, Money(500, "EUR"), kit.round.opens_at.date())
        breaks.note_findings(kit.entity.pk, [cause], [finding])
    rows = asked(finance, link_on(finance, kit, "desk-breaks", "?cause=fee_differs"))
    assert [row["What"] for row in rows] == ["txn_1"]
    assert len(asked(finance, link_on(finance, kit, "desk-breaks"))) == 2
    assert asked(finance, link_on(finance, kit, "desk-breaks", "?owner=me")) == []


def test_what_is_summed_of_breaks_is_the_same_on_the_morning_page_and_on_their_own(kit: AppealKit) -> None:
    finance = staff.at_desk(Role.FINANCE, kit.entity)
    found = [
        breaks.Finding(Cause.FEE_DIFFERS, f"txn_{minor}", Money(minor, "EUR"), kit.round.opens_at.date())
        for minor in (7_500, -450)
    ]
    breaks.note_findings(kit.entity.pk, [Cause.FEE_DIFFERS], found)
    for name in ("desk-morning", "desk-breaks"):
        page = finance.get(reverse(name, args=[kit.entity.slug])).content.decode()
        assert "€70.50" in page, name
        assert "€79.50" not in page, name
    rows = asked(finance, link_on(finance, kit, "desk-morning"))
    assert [row["Amount"] for row in rows if row["Section"] == "Open breaks"] == ["70.50"]


def test_administrators_export_the_staff_and_the_trail_and_nothing_of_books_or_donors(kit: AppealKit) -> None:
    admin = staff.at_desk(Role.ADMIN, kit.entity)
    rows = asked(admin, link_on(admin, kit, "desk-staff"))
    assert [row["Roles here"] for row in rows] == ["administrator"]
    listed = admin.get(reverse("desk-exports", args=[kit.entity.slug])).context["kinds"]
    assert {"staff", "trail"} <= {kind.code for kind in listed}
    assert not [kind.code for kind in listed if kind.needs & {May.READ_BOOKS, May.READ_DONORS}]
