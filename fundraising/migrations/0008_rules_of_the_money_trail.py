"""No step of the money promises more than there is; what was decided, signed or masked stays so."""

from django.db import migrations

RULES = """
-- What a fund can still promise in a currency, in minor units: all its accounts but memorandum ones (what came, less
-- costs, less what is with partners or lent), less what is allocated or committed, less what is charged and not settled.
-- Release of restriction is memorandum too.
CREATE FUNCTION fund_available(of_fund bigint, of_currency varchar) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT (-coalesce((
        SELECT sum(coalesce(checkpoint.balance_minor, 0) + coalesce((
            SELECT sum(posting.amount_minor) FROM fundraising_posting posting WHERE posting.account_id = account.id
             AND posting.xid BETWEEN (SELECT xid FROM fundraising_fold) AND '18446744073709551615'::xid8), 0))
        FROM fundraising_account account
        LEFT JOIN fundraising_checkpoint checkpoint ON checkpoint.account_id = account.id
        WHERE account.fund_id = of_fund AND account.currency = of_currency
          AND account.purpose NOT IN ('pending', 'announced', 'earmarked', 'released')), 0)
     - coalesce((
        SELECT sum(charge.minor) FROM (
            SELECT greatest(sum(posting.amount_minor), 0) AS minor
            FROM fundraising_donation donation
            JOIN fundraising_entry entry ON entry.donation_id = donation.id
            JOIN fundraising_posting posting ON posting.entry_id = entry.id
            JOIN fundraising_account account ON account.id = posting.account_id
            WHERE donation.fund_id = of_fund AND account.purpose = 'clearing' AND account.currency = of_currency
            GROUP BY donation.id) charge), 0))::bigint
$$;

-- Everything of a fund that is not nil, in minor units: by the account that holds it, `unsettled`, and `available`.
CREATE FUNCTION fund_left(of_fund bigint) RETURNS TABLE (what varchar, currency varchar, minor bigint)
LANGUAGE sql STABLE AS $$
    WITH own AS (
        SELECT account.purpose, account.currency, coalesce(checkpoint.balance_minor, 0) + coalesce((
            SELECT sum(posting.amount_minor) FROM fundraising_posting posting WHERE posting.account_id = account.id
             AND posting.xid BETWEEN (SELECT xid FROM fundraising_fold) AND '18446744073709551615'::xid8), 0) AS minor
        FROM fundraising_account account
        LEFT JOIN fundraising_checkpoint checkpoint ON checkpoint.account_id = account.id
        WHERE account.fund_id = of_fund)
    SELECT purpose, own.currency, sum(own.minor)::bigint FROM own
    WHERE purpose IN ('pending', 'withheld', 'allocated', 'committed', 'underway', 'held', 'lent', 'borrowed')
    GROUP BY 1, 2 HAVING sum(own.minor) <> 0
    UNION ALL
    SELECT 'unsettled', charge.currency, sum(charge.minor)::bigint FROM (
        SELECT account.currency, sum(posting.amount_minor) AS minor
        FROM fundraising_donation donation
        JOIN fundraising_entry entry ON entry.donation_id = donation.id
        JOIN fundraising_posting posting ON posting.entry_id = entry.id
        JOIN fundraising_account account ON account.id = posting.account_id
        WHERE donation.fund_id = of_fund AND account.purpose = 'clearing'
        GROUP BY donation.id, account.currency HAVING sum(posting.amount_minor) <> 0) charge
    GROUP BY 2
    UNION ALL
    SELECT 'available', found.currency, fund_available(of_fund, found.currency)
    FROM (SELECT DISTINCT own.currency FROM own) found WHERE fund_available(of_fund, found.currency) <> 0
$$;

-- Who books a step holds the locks of its funds, in the order of their ids, as the verbs do; so two steps are never
-- looked at side by side. Refunds and chargebacks take no such lock: what they leave short is a break.
CREATE FUNCTION refuse_overdrawn_step() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE parent fundraising_spendingstep; pays bigint; used numeric;
BEGIN
    IF NEW.state <> 'booked' THEN RETURN NULL; END IF;
    PERFORM FROM fundraising_fund WHERE id IN (NEW.fund_id, NEW.other_fund_id) ORDER BY id FOR NO KEY UPDATE;
    SELECT * INTO parent FROM fundraising_spendingstep WHERE id = NEW.rests_on_id;

    pays := CASE WHEN NEW.kind IN ('allocation', 'overhead', 'repayment', 'surplus') THEN NEW.fund_id
                 WHEN NEW.kind IN ('advance', 'deficit') THEN NEW.other_fund_id
                 WHEN NEW.kind = 'reversal' AND parent.kind IN ('advance', 'return', 'deficit') THEN NEW.fund_id
                 WHEN NEW.kind = 'reversal' AND parent.kind IN ('repayment', 'overhead', 'surplus')
                     THEN NEW.other_fund_id END;
    IF pays IS NOT NULL AND fund_available(pays, NEW.currency) < 0 THEN
        RAISE EXCEPTION 'fund % has less than this in %', pays, NEW.currency
                USING ERRCODE = 'check_violation', CONSTRAINT = 'step_within_its_funds';
    END IF;
    IF NEW.kind IN ('surplus', 'deficit') AND (
        fund_available(NEW.fund_id, NEW.currency) <> 0
        OR EXISTS (SELECT FROM fund_left(NEW.fund_id) WHERE what NOT IN ('available', 'pending'))) THEN
        RAISE EXCEPTION 'not all of fund % that is left, or not left yet', NEW.fund_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'step_within_its_funds';
    END IF;

    IF EXISTS (
        SELECT FROM fundraising_account account
        LEFT JOIN fundraising_checkpoint checkpoint ON checkpoint.account_id = account.id
        WHERE account.fund_id IN (NEW.fund_id, NEW.other_fund_id)
          AND account.purpose IN ('allocated', 'committed', 'underway', 'held', 'lent', 'borrowed')
          AND (CASE WHEN account.purpose = 'borrowed' THEN -1 ELSE 1 END) * (
              coalesce(checkpoint.balance_minor, 0) + coalesce((
                  SELECT sum(posting.amount_minor) FROM fundraising_posting posting
                  WHERE posting.account_id = account.id
                    AND posting.xid BETWEEN (SELECT xid FROM fundraising_fold) AND '18446744073709551615'::xid8), 0)) < 0
    ) THEN
        RAISE EXCEPTION 'a stage of fund % would hold less than nothing', NEW.fund_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'step_within_its_funds';
    END IF;

    IF NEW.rests_on_id IS NULL THEN RETURN NULL; END IF;
    IF NEW.accounted_on < parent.accounted_on THEN
        RAISE EXCEPTION 'step % is of a later day', parent.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'step_after_what_it_rests_on';
    END IF;
    IF NEW.kind = 'reversal' THEN
        IF EXISTS (SELECT FROM fundraising_spendingstep WHERE rests_on_id = parent.id AND state = 'booked'
                   AND kind <> 'reversal') THEN
            RAISE EXCEPTION 'others rest on step %', parent.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'step_within_its_funds';
        END IF;
        RETURN NULL;
    END IF;
    SELECT sum(amount_minor) INTO used FROM fundraising_spendingstep
    WHERE rests_on_id = parent.id AND state = 'booked' AND kind <> 'reversal';
    IF parent.state <> 'booked'
       OR used > (CASE parent.kind WHEN 'arrival' THEN parent.other_minor ELSE parent.amount_minor END)
       OR NEW.currency <> (CASE parent.kind WHEN 'arrival' THEN parent.other_currency ELSE parent.currency END) THEN
        RAISE EXCEPTION 'step % does not carry this one', parent.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'step_within_its_funds';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER step_within_its_funds AFTER INSERT OR UPDATE OF state ON fundraising_spendingstep
    FOR EACH ROW EXECUTE FUNCTION refuse_overdrawn_step();

-- A step that is written stays as it is; only what became of it is added. Whoever wrote one that waits can take it back.
CREATE FUNCTION refuse_changed_step() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE now_is jsonb; was jsonb;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        now_is := to_jsonb(NEW) - ARRAY['state', 'decided_by_id', 'decided_at', 'decision', 'entry_id'];
        was := to_jsonb(OLD) - ARRAY['state', 'decided_by_id', 'decided_at', 'decision', 'entry_id'];
        IF now_is = was AND ((OLD.state = 'waiting' AND NEW.state IN ('booked', 'rejected', 'withdrawn'))
            OR (OLD.state = 'booked' AND NEW.state = 'undone' AND OLD.entry_id = NEW.entry_id
                AND OLD.decided_by_id IS NOT DISTINCT FROM NEW.decided_by_id)) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'a step of the money is not changed: % refused', TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'Undo it by a step of its own.';
END $$;
CREATE TRIGGER step_append_only BEFORE UPDATE OR DELETE ON fundraising_spendingstep
    FOR EACH ROW EXECUTE FUNCTION refuse_changed_step();
CREATE TRIGGER step_no_truncate BEFORE TRUNCATE ON fundraising_spendingstep
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER budget_append_only BEFORE UPDATE OR DELETE ON fundraising_budgetamount
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER budget_no_truncate BEFORE TRUNCATE ON fundraising_budgetamount
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A higher share of administrative costs is stated by two people; a decided policy never changes.
CREATE FUNCTION guard_overhead_policy() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE standing integer;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a policy is never deleted';
    END IF;
    IF TG_OP = 'UPDATE' AND (OLD.state <> 'waiting' OR (OLD.id, OLD.appeal_id, OLD.basis_points, OLD.reason, OLD.by_id,
            OLD.written_at, OLD.needs_second) IS DISTINCT FROM (NEW.id, NEW.appeal_id, NEW.basis_points, NEW.reason,
            NEW.by_id, NEW.written_at, NEW.needs_second)) THEN
        RAISE EXCEPTION 'a policy is decided once and never changed';
    END IF;
    IF NEW.state = 'stated' AND NOT NEW.needs_second THEN
        SELECT basis_points INTO standing FROM fundraising_overheadpolicy
            WHERE appeal_id = NEW.appeal_id AND state = 'stated' AND id <> NEW.id
            ORDER BY stated_at DESC, id DESC LIMIT 1;
        IF NEW.basis_points > coalesce(standing, 0) THEN
            RAISE EXCEPTION 'a higher share is stated by two people';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER overhead_policy_guarded BEFORE INSERT OR UPDATE OR DELETE ON fundraising_overheadpolicy
    FOR EACH ROW EXECUTE FUNCTION guard_overhead_policy();
CREATE TRIGGER overhead_policy_no_truncate BEFORE TRUNCATE ON fundraising_overheadpolicy
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A masking stays; the key of a partner is only revoked; what was signed with it is published by somebody else.
CREATE TRIGGER masking_append_only BEFORE UPDATE OR DELETE ON fundraising_masking
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER masking_no_truncate BEFORE TRUNCATE ON fundraising_masking
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE FUNCTION refuse_changed_partner_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.revoked_at IS NOT NULL
       OR (to_jsonb(NEW) - '{revoked_at,revoked_by_id,revoked_why}'::text[])
          <> (to_jsonb(OLD) - '{revoked_at,revoked_by_id,revoked_why}'::text[]) THEN
        RAISE EXCEPTION 'the key of a partner is only revoked, once' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER partner_key_only_revoked BEFORE UPDATE OR DELETE ON fundraising_partnerkey
    FOR EACH ROW EXECUTE FUNCTION refuse_changed_partner_key();

CREATE FUNCTION refuse_changed_seal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE key fundraising_partnerkey;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a seal is ended, not deleted' USING ERRCODE = 'check_violation';
    END IF;
    SELECT * INTO key FROM fundraising_partnerkey WHERE id = NEW.key_id;
    IF key.appeal_id <> NEW.appeal_id THEN
        RAISE EXCEPTION 'the key was made for another appeal' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN RETURN NEW; END IF;
    IF (NEW.appeal_id, NEW.key_id, NEW.statement, NEW.code, NEW.by_id, NEW.uuid)
       IS DISTINCT FROM (OLD.appeal_id, OLD.key_id, OLD.statement, OLD.code, OLD.by_id, OLD.uuid)
       OR OLD.state = 'ended'
       OR (OLD.state = 'published' AND (NEW.state NOT IN ('published', 'ended') OR NEW.signature <> OLD.signature
           OR NEW.published_by_id IS DISTINCT FROM OLD.published_by_id)) THEN
        RAISE EXCEPTION 'what was signed is not changed' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state = 'published' AND OLD.state <> 'published'
       AND (key.by_id = NEW.published_by_id OR key.revoked_at IS NOT NULL) THEN
        RAISE EXCEPTION 'who added the key does not publish its seals' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER seal_as_signed BEFORE INSERT OR UPDATE OR DELETE ON fundraising_seal
    FOR EACH ROW EXECUTE FUNCTION refuse_changed_seal();
"""

UNDO = """
DROP TRIGGER seal_as_signed ON fundraising_seal;
DROP TRIGGER partner_key_only_revoked ON fundraising_partnerkey;
DROP TRIGGER masking_no_truncate ON fundraising_masking;
DROP TRIGGER masking_append_only ON fundraising_masking;
DROP TRIGGER overhead_policy_no_truncate ON fundraising_overheadpolicy;
DROP TRIGGER overhead_policy_guarded ON fundraising_overheadpolicy;
DROP TRIGGER budget_no_truncate ON fundraising_budgetamount;
DROP TRIGGER budget_append_only ON fundraising_budgetamount;
DROP TRIGGER step_no_truncate ON fundraising_spendingstep;
DROP TRIGGER step_append_only ON fundraising_spendingstep;
DROP TRIGGER step_within_its_funds ON fundraising_spendingstep;
DROP FUNCTION refuse_changed_seal, refuse_changed_partner_key, guard_overhead_policy, refuse_changed_step,
    refuse_overdrawn_step, fund_left, fund_available;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("fundraising", "0007_rules_of_the_ledger"),
    ]

    operations = [migrations.RunSQL(RULES, UNDO)]
