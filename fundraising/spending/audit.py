"""What must hold of the money trail, each worked out in two ways; read by fundraising/audit.py."""

from __future__ import annotations

from typing import Final

# What each kind of step does to each stage of its category, in its own currency; an arrival's other side is `came`.
_EFFECTS: Final = """
    effect (kind, purpose, sign) AS (VALUES
        ('allocation', 'allocated', 1), ('deallocation', 'allocated', -1),
        ('commitment', 'allocated', -1), ('commitment', 'committed', 1),
        ('release', 'allocated', 1), ('release', 'committed', -1), ('disbursement', 'committed', -1),
        ('disbursement', 'underway', 1), ('arrival', 'underway', -1), ('spend_report', 'held', -1),
        ('spend_report', 'spent', 1), ('return', 'held', -1)
    ), told AS (
        SELECT step.fund_id, effect.purpose, line.category, step.currency, sum(effect.sign * step.amount_minor) AS minor
        FROM fundraising_spendingstep step JOIN effect ON effect.kind = step.kind
        JOIN fundraising_budgetline line ON line.id = step.line_id
        WHERE step.state = 'booked' GROUP BY 1, 2, 3, 4
        UNION ALL
        SELECT step.fund_id, 'held', line.category, step.other_currency, sum(step.other_minor)
        FROM fundraising_spendingstep step JOIN fundraising_budgetline line ON line.id = step.line_id
        WHERE step.state = 'booked' AND step.kind = 'arrival' GROUP BY 1, 3, 4
    )
"""
# Each statement lists what is wrong, by the name under which staff will look for it.
NONE_OF: Final = {
    "stages of the money that are not what their steps come to": f"""
        WITH {_EFFECTS}, steps AS (
            SELECT fund_id, purpose, category, currency, sum(minor) AS minor FROM told GROUP BY 1, 2, 3, 4
        ), books AS (
            SELECT account.fund_id, account.purpose, account.provider AS category, account.currency,
                   sum(posting.amount_minor) AS minor
            FROM fundraising_account account JOIN fundraising_posting posting ON posting.account_id = account.id
            WHERE account.purpose IN ('allocated', 'committed', 'underway', 'held', 'spent') GROUP BY 1, 2, 3, 4
        )
        SELECT coalesce(steps.fund_id, books.fund_id) || ' ' || coalesce(steps.purpose, books.purpose) || ' '
               || coalesce(steps.category, books.category)
        FROM steps FULL JOIN books USING (fund_id, purpose, category, currency)
        WHERE coalesce(steps.minor, 0) <> coalesce(books.minor, 0)
    """,
    "stages of the money that hold less than nothing": """
        SELECT account.id FROM fundraising_account account
        JOIN fundraising_posting posting ON posting.account_id = account.id
        WHERE account.purpose IN ('allocated', 'committed', 'underway', 'held', 'lent', 'borrowed')
        GROUP BY account.id
        HAVING sum(posting.amount_minor) * CASE account.purpose WHEN 'borrowed' THEN -1 ELSE 1 END < 0
    """,
    "funds whose promises have no counterpart": """
        SELECT account.fund_id FROM fundraising_account account
        JOIN fundraising_posting posting ON posting.account_id = account.id
        WHERE account.purpose IN ('allocated', 'committed', 'earmarked')
        GROUP BY account.fund_id, account.currency HAVING sum(posting.amount_minor) <> 0
    """,
    "restricted money that was spent and not released, or released and not spent": """
        SELECT account.fund_id FROM fundraising_account account
        JOIN fundraising_posting posting ON posting.account_id = account.id
        JOIN fundraising_fund fund ON fund.id = account.fund_id AND fund.restricted
        WHERE account.purpose IN ('spent', 'released')
        GROUP BY account.fund_id, account.currency
        HAVING sum(posting.amount_minor * CASE account.purpose WHEN 'released' THEN -1 ELSE 1 END) <> 0
    """,
    "what funds lent and borrowed that does not cancel out": """
        SELECT account.entity_id FROM fundraising_account account
        JOIN fundraising_posting posting ON posting.account_id = account.id
        WHERE account.purpose IN ('lent', 'borrowed', 'overhead', 'surplus', 'released')
        GROUP BY account.entity_id, account.currency,
                 CASE WHEN account.purpose IN ('lent', 'borrowed') THEN 'lent' ELSE account.purpose END
        HAVING sum(posting.amount_minor) <> 0
    """,
    "steps of the money without their own entry, or entries without their step": """
        SELECT coalesce(step.uuid::text, entry.key) FROM fundraising_spendingstep step
        FULL JOIN (SELECT id, key FROM fundraising_entry WHERE key LIKE 'step:%%') entry ON entry.id = step.entry_id
        WHERE step.id IS NULL
           OR (step.state IN ('booked', 'undone') AND entry.key IS DISTINCT FROM 'step:' || step.uuid)
    """,
    "steps of the money that are undone without a reversal, or reversed and not undone": """
        SELECT step.uuid FROM fundraising_spendingstep step
        LEFT JOIN fundraising_entry reversal ON reversal.reverses_id = step.entry_id
        WHERE step.state IN ('booked', 'undone') AND (step.state = 'undone') <> (reversal.id IS NOT NULL)
    """,
    "steps of the money that more rests on than they carry": """
        SELECT parent.uuid FROM fundraising_spendingstep parent
        JOIN fundraising_spendingstep step ON step.rests_on_id = parent.id
        WHERE step.state = 'booked' AND step.kind <> 'reversal'
        GROUP BY parent.id
        HAVING parent.state <> 'booked' OR sum(step.amount_minor)
            > CASE parent.kind WHEN 'arrival' THEN parent.other_minor ELSE parent.amount_minor END
    """,
}
