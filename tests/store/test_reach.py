"""The sample: who was where on which day, of all shards or of a share of them that is large enough."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from server.store import external_sends
from server.store.external_sends import Send
from server.store.ids import new_id
from server.store.pool import Connection
from server.store.reach import Message, Visit, sample

LAST = date(2026, 11, 3)
NOON = datetime(2026, 11, 3, 11, tzinfo=UTC)
SINCE = NOON - timedelta(days=28)
ZONE = "Europe/Berlin"


async def customer(db: Connection, *, bucket: int, location: bool = True, segments: tuple[str, ...] = ()) -> UUID:
    made = new_id(bucket=bucket)
    await db.execute(
        "INSERT INTO customers (bucket, id, location, push, segments) VALUES ($1, $2, $3, true, $4)",
        bucket, made, location, list(segments),
    )  # fmt: skip
    return made


async def was_at(db: Connection, who: UUID, at: datetime, *fences: UUID) -> None:
    await db.execute(
        "INSERT INTO pings (bucket, customer_id, id, at, received_at, cell, geofence_ids) VALUES ($1, $2, $3, $4, $4, '', $5)",
        who.int & 1023, who, new_id(), at, list(fences),
    )  # fmt: skip


async def test_people_their_days_at_fences_and_their_messages_are_read(undone: Connection) -> None:
    one, other = await customer(undone, bucket=3, segments=("vip",)), await customer(undone, bucket=900)
    hidden = await customer(undone, bucket=5, location=False)
    here, there = new_id(), new_id()
    await was_at(undone, one, NOON, here, there)
    await was_at(undone, one, NOON - timedelta(hours=1), here)
    await was_at(undone, one, NOON - timedelta(days=3), here)
    await was_at(undone, other, NOON - timedelta(days=29), here)  # too long ago
    await was_at(undone, other, NOON - timedelta(days=1))  # nowhere
    for number, days in enumerate((0, 2, 2, 40)):
        sent = Send(str(number), "email", "marketing", NOON - timedelta(days=days))
        await external_sends.insert(undone, customer_id=other, send=sent)
    taken = await sample(undone, since=SINCE, zone=ZONE, last=LAST, most=10**6)
    assert taken.shards == 1024
    assert {person.id: person.segments for person in taken.people} == {one: frozenset({"vip"}), other: frozenset()}
    assert set(taken.visits) == {Visit(one, here, 0b1001), Visit(one, there, 0b1)}
    assert set(taken.messages) == {Message(other, "marketing", 0, 1), Message(other, "marketing", 2, 2)}
    assert hidden not in {person.id for person in taken.people}


async def test_segments_are_those_told_and_those_judged_and_a_new_one_is_not_known_yet(undone: Connection) -> None:
    one = await customer(undone, bucket=3, segments=("vip",))
    await undone.execute("INSERT INTO segment_members (bucket, customer_id, segment) VALUES (3, $1, 'regulars')", one)
    saved = (
        ("vip", None, None, None),
        ("regulars", "{}", NOON, 1),
        ("new", "{}", None, None),
        ("wet", "{}", NOON, None),
    )
    for row in saved:
        await undone.execute(
            "INSERT INTO segments (name, document, refreshed_at, size, id) VALUES ($1, $2, $3, $4, $5)", *row, new_id()
        )
    taken = await sample(undone, since=SINCE, zone=ZONE, last=LAST, most=10**6)
    assert taken.judged == {"vip", "regulars"}
    assert [person.segments for person in taken.people] == [{"vip", "regulars"}]


async def test_a_day_is_the_programmes(undone: Connection) -> None:
    one, here = await customer(undone, bucket=3), new_id()
    await was_at(undone, one, datetime(2026, 11, 2, 22, 59, tzinfo=UTC), here)  # 23:59 in Berlin
    await was_at(undone, one, datetime(2026, 11, 1, 23, 0, tzinfo=UTC), here)  # midnight of the 2nd
    in_berlin = await sample(undone, since=SINCE, zone=ZONE, last=LAST, most=10**6)
    in_tonga = await sample(undone, since=SINCE, zone="Pacific/Tongatapu", last=LAST, most=10**6)
    assert [visit.days for visit in in_berlin.visits] == [0b10]
    assert [visit.days for visit in in_tonga.visits] == [0b11]


async def test_of_too_much_a_share_of_the_shards_is_read_and_never_less_than_one(undone: Connection) -> None:
    here = new_id()
    for bucket in range(64):
        for _ in range(4):
            await was_at(undone, await customer(undone, bucket=bucket), NOON, here)
    for most, shards in ((1, 1), (20, 2), (70, 8), (260, 32), (10**6, 1024)):
        taken = await sample(undone, since=SINCE, zone=ZONE, last=LAST, most=most)
        assert taken.shards == shards
        assert {person.id.int & 1023 for person in taken.people} == set(range(min(64, shards)))
        assert len(taken.visits) == len(taken.people) == 4 * min(64, shards)
