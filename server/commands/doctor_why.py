"""Why a wallet's request failed, in words that whoever runs the proxy can act on. Pure: an answer in, a sentence out."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import aiohttp
import msgspec

ANSWER_S: Final = 5.0
"""A phone waits longer; an operator does not have to."""

_PROBLEM: Final = "application/problem+json"


class Answer(NamedTuple):
    """What came back: the status, headers by any case, the body; `asked` is the request in words, without its secrets."""

    asked: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ours(self) -> bool:
        """Tell whether it was Kairos that refused."""
        return self.headers.get("Content-Type", "").startswith(_PROBLEM)


_WHY: Final[Mapping[int, str]] = {
    403: "a filter in between refuses it: let everything below /wallet/ and /p/ pass",
    405: "this method is not let through: the proxy must allow GET, POST and DELETE below /wallet/",
    408: "the request took too long to arrive",
    411: "the proxy wants to know a body's length first",
    413: "the proxy takes no body of this size, which is less than a kilobyte",
    421: "the name in the request is none that this server knows: the proxy must hand on the Host header as it came, and"
    " server.public_url (or server.hosts) must name it",
    429: "too many requests from here: wait a minute, or look at limits.wallet_per_minute and the proxy's own limit",
    501: "this method is not let through: the proxy must allow GET, POST and DELETE below /wallet/",
    502: "the proxy answers, and does not reach Kairos behind it: is it running, and is the address right?",
    504: "the proxy answers, and Kairos behind it does not in time",
}


def why(answer: Answer, *, wanted: str) -> str:
    """Say what is wrong with an answer; `wanted` is what should have come, such as "201"."""
    said = f"{answer.asked} answers {answer.status} where {wanted} should come: "
    if 300 <= answer.status < 400 and answer.status != 304:
        target = urlsplit(answer.headers.get("Location", ""))
        where = f" to {target.scheme}://{target.netloc}" if target.netloc else ""
        return (
            f"{said}it sends on{where}, and phones lose their token on the way. server.public_url must be the address that"
            " answers itself"
        )
    if answer.ours and answer.status not in (401, 404, 421, 429):
        return f"{said}{_detail(answer.body)}"
    if answer.status == 404:
        return said + _not_found(answer)
    if answer.status in (500, 503) and not answer.ours:
        return said + _WHY[502]
    if answer.status in _WHY:
        return said + _WHY[answer.status]
    kind = answer.headers.get("Content-Type", "nothing")
    return (
        f"{said}another program than Kairos seems to answer ({kind}); hand everything below /wallet/ and /p/ on to it"
    )


def _not_found(answer: Answer) -> str:
    if answer.ours:
        return (
            "Kairos is there and has no such page, so the path was changed on the way: the proxy must hand on /wallet/… and"
            " /p/… as they are"
        )
    return "another program answers here: the proxy must hand everything below /wallet/ and /p/ on to Kairos"


def _detail(body: bytes) -> str:
    try:
        found = msgspec.json.decode(body, type=dict[str, object]).get("detail")
    except msgspec.MsgspecError:
        found = None
    return str(found or "it says no reason").rstrip(".")


def unreachable(error: Exception, *, url: str) -> str:
    """Say why nothing came back at all."""
    host = urlsplit(url).netloc
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return _no_trust(host, error.certificate_error)
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return _no_trust(host, error)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"{host} has no address: look at the name in server.public_url, and whether DNS knows it"
    if isinstance(error, aiohttp.ClientConnectorError):
        reason = error.os_error.strerror or "no connection"
        return f"nobody answers at {host} ({reason}): is the proxy running, and does a firewall let it through?"
    if isinstance(error, TimeoutError):
        return (
            f"{host} gave no answer within {ANSWER_S:g} s: does the proxy reach Kairos, or does a firewall swallow it?"
        )
    if isinstance(error, aiohttp.InvalidURL):
        return f"{url} is no address"
    return f"{host} broke off in the middle ({type(error).__name__}): does the proxy speak plain HTTP/1.1 to Kairos?"


def _no_trust(host: str, error: Exception) -> str:
    reason = getattr(error, "verify_message", "") or getattr(error, "reason", "") or type(error).__name__
    return (
        f"TLS with {host} fails ({reason}), and it does so for every phone: its certificate must be issued for this name by an"
        " authority that phones know, still be good, and be sent with its intermediate"
    )
