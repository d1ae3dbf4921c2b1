"""Everything that stands on a receipt, frozen when it is issued. Pure data: the PDF is a function of it."""

from __future__ import annotations

import json
from dataclasses import MISSING, Field, asdict, dataclass, field, fields
from datetime import date
from typing import Any

from fundraising.locales import babel_locale, country_name
from fundraising.money import Money

# Laws whose country writes days and its own dollars otherwise than others who write the language.
WRITTEN_AS = {("uk", "en"): "en_GB", ("ca", "en"): "en_CA", ("ca", "fr"): "fr_CA"}


def written_as(regime: str, language: str) -> str:
    """Babel's locale of the amounts and days on a regime's papers."""
    return WRITTEN_AS.get((regime.partition("_")[0], language), babel_locale(language))


@dataclass(frozen=True)
class Line:
    """A donation on the paper of a year; amount in minor units, after refunds. `paper` is its own receipt, if any."""

    received_on: date
    amount_minor: int
    reference: str
    paper: str = ""
    channel: str = ""


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
    channel: str = ""  # how it came, in words, unless online
    kind: str = "donation"
    letterhead: int = 0  # row of receipts.Letterhead; 0: the entity has none
    place: str = ""
    signatory: str = ""
    signatory_role: str = ""
    particulars: dict[str, str] = field(default_factory=dict)  # what the regime wants to read of the issuer
    wordings: dict[str, str] = field(default_factory=dict)  # sentences of the regime, by slot, as signed off
    donor_title: str = ""
    donor_address: str = ""  # lines
    donor_tax_number: str = ""
    amount_in_words: str = ""
    returned: str = ""  # what the donor got for it, in words
    returned_minor: int = 0  # and its good-faith value
    in_kind: str = ""  # what was given, where it was no money
    paid_with: str = ""  # the way of paying, in words, where a law wants to read it
    purpose: str = ""  # what the appeal asked for, where a law wants to read it
    period_first: date | None = None  # of the paper of a year
    period_last: date | None = None
    lines: tuple[Line, ...] = ()
    archive: bool = False  # whether it is issued as an archive file (receipts/documents/copies.py)

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
    def returned_shown(self) -> str:
        """The value of what the donor got in return, as the paper shows it."""
        return Money(self.returned_minor, self.currency).format_exact(written_as(self.regime, self.locale))

    @property
    def eligible_shown(self) -> str:
        """What is left of the donation after that value, as the paper shows it."""
        eligible = self.net - Money(self.returned_minor, self.currency)
        return eligible.format_exact(written_as(self.regime, self.locale))

    @property
    def template(self) -> str:
        """Regime and version of its rules and layout, as `us_501c4/1`."""
        return f"{self.regime}/{self.version}"

    @property
    def donor_country_name(self) -> str:
        """The donor's country in the language of the receipt."""
        return country_name(self.donor_country, self.locale)

    def to_json(self) -> str:
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        values["lines"] = [asdict(line) for line in self.lines]
        return json.dumps(values, default=date.isoformat, ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Snapshot:
        """The snapshot behind `to_json`; raises KeyError where one of the first fields is missing."""
        raw = json.loads(text)
        values = {one.name: raw[one.name] for one in fields(cls) if _is_first(one) or one.name in raw}
        for day in ("issued_on", "received_on", "period_first", "period_last"):
            if values.get(day):
                values[day] = date.fromisoformat(values[day])
        values["statements"] = tuple(values["statements"])
        lines = values.get("lines", ())
        values["lines"] = tuple(map(_line, lines))
        return cls(**values)


def _line(raw: dict[str, Any]) -> Line:
    return Line(**{**raw, "received_on": date.fromisoformat(raw["received_on"])})


def _is_first(one: Field[Any]) -> bool:
    """Whether every snapshot ever made has the field."""
    return one.default is MISSING and one.default_factory is MISSING
