"""What reconciliation compares, each time all of it: one statement per question, and only differences come back.

An account's lines at Stripe against the entries they were booked by, those entries against the lines, payouts against
the sum of their lines and against the bank. Amounts in minor units, positive where the books have too much.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import connection
from django.utils import timezone

from fundraising.breaks import Finding
from fundraising.models import BankLine, Cause
from fundraising.money import EXPONENTS, Money

from ..bank.matching import carries_trace
from ..mandates.subscriptions import second_ones
from ..models import StripeAccount
from ..payouts import RETURNED
from ..sweeps.settlement import CHARGES, FAILED_REFUNDS, REFUNDS, RETURNED_DEBITS

# Sweeps fetch within minutes what a line shows to be missing.
BOOKED_WITHIN: Final = timedelta(hours=1)
# A charge's line may come after the charge.
LINE_WITHIN: Final = timedelta(days=1)
# Stripe lists the lines of an automatic payout once it has arrived.
ITEMISED_WITHIN: Final = timedelta(days=7)
# Paid out in whole units: the lines may sum to a fraction of one more or less.
WHOLE_UNITS: Final = ["HUF", "TWD"]
WEEKEND: Final = 5  # Saturday, as `date.weekday` counts
# Two bank lines of one payout are this close; two payouts of one amount may be further apart.
DOUBLED_WITHIN: Final = timedelta(days=14)
FACTS: Final = [*CHARGES, *REFUNDS, *FAILED_REFUNDS, *RETURNED_DEBITS]


@dataclass(frozen=True)
class Row:
    """A row of a statement by the names of its columns."""

    values: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        return self.values[name]


def findings(account: StripeAccount) -> Iterator[Finding]:
    """All that can be found without asking Stripe."""
    yield from lines_and_entries(account)
    yield from unknown_to_stripe(account)
    yield from in_suspense(account)
    yield from payouts_and_lines(account)
    yield from payouts_and_bank(account)
    yield from doubled_in_bank(account)
    yield from second_ones(account)


def lines_and_entries(account: StripeAccount) -> Iterator[Finding]:
    """Each line of Stripe's against the entries of its charge and of its settlement."""
    for row in _rows(_LINES, account):
        found = _difference(row)
        if found is None:
            continue
        cause, off = found
        currency = row.charged_in if row.is_charge and row.unsettled else row.currency
        yield Finding(
            cause,
            subject=row.source if row.is_charge else row.txn_id,
            amount=Money(off, currency),
            occurred_on=row.created_at.date(),
            facts={
                "line": row.txn_id,
                "currency": row.currency,
                "type": row.type,
                "payout": row.payout_id,
                "at_provider": {"amount": row.amount, "fee": row.fee, "net": row.net},
                "in_books": {"charge": row.charged, "fee": row.booked_fee, "net": row.booked_net},
            },
            donation_id=row.donation_id,
        )


def _difference(row: Row) -> tuple[Cause, int] | None:
    """What is wrong with a line, the gravest first, and by how much the books are off."""
    now = timezone.now()
    if row.is_charge and row.charged is None:
        return (Cause.CHARGE_MISSING, -row.amount) if row.created_at < now - BOOKED_WITHIN else None
    if row.booked_net is None:
        return (Cause.AMOUNT_DIFFERS, -row.net) if row.created_at < now - BOOKED_WITHIN else None
    if row.is_charge and (row.unsettled or row.off):
        return Cause.AMOUNT_DIFFERS, row.unsettled or row.off
    if row.is_fact and row.booked_net + row.booked_fee != row.amount:
        return Cause.AMOUNT_DIFFERS, row.booked_net + row.booked_fee - row.amount
    if row.is_fact and row.booked_fee != row.fee:
        return Cause.FEE_DIFFERS, row.fee - row.booked_fee
    return Cause.AMOUNT_DIFFERS, row.booked_net - row.net


# Those lines whose entries are missing or say something else. `unsettled`: what the settlement left of the charge in
# clearing, or took too much. `off`: how far the charge that is booked is from the line; where Stripe exchanged, by its
# rate, be that one of major or of minor units: Stripe does not say which where a currency has no cents.
_LINES = """
    WITH mends AS (
        SELECT mend.id AS mend, mended.id AS entry FROM fundraising_entry mend
        JOIN fundraising_entry mended ON mended.key = regexp_replace(mend.key, '^mended:[0-9]:', '')
        WHERE mend.entity_id = %(entity)s AND mend.key LIKE 'mended:%%'
    ), booked AS (
        SELECT coalesce(mends.entry, posting.entry_id) AS entry_id,
               coalesce(sum(amount_minor) FILTER (WHERE purpose = 'provider'), 0)::bigint AS net,
               coalesce(sum(amount_minor) FILTER (WHERE purpose IN ('fees', 'fee_tax')), 0)::bigint AS fee,
               sum(amount_minor) FILTER (WHERE purpose = 'clearing')::bigint AS clearing,
               max(posting.currency) FILTER (WHERE purpose = 'clearing') AS currency
        FROM fundraising_posting posting JOIN fundraising_account account ON account.id = posting.account_id
        LEFT JOIN mends ON mends.mend = posting.entry_id  -- what mending adds is read with its entry
        WHERE account.entity_id = %(entity)s AND purpose IN ('provider', 'fees', 'fee_tax', 'clearing')
        GROUP BY 1
    ), compared AS (
        SELECT line.txn_id, line.type, line.source, line.payout_id, line.currency, line.created_at,
               line.amount_minor AS amount, line.fee_minor AS fee, line.net_minor AS net,
               line.type = ANY(%(charges)s) AS is_charge,
               line.type = ANY(%(facts)s) OR line.reporting_category IN ('dispute', 'dispute_reversal') AS is_fact,
               CASE WHEN settled.id IS NOT NULL THEN coalesce(settlement.net, 0) END AS booked_net,
               CASE WHEN settled.id IS NOT NULL THEN coalesce(settlement.fee, 0) END AS booked_fee,
               received.clearing AS charged, coalesce(charge.donation_id, settled.donation_id) AS donation_id,
               received.currency AS charged_in,
               coalesce(received.clearing + settlement.clearing, 0) AS unsettled,
               CASE WHEN received.currency = line.currency THEN received.clearing - line.amount_minor
                    WHEN line.exchange_rate IS NULL
                         OR least(abs(received.clearing * line.exchange_rate - line.amount_minor),
                                  abs(received.clearing * line.exchange_rate * unit.ratio - line.amount_minor))
                            <= 1 + line.amount_minor / 100000
                    THEN 0
                    ELSE round(received.clearing * line.exchange_rate * unit.ratio - line.amount_minor)
                    END::bigint AS off
        FROM payments_balancetransaction line
        LEFT JOIN fundraising_entry settled ON settled.key = 'txn:' || line.txn_id
        LEFT JOIN booked settlement ON settlement.entry_id = settled.id
        LEFT JOIN fundraising_entry charge
               ON line.type = ANY(%(charges)s) AND charge.key = 'charge:' || line.source
        LEFT JOIN booked received ON received.entry_id = charge.id
        LEFT JOIN LATERAL (SELECT 10::numeric ^ ((%(exponents)s::jsonb ->> line.currency)::int
                                                 - (%(exponents)s::jsonb ->> received.currency)::int) AS ratio) unit
               ON received.currency <> line.currency
        WHERE line.account_id = %(account)s
    )
    SELECT * FROM compared
    WHERE (booked_net IS NULL AND (net <> 0 OR fee <> 0)) OR booked_net <> net OR (is_fact AND booked_fee <> fee)
       OR (is_charge AND (charged IS NULL OR unsettled <> 0 OR off <> 0))
    ORDER BY created_at, txn_id
"""


def unknown_to_stripe(account: StripeAccount) -> Iterator[Finding]:
    """What the books say came through Stripe, and no line of Stripe's is about."""
    for row in _rows(_UNKNOWN, account, line_before=timezone.now() - LINE_WITHIN):
        yield Finding(
            Cause.UNKNOWN_TO_PROVIDER,
            subject=row.key.split(":", 1)[1],
            amount=Money(row.amount, row.currency),
            occurred_on=row.occurred_at.date(),
            facts={"entry": row.key, "in_books": row.amount},
            donation_id=row.donation_id,
        )


# First the keys that no line answers for, as sets: of a million few are left to be looked up.
_UNKNOWN = """
    WITH unknown AS MATERIALIZED (
        (SELECT key FROM fundraising_entry
         WHERE entity_id = %(entity)s AND reverses_id IS NULL AND key LIKE 'txn:%%'
         EXCEPT SELECT 'txn:' || txn_id FROM payments_balancetransaction WHERE account_id = %(account)s)
        UNION ALL
        (SELECT key FROM fundraising_entry
         WHERE entity_id = %(entity)s AND reverses_id IS NULL AND key LIKE 'charge:%%' AND key NOT LIKE '%%:failed'
           AND occurred_at < %(line_before)s
         EXCEPT SELECT 'charge:' || source FROM payments_balancetransaction
                WHERE account_id = %(account)s AND type = ANY(%(charges)s))
    )
    SELECT entry.key, posting.amount_minor AS amount, posting.currency, entry.occurred_at, entry.donation_id
    FROM unknown
    CROSS JOIN LATERAL (SELECT * FROM fundraising_entry WHERE key = unknown.key OFFSET 0) entry
    JOIN fundraising_posting posting ON posting.entry_id = entry.id
    JOIN fundraising_account account ON account.id = posting.account_id AND account.provider = %(provider)s
     AND account.purpose = CASE WHEN entry.key LIKE 'txn:%%' THEN 'provider' ELSE 'clearing' END
    WHERE NOT EXISTS (SELECT FROM fundraising_entry reversal WHERE reversal.reverses_id = entry.id)
    ORDER BY entry.occurred_at, entry.key
"""


def in_suspense(account: StripeAccount) -> Iterator[Finding]:
    """Charges of nobody's donation, second charges of one, and lines of a kind that nobody knows.

    A charge given back in full, or drawn by its bank, is over. Whose refund it is Stripe's lines do not say; where we
    did not ask for it ourselves, one of the same amount is taken for it.
    """
    rows = [row for row in _rows(_SUSPENSE, account) if row.reversed_by is None and row.reverses is None]
    back: dict[str, list[int]] = {}
    for row in rows:
        if row.is_return:
            back.setdefault(row.charge_id or f"{row.amount} {row.currency}", []).append(row.amount)
    for row in rows:
        kind, subject = row.key.split(":", 1)
        if row.is_return or kind not in {"charge", "txn"}:
            continue
        minor, cause = -row.amount, Cause.SUSPENSE
        if kind == "charge":
            minor -= sum(back.pop(subject, [])) or _one_of(back, f"{minor} {row.currency}")
            cause = Cause.CHARGE_DOUBLED if row.paid_for else Cause.CHARGE_FOREIGN
        if minor:
            yield Finding(
                cause,
                subject=row.key if kind == "txn" else subject,
                amount=Money(minor, row.currency),
                occurred_on=row.occurred_at.date(),
                facts={"entry": row.key, "in_suspense": minor},
                donation_id=row.paid_for,
            )


def _one_of(back: dict[str, list[int]], key: str) -> int:
    same = back.get(key)
    return same.pop() if same else 0


_SUSPENSE = """
    SELECT entry.key, entry.occurred_at, entry.reverses_id AS reverses, reversal.id AS reversed_by,
           posting.amount_minor AS amount, posting.currency,
           posting.amount_minor > 0 AND entry.key ~ '^(refund:|dispute:|charge:.*:failed$)' AS is_return,
           coalesce(request.charge_id, dispute.charge_id, substring(entry.key FROM '^charge:(.*):failed$'))
               AS charge_id, payment.donation_id AS paid_for
    FROM fundraising_posting posting
    JOIN fundraising_account account ON account.id = posting.account_id
    JOIN fundraising_entry entry ON entry.id = posting.entry_id
    LEFT JOIN fundraising_entry reversal ON reversal.reverses_id = entry.id
    LEFT JOIN payments_payment payment ON entry.key = 'charge:' || payment.charge_id
    LEFT JOIN payments_refundrequest request ON entry.key = 'refund:' || request.refund_id
    LEFT JOIN payments_dispute dispute ON entry.key = 'dispute:' || dispute.dispute_id
    WHERE account.entity_id = %(entity)s AND account.purpose = 'suspense' AND account.provider = ''
    ORDER BY entry.id
"""


def payouts_and_lines(account: StripeAccount) -> Iterator[Finding]:
    """Each itemised payout against the sum of its lines."""
    itemised_before = (timezone.now() - ITEMISED_WITHIN).date()
    for row in _rows(_PAYOUTS, account, whole=WHOLE_UNITS, itemised_before=itemised_before, returned=[*RETURNED]):
        yield Finding(
            Cause.PAYOUT_LINE_MISSING,
            subject=row.payout_id,
            amount=Money(row.sum - row.amount, row.currency),
            occurred_on=row.created_at.date(),
            facts={"at_provider": row.amount, "sum_of_lines": row.sum, "lines": row.count},
        )


_PAYOUTS = """
    WITH itemised AS (
        SELECT payout_id, sum(net_minor)::bigint AS sum, count(*) AS count FROM payments_balancetransaction
        WHERE account_id = %(account)s AND payout_id <> '' AND NOT (type = 'payout' AND source = payout_id)
        GROUP BY payout_id
    )
    SELECT payout.payout_id, payout.currency, payout.created_at, payout.amount_minor AS amount,
           coalesce(itemised.sum, 0) AS sum, coalesce(itemised.count, 0) AS count
    FROM payments_payout payout LEFT JOIN itemised ON itemised.payout_id = payout.payout_id
    WHERE payout.account_id = %(account)s AND payout.automatic
      AND (payout.itemised_at IS NOT NULL
           OR payout.arrival_on < %(itemised_before)s AND payout.status <> ALL(%(returned)s))
      AND abs(coalesce(itemised.sum, 0) - payout.amount_minor)
          >= CASE WHEN payout.currency = ANY(%(whole)s) THEN 100 ELSE 1 END
    ORDER BY payout.created_at
"""


def payouts_and_bank(account: StripeAccount) -> Iterator[Finding]:
    """Each payout against the bank lines that were matched with it, where the bank account is one of ours."""
    late = working_days_before(timezone.now().date(), settings.PAYOUT_IN_BANK_WITHIN)
    for row in _rows(_BANK, account, late=late, returned=[*RETURNED]):
        back = row.status in RETURNED
        expected = 0 if back else row.amount
        facts = {"status": row.status, "at_provider": expected, "in_bank": row.matched, "bank_lines": row.lines}
        if back:
            cause = Cause.AMOUNT_DIFFERS
        elif abs(row.matched) > abs(expected):
            cause = Cause.BANK_LINE_DOUBLED
        else:
            cause = Cause.PAYOUT_NOT_IN_BANK
        yield Finding(
            cause,
            subject=f"payout:{row.payout_id}" if cause == Cause.BANK_LINE_DOUBLED else row.payout_id,
            amount=Money(row.matched - expected, row.currency),
            occurred_on=row.arrival_on,
            facts=facts,
        )


_BANK = """
    WITH matched AS (
        SELECT match.key, sum(match.amount_minor)::bigint AS sum, count(*) AS lines FROM fundraising_match match
        JOIN fundraising_bankline line ON line.id = match.line_id
        JOIN fundraising_bankaccount bank ON bank.id = line.bank_account_id
        WHERE bank.entity_id = %(entity)s AND match.kind = 'payout' AND match.undone_at IS NULL GROUP BY match.key
    )
    SELECT payout.payout_id, payout.currency, payout.status, payout.arrival_on, payout.amount_minor AS amount,
           coalesce(matched.sum, 0) AS matched, coalesce(matched.lines, 0) AS lines
    FROM payments_payout payout LEFT JOIN matched ON matched.key = payout.payout_id
    WHERE payout.account_id = %(account)s AND payout.arrival_on <= %(late)s
      AND coalesce(matched.sum, 0) <> CASE WHEN payout.status = ANY(%(returned)s) THEN 0 ELSE payout.amount_minor END
      AND EXISTS (SELECT FROM fundraising_bankaccount bank
                  WHERE bank.entity_id = %(entity)s AND bank.currency = payout.currency)
    ORDER BY payout.arrival_on
"""


def working_days_before(day: date, count: int) -> date:
    """The day that lies so many working days back. Holidays differ from bank to bank, so none are known."""
    while count > 0:
        day -= timedelta(days=1)
        count -= day.weekday() < WEEKEND
    return day


def doubled_in_bank(account: StripeAccount) -> Iterator[Finding]:
    """Bank lines that nothing explains and that repeat the one which a payout is matched with.

    While another payout of that amount is still to come, the line may be that one's, unless it carries the trace id of
    this one.
    """
    for row in list(_rows(_DOUBLED, account, within=DOUBLED_WITHIN, returned=[*RETURNED])):
        if row.another_awaited and not carries_trace(BankLine.objects.get(pk=row.line), row.trace_id):
            continue
        yield Finding(
            Cause.BANK_LINE_DOUBLED,
            subject=f"payout:{row.payout_id}:{row.line}",
            amount=Money(row.amount, row.currency),
            occurred_on=row.booked_on,
            facts={"payout": row.payout_id, "bank_line": row.line, "first": row.first, "in_bank": row.amount},
        )


# Of the same words, or with the same reference of the bank.
_DOUBLED = """
    SELECT DISTINCT ON (line.id) match.key AS payout_id, line.id AS line, first.id AS first, line.booked_on,
           line.amount_minor AS amount, bank.currency, payout.trace_id,
           EXISTS (SELECT FROM payments_payout other
                   WHERE other.account_id = %(account)s AND other.amount_minor = line.amount_minor
                     AND other.currency = bank.currency AND other.status <> ALL(%(returned)s)
                     AND other.arrival_on BETWEEN line.booked_on - %(within)s::interval
                                              AND line.booked_on + %(within)s::interval
                     AND NOT EXISTS (SELECT FROM fundraising_match theirs
                                     WHERE theirs.kind = 'payout' AND theirs.key = other.payout_id
                                       AND theirs.undone_at IS NULL)) AS another_awaited
    FROM fundraising_match match
    JOIN payments_payout payout ON payout.payout_id = match.key AND payout.account_id = %(account)s
    JOIN fundraising_bankline first ON first.id = match.line_id
    JOIN fundraising_bankaccount bank ON bank.id = first.bank_account_id AND bank.entity_id = %(entity)s
    JOIN fundraising_bankline line ON line.bank_account_id = first.bank_account_id AND line.id <> first.id
         AND line.amount_minor = first.amount_minor AND line.unexplained_minor = line.amount_minor
         AND line.withdrawn_at IS NULL AND line.entry_id IS NOT NULL
         AND line.booked_on BETWEEN first.booked_on - %(within)s::interval AND first.booked_on + %(within)s::interval
         AND (line.content = first.content
              OR (line.bank_reference <> '' AND line.bank_reference = first.bank_reference)
              OR (cardinality(line.words) > 0 AND line.words @> first.words AND first.words @> line.words))
    WHERE match.kind = 'payout' AND match.undone_at IS NULL
    ORDER BY line.id, match.id
"""


def _rows(statement: str, account: StripeAccount, **more: Any) -> Iterator[Row]:
    """The rows of a statement about an account, as they come from the database: there may be many."""
    parameters = {
        "account": account.pk,
        "entity": account.entity_id,
        "provider": account.slug,
        "charges": list(CHARGES),
        "facts": FACTS,
        "exponents": json.dumps(EXPONENTS),
        **more,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        names = [column.name for column in cursor.description or ()]
        while batch := cursor.fetchmany(1_000):
            for values in batch:
                yield Row(dict(zip(names, values, strict=True)))
