-- Which receipts tell of an offer: one row for each verdict, so that a rare offer is found without reading everybody's.
-- `place` is the verdict's number in its receipt, from 1. Written, erased and forgotten with the receipt.
CREATE TABLE receipt_lines (
    bucket        smallint    NOT NULL,
    receipt_id    uuid        NOT NULL,
    place         smallint    NOT NULL,
    offer_id      uuid        NOT NULL,
    at            timestamptz NOT NULL,
    PRIMARY KEY (bucket, receipt_id, place)
);
CREATE INDEX receipt_lines_offer ON receipt_lines (offer_id, at DESC, receipt_id DESC, place);
CREATE INDEX receipt_lines_at ON receipt_lines (at);

INSERT INTO receipt_lines (bucket, receipt_id, place, offer_id, at)
SELECT r.bucket, r.id, v.place, (v.verdict->>'offer_id')::uuid, r.at
FROM receipts r, jsonb_array_elements(r.verdicts) WITH ORDINALITY AS v (verdict, place);
