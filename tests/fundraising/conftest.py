"""What the tests of the books and the pages share."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.test import Client

from tests import factories


@pytest.fixture
def kit(db: None) -> factories.AppealKit:
    """An open appeal in EUR, USD and JPY, in English and Italian."""
    return factories.make_appeal()


@pytest.fixture
def visitor() -> Client:
    """A stranger's browser that keeps no session; an error of ours is an answer, as it would be to them."""
    return Client(raise_request_exception=True)


def address(kit: factories.AppealKit, locale: str = "en") -> str:
    return kit.pages[locale].get_absolute_url()


def filled_in(**changes: Any) -> dict[str, Any]:
    """The form as a donor fills it in; a change to None leaves the field out."""
    fields = {
        "currency": "EUR",
        "amount_choice": "other",
        "amount": "25",
        "first_name": "Ada",
        "last_name": "Rossi",
        "email": "ada@example.org",
        "country": "IT",
        "public_name": "anonymous",
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


def errors_beside(page: str) -> dict[str, list[str]]:
    """The messages that the page shows beside each of its fields."""
    blocks = re.findall(r'<div id="id_(\w+)_error">(.*?)</div>', page, re.DOTALL)
    return {name: [html.unescape(text) for text in re.findall(r">([^<>]+)</p>", block)] for name, block in blocks}
