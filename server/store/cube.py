"""The cube that reports are cut from: which rows a question counts, and the statement that adds them up.

Rule 1: a moment counts by when it was decided, and everything that came of it counts with it (a cohort).
Rule 2: a cell is a whole quarter of an hour; the rest of a range that begins or ends within one is counted from moments.
Rule 3: whole hours, days and longer stretches of a range come from sums (server.store.cuts), so that years are as quick as weeks.
Rule 4: a statement depends on what is asked and never on the values: a connection keeps the few that are asked often.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from server.store.cuts import NO_LEAD, ORIGIN, Lead, Piece, choose, divide
from server.store.funnel import SLOT_MINUTES

SUMS: Final = (
    "decided",
    "delivered",
    "opened",
    "clicked",
    "passes",
    "redeemed",
    "control",
    "converted",
    "value_minor",
)
"""What is added up."""

_SLOT: Final = timedelta(minutes=SLOT_MINUTES)

TYPES: Final[Mapping[str, str]] = {
    "offer_id": "uuid",
    "place_id": "uuid",
    "channel": "text",
    "placement": "text",
    "variant": "text",
    "weather": "text",
    "local_day": "date",
    "local_hour": "smallint",
    "weekday": "smallint",
    "hour": "timestamptz",
}
"""By what a report may group, and of which type it is; `hour` is the whole hour, by the clock of UTC."""


class Filters(NamedTuple):
    """What alone is to be counted; None: all. Several offers are asked for together."""

    offer_id: tuple[UUID, ...] | None = None
    place_id: UUID | None = None
    channel: str | None = None
    placement: str | None = None
    variant: str | None = None
    weather: str | None = None

    @property
    def named(self) -> tuple[str, ...]:
        """The columns that are asked for."""
        return tuple(name for name in self._fields if getattr(self, name) is not None)

    def leads(self, lead: Lead | None) -> tuple[UUID, ...]:
        """Give what a cut's sums are asked for: those of each offer that is named, of the place, or of all."""
        if lead is None:
            return (NO_LEAD,)
        return self.offer_id or () if lead == "offer_id" else (self.place_id,) if self.place_id is not None else ()

    @property
    def given(self) -> list[object]:
        """The values, in the order of the columns."""
        return [list(value) if isinstance(value, tuple) else value for value in self if value is not None]


ALL: Final = Filters()


class Slices(NamedTuple):
    """A range cut up: sums of whole steps and whole slots beside them, and what begins or ends within a slot."""

    pieces: Sequence[Piece]
    edges: Sequence[tuple[datetime, datetime]]

    def parameters(self, filters: Filters) -> list[object]:
        """Give the parameters of a statement; sums that lie offer by offer are asked for once for each."""
        cells = [(each.start, each.end, each.sign) for each in self.pieces if each.cut is None]
        sums = [
            (each.cut.number, lead, each.start, each.end, each.sign, each.sure)
            for each in self.pieces
            if each.cut is not None
            for lead in filters.leads(each.cut.lead)
        ]
        columns: tuple[tuple[Sequence[tuple[object, ...]], int], ...] = ((cells, 3), (self.edges, 2), (sums, 6))
        return [*([each[place] for each in rows] for rows, width in columns for place in range(width)), *filters.given]


FIRST: Final = 12
"""The number of the first parameter behind those of the slices: the filters begin there."""


def cut(start: datetime, end: datetime, *, needs: Sequence[str], filters: Filters, over: bool = False) -> Slices:
    """Cut [start, end) without gap or overlap into what a question by these columns is answered from; pure.

    With `over` some of it may be more than the range, less what is too much.
    """
    first = start + (ORIGIN - start) % _SLOT
    last = end - (end - ORIGIN) % _SLOT
    if first >= last:
        return Slices((), [(start, end)])
    cuts = choose({*needs, *filters.named}, offered=filters.offer_id is not None, placed=filters.place_id is not None)
    edges = [each for each in ((start, first), (last, end)) if each[0] < each[1]]
    return Slices(divide(first, last, cuts, over=over), edges)


RANGES: Final = "unnest($1::timestamptz[], $2::timestamptz[], $3::smallint[]) AS r (since, until, sign)"
EDGES: Final = "unnest($4::timestamptz[], $5::timestamptz[]) AS r (since, until)"
SUMMED: Final = """unnest($6::smallint[], $7::uuid[], $8::timestamptz[], $9::timestamptz[], $10::smallint[], $11::boolean[])
         AS b (cut, lead, since, until, sign, sure)"""
WITHIN: Final = "s.cut = b.cut AND s.lead = b.lead AND s.at >= b.since AND s.at < b.until"
"""Where the cells, the edges and the sums of a question are, and which they are."""

APART: Final = "OFFSET 0"
"""Stretch by stretch: all that some offers ever had would be read first, where many rows are expected of a stretch."""

ROOM: Final = """SET LOCAL work_mem = '64MB'; SET LOCAL max_parallel_workers_per_gather = 0;
SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off"""
"""Groups are added up by their hashes, and rows are read as an index has them: nobody knows beforehand how few groups there are,
and putting rows or pages into order takes longer."""


def wanted_of(row: str, filters: Sequence[str], first: int) -> str:
    """Write the conditions on a row of that name; their values are the parameters from `first` on.

    One place has few cells: where it is asked for, all of them are read, and no index is to be taken for anything else.
    """
    conditions = {name: f"{row}.{name} = ${place}::{TYPES[name]}" for place, name in enumerate(filters, first)}
    if "offer_id" in conditions:
        conditions["offer_id"] = f"{row}.offer_id = ANY (${first + filters.index('offer_id')}::uuid[])"
    if row == "c" and "place_id" in filters:
        conditions |= {name: f"({each}) IS TRUE" for name, each in conditions.items() if name != "place_id"}
    return "".join(f" AND {each}" for each in conditions.values())


def keys_of(row: str, at: str, keys: Sequence[str]) -> str:
    """Write the columns to group by, of a row of that name with its time in that column."""
    hour = f"date_bin('1 hour', {row}.{at}, timestamptz '2000-01-01 00:00:00+00')"
    return "".join(f"{hour if key == 'hour' else f'{row}.{key}'} AS {key}, " for key in keys)


def _facts(keys: Sequence[str], filters: Sequence[str]) -> str:
    """Write what is counted: $1-$3 whole slots, $4-$5 edges, $6-$11 sums, from $12 on the filters.

    What is taken away, and what it is taken from, tells nobody's hash: who of them was there within the range is not known.
    """
    cells, edges, sums = (wanted_of(row, filters, FIRST) for row in ("c", "e", "s"))
    of_cells, of_edges, of_sums = keys_of("c", "slot", keys), keys_of("e", "created_at", keys), keys_of("s", "at", keys)
    of_cell, of_sum = (", ".join(f"{sign} * {name} AS {name}" for name in SUMS) for sign in ("r.sign", "b.sign"))
    return f"""
edges AS (
    SELECT e.* FROM {EDGES}
    JOIN (SELECT m.bucket, m.id, m.created_at, m.offer_id,
                 coalesce(m.place_id, '00000000-0000-0000-0000-000000000000') AS place_id, m.channel, m.placement, m.variant,
                 m.local_day, m.local_hour, m.weekday, coalesce(m.weather, '') AS weather, m.held_out, m.delivered_at,
                 m.opened_at, m.clicked_at, m.converted_at, m.pass_serial,
                 array_remove(ARRAY[('x' || encode(substr(sha256(uuid_send(m.customer_id)), 1, 8), 'hex'))::bit(64)::bigint],
                              NULL) AS customers
          FROM moments m) AS e ON e.created_at >= r.since AND e.created_at < r.until{edges}
), facts AS (
    SELECT {of_cells}c.currency, {of_cell}, CASE WHEN r.sign > 0 THEN c.customers END AS customers
    FROM {RANGES} CROSS JOIN LATERAL (
        SELECT * FROM funnel_cells c WHERE c.slot >= r.since AND c.slot < r.until{cells} {APART}
    ) AS c
    UNION ALL
    SELECT {of_sums}s.currency, {of_sum}, CASE WHEN b.sure THEN s.customers END
    FROM {SUMMED} CROSS JOIN LATERAL (SELECT * FROM funnel_sums s WHERE {WITHIN}{sums} {APART}) AS s
    UNION ALL
    SELECT {of_edges}'', (NOT e.held_out)::int, (e.delivered_at IS NOT NULL)::int, (e.opened_at IS NOT NULL)::int,
           (e.clicked_at IS NOT NULL)::int, (e.pass_serial IS NOT NULL)::int, 0, e.held_out::int,
           (e.converted_at IS NOT NULL)::int, 0, e.customers
    FROM edges e
    UNION ALL
    SELECT {of_edges}coalesce(r.currency, ''), 0, 0, 0, 0, 0, 1, 0, 0, r.value_minor, e.customers
    FROM edges e CROSS JOIN LATERAL (
        SELECT r.currency, r.value_minor FROM redemptions r
        WHERE r.bucket = e.bucket AND r.serial = e.pass_serial
          AND NOT EXISTS (SELECT FROM reversals v WHERE v.bucket = r.bucket AND v.redemption_id = r.id)
        OFFSET 0  -- looked up one by one: nobody knows beforehand that edges are short
    ) AS r
)"""  # noqa: S608  names of ours, no input


FINE: Final = frozenset({"local_day", "hour"})
"""Who groups by these has many groups of few rows each."""


def counting(keys: Sequence[str], filters: Sequence[str], *, money: bool = True, sums: Sequence[str] = SUMS) -> str:
    """Write the statement that adds up `sums`, by group, and by currency where `money` is asked for.

    A group has at least as many people as `most`, those of the cell or sum that has most of them; and as many as `marks` has
    bits: each cell or sum marks one of 64 by the hash of one of its people. Where groups are fine, `people` are the hashes in
    those rows that have fewer of them than the parameter behind the filters says.
    """
    group = [*keys, "currency"] if money else list(keys)
    added = ", ".join(f"sum({name})::bigint AS {name}" for name in sums)
    listed = "".join(f"{key}, " for key in group)
    left = " OR ".join(f"sum({name}) <> 0" for name in sums)  # what was taken away whole is no group
    few = f"cardinality(customers) BETWEEN 1 AND ${FIRST + len(filters)}::int - 1"
    people = f"people_together(customers) FILTER (WHERE {few})" if FINE & set(keys) else "NULL::bigint[]"
    return f"""
WITH {_facts(keys, filters)}
SELECT {listed}{added}, {people} AS people, max(cardinality(customers)) AS most,
       bit_or(1::bigint << (customers[1] & 63)::int) AS marks FROM facts
{f"GROUP BY {', '.join(group)} HAVING {left}" if group else ""}
"""  # noqa: S608  names of ours, no input


def naming(keys: Sequence[str], filters: Sequence[str]) -> str:
    """Write the statement that tells whose hashes are in some groups; their keys are the parameters behind the filters.

    Of each group at most so many are told as the last parameter says. People are told apart before they are gathered, so that
    thousands of groups are put into no order.
    """
    first = FIRST + len(filters)
    asked = ", ".join(f"${first + place}::{TYPES[key]}[]" for place, key in enumerate(keys))
    small = f"JOIN unnest({asked}) AS small ({', '.join(keys)}) USING ({', '.join(keys)})" if keys else ""
    group = "".join(f"{key}, " for key in keys)
    return f"""
WITH {_facts(keys, filters)}, apart AS (
    SELECT {group}customer FROM facts {small}, unnest(customers) AS customer GROUP BY {group}customer
)
SELECT {group}(array_agg(customer))[1:${first + len(keys)}::int] AS people FROM apart
{f"GROUP BY {', '.join(keys)}" if keys else ""}
"""  # noqa: S608  names of ours, no input
