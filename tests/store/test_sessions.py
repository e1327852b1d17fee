"""A log-in counts while it is used, for half a day at most, and while its person is there."""

from __future__ import annotations

import hashlib

import pytest

from server.store import sessions, users
from server.store.ids import new_id
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
    assert found is not None
    assert found[:6] == (person.id, ("marketer", "admin"), None, True, made.csrf, False)
    assert (found.fresh, found.second) == (False, False)  # nothing is asked of how fresh it is
    assert found.id == await db.fetchval("SELECT id FROM sessions")
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


async def test_nobody_gets_a_log_in_that_counts(undone: Connection) -> None:
    made = await sessions.create(undone, user_id=new_id(), absolute_s=60)
    assert await sessions.find(undone, token=made.token, idle_s=IDLE_S) is None
    assert await undone.fetchval("SELECT count(*) FROM sessions") == 0


@pytest.mark.parametrize("token", ["", "ks_", "ks_" + "A" * 43, "\ud800", "x" * 10_000, "'; --"])
async def test_a_text_that_is_no_cookie_of_ours_finds_changes_and_ends_nothing(undone: Connection, token: str) -> None:
    _, made = await logged_in(undone)
    await sessions.touch(undone, token=token)
    await sessions.end(undone, token=token)
    assert await sessions.find(undone, token=token, idle_s=IDLE_S) is None
    assert await sessions.find(undone, token=made.token, idle_s=IDLE_S) is not None


async def test_a_token_of_another_case_is_another_token(undone: Connection) -> None:
    _, made = await logged_in(undone)
    assert await sessions.find(undone, token=made.token.swapcase(), idle_s=IDLE_S) is None
    assert await sessions.find(undone, token=made.token + " ", idle_s=IDLE_S) is None


@pytest.mark.parametrize(
    ("idle_s", "seconds", "stale"), [(1800, 55, False), (1800, 65, True), (40, 8, False), (40, 12, True)]
)
async def test_a_use_is_to_be_written_down_after_a_minute_or_a_quarter_of_the_idle_time(
    undone: Connection, idle_s: int, seconds: int, stale: bool
) -> None:
    _, made = await logged_in(undone)
    await undone.execute("UPDATE sessions SET seen_at = clock_timestamp() - make_interval(secs => $1)", seconds)
    found = await sessions.find(undone, token=made.token, idle_s=idle_s)
    assert found is not None
    assert found.stale is stale


async def test_what_a_person_may_is_looked_up_each_time(undone: Connection) -> None:
    person, made = await logged_in(undone)
    await users.change(undone, id_=person.id, name="Kim", roles=["analyst"], store_id=None, disabled=False)
    await users.set_password(undone, id_=person.id, password_hash="y", one_time=False)
    found = await sessions.find(undone, token=made.token, idle_s=IDLE_S)
    assert found is not None
    assert (found.roles, found.one_time) == (("analyst",), False)


async def test_ending_all_of_one_person_ends_none_of_another(undone: Connection) -> None:
    person, _ = await logged_in(undone)
    other = await users.create(undone, email="t@e", name="T", roles=["admin"], store_id=None, password_hash="x")
    assert other is not None
    kept = await sessions.create(undone, user_id=other.id, absolute_s=60)
    await sessions.end_all(undone, user_id=person.id)
    found = await sessions.find(undone, token=kept.token, idle_s=IDLE_S)
    assert found is not None
    assert found.user_id == other.id
    assert await undone.fetchval("SELECT count(*) FROM sessions") == 1


@pytest.mark.parametrize(("age", "fresh"), [(800, True), (1000, False)])
async def test_a_log_in_is_fresh_until_its_password_was_given_long_ago(
    undone: Connection, age: int, fresh: bool
) -> None:
    _, made = await logged_in(undone)
    await undone.execute("UPDATE sessions SET proven_at = clock_timestamp() - make_interval(secs => $1)", age)
    found = await sessions.find(undone, token=made.token, idle_s=IDLE_S, reauth_s=900)
    assert found is not None
    assert found.fresh is fresh


async def test_a_renewed_log_in_has_another_cookie_and_ends_when_it_would_have(undone: Connection) -> None:
    _, made = await logged_in(undone)
    await undone.execute(
        "UPDATE sessions SET proven_at = now() - interval '1 day', ends_at = now() + interval '1 hour'"
    )
    before = await undone.fetchrow("SELECT id, csrf, ends_at, created_at FROM sessions")
    fresh = await sessions.renew(undone, token=made.token)
    assert fresh is not None
    assert await sessions.find(undone, token=made.token, idle_s=IDLE_S) is None
    found = await sessions.find(undone, token=fresh, idle_s=IDLE_S, reauth_s=900)
    assert found is not None
    assert found.fresh
    assert await undone.fetchrow("SELECT id, csrf, ends_at, created_at FROM sessions") == before
    assert await sessions.renew(undone, token=made.token) is None


async def test_log_ins_are_listed_with_where_they_come_from_and_ended_by_their_id(undone: Connection) -> None:
    person, _ = await logged_in(undone)
    other = await users.create(undone, email="t@e", name="T", roles=["admin"], store_id=None, password_hash="x")
    assert other is not None
    origin = sessions.From("203.0.113.0/24", "Firefox, Linux")
    await sessions.create(undone, user_id=other.id, absolute_s=60, origin=origin)
    newest, oldest = await sessions.page(undone, idle_s=IDLE_S, limit=9)
    assert (newest.email, newest.network, newest.browser) == ("t@e", *origin)
    assert (oldest.user_id, oldest.network) == (person.id, None)
    mark = (newest.created_at, newest.id)
    assert await sessions.page(undone, idle_s=IDLE_S, limit=9, before=mark) == [oldest]
    assert await sessions.page(undone, idle_s=IDLE_S, limit=9, user_id=other.id) == [newest]
    assert await sessions.end_one(undone, id_=newest.id, user_id=person.id) is None
    assert await sessions.end_one(undone, id_=newest.id) == other.id
    assert await sessions.end_one(undone, id_=newest.id) is None
    assert await sessions.page(undone, idle_s=IDLE_S, limit=9) == [oldest]
    assert await sessions.end_all(undone, user_id=person.id, but=oldest.id) == 0
    await undone.execute("UPDATE sessions SET seen_at = now() - interval '2 hours'")
    assert await sessions.page(undone, idle_s=IDLE_S, limit=9) == []
