"""Asking a service that takes JSON over https: one request, one deadline, and an answer that is never too large.

No redirect is followed, nothing compressed is taken, the body is cut off at a limit while it is being read. What the
network did is an `Unheard` with a word for it; no error repeats an address, a header or what was sent.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

from aiohttp import ClientError, ClientSession, ClientTimeout
from yarl import URL

from server.errors import Misconfigured

DEADLINE_S: Final = 10.0
LIMIT_BYTES: Final = 262_144
LONGEST_WAIT_S: Final = 3600.0
"""A service that wishes for more is asked after an hour all the same."""

_CHUNK: Final = 16_384


class Unheard(Exception):
    """There was no answer; the text is a word for what the network did."""


class Heard(NamedTuple):
    """What a service answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def ask(
    session: ClientSession,
    method: str,
    url: URL,
    *,
    headers: Mapping[str, str],
    body: bytes | None = None,
    ssl_context: ssl.SSLContext | None = None,
    deadline_s: float = DEADLINE_S,
    limit_bytes: int = LIMIT_BYTES,
) -> Heard:
    """Ask once; raises Unheard where no whole answer came in time."""
    try:
        async with session.request(
            method,
            url,
            data=body,
            headers={"Accept": "application/json", "Accept-Encoding": "identity", **headers},
            ssl=ssl_context if ssl_context is not None else True,
            timeout=ClientTimeout(total=deadline_s),
            allow_redirects=False,
            auto_decompress=False,
        ) as response:
            heard = bytearray()
            async for chunk in response.content.iter_chunked(_CHUNK):
                heard += chunk
                if len(heard) > limit_bytes:
                    response.close()  # not released: that would wait for the rest
                    raise Unheard("too large an answer")
            return Heard(response.status, response.headers, bytes(heard))
    except TimeoutError:
        raise Unheard("no answer in time") from None
    except (ClientError, OSError, ValueError) as error:
        raise Unheard(type(error).__name__) from None


def retry_after_s(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Read Retry-After (RFC 9110 §10.2.3): seconds or a date; None where it is neither, never more than an hour."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_WAIT_S)
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    when = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return min(max((when - now).total_seconds(), 0.0), LONGEST_WAIT_S)


def base_of(address: str, *, setting: str, loopback: bool) -> URL:
    """The address in a setting: https, or with `loopback` (test mode) http to this machine; raises Misconfigured."""
    try:
        base = URL(address)
    except ValueError:
        base = URL()
    if base.host and (base.scheme == "https" or (loopback and base.scheme == "http" and is_here(base.host))):
        return base
    raise Misconfigured(f'{setting}: must be an https address (in mode = "test" also http to loopback)')


def is_here(host: str) -> bool:
    """Tell whether a host is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def tls_context(ca_file: str, *, setting: str) -> ssl.SSLContext | None:
    """A context that trusts one authority alone (PEM), for a stand-in; None, the system's own, for an empty name."""
    try:
        return ssl.create_default_context(cafile=ca_file) if ca_file else None
    except OSError:
        raise Misconfigured(f"{setting}: {ca_file} cannot be read as PEM certificates") from None
