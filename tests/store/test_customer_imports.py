"""Many customers at once: each number is one customer's, however many import at the same time."""

from __future__ import annotations

import asyncio

from server.store import customer_imports, customers
from server.store.customers import Change
from server.store.ids import new_id
from server.store.pool import Connection, Pool
from tests.store.waits import blocked

NOTHING = Change(frozenset())


def profiles(*numbers: str, **attributes: object) -> dict[str, Change]:
    return dict.fromkeys(numbers, Change(frozenset({"attributes"}), "de-DE", "Europe/Berlin", attributes or None))


async def test_customers_are_made_with_their_state_and_found_by_their_numbers(undone: Connection) -> None:
    made = await customer_imports.make(undone, profiles=profiles("C-1", "C-2", tier="gold"))
    assert await customer_imports.known(undone, external_ids=["C-2", "C-1", "C-3"]) == made
    profile = await customers.find(undone, customer_id=made["C-1"])
    assert profile is not None
    assert (profile.external_id, profile.locale, profile.time_zone, profile.attributes) == (
        "C-1",
        "de-DE",
        "Europe/Berlin",
        {"tier": "gold"},
    )
    assert not any((profile.consents.location, profile.consents.push, profile.consents.profiling))
    assert await undone.fetchval("SELECT count(*) FROM customer_state") == 2


async def test_a_number_that_belongs_to_somebody_is_left_out(undone: Connection) -> None:
    first = await customer_imports.make(undone, profiles=profiles("C-1"))
    again = await customer_imports.make(undone, profiles=profiles("C-1", "C-2"))
    assert set(again) == {"C-2"}
    assert (await customer_imports.known(undone, external_ids=["C-1"]))["C-1"] == first["C-1"]
    assert await undone.fetchval("SELECT count(*) FROM customers") == 2


async def test_what_is_not_given_stays_and_attributes_are_merged(undone: Connection) -> None:
    made = await customer_imports.make(undone, profiles=profiles("C-1", "C-2", tier="gold", visits=1))
    one, two = made["C-1"], made["C-2"]
    change = Change(frozenset(), None, "Asia/Tokyo", {"visits": 2, "vip": True})
    gone = new_id()
    assert await customer_imports.change(undone, profiles={one: change, two: NOTHING, gone: change}) == {one, two}
    after = [await customers.find(undone, customer_id=each) for each in (one, two)]
    assert [(each.locale, each.time_zone, each.attributes) for each in after if each] == [
        ("de-DE", "Asia/Tokyo", {"tier": "gold", "visits": 2, "vip": True}),
        ("de-DE", "Europe/Berlin", {"tier": "gold", "visits": 1}),
    ]


async def test_two_who_import_one_list_make_each_customer_once_and_do_not_meet_in_a_ring(pool: Pool) -> None:
    numbers = [f"C-{number}" for number in range(200)]

    async def make(order: list[str]) -> int:
        async with pool.transaction() as db:
            return len(await customer_imports.make(db, profiles=profiles(*order)))

    made = await asyncio.gather(make(numbers), make(numbers[::-1]), make(numbers[100:] + numbers[:100]))
    assert sum(made) == 200
    async with pool.acquire() as db:
        assert await db.fetchval("SELECT count(*) FROM customers") == 200
        assert len(await customer_imports.known(db, external_ids=numbers)) == 200


async def test_who_comes_second_waits_for_the_first_and_then_finds_the_number_taken(pool: Pool) -> None:
    async with pool.acquire() as first, pool.acquire() as second:
        transaction = first.transaction()
        await transaction.start()
        await customer_imports.make(first, profiles=profiles("C-1"))
        waiting = asyncio.create_task(customer_imports.make(second, profiles=profiles("C-1", "C-2")))
        async with asyncio.timeout(20):
            while not await blocked(first):
                await asyncio.sleep(0.01)
        await transaction.commit()
        assert set(await waiting) == {"C-2"}


async def test_the_newest_word_of_each_purpose_is_told(undone: Connection) -> None:
    made = await customer_imports.make(undone, profiles=profiles("C-1", "C-2"))
    for granted in (True, False):
        await undone.execute(
            "INSERT INTO consents (bucket, id, customer_id, purpose, granted, terms, source, at)"
            " VALUES ($1, $2, $3, 'push', $4, 'v1', 'app', clock_timestamp())",
            made["C-1"].int & 1023,
            new_id(),
            made["C-1"],
            granted,
        )
    told = await customer_imports.newest(undone, customers=list(made.values()))
    assert {key: value[0] for key, value in told.items()} == {(made["C-1"], "push"): False}
