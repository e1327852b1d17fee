"""Passes that are to be looked at: read with where their customer is, written only where nothing came between."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from server.model.ids import bucket_of
from server.model.place import Point
from server.store import passes, sights, states
from server.store.pool import Connection
from server.store.sights import Due, Seen
from tests.counter_rows import Scene, row_of, set_scene

EVER = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
async def scene(db: Connection, tmp_path: Path) -> Scene:
    """A customer with a pass, who agreed to locations and was seen once."""
    made = await set_scene(db, tmp_path)
    await db.execute("UPDATE customers SET location = true, time_zone = 'Europe/Lisbon'")
    await states.make(db, customers=[made.customer_id])
    await db.execute('UPDATE customer_state SET state = \'{"last_fix": {"point": [48.398, 9.992], "accuracy_m": 8}}\'')
    return made


async def only(db: Connection, *, now: datetime = EVER, as_of: int = -1) -> Due:
    (found,) = await sights.due(db, now=now, as_of=as_of, limit=9)
    return found


async def test_a_pass_is_read_with_where_its_customer_is(db: Connection, scene: Scene) -> None:
    found, pass_ = await only(db), await passes.find(db, serial=scene.serial)
    assert pass_ is not None
    assert (found.serial, found.card, found.version) == (scene.serial, pass_.card, 1)
    assert (found.valid_from, found.valid_until, found.modified_at) == (
        pass_.valid_from,
        pass_.valid_until,
        pass_.modified_at,
    )
    assert (found.point, found.home) == (Point(48.398, 9.992), "Europe/Lisbon")
    assert await sights.whereabouts(db, customer_id=scene.customer_id) == (found.point, found.home)


async def test_without_consent_nobody_knows_where_that_is(db: Connection, scene: Scene) -> None:
    await db.execute("UPDATE customers SET location = false")
    assert (await only(db)).point is None
    assert await sights.whereabouts(db, customer_id=scene.customer_id) == (None, "Europe/Lisbon")


async def test_of_an_unknown_customer_nothing_is_known(db: Connection, scene: Scene) -> None:
    assert await sights.whereabouts(db, customer_id=scene.serial) == (None, None)


async def test_it_is_due_by_its_time_or_by_a_change_of_the_stores_and_once(db: Connection, scene: Scene) -> None:
    at = datetime(2026, 12, 1, tzinfo=UTC)
    await db.execute("UPDATE passes SET relevant_at = $1, relevant_as_of = 5", at)
    early = at - timedelta(microseconds=1)
    for now, as_of, count in ((early, 5, 0), (at, 5, 1), (early, 6, 1), (at, 6, 1)):
        assert len(await sights.due(db, now=now, as_of=as_of, limit=9)) == count
    await db.execute("UPDATE passes SET relevant_at = NULL")
    assert await sights.due(db, now=EVER, as_of=9, limit=9) == []


async def test_a_pass_that_is_over_is_never_due(db: Connection, scene: Scene) -> None:
    await db.execute("UPDATE passes SET state = 'redeemed'")
    assert await sights.due(db, now=EVER, as_of=9, limit=9) == []


async def test_the_newest_change_of_a_store_is_known(db: Connection, scene: Scene) -> None:
    assert await sights.changed(db) == 1
    await db.execute("UPDATE geofences SET changed = 7")
    assert await sights.changed(db) == 7
    await db.execute("DELETE FROM geofences")
    assert await sights.changed(db) == 0


AGAIN = datetime(2026, 12, 1, tzinfo=UTC)


async def written(db: Connection, **changes: Any) -> dict[str, Any]:
    """The pass's row after a look at it was written down."""
    found = await only(db)
    seen = Seen(found.serial, found.modified_at, AGAIN, None)._replace(**changes)
    await sights.see(db, seen=[seen], as_of=4, now=AGAIN)
    return await row_of(db, found.serial)


async def test_a_look_that_found_nothing_new_changes_no_pass(db: Connection, scene: Scene) -> None:
    before = await row_of(db, scene.serial)
    after = await written(db)
    assert (after["relevant_at"], after["relevant_as_of"], after["relevant_set_at"]) == (AGAIN, 4, None)
    same = set(before) - {"relevant_at", "relevant_as_of"}
    assert {name: after[name] for name in same} == {name: before[name] for name in same}


async def test_what_was_found_marks_the_pass_behind_those_that_somebody_waits_for(db: Connection, scene: Scene) -> None:
    found = await only(db)
    card = replace(found.card, near=found.card.spots)
    after = await written(db, card=card)
    assert (after["tag"], after["relevant_set_at"]) == (-2, AGAIN)
    assert after["modified_at"] >= found.modified_at + timedelta(seconds=1)
    assert (await only(db)).card == card
    await db.execute("UPDATE passes SET tag = -1")
    assert (await written(db, card=found.card))["tag"] == -1


async def test_a_pass_that_changed_meanwhile_is_left_for_the_next_look(db: Connection, scene: Scene) -> None:
    found = await only(db)
    before = await row_of(db, scene.serial)
    earlier = found.modified_at - timedelta(microseconds=1)
    assert await written(db, modified_at=earlier, card=replace(found.card, title="Stale")) == before


async def test_a_pass_that_is_over_meanwhile_stays_as_it_is(db: Connection, scene: Scene) -> None:
    found = await only(db)
    await db.execute("UPDATE passes SET state = 'voided'")
    before = await row_of(db, scene.serial)
    await sights.see(db, seen=[Seen(found.serial, found.modified_at, None, found.card)], as_of=4, now=AGAIN)
    assert await row_of(db, scene.serial) == before
    assert before["bucket"] == bucket_of(scene.customer_id)
