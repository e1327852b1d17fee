"""What is read of the rules: as of one epoch, live versions alone, places that changed since."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from server.store import epoch, ruleset
from server.store.pool import Connection, Pool
from tests.pipeline.town import TOWN, Town, document, off


async def _read(pool: Pool, since: int) -> ruleset.Rows:
    async with pool.transaction(isolation="repeatable_read", readonly=True) as db:
        return await ruleset.read(db, since=since)


async def test_a_house_without_anything_has_rules_too(db: Connection, cleared: Pool) -> None:
    assert await ruleset.epoch(db) == 0
    assert await _read(cleared, -1) == ruleset.Rows(0, [], {}, [], [])


async def test_only_live_offers_are_read_in_their_live_version(cleared: Pool) -> None:
    town = Town(cleared)
    live, paused = await town.publish(document("live")), await town.publish(document("paused"))
    async with cleared.transaction() as db:
        await epoch.bump(db)
        await db.execute("UPDATE offers SET status = 'paused' WHERE id = $1", paused)
        await db.execute("UPDATE offers SET version = 2, document = '{}' WHERE id = $1", live)
        await db.execute(
            "INSERT INTO offer_versions (offer_id, version, document, author) VALUES ($1, 2, '{}', 't')", live
        )
    [offer] = (await _read(cleared, -1)).offers
    assert (offer.id, offer.version, offer.document["name"]) == (live, 1, "live")


async def test_places_are_read_with_their_stores_from_an_epoch_on(cleared: Pool) -> None:
    town = Town(cleared)
    first = await town.open_shop(tags=("cafe",), hours={"mon": [["08:00", "20:00"]]}, country="DE")
    since = (await _read(cleared, -1)).epoch
    second = await town.open_shop(off(500), name="Nord")
    async with cleared.transaction() as db:
        changed = await epoch.bump(db)
        await db.execute("UPDATE geofences SET deleted_at = now(), changed = $2 WHERE id = $1", first.fence, changed)
    whole, later = await _read(cleared, -1), await _read(cleared, since)
    assert [fence.id for fence in whole.fences] == [fence.id for fence in later.fences] == [second.fence]
    assert whole.removed == later.removed == [first.fence]
    store = later.fences[0].store
    assert store is not None
    assert (store.id, store.name, store.zone) == (second.id, "Nord", "Europe/Berlin")
    assert later.epoch == since + 2


async def test_hours_geometries_and_segments_are_read_as_they_were_written(cleared: Pool) -> None:
    town = Town(cleared)
    hours = {"sat": [["22:00", "02:00"]]}
    await town.open_shop(TOWN, hours=hours)
    ring = [[13.4, 52.5], [13.5, 52.5], [13.5, 52.6], [13.4, 52.5]]
    polygon = {"type": "Polygon", "coordinates": [ring]}
    async with cleared.transaction() as db:
        await db.execute(
            "INSERT INTO geofences (id, name, geometry, tags, changed) VALUES (gen_random_uuid(), 'P', $1, '{a,b}', 1)",
            json.dumps(polygon),
        )
        await db.execute("INSERT INTO segments (name, id, document) VALUES ('s', gen_random_uuid(), '{\"any\": []}')")
    read = await _read(cleared, -1)
    fences = {fence.name: fence for fence in read.fences}
    assert fences["Mitte"].store is not None
    assert fences["Mitte"].store.hours == hours
    assert (fences["P"].geometry, fences["P"].tags, fences["P"].lat) == (polygon, {"a", "b"}, None)
    assert read.segments == {"s": {"any": []}}


async def test_what_changed_at_the_epoch_itself_is_not_read_again(pool: Pool) -> None:
    town = Town(pool)
    shops = [await town.open_shop(off(500 * number), name=f"S{number}") for number in range(4)]
    for since in range(-1, 5):
        read = await _read(pool, since)
        assert {fence.id for fence in read.fences} == {shop.fence for shop in shops[max(since, 0) :]}
        assert read.epoch == 4


async def test_a_closed_stores_fence_that_stands_is_a_fence_without_a_store(cleared: Pool) -> None:
    town = Town(cleared)
    shop = await town.open_shop()
    async with cleared.transaction() as db:
        await db.execute("UPDATE stores SET deleted_at = now()")
    [fence] = (await _read(cleared, -1)).fences
    assert (fence.id, fence.store) == (shop.fence, None)


@pytest.mark.parametrize("status", ["draft", "paused", "ended"])
async def test_an_offer_that_is_not_live_decides_nothing(cleared: Pool, status: str) -> None:
    town = Town(cleared)
    live, other = await town.publish(document("live")), await town.publish(document("other"))
    async with cleared.transaction() as db:
        await db.execute("UPDATE offers SET status = $2 WHERE id = $1", other, status)
    assert [offer.id for offer in (await _read(cleared, -1)).offers] == [live]


async def test_offers_and_segments_come_whole_however_recent_the_epoch(cleared: Pool) -> None:
    town = Town(cleared)
    offers = {await town.publish(document(f"offer-{number}")) for number in range(3)}
    async with cleared.transaction() as db:
        await db.execute("INSERT INTO segments (name, id, document) VALUES ('a', gen_random_uuid(), NULL)")
    now = (await _read(cleared, -1)).epoch
    late = await _read(cleared, now)
    assert {offer.id for offer in late.offers} == offers
    assert (late.segments, late.fences, late.removed) == ({"a": None}, [], [])


async def test_rules_are_read_as_of_one_instant_while_somebody_publishes(cleared: Pool) -> None:
    town = Town(cleared)
    await town.open_shop()
    await town.publish(document("first"))
    async with cleared.transaction(isolation="repeatable_read", readonly=True) as db:
        before = await ruleset.read(db, since=-1)
        await town.publish(document("second"))
        await town.open_shop(off(900), name="Late")
        assert await ruleset.read(db, since=-1) == before
    after = await _read(cleared, before.epoch)
    assert (len(after.offers), [fence.name for fence in after.fences]) == (2, ["Late"])
    assert after.epoch == before.epoch + 2


async def test_more_places_than_one_portion_are_all_read(cleared: Pool) -> None:
    async with cleared.transaction() as db:
        await db.execute(
            "INSERT INTO geofences (id, name, lat, lon, radius_m, changed, deleted_at)"
            " SELECT gen_random_uuid(), n, 1, 2, 30, n, CASE WHEN n % 10 = 0 THEN now() END FROM generate_series(1, 4500) n"
        )
    whole, late = await _read(cleared, -1), await _read(cleared, 4400)
    assert (len(whole.fences), len(whole.removed)) == (4050, 450)
    assert sorted(int(fence.name) for fence in late.fences) == [n for n in range(4401, 4501) if n % 10]
    assert whole.fences[0]._replace(id=UUID(int=0), name="") == ruleset.FenceRow(
        UUID(int=0), "", 1.0, 2.0, 30.0, None, frozenset(), None, None
    )
