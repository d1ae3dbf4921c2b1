"""What a person types into the search box, read word by word: each word may mean several things.

Nothing is looked up here. Words that can only be personal data (a name, an address) are kept apart from the others.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from babel.core import Locale
from django.conf import settings
from stdnum import iban

from fundraising.money import EXPONENTS, LARGEST_MINOR
from fundraising.offline.references import references_in

WORDS = 12  # more than anybody needs
LENGTH = 200
REFERENCE_LENGTH = 12  # RF, two check digits and eight characters
# Prefixes of Stripe's ids; what follows is letters, digits and underscores.
STRIPE_ID = re.compile(r"(ch|py|pi|cs|re|pyr|dp|du|po|txn|in|sub|evt)_\w{4,}", re.ASCII)
RECEIPT = re.compile(r"[A-Z0-9]{1,12}-[0-9]{4}-[0-9]{6,9}", re.ASCII)
REFERENCE = re.compile(r"#?([0-9a-f]{8})", re.ASCII | re.IGNORECASE)
CARD = re.compile(r"[x*•.…]*([0-9]{4})")
SYMBOLS = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "₩": "KRW", "₹": "INR", "₪": "ILS", "zł": "PLN"}
DATES = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%Y%m%d")
NUMBER = re.compile(r"(?P<whole>\d{1,3}(?:(?P<mark>[.,'’])\d{3})+|\d+)(?:[.,](?P<fraction>\d{1,3}))?")


@dataclass(frozen=True)
class Amount:
    """An amount that a word may mean: minor units, and the currencies whose decimals make it so."""

    minor: int
    currencies: frozenset[str]


@dataclass
class Word:
    """What one word may mean. A donation is found by it when any of these fits."""

    text: str
    emails: list[str] = field(default_factory=list)
    name: str = ""
    amounts: list[Amount] = field(default_factory=list)
    dates: list[date] = field(default_factory=list)
    last4: str = ""
    stripe_id: str = ""
    receipt: str = ""
    reference: str = ""  # eight digits of a UUID, lower case
    uuid: UUID | None = None
    transfer: str = ""  # compact creditor reference
    iban: str = ""
    currency: str = ""

    @property
    def is_personal(self) -> bool:
        """Whether it is looked up among donors: a search that the trail tells of."""
        return bool(self.emails or self.name or self.iban)

    @property
    def is_name_only(self) -> bool:
        return bool(self.name) and not (
            self.amounts or self.dates or self.last4 or self.stripe_id or self.receipt or self.reference
            or self.uuid or self.transfer or self.iban or self.currency
        )  # fmt: skip


def read(query: str) -> list[Word]:
    """The words of a search. Parts of one thing are joined first: `RF18 5390 …`, `€ 50`, `13 Nov 2026`."""
    text = unicodedata.normalize("NFKC", query)[:LENGTH]
    return [_word(token) for token in _joined(text.split()) if re.search(r"\w", token)][:WORDS]


def _joined(tokens: list[str]) -> Iterator[str]:
    position = 0
    while position < len(tokens):
        taken = _reference_length(tokens, position) or _iban_length(tokens, position)
        taken = taken or _date_length(tokens, position) or _amount_length(tokens, position) or 1
        joiner = " " if taken > 1 and tokens[position][:1].isalnum() and _date_length(tokens, position) else ""
        yield joiner.join(tokens[position : position + taken])
        position += taken


def _reference_length(tokens: list[str], start: int) -> int:
    """How many tokens make one reference of a bank transfer, in whatever groups it is written."""
    if not re.match(r"RF", tokens[start], re.IGNORECASE):
        return 0
    for length in range(1, min(12, len(tokens) - start) + 1):
        joined = "".join(tokens[start : start + length])
        if len(joined) >= REFERENCE_LENGTH and references_in(joined):
            return length
    return 0


def _iban_length(tokens: list[str], start: int) -> int:
    if not re.match(r"[A-Z]{2}\d\d", tokens[start], re.IGNORECASE | re.ASCII):
        return 0
    for length in range(min(9, len(tokens) - start), 0, -1):
        if iban.is_valid("".join(tokens[start : start + length])):
            return length
    return 0


def _date_length(tokens: list[str], start: int) -> int:
    for length in (3, 2):
        if start + length <= len(tokens) and _named_date(" ".join(tokens[start : start + length])):
            return length
    return 0


def _amount_length(tokens: list[str], start: int) -> int:
    """`€ 50`, `50 €` and `1 234,56`: two tokens or three that are one amount."""
    following = tokens[start + 1 : start + 3]
    if tokens[start] in SYMBOLS and following and NUMBER.fullmatch(following[0]):
        return 2
    if re.fullmatch(r"\d{1,3}", tokens[start]) and following and re.fullmatch(r"\d{3}[.,]\d{2}", following[0]):
        return 2
    if NUMBER.fullmatch(tokens[start]) and following and following[0] in SYMBOLS:
        return 2
    return 0


def _word(token: str) -> Word:
    word = Word(token)
    bare, upper = token.strip(",;:()<>\"'"), token.strip(",;:()<>\"'#").upper()
    if "@" in bare:
        word.emails = [bare]
        return word
    if STRIPE_ID.fullmatch(bare):
        word.stripe_id = bare
        return word
    word.receipt = upper if RECEIPT.fullmatch(upper) else ""
    if found := REFERENCE.fullmatch(bare):
        word.reference = found[1].lower()
    word.uuid = _uuid(bare)
    word.transfer = next(iter(references_in(upper)), "")
    word.iban = upper if not word.transfer and iban.is_valid(upper) else ""
    if card := CARD.fullmatch(bare):
        word.last4 = card[1]
    word.dates = list(_dates(bare))
    word.amounts = list(_amounts(bare))
    word.currency = upper if upper in EXPONENTS and upper == bare.upper() and len(bare) == 3 else ""
    if not (word.receipt or word.uuid or word.transfer or word.iban):
        word.name = bare if bare[:1] != "#" and not (word.dates or _is_money(bare)) else ""
    return word


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if len(text) >= 32 else None
    except ValueError:
        return None


def _is_money(text: str) -> bool:
    """Digits with marks of money: never part of a name."""
    return bool(re.fullmatch(r"[\d.,'’]+", _without_symbol(text)[1])) or any(symbol in text for symbol in SYMBOLS)


def _amounts(text: str) -> Iterator[Amount]:
    """Every amount that the digits may mean; `1.234` is over a thousand in Rome and a bit over one in Kuwait."""
    code, digits = _without_symbol(text)
    found = NUMBER.fullmatch(digits)
    if not found or (text[:1] == "0" and len(text) > 1 and text[1].isdigit()):
        return
    for exponent in sorted(set(EXPONENTS.values())):
        known = frozenset(name for name, decimals in EXPONENTS.items() if decimals == exponent)
        known &= {code} if code else known
        for minor in sorted(_minors(found, digits, exponent)) if known else ():
            if 0 < minor <= LARGEST_MINOR:
                yield Amount(minor, known)


def _without_symbol(text: str) -> tuple[str, str]:
    for symbol, code in SYMBOLS.items():
        if text.startswith(symbol) or text.endswith(symbol):
            return code, text.removeprefix(symbol).removesuffix(symbol)
    if found := re.fullmatch(r"([A-Za-z]{3})([\d.,'’]+)|([\d.,'’]+)([A-Za-z]{3})", text):
        code = (found[1] or found[4]).upper()
        if code in EXPONENTS:
            return code, found[2] or found[3]
    return "", text


def _minors(found: re.Match[str], digits: str, exponent: int) -> set[int]:
    whole, fraction = re.sub(r"\D", "", found["whole"]), found["fraction"] or ""
    minors = set()
    if len(fraction) <= exponent:
        minors.add(int(whole + fraction.ljust(exponent, "0")))
    last = re.fullmatch(r"(\d+)[.,](\d{3})", digits)  # the mark may be that of thousands, or of decimals
    if last and exponent >= 3:
        minors.add(int(last[1] + last[2].ljust(exponent, "0")))
    if last:
        minors.add(int(last[1] + last[2]) * 10**exponent)
    return minors


def _dates(text: str) -> Iterator[date]:
    """Every day that the text may mean: 3/4/2026 is in April here and in March there."""
    if re.fullmatch(r"\d{8}", text) and not text.startswith("20"):
        return
    seen = set()
    for shape in DATES:
        try:
            seen.add(datetime.strptime(text, shape).date())  # noqa: DTZ007  # a day has no time zone
        except ValueError:
            continue
    if named := _named_date(text):
        seen.add(named)
    yield from sorted(day for day in seen if 2000 <= day.year <= 2100)


@functools.cache
def _month_names() -> dict[str, int]:
    """Months by their names, long and short, in the languages of the service."""
    names = {}
    for language, _name in settings.LANGUAGES:
        for form in ("wide", "abbreviated"):
            for number, name in Locale.parse(language).months["format"][form].items():
                names[name.casefold().rstrip(".")] = number
    return {**names, "sept": 9}


def _named_date(text: str) -> date | None:
    """`13 Nov 2026`, `13 novembre`, `Nov 13`; the newest such day where no year is said."""
    if parts := re.fullmatch(r"(\d{1,2})\.? ([^\W\d]{3,})\.?(?:,? (\d{4}))?", text):
        day, name, year = parts.groups()
    elif parts := re.fullmatch(r"([^\W\d]{3,})\.? (\d{1,2})(?:,? (\d{4}))?", text):
        name, day, year = parts.groups()
    else:
        return None
    month = _month_names().get(name.casefold())
    if not month:
        return None
    today = date.today()  # noqa: DTZ011  # only to guess the year
    # As far back as the one 29 February that comes eight years after another.
    for guess in [int(year)] if year else range(today.year, today.year - 9, -1):
        try:
            found = date(guess, month, int(day))
        except ValueError:
            continue
        if year or found <= today:
            return found
    return None
