"""The switches, from outside: what is stopped is stopped in every process, with pings under way all the time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from tests.street.scene import report
from tests.street.town import Town, open_town

HERE, THERE = 50.9787, 51.2000
"""Latitudes of stores that are tens of kilometres apart."""

ACTS_WITHIN_S = 2.0
"""What is promised of both switches."""

PAUSE_S = 0.02
"""Between two pings of a phone: other tests want the processor too."""


class Heard(NamedTuple):
    """An answer to a ping: which phone asked when (by this process's clock), and the offers of its moments."""

    phone: str
    asked: float
    offers: list[str]


@dataclass
class Phones:
    """A phone per server and store, each pinging again as soon as it is answered."""

    town: Town
    heard: list[Heard] = field(default_factory=list)

    async def ping(self, phone: str, lat: float, server: int) -> None:
        """Ping for ever, hardly ever resting."""
        while True:
            asked = asyncio.get_running_loop().time()
            status, answer = await self.town.ask("POST", "/v1/pings", by=phone, body=report(lat=lat), at=server)
            assert status == 200, answer
            self.heard.append(Heard(phone, asked, [each["offer_id"] for each in answer["moments"]]))
            await asyncio.sleep(PAUSE_S)

    def since(self, instant: float, phone: str) -> list[list[str]]:
        """Give what a phone heard on pings that it sent after an instant."""
        return [each.offers for each in self.heard if each.phone == phone and each.asked > instant]

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for something to be heard."""
        while not true():
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def pinging(town: Town) -> AsyncIterator[Phones]:
    """Phones at both stores, on both servers."""
    phones = Phones(town)
    async with asyncio.TaskGroup() as group:
        tasks = []
        for server in range(len(town.servers)):
            for name, lat in (("here", HERE), ("there", THERE)):
                await town.sign_up(f"{name} {server}")
                tasks.append(group.create_task(phones.ping(f"{name} {server}", lat, server)))
        yield phones
        for task in tasks:
            task.cancel()


async def test_what_is_stopped_is_stopped_within_two_seconds_in_every_process(db_dsn: str, tmp_path: Path) -> None:
    async with open_town(db_dsn, tmp_path) as town:
        paused, running = await town.open("paused", lat=HERE), await town.open("running", lat=THERE)
        await town.known(lat=THERE)
        at = {f"{name} {server}": offer for name, offer in (("here", paused), ("there", running)) for server in (0, 1)}
        async with asyncio.timeout(60), pinging(town) as phones:
            now = asyncio.get_running_loop().time
            await phones.until(lambda: all([offer] in phones.since(0, phone) for phone, offer in at.items()))

            assert (await town.ask("POST", f"/v1/offers/{paused}/pause", by="marketer"))[0] == 200
            body = {"paused": True, "reason": "Wrong prices"}
            assert (await town.ask("PUT", "/v1/programme", by="marketer", body=body, at=1))[0] == 200
            stopped = now() + ACTS_WITHIN_S
            edge = await town.db.fetchval("SELECT clock_timestamp() + make_interval(secs => $1)", ACTS_WITHIN_S)
            await phones.until(lambda: all(len(phones.since(stopped, phone)) >= 3 for phone in at))
            assert not [phone for phone in at if any(phones.since(stopped, phone))]

            assert (await town.ask("PUT", "/v1/programme", by="admin", body={"paused": False}))[0] == 200
            resumed = now()
            going_on = [phone for phone in at if phone.startswith("there")]
            await phones.until(lambda: all([running] in phones.since(resumed, phone) for phone in going_on))
            assert not [each for each in phones.heard if each.asked > stopped and paused in each.offers]
        receipts = await town.db.fetch(
            "SELECT customer_id, verdicts->0->>'gate' AS gate, verdicts->0->>'reason' AS reason FROM receipts"
            " WHERE at > $1 AND verdicts->0->>'gate' IS NOT NULL GROUP BY 1, 2, 3",
            edge,
        )
        assert {tuple(row) for row in receipts} == {
            (town.customers[phone], "active", "The programme is paused.") for phone in going_on
        }
        late = "SELECT count(*) FROM moments WHERE offer_id = $1 AND created_at > $2"
        assert await town.db.fetchval(late, UUID(paused), edge) == 0
        _, shown = await town.ask("GET", "/v1/programme", by="marketer")
        assert shown["paused"] is False
