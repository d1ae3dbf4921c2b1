"""A secret partner is planted, lives through everything, and is looked for wherever words come out."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from fundraising import donations
from fundraising.books.manual_entries import Attachment
from fundraising.exports import kinds
from fundraising.models import (
    Entry,
    Evidence,
    Export,
    Partner,
    PartnerShown,
    Role,
    SpendingStep,
    StaffAction,
)
from fundraising.money import Money
from fundraising.roles import RIGHTS, May
from fundraising.spending import findings, partners, verbs
from fundraising.spending.partners import Details, PartnerRefused, Shown
from fundraising.spending.steps import SpendingRefused
from receipts.iati import work as iati
from tests import staff
from tests.desk.addresses import ALL, NAMES, filled
from tests.fundraising.spending.kits import AT, ON, SECRET, Spending, euros, give, make_spending

pytestmark = pytest.mark.django_db
# Words of the secret, none of which any page may hold. Letters only, so that no random token has them by chance.
WORDS = ("Quenzoborough", "quenzoborough@hidden.example", "Zvyrgat Bank", "Mirelandia", "quenzo_bills")


@pytest.fixture
def world(db: None, caplog: pytest.LogCaptureFixture) -> Iterator[Spending]:
    """A partner with a full life; what is logged meanwhile is kept and looked at too."""
    caplog.set_level(logging.DEBUG)
    found = make_spending(threshold=40_000)
    charge = give(found.kit, euros(100_000))
    details = Details(SECRET, WORDS[1], f"{WORDS[2]} 4711")
    partner = partners.add_partner(
        found.kit.entity,
        details,
        Shown(shown=PartnerShown.ALIAS, alias="Lighthouse", region="the south"),
        by=found.author,
    )
    told: dict[str, Any] = {"by": found.author, "on": ON, "text": f"For {SECRET} in {WORDS[3]}"}
    step = verbs.allocate(found.housing, euros(50_000), **told)
    verbs.approve(step, by=found.approver, decision=f"{SECRET} is fine")
    verbs.reject(
        verbs.allocate(found.legal, euros(45_000), **told), by=found.approver, decision=f"{SECRET} is not to be paid"
    )
    commitment = verbs.commit(found.housing, partner, euros(30_000), **told)
    tranche = verbs.disburse(commitment, found.bank, euros(20_000), **told)
    arrival = verbs.confirm_arrival(tranche, euros(20_000), **told)
    bills = Attachment(f"{WORDS[4]}.pdf", f"%PDF-1.7 {SECRET}".encode())
    verbs.report_spending(arrival, euros(10_000), evidence=Evidence.REDACTED, attachment=bills, **told)
    verbs.return_unspent(arrival, euros(5_000), bank_account=found.bank, **told)
    undone = verbs.disburse(commitment, found.bank, euros(1_000), **told)
    verbs.undo(undone, by=found.author, on=ON, text=f"{SECRET} was not there")
    with pytest.raises(SpendingRefused):
        verbs.disburse(commitment, found.bank, euros(10**9), **told)
    donations.charge_failed(charge_key=charge, at=AT)
    findings.check_funds()
    yield found
    assert_clean(caplog.text, "the log")


def assert_clean(text: str, where: str) -> None:
    low = text.casefold()
    assert [word for word in WORDS if word.casefold() in low] == [], where


def addresses(world: Spending) -> Iterator[tuple[str, str]]:
    """Every address of the desk, filled with what the secret partner took part in."""
    slug = world.kit.entity.slug
    nothing: dict[str, object] = {"int": 987_654_321, "str": "nothing", "slug": "nothing", "uuid": world.partner.uuid}
    steps = list(SpendingStep.objects.order_by("pk"))
    mine = Partner.objects.order_by("pk").last()
    assert mine
    known: dict[str, list[dict[str, object]]] = {
        "desk-appeal-spending": [{"appeal": world.kit.appeal.slug}],
        "desk-iati-appeal": [{"appeal": world.kit.appeal.slug}],
        "desk-iati-edit": [{"appeal": world.kit.appeal.slug}],
        "desk-partner": [{"uuid": mine.uuid}],
        "desk-partner-change": [{"uuid": mine.uuid}],
        "desk-partner-mask": [{"uuid": mine.uuid}],
        "desk-step": [{"uuid": step.uuid} for step in steps],
        "desk-step-evidence": [{"uuid": step.uuid} for step in steps],
        "desk-step-new": [{"appeal": world.kit.appeal.slug, "kind": "commitment"}],
        "desk-step-next": [{"uuid": step.uuid, "kind": "disbursement"} for step in steps],
        "desk-entry": [{"pk": pk} for pk in Entry.objects.values_list("pk", flat=True)],
    }
    for (route, _pattern), name in zip(ALL, NAMES, strict=True):
        for values in known.get(name, [{}]):
            yield name, filled(route, slug, nothing, values)
    for query in ("?q=Quenzoborough", "?q=Mirela"):
        yield "desk-search", reverse("desk-search", args=[slug]) + query


@pytest.mark.slow
@pytest.mark.parametrize("role", [role for role in Role if May.READ_PARTNERS not in RIGHTS[role]])
def test_who_may_not_read_partners_finds_them_on_no_page_of_the_desk(role: Role, world: Spending) -> None:
    client = staff.at_desk(role, world.kit.entity)
    answered = 0
    for name, address in addresses(world):
        answer: Any = client.get(address)
        if address.endswith(("Quenzoborough", "Mirela")):
            continue  # a search says what was typed
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert_clean(body.decode(errors="replace"), f"{name} for {role}")
        answered += 1
    assert answered > 80


def test_searching_for_a_partner_finds_nothing(world: Spending) -> None:
    client = staff.at_desk(Role.AUDITOR, world.kit.entity)
    html = client.get(reverse("desk-search", args=[world.kit.entity.slug]), {"q": "Mirela"}).content.decode()
    assert "Lighthouse" not in html
    assert "Quenzoborough" not in html


def test_no_export_names_a_partner_whoever_asks(world: Spending) -> None:
    looked = 0
    for kind in kinds.allowed(frozenset(May)):
        try:
            table = kind.make(world.kit.entity, {})
        except kinds.ExportRefused:
            continue
        text = " ".join(str(cell) for row in table.rows() for cell in row)
        assert_clean(text, kind.code)
        looked += 1
    assert looked > 10


def test_the_database_the_trail_and_the_words_of_objects_hold_no_partner(world: Spending) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT coalesce(string_agg(t::text, ' '), '') FROM {table} t")
            assert_clean(cursor.fetchone()[0], table)
    for one in (*Partner.objects.all(), *SpendingStep.objects.all(), *Export.objects.all()):
        assert_clean(f"{one} {one!r}", "words of an object")
    assert_clean(repr(Details(SECRET, SECRET, SECRET)), "details")
    assert_clean(str(list(StaffAction.objects.values())), "the trail")


def test_djangos_administration_knows_neither_partners_nor_steps() -> None:
    assert Partner not in admin.site._registry
    assert SpendingStep not in admin.site._registry


def test_no_public_page_names_a_partner(world: Spending) -> None:
    for page in world.kit.pages.values():
        assert_clean(Client().get(page.get_absolute_url()).content.decode(), page.slug)
    for address in ("/", "/api/v1/", "/robots.txt", "/sitemap.xml"):
        assert_clean(Client().get(address, follow=True).content.decode(errors="replace"), address)


def test_neither_the_iati_file_nor_what_leads_to_it_names_a_partner(world: Spending) -> None:
    iati.set_publisher(world.kit.entity, identifier="XM-DAC-4711", kind="22", by=world.author)
    activity = iati.prepare(world.kit.appeal, region="998", humanitarian=True, sectors={}, by=world.author)
    iati.ask(activity, by=world.author)
    iati.turn_on(activity, by=world.approver)
    desk = f"/desk/{world.kit.entity.slug}/iati/{world.kit.appeal.slug}/"
    assert_clean(staff.at_desk(Role.AUDITOR, world.kit.entity).post(f"{desk}preview.xml").content.decode(), "preview")
    for address in (f"/iati/{world.kit.appeal.slug}.xml", "/en/iati/", "/it/iati/"):
        answer = Client().get(address)
        assert answer.status_code == 200
        assert_clean(answer.content.decode(), address)
        assert "Lighthouse" not in answer.content.decode()


# --- What the public may see ---------------------------------------------------------------------------------


def test_the_alias_is_shown_after_the_delay_and_withheld_from_then_on_once_it_is_withheld(world: Spending) -> None:
    partner = Partner.objects.get(alias="Lighthouse")
    today = timezone.now().date()
    later = today + timedelta(days=partner.delay_days)
    assert partners.public_name(partner, today) == partners.public_name(partner, later - timedelta(days=1))
    assert "withheld" in partners.public_name(partner, today)
    assert (partners.public_name(partner, later), partners.public_region(partner, later)) == ("Lighthouse", "the south")
    details = Details(partner.real_name, partner.contact, partner.account)
    withheld = partners.change_partner(partner, details, Shown(alias="Lighthouse", region="the south"), by=world.author)
    assert "withheld" in partners.public_name(withheld, later)
    assert partners.public_region(withheld, later) == ""


def test_small_amounts_and_those_without_a_rate_are_not_shown_alone(world: Spending) -> None:
    partner = world.partner
    partner.least_shown_minor = 10_000
    assert not partners.is_large_enough(partner, euros(9_999))
    assert partners.is_large_enough(partner, euros(10_000))
    assert not partners.is_large_enough(partner, Money(10**9, "USD"))


def test_what_happened_is_public_only_after_the_delay(world: Spending) -> None:
    assert not partners.is_public(world.partner, date(2026, 1, 1), date(2026, 1, 30))
    assert partners.is_public(world.partner, date(2026, 1, 1), date(2026, 1, 31))


@pytest.mark.parametrize("alias", ["mirela", "The QUENZOBOROUGH house", f"{SECRET} e.V.", "Mírela's friends"])
def test_an_alias_that_tells_who_it_is_is_refused(alias: str, world: Spending) -> None:
    with pytest.raises(PartnerRefused, match="alias_tells"):
        partners.add_partner(
            world.kit.entity, Details(SECRET, "", ""), Shown(shown=PartnerShown.ALIAS, alias=alias), by=world.author
        )
