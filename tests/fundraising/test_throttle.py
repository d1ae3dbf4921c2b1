"""Throttles: a thief who tries cards is stopped, people who share an address are not, and nothing typed is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from fundraising import throttle
from fundraising.models import Attempts, Donation
from receipts import receipts
from tests import factories

pytestmark = pytest.mark.django_db
LONG = 10**10  # seconds: stretches begin at their multiples, so this one ends in 2286 and in the middle of no test


def form_of(kit: factories.AppealKit, **more: str) -> dict[str, str]:
    return {
        "currency": "EUR", "amount_choice": "other", "amount": "20", "first_name": "Ada", "last_name": "Rossi",
        "country": "IT", "email": "ada@example.org", "frequency": "once", **more,
    }  # fmt: skip


def give(client: Client, kit: factories.AppealKit, **more: str) -> Any:
    return client.post(reverse("appeal", kwargs={"slug": kit.pages["en"].slug}), form_of(kit, **more))


def test_the_form_comes_back_filled_in_and_says_when_it_works_again(client: Client, settings: Any) -> None:
    settings.THROTTLES = {"donate": (0, 600)}
    answer = give(client, factories.make_appeal(), last_name="Nowhere-Lost")
    assert answer.status_code == 429
    assert 1 <= int(answer["Retry-After"]) <= 600
    assert "no-store" in answer["Cache-Control"]
    assert 'value="Nowhere-Lost"' in answer.text
    assert "nothing you wrote is lost" in answer.text
    assert not Donation.objects.exists()


def test_a_form_with_a_mistake_counts_for_nothing(client: Client, settings: Any) -> None:
    settings.THROTTLES = {"donate": (1, LONG)}
    kit = factories.make_appeal()
    assert {give(client, kit, email="no").status_code for _ in range(3)} == {422}
    assert not Attempts.objects.exists()


def test_the_api_answers_in_its_own_shape(client: Client, settings: Any) -> None:
    settings.THROTTLES = {"donate": (1, LONG)}
    codes = [client.post("/api/v1/donations/", {}, content_type="application/json") for _ in range(2)]
    assert [answer.status_code for answer in codes] == [400, 429]
    assert codes[1].json()["error"]["code"] == "throttled"
    assert int(codes[1]["Retry-After"]) > 0


def test_paying_again_is_limited_for_each_donation_whoever_tries(client: Client, settings: Any) -> None:
    settings.THROTTLES = {"pay_again": (0, 600)}
    donation = factories.open_donation(locale="it")
    answer = client.post(f"/it/d/{donation.uuid}/pay/")
    assert answer.status_code == 429
    assert 'lang="it"' in answer.text


def test_codes_on_the_check_page_are_limited(client: Client, settings: Any) -> None:
    settings.THROTTLES = {"check": (2, LONG)}
    receipt = receipts.issue_receipt(factories.received_donation()[0])
    path = f"/receipt/{receipt.number}"
    assert [client.get(f"{path}?c=WRONG").status_code for _ in range(2)] == [404, 404]
    assert client.get(f"{path}?c={receipt.check_code}").status_code == 429
    assert client.get(path).status_code == 200  # the empty form tries nothing


def test_addresses_are_told_apart_as_the_proxy_says_them(settings: Any) -> None:
    def asked(forwarded: str) -> str:
        return throttle.client_of(RequestFactory().get("/", HTTP_X_FORWARDED_FOR=forwarded))

    assert asked("198.51.100.7") == "198.51.100.7"
    assert asked("6.6.6.6, 198.51.100.7") == "198.51.100.7"  # what the client itself says is not believed
    assert asked("2001:db8:1:2:3::4") == asked("2001:db8:1:2:ffff::9") != asked("2001:db8:1:3::4")
    assert asked("not an address") == ""


def test_another_address_and_another_stretch_of_time_start_anew(settings: Any) -> None:
    settings.THROTTLES = {"donate": (1, LONG)}
    throttle.count("donate", "a")
    throttle.count("donate", "b")
    with pytest.raises(throttle.TooMany):
        throttle.count("donate", "a")
    Attempts.objects.update(ends_at=timezone.now() - timedelta(seconds=1))
    assert throttle.forget_old() == 2


def test_no_address_is_stored(settings: Any) -> None:
    settings.THROTTLES = {"donate": (1, LONG)}
    throttle.count("donate", "198.51.100.7")
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(a)::text FROM fundraising_attempts a")
        assert "198.51" not in cursor.fetchone()[0]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_no_more_than_the_limit_pass(settings: Any) -> None:
    settings.THROTTLES = {"donate": (20, LONG)}

    def one(_number: int) -> bool:
        try:
            throttle.count("donate", "a")
        except throttle.TooMany:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(100))) == 20
