"""The desk's page of an appeal: which buttons are there, why others are not, and what each does."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from fundraising.appeals.titles import entitle
from fundraising.models import Appeal, AppealState, Fund, Role, SpendingStep
from tests import factories, staff
from tests.fundraising.spending.kits import Spending, euros, give, make_spending

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db: None) -> Spending:
    return make_spending(threshold=50_000)


@pytest.fixture
def campaigner(world: Spending) -> Client:
    return staff.at_desk(Role.CAMPAIGNER, world.kit.entity)


def url(world: Spending, name: str, **parts: object) -> str:
    return reverse(name, kwargs={"entity": world.kit.entity.slug, "appeal": world.kit.appeal.slug, **parts})


def state(world: Spending) -> str:
    return Appeal.objects.get(pk=world.kit.appeal.pk).state


def test_a_campaigner_closes_an_appeal_and_reads_what_is_in_the_way_without_its_amounts(
    world: Spending, campaigner: Client
) -> None:
    factories.received_donation(world.kit, amount=euros(12_345))
    answer = campaigner.post(url(world, "desk-appeal-act", act="begin-closing"), {"reason": "Nearly there"})
    assert (answer.status_code, state(world)) == (302, AppealState.CLOSING)
    refused = campaigner.post(url(world, "desk-appeal-act", act="close"), {"reason": " "})
    assert refused.status_code == 422
    assert "Say why" in refused.content.decode()
    campaigner.post(url(world, "desk-appeal-act", act="close"), {"reason": "All are safe"})
    page = campaigner.get(url(world, "desk-appeal")).content.decode()
    assert "Charged, not yet settled." in page
    assert "123.45" not in page
    assert campaigner.post(url(world, "desk-appeal-settle", act="resolve"), {"reason": "x"}).status_code == 403
    finance = staff.signed_in(world.author)
    assert "€123.45" in finance.get(url(world, "desk-appeal")).content.decode()
    assert finance.post(url(world, "desk-appeal-act", act="step-back"), {"reason": "x"}).status_code == 403


@pytest.mark.parametrize(("language", "title"), [("en", "Evacuations"), ("it", "Evacuazioni")])
def test_pages_of_an_appeal_carry_its_title_in_the_language_of_whoever_reads(
    world: Spending, language: str, title: str
) -> None:
    slug = world.kit.appeal.slug
    desk = staff.at_desk(Role.FINANCE, world.kit.entity)
    for name in (
        "desk-appeal", "desk-appeal-spending", "desk-seal-new", "desk-report-begin", "desk-iati-appeal",
    ):  # fmt: skip
        page = desk.get(url(world, name), headers={"Accept-Language": language}).content.decode()
        heading = page.partition("<h1>")[2].partition("</h1>")[0]
        assert (title in heading, slug in heading) == (True, False), name
        assert slug not in page.partition("<title>")[2].partition("</title>")[0], name
    for name in ("desk-appeals", "desk-spending", "desk-reports", "desk-iati", "desk-seals"):
        where = reverse(name, kwargs={"entity": world.kit.entity.slug})
        page = desk.get(where, headers={"Accept-Language": language}).content.decode()
        assert (title in page, f">{slug}<" in page) == (True, False), name


def test_an_appeal_without_a_wording_in_the_readers_language_carries_another_one_or_its_slug(world: Spending) -> None:
    appeal = world.kit.appeal
    fund = Fund.objects.create(entity=world.kit.entity, name="Bare")
    bare = Appeal.objects.create(
        slug="bare", campaign=appeal.campaign, fund=fund, late_fund=appeal.late_fund, currency="EUR"
    )
    with override("fr"):
        assert [one.title for one in entitle([appeal, bare])] == ["Evacuations", "bare"]
        assert Appeal.objects.get(pk=appeal.pk).title == "Evacuations"


def test_a_list_of_appeals_asks_once_for_all_titles(world: Spending, django_assert_num_queries: Any) -> None:
    factories.make_appeal(world.kit.entity)
    appeals = list(Appeal.objects.all())
    with django_assert_num_queries(1):
        assert len({one.title for one in entitle(appeals)}) == 1


def test_finance_passes_on_what_is_left_and_archives(world: Spending) -> None:
    give(world.kit, euros(10_000))
    staff.at_desk(Role.CAMPAIGNER, world.kit.entity).post(
        url(world, "desk-appeal-act", act="close"), {"reason": "All are safe"}
    )
    finance, approver = staff.signed_in(world.author), staff.signed_in(world.approver)
    answer = finance.post(url(world, "desk-appeal-settle", act="resolve"), {"reason": "What is left"})
    assert answer["Location"] == reverse("desk-spending-waiting", args=[world.kit.entity.slug])
    step = SpendingStep.objects.latest("pk")
    page = reverse("desk-step", kwargs={"entity": world.kit.entity.slug, "uuid": step.uuid})
    assert "Withdraw it" in finance.get(page).content.decode()
    assert "Withdraw it" not in approver.get(page).content.decode()
    approve = reverse("desk-step-approve", kwargs={"entity": world.kit.entity.slug, "uuid": step.uuid})
    assert approver.post(approve).status_code == 302
    assert finance.post(url(world, "desk-appeal-settle", act="archive")).status_code == 302
    assert state(world) == AppealState.ARCHIVED


def test_an_author_withdraws_a_step_that_waits(world: Spending) -> None:
    give(world.kit, euros(10_000))
    staff.at_desk(Role.CAMPAIGNER, world.kit.entity).post(
        url(world, "desk-appeal-act", act="close"), {"reason": "All are safe"}
    )
    finance, approver = staff.signed_in(world.author), staff.signed_in(world.approver)
    finance.post(url(world, "desk-appeal-settle", act="resolve"), {"reason": "What is left"})
    step = SpendingStep.objects.latest("pk")
    withdraw = reverse("desk-step-withdraw", kwargs={"entity": world.kit.entity.slug, "uuid": step.uuid})
    assert approver.post(withdraw).status_code == 422
    assert finance.post(withdraw).status_code == 302
    step.refresh_from_db()
    assert step.state == "withdrawn"


def test_a_second_round_needs_a_reason_in_every_language_of_its_pages(world: Spending, campaigner: Client) -> None:
    new = url(world, "desk-round-new")
    typed = {"reason": "Winter", "goal": "9000", "text_en": "Winter lasts longer"}
    refused = campaigner.post(new, typed)
    assert refused.status_code == 422
    assert "Say why in this language too" in refused.content.decode()
    assert campaigner.post(new, {**typed, "text_it": "L'inverno dura"}).status_code == 302
    second = world.kit.appeal.rounds.get(number=2)
    assert (second.goals.get().amount_minor, second.is_open()) == (900_000, True)
    answer = campaigner.post(url(world, "desk-goal", number=2), {"goal": "9500", "reason": "One family more"})
    assert answer.status_code == 302
    answer = campaigner.post(url(world, "desk-round-close", number=2), {"reason": "Reached"})
    assert answer.status_code == 302
    page = campaigner.get(url(world, "desk-appeal")).content.decode()
    for shown in ("Winter lasts longer", "€9,500", "€9,000", "One family more", "round closed"):
        assert shown in page
