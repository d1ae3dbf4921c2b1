"""Nine languages for those who give, two for those who work: each page is in one that it is written in."""

from __future__ import annotations

import pytest
from django.core.cache import caches
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils import translation

from config.languages import staff_languages
from fundraising.models import CampaignText
from tests import factories


@pytest.mark.parametrize(
    ("path", "reads", "shown"),
    [
        ("/desk/", "de", "en"),
        ("/desk/", "it", "it"),
        ("/admin/", "ar", "en"),
        ("/de/", "de", "de"),
        ("/ar/", "ar", "ar"),
    ],
)
def test_staff_pages_are_in_the_languages_of_staff(path: str, reads: str, shown: str) -> None:
    def say(_request: object) -> HttpResponse:
        return HttpResponse(translation.get_language())

    with translation.override(reads):
        assert staff_languages(say)(RequestFactory().get(path)).content.decode() == shown


@pytest.mark.django_db
def test_the_bare_address_leads_to_a_language_in_which_something_is_told(client: Client) -> None:
    kit = factories.make_appeal()
    assert client.get("/", headers={"accept-language": "ru"})["Location"] == "/en/"
    assert client.get("/", headers={"accept-language": "it"})["Location"] == "/it/"
    CampaignText.objects.create(campaign=kit.campaign, locale="ar", title="نداء", summary="نداء", story="نداء")
    caches["pages"].clear()
    assert client.get("/", headers={"accept-language": "ar"})["Location"] == "/ar/"
    page = client.get("/ar/").content.decode()
    assert 'dir="rtl"' in page
    assert 'hreflang="ar"' in page
    assert 'hreflang="ru"' not in page
