"""The promises of the hot path, tried with connections that are cut, processes that vanish, and batches of any shape."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from server.errors import Refusal, Unavailable
from server.pipeline.respond import respond
from server.signals.assemble import Reported
from server.store import states
from server.store.events import AppEvent
from server.store.ids import new_id
from server.store.pool import Contended, connect
from tests.pipeline.town import SENT, TOWN, Street, Town, document, fix, off, statuses, street

INSIDE = {"trigger": "inside", "places": {"any": True}}
ONCE = {"per_customer": [{"max": 1, "period": {"rolling": "P7D"}}]}

CUT = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE application_name = 'street' AND pid <> pg_backend_pid() AND datname = current_database()
"""


async def cutter(dsn: str, *, times: int) -> int:
    """Cut all connections of the street some times, with room to work between; tell how many were cut."""
    cut = 0
    async with connect(dsn, application_name="cutter") as db:
        for number in range(times):
            await asyncio.sleep(0.02 + 0.05 * number)
            cut += int(await db.fetchval(CUT))
    return cut


async def until_told(process: Street, customer: UUID, *fixes: Reported) -> tuple[int, Any]:
    """Repeat a report as a phone does until it is answered; tell how often it was sent."""
    for times in range(1, 200):
        try:
            return times, await process.ping(customer, *fixes)
        except (Contended, Unavailable):
            await asyncio.sleep(0.01)
    raise AssertionError("never answered")


async def test_with_connections_cut_all_the_time_caps_hold_and_what_was_answered_is_stored_once(
    town: Town, db_dsn: str
) -> None:
    await town.open_shop()
    await town.publish(document(when=INSIDE, limits=ONCE | {"total": {"units": 1_000}}))
    customers = await town.customers(40)
    async with (
        street(db_dsn, limits__pings_per_minute="10000") as one,
        street(db_dsn, limits__pings_per_minute="10000") as two,
    ):
        cutting = asyncio.create_task(cutter(db_dsn, times=6))

        async def phone(number: int, customer: UUID) -> list[str]:
            results = []
            for n in range(6):
                _, answer = await until_told((one, two)[(number + n) % 2], customer, fix(off(n)))
                results += statuses([answer])
            return results

        results = await asyncio.gather(*(phone(number, each) for number, each in enumerate(customers)))
        assert await cutting > 0
    assert {status for each in results for status in each} <= {"accepted", "duplicate"}
    assert await town.count("SELECT count(*) FROM pings") == 40 * 6
    per_customer = await town.rows("SELECT count(*) AS n FROM moments GROUP BY customer_id")
    assert [row["n"] for row in per_customer] == [1] * 40
    assert await town.count("SELECT units FROM budgets") == 40
    assert await town.count("SELECT count(*) FROM deliveries") == 40
    assert await town.count("SELECT count(*) FROM funnel_facts") == 40


async def test_a_process_that_vanishes_in_the_middle_leaves_whole_groups_or_nothing(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(document(limits={"total": {"units": 1_000}}))
    customers = await town.customers(300)
    reports = {each: fix() for each in customers}
    for _ in range(3):
        async with street(db_dsn, limits__group_fixes="20") as doomed:
            waiting = [asyncio.create_task(doomed.ping(each, reports[each])) for each in customers]
            await asyncio.sleep(0.02)
            doomed.pool._pool.terminate()
            await asyncio.gather(*waiting, return_exceptions=True)
        moments = await town.count("SELECT count(*) FROM moments")
        for table in ("pings", "deliveries", "funnel_facts", "receipts"):
            assert await town.count(f"SELECT count(*) FROM {table}") == moments
        assert await town.count("SELECT units FROM budgets") == moments
        assert await town.count("SELECT count(*) FROM customer_state WHERE version = 1") == moments
    async with street(db_dsn) as heir:
        answers = await asyncio.gather(*(heir.ping(each, reports[each]) for each in customers))
    assert [len(answer.moments) for answer in answers] == [1] * 300
    assert await town.count("SELECT units FROM budgets") == 300


async def test_every_acknowledged_event_is_stored_once_through_cut_connections(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(document(when=INSIDE))
    customer = await town.customer()
    async with street(db_dsn) as process:
        made = [(await process.ping(customer, fix())).moments[0] for _ in range(4)]
        now = await process.now()
        kinds = ("delivered", "opened", "clicked")
        events = [AppEvent(new_id(), made[n % 4].id, kinds[n % 3], now) for n in range(120)]
        cutting = asyncio.create_task(cutter(db_dsn, times=6))

        async def tell(batch: Sequence[AppEvent]) -> int:
            for _ in range(200):
                try:
                    told = await process.pool.attempt(lambda db: respond(db, customer_id=customer, told=batch, now=now))
                    return told.accepted + told.duplicates
                except Refusal:
                    await asyncio.sleep(0.01)
            raise AssertionError("never answered")

        sent = [events[n : n + 10] for n in range(0, 120, 5)]  # every event is sent twice
        assert sum(await asyncio.gather(*(tell(batch) for batch in sent))) == sum(map(len, sent))
        await cutting
    assert await town.count("SELECT count(*) FROM app_events") == 120
    facts = await town.rows("SELECT step, count(*) AS n FROM funnel_facts GROUP BY 1")
    assert {row["step"]: row["n"] for row in facts} == dict.fromkeys(("decided", *kinds), 4)


def walk(seed: int, steps: int) -> list[Reported]:
    """Walk about in a town with three stores, now and then mocked, coarse or jumping; fixes from 170 s ago on."""
    draw = random.Random(seed)
    found, at = [], (0.0, 0.0)
    for n in range(steps):
        at = (at[0] + draw.uniform(-90, 90), at[1] + draw.uniform(-90, 90))
        if draw.random() < 0.1:
            at = (0.0, 0.0)
        jump = 30_000 if draw.random() < 0.05 else 0
        found.append(
            fix(
                off(at[0] + jump, at[1]),
                age_s=170 - 170 * n / steps,
                accuracy_m=draw.choice([5, 8, 15, 40, 300]),
                mock=draw.random() < 0.05,
            )
        )
    return found


@pytest.mark.parametrize("seed", range(6))
async def test_it_does_not_matter_how_a_walk_is_cut_into_batches_and_over_processes(
    town: Town, db_dsn: str, seed: int
) -> None:
    draw = random.Random(seed)
    for n, at in enumerate((TOWN, off(150, 60), off(-250))):
        await town.open_shop(at, name=f"Shop {n}", radius_m=60 + 40 * n)
    cap = {"per_customer": [{"max": 2, "period": {"rolling": "P1D"}}]}
    for name, trigger in (("enter", {}), ("exit", {}), ("dwell", {"dwell": "PT20S"}), ("inside", {})):
        when = {"trigger": name, "places": {"any": True}} | trigger
        await town.publish(document(name, when=when, priority=len(name), fresh="PT10M", limits=cap))
    reports = walk(seed, 40)
    one_by_one, whole, shuffled, split = await town.customers(4)
    async with street(db_dsn) as first, street(db_dsn) as second:
        for number, report in enumerate(reports):
            await (first, second)[number % 2].ping(one_by_one, report, sent_at=SENT)
        await first.ping(whole, *(each._replace(id=new_id()) for each in reports), sent_at=SENT)
        mixed = [each._replace(id=new_id()) for each in reports]
        draw.shuffle(mixed)
        await first.ping(shuffled, *mixed, sent_at=SENT)
        rest = [each._replace(id=new_id()) for each in reports]
        while rest:
            count = draw.randint(1, 9)
            await draw.choice((first, second)).ping(split, *rest[:count], sent_at=SENT)
            rest = rest[count:]
    outcomes = [await _outcome(town, each) for each in (one_by_one, whole, shuffled, split)]
    assert outcomes[0]["moments"]
    assert outcomes[1:] == [outcomes[0]] * 3


async def _outcome(town: Town, customer: UUID) -> dict[str, Any]:
    """Tell what came of a walk, but for ids and instants."""
    moments = await town.rows(
        "SELECT m.offer_name, m.place_name, p.cell, p.geofence_ids, p.reason FROM moments m"
        " JOIN pings p ON p.moment_id = m.id WHERE m.customer_id = $1 ORDER BY p.at",
        customer,
    )
    facts = await town.rows("SELECT cell, geofence_ids, reason FROM pings WHERE customer_id = $1 ORDER BY at", customer)
    [row] = await town.rows("SELECT state FROM customer_state WHERE customer_id = $1", customer)
    state = states.decode_state(row["state"])
    stays = sorted((str(stay.geofence_id), stay.confidence, stay.leaving, stay.allows) for stay in state.stays)
    last = state.last_fix.point if state.last_fix is not None else None
    return {
        "moments": moments,
        "facts": facts,
        "stays": stays,
        "last": last,
        "held": state.held is not None,
        "shown": len(state.shown),
    }
