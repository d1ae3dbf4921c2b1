"""How a donor paid, in words: some laws want it on the paper."""

from __future__ import annotations

from typing import Final

from django.utils.translation import get_language, gettext, gettext_noop

from fundraising.models import Channel, Donation

# Stripe's words for ways to pay, and ours for what did not come through it, in the languages of laws that want them.
# A way that is not listed is an electronic payment by a payment service.
_PAID_WITH: Final[dict[str, dict[str, str]]] = {
    "card": {"it": "carta di pagamento", "fr": "carte bancaire", "es": "tarjeta", "nl": "betaalkaart",
             "de": "Kartenzahlung"},
    "sepa_debit": {"it": "addebito diretto SEPA", "fr": "prélèvement SEPA", "es": "adeudo domiciliado SEPA",
                   "nl": "SEPA-domiciliëring", "de": "SEPA-Lastschrift"},
    "customer_balance": {"it": "bonifico bancario", "fr": "virement bancaire", "es": "transferencia bancaria",
                         "nl": "overschrijving", "de": "Überweisung"},
    Channel.CHEQUE: {"it": "assegno", "fr": "chèque", "es": "cheque", "nl": "cheque", "de": "Scheck"},
    Channel.CASH: {"it": "contanti", "fr": "remise d’espèces", "es": "efectivo", "nl": "contanten", "de": "Barzahlung"},
    "": {"it": "pagamento elettronico tramite prestatore di servizi di pagamento",
         "fr": "paiement électronique par prestataire de services de paiement",
         "es": "pago electrónico mediante proveedor de servicios de pago",
         "nl": "elektronische betaling via een betaaldienst",
         "de": "elektronische Zahlung über einen Zahlungsdienst"},
}  # fmt: skip
_PAID_WITH[Channel.BANK] = _PAID_WITH["customer_balance"]
_ENGLISH: Final[dict[str, str]] = {
    "card": gettext_noop("by card"),
    "sepa_debit": gettext_noop("by bank debit"),
    "customer_balance": gettext_noop("by bank transfer"),
    Channel.BANK: gettext_noop("by bank transfer"),
    Channel.CHEQUE: gettext_noop("by cheque"),
    Channel.CASH: gettext_noop("in cash"),
    "": gettext_noop("by an electronic payment service"),
}


def payment_in_words(donation: Donation) -> str:
    """How the donor paid, in the active language."""
    way = donation.paid_with if donation.channel == Channel.ONLINE else donation.channel
    way = way if way in _PAID_WITH else ""
    return _PAID_WITH[way].get(get_language() or "") or gettext(_ENGLISH[way])
