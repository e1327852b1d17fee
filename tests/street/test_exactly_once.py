"""P1, small: forty rewards, fifty tills, two processes, three kill -9 and one crash of PostgreSQL.

Every till tries every code and repeats a lost answer under the same key, as a real till does. What was acknowledged must
be what is stored: each reward once, none twice, none lost, and nobody is ever told anything worse than "not now".
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import aiohttp
import asyncpg

from server.model.ids import bucket_of
from server.store import embedded, keys, postmaster
from server.store.ids import new_token, token_hash
from server.store.pool import Connection
from tests.conftest import Silent
from tests.counter_rows import add_customer, add_moment, add_offer, add_store
from tests.street.process import ServerProcess

REWARDS = 40
TILLS = 50
AGAIN_S = 0.05
GIVE_UP_S = 60.0
TIMEOUT = aiohttp.ClientTimeout(total=5)


class Told(NamedTuple):
    """A final answer."""

    status: int
    code: str | None
    id: UUID | None


@dataclass
class Street:
    """Two servers on one data folder, and what the tills heard."""

    servers: list[ServerProcess]
    http: aiohttp.ClientSession
    answers: list[tuple[str, Told]] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    lost: int = 0

    async def ask(self, path: str, token: str, body: dict[str, Any], *, first: int) -> tuple[int, dict[str, Any]]:
        """Ask until there is an answer, under one key: a lost answer or a 503 is asked again, at the other server."""
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid4())}
        deadline = asyncio.get_running_loop().time() + GIVE_UP_S
        turn = first
        while asyncio.get_running_loop().time() < deadline:
            server = self.servers[turn % len(self.servers)]
            turn += 1
            try:
                async with self.http.post(server.url + path, json=body, headers=headers) as response:
                    answer = await response.json(content_type=None)
            except (aiohttp.ClientError, TimeoutError, ValueError):
                self.lost += 1
            else:
                self.statuses[response.status] += 1
                if response.status != 503:
                    return response.status, answer
            await asyncio.sleep(AGAIN_S)
        raise AssertionError(f"no answer within {GIVE_UP_S} s")

    async def redeem(self, code: str, token: str, *, first: int) -> None:
        status, answer = await self.ask("/v1/redemptions", token, {"code": code}, first=first)
        identifier = UUID(answer["id"]) if status == 201 else None
        self.answers.append((code, Told(status, answer.get("code"), identifier)))


async def test_every_acknowledged_redemption_is_stored_and_none_twice(data_dir: Path) -> None:
    async with await embedded.start(data_dir, log=Silent()) as database, opened(data_dir) as street:
        db = await asyncpg.connect(database.dsn)
        tills, customers = await furnished(db)
        await db.close()
        codes = await asyncio.gather(*(taken(street, *customer) for customer in customers))
        assert len(set(codes)) == REWARDS
        trouble = asyncio.create_task(make_trouble(street, data_dir))
        await asyncio.gather(*(work(street, codes, token, number) for number, token in enumerate(tills)))
        await trouble
        db = await asyncpg.connect(database.dsn)
        await judge(street, db, codes)
        await db.close()


@contextlib.asynccontextmanager
async def opened(data_dir: Path) -> AsyncIterator[Street]:
    """Start both servers at once: they race for the migrations, the secrets and the authority."""
    environment = {"KAIROS__MODE": "test", "KAIROS__SERVER__METRICS_PORT": "-1", "KAIROS__DATA_DIR": str(data_dir)}
    servers = [ServerProcess(environment, "--port", "0") for _ in range(2)]
    connector = aiohttp.TCPConnector(limit=0)
    try:
        await asyncio.gather(*(server.start() for server in servers))
        async with aiohttp.ClientSession(timeout=TIMEOUT, connector=connector) as http:
            yield Street(servers, http)
    finally:
        for server in servers:
            if server.process is not None:
                await server.stop()


async def furnished(db: Connection) -> tuple[list[str], list[tuple[UUID, str]]]:
    """A store with its tills, an offer, and customers with a moment each: tokens of tills, (moment, token) of customers."""
    store_id, offer_id = await add_store(db), await add_offer(db)
    tills = []
    for _ in range(TILLS):
        made = await keys.create(db, kind="till", store_id=store_id)
        assert made is not None
        tills.append(made.token)
    customers = []
    for _ in range(REWARDS):
        customer_id, token = await add_customer(db), ""
        token = new_token("kc_", bucket=bucket_of(customer_id))
        await db.execute(
            "INSERT INTO customer_tokens (bucket, hash, customer_id) VALUES ($1, $2, $3)",
            bucket_of(customer_id),
            token_hash(token),
            customer_id,
        )
        customers.append((await add_moment(db, customer_id=customer_id, offer_id=offer_id), token))
    return tills, customers


async def taken(street: Street, moment_id: UUID, token: str) -> str:
    """Take a moment's reward, and give its code."""
    status, answer = await street.ask(f"/v1/moments/{moment_id}/pass", token, {}, first=moment_id.int)
    assert status == 201, answer
    code: str = answer["pass"]["code"]
    return code


async def work(street: Street, codes: list[str], token: str, number: int) -> None:
    """One till: all codes, each till beginning elsewhere, so that every code meets several tills at a time."""
    start = number * 3 % len(codes)
    for step, code in enumerate(codes[start:] + codes[:start]):
        await street.redeem(code, token, first=number + step)


async def make_trouble(street: Street, data_dir: Path) -> None:
    """kill -9 for one server and the other, for PostgreSQL, and for a server once more, spread over the whole work."""
    whole = REWARDS * TILLS
    for share, trouble in (
        (0.05, lambda: replace(street.servers[0])),
        (0.3, lambda: replace(street.servers[1])),
        (0.5, lambda: crash(data_dir)),
        (0.7, lambda: replace(street.servers[0])),
    ):
        while len(street.answers) < share * whole:
            await asyncio.sleep(0.01)
        done: Awaitable[None] = trouble()
        await done


async def replace(server: ServerProcess) -> None:
    await server.kill()
    await server.start()


async def crash(data_dir: Path) -> None:
    """Kill the postmaster alone, as the kernel does when memory ends; whoever serves starts it again."""
    cluster = data_dir.resolve() / "postgres" / "cluster"
    found = postmaster.running(cluster)
    assert found is not None
    os.kill(found.pid, signal.SIGKILL)
    while (again := postmaster.running(cluster)) is None or again.pid == found.pid or not again.ready:
        await asyncio.sleep(0.05)


async def judge(street: Street, db: Connection, codes: list[str]) -> None:
    """Compare what was said with what is stored."""
    assert len(street.answers) == REWARDS * TILLS
    assert {status for status in street.statuses if status >= 500} <= {503}
    assert {told.status for _, told in street.answers} == {201, 409}
    assert {told.code for _, told in street.answers if told.status == 409} == {"already_redeemed"}
    assert street.lost > 0, "the trouble met nobody"
    acknowledged = {told.id for _, told in street.answers if told.status == 201}
    per_code = Counter(code for code, told in street.answers if told.status == 201)
    stored = await db.fetch("SELECT id, serial, use_no FROM redemptions")
    assert per_code == Counter(codes)
    assert {row["id"] for row in stored} == acknowledged
    assert len(stored) == len({row["serial"] for row in stored}) == REWARDS
    states = await db.fetch("SELECT state, uses_left, uses_made, count(*) FROM passes GROUP BY 1, 2, 3")
    assert [tuple(row) for row in states] == [("redeemed", 0, 1, REWARDS)]
    kept = await db.fetchval("SELECT count(*) FROM idempotency_keys WHERE status = 201 AND route LIKE '%redemptions'")
    assert kept == REWARDS
