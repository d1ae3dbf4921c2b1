"""The rules of the paper, kept by the database whoever writes to it."""

from django.db import migrations

RULES = """
-- Numbers have no gap. A series counts up by as many as the database transaction issues. Sequences are unique, none is
-- above the last number when it is written, and whoever counts up leaves as many receipts behind, or cannot commit.
CREATE FUNCTION refuse_series_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE frozen record;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.last_number = 0 THEN RETURN NEW; END IF;
    ELSIF TG_OP = 'UPDATE' AND NEW.last_number > OLD.last_number THEN
        frozen := OLD;
        frozen.last_number := NEW.last_number;
        IF frozen IS NOT DISTINCT FROM NEW THEN RETURN NEW; END IF;
    END IF;
    RAISE EXCEPTION 'a series only counts up, from 0: % refused', TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER series_counts_up BEFORE INSERT OR UPDATE OR DELETE ON receipts_series
    FOR EACH ROW EXECUTE FUNCTION refuse_series_change();

CREATE FUNCTION refuse_unused_number() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE used integer;
BEGIN
    SELECT count(*) INTO used FROM receipts_receipt
    WHERE series_id = NEW.id AND sequence > OLD.last_number AND sequence <= NEW.last_number;
    IF used <> NEW.last_number - OLD.last_number THEN
        RAISE EXCEPTION 'numbers % to % of series %-% were taken and not used: % of them are',
            OLD.last_number + 1, NEW.last_number, NEW.prefix, NEW.year, used
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER series_number_used AFTER UPDATE ON receipts_series
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unused_number();

-- A receipt has a number of its series, is of a donor of the same legal entity, and has a document.
CREATE FUNCTION refuse_wrong_receipt() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE donor record; series record;
BEGIN
    SELECT entity_id INTO donor FROM fundraising_donor WHERE id = NEW.donor_id;
    SELECT * INTO series FROM receipts_series WHERE id = NEW.series_id;
    IF NEW.sequence > series.last_number OR series.entity_id <> donor.entity_id OR NEW.state <> 'issued'
       OR (series.kind = 'donation') <> (NEW.donation_id IS NOT NULL)
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

-- A line is of a received donation of the receipt's donor, in its currency.
CREATE FUNCTION refuse_wrong_line() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE donation record; receipt record;
BEGIN
    SELECT * INTO donation FROM fundraising_donation WHERE id = NEW.donation_id;
    SELECT * INTO receipt FROM receipts_receipt WHERE id = NEW.receipt_id;
    IF donation.state <> 'received' THEN
        RAISE EXCEPTION 'donation % is not received: no receipt', donation.uuid USING ERRCODE = 'check_violation';
    END IF;
    IF donation.currency <> receipt.currency OR receipt.state <> 'issued'
       OR donation.id <> coalesce(receipt.donation_id, donation.id) THEN
        RAISE EXCEPTION 'donation % is not of receipt %', donation.uuid, receipt.number
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER receipt_line_fits BEFORE INSERT ON receipts_receiptline
    FOR EACH ROW EXECUTE FUNCTION refuse_wrong_line();

-- Only what was given in kind has no amount on its paper.
CREATE FUNCTION refuse_worthless_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.amount_minor = 0) <> EXISTS (
        SELECT FROM fundraising_donation WHERE id = NEW.donation_id AND channel = 'in_kind') THEN
        RAISE EXCEPTION 'a line without an amount is of what was given in kind' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER receipt_line_has_worth BEFORE INSERT ON receipts_receiptline
    FOR EACH ROW EXECUTE FUNCTION refuse_worthless_line();

-- At commit a receipt's lines sum to it, and those of an ended one claim nothing.
CREATE FUNCTION refuse_wrong_lines() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE found record; receipt record;
BEGIN
    SELECT * INTO receipt FROM receipts_receipt WHERE id = NEW.id;
    SELECT coalesce(sum(amount_minor), 0) AS amount, coalesce(bool_or(claims), false) AS claims
        INTO found FROM receipts_receiptline WHERE receipt_id = NEW.id;
    IF found.amount <> receipt.amount_minor OR (found.claims AND receipt.state <> 'issued') THEN
        RAISE EXCEPTION 'the lines of receipt % do not fit it', receipt.number USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER receipt_has_lines AFTER INSERT OR UPDATE OF state ON receipts_receipt
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_wrong_lines();

CREATE FUNCTION refuse_line_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE frozen record;
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.claims THEN
        frozen := OLD;
        frozen.claims := false;
        IF frozen IS NOT DISTINCT FROM NEW
           AND EXISTS (SELECT FROM receipts_receipt WHERE id = OLD.receipt_id AND state <> 'issued') THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'Void or replace the receipt.';
END $$;
CREATE TRIGGER receipt_line_append_only BEFORE UPDATE OR DELETE ON receipts_receiptline
    FOR EACH ROW EXECUTE FUNCTION refuse_line_change();
CREATE TRIGGER receipt_line_no_truncate BEFORE TRUNCATE ON receipts_receiptline
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A receipt ends once: issued becomes voided or replaced. It is opened once. Nothing else of it ever changes.
CREATE FUNCTION refuse_receipt_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE frozen record;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        frozen := OLD;
        IF OLD.state = 'issued' AND NEW.state IN ('voided', 'replaced') THEN
            frozen.state := NEW.state;
            frozen.ended_at := NEW.ended_at;
            frozen.ended_reason := NEW.ended_reason;
            frozen.ended_by := NEW.ended_by;
        ELSIF OLD.opened_at IS NULL THEN
            frozen.opened_at := NEW.opened_at;
        END IF;
        IF frozen IS NOT DISTINCT FROM NEW AND frozen IS DISTINCT FROM OLD THEN RETURN NEW; END IF;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'Void or replace the receipt.';
END $$;

-- The one exception to "a receipt never changes": its snapshot and its document are emptied, and nothing else of it,
-- once it is sealed and its time is over. Everything else is refused.
CREATE FUNCTION refuse_early_emptying() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE frozen record; paper bigint;
BEGIN
    frozen := OLD;
    IF TG_TABLE_NAME = 'receipts_receipt' THEN
        frozen.snapshot := NEW.snapshot;
        paper := OLD.id;
    ELSE
        frozen.sealed_pdf := NEW.sealed_pdf;
        paper := OLD.receipt_id;
    END IF;
    IF frozen IS NOT DISTINCT FROM NEW AND EXISTS (
        SELECT FROM receipts_sealedpaper
        WHERE receipt_id = paper AND emptied_at IS NULL AND kept_until < current_date
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is append-only: emptied too early', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER receipt_append_only BEFORE UPDATE ON receipts_receipt
    FOR EACH ROW WHEN (NEW.snapshot <> '' OR OLD.snapshot = '') EXECUTE FUNCTION refuse_receipt_change();
CREATE TRIGGER receipt_emptied_late BEFORE UPDATE ON receipts_receipt
    FOR EACH ROW WHEN (NEW.snapshot = '' AND OLD.snapshot <> '') EXECUTE FUNCTION refuse_early_emptying();
CREATE TRIGGER receipt_never_deleted BEFORE DELETE ON receipts_receipt
    FOR EACH ROW EXECUTE FUNCTION refuse_receipt_change();
CREATE TRIGGER receipt_no_truncate BEFORE TRUNCATE ON receipts_receipt
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER document_append_only BEFORE UPDATE ON receipts_document
    FOR EACH ROW WHEN (NEW.sealed_pdf <> '') EXECUTE FUNCTION refuse_change();
CREATE TRIGGER document_emptied_late BEFORE UPDATE ON receipts_document
    FOR EACH ROW WHEN (NEW.sealed_pdf = '') EXECUTE FUNCTION refuse_early_emptying();
CREATE TRIGGER document_never_deleted BEFORE DELETE ON receipts_document
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER document_no_truncate BEFORE TRUNCATE ON receipts_document
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A sealed paper is of an erased donor and is kept for five years at least; a law may want more, and never gets less
-- than it was promised.
CREATE FUNCTION refuse_wrong_sealing() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE receipt record; frozen record;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT receipts_receipt.issued_at, receipts_receipt.snapshot, donor.erased_at INTO receipt
            FROM receipts_receipt JOIN fundraising_donor donor ON donor.id = receipts_receipt.donor_id
            WHERE receipts_receipt.id = NEW.receipt_id;
        IF receipt.erased_at IS NOT NULL AND NEW.emptied_at IS NULL
           AND NEW.kept_until >= (receipt.issued_at + interval '5 years')::date THEN
            RETURN NEW;
        END IF;
    ELSIF TG_OP = 'UPDATE' AND OLD.emptied_at IS NULL THEN
        SELECT snapshot INTO receipt FROM receipts_receipt WHERE id = OLD.receipt_id;
        frozen := OLD;
        frozen.kept_until := greatest(OLD.kept_until, NEW.kept_until);
        frozen.emptied_at := NEW.emptied_at;
        IF frozen IS NOT DISTINCT FROM NEW AND (NEW.emptied_at IS NULL OR receipt.snapshot = '') THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% refused: the paper is sealed, and kept for as long as the law wants', TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER sealing_fits BEFORE INSERT OR UPDATE OR DELETE ON receipts_sealedpaper
    FOR EACH ROW EXECUTE FUNCTION refuse_wrong_sealing();
CREATE TRIGGER sealing_no_truncate BEFORE TRUNCATE ON receipts_sealedpaper
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What was printed is found again: letterheads and wordings never change.
CREATE TRIGGER letterhead_append_only BEFORE UPDATE OR DELETE ON receipts_letterhead
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER wording_append_only BEFORE UPDATE OR DELETE ON receipts_wording
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Ciphertext does not shrink; do not let the server try.
ALTER TABLE receipts_document ALTER COLUMN sealed_pdf SET STORAGE EXTERNAL;
"""

UNDO = """
DROP TRIGGER wording_append_only ON receipts_wording;
DROP TRIGGER letterhead_append_only ON receipts_letterhead;
DROP TRIGGER sealing_no_truncate ON receipts_sealedpaper;
DROP TRIGGER sealing_fits ON receipts_sealedpaper;
DROP TRIGGER document_no_truncate ON receipts_document;
DROP TRIGGER document_never_deleted ON receipts_document;
DROP TRIGGER document_emptied_late ON receipts_document;
DROP TRIGGER document_append_only ON receipts_document;
DROP TRIGGER receipt_no_truncate ON receipts_receipt;
DROP TRIGGER receipt_never_deleted ON receipts_receipt;
DROP TRIGGER receipt_emptied_late ON receipts_receipt;
DROP TRIGGER receipt_append_only ON receipts_receipt;
DROP TRIGGER receipt_line_no_truncate ON receipts_receiptline;
DROP TRIGGER receipt_line_append_only ON receipts_receiptline;
DROP TRIGGER receipt_has_lines ON receipts_receipt;
DROP TRIGGER receipt_line_has_worth ON receipts_receiptline;
DROP TRIGGER receipt_line_fits ON receipts_receiptline;
DROP TRIGGER receipt_has_document ON receipts_receipt;
DROP TRIGGER receipt_fits ON receipts_receipt;
DROP TRIGGER series_number_used ON receipts_series;
DROP TRIGGER series_counts_up ON receipts_series;
DROP FUNCTION refuse_wrong_sealing, refuse_early_emptying, refuse_receipt_change, refuse_line_change,
    refuse_wrong_lines, refuse_worthless_line, refuse_wrong_line, refuse_without_document, refuse_wrong_receipt,
    refuse_unused_number, refuse_series_change;
ALTER TABLE receipts_document ALTER COLUMN sealed_pdf SET STORAGE EXTENDED;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("receipts", "0003_reports"),
        ("fundraising", "0007_rules_of_the_ledger"),
    ]

    operations = [migrations.RunSQL(RULES, UNDO)]
