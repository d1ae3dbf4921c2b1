"""A page's own questions: asked as they are set, answered in the donor's words, sealed, shown to who may see donors."""

from __future__ import annotations

import html
from typing import Any

import pytest
from django.core.cache import cache
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from fundraising.content import appeal_content
from fundraising.drafts import open_donation
from fundraising.forms import DonationForm, question_name
from fundraising.models import Answer, Donation, Question, QuestionKind
from tests import factories, staff

from .conftest import address, errors_beside, filled_in

pytestmark = pytest.mark.django_db


def ask(kit: factories.AppealKit, kind: QuestionKind = QuestionKind.TEXT, **fields: Any) -> Question:
    choices = "Rescue\nShelter\n" if kind == QuestionKind.CHOICE else ""
    question = Question.objects.create(
        page=kit.pages["en"], kind=kind, choices=choices, **{"label": "What moved you?", **fields}
    )
    cache.clear()
    return question


def opened(kit: factories.AppealKit, **answers: str) -> Donation:
    form = DonationForm(appeal_content("en", kit.pages["en"].slug), filled_in(**answers))
    assert form.is_valid(), form.errors
    return open_donation(form.draft())


@pytest.mark.parametrize(
    ("kind", "sent", "kept"),
    [
        (QuestionKind.TEXT, " A  friend ", "A friend"),
        (QuestionKind.CHOICE, "Shelter", "Shelter"),
        (QuestionKind.YES, "on", "yes"),
    ],
)
def test_an_answer_is_kept_sealed_beside_the_question_as_it_was_seen(
    kit: factories.AppealKit, kind: QuestionKind, sent: str, kept: str
) -> None:
    question = ask(kit, kind)
    donation = opened(kit, **{question_name(question): sent})
    Question.objects.update(label="Changed since")
    answer = Answer.objects.get(donation=donation)
    assert (answer.question, answer.label, answer.text) == (question, "What moved you?", kept)
    with connection.cursor() as cursor:
        cursor.execute("SELECT text FROM fundraising_answer")
        assert cursor.fetchone()[0].startswith("v1:")


def test_what_nobody_has_to_answer_may_stay_open(kit: factories.AppealKit) -> None:
    for kind in QuestionKind:
        ask(kit, kind)
    donation = opened(kit)
    assert not donation.answers.exists()


@pytest.mark.parametrize(
    ("kind", "sent", "words"),
    [
        (QuestionKind.TEXT, "", "answer this question"),
        (QuestionKind.TEXT, "  ", "answer this question"),
        (QuestionKind.TEXT, "x" * 201, "at most 200"),
        (QuestionKind.TEXT, "\u202etfihs", "invisible"),
        (QuestionKind.CHOICE, "", "answer this question"),
        (QuestionKind.CHOICE, "Neither", "one of the answers"),
        (QuestionKind.YES, None, "tick this box"),
    ],
)
def test_what_must_be_answered_is_asked_for_beside_the_question(
    visitor: Client, kit: factories.AppealKit, kind: QuestionKind, sent: str | None, words: str
) -> None:
    question = ask(kit, kind, required=True)
    answer = visitor.post(address(kit), filled_in(**{question_name(question): sent}))
    page = answer.content.decode()
    assert answer.status_code == 422
    shown = errors_beside(page)
    assert list(shown) == [question_name(question)]
    assert words in shown[question_name(question)][0]
    assert f'href="#id_{question_name(question)}"' in page
    assert f'id="id_{question_name(question)}"' in page
    assert not Donation.objects.exists()


def test_questions_stand_in_their_order_and_a_retired_one_is_asked_no_more(
    visitor: Client, kit: factories.AppealKit
) -> None:
    ask(kit, label="Second?", position=2)
    ask(kit, label="First?", position=1, hint="A hint <b>for you</b>")
    ask(kit, label="Retired?", retired=True)
    page = visitor.get(address(kit)).content.decode()
    assert page.index("First?") < page.index("Second?")
    assert "A hint &lt;b&gt;for you" in page
    assert "Retired?" not in page
    assert "First?" not in visitor.get(address(kit, "it")).content.decode()


def test_another_answer_is_another_donation(kit: factories.AppealKit) -> None:
    name = question_name(ask(kit))
    assert opened(kit, **{name: "A friend"}) == opened(kit, **{name: "A friend"})
    assert opened(kit, **{name: "A friend"}) != opened(kit, **{name: "The news"})


def test_a_choice_without_answers_is_refused_by_the_database(kit: factories.AppealKit) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Question.objects.create(page=kit.pages["en"], kind=QuestionKind.CHOICE, label="Which?", choices="")


def test_answers_employers_and_tributes_are_for_those_who_may_see_donors(kit: factories.AppealKit) -> None:
    name = question_name(ask(kit))
    told = {name: "My aunt", "employer": "Halcyon Works", "tribute": "honour", "tribute_name": "Sorana"}
    donation = opened(kit, **told)
    for role, may in (("auditor", False), ("finance", True), ("superuser", True)):
        answer = staff.everywhere(role).get(reverse("admin:fundraising_donation_change", args=[donation.pk]))
        page = html.unescape(answer.content.decode())
        assert answer.status_code == 200
        for words in ("My aunt", "Halcyon Works", "Sorana"):
            assert (words in page) is may, f"{role}: {words}"
