"""Addresses and where they are: each is asked for once by all processes together, and they take turns at asking."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from server.model.place import Point
from server.store.pool import Connection


class Answered(NamedTuple):
    """What the geocoder said: a position, or None where it knows no such address."""

    point: Point | None


ANSWER = "SELECT lat, lon FROM addresses WHERE address = $1 AND answered_at IS NOT NULL"


async def answer(db: Connection, *, address: str) -> Answered | None:
    """Give what was answered for an address; None where nothing was yet."""
    row = await db.fetchrow(ANSWER, address)
    if row is None:
        return None
    return Answered(None if row["lat"] is None else Point(row["lat"], row["lon"]))


# Who was asking for so long has died: no question takes that time.
CLAIM = """
INSERT INTO addresses (address, asked_at) VALUES ($1, clock_timestamp())
ON CONFLICT (address) DO UPDATE SET asked_at = clock_timestamp()
    WHERE addresses.answered_at IS NULL AND addresses.asked_at < clock_timestamp() - $2::interval
RETURNING true
"""


async def claim(db: Connection, *, address: str, patience: timedelta) -> bool:
    """Take it upon oneself to ask for an address; False where somebody is asking or it was answered."""
    return bool(await db.fetchval(CLAIM, address, patience))


KEEP = """
UPDATE addresses SET answered_at = clock_timestamp(), lat = $2, lon = $3 WHERE address = $1 AND answered_at IS NULL
"""


async def keep(db: Connection, *, address: str, point: Point | None) -> None:
    """Write down the answer, also that there is no such address."""
    lat, lon = point or (None, None)
    await db.execute(KEEP, address, lat, lon)


GIVE_UP = "DELETE FROM addresses WHERE address = $1 AND answered_at IS NULL"


async def give_up(db: Connection, *, address: str) -> None:
    """Leave an address to whoever asks next: there was no answer."""
    await db.execute(GIVE_UP, address)


TURN = """
UPDATE geocoder_turn SET next_at = clock_timestamp() + $1::interval WHERE next_at <= clock_timestamp() RETURNING true
"""
WAIT = "SELECT greatest(next_at - clock_timestamp(), '0 s') FROM geocoder_turn"


async def turn(db: Connection, *, interval: timedelta) -> timedelta | None:
    """Take the turn to ask, the next one an interval later, and give None; or tell how long to wait for it."""
    if await db.fetchval(TURN, interval):
        return None
    wait: timedelta = await db.fetchval(WAIT)
    return wait
