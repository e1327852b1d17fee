"""Wallets: registrations are bounded, end with their customer, and a list never skips a change."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from server.errors import Unauthenticated
from server.pipeline import numbering, redeem, registering
from server.pipeline.forget import erase, export
from server.store import farewell, pass_tags, passes, registrations
from server.store.ids import new_id
from server.store.pool import Connection, Pool
from tests.counter_rows import NO_PURCHASE, Scene, row_of, set_scene

TYPE = "pass.de.kaffeeklatsch.coupon"
PHONE = "3c6f5b1e9a7d4c2b8e0f"
TERMS = numbering.Numbering(TYPE, within=timedelta(days=3))


async def register(
    pool: Pool, serial: UUID, *, device: str = PHONE, token: str = "aa" * 32, most: int = 50, apple: bool = True
) -> bool:
    async def work(db: Connection) -> bool:
        return await registering.register(
            db, device_id=device, pass_type=TYPE, serial=serial, push_token=token, apple=apple, most=most
        )

    return await pool.attempt(work)


async def updates(pool: Pool, since: int | None) -> registrations.Updated:
    return await registering.updates(pool, device_id=PHONE, pass_type=TYPE, since=since, terms=TERMS)


async def void(pool: Pool, scene: Scene) -> None:
    async with pool.transaction() as db:
        await passes.void(db, serial=scene.serial, reason="test")


async def test_a_device_is_registered_once_and_the_newest_stay(pool: Pool, db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    made = [await register(pool, scene.serial, device=f"d{n}", token=f"t{n}", most=3) for n in (0, 0, 1, 2, 3, 4)]
    assert made == [True, False, True, True, True, True]
    rows = await db.fetch("SELECT push_token FROM registrations ORDER BY push_token")
    assert [row[0] for row in rows] == ["t2", "t3", "t4"]


async def test_a_storm_of_devices_at_once_leaves_as_many_as_may_be(pool: Pool, db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    await asyncio.gather(*(register(pool, scene.serial, device=f"d{n}", token=f"t{n}", most=5) for n in range(30)))
    assert await db.fetchval("SELECT count(*) FROM registrations") == 5


@pytest.mark.parametrize("erased", [True, False])
async def test_a_pass_that_is_nobodys_takes_no_device(
    cleared: Pool, db: Connection, tmp_path: Path, erased: bool
) -> None:
    scene = await set_scene(db, tmp_path)
    serial = scene.serial if erased else new_id()
    if erased:
        await db.execute("UPDATE passes SET customer_id = NULL")
    with pytest.raises(Unauthenticated):
        await register(cleared, serial)
    assert await db.fetchval("SELECT count(*) FROM registrations") == 0


async def test_a_registration_that_races_an_erasure_is_there_for_the_last_word_or_not_at_all(
    pool: Pool, db: Connection, tmp_path: Path
) -> None:
    for number in range(6):
        scene = await set_scene(db, tmp_path)
        await db.execute("INSERT INTO customer_state (bucket, customer_id) SELECT bucket, id FROM customers")

        async def forget(customer_id: UUID = scene.customer_id) -> None:
            async with pool.transaction() as own:
                await erase(own, customer_id=customer_id)

        racing = [register(pool, scene.serial, device=f"d{n}", token=f"t{n}") for n in range(4)]
        racing.insert(number % 5, forget())
        told = await asyncio.gather(*racing, return_exceptions=True)
        assert {type(each) for each in told} <= {bool, type(None), Unauthenticated}, told
        assert await db.fetchval("SELECT count(*) FROM registrations WHERE erased_at IS NULL") == 0


async def test_an_erasure_leaves_others_registrations_and_its_own_until_they_heard(
    pool: Pool, db: Connection, tmp_path: Path
) -> None:
    gone, stays = await set_scene(db, tmp_path), await set_scene(db, tmp_path)
    for each in (gone, stays):
        await register(pool, each.serial)  # one phone that holds passes of two people
    await db.execute("INSERT INTO customer_state (bucket, customer_id) SELECT bucket, id FROM customers")
    async with pool.transaction() as own:
        await erase(own, customer_id=gone.customer_id)
    assert set((await updates(pool, None)).serials) == {gone.serial, stays.serial}
    await farewell.heard(db, serial=stays.serial)
    await farewell.heard(db, serial=gone.serial)
    rows = await db.fetch("SELECT serial FROM registrations")
    assert [row[0] for row in rows] == [stays.serial]
    assert (await updates(pool, None)).serials == (stays.serial,)


@pytest.mark.parametrize(
    ("token", "pushed"),
    [
        ("aa" * 32, True),
        ("AB" * 80, True),
        ("fGz1:APA91bH-_x" * 9, False),  # the form of Google's tokens
        ("0" * 31, False),
        ("aa" * 101, False),
        ("g" * 64, False),
        ("aa" * 32 + "\n", False),
        ("not Apple's " + "aa" * 32, False),  # its scheme says so
    ],
)
async def test_a_token_that_is_none_of_apples_is_kept_and_never_pushed_to(
    pool: Pool, db: Connection, tmp_path: Path, token: str, pushed: bool
) -> None:
    scene = await set_scene(db, tmp_path)
    android, token = token.startswith("not"), token.removeprefix("not Apple's ")
    await register(pool, scene.serial, token=token, apple=not android)
    assert await db.fetchval("SELECT push_token FROM registrations") == token
    await void(pool, scene)
    assert await numbering.number_all(pool, terms=TERMS) == 1
    assert await db.fetchval("SELECT count(*) FROM deliveries WHERE channel = 'apple_wallet'") == int(pushed)
    assert (await updates(pool, 0)).serials == (scene.serial,)


async def test_a_wallet_that_changes_its_manners_is_known_by_the_last_ones(
    pool: Pool, db: Connection, tmp_path: Path
) -> None:
    one, two = await set_scene(db, tmp_path), await set_scene(db, tmp_path)
    for each in (one, two):
        await register(pool, each.serial)
    for apple in (False, True):
        await register(pool, one.serial, apple=apple)
        assert [row[0] for row in await db.fetch("SELECT DISTINCT apns FROM registrations")] == [apple]


async def test_the_first_wallet_saves_a_pass_and_the_time_stays(pool: Pool, db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    assert (await row_of(db, scene.serial))["saved_at"] is None
    await register(pool, scene.serial)
    saved = (await row_of(db, scene.serial))["saved_at"]
    assert saved is not None
    await register(pool, scene.serial, device="another", token="bb" * 32)
    assert (await row_of(db, scene.serial))["saved_at"] == saved


async def test_an_export_names_the_registrations_without_the_devices_secret(
    pool: Pool, db: Connection, tmp_path: Path
) -> None:
    mine, other = await set_scene(db, tmp_path), await set_scene(db, tmp_path)
    for each in (mine, other):
        await register(pool, each.serial, token="c0ffee")
    told = (await export(pool, customer_id=mine.customer_id))["registrations"]
    assert [row["serial"] for row in told] == [str(mine.serial)]
    assert told[0]["push_token"] == "c0ffee"
    assert "device_hash" not in told[0]


async def test_a_list_numbers_what_changed_before_it_tells(pool: Pool, db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    await register(pool, scene.serial)
    first = await updates(pool, None)
    assert first[:2] == ((scene.serial,), 0)
    await void(pool, scene)
    second = await updates(pool, first.mark)
    assert second == ((scene.serial,), 1, False)
    assert (await row_of(db, scene.serial))["tag"] == 1
    third = await updates(pool, second.mark)
    assert third.serials == ()


async def test_a_list_numbers_nothing_where_none_of_its_own_changed(pool: Pool, db: Connection, tmp_path: Path) -> None:
    mine, other = await set_scene(db, tmp_path), await set_scene(db, tmp_path)
    await register(pool, mine.serial)
    await void(pool, other)
    await updates(pool, None)
    assert (await row_of(db, other.serial))["tag"] == -1


async def test_a_pass_that_is_being_changed_again_is_told_now_and_once_more(
    pool: Pool, db: Connection, tmp_path: Path
) -> None:
    scene = await set_scene(db, tmp_path, uses=2)
    await register(pool, scene.serial)
    async with pool.transaction() as first:
        await redeem.redeem(first, serial=scene.serial, till=scene.till, purchase=NO_PURCHASE)
    async with pool.transaction() as second:
        await redeem.redeem(second, serial=scene.serial, till=scene.till, purchase=NO_PURCHASE)
        told = await updates(pool, 0)
        assert told == ((scene.serial,), 0, True)
    again = await updates(pool, told.mark)
    assert again == ((scene.serial,), 1, False)


async def test_a_device_that_registers_late_hears_of_what_changed_before(
    pool: Pool, db: Connection, tmp_path: Path
) -> None:
    late, other = await set_scene(db, tmp_path), await set_scene(db, tmp_path)
    await register(pool, other.serial)
    for each in (late, other):
        await void(pool, each)
    async with pool.transaction() as own:
        await pass_tags.number(own, pass_type=TYPE, limit=100)
    mark = (await updates(pool, 0)).mark
    await register(pool, late.serial)
    found = await updates(pool, mark)
    assert found.serials == (late.serial,)
    await register(pool, late.serial)
    assert (await updates(pool, found.mark)).serials == ()


async def test_a_lister_among_many_writers_is_told_every_change(pool: Pool, db: Connection, tmp_path: Path) -> None:
    """Each pass changes several times; after each change that was committed the next list that begins must name it."""
    uses, scenes = 4, [await set_scene(db, tmp_path, uses=4) for _ in range(8)]
    for each in scenes:
        await register(pool, each.serial)
    left: dict[UUID, int] = {each.serial: uses for each in scenes}
    seen: dict[UUID, int] = {}
    mark = 0

    async def write(scene: Scene, pause: float) -> None:
        for _ in range(uses):
            async with pool.transaction() as own:
                await redeem.redeem(own, serial=scene.serial, till=scene.till, purchase=NO_PURCHASE)
                await asyncio.sleep(pause)  # commits come in another order than changes
            left[scene.serial] -= 1

    async def look() -> None:
        nonlocal mark
        found = await updates(pool, mark)
        for serial in found.serials:
            async with pool.acquire() as own:
                fetched = await passes.find(own, serial=serial)
            assert fetched is not None
            seen[serial] = fetched.uses_left
        mark = max(mark, found.mark)

    writing = asyncio.gather(*(write(scene, 0.002 * (number % 4)) for number, scene in enumerate(scenes)))
    while not writing.done():
        before = dict(left)
        await look()
        assert all(seen.get(serial, uses) <= rest for serial, rest in before.items())
    await writing
    await look()
    assert seen == dict.fromkeys(left, 0)
