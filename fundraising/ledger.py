"""The ledger: post, reverse, balance, fold. The only writer of postings.

Amounts are integers in minor units; debit is positive, credit negative. The database keeps the
rules: entries balance per currency, nothing is changed or deleted, a key is booked once.

Balances are checkpoint + tail. `fold` moves what lies behind the snapshot's xmin into checkpoints,
so a database transaction that commits late is never skipped, and no donation waits for a hot row.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction

from .models import Account, Entry, Purpose
from .money import Money

FOLD_LOCK = 0x0A_F0_1D  # any constant: one fold at a time
# The highest transaction id there can be. It bounds the tail for the planner's eyes: of a range with one open
# end it expects a third of all postings, and compiles the statement (jit) for a hundred times what it takes.
LAST_XID = str(2**64 - 1)


class LedgerError(Exception):
    """A posting that would break the books; nothing was written."""


class KeyReused(LedgerError):
    """The key was booked before with other legs."""


@dataclass(frozen=True)
class Bucket:
    """Names an account without asking the database for it. Ids, not rows: it is a key."""

    entity: int
    purpose: Purpose
    currency: str
    fund: int | None = None
    round: int | None = None
    provider: str = ""


@dataclass(frozen=True)
class Posted:
    """What `post` did: the entry's id, and whether this call wrote it."""

    entry_id: int
    is_new: bool


Legs = Mapping[Bucket, int]


def post(
    *,
    key: str,
    legs: Legs,
    occurred_at: datetime,
    donation_id: int | None = None,
    reverses_id: int | None = None,
    accounted_on: date | None = None,
) -> Posted:
    """Book `legs` once under `key`. The same key and legs again do nothing.

    It counts on the day of `occurred_at` (UTC), or on the first open day after it; `accounted_on` names another one,
    which must be open. Raises KeyReused for the same key with other legs and LedgerError for legs that do not balance
    per currency.
    """
    legs = {leg: minor for leg, minor in legs.items() if minor}
    _refuse_unbalanced(legs)
    fact: dict[str, Any] = {
        "key": key,
        "donation": donation_id,
        "reverses": reverses_id,
        "at": occurred_at,
        "on": accounted_on,
    }
    entry_id, accounts = _insert(legs, fact)
    if accounts < len(legs):
        _open_accounts(legs)
        entry_id, _accounts = _insert(legs, fact)
    if entry_id is not None:
        return Posted(entry_id, is_new=True)
    return _already_posted(key, legs)


def _insert(legs: Legs, fact: dict[str, Any]) -> tuple[int | None, int]:
    """Write the entry with its lines in one statement, if all accounts exist; its id, and how many do."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH leg AS (
                SELECT account.id, wanted.currency, wanted.amount FROM {_WANTED}
            ), new AS (
                INSERT INTO fundraising_entry
                    (key, entity_id, donation_id, reverses_id, occurred_at, accounted_on, booked_at)
                SELECT %(key)s, %(entity)s, %(donation)s, %(reverses)s, %(at)s, %(on)s::date, now()
                WHERE (SELECT count(*) FROM leg) = %(count)s
                ON CONFLICT (key) DO NOTHING RETURNING id
            ), lines AS (
                INSERT INTO fundraising_posting (entry_id, account_id, currency, amount_minor)
                SELECT new.id, leg.* FROM new, leg
            )
            SELECT (SELECT id FROM new), (SELECT count(*) FROM leg)
            """,
            {**fact, **_columns(legs), "entity": next(iter(legs)).entity, "amounts": list(legs.values())},
        )
        entry_id, accounts = cursor.fetchone()
    return entry_id, accounts


# Buckets as rows, each with the account that it names.
_WANTED = """
    unnest(%(entities)s::bigint[], %(purposes)s::varchar[], %(currencies)s::varchar[], %(providers)s::varchar[],
           %(funds)s::bigint[], %(rounds)s::bigint[], %(amounts)s::bigint[])
        WITH ORDINALITY AS wanted (entity, purpose, currency, provider, fund, round, amount, position)
    JOIN fundraising_account account
      ON account.entity_id = wanted.entity AND account.purpose = wanted.purpose
     AND account.currency = wanted.currency AND account.provider = wanted.provider
     AND account.fund_id IS NOT DISTINCT FROM wanted.fund
     AND account.round_id IS NOT DISTINCT FROM wanted.round
"""


def _columns(buckets: Collection[Bucket]) -> dict[str, Any]:
    return {
        "entities": [leg.entity for leg in buckets],
        "purposes": [leg.purpose for leg in buckets],
        "currencies": [leg.currency for leg in buckets],
        "providers": [leg.provider for leg in buckets],
        "funds": [leg.fund for leg in buckets],
        "rounds": [leg.round for leg in buckets],
        "amounts": [0] * len(buckets),
        "count": len(buckets),
    }


@dataclass(frozen=True)
class Fact:
    """One of many facts to book at once; `reverses_id` names the entry that it negates."""

    key: str
    legs: Legs
    occurred_at: datetime
    reverses_id: int | None = None


def post_new(facts: Sequence[Fact]) -> dict[str, int]:
    """Book thousands of facts in one statement: the entries' ids by key. Raises KeyReused if any was booked before."""
    for fact in facts:
        _refuse_unbalanced(fact.legs)
    buckets = list({leg for fact in facts for leg in fact.legs})
    _open_accounts(buckets)
    accounts = _find_accounts(buckets)
    lines = [
        (fact.key, accounts[leg], leg.currency, minor) for fact in facts for leg, minor in fact.legs.items() if minor
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT_MANY,
            {
                "keys": [fact.key for fact in facts],
                "owners": [next(iter(fact.legs)).entity for fact in facts],
                "ats": [fact.occurred_at for fact in facts],
                "reverses": [fact.reverses_id for fact in facts],
                "lines": [line[0] for line in lines],
                "accounts": [line[1] for line in lines],
                "currencies": [line[2] for line in lines],
                "amounts": [line[3] for line in lines],
            },
        )
        written = dict(cursor.fetchall())
    if len(written) < len(facts):
        raise KeyReused(next(fact.key for fact in facts if fact.key not in written))
    return written


_INSERT_MANY = """
    WITH new AS (
        INSERT INTO fundraising_entry (key, entity_id, reverses_id, occurred_at, booked_at)
        SELECT fact.key, fact.entity, fact.reverses, fact.at, now()
        FROM unnest(%(keys)s::varchar[], %(owners)s::bigint[], %(reverses)s::bigint[], %(ats)s::timestamptz[])
            AS fact (key, entity, reverses, at)
        ON CONFLICT (key) DO NOTHING RETURNING id, key
    ), lines AS (
        INSERT INTO fundraising_posting (entry_id, account_id, currency, amount_minor)
        SELECT new.id, line.account, line.currency, line.amount
        FROM unnest(%(lines)s::varchar[], %(accounts)s::bigint[], %(currencies)s::varchar[], %(amounts)s::bigint[])
            AS line (key, account, currency, amount)
        JOIN new ON new.key = line.key
    )
    SELECT key, id FROM new
"""


def _refuse_unbalanced(legs: Legs) -> None:
    if len(legs) < 2 or len({leg.entity for leg in legs}) != 1:
        raise LedgerError("an entry needs two legs or more, all of one legal entity")
    for currency in {leg.currency for leg in legs}:
        if total := sum(minor for leg, minor in legs.items() if leg.currency == currency):
            raise LedgerError(f"the legs are off balance by {total} minor units of {currency}")


def _already_posted(key: str, legs: Legs) -> Posted:
    entry = Entry.objects.get(key=key)
    if legs_of(entry) != legs:
        raise KeyReused(f"{key} is booked with other legs")
    return Posted(entry.pk, is_new=False)


def _open_accounts(buckets: Collection[Bucket]) -> None:
    """Open the accounts that are missing, always in the same order, so that two writers never wait for each other."""
    found = _find_accounts(buckets)
    missing = sorted((leg for leg in buckets if leg not in found), key=repr)
    Account.objects.bulk_create(
        [
            Account(
                entity_id=leg.entity,
                purpose=leg.purpose,
                provider=leg.provider,
                fund_id=leg.fund,
                round_id=leg.round,
                currency=leg.currency,
            )
            for leg in missing
        ],
        ignore_conflicts=True,
    )


def _find_accounts(buckets: Collection[Bucket]) -> dict[Bucket, int]:
    wanted = list(buckets)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT wanted.position, account.id FROM {_WANTED}", _columns(wanted))
        return {wanted[position - 1]: account for position, account in cursor.fetchall()}


def booked(key: str) -> Entry | None:
    """The entry of a fact, if it was booked."""
    return Entry.objects.filter(key=key).first()


def locked(key: str) -> Entry | None:
    """The entry of a fact as `booked`, locked: two who would follow on it do so one after the other."""
    return Entry.objects.select_for_update(no_key=True).filter(key=key).first()


def legs_of(entry: Entry) -> dict[Bucket, int]:
    """The legs of a booked entry."""
    return {
        bucket_of(posting.account): posting.amount_minor
        for posting in entry.postings.select_related("account").order_by("pk")
    }


def bucket_of(account: Account) -> Bucket:
    """The bucket that names an account."""
    return Bucket(
        account.entity_id,
        Purpose(account.purpose),
        account.currency,
        account.fund_id,
        account.round_id,
        account.provider,
    )


def reverse(entry: Entry, *, key: str, occurred_at: datetime) -> Posted:
    """Negate an entry by a new one. An entry is reversed once; again, under any key, is a no-op."""
    if reversal := Entry.objects.filter(reverses=entry).first():
        return Posted(reversal.pk, is_new=False)
    legs = {leg: -minor for leg, minor in legs_of(entry).items()}
    return post(key=key, legs=legs, occurred_at=occurred_at, donation_id=entry.donation_id, reverses_id=entry.pk)


def balance(account: Bucket) -> Money:
    """What the account holds at this moment, exact to the minor unit, whatever has been folded."""
    account_id = _find_accounts([account]).get(account)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT coalesce((SELECT balance_minor FROM fundraising_checkpoint WHERE account_id = %(id)s), 0)
                 + coalesce((SELECT sum(amount_minor) FROM fundraising_posting WHERE account_id = %(id)s
                             AND xid BETWEEN (SELECT xid FROM fundraising_fold) AND %(last)s::xid8), 0)
            """,
            {"id": account_id, "last": LAST_XID},
        )
        return Money(int(cursor.fetchone()[0]), account.currency)


def has_unfolded() -> bool:
    """Whether a fold would find anything: one look into an index, cheap enough for fifty a second."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT EXISTS (SELECT FROM fundraising_entry entry
                           WHERE entry.xid >= (SELECT xid FROM fundraising_fold)
                             AND entry.xid < pg_snapshot_xmin(pg_current_snapshot()))
            """
        )
        return bool(cursor.fetchone()[0])


@transaction.atomic
def fold() -> list[int]:
    """Move finished postings and tallies into the checkpoints; the ids of the rounds that changed.

    One fold runs at a time; a second one returns at once with nothing. Tells listeners of the
    channel `totals` the UUID of every appeal that changed.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [FOLD_LOCK])
        if not cursor.fetchone()[0]:
            return []
        cursor.execute("SELECT xid::text, pg_snapshot_xmin(pg_current_snapshot())::text FROM fundraising_fold")
        since, until = cursor.fetchone()
        window = {"since": since, "until": until}
        cursor.execute(_FOLD_POSTINGS, window)
        changed_accounts = [row[0] for row in cursor.fetchall()]
        if not changed_accounts:
            return []
        cursor.execute(_FOLD_TALLIES, window)
        cursor.execute("UPDATE fundraising_fold SET xid = %(until)s::xid8, folded_at = now()", window)
        cursor.execute(
            """
            SELECT changed.id, pg_notify('totals', changed.appeal)
            FROM (SELECT DISTINCT r.id, appeal.uuid::text AS appeal
                  FROM fundraising_account account
                  JOIN fundraising_round r ON r.id = account.round_id
                  JOIN fundraising_appeal appeal ON appeal.id = r.appeal_id
                  WHERE account.id = ANY(%s)) changed
            """,
            [changed_accounts],
        )
        return [row[0] for row in cursor.fetchall()]


# Every database transaction below `until` had ended when the snapshot was taken, so its rows are
# visible to the statements that follow; those at or above stay in the tail.
# OFFSET 0 keeps the join a look-up by entry: a planner that thinks a thousand look-ups dearer than
# reading a table of millions would do the latter four times a second.
_FOLD_POSTINGS = """
    WITH day AS MATERIALIZED (
        SELECT posting.account_id, entry.accounted_on,
               coalesce(sum(posting.amount_minor) FILTER (WHERE posting.amount_minor > 0), 0) debit,
               coalesce(-sum(posting.amount_minor) FILTER (WHERE posting.amount_minor < 0), 0) credit,
               count(*) postings
        FROM fundraising_entry entry CROSS JOIN LATERAL (
            SELECT account_id, amount_minor FROM fundraising_posting WHERE entry_id = entry.id OFFSET 0) posting
        WHERE entry.xid >= %(since)s::xid8 AND entry.xid < %(until)s::xid8
        GROUP BY posting.account_id, entry.accounted_on
    ), days AS (
        INSERT INTO fundraising_daycheckpoint AS known (account_id, "on", debit_minor, credit_minor, postings)
        SELECT * FROM day
        ON CONFLICT (account_id, "on") DO UPDATE SET
            debit_minor = known.debit_minor + EXCLUDED.debit_minor,
            credit_minor = known.credit_minor + EXCLUDED.credit_minor,
            postings = known.postings + EXCLUDED.postings
    )
    INSERT INTO fundraising_checkpoint AS checkpoint (account_id, balance_minor)
    SELECT account_id, sum(debit - credit) FROM day GROUP BY account_id ORDER BY account_id
    ON CONFLICT (account_id) DO UPDATE SET balance_minor = checkpoint.balance_minor + EXCLUDED.balance_minor
    RETURNING account_id
"""
_FOLD_TALLIES = """
    INSERT INTO fundraising_tallycheckpoint AS checkpoint
        (round_id, donations, round_donors, appeal_donors, campaign_donors)
    SELECT tally.round_id, sum(tally.donations), sum(tally.round_donors), sum(tally.appeal_donors),
           sum(tally.campaign_donors)
    FROM fundraising_entry entry CROSS JOIN LATERAL (
        SELECT * FROM fundraising_tally WHERE entry_id = entry.id OFFSET 0) tally
    WHERE entry.xid >= %(since)s::xid8 AND entry.xid < %(until)s::xid8
    GROUP BY tally.round_id
    ON CONFLICT (round_id) DO UPDATE SET
        donations = checkpoint.donations + EXCLUDED.donations,
        round_donors = checkpoint.round_donors + EXCLUDED.round_donors,
        appeal_donors = checkpoint.appeal_donors + EXCLUDED.appeal_donors,
        campaign_donors = checkpoint.campaign_donors + EXCLUDED.campaign_donors
"""


@transaction.atomic
def rebuild() -> None:
    """Make every checkpoint anew from the postings, and mark all of them as written before any fold.

    Needed after a restore into another database cluster, whose transaction ids start anew: postings
    of the old cluster would look younger than those to come. Also the cure for a checkpoint that
    somebody changed by hand. Waits for writers and holds them up while it runs.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [FOLD_LOCK])
        cursor.execute("LOCK TABLE fundraising_entry, fundraising_posting, fundraising_tally IN EXCLUSIVE MODE")
        for table in ("entry", "posting", "tally"):
            cursor.execute(f"UPDATE fundraising_{table} SET xid = '3'::xid8 WHERE xid <> '3'::xid8")
        cursor.execute("DELETE FROM fundraising_checkpoint")
        cursor.execute("DELETE FROM fundraising_daycheckpoint")
        cursor.execute("DELETE FROM fundraising_tallycheckpoint")
        cursor.execute(_FOLD_POSTINGS, {"since": "0", "until": "4"})
        cursor.execute(_FOLD_TALLIES, {"since": "0", "until": "4"})
        cursor.execute("UPDATE fundraising_fold SET xid = '4'::xid8, folded_at = now()")
