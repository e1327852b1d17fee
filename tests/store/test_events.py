"""Events of the app: once by their id, on held moments (their meaning is tested in tests/pipeline/test_respond.py)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from server.model.moment import Step
from server.store import events, moments
from server.store.events import AppEvent
from server.store.ids import new_id
from server.store.pool import Connection
from tests.builders import NOON
from tests.store.test_moments import KIM, row


async def test_only_ones_own_shown_moments_are_held(db: Connection) -> None:
    mine, other, spared = row(1), row(2, customer_id=new_id(bucket=77)), row(3, held_out=True)
    await moments.insert(db, moments=[mine, other, spared])
    async with db.transaction():
        held = await events.hold(db, customer_id=KIM, moments=[mine.id, other.id, spared.id, new_id(), mine.id])
    assert set(held) == {mine.id}
    assert (held[mine.id].state, held[mine.id].deliver_by) == (Step.CREATED, mine.deliver_by)


async def test_an_event_is_stored_once_whatever_it_says_the_second_time(db: Connection) -> None:
    one, two = (AppEvent(new_id(), row().id, "opened", NOON) for _ in range(2))
    assert await events.insert(db, customer_id=KIM, events=[one]) == {one.id}
    again = one._replace(type="clicked")
    assert await events.insert(db, customer_id=KIM, events=[again, two]) == {two.id}
    rows = await db.fetch("SELECT id, bucket, type, customer_id FROM app_events")
    assert {(each["id"], each["bucket"], each["type"], each["customer_id"]) for each in rows} == {
        (one.id, 77, "opened", KIM),
        (two.id, 77, "opened", KIM),
    }


async def test_a_step_is_written_and_what_was_seen_need_not_be_sent_any_more(db: Connection) -> None:
    made = [row(1), row(2)]
    await moments.insert(db, moments=made)
    await db.execute("UPDATE deliveries SET state = 'dead' WHERE moment_id = $1", made[1].id)
    seen = NOON + timedelta(minutes=9)
    async with db.transaction():
        held = await events.hold(db, customer_id=KIM, moments=[each.id for each in made])
        stepped = [replace(each, state=Step.OPENED, delivered_at=seen, opened_at=seen) for each in held.values()]
        await events.step(db, standings=stepped)
        assert list((await events.hold(db, customer_id=KIM, moments=[made[0].id])).values()) == [stepped[0]]
    ways = await db.fetch("SELECT state FROM deliveries ORDER BY created_at")
    assert [way["state"] for way in ways] == ["delivered", "dead"]
