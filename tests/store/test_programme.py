"""The programme's switch: one row that is always there."""

from __future__ import annotations

import asyncpg
import pytest

from server.store import programme
from server.store.pool import Connection
from server.store.ruleset import is_paused


async def test_a_new_house_runs_and_nobody_has_touched_the_switch(undone: Connection) -> None:
    assert await programme.find(undone) == (False, "", None, None)
    assert not await is_paused(undone)


async def test_the_switch_stands_as_it_was_thrown_last_and_says_by_whom(undone: Connection) -> None:
    thrown = await programme.throw(undone, paused=True, reason="Wrong prices", by="user:1")
    assert thrown[:3] == (True, "Wrong prices", "user:1")
    assert thrown.changed_at is not None
    assert await programme.find(undone) == thrown
    assert await is_paused(undone)
    await programme.throw(undone, paused=False, reason="", by="user:2")
    assert (await programme.find(undone))[:3] == (False, "", "user:2")
    assert not await is_paused(undone)


async def test_there_is_one_switch(undone: Connection) -> None:
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await undone.execute("INSERT INTO programme DEFAULT VALUES")
