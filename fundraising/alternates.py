"""The other languages in which a public page can be read, and where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse
from django.utils.translation import override

from .models import DonationPage


@dataclass(frozen=True)
class Alternate:
    """A page in one language; `current` for the one that is open."""

    locale: str
    label: str
    url: str
    current: bool


def alternates(urls: Mapping[str, str], current: str) -> list[Alternate]:
    """The addresses of a page by language, in the order of our languages."""
    return [
        Alternate(locale, label, urls[locale], locale == current)
        for locale, label in settings.LANGUAGES
        if locale in urls
    ]


def in_languages(name: str, locales: Iterable[str], current: str, **where: str) -> list[Alternate]:
    """A page that has the same address in several languages, but for the language."""
    return alternates({locale: _url(name, locale, **where) for locale in locales}, current)


def of_appeal(name: str, slugs: Mapping[str, str], current: str, **where: int) -> list[Alternate]:
    """A page about an appeal, under the appeal's own slug in each language."""
    return alternates({locale: _url(name, locale, slug=slug, **where) for locale, slug in slugs.items()}, current)


def slugs_of(page: DonationPage) -> dict[str, str]:
    """The slugs of the published pages of the page's appeal, by language."""
    return dict(DonationPage.objects.filter(appeal=page.appeal_id, published=True).values_list("locale", "slug"))


def _url(name: str, locale: str, **where: str | int) -> str:
    with override(locale):
        return reverse(name, kwargs=where)
