"""What an appeal said stays; which state follows on which; nothing is published incomplete."""

from django.db import migrations

RULES = """
CREATE TRIGGER wording_append_only BEFORE UPDATE OR DELETE ON fundraising_appealwording
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER wording_no_truncate BEFORE TRUNCATE ON fundraising_appealwording
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER goal_append_only BEFORE UPDATE OR DELETE ON fundraising_goal
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER goal_no_truncate BEFORE TRUNCATE ON fundraising_goal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER round_text_append_only BEFORE UPDATE OR DELETE ON fundraising_roundtext
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER round_text_no_truncate BEFORE TRUNCATE ON fundraising_roundtext
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A round stays what it was: why it asked always, when it opened once somebody gave in it, when it closed once it has.
CREATE FUNCTION refuse_changed_round() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.appeal_id, NEW.number, NEW.reason) = (OLD.appeal_id, OLD.number, OLD.reason)
       AND (NEW.opens_at = OLD.opens_at OR NOT EXISTS (
                SELECT FROM fundraising_donation donation WHERE donation.round_id = OLD.id))
       AND (NEW.closes_at IS NOT DISTINCT FROM OLD.closes_at OR OLD.closes_at IS NULL OR OLD.closes_at > now()) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a round is not changed: % refused', TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'Open a new round.';
END $$;
CREATE TRIGGER round_kept BEFORE UPDATE OR DELETE ON fundraising_round
    FOR EACH ROW EXECUTE FUNCTION refuse_changed_round();
CREATE TRIGGER round_no_truncate BEFORE TRUNCATE ON fundraising_round
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Which state follows on which; the way back only while nothing was given, and out of a fund that holds nothing.
CREATE FUNCTION refuse_appeal_out_of_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = NEW.state THEN RETURN NEW; END IF;
    IF NOT (OLD.state || ' ' || NEW.state = ANY (ARRAY[
        'draft open', 'open draft', 'open closing', 'open closed', 'closing open', 'closing closed', 'closed open',
        'closed closing', 'closed resolved', 'resolved closed', 'resolved archived', 'archived resolved'])) THEN
        RAISE EXCEPTION 'an appeal that is % cannot become %', OLD.state, NEW.state
                USING ERRCODE = 'check_violation', CONSTRAINT = 'appeal_in_order';
    END IF;
    IF NEW.state = 'draft' AND EXISTS (
        SELECT FROM fundraising_donation donation JOIN fundraising_round r ON r.id = donation.round_id
        WHERE r.appeal_id = NEW.id) THEN
        RAISE EXCEPTION 'somebody has given to appeal %', NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'appeal_in_order';
    END IF;
    IF OLD.state || ' ' || NEW.state IN ('closed resolved', 'resolved archived') THEN
        PERFORM FROM fundraising_fund WHERE id = NEW.fund_id FOR NO KEY UPDATE;
        IF EXISTS (SELECT FROM fund_left(NEW.fund_id) WHERE what <> 'pending' OR NEW.state = 'archived') THEN
            RAISE EXCEPTION 'something is left in the fund of appeal %', NEW.id
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'appeal_in_order';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER appeal_in_order BEFORE UPDATE OF state ON fundraising_appeal
    FOR EACH ROW EXECUTE FUNCTION refuse_appeal_out_of_order();

-- Nothing is published without a goal, and in no language without a wording; a wording has a secondary purpose by its
-- own constraint. Deferred: whoever writes it all in one database transaction may do so in any order.
CREATE FUNCTION refuse_incomplete_appeal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE asked bigint; found fundraising_appeal;
BEGIN
    asked := CASE TG_TABLE_NAME WHEN 'fundraising_appeal' THEN (to_jsonb(NEW)->>'id')::bigint
                                ELSE (to_jsonb(NEW)->>'appeal_id')::bigint END;
    SELECT * INTO found FROM fundraising_appeal WHERE id = asked;
    IF found.state IS NULL OR found.state NOT IN ('open', 'closing') THEN RETURN NULL; END IF;
    IF NOT EXISTS (SELECT FROM fundraising_appealwording WHERE appeal_id = asked)
       OR NOT EXISTS (SELECT FROM fundraising_goal goal JOIN fundraising_round r ON r.id = goal.round_id
                      WHERE r.appeal_id = asked)
       OR EXISTS (SELECT FROM fundraising_donationpage page WHERE page.appeal_id = asked AND page.published
                  AND NOT EXISTS (SELECT FROM fundraising_appealwording wording
                                  WHERE wording.appeal_id = asked AND wording.locale = page.locale)) THEN
        RAISE EXCEPTION 'appeal % has no goal, or a page without a wording in its language', asked
                USING ERRCODE = 'check_violation', CONSTRAINT = 'appeal_complete';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER appeal_complete AFTER INSERT OR UPDATE OF state ON fundraising_appeal
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_incomplete_appeal();
CREATE CONSTRAINT TRIGGER page_has_wording AFTER INSERT OR UPDATE OF published, locale, appeal_id
    ON fundraising_donationpage
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_incomplete_appeal();

-- Donors gave for a purpose, or for none: that stands once there is money.
CREATE FUNCTION refuse_other_restriction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.restricted <> OLD.restricted AND EXISTS (SELECT FROM fundraising_account WHERE fund_id = OLD.id) THEN
        RAISE EXCEPTION 'there is money in fund %', OLD.id
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'fund_restriction_stands';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fund_restriction_stands BEFORE UPDATE OF restricted ON fundraising_fund
    FOR EACH ROW EXECUTE FUNCTION refuse_other_restriction();
"""

UNDO = """
DROP TRIGGER fund_restriction_stands ON fundraising_fund;
DROP TRIGGER page_has_wording ON fundraising_donationpage;
DROP TRIGGER appeal_complete ON fundraising_appeal;
DROP TRIGGER appeal_in_order ON fundraising_appeal;
DROP TRIGGER round_no_truncate ON fundraising_round;
DROP TRIGGER round_kept ON fundraising_round;
DROP TRIGGER round_text_no_truncate ON fundraising_roundtext;
DROP TRIGGER round_text_append_only ON fundraising_roundtext;
DROP TRIGGER goal_no_truncate ON fundraising_goal;
DROP TRIGGER goal_append_only ON fundraising_goal;
DROP TRIGGER wording_no_truncate ON fundraising_appealwording;
DROP TRIGGER wording_append_only ON fundraising_appealwording;
DROP FUNCTION refuse_other_restriction, refuse_incomplete_appeal, refuse_appeal_out_of_order, refuse_changed_round;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("fundraising", "0008_rules_of_the_money_trail"),
    ]

    operations = [migrations.RunSQL(RULES, UNDO)]
