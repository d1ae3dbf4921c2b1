"""The rules of Gift Aid: declarations, and claims of them."""

from django.db import migrations

RULES = """
-- A declaration is of the donor's own donation or of none.
CREATE FUNCTION refuse_wrong_declaration() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM fundraising_donor WHERE id = NEW.donor_id AND entity_id = NEW.entity_id)
       OR (NEW.donation_id IS NOT NULL AND NOT EXISTS (
           SELECT FROM fundraising_donation WHERE id = NEW.donation_id AND donor_id = NEW.donor_id)) THEN
        RAISE EXCEPTION 'declaration is of another donor' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER declaration_fits BEFORE INSERT ON receipts_declaration
    FOR EACH ROW EXECUTE FUNCTION refuse_wrong_declaration();

-- A declaration is cancelled once. It is emptied once: of a donor who was erased, six years after it ended and after what
-- was last claimed on it. Nothing else of it ever changes. Sealed texts that are empty are stored so.
CREATE FUNCTION refuse_declaration_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE frozen record;
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.emptied_at IS NULL THEN
        frozen := OLD;
        IF OLD.cancelled_on IS NULL THEN
            frozen.cancelled_on := NEW.cancelled_on;
            IF frozen IS NOT DISTINCT FROM NEW THEN RETURN NEW; END IF;
            frozen.cancelled_on := NULL;
        END IF;
        frozen.title := ''; frozen.first_name := ''; frozen.last_name := '';
        frozen.house := ''; frozen.street := ''; frozen.postcode := '';
        frozen.emptied_at := NEW.emptied_at;
        IF frozen IS NOT DISTINCT FROM NEW AND NEW.emptied_at IS NOT NULL
           AND EXISTS (SELECT FROM fundraising_donor WHERE id = OLD.donor_id AND erased_at IS NOT NULL)
           AND greatest(coalesce(OLD.cancelled_on, OLD.declared_on), (
               SELECT max(claim.made_at)::date FROM receipts_giftaidrow claimed
               JOIN receipts_giftaidclaim claim ON claim.id = claimed.claim_id
               WHERE claimed.declaration_id = OLD.id)) < current_date - interval '6 years'
        THEN RETURN NEW; END IF;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'Cancel the declaration; the donor makes another.';
END $$;
CREATE TRIGGER declaration_append_only BEFORE UPDATE OR DELETE ON receipts_declaration
    FOR EACH ROW EXECUTE FUNCTION refuse_declaration_change();
CREATE TRIGGER declaration_no_truncate BEFORE TRUNCATE ON receipts_declaration
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Claims have numbers without a gap, and never change.
CREATE FUNCTION refuse_wrong_claim() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.number <> 1 + (
        SELECT coalesce(max(number), 0) FROM receipts_giftaidclaim WHERE entity_id = NEW.entity_id) THEN
        RAISE EXCEPTION 'claim % is not the next one', NEW.number USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER claim_is_next BEFORE INSERT ON receipts_giftaidclaim
    FOR EACH ROW EXECUTE FUNCTION refuse_wrong_claim();
CREATE TRIGGER claim_append_only BEFORE UPDATE OR DELETE ON receipts_giftaidclaim
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER claim_no_truncate BEFORE TRUNCATE ON receipts_giftaidclaim
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A row claims a received donation in pounds of who declared, or takes back no more than was claimed of it.
CREATE FUNCTION refuse_wrong_claim_row() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE donation record; declaration record; claimed record;
BEGIN
    SELECT * INTO donation FROM fundraising_donation WHERE id = NEW.donation_id;
    SELECT * INTO declaration FROM receipts_declaration WHERE id = NEW.declaration_id;
    IF donation.currency <> 'GBP' OR donation.donor_id <> declaration.donor_id
       OR NOT EXISTS (SELECT FROM receipts_giftaidclaim WHERE id = NEW.claim_id AND entity_id = donation.entity_id) THEN
        RAISE EXCEPTION 'donation % cannot be claimed so', donation.uuid USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.adjusts_id IS NULL THEN
        IF donation.state <> 'received' OR NEW.amount_minor > donation.amount_minor THEN
            RAISE EXCEPTION 'donation % is not received: no claim', donation.uuid USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    SELECT * INTO claimed FROM receipts_giftaidrow WHERE id = NEW.adjusts_id FOR UPDATE;
    IF claimed.donation_id <> NEW.donation_id OR claimed.adjusts_id IS NOT NULL
       OR claimed.amount_minor < NEW.amount_minor + (
           SELECT coalesce(sum(amount_minor), 0) FROM receipts_giftaidrow WHERE adjusts_id = NEW.adjusts_id) THEN
        RAISE EXCEPTION 'more is taken back of donation % than was claimed', donation.uuid
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER claim_row_fits BEFORE INSERT ON receipts_giftaidrow
    FOR EACH ROW EXECUTE FUNCTION refuse_wrong_claim_row();

-- Of a row what stood on the schedule goes with its declaration, and nothing else ever changes.
CREATE FUNCTION refuse_claim_row_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE frozen record;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        frozen := OLD;
        frozen.sealed := '';
        IF frozen IS NOT DISTINCT FROM NEW AND EXISTS (
            SELECT FROM receipts_declaration WHERE id = OLD.declaration_id AND emptied_at IS NOT NULL)
        THEN RETURN NEW; END IF;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER claim_row_append_only BEFORE UPDATE OR DELETE ON receipts_giftaidrow
    FOR EACH ROW EXECUTE FUNCTION refuse_claim_row_change();
CREATE TRIGGER claim_row_no_truncate BEFORE TRUNCATE ON receipts_giftaidrow
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

UNDO = """
DROP TRIGGER claim_row_no_truncate ON receipts_giftaidrow;
DROP TRIGGER claim_row_append_only ON receipts_giftaidrow;
DROP TRIGGER claim_row_fits ON receipts_giftaidrow;
DROP TRIGGER claim_no_truncate ON receipts_giftaidclaim;
DROP TRIGGER claim_append_only ON receipts_giftaidclaim;
DROP TRIGGER claim_is_next ON receipts_giftaidclaim;
DROP TRIGGER declaration_no_truncate ON receipts_declaration;
DROP TRIGGER declaration_append_only ON receipts_declaration;
DROP TRIGGER declaration_fits ON receipts_declaration;
DROP FUNCTION refuse_claim_row_change, refuse_wrong_claim_row, refuse_wrong_claim, refuse_declaration_change,
    refuse_wrong_declaration;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("receipts", "0004_rules_of_papers"),
    ]

    operations = [migrations.RunSQL(RULES, UNDO)]
