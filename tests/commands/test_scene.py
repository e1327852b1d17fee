"""The play ends at the first step that does not hold, and says what it saw."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web

from server.commands.scene import STEPS, play
from server.commands.stage import Broken

TOKENS = {"app": "ka_1", "marketer": "km_1", "till": "kt_1"}


async def _played(*routes: web.RouteDef) -> tuple[bool, list[str]]:
    """Play against a stand-in that has these routes; gives the outcome and what was said."""
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    said: list[str] = []
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        held = await play(url, tokens=TOKENS, root=Path("root.pem"), say=said.append)
    finally:
        await runner.cleanup()
    return held, said


def _answers(status: int, body: object) -> web.RequestHandler:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response(body, status=status)

    return handler


FUNNEL = {"rows": [{"label": "welcome-pretzel", "suppressed": False}]}


async def test_a_server_that_is_not_ready_ends_the_play_at_once() -> None:
    held, said = await _played(web.get("/readyz", _answers(503, {})))
    assert not held
    assert len(said) == 1
    assert "FAIL" in said[0]
    assert "/readyz answered 503" in said[0]


async def test_a_step_that_holds_is_said_before_the_one_that_does_not() -> None:
    held, said = await _played(
        web.get("/readyz", _answers(200, {})),
        web.get("/v1/reports/funnel", _answers(200, FUNNEL)),
        web.post("/v1/customers", _answers(500, {"title": "broken"})),
    )
    assert not held
    assert [line.split()[1] for line in said] == ["ok", "FAIL"]
    assert "POST /v1/customers answered 500 instead of 201" in said[1]


async def test_a_history_that_is_missing_ends_the_play() -> None:
    held, said = await _played(
        web.get("/readyz", _answers(200, {})), web.get("/v1/reports/funnel", _answers(200, {"rows": []}))
    )
    assert not held
    assert "no row of welcome-pretzel" in said[0]


async def test_a_ping_that_is_taken_without_consent_ends_the_play() -> None:
    held, said = await _played(
        web.get("/readyz", _answers(200, {})),
        web.get("/v1/reports/funnel", _answers(200, FUNNEL)),
        web.post("/v1/customers", _answers(201, {"customer_id": "c", "token": "kc_1"})),
        web.post("/v1/pings", _answers(200, {"results": [], "moments": []})),
    )
    assert not held
    assert "answered 200 instead of 403" in said[-1]


async def test_a_server_that_is_gone_ends_the_play() -> None:
    said: list[str] = []
    assert not await play("http://127.0.0.1:1", tokens=TOKENS, root=Path("root.pem"), say=said.append)
    assert "FAIL" in said[0]


def test_every_step_has_a_name_of_its_own_and_says_what_it_shows() -> None:
    names = [name for name, _ in STEPS]
    assert len(set(names)) == len(names)
    assert all(step.__doc__ for _, step in STEPS)


def test_what_breaks_a_step_is_no_error_of_the_program() -> None:
    with pytest.raises(Broken, match="seen"):
        raise Broken("seen")
