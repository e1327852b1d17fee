"""To addresses that users of ours name: an HTTPS POST that reaches public servers alone, and takes little back.

Rule 1: the address that is looked at is the address that is connected to. A name is looked up once for a connection, every
        address that it has must be public, and the socket itself refuses to be made for any other.
Rule 2: no redirect is followed, no proxy of the environment asked, no cookie kept, nothing unfolded; of an answer's body
        64 KiB are read at most, and the whole question has one deadline.
Rule 3: what went wrong is one word of ours. It repeats neither the URL (which may hold a secret) nor the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientSSLError,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
)
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from server.channels.reach import PUBLIC, Policy, may_reach, wrong_with

LIMIT_BYTES: Final = 65_536
DEADLINE_S: Final = 3.0

_CHUNK: Final = 8_192
_KEEP_S: Final = 15.0
_LOOK_UPS: Final = 16
"""Names looked up at once, in threads of their own: a name server that hangs holds up nobody else's threads."""


class Failed(Exception):
    """Nothing came back: `reason` is a word, such as timeout or address_not_public."""

    def __init__(self, reason: str) -> None:
        """Keep the word."""
        self.reason = reason
        super().__init__(reason)


class Answer(NamedTuple):
    """What came back. The status counts as soon as it came; `body` is what was read of it, 64 KiB at most."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NotPublic(OSError):
    """An address that no connection is made to."""


LookUp = Callable[[str, int], Awaitable[Sequence[str]]]


class _Resolver(AbstractResolver):
    """Looks a name up and gives all its addresses, or none where one of them may not be reached."""

    def __init__(self, look_up: LookUp, policy: Policy) -> None:
        self._look_up = look_up
        self._policy = policy
        self._under_way: dict[tuple[str, int], asyncio.Future[Sequence[str]]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Look up; several who ask for one name at once share the answer, and hold one thread."""
        asked = self._under_way.get((host, port))
        if asked is None:
            asked = asyncio.ensure_future(self._look_up(host, port))
            self._under_way[host, port] = asked
            asked.add_done_callback(lambda done: self._finish((host, port), done))
        addresses = await asyncio.shield(asked)
        if not addresses:
            raise OSError("no address")
        if not all(may_reach(address, self._policy) for address in addresses):
            raise NotPublic
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in dict.fromkeys(addresses)
        ]

    def _finish(self, key: tuple[str, int], done: asyncio.Future[Sequence[str]]) -> None:
        self._under_way.pop(key, None)
        if not done.cancelled():
            done.exception()  # whoever waited may have left: it is heard in any case

    async def close(self) -> None:
        """Stop waiting for look-ups."""
        for each in list(self._under_way.values()):
            each.cancel()


class Outward:
    """Connections to servers that users named; made by `open_outward`. `post` may be called many times at once."""

    def __init__(self, session: ClientSession, policy: Policy, threads: ThreadPoolExecutor | None) -> None:
        """Keep the session, which must be one of `open_outward`'s."""
        self._session = session
        self._policy = policy
        self._threads = threads

    async def post(
        self, url: str, *, body: bytes, headers: Mapping[str, str], deadline_s: float = DEADLINE_S
    ) -> Answer:
        """Send a body once, and give what came back, whatever its status; raises Failed where nothing did."""
        if wrong_with(url, self._policy) is not None:
            raise Failed("address_refused")
        try:
            async with self._session.post(
                URL(url),
                data=body,
                headers={"Accept-Encoding": "identity", **headers},
                timeout=ClientTimeout(total=deadline_s),
                allow_redirects=False,
            ) as response:
                return Answer(response.status, dict(response.headers), await _some(response))
        except TimeoutError:
            raise Failed("timeout") from None
        except (ClientError, OSError, ValueError) as error:
            raise Failed(_word_for(error)) from None

    async def close(self) -> None:
        """End connections and look-ups."""
        await self._session.close()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)


async def _some(response: ClientResponse) -> bytes:
    """Read what little is wanted; an answer whose rest does not come in time, or is too long, loses its connection."""
    body = bytearray()
    with contextlib.suppress(TimeoutError, ClientError, OSError):
        async for chunk in response.content.iter_chunked(_CHUNK):
            body += chunk
            if len(body) > LIMIT_BYTES:
                break
        else:
            return bytes(body)
    response.close()
    return bytes(body[:LIMIT_BYTES])


def _word_for(error: Exception) -> str:
    cause = error.os_error if isinstance(error, ClientConnectorError) else error
    if isinstance(cause, NotPublic):
        return "address_not_public"
    if isinstance(error, ClientSSLError) or isinstance(cause, ssl.SSLError):
        return "tls_failed"
    if isinstance(cause, socket.gaierror):
        return "name_unknown"
    if isinstance(error, ClientConnectorError):
        return "no_connection"
    return "broken_answer"


def open_outward(
    policy: Policy = PUBLIC, *, tls: ssl.SSLContext | None = None, look_up: LookUp | None = None
) -> Outward:
    """Make connections ready, within a running loop. `look_up` gives a name's addresses (the system's by default)."""
    threads = None
    if look_up is None:
        threads = ThreadPoolExecutor(_LOOK_UPS, "look-up")
        look_up = _system(threads)

    def make(address: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, target = address
        if not may_reach(target[0], policy):
            raise NotPublic
        return socket.socket(family, kind, protocol)

    connector = TCPConnector(
        resolver=_Resolver(look_up, policy),
        use_dns_cache=False,
        ssl=tls if tls is not None else True,
        limit=0,  # who sends bounds how many are under way: here nobody waits for a turn within their deadline
        keepalive_timeout=_KEEP_S,
        socket_factory=make,
    )
    session = ClientSession(
        connector=connector,
        cookie_jar=DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        headers={"User-Agent": "Kairos"},
    )
    return Outward(session, policy, threads)


def _system(threads: ThreadPoolExecutor) -> LookUp:
    async def look_up(host: str, port: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(threads, socket.getaddrinfo, host, port, 0, socket.SOCK_STREAM)
        return [str(each[4][0]) for each in found]

    return look_up
