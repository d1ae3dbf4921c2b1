"""Words that strangers type: taken as they are in every script, without the tricks that Unicode offers."""

from __future__ import annotations

import re
import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

NAME_LENGTH = 80
LINE_LENGTH = 200
COMMENT_LENGTH = 500
# Letters and marks that show nothing: fillers of Hangul, a joiner of graphemes, vowels of Khmer.
INVISIBLE = "\u115f\u1160\u3164\uffa0\u034f\u17b4\u17b5"
JOINERS = "\u200c\u200d"
# No script stacks more marks on a letter.
PILED_MARKS = re.compile(r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{4}")
# Addresses of sites and mailboxes, as people and robots write them.
LINK = re.compile(
    r"://|\bwww\.|\S@\S+\.\w|\b[\w-]+\.(?:com|net|org|info|biz|io|co|me|app|dev|xyz|top|shop|online|site|link|ru|cn)\b"
    r"|\b[\w-]+\.[a-z]{2,}/\S",
    re.IGNORECASE,
)


def clean_name(text: str) -> str:
    """A person's name as typed; raises ValidationError. Symbols are no letters."""
    text = _tidied(text, NAME_LENGTH)
    if PILED_MARKS.search(text) or any(_is_symbol(char) for char in text):
        raise ValidationError(_("Please use letters only, without symbols or emoji."), code="symbol")
    return text


def clean_line(text: str, limit: int = LINE_LENGTH) -> str:
    """A line of text, such as the name of a company; raises ValidationError."""
    text = _tidied(text, limit)
    if PILED_MARKS.search(text):
        raise ValidationError(_("This contains an invisible character. Please type it again."), code="control")
    return text


def clean_organisation(text: str) -> str:
    """The name of a company or another body; raises ValidationError. It goes on receipts, whose fonts know no emoji."""
    text = clean_line(text)
    if any(unicodedata.category(char) in {"So", "Me"} and char not in "®©™°" for char in text):
        raise ValidationError(_("Please use letters only, without symbols or emoji."), code="symbol")
    return text


def clean_comment(text: str) -> str:
    """A few lines for the wall, without addresses of anything; raises ValidationError."""
    lines = [clean_line(line, COMMENT_LENGTH) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
    if len(text) > COMMENT_LENGTH:
        raise _too_long(COMMENT_LENGTH)
    if LINK.search(text):
        raise ValidationError(_("Please leave out links and addresses."), code="link")
    return text


def _tidied(text: str, limit: int) -> str:
    """Composed, with single spaces. Joiners stay: Persian and Indian names need them.

    Direction overrides and control characters could make a receipt read backwards.
    """
    text = unicodedata.normalize("NFC", re.sub(" +", " ", text)).strip().strip(JOINERS)
    if len(text) > limit:
        raise _too_long(limit)
    if any(_is_hidden(char) for char in text):
        raise ValidationError(_("This contains an invisible character. Please type it again."), code="control")
    return text


def _too_long(limit: int) -> ValidationError:
    return ValidationError(
        gettext("Please shorten this to at most %(limit)d characters.") % {"limit": limit}, code="length"
    )


def _is_hidden(char: str) -> bool:
    kind = unicodedata.category(char)
    return char in INVISIBLE or (kind == "Cf" and char not in JOINERS) or kind in {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}


def _is_symbol(char: str) -> bool:
    return unicodedata.category(char) in {"So", "Sk", "Sm", "Me"} or 0xFE00 <= ord(char) <= 0xFE0F
