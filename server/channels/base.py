"""What every way out has in common: something to send and an address in, a receipt out.

Rule 1: a channel sends once and tells what became of it. Whether and when it is tried again is the outbox's business.
Rule 2: what a service refuses is a receipt, no exception; so is a network that is away. A receipt names no address.
Rule 3: `id` is the delivery's, the same over all tries: a service that knows ids sees one notification.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, TypeVar
from uuid import UUID


class Outcome(StrEnum):
    """What became of a try. LATER: try again; GONE: the address is dead; REFUSED: this will never be taken."""

    SENT = "sent"
    LATER = "later"
    GONE = "gone"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A try's outcome, with the service's own word for it (or ours for the network), never with an address or a token.

    `retry_after_s` is the service's wish; `gone_since` the time from which APNs knows that the address is dead: one that
    was registered after it is alive.
    """

    outcome: Outcome
    reason: str
    retry_after_s: float | None = None
    gone_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A moment on its way to one device. After `expires_at` nobody wants to read it; of two with one collapse id the
    later one stands on the screen."""

    id: UUID
    moment_id: UUID
    title: str
    body: str
    collapse_id: str
    expires_at: datetime
    image_url: str | None = None
    action: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stir:
    """Word to a wallet that passes of one type have changed; what, it asks by itself."""

    id: UUID
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Subscription:
    """A browser's push address (Push API, W3C): the endpoint and the keys as bytes. It is in no repr."""

    endpoint: str = field(repr=False)
    p256dh: bytes = field(repr=False)
    auth: bytes = field(repr=False)


Thing_contra = TypeVar("Thing_contra", contravariant=True)
Address_contra = TypeVar("Address_contra", contravariant=True)


class Channel(Protocol[Thing_contra, Address_contra]):
    """One way out. `send` may be called many times at once; `close` ends what it holds open."""

    @property
    def name(self) -> str:
        """The word in `deliveries.way`."""

    async def send(self, thing: Thing_contra, address: Address_contra, *, now: datetime) -> Receipt:
        """Try once."""

    async def close(self) -> None:
        """Let go of connections."""


def collapse_id(collapse_key: str, customer_id: UUID) -> str:
    """Derive what makes two moments of one offer one notification: 43 characters that tell nothing of either."""
    digest = hashlib.sha256(f"{collapse_key}\n{customer_id}".encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
