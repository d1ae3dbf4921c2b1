"""What the stand-in's fields say, and the refusals that they show, in the languages of the checkout page."""

from payments.sandbox.checkout_texts import TEXTS

ELEMENT_TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "methods": "Payment method",
        "card": "Card",
        "sepa_debit": "SEPA debit",
        "google_pay": "Wallet",
        "number": "Card number",
        "expiry": "Expiry (MM/YY)",
        "cvc": "Security code",
        "iban": "IBAN",
        "name": "Account holder",
        "card_hint": "Sandbox: 4242 4242 4242 4242 pays, 4000 0000 0000 0002 is declined, 4000 0027 6000 3184 asks.",
        "sepa_hint": "Sandbox: DE89 3704 0044 0532 0130 00 arrives later, DE62 3704 0044 0532 0130 01 fails later.",
        "wallet_hint": "Sandbox: stands for Apple Pay, Google Pay and the like, and pays at once.",
        "incomplete": "Please fill in all the payment fields.",
        "email_missing": "An e-mail address is needed to pay.",
    },
    "it": {
        "methods": "Metodo di pagamento",
        "card": "Carta",
        "sepa_debit": "Addebito SEPA",
        "google_pay": "Wallet",
        "number": "Numero della carta",
        "expiry": "Scadenza (MM/AA)",
        "cvc": "Codice di sicurezza",
        "iban": "IBAN",
        "name": "Intestatario del conto",
        "card_hint": "Sandbox: 4242 4242 4242 4242 paga, 4000 0000 0000 0002 è rifiutata, 4000 0027 6000 3184 chiede.",
        "sepa_hint": "Sandbox: DE89 3704 0044 0532 0130 00 arriva dopo, DE62 3704 0044 0532 0130 01 non arriva.",
        "wallet_hint": "Sandbox: sta per Apple Pay, Google Pay e simili, e paga subito.",
        "incomplete": "Compila tutti i campi del pagamento.",
        "email_missing": "Per pagare serve un indirizzo e-mail.",
    },
}


def texts_in(locale: str) -> tuple[str, dict[str, str]]:
    """The language that is nearest to ``locale``, and its texts."""
    lang = locale[:2].lower() if locale[:2].lower() in ELEMENT_TEXTS else "en"
    return lang, TEXTS[lang] | ELEMENT_TEXTS[lang]
