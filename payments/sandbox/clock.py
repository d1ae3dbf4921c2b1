"""Virtual time: the real clock plus what has been advanced. It never goes back."""

import time

from payments.sandbox.store import Store

OFFSET = "clock_offset"


class Clock:
    """Seconds since the epoch, as whole numbers, like Stripe's ``created``."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._offset = int(store.remembered(OFFSET) or 0)

    def now(self) -> int:
        """The present moment of the sandbox."""
        return int(time.time()) + self._offset

    def move_to(self, moment: int) -> None:
        """Set the clock forward to a moment; one in the past is ignored."""
        ahead = moment - self.now()
        if ahead > 0:
            self._offset += ahead
            self._store.remember(OFFSET, str(self._offset))

    def reset(self) -> None:
        """Back to real time: only together with forgetting everything else."""
        self._offset = 0
        self._store.remember(OFFSET, "0")
