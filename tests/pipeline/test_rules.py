"""The rules in force follow the database: what changed and nothing else, in one swap, whatever is wrong with one of them."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any
from uuid import UUID

import pytest

from server.configuration import load
from server.errors import Unavailable
from server.model.ids import bucket_of
from server.model.place import Point
from server.pipeline.rules import Rules, programme_of
from server.store import epoch, geofences
from server.store.geofences import GeofenceDraft, NewGeofence
from server.store.ids import new_id
from server.store.pool import Pool
from tests.pipeline.town import TOWN, Town, document, fix, off, settings, street

SQUARE = {
    "type": "Polygon",
    "coordinates": [[[13.40, 52.51], [13.41, 52.51], [13.41, 52.52], [13.40, 52.52], [13.40, 52.51]]],
}


class Asked:
    """A source of weather that notes what it is asked to watch."""

    def __init__(self) -> None:
        self.points: list[Point] = []

    def get(self, point: Point, now: object) -> None:
        """Know nothing."""

    def watch(self, points: Any) -> None:
        """Note them."""
        self.points = list(points)


def rules_on(pool: Pool, weather: Any = None) -> Rules:
    """Rules that have loaded nothing yet."""
    return Rules(pool, programme_of(settings()), weather=weather)


async def change(pool: Pool, sql: str, *values: object) -> None:
    """Change something, the way that authors do."""
    async with pool.transaction() as db:
        changed = await epoch.bump(db)
        await db.execute(sql.replace("$changed", str(changed)), *values)


async def test_before_the_first_load_there_is_nothing_to_decide_by(cleared: Pool) -> None:
    rules = rules_on(cleared)
    assert not rules.loaded
    with pytest.raises(Unavailable):
        _ = rules.current
    assert await rules.refresh()
    assert rules.loaded
    assert len(rules.current.fences) == 0


async def test_stores_and_free_fences_become_places(town: Town) -> None:
    hours = {"mon": [["08:00", "20:00"]]}
    shop = await town.open_shop(tags=("cafe",), hours=hours, country="DE", region="BE", address="Torstraße 1")
    free = new_id()
    async with town.pool.transaction() as db:
        draft = GeofenceDraft("Park", "Europe/Berlin", ("green",), geometry=SQUARE)
        await geofences.insert(db, fences=[NewGeofence(free, draft)], changed=await epoch.bump(db))
    rules = rules_on(town.pool)
    await rules.refresh()
    places = rules.current.ruleset.places
    store = places.by_geofence[shop.fence]
    assert store == places.by_id[shop.id]
    assert (store.kind, store.point, store.radius_m, store.tags) == ("store", TOWN, 100.0, {"cafe"})
    assert (store.country, store.region, store.address) == ("DE", "BE", "Torstraße 1")
    assert store.hours is not None
    assert set(store.hours) == {"mon"}
    assert set(rules.current.stores) == {shop.fence}
    park = places.by_id[free]
    assert (park.kind, park.id, park.zone, park.tags) == ("geofence", free, "Europe/Berlin", {"green"})
    assert park.point.lat == pytest.approx(52.515, abs=1e-3)
    assert park.radius_m == pytest.approx(488, rel=0.02)  # 678 m by 1,113 m: the circle of equal area
    [inside] = rules.current.fences.around(Point(52.515, 13.405), 0)
    assert (inside.id, inside.straight) == (free, True)


async def test_only_an_epoch_that_is_new_is_loaded_and_only_what_changed_is_replaced(town: Town) -> None:
    first = await town.open_shop()
    rules = rules_on(town.pool)
    assert await rules.refresh()
    assert not await rules.refresh()
    before = rules.current
    second = await town.open_shop(off(500), name="Nord")
    await change(town.pool, "UPDATE geofences SET radius_m = 250, changed = $changed WHERE id = $1", first.fence)
    assert await rules.refresh()
    after = rules.current
    assert after.ruleset.epoch == before.ruleset.epoch + 2
    assert after.ruleset.places.by_geofence[first.fence].radius_m == 250
    assert after.ruleset.places.by_geofence[second.fence].name == "Nord"
    assert len(before.fences) == 1  # whoever still reads the old one reads it unchanged
    await change(town.pool, "UPDATE geofences SET deleted_at = now(), changed = $changed WHERE id = $1", first.fence)
    await rules.refresh()
    assert set(rules.current.ruleset.places.by_geofence) == {second.fence}
    assert set(rules.current.ruleset.places.by_id) == {second.id}


async def test_a_change_that_is_not_committed_is_not_loaded(town: Town) -> None:
    rules = rules_on(town.pool)
    await rules.refresh()
    async with town.pool.transaction() as db:
        await epoch.bump(db)
        assert not await rules.refresh()
    assert await rules.refresh()


async def test_live_offers_decide_in_the_version_that_is_live(town: Town) -> None:
    await town.open_shop()
    offer = await town.publish(document(priority=10))
    rules = rules_on(town.pool)
    await rules.refresh()
    assert rules.current.ruleset.by_id[offer].priority == 10
    assert rules.current.rewards[offer]["type"] == "free_item"
    draft = json.dumps(document(priority=90))
    await change(
        town.pool,
        "INSERT INTO offer_versions (offer_id, version, document, author) VALUES ($1, 2, $2, 'test')",
        offer,
        draft,
    )
    await rules.refresh()
    assert rules.current.ruleset.by_id[offer].priority == 10
    await change(town.pool, "UPDATE offers SET version = 2, live_version = 2 WHERE id = $1", offer)
    await rules.refresh()
    assert (rules.current.ruleset.by_id[offer].priority, rules.current.ruleset.by_id[offer].version) == (90, 2)
    await change(town.pool, "UPDATE offers SET status = 'paused' WHERE id = $1", offer)
    await rules.refresh()
    assert rules.current.ruleset.offers == ()


async def test_an_offer_that_cannot_be_read_does_not_stop_the_others(town: Town) -> None:
    await town.open_shop()
    good = await town.publish()
    await town.publish({"name": "broken", "when": {"trigger": "sometimes"}})
    rules = rules_on(town.pool)
    await rules.refresh()
    assert set(rules.current.ruleset.by_id) == {good}


async def test_segments_are_conditions_or_names_of_stored_ones(town: Town) -> None:
    for name, written in (("often", {"attribute": {"visits": {"gte": 3}}}), ("listed", None), ("wrong", {"x": 1})):
        text = json.dumps(written) if written is not None else None
        await change(town.pool, "INSERT INTO segments (name, id, document) VALUES ($1, $2, $3)", name, new_id(), text)
    rules = rules_on(town.pool)
    await rules.refresh()
    segments = rules.current.ruleset.segments
    assert segments["often"] is not None
    assert (segments["listed"], segments["wrong"]) == (None, None)


async def test_purchases_are_looked_up_where_an_offer_asks_and_a_customer_who_buys_often_is_shown_it(
    town: Town, db_dsn: str
) -> None:
    await town.open_shop()
    kim, robin = await town.customer(), await town.customer()
    for _ in range(3):
        await town.rows(
            "INSERT INTO customer_events (bucket, id, customer_id, name, at, amount_minor, currency)"
            " VALUES ($1, $2, $3, 'purchase', now() - interval '1 day', 2000, 'EUR') RETURNING id",
            bucket_of(kim),
            new_id(),
            kim,
        )
    async with street(db_dsn) as process:
        assert not process.rules.current.bought
        often = {"rfm": {"recency_days": {"eq": 1}, "frequency": {"eq": 3}, "monetary_minor": {"eq": 6000}}}
        await town.publish(document(**{"if": often}))
        await process.rules.refresh()
        assert process.rules.current.bought
        assert len((await process.ping(kim, fix())).moments) == 1
        assert not (await process.ping(robin, fix())).moments
        await town.open_shop(off(9_000))
        await process.rules.refresh()
        assert process.rules.current.bought


async def test_offers_may_name_places_by_their_ids(town: Town) -> None:
    shop, other = await town.open_shop(), await town.open_shop(off(1_000))
    by_store = await town.publish(document("store", when={"trigger": "enter", "places": {"ids": [str(shop.id)]}}))
    by_fence = await town.publish(document("fence", when={"trigger": "enter", "places": {"ids": [str(other.fence)]}}))
    rules = rules_on(town.pool)
    await rules.refresh()
    snapshot = rules.current
    assert [each.id for each in snapshot.ruleset.plan(shop.fence).offers] == [by_store]
    assert [each.id for each in snapshot.ruleset.plan(other.fence).offers] == [by_fence]


async def test_the_live_index_holds_the_fences_of_live_offers_through_every_change(town: Town) -> None:
    cafe, kiosk = await town.open_shop(tags=("cafe",)), await town.open_shop(off(1_000), tags=("kiosk",))
    rules = rules_on(town.pool)
    await rules.refresh()
    assert _live(rules) == set()
    offer = await town.publish(document(when={"trigger": "enter", "places": {"tag": "cafe"}}))
    await rules.refresh()
    assert _live(rules) == {cafe.fence}
    assert rules.current.matters(cafe.fence)
    assert not rules.current.matters(kiosk.fence)
    await change(town.pool, "UPDATE geofences SET radius_m = 300, changed = $changed WHERE id = $1", cafe.fence)
    await rules.refresh()
    assert (rules.current.live.enclosing(cafe.fence) or (None, 0))[1] == 300
    everywhere = await town.publish(document("any"))
    await rules.refresh()
    assert _live(rules) == {cafe.fence, kiosk.fence}
    await change(town.pool, "UPDATE offers SET status = 'ended' WHERE id = ANY ($1)", [everywhere, offer])
    await rules.refresh()
    assert _live(rules) == set()


def _live(rules: Rules) -> set[UUID]:
    return set(rules.current.live)


async def test_weather_is_wanted_for_every_place(town: Town) -> None:
    await town.open_shop()
    weather = Asked()
    rules = rules_on(town.pool, weather)
    await rules.refresh()
    assert weather.points == [TOWN]


async def test_following_brings_changes_and_survives_a_database_that_is_away(town: Town) -> None:
    rules, stopping = rules_on(town.pool), asyncio.Event()
    following = asyncio.create_task(rules.follow(every_s=0.01, stopping=stopping))
    await town.open_shop()
    for _ in range(500):
        if rules.loaded and len(rules.current.fences) == 1:
            break
        await asyncio.sleep(0.01)
    assert len(rules.current.fences) == 1
    await town.pool.close()
    await asyncio.sleep(0.05)
    assert not following.done()
    assert len(rules.current.fences) == 1
    stopping.set()
    await following


async def test_a_chain_of_twenty_thousand_stores_is_loaded_whole(town: Town) -> None:
    async with town.pool.transaction() as db:
        changed = await epoch.bump(db)
        await db.execute(
            "INSERT INTO geofences (id, name, lat, lon, radius_m, changed)"
            " SELECT gen_random_uuid(), 'F' || n, 40 + (n % 200) * 0.05, -10 + n / 200 * 0.1, 100, $1"
            " FROM generate_series(0, 19999) AS n",
            changed,
        )
    await town.publish(document(when={"trigger": "enter", "places": {"any": True}}))
    rules = rules_on(town.pool)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0)
            ticks += 1

    ticking = asyncio.create_task(tick())
    await rules.refresh()
    ticking.cancel()
    assert len(rules.current.fences) == len(rules.current.live) == 20_000
    assert len(rules.current.fences.around(Point(40.0, -10.0), 10)) == 1
    assert ticks > 100  # the loop went on turning meanwhile


def test_the_programme_takes_what_it_needs_from_the_settings() -> None:
    programme = programme_of(
        load(environment={"KAIROS__PRESSURE__PER_WEEK": "0", "KAIROS__PROGRAMME__TIME_ZONE": "Asia/Tokyo"})
    )
    assert (programme.per_day, programme.per_week, programme.zone) == (2, None, "Asia/Tokyo")
    assert (programme.quiet_from, programme.quiet_to, programme.quiet_zone) == ("21:00", "08:00", "Asia/Tokyo")


async def test_a_stop_waits_for_no_offer_and_no_fence_to_be_read(cleared: Pool) -> None:
    town, rules = Town(cleared), rules_on(cleared)
    await town.open_shop()
    offer = await town.publish()
    await rules.refresh()
    assert not rules.current.ruleset.programme.paused

    class Broken(Exception):
        """What reading offers ends in."""

    def broken(*_: Any) -> Any:
        raise Broken

    read, rules._build = rules._build, broken  # type: ignore[method-assign]
    await change(cleared, "UPDATE programme SET paused = true")
    with pytest.raises(Broken):
        await rules.refresh()
    assert rules.current.ruleset.programme.paused
    assert [each.id for each in rules.current.ruleset.offers] == [offer]
    rules._build = read  # type: ignore[method-assign]
    assert await rules.refresh()
    assert rules.current.ruleset.programme.paused
    await change(cleared, "UPDATE programme SET paused = false")
    await rules.refresh()
    assert not rules.current.ruleset.programme.paused


async def test_a_house_that_opens_while_the_programme_is_paused_is_paused(cleared: Pool) -> None:
    rules = rules_on(cleared)
    await change(cleared, "UPDATE programme SET paused = true")
    await rules.refresh()
    assert rules.current.ruleset.programme.paused


async def test_the_switch_is_followed_while_something_large_is_being_loaded(cleared: Pool) -> None:
    town, rules = Town(cleared), rules_on(cleared)
    await rules.refresh()
    build, let_go = rules._build, threading.Event()

    def slow(*given: Any) -> Any:
        assert let_go.wait(30)
        return build(*given)

    rules._build = slow  # type: ignore[method-assign]
    stopping = asyncio.Event()
    following = asyncio.create_task(rules.follow(every_s=0.01, stopping=stopping))
    try:
        async with asyncio.timeout(30):
            await town.open_shop()
            while not rules._loading.locked():
                await asyncio.sleep(0.005)
            await change(cleared, "UPDATE programme SET paused = true")
            while not rules.current.ruleset.programme.paused:
                await asyncio.sleep(0.005)
            assert not rules.current.fences
            let_go.set()
            while not rules.current.fences:
                assert rules.current.ruleset.programme.paused
                await asyncio.sleep(0.005)
            assert rules.current.ruleset.programme.paused  # what was read before the stop does not undo it
    finally:
        let_go.set()
        stopping.set()
        await following
