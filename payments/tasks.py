"""Celery's tasks of the payments app: nudges and sweeps. Each may run twice, or at once, or never."""

from __future__ import annotations

import logging

from celery import shared_task

from fundraising.models import BankAccount

from . import gateway, inbox, payouts, refunds
from .bank import imports as bank_imports
from .bank import matching as bank_matching
from .breaks import reconciliation
from .mandates import changes, subscriptions
from .models import StripeAccount
from .sweeps import missing, sync

log = logging.getLogger(__name__)


@shared_task
def handle_inbox() -> None:
    """Handle what is due in the inbox."""
    if inbox.handle_due() == 1000:
        handle_inbox.delay()
    elif payouts.to_itemise().exists():  # an event said so, perhaps just now
        itemise_payouts.delay()


@shared_task
def look_up_payments() -> None:
    """Ask Stripe about attempts whose outcome is open, and for refunds and invoices that no event has shown."""
    sync.look_up_payments()
    missing.find_missing_refunds()
    missing.find_missing_invoices()


@shared_task
def carry_out_refunds() -> None:
    """Decide on fraud warnings, ask Stripe for the refunds wanted, and look up those without an answer."""
    refunds.decide_warnings()
    refunds.carry_out_due()


@shared_task
def carry_out_changes() -> None:
    """Ask Stripe for the changes of mandates that are wanted, and look up those without an answer; and new cards."""
    changes.carry_out_due()
    try:
        subscriptions.look_up_cards()
    except (gateway.Unavailable, gateway.UnknownOutcome) as error:
        log.warning("looking up cards stops: %s", error)


@shared_task
def end_those_of_closed_appeals() -> None:
    """End mandates whose appeal has closed, or tell their donors what they go on for; look up silent ones."""
    changes.end_those_of_closed_appeals()
    try:
        subscriptions.look_up_overdue()
    except (gateway.Unavailable, gateway.UnknownOutcome, gateway.Refused) as error:
        log.warning("looking up subscriptions stops: %s", error)


@shared_task
def settle() -> None:
    """Read and book the new balance transactions of every account, and the facts that they show were missed."""
    for account in StripeAccount.objects.all():
        try:
            sync.settle_and_find(account)
        except (gateway.Unavailable, gateway.UnknownOutcome, gateway.Refused) as error:
            log.warning("settlement of %s put off: %s", account, error)


@shared_task
def sync_recent() -> None:
    """Read Stripe's lists of every account for what webhooks lost."""
    for account in StripeAccount.objects.all():
        try:
            found = sync.sync_recent(account)
            log.info("sync of %s: %s", account, dict(found))
        except (gateway.Unavailable, gateway.UnknownOutcome, gateway.Refused) as error:
            log.warning("sync of %s put off: %s", account, error)


@shared_task
def sync_mandates() -> None:
    """Read the subscriptions of every account for words that webhooks lost."""
    for account in StripeAccount.objects.all():
        try:
            sync.sync_mandates(account)
        except (gateway.Unavailable, gateway.UnknownOutcome, gateway.Refused) as error:
            log.warning("sync of the mandates of %s put off: %s", account, error)


@shared_task
def itemise_payouts() -> None:
    """Read the lines of the payouts that Stripe can list and nobody has read, and reconcile their accounts."""
    for account in StripeAccount.objects.filter(payouts__in=payouts.to_itemise()).distinct():
        try:
            payouts.itemise_due(account)
        except (gateway.Unavailable, gateway.UnknownOutcome, gateway.Refused) as error:
            log.warning("itemising of %s put off: %s", account, error)
        reconcile_account.delay(account.pk)


@shared_task
def reconcile() -> None:
    """Compare the books with Stripe's lines, payouts and balance, and with the bank, account by account."""
    for account in StripeAccount.objects.all():
        reconciliation.reconcile(account)


@shared_task
def reconcile_account(account_id: int) -> None:
    """The same for one account."""
    reconciliation.reconcile(StripeAccount.objects.get(pk=account_id))


@shared_task(soft_time_limit=1700, time_limit=1800)
def import_statements() -> None:
    """Read and import the large statement files that were uploaded, and let go of those that waited too long."""
    bank_imports.work()


@shared_task
def match_payouts() -> None:
    """Match bank lines with the payouts that they certainly are."""
    for account in BankAccount.objects.all():
        bank_matching.match_certain(account)
