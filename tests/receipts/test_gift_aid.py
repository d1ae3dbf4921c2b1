"""Gift Aid: declarations, what they cover, and claims that are made once and taken back when money is."""

from __future__ import annotations

import csv
import io
import re
from datetime import date, timedelta
from typing import Any

import odfdo
import openpyxl
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import DatabaseError, IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from fundraising.models import Channel, Donation, Donor, LegalEntity, Role, StaffAction
from fundraising.money import Money
from receipts import tasks
from receipts.donors import links
from receipts.gift_aid import claims, declaring, particulars, schedule
from receipts.gift_aid.claims import ClaimProblem, NothingToClaim, greatest_benefit
from receipts.gift_aid.declaring import DeclarationRefused, Declared
from receipts.mail import delivery, link_letters
from receipts.models import (
    Advantage,
    Declaration,
    GiftAidClaim,
    GiftAidRow,
    IssuerRegime,
    MailKind,
    OutgoingMail,
    Scope,
    Wording,
)
from tests import factories, staff

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate


def received(entity: LegalEntity, pounds: int = 10, *, days_ago: int = 0, **filled: Any) -> tuple[Donation, str]:
    kit = factories.make_appeal(entity, currencies=("GBP", "EUR"))
    at = timezone.now() - timedelta(days=days_ago)
    donation, charge = factories.received_donation(kit, amount=Money(pounds * 100, "GBP"), at=at, **filled)
    Donor.objects.filter(pk=donation.donor_id).update(country="GB")
    return Donation.objects.select_related("donor__entity").get(pk=donation.pk), charge


def declared(scope: Scope = Scope.ALL, **told: Any) -> Declared:
    values: dict[str, Any] = {
        "title": "Ms", "first_name": "Ada", "last_name": "O’Brien-Rossi", "house": "12", "street": "Elm Row, Leeds",
        "postcode": "LS1 4AP", "scope": scope, **told,
    }  # fmt: skip
    return Declared(**values)


@pytest.fixture
def entity() -> LegalEntity:
    return factories.make_entity(name="Cedar Relief")


@pytest.fixture
def finance(entity: LegalEntity) -> User:
    return staff.make_person(Role.FINANCE, entity=entity)


# --- What a schedule takes --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "written"),
    [("sw1a2aa", "SW1A 2AA"), (" m1  1ae ", "M1 1AE"), ("CR2 6XH", "CR2 6XH"), ("ec1a1bb", "EC1A 1BB")],
)
def test_a_postcode_is_written_in_capitals_with_one_space(told: str, written: str) -> None:
    assert particulars.postcode(told) == written


@pytest.mark.parametrize("told", ["", "12345", "SW1A", "SW1A 2A", "B3H 1A1"])
def test_what_is_no_uk_postcode_is_refused(told: str) -> None:
    with pytest.raises(particulars.ParticularRefused):
        particulars.postcode(told)


@pytest.mark.parametrize("told", ["Ada", "Mary-Jane", "O’Brien", "de la Tour", "Zoë", "J", "A" * 35, "Anne Marie"])
def test_names_of_letters_up_to_35_are_taken(told: str) -> None:
    assert particulars.name(told) == told


@pytest.mark.parametrize("told", ["", "A" * 36, "Ada 2", "Ada <b>", "=Ada"])
def test_other_names_are_refused(told: str) -> None:
    with pytest.raises(particulars.ParticularRefused):
        particulars.name(told)


def test_a_title_has_four_letters_at_most() -> None:
    assert particulars.title("Prof") == "Prof"
    with pytest.raises(particulars.ParticularRefused):
        particulars.title("Professor")


@pytest.mark.parametrize("told", ["c/o Smith", "C / O Smith", "care of Smith", "P.O. Box 12", "Cedar Ltd", "Acme plc"])
def test_work_and_c_o_addresses_are_no_home(told: str) -> None:
    with pytest.raises(particulars.ParticularRefused) as refused:
        particulars.house(told)
    assert refused.value.code == "not_home"


def test_houses_that_only_look_like_it_are_homes() -> None:
    assert particulars.house("Coxbox Cottage") == "Coxbox Cottage"


# --- Declarations -----------------------------------------------------------------------------------


def test_a_declaration_keeps_the_words_agreed_to_and_their_version(entity: LegalEntity, finance: User) -> None:
    donation, _ = received(entity)
    first = declaring.declare(donation.donor, declared())
    assert "I want Cedar Relief to claim Gift Aid on all donations" in first.wording
    assert "Income Tax and Capital Gains Tax" in first.wording
    assert "pay the difference" in first.wording
    assert (first.wording_version, first.recorded_by) == (0, None)
    Wording.objects.create(
        entity=entity, regime="uk_gift_aid", slot="tax_statement", locale="en", version=1, text="As our lawyer says.",
        written_by=finance,
    )  # fmt: skip
    second = declaring.record(donation.donor, declared(), on=TODAY(), by=finance)
    assert second.wording.endswith("As our lawyer says.")
    assert (second.wording_version, second.recorded_by) == (1, finance)
    assert Declaration.objects.get(pk=first.pk).wording == first.wording
    assert StaffAction.objects.filter(verb="declaration_recorded", about=declaring.about(second)).exists()


def test_a_scope_says_which_donations_are_covered(entity: LegalEntity) -> None:
    donation, _ = received(entity)
    today = TODAY()
    one = declaring.declare(donation.donor, declared(Scope.THIS, donation=donation))
    assert (one.covers(donation.pk, today), one.covers(donation.pk + 1, today)) == (True, False)
    future = declaring.declare(donation.donor, declared(Scope.FUTURE))
    assert (future.covers(1, today), future.covers(1, today - timedelta(days=1))) == (True, False)
    everything = declaring.declare(donation.donor, declared(Scope.ALL))
    assert everything.covers(1, today - timedelta(days=4 * 365))
    assert not everything.covers(1, today - timedelta(days=4 * 366 + 1))


def test_a_cancelled_declaration_covers_nothing_from_that_day_on_and_never_comes_back(entity: LegalEntity) -> None:
    donation, _ = received(entity)
    declaration = declaring.cancel(declaring.declare(donation.donor, declared()), on=TODAY(), by=None)
    assert not declaration.covers(donation.pk, TODAY())
    assert declaration.covers(donation.pk, TODAY() - timedelta(days=1))
    with pytest.raises(DeclarationRefused):
        declaring.cancel(declaration, on=TODAY(), by=None)
    for change in ({"cancelled_on": None}, {"scope": "future"}, {"wording": "Something else."}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Declaration.objects.filter(pk=declaration.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        Declaration.objects.all().delete()


def test_organisations_do_not_declare(entity: LegalEntity) -> None:
    donation, _ = received(entity)
    donation.donor.organisation = "Brandt Trading"
    with pytest.raises(DeclarationRefused):
        declaring.declare(donation.donor, declared())


def test_declarations_are_kept_six_years_after_the_last_claim(entity: LegalEntity, finance: User) -> None:
    donation, _ = received(entity)
    assert declaring.kept_until(donation.donor) is None
    declaring.declare(donation.donor, declared())
    claims.make_claim(entity, until=TODAY(), by=finance)
    kept = declaring.kept_until(donation.donor)
    assert kept is not None
    assert kept.year == TODAY().year + 6


def long_ago(entity: LegalEntity, finance: User, *, years: int, claimed_years: int = 0) -> Declaration:
    """A declaration of a donor who was erased since, and perhaps a claim on it."""
    days = years * 366
    donation, _ = received(entity, days_ago=days)
    on = TODAY() - timedelta(days=days)
    declaration = declaring.record(donation.donor, declared(Scope.THIS, donation=donation), on=on, by=finance)
    if claimed_years:
        at = timezone.now() - timedelta(days=claimed_years * 366)
        claim = GiftAidClaim.objects.create(
            entity=entity, number=1, until=at.date(), made_by=finance, made_at=at
        )  # as make_claim then did
        GiftAidRow.objects.create(
            claim=claim, position=1, donation=donation, declaration=declaration, received_on=on, amount_minor=10_00,
            sealed=claims._sealed(declaration),
        )  # fmt: skip
    Donor.objects.filter(pk=donation.donor_id).update(erased_at=timezone.now())
    return declaration


def test_six_years_on_the_declaration_of_an_erased_donor_is_emptied_and_what_was_claimed_on_it(
    entity: LegalEntity, finance: User
) -> None:
    declaration = long_ago(entity, finance, years=9, claimed_years=7)
    wording = declaration.wording
    tasks.empty_declarations()
    declaration.refresh_from_db()
    assert {getattr(declaration, name) for name in declaring.PERSONAL} == {""}
    assert (declaration.emptied_at is None, declaration.wording) == (False, wording)
    row = GiftAidRow.objects.get()
    assert (row.sealed, row.amount_minor) == ("", 10_00)
    assert schedule_of(row.claim)[1][1:6] == [""] * 5
    action = StaffAction.objects.get(verb="declaration_emptied")
    assert (action.about, action.actor) == (declaring.about(declaration), None)
    assert declaring.empty_due() == 0
    assert claims.prepare(entity, TODAY()).rows == []


@pytest.mark.parametrize(("years", "claimed_years"), [(5, 0), (9, 5)])
def test_before_that_it_is_kept(entity: LegalEntity, finance: User, years: int, claimed_years: int) -> None:
    declaration = long_ago(entity, finance, years=years, claimed_years=claimed_years)
    assert declaring.empty_due() == 0
    with pytest.raises(DatabaseError), transaction.atomic():
        Declaration.objects.filter(pk=declaration.pk).update(
            **dict.fromkeys(declaring.PERSONAL, ""), emptied_at=timezone.now()
        )


def test_the_declaration_of_a_donor_who_is_there_is_kept_however_old(entity: LegalEntity, finance: User) -> None:
    declaration = long_ago(entity, finance, years=9)
    Donor.objects.update(erased_at=None)
    assert declaring.empty_due() == 0
    with pytest.raises(DatabaseError), transaction.atomic():
        Declaration.objects.filter(pk=declaration.pk).update(
            **dict.fromkeys(declaring.PERSONAL, ""), emptied_at=timezone.now()
        )


def test_what_was_given_lately_keeps_an_old_declaration_because_it_can_still_be_claimed(
    entity: LegalEntity, finance: User
) -> None:
    declaration = long_ago(entity, finance, years=9)
    lately, _ = received(entity, days_ago=400)
    Donation.objects.filter(pk=lately.pk).update(donor=declaration.donor)
    assert declaring.empty_due() == 0


def test_the_rows_of_a_claim_are_emptied_with_their_declaration_alone(entity: LegalEntity, finance: User) -> None:
    long_ago(entity, finance, years=9, claimed_years=7)
    with pytest.raises(DatabaseError), transaction.atomic():
        GiftAidRow.objects.update(sealed="")
    declaring.empty_due()
    with pytest.raises(DatabaseError), transaction.atomic():
        GiftAidRow.objects.update(amount_minor=1)


def test_the_desk_shows_no_names_of_donors_who_were_erased(entity: LegalEntity, finance: User) -> None:
    declaration = long_ago(entity, finance, years=5)
    desk = staff.at_desk(Role.FINANCE, entity)
    page = desk.get(reverse("desk-declarations", kwargs={"entity": entity.slug})).content.decode()
    assert "O’Brien-Rossi" not in page
    assert "erased" in page
    of_donor = reverse("desk-gift-aid-donor", kwargs={"entity": entity.slug, "uuid": declaration.donor.uuid})
    assert desk.get(of_donor).status_code == 404


# --- Claims -----------------------------------------------------------------------------------------


def schedule_of(claim: GiftAidClaim) -> list[list[str]]:
    pieces, _type = schedule.write(claim, "csv")
    return list(csv.reader(io.StringIO(b"".join(pieces).decode())))


def test_a_claim_is_written_as_hmrc_wants_it(entity: LegalEntity, finance: User) -> None:
    donation, _ = received(entity, 1234)
    declaring.declare(donation.donor, declared())
    claim = claims.make_claim(entity, until=TODAY(), by=finance)
    head, row = schedule_of(claim)
    assert head[:6] == ["Item", "Title", "First name", "Last name", "House name or number", "Postcode"]
    assert head[8:] == ["Donation date", "Amount"]
    day = timezone.localdate(donation.received_at).strftime("%d/%m/%y")
    assert row == ["1", "Ms", "Ada", "O’Brien-Rossi", "12", "LS1 4AP", "", "", day, "1234.00"]
    pieces, _type = schedule.write(claim, "xlsx")
    sheet: Any = openpyxl.load_workbook(io.BytesIO(b"".join(pieces))).active
    assert [cell.value for cell in sheet[2]][8:] == [day, "1234.00"]


def test_a_schedule_is_an_opendocument_spreadsheet_with_hmrcs_columns_all_of_it_text(
    entity: LegalEntity, finance: User
) -> None:
    donation, _ = received(entity, 1234)
    declaring.declare(donation.donor, declared(first_name="Zoë", house="00012"))
    claim = claims.make_claim(entity, until=TODAY(), by=finance)
    pieces, media_type = schedule.write(claim, "ods")
    document = odfdo.Document(io.BytesIO(b"".join(pieces)))
    assert (document.mimetype, media_type) == ("application/vnd.oasis.opendocument.spreadsheet",) * 2
    (sheet,) = document.body.tables
    head, row = sheet.get_values()
    assert head == [
        "Item", "Title", "First name", "Last name", "House name or number", "Postcode", "Aggregated donations",
        "Sponsored event", "Donation date", "Amount",
    ]  # fmt: skip
    day = timezone.localdate(donation.received_at).strftime("%d/%m/%y")
    assert row == ["1", "Ms", "Zoë", "O’Brien-Rossi", "00012", "LS1 4AP", None, None, day, "1234.00"]
    assert {cell.type for cell in sheet.get_row(1).get_cells() if cell.value is not None} == {"string"}


def test_a_schedule_has_a_thousand_rows_at_most(
    entity: LegalEntity, finance: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert claims.MOST_ROWS == 1000
    monkeypatch.setattr(claims, "MOST_ROWS", 2)
    for pounds in (10, 20, 30):
        donation, _ = received(entity, pounds)
        declaring.declare(donation.donor, declared())
    made = [claims.make_claim(entity, until=TODAY(), by=finance) for _each in range(2)]
    sheets = [odfdo.Document(io.BytesIO(b"".join(schedule.write(one, "ods")[0]))).body.tables[0] for one in made]
    assert [sheet.height - 1 for sheet in sheets] == [2, 1]


def test_a_home_abroad_has_an_x_for_its_postcode(entity: LegalEntity, finance: User) -> None:
    donation, _ = received(entity)
    declaring.declare(donation.donor, declared(postcode=""))
    assert schedule_of(claims.make_claim(entity, until=TODAY(), by=finance))[1][5] == "X"


def test_only_received_pounds_of_people_who_declared_are_claimed_and_the_rest_says_why(
    entity: LegalEntity, finance: User
) -> None:
    good, _ = received(entity, 10)
    refunded, charge = received(entity, 20)
    factories.refund(charge, Money(20_00, "GBP"))
    euros, _ = factories.received_donation(factories.make_appeal(entity), amount=Money(30_00, "EUR"))
    company, _ = received(entity, 40)
    early, _ = received(entity, 50, days_ago=9)
    rich, _ = received(entity, 100)
    nobody, _ = received(entity, 60)
    for donation in (good, refunded, euros, company, rich):
        declaring.declare(donation.donor, declared())
    declaring.declare(early.donor, declared(Scope.FUTURE))
    Donor.objects.get(pk=company.donor_id)
    donor = company.donor
    donor.organisation = "Brandt Trading"
    donor.save()
    Advantage.objects.create(donation=rich, description="a dinner", value_minor=25_01, currency="GBP", noted_by=finance)
    prepared = claims.prepare(entity, TODAY())
    assert [row.donation for row in prepared.rows] == [good]
    assert dict(prepared.refused) == {
        euros: ClaimProblem.OTHER_CURRENCY, company: ClaimProblem.ORGANISATION, early: ClaimProblem.NOT_COVERED,
        rich: ClaimProblem.RETURNED,
    }  # fmt: skip
    assert (prepared.total, prepared.tax) == (Money(10_00, "GBP"), Money(2_50, "GBP"))
    assert claims.without_declaration(entity) == 1
    assert nobody not in [donation for donation, _why in prepared.refused]


def test_what_was_received_more_than_four_years_ago_is_too_late(entity: LegalEntity) -> None:
    donation, _ = received(entity, days_ago=4 * 366 + 2)
    declaring.declare(donation.donor, declared(Scope.THIS, donation=donation))
    assert claims.prepare(entity, TODAY()).refused == [(donation, ClaimProblem.TOO_OLD)]


def test_a_partial_refund_lowers_what_is_claimed(entity: LegalEntity) -> None:
    donation, charge = received(entity, 20)
    declaring.declare(donation.donor, declared())
    factories.refund(charge, Money(5_00, "GBP"))
    assert claims.prepare(entity, TODAY()).total == Money(15_00, "GBP")


def test_each_donation_is_claimed_once_and_claims_are_numbered(entity: LegalEntity, finance: User) -> None:
    donation, _ = received(entity)
    declaration = declaring.declare(donation.donor, declared())
    first = claims.make_claim(entity, until=TODAY(), by=finance)
    with pytest.raises(NothingToClaim):
        claims.make_claim(entity, until=TODAY(), by=finance)
    other, _ = received(entity, email=donation.donor.email)
    assert other.donor == donation.donor
    second = claims.make_claim(entity, until=TODAY(), by=finance)
    assert (first.number, second.number) == (1, 2)
    with pytest.raises(IntegrityError), transaction.atomic():
        GiftAidRow.objects.create(
            claim=second, position=9, donation=donation, declaration=declaration, received_on=TODAY(), amount_minor=1,
            sealed="[]",
        )  # fmt: skip


def test_what_is_refunded_after_a_claim_is_taken_back_in_the_next_one_and_only_once(
    entity: LegalEntity, finance: User
) -> None:
    donation, charge = received(entity, 100)
    declaring.declare(donation.donor, declared())
    claims.make_claim(entity, until=TODAY(), by=finance)
    factories.refund(charge, Money(30_00, "GBP"))
    second = claims.make_claim(entity, until=TODAY(), by=finance)
    assert [(row.amount_minor, row.adjusts is not None) for row in second.rows.all()] == [(30_00, True)]
    assert len(schedule_of(second)) == 1  # what is taken back is a sum in a box, no row
    with pytest.raises(NothingToClaim):
        claims.make_claim(entity, until=TODAY(), by=finance)
    factories.refund(charge, Money(70_00, "GBP"))
    third = claims.make_claim(entity, until=TODAY(), by=finance)
    assert [row.amount_minor for row in third.rows.all()] == [70_00]
    row = GiftAidRow.objects.get(claim__number=1)
    with pytest.raises(DatabaseError), transaction.atomic():  # no more than was claimed
        GiftAidRow.objects.create(
            claim=third, position=2, donation=donation, declaration=row.declaration, adjusts=row, received_on=TODAY(),
            amount_minor=1, sealed="[]",
        )  # fmt: skip


def test_claims_and_their_rows_never_change(entity: LegalEntity, finance: User) -> None:
    donation, _ = received(entity)
    declaring.declare(donation.donor, declared())
    claim = claims.make_claim(entity, until=TODAY(), by=finance)
    for rows, change in ((GiftAidClaim.objects.all(), {"number": 2}), (GiftAidRow.objects.all(), {"amount_minor": 1})):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.update(**change)
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        GiftAidClaim.objects.create(entity=entity, number=claim.number + 2, until=TODAY(), made_by=finance)


@pytest.mark.parametrize(
    ("given", "may"), [(40_00, 10_00), (100_00, 25_00), (1_000_00, 70_00), (1_000_000_00, 2_500_00)]
)
def test_the_benefit_that_a_donor_may_get_grows_with_the_donation(given: int, may: int) -> None:
    assert greatest_benefit(given) == may


# --- The desk ---------------------------------------------------------------------------------------


def paper_form(**changed: str) -> dict[str, str]:
    return {
        "title": "Mx", "first_name": "Ada", "last_name": "Rossi", "house": "Elm Cottage", "street": "Mill Lane, Ely",
        "postcode": "cb7 4dl", "scope": "all", "declared_on": TODAY().isoformat(), "on_paper": "on", **changed,
    }  # fmt: skip


def test_finance_records_a_declaration_claims_fetches_the_schedule_and_cancels(entity: LegalEntity) -> None:
    donation, _ = received(entity, 80)
    desk = staff.at_desk(Role.FINANCE, entity)
    donors = reverse("desk-gift-aid-donor", args=[entity.slug, donation.donor.uuid])
    assert desk.get(donors).status_code == 200
    answer = desk.post(donors, paper_form(postcode="nowhere", house="c/o Smith"))
    assert answer.status_code == 422
    assert "home address" in answer.content.decode()
    assert desk.post(donors, paper_form()).status_code == 302
    declaration = Declaration.objects.get()
    assert (declaration.postcode, declaration.way) == ("CB7 4DL", "paper")
    overview = desk.get(reverse("desk-gift-aid", args=[entity.slug])).content.decode()
    assert "£80" in overview
    assert "£20" in overview
    made = desk.post(reverse("desk-gift-aid-make", args=[entity.slug]), {"until": TODAY().isoformat()})
    assert made.status_code == 302
    assert "£80" in desk.get(made["Location"]).content.decode()
    file = desk.get(reverse("desk-gift-aid-file", args=[entity.slug, 1, "csv"]))
    assert b"Elm Cottage,CB7 4DL" in b"".join(file.streaming_content)  # type: ignore[attr-defined]
    assert desk.get(reverse("desk-gift-aid-file", args=[entity.slug, 1, "exe"])).status_code == 404
    assert desk.get(reverse("desk-declarations", args=[entity.slug])).status_code == 200
    desk.post(reverse("desk-gift-aid-cancel", args=[entity.slug, declaration.uuid]))
    declaration.refresh_from_db()
    assert declaration.cancelled_on == TODAY()
    verbs = set(StaffAction.objects.filter(entity=entity).values_list("verb", flat=True))
    assert verbs >= {
        "declaration_recorded", "gift_aid_claimed", "gift_aid_claim_fetched", "declaration_cancelled"
    }  # fmt: skip


def test_the_desk_lists_what_is_not_claimed_with_how_to_mend_it(entity: LegalEntity) -> None:
    donation, _ = received(entity, days_ago=9)
    declaring.declare(donation.donor, declared(Scope.FUTURE))
    page = staff.at_desk(Role.FINANCE, entity).get(reverse("desk-gift-aid", args=[entity.slug])).content.decode()
    assert donation.reference in page
    assert "reaches back four years" in page


def test_gifts_in_kind_are_never_claimed(entity: LegalEntity) -> None:
    donation, _ = received(entity)
    declaring.declare(donation.donor, declared())
    Donation.objects.filter(pk=donation.pk).update(channel=Channel.IN_KIND, amount_minor=0)
    prepared = claims.prepare(entity, date.max)
    assert (prepared.rows, prepared.refused) == ([], [])


# --- The donor's page -------------------------------------------------------------------------------


def mailed_link(donation: Donation) -> str:
    """The path of the link in the mail that the desk sends."""
    desk = staff.at_desk(Role.FINANCE, donation.entity)
    desk.post(reverse("desk-gift-aid-ask", args=[donation.entity.slug, donation.donor.uuid]))
    mail = delivery.compose(OutgoingMail.objects.get(donor=donation.donor, kind=MailKind.GIFT_AID))
    assert "Gift Aid" not in mail.subject  # neutral
    return "/" + str(re.findall(r"https?://[^/]+/(\S*gift-aid/\S+)", str(mail.body))[0])


def test_a_donor_declares_by_the_mailed_link_and_cancels_there(entity: LegalEntity) -> None:
    donation, _ = received(entity, 40)
    link = mailed_link(donation)
    form = {name: told for name, told in paper_form(scope="this").items() if name not in {"declared_on", "on_paper"}}
    page = Client().get(link).content.decode()
    assert "I want Cedar Relief to claim Gift Aid on this donation of mine" in page
    assert "I have to pay the difference" in page
    assert "O’Brien" not in page  # the form is empty, whatever is known
    wrong = Client().post(link, {**form, "postcode": "", "house": "c/o Smith"})
    assert wrong.status_code == 422
    answer = Client().post(link, form)
    assert answer.status_code == 303
    declaration = Declaration.objects.get()
    assert (declaration.way, declaration.donation, declaration.recorded_by) == ("online", donation, None)
    after = Client().get(answer["Location"]).content.decode()
    assert declaration.wording in after
    assert "Elm Cottage" not in after
    assert Client().post(link, {"cancel": "1"}).status_code == 303
    declaration.refresh_from_db()
    assert declaration.cancelled_on == TODAY()


@pytest.mark.parametrize("locale", [code for code, _name in settings.LANGUAGES if code != "en"])
def test_the_form_and_what_is_wrong_in_it_are_in_the_donors_language(entity: LegalEntity, locale: str) -> None:
    donation, _ = received(entity)
    Donor.objects.filter(pk=donation.donor_id).update(locale=locale)
    donation.donor.refresh_from_db()
    answer = Client().post(links.url_of(donation.donor, MailKind.GIFT_AID).removeprefix(settings.PUBLIC_URL), {})
    assert answer.status_code == 422
    form = answer.context["form"]

    def said(language: str) -> set[str]:
        with override(language):
            labels = {str(form[name].label) for name in ("house", "street", "overseas")}
            return labels | {str(error) for errors in form.errors.values() for error in errors}

    assert len(said("en")) == 9
    assert not said(locale) & said("en")


def test_every_field_that_a_declaration_lacks_is_named(entity: LegalEntity) -> None:
    donation, _ = received(entity)
    answer = Client().post(mailed_link(donation), {})
    said = [error for errors in answer.context["form"].errors.values() for error in errors]
    assert len(said) == len(set(said)) == 6
    assert "This field is required." not in said


def test_a_link_that_was_altered_opens_nothing(entity: LegalEntity) -> None:
    donation, _ = received(entity)
    link = mailed_link(donation)
    assert Client().get(link.replace("gift-aid/", "gift-aid/x")).status_code == 404
    assert Client().post(link.replace("/gift-aid/", "/details/")).status_code == 404
    assert not Declaration.objects.exists()


# --- Being asked by mail ----------------------------------------------------------------------------


def british(entity: LegalEntity) -> None:
    """The entity claims Gift Aid."""
    particulars = {"hmrc_reference": "XR12345"}
    IssuerRegime.objects.create(
        entity=entity, regime="uk_gift_aid", particulars=particulars, since=TODAY() - timedelta(days=900)
    )


def asked() -> list[str]:
    """To whom the form goes now."""
    link_letters.queue_due()
    due = OutgoingMail.objects.filter(kind=MailKind.GIFT_AID, state="due").select_related("donor").order_by("pk")
    found = [mail.donor.first_name for mail in due if mail.donor]
    due.update(state="sent", sent_at=timezone.now())
    return found


def test_a_british_donor_is_mailed_the_form_once_and_the_subject_gives_nothing_away(entity: LegalEntity) -> None:
    british(entity)
    donation, _ = received(entity, email="ada@example.org")
    link_letters.queue_due()
    message = delivery.compose(OutgoingMail.objects.get(kind=MailKind.GIFT_AID))
    assert message.subject == f"Your payment {donation.reference}: a form for you"
    assert "25p from the tax office for every pound" in message.body
    assert asked() == ["Ada"]
    received(entity, email="ada@example.org")
    assert asked() == []


def test_who_cannot_carry_gift_aid_is_not_mailed_the_form(entity: LegalEntity) -> None:
    british(entity)
    received(entity, days_ago=31, email="b@example.org")
    abroad, _ = received(entity, email="c@example.org")
    company, _ = received(entity, email="d@example.org")
    unreachable, _ = received(entity, email="e@example.org")
    back, charge = received(entity, email="f@example.org")
    Donor.objects.filter(pk=abroad.donor_id).update(country="FR")
    Donor.objects.filter(pk=company.donor_id).update(organisation="Brandt Trading")
    Donor.objects.filter(pk=unreachable.donor_id).update(email="")
    factories.refund(charge, back.amount)
    euros, _ = factories.received_donation(
        factories.make_appeal(entity), amount=Money(5_00, "EUR"), email="g@example.org"
    )
    Donor.objects.filter(pk=euros.donor_id).update(country="GB")
    assert asked() == []


def test_an_entity_that_claims_no_gift_aid_mails_no_form(entity: LegalEntity) -> None:
    received(entity)
    assert asked() == []
    british(entity)
    IssuerRegime.objects.update(donor_countries=["IE"])
    assert asked() == []
    IssuerRegime.objects.update(donor_countries=["GB"], until=TODAY() - timedelta(days=1))
    assert asked() == []
    IssuerRegime.objects.update(until=None)
    assert asked() == ["Ada"]


@pytest.mark.parametrize("cancelled", [False, True])
def test_who_declared_or_refused_is_not_asked_again(entity: LegalEntity, cancelled: bool) -> None:
    british(entity)
    donation, _ = received(entity)
    declaration = declaring.declare(donation.donor, declared())
    if cancelled:
        declaring.cancel(declaration, on=TODAY(), by=None)
    assert asked() == []


def test_a_mailbox_is_asked_once_whatever_names_are_given_with_it(entity: LegalEntity) -> None:
    british(entity)
    received(entity, email="house@example.org", first_name="Ada")
    received(entity, email="house@example.org", first_name="Adah")
    assert asked() == ["Ada"]
    received(entity, email="house@example.org", first_name="A.")
    assert asked() == []


def test_the_page_of_an_expired_link_says_how_to_get_another(client: Client) -> None:
    page = client.get(reverse("donor-gift-aid", kwargs={"token": "altered"}))
    assert page.status_code == 404
    assert "answer the message that it came in" in page.content.decode()
