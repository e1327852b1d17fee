"""The outbox's figures in the metrics: counted by each process, and right again after each look."""

from __future__ import annotations

import asyncio

from server.opening.standings import watch
from server.store.pool import Connection, Pool
from server.web.metrics import Metrics
from tests.builders import after
from tests.outbox_rows import lease, write
from tests.web.serving import away


async def until(metrics: Metrics, *lines: str) -> str:
    async with asyncio.timeout(20):
        while not all(line in metrics.text().decode() for line in lines):
            await asyncio.sleep(0.01)
    return metrics.text().decode()


async def test_what_waits_what_is_sent_and_how_late_it_is_is_told(pool: Pool, db: Connection) -> None:
    await write(db, 1)
    await write(db, 2, not_before=after(50))
    await write(db, 3, way="fcm", state="dead")
    metrics = Metrics()
    task = asyncio.create_task(watch(pool, metrics, clock=lambda: after(60), every_s=0.01))
    try:
        await until(
            metrics,
            'kairos_outbox_deliveries{state="waiting",way="apns"} 2.0',
            'kairos_outbox_deliveries{state="dead",way="fcm"} 1.0',
            'kairos_outbox_late_seconds{way="apns"} 60.0',
            'kairos_outbox_late_seconds{way="fcm"} 0.0',
        )
        await lease(db, at=after(40))
        await until(
            metrics,
            'kairos_outbox_deliveries{state="waiting",way="apns"} 1.0',
            'kairos_outbox_deliveries{state="sending",way="apns"} 1.0',
            'kairos_outbox_late_seconds{way="apns"} 10.0',
        )
        await db.execute("DELETE FROM deliveries WHERE way = 'apns'")
        async with asyncio.timeout(20):
            while 'way="apns"' in metrics.text().decode():
                await asyncio.sleep(0.01)
        assert 'kairos_outbox_late_seconds{way="fcm"} 0.0' in metrics.text().decode()  # what is dead stays told
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_while_postgresql_is_away_it_is_asked_again() -> None:
    async with await away() as pool:
        task = asyncio.create_task(watch(pool, Metrics(), clock=lambda: after(0), every_s=0.001))
        await asyncio.sleep(0.05)
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
