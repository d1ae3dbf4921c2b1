"""Identifiers shaped like Stripe's: a prefix that tells the kind, then random letters and digits."""

import hashlib
import random
import string

ALPHABET = string.ascii_letters + string.digits
LENGTHS = {"cs_test": 56, "req": 14, "cus": 14, "prod": 14, "whsec": 32}
_chance: random.Random = random.SystemRandom()


def new(prefix: str) -> str:
    """A fresh identifier such as ``ch_3kQ…``; never repeats."""
    length = LENGTHS.get(prefix, 24)
    return f"{prefix}_" + "".join(_chance.choices(ALPHABET, k=length))


def draw_from(seed: int | None) -> None:
    """Draw the same identifiers in every run that begins with this seed; with None, such as never repeat."""
    global _chance  # one process is one sandbox
    _chance = random.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311 - no secret is real here


def account_id(slug: str) -> str:
    """The same account identifier for the same slug, also after the state is thrown away."""
    return "acct_" + hashlib.sha256(slug.encode()).hexdigest()[:16]


def fingerprint(number: str) -> str:
    """Stripe gives the same card the same fingerprint; so do we."""
    return hashlib.sha256(number.encode()).hexdigest()[:16]
