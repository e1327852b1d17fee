"""The funnel's facts and cells: a step of a moment is a fact, and a consumer moves facts into the reports' cells.

Rule 1: a fact is written in the transaction of its step, so that what happened and what is counted cannot differ.
Rule 2: a fact is deleted and counted in one statement: however many consumers there are, each fact counts once.
Rule 3: the cells' sums over hours, days and longer (server.store.cuts) are written with them: they are the same at any time.
Rule 4: everything counts by the time its moment was decided (a cohort): a redemption of tomorrow belongs to today's moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

import msgspec

from server.model.ids import bucket_of
from server.store import cuts, trials, webhook_events
from server.store.pool import Connection, Pool
from server.store.trials import Terms
from server.store.webhook_events import Fact

Step = Literal["decided", "control", "delivered", "opened", "clicked", "passes", "redeemed", "converted"]

SLOT_MINUTES = 15
"""Every zone's offset is a multiple of it, so that a local midnight is always a slot's edge."""

MOST_CUSTOMERS = 64
"""So many distinct customers a cell remembers: enough to tell whether a group is smaller than `privacy.min_group`."""

NO_TERMS = Terms()
"""The programme holds nobody out: only offers with a control group of their own are tried."""

_FACTS = 2000
"""Facts moved by one statement: some tens of milliseconds."""
_TRIES = 5

_facts = msgspec.json.Decoder(list[Fact]).decode

# The hash is that of the customer's id (the first eight bytes of SHA-256): a cell tells people apart and names nobody.
NOTE = """
INSERT INTO funnel_facts (bucket, moment_id, customer, step, delta, value_minor, currency, slot, offer_id, place_id,
                          channel, placement, variant, local_day, local_hour, weekday, weather)
SELECT m.bucket, m.id, ('x' || encode(substr(sha256(uuid_send(m.customer_id)), 1, 8), 'hex'))::bit(64)::bigint,
       $3, $4, $5, $6, date_bin('15 minutes', m.created_at, timestamptz '2000-01-01 00:00:00+00'), m.offer_id, m.place_id,
       m.channel, m.placement, m.variant, m.local_day, m.local_hour, m.weekday, coalesce(m.weather, '')
FROM unnest($1::smallint[], $2::uuid[]) AS k (bucket, id)
JOIN moments m ON m.bucket = k.bucket AND m.id = k.id
WHERE m.customer_id IS NOT NULL
"""


async def note(
    db: Connection,
    *,
    moments: Sequence[UUID],
    step: Step,
    delta: Literal[1, -1] = 1,
    value_minor: int = 0,
    currency: str = "",
) -> None:
    """Note a step of some moments, in the transaction that takes it; -1 takes a redemption back.

    `value_minor` (never negative; `delta` has the sign) and its ISO 4217 `currency` are those of each redemption.
    """
    if moments:
        buckets = [bucket_of(each) for each in moments]
        await db.execute(NOTE, buckets, list(moments), step, delta, value_minor, currency)


_STEPS = ("decided", "delivered", "opened", "clicked", "passes", "redeemed", "control", "converted")
_COUNTED = f"""{", ".join(f"coalesce(sum(delta) FILTER (WHERE step = '{step}'), 0) AS {step}" for step in _STEPS)},
           sum(delta * value_minor)::bigint AS value_minor"""
_SUMS = (*_STEPS, "value_minor")
_ADDED = ", ".join(f"sum({name})::bigint AS {name}" for name in _SUMS)
_PEOPLE = "ARRAY(SELECT DISTINCT u FROM unnest(old.customers || excluded.customers) AS u LIMIT $2)"
_MERGED = f"""{", ".join(f"{name} = old.{name} + excluded.{name}" for name in _SUMS)},
                  customers = CASE WHEN cardinality(old.customers) >= $2 OR old.customers @> excluded.customers
                                   THEN old.customers ELSE {_PEOPLE} END"""
_KEY = ", ".join(cuts.KEYS)

# Cells, and sums after them, are locked in the order of their keys: two consumers never wait for each other in a ring. Sums are
# put into order when they are added up: facts times cuts are many.
ROLL = f"""
WITH taken AS (
    DELETE FROM funnel_facts
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM funnel_facts LIMIT $1 FOR UPDATE SKIP LOCKED))
    RETURNING bucket, moment_id, customer, step, delta, value_minor, currency, slot, offer_id,
              coalesce(place_id, '00000000-0000-0000-0000-000000000000') AS place_id, channel, placement, variant, local_day,
              local_hour, weekday, weather, at, subject_id
), summed AS (
    SELECT slot, offer_id, place_id, channel, placement, variant, local_day, local_hour, weekday, weather, currency,
           {_COUNTED}, (array_agg(DISTINCT customer))[1:$2] AS customers
    FROM taken
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
), added AS (
    INSERT INTO funnel_cells AS c (slot, offer_id, place_id, channel, placement, variant, local_day, local_hour, weekday,
                                   weather, currency, decided, delivered, opened, clicked, passes, redeemed, control,
                                   converted, value_minor, customers, in_sums, in_place_sums)
    SELECT *, true, true FROM summed
    ORDER BY slot, offer_id, place_id, channel, placement, variant, local_day, local_hour, weekday, weather, currency
    ON CONFLICT (slot, offer_id, place_id, channel, placement, variant, local_day, local_hour, weekday, weather, currency)
    DO UPDATE SET {_MERGED.replace("old.", "c.")}
), lives AS MATERIALIZED (
    SELECT slot, offer_id, place_id, channel, placement, variant, local_day, local_hour, weekday, weather, currency, customer,
           {_COUNTED}
    FROM taken
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
), totals AS MATERIALIZED (
    SELECT {cuts.keyed("t", "slot")}, t.currency, {_ADDED}, array_agg(t.customer) AS customers
    FROM lives t CROSS JOIN {cuts.MASKS}
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
), cut AS (
    INSERT INTO funnel_sums AS s ({_KEY}, decided, delivered, opened, clicked, passes, redeemed, control, converted,
                                  value_minor, customers)
    SELECT {_KEY}, {", ".join(_SUMS)}, CASE WHEN cardinality(customers) < 2 THEN customers
           ELSE ARRAY(SELECT DISTINCT u FROM unnest(customers) AS u LIMIT $2) END
    FROM totals ORDER BY {_KEY}
    ON CONFLICT ({_KEY})
    DO UPDATE SET {_MERGED.replace("old.", "s.")}
), happened AS (
    INSERT INTO happened_cells AS h (slot, what, count)
    SELECT date_bin('15 minutes', coalesce(r.redeemed_at, t.at), timestamptz '2000-01-01 00:00:00+00') AS slot,
           CASE t.step WHEN 'decided' THEN 'moments' WHEN 'opened' THEN 'opens' WHEN 'redeemed' THEN 'redemptions'
                       ELSE t.step END AS what, sum(t.delta)
    FROM taken t
    LEFT JOIN reversals v ON t.delta < 0 AND v.bucket = t.bucket AND v.id = t.subject_id
    LEFT JOIN redemptions r ON r.bucket = v.bucket AND r.id = v.redemption_id
    WHERE t.step IN ('decided', 'opened', 'passes', 'redeemed')
    GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (slot, what) DO UPDATE SET count = h.count + excluded.count
)
SELECT (SELECT count(*) FROM taken) AS moved, ARRAY(
    SELECT t.moment_id FROM taken t
    WHERE t.step IN ('decided', 'control') AND ($3 OR EXISTS (
          SELECT FROM offer_versions v
          WHERE v.offer_id = t.offer_id AND v.document->'holdout'->>'share' IS NOT NULL))
) AS begun, CASE WHEN $4 THEN (SELECT json_agg(json_build_array(moment_id, step, delta, at, subject_id)) FROM taken) END AS told
"""  # noqa: S608  names of ours, no input


async def roll(pool: Pool, *, facts: int = _FACTS, terms: Terms = NO_TERMS) -> int:
    """Move the facts that nobody else is moving into cells, until there are none left, and tell how many.

    With them begin the trials of those who were shown, or held out of, an offer that is tried, and other systems that
    listen are told.
    """
    total = 0
    while moved := await pool.attempt(lambda db: _roll_some(db, facts=facts, terms=terms), tries=_TRIES):
        total += moved
        if moved < facts:
            break
    return total


ROOM = "SET LOCAL work_mem = '64MB'"
"""Facts times cuts are added up in memory: some tens of megabytes of one portion."""


async def _roll_some(db: Connection, *, facts: int, terms: Terms) -> int:
    await db.execute(ROOM)
    listened = bool(await webhook_events.heard(db))
    [row] = await db.fetch(ROLL, facts, MOST_CUSTOMERS, terms.programme, listened)
    await trials.begin(db, moments=row["begun"], terms=terms)
    if row["told"]:
        await webhook_events.tell_facts(db, facts=_facts(row["told"]))
    return int(row["moved"])
