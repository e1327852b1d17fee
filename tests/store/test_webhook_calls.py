"""Calls: leased by one, fenced by the lease, fair between endpoints, listed, and asked for once more."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from server.store import funnel, webhook_calls, webhook_events, webhooks
from server.store.ids import new_id
from server.store.pool import Connection, Pool
from server.store.webhook_calls import Call, End
from tests import hooks, lives
from tests.lives import row

WITHIN = timedelta(days=3)


async def now_of(db: Connection) -> datetime:
    at: datetime = await db.fetchval("SELECT clock_timestamp()")
    return at


async def told(db: Connection, pool: Pool, count: int, *, since: int = 1) -> None:
    """Let so many moments be decided and told of."""
    await lives.decide(db, *(row(of) for of in range(since, since + count)))
    await funnel.roll(pool)


async def lease(
    db: Connection, *, limit: int = 100, for_s: float = 30, each: int = 100, later: timedelta = timedelta()
) -> list[Call]:
    now = await now_of(db) + later
    return await webhook_calls.lease(db, limit=limit, now=now, for_s=for_s, within=WITHIN, each=each)


async def states(db: Connection) -> dict[str, int]:
    rows = await db.fetch("SELECT state, count(*) FROM webhook_calls GROUP BY 1")
    return {row["state"]: row["count"] for row in rows}


async def test_a_leased_call_has_all_that_sending_needs(pool: Pool, db: Connection) -> None:
    made = await hooks.endpoint(db, url="https://hooks.example.com/a", sealed=b"first")
    await told(db, pool, 1)
    [call] = await lease(db)
    [event] = await hooks.written(db)
    assert (call.event_id, call.webhook_id, call.attempts) == (event["id"], made.id, 1)
    assert (call.type, call.data, call.subject) == ("kairos.moment.created", event["data"], event["subject"])
    assert (call.url, call.secret_sealed, call.old_sealed) == ("https://hooks.example.com/a", b"first", None)
    assert call.deliver_by - call.queued_at == WITHIN
    assert "hooks.example.com" not in repr(call)
    assert "moment_id" not in repr(call)


async def test_of_many_who_lease_at_once_each_call_goes_to_one(pool: Pool, db: Connection) -> None:
    for _ in range(2):
        await hooks.endpoint(db)
    await told(db, pool, 20)

    async def some() -> Sequence[Call]:
        async with pool.transaction() as mine:
            return await lease(mine, limit=7)

    found = [call for calls in await asyncio.gather(*(some() for _ in range(8))) for call in calls]
    keys = [(call.event_id, call.webhook_id) for call in found]
    assert len(set(keys)) == len(keys)
    found += await lease(db)
    assert len(found) == 40


async def test_a_lease_that_ran_out_is_anothers_and_its_first_holder_changes_nothing(
    pool: Pool, db: Connection
) -> None:
    await hooks.endpoint(db)
    await told(db, pool, 1)
    [lost] = await lease(db, for_s=5)
    assert await lease(db) == []
    [taken] = await lease(db, later=timedelta(seconds=6))
    assert (taken.event_id, taken.attempts) == (lost.event_id, 2)
    assert taken.lease != lost.lease
    await webhook_calls.end(db, ends=[End(lost, "dead", "late")])
    assert await webhook_calls.renew(db, calls=[lost], until=await now_of(db)) == set()
    assert await states(db) == {"leased": 1}
    await webhook_calls.end(db, ends=[End(taken, "sent", "status 204")])
    assert await states(db) == {"sent": 1}
    assert await lease(db, later=timedelta(days=1)) == []


async def test_a_lease_that_is_renewed_stays(pool: Pool, db: Connection) -> None:
    await hooks.endpoint(db)
    await told(db, pool, 2)
    mine = await lease(db, for_s=5)
    until = await now_of(db) + timedelta(seconds=60)
    assert await webhook_calls.renew(db, calls=mine, until=until) == {(c.event_id, c.webhook_id) for c in mine}
    assert await lease(db, later=timedelta(seconds=30)) == []


async def test_a_call_that_waits_is_due_when_its_time_comes(pool: Pool, db: Connection) -> None:
    await hooks.endpoint(db)
    await told(db, pool, 1)
    [call] = await lease(db)
    later = await now_of(db) + timedelta(minutes=5)
    await webhook_calls.end(db, ends=[End(call, "queued", "status 503", later)])
    assert await lease(db, later=timedelta(minutes=4)) == []
    [again] = await lease(db, later=timedelta(minutes=6))
    assert again.attempts == 2
    await webhook_calls.end(db, ends=[End(again, "queued", None, later, counted=False)])
    [untried] = await lease(db, later=timedelta(minutes=6))
    assert untried.attempts == 2


async def test_one_endpoint_with_much_to_hear_leaves_room_for_the_others(pool: Pool, db: Connection) -> None:
    busy = await hooks.endpoint(db, "kairos.moment.created")
    await told(db, pool, 30)
    quiet = await hooks.endpoint(db)
    await webhook_events.test(db, webhook_id=quiet.id, now=await now_of(db))
    first = await lease(db, limit=20, each=10)
    assert [call.webhook_id for call in first].count(busy.id) == 10
    assert [call.webhook_id for call in first].count(quiet.id) == 1
    assert await lease(db, limit=20, each=10) == [], "its places are taken until what is on its way has ended"
    await webhook_calls.end(db, ends=[End(call, "sent") for call in first[:3]])
    assert len(await lease(db, limit=20, each=10)) == sum(call.webhook_id == busy.id for call in first[:3])


async def test_the_longest_waiting_goes_first(pool: Pool, db: Connection) -> None:
    await hooks.endpoint(db)
    await told(db, pool, 5)
    await db.execute("UPDATE webhook_calls SET not_before = not_before - make_interval(mins => bucket)")
    oldest = await db.fetchval("SELECT event_id FROM webhook_calls ORDER BY not_before LIMIT 1")
    assert [call.event_id for call in await lease(db, limit=1)] == [oldest]


async def test_one_that_is_turned_off_is_told_nothing_until_it_is_on_again(pool: Pool, db: Connection) -> None:
    made = await hooks.endpoint(db)
    await told(db, pool, 2)

    async def turn(*, on: bool) -> None:
        await webhooks.change(db, webhook_id=made.id, url=made.url, description=None, events=["*"], enabled=on)

    await turn(on=False)
    assert await lease(db) == []
    await told(db, pool, 3, since=10)
    await turn(on=True)
    assert len(await lease(db)) == 2, "what happened while it was off passed it by; a replay tells it"


async def test_the_old_secret_signs_until_its_time_is_over(pool: Pool, db: Connection) -> None:
    made = await hooks.endpoint(db, sealed=b"first")
    await told(db, pool, 1)
    await webhooks.rotate(db, webhook_id=made.id, secret_sealed=b"second", overlap=timedelta(hours=1))
    [call] = await lease(db, for_s=5)
    assert (call.secret_sealed, call.old_sealed) == (b"second", b"first")
    [later] = await lease(db, later=timedelta(hours=2))
    assert (later.secret_sealed, later.old_sealed) == (b"second", None)


async def test_the_log_tells_each_call_the_newest_first(pool: Pool, db: Connection) -> None:
    made = await hooks.endpoint(db)
    await told(db, pool, 3)
    await told(db, pool, 2, since=10)
    for call, state in zip(await lease(db, limit=3), ("sent", "dead", "queued"), strict=True):
        next_try = await now_of(db) + timedelta(hours=1)
        await webhook_calls.end(db, ends=[End(call, state, "status 1", next_try if state == "queued" else None)])  # type: ignore[arg-type]

    async def page(
        state: str | None = None, after: tuple[datetime, UUID] | None = None, limit: int = 9
    ) -> list[object]:
        return await webhook_calls.log(db, webhook_id=made.id, after=after, state=state, limit=limit)  # type: ignore

    whole = await webhook_calls.log(db, webhook_id=made.id, after=None, state=None, limit=9)
    assert [each.queued_at for each in whole] == sorted((each.queued_at for each in whole), reverse=True)
    first = await webhook_calls.log(db, webhook_id=made.id, after=None, state=None, limit=2)
    rest = await page(after=(first[-1].queued_at, first[-1].event_id))
    assert [*first, *rest] == whole
    by_state = {state: [each for each in whole if each.state == state] for state in ("sent", "dead", "queued")}
    assert {state: len(each) for state, each in by_state.items()} == {"sent": 1, "dead": 1, "queued": 3}
    assert await page("dead") == by_state["dead"]
    assert (by_state["dead"][0].attempts, by_state["dead"][0].reason, by_state["dead"][0].next) == (1, "status 1", None)
    waits = [each for each in by_state["queued"] if each.attempts]
    assert waits[0].next is not None
    assert {each.type for each in whole} == {"kairos.moment.created"}


async def test_a_span_is_told_once_more_with_the_ids_that_events_had(pool: Pool, db: Connection) -> None:
    made = await hooks.endpoint(db)
    await told(db, pool, 4)
    for call in await lease(db):
        await webhook_calls.end(db, ends=[End(call, "dead", "gone")])
    await webhook_events.test(db, webhook_id=made.id, now=await now_of(db))
    before = {each["id"] for each in await hooks.written(db)}
    now = await now_of(db)
    assert await webhook_calls.again_span(db, webhook_id=made.id, start=now - WITHIN, end=now, most=3) is None
    assert await webhook_calls.again_span(db, webhook_id=made.id, start=now, end=now + WITHIN, most=9) == 0
    assert await webhook_calls.again_span(db, webhook_id=made.id, start=now - WITHIN, end=now, most=9) == 4
    assert await states(db) == {"queued": 5}
    assert {each["id"] for each in await hooks.written(db)} == before
    assert {call.attempts for call in await lease(db)} == {1}


async def test_what_passed_an_endpoint_by_is_told_by_a_replay(pool: Pool, db: Connection) -> None:
    await hooks.endpoint(db)
    await told(db, pool, 3)
    late = await hooks.endpoint(db, "kairos.moment.created")
    none = await hooks.endpoint(db, "kairos.moment.opened")
    now = await now_of(db)
    assert await webhook_calls.again_span(db, webhook_id=late.id, start=now - WITHIN, end=now, most=9) == 3
    assert await webhook_calls.again_span(db, webhook_id=none.id, start=now - WITHIN, end=now, most=9) == 0
    assert len(await hooks.calls(db, late.id)) == 3


async def test_some_events_are_told_once_more_and_what_is_on_its_way_is_left_alone(pool: Pool, db: Connection) -> None:
    made, other = await hooks.endpoint(db), await hooks.endpoint(db)
    theirs = await webhook_events.test(db, webhook_id=other.id, now=await now_of(db))
    own = await webhook_events.test(db, webhook_id=made.id, now=await now_of(db))
    await told(db, pool, 2)
    calls = [call for call in await lease(db) if call.webhook_id == made.id]
    away, done = (call for call in calls if call.event_id != own)
    await webhook_calls.end(db, ends=[End(done, "sent")])
    asked = [away.event_id, done.event_id, new_id(), theirs]
    assert await webhook_calls.again(db, webhook_id=made.id, events=asked) == 1
    [again] = [call for call in await lease(db) if call.webhook_id == made.id]
    assert (again.event_id, again.attempts) == (done.event_id, 1)
    assert await webhook_calls.renew(db, calls=[away], until=away.deliver_by) == {(away.event_id, made.id)}


@pytest.mark.parametrize("missing", ["event", "endpoint"])
async def test_a_call_without_its_event_or_endpoint_is_never_leased(pool: Pool, db: Connection, missing: str) -> None:
    await hooks.endpoint(db)
    await told(db, pool, 1)
    await db.execute("DELETE FROM webhook_events" if missing == "event" else "DELETE FROM webhooks")
    assert await lease(db) == []
