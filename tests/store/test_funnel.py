"""Facts become cells, each once, however many consumers move them and in whatever order."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from server.model.money import Money
from server.store import funnel
from server.store.pool import Connection, Pool
from tests import lives
from tests.lives import MORNING, row

STEPS = ("decided", "delivered", "opened", "clicked", "passes", "redeemed", "control")


async def cells(db: Connection) -> dict[str, int]:
    """The sum over all cells."""
    columns = ", ".join(f"coalesce(sum({step}), 0)::bigint AS {step}" for step in (*STEPS, "value_minor"))
    return dict(await db.fetchrow(f"SELECT {columns} FROM funnel_cells"))


async def raw(db: Connection) -> dict[str, int]:
    """The same counted from the tables of the street, without facts and cells."""
    counted = {
        "decided": "SELECT count(*) FROM moments WHERE NOT held_out",
        "control": "SELECT count(*) FROM moments WHERE held_out",
        "passes": "SELECT count(*) FROM passes",
        "redeemed": "SELECT (SELECT count(*) FROM redemptions) - (SELECT count(*) FROM reversals)",
        "value_minor": """SELECT coalesce((SELECT sum(value_minor) FROM redemptions), 0)
                          - coalesce((SELECT sum(r.value_minor) FROM reversals v
                                      JOIN redemptions r ON r.id = v.redemption_id), 0)""",
    }
    counted |= {
        step: f"SELECT count(DISTINCT moment_id) FROM app_events WHERE type = '{step}'"
        for step in ("delivered", "opened", "clicked")
    }
    return {step: int(await db.fetchval(counted[step])) for step in (*STEPS, "value_minor")}


async def test_a_whole_life_is_counted_step_by_step(db: Connection, pool: Pool) -> None:
    moment = row()
    await lives.decide(db, moment)
    await lives.told(db, moment, "delivered", "opened", "clicked")
    await lives.redeem(db, await lives.accept(db, moment))
    assert await funnel.roll(pool) == 6
    assert await cells(db) == dict.fromkeys(STEPS, 1) | {"control": 0, "value_minor": 250}


async def test_a_fact_is_moved_and_not_copied(db: Connection, pool: Pool) -> None:
    await lives.decide(db, row(1), row(2))
    assert await funnel.roll(pool) == 2
    assert await funnel.roll(pool) == 0
    assert await db.fetchval("SELECT count(*) FROM funnel_facts") == 0
    assert (await cells(db))["decided"] == 2


async def test_a_held_out_winner_counts_as_control_and_not_as_decided(db: Connection, pool: Pool) -> None:
    await lives.decide(db, row(held_out=True))
    await funnel.roll(pool)
    counted = await cells(db)
    assert (counted["control"], counted["decided"]) == (1, 0)


async def test_a_reversal_takes_the_redemption_and_its_value_back(db: Connection, pool: Pool) -> None:
    moment = row()
    await lives.decide(db, moment)
    taken = await lives.accept(db, moment)
    redemption = await lives.redeem(db, taken)
    await funnel.roll(pool)
    assert (await cells(db))["value_minor"] == 250
    await lives.reverse(db, redemption)
    await funnel.roll(pool)
    counted = await cells(db)
    assert (counted["redeemed"], counted["value_minor"], counted["passes"]) == (0, 0, 1)


async def test_a_fact_counts_in_the_quarter_of_an_hour_in_which_its_moment_was_decided(
    db: Connection, pool: Pool
) -> None:
    moment = row(at=MORNING)
    await lives.decide(db, moment)
    await lives.told(db, moment, "delivered")
    await lives.redeem(db, await lives.accept(db, moment))
    await funnel.roll(pool)
    slots = {each["slot"] for each in await db.fetch("SELECT DISTINCT slot FROM funnel_cells")}
    assert slots == {MORNING.replace(minute=0, second=0)}


async def test_a_cell_remembers_sixty_four_people_and_no_more(db: Connection, pool: Pool) -> None:
    await lives.decide(db, *(row(number) for number in range(50)))
    await funnel.roll(pool)
    await lives.decide(db, *(row(number, at=MORNING + timedelta(seconds=1)) for number in range(100)))
    await funnel.roll(pool)
    people = await db.fetchval("SELECT customers FROM funnel_cells")
    assert len(people) == len(set(people)) == funnel.MOST_CUSTOMERS


async def test_a_person_who_comes_again_is_remembered_once(db: Connection, pool: Pool) -> None:
    for second in range(3):
        await lives.decide(db, row(7, at=MORNING + timedelta(seconds=second)))
        await funnel.roll(pool)
    assert await db.fetchval("SELECT cardinality(customers) FROM funnel_cells") == 1


async def test_note_says_nothing_of_moments_whose_customer_is_gone(db: Connection) -> None:
    moment = row()
    await lives.decide(db, moment)
    await db.execute("UPDATE moments SET customer_id = NULL")
    await funnel.note(db, moments=[moment.id], step="opened")
    assert await db.fetchval("SELECT count(*) FROM funnel_facts WHERE step = 'opened'") == 0


async def test_note_of_no_moments_is_nothing(db: Connection) -> None:
    await funnel.note(db, moments=[], step="opened")
    assert await db.fetchval("SELECT count(*) FROM funnel_facts") == 0


async def test_facts_of_a_transaction_that_failed_are_not_counted(db: Connection, pool: Pool) -> None:
    moment = row()
    await lives.decide(db, moment)
    taking = db.transaction()
    await taking.start()
    await funnel.note(db, moments=[moment.id], step="delivered")
    await taking.rollback()
    await funnel.roll(pool)
    assert (await cells(db))["delivered"] == 0


async def _live(pool: Pool, number: int) -> None:
    """One life among many, whose course follows from its number."""
    moment = row(
        number % 40,
        at=MORNING + timedelta(minutes=number % 50),
        offer=1 + number % 3,
        held_out=number % 11 == 0,
        variant=("card", "banner")[number % 2],
        channel=("in_app", "push")[number % 2],
    )
    async with pool.acquire() as db:
        await lives.decide(db, moment)
        if moment.held_out:
            return
        await lives.told(db, moment, *("delivered", "opened", "clicked")[: number % 4])
        if number % 5 < 3:
            value = Money(100 + number, ("EUR", "CHF")[number % 2])
            taken = await lives.accept(db, moment, value=value, uses=1 + number % 2)
            for _ in range(number % 3):
                if number % 3 == 1 or number % 2:
                    redemption = await lives.redeem(db, taken)
                    if number % 7 == 0:
                        await lives.reverse(db, redemption)


async def test_the_cells_equal_the_raw_count_while_four_consumers_roll_and_lives_go_on(
    db: Connection, pool: Pool
) -> None:
    done = asyncio.Event()

    async def consume() -> int:
        moved = 0
        while not done.is_set():
            moved += await funnel.roll(pool, facts=7)
            await asyncio.sleep(0)
        return moved

    consumers = [asyncio.create_task(consume()) for _ in range(4)]
    waiting = asyncio.Semaphore(3)

    async def one(number: int) -> None:
        async with waiting:
            await _live(pool, number)

    await asyncio.gather(*(one(number) for number in range(120)))
    done.set()
    moved = sum(await asyncio.gather(*consumers)) + await funnel.roll(pool)
    counted = await cells(db)
    assert counted == await raw(db)
    assert counted["redeemed"] > 10
    assert await db.fetchval("SELECT count(*) FROM reversals") > 0
    assert await db.fetchval("SELECT count(*) FROM funnel_facts") == 0
    facts = sum(counted[step] for step in STEPS) + 2 * await db.fetchval("SELECT count(*) FROM reversals")
    assert moved == facts
