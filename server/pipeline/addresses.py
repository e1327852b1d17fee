"""Where an address is, for the whole house: kept answers first, then a geocoder, one question a second and none twice.

    answered? → somebody asking: wait for them → take the turn → ask → keep

Rule 1: the pace and the answers are PostgreSQL's, not a process's: however many processes import lists at once, the
        geocoder hears one question in an interval, and an address that was answered is never asked for again.
Rule 2: no connection is held while somebody waits.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import Final, Protocol

from server.errors import Unavailable
from server.model.place import Point
from server.signals.geocode import ADDRESS_MAX, INTERVAL_S
from server.store import addresses
from server.store.pool import Pool

PATIENCE: Final = timedelta(seconds=60)
"""Who has been asking for so long is gone: a question ends after ten seconds, and its turn comes within the deadline."""

_LOOK_S: Final = 0.2
"""How often one looks whether somebody else has got the answer."""


class Locates(Protocol):
    """Whatever finds addresses; raises Unavailable where it cannot tell now."""

    async def locate(self, address: str) -> Point | None:
        """Give the position of an address, or None where there is no such."""


class AddressBook:
    """A geocoder behind what is known already."""

    def __init__(
        self, pool: Pool, geocoder: Locates, *, interval_s: float = INTERVAL_S, patience: timedelta = PATIENCE
    ) -> None:
        """Ask the geocoder once in so many seconds, whichever process does."""
        self._pool, self._geocoder, self._patience = pool, geocoder, patience
        self._interval = timedelta(seconds=interval_s)

    async def locate(self, address: str) -> Point | None:
        """Give the position of an address, or None where it is not found; raises Unavailable: ask again later."""
        written = " ".join(address.split())
        key = written.casefold()
        if not key or len(key) > ADDRESS_MAX:
            return None
        ends = asyncio.get_running_loop().time() + self._patience.total_seconds()
        while True:
            async with self._pool.acquire() as db:
                known = await addresses.answer(db, address=key)
                if known is not None:
                    return known.point
                mine = await addresses.claim(db, address=key, patience=self._patience)
            if mine:
                return await self._ask(key, written)
            if asyncio.get_running_loop().time() > ends:
                raise Unavailable("The geocoder does not answer.", code="geocoder_unavailable")
            await asyncio.sleep(_LOOK_S)

    async def _ask(self, key: str, written: str) -> Point | None:
        answered = False
        try:
            await self._turn()
            point = await self._geocoder.locate(written)
            async with self._pool.acquire() as db:
                await addresses.keep(db, address=key, point=point)
            answered = True
            return point
        finally:
            if not answered:
                # Where the database is away too, the question is anybody's again when the patience is over.
                with contextlib.suppress(Unavailable):
                    async with self._pool.acquire() as db:
                        await addresses.give_up(db, address=key)

    async def _turn(self) -> None:
        """Wait until it is this process's turn."""
        while True:
            async with self._pool.acquire() as db:
                wait = await addresses.turn(db, interval=self._interval)
            if wait is None:
                return
            await asyncio.sleep(max(wait.total_seconds(), 0.001))
