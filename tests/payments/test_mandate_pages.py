"""The donor's page of a mandate: honest in every state, and each wish on it made once at Stripe."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from fundraising import mandates
from fundraising.mandates import content as mandate_content
from fundraising.models import (
    AfterClose,
    Appeal,
    AppealState,
    AppealWording,
    Donation,
    DonationPage,
    EndWish,
    Mandate,
    MandateEnd,
    MandateState,
    PageCurrency,
)
from fundraising.money import Money
from payments.mandates import subscriptions
from payments.mandates.changes import carry_out_due
from payments.models import ChangeKind, ChangeState, MandateChange, Payment, Subscription
from tests.payments.desk import Desk

pytestmark = pytest.mark.django_db(transaction=True)
STRIPE_IS_DOWN = {"kind": "api_503", "match": "* /v1/*"}


@pytest.fixture
def signed_up(desk: Desk) -> Mandate:
    """A monthly mandate over 50 euros whose first donation was received."""
    return begin(desk)


def begin(desk: Desk, minor: int = 5_000, case: str = "success", **regularly: Any) -> Mandate:
    payment = desk.sign_up(minor, **regularly)
    desk.pay(payment, case)
    desk.deliver(desk.events())
    desk.sweep()
    return again(Payment.objects.get(pk=payment.pk).donation.mandate)


def again(mandate: Mandate | None) -> Mandate:
    assert mandate
    return Mandate.objects.get(pk=mandate.pk)


def page(desk: Desk, mandate: Mandate, query: str = "") -> Any:
    return desk.client.get(f"/en/m/{mandate.uuid}/{query}")


def send(desk: Desk, mandate: Mandate, what: str, **fields: object) -> Any:
    """Send one of the page's forms; its UUID is new unless it is given."""
    return desk.client.post(f"/en/m/{mandate.uuid}/{what}/", {"uuid": uuid4(), **fields})


def follow(desk: Desk, answer: Any) -> str:
    assert answer.status_code == 303, answer.content.decode()
    return text(desk.client.get(answer["Location"]))


def text(answer: Any) -> str:
    body = re.sub(r"(?s).*<main|<script.*?</script>", " ", answer.content.decode())
    return re.sub(r"\s+", " ", re.sub(r"(?s)<[^>]*>", " ", body)).replace("\u00a0", " ")


def at_stripe(desk: Desk, mandate: Mandate) -> Any:
    return desk.stripe.v1.subscriptions.retrieve(mandate.subscription.subscription_id)


def fail_next(desk: Desk, mandate: Mandate) -> Mandate:
    """Let the next collection fail."""
    row = mandate.subscription
    desk.advance(at_stripe(desk, mandate)["items"].data[0].current_period_end + 3_605 - desk.now())
    desk.deliver(desk.events())
    desk.sweep()
    assert row
    return again(mandate)


# --- What it shows


def test_the_page_tells_what_is_given_when_with_what_and_what_it_has_brought(desk: Desk, signed_up: Mandate) -> None:
    answer = page(desk, signed_up)
    shown = text(answer)
    assert answer.status_code == 200
    assert "€50 every month" in shown
    assert signed_up.next_on is not None
    assert f"{signed_up.next_on.day}, {signed_up.next_on.year}" in shown
    assert "Visa ···· 4242" in shown
    assert "valid until 12/2034" in shown
    assert "Brought so far €50" in shown
    assert f"/en/d/{signed_up.donations.get().uuid}/" in answer.content.decode()
    assert "Your regular donation ends by itself." in shown


def test_the_page_is_for_the_donor_alone(desk: Desk, signed_up: Mandate) -> None:
    answer = page(desk, signed_up)
    assert {"private", "no-store"} <= set(answer["Cache-Control"].split(", "))
    assert answer["Referrer-Policy"] == "no-referrer"
    assert '<meta name="robots" content="noindex">' in answer.content.decode()
    assert signed_up.donor.email not in answer.content.decode()
    assert desk.client.get(f"/en/m/{uuid4()}/").status_code == 404


def test_the_page_is_in_the_donors_language(desk: Desk, signed_up: Mandate) -> None:
    answer = desk.client.get(f"/it/m/{signed_up.uuid}/?open=pause")
    assert (answer.status_code, answer["Location"]) == (302, f"/en/m/{signed_up.uuid}/?open=pause")


def test_before_it_is_confirmed_the_page_leads_to_payment_and_changes_nothing(desk: Desk) -> None:
    payment = desk.sign_up()
    mandate = again(payment.donation.mandate)
    answer = page(desk, mandate)
    assert "has not begun" in text(answer)
    assert f"/en/d/{payment.donation.uuid}/" in answer.content.decode()
    assert "<details" not in answer.content.decode().split("<main")[1]
    assert "We are confirming" in text(page(desk, mandate, "?returned=1"))
    assert send(desk, mandate, "resume").status_code == 409
    assert send(desk, mandate, "card").status_code == 409


def test_what_the_wording_promised_for_after_the_close_is_said(desk: Desk, signed_up: Mandate) -> None:
    wording = AppealWording.objects.get(pk=signed_up.wording_id)
    wording.pk, wording.version, wording.after_close = None, 2, AfterClose.CONTINUES
    wording.save()
    Mandate.objects.filter(pk=signed_up.pk).update(wording=wording)
    assert "goes on until you end it, for this purpose: What this appeal does not need" in text(page(desk, signed_up))
    Appeal.objects.update(state=AppealState.CLOSED)
    assert "As you were told when you signed up, your regular donation goes on" in text(page(desk, signed_up))


def test_a_long_list_of_donations_is_cut_and_can_be_shown_whole(desk: Desk, signed_up: Mandate) -> None:
    for month in range(14):
        mandates.collect_next(signed_up.uuid, about=f"in_{month}", amount=signed_up.amount, at=timezone.now())
    shown = page(desk, signed_up).content.decode()
    assert shown.count('class="collections__row"') == 12
    assert "?all=1" in shown
    assert page(desk, signed_up, "?all=1").content.decode().count('class="collections__row"') == 15


# --- Wishes


def test_another_amount_is_collected_from_the_next_time_on(desk: Desk, signed_up: Mandate) -> None:
    shown = follow(desk, send(desk, signed_up, "amount", amount="72,50"))
    assert "Done. From now on it is €72.50 each time." in shown
    assert again(signed_up).amount == Money(7_250, "EUR")
    assert at_stripe(desk, signed_up)["items"].data[0].price.unit_amount == 7_250


def test_what_covered_the_fee_covers_that_of_the_new_amount(desk: Desk, signed_up: Mandate) -> None:
    Mandate.objects.filter(pk=signed_up.pk).update(fee_cover_minor=180)
    assert "worked out anew" in text(page(desk, signed_up))
    follow(desk, send(desk, signed_up, "amount", amount="100"))
    offer = mandate_content.offer_of(signed_up)
    assert offer is not None
    cover = mandate_content.fee_cover(offer, Money(10_000, "EUR"), "card")
    assert cover.minor > 0
    changed = again(signed_up)
    assert (changed.amount, changed.fee_cover) == (Money(10_000, "EUR") + cover, cover)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("4", "The smallest donation is €5."),
        ("50001", "The largest donation by card is"),
        ("ten", "This is not an amount"),
        ("", "Please write an amount"),
        ("10.005", "has 2 decimals"),
    ],
)
def test_an_amount_that_the_page_does_not_take_is_refused_with_words(
    desk: Desk, signed_up: Mandate, typed: str, words: str
) -> None:
    answer = send(desk, signed_up, "amount", amount=typed)
    assert answer.status_code == 422
    assert words in text(answer)
    assert re.search(r'<details class="deed" id="amount" open>', answer.content.decode())
    assert f'value="{typed}"' in answer.content.decode()
    assert not MandateChange.objects.exists()


def test_a_currency_that_the_page_takes_no_more_keeps_its_amount(desk: Desk, signed_up: Mandate) -> None:
    PageCurrency.objects.filter(page=signed_up.page_id, currency="EUR").delete()
    assert 'id="amount"' not in page(desk, signed_up).content.decode()
    answer = send(desk, signed_up, "amount", amount="60")
    assert answer.status_code == 409
    assert "takes this currency no more" in text(answer)


def test_a_double_click_is_one_wish(desk: Desk, signed_up: Mandate) -> None:
    uuid = uuid4()
    first, second = (send(desk, signed_up, "amount", amount="60", uuid=uuid) for _ in range(2))
    assert first["Location"] == second["Location"]
    assert MandateChange.objects.count() == 1
    assert "Done." in follow(desk, second)


def test_another_day_moves_the_next_collection(desk: Desk, signed_up: Mandate) -> None:
    assert "Done. It is collected next on" in follow(desk, send(desk, signed_up, "day", day="17"))
    moved = again(signed_up)
    assert moved.day == 17
    assert moved.next_on is not None
    assert moved.next_on.day == 17
    assert send(desk, signed_up, "day", day="29").status_code == 422


def test_skipping_leaves_out_one_collection_however_often_it_is_sent(desk: Desk, signed_up: Mandate) -> None:
    assert signed_up.next_on is not None
    uuid, on = uuid4(), signed_up.next_on.isoformat()
    following = mandate_content.later(signed_up.next_on, 1)
    assert "Nothing is collected before" in follow(desk, send(desk, signed_up, "skip", uuid=uuid, on=on))
    skipped = again(signed_up)
    assert (skipped.state, skipped.paused_until) == (MandateState.PAUSED, following)
    assert skipped.next_on
    # The 31st comes back after a month that has none: up to three days behind the day of the one left out.
    assert following <= skipped.next_on <= following + timedelta(days=3)
    follow(desk, send(desk, signed_up, "skip", uuid=uuid, on=on))
    assert again(signed_up).paused_until == following
    aged = send(desk, signed_up, "skip", on=on)  # another tab, opened before
    assert aged.status_code == 409
    assert again(signed_up).paused_until == following


@pytest.mark.parametrize("months", ["1", "2", "3", "6"])
def test_a_pause_lasts_some_months(desk: Desk, signed_up: Mandate, months: str) -> None:
    assert signed_up.next_on is not None
    until = mandate_content.later(signed_up.next_on, int(months))
    follow(desk, send(desk, signed_up, "pause", months=months))
    paused = again(signed_up)
    assert (paused.state, paused.paused_until) == (MandateState.PAUSED, until)


def test_a_pause_without_an_end_lasts_until_it_is_resumed(desk: Desk, signed_up: Mandate) -> None:
    assert "until you resume it" in follow(desk, send(desk, signed_up, "pause", months="open"))
    assert again(signed_up).paused_until is None
    assert "Resume it now" in text(page(desk, signed_up))
    assert "Done. It goes on." in follow(desk, send(desk, signed_up, "resume"))
    assert again(signed_up).state == MandateState.ACTIVE
    assert send(desk, signed_up, "pause").status_code == 422


def test_a_year_is_skipped_and_not_paused_for_months(desk: Desk) -> None:
    mandate = begin(desk, interval="year")
    assert "For 3 months" not in text(page(desk, mandate))
    assert send(desk, mandate, "pause", months="3").status_code == 422
    assert mandate.next_on is not None
    follow(desk, send(desk, mandate, "skip", on=mandate.next_on.isoformat()))
    assert again(mandate).paused_until == mandate_content.later(mandate.next_on, 12)


def test_ending_asks_once_and_offers_less_or_a_pause(desk: Desk, signed_up: Mandate) -> None:
    asked = desk.client.get(f"/en/m/{signed_up.uuid}/end/")
    assert "?open=pause#pause" in asked.content.decode()
    assert "?open=amount#amount" in asked.content.decode()
    assert "checked" not in asked.content.decode().split("<main")[1]
    assert again(signed_up).state == MandateState.ACTIVE
    assert "Done. It has ended." in follow(desk, send(desk, signed_up, "end", wish="money"))
    ended = again(signed_up)
    assert (ended.state, ended.end_reason, ended.end_wish) == (MandateState.ENDED, MandateEnd.DONOR, EndWish.MONEY)
    assert at_stripe(desk, signed_up).status == "canceled"
    assert desk.client.get(f"/en/m/{signed_up.uuid}/end/").status_code == 303
    assert send(desk, signed_up, "resume").status_code == 409


def test_a_reason_is_never_needed_and_one_of_the_list(desk: Desk, signed_up: Mandate) -> None:
    assert send(desk, signed_up, "end", wish="boredom").status_code == 422
    follow(desk, send(desk, signed_up, "end"))
    assert again(signed_up).end_wish == ""


# --- Stripe's pages


def test_another_card_is_named_on_stripes_page_and_shown_here(desk: Desk, signed_up: Mandate) -> None:
    desk.advance(2)  # words of one second are looked up first
    portal = send(desk, signed_up, "card")
    assert portal.status_code == 303
    back = desk.http.post(portal["Location"], data={"card": "5555555555554444"})
    assert back.headers["location"].endswith(f"/en/m/{signed_up.uuid}/?returned=1")
    desk.deliver(desk.events())
    subscriptions.look_up_cards()
    shown = text(page(desk, signed_up, "?returned=1"))
    assert "Welcome back." in shown
    assert "Mastercard ···· 4444" in shown


def test_a_collection_that_failed_is_settled_on_stripes_page(desk: Desk) -> None:
    mandate = fail_next(desk, begin(desk, case="fails_later"))
    assert mandate.state == MandateState.FAILING
    shown = text(page(desk, mandate))
    assert "The last collection did not work" in shown
    assert "not collected yet" in shown
    invoice = send(desk, mandate, "mend")
    assert invoice.status_code == 303
    assert "/c/invoice/" in invoice["Location"]
    desk.http.post(invoice["Location"], data={"case": "success"})
    desk.deliver(desk.events())
    desk.sweep()
    assert again(mandate).state == MandateState.ACTIVE
    assert "Brought so far €100" in text(page(desk, mandate))


def test_the_pages_say_when_a_failed_collection_is_tried_again_and_when_it_was_the_last(desk: Desk) -> None:
    mandate = fail_next(desk, begin(desk, case="fails_later"))
    uncollected = mandate.donations.get(state="opened")
    Mandate.objects.filter(pk=mandate.pk).update(retry_on=date(2031, 6, 2), amount_minor=700)
    with override(mandate.locale):
        pages_of = (reverse("mandate", args=[mandate.uuid]), reverse("donation", args=[uncollected.uuid]))
    for sentence in ("did not let us collect €50. It will be tried again by itself on June 2, 2031.",
                     "did not let us collect €50. That was the last attempt;"):  # fmt: skip
        for address in pages_of:
            assert sentence in text(desk.client.get(address)).replace(" .", "."), address
        Mandate.objects.filter(pk=mandate.pk).update(retry_on=None)


def test_the_same_card_can_be_tried_again_and_the_refusal_is_said(desk: Desk) -> None:
    mandate = fail_next(desk, begin(desk, case="fails_later"))
    assert "declined it again" in follow(desk, send(desk, mandate, "collect"))
    method = Subscription.objects.get(mandate=mandate).method_id
    desk.control(f"payment_methods/{method}/replace", case="success")  # the bank thinks better of it
    MandateChange.objects.all().delete()
    assert "Done. Thank you" in follow(desk, send(desk, mandate, "collect"))


# --- When Stripe is down


def test_a_wish_made_while_stripe_is_down_is_kept_said_so_and_made_later(desk: Desk, signed_up: Mandate) -> None:
    desk.faults(STRIPE_IS_DOWN)
    uuid = uuid4()
    answer = send(desk, signed_up, "amount", amount="60", uuid=uuid)
    shown = follow(desk, answer)
    assert "still waiting for Stripe's answer" in shown
    assert "Done." not in shown
    assert again(signed_up).amount == Money(5_000, "EUR")
    assert desk.client.get(f"/en/m/{signed_up.uuid}/state.json").json() == {"state": "changing"}
    assert "another change is still under way" in text(send(desk, signed_up, "resume")).lower()
    desk.faults()
    MandateChange.objects.update(next_attempt_at=timezone.now())

    assert carry_out_due() == 1
    assert desk.client.get(f"/en/m/{signed_up.uuid}/state.json").json() == {"state": "active"}
    assert "Done. From now on it is €60" in text(desk.client.get(answer["Location"]))


@pytest.mark.parametrize("what", ["card", "mend"])
def test_stripes_pages_are_not_promised_while_stripe_is_down(desk: Desk, signed_up: Mandate, what: str) -> None:
    desk.faults(STRIPE_IS_DOWN)
    answer = send(desk, signed_up, what)
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    assert "not answering" in text(answer)
    assert "You give every month" in text(answer)


def test_what_became_of_a_wish_is_read_from_the_row_and_not_from_the_address(desk: Desk, signed_up: Mandate) -> None:
    change = MandateChange.objects.create(
        mandate=signed_up, kind=ChangeKind.RESUME, state=ChangeState.REFUSED, error_code="resource_missing"
    )
    assert "Stripe has refused this change" in text(page(desk, signed_up, f"?change={change.uuid}"))
    assert "Done." not in text(page(desk, signed_up, f"?change={uuid4()}"))
    assert "Done." not in text(page(desk, signed_up, "?change=nonsense"))


# --- The same every month


def given(desk: Desk) -> Donation:
    payment = desk.donate()
    desk.deliver(desk.events())
    return Donation.objects.get(pk=payment.donation_id)


def test_who_has_given_once_is_offered_the_same_every_month_from_next_month(desk: Desk) -> None:
    donation = given(desk)
    shown = desk.client.get(f"/en/d/{donation.uuid}/")
    assert "The same every month?" in text(shown)
    assert "Stripe asks for your card once more, because we did not keep it." in text(shown)
    assert "checkbox" not in shown.content.decode()
    before = timezone.localdate()
    answers = [desk.client.post(f"/en/d/{donation.uuid}/monthly/") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert answers[0]["Location"] == answers[1]["Location"]
    mandate = Mandate.objects.get()
    assert (mandate.amount, mandate.donor, mandate.interval) == (donation.amount, donation.donor, "month")
    assert mandate.first_on in {mandate_content.later(day, 1) for day in (before, timezone.localdate())}
    assert not MandateChange.objects.exists()


def test_once_taken_up_it_is_not_offered_again_and_the_first_donation_waits_for_its_day(desk: Desk) -> None:
    donation = given(desk)
    desk.client.post(f"/en/d/{donation.uuid}/monthly/")
    mandate = Mandate.objects.get()
    first = mandate.donations.get()
    desk.pay(Payment.objects.get(donation=first))
    desk.deliver(desk.events())
    desk.sweep()
    assert again(mandate).state == MandateState.ACTIVE
    assert "The same every month?" not in text(desk.client.get(f"/en/d/{donation.uuid}/"))
    shown = desk.client.get(f"/en/d/{first.uuid}/")
    assert "Your regular donation is set." in text(shown)
    assert f"/en/m/{mandate.uuid}/" in shown.content.decode()
    assert f"/en/d/{first.uuid}/pay/" not in shown.content.decode()


@pytest.mark.parametrize("change", ["page", "closing", "round"])
def test_nothing_is_offered_where_nobody_can_sign_up(desk: Desk, change: str) -> None:
    donation = given(desk)
    if change == "page":
        DonationPage.objects.update(offers_monthly=False)
    elif change == "closing":
        Appeal.objects.update(state=AppealState.CLOSING)
    else:
        desk.kit.round.closes_at = timezone.now() - timedelta(hours=1)
        desk.kit.round.save()
    assert "The same every month?" not in text(desk.client.get(f"/en/d/{donation.uuid}/"))
    answer = desk.client.post(f"/en/d/{donation.uuid}/monthly/")
    assert (answer.status_code, answer["Location"]) == (303, f"/en/d/{donation.uuid}/")
    assert not Mandate.objects.exists()


def test_a_donation_that_is_not_received_is_offered_nothing(desk: Desk) -> None:
    donation = desk.donation()
    assert "The same every month?" not in text(desk.client.get(f"/en/d/{donation.uuid}/"))
    desk.client.post(f"/en/d/{donation.uuid}/monthly/")
    assert not Mandate.objects.exists()


def test_between_sign_up_and_charge_the_first_donation_is_being_confirmed_and_is_no_promise(desk: Desk) -> None:
    payment = desk.sign_up()
    mandate = again(payment.donation.mandate)
    mandates.start(mandate.uuid, at=timezone.now(), next_on=None)
    shown = desk.client.get(f"/en/d/{payment.donation.uuid}/")
    assert "We are confirming your donation" in text(shown)
    assert "data-state-url" in shown.content.decode()
    Donation.objects.update(opened_at=timezone.now() - timedelta(hours=3))
    Mandate.objects.update(opened_at=timezone.now() - timedelta(hours=3))
    assert "Your regular donation is set." in text(desk.client.get(f"/en/d/{payment.donation.uuid}/"))


def test_a_donation_under_a_mandate_leads_to_its_page(desk: Desk, signed_up: Mandate) -> None:
    donation = signed_up.donations.get()
    shown = desk.client.get(f"/en/d/{donation.uuid}/").content.decode()
    assert f'href="/en/m/{signed_up.uuid}/"' in shown
    assert "The same every month?" not in shown


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2026, 11, 15), 2, date(2027, 1, 15)),
        (date(2026, 12, 1), 12, date(2027, 12, 1)),
        (date(2027, 12, 31), 2, date(2028, 2, 29)),
    ],
)
def test_months_later_is_the_same_day_or_the_last(day: date, months: int, expected: date) -> None:
    assert mandate_content.later(day, months) == expected
