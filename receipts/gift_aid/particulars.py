"""What HM Revenue & Customs takes on a claim schedule: how names, house and postcode have to be written."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

TITLE_LENGTH: Final = 4
NAME_LENGTH: Final = 35
HOUSE_LENGTH: Final = 40
OVERSEAS: Final = "X"  # in place of a postcode, for a home outside the United Kingdom
# Outward and inward code (BS 7666): one or two letters, a digit, perhaps one more; a digit and two letters.
_POSTCODE: Final = re.compile(r"(GIR|[A-Z]{1,2}\d[A-Z\d]?)(\d[A-Z]{2}|0AA)")
_NAME: Final = re.compile(r"[^\W\d_][^\W\d_ '’.-]*(?:[ '’.-]+[^\W\d_]+)*[.]?")
# A home address is asked for: an office or somebody else's letter box does not do.
_NOT_HOME: Final = re.compile(r"\b(c\s*/\s*o|care of|p\.?\s*o\.?\s*box|ltd|limited|plc|llp)\b", re.IGNORECASE)


class ParticularRefused(ValueError):
    """A schedule cannot take this; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def postcode(told: str) -> str:
    """A UK postcode in capitals with its one space. Raises ParticularRefused."""
    found = _POSTCODE.fullmatch(re.sub(r"\s", "", told).upper())
    if not found:
        raise ParticularRefused("postcode")
    return f"{found[1]} {found[2]}"


def name(told: str) -> str:
    """A first or last name of letters, 35 characters at most. Raises ParticularRefused."""
    told = unicodedata.normalize("NFC", " ".join(told.split()))
    if len(told) > NAME_LENGTH:
        raise ParticularRefused("name_length")
    if not _NAME.fullmatch(told):
        raise ParticularRefused("name")
    return told


def title(told: str) -> str:
    """A form of address of four characters at most; it may be empty. Raises ParticularRefused."""
    told = " ".join(told.split())
    if len(told) > TITLE_LENGTH:
        raise ParticularRefused("title")
    return told


def house(told: str) -> str:
    """The name or number of a home. Raises ParticularRefused."""
    told = " ".join(told.split())
    if not told or len(told) > HOUSE_LENGTH:
        raise ParticularRefused("house")
    if is_no_home(told):
        raise ParticularRefused("not_home")
    return told


def is_no_home(told: str) -> bool:
    """Whether an address says by itself that it is of work, of a box, or in care of somebody."""
    return bool(_NOT_HOME.search(told))
