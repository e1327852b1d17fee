"""`kairos outbox` by the real command: what nobody took is listed, retried, dropped."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from typer.testing import CliRunner

from server.__main__ import app
from server.commands.outbox import House, all_of
from server.store import audit, letters
from server.store.clock import DatabaseClock
from server.store.pool import Connection, Pool
from tests.outbox_rows import key, row_of
from tests.street.process import kairos
from tests.web.test_deliveries import bury, now


async def command(dsn: str, *arguments: object) -> tuple[int, str, str]:
    return await kairos("outbox", *map(str, arguments), environment={"KAIROS__DATABASE__URL": dsn})


async def states(pool: Pool, *numbers: int) -> list[str]:
    async with pool.acquire() as db:
        return [(await row_of(db, number))["state"] for number in numbers]


async def test_dead_letters_are_listed_then_retried_and_dropped(pool: Pool, db_dsn: str) -> None:
    for number in (1, 2, 3):
        await bury(pool, number)
    await bury(pool, 4, deliver_by=now() - timedelta(seconds=1))
    code, out, err = await command(db_dsn, "list")
    assert (code, err) == (0, "")
    assert [str(key(number)) in out for number in (1, 2, 3, 4)] == [True] * 4
    assert "BadTopic" in out
    code, out, err = await command(db_dsn, "retry", key(1), key(4))
    assert (code, out) == (1, "1 of 2\n")
    assert "the others are no dead letters, or their time is over" in err
    assert await states(pool, 1, 2, 3, 4) == ["queued", "dead", "dead", "dead"]
    assert await command(db_dsn, "drop", "--all") == (0, "3 of 3\n", "")
    assert await states(pool, 1, 2, 3, 4) == ["queued", "suppressed", "suppressed", "suppressed"]
    async with pool.acquire() as db:
        deeds = await audit.page(db, before=None, limit=9)
    assert [(deed.actor, deed.action, deed.object) for deed in deeds] == [
        ("command line", "delivery.drop", "deliveries:3"),
        ("command line", "delivery.retry", f"delivery:{key(1)}"),
    ]


@pytest.mark.parametrize(
    "arguments", [("retry",), ("drop", str(key(1)), "--all"), ("retry", str(key(1)), "--way", "apns")]
)
def test_who_is_meant_must_be_said_in_one_way(arguments: tuple[str, ...]) -> None:
    told = CliRunner().invoke(app, ["outbox", *arguments])
    assert told.exit_code == 1
    assert "name deliveries by their ids, or all of them by --all" in told.output


async def test_of_many_dead_letters_each_is_gone_through_once_and_what_stays_is_passed_by(pool: Pool) -> None:
    for number in range(1, 8):
        await bury(pool, number, deliver_by=now() + timedelta(seconds=3600 if number % 2 else -1))
    house = House(pool, DatabaseClock())

    async def once_more(db: Connection, chosen: Sequence[UUID], at: datetime) -> Collection[UUID]:
        return await letters.retry(db, ids=chosen, now=at)

    assert await all_of(house, "retry", once_more, None, at_once=2) == (4, 7)
    assert await states(pool, *range(1, 8)) == ["queued", "dead"] * 3 + ["queued"]
    assert await all_of(house, "retry", once_more, "fcm", at_once=2) == (0, 0)
