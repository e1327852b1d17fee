"""P11, small: three hundred pushes and some to Android, two processes, two kill -9, one crash of PostgreSQL, an Apple and a
Firebase that fail."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg

from server.store import embedded
from server.store.migrate import migrate
from tests.conftest import Silent
from tests.street import pushing
from tests.street.process import ServerProcess
from tests.street.test_exactly_once import crash

WANTED, OTHERS, ANDROIDS = 300, 8, 60
AT_ONCE, SERVERS, KILLS = 12, 2, 2


async def test_whoever_is_killed_each_push_is_sent_with_one_id_and_none_that_is_unwanted(
    data_dir: Path, tmp_path: Path
) -> None:
    async with await embedded.start(data_dir, log=Silent()) as database:
        await migrate(database.dsn)
        db = await asyncpg.connect(database.dsn)
        crowd = await pushing.gather(db, wanted=WANTED, others=OTHERS)
        androids, removed = await pushing.gather_androids(db, wanted=ANDROIDS, gone=OTHERS)
        await db.close()
        async with (
            pushing.apples(tmp_path, crowd, delay_s=0.1) as apple,
            pushing.firebase_for(removed, delay_s=0.1) as firebase,
        ):
            environment = pushing.environment(tmp_path, data_dir, apple, at_once=AT_ONCE)
            environment |= pushing.with_firebase(tmp_path, firebase, at_once=AT_ONCE // 4)
            servers = [ServerProcess(environment, "--port", "0") for _ in range(SERVERS)]
            try:
                await asyncio.gather(*(server.start() for server in servers))
                for share, trouble in (
                    (0.1, lambda: pushing.kill(servers[0])),
                    (0.35, lambda: crash(data_dir)),
                    (0.6, servers[1].kill),  # nobody takes its place: the other one takes its work
                ):
                    await pushing.until(apple, int(share * WANTED))
                    await trouble()
                db = await asyncpg.connect(database.dsn)
                await pushing.ended(db, crowd)
                # Of a killed process all that was under way; and all of both, while PostgreSQL was away.
                under_way = AT_ONCE * (KILLS + SERVERS)
                judged = await pushing.judge(db, crowd, apple.seen, in_flight=under_way)
                await pushing.judge_androids(db, androids, removed, firebase, in_flight=under_way // 4)
                await db.close()
            finally:
                for server in servers:
                    if server.process is not None:
                        await server.stop()
    assert judged.taken == WANTED
