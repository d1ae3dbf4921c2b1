"""The press: prints pages, in full or from forms that it made of pages before."""

from __future__ import annotations

import gc
import logging
from collections import Counter, OrderedDict
from collections.abc import Sequence
from typing import Any

import pydyf

from . import Observer, Render
from .forms import Form
from .pages import Page
from .pens import Unstampable
from .sheets import Sheet, Writer

logger = logging.getLogger(__name__)

SAMPLES = 3  # full renderings of the same markup before a form is worth it
TRUSTED = 2  # comparisons after which a value may vary
AGAIN = 1000  # of so many stamped pages one is compared again
FORMS = 6  # of one markup: how names and addresses wrap, which alphabets they need
PILES = 200  # markups remembered
PLATES = 64  # compiled forms of all markups: half a megabyte each


class Press:
    """Prints pages; belongs to one process and remembers its forms. Errors are those of the full rendering."""

    def __init__(self, render: Render) -> None:
        self._render = render
        self._piles: OrderedDict[str, _Pile] = OrderedDict()
        self.count: Counter[str] = Counter()  # pages stamped, compared, rendered, compiled; forms spoilt

    def print(self, page: Page, *, identifier: str) -> bytes:
        """The PDF of a page."""
        values, pile = page.values, self._pile(page.markup)
        for plate in list(pile.plates):
            drawn = plate.draw(values)
            if drawn is None:
                continue
            if plate is not pile.plates[0]:  # the next page is likely to be of the same form
                pile.plates.sort(key=lambda other: other is not plate)
            if plate.is_trusted(values):
                self.count["stamped"] += 1
                return plate.writer.write(drawn, identifier)
            return self._compared(page, identifier, pile, plate, drawn)
        return self._rendered(page, identifier, pile)

    def _pile(self, markup: str) -> _Pile:
        pile = self._piles.setdefault(markup, _Pile())
        self._piles.move_to_end(markup)
        if len(self._piles) > PILES:
            self._piles.popitem(last=False)
        return pile

    def _compared(self, page: Page, identifier: str, pile: _Pile, plate: _Plate, drawn: dict[int, bytes]) -> bytes:
        """The full rendering; the plate is trusted more if it is the same, and thrown away if it is not."""
        self.count["compared"] += 1
        taker = _Taker()
        document = self._in_full(page, identifier, taker)
        if plate.form.sheet.is_same(taker.sheet, drawn):
            plate.note(page.values)
        else:
            logger.warning("a stamped page differs from its full rendering: form dropped")
            self.count["spoilt"] += 1
            pile.plates.remove(plate)
            pile.tries -= 1
        return document

    def _rendered(self, page: Page, identifier: str, pile: _Pile) -> bytes:
        """The full rendering, and a new form of it when there were enough."""
        self.count["rendered"] += 1
        pile.samples = [*pile.samples[-SAMPLES:], page.values]
        pile.misses += 1
        if pile.misses < SAMPLES or not pile.tries:
            return self._in_full(page, identifier)
        pile.misses, pile.tries = 0, pile.tries - 1
        form = Form(page, pile.samples)
        try:
            document = self._in_full(page, identifier, form)
            self._keep(pile, _Plate(form))
        except Exception as error:  # whatever it is, the full rendering decides
            logger.info("a page is not compiled: %r", error)
            return self._in_full(page, identifier)
        self.count["compiled"] += 1
        return document

    def _in_full(self, page: Page, identifier: str, observer: Observer | None = None) -> bytes:
        """The full rendering. It leaves a heap of cycles, and stamping gives the garbage collector no reason to come.

        So it comes at once, and looks at nothing but what is new.
        """
        gc.freeze()
        try:
            return self._render(page.html, identifier=identifier, observer=observer)
        finally:
            gc.collect()
            gc.unfreeze()

    def _keep(self, pile: _Pile, plate: _Plate) -> None:
        """Keep a plate; those of the markup that was longest not printed make room."""
        pile.plates.append(plate)
        count = sum(len(other.plates) for other in self._piles.values())
        for oldest in self._piles.values():
            if count <= PLATES or oldest is pile:
                break
            count -= len(oldest.plates)
            oldest.plates.clear()
            oldest.tries = FORMS


class _Pile:
    """Pages of one markup."""

    def __init__(self) -> None:
        self.plates: list[_Plate] = []
        self.samples: list[Sequence[str]] = []
        self.misses = 0
        self.tries = FORMS


class _Plate:
    """A form with its writer, and how often each of its values was seen to come out right."""

    def __init__(self, form: Form) -> None:
        self.form, self.writer = form, Writer(form.sheet, form.changing)
        self._right: Counter[int] = Counter()
        self._stamped = 0

    def draw(self, values: Sequence[str]) -> dict[int, bytes] | None:
        try:
            return self.form.draw(values)
        except Unstampable:
            return None

    def is_trusted(self, values: Sequence[str]) -> bool:
        """Whether every value that differs was compared before, and this page need not be."""
        self._stamped += 1
        return self._stamped % AGAIN > 0 and all(self._right[index] >= TRUSTED for index in self.form.changed(values))

    def note(self, values: Sequence[str]) -> None:
        self._right.update(self.form.changed(values))


class _Taker:
    """Takes the sheet of a full rendering."""

    def __init__(self) -> None:
        self.sheet = Sheet()

    def watch(self, document: Any) -> None:
        pass

    def finish(self, document: Any, pdf: pydyf.PDF) -> None:
        self.sheet = Sheet.of(pdf)
