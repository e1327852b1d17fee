-- What a fix said of the fences beside it, so that a draft can be tried on the past: likelihoods and words, no distances
-- (docs/decisions/0022-a-past-without-positions.md). NULL: no fence was near, and no rule had anything to ask.
ALTER TABLE pings ADD COLUMN trace json;

-- The weather that traces cite: one row for each reading that decided, whoever it decided for.
CREATE TABLE skies (
    id            text        PRIMARY KEY,
    weather       json        NOT NULL,
    used_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX skies_used ON skies (used_at);
