"""The optional parts of the form: tributes, companies, employers; and what donors and their receipts show of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client

from fundraising.content import appeal_content
from fundraising.drafts import open_donation
from fundraising.forms import DonationForm
from fundraising.models import Donation, Donor
from receipts.receipts import issue_receipt
from receipts.snapshot import Snapshot
from tests import factories

from .conftest import address, errors_beside, filled_in

pytestmark = pytest.mark.django_db
MEMORY = {"tribute": "memory", "tribute_name": "Sorana Ilić"}


def opened(kit: factories.AppealKit, locale: str = "en", **changes: Any) -> Donation:
    form = DonationForm(appeal_content(locale, kit.pages[locale].slug), filled_in(**changes))
    assert form.is_valid(), form.errors
    return open_donation(form.draft())


def test_a_tribute_stands_on_the_donors_page_and_on_the_receipt(visitor: Client, kit: factories.AppealKit) -> None:
    donation = opened(kit, **MEMORY)
    factories.receive(donation)
    page = visitor.get(f"/en/d/{donation.uuid}/").content.decode()
    assert "In memory of" in page
    assert "Sorana Ilić" in page
    snapshot = Snapshot.from_json(issue_receipt(donation).snapshot)
    assert snapshot.tribute == "In memory of Sorana Ilić"
    cache.clear()
    assert "Sorana" not in visitor.get(address(kit)).content.decode()


def test_a_receipt_is_made_out_to_the_company_with_the_person_below(visitor: Client, kit: factories.AppealKit) -> None:
    donation = opened(kit, organisation="Brandt & Söhne GmbH + Co. KG")
    factories.receive(donation)
    snapshot = Snapshot.from_json(issue_receipt(donation).snapshot)
    assert (snapshot.donor_name, snapshot.donor_person) == ("Brandt & Söhne GmbH + Co. KG", "Ada Rossi")
    assert "Brandt &amp; Söhne" in visitor.get(f"/en/d/{donation.uuid}/").content.decode()


def test_a_person_and_the_company_they_give_for_are_two_donors(kit: factories.AppealKit) -> None:
    assert opened(kit).donor != opened(kit, organisation="Brandt GmbH").donor
    assert Donor.objects.count() == 2


def test_the_employer_is_kept_for_matching_and_shown_nowhere(visitor: Client, kit: factories.AppealKit) -> None:
    donation = opened(kit, employer="Halcyon Works")
    factories.receive(donation)
    assert donation.employer == "Halcyon Works"
    assert "Halcyon" not in issue_receipt(donation).snapshot
    assert "Halcyon" not in visitor.get(f"/en/d/{donation.uuid}/").content.decode()


def test_what_donors_write_of_others_is_sealed_in_the_database(kit: factories.AppealKit) -> None:
    donation = opened(kit, employer="Halcyon Works", **MEMORY)
    with connection.cursor() as cursor:
        cursor.execute("SELECT tribute_name, employer FROM fundraising_donation WHERE id = %s", [donation.pk])
        stored = cursor.fetchone()
    assert all(value.startswith("v1:") for value in stored)


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"tribute": "memory"}, "tribute_name", "whom you give for"),
        ({"tribute_name": "Ada"}, "tribute", "honours or remembers"),
        ({"tribute": "memory", "tribute_name": "\u202eadA"}, "tribute_name", "invisible"),
        ({"tribute": "memory", "tribute_name": "Ada \U0001f600"}, "tribute_name", "letters only"),
        ({"organisation": "x" * 201}, "organisation", "at most 200"),
        ({"organisation": "Ada \U0001f600 Inc."}, "organisation", "letters only"),
        ({"employer": "A\x07B"}, "employer", "invisible"),
    ],
)
def test_what_is_wrong_in_an_optional_part_is_told_beside_it_and_the_part_is_open(
    visitor: Client, kit: factories.AppealKit, changes: dict[str, str], field: str, words: str
) -> None:
    answer = visitor.post(address(kit), filled_in(**changes))
    page = answer.content.decode()
    assert answer.status_code == 422
    shown = errors_beside(page)
    assert list(shown) == [field]
    assert words in shown[field][0]
    before = page[: page.index(f'id="id_{field}_error"')]
    assert before.rindex('<details class="more" open>') > before.rindex("<details") - 1
    assert not Donation.objects.exists()


def test_the_optional_parts_are_folded_away_until_wanted(visitor: Client, kit: factories.AppealKit) -> None:
    assert '<details class="more" open>' not in visitor.get(address(kit)).content.decode()


def test_a_snapshot_of_before_there_were_tributes_is_read_as_it_was(kit: factories.AppealKit) -> None:
    donation, _charge = factories.received_donation(kit)
    kept = json.loads(issue_receipt(donation).snapshot)
    del kept["tribute"], kept["donor_person"]
    before = Snapshot.from_json(json.dumps(kept))
    assert (before.tribute, before.donor_person) == ("", "")
    del kept["number"]
    with pytest.raises(KeyError):
        Snapshot.from_json(json.dumps(kept))
