"""Whom a firing reaches, bucket by bucket."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from server.model.customer import LastFix, State
from server.model.ids import event_id
from server.store import audiences
from server.store.audiences import Absent, Buckets
from server.store.pool import Connection
from server.store.states import encode_state
from tests.builders import NOON, TOWN

ALL = Buckets(0, 1024)


async def _customer(db: Connection, bucket: int, **values: Any) -> UUID:
    """Sign somebody up in a bucket; `seen` is when their last fix was, `lies` the zone it lay in."""
    customer = UUID(int=(values.pop("number", 1) << 10) | bucket)
    seen: datetime | None = values.pop("seen", None)
    fix = LastFix(TOWN, 9.0, seen, values.pop("lies", "Europe/Berlin")) if seen is not None else None
    columns = {"location": True, "profiling": True, "created_at": NOON - timedelta(days=90), **values}
    columns["attributes"] = json.dumps(columns.get("attributes", {}))
    names = list(columns)
    await db.execute(
        f"INSERT INTO customers (bucket, id, {', '.join(names)})"
        f" VALUES ($1, $2, {', '.join(f'${n}' for n in range(3, 3 + len(names)))})",
        bucket,
        customer,
        *columns.values(),
    )
    await db.execute(
        "INSERT INTO customer_state (bucket, customer_id, state) VALUES ($1, $2, $3)",
        bucket,
        customer,
        encode_state(State(last_fix=fix)),
    )
    return customer


async def test_buckets_are_from_the_first_to_before_the_last(undone: Connection) -> None:
    low, high = await _customer(undone, 16), await _customer(undone, 31)
    await _customer(undone, 15)
    await _customer(undone, 32)
    await _customer(undone, 17, location=False)
    found = await audiences.at_home(undone, buckets=Buckets(16, 32), zone=None, otherwise="UTC")
    assert set(found) == {low, high}


async def test_homes_are_those_that_were_said_else_the_programmes(undone: Connection) -> None:
    lima = await _customer(undone, 1, time_zone="America/Lima")
    unsaid = await _customer(undone, 2)
    for zone, expected in (("America/Lima", [lima]), ("UTC", [unsaid]), ("Asia/Tokyo", [])):
        assert await audiences.at_home(undone, buckets=ALL, zone=zone, otherwise="UTC") == expected


async def test_a_young_fix_says_where_somebody_is_before_their_home_does(undone: Connection) -> None:
    since = NOON - timedelta(days=1)
    away = await _customer(undone, 1, time_zone="America/Lima", seen=NOON, lies="Europe/Berlin")
    back = await _customer(undone, 2, time_zone="America/Lima", seen=since)
    unsaid = await _customer(undone, 3)

    async def in_zone(zone: str) -> list[UUID]:
        return await audiences.in_zone(undone, buckets=ALL, zone=zone, otherwise="UTC", since=since)

    assert await in_zone("Europe/Berlin") == [away]
    assert await in_zone("America/Lima") == [back]
    assert await in_zone("UTC") == [unsaid]


async def test_those_who_were_seen_come_with_their_state(undone: Connection) -> None:
    young = await _customer(undone, 1, seen=NOON, time_zone="America/Lima")
    await _customer(undone, 2, seen=NOON - timedelta(hours=1))
    await _customer(undone, 3)
    [found] = await audiences.seen(undone, buckets=ALL, since=NOON - timedelta(hours=1))
    assert found.id == young
    assert found.state.last_fix == LastFix(TOWN, 9.0, NOON, "Europe/Berlin")
    assert await audiences.seen(undone, buckets=ALL, since=NOON - timedelta(hours=1), zone="UTC", otherwise="UTC") == []


async def test_birthdays_are_dates_with_or_without_a_year(undone: Connection) -> None:
    born = []
    for bucket, day in enumerate(["1990-11-03", "11-03", "1990-11-04", "03.11.1990", "x11-03", 1103, None]):
        customer = await _customer(undone, bucket, attributes={"birthday": day})
        born += [customer] if bucket < 2 else []
    await _customer(undone, 20, attributes={"birthday": "11-03"}, profiling=False)
    await _customer(undone, 21, attributes={"birthday": "11-03"}, time_zone="Asia/Tokyo")
    found = await audiences.born(undone, buckets=ALL, zone="UTC", otherwise="UTC", days=["11-03"])
    assert found == born


async def test_absence_is_counted_from_the_last_ping_purchase_redemption_or_the_sign_up(undone: Connection) -> None:
    month = timedelta(days=30)
    signed_up = await _customer(undone, 1)
    await _customer(undone, 2, seen=NOON - month + timedelta(seconds=1))
    walked = await _customer(undone, 3, seen=NOON - month)
    for bucket, name, days in ((4, "purchase", 31), (5, "redemption", 29), (6, "visit", 1)):
        customer = await _customer(undone, bucket)
        await undone.execute(
            "INSERT INTO customer_events (bucket, id, customer_id, name, at) VALUES ($1, $2, $3, $4, $5)",
            bucket,
            event_id(customer, name),
            customer,
            name,
            NOON - timedelta(days=days),
        )
    await _customer(undone, 7, profiling=False)
    found = await audiences.absent(undone, buckets=ALL, now=NOON, after=month)
    assert {each.id.int & 1023: each.since for each in found} == {
        1: NOON - timedelta(days=90),
        3: NOON - month,
        4: NOON - timedelta(days=31),
        6: NOON - timedelta(days=90),
    }
    assert Absent(walked, NOON - month) in found
    assert signed_up in {each.id for each in found}
