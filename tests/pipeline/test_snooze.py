"""Putting a moment off: it is away until then, comes back before its end, and is over when it was over anyway."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from server.errors import Invalid, NotFound
from server.model.moment import ACTIVE, Step
from server.pipeline.respond import respond
from server.pipeline.snooze import NotActive, snooze
from server.store import moments
from server.store.events import AppEvent
from server.store.ids import new_id
from server.store.moments import Shown
from server.store.pool import Connection
from tests.builders import NOON
from tests.store.test_moments import KIM, row

WEEK = timedelta(days=7)
NOW = NOON + timedelta(minutes=2)
END = NOON + timedelta(hours=4, minutes=1)


async def made(db: Connection, **changes: Any) -> UUID:
    moment = row(**changes)
    await moments.insert(db, moments=[moment])
    return moment.id


async def put_off(db: Connection, moment: UUID, until: datetime, *, by: UUID = KIM, now: datetime = NOW) -> Shown:
    return await snooze(db, customer_id=by, moment_id=moment, field="until", until=until, most=WEEK, now=now)


async def active(db: Connection, now: datetime, *, awake: bool = True) -> list[UUID]:
    found = await moments.inbox(
        db, customer_id=KIM, states=sorted(ACTIVE), before=None, now=now, limit=9, awake=awake
    )  # fmt: skip
    return [each.id for each in found]


async def back(db: Connection, since: datetime, now: datetime) -> list[UUID]:
    return [each.id for each in await moments.back(db, customer_id=KIM, since=since, now=now, limit=9)]


async def test_it_is_away_until_then_and_comes_back_once(db: Connection) -> None:
    moment, until = await made(db), NOW + timedelta(hours=1)
    shown = await put_off(db, moment, until)
    assert (shown.state, shown.snoozed_until) == (Step.DELIVERED, until)
    assert await active(db, NOW) == []
    assert await active(db, NOW, awake=False) == [moment]
    assert await active(db, until) == [moment]
    assert await back(db, NOW, until - timedelta(seconds=1)) == []
    assert await back(db, until - timedelta(seconds=1), until) == [moment]
    assert await back(db, until, until + timedelta(hours=1)) == []


async def test_who_puts_it_off_has_seen_it_so_that_nothing_is_pushed(db: Connection) -> None:
    moment = await made(db)
    await put_off(db, moment, NOW + timedelta(hours=1))
    await put_off(db, moment, NOW + timedelta(hours=2))
    assert [each["step"] for each in await db.fetch("SELECT step FROM funnel_facts ORDER BY step")] == [
        "decided",
        "delivered",
    ]
    assert await db.fetchval("SELECT state FROM deliveries") == "delivered"
    assert await db.fetchval("SELECT snoozed_until FROM moments") == NOW + timedelta(hours=2)


@pytest.mark.parametrize(
    ("until", "now"),
    [(NOW, NOW), (NOW - timedelta(seconds=1), NOW), (END, NOW), (END + timedelta(days=1), NOW), (NOW + WEEK * 2, NOW)],
)
async def test_it_cannot_come_back_when_there_is_nothing_to_come_back_to(
    db: Connection, until: datetime, now: datetime
) -> None:
    moment = await made(db)
    with pytest.raises(Invalid) as refused:
        await put_off(db, moment, until, now=now)
    assert [each.field for each in refused.value.errors] == ["until"]
    assert await active(db, NOW) == [moment]


async def test_one_without_an_end_is_put_off_by_a_week_at_most(db: Connection) -> None:
    moment = await made(db, valid_until=None)
    with pytest.raises(Invalid):
        await put_off(db, moment, NOW + WEEK + timedelta(seconds=1))
    await put_off(db, moment, NOW + WEEK)


async def test_what_is_over_is_not_put_off(db: Connection) -> None:
    late, dismissed = await made(db), await made(db, number=2)
    with pytest.raises(NotActive):
        await put_off(db, late, NOON + timedelta(hours=1), now=NOON + timedelta(minutes=30))  # it was never delivered
    gone = AppEvent(new_id(), dismissed, "dismissed", NOW)
    await respond(db, customer_id=KIM, told=[gone], now=NOW)
    with pytest.raises(NotActive) as refused:
        await put_off(db, dismissed, NOW + timedelta(hours=1))
    assert refused.value.extra == {"state": "dismissed"}


async def test_nobody_puts_off_what_is_somebody_elses_or_hidden(db: Connection) -> None:
    moment, hidden = await made(db), await made(db, number=2, held_out=True)
    for each, by in ((moment, new_id()), (hidden, KIM), (new_id(), KIM)):
        with pytest.raises(NotFound):
            await put_off(db, each, NOW + timedelta(hours=1), by=by)


async def test_who_opens_it_meanwhile_has_it_back_and_it_does_not_come_again(db: Connection) -> None:
    moment, until = await made(db), NOW + timedelta(hours=1)
    await put_off(db, moment, until)
    opened = AppEvent(new_id(), moment, "opened", NOW + timedelta(minutes=1))
    await respond(db, customer_id=KIM, told=[opened], now=NOW + timedelta(minutes=1))
    assert await active(db, NOW + timedelta(minutes=1)) == [moment]
    assert await back(db, NOW, until) == []
