"""Stores as rows: written many at once, read back as they were, closed for good and still there for the ledgers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import asyncpg
import pytest

from server.store import keys, sessions, stores, users
from server.store.ids import new_id
from server.store.pool import Connection, Pool
from server.store.stores import NewStore, StoreDraft, StoreRow

FULL = StoreDraft(
    name='Café "Süd" {1}',
    lat=-33.868820000000001,
    lon=151.2092955,
    radius_m=120.5,
    time_zone="Australia/Sydney",
    country="AU",
    region="NSW",
    hours={"mon": [["08:00", "20:00"]], "sun": []},
    tags=("a,b", 'quote"d', "back\\slash", "{}", "NULL", ""),
    address="Line 1, 'x'",
)
BARE = StoreDraft("Bare", 0.0, 0.0, 20.0, "Etc/UTC")


async def written(db: Connection, *drafts: StoreDraft) -> list[NewStore]:
    made = [NewStore(new_id(), new_id(), draft) for draft in drafts]
    await stores.insert(db, stores=made)
    return made


def draft_of(row: StoreRow) -> StoreDraft:
    return StoreDraft(*row[1:11])


async def test_a_store_is_read_back_as_it_was_written(db: Connection) -> None:
    made = await written(db, FULL, BARE)
    found = [await stores.find(db, store_id=one.id) for one in made]
    assert [row and draft_of(row) for row in found] == [FULL, BARE]
    for row, one in zip(found, made, strict=True):
        assert row is not None
        assert row.geofence_id == one.geofence_id
        assert row.created_at == row.updated_at


async def test_nothing_is_written_for_nothing(db: Connection) -> None:
    await stores.insert(db, stores=[])
    assert await stores.page(db, after=None, limit=10) == []


async def test_a_change_writes_all_but_the_identity(db: Connection) -> None:
    [made] = await written(db, BARE)
    before = await stores.find(db, store_id=made.id)
    after = await stores.update(db, store_id=made.id, draft=FULL)
    assert before is not None
    assert after is not None
    assert draft_of(after) == FULL
    assert (after.id, after.geofence_id, after.created_at) == (before.id, before.geofence_id, before.created_at)
    assert after.updated_at > before.updated_at
    assert await stores.find(db, store_id=made.id) == after


async def test_pages_go_through_all_stores_in_the_order_of_making(db: Connection) -> None:
    made = await written(db, *(replace(BARE, name=f"S{number}") for number in range(7)))
    seen: list[UUID] = []
    while page := await stores.page(db, after=seen[-1] if seen else None, limit=3):
        assert len(page) <= 3
        seen += [row.id for row in page]
    assert seen == [one.id for one in made]


async def test_a_closed_store_is_found_no_more_and_its_row_stays(db: Connection) -> None:
    gone, open_ = await written(db, BARE, FULL)
    closed = await stores.delete(db, store_id=gone.id)
    assert closed is not None
    assert closed.geofence_id == gone.geofence_id
    assert await stores.find(db, store_id=gone.id) is None
    assert await stores.update(db, store_id=gone.id, draft=FULL) is None
    assert await stores.delete(db, store_id=gone.id) is None
    assert [row.id for row in await stores.page(db, after=None, limit=10)] == [open_.id]
    assert await db.fetchval("SELECT count(*) FROM stores WHERE deleted_at IS NOT NULL") == 1


async def test_what_is_not_there_is_none(db: Connection) -> None:
    assert await stores.find(db, store_id=new_id()) is None
    assert await stores.update(db, store_id=new_id(), draft=BARE) is None
    assert await stores.delete(db, store_id=new_id()) is None


@pytest.mark.parametrize("draft", [replace(BARE, lat=90.5), replace(BARE, lon=181.0), replace(BARE, radius_m=19.0)])
async def test_the_database_itself_refuses_what_no_store_can_be(db: Connection, draft: StoreDraft) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await written(db, draft)


async def test_the_tills_of_one_store_end_and_no_others(db: Connection) -> None:
    here, there = await written(db, BARE, FULL)
    tokens = []
    for one in (here, there):
        made = await keys.create(db, kind="till", store_id=one.id)
        assert made is not None
        tokens.append(made.token)
    await stores.end_tills(db, store_id=here.id)
    assert [await keys.find(db, token=token) is not None for token in tokens] == [False, True]


async def person(db: Connection, name: str, roles: Sequence[str], store: UUID | None) -> UUID:
    made = await users.create(
        db, email=f"{name}@example.org", name=name, roles=roles, store_id=store, password_hash="x", one_time=False
    )
    assert made is not None
    await sessions.create(db, user_id=made.id, absolute_s=600)
    return made.id


async def test_the_staff_of_one_store_lose_its_counter_and_no_others(db: Connection) -> None:
    here, there = await written(db, BARE, FULL)
    clerk = await person(db, "clerk", ["counter"], here.id)
    boss = await person(db, "boss", ["marketer", "counter"], here.id)
    other = await person(db, "other", ["counter"], there.id)
    admin = await person(db, "admin", ["admin"], None)
    await stores.end_staff(db, store_id=here.id)
    found = {row["id"]: row for row in await db.fetch("SELECT id, roles, store_id, disabled_at FROM users")}
    assert [found[each]["roles"] for each in (clerk, boss, other, admin)] == [[], ["marketer"], ["counter"], ["admin"]]
    assert [found[each]["store_id"] for each in (clerk, boss, other, admin)] == [None, None, there.id, None]
    assert [each for each in found if found[each]["disabled_at"] is not None] == [clerk]
    left = {row["user_id"] for row in await db.fetch("SELECT user_id FROM sessions")}
    assert left == {other, admin}


async def test_many_stores_are_written_at_once_in_their_order(undone: Connection) -> None:
    drafts = [replace((FULL, BARE)[number % 2], name=f"S{number}") for number in range(250)]
    made = await written(undone, *drafts)
    rows = await stores.page(undone, after=None, limit=1000)
    assert [row.id for row in rows] == [one.id for one in made]
    assert [draft_of(row) for row in rows] == drafts


async def test_what_is_wrong_takes_the_others_of_its_statement_with_it(undone: Connection) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        async with undone.transaction():
            await written(undone, BARE, replace(BARE, lat=91.0))
    assert await stores.page(undone, after=None, limit=9) == []


@pytest.mark.parametrize(("lat", "lon"), [(90.0, 180.0), (-90.0, -180.0), (0.0, -0.0), (1e-9, 179.9999999999)])
async def test_the_ends_of_the_earth_are_places(undone: Connection, lat: float, lon: float) -> None:
    [made] = await written(undone, replace(BARE, lat=lat, lon=lon))
    found = await stores.find(undone, store_id=made.id)
    assert found is not None
    assert (found.lat, found.lon) == (lat, lon)


@pytest.mark.parametrize(("radius_m", "fits"), [(19.999, False), (20, True), (50_000, True), (50_000.001, False)])
async def test_a_radius_is_within_its_bounds(undone: Connection, radius_m: float, fits: bool) -> None:
    refusal = contextlib.nullcontext() if fits else pytest.raises(asyncpg.CheckViolationError)
    with refusal:
        assert len(await written(undone, replace(BARE, radius_m=radius_m))) == 1


async def test_a_change_to_nothing_takes_away_what_was_there(undone: Connection) -> None:
    first, second = await written(undone, FULL, FULL)
    changed = await stores.update(undone, store_id=first.id, draft=BARE)
    assert changed is not None
    assert draft_of(changed) == BARE
    found = await stores.find(undone, store_id=second.id)
    assert found is not None
    assert draft_of(found) == FULL


async def test_a_page_that_was_begun_is_not_disturbed_by_what_opens_and_closes(undone: Connection) -> None:
    made = await written(undone, *(replace(BARE, name=f"S{number}") for number in range(6)))
    first = await stores.page(undone, after=None, limit=2)
    for gone in (made[1], made[3]):
        await stores.delete(undone, store_id=gone.id)
    [late] = await written(undone, FULL)
    rest = await stores.page(undone, after=first[-1].id, limit=99)
    assert [row.id for row in rest] == [made[2].id, made[4].id, made[5].id, late.id]


async def test_keys_that_ended_before_keep_their_time_and_a_store_without_any_ends_none(undone: Connection) -> None:
    here, empty = await written(undone, BARE, FULL)
    made = [await keys.create(undone, kind="till", store_id=here.id) for _ in range(2)]
    assert made[0] is not None
    assert await keys.revoke(undone, id_=made[0].id) is not None
    await stores.end_tills(undone, store_id=empty.id)
    assert await undone.fetchval("SELECT count(*) FROM api_keys WHERE revoked_at IS NULL") == 1
    before = await undone.fetchval("SELECT revoked_at FROM api_keys WHERE id = $1", made[0].id)
    await stores.end_tills(undone, store_id=here.id)
    assert await undone.fetchval("SELECT revoked_at FROM api_keys WHERE id = $1", made[0].id) == before
    assert await undone.fetchval("SELECT count(*) FROM api_keys WHERE revoked_at IS NULL") == 0


async def test_who_was_off_already_stays_off_since_then(undone: Connection) -> None:
    [here] = await written(undone, BARE)
    clerk = await person(undone, "clerk", ["counter"], here.id)
    await undone.execute("UPDATE users SET disabled_at = '2026-01-01T00:00:00Z'")
    await stores.end_staff(undone, store_id=here.id)
    row = await undone.fetchrow("SELECT disabled_at::text, roles FROM users WHERE id = $1", clerk)
    assert row is not None
    assert (row["disabled_at"][:10], row["roles"]) == ("2026-01-01", [])


async def test_of_two_who_close_a_store_at_once_one_has_done_it(shared_pool: Pool) -> None:
    async with shared_pool.transaction() as db:
        [made] = await written(db, BARE)

    async def close() -> bool:
        async with shared_pool.transaction() as db:
            return await stores.delete(db, store_id=made.id) is not None

    assert sorted(await asyncio.gather(*(close() for _ in range(5)))) == [False] * 4 + [True]
