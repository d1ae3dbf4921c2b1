"""The reference that a donor writes on a bank transfer: short, without look-alikes, with check digits (ISO 11649)."""

from __future__ import annotations

import re
import secrets

from stdnum import iso11649
from stdnum.iso7064 import mod_97_10

# Crockford's base 32: every digit and letter but I, L, O and U.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 8
_MARK = "RF"
# What people write instead of a digit that looks like it; the alphabet has no such letters.
_MISTAKEN = str.maketrans("OIL", "011")
# As written in one piece, in groups, or cut by the line breaks of a statement.
_WRITTEN = re.compile(r"R[\W_]*F[\W_]*(?:[0-9OIL][\W_]*){2}(?:[0-9A-Z][\W_]*){7}[0-9A-Z]")


def new_reference() -> str:
    """A fresh reference, as `RF71K3N7QW2X`: one in a million million. None in which another could seem to begin."""
    body = _MARK
    while _MARK in body:
        body = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return f"RF{mod_97_10.calc_check_digits(body + 'RF')}{body}"


def in_groups(reference: str) -> str:
    """For people: in groups of four."""
    return str(iso11649.format(reference))


def references_in(text: str) -> list[str]:
    """The references in what a bank says of a line, however they are spaced, and with O for 0 or I and L for 1.

    Only those whose check digits agree: a mistyped one is nobody's.
    """
    upper, found = text.upper(), []
    start = 0
    while match := _WRITTEN.search(upper, start):
        start = match.start() + 1
        compact = re.sub(r"[\W_]", "", match.group())
        candidate = "RF" + compact[2:].translate(_MISTAKEN)
        if iso11649.is_valid(candidate) and candidate not in found:
            found.append(candidate)
    return found
