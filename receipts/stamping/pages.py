"""Pages: the HTML of a template, as markup and values."""

from __future__ import annotations

import re
from itertools import chain, zip_longest
from typing import NamedTuple

# Texts that are not blank, and attributes that WeasyPrint carries over to the file.
VALUES = re.compile(r'((?<=>)\s*[^<\s][^<]*|(?<= content=")[^"]*|(?<= href=")[^"]*|(?<= alt=")[^"]*|(?<= d=")[^"]*)')
GAP = "\0"


class Page(NamedTuple):
    """Pages with the same markup differ in nothing but values. Markup has a gap (a NUL) for each value."""

    markup: str
    values: list[str]

    @classmethod
    def of(cls, html: str) -> Page:
        parts = VALUES.split(html)
        return cls(GAP.join(parts[0::2]), parts[1::2])

    @property
    def html(self) -> str:
        return "".join(chain.from_iterable(zip_longest(self.markup.split(GAP), self.values, fillvalue="")))
