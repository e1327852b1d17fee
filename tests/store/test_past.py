"""The past is read page by page, in the order in which it was decided, and whole."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from server.store import past
from server.store.past import PastPing, first
from server.store.pool import Connection
from tests.builders import NOON

HOUR = timedelta(hours=1)


async def _ping(
    db: Connection, customer: int, number: int, *, at_s: int, received_s: int, trace: str | None = "{}"
) -> None:
    await db.execute(
        "INSERT INTO pings (bucket, customer_id, id, at, received_at, cell, reason, trace)"
        " VALUES ($1, $2, $3, $4, $5, '52.52,13.40', 'mock', $6)",
        customer & 1023,
        UUID(int=customer),
        UUID(int=number),
        NOON + timedelta(seconds=at_s),
        NOON + timedelta(seconds=received_s),
        trace,
    )


async def test_pages_of_any_size_give_the_same_past(db: Connection) -> None:
    for number in range(30):
        await _ping(db, number % 3, number, at_s=100 - number, received_s=number // 6)
    await _ping(db, 9, 100, at_s=0, received_s=2, trace=None)
    await _ping(db, 9, 101, at_s=0, received_s=-1)
    await _ping(db, 9, 102, at_s=0, received_s=5)
    rows = await db.fetch("SELECT * FROM pings WHERE id < $1", UUID(int=100))
    expected = sorted((r["received_at"], r["customer_id"], r["at"], r["id"]) for r in rows)
    for size in (1, 4, 7, 100):
        mark, found = first(NOON), list[PastPing]()
        while page := await past.page(db, after=mark, end=NOON + timedelta(seconds=5), limit=size):
            assert len(page) <= size
            found += page
            mark = page[-1].received_at, page[-1].customer_id, page[-1].at, page[-1].id
        assert [(each.received_at, each.customer_id, each.at, each.id) for each in found] == expected
    assert found[0][4:] == ("52.52,13.40", "mock", "{}")


async def _moment(db: Connection, customer: int, *, hours: float, state: str = "delivered", **columns: object) -> UUID:
    identifier = await db.fetchval(
        "INSERT INTO moments (bucket, id, customer_id, offer_id, offer_version, offer_name, variant, placement, channel,"
        " pressure, title, body, action, created_at, deliver_by, local_day, local_hour, weekday, state, held_out, reserved,"
        " expired_at, delivered_at, value_minor, place_id)"
        " VALUES ($1, gen_random_uuid(), $2, $3, 1, 'o', 'v', 'card', 'push', 'marketing', '', '', '{}', $4::timestamptz, $4,"
        " '2026-11-03', 1, 1,"
        " $5, $6, $7, $8, $9, 250, $3) RETURNING id",
        customer & 1023,
        UUID(int=customer),
        UUID(int=77),
        NOON + hours * HOUR,
        state,
        columns.get("held_out", False),
        columns.get("reserved", '{"units": 1}'),
        columns.get("expired_at"),
        columns.get("delivered_at"),
    )
    return UUID(str(identifier))


async def test_the_newest_moments_of_each_customer_are_read_and_whether_anybody_saw_them(db: Connection) -> None:
    unseen = await _moment(db, 1, hours=1, state="expired", expired_at=NOON + 2 * HOUR)
    seen = await _moment(db, 1, hours=2, state="expired", expired_at=NOON + 3 * HOUR, delivered_at=NOON + 2 * HOUR)
    await _moment(db, 1, hours=0.5)
    await _moment(db, 1, hours=-1)
    await _moment(db, 1, hours=5)
    other = await _moment(db, 2, hours=0, held_out=True)
    await _moment(db, 3, hours=1)
    found = await past.moments(db, customers=[UUID(int=1), UUID(int=2)], start=NOON, end=NOON + 5 * HOUR, most=2)
    assert {(each.id, each.unseen, each.held_out) for each in found} == {
        (unseen, True, False),
        (seen, False, False),
        (other, False, True),
    }


async def test_what_was_given_away_before_and_not_taken_back_by_then(db: Connection) -> None:
    await _moment(db, 1, hours=-1)
    await _moment(db, 2, hours=-2, reserved=None, state="expired", expired_at=NOON + HOUR)
    await _moment(db, 3, hours=-3, reserved=None, state="expired", expired_at=NOON - HOUR)
    await _moment(db, 4, hours=-1, held_out=True, reserved=None)
    await _moment(db, 5, hours=0)
    async with db.transaction():
        found = await past.granted(db, offer_id=UUID(int=77), before=NOON)
    assert sorted((each.created_at - NOON, each.value_minor, each.released_at) for each in found) == [
        (-2 * HOUR, 250, NOON + HOUR),
        (-HOUR, 250, None),
    ]
