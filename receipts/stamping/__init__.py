"""Stamping: lay a page out once, then print many like it. Thirty times as fast as WeasyPrint, and the same page.

A thousand receipts of one appeal are the same page but for a name, an address, an amount, a number and a QR code.
Almost all the time of a rendering goes into what they share: parsing, layout, fonts, tags. So it is done once.

An example. The page says `<p>Number</p><p>LA-000123</p>`. Its *markup* is `<p>□</p><p>□</p>`, its *values* are
"Number" and "LA-000123". The next page has the same markup and "LA-000124" as its second value. After a few such pages
WeasyPrint renders one more and we look on: the second value varied so far, so it may vary; its text box stands at this
place of the layout, and these operators of the PDF's page draw it: `1 0 0 -1 74 141.7 Tm [<0024…>] TJ`. That page is
now a *form*. To print "LA-000125" its letters are shaped as WeasyPrint would, by the same Pango in the same style;
these operators are replaced, and everything else is written as it was.

In the order of the modules, of which who makes no papers imports the first alone:

- `pages.py`: a page is markup and values, cut by a regular expression; nothing is known of any template.
- `forms.py`: from one page and a few like it a `Form` is compiled: which operators and objects say which value.
- `lines.py`: whether another value still fits into the lines that are there, and where those after it begin.
- `pens.py`: a text's operators, glyph by glyph, with WeasyPrint's arithmetic.
- `sheets.py`: the objects of a PDF, to compare two of them and to write one again with a few changed.
- `press.py`: what one process prints with: when a form is worth it, and when it may be trusted.

Here, a `Press` keeps what it compiled. Pages of one markup are a *pile*; a form with its writer is a *plate*. A pile
has several: for names of one line and of two, of Latin letters and of Greek.

**Why it may be trusted.** A plate stamps a value only after two pages with another one came out object by object the
same as WeasyPrint's (`Sheet.is_same`), and each thousandth page is compared again; a difference drops the plate. What
a form cannot draw (another font or script, a line that would break elsewhere, a row more) raises `Unstampable` and is
rendered in full; when that happens often, it becomes a form of its own. So a mistake in here costs time, not truth.

WeasyPrint's inner modules are used; its version is pinned in requirements, and tests compare both ways (text, tags,
pixels). Why it is done like this, and what was tried: docs/adr/0185-pages-are-stamped.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from .pages import Page

if TYPE_CHECKING:
    import pydyf


class Observer(Protocol):
    """Looks on while a page is rendered in full."""

    def watch(self, document: Any) -> None: ...

    def finish(self, document: Any, pdf: pydyf.PDF) -> None: ...


class Render(Protocol):
    """A full rendering: receipts/pdf.py's `to_pdf`."""

    def __call__(self, html: str, *, identifier: str, observer: Observer | None = None) -> bytes: ...


__all__ = ["Observer", "Page", "Render"]
