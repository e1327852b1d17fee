"""Asking a server that nobody here trusts: a little JSON, soon, or nothing.

No redirect is followed, nothing compressed is taken (so nothing can unfold), the body is cut off at a limit while it
is being read, and the whole question has one deadline, look-up of the name included.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Set
from typing import Final, NamedTuple

from aiohttp import ClientError, ClientSession, ClientTimeout
from yarl import URL

from server.errors import Misconfigured

LIMIT_BYTES: Final = 65_536
DEADLINE_S: Final = 3.0

_CHUNK: Final = 8_192


class FetchFailed(Exception):
    """The server did not give what was asked for; the text says how, and never repeats what it sent or the address."""


class Answer(NamedTuple):
    """What a server gave: one of the statuses that were to be taken, its headers, its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def fetch(
    session: ClientSession,
    url: URL,
    *,
    headers: Mapping[str, str] | None = None,
    ssl_context: ssl.SSLContext | None = None,
    deadline_s: float = DEADLINE_S,
    limit_bytes: int = LIMIT_BYTES,
) -> bytes:
    """The body of a 200 answer to a GET, at most `limit_bytes` long; raises FetchFailed for everything else."""
    answer = await ask(
        session, url, headers=headers, ssl_context=ssl_context, deadline_s=deadline_s, limit_bytes=limit_bytes
    )
    return answer.body


async def ask(
    session: ClientSession,
    url: URL,
    *,
    headers: Mapping[str, str] | None = None,
    ssl_context: ssl.SSLContext | None = None,
    deadline_s: float = DEADLINE_S,
    limit_bytes: int = LIMIT_BYTES,
    taken: Set[int] = frozenset({200}),
) -> Answer:
    """The answer to a GET whose status is one of `taken`, its body at most `limit_bytes` long; raises FetchFailed otherwise."""
    try:
        async with session.get(
            url,
            headers={"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})},
            ssl=ssl_context if ssl_context is not None else True,
            timeout=ClientTimeout(total=deadline_s),
            allow_redirects=False,
            auto_decompress=False,
        ) as response:
            if response.status not in taken:
                raise FetchFailed(f"status {response.status}")
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise FetchFailed("a compressed answer, though none was asked for")
            body = bytearray()
            async for chunk in response.content.iter_chunked(_CHUNK):
                body += chunk
                if len(body) > limit_bytes:
                    response.close()  # not released: that would wait for the rest
                    raise FetchFailed(f"more than {limit_bytes} bytes")
            return Answer(response.status, response.headers, bytes(body))
    except TimeoutError:
        raise FetchFailed(f"no whole answer within {deadline_s:g} s") from None
    except (ClientError, OSError, ValueError) as error:
        raise FetchFailed(type(error).__name__) from None


def base_of(address: str, *, setting: str) -> URL:
    """The base URL in a setting; raises Misconfigured where it is none."""
    try:
        base = URL(address)
    except ValueError:
        base = URL()
    if base.scheme not in {"http", "https"} or not base.host:
        raise Misconfigured(f"{setting}: must be an http or https address")
    return base


def tls_context(ca_file: str, *, setting: str) -> ssl.SSLContext | None:
    """A context that trusts one authority alone (PEM), for a stand-in; None, the system's own, for an empty name.

    Raises Misconfigured where the file holds no certificates.
    """
    try:
        return ssl.create_default_context(cafile=ca_file) if ca_file else None
    except OSError:
        raise Misconfigured(f"{setting}: {ca_file} cannot be read as PEM certificates") from None
