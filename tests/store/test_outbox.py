"""The outbox's rows: leased by one at a time, fenced by the lease, and lost by nobody's death."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from server.store import outbox
from server.store.outbox import COALESCED, End, Leased
from server.store.pool import Connection, Contended, Pool
from tests.builders import NOON, after
from tests.outbox_rows import FOR_S, key, lease, row_of, write
from tests.store.waits import blocked


async def end(db: Connection, *ends: End) -> dict[UUID, str]:
    return await outbox.end(db, ends=ends, now=NOON)


async def test_what_is_due_is_leased_with_its_try_counted(undone: Connection) -> None:
    await write(undone)
    [mine] = await lease(undone, at=after(1))
    assert (mine.id, mine.attempts, mine.channel, mine.way, mine.device_id) == (key(1), 1, "push", "apns", "phone")
    row = await row_of(undone)
    assert (row["state"], row["lease"], row["attempts"]) == ("leased", mine.lease, 1)
    assert row["leased_until"] == after(1 + FOR_S)


async def test_what_is_leased_is_nobody_elses_until_its_lease_runs_out(undone: Connection) -> None:
    await write(undone)
    [first] = await lease(undone)
    assert await lease(undone, at=after(FOR_S - 1)) == []
    [second] = await lease(undone, at=after(FOR_S))
    assert (second.id, second.attempts) == (first.id, 2)
    assert second.lease != first.lease


@pytest.mark.parametrize(
    "other",
    [
        {"way": "fcm"},
        {"way": None},
        {"channel": "apple_wallet"},
        {"channel": "in_app"},
        {"state": "dead"},
        {"state": "suppressed"},
        {"state": "delivered"},
        {"not_before": after(1)},
    ],
    ids=str,
)
async def test_what_is_another_ways_or_over_or_not_due_is_left_alone(undone: Connection, other: dict) -> None:
    await write(undone, **other)
    assert await lease(undone) == []


async def test_who_waits_longest_comes_first_and_no_more_than_asked_for(undone: Connection) -> None:
    for number in (3, 1, 2, 4):
        await write(undone, number, not_before=after(number))
    taken = [await lease(undone, at=after(10), limit=2) for _ in range(3)]
    assert [{each.id for each in some} for some in taken] == [{key(1), key(2)}, {key(3), key(4)}, set()]


async def test_two_who_lease_at_once_share_what_is_there(pool: Pool) -> None:
    async with pool.acquire() as db:
        for number in range(1, 41):
            await write(db, number)

    async def one() -> list[Leased]:
        async with pool.transaction() as db:
            taken = await lease(db, limit=10)
            await db.fetchval("SELECT pg_sleep(0.05)")  # the others must not wait for this one's rows
            return taken

    shares = await asyncio.gather(*(one() for _ in range(4)))
    assert [len(share) for share in shares] == [10] * 4
    assert len({each.id for share in shares for each in share}) == 40


async def test_a_lease_is_kept_for_longer(undone: Connection) -> None:
    await write(undone)
    leased = await lease(undone)
    assert await outbox.renew(undone, leased=leased, until=after(90)) == {key(1)}
    assert await lease(undone, at=after(60)) == []
    assert len(await lease(undone, at=after(90))) == 1


async def test_who_lost_a_lease_cannot_keep_it_and_is_told(undone: Connection) -> None:
    await write(undone)
    old = await lease(undone)
    [new] = await lease(undone, at=after(FOR_S))
    assert await outbox.renew(undone, leased=old, until=after(900)) == set()
    assert (await row_of(undone))["leased_until"] == after(2 * FOR_S)
    assert await outbox.renew(undone, leased=[new], until=after(900)) == {key(1)}


@pytest.mark.parametrize("state", ["delivered", "expired", "dead", "suppressed"])
async def test_an_end_is_written_with_its_reason_and_time(undone: Connection, state: str) -> None:
    await write(undone)
    [mine] = await lease(undone)
    assert await end(undone, End(mine, state, "why")) == {key(1): state}
    row = await row_of(undone)
    assert (row["state"], row["reason"], row["finished_at"]) == (state, "why", NOON)
    assert (row["lease"], row["leased_until"], row["attempts"]) == (None, None, 1)
    assert await lease(undone, at=after(days=1)) == []


async def test_who_lost_a_lease_ends_nothing_and_is_told(undone: Connection) -> None:
    await write(undone)
    [old] = await lease(undone)
    await lease(undone, at=after(FOR_S))
    assert await end(undone, End(old, "dead", "late")) == {}
    row = await row_of(undone)
    assert (row["state"], row["reason"]) == ("leased", None)


async def test_what_somebody_else_ended_meanwhile_stays_so(undone: Connection) -> None:
    """The moment was seen in the app, or its customer was erased."""
    await write(undone)
    [mine] = await lease(undone)
    await undone.execute("UPDATE deliveries SET state = 'suppressed', reason = 'erased'")
    assert await end(undone, End(mine, "delivered")) == {}
    assert (await row_of(undone))["reason"] == "erased"


async def test_what_is_put_off_waits_until_then_and_keeps_its_reason(undone: Connection) -> None:
    await write(undone)
    [mine] = await lease(undone)
    assert await end(undone, End(mine, "queued", "busy", after(60))) == {key(1): "queued"}
    row = await row_of(undone)
    assert (row["state"], row["reason"], row["finished_at"], row["lease"]) == ("queued", "busy", None, None)
    assert await lease(undone, at=after(59)) == []
    [again] = await lease(undone, at=after(60))
    assert again.attempts == 2


async def test_what_was_not_tried_is_put_back_as_if_nobody_had_taken_it(undone: Connection) -> None:
    await write(undone)
    leased = await lease(undone)
    await end(undone, *outbox.release(leased, now=after(1)))
    row = await row_of(undone)
    assert (row["state"], row["attempts"], row["not_before"]) == ("queued", 0, after(1))


async def test_many_end_together_each_in_its_own_way(undone: Connection) -> None:
    for number in range(1, 6):
        await write(undone, number)
    mine = {each.id: each for each in await lease(undone)}
    states = ("delivered", "expired", "dead", "suppressed", "queued")
    told = await end(
        undone,
        *(End(mine[key(n)], state, state, after(n)) for n, state in enumerate(states, 1)),  # type: ignore[arg-type]
    )
    assert told == {key(n): state for n, state in enumerate(states, 1)}
    assert [(await row_of(undone, n))["reason"] for n in range(1, 6)] == list(states)


@pytest.mark.parametrize("channel", ["apple_wallet", "google_wallet"])
async def test_an_update_that_a_newer_one_tells_too_does_not_wait_again(undone: Connection, channel: str) -> None:
    await write(undone, 1, channel=channel)
    [old] = await lease(undone, channel=channel, way=channel)
    await write(undone, 2, channel=channel)
    assert await end(undone, End(old, "queued", "busy", after(5))) == {key(1): "suppressed"}
    row = await row_of(undone)
    assert (row["reason"], row["finished_at"]) == (COALESCED, NOON)
    [new] = await lease(undone, at=after(9), channel=channel, way=channel)
    assert new.id == key(2)


@pytest.mark.parametrize("channel", ["apple_wallet", "google_wallet"])
async def test_of_two_updates_of_one_wallet_that_fail_together_the_newer_waits(
    undone: Connection, channel: str
) -> None:
    await write(undone, 1, channel=channel)
    [old] = await lease(undone, channel=channel, way=channel)
    await write(undone, 2, channel=channel)
    [new] = await lease(undone, channel=channel, way=channel)
    again = [End(each, "queued", "busy", after(5)) for each in (old, new)]
    assert await end(undone, *again) == {key(1): "suppressed", key(2): "queued"}


async def test_updates_of_two_wallets_wait_both_and_so_do_two_pushes_of_one_phone(undone: Connection) -> None:
    await write(undone, 1, channel="apple_wallet", device_hash=b"one")
    await write(undone, 2, channel="apple_wallet", device_hash=b"other")
    await write(undone, 3)
    await write(undone, 4)
    leased = [*await lease(undone), *await lease(undone, channel="apple_wallet", way="apple_wallet")]
    told = await end(undone, *(End(each, "queued", "busy", after(5)) for each in leased))
    assert set(told.values()) == {"queued"}
    assert len(told) == 4


async def test_an_update_written_in_the_same_instant_makes_the_other_one_ask_again(pool: Pool) -> None:
    """The newer one is not committed yet when the old one looks: PostgreSQL lets it wait, and then refuses."""
    async with pool.acquire() as db, pool.acquire() as other:
        await write(db, 1, channel="apple_wallet")
        [old] = await lease(db, channel="apple_wallet", way="apple_wallet")
        begun = other.transaction()
        await begun.start()
        await write(other, 2, channel="apple_wallet")

        async def put_off(db: Connection) -> dict[UUID, str]:
            return await end(db, End(old, "queued", "busy", after(5)))

        waiting = asyncio.create_task(put_off(db))
        while not await blocked(other):
            await asyncio.sleep(0.01)
        await begun.commit()
        with pytest.raises(Contended):
            await waiting
        assert await pool.attempt(put_off) == {key(1): "suppressed"}


async def test_leases_survive_a_look_from_a_clock_that_is_a_little_behind(undone: Connection) -> None:
    await write(undone)
    await lease(undone, at=after(2))
    assert await lease(undone, at=after(0)) == []
    assert (await row_of(undone))["leased_until"] - after(2) == timedelta(seconds=FOR_S)
