-- Who asked to publish a version that reaches many, and who said yes: never its author, never who asked.

CREATE TABLE offer_approvals (
    offer_id      uuid        NOT NULL,
    version       integer     NOT NULL,
    author        text        NOT NULL,
    expected      bigint      NOT NULL CHECK (expected >= 0),
    requested_by  text        NOT NULL,
    requested_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    approved_by   text        CHECK (approved_by <> author AND approved_by <> requested_by),
    approved_at   timestamptz,
    PRIMARY KEY (offer_id, version),
    FOREIGN KEY (offer_id, version) REFERENCES offer_versions (offer_id, version),
    CHECK ((approved_by IS NULL) = (approved_at IS NULL))
);
