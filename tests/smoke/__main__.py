"""The smoke run: a whole installation on free ports, twenty donations over HTTP, four figures that must agree.

`python -m tests.smoke` exits 0 only if what was charged at the (sandbox) provider, what is booked, what the
public pages show and what the receipts say agree to the minor unit, for every currency, and the audit finds nothing.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, LiteralString
from urllib.parse import urljoin, urlsplit

import httpx
import psycopg

from config.runner import Installation, running
from fundraising.money import Money
from tests.waiting import wait_until

FAULTS = [
    {"kind": "webhook_duplicated", "probability": 0.4},
    {"kind": "webhook_shuffled", "probability": 0.4},
]


@dataclass(frozen=True)
class Visit:
    """One visit: what is typed, and the test case chosen on the checkout page. `page` is its address."""

    page: str
    currency: str
    amount: str
    case: str
    refund_minor: int = 0


EN, IT, WARM = "/en/a/a-way-out/", "/it/a/una-via-d-uscita/", "/it/a/una-scuola-calda/"
VISITS = [
    Visit(EN, "EUR", "20", "success"),
    Visit(EN, "EUR", "35.50", "success"),
    Visit(IT, "EUR", "50", "success"),
    Visit(IT, "EUR", "1.000,00", "success"),
    Visit(IT, "EUR", "19,99", "success"),
    Visit(WARM, "EUR", "15", "success"),
    Visit(WARM, "EUR", "75", "success", refund_minor=7500),
    Visit(EN, "EUR", "100", "success", refund_minor=2500),
    Visit(EN, "JPY", "5000", "success"),
    Visit(IT, "JPY", "12345", "success"),
    Visit(WARM, "JPY", "2000", "success"),
    Visit(EN, "JPY", "20000", "success", refund_minor=20000),
    Visit(EN, "EUR", "25", "three_d_secure"),
    Visit(IT, "EUR", "250", "three_d_secure"),
    Visit(WARM, "JPY", "3000", "three_d_secure"),
    Visit(EN, "EUR", "45", "three_d_secure"),
    Visit(EN, "EUR", "60", "declined"),
    Visit(IT, "JPY", "7000", "declined"),
    Visit(WARM, "EUR", "80", "insufficient_funds"),
    Visit(EN, "EUR", "90", "declined"),
]


def main() -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="openappeal-smoke-") as folder, running(Path(folder)) as here:
        here.manage("seed_demo", "--empty")
        print(f"{'started in':<12} {time.monotonic() - began:.1f} s")
        with httpx.Client(timeout=30) as client, psycopg.connect(here.database_url, autocommit=True) as books:
            agreed = Smoke(here, client, books).run()
    print(f"{'took':<12} {time.monotonic() - began:.1f} s")
    return 0 if agreed else 1


@dataclass
class Smoke:
    """One run: the installation, a donor's browser, and a reader of the database."""

    here: Installation
    client: httpx.Client
    books: psycopg.Connection[tuple[Any, ...]]

    def run(self) -> bool:
        """Give, refund, wait until all has followed, compare; whether every figure agrees."""
        self._control("faults", {"seed": 20, "faults": FAULTS})
        sessions = {visit: self._give(visit, number) for number, visit in enumerate(VISITS)}
        paid = {visit: session for visit, session in sessions.items() if session}
        print(f"{'given':<12} {len(VISITS)} visits, {len(paid)} paid, {len(VISITS) - len(paid)} declined")
        for visit, session in paid.items():
            if visit.refund_minor:
                self._refund(visit, session)
        charged = _charged(self.client, self.here)
        wait_until(lambda: self._sums(RECEIPTS) == charged, 90, "the receipts follow the money")
        figures = {
            "expected": _expected(),
            "charged": charged,
            "booked": self._sums(BOOKED),
            "shown": _shown(self.client, self.here),
            "receipts": self._sums(RECEIPTS),
        }
        for name, figure in figures.items():
            print(f"{name:<12} {_words(figure)}")
        print(f"{'faults':<12} {self.client.get(f'{self.here.sandbox_url}/sandbox/state').json()['faults']}")
        print(f"{'audit':<12} {self.here.manage('audit_books').splitlines()[-1]}")
        agreed = all(figure == figures["expected"] for figure in figures.values())
        print("all agree" if agreed else "DIFFERENT")
        return agreed

    def _control(self, what: str, data: dict[str, Any]) -> None:
        answer = self.client.post(f"{self.here.sandbox_url}/sandbox/{what}", json=data)
        if answer.is_error:
            raise RuntimeError(answer.text)

    def _give(self, visit: Visit, number: int) -> str:
        """Fill in the form, pay on the sandbox's page as a browser would, come back; the session if paid."""
        form = {
            "currency": visit.currency,
            "amount_choice": "other",
            "amount": visit.amount,
            "first_name": "Ada",
            "last_name": f"Smoke{chr(ord('a') + number)}",
            "email": f"smoke{number}@example.org",
            "country": "IT",
            "public_name": "anonymous",
        }
        sent = self.client.post(self.here.url + visit.page, data=form)
        if sent.status_code != 303:
            raise RuntimeError(f"{visit}: the form answered {sent.status_code}")
        checkout = sent.headers["location"]
        answer = self.client.post(checkout, data={"case": visit.case})
        if answer.is_redirect and "/authenticate/" in answer.headers["location"]:
            answer = self.client.post(urljoin(checkout, answer.headers["location"]), data={"outcome": "pass"})
        if not answer.is_redirect:
            return ""
        back = self.client.get(answer.headers["location"])
        if back.status_code != 200:
            raise RuntimeError(f"{visit}: the way back answered {back.status_code}")
        return urlsplit(checkout).path.rsplit("/", 1)[-1]

    def _refund(self, visit: Visit, session: str) -> None:
        """Refund from the provider's side, as staff would in its dashboard, once the charge is booked."""
        find = "SELECT charge_id, account.slug FROM payments_payment JOIN payments_stripeaccount account"
        find += " ON account.id = account_id WHERE session_id = %s AND charge_id IS NOT NULL"
        row = wait_until(lambda: self.books.execute(find, [session]).fetchone(), 60, "a charge is booked")
        charge, account = row or ("", "")
        self.client.post(
            f"{self.here.sandbox_url}/v1/refunds",
            data={"charge": charge, "amount": str(visit.refund_minor)},
            headers={"Authorization": f"Bearer sk_test_{account}"},
        ).raise_for_status()

    def _sums(self, query: LiteralString) -> dict[str, int]:
        rows = self.books.execute(query).fetchall()
        return {currency: int(total) for currency, total in rows if total}


BOOKED: Final = """
    SELECT posting.currency, -sum(posting.amount_minor) FROM fundraising_posting posting
    JOIN fundraising_account account ON account.id = posting.account_id
     AND account.purpose IN ('donations', 'refunds', 'withheld', 'chargebacks')
    GROUP BY 1 ORDER BY 1
"""
RECEIPTS: Final = """
    SELECT currency, sum(amount_minor) FROM receipts_receipt WHERE state = 'issued' GROUP BY 1 ORDER BY 1
"""


def _charged(client: httpx.Client, here: Installation) -> dict[str, int]:
    """Charges less refunds, by the sandbox's own account."""
    state = client.get(f"{here.sandbox_url}/sandbox/state").json()
    sums: Counter[str] = Counter()
    for account in state["accounts"].values():
        for currency, by_status in account["charges"].items():
            done = by_status.get("succeeded", {"amount": 0, "refunded": 0})
            sums[currency.upper()] += done["amount"] - done["refunded"]
    return {currency: minor for currency, minor in sorted(sums.items()) if minor}


def _shown(client: httpx.Client, here: Installation) -> dict[str, int]:
    """What the public API and pages show, currency by currency."""
    sums: Counter[str] = Counter()
    for slug in ("a-way-out", "a-warm-school", "legal-defence"):
        appeal = client.get(f"{here.url}/api/v1/appeals/{slug}/").raise_for_status().json()
        for money in appeal["total"]["by_currency"]:
            sums[money["currency"]] += money["minor"]
    return {currency: minor for currency, minor in sorted(sums.items()) if minor}


def _expected() -> dict[str, int]:
    """What the list above should bring, worked out from what was typed."""
    typed = {"35.50": "35.50", "1.000,00": "1000.00", "19,99": "19.99"}
    sums: Counter[str] = Counter()
    for visit in VISITS:
        if visit.case in {"success", "three_d_secure"}:
            text = typed.get(visit.amount, visit.amount)
            unit = 10 ** Money(0, visit.currency).exponent
            whole, _, cents = text.partition(".")
            sums[visit.currency] += int(whole) * unit + int(cents or 0) - visit.refund_minor
    return dict(sorted(sums.items()))


def _words(figure: Mapping[str, int]) -> str:
    return ", ".join(str(Money(minor, currency)) for currency, minor in figure.items()) or "nothing"


if __name__ == "__main__":
    sys.exit(main())
