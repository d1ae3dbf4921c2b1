"""Papers at the desk: regimes, letterhead, wordings and specimens; and pictures that are nothing but pictures."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from fundraising.models import LegalEntity, Role, StaffAction, TaxStatus
from receipts.models import Advantage, ImageType, IssuerRegime, Letterhead, Receipt, Series, Wording
from receipts.papers.images import MOST_BYTES, PictureRefused, read_logo, read_png, read_svg
from receipts.regimes import REGIMES
from tests import factories, staff
from tests.receipts.pictures import SVG, png
from tests.receipts.reading import reader

RSIN = "111222333"
HEAD = b'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'


# --- Pictures ---------------------------------------------------------------------------------------


def test_a_png_is_written_anew_without_what_it_said_of_itself() -> None:
    written = io.BytesIO()
    info = PngInfo()
    info.add_text("Author", "Somebody at home")
    Image.new("RGB", (9, 9), "red").save(written, "PNG", pnginfo=info)
    kept, kind = read_logo(written.getvalue())
    assert kind == ImageType.PNG
    assert b"Somebody" in written.getvalue()
    assert b"Somebody" not in kept
    assert Image.open(io.BytesIO(kept)).size == (9, 9)


def test_an_svg_of_shapes_is_kept_as_it_came() -> None:
    assert read_logo(SVG) == (SVG, ImageType.SVG)
    with_gradient = (
        HEAD + b'<!-- mark --><defs><linearGradient id="g"><stop offset="0" stop-color="#123"/></linearGradient></defs>'
        b'<rect width="9" height="9" fill="url(#g)"/><use xlink:href="#g"/></svg>'
    )
    assert read_svg(with_gradient) == with_gradient


@pytest.mark.parametrize(
    "inside",
    [
        b"<script>alert(1)</script>",
        b'<path onload="alert(1)" d="M0 0"/>',
        b"<foreignObject/>",
        b'<image href="https://example.org/x.png"/>',
        b'<image xlink:href="data:image/png;base64,AAAA"/>',
        b'<use xlink:href="https://example.org/x.svg#a"/>',
        b'<use href="file:///etc/passwd#a"/>',
        b"<style>@import url(https://example.org/x.css)</style>",
        b'<rect fill="url(https://example.org/x.svg#g)"/>',
        b"<rect style=\"background:url( '//example.org/x')\"/>",
        b'<a href="#"><path d="M0 0"/></a>',
        b'<animate attributeName="href"/>',
        b"<html:script xmlns:html='http://www.w3.org/1999/xhtml'/>",
    ],
)
def test_an_svg_that_holds_more_than_shapes_is_refused(inside: bytes) -> None:
    with pytest.raises(PictureRefused) as refused:
        read_svg(HEAD + inside + b"</svg>")
    assert refused.value.code == "active"


@pytest.mark.parametrize(
    "content",
    [
        b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + SVG,
        b'<?xml-stylesheet href="x.css"?>' + SVG,
        b"<html><body/></html>",
        b"<svg>",
        b"GIF89a",
        b"",
        png()[:40],
    ],
)
def test_what_is_no_plain_picture_is_refused(content: bytes) -> None:
    with pytest.raises(PictureRefused):
        read_logo(content)


def test_pictures_that_are_too_large_are_refused_before_they_are_unpacked() -> None:
    for content, code in ((SVG + b" " * MOST_BYTES, "size"), (png(3001, 1), "pixels")):
        with pytest.raises(PictureRefused) as refused:
            read_logo(content)
        assert refused.value.code == code
    with pytest.raises(PictureRefused):
        read_png(SVG)


# --- The pages --------------------------------------------------------------------------------------


@pytest.fixture
def entity(db: None) -> LegalEntity:
    return factories.make_entity(tax_status=TaxStatus.OTHER, name="Cedar Relief")


@pytest.fixture
def desk(entity: LegalEntity) -> Client:
    return staff.at_desk(Role.APPROVER, entity)


def at(name: str, entity: LegalEntity, *arguments: Any) -> str:
    return reverse(name, args=[entity.slug, *arguments])


def page_of(desk: Client, url: str) -> str:
    answer = desk.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_regime_is_chosen_with_valid_particulars_and_changed_in_the_trail(entity: LegalEntity, desk: Client) -> None:
    choose = at("desk-papers-choose", entity) + "?regime=nl"
    form = {"particular_rsin": "111222334", "donor_countries": "nl xx", "since": "2026-01-01"}
    answer = desk.post(choose, form)
    assert answer.status_code == 422
    assert "This cannot be right" in answer.content.decode()
    assert "XX" in answer.content.decode()
    assert desk.post(choose, {**form, "particular_rsin": RSIN, "donor_countries": "nl be"}).status_code == 302
    row = IssuerRegime.objects.get()
    assert (row.regime, row.donor_countries, row.particulars) == ("nl", ["BE", "NL"], {"rsin": RSIN})
    again = desk.post(choose, {**form, "particular_rsin": RSIN, "donor_countries": ""})
    assert "chosen since that day already" in again.content.decode()
    change = at("desk-papers-change", entity, row.pk)
    assert RSIN in page_of(desk, change)
    desk.post(change, {"particular_rsin": RSIN, "donor_countries": "", "since": "2026-01-01", "until": "2026-12-31"})
    row.refresh_from_db()
    assert (row.donor_countries, row.until) == ([], date(2026, 12, 31))
    assert list(StaffAction.objects.filter(about=f"regime:{row.pk}").order_by("pk").values_list("verb", flat=True)) == [
        "regime_chosen", "regime_changed"
    ]  # fmt: skip


def test_the_overview_says_why_a_regime_issues_nothing_and_how_to_mend_it(
    entity: LegalEntity, desk: Client, certificate: Path
) -> None:
    particulars = {"registration_number": "123456782 RR 0001"}
    IssuerRegime.objects.create(entity=entity, regime="ca", particulars=particulars, since=date(2026, 1, 1))
    papers = at("desk-papers", entity)
    assert "Nobody signs. Name who does" in page_of(desk, papers)
    Letterhead.objects.create(entity=entity, place="Halifax", signatory="Noor Haddad")
    assert "The law wants a signature" in page_of(desk, papers)
    Letterhead.objects.create(entity=entity, place="Halifax", signatory="Noor Haddad", signature=png())
    shown = page_of(desk, papers)
    assert "issues nothing" not in shown
    assert at("desk-specimen", entity, "ca") in shown


def test_a_letterhead_is_uploaded_kept_and_taken_off(entity: LegalEntity, desk: Client) -> None:
    url = at("desk-letterhead", entity)
    evil = SimpleUploadedFile("logo.svg", HEAD + b"<script/></svg>", "image/svg+xml")
    answer = desk.post(url, {"place": "Halifax", "logo": evil})
    assert answer.status_code == 422
    assert "more than shapes" in answer.content.decode()
    logo = SimpleUploadedFile("logo.svg", SVG, "image/svg+xml")
    signature = SimpleUploadedFile("name.png", png(), "image/png")
    told = {"place": "Halifax", "signatory": "Noor Haddad", "signatory_role": "Treasurer"}
    assert desk.post(url, {**told, "logo": logo, "signature": signature}).status_code == 302
    first = Letterhead.objects.get()
    assert first.logo is not None
    assert (bytes(first.logo), first.logo_type) == (SVG, "image/svg+xml")
    desk.post(url, {**told, "place": "Truro", "without_signature": "on"})
    second = Letterhead.objects.latest("pk")
    assert second.logo is not None
    assert (second.place, bytes(second.logo), second.signature) == ("Truro", SVG, None)
    assert first.made_by == second.made_by


def test_a_sentence_is_worded_anew_by_version_and_keeps_what_is_filled_in(entity: LegalEntity, desk: Client) -> None:
    url = at("desk-wording", entity, "nl", "anbi", "nl")
    told = {"text": "Wij zijn een ANBI.", "signed_off_by": "Kok Accountants"}
    answer = desk.post(url, told)
    assert answer.status_code == 422
    assert "%(rsin)s" in answer.content.decode()
    for number in (1, 2):
        text = f"%(entity)s is een ANBI ({number}), RSIN %(rsin)s."
        assert desk.post(url, {**told, "text": text}).status_code == 302
    assert list(Wording.objects.order_by("version").values_list("version", "signed_off_by")) == [
        (1, "Kok Accountants"), (2, "Kok Accountants")
    ]  # fmt: skip
    shown = page_of(desk, at("desk-wordings", entity, "nl") + "?language=nl")
    assert "algemeen nut beogende instelling" in shown  # ours
    assert "is een ANBI (2)" in shown  # theirs
    assert "Version 2, signed off by Kok Accountants" in shown
    assert "is een ANBI (1)" in page_of(desk, url)
    assert desk.get(at("desk-wording", entity, "ca", "agency", "en")).status_code == 404  # the law's own words


def test_a_specimen_is_marked_and_neither_stored_nor_numbered(entity: LegalEntity, desk: Client) -> None:
    IssuerRegime.objects.create(entity=entity, regime="nl", particulars={"rsin": RSIN}, since=date(2026, 1, 1))
    for language, mark in (("nl", "SPECIMEN"), ("de", "MUSTER")):
        answer = desk.get(at("desk-specimen", entity, "nl") + f"?language={language}")
        assert answer["Content-Type"] == "application/pdf"
        text = reader(answer.content).pages[0].extract_text()
        for words in (mark, "Alex Sample", f"RSIN: {RSIN}"):
            assert words in text
    assert (Receipt.objects.count(), Series.objects.count()) == (0, 0)


@pytest.mark.parametrize("regime", REGIMES)
def test_every_regime_has_its_pages_whatever_is_missing(regime: str, entity: LegalEntity, desk: Client) -> None:
    IssuerRegime.objects.create(entity=entity, regime=regime, since=date(2026, 1, 1))
    page_of(desk, at("desk-papers", entity))
    page_of(desk, at("desk-papers-choose", entity) + f"?regime={regime}")
    page_of(desk, at("desk-wordings", entity, regime))


def test_what_a_donor_got_in_return_is_noted_at_the_desk(entity: LegalEntity) -> None:
    donation, _ = factories.received_donation(factories.make_appeal(entity))
    desk = staff.at_desk(Role.DONOR_CARE, entity)
    url = at("desk-returned", entity, donation.uuid)
    assert desk.post(url, {"description": "a book", "value": "a lot"}).status_code == 422
    assert desk.post(url, {"description": "a book", "value": "12.50"}).status_code == 302
    noted = Advantage.objects.get()
    assert (noted.value_minor, noted.currency) == (12_50, "EUR")
    assert 'value="12.50"' in page_of(desk, url)
    assert StaffAction.objects.filter(verb="advantage_noted").count() == 1
