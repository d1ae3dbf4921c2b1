"""Two rules that 0002 left open: a line stays within its legal entity, and no promise is emptied away."""

from django.db import migrations

RULES = """
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

CREATE TRIGGER wording_no_truncate BEFORE TRUNCATE ON fundraising_appealwording
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER goal_no_truncate BEFORE TRUNCATE ON fundraising_goal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER rate_no_truncate BEFORE TRUNCATE ON fundraising_exchangerate
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

UNDO = """
DROP TRIGGER posting_of_entity ON fundraising_posting;
DROP TRIGGER wording_no_truncate ON fundraising_appealwording;
DROP TRIGGER goal_no_truncate ON fundraising_goal;
DROP TRIGGER rate_no_truncate ON fundraising_exchangerate;
DROP FUNCTION refuse_foreign_line;
"""


class Migration(migrations.Migration):
    dependencies = [("fundraising", "0003_round_texts_named_donors")]

    operations = [migrations.RunSQL(RULES, UNDO)]
