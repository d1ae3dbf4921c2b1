"""The desk's list of mandates: whose they are, what comes next and how the newest collection failed."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from fundraising import mandates
from fundraising.drafts import Regularly
from fundraising.models import Interval, LegalEntity, Mandate, MandateEnd, Role
from tests import factories, staff
from tests.desk.test_exports_of_pages import asked, link_on
from tests.factories import AppealKit

pytestmark = pytest.mark.django_db
START, NEXT = datetime(2026, 3, 1, 12, tzinfo=UTC), date(2026, 4, 1)


@pytest.fixture
def kit() -> AppealKit:
    return factories.make_appeal()


def begun(kit: AppealKit, last_name: str = "Lindqvist", interval: Interval = Interval.MONTH) -> Mandate:
    donation = factories.open_donation(kit, last_name=last_name, regularly=Regularly(interval=interval))
    assert donation.mandate
    mandates.start(donation.mandate.uuid, at=START, next_on=NEXT)
    return donation.mandate


def fail(mandate: Mandate, step: int, *, retry_on: date | None) -> None:
    at, about = START + timedelta(days=30 + step), f"in_1:{step}"
    mandates.failed(mandate.uuid, about=about, step=step, is_last=retry_on is None, code=f"reason_{step}", at=at)
    mandates.expect_retry(mandate.uuid, on=retry_on)


def shown(client: Client, entity: LegalEntity, query: str = "") -> list[str]:
    """The rows of the list, as text."""
    html = client.get(reverse("desk-mandates", args=[entity.slug]) + query).content.decode()
    rows = re.findall(r"(?s)<tr>(?!<th scope=.col).*?</tr>", html)
    return [re.sub(r"\s+", " ", re.sub(r"(?s)<[^>]*>", " ", row)).strip() for row in rows]


def test_a_line_tells_state_donor_amount_rhythm_next_day_and_the_newest_failure(kit: AppealKit) -> None:
    failing, calm = begun(kit), begun(kit, "Rossi", Interval.YEAR)
    fail(failing, 1, retry_on=date(2026, 4, 5))
    fail(failing, 2, retry_on=date(2026, 4, 9))
    newest, oldest = shown(staff.at_desk(Role.FINANCE, kit.entity), kit.entity)
    for words in (calm.reference, "active", "Rossi", "€50", "every year", "04/01/2026 –"):
        assert words in newest
    for words in (failing.reference, "failed", "Lindqvist", "every month", "reason 2", "tried again on 04/09/2026"):
        assert words in oldest
    assert "reason 1" not in oldest


def test_a_collection_that_is_not_tried_again_says_so_in_the_list_and_on_its_page(kit: AppealKit) -> None:
    mandate = begun(kit)
    fail(mandate, 4, retry_on=None)
    finance = staff.at_desk(Role.FINANCE, kit.entity)
    page = finance.get(reverse("desk-mandate", args=[kit.entity.slug, mandate.uuid])).content.decode()
    for text in (page, *shown(finance, kit.entity)):
        assert "that was the last attempt" in text
        assert "reason 4" in text


def test_the_list_and_its_export_are_narrowed_alike_and_nonsense_narrows_nothing(kit: AppealKit) -> None:
    monthly, yearly, over = begun(kit), begun(kit, "Rossi", Interval.YEAR), begun(kit, "Weber")
    mandates.ended(over.uuid, about="c", reason=MandateEnd.DONOR, wish="", at=START)
    finance = staff.at_desk(Role.FINANCE, kit.entity)
    for query, found in (
        ("", {monthly, yearly, over}),
        ("?state=active", {monthly, yearly}),
        ("?state=ended", {over}),
        ("?state=active&interval=year", {yearly}),
        ("?state=no-state&interval=week", {monthly, yearly, over}),
    ):
        references = {mandate.reference for mandate in found}
        assert {row.split()[0] for row in shown(finance, kit.entity, query)} == references, query
        rows = asked(finance, link_on(finance, kit, "desk-mandates", query))
        assert {row["Reference"] for row in rows} == references, query


def test_auditors_see_and_export_mandates_without_those_who_gave_them(kit: AppealKit) -> None:
    fail(begun(kit), 1, retry_on=date(2026, 4, 5))
    auditor = staff.at_desk(Role.AUDITOR, kit.entity)
    [row] = shown(auditor, kit.entity)
    assert "Lindqvist" not in row
    [exported] = asked(auditor, link_on(auditor, kit, "desk-mandates"))
    assert "Lindqvist" not in str(exported)
    assert (exported["Amount"], exported["Why it failed"], exported["Tried again on"]) == (
        "50.00", "reason_1", "2026-04-05",
    )  # fmt: skip
    refused = auditor.get(reverse("desk-export-new", args=[kit.entity.slug]) + "?kind=mandates-named")
    assert refused.status_code == 403
    finance = staff.at_desk(Role.FINANCE, kit.entity)
    [named] = asked(finance, link_on(finance, kit, "desk-mandates"))
    assert named["Donor"] == "Ada Lindqvist"


def test_another_legal_entitys_mandates_are_not_listed(kit: AppealKit) -> None:
    begun(kit)
    other = factories.make_appeal()
    mine = begun(other, "Rossi")
    [row] = shown(staff.at_desk(Role.FINANCE, other.entity), other.entity)
    assert mine.reference in row
