"""A half log-in counts for minutes, once, and while its person may log in; it is no session."""

from __future__ import annotations

import pytest

from server.store import half_logins, sessions, users
from server.store.pool import Connection


async def somebody(db: Connection) -> users.User:
    made = await users.create(db, email="k@e", name="K", roles=["admin"], store_id=None, password_hash="x")
    assert made is not None
    return made


async def test_it_is_found_by_its_cookie_ended_once_and_no_session(undone: Connection) -> None:
    kim = await somebody(undone)
    token = await half_logins.create(undone, user_id=kim.id)
    assert await half_logins.find(undone, token=token) == half_logins.Half(kim.id, "k@e", ("admin",), True)
    assert await sessions.find(undone, token=token, idle_s=1800) is None
    assert [await half_logins.end(undone, token=token) for _ in range(2)] == [True, False]
    assert await half_logins.find(undone, token=token) is None


@pytest.mark.parametrize(
    "deed",
    [
        "UPDATE half_logins SET ends_at = clock_timestamp() - interval '1 second'",
        "UPDATE users SET disabled_at = now()",
        "DELETE FROM users",
    ],
)
async def test_it_dies_with_its_time_and_its_person(undone: Connection, deed: str) -> None:
    token = await half_logins.create(undone, user_id=(await somebody(undone)).id)
    await undone.execute(deed)
    assert await half_logins.find(undone, token=token) is None


async def test_whatever_ends_all_log_ins_of_a_person_ends_half_ones(undone: Connection) -> None:
    kim = await somebody(undone)
    token = await half_logins.create(undone, user_id=kim.id)
    await sessions.end_all(undone, user_id=kim.id)
    assert await half_logins.find(undone, token=token) is None
