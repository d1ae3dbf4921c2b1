"""Checkout: from an opened donation to Stripe's page, with one charge at most.

The attempt (Payment) is stored before Stripe is asked, and its UUID is the idempotency key. While an
attempt is under way everyone who wants to pay the donation is sent to the same session.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import assert_never

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, override

from fundraising.models import Donation, DonationState, FeeCover, Mandate, MandateState, PaymentMethod
from fundraising.offline import account_for

from . import gateway
from .gateway import CheckoutSession, CheckoutTerms, CheckoutWords
from .mandates.subscriptions import COLLECTED_AT
from .models import ENDED, SESSION_LIFE, Payment, PaymentState, StripeAccount, Surface

# A checkout that has less than this left is not worth sending a donor to.
SESSION_LEFT = timedelta(minutes=5)
# Longer than two calls (a customer, a session) with their retries take: after this, whoever asked Stripe is gone.
CALL_LIFE = timedelta(seconds=5 * settings.STRIPE_TIMEOUT_SECONDS)
PATIENCE_SECONDS = 6
# By then Stripe's lists show what a call that is over has made.
LIST_IS_LATE = timedelta(seconds=5)
MINIMUM_SESSION = timedelta(minutes=31)
# Stripe takes no trial that ends sooner after the session was made.
SHORTEST_TRIAL = timedelta(hours=48)


class NothingToPay(Exception):
    """The donation is paid, its checkout is completed, or its appeal takes no more: show its state instead."""


class CannotPay(Exception):
    """Stripe cannot be reached or has not answered; the donor may try again and is not charged twice."""


def checkout_url(donation: Donation, surface: Surface = Surface.HOSTED) -> str:
    """The address where this donation is paid: Stripe's page, or our pay step; raises NothingToPay or CannotPay.

    An attempt on Stripe's page goes on there. One with Stripe's fields on our page is ended at Stripe
    before another is opened on theirs.
    """
    try:
        payment = _under_way(donation, surface)
        if surface == Surface.HOSTED and payment.surface == Surface.ELEMENTS and payment.state == PaymentState.OPEN:
            _end_open(payment)
            payment = _under_way(donation, surface)
        return _url_of(payment)
    except (gateway.Unavailable, gateway.UnknownOutcome, gateway.Refused) as error:
        raise CannotPay from error


def _end_open(payment: Payment) -> None:
    """Have Stripe take no money for this session any more. Should it be paid or ended meanwhile, note that instead."""
    session_id = payment.session_id or ""
    try:
        session = gateway.expire_checkout(payment.account, session_id)
    except gateway.Refused:
        session = gateway.get_checkout(payment.account, session_id)
    remember(payment, session)
    if session.status == "complete":
        raise NothingToPay
    if session.status == "open":  # Stripe would not end it, and two sessions could both be paid
        raise CannotPay


@transaction.atomic
def _under_way(donation: Donation, surface: Surface) -> Payment:
    """The attempt under way, or a new one on this surface, stored before anyone asks Stripe."""
    locked = Donation.objects.select_for_update().get(pk=donation.pk)
    if locked.state != DonationState.OPENED or not _may_begin(donation.mandate):
        raise NothingToPay
    payment = Payment.objects.select_related("account").filter(donation=donation).exclude(state__in=ENDED).first()
    if payment is None:
        if not donation.round.appeal.takes_money:
            raise NothingToPay
        account = StripeAccount.objects.filter(entity=donation.entity_id).first()
        if account is None:
            raise CannotPay("the legal entity has no Stripe account")
        payment = Payment.objects.create(donation=donation, account=account, surface=surface)
    elif payment.state == PaymentState.CREATED and payment.surface != surface:  # nobody has asked Stripe
        payment.surface = surface
        payment.save(update_fields=["surface"])
    return payment


def _may_begin(mandate: Mandate | None) -> bool:
    """A mandate has one subscription: once it has started, what fails is mended there."""
    return mandate is None or Mandate.objects.filter(pk=mandate.pk, state=MandateState.OPENED).exists()


def _url_of(payment: Payment) -> str:
    state = PaymentState(payment.state)
    match state:
        case PaymentState.CREATED if not _too_old(payment):
            return _create(payment)
        case PaymentState.CREATED | PaymentState.UNKNOWN:
            return _look_up(payment)
        case PaymentState.OPEN:
            return _url_of_open(payment)
        case PaymentState.COMPLETED | PaymentState.SUCCEEDED:
            raise NothingToPay
        case PaymentState.FAILED | PaymentState.EXPIRED:
            return _url_of(_next(payment))
    assert_never(state)


def _next(payment: Payment) -> Payment:
    """The attempt that takes the place of one that has ended."""
    return _under_way(payment.donation, Surface(payment.surface))


def _too_old(payment: Payment) -> bool:
    """Whether Stripe would refuse the call by now: a session lives half an hour at least."""
    return timezone.now() > payment.created_at + SESSION_LIFE - MINIMUM_SESSION


def _create(payment: Payment) -> str:
    # Until the answer is stored the outcome is unknown: a process killed here leaves the truth behind.
    now = timezone.now()
    waiting = Payment.objects.filter(pk=payment.pk, state=PaymentState.CREATED, surface=payment.surface)
    claimed = waiting.update(state=PaymentState.UNKNOWN, asked_at=now, called_at=now, look_up_at=now + CALL_LIFE)
    if not claimed:
        return _wait_for_other(payment)
    try:
        session = gateway.create_checkout(
            payment, _words(payment), _terms(payment), expires_at=payment.created_at + SESSION_LIFE
        )
    except gateway.Unavailable:
        _called(payment, PaymentState.CREATED)
        raise
    except gateway.UnknownOutcome as error:
        _called(payment, PaymentState.UNKNOWN)
        if error.is_replay:
            Payment.objects.filter(pk=payment.pk, spent_at=None).update(spent_at=timezone.now())
        raise
    except gateway.Refused as error:
        _end(payment, PaymentState.FAILED, error.code)
        raise
    return _opened(payment, session)


def _called(payment: Payment, state: PaymentState) -> None:
    """The call is over; webhooks may have moved the attempt on meanwhile."""
    Payment.objects.filter(pk=payment.pk, state=PaymentState.UNKNOWN).update(state=state, asked_at=None)


def _wait_for_other(payment: Payment) -> str:
    """A double click: the first request is asking Stripe; take the answer that it gets."""
    patience = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < patience:
        payment.refresh_from_db()
        if payment.state != PaymentState.UNKNOWN or payment.asked_at is None:
            return _url_of(payment)
        time.sleep(0.2)
    raise CannotPay


def _opened(payment: Payment, session: CheckoutSession) -> str:
    remember(payment, session)
    if session.status == "complete":
        raise NothingToPay
    if session.status == "expired":
        return _url_of(_next(payment))
    return session.url or pay_step(payment.donation)


def pay_step(donation: Donation) -> str:
    """Our own page with Stripe's fields, in the donor's language."""
    with override(donation.locale):
        return reverse("pay", kwargs={"uuid": donation.uuid})


def remember(payment: Payment, session: CheckoutSession) -> None:
    """Store what Stripe says of the session. Never moves an attempt back."""
    state = {"open": PaymentState.OPEN, "complete": PaymentState.COMPLETED, "expired": PaymentState.EXPIRED}[
        session.status
    ]
    earlier = [PaymentState.CREATED, PaymentState.UNKNOWN, PaymentState.OPEN]
    Payment.objects.filter(pk=payment.pk, state__in=earlier).update(
        state=state,
        session_id=session.id,
        url=session.url,
        client_secret=session.client_secret,
        expires_at=session.expires_at,
        asked_at=None,
        look_up_at=session.expires_at if state == PaymentState.OPEN else timezone.now(),
    )
    if session.payment_intent_id:
        Payment.objects.filter(pk=payment.pk, payment_intent_id=None).update(
            payment_intent_id=session.payment_intent_id
        )


def _look_up(payment: Payment) -> str:
    """Find out what became of a call without an answer; only if it made nothing, ask again.

    Under the same key, so that Stripe makes one session at most though a call should still be under way. Unless that
    key is spent: Stripe keeps a failure under it and will repeat it for a day. The call that failed is over then, so
    that what it made, if anything, is in Stripe's list by now. Once a look after a pause finds nothing there, nothing
    can come of that key any more, and a fresh one, stored before it is used, makes the only session. Should Stripe's
    list be later than that, a donor would need to pay both sessions; the second charge would go to suspense.
    """
    if payment.asked_at and timezone.now() - payment.asked_at < CALL_LIFE:
        return _wait_for_other(payment)
    if payment.spent_at and timezone.now() - payment.spent_at < LIST_IS_LATE:
        raise CannotPay
    if session := gateway.find_checkout(payment, asked_within=CALL_LIFE):
        return _opened(payment, session)
    if _too_old(payment):  # and nothing was made: this attempt is over
        _end(payment, PaymentState.EXPIRED, "no_session")
        return _url_of(_next(payment))
    # Unless another request asks already, or has taken a fresh key: then this one waits for its answer.
    still = Payment.objects.filter(pk=payment.pk, state=PaymentState.UNKNOWN, asked_at=payment.asked_at)
    still = still.filter(called_at=payment.called_at, spent_at=payment.spent_at)
    still.update(state=PaymentState.CREATED, key_from=payment.spent_at or payment.key_from, spent_at=None)
    payment.refresh_from_db()
    return _create(payment)


def _url_of_open(payment: Payment) -> str:
    if payment.expires_at and timezone.now() < payment.expires_at - SESSION_LEFT:
        return payment.url or pay_step(payment.donation)
    session = gateway.get_checkout(payment.account, payment.session_id or "")
    if session.status == "open":
        raise CannotPay  # it has minutes left; a second session beside it could charge twice
    return _opened(payment, session)


def _end(payment: Payment, state: PaymentState, code: str) -> None:
    Payment.objects.filter(pk=payment.pk).exclude(state__in=ENDED).update(state=state, error_code=code[:60])


def _words(payment: Payment) -> CheckoutWords:
    donation = payment.donation
    with override(donation.locale):
        address = settings.PUBLIC_URL + reverse("donation", kwargs={"uuid": donation.uuid})
        done = address
        if donation.mandate and donation.mandate.first_on:  # nothing is paid now: there is no donation to thank for
            done = settings.PUBLIC_URL + reverse("mandate", kwargs={"uuid": donation.mandate.uuid})
        # The line on Stripe's page and in its mails: the entity, not the cause.
        product = gettext("Donation to %(entity)s") % {"entity": donation.entity.name}
    return CheckoutWords(
        product=product,
        email=donation.donor.email,
        locale=donation.locale,
        success_url=f"{done}?returned=1",
        cancel_url=address,
    )


def _terms(payment: Payment) -> CheckoutTerms:
    """The same at each call for one payment, as its idempotency key demands."""
    donation = payment.donation
    covers = FeeCover.objects.filter(entity=donation.entity_id, currency=donation.currency).order_by("method")
    others = covers.exclude(method=donation.method).values_list("method", flat=True) if donation.method else ()
    first_at = None
    if donation.mandate and donation.mandate.first_on:
        wanted = datetime.combine(donation.mandate.first_on, COLLECTED_AT)
        first_at = max(wanted, payment.created_at + SESSION_LIFE + SHORTEST_TRIAL)
    by_transfer = payment.surface == Surface.HOSTED and offers_transfers(payment.account, donation)
    return CheckoutTerms(excluded_methods=tuple(others), first_at=first_at, bank_transfer=by_transfer)


def offers_transfers(account: StripeAccount, donation: Donation) -> bool:
    """Whether this donation may come by bank transfer; on Stripe's page only, which tells how to send it.

    Where our own bank account is shown, that is the transfer that a page offers, and donors see no second one.
    """
    could = account.bank_transfers and donation.mandate_id is None and donation.currency in gateway.TRANSFERS
    if not could or donation.method:
        return could and donation.method == PaymentMethod.CUSTOMER_BALANCE
    return account_for(donation.entity_id, donation.currency) is None
