-- What marketers write: places, offers and their versions, budgets. None of it is a customer's.

CREATE TABLE geofences (
    id            uuid        PRIMARY KEY,
    name          text        NOT NULL,
    lat           double precision,
    lon           double precision,
    radius_m      double precision,
    geometry      jsonb,
    tags          text[]      NOT NULL DEFAULT '{}',
    store_id      uuid,
    zone          text,
    changed       bigint      NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    deleted_at    timestamptz,
    CHECK ((geometry IS NULL) = (lat IS NOT NULL AND lon IS NOT NULL AND radius_m IS NOT NULL))
);
CREATE INDEX geofences_changed ON geofences (changed);
CREATE UNIQUE INDEX geofences_store ON geofences (store_id) WHERE store_id IS NOT NULL AND deleted_at IS NULL;

CREATE TABLE stores (
    id            uuid        PRIMARY KEY,
    name          text        NOT NULL,
    lat           double precision NOT NULL CHECK (lat BETWEEN -90 AND 90),
    lon           double precision NOT NULL CHECK (lon BETWEEN -180 AND 180),
    radius_m      double precision NOT NULL CHECK (radius_m BETWEEN 20 AND 50000),
    time_zone     text        NOT NULL,
    country       text,
    region        text,
    hours         jsonb,
    tags          text[]      NOT NULL DEFAULT '{}',
    address       text,
    geofence_id   uuid        NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    deleted_at    timestamptz
);

CREATE TABLE segments (
    name          text        PRIMARY KEY,
    id            uuid        NOT NULL UNIQUE,
    document      jsonb,
    created_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE offers (
    id            uuid        PRIMARY KEY,
    name          text        NOT NULL,
    status        text        NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'live', 'paused', 'ended')),
    version       integer     NOT NULL,
    live_version  integer,
    document      jsonb       NOT NULL,
    author        text        NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    published_at  timestamptz,
    ended_at      timestamptz
);
CREATE UNIQUE INDEX offers_name ON offers (name);

CREATE TABLE offer_versions (
    offer_id      uuid        NOT NULL REFERENCES offers (id),
    version       integer     NOT NULL,
    document      jsonb       NOT NULL,
    author        text        NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (offer_id, version)
);

-- What an offer has given away. A claim is one conditional update; the row exists from publication on.
CREATE TABLE budgets (
    offer_id      uuid        PRIMARY KEY REFERENCES offers (id),
    units         bigint      NOT NULL DEFAULT 0 CHECK (units >= 0),
    liability     bigint      NOT NULL DEFAULT 0 CHECK (liability >= 0)
);
CREATE TABLE place_budgets (
    offer_id      uuid        NOT NULL REFERENCES offers (id),
    place_id      uuid        NOT NULL,
    period        text        NOT NULL,
    units         bigint      NOT NULL DEFAULT 0 CHECK (units >= 0),
    PRIMARY KEY (offer_id, place_id, period)
);

-- Counts every change of offers, places and segments; a process that sees a new number loads what changed.
CREATE TABLE ruleset_epoch (
    one           boolean     PRIMARY KEY DEFAULT true CHECK (one),
    epoch         bigint      NOT NULL DEFAULT 0
);
INSERT INTO ruleset_epoch DEFAULT VALUES;
