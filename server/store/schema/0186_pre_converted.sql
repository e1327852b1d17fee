-- What came of a moment within its offer's goal: looked for an hour after it was made, and once a day until its time is over
-- (server/store/conversions.py). `attribute_at` is the next look, NULL when there is none; moments from before have none.
ALTER TABLE moments ADD COLUMN attribute_at timestamptz, ADD COLUMN converted_at timestamptz, ADD COLUMN converted_by text;
ALTER TABLE moments ALTER COLUMN attribute_at SET DEFAULT now() + interval '1 hour';
CREATE INDEX moments_attributed ON moments (attribute_at) WHERE attribute_at IS NOT NULL AND NOT held_out;

ALTER TABLE funnel_facts DROP CONSTRAINT funnel_facts_step_check;
ALTER TABLE funnel_facts ADD CONSTRAINT funnel_facts_step_check CHECK (step IN
    ('decided', 'delivered', 'opened', 'clicked', 'passes', 'redeemed', 'control', 'converted'));
ALTER TABLE funnel_cells ADD COLUMN converted bigint NOT NULL DEFAULT 0;
