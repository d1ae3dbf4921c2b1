"""Keys, versions, parameters, idempotency and errors."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx
import pytest
import stripe

from tests.sandbox.conftest import Desk, client_for
from tests.waiting import wait_until


def _post(desk: Desk, path: str, data: dict[str, str], **headers: str) -> httpx.Response:
    headers = {
        "Authorization": "Bearer sk_test_acme",
        **{key.replace("_", "-"): value for key, value in headers.items()},
    }
    return desk.http.post(path, data=data, headers=headers)


@pytest.mark.parametrize("key", ["sk_live_51Habc", "rk_live_51Habc"])
def test_a_live_key_is_refused(desk: Desk, key: str) -> None:
    answer = desk.http.get("/v1/balance", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 401
    assert "live key" in answer.json()["error"]["message"]


@pytest.mark.parametrize("key", ["none", "pk_test_acme", "sk_test_", "whsec_x"])
def test_other_keys_are_refused(desk: Desk, key: str) -> None:
    assert desk.http.get("/v1/balance", headers={"Authorization": f"Bearer {key}"}).status_code == 401


def test_accounts_do_not_see_each_other(desk: Desk) -> None:
    desk.donate()
    other = client_for(desk.url, "second")
    assert len(desk.stripe.v1.charges.list().data) == 1
    assert other.v1.charges.list().data == []


def test_keys_of_one_account_share_its_state(desk: Desk) -> None:
    desk.donate()
    assert len(client_for(desk.url, "acme_second-key").v1.charges.list().data) == 1


def test_another_api_version_is_refused(desk: Desk) -> None:
    answer = desk.http.get(
        "/v1/balance", headers={"Authorization": "Bearer sk_test_acme", "Stripe-Version": "2020-08-27"}
    )
    assert answer.status_code == 400
    assert "2026-05-27.dahlia" in answer.json()["error"]["message"]


def test_every_answer_names_its_request(desk: Desk) -> None:
    answer = desk.http.get("/v1/balance", headers={"Authorization": "Bearer sk_test_acme"})
    assert answer.headers["Request-Id"].startswith("req_")
    assert answer.headers["Stripe-Version"] == "2026-05-27.dahlia"


def test_an_unknown_address_says_so(desk: Desk) -> None:
    answer = desk.http.get("/v1/teapots", headers={"Authorization": "Bearer sk_test_acme"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "invalid_request_error")


@pytest.mark.parametrize(
    ("data", "code", "param"),
    [
        ({"amount": "1000", "currency": "eur", "colour": "red"}, "parameter_unknown", "colour"),
        ({"amount": "1000"}, "parameter_missing", "currency"),
        ({"amount": "10.00", "currency": "eur"}, "parameter_invalid_integer", "amount"),
        ({"amount": "١٠٠", "currency": "eur"}, "parameter_invalid_integer", "amount"),
        ({"amount": "1000", "currency": "eur", "customer": ""}, "parameter_invalid_empty", "customer"),
        ({"amount": "1000", "currency": "eur", "customer": "cus_none"}, "resource_missing", "customer"),
        ({"amount": "49", "currency": "eur"}, "amount_too_small", "amount"),
        ({"amount": "999999999", "currency": "eur"}, "amount_too_large", "amount"),
        ({"amount": "49", "currency": "jpy"}, "amount_too_small", "amount"),
        ({"amount": "0", "currency": "eur"}, "amount_too_small", "amount"),
    ],
)
def test_bad_parameters_are_named(desk: Desk, data: dict[str, str], code: str, param: str) -> None:
    error = _post(desk, "/v1/payment_intents", data).json()["error"]
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", code, param)


@pytest.mark.parametrize("currency", ["xxx", "eu", "€"])
def test_an_unknown_currency_is_refused(desk: Desk, currency: str) -> None:
    answer = _post(desk, "/v1/payment_intents", {"amount": "1000", "currency": currency})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "currency")


def test_a_three_decimal_amount_ends_in_zero(desk: Desk) -> None:
    assert _post(desk, "/v1/payment_intents", {"amount": "5001", "currency": "kwd"}).status_code == 400
    assert _post(desk, "/v1/payment_intents", {"amount": "5010", "currency": "kwd"}).status_code == 200


def test_a_repeated_idempotency_key_gives_the_first_result(desk: Desk) -> None:
    data = {"amount": "1000", "currency": "eur"}
    first = _post(desk, "/v1/payment_intents", data, Idempotency_Key="k1")
    second = _post(desk, "/v1/payment_intents", data, Idempotency_Key="k1")
    assert first.json() == second.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Original-Request"] == first.headers["Request-Id"]
    assert len(desk.stripe.v1.payment_intents.list().data) == 1


def test_other_parameters_under_a_used_key_are_an_error(desk: Desk) -> None:
    _post(desk, "/v1/payment_intents", {"amount": "1000", "currency": "eur"}, Idempotency_Key="k1")
    answer = _post(desk, "/v1/payment_intents", {"amount": "2000", "currency": "eur"}, Idempotency_Key="k1")
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "idempotency_error")


def test_a_key_is_free_again_after_a_day(desk: Desk) -> None:
    _post(desk, "/v1/payment_intents", {"amount": "1000", "currency": "eur"}, Idempotency_Key="k1")
    desk.advance(86_401)
    answer = _post(desk, "/v1/payment_intents", {"amount": "2000", "currency": "eur"}, Idempotency_Key="k1")
    assert answer.json()["amount"] == 2000


def test_unreadable_parameters_do_not_use_up_the_key(desk: Desk) -> None:
    bad = _post(desk, "/v1/payment_intents", {"amount": "ten", "currency": "eur"}, Idempotency_Key="k1")
    good = _post(desk, "/v1/payment_intents", {"amount": "1000", "currency": "eur"}, Idempotency_Key="k1")
    assert (bad.status_code, good.status_code) == (400, 200)


def test_a_declined_card_is_replayed_as_declined(desk: Desk) -> None:
    data = {"amount": "1000", "currency": "eur", "payment_method": "pm_card_visa_chargeDeclined", "confirm": "true"}
    answers = [_post(desk, "/v1/payment_intents", data, Idempotency_Key="k1") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [402, 402]
    assert len(desk.stripe.v1.charges.list().data) == 1


def test_a_key_longer_than_255_characters_is_refused(desk: Desk) -> None:
    data = {"amount": "1000", "currency": "eur"}
    assert _post(desk, "/v1/payment_intents", data, Idempotency_Key="k" * 256).status_code == 400


def test_the_same_key_used_at_once_is_a_conflict(desk: Desk) -> None:
    desk.faults({"kind": "api_slow", "seconds": 60, "count": 1})
    post = partial(_post, desk, "/v1/payment_intents", {"amount": "1000", "currency": "eur"}, Idempotency_Key="k1")
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(post)
        wait_until(desk.struck)  # it is under way, and stays so until there are other faults
        conflict = post()
        desk.faults()
        assert first.result().status_code == 200
    assert (conflict.status_code, conflict.json()["error"]["code"]) == (409, "idempotency_key_in_use")


def test_metadata_is_limited_as_at_stripe(desk: Desk) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        desk.stripe.v1.customers.create({"metadata": {"k" * 41: "v"}})
    assert refused.value.http_status == 400


def test_an_expansion_that_does_not_exist_is_refused(desk: Desk) -> None:
    intent = desk.donate()
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        desk.stripe.v1.payment_intents.retrieve(intent.id, {"expand": ["amount"]})


def test_lists_are_paged_newest_first(desk: Desk) -> None:
    made = [desk.stripe.v1.customers.create({"name": f"Donor {number}"}).id for number in range(5)]
    newest = made[::-1]
    page = desk.stripe.v1.customers.list({"limit": 2})
    assert [item.id for item in page.data] == newest[:2]
    assert page.has_more
    after = desk.stripe.v1.customers.list({"limit": 2, "starting_after": newest[1]})
    assert [item.id for item in after.data] == newest[2:4]
    before = desk.stripe.v1.customers.list({"limit": 2, "ending_before": newest[4]})
    assert [item.id for item in before.data] == newest[2:4]
    everyone = [item.id for item in desk.stripe.v1.customers.list({"limit": 2}).auto_paging_iter()]
    assert everyone == newest


def test_a_page_has_at_most_a_hundred(desk: Desk) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        desk.stripe.v1.customers.list({"limit": 101})


def test_lists_are_filtered_by_time(desk: Desk) -> None:
    early = desk.stripe.v1.customers.create({"name": "early"})
    desk.advance(3600)
    late = desk.stripe.v1.customers.create({"name": "late"})
    created: Any = {"created": {"gte": late.created}}
    assert [item.name for item in desk.stripe.v1.customers.list(created).data] == ["late"]
    created = {"created": {"lt": late.created}}
    assert [item.id for item in desk.stripe.v1.customers.list(created).data] == [early.id]
