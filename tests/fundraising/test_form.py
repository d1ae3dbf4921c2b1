"""The donation form against everything a stranger may send: a clear message, the rest kept, nothing written."""

from __future__ import annotations

import html
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fundraising.content import appeal_content
from fundraising.drafts import open_donation
from fundraising.forms import DonationForm
from fundraising.models import Appeal, Donation, Donor, EntityText, Entry, FeeCover, LegalEntity, PageCurrency, Round
from fundraising.money import Money
from payments.models import Payment
from tests import factories

from .conftest import address, errors_beside, filled_in

pytestmark = pytest.mark.django_db

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


def send(visitor: Client, kit: factories.AppealKit, locale: str = "en", **changes: Any) -> Any:
    return visitor.post(address(kit, locale), filled_in(**changes))


def nothing_written() -> bool:
    return not any(model.objects.exists() for model in (Donation, Donor, Payment, Entry))


BAD_AMOUNTS = [
    ("0", "EUR", "The amount must be more than zero.", "L’importo deve essere maggiore di zero."),
    ("-5", "EUR", "The amount must be more than zero.", "L’importo deve essere maggiore di zero."),
    ("\u22125", "EUR", "The amount must be more than zero.", "L’importo deve essere maggiore di zero."),
    ("NaN", "EUR", "This is not an amount. Write it like 25 or 25.50.", "25,50"),
    ("inf", "EUR", "This is not an amount. Write it like 25 or 25.50.", "25,50"),
    ("1e5", "EUR", "This is not an amount. Write it like 25 or 25.50.", "25,50"),
    ("ten", "EUR", "This is not an amount. Write it like 25 or 25.50.", "25,50"),
    ("25\x00", "EUR", "Null characters are not allowed.", "null"),
    ("9" * 4_000, "EUR", "This is not an amount. Write it like 25 or 25.50.", "25,50"),
    ("10.005", "EUR", "EUR has 2 decimals. Please write no more, and thousands without a point or comma.", "EUR"),
    ("10.50", "JPY", "JPY has no decimals. Please write a whole amount.", "JPY"),
    ("٢٥", "EUR", "Write the amount with the digits 0 to 9.", "cifre da 0 a 9"),
    ("２５", "EUR", "Write the amount with the digits 0 to 9.", "cifre da 0 a 9"),
    ("", "EUR", "Choose an amount, or write your own.", "importo"),
    ("4,99", "EUR", "The smallest donation is €5.", "5\u00a0€"),
    ("4", "JPY", "The smallest donation is ¥5.", "5\u00a0JPY"),
    ("50000.01", "EUR", "The largest donation by card is €50,000.", "50.000\u00a0€"),
    ("999999999999999", "EUR", "The largest donation by card is €50,000.", "50.000\u00a0€"),
]


@pytest.mark.parametrize(("amount", "currency", "english", "italian"), BAD_AMOUNTS)
def test_a_bad_amount_is_explained_beside_its_field_in_both_languages(
    visitor: Client, kit: factories.AppealKit, amount: str, currency: str, english: str, italian: str
) -> None:
    for locale, message in (("en", english), ("it", italian)):
        answer = send(visitor, kit, locale, amount=amount, currency=currency)
        page = answer.content.decode()
        assert answer.status_code == 422
        shown = errors_beside(page)
        assert list(shown) == ["amount"]
        assert len(shown["amount"]) == 1
        assert message in shown["amount"][0]
        assert 'value="ada@example.org"' in page
        assert 'value="Rossi"' in page
        assert '<option value="IT" selected>' in page
    assert shown["amount"][0] != english, "the Italian page speaks English"
    assert nothing_written()


GOOD_NAMES = [
    "Ада", "أدا", "محمد\u200cعلی", "李明", "Đặng Thị Ánh", "O'Neill", "Jean-Luc", "Łukasz", "ක්\u200dරිස්ටි", "María José",
    "N'Golo", "de' Medici", "Jose\u0301", "葛\U000e0100城",
]  # fmt: skip
BAD_NAMES = [
    ("A\x00da", "invisible"),
    ("A\x07da", "invisible"),
    ("Ada\nBcc: all", "invisible"),
    ("\u202eadA", "invisible"),
    ("A\u2066da\u2069", "invisible"),
    ("A\u00adda", "invisible"),
    ("A\ufeffda", "invisible"),
    ("A\u2028da", "invisible"),
    ("\u3164", "invisible"),
    ("\ue000", "invisible"),
    ("Ada \U0001f600", "symbols"),
    (FAMILY, "symbols"),
    ("\ufffd", "symbols"),
    ("1\ufe0f\u20e3", "symbols"),
    ("A" + "\u0301\u0316\u0489\u035c" * 10, "symbols"),
    ("\U0001f600" * 10_000, "at most 80"),
    ("x" * 81, "at most 80"),
    ("   ", "Please write your"),
    ("", "Please write your"),
    ("\u200c\u200d", "Please write your"),
]


@pytest.mark.parametrize("field", ["first_name", "last_name"])
@pytest.mark.parametrize(("name", "words"), BAD_NAMES)
def test_a_name_that_is_none_is_refused_beside_its_field(
    visitor: Client, kit: factories.AppealKit, field: str, name: str, words: str
) -> None:
    answer = send(visitor, kit, **{field: name})
    shown = errors_beside(answer.content.decode())
    assert answer.status_code == 422
    assert list(shown) == [field]
    assert words in shown[field][0]
    assert 'value="25"' in answer.content.decode()
    assert nothing_written()


def test_lone_surrogates_sent_as_bytes_are_refused_as_a_name(visitor: Client, kit: factories.AppealKit) -> None:
    body = "currency=EUR&amount_choice=other&amount=25&first_name=A%ED%A0%80&last_name=R&email=a%40b.example&country=IT"
    answer = visitor.post(address(kit), body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 422
    assert list(errors_beside(answer.content.decode())) == ["first_name"]


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_names_of_every_script_are_taken_as_they_are(kit: factories.AppealKit, name: str) -> None:
    form = DonationForm(appeal_content("en", kit.pages["en"].slug), filled_in(first_name=name, last_name=name))
    assert form.is_valid(), form.errors
    donor = open_donation(form.draft()).donor
    assert donor.first_name == Donor.objects.get(pk=donor.pk).last_name
    assert donor.first_name.replace("é", "e\u0301")[:3] == name.replace("é", "e\u0301")[:3]


def test_spaces_around_and_within_a_name_are_made_one(kit: factories.AppealKit) -> None:
    form = DonationForm(appeal_content("en", kit.pages["en"].slug), filled_in(first_name="  Anna   Maria "))
    assert form.is_valid()
    assert form.draft().first_name == "Anna Maria"


@pytest.mark.parametrize(
    "email",
    ["ada", "ada@", "@example.org", "ada@example", "ada example@example.org", "ada@exa mple.org", "a@b@example.org",
     "ada@example.org\nBcc: x@example.org", "ada\x00@example.org", "<ada@example.org>", "a" * 250 + "@example.org"],
)  # fmt: skip
def test_a_malformed_address_is_explained_beside_its_field(
    visitor: Client, kit: factories.AppealKit, email: str
) -> None:
    for locale in factories.LOCALES:
        answer = send(visitor, kit, locale, email=email)
        assert answer.status_code == 422
        assert list(errors_beside(answer.content.decode())) == ["email"]
    assert nothing_written()


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"currency": "GBP"}, "currency", "does not take that currency"),
        ({"currency": "eur"}, "currency", "does not take that currency"),
        ({"currency": "<b>"}, "currency", "does not take that currency"),
        ({"amount_choice": "USD:2000", "amount": ""}, "amount_choice", "another currency"),
        ({"amount_choice": "EUR:1", "amount": ""}, "amount_choice", "Choose an amount"),
        ({"amount_choice": "EUR:-5000", "amount": ""}, "amount_choice", "Choose an amount"),
        ({"amount_choice": "x" * 9_999, "amount": ""}, "amount_choice", "Choose an amount"),
        ({"amount_choice": None, "amount": ""}, "amount_choice", "Choose an amount"),
        ({"country": "ZZ"}, "country", "choose a country"),
        ({"country": ""}, "country", "choose your country"),
        ({"public_name": "full"}, "public_name", "how you want to appear"),
        ({"frequency": "monthly"}, "frequency", "how often"),
        ({"frequency": "year"}, "frequency", "how often"),
        ({"frequency": "month", "day": "29"}, "day", "from 1 to 28"),
        ({"tribute": "revenge", "tribute_name": "Ada"}, "tribute", "honours or remembers"),
    ],
)
def test_a_changed_choice_is_refused_beside_its_field(
    visitor: Client, kit: factories.AppealKit, changes: dict[str, str], field: str, words: str
) -> None:
    answer = send(visitor, kit, **changes)
    shown = errors_beside(answer.content.decode())
    assert answer.status_code == 422
    assert list(shown) == [field]
    assert words in shown[field][0]
    assert nothing_written()


def test_a_filled_trap_is_told_in_the_summary(visitor: Client, kit: factories.AppealKit) -> None:
    answer = send(visitor, kit, website="http://spam.example")
    page = html.unescape(answer.content.decode())
    assert answer.status_code == 422
    assert "robots" in page[page.index("error-summary") : page.index("</ul>", page.index("error-summary"))]
    assert nothing_written()


def test_what_a_page_round_or_fee_is_comes_from_the_books_whatever_is_sent(kit: factories.AppealKit) -> None:
    other = factories.make_appeal()
    sent = filled_in(
        page=other.pages["en"].pk, round=other.round.pk, wording=other.wordings["en"].pk, fund=other.appeal.fund_id,
        fee_cover=1, fee_cover_minor=1, amount_minor=1, cover_fee="on", entity=other.entity.pk, state="received",
    )  # fmt: skip
    form = DonationForm(appeal_content("en", kit.pages["en"].slug), sent)
    assert form.is_valid()
    donation = open_donation(form.draft())
    assert (donation.page, donation.round, donation.wording) == (kit.pages["en"], kit.round, kit.wordings["en"])
    assert (donation.state, donation.amount_minor, donation.fee_cover_minor) == ("opened", 2_606, 106)


def test_an_empty_form_names_everything_that_is_missing(visitor: Client, kit: factories.AppealKit) -> None:
    for locale in factories.LOCALES:
        answer = visitor.post(address(kit, locale), {})
        assert answer.status_code == 422
        shown = errors_beside(answer.content.decode())
        assert set(shown) == {"amount_choice", "first_name", "last_name", "email", "country"}
    assert shown["first_name"] == ["Scrivi il tuo nome."]
    assert nothing_written()


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "multipart/form-data; boundary=x", "x"])
def test_a_body_of_another_kind_is_an_empty_form(visitor: Client, kit: factories.AppealKit, content_type: str) -> None:
    answer = visitor.post(address(kit), b'{"amount": 25}', content_type=content_type)
    assert answer.status_code in {400, 422}
    assert nothing_written()


def test_a_giant_body_or_too_many_fields_are_refused(visitor: Client, kit: factories.AppealKit) -> None:
    assert send(visitor, kit, first_name="x" * 3_000_000).status_code in {400, 413, 422}
    fields = "&".join(f"f{number}=1" for number in range(1_500))
    answer = visitor.post(address(kit), fields, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 400
    assert nothing_written()


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "trace"])
def test_other_methods_are_refused_and_the_right_ones_named(
    visitor: Client, kit: factories.AppealKit, method: str
) -> None:
    answer = getattr(visitor, method)(address(kit))
    assert answer.status_code == 405
    assert {"GET", "HEAD", "POST"} <= set(answer["Allow"].split(", "))


def test_a_form_sent_to_no_appeal_is_not_found(visitor: Client, kit: factories.AppealKit) -> None:
    assert visitor.post("/en/a/nothing-here/", filled_in()).status_code == 404
    Appeal.objects.update(state="draft")
    assert send(visitor, kit).status_code == 404
    assert nothing_written()


def test_a_form_sent_to_a_closed_appeal_or_before_the_round_opens_meets_the_closed_page(
    visitor: Client, kit: factories.AppealKit
) -> None:
    Round.objects.update(opens_at=timezone.now() + timedelta(hours=1))
    assert send(visitor, kit).status_code == 409
    Round.objects.update(opens_at=timezone.now() - timedelta(days=1))
    Appeal.objects.update(state="closed")
    answer = send(visitor, kit, "it")
    assert answer.status_code == 409
    assert "Questo appello è chiuso" in answer.content.decode()
    assert nothing_written()


def test_an_appeal_that_closed_since_its_page_was_remembered_takes_nothing_more(
    visitor: Client, kit: factories.AppealKit
) -> None:
    visitor.get(address(kit))
    Appeal.objects.update(state="closed")
    assert send(visitor, kit).status_code == 409
    assert nothing_written()


def test_an_appeal_whose_entity_has_no_stripe_account_yet_says_so_honestly(
    visitor: Client, kit: factories.AppealKit
) -> None:
    answer = send(visitor, kit)
    assert answer.status_code == 503
    assert answer["Retry-After"]
    assert Donation.objects.get().state == "opened"
    assert not Payment.objects.exists()


def test_the_answer_to_a_bad_form_is_kept_by_no_cache(visitor: Client, kit: factories.AppealKit) -> None:
    assert "no-store" in send(visitor, kit, amount="0")["Cache-Control"]


ATTACK = "\"><script>alert(1)</script>'{{7*7}}{% now %}"


@pytest.mark.parametrize(
    "field", ["currency", "amount", "amount_choice", "first_name", "last_name", "email", "country", "public_name",
              "website", "frequency"]
)  # fmt: skip
def test_markup_typed_into_a_field_comes_back_as_text(visitor: Client, kit: factories.AppealKit, field: str) -> None:
    answer = send(visitor, kit, **{field: ATTACK})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "<script>alert" not in page
    assert '"><script' not in page


def test_markup_in_the_texts_of_the_desk_is_shown_as_text(visitor: Client, kit: factories.AppealKit) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    kit.campaign.texts.update(title=evil, summary=evil, story=evil, partner_credit=evil)
    LegalEntity.objects.update(name=evil, address=evil, registration=evil)
    EntityText.objects.update(legal_form=evil, non_deductibility=evil)
    kit.appeal.wordings.create(locale="en", version=2, title=evil, ask=evil, purpose=evil, secondary_purpose=evil)
    factories.received_donation(kit, first_name=evil)
    Donation.objects.update(public_name="name_country")
    for path in (address(kit), f"/en/c/{kit.campaign.slug}/", "/en/", f"/en/d/{Donation.objects.get().uuid}/"):
        page = visitor.get(path).content.decode()
        assert "&lt;script&gt;" in page
        assert "<script>alert" not in page
        assert "<img src=x" not in page


# --- The fee cover --------------------------------------------------------------------------------


@given(wished=st.integers(1, 80_000_000), basis_points=st.integers(0, 1_999), fixed=st.integers(0, 10_000))
def test_after_the_fee_on_the_whole_the_wished_amount_is_left_to_the_cent(
    wished: int, basis_points: int, fixed: int
) -> None:
    cover = FeeCover(currency="EUR", basis_points=basis_points, fixed_minor=fixed).cover(Money(wished, "EUR"))
    total = wished + cover.minor
    fee = -(-total * basis_points // 10_000) + fixed  # rounded against us
    assert wished - 1 <= total - fee
    smaller = total - 2
    assert smaller - (smaller * basis_points / 10_000 + fixed) < wished, "the donor pays more than the fee"


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(minor=st.integers(500, 5_000_000))
def test_the_form_adds_exactly_the_cover_of_the_entitys_rule(kit: factories.AppealKit, minor: int) -> None:
    content = appeal_content("en", kit.pages["en"].slug)
    form = DonationForm(content, filled_in(amount=f"{Money(minor, 'EUR').decimal:f}", cover_fee="on"))
    assert form.is_valid()
    draft = form.draft()
    rule = FeeCover.objects.get(entity=kit.entity, currency="EUR")
    assert draft.fee_cover == rule.cover(Money(minor, "EUR"))
    assert draft.amount == Money(minor, "EUR") + draft.fee_cover


def test_a_currency_without_a_rule_has_no_cover(kit: factories.AppealKit) -> None:
    form = DonationForm(appeal_content("en", kit.pages["en"].slug), filled_in(currency="USD", cover_fee="on"))
    assert form.is_valid()
    assert (form.draft().amount, form.draft().fee_cover) == (Money(2_500, "USD"), Money(0, "USD"))


def test_a_suggested_amount_and_consent_are_kept_as_the_donor_saw_them(kit: factories.AppealKit) -> None:
    sent = filled_in(amount_choice="EUR:5000", amount="", newsletter="on", public_name="name_country")
    form = DonationForm(appeal_content("en", kit.pages["en"].slug), sent)
    assert form.is_valid()
    draft = form.draft()
    assert (draft.amount, draft.public_name) == (Money(5_000, "EUR"), "name_country")
    assert draft.newsletter_consent == "Write to me about what my donation made possible"


def test_the_same_form_twice_is_one_donation_and_another_amount_another(kit: factories.AppealKit) -> None:
    content = appeal_content("en", kit.pages["en"].slug)

    def opened(**changes: Any) -> Donation:
        form = DonationForm(content, filled_in(**changes))
        assert form.is_valid()
        return open_donation(form.draft())

    assert opened() == opened()
    assert opened() != opened(amount="26")
    assert PageCurrency.objects.filter(page=kit.pages["en"]).count() == 3


@pytest.mark.django_db(transaction=True)
def test_many_clicks_at_once_open_one_donation_of_one_donor(kit: factories.AppealKit) -> None:
    content = appeal_content("en", kit.pages["en"].slug)

    def click(number: int) -> int:
        form = DonationForm(content, filled_in(email="ada@example.org" if number % 2 else "ADA@example.org"))
        assert form.is_valid()
        try:
            return open_donation(form.draft()).pk
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(click, range(16)))) == 1
    assert (Donation.objects.count(), Donor.objects.count()) == (1, 1)
