"""Issued fund reports never change, but for being masked in the database transaction that sealed what was there."""

from django.db import migrations

RULES = """
-- The database transaction that sealed an edition: in it alone the report may change.
ALTER TABLE receipts_sealededition ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE FUNCTION report_is_being_masked(report bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM receipts_sealededition WHERE report_id = report AND xid = pg_current_xact_id())
$$;
CREATE FUNCTION refuse_sealed_edition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.xid <> pg_current_xact_id() OR NOT EXISTS (
        SELECT FROM receipts_fundreport WHERE id = NEW.report_id AND edition = NEW.edition AND state = 'issued') THEN
        RAISE EXCEPTION 'only the edition that is issued is sealed' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER sealed_edition_current BEFORE INSERT ON receipts_sealededition
    FOR EACH ROW EXECUTE FUNCTION refuse_sealed_edition();
CREATE TRIGGER sealed_edition_append_only BEFORE UPDATE OR DELETE ON receipts_sealededition
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER sealed_edition_no_truncate BEFORE TRUNCATE ON receipts_sealededition
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- An issued report has the next number of its appeal and never changes, but for being masked: looked up for a newer
-- masking, and if it shows the partner, figures replaced by those of the next edition once this one is sealed.
CREATE FUNCTION refuse_report_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_masking CONSTANT text[] := ARRAY['data', 'edition', 'reissued_at', 'masked_through'];
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.state = 'issued' AND NEW.masked_through > OLD.masked_through
        AND to_jsonb(NEW) - of_masking = to_jsonb(OLD) - of_masking
        AND EXISTS (SELECT FROM fundraising_masking WHERE id = NEW.masked_through)
        AND (NEW.data = OLD.data AND NEW.edition = OLD.edition AND NEW.reissued_at IS NOT DISTINCT FROM OLD.reissued_at
             OR NEW.edition = OLD.edition + 1 AND NEW.reissued_at IS NOT NULL AND report_is_being_masked(OLD.id)) THEN
        RETURN NEW;
    END IF;
    IF TG_OP <> 'INSERT' AND OLD.state = 'issued' THEN
        RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
            USING ERRCODE = 'restrict_violation', HINT = 'Issue another revision.';
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.state = 'issued' AND NEW.revision <> 1 + (
        SELECT coalesce(max(revision), 0) FROM receipts_fundreport WHERE appeal_id = NEW.appeal_id
    ) THEN
        RAISE EXCEPTION 'revision % of appeal % is not the next one', NEW.revision, NEW.appeal_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER report_issued_once BEFORE INSERT OR UPDATE OR DELETE ON receipts_fundreport
    FOR EACH ROW EXECUTE FUNCTION refuse_report_change();

CREATE FUNCTION refuse_document_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND report_is_being_masked(OLD.report_id) AND (NEW.id, NEW.report_id, NEW.locale, NEW.format)
        = (OLD.id, OLD.report_id, OLD.locale, OLD.format) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'Issue another revision.';
END $$;
CREATE TRIGGER report_document_append_only BEFORE UPDATE OR DELETE ON receipts_reportdocument
    FOR EACH ROW EXECUTE FUNCTION refuse_document_change();

-- What an issued report says of the situation never changes, nor does what hangs on it.
CREATE FUNCTION refuse_report_note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM receipts_fundreport WHERE state = 'issued'
               AND id = CASE TG_OP WHEN 'DELETE' THEN OLD.report_id ELSE NEW.report_id END) THEN
        RAISE EXCEPTION 'the report is issued: % of its note refused', TG_OP USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER situation_frozen BEFORE INSERT OR UPDATE OR DELETE ON receipts_situation
    FOR EACH ROW EXECUTE FUNCTION refuse_report_note_change();

CREATE FUNCTION refuse_situation_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM receipts_situation situation JOIN receipts_fundreport report ON report.id = situation.report_id
               WHERE report.state = 'issued'
               AND situation.id = CASE TG_OP WHEN 'DELETE' THEN OLD.situation_id ELSE NEW.situation_id END) THEN
        RAISE EXCEPTION 'the report is issued: % of % refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER people_frozen BEFORE INSERT OR UPDATE OR DELETE ON receipts_peopleassisted
    FOR EACH ROW EXECUTE FUNCTION refuse_situation_change();

-- Texts of a report, of one language for ever, lose names while the report is masked.
CREATE FUNCTION refuse_masked_text_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_report bigint;
    words CONSTANT text[] := ARRAY['text', 'basis'];
BEGIN
    IF TG_TABLE_NAME = 'receipts_situationtext' THEN
        SELECT report_id INTO of_report FROM receipts_situation
        WHERE id = CASE TG_OP WHEN 'DELETE' THEN OLD.situation_id ELSE NEW.situation_id END;
    ELSE
        of_report := CASE TG_OP WHEN 'DELETE' THEN OLD.report_id ELSE NEW.report_id END;
    END IF;
    IF NOT EXISTS (SELECT FROM receipts_fundreport WHERE id = of_report AND state = 'issued')
        OR TG_OP = 'UPDATE' AND report_is_being_masked(of_report)
           AND to_jsonb(NEW) - words = to_jsonb(OLD) - words THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    RAISE EXCEPTION 'the report is issued: % of % refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER report_note_frozen BEFORE INSERT OR UPDATE OR DELETE ON receipts_reportnote
    FOR EACH ROW EXECUTE FUNCTION refuse_masked_text_change();
CREATE TRIGGER situation_text_frozen BEFORE INSERT OR UPDATE OR DELETE ON receipts_situationtext
    FOR EACH ROW EXECUTE FUNCTION refuse_masked_text_change();
"""

UNDO = """
DROP TRIGGER situation_text_frozen ON receipts_situationtext;
DROP TRIGGER report_note_frozen ON receipts_reportnote;
DROP TRIGGER people_frozen ON receipts_peopleassisted;
DROP TRIGGER situation_frozen ON receipts_situation;
DROP TRIGGER report_document_append_only ON receipts_reportdocument;
DROP TRIGGER report_issued_once ON receipts_fundreport;
DROP TRIGGER sealed_edition_no_truncate ON receipts_sealededition;
DROP TRIGGER sealed_edition_append_only ON receipts_sealededition;
DROP TRIGGER sealed_edition_current ON receipts_sealededition;
DROP FUNCTION refuse_masked_text_change, refuse_situation_change, refuse_report_note_change, refuse_document_change,
    refuse_report_change, refuse_sealed_edition, report_is_being_masked;
ALTER TABLE receipts_sealededition DROP COLUMN xid;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("receipts", "0005_rules_of_gift_aid"),
    ]

    operations = [migrations.RunSQL(RULES, UNDO)]
