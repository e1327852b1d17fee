"""A server on loopback that stands in for one of the services that are asked: a real one, behaving as it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def standing_in(handler: Handler) -> AsyncIterator[str]:
    """Serve every path with a handler; gives the base URL."""

    async def call(request: web.Request) -> web.StreamResponse:
        return await handler(request)  # aiohttp takes functions alone, a handler may be an object

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", call)
    runner = web.AppRunner(app, shutdown_timeout=0.01, handler_cancellation=True, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
