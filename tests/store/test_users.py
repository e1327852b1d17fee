"""People: found by their address however it is written, and gone from every list of log-ins when they are gone."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from server.store import users
from server.store.ids import new_id
from server.store.pool import Connection, Pool

NEVER = UUID(int=0)


async def somebody(
    db: Connection, *, email: str = "kim@example.com", roles: tuple[str, ...] = ("marketer",)
) -> users.User:
    made = await users.create(db, email=email, name="Kim", roles=roles, store_id=None, password_hash="hash-1")
    assert made is not None
    return made


async def test_a_person_is_found_by_the_address_in_any_case(db: Connection) -> None:
    made = await somebody(db, email="Kim@Example.com")
    found = await users.find_login(db, email="kIM@example.COM")
    assert found == users.Login(made.id, "hash-1", one_time=True, roles=("marketer",), second=False)
    assert await users.find_login(db, email="tim@example.com") is None


async def test_an_address_belongs_to_one_person(db: Connection) -> None:
    await somebody(db, email="kim@example.com")
    again = await users.create(
        db, email="KIM@example.com", name="Other", roles=["admin"], store_id=None, password_hash="x"
    )
    assert again is None
    assert await users.email_taken(db, email="Kim@example.com")
    assert not await users.email_taken(db, email="tim@example.com")


async def test_the_counter_stands_in_a_store_that_is_there(db: Connection) -> None:
    assert (await users.create(db, email="a@b", name="A", roles=["counter"], store_id=NEVER, password_hash="x")) is None
    store = new_id()
    await db.execute(
        "INSERT INTO stores (id, name, lat, lon, radius_m, time_zone, geofence_id)"
        " VALUES ($1, 'Mitte', 52.5, 13.4, 60, 'Europe/Berlin', $1)",
        store,
    )
    made = await users.create(db, email="a@b", name="A", roles=["counter"], store_id=store, password_hash="x")
    assert made is not None
    assert made.store_id == store


async def test_who_is_turned_off_can_not_log_in_and_can_be_turned_on_again(db: Connection) -> None:
    made = await somebody(db)
    off = await users.change(db, id_=made.id, name="Kim", roles=made.roles, store_id=None, disabled=True)
    assert off is not None
    assert off.disabled_at is not None
    assert await users.find_login(db, email=made.email) is None
    assert await users.password_hash(db, id_=made.id) is None
    still = await users.change(db, id_=made.id, name="Kim", roles=made.roles, store_id=None, disabled=True)
    assert still is not None
    assert still.disabled_at == off.disabled_at
    on = await users.change(db, id_=made.id, name="Kim", roles=made.roles, store_id=None, disabled=False)
    assert on is not None
    assert on.disabled_at is None
    assert await users.find_login(db, email=made.email) is not None


async def test_a_new_password_takes_the_old_ones_place(db: Connection) -> None:
    made = await somebody(db)
    await users.set_password(db, id_=made.id, password_hash="hash-2", one_time=False)
    found = await users.find_login(db, email=made.email)
    assert found is not None
    assert (found.password_hash, found.one_time) == ("hash-2", False)
    assert await users.password_hash(db, id_=made.id) == "hash-2"


async def test_a_change_of_nobody_changes_nothing(db: Connection) -> None:
    assert await users.change(db, id_=NEVER, name="X", roles=["admin"], store_id=None, disabled=False) is None
    assert await users.remove(db, id_=NEVER) is None
    assert await users.find(db, id_=NEVER) is None


async def test_who_is_removed_is_gone(db: Connection) -> None:
    made = await somebody(db)
    assert await users.remove(db, id_=made.id) == made
    assert await users.find(db, id_=made.id) is None


async def test_people_are_listed_newest_first_and_page_by_page(db: Connection) -> None:
    made = [await somebody(db, email=f"{number}@example.com") for number in range(5)]
    first = await users.page(db, before=None, limit=3)
    second = await users.page(db, before=first[-1].id, limit=3)
    assert [*first, *second] == made[::-1]


@pytest.mark.parametrize(
    ("roles", "off", "expected"), [(("admin",), False, 2), (("admin",), True, 1), (("analyst",), False, 1)]
)
async def test_admins_who_can_log_in_are_counted(
    db: Connection, roles: tuple[str, ...], off: bool, expected: int
) -> None:
    await somebody(db, email="first@example.com", roles=("admin", "marketer"))
    made = await somebody(db, roles=roles)
    await users.change(db, id_=made.id, name="Kim", roles=roles, store_id=None, disabled=off)
    assert await users.count_admins(db) == expected


@pytest.mark.parametrize("email", ["ÄÖÜ@example.com", "o'brien@example.com", "a+b@example.com", "x" * 200 + "@e.de"])
async def test_any_address_is_found_again_in_either_case(undone: Connection, email: str) -> None:
    made = await somebody(undone, email=email)
    for written in (email, email.lower(), email.upper()):
        found = await users.find_login(undone, email=written)
        assert found is not None
        assert found.id == made.id


async def test_of_many_who_take_an_address_at_once_one_gets_it(shared_pool: Pool) -> None:
    async def take(number: int) -> users.User | None:
        email = ("Race@example.com", "race@EXAMPLE.com")[number % 2]
        async with shared_pool.transaction() as db:
            return await users.create(db, email=email, name="R", roles=["admin"], store_id=None, password_hash="x")

    made = await asyncio.gather(*(take(number) for number in range(10)))
    assert sum(each is not None for each in made) == 1


async def test_a_person_who_was_rolled_back_leaves_the_address_free(undone: Connection) -> None:
    attempt = undone.transaction()
    await attempt.start()
    await somebody(undone)
    await attempt.rollback()
    assert not await users.email_taken(undone, email="kim@example.com")
    assert (await somebody(undone)).email == "kim@example.com"


async def _store(db: Connection) -> UUID:
    store = new_id()
    await db.execute(
        "INSERT INTO stores (id, name, lat, lon, radius_m, time_zone, geofence_id) VALUES ($1, 'S', 1, 2, 60, 'UTC', $1)",
        store,
    )
    return store


async def test_a_change_to_a_store_that_closed_is_no_change_at_all(undone: Connection) -> None:
    made, store = await somebody(undone), await _store(undone)
    moved = await users.change(undone, id_=made.id, name="Kim", roles=["counter"], store_id=store, disabled=False)
    assert moved == made._replace(roles=("counter",), store_id=store)
    await undone.execute("UPDATE stores SET deleted_at = now()")
    assert await users.change(undone, id_=made.id, name="X", roles=["admin"], store_id=store, disabled=True) is None
    assert await users.find(undone, id_=made.id) == moved
    assert (
        await users.create(undone, email="n@e", name="N", roles=["counter"], store_id=store, password_hash="x") is None
    )


async def test_a_change_or_a_removal_leaves_everybody_else_alone(undone: Connection) -> None:
    one, other = await somebody(undone), await somebody(undone, email="tim@example.com")
    await users.change(undone, id_=one.id, name="New", roles=["admin"], store_id=None, disabled=True)
    await users.set_password(undone, id_=one.id, password_hash="hash-9", one_time=False)
    await users.remove(undone, id_=one.id)
    assert await users.find(undone, id_=other.id) == other
    assert await users.password_hash(undone, id_=other.id) == "hash-1"


async def test_a_list_that_was_begun_is_not_disturbed_by_who_comes_and_goes(undone: Connection) -> None:
    await undone.execute("DELETE FROM users")
    made = [await somebody(undone, email=f"{number}@example.com") for number in range(6)]
    first = await users.page(undone, before=None, limit=3)
    await users.remove(undone, id_=first[-1].id)
    await users.remove(undone, id_=made[1].id)
    await somebody(undone, email="late@example.com")
    rest = await users.page(undone, before=first[-1].id, limit=99)
    assert [each.id for each in rest] == [made[2].id, made[0].id]
    assert await users.page(undone, before=made[0].id, limit=9) == []


async def test_two_admins_who_turn_each_other_off_at_once_leave_one(shared_pool: Pool) -> None:
    async with shared_pool.transaction() as db:
        await db.execute("DELETE FROM users")
        pair = [await somebody(db, email=f"a{number}@example.com", roles=("admin",)) for number in range(2)]

    async def turn_off(person: users.User) -> bool:
        async with shared_pool.transaction() as db:
            if await users.count_admins(db) < 2:
                return False
            await users.change(db, id_=person.id, name="A", roles=["admin"], store_id=None, disabled=True)
            return True

    assert sorted(await asyncio.gather(*(turn_off(person) for person in pair))) == [False, True]
    async with shared_pool.transaction() as db:
        assert await users.count_admins(db) == 1


async def test_a_password_is_still_the_one_that_was_checked_or_not(db: Connection) -> None:
    made = await somebody(db)
    assert await users.is_still(db, id_=made.id, password_hash="hash-1")
    assert not await users.is_still(db, id_=NEVER, password_hash="hash-1")
    await users.set_password(db, id_=made.id, password_hash="hash-2", one_time=False)
    assert not await users.is_still(db, id_=made.id, password_hash="hash-1")
    await users.change(db, id_=made.id, name="Kim", roles=made.roles, store_id=None, disabled=True)
    assert not await users.is_still(db, id_=made.id, password_hash="hash-2")
