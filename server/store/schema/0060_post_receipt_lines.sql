-- What the old code wrote while both served: its receipts have no lines yet.
INSERT INTO receipt_lines (bucket, receipt_id, place, offer_id, at)
SELECT r.bucket, r.id, v.place, (v.verdict->>'offer_id')::uuid, r.at
FROM receipts r, jsonb_array_elements(r.verdicts) WITH ORDINALITY AS v (verdict, place)
ON CONFLICT DO NOTHING;
