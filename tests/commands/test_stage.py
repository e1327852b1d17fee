"""The stage makes requests as somebody, and a step that does not hold says what it saw."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from server.commands.stage import Broken, Stage, demand


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """A stage before a server that tells what it was sent."""

    async def echo(request: web.Request) -> web.Response:
        told = {"auth": request.headers["Authorization"], "key": request.headers.get("Idempotency-Key")}
        return web.json_response({**told, "body": await request.json() if request.can_read_body else None})

    async def file(request: web.Request) -> web.Response:
        kind = "application/vnd.apple.pkpass" if request.query else "text/html"
        return web.Response(body=b"PK", content_type=kind)

    app = web.Application()
    app.add_routes([web.post("/echo", echo), web.get("/pass", file)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession() as session:
        yield Stage(session, f"http://127.0.0.1:{runner.addresses[0][1]}", {"app": "ka_1"}, Path("root.pem"))
    await runner.cleanup()


async def test_a_call_carries_the_token_the_key_and_the_body(stage: Stage) -> None:
    answer, headers = await stage.call("POST", "/echo", by="app", expect=200, body={"a": 1}, key="k")
    assert answer == {"auth": "Bearer ka_1", "key": "k", "body": {"a": 1}}
    assert headers["Content-Type"].startswith("application/json")


async def test_another_status_breaks_the_step_and_is_told(stage: Stage) -> None:
    with pytest.raises(Broken, match="POST /echo answered 200 instead of 201"):
        await stage.call("POST", "/echo", by="app", expect=201, body={})


async def test_a_pass_must_be_called_a_pass(stage: Stage) -> None:
    assert await stage.fetch(f"{stage.url}/pass?good=1") == b"PK"
    with pytest.raises(Broken, match="text/html"):
        await stage.fetch(f"{stage.url}/pass")


def test_a_demand_that_holds_says_nothing() -> None:
    demand(True, "never said")
    with pytest.raises(Broken, match="said"):
        demand(False, "said")
