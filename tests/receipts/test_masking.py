"""A partner is masked: whatever was published shows them no more, its sums stay, and what was there is sealed."""

from __future__ import annotations

import io
import logging
import re
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from fundraising.models import (
    AppealWording,
    CampaignUpdate,
    Evidence,
    Masking,
    Partner,
    PartnerShown,
    Role,
    StaffAction,
)
from fundraising.money import Money
from fundraising.spending import masking as partner_masking
from fundraising.spending import verbs
from fundraising.spending.partners import PartnerRefused, Shown
from receipts.models import FundReport, ReportDocument, ReportState, SealedEdition
from receipts.reports import masking, work
from tests import staff
from tests.fundraising.spending import kits
from tests.fundraising.spending.kits import Spending
from tests.receipts.reading import text_of_pdf
from tests.receipts.test_reports import TODAY, address, drafted, issued

pytestmark = pytest.mark.django_db(transaction=True)
ALIAS, REGION = "Nightingale Workshop", "Outer Vardenmark"
WITHHELD = Shown(alias=ALIAS, region=REGION, delay_days=0)
FILES = ("report.pdf", "report.csv", "report.xlsx")


@dataclass(frozen=True)
class Published:
    """A report that shows a partner by alias, beside two others."""

    spending: Spending
    partner: Partner
    report: FundReport


@pytest.fixture
def published(db: None) -> Published:
    spending = kits.make_spending()
    kits.give(spending.kit, Money(600_000, "EUR"), fee=9_000)
    partner = named(spending, ALIAS, REGION)
    pay(spending, partner, 90_000)
    pay(spending, named(spending, "Harbour Friends", "the north"), 50_000)
    pay(spending, named(spending, "Meadow Friends", "the east"), 70_000)
    campaign = spending.kit.appeal.campaign
    CampaignUpdate.objects.create(
        campaign=campaign, locale="it", title=f"Da {ALIAS}", body=f"Scrive {ALIAS.upper()}, non {ALIAS}s."
    )
    report = issued(spending.kit, spending.author, en=f"With thanks to the {ALIAS.lower()}.", it="Grazie.")
    return Published(spending, partner, report)


def named(spending: Spending, alias: str, region: str) -> Partner:
    return kits.make_partner(spending.kit.entity, shown="alias", alias=alias, region=region, delay_days=0)


def pay(spending: Spending, partner: Partner, minor: int) -> None:
    money, told = Money(minor, "EUR"), {"by": spending.author, "on": TODAY()}
    line = spending.housing if minor > 60_000 else spending.legal
    verbs.allocate(line, money, **told)  # type: ignore[arg-type]
    commitment = verbs.commit(line, partner, money, **told)  # type: ignore[arg-type]
    tranche = verbs.disburse(commitment, spending.bank, money, **told)  # type: ignore[arg-type]
    arrival = verbs.confirm_arrival(tranche, money, **told)  # type: ignore[arg-type]
    verbs.report_spending(arrival, Money(minor // 2, "EUR"), evidence=Evidence.CONFIRMED, **told)  # type: ignore[arg-type]


def mask(found: Published, shown: Shown = WITHHELD) -> Masking:
    return partner_masking.mask(found.partner, shown, by=found.spending.author, reason="Arrests in the region")


def outputs(found: Published) -> Iterator[tuple[str, bytes]]:
    """Everything public of the report, in every language, files opened."""
    for locale in ("en", "it"):
        yield f"{locale} page", Client().get(address(found.spending.kit, "1/", locale)).content
        for name in FILES:
            answer = Client().get(address(found.spending.kit, f"1/{name}", locale))
            yield f"{locale} {name}", answer.content
            if name.endswith("xlsx") and answer.status_code == 200:
                book = zipfile.ZipFile(io.BytesIO(answer.content))
                yield "sheets", b"".join(book.read(part) for part in book.namelist())
            if name.endswith("pdf") and answer.status_code == 200:
                yield "text", text_of_pdf(answer.content).encode()


def naming(found: Published) -> list[str]:
    return [
        where
        for where, content in outputs(found)
        if any(word in content.decode(errors="replace").casefold() for word in ("nightingale", "vardenmark"))
    ]


def test_a_masked_partner_is_in_no_page_and_no_file_and_the_sums_are_as_they_were(published: Published) -> None:
    assert naming(published)
    before = published.report
    mask(published)
    assert masking.mask_due() == 1
    report = FundReport.objects.get()
    assert naming(published) == []
    assert (report.revision, report.edition) == (before.revision, 2)
    assert report.data["period"]["EUR"]["spent"] == before.data["period"]["EUR"]["spent"] == 105_000
    assert [(row["alias"], row["sent"]) for row in report.data["partners"]["EUR"]] == [
        ("Meadow Friends", 70_000), ("", 140_000),
    ]  # fmt: skip
    html = Client().get(address(published.spending.kit, "1/")).content.decode()
    assert "with less detail, for people's safety; its sums are unchanged" in html
    assert "With thanks to the withheld for safety." in html
    paper = text_of_pdf(Client().get(address(published.spending.kit, "1/report.pdf")).content)
    assert "its sums are unchanged" in " ".join(paper.split())


def test_until_it_is_issued_again_nobody_is_served_the_report(published: Published) -> None:
    kit = published.spending.kit
    mask(published)
    for rest in ("1/", *(f"1/{name}" for name in FILES)):
        answer = Client().get(address(kit, rest))
        assert answer.status_code == 503, rest
        assert answer["Retry-After"] == "30"
        assert "no-store" in answer["Cache-Control"]
    assert naming(published) == []
    desk = staff.at_desk(Role.AUDITOR, kit.entity)
    page = desk.get(f"/desk/{kit.entity.slug}/reports/{published.report.uuid}/").content.decode()
    assert "nightingale" not in page.casefold()
    masking.mask_due()
    assert Client().get(address(kit, "1/")).status_code == 200


def test_caches_see_another_file_and_keep_none_for_longer_than_a_minute(published: Published) -> None:
    where = address(published.spending.kit, "1/report.csv")
    before = Client().get(where)
    mask(published)
    masking.mask_due()
    after = Client().get(where)
    assert before["ETag"] != after["ETag"]
    assert after["Cache-Control"] == "public, max-age=60"


def test_updates_lose_the_names_as_words_in_their_language_at_once(published: Published) -> None:
    mask(published)
    update = CampaignUpdate.objects.get()
    assert ALIAS not in update.title
    assert ALIAS.upper() not in update.body
    assert f"non {ALIAS}s" in update.body  # another word
    assert update.title.startswith("Da ")


def test_names_are_found_however_their_accents_and_hyphens_are_written(published: Published) -> None:
    """Keyboards write an accent as one sign or as two, and a hyphen in several ways; the reader sees the same name."""
    partner = named(published.spending, "Café Nord-Süd", "the north")
    texts = (
        "Thanks to Cafe\u0301 Nord-Su\u0308d!",
        "Thanks to CAFÉ NORD\u2011SÜD!",
        "“Cafe Nord Sud” were there.",
    )
    campaign = published.spending.kit.appeal.campaign
    for text in texts:
        CampaignUpdate.objects.create(campaign=campaign, locale="en", title="News", body=text)
    partner_masking.mask(partner, WITHHELD, by=published.spending.author, reason="To be careful")
    for update in CampaignUpdate.objects.filter(campaign=campaign, title="News"):
        plain = unicodedata.normalize("NFC", update.body).casefold()
        assert "withheld for safety" in plain
        assert not re.search("s[uü]d", plain)


def test_a_report_that_shows_nothing_of_the_partner_stays_as_it_is(published: Published) -> None:
    stranger = named(published.spending, "Quiet Friends", "the west")
    partner_masking.mask(stranger, Shown(), by=published.spending.author, reason="To be careful")
    assert masking.mask_due() == 1
    report = FundReport.objects.get()
    assert (report.edition, report.reissued_at, report.data) == (1, None, published.report.data)
    assert not SealedEdition.objects.exists()


def test_a_worker_that_dies_leaves_everything_as_it_was_and_the_next_one_goes_on(
    published: Published, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mask(published)

    def die(*_args: object, **_more: object) -> None:
        raise RuntimeError(f"{ALIAS} in the message")

    monkeypatch.setattr(work, "files", die)
    with caplog.at_level(logging.DEBUG):
        assert masking.mask_due() == 0
    assert ALIAS not in caplog.text
    assert FundReport.objects.get().data == published.report.data
    assert not SealedEdition.objects.exists()
    assert naming(published) == []
    monkeypatch.undo()
    assert masking.mask_due() == 1
    assert masking.mask_due() == 0
    assert naming(published) == []
    assert Client().get(address(published.spending.kit, "1/")).status_code == 200


def test_a_larger_least_amount_puts_purposes_together_backwards(published: Published) -> None:
    shown = Shown(shown=PartnerShown.ALIAS, alias=ALIAS, region=REGION, delay_days=0, least_shown_minor=100_000)
    mask(published, shown)
    masking.mask_due()
    data = FundReport.objects.get().data
    assert [line["category"] for line in data["period"]["EUR"]["lines"]] == ["several"]
    assert data["ever_own"]["lines"] == data["own"]["lines"]
    assert ALIAS not in {row["alias"] for row in data["partners"]["EUR"]}


def test_a_longer_delay_hides_what_is_too_new_now_and_a_report_with_nothing_too_new_stays(published: Published) -> None:
    shown = Shown(shown=PartnerShown.ALIAS, alias=ALIAS, region=REGION, delay_days=30)
    mask(published, shown)
    masking.mask_due()
    data = FundReport.objects.get().data
    assert [line["category"] for line in data["period"]["EUR"]["lines"]] == ["several"]
    assert ALIAS not in {row["alias"] for row in data["partners"]["EUR"]}


def test_a_new_alias_is_not_tied_to_the_old_one(published: Published) -> None:
    mask(published, Shown(shown=PartnerShown.ALIAS, alias="Candlewick Crew", region="the valley", delay_days=0))
    masking.mask_due()
    assert naming(published) == []
    assert not [where for where, content in outputs(published) if b"Candlewick" in content]


def test_a_report_issued_after_a_masking_has_its_note_masked_too(published: Published) -> None:
    mask(published)
    masking.mask_due()
    kit = published.spending.kit
    report = issued(kit, published.spending.author, en=f"Again with {ALIAS}.")
    assert report.masked_through == Masking.objects.get().pk
    assert "nightingale" not in Client().get(address(kit, "2/")).content.decode().casefold()
    assert masking.mask_due() == 0


def test_a_report_whose_words_have_a_real_name_is_not_issued_and_says_so(published: Published) -> None:
    """Whoever writes the note may not know that it is a name, or forget; once it is out, nothing takes it back."""
    kit, name = published.spending.kit, str(published.partner.real_name)
    report = drafted(kit, published.spending.author, en=f"Our thanks to {name.upper()}!")
    answer = staff.at_desk(Role.FINANCE, kit.entity).post(
        reverse("desk-report-issue", args=[kit.entity.slug, report.uuid]), follow=True
    )
    assert "the real name of a partner" in answer.content.decode()
    report.refresh_from_db()
    assert report.state == ReportState.DRAFT


def test_what_was_there_is_sealed_and_opened_by_few_with_a_reason(published: Published) -> None:
    kit = published.spending.kit
    before = Client().get(address(kit, "1/report.csv")).content
    mask(published)
    masking.mask_due()
    assert ALIAS.encode() not in bytes(SealedEdition.objects.get().sealed)
    where = reverse("desk-report-edition", args=[kit.entity.slug, published.report.uuid, 1])
    assert staff.at_desk(Role.AUDITOR, kit.entity).get(where).status_code == 403
    desk = staff.at_desk(Role.FINANCE, kit.entity)
    assert desk.post(where, {"file": "en.csv", "reason": ""}).status_code == 422
    answer = desk.post(where, {"file": "en.csv", "reason": "Asked for by a court"})
    assert answer.content == before
    assert "no-store" in answer["Cache-Control"]
    assert StaffAction.objects.filter(verb="report_unmasked_read", reason="Asked for by a court").count() == 1


def test_the_database_lets_a_report_change_by_masking_alone(published: Published) -> None:
    pk = published.report.pk
    for statement in (
        f"UPDATE receipts_fundreport SET edition = 2, masked_through = 1, data = '{{}}' WHERE id = {pk}",
        f"UPDATE receipts_fundreport SET masked_through = 999999 WHERE id = {pk}",
        "UPDATE receipts_reportdocument SET content = ''",
        "UPDATE receipts_reportnote SET text = 'x'",
        f"INSERT INTO receipts_sealededition (report_id, edition, sealed, sealed_at) VALUES ({pk}, 7, '', now())",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    mask(published)
    masking.mask_due()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        ReportDocument.objects.update(content=b"")
    with pytest.raises(DatabaseError), transaction.atomic():
        SealedEdition.objects.all().delete()


def test_staff_mask_at_the_desk_and_see_what_only_they_can_change(published: Published) -> None:
    kit = published.spending.kit
    wording = AppealWording.objects.filter(appeal=kit.appeal, locale="en").latest("version")
    fields = {name: getattr(wording, name) for name in ("appeal", "locale", "title", "secondary_purpose")}
    AppealWording.objects.create(
        **fields, version=wording.version + 1, ask="Help", purpose=f"{ALIAS} helps", after_close=wording.after_close
    )
    desk = staff.at_desk(Role.FINANCE, kit.entity)
    where = reverse("desk-partner-mask", args=[kit.entity.slug, published.partner.uuid])
    told = {"shown": "withheld", "alias": ALIAS, "region": REGION, "delay_days": "0", "least_shown": "0"}
    assert desk.post(where, told).status_code == 422
    answer = desk.post(where, {**told, "reason": "Arrests in the region"}, follow=True)
    page = answer.content.decode()
    assert "Arrests in the region" in page
    assert "These texts still name them" in page
    line = StaffAction.objects.get(verb="partner_masked")
    assert (line.reason, ALIAS in str(line.after)) == ("Arrests in the region", False)
    auditor = staff.at_desk(Role.AUDITOR, kit.entity)
    assert auditor.get(where).status_code == 403


def test_a_masking_needs_a_reason(published: Published) -> None:
    with pytest.raises(PartnerRefused, match="no_reason"):
        partner_masking.mask(published.partner, Shown(), by=published.spending.author, reason=" ")
    assert not Masking.objects.exists()
