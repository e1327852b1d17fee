"""Which addresses that users of ours name may be reached at all: those of the public internet, over HTTPS.

Rule 1: an address is judged as an address, never as a text: a name is judged by what it stands for when it is used.
Rule 2: the lists are written out here, so that the answer is the same under every version of Python.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from yarl import URL

LONGEST_URL: Final = 2_000

_SPECIAL: Final = tuple(
    ipaddress.ip_network(each)
    for each in (
        # IANA's IPv4 special-purpose registry, multicast, and what was never given out
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
        # … and its IPv6 one within global unicast: protocols (Teredo, benchmarks, ORCHID), documentation, 6to4
        "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
    )
)  # fmt: skip
_GLOBAL_UNICAST: Final = ipaddress.ip_network("2000::/3")
"""All IPv6 that is public lies here. Mapped (::ffff:0:0/96) and translated (64:ff9b::/96) IPv4 does not."""

_HOST: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_AUTHORITY: Final = re.compile(r"(?<=//)[^/?#]*")
_ODD: Final = re.compile(r"[\x00-\x20\x7f-\x9f\\^`{|}<>\"\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Policy:
    """Where one may go: by which schemes, on which port (None: any), and whether to this machine itself."""

    schemes: tuple[str, ...] = ("https",)
    port: int | None = 443
    loopback: bool = False


PUBLIC: Final = Policy()
STAND_INS: Final = Policy(("http", "https"), None, loopback=True)
"""What `mode = "test"` takes, so that stand-ins can be used."""


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public internet's."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if found.version == 6 and (found not in _GLOBAL_UNICAST or found.scope_id is not None):
        return False
    return not any(found.version == net.version and found in net for net in _SPECIAL)


def may_reach(address: str, policy: Policy) -> bool:
    """Tell whether a connection to an IP address may be made."""
    return is_public(address) or (policy.loopback and _is_loopback(address))


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def wrong_with(text: str, policy: Policy = PUBLIC) -> str | None:
    """Say what is wrong with a URL as it was written, as the end of a sentence; None for one that may be tried."""
    if len(text) > LONGEST_URL or _ODD.search(text):
        return f"must be a URL of at most {LONGEST_URL} characters, without spaces and control characters"
    try:
        url = URL(text)
        host, port = url.raw_host, url.port
    except (ValueError, UnicodeError):
        return "must be a URL"
    if url.scheme not in policy.schemes or not host:
        return f"must begin with {policy.schemes[0]}://"
    if "@" in (_AUTHORITY.search(text) or [""])[0]:
        return "must hold neither a user nor a password"
    if url.raw_fragment or "#" in text:
        return "must have no fragment"
    if policy.port is not None and port != policy.port:
        return f"must be on port {policy.port}"
    return _wrong_host(host.lower().removesuffix("."), policy)


def _wrong_host(host: str, policy: Policy) -> str | None:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return None if may_reach(host, policy) else "must be a public address"
    labels = host.split(".")
    if len(host) > 253 or not _HOST.fullmatch(host) or _NUMBER.fullmatch(labels[-1]):
        return "must name a host, or an IP address in its usual form"
    if len(labels) == 1 and not policy.loopback:
        return "must name a host with its domain"
    return None
