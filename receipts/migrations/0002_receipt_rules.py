"""The rules of the paper, kept by the database whoever writes to it."""

from django.db import migrations

GAPLESS = """
-- A number is taken by counting the series up by one, and the database transaction that took it must
-- leave a receipt with that number behind, or it cannot commit.
CREATE FUNCTION refuse_series_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE frozen record;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.last_number = 0 THEN RETURN NEW; END IF;
    ELSIF TG_OP = 'UPDATE' AND NEW.last_number = OLD.last_number + 1 THEN
        frozen := OLD;
        frozen.last_number := NEW.last_number;
        IF frozen IS NOT DISTINCT FROM NEW THEN RETURN NEW; END IF;
    END IF;
    RAISE EXCEPTION 'a series only counts up, from 0 and by one: % refused', TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER series_counts_up BEFORE INSERT OR UPDATE OR DELETE ON receipts_series
    FOR EACH ROW EXECUTE FUNCTION refuse_series_change();

CREATE FUNCTION refuse_unused_number() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM receipts_receipt
                   WHERE series_id = NEW.id AND sequence = NEW.last_number) THEN
        RAISE EXCEPTION 'number % of series %-% was taken and not used', NEW.last_number, NEW.prefix, NEW.year
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER series_number_used AFTER UPDATE ON receipts_series
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unused_number();
"""

APPEND_ONLY = """
CREATE FUNCTION refuse_wrong_receipt() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE donation record; series record;
BEGIN
    SELECT * INTO donation FROM fundraising_donation WHERE id = NEW.donation_id;
    IF donation.state <> 'received' THEN
        RAISE EXCEPTION 'donation % is not received: no receipt', donation.uuid USING ERRCODE = 'check_violation';
    END IF;
    SELECT * INTO series FROM receipts_series WHERE id = NEW.series_id;
    IF NEW.sequence <> series.last_number OR series.entity_id <> donation.entity_id OR NEW.state <> 'issued'
       OR NEW.number <> format('%s-%s-%s', series.prefix, series.year, lpad(NEW.sequence::text, greatest(6, length(NEW.sequence::text)), '0')) THEN
        RAISE EXCEPTION 'receipt % does not fit its series', NEW.number USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER receipt_fits BEFORE INSERT ON receipts_receipt
    FOR EACH ROW EXECUTE FUNCTION refuse_wrong_receipt();

CREATE FUNCTION refuse_without_document() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM receipts_document WHERE receipt_id = NEW.id) THEN
        RAISE EXCEPTION 'receipt % has no document', NEW.number USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER receipt_has_document AFTER INSERT ON receipts_receipt
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_without_document();

-- A receipt ends once: issued becomes voided or replaced. Nothing else of it ever changes.
CREATE FUNCTION refuse_receipt_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE frozen record;
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.state = 'issued' AND NEW.state IN ('voided', 'replaced') THEN
        frozen := OLD;
        frozen.state := NEW.state;
        frozen.ended_at := NEW.ended_at;
        frozen.ended_reason := NEW.ended_reason;
        frozen.ended_by := NEW.ended_by;
        IF frozen IS NOT DISTINCT FROM NEW THEN RETURN NEW; END IF;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'Void or replace the receipt.';
END $$;
CREATE TRIGGER receipt_append_only BEFORE UPDATE OR DELETE ON receipts_receipt
    FOR EACH ROW EXECUTE FUNCTION refuse_receipt_change();
CREATE TRIGGER receipt_no_truncate BEFORE TRUNCATE ON receipts_receipt
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER document_append_only BEFORE UPDATE OR DELETE ON receipts_document
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER document_no_truncate BEFORE TRUNCATE ON receipts_document
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Ciphertext does not shrink; do not let the server try.
ALTER TABLE receipts_document ALTER COLUMN sealed_pdf SET STORAGE EXTERNAL;
"""

UNDO = """
ALTER TABLE receipts_document ALTER COLUMN sealed_pdf SET STORAGE EXTENDED;
DROP TRIGGER document_no_truncate ON receipts_document;
DROP TRIGGER document_append_only ON receipts_document;
DROP TRIGGER receipt_no_truncate ON receipts_receipt;
DROP TRIGGER receipt_append_only ON receipts_receipt;
DROP TRIGGER receipt_has_document ON receipts_receipt;
DROP TRIGGER receipt_fits ON receipts_receipt;
DROP TRIGGER series_number_used ON receipts_series;
DROP TRIGGER series_counts_up ON receipts_series;
DROP FUNCTION refuse_series_change, refuse_unused_number, refuse_wrong_receipt, refuse_without_document,
    refuse_receipt_change;
"""


class Migration(migrations.Migration):
    dependencies = [("receipts", "0001_tables"), ("fundraising", "0002_ledger_rules")]

    operations = [migrations.RunSQL(GAPLESS + APPEND_ONLY, UNDO)]
