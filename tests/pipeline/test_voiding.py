"""Passes ended by hand or by time: for good, once, and with what they held given back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from server.errors import NotFound, Refusal
from server.pipeline import redeem, voiding
from server.store.ids import new_id
from server.store.pool import Connection, Pool
from tests.counter_rows import NO_PURCHASE, Scene, add_customer, add_moment, gathered, row_of, set_scene


async def void(db: Connection, serial: UUID) -> Any:
    async with db.transaction():
        return await voiding.void(
            db, serial=serial, reason="a mistake", actor="user:boss", address="127.0.0.1", request_id="r-1"
        )


async def test_a_voided_pass_is_over_for_good(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    at = await void(db, scene.serial)
    row = await row_of(db, scene.serial)
    assert (row["state"], row["voided_at"], row["void_reason"], row["tag"]) == ("voided", at, "a mistake", -1)
    assert tuple(await db.fetchrow("SELECT state, expired_at FROM moments")) == ("expired", at)
    with pytest.raises(redeem.Voided):
        await redeem.redeem(db, serial=scene.serial, till=scene.till, purchase=NO_PURCHASE)


async def test_the_deed_is_in_the_audit(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    await void(db, scene.serial)
    row = await db.fetchrow("SELECT actor, action, object, address, request_id FROM audit")
    assert tuple(row) == ("user:boss", "pass.void", f"pass:{scene.serial}", "127.0.0.1", "r-1")


@pytest.mark.parametrize(
    ("state", "reason", "status"),
    [("voided", "already_voided", 409), ("redeemed", "already_redeemed", 409), ("expired", "expired", 410)],
)
async def test_what_is_over_cannot_be_voided(
    db: Connection, tmp_path: Path, state: str, reason: str, status: int
) -> None:
    scene = await set_scene(db, tmp_path)
    await db.execute("UPDATE passes SET state = $1", state)
    with pytest.raises(Refusal) as caught:
        await void(db, scene.serial)
    assert (caught.value.reason, caught.value.status) == (reason, status)
    assert await db.fetchval("SELECT count(*) FROM audit") == 0


async def test_an_unknown_pass_is_not_found(db: Connection) -> None:
    with pytest.raises(NotFound):
        await void(db, new_id())


async def test_a_void_and_a_redemption_at_once_agree_on_one_of_them(db: Connection, pool: Pool, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)

    async def use(number: int) -> Any:
        async with pool.transaction() as own:
            return await redeem.redeem(own, serial=scene.serial, till=scene.till, purchase=NO_PURCHASE)

    async def end() -> Any:
        async with pool.transaction() as own:
            return await voiding.void(
                own, serial=scene.serial, reason="race", actor="user:boss", address=None, request_id=None
            )

    answers = await gathered(*(use(number) for number in range(5)), end(), *(use(number) for number in range(5)))
    succeeded = [answer for answer in answers if not isinstance(answer, Refusal)]
    assert len(succeeded) == 1
    made = await db.fetchval("SELECT count(*) FROM redemptions")
    assert ((await row_of(db, scene.serial))["state"], made) in {("voided", 0), ("redeemed", 1)}


async def more_passes(db: Connection, scene: Scene, count: int) -> None:
    from server.pipeline.accept import accept

    for _ in range(count):
        customer_id = await add_customer(db)
        moment_id = await add_moment(db, customer_id=customer_id, offer_id=scene.offer_id)
        async with db.transaction():
            await accept(db, moment_id=moment_id, customer_id=customer_id, desk=scene.desk)


async def test_all_of_an_offer_are_voided_and_no_other_ones(db: Connection, tmp_path: Path) -> None:
    scene, other = await set_scene(db, tmp_path), await set_scene(db, tmp_path)
    await more_passes(db, scene, 7)
    await redeem.redeem(db, serial=scene.serial, till=scene.till, purchase=NO_PURCHASE)
    async with db.transaction():
        assert await voiding.void_offer(db, offer_id=scene.offer_id, reason="ended") == 7
    states = await db.fetch("SELECT state, count(*) FROM passes GROUP BY state ORDER BY state")
    assert [tuple(row) for row in states] == [("active", 1), ("redeemed", 1), ("voided", 7)]
    assert (await row_of(db, other.serial))["state"] == "active"


async def test_all_of_a_customer_are_voided(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    await more_passes(db, scene, 2)
    async with db.transaction():
        assert await voiding.void_customer(db, customer_id=scene.customer_id, reason="erased") == 1
    assert (await row_of(db, scene.serial))["state"] == "voided"
    assert await db.fetchval("SELECT count(*) FROM passes WHERE state = 'active'") == 2


async def test_an_unused_reward_goes_back_to_its_budget(db: Connection, tmp_path: Path) -> None:
    place = new_id()
    reserved = {"units": 1, "liability": 250, "place_id": str(place), "period": "2026-11-23"}
    scene = await set_scene(db, tmp_path, reserved=reserved)
    await db.execute("UPDATE budgets SET units = 10, liability = 2500 WHERE offer_id = $1", scene.offer_id)
    await db.execute(
        "INSERT INTO place_budgets (offer_id, place_id, period, units) VALUES ($1, $2, '2026-11-23', 4)",
        scene.offer_id,
        place,
    )
    await void(db, scene.serial)
    assert tuple(await db.fetchrow("SELECT units, liability FROM budgets")) == (9, 2250)
    assert await db.fetchval("SELECT units FROM place_budgets") == 3
    assert await db.fetchval("SELECT reserved FROM moments") is None


async def test_a_partly_used_reward_gives_back_what_was_not_used_and_keeps_its_unit(
    db: Connection, tmp_path: Path
) -> None:
    reserved = {"units": 1, "liability": 1000, "place_id": None, "period": None}
    scene = await set_scene(db, tmp_path, uses=4, reserved=reserved)
    await db.execute("UPDATE budgets SET units = 1, liability = 1000 WHERE offer_id = $1", scene.offer_id)
    await redeem.redeem(db, serial=scene.serial, till=scene.till, purchase=NO_PURCHASE)
    await void(db, scene.serial)
    assert tuple(await db.fetchrow("SELECT units, liability FROM budgets")) == (1, 250)
    assert json.loads(await db.fetchval("SELECT reserved FROM moments")) == reserved
