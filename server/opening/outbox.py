"""The outbox of an open house: every process runs a sender for each way out, and listens for knocks.

To add a way: a queue (server/pipeline/queue.py says what that is) and a line in `queues_of`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from secrets import SystemRandom
from typing import Any, Protocol, runtime_checkable

from server.decision.ruleset import Ruleset
from server.opening import standings
from server.opening.channels import Channels, open_channels
from server.opening.pools import open_one
from server.opening.webhooks import patient, unshifted, webhooks_of
from server.pipeline.deliveries import DeliveryQueue
from server.pipeline.google_updates import GoogleUpdates
from server.pipeline.outbox import Sender
from server.pipeline.pushes import Pushes
from server.pipeline.queue import Queue, Terms
from server.pipeline.wallet_pushes import WalletPushes
from server.pipeline.webhook_queue import WebhookQueue
from server.settings_out import Outbox
from server.store.knocks import listen
from server.store.pool import Pool
from server.store.pushes import WAYS
from server.web.metrics import Metrics
from server.web.parts import Parts

Queues = Callable[[Parts, Pool, "Counts", Channels], Sequence[Queue[Any]]]
Opening = Callable[[Parts], contextlib.AbstractAsyncContextManager[Channels]]


UNSHIFTED = frozenset({WebhookQueue.name, GoogleUpdates.name, WalletPushes.name})
"""Their rows bear the database's time."""


class Counts:
    """The outbox's counters in the metrics."""

    def __init__(self, metrics: Metrics) -> None:
        """Make them."""
        self._tries = metrics.counter(
            "kairos_outbox_attempts_total", "Tries, by way and what came of them.", ("way", "outcome")
        )
        self._ends = metrics.counter(
            "kairos_outbox_ended_total", "What became of deliveries, by way.", ("way", "state")
        )

    def tried(self, name: str, outcome: str, count: int = 1) -> None:
        """Count what came of tries."""
        self._tries.labels(name, outcome).inc(count)

    def ended(self, name: str, state: str, count: int = 1) -> None:
        """Count ends; `queued` is a try that is repeated."""
        self._ends.labels(name, state).inc(count)


def terms_of(outbox: Outbox, name: str) -> Terms:
    """Give the terms of one way."""
    at_once = {
        "apns": outbox.apns_at_once,
        "fcm": outbox.fcm_at_once,
        "webpush": outbox.webpush_at_once,
        "apple_wallet": outbox.apple_wallet_at_once,
        "google_wallet": outbox.google_wallet_at_once,
        "webhooks": outbox.webhooks_at_once,
    }
    return Terms(
        at_once=at_once[name],
        lease_s=outbox.lease_s,
        send_s=outbox.send_s,
        poll_s=outbox.poll_s,
        attempts=outbox.attempts,
        first_retry_s=outbox.first_retry_s,
        longest_retry_s=outbox.longest_retry_s,
    )


def queues_of(parts: Parts, pool: Pool, counts: Counts, channels: Channels) -> Sequence[Queue[Any]]:
    """List what is taken out of the house. A push service that is not set up has its queue, too: somebody must say so."""

    def ruleset() -> Ruleset:
        return parts.rules.current.ruleset

    found: list[Queue[Any]] = [
        *(DeliveryQueue(pool, Pushes(way, channels.get(way), ruleset=ruleset), tally=counts) for way in WAYS.values()),
        DeliveryQueue(pool, WalletPushes(channels.get("apple_wallet")), tally=counts),
        webhooks_of(parts, pool),
    ]
    if parts.google is not None:
        shift = timedelta(seconds=parts.settings.clock_shift_s)
        google = GoogleUpdates(parts.google.wallet, parts.google.issuer, ruleset=ruleset, shift=shift)
        found.append(DeliveryQueue(pool, google, tally=counts))
    return found


@runtime_checkable
class Closing(Protocol):
    """A queue with connections of its own to the world; they end with the house."""

    async def close(self) -> None:
        """Let go of them."""


def _sender(queue: Queue[Any], parts: Parts, counts: Counts) -> Sender[Any]:
    """Make who works a queue off. A shift of the clock, for tests, moves moments; wallets and other systems live today."""
    terms, clock = terms_of(parts.settings.outbox, queue.name), parts.clock.now
    if queue.name in UNSHIFTED:
        clock = unshifted(parts)
    if queue.name == WebhookQueue.name:
        terms = patient(terms, parts.settings.webhooks)
    return Sender(queue, terms=terms, clock=clock, chance=SystemRandom().random, tally=counts)


@contextlib.asynccontextmanager
async def sending(
    parts: Parts,
    *,
    dsn: str,
    queues: Queues = queues_of,
    channels: Opening = open_channels,
    also: Sequence[Callable[[str | None], None]] = (),
) -> AsyncIterator[Sequence[Sender[Any]]]:
    """Send while the block lasts; `also` hears every knock, too.

    From SIGTERM on nothing new is begun, and what is under way may end in `shutdown_s`.
    """
    settings, counts = parts.settings, Counts(parts.metrics)
    async with contextlib.AsyncExitStack() as stack:
        size = settings.database.outbox_pool_size
        pool = await stack.enter_async_context(await open_one(settings.database, dsn, name="kairos outbox", size=size))
        opened = await stack.enter_async_context(channels(parts))
        taken = queues(parts, pool, counts, opened)
        for queue in taken:
            if isinstance(queue, Closing):
                stack.push_async_callback(queue.close)
        senders = [_sender(queue, parts, counts) for queue in taken]
        await stack.enter_async_context(_running(senders, parts, pool, dsn, also))
        yield senders


@contextlib.asynccontextmanager
async def _running(
    senders: Sequence[Sender[Any]], parts: Parts, pool: Pool, dsn: str, also: Sequence[Callable[[str | None], None]]
) -> AsyncIterator[None]:
    """Let the senders work, hear the knocks, and count what waits, while the block lasts."""

    def heard(word: str | None) -> None:
        for hear in (*(sender.hear for sender in senders), *also):
            hear(word)

    shutdown_s = parts.settings.server.shutdown_s
    beside = [
        asyncio.create_task(listen(dsn, heard), name="outbox knocks"),
        asyncio.create_task(standings.watch(pool, parts.metrics, clock=parts.clock.now), name="outbox figures"),
    ]
    running = [asyncio.create_task(each.run(parts.stopping, shutdown_s=shutdown_s)) for each in senders]
    try:
        yield
    finally:
        parts.stopping.set()
        await asyncio.gather(*running, return_exceptions=True)
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
