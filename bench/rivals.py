"""What the ping path is compared with, in a process of its own: `python -m bench.rivals DSN`.

POST /trivial   reads the JSON and answers JSON: what aiohttp costs before anything is done
POST /textbook  SELECT the customer, INSERT the fix, one after the other on a pooled connection, then answer
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from aiohttp import web

TABLES = """
CREATE TABLE rival_customers (id uuid PRIMARY KEY, name text NOT NULL, last_seen timestamptz);
CREATE TABLE rival_pings (
    id uuid PRIMARY KEY, customer_id uuid NOT NULL, at timestamptz NOT NULL, lat float8 NOT NULL, lon float8 NOT NULL,
    accuracy_m float8 NOT NULL
);
CREATE INDEX rival_pings_owner ON rival_pings (customer_id, at DESC);
"""
SELECT = "SELECT id, name, last_seen FROM rival_customers WHERE id = $1"
INSERT = "INSERT INTO rival_pings (id, customer_id, at, lat, lon, accuracy_m) VALUES ($1, $2, $3, $4, $5, $6)"
POOL = 12
"""As many connections as Kairos has for its own pings."""


def answer_to(pings: list[dict[str, Any]]) -> web.Response:
    """Answer a report in the shape of ours, with nothing found."""
    results = [{"id": ping["id"], "status": "accepted"} for ping in pings]
    return web.json_response({"results": results, "moments": [], "watch": {"circles": [], "next_ping_s": 60}})


def app_on(pool: asyncpg.Pool[asyncpg.Record]) -> web.Application:
    """Make the two endpoints."""

    async def trivial(request: web.Request) -> web.Response:
        return answer_to((await request.json())["pings"])

    async def textbook(request: web.Request) -> web.Response:
        pings = (await request.json())["pings"]
        customer = UUID(request.headers["X-Customer"])
        async with pool.acquire() as db:
            known = await db.fetchrow(SELECT, customer)
            if known is None:
                raise web.HTTPUnauthorized
            for ping in pings:
                at = datetime.fromisoformat(ping["captured_at"])
                await db.execute(INSERT, UUID(ping["id"]), customer, at, ping["lat"], ping["lon"], ping["accuracy_m"])
        return answer_to(pings)

    app = web.Application()
    app.add_routes([web.post("/trivial", trivial), web.post("/textbook", textbook)])
    return app


async def main(dsn: str) -> None:
    """Serve until SIGTERM."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    pool = await asyncpg.create_pool(dsn, min_size=POOL, max_size=POOL, server_settings={"jit": "off"})
    runner = web.AppRunner(app_on(pool), access_log=None)
    await runner.setup()
    with contextlib.closing(socket.create_server(("127.0.0.1", 0), backlog=1024)) as taken:
        await web.SockSite(runner, taken).start()
        sys.stdout.write(f"listening on http://127.0.0.1:{taken.getsockname()[1]}\n")
        sys.stdout.flush()
        await stop.wait()
        await runner.cleanup()
    await pool.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
