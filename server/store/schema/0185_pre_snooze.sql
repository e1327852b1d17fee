-- A customer may put a moment off: until then it is in no list of active ones, and after that it is told once more.
ALTER TABLE moments ADD COLUMN snoozed_until timestamptz;
CREATE INDEX moments_snoozed ON moments (bucket, customer_id, snoozed_until) WHERE snoozed_until IS NOT NULL;
