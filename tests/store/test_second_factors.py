"""A second factor is there once a code was given, and each step and code of it is taken by one statement."""

from __future__ import annotations

from uuid import UUID

from server.store import second_factors, users
from server.store.pool import Connection


async def somebody(db: Connection) -> UUID:
    made = await users.create(db, email="k@e", name="K", roles=["admin"], store_id=None, password_hash="x")
    assert made is not None
    return made.id


async def test_a_secret_that_was_never_confirmed_is_replaced_and_one_that_counts_is_not(undone: Connection) -> None:
    kim = await somebody(undone)
    assert await second_factors.find(undone, user_id=kim) is None
    for sealed in (b"one", b"two"):
        assert await second_factors.begin(undone, user_id=kim, secret_sealed=sealed)
        assert await second_factors.find(undone, user_id=kim) == second_factors.Factor(sealed, None)
    assert not await second_factors.confirm(undone, user_id=kim, secret_sealed=b"one", step=7)  # it was replaced
    assert await second_factors.confirm(undone, user_id=kim, secret_sealed=b"two", step=7)
    assert not await second_factors.confirm(undone, user_id=kim, secret_sealed=b"two", step=8)
    assert not await second_factors.begin(undone, user_id=kim, secret_sealed=b"three")
    found = await second_factors.find(undone, user_id=kim)
    assert found is not None
    assert found.secret_sealed == b"two"


async def test_steps_go_forward_alone(undone: Connection) -> None:
    kim = await somebody(undone)
    assert not await second_factors.take_step(undone, user_id=kim, step=9)
    await second_factors.begin(undone, user_id=kim, secret_sealed=b"s")
    assert not await second_factors.take_step(undone, user_id=kim, step=9)
    await second_factors.confirm(undone, user_id=kim, secret_sealed=b"s", step=7)
    taken = [await second_factors.take_step(undone, user_id=kim, step=step) for step in (7, 9, 9, 8, 10)]
    assert taken == [False, True, False, False, True]


async def test_removing_one_takes_its_codes_along_and_tells_whether_it_counted(undone: Connection) -> None:
    kim = await somebody(undone)
    await second_factors.begin(undone, user_id=kim, secret_sealed=b"s")
    assert not await second_factors.remove(undone, user_id=kim)
    await second_factors.begin(undone, user_id=kim, secret_sealed=b"s")
    await second_factors.keep_codes(undone, user_id=kim, hashes=[b"a", b"b"])
    assert not await second_factors.take_code(undone, user_id=kim, code_hash=b"a")  # it does not count yet
    await second_factors.confirm(undone, user_id=kim, secret_sealed=b"s", step=1)
    assert await second_factors.take_code(undone, user_id=kim, code_hash=b"a")
    assert await second_factors.codes_left(undone, user_id=kim) == 1
    [listed] = await users.page(undone, before=None, limit=9)
    assert listed.second_factor
    assert await second_factors.remove(undone, user_id=kim)
    assert await undone.fetchval("SELECT count(*) FROM recovery_codes") == 0
    [listed] = await users.page(undone, before=None, limit=9)
    assert not listed.second_factor
