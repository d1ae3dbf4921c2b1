"""Chance that is the same in every run: for simulations and tests, whose findings must be found again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock


@contextmanager
def drawn_from(seed: int | str) -> Iterator[None]:
    """Tokens, keys and ids of this process are drawn alike in every run of a seed."""
    draw = random.Random(seed).randbytes  # noqa: S311 - no secret is real here
    with mock.patch("os.urandom", draw), mock.patch("random._urandom", draw):
        yield
