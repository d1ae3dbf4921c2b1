"""Which faults strike, how likely."""

from __future__ import annotations

from typing import Any

WEBHOOKS = {
    "webhook_duplicated": 0.1, "webhook_concurrent": 0.1, "webhook_delayed": 0.05, "webhook_shuffled": 0.3,
    "webhook_dropped": 0.1, "webhook_old_timestamp": 0.05, "webhook_rotated_secret": 0.05,
    "webhook_old_api_version": 0.005, "event_never_generated": 0.08,
}  # fmt: skip
API = {
    "api_429": 0.04, "api_500": 0.03, "api_503": 0.03, "api_409": 0.03, "api_slow": 0.02, "api_dropped": 0.05,
    "api_500_stored": 0.03, "api_500_stored_undone": 0.03,
}  # fmt: skip
# Each name of `--faults`: what goes wrong with webhooks and API, and which part of its messages the broker loses.
CHOICES: dict[str, tuple[dict[str, float], dict[str, float], float]] = {
    "none": ({}, {}, 0.0),
    "webhooks": (WEBHOOKS, {}, 0.3),
    "api": ({}, API, 0.0),
    "all": (WEBHOOKS, API, 0.3),
}


def wanted(choice: str) -> list[dict[str, Any]]:
    """What the sandbox's control API is told."""
    webhooks, api, _loses = CHOICES[choice]
    # Virtual seconds; a slow answer takes real ones.
    slow = {"webhook_delayed": 8 * 3_600, "webhook_shuffled": 1_800, "api_slow": 0.05}
    found: list[dict[str, Any]] = [{"kind": kind, "probability": chance} for kind, chance in webhooks.items()]
    found += [{"kind": kind, "probability": chance, "match": "* /v1/*"} for kind, chance in api.items()]
    return [{**fault, "seconds": slow[fault["kind"]]} if fault["kind"] in slow else fault for fault in found]
