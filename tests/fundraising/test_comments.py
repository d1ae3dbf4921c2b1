"""The wall: cleaned when written, read by somebody before it is shown, and gone with the donation it came with."""

from __future__ import annotations

import html
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from fundraising.comments import hide_comment, show_comment
from fundraising.content import appeal_content
from fundraising.drafts import open_donation
from fundraising.forms import DonationForm
from fundraising.models import Comment, CommentState, Donation, DonationPage, PublicName
from tests import factories
from tests.staff import everywhere as signed_in

from .conftest import address, errors_beside, filled_in

pytestmark = pytest.mark.django_db
WORDS = "You are not alone.\n\nWe are with you \U0001f56f\ufe0f"


@pytest.fixture
def walled(kit: factories.AppealKit) -> factories.AppealKit:
    """An appeal whose pages take comments."""
    DonationPage.objects.update(takes_comments=True)
    cache.clear()
    return kit


def commented(
    kit: factories.AppealKit, text: str = WORDS, locale: str = "en", **changes: Any
) -> tuple[Comment, Donation]:
    form = DonationForm(
        appeal_content(locale, kit.pages[locale].slug),
        filled_in(comment=text, email=f"donor-{factories.next_number()}@example.org", **changes),
    )
    assert form.is_valid(), form.errors
    donation = open_donation(form.draft())
    return Comment.objects.get(donation=donation), donation


def wall(visitor: Client, kit: factories.AppealKit, locale: str = "en") -> str:
    cache.clear()
    return html.unescape(visitor.get(address(kit, locale)).content.decode())


# --- What may be written --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Look at http://spam.example", "leave out links"),
        ("www.spam.example", "leave out links"),
        ("cheap at example.com today", "leave out links"),
        ("example.shop/offer", "leave out links"),
        ("write to ada@example.org", "leave out links"),
        ("x" * 501, "at most 500"),
        ("\u202eevil", "invisible"),
        ("a\x07b", "invisible"),
        ("Z" + "\u0301\u0316\u0489\u035c" * 10, "invisible"),
    ],
)
def test_links_tricks_and_novels_are_refused_beside_the_field(
    visitor: Client, walled: factories.AppealKit, text: str, words: str
) -> None:
    answer = visitor.post(address(walled), filled_in(comment=text))
    assert answer.status_code == 422
    shown = errors_beside(answer.content.decode())
    assert list(shown) == ["comment"]
    assert words in shown["comment"][0]
    assert not Comment.objects.exists()


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Courage!\r\nFrom all of us.", "Courage!\nFrom all of us."),
        ("One\n\n\n\n\nTwo", "One\n\nTwo"),
        ("  spaces   within  ", "spaces within"),
        ("محمد\u200cعلی با شماست", "محمد\u200cعلی با شماست"),
        ("I gave at 7.30. Then I wept.", "I gave at 7.30. Then I wept."),
        ("e.g. for my aunt", "e.g. for my aunt"),
        ("x" * 500, "x" * 500),
    ],
)
def test_what_people_write_is_kept_line_by_line(walled: factories.AppealKit, typed: str, kept: str) -> None:
    comment, _donation = commented(walled, typed)
    assert comment.text == kept
    assert comment.state == CommentState.WAITING


def test_a_page_that_takes_no_comments_asks_for_none_and_says_so_when_sent_one(
    visitor: Client, kit: factories.AppealKit
) -> None:
    assert 'name="comment"' not in wall(visitor, kit)
    answer = visitor.post(address(kit), filled_in(comment="Courage!"))
    assert answer.status_code == 422
    assert "takes no comments" in answer.content.decode()
    assert not Donation.objects.exists()


# --- What is shown --------------------------------------------------------------------------------


def test_a_comment_is_shown_after_somebody_let_it_through_and_never_before(
    visitor: Client, walled: factories.AppealKit
) -> None:
    comment, donation = commented(walled, public_name="name_country", last_name="Mustnotshow", amount="4321")
    factories.receive(donation)
    assert "You are not alone" not in wall(visitor, walled)
    show_comment(comment, by="mod")
    shown = wall(visitor, walled)
    assert "<p>You are not alone.</p><p>We are with you \U0001f56f\ufe0f</p>" in shown
    assert "<bdi>Ada</bdi>, Italy" in shown
    assert "Mustnotshow" not in shown
    section = shown[shown.index("comments__list") : shown.index("</section>", shown.index("comments__list"))]
    assert "4,321" not in section
    hide_comment(comment, by="mod")
    assert "You are not alone" not in wall(visitor, walled)


def test_who_stays_anonymous_is_not_named_under_their_words(visitor: Client, walled: factories.AppealKit) -> None:
    comment, donation = commented(walled, first_name="Mustnotshow", public_name="anonymous")
    factories.receive(donation)
    show_comment(comment, by="mod")
    shown = wall(visitor, walled)
    assert "You are not alone" in shown
    assert "Anonymous</p>" in shown
    assert "Mustnotshow" not in shown


def test_words_stand_only_while_their_donation_does(visitor: Client, walled: factories.AppealKit) -> None:
    comment, donation = commented(walled)
    show_comment(comment, by="mod")
    assert "You are not alone" not in wall(visitor, walled), "not received yet"
    charge = factories.receive(donation)
    assert "You are not alone" in wall(visitor, walled)
    factories.refund(charge, donation.amount)
    assert "You are not alone" not in wall(visitor, walled)


def test_words_are_shown_on_the_page_where_they_were_written_while_it_takes_any(
    visitor: Client, walled: factories.AppealKit
) -> None:
    comment, donation = commented(walled)
    factories.receive(donation)
    show_comment(comment, by="mod")
    other = factories.make_appeal(campaign=walled.campaign)
    DonationPage.objects.update(takes_comments=True)
    assert "You are not alone" not in wall(visitor, walled, "it")
    assert "You are not alone" not in wall(visitor, other)
    DonationPage.objects.update(takes_comments=False)
    assert "You are not alone" not in wall(visitor, walled)


def test_markup_in_a_comment_is_shown_as_text(visitor: Client, walled: factories.AppealKit) -> None:
    comment, donation = commented(walled, "<script>alert(1)</script>")
    factories.receive(donation)
    show_comment(comment, by="mod")
    cache.clear()
    assert b"<script>alert" not in visitor.get(address(walled)).content


# --- The desk -------------------------------------------------------------------------------------


LIST = "admin:fundraising_comment_changelist"


@pytest.mark.parametrize(("action", "state"), [("show", CommentState.SHOWN), ("hide", CommentState.HIDDEN)])
def test_the_desk_decides_and_it_is_kept_who_and_when(
    walled: factories.AppealKit, action: str, state: CommentState
) -> None:
    comment, _donation = commented(walled)
    client = signed_in("campaigner")
    assert client.post(reverse(LIST), {"action": action, "_selected_action": [comment.pk]}).status_code == 302
    comment.refresh_from_db()
    assert (comment.state, comment.decided_by) == (state, "campaigner")
    assert comment.decided_at is not None
    first = comment.decided_at
    client.post(reverse(LIST), {"action": action, "_selected_action": [comment.pk]})
    comment.refresh_from_db()
    assert comment.decided_at == first, "the same decision again changes nothing"


def test_the_waiting_list_comes_first_and_names_donors_only_to_who_may_see_them(walled: factories.AppealKit) -> None:
    waiting, _donation = commented(walled, "Still waiting", first_name="Wilhelmina")
    decided, _donation = commented(walled, "Decided already", first_name="Wilhelmina")
    show_comment(decided, by="mod")
    for role, named in (("campaigner", False), ("superuser", True), ("finance", True)):
        page = signed_in(role).get(reverse(LIST)).content.decode()
        assert page.index("Still waiting") < page.index("Decided already")
        assert ("Wilhelmina" in page) is named, role
    detail = reverse("admin:fundraising_comment_change", args=[waiting.pk])
    assert "Wilhelmina" not in signed_in("campaigner").get(detail).content.decode()


def test_who_may_only_look_decides_nothing_and_nobody_rewrites_words(walled: factories.AppealKit) -> None:
    comment, _donation = commented(walled)
    signed_in("finance").post(reverse(LIST), {"action": "show", "_selected_action": [comment.pk]})
    detail = reverse("admin:fundraising_comment_change", args=[comment.pk])
    signed_in("superuser").post(detail, {"text": "Other words", "state": "shown"})
    comment.refresh_from_db()
    assert (comment.text, comment.state) == (WORDS, CommentState.WAITING)
    assert PublicName(comment.donation.public_name) == PublicName.ANONYMOUS
