"""A moment as its acceptance sees it, and the pass's row with everything that is written beside it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from server.model.ids import bucket_of
from server.model.moment import Step
from server.model.money import Money
from server.pipeline.accept import accept
from server.store import acceptances, passes
from server.store.ids import new_id
from server.store.moments import MomentRow
from server.store.pool import Connection, Pool
from tests.counter_rows import COFFEE, TITLES, add_customer, add_moment, add_offer, set_scene, the_desk
from tests.lives import COFFEE as COFFEE_VALUE
from tests.lives import accept as give_out
from tests.lives import decide, row


async def test_a_moment_is_read_with_its_offers_own_words(db: Connection) -> None:
    customer_id, offer_id = await add_customer(db, locale="de-DE"), await add_offer(db)
    moment_id = await add_moment(db, customer_id=customer_id, offer_id=offer_id)
    found = await acceptances.offered(db, moment_id=moment_id, customer_id=customer_id)
    assert found is not None
    assert (found.id, found.customer_id, found.offer_id, found.step) == (
        moment_id,
        customer_id,
        offer_id,
        Step.DELIVERED,
    )
    assert (found.contents, found.fallback_locale) == (TITLES, "de-DE")
    assert (found.reward, found.redeem_at, found.locale) == (COFFEE, {"any": True}, "de-DE")
    assert found.now >= await db.fetchval("SELECT created_at FROM moments")


async def test_a_moment_of_a_version_that_is_gone_has_no_words(db: Connection) -> None:
    customer_id, offer_id = await add_customer(db), await add_offer(db)
    moment_id = await add_moment(db, customer_id=customer_id, offer_id=offer_id, offer_version=9)
    found = await acceptances.offered(db, moment_id=moment_id, customer_id=customer_id)
    assert found is not None
    assert (found.contents, found.fallback_locale) == ({}, None)


async def test_only_its_customer_finds_it(db: Connection) -> None:
    customer_id, offer_id = await add_customer(db), await add_offer(db)
    moment_id = await add_moment(db, customer_id=customer_id, offer_id=offer_id)
    assert await acceptances.offered(db, moment_id=moment_id, customer_id=new_id(bucket=bucket_of(moment_id))) is None


async def test_who_comes_second_waits_for_the_first(db: Connection, pool: Pool) -> None:
    customer_id, offer_id = await add_customer(db), await add_offer(db)
    moment_id = await add_moment(db, customer_id=customer_id, offer_id=offer_id)
    order: list[str] = []
    locked = asyncio.Event()

    async def first() -> None:
        async with pool.transaction() as own:
            await acceptances.offered(own, moment_id=moment_id, customer_id=customer_id)
            locked.set()
            await asyncio.sleep(0.1)
            order.append("first")

    async def second() -> None:
        await locked.wait()
        async with pool.transaction() as own:
            await acceptances.offered(own, moment_id=moment_id, customer_id=customer_id)
            order.append("second")

    await asyncio.gather(first(), second())
    assert order == ["first", "second"]


async def test_the_database_itself_allows_one_pass_per_moment(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    with pytest.raises(asyncpg.UniqueViolationError):
        await db.execute(
            "INSERT INTO passes (bucket, serial, moment_id, offer_id, offer_version, design, reward, uses_total, uses_left,"
            " valid_from, key_id, token_sealed) SELECT bucket, $1, moment_id, offer_id, 1, design, reward, 1, 1,"
            " valid_from, 1, token_sealed FROM passes",
            new_id(bucket=bucket_of(scene.serial)),
        )


async def test_the_database_itself_takes_no_use_below_zero(db: Connection, tmp_path: Path) -> None:
    await set_scene(db, tmp_path)
    for wrong in ("uses_left = -1", "uses_left = 2", "uses_total = 0", "minimum_minor = 5", "state = 'lost'"):
        with pytest.raises(asyncpg.CheckViolationError):
            await db.execute(f"UPDATE passes SET {wrong}")


async def test_a_written_pass_is_read_back_whole(db: Connection, tmp_path: Path) -> None:
    desk, _ = the_desk(tmp_path)
    customer_id, offer_id = await add_customer(db), await add_offer(db)
    moment_id = await add_moment(db, customer_id=customer_id, offer_id=offer_id)
    async with db.transaction():
        made = (await accept(db, moment_id=moment_id, customer_id=customer_id, desk=desk)).pass_
    desk.close()
    assert await passes.find(db, serial=made.serial) == made


@pytest.mark.parametrize("state", ["created", "delivered", "opened", "clicked", "dismissed", "accepted", "expired"])
async def test_a_moment_is_told_in_whatever_state_it_is(undone: Connection, state: str) -> None:
    customer_id, offer_id = await add_customer(undone), await add_offer(undone)
    moment_id = await add_moment(
        undone, customer_id=customer_id, offer_id=offer_id, state=state, held_out=True, reward=None, valid_until=None
    )
    found = await acceptances.offered(undone, moment_id=moment_id, customer_id=customer_id)
    assert found is not None
    assert (found.step, found.held_out, found.reward, found.valid_until) == (Step(state), True, None, None)


async def test_a_customer_without_a_language_has_none_and_one_who_is_gone_finds_nothing(undone: Connection) -> None:
    customer_id, offer_id = await add_customer(undone), await add_offer(undone)
    moment_id = await add_moment(undone, customer_id=customer_id, offer_id=offer_id)
    await undone.execute("UPDATE customers SET locale = NULL")
    found = await acceptances.offered(undone, moment_id=moment_id, customer_id=customer_id)
    assert found is not None
    assert found.locale is None
    await undone.execute("UPDATE moments SET customer_id = NULL")
    assert await acceptances.offered(undone, moment_id=moment_id, customer_id=customer_id) is None
    assert await acceptances.offered(undone, moment_id=new_id(), customer_id=customer_id) is None


async def _made(db: Connection, *, value: Money | None = COFFEE_VALUE, uses: int = 1) -> tuple[MomentRow, UUID]:
    moment = row(7)
    await decide(db, moment)
    return moment, (await give_out(db, moment, value=value, uses=uses)).serial


async def test_a_pass_its_moments_step_and_its_fact_are_written_together(undone: Connection) -> None:
    moment, serial = await _made(undone, uses=3)
    stepped = await undone.fetchrow("SELECT state, accepted_at, pass_serial FROM moments WHERE id = $1", moment.id)
    made = await undone.fetchrow(
        "SELECT bucket, uses_left, uses_made, tag, created_at FROM passes WHERE serial = $1", serial
    )
    assert stepped is not None
    assert made is not None
    assert tuple(stepped) == ("accepted", made["created_at"], serial)
    assert tuple(made)[:4] == (moment.bucket, 3, 0, 0)
    facts = await undone.fetch("SELECT step, delta, value_minor FROM funnel_facts ORDER BY ctid")
    assert [tuple(fact) for fact in facts] == [("decided", 1, 0), ("passes", 1, 0)]


async def test_a_reward_without_a_value_is_worth_nothing_yet(undone: Connection) -> None:
    await _made(undone, value=None)
    found = await undone.fetchrow("SELECT value_minor, currency, minimum_minor, minimum_currency FROM passes")
    assert found is not None
    assert tuple(found) == (0, None, None, None)


async def test_an_acceptance_that_is_rolled_back_leaves_the_moment_as_it_was(undone: Connection) -> None:
    moment = row(8)
    await decide(undone, moment)
    attempt = undone.transaction()
    await attempt.start()
    await give_out(undone, moment)
    await attempt.rollback()
    assert await passes.of_moment(undone, moment_id=moment.id) is None
    left = await undone.fetchrow("SELECT state, accepted_at, pass_serial FROM moments WHERE id = $1", moment.id)
    assert left is not None
    assert tuple(left) == ("created", None, None)
    assert await undone.fetchval("SELECT count(*) FROM funnel_facts") == 1
