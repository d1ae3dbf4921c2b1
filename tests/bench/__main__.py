"""`python -m tests.bench [name …] [--json FILE]`: measure, print ratios to limit programs of the same run, keep them.

Names are the modules of this package (NAMES). Nothing here is a test: how fast something was is never a reason for a
test to fail.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import time
from pathlib import Path

from tests.bench import place
from tests.bench.limits import raise_file_limit
from tests.bench.results import Result, table

NAMES = ("ledger", "books", "webhook", "booking", "ingest", "live", "page", "receipt", "mass", "reconcile")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="what to measure; everything by default")
    parser.add_argument(
        "--json", type=Path, default=place.PROJECT / ".state" / f"bench-{time.strftime('%Y-%m-%d')}.json"
    )
    chosen = parser.parse_args()
    raise_file_limit()
    with place.database() as url:
        prepare(url)
        results = [one for name in chosen.names or NAMES for one in measured(name)]
    print(f"\n{table(results)}")
    keep(chosen.json, results)
    return 0


def prepare(url: str) -> None:
    """Give this process and its children the database, and migrate it."""
    os.environ.update(
        DATABASE_URL=url,
        OPENAPPEAL_ENV="test",
        OPENAPPEAL_STATE=str(place.STATE),
        BROKER_URL=os.environ.get("BROKER_URL", "memory://"),
        DJANGO_SETTINGS_MODULE="config.settings",
        LOG_LEVEL="WARNING",
    )
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", interactive=False, verbosity=0)


def measured(name: str) -> list[Result]:
    """Run one module's measures, saying so."""
    print(f"{name} …", file=sys.stderr, flush=True)
    began = time.monotonic()
    results: list[Result] = importlib.import_module(f"tests.bench.{name}").measure()
    print(f"{table(results)}\n({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)
    return results


def keep(path: Path, results: list[Result]) -> None:
    """Write the figures, and on what they were measured, as JSON."""
    machine = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    path.parent.mkdir(parents=True, exist_ok=True)
    figures = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **machine}
    path.write_text(json.dumps({**figures, "results": [one.as_json for one in results]}, indent=1, ensure_ascii=False))
    print(f"\nkept in {path}")


if __name__ == "__main__":
    raise SystemExit(main())
