-- Who is in which saved segment, as it was last judged: for counting and listing. Decisions ask the condition itself.
CREATE TABLE segment_members (
    bucket        smallint    NOT NULL,
    customer_id   uuid        NOT NULL,
    segment       text        NOT NULL,
    since         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (bucket, customer_id, segment)
);

-- How many were in it, and when the count began; NULL: never counted.
ALTER TABLE segments ADD COLUMN size bigint, ADD COLUMN refreshed_at timestamptz;

-- How far the job is that judges everybody: which segments it counts, how many it found, whom it judged last.
CREATE TABLE job_segment_sweep (
    one           boolean     PRIMARY KEY DEFAULT true CHECK (one),
    started_at    timestamptz,
    counts        jsonb,
    last_bucket   smallint    NOT NULL DEFAULT -1,
    last_id       uuid        NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000'
);
INSERT INTO job_segment_sweep DEFAULT VALUES;
