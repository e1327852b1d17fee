"""A log-in counts while it is used, for half a day at most, and while its person is there."""

from __future__ import annotations

import hashlib

import pytest

from server.store import sessions, users
from server.store.pool import Connection

IDLE_S = 1800


async def logged_in(db: Connection, *, absolute_s: int = 43200) -> tuple[users.User, sessions.NewSession]:
    person = await users.create(
        db, email="kim@example.com", name="Kim", roles=["marketer", "admin"], store_id=None, password_hash="x"
    )
    assert person is not None
    return person, await sessions.create(db, user_id=person.id, absolute_s=absolute_s)


async def test_a_log_in_is_found_by_its_cookie_with_what_its_person_may(db: Connection) -> None:
    person, made = await logged_in(db)
    found = await sessions.find(db, token=made.token, idle_s=IDLE_S)
    assert found == sessions.Session(person.id, ("marketer", "admin"), None, True, made.csrf, False)
    assert await sessions.find(db, token=made.csrf, idle_s=IDLE_S) is None
    assert await db.fetchval("SELECT hash FROM sessions") == hashlib.sha256(made.token.encode()).digest()


async def test_every_log_in_has_a_number_and_a_token_of_its_own(db: Connection) -> None:
    person, first = await logged_in(db)
    second = await sessions.create(db, user_id=person.id, absolute_s=60)
    assert len({first.token, first.csrf, second.token, second.csrf}) == 4


@pytest.mark.parametrize(("idle", "counts"), [(1700, True), (1900, False)])
async def test_a_log_in_that_is_not_used_ends(db: Connection, idle: int, counts: bool) -> None:
    _, made = await logged_in(db)
    await db.execute("UPDATE sessions SET seen_at = now() - make_interval(secs => $1)", idle)
    found = await sessions.find(db, token=made.token, idle_s=IDLE_S)
    assert (found is not None) is counts
    if found:
        assert found.stale


async def test_a_use_is_written_down(db: Connection) -> None:
    _, made = await logged_in(db)
    await db.execute("UPDATE sessions SET seen_at = now() - interval '10 minutes'")
    await sessions.touch(db, token=made.token)
    found = await sessions.find(db, token=made.token, idle_s=IDLE_S)
    assert found is not None
    assert not found.stale


async def test_a_log_in_ends_for_good_however_much_it_is_used(db: Connection) -> None:
    _, made = await logged_in(db)
    await db.execute("UPDATE sessions SET ends_at = now() - interval '1 second'")
    await sessions.touch(db, token=made.token)
    assert await sessions.find(db, token=made.token, idle_s=IDLE_S) is None


async def test_one_log_in_or_all_of_a_person_can_be_ended(db: Connection) -> None:
    person, first = await logged_in(db)
    second = await sessions.create(db, user_id=person.id, absolute_s=60)
    third = await sessions.create(db, user_id=person.id, absolute_s=60)
    await sessions.end(db, token=first.token)
    assert await sessions.find(db, token=first.token, idle_s=IDLE_S) is None
    assert await sessions.find(db, token=second.token, idle_s=IDLE_S) is not None
    await sessions.end_all(db, user_id=person.id)
    assert await sessions.find(db, token=second.token, idle_s=IDLE_S) is None
    assert await sessions.find(db, token=third.token, idle_s=IDLE_S) is None


async def test_the_log_ins_of_who_is_turned_off_or_removed_do_not_count(db: Connection) -> None:
    person, made = await logged_in(db)
    await users.change(db, id_=person.id, name="Kim", roles=["admin"], store_id=None, disabled=True)
    assert await sessions.find(db, token=made.token, idle_s=IDLE_S) is None
    await users.change(db, id_=person.id, name="Kim", roles=["admin"], store_id=None, disabled=False)
    assert await sessions.find(db, token=made.token, idle_s=IDLE_S) is not None
    await users.remove(db, id_=person.id)
    assert await db.fetchval("SELECT count(*) FROM sessions") == 0
