"""What the demo shows at the desk beside six weeks of donations: mandates in their states, transfers that are awaited,
a mail that came back and a receipt that could not be issued. Seeded once for all tests of this file.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from config import runner
from config.demo import donors, post
from config.processes import Group, free_port
from fundraising import offline
from fundraising.models import (
    Donation,
    DonationState,
    Donor,
    Interval,
    LegalEntity,
    Mandate,
    MandateEnd,
    MandateState,
    NoticeKind,
    Role,
)
from receipts import pdf, receipts, tasks
from receipts.mail import delivery
from receipts.models import MailState, OutgoingMail, Refusal
from receipts.regimes import Problem
from tests import databases, staff

pytestmark = [pytest.mark.slow, pytest.mark.services]


@pytest.fixture(scope="module")
def lantern(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    processes: Group,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LegalEntity]:
    """The demo with its history, in a sandbox of its own."""
    place, port = tmp_path_factory.mktemp("demo"), free_port()
    file = place / "sandbox.sqlite3"
    processes.start(runner.sandbox(port, env={"SANDBOX_STATE": str(file)}))
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setattr(settings, "STRIPE_API_BASE", runner.address(port))
        patch.setattr(settings, "STATE_DIR", place)
        patch.setenv("SANDBOX_STATE", str(file))
        seed()
        cache.clear()
        yield LegalEntity.objects.get(slug="lantern")
        databases.empty()


def seed() -> None:
    call_command("seed_demo", "--history", "--empty", stdout=io.StringIO())


@pytest.fixture
def finance(lantern: LegalEntity) -> Client:
    return staff.at_desk(Role.FINANCE, lantern)


def page(client: Client, path: str) -> str:
    answer = client.get(f"/desk/lantern/{path}")
    assert answer.status_code == 200, path
    return answer.content.decode()


def mandate_in(state: MandateState) -> Mandate:
    return Mandate.objects.filter(state=state).order_by("pk")[0]


def states_of(mandate: Mandate) -> list[str]:
    """Of its collections, in their order."""
    return list(mandate.donations.order_by("opened_at").values_list("state", flat=True))


def test_mandates_are_active_paused_failing_and_ended_and_each_has_its_page(finance: Client) -> None:
    mandates = Mandate.objects.all()
    assert {one.state for one in mandates} == {"active", "paused", "failing", "ended"}
    assert mandates.filter(interval=Interval.YEAR, state=MandateState.ACTIVE).count() == 1
    for mandate in mandates:
        assert mandate.reference in page(finance, f"mandates/{mandate.uuid}/")


def test_an_active_mandate_has_been_collected_more_than_once_and_the_donor_gives_more_now(lantern: LegalEntity) -> None:
    mandate = mandate_in(MandateState.ACTIVE)
    assert states_of(mandate) == [DonationState.RECEIVED] * 2
    assert mandate.amount_minor > mandate.donations.latest("opened_at").amount_minor
    assert mandate.next_on
    assert mandate.next_on > timezone.now().date()


def test_a_mandate_whose_last_collection_failed_is_in_dunning(lantern: LegalEntity) -> None:
    mandate = mandate_in(MandateState.FAILING)
    assert states_of(mandate) == [DonationState.RECEIVED, DonationState.OPENED]
    told = mandate.notices.filter(kind=NoticeKind.MANDATE_FAILED)  # after a short month it was tried again already
    assert told
    assert not any(one.is_last for one in told)


def test_a_paused_mandate_says_until_when_and_an_ended_one_why(lantern: LegalEntity) -> None:
    paused, ended = mandate_in(MandateState.PAUSED), mandate_in(MandateState.ENDED)
    assert paused.paused_until
    asked_on = paused.paused_until - donors.PAUSED_FOR
    assert timezone.now().date() - asked_on in {timedelta(0), timedelta(days=1)}  # midnight may have come since
    assert (ended.end_reason, ended.end_wish) == (MandateEnd.DONOR, "money")


def test_two_bank_transfers_are_awaited_and_one_of_them_for_more_than_a_month(
    finance: Client, lantern: LegalEntity
) -> None:
    newer, older = offline.awaited(lantern)
    assert older.opened_at < timezone.now() - timedelta(days=31)
    shown = page(finance, "awaited/")
    for donation in (newer, older):
        assert donation.transfer_reference
        assert donation.reference in shown


def test_a_mail_comes_back_and_the_morning_page_tells_of_it(
    finance: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(settings, "EMAIL_BACKEND", "config.demo.post.EmailBackend")
    monkeypatch.setattr(settings, "EMAIL_FILE_PATH", str(tmp_path), raising=False)
    receipt = receipts.issue_receipt(given_by(post.GONE))
    delivery.send_due()
    assert OutgoingMail.objects.get(receipt=receipt).state == MailState.BOUNCED
    assert "1 mail could not be delivered" in page(finance, "")


def test_a_receipt_cannot_be_issued_and_the_desk_says_why(finance: Client) -> None:
    donation = Donation.objects.get(donor__country="IN")
    if has_font_for(donation.donor.last_name):
        pytest.skip("this machine has a font with the letters of the Toto")
    tasks._try(donation, receipts.issue_if_free, donation)
    assert Refusal.objects.get(donation=donation).code == Problem.NO_FONT
    assert "1 receipt could not be issued" in page(finance, "")
    assert "No font of the server" in page(finance, "failed/")
    assert "No font of the server" in page(finance, f"donations/{donation.uuid}/")


def has_font_for(text: str) -> bool:
    try:
        pdf.to_pdf(f"<html lang=en><title>t</title><p>{text}</p>", identifier="t")
    except pdf.NoFont:
        return False
    return True


def given_by(domain: str) -> Donation:
    """The donation of the donor whose address is there; addresses are sealed, so each is read."""
    [donor] = [one for one in Donor.objects.all() if one.email.endswith(f"@{domain}")]
    return Donation.objects.get(donor=donor)


def test_the_history_is_told_once_however_often_the_demo_is_seeded(lantern: LegalEntity) -> None:
    counts = [model.objects.count() for model in (Donation, Donor, Mandate)]
    seed()
    assert [model.objects.count() for model in (Donation, Donor, Mandate)] == counts
