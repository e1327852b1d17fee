"""The doctor's device asks what Apple documents, byte for byte, and what it says of its requests holds no secret."""

from __future__ import annotations

import json
import re
from typing import Any

import aiohttp
from aiohttp import web

from server.commands.doctor_device import Device, ask
from tests.signals.standin import standing_in

ID, SERIAL, TOKEN = "d" * 32, "0198a1c2-7d3e-7a10-b4c5-d6e7f8091a2b", "t" * 43
DATE = "Mon, 02 Mar 2026 08:30:00 GMT"


async def test_the_five_requests_are_apples() -> None:
    seen: list[tuple[str, str, dict[str, str], Any]] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        given = {
            name: request.headers[name]
            for name in ("Authorization", "If-Modified-Since", "Host")
            if name in request.headers
        }
        seen.append((request.method, request.path_qs, given, json.loads(body) if body else None))
        return web.Response(status=200, body=b"x")

    async with standing_in(answer) as url, aiohttp.ClientSession() as http:
        device = Device(http, id_=ID, base=f"{url}/wallet/", pass_type="pass.a.b", serial=SERIAL, token=TOKEN)
        answers = [
            await device.register(),
            await device.list(),
            await device.list(since="7"),
            await device.fetch(since=DATE),
            await device.fetch(token="wrong" * 5),
            await device.complain("hello"),
            await device.unregister(),
            await device.register(base=f"{url}/other", host="k.example"),
            await ask(http, "GET", f"{url}/p/secretlink"),
        ]
    own, host = {"Authorization": f"ApplePass {TOKEN}"}, {"Host": url.removeprefix("http://")}
    at = f"/wallet/v1/devices/{ID}/registrations/pass.a.b"
    push = seen[0][3]["pushToken"]
    assert re.fullmatch(r"[0-9a-f]{64}", push)
    assert seen[:7] == [
        ("POST", f"{at}/{SERIAL}", own | host, {"pushToken": push}),
        ("GET", at, host, None),
        ("GET", f"{at}?passesUpdatedSince=7", host, None),
        ("GET", f"/wallet/v1/passes/pass.a.b/{SERIAL}", own | host | {"If-Modified-Since": DATE}, None),
        ("GET", f"/wallet/v1/passes/pass.a.b/{SERIAL}", host | {"Authorization": f"ApplePass {'wrong' * 5}"}, None),
        ("POST", "/wallet/v1/log", host, {"logs": ["hello"]}),
        ("DELETE", f"{at}/{SERIAL}", own | host, None),
    ]  # fmt: skip
    assert seen[7][:3] == (
        "POST",
        f"/other/v1/devices/{ID}/registrations/pass.a.b/{SERIAL}",
        own | {"Host": "k.example"},
    )
    for each in answers:
        assert (each.status, each.body) == (200, b"x")
        assert not any(secret in each.asked for secret in (ID, SERIAL, TOKEN, push, "secretlink"))
    assert answers[0].asked == f"POST {url}/wallet/v1/devices/…/registrations/…"
    assert answers[-1].asked == f"GET {url}/p/…"
