"""Wait by looking, never by sleeping a fixed time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(look: Callable[[], T], seconds: float = 60.0, what: str = "") -> T:
    """Return what `look` returns as soon as it is true. Raises AssertionError with the last answer.

    The time is for a machine that does much else and stands still for seconds; who waits for less says why.
    """
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what or look} (last: {found!r})")
        time.sleep(0.02)
    return found
