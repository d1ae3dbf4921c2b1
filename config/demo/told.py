"""What the demo's appeal in two rounds says of itself beside its page. Every name is invented."""

from __future__ import annotations

from typing import Final

from fundraising.models import Category
from fundraising.money import Money

# Real name, contact, account: what nobody but finance may read, to show that nobody does.
REAL_NAMES: Final = (
    ("Association Pont des Saules", "Over the usual channel, evenings", "At a bank abroad; ask them each time"),
    ("Stichting Achterkamer", "In person only", "Through the lawyer in the capital"),
    ("Kooperative Suppentopf", "By the number that changes every month", "In cash, at the border"),
)
BUDGET: Final = (
    (Category.EVACUATION, Money(620_000, "EUR")),
    (Category.DOCUMENTS, Money(120_000, "USD")),
    (Category.HOUSING, Money(340_000, "EUR")),
    (Category.MEDICAL, Money(90_000, "EUR")),
    (Category.FOOD, Money(130_000, "EUR")),
    (Category.SOCIAL_WORK, Money(80_000, "USD")),
)
REPORT_NOTES: Final = (
    {
        "en": "The first round is over. What came back from our partners is in these figures.",
        "it": "La prima raccolta è finita. Quanto è tornato dai nostri partner è in queste cifre.",
    },
    {
        "en": "The second round goes on. What was sent in the last days is not shown yet, for safety.",
        "it": "La seconda raccolta continua. Quanto è stato inviato negli ultimi giorni non è ancora mostrato, "
        "per la loro sicurezza.",
    },
)
BASES: Final = {
    "en": "People whom our partners have brought over the border, counted once each.",
    "it": "Persone che i nostri partner hanno accompagnato oltre il confine, contate una volta sola.",
}
SITUATIONS: Final = (
    (
        {
            "en": "More than thirty people have left. Some who had asked for help chose to stay with their families.",
            "it": "Più di trenta persone sono partite. Alcune che chiedevano aiuto hanno scelto di restare.",
        },
        34,
        40,
    ),
    (
        {
            "en": "The arrests go on. More than fifty people have left since the beginning; dozens are waiting.",
            "it": "Gli arresti continuano. Più di cinquanta persone sono partite dall’inizio; decine aspettano.",
        },
        51,
        100,
    ),
)
# What partners say when they seal an appeal.
SEALED: Final = {
    "en": "We are the people who drive at night. This appeal collects for us, and for nobody else.",
    "it": "Siamo chi guida di notte. Questo appello raccoglie per noi, e per nessun altro.",
}
