-- Work on many passes at once, in small transactions: an offer's were redrawn after an edit, or all get a new signature. How
-- far it is stands in the row (`after_…`: the last pass looked at), so it goes on where a killed process left it. Of one kind
-- and offer (NULL: all) one is running; a newer one replaces it.

CREATE TABLE pass_jobs (
    id            uuid        PRIMARY KEY,
    kind          text        NOT NULL CHECK (kind IN ('edit', 'resign')),
    offer_id      uuid,
    state         text        NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'replaced')),
    asked_by      text        NOT NULL,
    total         bigint,
    looked        bigint      NOT NULL DEFAULT 0,
    changed       bigint      NOT NULL DEFAULT 0,
    after_at      timestamptz,
    after_bucket  smallint,
    after_serial  uuid,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    looked_at     timestamptz,
    finished_at   timestamptz
);
CREATE UNIQUE INDEX pass_jobs_running ON pass_jobs (kind, offer_id) NULLS NOT DISTINCT WHERE state = 'running';
CREATE INDEX pass_jobs_offer ON pass_jobs (offer_id, created_at);
CREATE INDEX pass_jobs_created ON pass_jobs (created_at);
