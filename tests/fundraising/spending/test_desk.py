"""The money trail at the desk: every form does what its verb does, and says what is refused."""

from __future__ import annotations

from urllib.parse import parse_qs, urlparse

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from fundraising.desk.spending_forms import ALONE
from fundraising.models import Partner, Role, SpendingStep, StepState
from tests import staff
from tests.fundraising.spending.kits import ON, SECRET, Spending, euros, give, make_spending

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db: None) -> Spending:
    found = make_spending(threshold=50_000)
    give(found.kit, euros(100_000), fee=3_000)
    return found


@pytest.fixture
def author(world: Spending) -> Client:
    return staff.signed_in(world.author)


@pytest.fixture
def approver(world: Spending) -> Client:
    return staff.signed_in(world.approver)


def url(world: Spending, name: str, **parts: object) -> str:
    return reverse(name, kwargs={"entity": world.kit.entity.slug, **parts})


def write(client: Client, world: Spending, kind: str, **fields: object) -> SpendingStep:
    address = url(world, "desk-step-new", appeal=world.kit.appeal.slug, kind=kind)
    answer = client.post(address, {"currency": "EUR", "on": ON.isoformat(), **fields})
    assert answer.status_code == 302, answer.context["form"].errors
    return SpendingStep.objects.latest("pk")


def follow(client: Client, world: Spending, step: SpendingStep, kind: str, **fields: object) -> SpendingStep:
    address = url(world, "desk-step-next", uuid=step.uuid, kind=kind)
    assert client.get(address).status_code == 200
    answer = client.post(address, {"on": ON.isoformat(), **fields})
    assert answer.status_code == 302, answer.context["form"].errors
    return SpendingStep.objects.latest("pk")


def test_money_goes_the_whole_way_through_the_forms(world: Spending, author: Client, approver: Client) -> None:
    allocation = write(author, world, "allocation", line=world.housing.pk, amount="600.00")
    assert allocation.state == StepState.WAITING
    answer = author.post(url(world, "desk-step-approve", uuid=allocation.uuid))
    assert answer.status_code == 403
    assert approver.post(url(world, "desk-step-approve", uuid=allocation.uuid)).status_code == 302
    commitment = write(author, world, "commitment", line=world.housing.pk, partner=world.partner.pk, amount="400")
    tranche = follow(author, world, commitment, "disbursement", bank_account=world.bank.pk, amount="300")
    arrival = follow(author, world, tranche, "arrival", currency="EUR", amount="299.50")
    paper = SimpleUploadedFile("bills.pdf", b"%PDF-1.7 bills")
    report = follow(author, world, arrival, "spend_report", amount="200", evidence="reviewed", attachment=paper)
    follow(author, world, arrival, "return", amount="50", bank_account=world.bank.pk, came="49.90")
    page = author.get(url(world, "desk-appeal-spending", appeal=world.kit.appeal.slug))
    html = page.content.decode()
    for figure in ("600.00", "400.00", "300.00", "299.50", "200.00", "50.00", "49.50"):
        assert figure in html, figure
    assert page.context["gaps"] == []
    download = author.get(url(world, "desk-step-evidence", uuid=report.uuid))
    assert download.content == b"%PDF-1.7 bills"
    assert (
        staff.at_desk(Role.AUDITOR, world.kit.entity)
        .get(url(world, "desk-step-evidence", uuid=report.uuid))
        .status_code
        == 403
    )


def test_figures_lead_to_the_postings_that_come_to_them(world: Spending, author: Client) -> None:
    write(author, world, "allocation", line=world.housing.pk, amount="450.00")
    page = author.get(url(world, "desk-appeal-spending", appeal=world.kit.appeal.slug))
    [column] = page.context["columns"]
    [line] = [line for line in column["lines"] if line["label"] == "housing"]
    money, address = line["cells"][1]
    assert money == euros(45_000)
    assert parse_qs(urlparse(address).query)["account"] == ["allocated:housing"]
    ledger = author.get(address)
    assert ledger.context["closing"] == money


def test_a_refusal_is_said_beside_the_form_with_what_there_is(world: Spending, author: Client) -> None:
    address = url(world, "desk-step-new", appeal=world.kit.appeal.slug, kind="allocation")
    answer = author.post(
        address, {"line": world.housing.pk, "currency": "EUR", "amount": "970.01", "on": ON.isoformat()}
    )
    assert answer.status_code == 422
    assert "970.00" in answer.content.decode()
    assert not SpendingStep.objects.exists()


def test_an_approver_cannot_decide_about_a_step_of_their_own(world: Spending, approver: Client) -> None:
    own = write(approver, world, "allocation", line=world.housing.pk, amount="600.00")
    answer = approver.post(url(world, "desk-step-approve", uuid=own.uuid))
    assert answer.status_code == 422
    assert SpendingStep.objects.get(pk=own.pk).state == StepState.WAITING


def test_what_waits_is_on_a_page_of_its_own_and_is_rejected_with_a_reason(
    world: Spending, author: Client, approver: Client
) -> None:
    step = write(author, world, "allocation", line=world.housing.pk, amount="600.00")
    listed = approver.get(url(world, "desk-spending-waiting"))
    assert [one.pk for one in listed.context["page"].rows] == [step.pk]
    address = url(world, "desk-step-reject", uuid=step.uuid)
    assert approver.post(address, {"decision": ""}).status_code == 422
    assert approver.post(address, {"decision": "Not now"}).status_code == 302
    assert SpendingStep.objects.get(pk=step.pk).state == StepState.REJECTED


def test_a_budget_is_set_and_revised(world: Spending, author: Client) -> None:
    address = url(world, "desk-step-new", appeal=world.kit.appeal.slug, kind="budget")
    fields = {"category": "medical", "currency": "USD", "amount": "1200", "reason": "Two operations"}
    assert author.post(address, fields).status_code == 302
    assert author.post(address, {**fields, "amount": "1500"}).status_code == 302
    line = world.kit.appeal.budget_lines.get(category="medical")
    assert list(line.amounts.order_by("pk").values_list("amount_minor", flat=True)) == [120_000, 150_000]


def test_every_form_of_an_appeal_shows_and_a_share_of_costs_is_stated(world: Spending, author: Client) -> None:
    here = {"appeal": world.kit.appeal.slug}
    for kind in ALONE:
        assert author.get(url(world, "desk-step-new", kind=kind, **here)).status_code == 200, kind
    address = url(world, "desk-step-new", kind="policy", **here)
    assert author.post(address, {"percent": "31", "reason": "Board"}).status_code == 422
    assert author.post(address, {"percent": "7.5", "reason": "Board"}).status_code == 302
    policy = world.kit.appeal.overhead_policies.get()
    assert (policy.basis_points, policy.state) == (750, "waiting")
    assert author.post(address, {"percent": "8", "reason": "Board"}).status_code == 422
    costs = url(world, "desk-step-new", kind="overhead", **here)
    refused = author.post(costs, {"currency": "EUR", "amount": "1", "on": ON.isoformat()})
    assert refused.status_code == 422
    assert "real cost" in refused.content.decode()


def test_a_higher_share_of_costs_is_stated_by_a_second_person(
    world: Spending, author: Client, approver: Client
) -> None:
    here = {"appeal": world.kit.appeal.slug}
    form = url(world, "desk-step-new", kind="policy", **here)
    page = url(world, "desk-appeal-spending", **here)
    own = approver.post(form, {"percent": "9", "reason": "Rents"})
    assert own.status_code == 302
    policy = world.kit.appeal.overhead_policies.get()
    decide = {
        word: url(world, "desk-policy-decide", pk=policy.pk, decision=word, **here) for word in ("approve", "reject")
    }
    assert approver.post(decide["approve"]).status_code == 422
    assert author.post(decide["approve"]).status_code == 403
    assert "waits for a second person" in author.get(page).content.decode()
    other = staff.at_desk(Role.APPROVER, world.kit.entity)
    assert other.post(decide["reject"]).status_code == 302
    assert author.post(form, {"percent": "7.5", "reason": "Board"}).status_code == 302
    waits = world.kit.appeal.overhead_policies.latest("pk")
    assert other.post(url(world, "desk-policy-decide", pk=waits.pk, decision="approve", **here)).status_code == 302
    waits.refresh_from_db()
    assert waits.state == "stated"
    assert "7.5" in author.get(page).content.decode()
    assert author.post(form, {"percent": "0", "reason": "A grant covers it"}).status_code == 302
    assert world.kit.appeal.overhead_policies.latest("pk").state == "stated"


def test_a_step_is_undone_at_the_desk(world: Spending, author: Client) -> None:
    step = write(author, world, "allocation", line=world.housing.pk, amount="100")
    assert author.post(url(world, "desk-step-undo", uuid=step.uuid), {"text": ""}).status_code == 422
    assert author.post(url(world, "desk-step-undo", uuid=step.uuid), {"text": "Mistake"}).status_code == 302
    assert SpendingStep.objects.get(pk=step.pk).state == StepState.UNDONE


def test_nobody_reaches_the_steps_of_another_legal_entity(world: Spending, author: Client) -> None:
    other = make_spending()
    give(other.kit, euros(1_000))
    for name, parts in (
        ("desk-appeal-spending", {"appeal": other.kit.appeal.slug}),
        ("desk-partner", {"uuid": other.partner.uuid}),
        ("desk-step-new", {"appeal": other.kit.appeal.slug, "kind": "allocation"}),
    ):
        assert author.get(url(world, name, **parts)).status_code == 404


def test_a_partner_is_kept_and_an_alias_that_tells_is_refused(world: Spending, author: Client) -> None:
    fields = {
        "real_name": "Haven House Tbilisi", "contact": "+000", "account": "XX1", "shown": "alias", "region": "South",
        "delay_days": "60", "least_shown": "500", "active": "on",
    }  # fmt: skip
    address = url(world, "desk-partner-new")
    answer = author.post(address, {**fields, "alias": "Friends of tbilisi"})
    assert "has a word of the real name" in answer.content.decode()
    assert author.post(address, {**fields, "alias": "Partner in the south"}).status_code == 302
    kept = Partner.objects.latest("pk")
    assert (kept.real_name, kept.alias, kept.least_shown_minor) == (
        "Haven House Tbilisi", "Partner in the south", 50_000,
    )  # fmt: skip
    changed = author.post(url(world, "desk-partner-change", uuid=kept.uuid), {**fields, "shown": "withheld"})
    assert changed.status_code == 302
    kept.refresh_from_db()
    assert kept.shown == "withheld"


def test_finance_sees_who_a_partner_is_and_an_auditor_does_not(world: Spending, author: Client) -> None:
    address = url(world, "desk-partner", uuid=world.partner.uuid)
    assert SECRET in author.get(address).content.decode()
    assert SECRET not in staff.at_desk(Role.AUDITOR, world.kit.entity).get(address).content.decode()
