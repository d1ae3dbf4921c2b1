"""Virtual time: the real clock plus what has been advanced, or one that stands until it is moved. Never goes back."""

import time

from payments.sandbox.store import Store

OFFSET = "clock_offset"
STANDS_AT = "clock_stands_at"


class Clock:
    """Seconds since the epoch, as whole numbers, like Stripe's ``created``."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._offset = int(store.remembered(OFFSET) or 0)
        stands_at = store.remembered(STANDS_AT)
        self._stands_at = int(stands_at) if stands_at else None

    def now(self) -> int:
        """The present moment of the sandbox."""
        return int(time.time()) + self._offset if self._stands_at is None else self._stands_at

    @property
    def stands(self) -> bool:
        """Whether it moves only when it is told to."""
        return self._stands_at is not None

    def deliveries_now(self) -> float:
        """What webhook deliveries go by: real seconds, for an endpoint checks a signature's age against its own clock;
        virtual ones where time stands."""
        return time.time() if self._stands_at is None else float(self._stands_at)

    def move_to(self, moment: int) -> None:
        """Set the clock forward to a moment; one in the past is ignored."""
        ahead = moment - self.now()
        if ahead <= 0:
            return
        if self._stands_at is not None:
            self._stands_at = moment
            self._store.remember(STANDS_AT, str(moment))
        else:
            self._offset += ahead
            self._store.remember(OFFSET, str(self._offset))

    def reset(self, *, stand_at: int | None = None) -> None:
        """Back to real time, or stand at a moment: only together with forgetting everything else."""
        self._offset, self._stands_at = 0, stand_at
        self._store.remember(OFFSET, "0")
        self._store.remember(STANDS_AT, "" if stand_at is None else str(stand_at))
