"""Everything that stands on a receipt, frozen when it is issued. Pure data: the PDF is a function of it."""

from __future__ import annotations

import json
from dataclasses import MISSING, asdict, dataclass, fields
from datetime import date

from fundraising.locales import country_name
from fundraising.money import Money


@dataclass(frozen=True)
class Snapshot:
    """The fields of a receipt; amounts in minor units. Empty texts stand for what does not apply."""

    regime: str
    version: int
    locale: str
    number: str
    check_code: str
    issued_on: date
    replaces: str
    entity_name: str
    entity_form: str
    entity_address: str
    entity_registration: str
    theme: str
    donor_name: str
    donor_country: str
    donation: str
    reference: str
    received_on: date
    currency: str
    gross_minor: int
    refunded_minor: int
    statements: tuple[str, ...]
    # Added later: a snapshot of before lacks them.
    donor_person: str = ""  # who gave in the name of the organisation that `donor_name` is then
    tribute: str = ""  # the whole line: "In memory of …"

    @property
    def gross(self) -> Money:
        return Money(self.gross_minor, self.currency)

    @property
    def refunded(self) -> Money:
        return Money(self.refunded_minor, self.currency)

    @property
    def net(self) -> Money:
        """Received less refunded: what the receipt is for."""
        return self.gross - self.refunded

    @property
    def template(self) -> str:
        """Regime and version of its rules and layout, as `us_501c4/1`."""
        return f"{self.regime}/{self.version}"

    @property
    def donor_country_name(self) -> str:
        """The donor's country in the language of the receipt."""
        return country_name(self.donor_country, self.locale)

    def to_json(self) -> str:
        return json.dumps(asdict(self), default=date.isoformat, ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Snapshot:
        """The snapshot behind `to_json`; raises KeyError where one of the first fields is missing."""
        raw = json.loads(text)
        kept = (field.name for field in fields(cls) if field.default is MISSING or field.name in raw)
        values = {name: raw[name] for name in kept}
        for day in ("issued_on", "received_on"):
            values[day] = date.fromisoformat(values[day])
        values["statements"] = tuple(values["statements"])
        return cls(**values)
