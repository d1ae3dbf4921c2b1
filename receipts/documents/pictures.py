"""The pictures of a letterhead, logo and facsimile, under an address of their own that nobody can fetch."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from ..models import ImageType, Letterhead

ADDRESS = re.compile(r'src="letterhead:(\d+)/')


@dataclass(frozen=True)
class Picture:
    """Bytes that may stand on a paper, and their media type."""

    content: bytes
    media_type: str


@dataclass(frozen=True)
class Pictures:
    """What a letterhead brings; an address is empty where it has no such picture."""

    logo: str = ""
    facsimile: str = ""
    by_address: tuple[tuple[str, Picture], ...] = ()


@functools.lru_cache(maxsize=32)
def pictures_of(letterhead: int) -> Pictures:
    """Those of a row of receipts.Letterhead, which never changes; none for 0."""
    row = Letterhead.objects.filter(pk=letterhead).first() if letterhead else None
    if row is None:
        return Pictures()
    logo = facsimile = ""
    found = []
    if row.logo:
        logo = f"letterhead:{row.pk}/logo"
        found.append((logo, Picture(bytes(row.logo), row.logo_type)))
    if row.signature:
        facsimile = f"letterhead:{row.pk}/signature"
        found.append((facsimile, Picture(bytes(row.signature), ImageType.PNG)))
    return Pictures(logo, facsimile, tuple(found))


def pictures_on(page: str) -> dict[str, Picture]:
    """The pictures that a page of ours shows, by address. What donors wrote is escaped there and names none."""
    found: dict[str, Picture] = {}
    for letterhead in {int(one) for one in ADDRESS.findall(page)}:
        found.update(pictures_of(letterhead).by_address)
    return found
