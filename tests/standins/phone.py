"""A phone in the browser: the page shows the pushes that stand-ins were sent, the newest on top, as a lock screen would.

By hand: `python -m tests.standins phone --file pushes.jsonl`, which shows what a demo kept.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from aiohttp import web

MOST = 50
"""Pushes on the page: more nobody scrolls to."""

_WAYS = {"apns": "iPhone", "fcm": "Android", "webpush": "Browser"}
_STYLE = """
:root { color-scheme: light dark } body { font: 16px/1.4 system-ui, sans-serif; margin: 0; background: Canvas; color: CanvasText }
main { max-width: 24rem; margin: 1rem auto; padding: 0 1rem } h1 { font-size: 1.1rem }
ol { list-style: none; padding: 0 } li { border: 1px solid GrayText; border-radius: 1rem; padding: .75rem 1rem; margin: .75rem 0 }
p { margin: .25rem 0 } small { color: GrayText }
"""


class Phone:
    """Serves the page on loopback; `sent` gives the pushes so far, each with way, title, body and moment_id."""

    def __init__(self, sent: Callable[[], Sequence[Any]], *, port: int = 0) -> None:
        self._sent, self._port, self.url = sent, port, ""

    async def __aenter__(self) -> Phone:
        app = web.Application()
        app.router.add_get("/", self._page)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _page(self, request: web.Request) -> web.Response:
        rings = self._sent()
        shown = "".join(_ring(each) for each in reversed(rings[-MOST:])) or "<li><p>Nothing rang yet.</p></li>"
        body = f"<main><h1>Pushes so far: {len(rings)}</h1><ol>{shown}</ol></main>"
        head = f'<meta charset="utf-8"><meta http-equiv="refresh" content="2"><title>A phone</title><style>{_STYLE}</style>'
        head += '<meta name="viewport" content="width=device-width">'
        safe = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
        return web.Response(text=f'<!doctype html><html lang="en">{head}{body}', content_type="text/html", headers=safe)


def _ring(push: Any) -> str:
    way = _WAYS.get(push.way, push.way)
    words = f"<p><strong>{escape(push.title)}</strong></p><p>{escape(push.body)}</p>"
    return f"<li>{words}<small>{escape(way)}, moment {escape(push.moment_id)}</small></li>"


def main(arguments: Sequence[str]) -> None:
    """Show a file of pushes until stopped."""
    parser = argparse.ArgumentParser(prog="python -m tests.standins phone", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--file", type=Path, required=True, help="pushes.jsonl of a demo")
    given = parser.parse_args(arguments)

    def sent() -> list[Any]:
        lines = given.file.read_text("utf-8").splitlines() if given.file.exists() else []
        return [SimpleNamespace(**json.loads(line)) for line in lines]

    async def run() -> None:
        async with Phone(sent, port=given.port) as phone:
            print(f"listening on {phone.url}", flush=True)
            await asyncio.Event().wait()

    asyncio.run(run())
