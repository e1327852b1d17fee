"""Reports: groups of moments and what came of them, out of the cube (server.store.cube).

Rule 1: how many people a group has is told with it: all of a small one, of a large one that they are enough. Whoever shows the
        figures blanks what is too small.
Rule 2: figures and people are those of one instant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Literal
from uuid import UUID

from server.store import cube
from server.store.cube import ALL, SUMS, Filters, counting, naming
from server.store.funnel import MOST_CUSTOMERS
from server.store.pool import Connection, Row

By = Literal["offer", "store", "channel", "variant", "placement", "hour", "weekday", "weather", "day", "programme"]

KEYS: Final[Mapping[By, tuple[str, ...]]] = {
    "offer": ("offer_id",),
    "store": ("place_id",),
    "channel": ("channel",),
    "variant": ("variant",),
    "placement": ("placement",),
    "hour": ("local_hour",),
    "weekday": ("weekday",),
    "weather": ("weather",),
    "day": ("local_day",),
    "programme": (),
}
"""By what a report may group, and the columns that this is."""

Key = tuple[Any, ...]


def text_of(key: Sequence[Any]) -> str:
    """Write a key of one column; the whole programme's, which has none, has a word."""
    return str(key[0]) if key else "programme"


@dataclass(slots=True)
class Counts:
    """One group: its key, what it is called if it has a name, its people, the steps.

    `people` are their hashes where they are fewer than were asked for, else None: there are enough. `value` (minor units) and
    `redemptions` are by currency, of what was redeemed and not taken back.
    """

    key: Key
    decided: int = 0
    delivered: int = 0
    opened: int = 0
    clicked: int = 0
    passes: int = 0
    redeemed: int = 0
    control: int = 0
    converted: int = 0
    value: Mapping[str, int] = field(default_factory=dict)
    redemptions: Mapping[str, int] = field(default_factory=dict)
    people: frozenset[int] | None = None
    name: str | None = None


_NO_MONEY: Final[Mapping[str, int]] = MappingProxyType({})
"""One for all groups: thousands of empty ones take longer to make than to count."""


_NOBODY: Final[frozenset[int]] = frozenset()


async def count(
    db: Connection,
    *,
    start: datetime,
    end: datetime,
    keys: Sequence[str],
    filters: Filters = ALL,
    least: int = MOST_CUSTOMERS,
    money: bool = True,
    sums: Sequence[str] = SUMS,
) -> list[Counts]:
    """Count the moments decided in [start, end), and what came of them, by group; tell the people of groups under `least`.

    Where there are many groups, it is quicker without `money` (nothing is told by currency then), and with only those `sums`
    that are wanted.
    """
    if not money:
        sums = [name for name in sums if name != "value_minor"]
    values, exactly = (
        cube.cut(start, end, needs=keys, filters=filters, over=over).parameters(filters) for over in (True, False)
    )
    fine = not cube.FINE.isdisjoint(keys)
    async with db.transaction(isolation="repeatable_read", readonly=True):
        await db.execute(cube.ROOM)
        counted = await db.fetch(
            counting(keys, filters.named, money=money, sums=sums), *values, *([least] if fine else [])
        )
        groups, small = _grouped(counted, len(keys), sums, money=money, least=least)
        if small and not fine:
            listed = [list(column) for column in zip(*small, strict=True)]
            named = await db.fetch(naming(keys, filters.named), *exactly, *listed, least)
            small |= {row[: len(keys)]: frozenset(row["people"] or ()) for row in named}
    for key, people in small.items():
        groups[key].people = people if len(people) < least else None
    return list(groups.values())


def _grouped(
    rows: Iterable[Row], width: int, sums: Sequence[str], *, money: bool, least: int
) -> tuple[dict[Key, Counts], dict[Key, frozenset[int]]]:
    """Make groups of rows, and tell in which not enough people are seen yet, and which ones are."""
    groups: dict[Key, Counts] = {}
    small: dict[Key, frozenset[int]] = {}
    large: set[Key] = set()
    for row in rows:
        key, (people, most, marks) = row[:width], row[-3:]
        added = dict(zip(sums, row[width + money : -3], strict=True))
        if money:
            _add(groups.setdefault(key, Counts(key)), added, row[width])
        elif None in added.values():  # of no groups there is one without a moment
            groups[key] = Counts(key)
        else:
            groups[key] = Counts(key, value=_NO_MONEY, redemptions=_NO_MONEY, **added)
        if most is not None and (most >= least or _marked(marks) >= least):
            large.add(key)
        else:
            small[key] = small.get(key, _NOBODY).union(people or ())
    return groups, {key: people for key, people in small.items() if key not in large}


def _marked(marks: int | None) -> int:
    """Count the bits that are set; the database's numbers have a sign."""
    return 0 if marks is None else (marks & (1 << 64) - 1).bit_count()


def _add(counts: Counts, sums: Mapping[str, int], currency: str) -> None:
    """Add a row to its group; what was redeemed in a currency and taken back again is none."""
    for name, added in sums.items():
        if added and name != "value_minor":
            setattr(counts, name, getattr(counts, name) + added)
    if currency and (sums["redeemed"] or sums["value_minor"]):
        counts.value = {**counts.value, currency: sums["value_minor"]}
        counts.redemptions = {**counts.redemptions, currency: sums["redeemed"]}


OFFERS = "SELECT id, name FROM offers WHERE id = ANY ($1::uuid[])"
PLACES = """
SELECT id, name FROM geofences WHERE id = ANY ($1::uuid[])
UNION ALL
SELECT id, name FROM stores WHERE id = ANY ($1::uuid[])
"""


async def funnel(
    db: Connection,
    *,
    start: datetime,
    end: datetime,
    by: By,
    filters: Filters = ALL,
    least: int = MOST_CUSTOMERS,
) -> list[Counts]:
    """Count by one of the usual groupings; offers and places with their names, in the order of their keys."""
    found = await count(db, start=start, end=end, keys=KEYS[by], filters=filters, least=least)
    if by in ("offer", "store"):
        names = await name_all(db, ids=[each.key[0] for each in found], sql=OFFERS if by == "offer" else PLACES)
        for each in found:
            each.name = names.get(each.key[0])
    return sorted(found, key=lambda each: each.key)


async def name_all(db: Connection, *, ids: Sequence[UUID], sql: str) -> dict[UUID, str]:
    """Tell what offers or places are called; a store's name is that of the store, not of its fence."""
    return {row["id"]: row["name"] for row in await db.fetch(sql, ids)}


CURRENCY = """
SELECT document->'reward'->'value'->>'currency' AS currency FROM offers
WHERE jsonb_typeof(document->'reward'->'value'->'currency') = 'string'
GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1
"""


async def usual_currency(db: Connection) -> str | None:
    """Tell the currency of most offers' rewards; None where no offer names one."""
    found: str | None = await db.fetchval(CURRENCY)
    return found
