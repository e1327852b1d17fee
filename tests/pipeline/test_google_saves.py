"""Saved, taken out, expected: what Google says of our passes, and which of them it is to have before anybody asks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from server.pipeline import google_saves
from server.store import passes
from server.store.pool import Pool
from server.wallet.google import Known
from tests import hooks
from tests.counter_rows import Scene, set_scene
from tests.google_scene import Wire, wired


@pytest.fixture
async def wire(pool: Pool, tmp_path: Path) -> AsyncIterator[Wire]:
    async with wired(pool, tmp_path) as opened:
        yield opened


async def a_scene(wire: Wire, tmp_path: Path) -> Scene:
    async with wire.pool.acquire() as db:
        return await set_scene(db, tmp_path)


async def expected(wire: Wire, serial: UUID) -> bool:
    async with wire.pool.transaction() as db:
        pass_ = await passes.find(db, serial=serial)
        assert pass_ is not None
        return await google_saves.expect(db, pass_, issuer=wire.issuer, now=await wire.now())


async def waiting(wire: Wire) -> int:
    count: int = await wire.value(
        "SELECT count(*) FROM deliveries WHERE state = 'queued' AND channel = 'google_wallet'"
    )
    return count


async def test_a_nonce_counts_once_and_another_message_may_count_again(wire: Wire, tmp_path: Path) -> None:
    scene = await a_scene(wire, tmp_path)
    assert await wire.save(scene.serial, nonce="one")
    assert not await wire.save(scene.serial, nonce="one")
    assert await wire.save(scene.serial, nonce="two")
    assert await wire.value("SELECT count(*) FROM google_callbacks") == 2
    assert await waiting(wire) == 1


async def test_other_systems_that_listen_hear_of_a_save_once(wire: Wire, tmp_path: Path) -> None:
    scene = await a_scene(wire, tmp_path)
    async with wire.pool.acquire() as db:
        await hooks.endpoint(db, "kairos.pass.saved")
    await wire.save(scene.serial, nonce="one")
    await wire.save(scene.serial, nonce="one")
    await wire.save(scene.serial, "del")
    async with wire.pool.acquire() as db:
        told = await hooks.written(db)
    assert [(each["type"], each["subject"], each["data"]["wallet"]) for each in told] == [
        ("kairos.pass.saved", str(scene.serial), "google")
    ]


async def test_who_takes_a_pass_out_has_nothing_told(wire: Wire, tmp_path: Path) -> None:
    scene = await a_scene(wire, tmp_path)
    assert await wire.save(scene.serial, "del")
    assert await waiting(wire) == 0


async def test_a_pass_that_its_link_carries_is_expected_by_nobody(wire: Wire, tmp_path: Path) -> None:
    scene = await a_scene(wire, tmp_path)
    assert not await expected(wire, scene.serial)
    assert await wire.value("SELECT count(*) FROM google_objects") == 0


@pytest.mark.parametrize("changes", [{"callback": False}, {"rotating": True}])
async def test_a_pass_that_no_link_can_carry_is_inserted_once_and_its_link_names_it(
    pool: Pool, tmp_path: Path, changes: dict[str, bool]
) -> None:
    async with wired(pool, tmp_path, **changes) as wire:
        scene = await a_scene(wire, tmp_path)
        assert await expected(wire, scene.serial)
        assert await waiting(wire) == 1
        sealed = await wire.value("SELECT totp_sealed IS NOT NULL FROM google_objects")
        assert sealed == ("rotating" in changes)
        async with wire.pool.acquire() as db:
            pass_ = await passes.find(db, serial=scene.serial)
            assert pass_ is not None
            found = await google_saves.facts(db, [pass_], issuer=wire.issuer)
        assert found.known == {scene.serial: Known(kind="offer", class_there=False)}
        assert await wire.deliver() == [("delivered", None)]
        assert list(wire.google.objects) == [wire.issuer.object_id(scene.serial)]


async def test_facts_tell_of_classes_that_google_has(wire: Wire, tmp_path: Path) -> None:
    scene = await a_scene(wire, tmp_path)
    await wire.save(scene.serial)
    await wire.deliver()
    async with wire.pool.acquire() as db:
        pass_ = await passes.find(db, serial=scene.serial)
        assert pass_ is not None
        found = await google_saves.facts(db, [pass_], issuer=wire.issuer)
    assert found.known == {scene.serial: Known(kind="offer", class_there=True)}
    assert found.words[scene.offer_id].titles["en-US"] == "Coffee on us"
