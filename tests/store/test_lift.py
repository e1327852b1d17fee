"""The sums behind a lift are those of the trials themselves, for any range and grouping."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from server.store import funnel, lift, reports, trials
from server.store.cube import Filters
from server.store.lift import Sums
from server.store.pool import Connection, Pool
from server.store.trials import Terms
from tests import lives
from tests.lives import MORNING, row
from tests.store.test_reports import KEYS
from tests.store.test_trials import comes, happens, offer
from tests.sums import sum_up, sum_up_by_cuts

BY = [*KEYS, "programme"]
TERMS = Terms(programme=True, within=timedelta(days=3))


async def live(db: Connection, pool: Pool, lots: random.Random) -> None:
    """Three offers (the third leaves its control group to the programme), and what 80 customers did, by the lots."""
    for number in range(3):
        await offer(db, number, **({"holdout": None} if number == 2 else {}))
    rows = [
        row(
            lots.randrange(80),
            at=MORNING + timedelta(seconds=lots.randrange(3 * 3600)),
            offer=lots.randrange(3),
            held_out=lots.random() < 0.4,
            variant=lots.choice(["card", "banner"]),
            channel=lots.choice(["in_app", "push"]),
            place_id=lots.choice([None, UUID(int=1), UUID(int=2)]),
            weather=lots.choice([None, "rain"]),
            local_hour=lots.randrange(24),
            weekday=lots.randrange(7),
            currency=lots.choice(["EUR", "EUR", "CHF"]),
        )
        for _ in range(200)
    ]
    await lives.decide(db, *rows)
    await funnel.roll(pool, terms=TERMS)
    for who in range(80):
        for _ in range(lots.randrange(4)):
            at = MORNING + timedelta(hours=lots.randrange(-5, 9 * 24))
            await happens(db, who, "purchase", at, lots.randrange(1, 900), currency=lots.choice(["EUR", "CHF"]))
            await happens(db, who, "redemption", at)
            await comes(db, who, at)


async def oracle(db: Connection, start: datetime, end: datetime, by: str) -> dict[tuple[str, bool, str], list[int]]:
    """Add up trial by trial, in Python."""
    sums: dict[tuple[str, bool, str], list[int]] = defaultdict(lambda: [0] * 6)
    purchases = await db.fetch("SELECT * FROM customer_events WHERE name = 'purchase'")
    rows = await db.fetch(
        "SELECT t.*, t.offer_id AS trial, m.* FROM trials t JOIN moments m ON m.id = t.moment_id"
        " WHERE t.started_at >= $1 AND t.started_at < $2 AND t.next_at IS NULL",
        start,
        end,
    )
    for each in rows:
        if (each["trial"] == UUID(int=0)) != (by == "programme"):
            continue
        key = "programme" if by == "programme" else KEYS[by](each)
        visits, value = each["visits"], spent(purchases, each)
        arm = sums[key, each["held_out"], each["currency"]]
        for at, figure in enumerate((1, int(each["reached"]), visits, visits**2, value, value**2)):
            arm[at] += figure
    return sums


def spent(purchases: list[Any], trial: Any) -> int:
    """What a trial's customer paid in its currency within its time, counted from the purchases."""
    return sum(
        each["amount_minor"]
        for each in purchases
        if each["customer_id"] == trial["customer_id"]
        and each["currency"] == trial["currency"]
        and trial["started_at"] < each["at"] < trial["goal_until"]
    )


async def test_every_range_and_grouping_equals_the_trials_one_by_one(db: Connection, pool: Pool) -> None:
    lots = random.Random(20261128)
    await live(db, pool, lots)
    await trials.follow(pool, now=MORNING + timedelta(days=30))
    hour = MORNING.replace(minute=0, second=0)
    ranges = [(hour, hour + timedelta(hours=4)), (MORNING, MORNING + timedelta(minutes=100, seconds=1))]
    ranges += [(MORNING + timedelta(minutes=20), MORNING + timedelta(minutes=21))]
    for start, end in ranges:
        for by in BY:
            counted = await lift.arms(db, start=start, end=end, by=by)
            found = {(each.key, each.held_out, each.currency): list(each[3:]) for each in counted}
            assert found == await oracle(db, start, end, by), (by, start)
    [whole] = ranges[:1]
    totals = await lift.arms(db, start=whole[0], end=whole[1], by="programme")
    assert {each.held_out for each in totals} == {True, False}
    assert sum(each.reached for each in totals) > 5
    kept = set(await db.fetch("SELECT * FROM lift_sums"))
    for again in (sum_up, sum_up_by_cuts):
        await db.execute("DELETE FROM lift_sums; DELETE FROM funnel_sums")
        await again(db)
        assert set(await db.fetch("SELECT * FROM lift_sums")) == kept


async def test_one_offer_alone_can_be_asked_for(db: Connection, pool: Pool) -> None:
    for number in (1, 2):
        await offer(db, number)
    await lives.decide(db, row(1, offer=1), row(1, offer=2), row(2, offer=2, held_out=True))
    await funnel.roll(pool, terms=TERMS)
    await trials.follow(pool, now=MORNING + timedelta(days=30))
    for start in (MORNING.replace(minute=0, second=0), MORNING):
        counted = await lift.arms(
            db,
            start=start,
            end=MORNING + timedelta(hours=1),
            by="variant",
            filters=Filters(offer_id=(lives.offer_of(2),)),
        )
        assert sorted(counted) == [
            Sums("card", False, "EUR", 1, 0, 0, 0, 0, 0),
            Sums("card", True, "EUR", 1, 0, 0, 0, 0, 0),
        ]


async def test_trials_that_are_not_over_do_not_count(db: Connection, pool: Pool) -> None:
    await offer(db)
    await lives.decide(db, row(1))
    await funnel.roll(pool)
    await trials.follow(pool, now=MORNING + timedelta(days=2))
    for start in (MORNING.replace(minute=0, second=0), MORNING):
        assert await lift.arms(db, start=start, end=MORNING + timedelta(hours=1), by="offer") == []


async def test_the_funnel_of_the_programme_is_one_row(db: Connection, pool: Pool) -> None:
    await lives.decide(db, row(1, offer=1), row(2, offer=2), row(3, offer=2, held_out=True))
    await funnel.roll(pool)
    for start in (MORNING.replace(minute=0, second=0), MORNING):
        [whole] = await reports.funnel(db, start=start, end=MORNING + timedelta(hours=1), by="programme")
        assert (whole.key, whole.decided, whole.control, len(whole.people or ())) == ((), 2, 1, 3)
