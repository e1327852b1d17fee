"""A proxy with TLS in front of Kairos, as operators run them: it hands everything on, or does one of the things they do wrong.

By hand: `python -m tests.standins proxy --to http://127.0.0.1:8080 --folder /tmp/p [--fault drops_authorization …]`; it writes
`ca.pem` into the folder, for `kairos doctor --ca-file`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import web

from tests.signals.standin import certificate

FAULTS: Final = frozenset({
    "drops_authorization",  # nginx with auth_basic, Apache without CGIPassAuth
    "drops_condition",      # a cache that asks anew: no If-Modified-Since goes through
    "drops_modified",       # headers are "tidied up"
    "drops_host",           # `proxy_set_header Host` is missing
    "types_text",           # an old mime.types
    "moves_path",           # `proxy_pass` with a slash too much
    "redirects",            # public_url is not the canonical name
    "refuses_post",         # limit_except GET
    "forbids",              # a web application firewall
    "caches",               # everything that was answered with 200 is answered again
    "says_unchanged",       # a cache that knows better
    "is_alone",             # Kairos behind it is away
    "is_another",           # the address leads to the shop's home page
    "answers_everybody",    # a cache that does not vary by Authorization
    "lives_elsewhen",       # its clock stands
    "cuts",                 # ends in the middle
    "spoils",               # a filter that "optimises" files
    "drops_listing",        # bodies of JSON are filtered
})  # fmt: skip
_DROPPED: Final = {"Content-Length", "Transfer-Encoding", "Content-Encoding", "Connection", "Date", "Server"}


@dataclass
class Proxy:
    """`to` is Kairos itself; `faults` may be changed while it runs. `seen` are the requests as "METHOD /path"."""

    to: str = ""
    url: str = ""
    faults: set[str] = field(default_factory=set)
    seen: list[str] = field(default_factory=list)
    told: Callable[[str], None] = lambda _: None
    http: aiohttp.ClientSession | None = None
    _kept: dict[str, web.Response] = field(default_factory=dict)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        self.seen.append(f"{request.method} {request.path}")
        answer = self._instead(request) or await self._handed_on(request)
        if "lives_elsewhen" in self.faults:
            answer.headers["Date"] = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
        self.told(json.dumps({"method": request.method, "path": request.path, "status": answer.status}))
        return answer

    def _instead(self, request: web.Request) -> web.Response | None:
        """What it answers by itself."""
        if "cuts" in self.faults and request.transport is not None:
            request.transport.abort()
        if "redirects" in self.faults:
            return web.Response(status=301, headers={"Location": f"https://www.kairos.example{request.path}"})
        if "forbids" in self.faults:
            return web.Response(status=403, text="<h1>Request blocked</h1>", content_type="text/html")
        if "refuses_post" in self.faults and request.method == "POST":
            return web.Response(status=405)
        if "is_alone" in self.faults:
            return web.Response(status=502, text="<h1>Bad Gateway</h1>", content_type="text/html")
        if "is_another" in self.faults:
            return web.Response(text="<h1>Our shop</h1>", content_type="text/html")
        if "says_unchanged" in self.faults and "If-Modified-Since" in request.headers:
            return web.Response(status=304)
        kept = self._kept.get(request.path) if "caches" in self.faults and request.method == "GET" else None
        if "answers_everybody" in self.faults and "/passes/" in request.path:
            return web.Response(body=b"a pass", content_type="application/vnd.apple.pkpass")
        return kept and web.Response(body=kept.body, status=kept.status, headers=kept.headers)

    async def _handed_on(self, request: web.Request) -> web.Response:
        assert self.http is not None
        headers = {
            name: value for name, value in request.headers.items() if name not in ("Connection", "Accept-Encoding")
        }
        for fault, name in (
            ("drops_authorization", "Authorization"),
            ("drops_condition", "If-Modified-Since"),
            ("drops_host", "Host"),
        ):
            if fault in self.faults:
                headers.pop(name, None)
        if "drops_host" in self.faults:
            headers["Host"] = "backend"
        path = f"/kairos{request.path_qs}" if "moves_path" in self.faults else request.path_qs
        async with self.http.request(
            request.method, f"{self.to}{path}", headers=headers, data=await request.read(), allow_redirects=False
        ) as answer:
            body = await answer.read()
            kept = {name: value for name, value in answer.headers.items() if name not in _DROPPED}
        if "types_text" in self.faults and "pkpass" in kept.get("Content-Type", ""):
            kept["Content-Type"] = "text/plain"
        if "drops_modified" in self.faults:
            kept.pop("Last-Modified", None)
        if "spoils" in self.faults and "pkpass" in kept.get("Content-Type", ""):
            body = body[:-40]
        if "drops_listing" in self.faults and b"serialNumbers" in body:
            body = b"{}"
        given = web.Response(body=body, status=answer.status, headers=kept)
        if answer.status == 200 and request.method == "GET":
            self._kept[request.path] = given
        return given


@contextlib.asynccontextmanager
async def proxying(tls: ssl.SSLContext, *, port: int = 0, proxy: Proxy | None = None) -> AsyncIterator[Proxy]:
    """Run one on loopback; what it stands before is told it by `to`."""
    proxy = proxy or Proxy()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        proxy.http = http
        runner = web.ServerRunner(web.Server(proxy.answer, access_log=None), shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls)
        await site.start()
        proxy.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield proxy
        finally:
            await runner.cleanup()


async def _run(given: argparse.Namespace) -> None:
    folder = Path(given.folder)
    folder.mkdir(parents=True, exist_ok=True)
    _, tls = certificate(folder)
    proxy = Proxy(to=given.to, faults=set(given.fault), told=lambda line: print(line, flush=True))
    async with proxying(tls, port=given.port, proxy=proxy):
        print(f"listening on {proxy.url}", flush=True)
        await asyncio.Event().wait()


def main(arguments: list[str]) -> None:
    """Run it until it is stopped."""
    parser = argparse.ArgumentParser(prog="python -m tests.standins proxy", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--to", required=True, help="the address of Kairos itself")
    parser.add_argument("--folder", default=".", help="where ca.pem is written")
    parser.add_argument("--fault", action="append", default=[], choices=sorted(FAULTS))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(parser.parse_args(arguments)))
