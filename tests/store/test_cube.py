"""Every question has a statement that the database understands, and every filter leaves what it names."""

from __future__ import annotations

import itertools
import random
from datetime import timedelta
from typing import Any
from uuid import UUID

from asyncpg.prepared_stmt import PreparedStatement

from server.store import funnel, reports
from server.store.cube import ALL, SUMS, Filters, counting, naming
from server.store.lift import comparing
from server.store.pool import Connection, Pool
from server.store.reports import KEYS
from tests import lives
from tests.lives import MORNING
from tests.store.test_reports import STEPS, live, oracle

GIVEN: dict[str, Any] = {
    "offer_id": (lives.offer_of(0), lives.offer_of(1)),
    "place_id": UUID(int=1),
    "channel": "push",
    "placement": "card",
    "variant": "banner",
    "weather": "rain",
}
GROUPS = {*KEYS.values(), ("weekday", "local_hour"), ("offer_id", "local_day"), ("offer_id", "hour")}


def chosen(names: tuple[str, ...]) -> Filters:
    return Filters(**{name: GIVEN[name] for name in names})


def columns(statement: PreparedStatement[Any]) -> list[str]:
    """What the database says that a statement answers with."""
    return [each.name for each in statement.get_attributes()]


CHOICES = [names for size in range(len(GIVEN) + 1) for names in itertools.combinations(GIVEN, size)]


async def test_every_grouping_prepares_with_every_choice_of_filters(db: Connection) -> None:
    for number, keys in enumerate(sorted(GROUPS)):
        for names in CHOICES[number % 3 :: 3]:
            added = await db.prepare(counting(keys, chosen(names).named))
            people = await db.prepare(naming(keys, chosen(names).named))
            assert columns(added) == [*keys, "currency", *SUMS, "people", "most", "marks"]
            assert columns(people) == [*keys, "people"]
    for by in KEYS:
        await db.prepare(comparing(by, ()))
        await db.prepare(comparing(by, ALL._replace(**GIVEN).named))


async def test_what_is_filtered_is_what_a_count_by_hand_finds(db: Connection, pool: Pool) -> None:
    await live(db, random.Random(20261129))
    await funnel.roll(pool)
    lots = random.Random(7)
    start, end = MORNING + timedelta(minutes=4), MORNING + timedelta(hours=3, minutes=50)
    seen = 0
    for names in [(name,) for name in GIVEN] + lots.sample(CHOICES[7:], 12):
        filters = chosen(names)
        for by in ("channel", "weekday"):
            counted = await reports.funnel(db, start=start, end=end, by=by, filters=filters)
            wanted = await oracle(db, start, end, by, filters)
            found = {reports.text_of(each.key): {step: getattr(each, step) for step in STEPS} for each in counted}
            assert found == {key: {step: group[step] for step in STEPS} for key, group in wanted.items()}, names
            assert {reports.text_of(each.key): len(each.people or ()) for each in counted} == {
                key: len(group["people"]) for key, group in wanted.items()
            }
            seen += sum(each.decided for each in counted)
    assert seen > 100
