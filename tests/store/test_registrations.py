"""Registrations: whose wallet holds what, one push token for each device and one device for each push token."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from uuid import UUID

import pytest

from server.model.ids import bucket_of
from server.store import pass_tags, passes, registrations
from server.store.ids import new_id
from server.store.pool import Connection, Contended, Pool
from tests.counter_rows import Scene, row_of, set_scene

TYPE = "pass.de.kaffeeklatsch.coupon"
PHONE, TABLET = "3c6f5b1e9a7d4c2b8e0f", "99aa88bb77cc66dd55ee"


async def put(
    db: Connection, serial: UUID, *, device: str = PHONE, token: str = "aa" * 32, pass_type: str = TYPE
) -> bool:
    async with db.transaction():
        return await registrations.put(db, device_id=device, pass_type=pass_type, serial=serial, push_token=token)


async def tokens(db: Connection, serial: UUID) -> set[str | None]:
    rows = await db.fetch("SELECT push_token FROM registrations WHERE serial = $1", serial)
    return {row[0] for row in rows}


async def changed(db: Connection, serial: UUID) -> int:
    """Void a pass and number it; gives the number."""
    async with db.transaction():
        await passes.void(db, serial=serial, reason="test")
        await pass_tags.number(db, pass_type=TYPE, limit=100)
    return int((await row_of(db, serial))["tag"])


async def updated(db: Connection, since: int | None = None, *, device: str = PHONE) -> registrations.Updated:
    return await registrations.updated(db, device_id=device, pass_type=TYPE, since=since)


@pytest.fixture
async def scene(db: Connection, tmp_path: Path) -> Scene:
    return await set_scene(db, tmp_path)


async def test_a_device_is_new_once(db: Connection, scene: Scene) -> None:
    assert [await put(db, scene.serial) for _ in range(3)] == [True, False, False]
    assert await put(db, scene.serial, device=TABLET, token="bb" * 32)
    assert await db.fetchval("SELECT count(*) FROM registrations") == 2


async def test_a_devices_id_is_nowhere_in_the_row_and_its_bucket_is_that_of_the_hash(
    db: Connection, scene: Scene
) -> None:
    await put(db, scene.serial)
    row = await db.fetchrow("SELECT t::text AS text, t.* FROM registrations t")
    assert row is not None
    assert PHONE not in row["text"]
    assert PHONE.encode().hex() not in row["text"]
    hashed = await db.fetchval("SELECT sha256($1)", PHONE.encode())
    assert row["device_hash"] == hashed
    assert row["bucket"] == int.from_bytes(hashed[:4], "big") % 1024
    assert row["pass_bucket"] == bucket_of(scene.serial)


async def test_a_new_push_token_is_the_devices_for_all_its_passes(db: Connection, tmp_path: Path) -> None:
    one, two = await set_scene(db, tmp_path), await set_scene(db, tmp_path)
    await put(db, one.serial, token="old")
    await put(db, two.serial, token="old")
    await put(db, one.serial, token="new")
    assert await tokens(db, one.serial) == await tokens(db, two.serial) == {"new"}


async def test_a_push_token_belongs_to_the_device_that_brought_it_last(db: Connection, scene: Scene) -> None:
    await put(db, scene.serial, device=PHONE, token="one")
    await put(db, scene.serial, device=TABLET, token="one")
    rows = await db.fetch("SELECT push_token FROM registrations ORDER BY registered_at")
    assert [row[0] for row in rows] == [None, "one"]
    assert (await updated(db, device=PHONE)).serials == (scene.serial,)


async def test_of_many_devices_that_bring_one_new_token_at_once_one_has_it(
    db: Connection, pool: Pool, scene: Scene
) -> None:
    async def bring(number: int) -> None:
        async def work(own: Connection) -> bool:
            return await registrations.put(
                own, device_id=f"device {number}", pass_type=TYPE, serial=scene.serial, push_token="the one"
            )

        await pool.attempt(work)

    await asyncio.gather(*(bring(number) for number in range(8)))
    assert await db.fetchval("SELECT count(*) FROM registrations") == 8
    assert await db.fetchval("SELECT count(*) FROM registrations WHERE push_token = 'the one'") == 1


async def test_devices_that_swap_their_tokens_all_the_time_end_with_one_each(
    db: Connection, pool: Pool, scene: Scene
) -> None:
    async def bring(device: str, token: str) -> None:
        async def work(own: Connection) -> bool:
            return await registrations.put(own, device_id=device, pass_type=TYPE, serial=scene.serial, push_token=token)

        with contextlib.suppress(Contended):
            await pool.attempt(work, tries=5)

    swaps = [(device, token) for _ in range(6) for device, token in ((PHONE, "a"), (TABLET, "b"), (PHONE, "b"))]
    await asyncio.gather(*(bring(*each) for each in swaps))
    rows = await db.fetch("SELECT push_token FROM registrations WHERE push_token IS NOT NULL")
    held = [row[0] for row in rows]
    assert len(held) == len(set(held)) >= 1


async def test_the_oldest_devices_of_a_pass_go_and_those_of_others_stay(db: Connection, tmp_path: Path) -> None:
    full, other = await set_scene(db, tmp_path), await set_scene(db, tmp_path)
    for number in range(6):
        await put(db, full.serial, device=f"device {number}", token=f"token {number}")
    await put(db, other.serial, device="device 0", token="token 0")
    await put(db, full.serial, device="device 1", token="token 1")  # it is heard of again: no longer among the oldest
    assert await registrations.drop_oldest(db, serial=full.serial, most=3) == 3
    assert await tokens(db, full.serial) == {"token 5", "token 4", "token 1"}
    assert await tokens(db, other.serial) == {"token 0"}
    assert await registrations.drop_oldest(db, serial=full.serial, most=3) == 0


async def test_what_is_deleted_is_one_devices_registration_for_one_pass(db: Connection, tmp_path: Path) -> None:
    one, two = await set_scene(db, tmp_path), await set_scene(db, tmp_path)
    await put(db, one.serial)
    await put(db, two.serial)
    await put(db, one.serial, device=TABLET, token="bb")
    for _ in range(2):
        await registrations.delete(db, device_id=PHONE, pass_type=TYPE, serial=one.serial)
    await registrations.delete(db, device_id=PHONE, pass_type="pass.other", serial=two.serial)
    assert (await updated(db)).serials == (two.serial,)
    assert (await updated(db, device=TABLET)).serials == (one.serial,)


async def test_without_a_mark_everything_is_listed(db: Connection, tmp_path: Path) -> None:
    scenes = [await set_scene(db, tmp_path) for _ in range(3)]
    for each in scenes:
        await put(db, each.serial)
    found = await updated(db)
    assert set(found.serials) == {each.serial for each in scenes}
    assert (found.mark, found.unnumbered) == (0, False)
    assert (await updated(db, 0)).serials == ()


async def test_a_mark_divides_what_changed_before_from_what_changed_after(db: Connection, tmp_path: Path) -> None:
    one, two = await set_scene(db, tmp_path), await set_scene(db, tmp_path)
    for each in (one, two):
        await put(db, each.serial)
    first = await changed(db, one.serial)
    assert (await updated(db, 0))[:2] == ((one.serial,), first)
    second = await changed(db, two.serial)
    assert (await updated(db, first))[:2] == ((two.serial,), second)
    assert (await updated(db, second)).serials == ()


async def test_a_mark_from_the_future_is_none(db: Connection, scene: Scene) -> None:
    await put(db, scene.serial)
    newest = await changed(db, scene.serial)
    assert (await updated(db, newest + 1))[:2] == ((scene.serial,), newest)


async def test_a_change_without_a_number_is_told_whatever_the_mark(db: Connection, scene: Scene) -> None:
    await put(db, scene.serial)
    async with db.transaction():
        await passes.void(db, serial=scene.serial, reason="test")
    found = await updated(db, 0)
    assert (found.serials, found.unnumbered) == ((scene.serial,), True)


async def test_types_and_devices_are_apart(db: Connection, scene: Scene) -> None:
    await put(db, scene.serial)
    for device, pass_type in ((TABLET, TYPE), (PHONE, "pass.other"), (PHONE.upper(), TYPE), ("", TYPE)):
        found = await registrations.updated(db, device_id=device, pass_type=pass_type, since=None)
        assert found == registrations.Updated((), 0, False)


async def test_only_a_pass_that_was_ever_changed_is_told_again(db: Connection, tmp_path: Path) -> None:
    fresh, old = await set_scene(db, tmp_path), await set_scene(db, tmp_path)
    await changed(db, old.serial)
    for each in (fresh, old):
        before = await row_of(db, each.serial)
        await registrations.tell_again(db, serial=each.serial)
        after = await row_of(db, each.serial)
        assert after["modified_at"] == before["modified_at"]
    assert (await row_of(db, fresh.serial))["tag"] == 0
    assert (await row_of(db, old.serial))["tag"] == -1


async def test_a_pass_is_held_only_while_it_is_somebodys(db: Connection, scene: Scene) -> None:
    async with db.transaction():
        assert await registrations.hold(db, serial=scene.serial)
        assert not await registrations.hold(db, serial=new_id())
        await db.execute("UPDATE passes SET customer_id = NULL")
        assert not await registrations.hold(db, serial=scene.serial)
