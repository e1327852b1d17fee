"""Servers in processes of their own on one database, and phones that talk to whichever of them answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg

from server.store import keys
from server.store.pool import Connection
from tests.street.process import ServerProcess
from tests.street.scene import STORE, document, report

AGAIN_S = 0.05
GIVE_UP_S = 60.0


@dataclass
class Town:
    """Some servers, a store with an offer each under `places`, tokens by name, and what was answered."""

    servers: list[ServerProcess]
    http: aiohttp.ClientSession
    db: Connection
    tokens: dict[str, str] = field(default_factory=dict)
    customers: dict[str, UUID] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    lost: int = 0

    async def ask(
        self, method: str, path: str, *, by: str | None = None, body: Any = None, at: int = 0, **headers: str
    ) -> tuple[int, Any]:
        """Ask until somebody answers: a lost answer or a 503 is asked again at the next server."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if by is not None:
            sent["Authorization"] = f"Bearer {self.tokens[by]}"
        deadline = asyncio.get_running_loop().time() + GIVE_UP_S
        while asyncio.get_running_loop().time() < deadline:
            url = self.servers[at % len(self.servers)].url + path
            at += 1
            try:
                async with self.http.request(method, url, json=body, headers=sent) as response:
                    answer = await response.json(content_type=None)
            except (aiohttp.ClientError, TimeoutError, ValueError):
                self.lost += 1
            else:
                self.statuses[response.status] += 1
                if response.status != 503:
                    return response.status, answer
            await asyncio.sleep(AGAIN_S)
        raise AssertionError(f"no answer within {GIVE_UP_S} s")

    async def made(self, path: str, body: Any, *, by: str = "admin") -> Any:
        """Make something, and give its answer."""
        status, answer = await self.ask("POST", path, by=by, body=body)
        assert status in (200, 201), answer
        return answer

    async def sign_up(self, name: str, **body: Any) -> None:
        """A customer who agrees to everything."""
        consents = {"location": True, "push": True, "profiling": True}
        made = await self.made("/v1/customers", {"consents": consents} | body, by="app")
        self.tokens[name], self.customers[name] = made["token"], UUID(made["customer_id"])

    async def open(self, name: str, *, lat: float, **changes: Any) -> str:
        """Open a store of its own with an offer for whoever is in it; gives the offer's id."""
        store = await self.made("/v1/stores", STORE | {"name": name, "lat": lat, "tags": [name]})
        offer = document(name, when={"trigger": "inside", "places": {"ids": [store["id"]]}}, **changes)
        made = await self.made("/v1/offers", offer)
        await self.made(f"/v1/offers/{made['id']}/publish", None)
        return str(made["id"])

    async def known(self, *, lat: float) -> None:
        """Wait until every server decides by the last offer, which stands at this latitude."""
        for number in range(len(self.servers)):
            await self.sign_up(f"scout {number}")
            while True:
                _, answer = await self.ask("POST", "/v1/pings", by=f"scout {number}", body=report(lat=lat), at=number)
                if answer["moments"]:
                    break
                await asyncio.sleep(0.1)


def environment(dsn: str, folder: Path, **settings: str) -> dict[str, str]:
    """The settings of a server of these tests: no caps but those that a test sets."""
    usual = {
        "MODE": "test",
        "DATABASE__URL": dsn,
        "DATA_DIR": str(folder),
        "SERVER__METRICS_PORT": "-1",
        "PRESSURE__PER_DAY": "0",
        "PRESSURE__PER_WEEK": "0",
    }
    return {f"KAIROS__{name}": value for name, value in (usual | settings).items()}


@contextlib.asynccontextmanager
async def open_town(
    dsn: str, folder: Path, *, servers: int = 2, log: Path | None = None, **settings: str
) -> AsyncIterator[Town]:
    """Start the servers at once, and make the keys of app and admin."""
    given = environment(dsn, folder, **settings)
    running = [ServerProcess(given, "--port", "0", log=log) for _ in range(servers)]
    db = await asyncpg.connect(dsn, command_timeout=30)
    connector = aiohttp.TCPConnector(limit=0)
    try:
        await asyncio.gather(*(server.start() for server in running))
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10), connector=connector) as http:
            town = Town(running, http, db)
            for kind in ("app", "admin", "marketer"):
                made = await keys.create(db, kind=kind)
                assert made is not None
                town.tokens[kind] = made.token
            yield town
    finally:
        await asyncio.gather(*(server.stop() for server in running if server.process is not None))
        await db.close()


def batch(fixes: list[dict[str, Any]]) -> dict[str, Any]:
    """A report of these fixes, sent now."""
    return {"sent_at": datetime.now(UTC).isoformat(), "app": {"foreground": True}, "pings": fixes}
