"""The wall of an appeal: who gave and chose to be named, and the words that staff have let through."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from . import locales
from .models import Appeal, Comment, CommentState, Donation, DonationPage, DonationState, PublicName

SHOWN = 12


@dataclass(frozen=True)
class Supporter:
    first_name: str
    country: str


@dataclass(frozen=True)
class ShownComment:
    """`name` and `country` are empty where the donor stays anonymous."""

    lines: list[str]
    name: str
    country: str


def supporters(appeal: Appeal, locale: str) -> list[Supporter]:
    """The latest donors who chose to be named: first name and country, no amount, no time."""
    named = Donation.objects.filter(
        fund=appeal.fund_id, state=DonationState.RECEIVED, public_name=PublicName.NAME_COUNTRY
    )
    donors = [donation.donor for donation in named.select_related("donor").order_by("-received_at")[:SHOWN]]
    return [Supporter(donor.first_name, locales.country_name(donor.country, locale)) for donor in donors]


def wall(page: DonationPage) -> list[ShownComment]:
    """The latest comments that somebody let through, while their donations stand; none where none are taken."""
    if not page.takes_comments:
        return []
    shown = Comment.objects.filter(
        donation__page=page, donation__state=DonationState.RECEIVED, state=CommentState.SHOWN
    ).select_related("donation__donor")
    return [_shown(comment, page.locale) for comment in shown.order_by("-written_at")[:SHOWN]]


def _shown(comment: Comment, locale: str) -> ShownComment:
    lines, donor = comment.text.splitlines(), comment.donation.donor
    if comment.donation.public_name != PublicName.NAME_COUNTRY:
        return ShownComment(lines, "", "")
    return ShownComment(lines, donor.first_name, locales.country_name(donor.country, locale))


def show_comment(comment: Comment, *, by: str) -> None:
    """Let a comment through to its page. `by` is who decided."""
    _decide(comment, CommentState.SHOWN, by)


def hide_comment(comment: Comment, *, by: str) -> None:
    """Keep a comment off its page, also one that was shown."""
    _decide(comment, CommentState.HIDDEN, by)


def _decide(comment: Comment, state: CommentState, by: str) -> None:
    """One conditional update: who decided first is kept when two decide the same."""
    Comment.objects.filter(pk=comment.pk).exclude(state=state).update(
        state=state, decided_at=timezone.now(), decided_by=by
    )
