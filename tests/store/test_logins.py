"""Failures are counted before they happen, so that guessing in parallel gains nothing."""

from __future__ import annotations

import asyncio

import pytest

from server.store import logins
from server.store.pool import Connection, Pool

WINDOW_S = 900


async def attempt(db: Connection, *, account: str = "kim", network: str = "203.0.113.0/24") -> int:
    return await logins.attempt(db, account=account, network=network, failures=10, window_s=WINDOW_S)


async def test_after_ten_failures_the_eleventh_waits_as_long_as_the_first_still_counts(db: Connection) -> None:
    assert [await attempt(db) for _ in range(10)] == [0] * 10
    wait = await attempt(db)
    assert WINDOW_S - 60 < wait <= WINDOW_S
    await db.execute("UPDATE login_failures SET at = at - interval '10 minutes'")
    assert 200 < await attempt(db) <= 300


async def test_who_was_told_to_wait_does_not_wait_longer_for_asking(db: Connection) -> None:
    for _ in range(30):
        await attempt(db)
    assert await db.fetchval("SELECT count(*) FROM login_failures") == 10


async def test_other_networks_and_other_accounts_are_not_held_up(db: Connection) -> None:
    for _ in range(11):
        await attempt(db)
    assert await attempt(db, network="198.51.100.0/24") == 0
    assert await attempt(db, account="tim") == 0


async def test_a_success_forgets_the_failures_before_it(db: Connection) -> None:
    for _ in range(10):
        await attempt(db)
    await logins.succeed(db, account="kim", network="203.0.113.0/24")
    assert await attempt(db) == 0


async def test_old_failures_do_not_count(db: Connection) -> None:
    for _ in range(10):
        await attempt(db)
    await db.execute("UPDATE login_failures SET at = at - interval '15 minutes'")
    assert await attempt(db) == 0


async def test_thirty_guesses_at_once_are_ten_guesses(pool: Pool) -> None:
    async def guess() -> int:
        async with pool.transaction() as db:
            return await attempt(db)

    waits = await asyncio.gather(*(guess() for _ in range(30)))
    assert sum(wait == 0 for wait in waits) == 10


@pytest.mark.parametrize(("age_s", "counts"), [(0, True), (WINDOW_S - 5, True), (WINDOW_S + 1, False)])
async def test_a_failure_counts_for_the_window_and_no_longer(undone: Connection, age_s: int, counts: bool) -> None:
    for _ in range(10):
        assert await attempt(undone) == 0
    await undone.execute("UPDATE login_failures SET at = at - make_interval(secs => $1)", age_s)
    wait = await attempt(undone)
    assert (wait > 0) is counts
    assert wait <= max(1, WINDOW_S - age_s)


async def test_the_wait_is_that_of_the_oldest_of_the_ten_that_count(undone: Connection) -> None:
    for minute in range(12):
        await undone.execute(
            "INSERT INTO login_failures (account, network, at)"
            " VALUES ('kim', '203.0.113.0/24', clock_timestamp() - make_interval(mins => $1))",
            minute,
        )
    wait = await attempt(undone)
    assert WINDOW_S - 9 * 60 - 10 <= wait <= WINDOW_S - 9 * 60


@pytest.mark.parametrize(("account", "network"), [("", ""), ("a b", "c"), ("a", "b c"), ("ü'\"", "::/56")])
async def test_any_text_is_an_account_of_its_own(undone: Connection, account: str, network: str) -> None:
    for _ in range(10):
        assert await attempt(undone, account=account, network=network) == 0
    assert await attempt(undone, account=account, network=network) > 0
    for other in (("a b", "c"), ("a", "b c")):
        if other != (account, network):
            assert await attempt(undone, account=other[0], network=other[1]) == 0


async def test_a_success_forgets_nobody_elses_failures(undone: Connection) -> None:
    for _ in range(10):
        await attempt(undone)
        await attempt(undone, account="tim")
    await logins.succeed(undone, account="kim", network="198.51.100.0/24")
    assert await attempt(undone) > 0
    await logins.succeed(undone, account="kim", network="203.0.113.0/24")
    assert await attempt(undone) == 0
    assert await attempt(undone, account="tim") > 0
