"""Every address that is open to everybody, found by itself in the URL conf and filled in: for tests that walk all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.translation import override

# Behind a door of their own; other tests walk them.
CLOSED = ("desk/", "admin/", "accounts/")
_PART = re.compile(r"<(?:(?P<converter>\w+):)?(?P<name>\w+)>")


class CannotFill(Exception):
    """A part of an address for which there is no value: say in the test what it may be."""


def routes(patterns: list[Any] | None = None, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every public route in the active language, with its pattern."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = before + str(pattern.pattern)
        if route.startswith(CLOSED):
            continue
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        else:
            yield route, pattern


def addresses(values: Mapping[str, Sequence[object]]) -> Iterator[tuple[str, str]]:
    """Route and address, in every language, each part with every value under its name, `route:name` before `name`."""
    for locale, _name in settings.LANGUAGES:
        with override(locale):
            found = list(routes())
        for route, _pattern in found:
            if locale == settings.LANGUAGES[0][0] or route.startswith(f"{locale}/"):
                for address in _filled(route, values):
                    yield route, f"/{address}"


def _filled(route: str, values: Mapping[str, Sequence[object]]) -> list[str]:
    found = [""]
    end = 0
    for part in _PART.finditer(route):
        before, name = route[end : part.start()], part["name"]
        # `a/<slug>` is another slug than `c/<slug>`: what stands before a part tells what it is of.
        ahead = (route[: part.start()].rstrip("/").rpartition("/")[2]) + "/" + name
        fill = values.get(ahead) or values.get(name)
        if not fill:
            raise CannotFill(f"{route}: no value for {ahead!r} nor {name!r}")
        found = [f"{one}{before}{value}" for one in found for value in fill]
        end = part.end()
    return [one + route[end:] for one in found]
