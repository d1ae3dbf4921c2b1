"""Where no tax law applies: a payment confirmation, which says that it is no tax receipt."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from ..base import Grounds, Regime, Sentence, needs_statement

TITLES = {
    "en": "Payment confirmation, not a tax receipt",
    "it": "Conferma di pagamento, non una ricevuta fiscale",
    "fr": "Confirmation de paiement, sans valeur de reçu fiscal",
    "de": "Zahlungsbestätigung, keine Zuwendungsbestätigung",
    "es": "Confirmación de pago, no es un certificado fiscal",
    "pt": "Confirmação de pagamento, não é um recibo fiscal",
    "nl": "Betalingsbevestiging, geen fiscaal bewijs",
    "ru": "Подтверждение платежа, не налоговый документ",
    "ar": "تأكيد دفع، وليس إيصالًا ضريبيًا",
}
NOT_A_TAX_RECEIPT = Sentence(
    "not_a_tax_receipt",
    _("That it is no tax receipt"),
    {
        "en": gettext_noop("This is a payment confirmation, not a tax receipt."),
        "fr": "Ceci est une confirmation de paiement, et non un reçu fiscal.",
        "de": "Dies ist eine Zahlungsbestätigung und keine Zuwendungsbestätigung für das Finanzamt.",
        "es": "Esto es una confirmación de pago, no un certificado fiscal.",
        "pt": "Esta é uma confirmação de pagamento, não um recibo para efeitos fiscais.",
        "nl": "Dit is een betalingsbevestiging en geen bewijs voor de belasting.",
        "ru": "Это подтверждение платежа, а не документ для налоговой службы.",
        "ar": "هذا تأكيد دفع، وليس إيصالًا ضريبيًا.",
    },
)


def _statements(grounds: Grounds) -> list[str]:
    own = grounds.text.non_deductibility if grounds.text else ""
    return [NOT_A_TAX_RECEIPT.of(grounds), *([own] if own else [])]


REGIME = Regime(
    code="plain",
    version=5,
    name=_("Payment confirmation, no tax receipt"),
    title=gettext_noop("Payment confirmation"),
    titles=TITLES,
    statements=_statements,
    refusal=needs_statement,
    sentences=(NOT_A_TAX_RECEIPT,),
)
