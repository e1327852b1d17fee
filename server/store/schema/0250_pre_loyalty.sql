-- Who bought, redeemed or answered on which local day: what the key figures of loyalty are counted from (server/store/loyalty.py).
-- People are 64-bit hashes that name nobody, one behind the other; `numbers` and `amounts` lie beside them.

CREATE TABLE loyalty_days (
    day           date        NOT NULL,
    part          text        NOT NULL CHECK (part IN ('active', 'orders', 'answers')),
    currency      text        NOT NULL,
    people        bytea       NOT NULL,
    numbers       bytea       NOT NULL,
    amounts       bytea       NOT NULL,
    PRIMARY KEY (day, part, currency)
);
-- Hashes cannot be packed: nobody need try.
ALTER TABLE loyalty_days ALTER people SET STORAGE EXTERNAL, ALTER amounts SET STORAGE EXTERNAL;

-- In whose days they are; '' until all there is has been marked.
CREATE TABLE loyalty_zone (
    one           boolean     PRIMARY KEY DEFAULT true CHECK (one),
    zone          text        NOT NULL DEFAULT ''
);
INSERT INTO loyalty_zone DEFAULT VALUES;

-- A quarter of an hour in which something came or went that its day does not know of yet.
CREATE TABLE loyalty_marks (
    slot          timestamptz NOT NULL
);
CREATE INDEX loyalty_marks_slot ON loyalty_marks (slot);

-- By triggers, and so in the transaction of the change, whoever makes it: a redemption, a reversal, an erasure, the code of before.
CREATE FUNCTION mark_loyalty() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO loyalty_marks (slot)
    SELECT DISTINCT date_bin('15 minutes', at, timestamptz '2000-01-01 00:00:00+00') FROM changed
    WHERE name IN ('purchase', 'redemption') OR score IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER customer_events_told AFTER INSERT ON customer_events REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION mark_loyalty();
CREATE TRIGGER customer_events_forgotten AFTER DELETE ON customer_events REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION mark_loyalty();
CREATE TRIGGER customer_events_was AFTER UPDATE ON customer_events REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION mark_loyalty();
CREATE TRIGGER customer_events_is AFTER UPDATE ON customer_events REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION mark_loyalty();
