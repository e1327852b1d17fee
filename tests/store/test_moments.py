"""Moments: written with their way out and first fact, listed for their customers, over when their time is."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from server.model.ids import bucket_of, with_bucket
from server.model.moment import Step
from server.store import moments
from server.store.ids import new_id
from server.store.moments import MomentRow, shown_of
from server.store.pool import Connection, Pool
from tests.builders import NOON, store_id

KIM = with_bucket(UUID(int=0xC057 << 16), 77)


def row(number: int = 1, **changes: Any) -> MomentRow:
    """A moment, made that many minutes after noon."""
    at = NOON + timedelta(minutes=number)
    usual: dict[str, Any] = {
        "bucket": 77,
        "id": with_bucket(UUID(int=number << 16), 77),
        "customer_id": KIM,
        "offer_id": UUID(int=5),
        "offer_version": 2,
        "offer_name": "coffee",
        "held_out": False,
        "variant": "card",
        "placement": "card",
        "channel": "push",
        "pressure": "marketing",
        "title": "Kaffee — “heute”",
        "body": "Bis 11 Uhr.",
        "image_url": None,
        "action": {"type": "link", "url": "https://example.org"},
        "reward": {"type": "free_item"},
        "place_id": store_id(1),
        "place_kind": "store",
        "place_name": "Mitte",
        "valid_from": at,
        "valid_until": at + timedelta(hours=4),
        "redeem_at": {"ids": [str(store_id(1))]},
        "created_at": at,
        "deliver_by": at + timedelta(minutes=5),
        "local_day": date(2026, 11, 3),
        "local_hour": 12,
        "weekday": 1,
        "weather": "rain",
        "value_minor": 250,
        "currency": "EUR",
        "reserved": {"units": 1, "liability": 250, "place_id": None, "period": None},
    }
    return MomentRow(**(usual | changes))


async def test_a_moment_is_written_as_it_is_with_its_way_out_and_its_fact(db: Connection) -> None:
    made = row()
    await moments.insert(db, moments=[made])
    [found] = await moments.by_id(db, customer_id=KIM, ids=[made.id])
    assert found == shown_of(made)
    way = await db.fetchrow("SELECT * FROM deliveries")
    assert way is not None
    assert (way["bucket"], way["moment_id"], way["channel"], way["state"]) == (77, made.id, "push", "queued")
    assert (way["not_before"], way["deliver_by"]) == (made.created_at, made.deliver_by)
    assert bucket_of(way["id"]) == 77
    fact = await db.fetchrow("SELECT * FROM funnel_facts")
    assert fact is not None
    assert (fact["step"], fact["delta"], fact["slot"], fact["weather"]) == ("decided", 1, NOON, "rain")


async def test_a_held_out_winner_is_a_row_with_a_fact_of_its_own_and_nothing_to_see(db: Connection) -> None:
    made = row(held_out=True)
    await moments.insert(db, moments=[made])
    assert await moments.by_id(db, customer_id=KIM, ids=[made.id]) == []
    assert await moments.inbox(db, customer_id=KIM, states=None, before=None, now=NOON, limit=9) == []
    assert await moments.after(db, customer_id=KIM, mark=(NOON, UUID(int=0)), limit=9) == []
    assert await moments.mark_of(db, customer_id=KIM, moment_id=made.id) is None
    assert await db.fetchval("SELECT count(*) FROM deliveries") == 0
    assert await db.fetchval("SELECT step FROM funnel_facts") == "control"


async def test_a_moment_that_is_there_already_is_not_written_and_not_counted_twice(db: Connection) -> None:
    await moments.insert(db, moments=[row()])
    await moments.insert(db, moments=[row(title="other"), row(2)])
    assert await db.fetchval("SELECT count(*) FROM moments") == 2
    assert await db.fetchval("SELECT count(*) FROM deliveries") == 2
    assert await db.fetchval("SELECT count(*) FROM funnel_facts") == 2
    assert await db.fetchval("SELECT count(*) FROM moments WHERE title = 'other'") == 0


async def test_lists_are_ones_own_in_order_and_in_pages(db: Connection) -> None:
    rows = [row(number) for number in range(1, 6)]
    await moments.insert(db, moments=[*rows, row(9, customer_id=with_bucket(new_id(), 77))])
    ids = [each.id for each in rows]
    newest = await moments.inbox(db, customer_id=KIM, states=None, before=None, now=NOON, limit=3)
    assert [each.id for each in newest] == ids[:1:-1]
    mark = (newest[-1].created_at, newest[-1].id)
    older = await moments.inbox(db, customer_id=KIM, states=None, before=mark, now=NOON, limit=3)
    assert [each.id for each in older] == ids[1::-1]
    after = await moments.mark_of(db, customer_id=KIM, moment_id=ids[2])
    assert after is not None
    assert [each.id for each in await moments.after(db, customer_id=KIM, mark=after, limit=9)] == ids[3:]
    assert await moments.by_id(db, customer_id=new_id(), ids=ids) == []


async def test_the_inbox_is_filtered_by_the_state_as_of_now(db: Connection) -> None:
    rows = [row(1), row(2), row(3), row(4)]
    await moments.insert(db, moments=rows)
    await db.execute("UPDATE moments SET state = 'opened' WHERE id = ANY ($1)", [rows[1].id, rows[2].id])
    await db.execute("UPDATE moments SET valid_until = NULL WHERE id = $1", rows[2].id)
    await db.execute("UPDATE moments SET state = 'accepted' WHERE id = $1", rows[3].id)

    async def asked(state: str, minutes: float) -> list[int]:
        now = NOON + timedelta(minutes=minutes)
        found = await moments.inbox(db, customer_id=KIM, states=[state], before=None, now=now, limit=9)
        assert {each.state_at(now) for each in found} <= {Step(state)}
        return [each.id.int >> 16 for each in found]

    assert (await asked("created", 5), await asked("opened", 5), await asked("expired", 5)) == ([1], [3, 2], [])
    assert (await asked("created", 6), await asked("expired", 6)) == ([], [1])
    assert (await asked("opened", 242), await asked("expired", 242)) == ([3], [2, 1])
    assert await asked("accepted", 10_000) == [4]


@pytest.mark.parametrize(
    ("state", "minutes", "expected"),
    [
        (Step.CREATED, 4.99, Step.CREATED),
        (Step.CREATED, 5, Step.EXPIRED),
        (Step.DELIVERED, 5, Step.DELIVERED),
        (Step.CLICKED, 240, Step.EXPIRED),
        (Step.ACCEPTED, 999, Step.ACCEPTED),
        (Step.DISMISSED, 999, Step.DISMISSED),
    ],
)
def test_a_moment_is_over_at_the_instant_its_time_is(state: Step, minutes: float, expected: Step) -> None:
    shown = replace(shown_of(row(0)), state=state)
    assert shown.state_at(NOON + timedelta(minutes=minutes)) is expected


async def test_nothing_is_written_and_nothing_listed_for_nothing(undone: Connection) -> None:
    await moments.insert(undone, moments=[])
    assert await moments.by_id(undone, customer_id=KIM, ids=[]) == []
    assert await moments.inbox(undone, customer_id=KIM, states=None, before=None, now=NOON, limit=9) == []
    assert await moments.inbox(undone, customer_id=KIM, states=[], before=None, now=NOON, limit=9) == []
    assert await undone.fetchval("SELECT count(*) FROM funnel_facts") == 0


async def test_a_moment_without_place_reward_weather_or_end_keeps_its_gaps(undone: Connection) -> None:
    gaps = dict.fromkeys(
        (
            "image_url",
            "reward",
            "place_id",
            "place_kind",
            "place_name",
            "valid_from",
            "valid_until",
            "weather",
            "currency",
        ),
    )
    made = row(1, **gaps, reserved=None, value_minor=0)
    await moments.insert(undone, moments=[made])
    stored = await undone.fetchrow("SELECT * FROM moments")
    assert stored is not None
    assert {name: stored[name] for name in gaps} == gaps
    assert stored["reserved"] is None
    fact = await undone.fetchrow("SELECT place_id, weather, currency FROM funnel_facts")
    assert fact is not None
    assert tuple(fact) == (None, "", "")


@pytest.mark.parametrize("text", ['"quotes" & \\ {{ x }}', "𝄞 🎁 é", "line\nbreak\ttab", "NULL", "{}", "' OR 1=1 --"])
async def test_words_are_stored_as_they_are(undone: Connection, text: str) -> None:
    made = row(1, title=text, body=text, place_name=text, action={"type": "link", "url": text})
    await moments.insert(undone, moments=[made])
    assert await moments.by_id(undone, customer_id=KIM, ids=[made.id]) == [shown_of(made)]


async def test_many_are_written_at_once_each_with_its_own_way_out(undone: Connection) -> None:
    made = [row(number, channel=("push", "in_app")[number % 2]) for number in range(1, 101)]
    await moments.insert(undone, moments=made)
    ways = await undone.fetch("SELECT moment_id, channel, not_before FROM deliveries")
    assert {way["moment_id"]: (way["channel"], way["not_before"]) for way in ways} == {
        each.id: (each.channel, each.created_at) for each in made
    }


@pytest.mark.parametrize(
    ("minute", "slot"), [(0, 0), (14.999, 0), (15, 15), (29.99, 15), (59.99, 45), (60, 60), (-0.001, -15)]
)
async def test_a_fact_lies_in_the_quarter_of_an_hour_of_its_moment(
    undone: Connection, minute: float, slot: int
) -> None:
    at = NOON + timedelta(minutes=minute)
    await moments.insert(undone, moments=[row(1, created_at=at, deliver_by=at)])
    assert await undone.fetchval("SELECT slot FROM funnel_facts") == NOON + timedelta(minutes=slot)


@pytest.mark.parametrize(
    "wrong",
    [{"placement": "billboard"}, {"channel": "fax"}, {"title": None}, {"created_at": None}, {"local_day": None}],
)
async def test_the_database_itself_refuses_what_is_no_moment(undone: Connection, wrong: dict[str, Any]) -> None:
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await moments.insert(undone, moments=[row(1, **wrong)])


async def test_lists_are_not_a_neighbours_of_the_same_bucket(undone: Connection) -> None:
    mine, theirs = row(1), row(2, customer_id=with_bucket(new_id(), 77))
    await moments.insert(undone, moments=[mine, theirs])
    assert [each.id for each in await moments.by_id(undone, customer_id=KIM, ids=[mine.id, theirs.id])] == [mine.id]
    assert [each.id for each in await moments.after(undone, customer_id=KIM, mark=(NOON, UUID(int=0)), limit=9)] == [
        mine.id
    ]
    assert await moments.mark_of(undone, customer_id=KIM, moment_id=theirs.id) is None
    assert await moments.mark_of(undone, customer_id=KIM, moment_id=new_id(bucket=77)) is None


async def _paged(db: Connection, *, limit: int) -> list[int]:
    seen: list[moments.Shown] = []
    while found := await moments.inbox(
        db,
        customer_id=KIM,
        states=None,
        before=(seen[-1].created_at, seen[-1].id) if seen else None,
        now=NOON,
        limit=limit,
    ):
        assert len(found) <= limit
        seen += found
    return [each.id.int >> 16 for each in seen]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
async def test_pages_have_no_gaps_and_no_doubles_where_many_were_made_at_one_instant(
    undone: Connection, limit: int
) -> None:
    at = NOON + timedelta(minutes=3)
    made = [row(number, created_at=at) for number in range(10, 16)] + [row(1), row(2), row(20)]
    await moments.insert(undone, moments=made)
    assert await _paged(undone, limit=limit) == [20, 15, 14, 13, 12, 11, 10, 2, 1]


async def test_a_page_that_was_begun_is_not_disturbed_by_what_comes_and_goes(undone: Connection) -> None:
    await moments.insert(undone, moments=[row(number) for number in range(1, 9)])
    first = await moments.inbox(undone, customer_id=KIM, states=None, before=None, now=NOON, limit=3)
    await moments.insert(undone, moments=[row(number) for number in (20, 21)])
    await undone.execute("DELETE FROM moments WHERE id = ANY ($1)", [row(6).id, row(4).id])  # the mark's own row, too
    mark = first[-1].created_at, first[-1].id
    rest = await moments.inbox(undone, customer_id=KIM, states=None, before=mark, now=NOON, limit=99)
    assert [each.id.int >> 16 for each in [*first, *rest]] == [8, 7, 6, 5, 3, 2, 1]


async def test_what_came_after_a_mark_comes_once_also_in_portions(undone: Connection) -> None:
    at = NOON + timedelta(minutes=2)
    await moments.insert(undone, moments=[row(number, created_at=at) for number in range(1, 8)])
    mark, seen = (at, row(2).id), list[int]()
    while found := await moments.after(undone, customer_id=KIM, mark=mark, limit=2):
        seen += [each.id.int >> 16 for each in found]
        mark = found[-1].created_at, found[-1].id
    assert seen == [3, 4, 5, 6, 7]


async def test_two_who_decide_the_same_moment_at_once_write_it_once(shared_pool: Pool) -> None:
    made = row(500)

    async def write() -> None:
        async with shared_pool.transaction() as db:
            await moments.insert(db, moments=[made])

    await asyncio.gather(*(write() for _ in range(6)))
    async with shared_pool.acquire() as db:
        for table in ("deliveries", "funnel_facts"):
            assert await db.fetchval(f"SELECT count(*) FROM {table} WHERE moment_id = $1", made.id) == 1


async def test_a_moment_that_is_rolled_back_leaves_no_way_out_and_no_fact(shared_pool: Pool) -> None:
    made = row(501)
    with contextlib.suppress(ZeroDivisionError):
        async with shared_pool.transaction() as db:
            await moments.insert(db, moments=[made])
            raise ZeroDivisionError
    async with shared_pool.acquire() as db:
        assert await moments.mark_of(db, customer_id=KIM, moment_id=made.id) is None
        for table in ("deliveries", "funnel_facts"):
            assert await db.fetchval(f"SELECT count(*) FROM {table} WHERE moment_id = $1", made.id) == 0
