"""The rules of the ledger, kept by the database whoever writes to it."""

from django.db import migrations

RULES = """
-- For tables whose rows are never changed or deleted; other migrations use it as well.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'Correct by a reversal or a new row.';
END $$;

-- The one change allowed: a row may be marked as older than any database transaction of this cluster
-- (xid 3), which a rebuild of the checkpoints does after a restore.
CREATE FUNCTION refuse_change_but_xid() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE frozen record;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.xid = '3'::xid8 THEN
        frozen := OLD;
        frozen.xid := NEW.xid;
        IF frozen IS NOT DISTINCT FROM NEW THEN RETURN NEW; END IF;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'Correct by a reversal.';
END $$;

CREATE TRIGGER entry_append_only BEFORE UPDATE OR DELETE ON fundraising_entry
    FOR EACH ROW EXECUTE FUNCTION refuse_change_but_xid();
CREATE TRIGGER entry_no_truncate BEFORE TRUNCATE ON fundraising_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER posting_append_only BEFORE UPDATE OR DELETE ON fundraising_posting
    FOR EACH ROW EXECUTE FUNCTION refuse_change_but_xid();
CREATE TRIGGER posting_no_truncate BEFORE TRUNCATE ON fundraising_posting
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER tally_append_only BEFORE UPDATE OR DELETE ON fundraising_tally
    FOR EACH ROW EXECUTE FUNCTION refuse_change_but_xid();
CREATE TRIGGER tally_no_truncate BEFORE TRUNCATE ON fundraising_tally
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER rate_append_only BEFORE UPDATE OR DELETE ON fundraising_exchangerate
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER rate_no_truncate BEFORE TRUNCATE ON fundraising_exchangerate
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Every entry balances, per currency, when its database transaction commits.
CREATE FUNCTION refuse_unbalanced_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM fundraising_posting WHERE entry_id = NEW.id) < 2 THEN
        RAISE EXCEPTION 'entry % has fewer than two postings', NEW.key USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT FROM fundraising_posting WHERE entry_id = NEW.id
               GROUP BY currency HAVING sum(amount_minor) <> 0) THEN
        RAISE EXCEPTION 'entry % does not balance', NEW.key USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER entry_balanced AFTER INSERT ON fundraising_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unbalanced_entry();

-- Lines join their entry in the database transaction that writes it, never later, so that checking
-- the entry once is enough; and they carry its transaction id and its legal entity.
CREATE FUNCTION refuse_late_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM added JOIN fundraising_entry entry ON entry.id = added.entry_id
               WHERE entry.xid <> pg_current_xact_id() OR added.xid <> entry.xid) THEN
        RAISE EXCEPTION 'an entry takes no lines after it was booked' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER posting_in_time AFTER INSERT ON fundraising_posting
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_late_line();
CREATE TRIGGER tally_in_time AFTER INSERT ON fundraising_tally
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_late_line();

CREATE FUNCTION refuse_foreign_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM added JOIN fundraising_entry entry ON entry.id = added.entry_id
               JOIN fundraising_account account ON account.id = added.account_id
               WHERE account.entity_id <> entry.entity_id) THEN
        RAISE EXCEPTION 'a line on an account of another legal entity' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER posting_of_entity AFTER INSERT ON fundraising_posting
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_foreign_line();

-- A line is in its account's own currency.
ALTER TABLE fundraising_posting ADD CONSTRAINT posting_account_currency
    FOREIGN KEY (account_id, currency) REFERENCES fundraising_account (id, currency);

-- Every entry counts on an open day. Writers of entries hold the lock of their legal entity together; whoever closes
-- its books (fundraising/books/periods.py) takes it alone. So an entry sees every close that was made before it, and a
-- close every entry.
CREATE FUNCTION count_on_open_day() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE soft date; hard date;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(711206, NEW.entity_id::int);
    SELECT soft_until, hard_until INTO soft, hard FROM fundraising_close
        WHERE entity_id = NEW.entity_id ORDER BY id DESC LIMIT 1;
    IF NEW.accounted_on IS NULL THEN
        NEW.accounted_on := greatest((NEW.occurred_at AT TIME ZONE 'UTC')::date, soft + 1);
    ELSIF NEW.accounted_on <= hard THEN
        RAISE EXCEPTION 'the books are closed until %', hard
            USING ERRCODE = 'restrict_violation', HINT = 'Book it on an open day.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER entry_on_open_day BEFORE INSERT ON fundraising_entry
    FOR EACH ROW EXECUTE FUNCTION count_on_open_day();
CREATE TRIGGER close_append_only BEFORE UPDATE OR DELETE ON fundraising_close
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER close_no_truncate BEFORE TRUNCATE ON fundraising_close
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Where ledger.fold begins: behind the oldest database transaction there is (xid 3).
CREATE INDEX entry_xid ON fundraising_entry (xid);
INSERT INTO fundraising_fold (id, xid, folded_at) VALUES (1, '3'::xid8, now());
"""

UNDO = """
DROP TRIGGER close_no_truncate ON fundraising_close;
DROP TRIGGER close_append_only ON fundraising_close;
DROP TRIGGER entry_on_open_day ON fundraising_entry;
DROP TRIGGER posting_of_entity ON fundraising_posting;
DROP TRIGGER tally_in_time ON fundraising_tally;
DROP TRIGGER posting_in_time ON fundraising_posting;
DROP TRIGGER entry_balanced ON fundraising_entry;
DROP TRIGGER rate_no_truncate ON fundraising_exchangerate;
DROP TRIGGER rate_append_only ON fundraising_exchangerate;
DROP TRIGGER tally_no_truncate ON fundraising_tally;
DROP TRIGGER tally_append_only ON fundraising_tally;
DROP TRIGGER posting_no_truncate ON fundraising_posting;
DROP TRIGGER posting_append_only ON fundraising_posting;
DROP TRIGGER entry_no_truncate ON fundraising_entry;
DROP TRIGGER entry_append_only ON fundraising_entry;
DROP FUNCTION count_on_open_day, refuse_foreign_line, refuse_late_line, refuse_unbalanced_entry,
    refuse_change_but_xid, refuse_change;
ALTER TABLE fundraising_posting DROP CONSTRAINT posting_account_currency;
DROP INDEX entry_xid;
DELETE FROM fundraising_fold;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("fundraising", "0006_staff"),
    ]

    operations = [migrations.RunSQL(RULES, UNDO)]
