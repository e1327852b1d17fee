"""Customers are counted as a look at each of their days says."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

from server.model.ids import bucket_of
from server.model.money import Money
from server.store import happenings, kpis, loyalty
from server.store.happenings import Happening
from server.store.headcount import Lives, Orders, Scores, Visits
from server.store.ids import new_id
from server.store.kpis import Asked
from server.store.pool import Connection, Pool
from tests import lives

BERLIN = ZoneInfo("Europe/Berlin")
START, END = datetime(2026, 9, 30, 22, tzinfo=UTC), datetime(2026, 10, 31, 23, tzinfo=UTC)  # October, in Berlin
ASKED = Asked(START, END, "Europe/Berlin")
ACTIVE = timedelta(days=28)
ALL = 10**6
"""Whoever bought is counted, however many they are."""

Event: TypeAlias = tuple[int, str, datetime, Money | None]


async def told(
    db: Connection, of: int, name: str, at: datetime, *, amount: Money | None = None, score: int | None = None
) -> None:
    customer = lives.customer(of)
    one = Happening(new_id(bucket=bucket_of(customer)), customer, name, at, amount=amount, score=score)
    await happenings.tell(db, happenings=[one])


def live(lots: random.Random) -> list[Event]:
    """What sixty customers did around October, by the lots."""
    events = []
    for of in range(60):
        for _ in range(lots.randrange(5)):
            at = START + timedelta(seconds=lots.randrange(-35 * 86_400, 35 * 86_400))
            name = lots.choice(["purchase", "redemption", "visit", "purchase"])
            amount = Money(lots.randrange(100, 900), lots.choice(["EUR", "EUR", "EUR", "CHF"]))
            events.append((of, name, at, amount if name == "purchase" and lots.random() < 0.9 else None))
    return events


def counted(events: Iterable[Event]) -> Lives:
    """Count by hand, customer by customer."""
    times = defaultdict(list)
    for of, name, at, _ in events:
        if name in ("purchase", "redemption"):
            times[of].append(at)
    before = {of for of, own in times.items() if any(START - ACTIVE <= at < START for at in own)}
    after = {of for of, own in times.items() if any(END - ACTIVE <= at < END for at in own)}
    days: dict[int, set[date]] = {
        of: {at.astimezone(BERLIN).date() for at in own if START <= at < END} for of, own in times.items()
    }
    return Lives(
        start=len(before),
        end=len(after),
        new=len(after - before),
        buyers=sum(1 for own in days.values() if own),
        repeating=sum(1 for own in days.values() if len(own) > 1),
        days=sum(len(own) for own in days.values()),
    )


def sold(events: Iterable[Event]) -> set[Orders]:
    """Add up by hand what was bought in October."""
    paid = [(of, amount) for of, _, at, amount in events if amount is not None and START <= at < END]
    return {
        Orders(
            currency,
            sum(1 for _, amount in paid if amount.currency == currency),
            sum(amount.minor for _, amount in paid if amount.currency == currency),
            len({of for of, amount in paid if amount.currency == currency}),
        )
        for currency in {amount.currency for _, amount in paid}
    }


async def holds(db: Connection, events: Sequence[Event]) -> None:
    found = await kpis.count(db, ASKED, active=ACTIVE, least=ALL)
    assert (found.lives, set(found.orders)) == (counted(events), sold(events))
    some = await kpis.count(db, ASKED, active=ACTIVE, least=1)
    assert [each._replace(buyers=0) for each in some.orders] == [each._replace(buyers=0) for each in found.orders]
    assert all(0 < few.buyers <= each.buyers for few, each in zip(some.orders, found.orders, strict=True))


async def test_rows_of_days_and_a_count_by_hand_agree_whatever_is_told_late_or_erased(
    pool: Pool, db: Connection
) -> None:
    """Before anything is summed up, after it was, and while some of its days have changed since."""
    lots = random.Random(20261130)
    early, late = live(lots), live(lots)
    for of, name, at, amount in early:
        await told(db, of, name, at, amount=amount)
    assert min(counted(early)) > 3
    await holds(db, early)
    assert await loyalty.roll(pool, zone="Europe/Berlin") > 60
    await holds(db, early)
    for of, name, at, amount in late[:25]:
        await told(db, of, name, at, amount=amount)
    await holds(db, early + late[:25])
    gone = lives.customer(7)
    await db.execute("DELETE FROM customer_events WHERE bucket = $1 AND customer_id = $2", bucket_of(gone), gone)
    left = [each for each in early + late[:25] if each[0] != 7]
    await holds(db, left)
    assert 0 < await loyalty.roll(pool, zone="Europe/Berlin") < 60
    await holds(db, left)


async def test_of_several_answers_of_one_customer_the_last_in_the_range_counts(pool: Pool, db: Connection) -> None:
    for of, day, score in ((1, 0, 3), (1, 5, 9), (2, 1, 10), (3, 2, 7), (4, 3, 6), (4, 40, 10), (5, -1, 9)):
        await told(db, of, "nps", START + timedelta(days=day), score=score)
    for _ in range(2):
        assert (await kpis.count(db, ASKED, active=ACTIVE, least=ALL)).scores == Scores(
            answers=4, promoters=2, detractors=1
        )
        await loyalty.roll(pool, zone="Europe/Berlin")


async def test_visits_are_counted_week_by_week(db: Connection) -> None:
    monday = datetime(2026, 10, 4, 22, tzinfo=UTC)
    for of, days in ((1, (0, 1, 1, 7)), (2, (6,)), (3, (14,))):
        for number, day in enumerate(days):
            await db.execute(
                "INSERT INTO visits (bucket, customer_id, at, geofence_id) VALUES ($1, $2, $3, $4)",
                bucket_of(lives.customer(of)),
                lives.customer(of),
                monday + timedelta(days=day, seconds=number),
                lives.STORE,
            )
    weeks = ASKED._replace(start=monday, end=monday + timedelta(weeks=2))
    assert await kpis.visits(db, weeks) == Visits(visits=5, visitors=3, people=2)


async def test_members_of_a_segment_alone_can_be_asked_for(pool: Pool, db: Connection) -> None:
    for of in (1, 2, 3):
        await told(db, of, "purchase", START + timedelta(days=1), amount=Money(100 * of, "EUR"))
        await told(db, of, "nps", START + timedelta(days=1), score=9)
    customer = lives.customer(1)
    await db.execute("INSERT INTO segments (name, id) VALUES ('regulars', $1)", new_id())
    await db.execute("INSERT INTO segment_members VALUES ($1, $2, 'regulars')", bucket_of(customer), customer)
    for of, profiling in ((2, True), (3, False)):
        await db.execute(
            "INSERT INTO customers (bucket, id, segments, profiling) VALUES ($1, $2, '{regulars}', $3)",
            bucket_of(lives.customer(of)),
            lives.customer(of),
            profiling,
        )
    own = ASKED._replace(members=await kpis.members(db, segment="regulars"))
    for _ in range(2):
        found = await kpis.count(db, own, active=ACTIVE, least=ALL)
        assert (found.lives.buyers, found.orders, found.scores.answers) == (2, [Orders("EUR", 2, 300, 2)], 2)
        await loyalty.roll(pool, zone="Europe/Berlin")
    nobody = await kpis.count(
        db, ASKED._replace(members=await kpis.members(db, segment="strangers")), active=ACTIVE, least=ALL
    )
    assert nobody == (Lives(0, 0, 0, 0, 0, 0), [], Scores(0, 0, 0))
    assert await kpis.is_segment(db, name="regulars")
    assert not await kpis.is_segment(db, name="strangers")
