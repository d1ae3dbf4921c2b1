"""The hosted checkout page, as a browser without JavaScript uses it."""

import re
from html.parser import HTMLParser

import httpx
import pytest

from payments.sandbox.checkout_texts import TEXTS
from tests.sandbox.conftest import Desk


class _Page(HTMLParser):
    """Labels, fields and links of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.language, self.labels, self.fields, self.links = "", set[str](), dict[str, str](), list[str]()
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Collect what a user could fill in or follow."""
        found = {name: value or "" for name, value in attributes}
        if tag == "html":
            self.language = found["lang"]
        elif tag == "label":
            self.labels.add(found["for"])
        elif tag == "input":
            self.fields[found["id"]] = found.get("value", "")
        elif tag == "a":
            self.links.append(found["href"])


def _submit(desk: Desk, url: str | None, **data: str) -> httpx.Response:
    assert url is not None
    return desk.http.post(url, data=data)


def _read(desk: Desk, url: str | None) -> httpx.Response:
    assert url is not None
    return desk.http.get(url)


def test_the_page_says_that_no_real_money_moves(desk: Desk) -> None:
    answer = _read(desk, desk.open_checkout().url)
    assert answer.status_code == 200
    assert "No real money moves" in answer.text
    assert "25.00 EUR" in answer.text
    assert "<script" not in answer.text


def test_every_field_has_a_label_and_the_email_is_prefilled(desk: Desk) -> None:
    page = _Page(_read(desk, desk.open_checkout(customer_email="donor@example.org").url).text)
    assert page.labels == set(page.fields)
    assert page.fields["email"] == "donor@example.org"
    assert page.links == ["http://shop.example/back"]


def test_the_page_speaks_the_sessions_language(desk: Desk) -> None:
    page = _read(desk, desk.open_checkout(locale="it").url).text
    assert _Page(page).language == "it"
    assert "La tua donazione" in page
    assert "25,00 EUR" in page


def test_with_locale_auto_the_browser_decides(desk: Desk) -> None:
    url = desk.open_checkout(locale="auto").url
    assert url is not None
    assert _Page(desk.http.get(url, headers={"Accept-Language": "it-IT,it;q=0.9"}).text).language == "it"
    assert _Page(desk.http.get(url, headers={"Accept-Language": "de"}).text).language == "en"


def test_both_languages_say_the_same_things() -> None:
    words = {language: {key for key in texts if not key[0].isupper()} for language, texts in TEXTS.items()}
    assert words["en"] == words["it"]


def test_a_card_number_typed_with_spaces_pays_and_goes_back_to_the_shop(desk: Desk) -> None:
    session = desk.open_checkout()
    answer = _submit(desk, session.url, card="4242 4242 4242 4242", email="donor@example.org")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"http://shop.example/thanks?session={session.id}"
    details = desk.stripe.v1.checkout.sessions.retrieve(session.id).customer_details
    assert details is not None
    assert details.email == "donor@example.org"


def test_a_declined_card_leaves_the_page_open_with_an_error(desk: Desk) -> None:
    session = desk.open_checkout(locale="it")
    answer = _submit(desk, session.url, case="declined", email="donor@example.org", name="Ada")
    assert 'role="alert"' in answer.text
    assert "La carta è stata rifiutata." in answer.text
    assert _Page(answer.text).fields["name"] == "Ada"
    assert _submit(desk, session.url, case="success").status_code == 303
    assert {"charge.failed", "payment_intent.payment_failed", "charge.succeeded"} <= set(desk.event_types())


def test_a_number_that_is_no_test_number_is_refused(desk: Desk) -> None:
    answer = _submit(desk, desk.open_checkout().url, card="1234")
    assert "not one of Stripe" in answer.text
    assert desk.state()["charges"] == {}


@pytest.mark.parametrize(("outcome", "status"), [("pass", "complete"), ("fail", "open")])
def test_three_d_secure_shows_a_second_page(desk: Desk, outcome: str, status: str) -> None:
    session = desk.open_checkout()
    redirect = _submit(desk, session.url, case="three_d_secure")
    second = desk.http.get(redirect.headers["location"])
    assert "Confirm with your bank" in second.text
    answer = _submit(desk, redirect.headers["location"], outcome=outcome)
    assert answer.status_code == 303
    assert desk.stripe.v1.checkout.sessions.retrieve(session.id).status == status
    if outcome == "fail":
        assert "Authentication failed" in desk.http.get(answer.headers["location"]).text


def test_paying_again_after_going_back_takes_nothing_more(desk: Desk) -> None:
    session = desk.open_checkout()
    _submit(desk, session.url, case="success")
    again = _submit(desk, session.url, case="success")
    assert "Already paid" in again.text
    assert len(desk.stripe.v1.charges.list().data) == 1


def test_an_expired_page_offers_the_way_back(desk: Desk) -> None:
    session = desk.open_checkout()
    desk.stripe.v1.checkout.sessions.expire(session.id)
    answer = _read(desk, session.url)
    assert answer.status_code == 410
    assert _Page(answer.text).links == ["http://shop.example/back"]


def test_what_the_shop_writes_is_escaped(desk: Desk) -> None:
    item = {"currency": "eur", "unit_amount": 500, "product_data": {"name": "<script>alert(1)</script>"}}
    session = desk.open_checkout(line_items=[{"quantity": 1, "price_data": item}])
    assert "<script" not in _read(desk, session.url).text


def test_the_page_allows_its_own_style_and_no_script(desk: Desk) -> None:
    answer = _read(desk, desk.open_checkout().url)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    sheets = re.findall(r'href="([^"]+\.css)"', answer.text)
    assert [desk.http.get(sheet).status_code for sheet in sheets] == [200]


def test_an_unknown_page_is_not_found(desk: Desk) -> None:
    assert desk.http.get("/c/pay/cs_test_none").status_code == 404
    assert desk.http.get("/c/authenticate/pi_none").status_code == 404
