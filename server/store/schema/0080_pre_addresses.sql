-- What a geocoder answered is kept, so that no address is asked for twice, by whichever process; and whose turn it is.

CREATE TABLE addresses (
    address       text        PRIMARY KEY,
    asked_at      timestamptz NOT NULL,
    answered_at   timestamptz,
    lat           double precision CHECK (lat BETWEEN -90 AND 90),
    lon           double precision CHECK (lon BETWEEN -180 AND 180),
    CHECK ((lat IS NULL) = (lon IS NULL)),
    CHECK (lat IS NULL OR answered_at IS NOT NULL)
);

CREATE TABLE geocoder_turn (
    one           boolean     PRIMARY KEY DEFAULT true CHECK (one),
    next_at       timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO geocoder_turn DEFAULT VALUES;
