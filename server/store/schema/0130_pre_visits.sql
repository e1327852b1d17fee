-- Coming into a fence, as the decision saw it: what "visits" are counted by. No position; kept about as long as pings.
CREATE TABLE visits (
    bucket        smallint    NOT NULL,
    customer_id   uuid        NOT NULL,
    at            timestamptz NOT NULL,
    geofence_id   uuid        NOT NULL,
    PRIMARY KEY (bucket, customer_id, at, geofence_id)
);
CREATE INDEX visits_at ON visits (at);
