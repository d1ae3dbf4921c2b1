"""Celery's tasks of the books."""

from celery import shared_task

from . import ledger, reminders, throttle
from .bank import findings, orders, suggestions
from .exports import work
from .models import BankAccount
from .spending import findings as short_funds


@shared_task
def fold() -> None:
    """Fold finished postings into checkpoints, should no live process be doing so."""
    ledger.fold()


@shared_task
def remind() -> None:
    """Remind of yearly collections that are near."""
    reminders.remind_of_yearly()


@shared_task(soft_time_limit=3500, time_limit=3600)
def write_exports() -> None:
    """Write the exports that were asked for, and end those whose day is over."""
    work.expire()
    work.write_due()


@shared_task
def match_bank_lines() -> None:
    """Match bank lines with the donations that they certainly are."""
    for account in BankAccount.objects.all():
        suggestions.match_certain(account)


@shared_task
def check_funds() -> None:
    """Look for funds that have less than they have promised, and for money of appeals that are over."""
    short_funds.check_funds()


@shared_task
def check_bank_accounts() -> None:
    """Look for bank lines that nothing explains, gaps, balances that differ, and orders that no line covers."""
    findings.check_bank_accounts()
    orders.check_orders()


@shared_task
def forget_attempts() -> None:
    """Delete the counts of attempts whose time is over."""
    throttle.forget_old()
