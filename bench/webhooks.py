"""Webhooks: what listening costs those who do not send, and how many calls a second leave the house.

Claimed: where nobody listens the roll-up of the funnel's facts takes as long as before (a look at an empty table), and a
ping's or a redemption's statement does nothing for webhooks in any case; where somebody does, the roll-up writes an event and
a call for each fact. One process sends at least 200 calls a second to one endpoint, ten at a time, each signed, taken and
written down.

Measured: rolls of the same facts in turns, with nobody and with one endpoint for everything; then those calls, from the first
lease to the last row, to a receiver in a process of its own that verifies each.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.process import house, serving
from bench.table import goal, micro, options, ratio, show
from server.channels.outward import open_outward
from server.channels.reach import STAND_INS
from server.channels.signed import write_secret
from server.channels.webhook import Webhook
from server.configuration import load
from server.opening.outbox import terms_of
from server.opening.webhooks import patient
from server.pipeline.outbox import Sender
from server.pipeline.webhook_queue import WebhookQueue
from server.store import funnel, webhooks
from server.store.pool import Pool, open_pool
from server.wallet.keyring import open_keyring
from tests import lives
from tests.pipeline.test_outbox import Counted
from tests.pipeline.test_webhook_queue import PATIENT

ASKED_PER_S = 200.0
SECRET = b"b" * 32
BATCH = 500


class Rolled(NamedTuple):
    """Seconds of a roll for one fact: with nobody who listens, and with somebody."""

    alone_s: list[float]
    told_s: list[float]


def now() -> datetime:
    """This machine's clock."""
    return datetime.now(UTC)


async def facts(pool: Pool, count: int, *, since: int) -> None:
    """Let so many moments be decided."""
    async with pool.acquire() as db:
        for first in range(since, since + count, BATCH):
            await lives.decide(db, *(lives.row(of) for of in range(first, min(first + BATCH, since + count))))


async def rolled(pool: Pool, count: int, rounds: int) -> Rolled:
    """Roll up in turns; the endpoint is there all the time, and in use in every second turn."""
    found = Rolled([], [])
    for turn in range(rounds * 2):
        listening = bool(turn % 2)
        async with pool.acquire() as db:
            await db.execute("UPDATE webhooks SET enabled = $1", listening)
        await facts(pool, count, since=1 + turn * count)
        begun = time.perf_counter()
        assert await funnel.roll(pool) == count
        (found.told_s if listening else found.alone_s).append((time.perf_counter() - begun) / count)
    return found


async def sent(pool: Pool, queue: WebhookQueue) -> float:
    """Send all that waits, and give how many a second."""
    settings = load(environment={})
    async with pool.acquire() as db:
        count = await db.fetchval("SELECT count(*) FROM webhook_calls WHERE state = 'queued'")
    stopping = asyncio.Event()
    terms = patient(terms_of(settings.outbox, queue.name), settings.webhooks)
    sender = Sender(queue, terms=terms, clock=now, chance=lambda: 0.5, tally=Counted())
    begun = time.perf_counter()
    task = asyncio.create_task(sender.run(stopping, shutdown_s=5))
    async with pool.acquire() as db:
        waits = "SELECT EXISTS (SELECT FROM webhook_calls WHERE state IN ('queued', 'leased'))"
        while await db.fetchval(waits):  # noqa: ASYNC110  PostgreSQL sets no event
            await asyncio.sleep(0.05)
        span_s = time.perf_counter() - begun
        taken = await db.fetchval("SELECT count(*) FROM webhook_calls WHERE state = 'sent' AND attempts = 1")
    stopping.set()
    await task
    assert taken == count, f"{taken} of {count} were taken at once"
    return count / span_s


async def measure(count: int, rounds: int) -> tuple[Rolled, float]:
    """Run the whole of it on one house."""
    with tempfile.TemporaryDirectory() as scratch:
        keyring = open_keyring(Path(scratch), now=now())
        async with (
            house() as (_, database),
            await open_pool(database.dsn, size=8, application_name="bench") as pool,
            serving("tests.standins", "webhook", "--secret", write_secret(SECRET), "--quiet") as receiver,
        ):
            identifier = webhooks.fresh_id()
            sealed = keyring.seal(SECRET, table="webhooks", row=identifier.bytes, now=now())
            async with pool.transaction() as db:
                await webhooks.insert(
                    db, id=identifier, url=receiver.url, description=None, events=["*"], secret_sealed=sealed, most=1
                )
            costs = await rolled(pool, count, rounds)
            async with pool.acquire() as db:
                await db.execute("UPDATE webhooks SET enabled = true")
            queue = WebhookQueue(
                pool,
                Webhook(open_outward(STAND_INS)),
                keyring=keyring,
                source="https://kairos.example",
                patience=PATIENT,
            )
            try:
                return costs, await sent(pool, queue)
            finally:
                await queue.close()


def main() -> None:
    """Measure, and print."""
    given: Namespace = options(__doc__.partition("\n")[0]).parse_args()
    count, rounds = (500, 1) if given.quick else (2000, given.rounds or 3)
    costs, per_s = asyncio.run(measure(count, rounds))
    show(
        "Webhooks",
        ("", "figure"),
        [
            ("rolling a fact up, nobody listens (µs)", micro(median(costs.alone_s))),
            ("… one endpoint is told of each (µs)", micro(median(costs.told_s))),
            ("… beside nobody listening", f"{ratio(costs.told_s, costs.alone_s):.2f}"),
            ("one process to one endpoint: calls/s", f"{per_s:,.0f}"),
        ],
        f"{count:,} facts a roll, {rounds} rounds",
    )
    sys.exit(0 if goal("webhook calls", per_s, ">=", ASKED_PER_S, unit="/s") else 1)


if __name__ == "__main__":
    main()
