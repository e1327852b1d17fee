-- Where a pass comes up by itself follows its customer, the clock and the stores (server/pipeline/relevance.py): when it is
-- looked at next, when its places last changed, and as of which change of the stores it was last looked at. What it shows
-- stands in its design. Passes from before are due at once.
ALTER TABLE passes
    ADD COLUMN relevant_at     timestamptz DEFAULT now(),
    ADD COLUMN relevant_set_at timestamptz,
    ADD COLUMN relevant_as_of  bigint NOT NULL DEFAULT -1;
