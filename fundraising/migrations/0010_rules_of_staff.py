"""What staff did and wrote stays; attempts are counted cheaply."""

from django.db import migrations

RULES = """
-- What staff did, and what was said of a break.
CREATE TRIGGER action_append_only BEFORE UPDATE OR DELETE ON fundraising_staffaction
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER action_no_truncate BEFORE TRUNCATE ON fundraising_staffaction
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER break_note_append_only BEFORE UPDATE OR DELETE ON fundraising_breaknote
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER break_note_no_truncate BEFORE TRUNCATE ON fundraising_breaknote
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Notes beside a donation stay for good: only erasing the donor empties them.
CREATE FUNCTION refuse_changed_note() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE emptied record;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.text = '' THEN
        emptied := OLD;
        emptied.text := '';
        IF emptied IS NOT DISTINCT FROM NEW THEN RETURN NEW; END IF;
    END IF;
    RAISE EXCEPTION 'notes are append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER donation_note_append_only BEFORE UPDATE OR DELETE ON fundraising_donationnote
    FOR EACH ROW EXECUTE FUNCTION refuse_changed_note();
CREATE TRIGGER donation_note_no_truncate BEFORE TRUNCATE ON fundraising_donationnote
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Losing the counts in a crash does no harm; writing them to the log would cost each visitor.
ALTER TABLE fundraising_attempts SET UNLOGGED;
"""

UNDO = """
DROP TRIGGER donation_note_no_truncate ON fundraising_donationnote;
DROP TRIGGER donation_note_append_only ON fundraising_donationnote;
DROP TRIGGER break_note_no_truncate ON fundraising_breaknote;
DROP TRIGGER break_note_append_only ON fundraising_breaknote;
DROP TRIGGER action_no_truncate ON fundraising_staffaction;
DROP TRIGGER action_append_only ON fundraising_staffaction;
DROP FUNCTION refuse_changed_note;
ALTER TABLE fundraising_attempts SET LOGGED;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("fundraising", "0009_rules_of_appeals"),
    ]

    operations = [migrations.RunSQL(RULES, UNDO)]
