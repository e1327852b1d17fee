"""Agreeing and no longer agreeing: the ledger, the row, and the decisions under way."""

from __future__ import annotations

import pytest

from server.errors import Unauthenticated
from server.model.customer import Consents
from server.model.ids import event_id
from server.pipeline.consent import agree
from server.store import occasions, states
from server.store.ids import new_id
from server.store.occasions import Occasion
from tests.builders import NOON
from tests.pipeline.town import Town, fix, off, street


async def test_what_is_not_said_stays_and_what_is_said_is_written_into_the_ledger(town: Town) -> None:
    customer = await town.customer(location=True, push=False)
    async with town.pool.transaction() as db:
        said = {"push": True, "profiling": False}
        after = await agree(db, customer_id=customer, said=said, terms="v2", source="test")  # type: ignore[arg-type]
    assert after == Consents(location=True, push=True, profiling=False)
    rows = await town.rows("SELECT purpose, granted, terms, source FROM consents ORDER BY purpose")
    assert [tuple(row.values()) for row in rows] == [("profiling", False, "v2", "test"), ("push", True, "v2", "test")]


async def test_every_change_makes_decisions_under_way_lose(town: Town) -> None:
    customer = await town.customer(push=False)
    version = "SELECT version FROM customer_state"
    for said, counted in (({"push": True}, 1), ({"push": True}, 1), ({"location": False}, 2), ({}, 2)):
        async with town.pool.transaction() as db:
            await agree(db, customer_id=customer, said=said, terms="v2", source="test")  # type: ignore[arg-type]
        assert await town.count(version) == counted


async def test_withdrawing_location_keeps_what_caps_need_and_nothing_else(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish()
    customer = await town.customer()
    async with street(db_dsn) as process:
        await process.ping(customer, fix())
        await process.ping(customer, fix(off(40_000)))
    assert await town.count("SELECT count(*) FROM visits") == 1
    held = Occasion(event_id(customer, "night"), customer, "held", "coffee", NOON)
    async with town.pool.transaction() as db:
        await occasions.add(db, occasions=[held])
        await agree(db, customer_id=customer, said={"location": False}, terms="v2", source="test")
    async with town.pool.transaction() as db:
        found = await states.read(db, customer_id=customer)
    assert found is not None
    state = found[1]
    assert (state.stays, state.last_fix, state.held) == ((), None, None)
    assert len(state.shown) == 1
    for table in ("pings", "visits", "occasions"):
        assert await town.count(f"SELECT count(*) FROM {table}") == 0


async def test_nobody_agrees_for_a_customer_who_is_not_there(town: Town) -> None:
    with pytest.raises(Unauthenticated):
        async with town.pool.transaction() as db:
            await agree(db, customer_id=new_id(), said={"push": True}, terms="v2", source="test")
