"""Blanks: pages that are filled in are the pages that the template makes, whatever the donor is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from html import escape
from typing import Any

import pytest

from receipts import pdf
from receipts.documents import blanks
from receipts.documents.blanks import Blanks
from receipts.regimes import REGIMES
from receipts.snapshot import Snapshot
from tests.receipts.test_pdf import SNAPSHOT

LANGUAGES = ("en", "it", "de", "ar")
SIGNED = replace(
    SNAPSHOT, place="Portland", signatory="Grace Hopper", signatory_role="Treasurer", donor_address="1 Quay\nRome"
)


def others(snapshot: Snapshot) -> list[Snapshot]:
    """The same paper for other donors."""
    return [
        replace(
            snapshot,
            number=f"LA-2026-{number:06d}",
            check_code=f"K7WT{number:04d}",
            donor_name=name,
            donor_country=country,
            donor_address=address,
            reference=f"{number * 7919:08X}",
            received_on=date(2026, 3, number),
            gross_minor=number * 1_234_56,
            amount_in_words=f"{number} euros & more",
        )
        for number, name, country, address in [
            (1, "Ada & Grace <Ltd>", "DE", "2 Quay\nBerlin"),
            (2, 'Niccolò D\'Angelo "Nico"', "FR", "3 Quay\nParis"),
            (3, " ", "IT", "4 Quay\nRome\nItaly"),
            (4, "\ue0001\ue001", "CH", ""),
        ]
    ]


@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize("code", REGIMES)
def test_a_filled_page_is_the_page_of_the_template(code: str, locale: str) -> None:
    desk, regime = Blanks(), REGIMES[code]
    first = replace(SIGNED, regime=code, locale=regime.language(locale), amount_in_words="many euros")
    variants = {
        "plain": first,
        "refunded": replace(first, refunded_minor=1, replaces="LA-2026-000001", tribute="In memory of Ada"),
        "returned": replace(first, returned="a dinner", returned_minor=5_00, channel="Bank transfer"),
        "given by": replace(first, donor_person="Ada Rossi", donor_title="Dr", donor_tax_number="RSSDAA80A01H501U"),
    }
    for variant in variants.values():
        for snapshot in [variant, *others(variant)]:
            assert desk.page(snapshot).html == pdf.to_html(snapshot)


@pytest.mark.parametrize("code", REGIMES)
def test_the_template_is_not_rendered_for_each_donor(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, first = Blanks(), replace(SIGNED, regime=code, locale=REGIMES[code].language("en"))
    one, other, *_ = others(first)
    expected = pdf.to_html(other)
    desk.page(one)
    monkeypatch.setattr(pdf, "html_of", _never)
    assert desk.page(other).html == expected


def _never(_context: Mapping[str, Any]) -> str:
    raise AssertionError("the template is rendered")


@pytest.mark.parametrize(
    "layout",
    [
        lambda context: f'<p class="{context["receipt"].donor_name}">x</p>',
        lambda context: f"<p>{escape(context['receipt'].donor_name.upper())} and {len(context['net'])}</p>",
        lambda context: f"<p>{context['receipt'].received_on:%Y}</p>",
        lambda context: f"<p>{'much' if context['receipt'].gross_minor > 1 else 'little'}</p>",
    ],
    ids=["in the markup", "changed", "a day in figures", "an amount in figures"],
)
def test_a_layout_that_does_more_than_show_a_text_is_rendered_each_time(
    layout: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf, "html_of", layout)
    desk = Blanks()
    for snapshot in [SIGNED, *others(SIGNED)]:
        assert desk.page(snapshot).html == pdf.to_html(snapshot)


def test_the_blanks_that_are_kept_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blanks, "KEPT", 2)
    desk = Blanks()
    for entity in ("Lantern Action", "Harbour Aid", "Light & Co", "Lantern Action"):
        snapshot = replace(SIGNED, entity_name=entity)
        assert desk.page(snapshot).html == pdf.to_html(snapshot)
        assert len(desk._blanks) <= 2
