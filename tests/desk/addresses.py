"""Every address under /desk/, found by itself: for tests that walk all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver


def addresses(patterns: list[Any] | None = None, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every address under /desk/, with its pattern."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            if route.startswith("desk/") or "desk/".startswith(route):
                yield from addresses(pattern.url_patterns, route)
        elif route.startswith("desk/"):
            yield route, pattern


ALL = list(addresses())
NAMES = [pattern.name or route for route, pattern in ALL]


def filled(route: str, entity: str, values: Mapping[str, object], by_name: Mapping[str, object] | None = None) -> str:
    """The address with every part filled in: by the part's name, else by its converter."""
    parts = []
    for part in route.split("/"):
        head, open_, rest = part.partition("<")
        if open_:
            inside, _close, tail = rest.partition(">")
            converter, colon, name = inside.partition(":")
            standing = values[converter if colon else "str"] if not by_name or name not in by_name else by_name[name]
            part = f"{head}{entity if name == 'entity' else standing}{tail}"
        parts.append(part)
    return "/" + "/".join(parts)
