"""A receipt, one at a time, against WeasyPrint alone on the same page with fonts and style sheet parsed once."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from django.template.loader import render_to_string
from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration

from receipts import pdf, typesetting
from tests.bench.results import Result
from tests.receipts.test_pdf import SNAPSHOT

TIMES = 30


def measure() -> list[Result]:
    """Turn and turn about."""
    page = pdf.to_html(SNAPSHOT)
    fonts = FontConfiguration()
    style = CSS(string=render_to_string(typesetting.STYLESHEET), font_config=fonts)

    def bare() -> object:
        return HTML(string=page).write_pdf(stylesheets=[style], font_config=fonts, pdf_variant=typesetting.VARIANT)

    works: dict[str, Callable[[], object]] = {"ours": lambda: pdf.render(SNAPSHOT), "bare": bare}
    took: dict[str, list[float]] = {"ours": [], "bare": []}
    for number in range(TIMES + 2):
        for name, work in works.items():
            began = time.perf_counter()
            work()
            if number >= 2:  # the first ones read fonts
                took[name].append(time.perf_counter() - began)
    ours, limit = statistics.median(took["ours"]), statistics.median(took["bare"])
    return [
        Result(
            "receipt, one at a time",
            f"{ours * 1000:.0f} ms",
            f"{limit * 1000:.0f} ms",
            ours / limit,
            1.3,
            ceiling=True,
            note=f"medians of {TIMES}",
        )
    ]
