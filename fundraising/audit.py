"""The audit of the books: figures that must agree, each worked out in two ways."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection

from . import trail
from .models import BROUGHT
from .spending import audit as spending_audit


@dataclass(frozen=True)
class Check:
    """A figure as it must be and as it was found, both in words a person reads.

    `is_open`: no wrong figure, but something that waits for a person: money that matches nothing, a paper that a rule
    refuses, a mail that came back.
    """

    name: str
    expected: str
    found: str
    ok: bool
    is_open: bool = False


def none_of(name: str, count: int, first: Any = None) -> Check:
    """A check that nothing is wrong; `first` names one of what is."""
    found = "none" if count == 0 else f"{count}, first: {first}" if first is not None else str(count)
    return Check(name, "none", found, ok=count == 0)


def checks() -> Iterator[Check]:
    """Ledger balanced; checkpoints, counts and donations as the postings say."""
    for name, sql in (_NONE_OF | spending_audit.NONE_OF).items():
        rows = _rows(sql)
        yield none_of(name, len(rows), rows[0][0] if rows else None)
    broken = list(trail.broken_lines())
    yield none_of("lines of the trail that are not what was written", len(broken), broken[0] if broken else None)


def _rows(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"brought": list(BROUGHT)})
        return list(cursor.fetchall())


# Each statement lists what is wrong, by the name under which staff will look for it.
_NONE_OF = {
    "entries that do not balance": """
        SELECT entry.key FROM fundraising_entry entry
        LEFT JOIN fundraising_posting posting ON posting.entry_id = entry.id
        GROUP BY entry.key, posting.currency HAVING coalesce(sum(posting.amount_minor), 1) <> 0
    """,
    "postings whose currency or entity is not their account's": """
        SELECT entry.key FROM fundraising_posting posting
        JOIN fundraising_account account ON account.id = posting.account_id
        JOIN fundraising_entry entry ON entry.id = posting.entry_id
        WHERE posting.currency <> account.currency OR entry.entity_id <> account.entity_id
    """,
    "postings of another database transaction than their entry": """
        SELECT entry.key FROM fundraising_posting posting JOIN fundraising_entry entry ON entry.id = posting.entry_id
        WHERE posting.xid <> entry.xid
    """,
    "checkpoints that differ from their postings (cure: rebuild_totals)": """
        SELECT account.id FROM fundraising_account account CROSS JOIN fundraising_fold fold
        LEFT JOIN fundraising_checkpoint checkpoint ON checkpoint.account_id = account.id
        LEFT JOIN (
            SELECT posting.account_id, posting.xid, posting.amount_minor FROM fundraising_posting posting
        ) behind ON behind.account_id = account.id AND behind.xid < fold.xid
        GROUP BY account.id, checkpoint.balance_minor
        HAVING coalesce(checkpoint.balance_minor, 0) <> coalesce(sum(behind.amount_minor), 0)
    """,
    "sums of a day that differ from their postings (cure: rebuild_totals)": """
        WITH behind AS (
            SELECT posting.account_id, entry.accounted_on "on", count(*) postings,
                   coalesce(sum(posting.amount_minor) FILTER (WHERE posting.amount_minor > 0), 0) debit,
                   coalesce(-sum(posting.amount_minor) FILTER (WHERE posting.amount_minor < 0), 0) credit
            FROM fundraising_posting posting JOIN fundraising_entry entry ON entry.id = posting.entry_id
            WHERE posting.xid < (SELECT xid FROM fundraising_fold) GROUP BY posting.account_id, entry.accounted_on
        )
        SELECT coalesce(behind.account_id, day.account_id) || ' on ' || coalesce(behind."on", day."on")
        FROM behind FULL JOIN fundraising_daycheckpoint day
          ON day.account_id = behind.account_id AND day."on" = behind."on"
        WHERE (coalesce(behind.debit, 0), coalesce(behind.credit, 0), coalesce(behind.postings, 0))
           <> (coalesce(day.debit_minor, 0), coalesce(day.credit_minor, 0), coalesce(day.postings, 0))
    """,
    "counts that differ from their tallies (cure: rebuild_totals)": """
        SELECT r.id FROM fundraising_round r CROSS JOIN fundraising_fold fold
        LEFT JOIN fundraising_tallycheckpoint checkpoint ON checkpoint.round_id = r.id
        LEFT JOIN fundraising_tally tally ON tally.round_id = r.id AND tally.xid < fold.xid
        GROUP BY r.id, checkpoint.round_id
        HAVING (coalesce(max(checkpoint.donations), 0), coalesce(max(checkpoint.round_donors), 0),
                coalesce(max(checkpoint.appeal_donors), 0), coalesce(max(checkpoint.campaign_donors), 0))
            <> (coalesce(sum(tally.donations), 0), coalesce(sum(tally.round_donors), 0),
                coalesce(sum(tally.appeal_donors), 0), coalesce(sum(tally.campaign_donors), 0))
    """,
    "rounds whose tallies are not the count of their donations and donors": """
        WITH standing AS (
            SELECT donation.round_id, donation.donor_id, count(DISTINCT donation.id) donations
            FROM fundraising_donation donation
            JOIN fundraising_entry entry ON entry.donation_id = donation.id
            JOIN fundraising_posting posting ON posting.entry_id = entry.id
            JOIN fundraising_account account ON account.id = posting.account_id
             AND account.purpose = ANY(%(brought)s) AND account.round_id = donation.round_id
            GROUP BY donation.round_id, donation.donor_id, donation.id HAVING sum(posting.amount_minor) < 0
        ), counted AS (
            SELECT round_id, sum(donations) donations, count(DISTINCT donor_id) donors FROM standing GROUP BY round_id
        ), tallied AS (
            SELECT round_id, sum(donations) donations, sum(round_donors) donors
            FROM fundraising_tally GROUP BY round_id
        )
        SELECT coalesce(counted.round_id, tallied.round_id) FROM counted
        FULL JOIN tallied ON tallied.round_id = counted.round_id
        WHERE (coalesce(counted.donations, 0), coalesce(counted.donors, 0))
           <> (coalesce(tallied.donations, 0), coalesce(tallied.donors, 0))
    """,
    "appeals or campaigns whose tallies are not the count of their donors": """
        WITH standing AS (
            SELECT DISTINCT donation.round_id, donation.donor_id
            FROM fundraising_donation donation
            JOIN fundraising_entry entry ON entry.donation_id = donation.id
            JOIN fundraising_posting posting ON posting.entry_id = entry.id
            JOIN fundraising_account account ON account.id = posting.account_id
             AND account.purpose = ANY(%(brought)s) AND account.round_id = donation.round_id
            GROUP BY donation.round_id, donation.donor_id, donation.id HAVING sum(posting.amount_minor) < 0
        ), appeals AS (
            SELECT appeal.id, appeal.slug, appeal.campaign_id, count(DISTINCT standing.donor_id) donors
            FROM fundraising_appeal appeal JOIN fundraising_round r ON r.appeal_id = appeal.id
            LEFT JOIN standing ON standing.round_id = r.id GROUP BY appeal.id
        ), campaigns AS (
            SELECT appeal.campaign_id, count(DISTINCT standing.donor_id) donors
            FROM standing JOIN fundraising_round r ON r.id = standing.round_id
            JOIN fundraising_appeal appeal ON appeal.id = r.appeal_id GROUP BY appeal.campaign_id
        ), tallied AS (
            SELECT r.appeal_id, sum(tally.appeal_donors) donors, sum(tally.campaign_donors) of_campaign
            FROM fundraising_tally tally JOIN fundraising_round r ON r.id = tally.round_id GROUP BY r.appeal_id
        )
        SELECT appeals.slug FROM appeals
        LEFT JOIN tallied ON tallied.appeal_id = appeals.id
        LEFT JOIN campaigns ON campaigns.campaign_id = appeals.campaign_id
        WHERE appeals.donors <> coalesce(tallied.donors, 0) OR coalesce(campaigns.donors, 0) <> (
            SELECT coalesce(sum(others.of_campaign), 0) FROM tallied others
            JOIN appeals sibling ON sibling.id = others.appeal_id WHERE sibling.campaign_id = appeals.campaign_id)
    """,
    "donations whose state is not what their postings say": """
        WITH booked AS (
            SELECT entry.donation_id,
                   coalesce(sum(posting.amount_minor) FILTER (WHERE account.purpose = 'donations'), 0) given,
                   coalesce(sum(posting.amount_minor) FILTER (WHERE account.purpose = ANY(%(brought)s)), 0) brought,
                   coalesce(sum(posting.amount_minor) FILTER (WHERE account.purpose = 'withheld'), 0) withheld,
                   coalesce(sum(posting.amount_minor) FILTER (WHERE account.purpose = 'chargebacks'), 0) taken,
                   coalesce(sum(posting.amount_minor) FILTER (WHERE account.purpose = 'pending'), 0) pending
            FROM fundraising_entry entry
            JOIN fundraising_posting posting ON posting.entry_id = entry.id
            JOIN fundraising_account account ON account.id = posting.account_id
            WHERE entry.donation_id IS NOT NULL GROUP BY entry.donation_id
        )
        SELECT left(upper(donation.uuid::text), 8) FROM fundraising_donation donation
        LEFT JOIN booked ON booked.donation_id = donation.id
        WHERE donation.channel <> 'in_kind' AND donation.state <> CASE
            WHEN coalesce(booked.given, 0) < 0 AND booked.brought < 0 THEN 'received'
            WHEN coalesce(booked.given, 0) < 0 AND booked.withheld > 0 THEN 'disputed'
            WHEN coalesce(booked.given, 0) < 0 AND booked.taken > 0 THEN 'chargeback'
            WHEN coalesce(booked.given, 0) < 0 THEN 'refunded'
            WHEN coalesce(booked.pending, 0) > 0 THEN 'pending'
            ELSE 'opened' END
    """,
    "donations booked at another amount than the donor agreed to": """
        SELECT left(upper(donation.uuid::text), 8) FROM fundraising_donation donation
        JOIN fundraising_entry entry ON entry.donation_id = donation.id
        JOIN fundraising_posting posting ON posting.entry_id = entry.id
        JOIN fundraising_account account ON account.id = posting.account_id AND account.purpose = 'donations'
        GROUP BY donation.id HAVING sum(posting.amount_minor) NOT IN (0, -max(donation.amount_minor))
    """,
    "donations in kind with an entry": """
        SELECT left(upper(donation.uuid::text), 8) FROM fundraising_donation donation
        JOIN fundraising_entry entry ON entry.donation_id = donation.id WHERE donation.channel = 'in_kind'
    """,
    "a watermark from another database cluster (cure: rebuild_totals)": """
        SELECT xid::text FROM fundraising_fold WHERE xid > pg_snapshot_xmax(pg_current_snapshot())
    """,
    "currencies received without an exchange rate into their appeal's (cure: add one)": """
        SELECT DISTINCT account.currency FROM fundraising_account account
        JOIN fundraising_round r ON r.id = account.round_id JOIN fundraising_appeal appeal ON appeal.id = r.appeal_id
        WHERE account.currency <> appeal.currency AND account.purpose <> 'fx' AND NOT EXISTS (
            SELECT FROM fundraising_exchangerate rate
            WHERE rate.base = account.currency AND rate.quote = appeal.currency)
    """,
    "bank lines whose unexplained part is not what their matches leave": """
        SELECT line.id FROM fundraising_bankline line
        LEFT JOIN fundraising_match match ON match.line_id = line.id AND match.undone_at IS NULL
        GROUP BY line.id
        HAVING line.unexplained_minor <> CASE WHEN line.withdrawn_at IS NULL THEN line.amount_minor ELSE 0 END
                                         - coalesce(sum(match.amount_minor), 0)
    """,
    "bank lines in the books without a standing entry, or withdrawn with one": """
        SELECT line.id FROM fundraising_bankline line
        LEFT JOIN fundraising_entry reversal ON reversal.reverses_id = line.entry_id
        WHERE (line.withdrawn_at IS NULL) <> (line.entry_id IS NOT NULL) OR reversal.id IS NOT NULL
    """,
}
