"""Whether a wallet may make a sound: consent, night, caps, Google's own limit; and what is counted is counted exactly."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from server.decision.ruleset import Ruleset
from server.model.context import Context
from server.model.customer import Consents, Customer, Shown, State
from server.pipeline.notices import DAY, MOST, PRESSURE, claim, lately, may_sound
from server.pipeline.rules import empty, programme_of
from server.store import states
from server.store.pool import Connection, Pool
from tests.builders import NOON, after
from tests.pipeline.town import Town
from tests.web.serving import settings_with

KIM = UUID(int=7)
NOTHING = State()
AGREED = Consents(location=True, push=True, profiling=True)


def rules(**changes: Any) -> Ruleset:
    given = {"pressure__per_day": 0, "pressure__per_week": 0, "quiet_hours__from_": "22:00", "quiet_hours__to": "07:00"}
    return empty(programme_of(settings_with(**(given | changes)))).ruleset


def sounds(*ago: timedelta, pressure: str = PRESSURE) -> State:
    return State(shown=tuple(Shown(NOON - each, None, pressure) for each in sorted(ago, reverse=True)))


def ask(state: State = NOTHING, *, at: datetime = NOON, zone: str | None = "Europe/Berlin", **changes: Any) -> bool:
    return may_sound(Context(at, at, Customer(KIM, AGREED, zone=zone), state), rules(**changes))


def test_by_day_and_with_room_there_is_a_sound_and_by_night_none() -> None:
    assert ask()
    assert not ask(at=NOON.replace(hour=22))
    assert ask(at=NOON.replace(hour=22), zone="America/New_York")


def test_google_shows_three_within_a_day_and_the_fourth_waits_for_the_first_to_be_old() -> None:
    minute = timedelta(minutes=1)
    assert ask(sounds(*[minute] * (MOST - 1)))
    assert not ask(sounds(*[minute] * MOST))
    assert not ask(sounds(minute, minute, DAY - timedelta(microseconds=1)))
    assert ask(sounds(minute, minute, DAY))
    assert lately(sounds(*[minute] * 5, pressure="marketing"), NOON) == 0


@pytest.mark.parametrize("changes", [{"pressure__per_day": 1}, {"pressure__per_week": 1}], ids=["a day", "a week"])
def test_the_programmes_caps_count_all_channels_together(changes: dict[str, int]) -> None:
    assert ask(**changes)
    assert not ask(sounds(timedelta(minutes=1), pressure="marketing"), **changes)


def test_while_everything_is_stopped_nothing_makes_a_sound() -> None:
    ruleset = rules()
    stopped = Ruleset.build(
        offers=(), places=ruleset.places, programme=ruleset.programme._replace(paused=True), segments={}, epoch=0
    )
    assert not may_sound(Context(NOON, NOON, Customer(KIM, AGREED, zone="Europe/Berlin"), State()), stopped)


@pytest.fixture
async def kim(pool: Pool) -> UUID:
    return await Town(pool).customer()


async def claim_at(pool: Pool, kim: UUID, at: datetime, *, consents: Consents = AGREED) -> bool:
    async def work(db: Connection) -> bool:
        return await claim(db, customer_id=kim, consents=consents, zone="Europe/Berlin", ruleset=rules(), now=at)

    return await pool.attempt(work)


async def test_at_once_no_more_are_counted_than_there_may_be_and_decisions_under_way_lose(
    pool: Pool, kim: UUID
) -> None:
    async with pool.transaction() as db:
        before = await states.read(db, customer_id=kim)
    answers = await asyncio.gather(*(claim_at(pool, kim, after(seconds=number)) for number in range(12)))
    assert sum(answers) == MOST
    async with pool.transaction() as db:
        held = await states.read(db, customer_id=kim)
    assert before is not None
    assert held is not None
    assert held[0] == before[0] + MOST
    assert [each.pressure for each in held[1].shown] == [PRESSURE] * MOST


async def test_without_consent_or_a_customer_nothing_is_counted(pool: Pool, kim: UUID) -> None:
    assert not await claim_at(pool, kim, NOON, consents=Consents(location=True, profiling=True))
    assert not await claim_at(pool, UUID(int=9), NOON)
    async with pool.transaction() as db:
        held = await states.read(db, customer_id=kim)
    assert held is not None
    assert held[1].shown == ()
