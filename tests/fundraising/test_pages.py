"""The public pages: the same for everyone, honest, in the reader's language, and quiet on the wire."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from fundraising import content, donations
from fundraising.models import (
    Appeal,
    Campaign,
    CampaignText,
    CampaignUpdate,
    Comment,
    Donation,
    DonationPage,
    ExchangeRate,
    Goal,
    PageCurrency,
    PublicName,
    Question,
    Round,
    RoundText,
)
from fundraising.money import Money
from tests import factories

from .conftest import address

pytestmark = pytest.mark.django_db


def public(kit: factories.AppealKit) -> list[str]:
    return [
        "/en/",
        "/it/",
        f"/en/c/{kit.campaign.slug}/",
        f"/it/c/{kit.campaign.slug}/",
        *map(address, [kit] * 2, ("en", "it")),
    ]


def donation_page(donation: Donation) -> str:
    return f"/{donation.locale}/d/{donation.uuid}/"


def text(answer: Any) -> str:
    """What a reader sees: without head, markup and the machine's attributes."""
    body = re.sub(r"(?s).*<body>|<script.*?</script>|<option.*?</option>", " ", answer.content.decode())
    return re.sub(r"\s+", " ", re.sub(r"(?s)<[^>]*>", " ", body))


def test_public_pages_set_no_cookie_and_may_be_carried_by_any_cache(visitor: Client, kit: factories.AppealKit) -> None:
    for path in public(kit):
        answer = visitor.get(path)
        assert answer.status_code == 200, path
        assert not answer.cookies
        assert "Cookie" not in answer.get("Vary", "")
        assert {"public", "max-age=5"} <= set(answer["Cache-Control"].split(", "))


def test_public_pages_ask_no_other_origin_and_say_so(visitor: Client, kit: factories.AppealKit) -> None:
    for path in public(kit):
        answer = visitor.get(path)
        policy = answer["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        loads = re.findall(r'(?:src|href)="([^"]+)"', answer.content.decode())
        assert not [url for url in loads if url.startswith(("http", "//"))]
        assert not re.search(r"(?i)<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=", answer.content.decode())
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["Referrer-Policy"] == "same-origin"


def test_head_answers_like_get_without_a_body(visitor: Client, kit: factories.AppealKit) -> None:
    donation = factories.open_donation(kit)
    for path in [*public(kit), donation_page(donation), "/healthz"]:
        answer = visitor.head(path)
        assert (answer.status_code, answer.content) == (200, b""), path


def test_each_language_names_the_others_where_they_exist(visitor: Client, kit: factories.AppealKit) -> None:
    page = visitor.get(address(kit)).content.decode()
    for locale in factories.LOCALES:
        assert f'<link rel="alternate" hreflang="{locale}" href="{address(kit, locale)}">' in page
    DonationPage.objects.filter(locale="it").update(published=False)
    cache.clear()
    assert 'hreflang="it"' not in visitor.get(address(kit)).content.decode()


def test_no_language_is_offered_whose_page_would_not_be_found(visitor: Client, kit: factories.AppealKit) -> None:
    for gone in (CampaignText.objects.filter(locale="it"), PageCurrency.objects.filter(page=kit.pages["it"])):
        gone.delete()
        cache.clear()
        assert visitor.get(address(kit, "it")).status_code == 404
        assert 'hreflang="it"' not in visitor.get(address(kit)).content.decode()


def test_a_campaign_without_a_text_in_a_language_is_left_out_there_and_breaks_nothing(
    visitor: Client, kit: factories.AppealKit
) -> None:
    other = factories.make_appeal()
    CampaignText.objects.filter(campaign=kit.campaign, locale="it").delete()
    answer = visitor.get("/it/")
    assert answer.status_code == 200
    assert f"/it/c/{other.campaign.slug}/" in answer.content.decode()
    assert f"/it/c/{kit.campaign.slug}/" not in answer.content.decode()
    assert visitor.get(f"/it/c/{kit.campaign.slug}/").status_code == 404


def test_what_is_not_published_is_not_found(visitor: Client, kit: factories.AppealKit) -> None:
    hidden: list[tuple[Any, dict[str, Any], dict[str, Any]]] = [
        (Appeal, {"state": "draft"}, {"state": "open"}),
        (DonationPage, {"published": False}, {"published": True}),
        (Campaign, {"published": False}, {"published": True}),
    ]
    for model, hide, show in hidden:
        model.objects.update(**hide)
        cache.clear()
        assert visitor.get(address(kit)).status_code == 404
        assert address(kit) not in visitor.get("/en/").content.decode()
        model.objects.update(**show)
    cache.clear()
    assert visitor.get(address(kit)).status_code == 200
    assert visitor.get("/en/a/no-such-appeal/").status_code == 404
    assert visitor.get("/en/c/no-such-campaign/").status_code == 404
    assert visitor.get(address(kit, "it").replace("/it/", "/en/")).status_code == 404


def test_a_page_without_a_currency_is_not_public_yet(visitor: Client, kit: factories.AppealKit) -> None:
    PageCurrency.objects.all().delete()
    assert visitor.get(address(kit)).status_code == 404
    assert visitor.post(address(kit), {}).status_code == 404


def test_an_empty_installation_has_a_page(visitor: Client) -> None:
    for locale in factories.LOCALES:
        assert visitor.get(f"/{locale}/").status_code == 200


def test_an_appeal_without_donations_says_that_yours_would_be_the_first(
    visitor: Client, kit: factories.AppealKit
) -> None:
    assert "Yours would be the first" in text(visitor.get(address(kit)))
    factories.received_donation(kit)
    assert "Yours would be the first" not in text(visitor.get(address(kit)))


def test_a_closed_appeal_keeps_its_page_and_total_without_a_form(visitor: Client, kit: factories.AppealKit) -> None:
    factories.received_donation(kit, amount=Money(123_456, "EUR"))
    Appeal.objects.update(state="closed")
    answer = visitor.get(address(kit, "it"))
    assert answer.status_code == 200
    assert "<form" not in answer.content.decode()
    assert "1.234,56 €" in text(answer).replace("\u00a0", " ")
    assert kit.wordings["it"].secondary_purpose in text(answer)


def test_between_rounds_an_appeal_is_closed(visitor: Client, kit: factories.AppealKit) -> None:
    Round.objects.update(closes_at=timezone.now() - timedelta(minutes=1))
    assert "<form" not in visitor.get(address(kit)).content.decode()


def test_a_round_prepared_for_tomorrow_does_not_close_the_appeal_today(
    visitor: Client, kit: factories.AppealKit
) -> None:
    later = Round.objects.create(
        appeal=kit.appeal, number=2, reason="Later", opens_at=timezone.now() + timedelta(days=1)
    )
    Goal.objects.create(round=later, amount_minor=9_900_000_00, reason="More")
    RoundText.objects.create(round=later, locale="en", reason="The second convoy")
    answer = visitor.get(address(kit))
    assert "<form" in answer.content.decode()
    assert "The second convoy" not in text(answer)
    assert "€50,000" in text(answer)


def test_open_appeals_come_before_closed_ones_on_the_campaign_page(visitor: Client, kit: factories.AppealKit) -> None:
    closed = factories.make_appeal(campaign=kit.campaign)
    Appeal.objects.filter(pk=closed.appeal.pk).update(state="closed")
    page = visitor.get(f"/en/c/{kit.campaign.slug}/").content.decode()
    assert page.index(address(kit)) < page.index(address(closed))


def test_italian_pages_have_italian_numbers_and_words(visitor: Client, kit: factories.AppealKit) -> None:
    for _donation in range(2):
        factories.received_donation(kit, amount=Money(1_234_550, "EUR"))
    CampaignUpdate.objects.create(campaign=kit.campaign, locale="it", title="Partiti", body="Sono partiti.")
    ExchangeRate.objects.create(base="USD", quote="EUR", on=timezone.localdate(), rate=Decimal("0.9"), source="x")
    factories.received_donation(kit, amount=Money(1_000, "USD"))
    donation, _charge = factories.received_donation(kit, locale="it", fee_cover_minor=100)
    for path in (address(kit, "it"), f"/it/c/{kit.campaign.slug}/", "/it/", donation_page(donation)):
        seen = text(visitor.get(path))
        english = re.findall(
            r"(?i)\b(?:donate|donation|donations|raised|goal|your|appeal|appeals|closed|the|and|with)\b", seen
        )
        assert not english, f"{path}: {english}"
    assert "24.750 €" in text(visitor.get(address(kit, "it"))).replace("\u00a0", " ")
    assert "€24,750" in text(visitor.get(address(kit)))


def test_a_total_says_that_what_was_exchanged_counts_at_what_it_brought(
    visitor: Client, kit: factories.AppealKit
) -> None:
    """Twenty dollars brought 18.12 euros and ten more count at the rate of the day: by no one rate are they 27.12."""
    ExchangeRate.objects.create(base="USD", quote="EUR", on=timezone.localdate(), rate=Decimal("0.9"), source="x")
    _donation, charge = factories.received_donation(kit, amount=Money(2_000, "USD"))
    gross, settled, fee = Money(2_000, "USD"), Money(1_812, "EUR"), Money(100, "EUR")
    donations.settle(key="txn:1", fact_key=charge, gross=gross, settled=settled, fee=fee)
    factories.received_donation(kit, amount=Money(1_000, "USD"))
    seen = text(visitor.get(address(kit)))
    assert "€27.12" in seen
    assert "What has been exchanged counts at what it brought, the rest at the reference rates of" in seen


# --- Supporters -----------------------------------------------------------------------------------


def named(kit: factories.AppealKit, first_name: str, choice: PublicName = PublicName.NAME_COUNTRY) -> Donation:
    donation = factories.open_donation(kit, first_name=first_name, last_name="Mustnotshow")
    Donation.objects.filter(pk=donation.pk).update(public_name=choice)
    return donation


def test_only_received_donations_of_donors_who_chose_it_are_named(visitor: Client, kit: factories.AppealKit) -> None:
    factories.receive(named(kit, "Shown"))
    factories.receive(named(kit, "Hidden", PublicName.ANONYMOUS))
    named(kit, "Unpaid")
    back = named(kit, "Refunded")
    factories.refund(factories.receive(back), back.amount)
    announced = named(kit, "Announced")
    donations.announce_donation(announced.uuid, provider_id="pi", amount=announced.amount, at=timezone.now())
    factories.receive(named(factories.make_appeal(campaign=kit.campaign), "Elsewhere"))
    seen = text(visitor.get(address(kit)))
    assert re.search(r"Shown\s*, Italy", seen)
    for name in ("Hidden", "Unpaid", "Refunded", "Announced", "Elsewhere", "Mustnotshow", "@example"):
        assert name not in seen


# --- The donation's own page ----------------------------------------------------------------------


def test_a_donations_page_is_private_and_gives_nothing_away(visitor: Client, kit: factories.AppealKit) -> None:
    donation, _charge = factories.received_donation(kit, email="ada.rossi@example.org")
    for path in (donation_page(donation), f"{donation_page(donation)}state.json", f"/it/d/{donation.uuid}/"):
        answer = visitor.get(path)
        assert {"private", "no-store"} <= set(answer["Cache-Control"].split(", ")), path
        assert answer["Referrer-Policy"] == "no-referrer"
        assert b"ada.rossi" not in answer.content
        assert not answer.cookies


def test_a_donations_page_in_another_language_leads_to_its_own_and_keeps_the_question(
    visitor: Client, kit: factories.AppealKit
) -> None:
    donation = factories.open_donation(kit, locale="it")
    answer = visitor.get(f"/en/d/{donation.uuid}/?returned=1")
    assert answer.status_code == 302
    assert answer["Location"] == f"/it/d/{donation.uuid}/?returned=1"


def test_an_unknown_donation_is_not_found(visitor: Client, kit: factories.AppealKit) -> None:
    for path in ("", "state.json"):
        assert visitor.get(f"/en/d/{uuid.uuid4()}/{path}").status_code == 404
        assert visitor.get(f"/en/d/not-a-uuid/{path}").status_code == 404
    assert visitor.post(f"/en/d/{uuid.uuid4()}/pay/").status_code == 404


def test_coming_back_from_the_payment_page_is_no_payment(visitor: Client, kit: factories.AppealKit) -> None:
    donation = factories.open_donation(kit)
    state = f"{donation_page(donation)}state.json"
    assert visitor.get(state).json() == {"state": "opened"}
    for _reload in range(3):
        assert visitor.get(f"{state}?returned=1&paid=1&state=received").json() == {"state": "confirming"}
    assert "Thank you" not in visitor.get(f"{donation_page(donation)}?returned=1").content.decode().split("</title>")[0]
    charge = factories.receive(donation)
    assert visitor.get(state).json() == {"state": "received"}
    factories.refund(charge, Money(1_000, "EUR"))
    assert visitor.get(state).json() == {"state": "partly_refunded"}
    factories.refund(charge, Money(4_000, "EUR"))
    assert visitor.get(f"{state}?returned=1").json() == {"state": "refunded"}


@pytest.mark.parametrize(("days", "is_told"), [(13, True), (15, False)])
def test_a_refund_is_said_to_be_on_its_way_for_as_long_as_banks_take(
    visitor: Client, kit: factories.AppealKit, days: int, is_told: bool
) -> None:
    donation = factories.open_donation(kit, locale="en")
    charge = factories.receive(donation)
    factories.refund(charge, donation.amount, at=timezone.now() - timedelta(days=days))
    shown = text(visitor.get(donation_page(donation)))
    assert "We have sent back" in shown
    assert ("reaches your account" in shown) == is_told


def test_who_came_back_long_ago_and_never_paid_is_not_told_to_wait(visitor: Client, kit: factories.AppealKit) -> None:
    donation = factories.open_donation(kit)
    Donation.objects.update(opened_at=timezone.now() - timedelta(hours=3))
    assert visitor.get(f"{donation_page(donation)}state.json?returned=1").json() == {"state": "opened"}


def test_every_state_of_a_donation_has_a_page_in_every_language(visitor: Client, kit: factories.AppealKit) -> None:
    for locale in factories.LOCALES:
        donation = factories.open_donation(kit, locale=locale)
        path = donation_page(donation)

        def shows(path: str = path) -> bool:
            return visitor.get(path).status_code == visitor.get(f"{path}?returned=1").status_code == 200

        assert shows()
        at = timezone.now()
        donations.announce_donation(donation.uuid, provider_id=f"pi_{locale}", amount=donation.amount, at=at)
        assert shows()
        donations.withdraw_announcement(donation.uuid, at=at)
        assert shows()
        charge = factories.receive(donation)
        assert shows()
        factories.refund(charge, Money(1_000, "EUR"))
        assert shows()
        factories.refund(charge, Money(4_000, "EUR"))
        assert shows()


def test_the_bare_address_leads_to_the_readers_language_if_something_is_told_in_it(
    visitor: Client, kit: factories.AppealKit
) -> None:
    for accepted, home in (("it-CH,it;q=0.9", "/it/"), ("de", "/en/"), ("", "/en/")):
        answer = visitor.get("/", headers={"accept-language": accepted})
        assert (answer.status_code, answer["Location"]) == (302, home)
        assert "Accept-Language" in answer["Vary"]


# --- Cost -----------------------------------------------------------------------------------------


@pytest.fixture
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What pages remember stays for the whole test, however long that takes."""
    monkeypatch.setattr(content, "REMEMBER_SECONDS", 3_600)


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize("number", [0, 1, 200])
def test_pages_cost_at_most_nine_queries_cold_and_two_warm_however_many_gave(
    visitor: Client, kit: factories.AppealKit, number: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    DonationPage.objects.update(takes_comments=True)
    Question.objects.create(page=kit.pages["en"], label="How did you hear of us?")
    for _donation in range(number):
        donation, _key = factories.received_donation(kit)
        Comment.objects.create(donation=donation, text="Courage.", state="shown", decided_at=timezone.now())
    Donation.objects.update(public_name="name_country")
    for path in (address(kit), f"/en/c/{kit.campaign.slug}/"):
        with django_assert_max_num_queries(9):  # one of them asks the reports for the situation
            visitor.get(path)
        with django_assert_max_num_queries(2):
            visitor.get(path)


@pytest.mark.usefixtures("remembered")
def test_pages_cost_no_more_with_five_appeals_and_five_campaigns(
    visitor: Client, kit: factories.AppealKit, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _appeal in range(4):
        factories.received_donation(factories.make_appeal(campaign=kit.campaign))
        factories.received_donation(factories.make_appeal())
    for path in (f"/en/c/{kit.campaign.slug}/", "/en/"):
        with django_assert_max_num_queries(8):
            visitor.get(path)
        with django_assert_max_num_queries(2):
            visitor.get(path)


def test_a_missing_rate_names_no_date_and_breaks_no_page(visitor: Client, kit: factories.AppealKit) -> None:
    factories.received_donation(kit, amount=Money(9_000, "JPY"))
    for locale in factories.LOCALES:
        answer = visitor.get(address(kit, locale))
        assert answer.status_code == 200
        assert "9" in text(answer)
    assert "reference rates of" not in text(visitor.get(address(kit)))
