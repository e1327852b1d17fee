-- The index of 0260 is the key: of the same columns, so that whoever writes sums notices nothing.

ALTER TABLE funnel_sums DROP CONSTRAINT funnel_sums_pkey;
ALTER TABLE funnel_sums ADD CONSTRAINT funnel_sums_pkey PRIMARY KEY USING INDEX funnel_sums_words;
