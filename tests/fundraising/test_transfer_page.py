"""Giving by bank transfer: from the form to a page that says where to send the money, without script."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from fundraising.models import BankAccount, Donation
from fundraising.money import Money
from fundraising.offline import epc, references
from tests import factories, qr

from .conftest import address, filled_in

pytestmark = pytest.mark.django_db
IBAN = "DE89370400440532013000"


@pytest.fixture(autouse=True)
def bank(kit: factories.AppealKit) -> BankAccount:
    cache.clear()
    return BankAccount.objects.create(
        entity=kit.entity,
        slug="main-bank",
        name="Lantern Bank",
        iban=IBAN,
        bic="COBADEFFXXX",
        currency="EUR",
        takes_donations=True,
    )


def send(visitor: Client, kit: factories.AppealKit, **changes: Any) -> Any:
    return visitor.post(address(kit, "en"), filled_in(transfer="1", **changes))


def test_a_transfer_leads_to_a_page_with_account_amount_and_reference(
    visitor: Client, kit: factories.AppealKit
) -> None:
    answer = send(visitor, kit)
    assert answer.status_code == 303
    donation = Donation.objects.get()
    assert answer["Location"] == f"/en/d/{donation.uuid}/"
    page = visitor.get(answer["Location"])
    assert "no-store" in page["Cache-Control"]
    html = page.content.decode()
    assert "DE89 3704 0044 0532 0130 00" in html
    assert "COBADEFFXXX" in html
    assert references.in_groups(donation.transfer_reference or "") in html


def test_the_code_on_the_page_says_what_the_text_beside_it_says(visitor: Client, kit: factories.AppealKit) -> None:
    page = visitor.get(send(visitor, kit)["Location"]).content.decode()
    donation = Donation.objects.get()
    drawn = re.search(r'<figure class="transfer__qr">.*?(<svg.*?</svg>)', page, re.DOTALL)
    assert drawn
    said = qr.read(qr.modules_of(drawn[1], quiet_zone=epc.QUIET_ZONE))
    assert said.split("\n") == [
        "BCD", "002", "1", "SCT", "COBADEFFXXX", "Lantern Action", IBAN,
        f"EUR{donation.amount.decimal:.2f}", "CHAR", donation.transfer_reference,
    ]  # fmt: skip


def test_a_transfer_adds_no_fee_cover(visitor: Client, kit: factories.AppealKit) -> None:
    send(visitor, kit, cover_fee="on")
    assert Donation.objects.get().fee_cover_minor == 0


def test_a_transfer_every_month_is_refused_beside_its_field(visitor: Client, kit: factories.AppealKit) -> None:
    kit.appeal.pages.update(offers_monthly=True)
    answer = send(visitor, kit, frequency="month")
    assert answer.status_code == 422
    assert "standing order" in answer.content.decode()
    assert not Donation.objects.exists()


def test_a_transfer_in_a_currency_without_account_is_refused_beside_its_field(
    visitor: Client, kit: factories.AppealKit
) -> None:
    answer = send(visitor, kit, currency="USD", amount_choice="USD:5000")
    assert answer.status_code == 422
    assert "By bank transfer we take: EUR" in answer.content.decode()
    assert not Donation.objects.exists()


def test_the_form_offers_a_transfer_only_where_an_account_is_shown(
    visitor: Client, kit: factories.AppealKit, bank: BankAccount
) -> None:
    assert 'name="transfer"' in visitor.get(address(kit, "en")).content.decode()
    BankAccount.objects.update(takes_donations=False)
    cache.clear()
    assert 'name="transfer"' not in visitor.get(address(kit, "en")).content.decode()


def test_in_another_currency_than_euro_there_is_no_sepa_code(visitor: Client, kit: factories.AppealKit) -> None:
    BankAccount.objects.update(currency="USD", iban="1234567890")
    page = visitor.get(send(visitor, kit, currency="USD")["Location"]).content.decode()
    assert "1234 5678 90" in page
    assert "transfer__qr" not in page


def test_a_donor_who_chose_a_transfer_may_still_pay_online(visitor: Client, kit: factories.AppealKit) -> None:
    page = visitor.get(send(visitor, kit)["Location"]).content.decode()
    assert f'action="/en/d/{Donation.objects.get().uuid}/pay/"' in page


def test_a_code_in_another_currency_is_refused(bank: BankAccount) -> None:
    with pytest.raises(ValueError, match="euros"):
        epc.payload(bank, name="x", amount=Money(100, "USD"), reference="RF18539007547034")


def test_the_page_says_thank_you_once_the_money_is_here(visitor: Client, kit: factories.AppealKit) -> None:
    from .test_offline import matched  # the line as the bank tells it

    where = send(visitor, kit)["Location"]
    donation = Donation.objects.get()
    matched(donation, BankAccount.objects.get(), minor=donation.amount_minor)
    html = visitor.get(where).content.decode()
    assert "has arrived and is in our books" in html
    assert "DE89" not in html
