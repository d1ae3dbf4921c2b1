"""Is this collection genuine? What we can say of an address or a code that somebody came upon."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import QuerySet

from ..content import published_pages, title_of
from ..models import DonationPage, Seal, SealState
from .showing import Ended, ShownSeal, seals_of
from .statements import CODE_LETTERS

MOST_LETTERS: Final = 500
_APPEAL: Final = re.compile(r"/(?P<locale>[a-z]{2}(?:-[a-z]+)?)/a/(?P<slug>[-\w]+)(?:/.*)?", re.ASCII)
_CODE: Final = re.compile(rf"[A-Z2-7]{{{CODE_LETTERS}}}", re.ASCII)


class Answer(StrEnum):
    SEALED = "sealed"  # our appeal, and a partner stands behind it
    OURS = "ours"  # our appeal; no partner has signed
    ENDED = "ended"  # our appeal; a seal that it had is valid no more
    CLOSED = "closed"  # our appeal; it takes no money now
    OUR_SITE = "our_site"  # on our site, and no appeal
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Found:
    """The answer, and for an appeal its page, title and seals."""

    answer: Answer
    page: DonationPage | None = None
    title: str = ""
    seals: tuple[ShownSeal, ...] = ()
    ended: tuple[Ended, ...] = ()


def ask(text: str, locale: str) -> Found:
    """What we know of an address or a code. `locale` is the reader's, for what a code alone leads to."""
    text = text.strip()[:MOST_LETTERS]
    code = re.sub(r"[\s-]", "", text).upper()
    if _CODE.fullmatch(code):
        return _by_code(code, locale)
    path = _path_here(text)
    if path is None:
        return Found(Answer.UNKNOWN)
    match = _APPEAL.fullmatch(path)
    page = _pages().filter(locale=match["locale"], slug=match["slug"]).first() if match else None
    return _of(page) if page else Found(Answer.OUR_SITE)


def _by_code(code: str, locale: str) -> Found:
    states = [SealState.PUBLISHED, SealState.ENDED]
    seal = Seal.objects.filter(code=code, state__in=states, published_at__isnull=False).first()
    if seal is None:
        return Found(Answer.UNKNOWN)
    pages = list(_pages().filter(appeal=seal.appeal_id).order_by("locale"))
    page = next((one for one in pages if one.locale == locale), next(iter(pages), None))
    if page is None:
        return Found(Answer.UNKNOWN)
    found = _of(page)
    if found.answer == Answer.CLOSED or seal.pk in {shown.seal.pk for shown in found.seals}:
        return found
    return replace(found, answer=Answer.ENDED)


def _pages() -> QuerySet[DonationPage]:
    return published_pages().select_related("appeal__campaign__entity")


def _of(page: DonationPage) -> Found:
    valid, ended = seals_of(page)
    if not page.appeal.takes_money:
        answer = Answer.CLOSED
    elif valid:
        answer = Answer.SEALED
    else:
        answer = Answer.ENDED if ended else Answer.OURS
    return Found(answer, page, title_of(page), tuple(valid), tuple(ended))


def _path_here(text: str) -> str | None:
    """The path of an address of our own site; None for any other, however alike it looks."""
    if not text or not text.isprintable() or re.search(r"[\s\\]", text):
        return None
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
    except ValueError:
        return None
    ours = urlsplit(settings.PUBLIC_URL).netloc.lower()
    here = parts.scheme in {"http", "https"} and parts.netloc.isascii() and parts.netloc.lower() == ours
    return parts.path if here else None
