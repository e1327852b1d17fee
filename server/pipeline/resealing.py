"""Sealing anew: everything that an older key sealed is sealed with the present one, so that the older ones may end.

It works beside a running house. Some buckets of a column are a transaction of their own, and a value is replaced only where it is
still what was read; while it lasts, and an hour longer, both keys open what they sealed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NamedTuple

from server.errors import Conflict
from server.model.ids import BUCKETS
from server.store import sealed
from server.store.pool import Connection, Pool
from server.store.sealed import COLUMNS, Column, Sealed
from server.wallet.keyring import Keyring, Kind

STAYS: Final = timedelta(hours=1)
"""How long a key that has nothing left to open is still good: for rows that somebody has just read."""


class Resealed(NamedTuple):
    """How many values were sealed anew, how many nobody can open any more, and which key seals from now on."""

    done: int
    lost: int
    key: int


async def reseal(pool: Pool, keyring: Keyring, *, now: datetime) -> Resealed:
    """Seal everything with the key that is the newest at `now`, then let the older ones end.

    Raises Conflict while a newer one waits to begin: what it would seal anew would have to be sealed again.
    """
    present = keyring.current(Kind.SEAL, now=now)
    good = keyring.keys(Kind.SEAL, now=now)
    if good[-1].id != present.id:
        raise Conflict(f"The new key begins at {good[-1].not_before:%H:%M:%S} UTC; seal anew after that.")
    older = list(range(1, present.id))
    first = await _round(pool, keyring, older, now=now)
    second = await _round(pool, keyring, older, now=now)  # for what was sealed by somebody who had not seen the new key
    keyring.end(Kind.SEAL, before=present.id, at=now + STAYS, now=now)
    return Resealed(first.done + second.done, second.lost, present.id)


class _Counts(NamedTuple):
    done: int
    lost: int


async def _round(pool: Pool, keyring: Keyring, older: Sequence[int], *, now: datetime) -> _Counts:
    done = lost = 0
    for column in COLUMNS.values():
        for first in range(0, BUCKETS, sealed.STEP):
            work = partial(_some, column=column, first=first, older=older, keyring=keyring, now=now)
            counted = await pool.attempt(work)
            done, lost = done + counted.done, lost + counted.lost
    return _Counts(done, lost)


async def _some(
    db: Connection, *, column: Column, first: int, older: Sequence[int], keyring: Keyring, now: datetime
) -> _Counts:
    """Seal some buckets of a column anew. What nobody can open stays: it tells that it was there."""
    before: list[Sealed] = []
    after: list[bytes] = []
    found = await sealed.read(db, column, first=first, keys=older) if older else []
    for each in found:
        plain = keyring.unseal(each.value, table=column.table, row=each.id.bytes, now=now)
        if plain is not None:
            before.append(each)
            after.append(keyring.seal(plain, table=column.table, row=each.id.bytes, now=now))
    done = await sealed.write(db, column, before=before, after=after) if before else 0
    return _Counts(done, len(found) - len(before))
