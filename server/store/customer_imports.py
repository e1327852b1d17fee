"""Many customers at once, by the brand's own numbers: looked up, made, changed, each kind in one statement.

Rows are locked in the order of their keys, so that two imports of one list never wait for each other in a ring.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from server.model.ids import bucket_of, bucket_of_text
from server.store.customers import Change, Purpose
from server.store.ids import new_id
from server.store.pool import Connection
from server.store.states import by_bucket

KNOWN = """
SELECT e.external_id, e.customer_id
FROM unnest($1::smallint[], $2::text[]) AS asked (bucket, external_id) JOIN external_ids e USING (bucket, external_id)
"""


async def known(db: Connection, *, external_ids: Sequence[str]) -> dict[str, UUID]:
    """Find the customers whom the brand knows by these numbers."""
    rows = await db.fetch(KNOWN, [bucket_of_text(each) for each in external_ids], list(external_ids))
    return {row["external_id"]: row["customer_id"] for row in rows}


TAKE = """
INSERT INTO external_ids (bucket, external_id, customer_id)
SELECT * FROM unnest($1::smallint[], $2::text[], $3::uuid[]) AS n (bucket, external_id, customer_id)
ORDER BY bucket, external_id
ON CONFLICT DO NOTHING
RETURNING external_id, customer_id
"""
MAKE = """
WITH made AS (
    INSERT INTO customers (bucket, id, external_id, locale, time_zone, attributes)
    SELECT * FROM unnest($1::smallint[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::jsonb[]) ORDER BY 1, 2
    RETURNING bucket, id
)
INSERT INTO customer_state (bucket, customer_id) SELECT bucket, id FROM made
"""


async def make(db: Connection, *, profiles: Mapping[str, Change]) -> dict[str, UUID]:
    """Make customers, who have agreed to nothing yet, and give their ids; whose number belongs to somebody is left out."""
    ids = {external_id: new_id() for external_id in profiles}
    rows = await db.fetch(TAKE, [bucket_of_text(each) for each in ids], list(ids), list(ids.values()))
    made = {row["external_id"]: row["customer_id"] for row in rows}
    if made:
        changes = [profiles[each] for each in made]
        await db.execute(
            MAKE,
            [bucket_of(each) for each in made.values()],
            list(made.values()),
            list(made),
            [each.locale for each in changes],
            [each.time_zone for each in changes],
            [json.dumps(dict(each.attributes or {})) for each in changes],
        )
    return made


CHANGE = """
WITH given AS (
    SELECT * FROM unnest($1::smallint[], $2::uuid[], $3::text[], $4::text[], $5::jsonb[])
           AS g (bucket, id, locale, time_zone, attributes)
), held AS (
    SELECT c.bucket, c.id FROM given JOIN customers c USING (bucket, id) ORDER BY c.bucket, c.id FOR UPDATE OF c
)
UPDATE customers c SET locale = coalesce(g.locale, c.locale), time_zone = coalesce(g.time_zone, c.time_zone),
       attributes = c.attributes || g.attributes, updated_at = clock_timestamp()
FROM given g JOIN held h USING (bucket, id) WHERE c.bucket = g.bucket AND c.id = g.id
RETURNING c.id
"""


async def change(db: Connection, *, profiles: Mapping[UUID, Change]) -> set[UUID]:
    """Change profiles, and tell whose: who is not there any more is left out."""
    ids = sorted(profiles, key=by_bucket)
    rows = await db.fetch(
        CHANGE,
        [bucket_of(each) for each in ids],
        ids,
        [profiles[each].locale for each in ids],
        [profiles[each].time_zone for each in ids],
        [json.dumps(dict(profiles[each].attributes or {})) for each in ids],
    )
    return {row["id"] for row in rows}


NEWEST = """
SELECT l.customer_id, l.purpose, l.granted, l.at
FROM unnest($1::smallint[], $2::uuid[]) AS k (bucket, customer_id) CROSS JOIN LATERAL (
    SELECT DISTINCT ON (purpose) customer_id, purpose, granted, at FROM consents c
    WHERE c.bucket = k.bucket AND c.customer_id = k.customer_id ORDER BY purpose, at DESC, id DESC
) AS l
"""


async def newest(db: Connection, *, customers: Sequence[UUID]) -> dict[tuple[UUID, Purpose], tuple[bool, datetime]]:
    """Tell what these customers said last for each purpose, and when it was written down."""
    rows = await db.fetch(NEWEST, [bucket_of(each) for each in customers], list(customers))
    return {(row["customer_id"], row["purpose"]): (row["granted"], row["at"]) for row in rows}
