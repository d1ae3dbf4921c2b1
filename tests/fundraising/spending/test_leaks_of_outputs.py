"""A secret partner lives a full life in the open; then every output of the service is searched, each by itself."""

from __future__ import annotations

import io
import logging
import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery.app.task import Task
from django.conf import settings
from django.contrib import admin
from django.core import mail
from django.core.cache import cache, caches
from django.test import Client
from django.urls import reverse

from fundraising import live
from fundraising.models import (
    CampaignUpdate,
    Donation,
    Evidence,
    Fund,
    Partner,
    PartnerShown,
    Role,
    Seal,
    SpendingStep,
    StepKind,
)
from fundraising.money import Money
from fundraising.seals import verbs as seals
from fundraising.spending import masking, partners, verbs
from fundraising.spending.partners import Details, Shown
from payments.models import StripeAccount
from receipts.iati import work as iati
from receipts.mail import delivery
from receipts.models import Receipt
from receipts.reports import masking as reports_masking
from receipts.reports import tasks, work
from tests import factories, public_addresses, staff
from tests.fundraising.seals.kits import Pair, Sealing
from tests.fundraising.spending.kits import AT, euros, give, make_spending
from tests.live.conftest import live_process
from tests.receipts.reading import text_of_pdf
from tests.receipts.test_reports import TODAY

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
# Long words only, of letters, so that chance writes none of them.
SECRETS = ("Quenzoborough", "quenzoborough@hidden.example", "Zvyrgat Savings Bank", "Mirelandia", "quenzo_bills")
ALIAS, REGION = "Thimblewick Cooperative", "Lower Brackenmoor"
PUBLIC = ("Thimblewick", "Brackenmoor")
# Pages that belong to one donor by a key: there is no such thing here, and they are searched as they answer then.
OF_DONORS = re.compile(r"\w+(?:-\w+)?/(m|details|gift-aid|papers)/|receipt/(paper|of)/|demo/|webhooks/")


class World:
    """An appeal whose money went through a secret partner, and everything that was published of it."""

    def __init__(self) -> None:
        self.spending = spending = make_spending(threshold=10**9)
        details = Details("Mirela Quenzoborough", SECRETS[1], f"{SECRETS[2]} 4711")
        shown = Shown(shown=PartnerShown.ALIAS, alias=ALIAS, region=REGION, delay_days=0)
        self.partner = partners.add_partner(spending.kit.entity, details, shown, by=spending.author)
        others = [self._other(alias) for alias in ("Harbour Friends", "Meadow Friends")]
        give(spending.kit, euros(900_000), fee=9_000)
        for partner, minor in ((self.partner, 90_000), (others[0], 60_000), (others[1], 70_000)):
            self._pay(partner, euros(minor))
        self.seal = self._sealed()
        self._published_to_iati()
        campaign = spending.kit.appeal.campaign
        for locale in ("en", "it"):
            CampaignUpdate.objects.create(
                campaign=campaign, locale=locale, title="News", body=f"From {ALIAS}: all well."
            )
        notes = {"en": f"Thanks to {ALIAS}.", "it": "Grazie."}
        report = work.draft(
            spending.kit.appeal, first=AT.date(), last=TODAY(), next_on=None, notes=notes, by=spending.author
        )
        work.ask(report, by=spending.author)
        tasks.make_due()
        report.refresh_from_db()
        assert report.revision == 1, report.error

    def _other(self, alias: str) -> Partner:
        shown = Shown(shown=PartnerShown.ALIAS, alias=alias, region="far away", delay_days=0)
        details = Details("Mirela Quenzoborough the Second", "", "")
        return partners.add_partner(self.spending.kit.entity, details, shown, by=self.spending.author)

    def _sealed(self) -> Seal:
        kit, pair = self.spending.kit, Pair()
        keeper, author, approver = (staff.make_person(Role.APPROVER, entity=kit.entity) for _person in range(3))
        key = seals.add_key(self.partner, pair.public, at="https://partner.example/keys", by=keeper)
        sealing = Sealing(kit, self.partner, pair, key, keeper, author, approver)
        return sealing.published(valid_from=TODAY(), valid_until=TODAY() + timedelta(days=100))

    def _published_to_iati(self) -> None:
        spending = self.spending
        iati.set_publisher(spending.kit.entity, identifier="XM-DAC-4711", kind="22", by=spending.author)
        sectors = {"housing": "72010", "legal": "15130"}
        activity = iati.prepare(
            spending.kit.appeal, region="289", humanitarian=True, sectors=sectors, by=spending.author
        )
        iati.ask(activity, by=spending.author)
        iati.turn_on(activity, by=spending.approver)

    def _pay(self, partner: Partner, money: Money) -> None:
        told: dict[str, Any] = {"by": self.spending.author, "on": TODAY(), "text": f"For Quenzoborough in {SECRETS[3]}"}
        verbs.allocate(self.spending.housing, money, **told)
        commitment = verbs.commit(self.spending.housing, partner, money, **told)
        tranche = verbs.disburse(commitment, self.spending.bank, money, **told)
        arrival = verbs.confirm_arrival(tranche, money, **told)
        half = Money(money.minor // 2, money.currency)
        verbs.report_spending(arrival, half, evidence=Evidence.CONFIRMED, **told)

    def values(self) -> dict[str, list[object]]:
        """What stands for each part of an address. A new kind of part needs a value here."""
        kit = self.spending.kit
        donation = Donation.objects.filter(fund=self.spending.fund).latest("pk")
        nothing = "nothing-of-this-name"
        return {
            "c/slug": [kit.campaign.slug],
            "a/slug": [page.slug for page in kit.pages.values()],
            "campaigns/slug": [kit.campaign.slug],
            "appeals/slug": [kit.appeal.slug, *(page.slug for page in kit.pages.values())],
            "totals/uuid": [kit.appeal.uuid],
            "uuid": [donation.uuid],
            "seal/uuid": [self.seal.uuid],
            "part": ["statement", "key", "signature"],
            "appeal": [kit.appeal.slug],
            "donation_uuid": [donation.uuid],
            "account": [StripeAccount.objects.values_list("slug", flat=True).first() or nothing],
            "slug": [kit.appeal.slug, *(page.slug for page in kit.pages.values())],
            "revision": [1],
            "form": ["pdf", "csv", "xlsx", "json", "xml"],
            "number": [Receipt.objects.values_list("number", flat=True).first() or nothing],
            "token": [nothing],
            "mail_id": [nothing],
            "index": [0],
        }


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What tasks were asked to do, in words."""
    found: list[str] = []

    def asked(self: Any, args: object = None, kwargs: object = None, **options: object) -> None:
        found.append(f"{self.name} {args!r} {kwargs!r} {options!r}")

    monkeypatch.setattr(Task, "apply_async", asked)
    cache.clear()
    caches["pages"].clear()
    return found


@pytest.fixture
def world(calls: list[str], caplog: pytest.LogCaptureFixture) -> Iterator[World]:
    """The log of its whole life is searched in the end, whatever else a test looks at."""
    caplog.set_level(logging.DEBUG)
    yield World()
    assert_without(caplog.text, SECRETS, "the log")
    assert_without(" ".join(calls), (*SECRETS, *PUBLIC), "what tasks are asked")


def assert_without(text: str, words: tuple[str, ...], where: str) -> None:
    low = text.casefold()
    assert [word for word in words if word.casefold() in low] == [], where


def opened(content: bytes) -> str:
    """All that an answer holds: as it is, and what is packed inside a PDF or an archive."""
    found = [content.decode(errors="replace")]
    if content.startswith(b"%PDF"):
        found.append(text_of_pdf(content))
        for stream in re.finditer(rb"stream\r?\n(.*?)endstream", content, re.DOTALL):
            inflate = zlib.decompressobj()
            try:
                found.append(inflate.decompress(stream[1]).decode(errors="replace"))
            except zlib.error:
                continue  # a picture or a font; searched as it is
    elif content.startswith(b"PK"):
        book = zipfile.ZipFile(io.BytesIO(content))
        found += [book.read(name).decode(errors="replace") for name in book.namelist()]
    return "\n".join(found)


def walked(world: World) -> Iterator[tuple[str, int, str]]:
    """Every public address with its status and what it answers."""
    client = Client(raise_request_exception=False)
    for route, address in public_addresses.addresses(world.values()):
        answer: Any = client.get(address, follow=True)
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        headers = " ".join(f"{name}: {value}" for name, value in answer.headers.items())
        yield route, answer.status_code, f"{address} {headers} {opened(content)}"
    for address in ("/robots.txt", "/sitemap.xml", "/favicon.ico", "/no-such-page/", "/en/a/no-such-appeal/"):
        yield address, 0, Client().get(address, follow=True).content.decode(errors="replace")


def test_no_public_address_in_any_language_says_who_a_partner_is_and_the_alias_is_found_where_it_may_be(
    world: World,
) -> None:
    answered: dict[str, set[int]] = {}
    with_alias = set()
    for route, status, text in walked(world):
        assert_without(text, SECRETS, route)
        answered.setdefault(route, set()).add(status)
        if PUBLIC[0] in text:
            with_alias.add(route)
    assert "en/a/<slug:slug>/reports/<int:revision>/" in with_alias  # so it is looked for in the right places
    assert {"en/c/<slug:slug>/", "en/a/<slug:slug>/seal/"} <= with_alias
    empty = [
        route
        for route, statuses in answered.items()
        if statuses == {404} and route.startswith(("en/", "api/", "receipt/", "iati/")) and not OF_DONORS.match(route)
        and route != "receipt/<str:number>"
    ]  # fmt: skip
    assert empty == [], "no value of these opens anything: add one to World.values"


def test_masked_later_the_alias_is_found_at_no_public_address_neither_before_nor_after_it_is_issued_again(
    world: World,
) -> None:
    shown = Shown(alias=ALIAS, region=REGION, delay_days=0)
    masking.mask(world.partner, shown, by=world.spending.author, reason="Arrests in the region")
    for route, _status, text in walked(world):
        assert_without(text, (*SECRETS, *PUBLIC), f"{route}, before")
    assert reports_masking.mask_due() == 1
    statuses = set()
    for route, status, text in walked(world):
        assert_without(text, (*SECRETS, *PUBLIC), f"{route}, after")
        if "report.<" in route:
            statuses.add(status)
    assert statuses == {200, 404}


def test_live_totals_say_nothing_of_partners(world: World) -> None:
    key = str(world.spending.kit.appeal.uuid)
    found = live.read_totals([key])
    assert key in found
    assert_without(repr(found), (*SECRETS, *PUBLIC), "live totals")


def test_the_live_stream_says_nothing_of_partners_not_even_of_one_who_just_gave_money_back(
    world: World, database_url: str, tmp_path: Path
) -> None:
    """Read from a real live process, byte by byte: its head, its first event, and the one that a donation brings."""
    spending = world.spending
    with live_process(tmp_path) as process:
        stream = process.watch(spending.kit.appeal.uuid)
        heard = [stream.headers, vars(stream.named("totals"))]
        told: dict[str, Any] = {"by": spending.author, "on": TODAY(), "text": f"Back from Quenzoborough, {SECRETS[3]}"}
        arrival = SpendingStep.objects.filter(partner=world.partner, kind=StepKind.ARRIVAL).latest("pk")
        verbs.return_unspent(arrival, euros(5_000), bank_account=spending.bank, **told)
        give(spending.kit, euros(5_000))
        heard.append(vars(stream.named("totals")))
        answer = process.ask(spending.kit.appeal.uuid)
        heard.append({**answer.headers, "body": answer.text})
        assert str(spending.kit.appeal.uuid) in repr(heard)
        assert_without(repr(heard), (*SECRETS, *PUBLIC), "the live stream and its JSON")
    assert_without(process.log.read_text(), SECRETS, "the live process's log")


def test_an_error_while_sealed_details_are_open_tells_nothing_of_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page fails with the details among its variables: the answer, the log and the mail to the makers are clean."""
    monkeypatch.setattr(settings, "ADMINS", [("Makers", "makers@example.org")])

    def broken(*_args: object, **_more: object) -> None:
        raise RuntimeError("The page cannot be made")

    monkeypatch.setattr("fundraising.desk.partner_pages.render", broken)
    client = staff.at_desk(Role.FINANCE, world.spending.kit.entity)
    client.raise_request_exception = False
    answer = client.get(reverse("desk-partner", args=[world.spending.kit.entity.slug, world.partner.uuid]))
    assert answer.status_code == 500
    assert_without(answer.content.decode(), (*SECRETS, *PUBLIC), "the page of an error")
    for message in mail.outbox:
        assert_without(str(message.message()), SECRETS, "the mail of an error")


def test_who_may_not_gets_a_page_that_says_nothing(world: World) -> None:
    client = staff.at_desk(Role.AUDITOR, world.spending.kit.entity)
    for name in ("desk-partner-change", "desk-partner-mask"):
        answer = client.get(reverse(name, args=[world.spending.kit.entity.slug, world.partner.uuid]))
        assert answer.status_code == 403
        assert_without(answer.content.decode(), (*SECRETS, *PUBLIC), name)


def test_mails_name_no_partner(world: World) -> None:
    factories.received_donation(world.spending.kit, amount=euros(5_000))
    delivery.send_due()
    for message in mail.outbox:
        assert_without(str(message.message()), (*SECRETS, *PUBLIC), str(message.subject))


def test_lists_and_forms_of_djangos_administration_name_no_partner(world: World) -> None:
    client = staff.everywhere("superuser")
    assert Fund.objects.exists()
    for model, registered in admin.site._registry.items():
        stem = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert_without(
            client.get(reverse(f"{stem}_changelist"), follow=True).content.decode(), SECRETS, f"{stem}_changelist"
        )
        del registered
        for row in model._default_manager.order_by("-pk")[:3]:
            page = client.get(reverse(f"{stem}_change", args=[row.pk]), follow=True)
            assert_without(page.content.decode(), SECRETS, f"{stem}_change")


def test_a_new_kind_of_address_fails_until_somebody_says_how_to_fill_it(world: World) -> None:
    known = {name: value for name, value in world.values().items() if name not in {"revision"}}
    with pytest.raises(public_addresses.CannotFill, match="revision"):
        list(public_addresses.addresses(known))
