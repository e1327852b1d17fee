"""`kairos outbox` by the real command: what nobody took is listed, retried, dropped."""

from __future__ import annotations

from datetime import timedelta

import pytest

from server.store import audit
from server.store.pool import Pool
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
    assert await command(db_dsn, "retry", key(1)) == (0, "1 of 1\n", "")
    assert await command(db_dsn, "drop", key(2)) == (0, "1 of 1\n", "")
    assert await states(pool, 1, 2, 3, 4) == ["queued", "suppressed", "dead", "dead"]
    assert await command(db_dsn, "retry", "--all") == (0, "1 of 2\n", "")
    assert await states(pool, 3, 4) == ["queued", "dead"]
    async with pool.acquire() as db:
        deeds = await audit.page(db, before=None, limit=9)
    assert [(deed.actor, deed.action, deed.object) for deed in deeds] == [
        ("command line", "delivery.retry", "deliveries:1"),
        ("command line", "delivery.drop", f"delivery:{key(2)}"),
        ("command line", "delivery.retry", f"delivery:{key(1)}"),
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("retry",), "name deliveries by their ids, or all of them by --all"),
        (("drop", key(1), "--all"), "name deliveries by their ids, or all of them by --all"),
        (("retry", key(9)), "the others are no dead letters, or their time is over"),
    ],
)
async def test_what_cannot_be_is_told(shared_dsn: str, arguments: tuple[object, ...], sentence: str) -> None:
    code, _, err = await command(shared_dsn, *arguments)
    assert code == 1
    assert sentence in err
