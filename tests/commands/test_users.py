"""`kairos users` by the real command: a one-time password alone on stdout, what cannot be is told, a phone that is lost."""

from __future__ import annotations

import pytest

from server.pipeline import places
from server.store import audit, second_factors, sessions, users
from server.store.pool import Pool
from server.web.passwords import Hasher
from tests.street.process import kairos
from tests.web.marketing import NOBODYS, STORE


async def command(dsn: str, *arguments: object, name: str = "create") -> tuple[int, str, str]:
    return await kairos("users", name, *map(str, arguments), environment={"KAIROS__DATABASE__URL": dsn})


async def people(pool: Pool) -> list[users.User]:
    async with pool.acquire() as db:
        return await users.page(db, before=None, limit=100)


async def test_a_person_is_added_with_a_password_that_works_and_must_be_changed(pool: Pool, db_dsn: str) -> None:
    code, out, err = await command(
        db_dsn, "Kim@Example.org", "--role", "marketer", "--role", "analyst", "--name", "Kim"
    )
    assert (code, err) == (0, "")
    password = out.removesuffix("\n")
    assert len(password) >= 15
    assert not any(letter.isspace() for letter in password)
    [person] = await people(pool)
    assert (person.name, set(person.roles), person.one_time) == ("Kim", {"marketer", "analyst"}, True)
    async with pool.acquire() as db:
        login = await users.find_login(db, email="kim@example.org")
        [row] = await audit.page(db, before=None, limit=10)
    assert login is not None
    assert login.password_hash.startswith("$argon2id$")
    assert (row.actor, row.action, row.object) == ("command line", "user.create", f"user:{person.id}")
    hasher = Hasher(queue=4)
    try:
        assert (await hasher.check(password, login.password_hash)).right
        assert not (await hasher.check(password + "x", login.password_hash)).right
    finally:
        hasher.close()


async def test_somebody_at_the_counter_stands_in_a_store_and_is_called_by_their_address(
    pool: Pool, db_dsn: str
) -> None:
    async with pool.transaction() as db:
        [store] = await places.add_stores(db, drafts=[places.check_store(STORE)], by=places.Author("test"))
    assert (await command(db_dsn, "till@example.org", "--role", "counter", "--store", store.id))[0] == 0
    [person] = await people(pool)
    assert (person.name, person.roles, person.store_id) == ("till", ("counter",), store.id)


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("a@example.org", "--role", "counter"), 1, "role counter needs --store"),
        (("a@example.org", "--role", "admin", "--store", NOBODYS), 1, "no other role has one"),
        (("a@example.org", "--role", "counter", "--store", NOBODYS), 1, "there is no such store"),
        (("a@example.org",), 2, "--role"),
        (("no address", "--role", "admin"), 1, "not an e-mail address"),
        (("a@example.org", "--role", "admin", "--name", "x" * 101), 1, "1 to 100 characters"),
    ],
)
async def test_what_cannot_be_is_told_and_nobody_is_added(
    shared_pool: Pool, shared_dsn: str, arguments: tuple[object, ...], code: int, sentence: str
) -> None:
    ended, out, err = await command(shared_dsn, *arguments)
    assert (ended, out) == (code, "")
    assert sentence in err
    assert await people(shared_pool) == []


async def test_an_address_is_taken_in_whatever_case(pool: Pool, db_dsn: str) -> None:
    assert (await command(db_dsn, "kim@example.org", "--role", "admin"))[0] == 0
    code, out, err = await command(db_dsn, "KIM@example.org", "--role", "admin")
    assert (code, out) == (1, "")
    assert "this address is taken" in err
    assert len(await people(pool)) == 1


async def test_somebody_who_lost_phone_and_codes_gets_in_again(pool: Pool, db_dsn: str) -> None:
    async with pool.transaction() as db:
        kim = await users.create(db, email="kim@e.org", name="K", roles=["admin"], store_id=None, password_hash="x")
        assert kim is not None
        await second_factors.begin(db, user_id=kim.id, secret_sealed=b"s")
        await second_factors.confirm(db, user_id=kim.id, secret_sealed=b"s", step=1)
        await sessions.create(db, user_id=kim.id, absolute_s=60)
    assert await command(db_dsn, "KIM@e.org", name="reset-second-factor") == (0, "", "")
    [person] = await people(pool)
    assert not person.second_factor
    async with pool.acquire() as db:
        assert await db.fetchval("SELECT count(*) FROM sessions") == 0
        [row] = await audit.page(db, before=None, limit=10)
    assert (row.actor, row.action, row.object) == ("command line", "user.second_factor.off", f"user:{kim.id}")
    code, _, err = await command(db_dsn, "kim@e.org", name="reset-second-factor")
    assert (code, "no second factor" in err) == (1, True)
