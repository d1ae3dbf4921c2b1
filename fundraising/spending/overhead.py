"""The share of administrative costs that an appeal bears: by the policy that donors were told, at most real cost."""

from __future__ import annotations

from django.db import connection

from .. import ledger
from ..ledger import Bucket
from ..models import BROUGHT, Fund, Purpose
from ..money import Money


def most(fund: Fund, general: Fund, currency: str) -> Money:
    """What the fund can still be charged, in minor units; never below zero.

    By policy: of what each donation brought, the share of the policy that was stated when it was opened, and at most
    the one that was stated when its donor signed up for giving regularly, less what was charged. By cost: what the
    books hold as expenses of no restricted fund, less what all funds were charged.
    """
    charged = ledger.balance(Bucket(fund.entity_id, Purpose.OVERHEAD, currency, fund.pk)).minor
    by_all = -ledger.balance(Bucket(fund.entity_id, Purpose.OVERHEAD, currency, general.pk)).minor
    left = min(_share(fund, currency) - charged, _cost(fund.entity_id, currency) - by_all)
    return Money(max(left, 0), currency)


def _share(fund: Fund, currency: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT coalesce(sum(-posting.amount_minor * policy.basis_points), 0)::bigint / 10000
            FROM fundraising_account account
            JOIN fundraising_posting posting ON posting.account_id = account.id
            JOIN fundraising_entry entry ON entry.id = posting.entry_id
            JOIN fundraising_donation donation ON donation.id = entry.donation_id
            JOIN fundraising_appeal appeal ON appeal.fund_id = account.fund_id
            LEFT JOIN fundraising_mandate mandate ON mandate.id = donation.mandate_id
            JOIN LATERAL (
                SELECT min(coalesce(told.basis_points, 0)) AS basis_points
                FROM (VALUES (donation.opened_at), (coalesce(mandate.opened_at, donation.opened_at))) moment(at)
                LEFT JOIN LATERAL (
                    SELECT basis_points FROM fundraising_overheadpolicy
                    WHERE appeal_id = appeal.id AND stated_at <= moment.at ORDER BY stated_at DESC, id DESC LIMIT 1
                ) told ON true) policy ON true
            WHERE account.fund_id = %s AND account.currency = %s AND account.purpose = ANY(%s)
            """,
            [fund.pk, currency, list(BROUGHT)],
        )
        return int(cursor.fetchone()[0])


def _cost(entity_id: int, currency: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT coalesce(sum(posting.amount_minor), 0)::bigint FROM fundraising_account account
            JOIN fundraising_posting posting ON posting.account_id = account.id
            LEFT JOIN fundraising_fund fund ON fund.id = account.fund_id
            WHERE account.entity_id = %s AND account.currency = %s AND account.purpose = 'expenses'
              AND (fund.id IS NULL OR NOT fund.restricted)
            """,
            [entity_id, currency],
        )
        return int(cursor.fetchone()[0])
