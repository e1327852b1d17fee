-- Replays: a draft tried on the recorded past, by a process of its own. None of it is a customer's: results are sums.
CREATE TABLE replays (
    id            uuid        PRIMARY KEY,
    offer_id      uuid        NOT NULL,
    version       integer     NOT NULL,
    from_at       timestamptz NOT NULL,
    to_at         timestamptz NOT NULL,
    state         text        NOT NULL DEFAULT 'queued'
                  CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    progress      real        NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
    attempts      integer     NOT NULL DEFAULT 0,
    result        json,
    reason        text,
    asked_by      text        NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    started_at    timestamptz,
    beat_at       timestamptz,
    finished_at   timestamptz
);
CREATE INDEX replays_open ON replays (created_at) WHERE state IN ('queued', 'running');
CREATE INDEX replays_created ON replays (created_at);
