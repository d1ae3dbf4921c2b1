"""One worker that issues all receipts that are due, as its task does, and prints what it took, as JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import django

django.setup()

from django.db import connection  # noqa: E402
from django.template.loader import render_to_string  # noqa: E402
from weasyprint import CSS, HTML  # noqa: E402
from weasyprint.text.fonts import FontConfiguration  # noqa: E402

from receipts import bulk, pdf, receipts, tasks, typesetting  # noqa: E402
from receipts.models import Receipt  # noqa: E402
from receipts.snapshot import Snapshot  # noqa: E402
from receipts.stamping import Page  # noqa: E402

POINTS = 20
PLAIN = 12  # pages that WeasyPrint renders alone


def resident() -> int:
    status = Path(f"/proc/{os.getpid()}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def database_seconds() -> float:
    """Processor time of the database's process that serves us; 0 where it is on another machine."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        stat = Path(f"/proc/{cursor.fetchone()[0]}/stat")
    fields = stat.read_text().rpartition(")")[2].split() if stat.exists() else ["0"] * 13
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def issue(expected: int) -> dict[str, object]:
    sizes: dict[int, int] = {}
    database, cpu, clock = database_seconds(), time.process_time(), time.monotonic()
    issued, step = 0, max(expected // POINTS, 1)
    issuers: bulk.Issuers = {}
    while due := receipts.due(limit=tasks.MANY):
        for start in range(0, len(due), tasks.AT_ONCE):
            batch = bulk.issue_batch(due[start : start + tasks.AT_ONCE], issuers)
            assert not batch.refused, batch.refused
            issued += len(batch.issued)
            if issued // step > len(sizes):
                sizes[issued] = resident()
    return {
        "issued": issued,
        "cpu": time.process_time() - cpu,
        "clock": time.monotonic() - clock,
        "database": database_seconds() - database,
        "resident": sizes,
        "count": dict(bulk.press().count),
    }


def pages() -> tuple[float, float]:
    """Seconds of one page by WeasyPrint alone and by the press, of the same receipts, turn and turn about."""
    fonts = FontConfiguration()
    style = CSS(string=render_to_string(typesetting.STYLESHEET), font_config=fonts)
    plain = stamped = 0.0
    count = 0
    for number, receipt in enumerate(Receipt.objects.order_by("-pk")[: PLAIN + 2]):
        page = pdf.to_html(Snapshot.from_json(receipt.snapshot))
        began = time.process_time()
        HTML(string=page).write_pdf(stylesheets=[style], font_config=fonts, pdf_variant=typesetting.VARIANT)
        between = time.process_time()
        for _ in range(10):
            bulk.press().print(Page.of(page), identifier=receipt.number)
        if number >= 2:  # the first ones read fonts
            plain, stamped, count = plain + between - began, stamped + (time.process_time() - between) / 10, count + 1
    return plain / count, stamped / count


def main() -> None:
    told = issue(int(sys.argv[1]))
    plain, stamped = pages()
    print(json.dumps({**told, "plain": plain, "print": stamped}), flush=True)


if __name__ == "__main__":
    main()
