"""Who is in which segment: with each change at once, everybody by the job, and never without consent."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from server.model.ids import bucket_of
from server.model.money import Money
from server.pipeline import membership
from server.pipeline.consent import agree
from server.pipeline.forget import erase, export
from server.pipeline.membership import refresh, sweep
from server.pipeline.preferences import change
from server.pipeline.rules import Rules, programme_of
from server.store import customers, epoch, happenings, members, segments
from server.store.customers import Change
from server.store.happenings import Happening
from server.store.ids import new_id
from server.store.pool import Connection, Pool
from tests.pipeline.town import Town, settings
from tests.store.waits import blocked

HOUR, NEVER = timedelta(hours=1), timedelta(days=9999)
REGULARS = {"attribute": {"visits": {"gte": 3}}}
BUYERS = {"event": {"name": "purchase", "within": "P7D"}}
SPENDERS = {"rfm": {"monetary_minor": {"gte": 5000}, "within": "P30D"}}
BOTH = {"all": [REGULARS, BUYERS]}


def now() -> datetime:
    return datetime.now(UTC)


async def save(pool: Pool, **saved: dict[str, Any] | None) -> None:
    async with pool.transaction() as db:
        await epoch.bump(db)
        for name, document in saved.items():
            assert await segments.insert(db, name=name, document=document) is not None


async def rules_of(pool: Pool) -> Rules:
    rules = Rules(pool, programme_of(settings()))
    await rules.refresh()
    return rules


async def attribute(db: Connection, rules: Rules, customer: UUID, **attributes: Any) -> None:
    to = Change(frozenset({"attributes"}), attributes=attributes)
    await change(db, customer_id=customer, to=to, topics_max=9, rules=rules, now=now())


async def bought(
    db: Connection, rules: Rules, customer: UUID, *, minor: int = 100, ago: timedelta = timedelta(0)
) -> None:
    made = Happening(new_id(bucket=bucket_of(customer)), customer, "purchase", now() - ago, amount=Money(minor, "EUR"))
    await happenings.tell(db, happenings=[made])
    await refresh(db, rules=rules, customer_id=customer, now=now(), touched=frozenset({"event:purchase"}))


async def members_of(town: Town, segment: str) -> set[UUID]:
    rows = await town.rows("SELECT customer_id FROM segment_members WHERE segment = $1", segment)
    return {row["customer_id"] for row in rows}


async def judged(
    pool: Pool, rules: Rules, *, every: timedelta = NEVER, at: datetime | None = None, chunk: int = 3
) -> int:
    return await sweep(pool, rules, clock=lambda: at or now(), every=every, chunk=chunk)


async def sizes(pool: Pool) -> dict[str, int | None]:
    async with pool.acquire() as db:
        return {row.name: row.size for row in await segments.page(db, after=None, limit=99)}


async def test_a_change_that_a_segment_looks_at_moves_the_customer_with_its_commit(town: Town) -> None:
    await save(town.pool, regulars=REGULARS, buyers=BUYERS, spenders=SPENDERS, told=None)
    rules, kim = await rules_of(town.pool), await town.customer()
    async with town.pool.transaction() as db:
        await attribute(db, rules, kim, visits=3)
        assert await members_of(town, "regulars") == set()
    assert await members_of(town, "regulars") == {kim}
    async with town.pool.transaction() as db:
        await bought(db, rules, kim, minor=4999)
    assert (await members_of(town, "buyers"), await members_of(town, "spenders")) == ({kim}, set())
    async with town.pool.transaction() as db:
        await bought(db, rules, kim, minor=1, ago=timedelta(days=8))
    assert await members_of(town, "spenders") == {kim}
    async with town.pool.transaction() as db:
        await attribute(db, rules, kim, visits=2)
    assert await members_of(town, "regulars") == set()
    async with town.pool.acquire() as db:
        profile = await customers.find(db, customer_id=kim)
    assert profile is not None
    assert set(profile.segments) == {"buyers", "spenders"}
    assert {row["segment"] for row in (await export(town.pool, customer_id=kim))["segment_members"]} == {
        "buyers",
        "spenders",
    }


async def test_a_change_that_no_segment_looks_at_judges_nobody(town: Town) -> None:
    await save(town.pool, regulars=REGULARS)
    rules, kim = await rules_of(town.pool), await town.customer()
    await town.rows("UPDATE customers SET attributes = '{\"visits\": 9}' RETURNING id")
    async with town.pool.transaction() as db:
        await attribute(db, rules, kim, colour="red")
        await bought(db, rules, kim)
    assert await members_of(town, "regulars") == set()
    async with town.pool.transaction() as db:
        await refresh(db, rules=rules, customer_id=kim, now=now())
    assert await members_of(town, "regulars") == {kim}


async def test_two_changes_at_once_are_both_seen_by_the_one_that_commits_last(town: Town) -> None:
    await save(town.pool, both=BOTH)
    rules, kim = await rules_of(town.pool), await town.customer()

    async def second() -> None:
        async with town.pool.transaction() as db:
            await bought(db, rules, kim)

    async with town.pool.transaction() as db:
        await attribute(db, rules, kim, visits=5)
        buying = asyncio.create_task(second())
        while not await blocked(db):
            await asyncio.sleep(0.01)
    await buying
    assert await members_of(town, "both") == {kim}


async def test_consent_to_profiling_gives_membership_and_its_withdrawal_takes_it(town: Town) -> None:
    await save(town.pool, regulars=REGULARS)
    rules, kim = await rules_of(town.pool), await town.customer()
    await town.rows("UPDATE customers SET segments = '{told}', profiling = false RETURNING id")
    async with town.pool.transaction() as db:
        await attribute(db, rules, kim, visits=3)
    assert await members_of(town, "regulars") == set()
    for agreed, there in ((True, {kim}), (False, set())):
        async with town.pool.transaction() as db:
            await agree(db, customer_id=kim, said={"profiling": agreed}, terms="v1", source="test")
            await refresh(db, rules=rules, customer_id=kim, now=now())
        assert await members_of(town, "regulars") == there
    assert await town.count("SELECT cardinality(segments) FROM customers") == 0


@pytest.fixture
async def crowd(town: Town) -> tuple[Rules, list[UUID]]:
    """Ten customers: nine agreed, five of them are regulars, two are told to be vips."""
    await save(town.pool, regulars=REGULARS, vip=None, wet={"weather": {"kind": "rain"}})
    everybody = await town.customers(10)
    async with town.pool.acquire() as db:
        for place, each in enumerate(everybody):
            await db.execute(
                "UPDATE customers SET attributes = $2, profiling = $3, segments = $4 WHERE id = $1",
                each,
                json.dumps({"visits": place}),
                place != 9,
                ["vip"] if place in (0, 1, 9) else [],
            )
    return await rules_of(town.pool), everybody


COUNTED = {"regulars": 6, "vip": 2, "wet": None}
"""Nobody can tell how many are in a segment that asks for the weather: that depends on where they are."""


async def test_the_job_judges_everybody_in_chunks_counts_them_and_rests(
    town: Town, crowd: tuple[Rules, list[UUID]]
) -> None:
    rules, everybody = crowd
    assert set((await sizes(town.pool)).values()) == {None}
    assert await judged(town.pool, rules) == 10
    assert await sizes(town.pool) == COUNTED
    assert await members_of(town, "regulars") == set(everybody[3:9])
    assert await town.count("SELECT count(*) FROM segment_members") == 6
    assert await judged(town.pool, rules) == 0
    assert await judged(town.pool, rules, every=timedelta(0), chunk=5) == 10


async def test_time_alone_takes_people_out_at_the_next_round(town: Town) -> None:
    await save(town.pool, buyers=BUYERS)
    rules, kim = await rules_of(town.pool), await town.customer()
    async with town.pool.transaction() as db:
        await bought(db, rules, kim)
    assert await members_of(town, "buyers") == {kim}
    await judged(town.pool, rules, at=now() + timedelta(days=8))
    assert await members_of(town, "buyers") == set()
    assert await sizes(town.pool) == {"buyers": 0}


async def test_a_killed_job_is_gone_on_with_where_its_last_chunk_was_committed(
    town: Town, crowd: tuple[Rules, list[UUID]]
) -> None:
    rules, _ = crowd
    step = {"snapshot": rules.current, "now": now(), "every": NEVER, "chunk": 4}
    async with town.pool.transaction() as db:
        assert await membership._step(db, **step) == (4, False)  # type: ignore[arg-type]

    async def killed() -> None:
        async with town.pool.transaction() as db:
            assert await membership._step(db, **step) == (4, False)  # type: ignore[arg-type]
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        await killed()
    assert await judged(town.pool, rules, chunk=4) == 6
    assert await sizes(town.pool) == COUNTED


async def test_several_processes_judge_each_customer_once_between_them(
    town: Town, crowd: tuple[Rules, list[UUID]]
) -> None:
    rules, _ = crowd
    looked = await asyncio.gather(*(judged(town.pool, rules, chunk=2) for _ in range(3)))
    while await judged(town.pool, rules):
        pass
    assert sum(looked) == 10
    assert await sizes(town.pool) == COUNTED


async def test_a_new_segment_does_not_wait_for_the_hour(town: Town, crowd: tuple[Rules, list[UUID]]) -> None:
    rules, _ = crowd
    await judged(town.pool, rules)
    await save(town.pool, rare={"attribute": {"visits": {"gte": 8}}})
    assert await judged(town.pool, rules) == 10
    assert await sizes(town.pool) == COUNTED | {"rare": 1}


async def test_where_nothing_is_saved_nobody_is_looked_at(town: Town) -> None:
    await town.customers(3)
    assert await judged(town.pool, await rules_of(town.pool), every=timedelta(0)) == 0


async def test_an_erasure_waits_for_who_judges_and_leaves_nothing(town: Town) -> None:
    await save(town.pool, regulars=REGULARS)
    rules, kim = await rules_of(town.pool), await town.customer()
    await town.rows("UPDATE customers SET attributes = '{\"visits\": 9}' RETURNING id")

    async def forget() -> None:
        async with town.pool.transaction() as db:
            await erase(db, customer_id=kim)

    async with town.pool.transaction() as db:
        await membership.judge(db, customers=[kim], snapshot=rules.current, now=now())
        erasing = asyncio.create_task(forget())
        while not await blocked(db):
            await asyncio.sleep(0.01)
    await erasing
    assert await town.count("SELECT count(*) FROM segment_members") == 0
    async with town.pool.transaction() as db:
        await refresh(db, rules=rules, customer_id=kim, now=now())
        await members.lock(db, customers=[kim])
    assert await town.count("SELECT count(*) FROM segment_members") == 0
