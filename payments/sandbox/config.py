"""What the environment and the control API can set. Times are seconds; amounts, minor units."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

API_VERSION = "2026-05-27.dahlia"
DAY = 86_400
DEFAULT_SPEC_DIR = Path(__file__).resolve().parents[2].parent / "shared" / "stripe"


class RefusedToStart(RuntimeError):
    """The sandbox was asked to run where real money moves."""


@dataclass
class Settings:
    """Settings of one sandbox. The fields under ``behaviour`` may change at run time."""

    state: str = ":memory:"
    url: str = ""
    validate: bool = False
    spec_dir: Path = DEFAULT_SPEC_DIR
    behaviour: dict[str, Any] = field(
        default_factory=lambda: {
            "sepa_delay": 20,
            "transfer_delay": 20,
            "refund_delay": 20,
            "dispute_delay": 20,
            "balance_transaction_delay": 0,
            "available_delay": 2 * DAY,
            "retry_schedule": [1, 5, 30, 120, 600],
            "webhook_timeout": 10,
            "webhook_concurrency": 8,
        }
    )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read SANDBOX_*; raises RefusedToStart in production."""
        if environ.get("OPENAPPEAL_ENV") == "production":
            raise RefusedToStart("The Stripe sandbox does not run in production (OPENAPPEAL_ENV=production).")
        settings = cls(
            state=environ.get("SANDBOX_STATE") or ":memory:",
            url=environ.get("SANDBOX_URL", "").rstrip("/"),
            validate=environ.get("SANDBOX_VALIDATE") == "1",
            spec_dir=Path(environ.get("STRIPE_SPEC_DIR") or DEFAULT_SPEC_DIR),
        )
        for name in ("sepa_delay", "refund_delay", "dispute_delay", "balance_transaction_delay", "webhook_concurrency"):
            given = environ.get(f"SANDBOX_{name.upper()}")
            if given:
                settings.change({name: int(given)})
        return settings

    def change(self, changes: Mapping[str, Any]) -> None:
        """Change behaviour; ValueError names what is not known or not a number."""
        for name, value in changes.items():
            if name not in self.behaviour:
                raise ValueError(f"Unknown setting: {name}. Known: {', '.join(self.behaviour)}")
            numbers = value if name == "retry_schedule" and isinstance(value, list) else [value]
            if not all(isinstance(number, int | float) and number >= 0 for number in numbers):
                raise ValueError(f"{name} must be seconds, zero or more")
            self.behaviour[name] = value


__all__ = ["API_VERSION", "DAY", "RefusedToStart", "Settings"]
