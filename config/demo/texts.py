"""Texts of the demo. Every name and place is invented."""

from __future__ import annotations

from typing import Any

LANTERN: dict[str, Any] = {
    "slug": "lantern",
    "name": "Lantern Action",
    "tax_status": "us_501c4",
    "country": "US",
    "address": "418 Ferry Street\nPortland, OR 97209\nUnited States",
    "registration": "EIN 00-0418418",
    "currency": "EUR",
    "email_from": "office@lantern.example",
    "theme": "ember",
    "privacy_url": "",
    "texts": {
        "en": (
            "A non-profit organisation under section 501(c)(4) of the US tax code",
            "Contributions to Lantern Action are not tax deductible as charitable contributions.",
        ),
        "it": (
            "Organizzazione senza scopo di lucro ai sensi della sezione 501(c)(4) del codice fiscale degli Stati Uniti",
            "Le donazioni a Lantern Action non sono deducibili dalle imposte.",
        ),
    },
}

HARBOUR: dict[str, Any] = {
    "slug": "harbour",
    "name": "Harbour Fund Europe",
    "tax_status": "other",
    "country": "NL",
    "address": "Prinsengracht 1108\n1017 Amsterdam\nNetherlands",
    "registration": "KvK 00418418",
    "currency": "EUR",
    "email_from": "office@harbour.example",
    "theme": "tide",
    "privacy_url": "",
    "texts": {
        "en": ("A foundation under Dutch law", ""),
        "it": ("Fondazione di diritto olandese", ""),
    },
}

SARVIA: dict[str, Any] = {
    "slug": "sarvia",
    "texts": {
        "en": {
            "title": "Free the five from Sarvia",
            "summary": (
                "Five volunteers were arrested while they handed over a petition. Others are in hiding. "
                "They need lawyers, and some of them need a way out."
            ),
            "story": (
                "On a Thursday morning five volunteers carried boxes with two million signatures to the public "
                "prosecutor in the capital of Sarvia. They asked for one thing: that the disappearance of young men "
                "in the north be investigated. They never reached the door.\n\n"
                "Police held them for eleven hours without a lawyer. They were charged with blocking a pavement and "
                "given a date in court. Since then two have lost their jobs, one has lost a flat, and strangers wait "
                "outside the school of a third one’s daughter.\n\n"
                "In the north it is worse. Men are taken from their homes because somebody said whom they love. Some "
                "come back and do not speak. Our partners on the ground answer a telephone that rings all night, and "
                "they know which road is still open.\n\n"
                "What they cannot pay for is the lawyer, the bus, the visa, the room where nobody asks a name. That "
                "is what these appeals are for."
            ),
            "partner_credit": "Run together with a network of local partners whose names we keep to ourselves, for their safety.",
        },
        "it": {
            "title": "Libertà per i cinque di Sarvia",
            "summary": (
                "Cinque volontari sono stati arrestati mentre consegnavano una petizione. Altri si nascondono. "
                "Hanno bisogno di avvocati, e alcuni di una via d’uscita."
            ),
            "story": (
                "Un giovedì mattina cinque volontari hanno portato alla procura della capitale di Sarvia gli scatoloni "
                "con due milioni di firme. Chiedevano una cosa sola: che si indagasse sulla scomparsa di giovani uomini "
                "nel nord del paese. Alla porta non sono mai arrivati.\n\n"
                "La polizia li ha trattenuti undici ore senza un avvocato. Sono accusati di aver bloccato un "
                "marciapiede e hanno una data in tribunale. Da allora due hanno perso il lavoro, uno la casa, e davanti "
                "alla scuola della figlia di un altro aspettano degli sconosciuti.\n\n"
                "Nel nord va peggio. Gli uomini vengono prelevati da casa perché qualcuno ha detto chi amano. Alcuni "
                "tornano e non parlano più. I nostri partner rispondono a un telefono che squilla tutta la notte e "
                "sanno quale strada è ancora aperta.\n\n"
                "Quello che non possono pagare è l’avvocato, l’autobus, il visto, la stanza dove nessuno chiede il "
                "nome. A questo servono i nostri appelli."
            ),
            "partner_credit": "Insieme a una rete di partner locali di cui non facciamo il nome, per la loro sicurezza.",
        },
    },
    "updates": [
        (
            2,
            {
                "en": (
                    "The court has set a date",
                    "The hearing is on the 29th. Two lawyers have taken the case and have seen the files for the first "
                    "time. They ask that nobody travel to the hearing: a crowd would be used against the five.",
                ),
                "it": (
                    "Il tribunale ha fissato la data",
                    "L’udienza è il 29. Due avvocate hanno accettato il caso e hanno potuto leggere gli atti per la prima "
                    "volta. Chiedono che nessuno venga all’udienza: una folla verrebbe usata contro i cinque.",
                ),
            },
        ),
        (
            6,
            {
                "en": (
                    "All five are home",
                    "All five were let go last night. They are tired and safe. The charge stands.\n\nThank you to "
                    "everyone who called the consulates: the calls were counted.",
                ),
                "it": (
                    "Tutti e cinque sono a casa",
                    "Sono stati rilasciati ieri notte. Sono stanchi e al sicuro. L’accusa resta.\n\nGrazie a chi ha "
                    "chiamato i consolati: le chiamate sono state contate.",
                ),
            },
        ),
        (
            7,
            {
                "en": (
                    "Stopped at the door",
                    "Five volunteers were detained this morning on their way to hand over the petition. We are in touch "
                    "with a lawyer and will write here as soon as we know more.",
                ),
                "it": (
                    "Fermati davanti alla porta",
                    "Cinque volontari sono stati fermati stamattina mentre andavano a consegnare la petizione. Siamo in "
                    "contatto con un’avvocata e scriveremo qui appena sapremo di più.",
                ),
            },
        ),
        (
            14,
            {
                "en": (
                    "It has begun again",
                    "We had hoped never to write this. In one week nineteen men were taken from their homes, more than in "
                    "the whole of last month. The telephone of our partners rings all night. We open a second round for "
                    "the sixty people who are waiting.",
                ),
                "it": (
                    "È ricominciato",
                    "Speravamo di non doverlo scrivere mai. In una settimana diciannove uomini sono stati presi da casa, più "
                    "che in tutto il mese scorso. Il telefono dei nostri partner squilla tutta la notte. Apriamo una seconda "
                    "raccolta per le sessanta persone che aspettano.",
                ),
            },
        ),
        (
            15,
            {
                "en": (
                    "What the first round did",
                    "The first round is over. More than thirty people have left; some chose to stay. What was not needed for a "
                    "flat came back to the appeal, and the report says so to the cent.",
                ),
                "it": (
                    "Che cosa ha fatto la prima raccolta",
                    "La prima raccolta è finita. Più di trenta persone sono partite; alcune hanno scelto di restare. Quello che "
                    "non è servito per un alloggio è tornato all’appello, e il rendiconto lo dice al centesimo.",
                ),
            },
        ),
        (
            34,
            {
                "en": (
                    "The first bus has crossed",
                    "Eleven people slept last night in a town where nobody knows them. We do not say which. We had paid for "
                    "the bus before your donations had reached us, and have since paid ourselves back.",
                ),
                "it": (
                    "Il primo autobus è passato",
                    "Undici persone hanno dormito stanotte in una città dove nessuno le conosce. Non diciamo quale. Avevamo "
                    "pagato l’autobus prima che arrivassero le vostre donazioni, e poi ce lo siamo restituito.",
                ),
            },
        ),
    ],
}

LEGAL: dict[str, Any] = {
    "slug": "legal-defence",
    "fund": "Sarvia: legal defence",
    "rounds": [
        {
            "reasons": {
                "en": "Lawyers, fines and court fees for the five who were arrested.",
                "it": "Avvocate, multe e spese processuali per i cinque arrestati.",
            },
            "opens": 7,
            "goals": [(7, 450_000, "Estimate of the lawyers")],
        }
    ],
    "wording": {
        "en": {
            "slug": "legal-defence",
            "title": "A lawyer at their side",
            "ask": "Help to pay the lawyers, the fines and the court fees of the five volunteers.",
            "purpose": "Lawyers' fees, fines, court fees and travel to court for the five volunteers arrested in Sarvia.",
            "secondary_purpose": (
                "If we raise more than this appeal needs, or cannot carry it out, we will use your donation for the legal "
                "defence of other people persecuted for whom they love."
            ),
        },
        "it": {
            "slug": "difesa-legale",
            "title": "Un’avvocata al loro fianco",
            "ask": "Aiuta a pagare avvocate, multe e spese processuali dei cinque volontari.",
            "purpose": (
                "Onorari, multe, spese processuali e viaggi in tribunale per i cinque volontari arrestati a Sarvia."
            ),
            "secondary_purpose": (
                "Se raccogliamo più di quanto serve a questo appello, o se non possiamo realizzarlo, useremo la tua "
                "donazione per la difesa legale di altre persone perseguitate per chi amano."
            ),
        },
    },
}

EVACUATION: dict[str, Any] = {
    "slug": "a-way-out",
    "after_close": "continues",
    "yearly": True,
    "comments": True,
    "question": {
        "en": ("How did you hear of this appeal?", ["From a friend", "In the news", "By a petition"]),
        "it": ("Come hai saputo di questo appello?", ["Da un’amica o un amico", "Dalle notizie", "Da una petizione"]),
    },
    "fund": "Sarvia: a way out",
    "rounds": [
        {
            "reasons": {
                "en": "The first forty people whom our partners could reach.",
                "it": "Le prime quaranta persone che i nostri partner hanno potuto raggiungere.",
            },
            "opens": 41,
            "closes": 14,
            "goals": [
                (41, 1_200_000, "Budget of our partners for the first forty people"),
                (33, 1_500_000, "Rents have doubled, and twelve more people have called"),
            ],
        },
        {
            "reasons": {
                "en": "The arrests have begun again; sixty more people are waiting.",
                "it": "Gli arresti sono ricominciati; altre sessanta persone aspettano.",
            },
            "opens": 14,
            "goals": [
                (14, 1_400_000, "Budget of our partners for sixty people"),
                (6, 1_800_000, "The road through the hills is closed; the other one costs more"),
            ],
        },
    ],
    "wording": {
        "en": {
            "slug": "a-way-out",
            "title": "A way out of Sarvia",
            "ask": "Help people who are being hunted to leave while one road is still open.",
            "purpose": (
                "Transport, visas, safe rooms, food and medical care for people in danger in the north of Sarvia, and the "
                "social workers who go with them."
            ),
            "secondary_purpose": (
                "If we raise more than this appeal needs, or cannot carry it out, we will use your donation to bring to "
                "safety people in the same danger elsewhere."
            ),
        },
        "it": {
            "slug": "una-via-d-uscita",
            "title": "Una via d’uscita da Sarvia",
            "ask": "Aiuta chi è braccato a partire finché una strada è ancora aperta.",
            "purpose": (
                "Trasporto, visti, stanze sicure, cibo e cure per le persone in pericolo nel nord di Sarvia, e gli "
                "operatori sociali che le accompagnano."
            ),
            "secondary_purpose": (
                "Se raccogliamo più di quanto serve a questo appello, o se non possiamo realizzarlo, useremo la tua "
                "donazione per portare al sicuro altrove persone nello stesso pericolo."
            ),
        },
    },
}

COAST: dict[str, Any] = {
    "slug": "winter-on-the-coast",
    "texts": {
        "en": {
            "title": "Winter on the coast",
            "summary": "The shelter that took in eighty families was set on fire. They are safe, and have nothing left.",
            "story": (
                "The shelter on the harbour had been a cannery, then a cinema, and for four years a home. Eighty families "
                "slept there the night somebody threw a bottle through the window.\n\nNobody died, because a girl of nine "
                "could not sleep. Everybody lost everything: papers, shoes, the phone with the photographs.\n\nThe town has "
                "lent us the old school until April. It has a roof and no heating."
            ),
            "partner_credit": "Run together with the women who have kept the shelter since it opened.",
        },
        "it": {
            "title": "Inverno sulla costa",
            "summary": "Hanno dato fuoco al rifugio che ospitava ottanta famiglie. Sono salve, e non hanno più niente.",
            "story": (
                "Il rifugio sul porto era stato una fabbrica di conserve, poi un cinema, e per quattro anni una casa. "
                "Ottanta famiglie ci dormivano la notte in cui qualcuno ha lanciato una bottiglia dalla finestra.\n\n"
                "Non è morto nessuno, perché una bambina di nove anni non riusciva a dormire. Tutti hanno perso tutto: i "
                "documenti, le scarpe, il telefono con le fotografie.\n\nIl comune ci ha prestato la vecchia scuola fino ad "
                "aprile. Ha un tetto e nessun riscaldamento."
            ),
            "partner_credit": "Insieme alle donne che tengono aperto il rifugio dal primo giorno.",
        },
    },
    "updates": [],
}

SHELTER: dict[str, Any] = {
    "slug": "a-warm-school",
    "fund": "Winter on the coast",
    "rounds": [
        {
            "reasons": {
                "en": "Beds, heating and new papers before the frost.",
                "it": "Letti, riscaldamento e nuovi documenti prima del gelo.",
            },
            "opens": 41,
            "goals": [(41, 600_000, "Prices of the town's shops")],
        }
    ],
    "wording": {
        "en": {
            "slug": "a-warm-school",
            "title": "A warm school for eighty families",
            "ask": "Beds, heating and new papers before the frost comes.",
            "purpose": "Beds, stoves, fuel, clothes and the fees for new papers for the families of the burnt shelter.",
            "secondary_purpose": (
                "If we raise more than this appeal needs, or cannot carry it out, we will use your donation for other "
                "shelters of our partners."
            ),
        },
        "it": {
            "slug": "una-scuola-calda",
            "title": "Una scuola calda per ottanta famiglie",
            "ask": "Letti, riscaldamento e nuovi documenti prima che geli.",
            "purpose": (
                "Letti, stufe, combustibile, vestiti e i costi dei nuovi documenti per le famiglie del rifugio bruciato."
            ),
            "secondary_purpose": (
                "Se raccogliamo più di quanto serve a questo appello, o se non possiamo realizzarlo, useremo la tua "
                "donazione per altri rifugi dei nostri partner."
            ),
        },
    },
}

# What the sandbox charges (payments/sandbox/money.py): hundredths of a per cent, and 25 cents of a euro in minor units
# of each currency; a bank debit costs 35 cents, whatever the amount.
CARD_BASIS_POINTS = 140
CARD_FIXED = {
    "AED": 101, "AUD": 42, "BHD": 110, "BRL": 150, "CAD": 38, "CHF": 24, "CZK": 628, "DKK": 187,
    "EUR": 25, "GBP": 22, "HKD": 215, "HUF": 9875, "ILS": 100, "INR": 2300, "JOD": 200, "JPY": 40,
    "KRW": 370, "KWD": 90, "MXN": 475, "NOK": 290, "NZD": 45, "PLN": 108, "RON": 125, "SEK": 283,
    "SGD": 37, "TND": 850, "TRY": 900, "TWD": 875, "USD": 28, "ZAR": 500,
}  # fmt: skip
SEPA_FIXED = 35
# Euros for one unit: the sandbox's rates, so that its conversions and our totals agree.
RATES = {
    "AED": "0.2475248",
    "AUD": "0.6060606",
    "BHD": "2.4096386",
    "BRL": "0.1666667",
    "CAD": "0.6666667",
    "CHF": "1.0526316",
    "CZK": "0.0398406",
    "DKK": "0.1340483",
    "GBP": "1.1764706",
    "HKD": "0.1162791",
    "HUF": "0.0025316",
    "ILS": "0.2500000",
    "INR": "0.0108696",
    "JOD": "1.2820513",
    "JPY": "0.0062500",
    "KRW": "0.0006757",
    "KWD": "2.9411765",
    "MXN": "0.0526316",
    "NOK": "0.0862069",
    "NZD": "0.5555556",
    "PLN": "0.2325581",
    "RON": "0.2012072",
    "SEK": "0.0884956",
    "SGD": "0.6849315",
    "TND": "0.2941176",
    "TRY": "0.0277778",
    "TWD": "0.0285714",
    "USD": "0.9090909",
    "ZAR": "0.0500000",
}
