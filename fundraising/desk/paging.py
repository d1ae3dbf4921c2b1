"""Long lists in pages of fifty, without ever counting the rows; desk/_pager.html takes a Page as `page`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpRequest

SIZE: Final = 50
DEEPEST: Final = 200  # pages by number; further back a filter finds more than leafing


@dataclass(frozen=True)
class Page:
    """Some rows of a list, and the addresses of those before and after them. Filters of the address are kept."""

    rows: Sequence[Any]
    newer_url: str = ""
    older_url: str = ""

    def __iter__(self) -> Iterator[Any]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def by_id(request: HttpRequest, rows: QuerySet[Any], *, field: str = "pk", size: int = SIZE) -> Page:
    """A page by key, newest first, as quick on the millionth row as on the first: `?before=` and `?after=` an id."""
    before, after = _number(request, "before"), _number(request, "after")
    if after is not None:
        found = list(rows.filter(**{f"{field}__gt": after}).order_by(field)[: size + 1])
        shown, newer, older = found[:size][::-1], len(found) > size, True
    else:
        if before is not None:
            rows = rows.filter(**{f"{field}__lt": before})
        found = list(rows.order_by(f"-{field}")[: size + 1])
        shown, newer, older = found[:size], before is not None, len(found) > size
    if not shown:
        return Page([], _address(request) if before is not None or after is not None else "")
    first, last = (_key(row, field) for row in (shown[0], shown[-1]))
    return Page(
        shown,
        _address(request, after=first) if newer else "",
        _address(request, before=last) if older else "",
    )


def by_number(request: HttpRequest, rows: QuerySet[Any] | Sequence[Any], *, size: int = SIZE) -> Page:
    """A page by number (`?page=2`), in whatever order the rows have."""
    number = min(max(_number(request, "page") or 1, 1), DEEPEST)
    start = (number - 1) * size
    found = list(rows[start : start + size + 1])
    return Page(
        found[:size],
        _address(request, page=number - 1) if number > 1 else "",
        _address(request, page=number + 1) if len(found) > size and number < DEEPEST else "",
    )


def _key(row: Any, field: str) -> Any:
    return row[field] if isinstance(row, dict) else getattr(row, field)


def _number(request: HttpRequest, name: str) -> int | None:
    """A number of the address; nonsense counts as none."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _address(request: HttpRequest, **place: Any) -> str:
    query = request.GET.copy()
    for name in ("before", "after", "page"):
        query.pop(name, None)
    for name, value in place.items():
        query[name] = str(value)
    return f"{request.path}?{query.urlencode()}" if query else request.path
