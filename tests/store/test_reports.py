"""The funnel as reports read it equals what the tables of the street say, for any range and grouping."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from server.model.money import Money
from server.store import funnel, reports
from server.store.cube import ALL, Filters, cut
from server.store.pool import Connection, Pool
from server.store.reports import text_of
from tests import lives
from tests.lives import MORNING, row

STEPS = ("decided", "delivered", "opened", "clicked", "passes", "redeemed", "control")
KEYS: dict[str, Callable[[Any], str]] = {
    "offer": lambda m: str(m["offer_id"]),
    "store": lambda m: str(m["place_id"] or UUID(int=0)),
    "channel": lambda m: m["channel"],
    "variant": lambda m: m["variant"],
    "placement": lambda m: m["placement"],
    "hour": lambda m: str(m["local_hour"]),
    "weekday": lambda m: str(m["weekday"]),
    "weather": lambda m: m["weather"] or "",
    "day": lambda m: str(m["local_day"]),
}


def meant(moment: Any, filters: Filters) -> bool:
    """Whether a moment is among those that are asked for."""
    has = {**moment, "place_id": moment["place_id"] or UUID(int=0), "weather": moment["weather"] or ""}
    wanted = {name: value for name, value in filters._asdict().items() if value is not None}
    return all(has[name] in (value if isinstance(value, tuple) else (value,)) for name, value in wanted.items())


async def oracle(
    db: Connection, start: datetime, end: datetime, by: str, filters: Filters = ALL
) -> dict[str, dict[str, Any]]:
    """Count in Python, from the tables of the street."""
    told = defaultdict(set)
    for event in await db.fetch("SELECT DISTINCT moment_id, type FROM app_events"):
        told[event["moment_id"]].add(event["type"])
    passes = {each["moment_id"]: each["serial"] for each in await db.fetch("SELECT moment_id, serial FROM passes")}
    reversed_ = {each["redemption_id"] for each in await db.fetch("SELECT redemption_id FROM reversals")}
    used = defaultdict(list)
    for each in await db.fetch("SELECT id, serial, value_minor, currency FROM redemptions"):
        if each["id"] not in reversed_:
            used[each["serial"]].append(each)
    groups: dict[str, dict[str, Any]] = {}
    for moment in await db.fetch("SELECT * FROM moments WHERE created_at >= $1 AND created_at < $2", start, end):
        if not meant(moment, filters):
            continue
        group = groups.setdefault(
            KEYS[by](moment), dict.fromkeys(STEPS, 0) | {"value": defaultdict(int), "people": set()}
        )
        group["people"].add(moment["customer_id"])
        group["control" if moment["held_out"] else "decided"] += 1
        for step in told[moment["id"]]:
            group[step] += 1
        if moment["id"] in passes:
            group["passes"] += 1
            for redemption in used[passes[moment["id"]]]:
                group["redeemed"] += 1
                group["value"][redemption["currency"]] += redemption["value_minor"]
    return groups


async def live(db: Connection, lots: random.Random) -> None:
    """Some lives over four hours, by the lots."""
    for _ in range(70):
        moment = row(
            lots.randrange(25),
            at=MORNING + timedelta(seconds=lots.randrange(4 * 3600)),
            offer=lots.randrange(3),
            held_out=lots.random() < 0.1,
            variant=lots.choice(["card", "banner"]),
            placement=lots.choice(["card", "banner", "inbox"]),
            channel=lots.choice(["in_app", "push"]),
            place_id=lots.choice([None, UUID(int=1), UUID(int=2)]),
            weather=lots.choice([None, "rain", "clear"]),
            local_hour=lots.randrange(24),
            weekday=lots.randrange(7),
            local_day=MORNING.date() + timedelta(days=lots.randrange(3)),
        )
        await lives.decide(db, moment)
        if moment.held_out:
            continue
        await lives.told(db, moment, *("delivered", "opened", "clicked")[: lots.randrange(4)])
        if lots.random() < 0.6:
            uses = lots.randrange(1, 4)
            value = Money(lots.randrange(1, 500), lots.choice(["EUR", "EUR", "CHF"]))
            taken = await lives.accept(db, moment, value=value, uses=uses)
            for _use in range(lots.randrange(uses + 1)):
                redemption = await lives.redeem(db, taken)
                if lots.random() < 0.2:
                    await lives.reverse(db, redemption)


async def test_every_range_and_grouping_equals_a_count_by_hand(db: Connection, pool: Pool) -> None:
    lots = random.Random(20261103)
    await live(db, lots)
    await funnel.roll(pool)
    quarter = MORNING.replace(minute=0, second=0)
    ranges = [(quarter, quarter + timedelta(hours=4)), (quarter - timedelta(days=1), quarter + timedelta(days=1))]
    ranges += [
        tuple(sorted(MORNING + timedelta(seconds=lots.randrange(-600, 5 * 3600), microseconds=each) for each in (1, 2)))
        for _ in range(12)
    ]
    ranges += [(MORNING + timedelta(minutes=1), MORNING + timedelta(minutes=3))]
    seen = 0
    for start, end in ranges:
        for by in KEYS:
            counted = await reports.funnel(db, start=start, end=end, by=by)
            wanted = await oracle(db, start, end, by)
            found = {text_of(each.key): {step: getattr(each, step) for step in STEPS} for each in counted}
            assert found == {key: {step: group[step] for step in STEPS} for key, group in wanted.items()}, (by, start)
            assert {text_of(each.key): each.value for each in counted} == {
                key: dict(group["value"]) for key, group in wanted.items()
            }
            assert {text_of(each.key): len(each.people or ()) for each in counted} == {
                key: len(group["people"]) for key, group in wanted.items()
            }
            seen += sum(each.redeemed for each in counted)
    assert seen > 100


async def test_facts_that_are_not_rolled_up_yet_are_missing_from_whole_slots_alone(db: Connection, pool: Pool) -> None:
    moment = row(at=MORNING)
    await lives.decide(db, moment)
    slot = MORNING.replace(minute=0, second=0)
    whole = await reports.funnel(db, start=slot, end=slot + timedelta(minutes=15), by="offer")
    assert whole == []
    edge = await reports.funnel(db, start=slot + timedelta(seconds=1), end=slot + timedelta(minutes=15), by="offer")
    assert [each.decided for each in edge] == [1]


async def test_what_comes_of_a_moment_counts_when_the_moment_was_decided(db: Connection, pool: Pool) -> None:
    moment = row(at=MORNING)
    await lives.decide(db, moment)
    await lives.redeem(db, await lives.accept(db, moment))  # redeemed now, years or days away from MORNING
    await funnel.roll(pool)
    [counted] = await reports.funnel(db, start=MORNING, end=MORNING + timedelta(seconds=1), by="offer")
    assert (counted.redeemed, counted.value, counted.redemptions) == (1, {"EUR": 250}, {"EUR": 1})


async def test_one_offer_can_be_asked_for(db: Connection, pool: Pool) -> None:
    await lives.decide(db, row(1, offer=1), row(2, offer=2), row(3, offer=2))
    await funnel.roll(pool)
    slot = MORNING.replace(minute=0, second=0)
    for start in (slot, slot + timedelta(seconds=3)):
        counted = await reports.funnel(
            db, start=start, end=slot + timedelta(hours=1), by="variant", filters=Filters(offer_id=(lives.offer_of(2),))
        )
        assert [(each.key, each.decided) for each in counted] == [(("card",), 2)]


async def test_offers_and_places_have_their_names(db: Connection, pool: Pool) -> None:
    await lives.offer_row(db, name="coffee")
    await db.execute(
        "INSERT INTO geofences (id, name, geometry, changed) VALUES ($1, 'Park', $2, 1)", UUID(int=7), lives.AREA
    )
    await lives.decide(db, row(1, place_id=UUID(int=7)), row(2))
    await funnel.roll(pool)
    span = {"start": MORNING, "end": MORNING + timedelta(hours=1)}
    assert [each.name for each in await reports.funnel(db, **span, by="offer")] == ["coffee"]
    assert [each.name for each in await reports.funnel(db, **span, by="store")] == [None, "Park"]
    assert [each.name for each in await reports.funnel(db, **span, by="channel")] == [None]


async def test_an_erased_customers_moments_still_count_at_the_edges(db: Connection) -> None:
    await lives.decide(db, row(1), row(2))
    await db.execute("UPDATE moments SET customer_id = NULL WHERE customer_id = $1", lives.customer(1))
    [counted] = await reports.funnel(db, start=MORNING, end=MORNING + timedelta(seconds=1), by="offer")
    assert (counted.decided, len(counted.people or ())) == (2, 1)


async def test_the_usual_currency_is_that_of_most_offers(db: Connection) -> None:
    assert await reports.usual_currency(db) is None
    await lives.offer_row(db, 1, document="{}")
    assert await reports.usual_currency(db) is None
    for number, currency in enumerate(("CHF", "EUR", "EUR"), 2):
        await lives.offer_row(
            db, number, document=f'{{"reward": {{"value": {{"minor": 1, "currency": "{currency}"}}}}}}'
        )
    assert await reports.usual_currency(db) == "EUR"


SLOT = datetime(2026, 11, 3, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start_s", "end_s"),
    [
        (0, 900),
        (0, 1800),
        (1, 1800),
        (0, 1799),
        (1, 1799),
        (1, 2),
        (899, 901),
        (1, 899),
        (-900, 0),
        (450, 900),
        (900, 1350),
    ],
)
def test_a_range_is_cut_into_whole_slots_and_two_edges_without_gap_or_overlap(start_s: int, end_s: int) -> None:
    start, end = SLOT + timedelta(seconds=start_s), SLOT + timedelta(seconds=end_s)
    pieces, edges = cut(start, end, needs=["offer_id"], filters=ALL)
    cells = [(each.start, each.end) for each in pieces]
    parts = [*cells, *edges]
    for second in range(start_s - 5, end_s + 5):
        at = SLOT + timedelta(seconds=second)
        assert sum(a <= at < b for a, b in parts) == (start <= at < end)
    assert all((each - SLOT).total_seconds() % 900 == 0 for of in cells for each in of)
    assert all(a < b for a, b in parts)
