"""The ledger's statements: one that claims, one that gives back, and lists that page."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from server.model.ids import bucket_of
from server.model.money import Money
from server.store import redemptions
from server.store.ids import new_id
from server.store.pool import Connection, Pool
from server.store.redemptions import Purchase, Redeemed, Till
from tests.counter_rows import COFFEE, NO_PURCHASE, Scene, add_store, row_of, set_scene, steps_of, till

WINDOW = timedelta(minutes=15)


async def claim(db: Connection, scene: Scene, *, by: Till | None = None, id_: UUID | None = None) -> Redeemed | None:
    identifier = id_ or new_id(bucket=bucket_of(scene.serial))
    return await redemptions.claim(db, id=identifier, serial=scene.serial, till=by or scene.till, purchase=NO_PURCHASE)


async def give_back(db: Connection, identifier: UUID, store_id: UUID | None, **changes: Any) -> Any:
    given: dict[str, Any] = {"window": WINDOW, "by": "key:a", "reason": "test"} | changes
    return await redemptions.reverse(
        db, id=new_id(bucket=bucket_of(identifier)), redemption_id=identifier, store_id=store_id, **given
    )


async def test_a_claim_is_told_as_it_is_stored(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    identifier = new_id(bucket=bucket_of(scene.serial))
    done = await claim(db, scene, id_=identifier)
    row = await db.fetchrow("SELECT * FROM redemptions")
    assert done == Redeemed(identifier, scene.serial, COFFEE, 0, row["redeemed_at"], scene.store_id)


async def test_what_was_paid_in_a_redemption_is_in_the_customers_past(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    identifier = new_id(bucket=bucket_of(scene.serial))
    purchase = Purchase(Money(1290, "EUR"), "order-7")
    await redemptions.claim(db, id=identifier, serial=scene.serial, till=scene.till, purchase=purchase)
    row = await db.fetchrow("SELECT name, amount_minor, currency, order_id, store_id FROM customer_events")
    assert tuple(row) == ("redemption", 1290, "EUR", "order-7", scene.store_id)


async def test_a_redemption_is_an_occasion_at_its_store_until_it_is_taken_back(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    done = await claim(db, scene)
    assert done is not None
    row = await db.fetchrow(
        "SELECT o.*, e.customer_id AS whose FROM occasions o JOIN customer_events e USING (bucket, id)"
    )
    fence = await db.fetchval("SELECT geofence_id FROM stores WHERE id = $1", scene.store_id)
    assert (row["id"], row["kind"], row["name"], row["at"]) == (done.id, "event", "redemption", done.redeemed_at)
    assert (row["customer_id"], row["geofence_id"]) == (row["whose"], fence)
    assert (await give_back(db, done.id, scene.store_id)).id is not None
    assert await db.fetchval("SELECT count(*) FROM occasions") == 0


async def test_a_claim_that_fails_writes_nothing_anywhere(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    await db.execute("UPDATE passes SET state = 'voided'")
    before = await row_of(db, scene.serial)
    facts = await db.fetchval("SELECT count(*) FROM funnel_facts")
    assert await claim(db, scene) is None
    assert await row_of(db, scene.serial) == before
    assert await db.fetchval("SELECT count(*) FROM redemptions") == 0
    assert await db.fetchval("SELECT count(*) FROM customer_events") == 0
    assert await db.fetchval("SELECT count(*) FROM funnel_facts") == facts


@pytest.mark.parametrize(
    ("sets", "claimed"),
    [
        ("state = 'active'", True),
        ("state = 'redeemed'", False),
        ("state = 'expired'", False),
        ("state = 'voided'", False),
        ("uses_left = 0, uses_made = 1", False),
        ("valid_from = clock_timestamp() - interval '1 s'", True),
        ("valid_from = clock_timestamp() + interval '5 s'", False),
        ("valid_until = clock_timestamp() - interval '1 ms'", False),
        ("valid_until = NULL", True),
        ("places = '{}'", False),
        ("place_tag = 'store'", True),
        ("place_tag = 'kiosk'", False),
        ("held_by = 'key:other', held_until = clock_timestamp() + interval '5 s'", False),
        ("held_by = 'key:till-1', held_until = clock_timestamp() + interval '5 s'", True),
        ("held_by = 'key:other', held_until = clock_timestamp() - interval '1 ms'", True),
        ("minimum_minor = 1, minimum_currency = 'EUR'", False),
    ],
)
async def test_each_condition_of_the_claim_counts_alone(
    db: Connection, tmp_path: Path, sets: str, claimed: bool
) -> None:
    scene = await set_scene(db, tmp_path)
    await db.execute(f"UPDATE passes SET {sets}")
    assert (await claim(db, scene) is not None) is claimed


async def test_a_use_clears_the_hold(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path, uses=2)
    await db.execute("UPDATE passes SET held_by = 'key:till-1', held_until = clock_timestamp() + interval '5 s'")
    assert await claim(db, scene) is not None
    row = await row_of(db, scene.serial)
    assert (row["held_by"], row["held_until"]) == (None, None)


async def test_the_database_itself_takes_each_use_once(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    assert await claim(db, scene) is not None
    again = (
        "INSERT INTO redemptions (bucket, id, serial, use_no, uses_left, store_id, till_id) "
        "SELECT bucket, $1, serial, use_no, 0, store_id, 'key:b' FROM redemptions"
    )
    with pytest.raises(asyncpg.UniqueViolationError):
        await db.execute(again, new_id(bucket=bucket_of(scene.serial)))


async def test_the_database_itself_takes_each_reversal_once(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    done = await claim(db, scene)
    assert done is not None
    await give_back(db, done.id, None)
    with pytest.raises(asyncpg.UniqueViolationError):
        await db.execute(
            "INSERT INTO reversals (bucket, id, redemption_id, serial, reversed_by, reason) "
            "SELECT bucket, $1, redemption_id, serial, 'key:b', 'again' FROM reversals",
            new_id(bucket=bucket_of(scene.serial)),
        )


async def test_a_reversal_tells_what_it_found(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    done = await claim(db, scene)
    assert done is not None
    other = await add_store(db)
    foreign = await give_back(db, done.id, other)
    assert (foreign.id, foreign.store_id, foreign.in_time, foreign.reversed_at) == (
        None,
        scene.store_id,
        True,
        None,
    )
    late = await give_back(db, done.id, scene.store_id, window=timedelta(0))
    assert (late.id, late.in_time) == (None, False)
    given = await give_back(db, done.id, scene.store_id)
    assert (given.id is not None, given.uses_left, given.serial) == (True, 1, scene.serial)
    again = await give_back(db, done.id, scene.store_id)
    assert (again.id, again.reversed_at) == (None, given.at)
    assert await give_back(db, new_id(), None) is None


async def test_a_reversal_keeps_who_and_why(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    done = await claim(db, scene)
    assert done is not None
    await give_back(db, done.id, scene.store_id, by="user:kim", reason="spilled it")
    row = await db.fetchrow("SELECT reversed_by, reason, serial, redemption_id FROM reversals")
    assert tuple(row) == ("user:kim", "spilled it", scene.serial, done.id)


async def test_lists_page_by_time_and_id(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path, uses=5)
    made = [done.id for _ in range(5) if (done := await claim(db, scene))]
    for kind in ("all", "store", "own"):
        found: list[UUID] = []
        after = None
        while True:
            if kind == "own":
                page = await redemptions.own(db, customer_id=scene.customer_id, limit=2, after=after)
            else:
                store = scene.store_id if kind == "store" else None
                page = await redemptions.page(db, store_id=store, limit=2, after=after)
            if not page:
                break
            found += [entry.id for entry in page]
            after = page[-1].redeemed_at, page[-1].id
        assert found == made[::-1]


async def test_a_list_can_begin_at_an_instant_and_be_one_stores(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path, uses=2)
    first, second = await claim(db, scene), await claim(db, scene, by=till(await add_store(db), name="key:b"))
    assert first is not None
    assert second is not None
    since = await redemptions.page(db, since=second.redeemed_at, limit=9, after=None)
    here = await redemptions.page(db, store_id=scene.store_id, limit=9, after=None)
    assert [entry.id for entry in since] == [second.id]
    assert [entry.id for entry in here] == [first.id]


async def test_a_reversed_entry_says_when(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    done = await claim(db, scene)
    assert done is not None
    given = await give_back(db, done.id, None)
    (entry,) = await redemptions.own(db, customer_id=scene.customer_id, limit=9, after=None)
    assert entry.reversed_at == given.at


async def test_a_stores_zone_is_told(db: Connection) -> None:
    store = await add_store(db, time_zone="Asia/Tokyo")
    assert await redemptions.zone_of(db, store_id=store) == "Asia/Tokyo"
    assert await redemptions.zone_of(db, store_id=new_id()) is None


async def test_a_percentage_of_a_purchase_is_rounded_as_money_is(db: Connection, tmp_path: Path) -> None:
    for minor, worth in ((999, 125), (1000, 125), (1004, 126), (1, 0), (0, 0)):
        scene = await set_scene(db, tmp_path, reward={"type": "percent", "percent": 12.5}, value_minor=0, currency=None)
        await redemptions.claim(
            db,
            id=new_id(bucket=bucket_of(scene.serial)),
            serial=scene.serial,
            till=scene.till,
            purchase=Purchase(Money(minor, "EUR")),
        )
        found = await db.fetchval("SELECT value_minor FROM redemptions WHERE serial = $1", scene.serial)
        assert found == worth


async def test_a_use_is_written_beside_everything_that_follows_from_it(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path, uses=2)
    first, second = await claim(db, scene), await claim(db, scene)
    assert first is not None
    assert second is not None
    rows = await db.fetch("SELECT id, use_no, uses_left, till_id FROM redemptions ORDER BY use_no")
    assert [tuple(row) for row in rows] == [(first.id, 1, 1, scene.till.id), (second.id, 2, 0, scene.till.id)]
    known = await db.fetch("SELECT id, customer_id, name, at FROM customer_events ORDER BY at")
    assert [tuple(row) for row in known] == [
        (done.id, scene.customer_id, "redemption", done.redeemed_at) for done in (first, second)
    ]
    moment = await db.fetchrow("SELECT state, redeemed_at FROM moments")
    assert tuple(moment) == ("redeemed", second.redeemed_at)
    assert [step for step in await steps_of(db, scene.moment_id) if step[0] == "redeemed"] == [
        ("redeemed", 1, 250, "EUR"),
        ("redeemed", 1, 250, "EUR"),
    ]
    assert await claim(db, scene) is None


async def test_a_use_of_a_pass_that_is_nobodys_any_more_names_nobody(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    facts = await db.fetchval("SELECT count(*) FROM funnel_facts")
    await db.execute("UPDATE passes SET customer_id = NULL")
    await db.execute("UPDATE moments SET customer_id = NULL")
    assert await claim(db, scene) is not None
    assert await db.fetchval("SELECT count(*) FROM redemptions") == 1
    assert await db.fetchval("SELECT count(*) FROM customer_events") == 0
    assert await db.fetchval("SELECT count(*) FROM funnel_facts") == facts


async def test_a_use_that_is_rolled_back_was_none(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    before, facts = await row_of(db, scene.serial), await steps_of(db, scene.moment_id)
    attempt = db.transaction()
    await attempt.start()
    assert await claim(db, scene) is not None
    await attempt.rollback()
    assert await row_of(db, scene.serial) == before
    assert await steps_of(db, scene.moment_id) == facts
    for table in ("redemptions", "customer_events"):
        assert await db.fetchval(f"SELECT count(*) FROM {table}") == 0


async def test_of_twenty_tills_at_once_as_many_get_a_use_as_there_are(
    pool: Pool, db: Connection, tmp_path: Path
) -> None:
    scene = await set_scene(db, tmp_path, uses=3)

    async def use(number: int) -> Redeemed | None:
        async with pool.transaction() as own:
            return await claim(own, scene, by=till(scene.store_id, name=f"key:till-{number}"))

    done = [each for each in await asyncio.gather(*(use(number) for number in range(20))) if each]
    assert sorted(each.uses_left for each in done) == [0, 1, 2]
    assert [row["use_no"] for row in await db.fetch("SELECT use_no FROM redemptions ORDER BY use_no")] == [1, 2, 3]


async def test_of_many_who_give_the_same_use_back_at_once_one_does(pool: Pool, db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path, uses=2)
    done = await claim(db, scene)
    assert done is not None

    async def reverse() -> bool:
        async with pool.transaction() as own:
            return (await give_back(own, done.id, scene.store_id)).id is not None

    assert sum(await asyncio.gather(*(reverse() for _ in range(8)))) == 1
    assert (await row_of(db, scene.serial))["uses_left"] == 2
    assert [step[1] for step in await steps_of(db, scene.moment_id) if step[0] == "redeemed"] == [1, -1]


async def test_a_use_that_was_given_back_can_be_made_again_under_a_new_number(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    for number in (1, 2, 3):
        done = await claim(db, scene)
        assert done is not None
        assert await db.fetchval("SELECT use_no FROM redemptions WHERE id = $1", done.id) == number
        assert await db.fetchval("SELECT state FROM moments") == "redeemed"
        given = await give_back(db, done.id, scene.store_id)
        assert given.uses_left == 1
        assert (await row_of(db, scene.serial))["state"] == "active"
        assert await db.fetchval("SELECT state FROM moments") == "accepted"
    assert await db.fetchval("SELECT count(*) FROM customer_events") == 0


@pytest.mark.parametrize("state", ["voided", "expired"])
async def test_a_pass_that_is_over_stays_over_when_a_use_comes_back(db: Connection, tmp_path: Path, state: str) -> None:
    scene = await set_scene(db, tmp_path, uses=2)
    done = await claim(db, scene)
    assert done is not None
    await db.execute("UPDATE passes SET state = $1", state)
    assert (await give_back(db, done.id, None)).id is not None
    row = await row_of(db, scene.serial)
    assert (row["state"], row["uses_left"]) == (state, 2)


async def test_a_ledger_is_ones_own_in_a_bucket_of_many(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    assert await claim(db, scene) is not None
    neighbour = new_id(bucket=bucket_of(scene.customer_id))
    assert await redemptions.own(db, customer_id=neighbour, limit=9, after=None) == []
    assert await redemptions.page(db, store_id=new_id(), limit=9, after=None) == []
