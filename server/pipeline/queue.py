"""What is taken out of the house, for the outbox's engine: the shape of a queue, and what becomes of a try.

Whoever has something to send writes a Queue (or, for rows of `deliveries`, only a Way: `server/pipeline/deliveries.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from server.channels.base import Outcome, Receipt
from server.store.outbox import State

_LONGEST_S = 10 * 365 * 86_400.0
"""A service may ask for longer than a date can tell."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How much at once, how long for, how often (seconds)."""

    at_once: int
    lease_s: float
    send_s: float
    poll_s: float
    attempts: int
    first_retry_s: float
    longest_retry_s: float


class Item(Protocol):
    """Something leased. `attempts` counts the try that is coming (from 1); after `deliver_by` nobody wants it."""

    @property
    def attempts(self) -> int:
        """How often it was leased."""

    @property
    def deliver_by(self) -> datetime:
        """When it is too late."""


T = TypeVar("T", bound=Item)


@dataclass(frozen=True, slots=True)
class Ended(Generic[T]):
    """What became of an item: `queued` goes back until `not_before`, all others are ends. No receipt: it was not tried."""

    item: T
    state: State
    reason: str | None = None
    not_before: datetime | None = None
    receipt: Receipt | None = None


class Queue(Protocol[T]):
    """What a Sender takes from: one way out, or all webhooks. Write one, and a line in `server/opening/outbox.py`.

    The engine calls `lease` when there is room and a reason to look (its `channel` was knocked for, by
    `store.knocks.knock` in the transaction that wrote the row; or `poll_s` went by; or its own retry is due). Each item it
    gets is sent in a task of its own: `send` is network and nothing else, holds no connection of a pool, may take
    `Terms.send_s` and gives a Receipt. From receipt, tries and `deliver_by` the engine makes an Ended (`ended_by`), and
    hands those that came together to `end`, which writes them in one transaction, fenced by their leases. While items are
    out, `renew` is called for all of them; who is missing in its answer is no longer ours, and its send is cut.

    lease, renew and end may raise KairosError (PostgreSQL is away): they are called again. Whatever else they raise is a bug
    and is logged; leases then run out, and the items are leased again, until `attempts` is reached.

    A queue whose `lease` may hold back what there would be room for (each receiver has places of its own) says so by an
    attribute `sips = True`: then the end of anything is a reason to look again.

    For rows of `deliveries` there is `server.pipeline.deliveries.DeliveryQueue`, which needs only a Way.
    """

    @property
    def name(self) -> str:
        """What it is called in logs and metrics: `apns`."""

    @property
    def channel(self) -> str:
        """The word that wakes it: `push`."""

    async def lease(self, *, limit: int, now: datetime, for_s: float) -> Sequence[T]:
        """Take at most so many that are due, in one transaction; what needs no sending may end in it, too."""

    async def send(self, item: T, *, now: datetime) -> Receipt:
        """Send it, once."""

    async def renew(self, items: Sequence[T], *, until: datetime) -> Collection[int]:
        """Keep the leases until then, and tell by their places in `items` which are still held."""

    async def end(self, ended: Sequence[Ended[T]], *, now: datetime) -> None:
        """Write what became of them, for those that are still held."""

    async def release(self, items: Sequence[T], *, now: datetime) -> None:
        """Put back what was not sent, as if nobody had taken it."""


class Tally(Protocol):
    """Who counts (the metrics)."""

    def tried(self, name: str, outcome: str, count: int = 1) -> None:
        """Count what came of tries."""

    def ended(self, name: str, state: str, count: int = 1) -> None:
        """Count ends."""


def ended_by(receipt: Receipt, item: T, *, now: datetime, terms: Terms, chance: Callable[[], float]) -> Ended[T]:
    """Make of a try's receipt what becomes of the item. `chance` gives numbers from 0 to below 1.

    Again: somewhere between now and a limit that doubles with each try (full jitter: those who failed together come back
    apart), but not before the service wants it. What would come too late is over at once.
    """
    if receipt.outcome is Outcome.SENT:
        return Ended(item, "delivered", None, None, receipt)
    if receipt.outcome is Outcome.GONE:
        return Ended(item, "suppressed", "gone", None, receipt)
    if receipt.outcome is Outcome.REFUSED or item.attempts >= terms.attempts:
        return Ended(item, "dead", receipt.reason, None, receipt)
    longest = min(terms.longest_retry_s, terms.first_retry_s * 2.0 ** (item.attempts - 1))
    wait_s = longest * chance()
    if receipt.retry_after_s is not None:
        wait_s = receipt.retry_after_s + min(wait_s, terms.first_retry_s)
    not_before = now + timedelta(seconds=min(wait_s, _LONGEST_S))
    if not_before >= item.deliver_by:
        return Ended(item, "expired", receipt.reason, None, receipt)
    return Ended(item, "queued", receipt.reason, not_before, receipt)
