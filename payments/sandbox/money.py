"""Currencies, limits, exchange rates, fees. Amounts are minor units; arithmetic is whole numbers and Decimal only."""

from decimal import ROUND_HALF_EVEN, ROUND_UP, Decimal

from payments.sandbox.errors import ApiError, invalid

# https://docs.stripe.com/currencies: no decimals, three decimals, and two currencies that Stripe charges in whole units
# although it writes them with two decimals.
ZERO_DECIMAL = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
)
THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
WHOLE_UNITS_ONLY = frozenset(("isk", "ugx"))

# Units of a currency for one euro. Fixed, so that every run gives the same cents; near the real ones, nothing more.
PER_EURO = {
    currency: Decimal(rate)
    for currency, rate in (
        pair.split(":")
        for pair in [
            "eur:1",
            "usd:1.10",
            "gbp:0.85",
            "chf:0.95",
            "jpy:160",
            "sek:11.30",
            "nok:11.60",
            "dkk:7.46",
            "pln:4.30",
            "huf:395",
            "czk:25.10",
            "ron:4.97",
            "bgn:1.95583",
            "try:36",
            "uah:45",
            "gel:3.00",
            "rsd:117",
            "isk:150",
            "aud:1.65",
            "cad:1.50",
            "nzd:1.80",
            "hkd:8.60",
            "sgd:1.46",
            "twd:35",
            "krw:1480",
            "cny:7.90",
            "inr:92",
            "idr:17500",
            "thb:38",
            "myr:4.80",
            "php:62",
            "vnd:27500",
            "brl:6.00",
            "mxn:19",
            "clp:1020",
            "cop:4400",
            "ars:1050",
            "pen:4.10",
            "zar:20",
            "ils:4.00",
            "aed:4.04",
            "sar:4.13",
            "egp:53",
            "mad:10.70",
            "kes:142",
            "ngn:1700",
            "ugx:4050",
            "kwd:0.34",
            "bhd:0.415",
            "omr:0.423",
            "jod:0.78",
            "tnd:3.40",
            "xof:655.957",
            "xaf:655.957",
            "pkr:306",
            "bdt:131",
            "lkr:326",
        ]
    )
}
# https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts, in minor units.
MINIMUM = {
    "aed": 200,
    "aud": 50,
    "bgn": 100,
    "brl": 50,
    "cad": 50,
    "chf": 50,
    "czk": 1500,
    "dkk": 250,
    "eur": 50,
    "gbp": 30,
    "hkd": 400,
    "huf": 17500,
    "inr": 50,
    "jpy": 50,
    "mxn": 1000,
    "myr": 200,
    "nok": 300,
    "nzd": 50,
    "pln": 200,
    "ron": 200,
    "sek": 300,
    "sgd": 50,
    "thb": 1000,
    "usd": 50,
}
MAXIMUM_DIGITS = {"idr": 12, "cop": 10, "huf": 10, "jpy": 10, "twd": 10, "vnd": 10, "krw": 10, "clp": 10, "lkr": 10}
CARD_PERCENT = Decimal("0.014")
CARD_FIXED = {"eur": 25, "usd": 30, "gbp": 20}
SEPA_FIXED = 35
DISPUTE_FIXED = 2000


def exponent(currency: str) -> int:
    """How many decimals the currency has for Stripe."""
    return 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2


def read_currency(value: object, name: str) -> str:
    """A known three-letter code, in lower case; ApiError otherwise."""
    code = str(value).lower()
    if code not in PER_EURO:
        raise invalid(
            f"Invalid currency: {code[:20]}. Stripe currently supports these currencies: {', '.join(sorted(PER_EURO))}",
            param=name,
        )
    return code


def check_amount(amount: int, currency: str, param: str) -> None:
    """Refuse what Stripe refuses: too small, too large, or decimals that the currency's card network lacks."""
    if amount < minimum(currency):
        least = display(minimum(currency), currency)
        raise invalid(f"Amount must be at least {least}.", code="amount_too_small", param=param)
    if len(str(amount)) > MAXIMUM_DIGITS.get(currency, 8):
        most = display(10 ** MAXIMUM_DIGITS.get(currency, 8) - 1, currency)
        raise invalid(f"Amount must be no more than {most}.", code="amount_too_large", param=param)
    step = 10 if currency in THREE_DECIMAL else 100 if currency in WHOLE_UNITS_ONLY else 1
    if amount % step:
        raise ApiError(
            400,
            "invalid_request_error",
            f"Invalid amount: {currency} amounts must be a multiple of {step}.",
            param=param,
        )


def minimum(currency: str) -> int:
    """Least chargeable amount: Stripe's table, else what half a euro is worth."""
    return MINIMUM.get(currency) or convert(50, "eur", currency, rounding=ROUND_UP)


def rate(source: str, target: str) -> Decimal:
    """Units of ``target`` for one unit of ``source``, to six places: what a balance transaction states."""
    return (PER_EURO[target] / PER_EURO[source]).quantize(Decimal("0.000001"))


def convert(amount: int, source: str, target: str, *, rounding: str = ROUND_HALF_EVEN) -> int:
    """An amount in minor units of another currency, at the stated six-place rate."""
    if source == target:
        return amount
    shift = Decimal(10) ** (exponent(target) - exponent(source))
    return int((amount * rate(source, target) * shift).quantize(Decimal(1), rounding=rounding))


def card_fee(amount: int, currency: str) -> int:
    """1.4 % and a fixed part, of an amount in the settlement currency; rounded to the minor unit."""
    fixed = CARD_FIXED.get(currency) or convert(CARD_FIXED["eur"], "eur", currency)
    return int((amount * CARD_PERCENT).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)) + fixed


def sepa_fee(currency: str) -> int:
    """35 cents of a euro, whatever the amount."""
    return convert(SEPA_FIXED, "eur", currency)


def dispute_fee(currency: str) -> int:
    """20 euros, whatever the amount."""
    return convert(DISPUTE_FIXED, "eur", currency)


def display(amount: int, currency: str) -> str:
    """Plain text for messages and pages: ``0.50 EUR``."""
    places = exponent(currency)
    return f"{Decimal(amount).scaleb(-places):.{places}f} {currency.upper()}"
