"""The doors of places on a running server, and somebody who may use them."""

from __future__ import annotations

import contextlib
import io
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from server.store import keys
from server.store.pool import Pool
from server.web.doors import all_doors
from tests.web.serving import Answered, Served, serving, settings_with

STORE = {
    "name": "Kaffeehaus am Markt",
    "lat": 52.52003,
    "lon": 13.40489,
    "radius_m": 100.0,
    "time_zone": "Europe/Berlin",
    "country": "DE",
    "region": "BE",
    "hours": {"mon": [["07:00", "20:00"]], "sat": [["22:00", "02:00"]]},
    "tags": ["coffee", "store"],
    "address": "Markt 1, 10178 Berlin",
}

NOBODYS = UUID(int=7)


class Desk:
    """A client with a key of one kind."""

    def __init__(self, served: Served, token: str) -> None:
        self.served = served
        self.headers = {"Authorization": f"Bearer {token}"}

    async def call(self, method: str, path: str, *, headers: dict[str, str] | None = None, **options: Any) -> Answered:
        return await self.served.call(method, path, headers=self.headers | (headers or {}), **options)

    async def csv(self, table: str | bytes, *, headers: dict[str, str] | None = None, query: str = "") -> Answered:
        data = io.BytesIO(
            table.encode() if isinstance(table, str) else table
        )  # bytes beyond 1 MB make aiohttp complain
        given = {"Content-Type": "text/csv"} | (headers or {})
        return await self.call("POST", f"/v1/stores/import{query}", data=data, headers=given)


@contextlib.asynccontextmanager
async def marketing(
    pool: Pool, *, kind: str = "marketer", geocoder: Any = None, modules: tuple[str, ...] = (), **settings: Any
) -> AsyncIterator[Desk]:
    """Serve the doors of stores and fences (and of more modules) to a key of this kind."""
    doors = all_doors(("stores", "geofences", "imports", *modules))
    async with serving(doors, settings_with(**settings), pool, geocoder=geocoder) as served:
        yield Desk(served, await token_of(pool, kind))


async def token_of(pool: Pool, kind: str, *, store: UUID | None = None) -> str:
    """Make a key."""
    async with pool.transaction() as db:
        made = await keys.create(db, kind=kind, store_id=store)
    assert made is not None
    return made.token


def fields_of(answer: Answered) -> list[str]:
    """The wrong fields of a 422."""
    assert (answer.status, answer.json["code"]) == (422, "invalid")
    return [error["field"] for error in answer.json["errors"]]
