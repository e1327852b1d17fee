"""A firing is made once, for an offer that was live before its instant, and is carried on from where it stands."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from server.model.ids import firing_id
from server.store import firings
from server.store.firings import Firing
from server.store.ids import new_id
from server.store.pool import Connection

MADE = datetime.fromisoformat("2026-11-03T06:00:00+00:00")


async def _offer(db: Connection, *, status: str = "live", version: int = 1, published: datetime = MADE) -> UUID:
    offer = new_id()
    await db.execute(
        "INSERT INTO offers (id, name, status, version, live_version, document, author, published_at)"
        " VALUES ($1, $2, $3, $4, $4, '{}', 'a', $5)",
        offer,
        str(offer),
        status,
        version,
        published,
    )
    await db.execute(
        "INSERT INTO offer_versions (offer_id, version, document, author, created_at) VALUES ($1, $2, $3, 'a', $4)",
        offer,
        version,
        json.dumps({}),
        MADE,
    )
    return offer


def _firing(offer: UUID, *, seconds: float = 1, version: int = 1, zone: str = "UTC") -> Firing:
    at = MADE + timedelta(seconds=seconds)
    return Firing(firing_id(str(offer), zone, at.isoformat()), "schedule", at, offer, version, zone)


async def test_an_offer_fires_once_for_an_instant_in_a_zone(undone: Connection) -> None:
    offer = await _offer(undone)
    assert await firings.fire_offer(undone, firing=_firing(offer))
    assert not await firings.fire_offer(undone, firing=_firing(offer))
    assert await firings.fire_offer(undone, firing=_firing(offer, zone="Europe/Berlin"))
    assert await firings.unfinished(undone, limit=9) == [_firing(offer), _firing(offer, zone="Europe/Berlin")]


@pytest.mark.parametrize(
    ("status", "version", "seconds", "fires"),
    [
        ("live", 1, 1, True),
        ("paused", 1, 1, False),
        ("live", 2, 1, False),
        ("live", 1, 0, False),
        ("live", 1, -1, False),
    ],
)
async def test_only_a_version_that_was_live_before_the_instant_fires(
    undone: Connection, status: str, version: int, seconds: float, fires: bool
) -> None:
    offer = await _offer(undone, status=status)
    assert await firings.fire_offer(undone, firing=_firing(offer, seconds=seconds, version=version)) is fires


async def test_a_version_is_live_since_it_was_written_or_published(undone: Connection) -> None:
    early, late = await _offer(undone, published=MADE - timedelta(days=1)), await _offer(undone)
    paused = await _offer(undone, status="paused")
    assert await firings.live_since(undone, offers=[early, late, paused]) == {early: MADE, late: MADE}
    await undone.execute("UPDATE offers SET published_at = published_at + interval '2 days'")
    assert (await firings.live_since(undone, offers=[late]))[late] == MADE + timedelta(days=2)


async def test_what_is_no_offers_own_fires_once_too_and_reads_back(undone: Connection) -> None:
    spells = Firing(firing_id("a"), "inactivity", MADE, after=timedelta(days=14))
    rain = Firing(firing_id("b"), "weather_change", MADE + timedelta(seconds=1), cells=("1,2", "3,4"))
    for firing in (spells, rain):
        assert await firings.fire(undone, firing=firing)
        assert not await firings.fire(undone, firing=firing)
    assert await firings.unfinished(undone, limit=9) == [spells, rain]
    assert await firings.unfinished(undone, limit=1) == [spells]


async def test_who_takes_the_next_buckets_takes_them_alone(undone: Connection) -> None:
    firing = Firing(firing_id("a"), "birthday", MADE, zone="UTC")
    await firings.fire(undone, firing=firing)
    assert await firings.advance(undone, firing=firing, to=512, now=MADE)
    assert not await firings.advance(undone, firing=firing, to=512, now=MADE)
    [left] = await firings.unfinished(undone, limit=9)
    assert (left.next_chunk, left.moved_at) == (512, MADE)
    assert await firings.advance(undone, firing=left, to=1024, now=MADE)
    assert await firings.unfinished(undone, limit=9) == []


async def test_the_zones_of_homes_are_each_told_once(undone: Connection) -> None:
    for number, zone in enumerate(["Asia/Tokyo", None, "Europe/Berlin", "Asia/Tokyo", "America/Lima", None]):
        await undone.execute(
            "INSERT INTO customers (bucket, id, time_zone) VALUES ($1, $2, $3)", number, UUID(int=number), zone
        )
    assert await firings.homes(undone) == {"Asia/Tokyo", "Europe/Berlin", "America/Lima"}
