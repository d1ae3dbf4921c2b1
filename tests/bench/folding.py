"""Fold and read as the live process does, until standard input ends: `python -m tests.bench.folding APPEAL_ID`."""

from __future__ import annotations

import sys
import threading

from fundraising import live, totals
from fundraising.models import Appeal


def main() -> None:
    stop = threading.Event()
    folding = threading.Thread(target=live.fold_for_ever, args=(stop, lambda: True))
    folding.start()
    appeal = Appeal.objects.get(pk=int(sys.argv[1]))
    ended = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    print("folding", flush=True)
    reads = 0
    while not ended.wait(live.SECONDS_BETWEEN_READS):
        totals.appeal_total(appeal)
        reads += 1
    stop.set()
    folding.join()
    print(reads)


if __name__ == "__main__":
    main()
