"""Stripe's published test cards and IBANs (https://docs.stripe.com/testing) and what each does here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TestMethod:
    """A test card or IBAN, or a bank transfer.

    ``decline`` is the error code, ``reason`` the decline code; ``after`` follows a success.

    ``ready_made`` is the name under which Stripe has it as a payment method already.
    """

    number: str
    case: str
    kind: str = "card"
    brand: str = "visa"
    country: str = "US"
    decline: str = ""
    reason: str = ""
    authenticate: str = ""
    after: str = ""
    ready_made: str = ""
    once_saved: bool = False

    @property
    def last4(self) -> str:
        """The digits that may be shown."""
        return self.number[-4:]


def _declined(number: str, case: str, code: str, reason: str, ready_made: str) -> TestMethod:
    return TestMethod(number, case, decline=code, reason=reason, ready_made=f"pm_card_{ready_made}")


METHODS = (
    TestMethod("4242424242424242", "success", ready_made="pm_card_visa"),
    TestMethod("5555555555554444", "success_mastercard", brand="mastercard", ready_made="pm_card_mastercard"),
    TestMethod("378282246310005", "success_amex", brand="amex", ready_made="pm_card_amex"),
    TestMethod("4000003800000008", "success_italy", country="IT", ready_made="pm_card_it"),
    TestMethod("4000000000000077", "success_available", after="available_now", ready_made="pm_card_bypassPending"),
    _declined("4000000000000002", "declined", "card_declined", "generic_decline", "visa_chargeDeclined"),
    _declined(
        "4000000000009995",
        "insufficient_funds",
        "card_declined",
        "insufficient_funds",
        "visa_chargeDeclinedInsufficientFunds",
    ),
    _declined("4000000000009987", "lost_card", "card_declined", "lost_card", "visa_chargeDeclinedLostCard"),
    _declined("4000000000009979", "stolen_card", "card_declined", "stolen_card", "visa_chargeDeclinedStolenCard"),
    _declined("4000000000000069", "expired_card", "expired_card", "expired_card", "chargeDeclinedExpiredCard"),
    _declined("4000000000000127", "incorrect_cvc", "incorrect_cvc", "incorrect_cvc", "chargeDeclinedIncorrectCvc"),
    _declined(
        "4000000000000119",
        "processing_error",
        "processing_error",
        "processing_error",
        "chargeDeclinedProcessingError",
    ),
    _declined("4100000000000019", "blocked", "card_declined", "fraudulent", "radarBlock"),
    TestMethod(
        "4000000000000341",
        "fails_later",
        decline="card_declined",
        reason="generic_decline",
        once_saved=True,
        ready_made="pm_card_chargeCustomerFail",
    ),
    TestMethod(
        "4000002500003155",
        "three_d_secure",
        authenticate="setup",
        ready_made="pm_card_authenticationRequiredOnSetup",
    ),
    TestMethod(
        "4000002760003184",
        "three_d_secure_always",
        authenticate="always",
        ready_made="pm_card_authenticationRequired",
    ),
    TestMethod(
        "4000008400001629",
        "three_d_secure_then_declined",
        authenticate="always",
        decline="card_declined",
        reason="generic_decline",
        ready_made="pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
    ),
    TestMethod("4000000000000259", "dispute_later", after="dispute_fraudulent", ready_made="pm_card_createDispute"),
    TestMethod(
        "4000000000002685",
        "dispute_not_received",
        after="dispute_product_not_received",
        ready_made="pm_card_createDisputeProductNotReceived",
    ),
    TestMethod(
        "4000000000001976",
        "inquiry_later",
        after="dispute_inquiry",
        ready_made="pm_card_createDisputeInquiry",
    ),
    TestMethod(
        "4000000000005423",
        "early_fraud_warning",
        after="early_fraud_warning",
        ready_made="pm_card_createIssuerFraudRecord",
    ),
    TestMethod("4000000000007726", "refund_pending", after="refund_succeeds_later", ready_made="pm_card_pendingRefund"),
    TestMethod("4000000000005126", "refund_fails", after="refund_fails_later", ready_made="pm_card_refundFail"),
    TestMethod("BANKTRANSFER", "bank_transfer", kind="customer_balance", country="DE"),
    TestMethod("DE89370400440532013000", "sepa_succeeds", kind="sepa_debit", country="DE"),
    TestMethod("IT60X0542811101000000123456", "sepa_italy", kind="sepa_debit", country="IT"),
    TestMethod("DE62370400440532013001", "sepa_fails", kind="sepa_debit", country="DE", decline="insufficient_funds"),
    TestMethod("DE35370400440532013002", "sepa_disputed", kind="sepa_debit", country="DE", after="dispute_sepa"),
)

BY_NUMBER = {method.number: method for method in METHODS}
BY_CASE = {method.case: method for method in METHODS}
BY_READY_MADE = {method.ready_made: method for method in METHODS if method.ready_made}

MESSAGES = {
    "generic_decline": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "lost_card": "Your card was declined.",
    "stolen_card": "Your card was declined.",
    "fraudulent": "Your card was declined.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
}


def by_number(typed: str) -> TestMethod | None:
    """The test method with this card number or IBAN, spaces and dashes ignored; None when it is no test number."""
    return BY_NUMBER.get("".join(typed.replace("-", " ").split()).upper())
