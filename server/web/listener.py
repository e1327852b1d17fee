"""Where the house listens: the doors' address, taken before anything else is opened, and the metrics' own listener."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator

from aiohttp import web

from server.errors import Misconfigured
from server.settings import Server
from server.web.metrics import Metrics, metrics_app


def listen(server: Server, *, shared: bool = False) -> socket.socket:
    """Take the address of the settings (port 0: a free one); `shared` lets other processes take it, too."""
    try:
        family = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)[0][0]
        with contextlib.ExitStack() as stack:
            taken = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if shared:
                taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            taken.bind((server.host, server.port))
            stack.pop_all()
    except OSError as error:
        raise Misconfigured(
            f"server.host, server.port: {server.host}:{server.port} cannot be taken ({error})"
        ) from None
    taken.setblocking(False)
    return taken


def address_of(taken: socket.socket) -> str:
    """Give the address to call, for a socket that is bound."""
    host, port = taken.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextlib.asynccontextmanager
async def metrics_listener(server: Server, metrics: Metrics) -> AsyncIterator[int | None]:
    """Serve the metrics on their own listener; give its port."""
    if server.metrics_port < 0:
        yield None
        return
    runner = web.AppRunner(metrics_app(metrics), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, server.metrics_host, server.metrics_port)
        try:
            await site.start()
        except OSError as error:
            raise Misconfigured(
                f"server.metrics_port: {server.metrics_port} cannot be taken ({error.strerror})"
            ) from None
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
