"""Passes that are to be looked at: read with where their customer is, written only where nothing came between."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from server.model.ids import bucket_of
from server.model.place import Point
from server.store import passes, sights, states
from server.store.ids import new_id
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


async def only(db: Connection) -> Due:
    (found,) = await sights.due(db, now=EVER, limit=9)
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


async def test_it_is_due_from_its_time_on(db: Connection, scene: Scene) -> None:
    at = datetime(2026, 12, 1, tzinfo=UTC)
    await db.execute("UPDATE passes SET relevant_at = $1", at)
    for now, count in ((at - timedelta(microseconds=1), 0), (at, 1)):
        assert len(await sights.due(db, now=now, limit=9)) == count
    await db.execute("UPDATE passes SET relevant_at = NULL")
    assert await sights.due(db, now=EVER, limit=9) == []


async def test_a_pass_that_is_over_is_never_due(db: Connection, scene: Scene) -> None:
    await db.execute("UPDATE passes SET state = 'redeemed'")
    assert await sights.due(db, now=EVER, limit=9) == []
    assert await walked(db) == []


async def walked(db: Connection, *, known: int = 99, limit: int = 9) -> list[UUID]:
    """The passes that a whole walk comes by, in its order."""
    found: list[UUID] = []
    while (at := await sights.walk(db, known=known)) is not None:
        some, after = await sights.stretch(db, at, limit=limit)
        found += [each.serial for each in some]
        await sights.advance(db, before=at, after=after)
    return found


async def test_a_change_of_the_stores_is_walked_through_once(db: Connection, scene: Scene) -> None:
    assert await walked(db) == [scene.serial]
    assert await walked(db) == []
    await db.execute("UPDATE geofences SET changed = 7")
    assert await walked(db, known=6) == [scene.serial]  # what this process does not know of yet is walked for later
    assert await walked(db, known=7) == [scene.serial]
    assert await walked(db, known=8) == []


async def test_a_pass_of_named_stores_is_looked_at_for_those_alone(db: Connection, scene: Scene) -> None:
    await walked(db)
    for stores, count in (([scene.store_id], 1), ([scene.offer_id], 0), (None, 1)):
        await db.execute("UPDATE passes SET places = $1", stores)
        await db.execute("UPDATE geofences SET changed = changed + 1")
        assert len(await walked(db)) == count


async def test_a_walk_in_portions_leaves_nobody_out_and_comes_by_each_once(db: Connection, scene: Scene) -> None:
    others = [new_id(bucket=number) for number in (0, 1, 5, 5, 5, 512, 1023, 1023)]
    await db.execute(
        "INSERT INTO passes (bucket, serial, customer_id, moment_id, offer_id, offer_version, design, reward, uses_total,"
        " uses_left, valid_from, key_id, token_sealed) SELECT o.bucket, o.serial, customer_id, o.serial, offer_id,"
        " offer_version, design, reward, 1, 1, valid_from, 1, ''"
        " FROM passes, unnest($1::smallint[], $2::uuid[]) AS o (bucket, serial)",
        [bucket_of(each) for each in others],
        others,
    )
    everybody = sorted([*others, scene.serial], key=lambda each: (bucket_of(each), each.int))
    for limit in (1, 2, 3, 9, 10):
        await db.execute("UPDATE geofences SET changed = changed + 1")
        assert sorted(await walked(db, limit=limit), key=lambda each: (bucket_of(each), each.int)) == everybody


async def test_of_two_that_walk_at_once_only_one_gets_on(db: Connection, scene: Scene) -> None:
    at = await sights.walk(db, known=99)
    assert at is not None
    _, after = await sights.stretch(db, at, limit=1)
    assert after is not None
    await sights.advance(db, before=at, after=after)
    await sights.advance(db, before=at, after=None)  # who was slower changes nothing
    assert await sights.walk(db, known=99) == after


AGAIN = datetime(2026, 12, 1, tzinfo=UTC)


async def written(db: Connection, **changes: Any) -> dict[str, Any]:
    """The pass's row after a look at it was written down."""
    found = await only(db)
    seen = Seen(found.serial, found.modified_at, AGAIN, None)._replace(**changes)
    await sights.see(db, seen=[seen], now=AGAIN)
    return await row_of(db, found.serial)


async def test_a_look_that_found_nothing_new_changes_no_pass(db: Connection, scene: Scene) -> None:
    before = await row_of(db, scene.serial)
    after = await written(db)
    assert (after["relevant_at"], after["relevant_set_at"]) == (AGAIN, None)
    same = set(before) - {"relevant_at"}
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
    await sights.see(db, seen=[Seen(found.serial, found.modified_at, None, found.card)], now=AGAIN)
    assert await row_of(db, scene.serial) == before
    assert before["bucket"] == bucket_of(scene.customer_id)
