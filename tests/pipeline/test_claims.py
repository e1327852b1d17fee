"""Claims: a purse gives what is there and no more, and what a refused turn had taken goes to others."""

from __future__ import annotations

import asyncio
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from server.model.context import Used
from server.model.money import Money
from server.model.offer import Limits
from server.pipeline.claims import Purse, key_of
from server.pipeline.telling import Reserved
from server.store import budgets
from server.store.budgets import PlaceKey
from tests.builders import offer, store_id
from tests.pipeline.town import Town, document, fix, off, street


@given(
    units=st.integers(0, 20),
    liability=st.integers(0, 3_000),
    used=st.integers(0, 10),
    takes=st.lists(st.sampled_from(["take", "give"]), max_size=40),
)
def test_a_purse_never_gives_more_than_there_is(units: int, liability: int, used: int, takes: list[str]) -> None:
    limited = offer(units=units, liability=Money(liability, "EUR"))
    claim, purse, mine = Reserved(limited.id, 100), Purse(), 0
    purse._spent[limited.id] = Used(used, used * 100)
    for each in takes:
        if each == "give" and mine:
            purse.give(claim)
            mine -= 1
        elif each == "take":
            granted = purse.take(claim, limited)
            assert granted == (used + mine < units and (used + mine + 1) * 100 <= liability)
            mine += granted
    assert purse._taken.get(limited.id, Used()) == Used(mine, mine * 100)


def test_a_claim_without_a_place_has_no_share() -> None:
    assert key_of(Reserved(UUID(int=1), 0)) is None
    assert key_of(Reserved(UUID(int=1), 0, store_id(1), "all")) == PlaceKey(UUID(int=1), store_id(1), "all")


def test_a_places_share_binds_besides_the_whole() -> None:
    limited = offer(units=10, place_units=1)
    assert limited.limits == Limits(units=10, place_units=1)
    purse = Purse()
    here, there = (Reserved(limited.id, 0, store_id(n), "all") for n in (1, 2))
    purse._spent[limited.id] = Used()
    purse._places |= {PlaceKey(limited.id, store_id(n), "all"): 0 for n in (1, 2)}
    assert [purse.take(each, limited) for each in (here, here, there)] == [True, False, True]


async def test_one_batch_that_wants_two_units_of_which_one_is_left_gets_that_one(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(document(when={"trigger": "inside", "places": {"any": True}}, limits={"total": {"units": 1}}))
    customer = await town.customer()
    async with street(db_dsn) as process:
        answer = await process.ping(customer, fix(age_s=20), fix(age_s=10), fix())
    assert len(answer.moments) == 1
    assert await town.count("SELECT units FROM budgets") == 1


async def test_offers_whose_rows_are_wanted_crosswise_block_nobody_for_good(town: Town, db_dsn: str) -> None:
    north, south = await town.open_shop(), await town.open_shop(off(5_000), name="Süd")
    for name, first, second in (("a", north, 90), ("b", south, 80)):
        tag = {"ids": [str(north.id), str(south.id)]}
        await town.publish(
            document(name, priority=second, when={"trigger": "enter", "places": tag}, limits={"total": {"units": 15}})
        )
        assert first.id
    customers = await town.customers(80)
    async with street(db_dsn) as one, street(db_dsn) as two:
        answers = await asyncio.gather(
            *(
                process.ping(each, fix(shop.at))
                for number, each in enumerate(customers)
                for process, shop in [((one, two)[number % 2], (north, south)[number // 2 % 2])]
            )
        )
    assert sum(len(answer.moments) for answer in answers) == 30
    async with town.pool.acquire() as db:
        spent = await budgets.read(
            db, offers=[row["offer_id"] for row in await town.rows("SELECT offer_id FROM budgets")], places=[]
        )
    assert [used.units for used in spent.offers.values()] == [15, 15]
