"""Rows past their days are deleted; younger ones stay, and so do passes' moments."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from server.store.pool import Connection, Pool
from server.store.retention import FORGET, Ages, ages_by_table, forget, forget_some

AGES = Ages(pings=timedelta(days=14), events=timedelta(days=400), tokens=timedelta(days=90))
CUSTOMER = UUID(int=7)


async def _pings(db: Connection, *, days: int, count: int) -> None:
    await db.execute(
        "INSERT INTO pings (bucket, customer_id, id, at, received_at, cell)"
        " SELECT 7, $1, gen_random_uuid(), now(), now() - make_interval(days => $2), '52.50,13.40' FROM generate_series(1, $3)",
        CUSTOMER,
        days,
        count,
    )


async def test_pings_past_their_days_go_and_younger_ones_stay(pool: Pool, db: Connection) -> None:
    await _pings(db, days=15, count=30)
    await _pings(db, days=13, count=20)
    gone = await forget(pool, ages=AGES, rows=7)
    assert gone["pings"] == 30
    assert await db.fetchval("SELECT count(*) FROM pings") == 20


async def test_one_go_deletes_a_bounded_number_of_rows(db: Connection) -> None:
    await _pings(db, days=15, count=30)
    assert await forget_some(db, table="pings", age=AGES.pings, rows=7) == 7
    assert await db.fetchval("SELECT count(*) FROM pings") == 23


async def test_a_token_that_is_used_lives_on(pool: Pool, db: Connection) -> None:
    for number, used_days in ((1, 5), (2, 95)):
        await db.execute(
            "INSERT INTO customer_tokens (bucket, hash, customer_id, created_at, last_used_at)"
            " VALUES (7, $1, $2, now() - interval '200 days', now() - make_interval(days => $3))",
            bytes([number]),
            CUSTOMER,
            used_days,
        )
    await forget(pool, ages=AGES)
    assert await db.fetchval("SELECT array_agg(hash) FROM customer_tokens") == [b"\x01"]


@pytest.mark.parametrize("table", sorted(FORGET))
async def test_every_table_that_forgets_has_an_age_and_a_statement_that_runs(db: Connection, table: str) -> None:
    assert await forget_some(db, table=table, age=ages_by_table(AGES)[table]) == 0


def test_a_signed_message_is_known_for_longer_than_it_could_count() -> None:
    ages = AGES._replace(signatures=timedelta(minutes=30))
    assert ages_by_table(ages)["signed_messages"] > 2 * timedelta(minutes=30)


def test_idempotency_keys_outlive_a_weekend_by_far() -> None:
    assert ages_by_table(AGES)["idempotency_keys"] == timedelta(days=7)


ROWS = {
    "skies": (
        "INSERT INTO skies (id, weather, used_at)"
        " VALUES ($1::smallint::text || gen_random_uuid(), '[]', now() - $2::interval)"
    ),
    "pass_jobs": (
        "INSERT INTO pass_jobs (id, kind, state, asked_by, created_at) SELECT gen_random_uuid(), 'resign', 'done', 'u',"
        " now() - $2::interval WHERE $1::integer IS NOT NULL"
    ),
    "google_callbacks": (
        "INSERT INTO google_callbacks (bucket, serial, nonce_hash, event, received_at)"
        " VALUES ($1, gen_random_uuid(), '', 'save', now() - $2::interval)"
    ),
    "replays": (
        "INSERT INTO replays (id, offer_id, version, from_at, to_at, asked_by, created_at) SELECT gen_random_uuid(),"
        " gen_random_uuid(), 1, now(), now(), $1::smallint::text, now() - $2::interval"
    ),
    "pings": (
        "INSERT INTO pings (bucket, customer_id, id, at, received_at, cell)"
        " VALUES ($1, gen_random_uuid(), gen_random_uuid(), now(), now() - $2::interval, '')"
    ),
    "visits": (
        "INSERT INTO visits (bucket, customer_id, at, geofence_id)"
        " VALUES ($1, gen_random_uuid(), now() - $2::interval, gen_random_uuid())"
    ),
    "trials": (
        "INSERT INTO trials (bucket, customer_id, offer_id, moment_id, held_out, started_at, goal_until, due_at, followed_until)"
        " SELECT $1, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), false, at, at, at, at"
        " FROM (SELECT now() - $2::interval AS at) AS moment"
    ),
    "receipts": (
        "INSERT INTO receipts (bucket, id, customer_id, at, verdicts)"
        " VALUES ($1, gen_random_uuid(), gen_random_uuid(), now() - $2::interval, '[]')"
    ),
    "receipt_lines": (
        "INSERT INTO receipt_lines (bucket, receipt_id, place, offer_id, at)"
        " VALUES ($1, gen_random_uuid(), 1, gen_random_uuid(), now() - $2::interval)"
    ),
    "app_events": (
        "INSERT INTO app_events (bucket, id, moment_id, type, at, received_at)"
        " VALUES ($1, gen_random_uuid(), gen_random_uuid(), 'opened', now(), now() - $2::interval)"
    ),
    "customer_events": (
        "INSERT INTO customer_events (bucket, id, customer_id, name, at)"
        " VALUES ($1, gen_random_uuid(), gen_random_uuid(), 'visit', now() - $2::interval)"
    ),
    "external_sends": (
        "INSERT INTO external_sends (bucket, customer_id, id, channel, pressure, at, received_at)"
        " VALUES ($1, gen_random_uuid(), 'a', 'email', 'marketing', now(), now() - $2::interval)"
    ),
    "occasions": (
        "INSERT INTO occasions (bucket, id, customer_id, kind, name, at)"
        " VALUES ($1, gen_random_uuid(), gen_random_uuid(), 'event', 'visit', now() - $2::interval)"
    ),
    "firings": (
        "INSERT INTO firings (id, kind, at, next_chunk)"
        " SELECT gen_random_uuid(), 'schedule', now() - $2::interval, 1024 WHERE $1::smallint IS NOT NULL"
    ),
    "deliveries": (
        "INSERT INTO deliveries (bucket, id, moment_id, offer_id, channel, not_before, deliver_by, created_at)"
        " VALUES ($1, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'push', now(), now(), now() - $2::interval)"
    ),
    "webhook_events": (
        "INSERT INTO webhook_events (bucket, id, type, at, subject, data)"
        " VALUES ($1, gen_random_uuid(), 't', now() - $2::interval, '', '{}')"
    ),
    "webhook_calls": (
        "INSERT INTO webhook_calls (bucket, event_id, webhook_id, queued_at)"
        " VALUES ($1, gen_random_uuid(), gen_random_uuid(), now() - $2::interval)"
    ),
    "moments": (
        "INSERT INTO moments (bucket, id, offer_id, offer_version, offer_name, variant, placement, channel, pressure, title,"
        " body, action, created_at, deliver_by, local_day, local_hour, weekday)"
        " VALUES ($1, gen_random_uuid(), gen_random_uuid(), 1, 'o', 'v', 'card', 'push', 'p', '', '', '{}',"
        " now() - $2::interval, now(), now(), 1, 1)"
    ),
    "customer_tokens": (
        "INSERT INTO customer_tokens (bucket, hash, customer_id, created_at)"
        " VALUES ($1, uuid_send(gen_random_uuid()), gen_random_uuid(), now() - $2::interval)"
    ),
    "idempotency_keys": (
        "INSERT INTO idempotency_keys (bucket, principal, route, key, body_hash, created_at)"
        " VALUES ($1, gen_random_uuid(), 'r', 'k', '', now() - $2::interval)"
    ),
    "signed_messages": (
        "INSERT INTO signed_messages (key_id, id_hash, at)"
        " SELECT gen_random_uuid(), '', now() - $2::interval WHERE $1::smallint IS NOT NULL"
    ),
    "sessions": (
        "INSERT INTO sessions (hash, user_id, csrf, ends_at)"
        " SELECT uuid_send(gen_random_uuid()), id, '', now() - $2::interval FROM users WHERE $1::smallint IS NOT NULL"
    ),
    "happened_cells": (
        "INSERT INTO happened_cells (slot, what, count)"
        " SELECT now() - $2::interval, (ARRAY['pings', 'moments', 'opens', 'passes', 'redemptions'])[1 + $1::smallint % 5], 1"
        " ON CONFLICT (slot, what) DO UPDATE SET slot = excluded.slot - $1::smallint * interval '1 us'"
    ),
    "half_logins": (
        "INSERT INTO half_logins (hash, user_id, ends_at)"
        " SELECT uuid_send(gen_random_uuid()), id, now() - $2::interval FROM users WHERE $1::smallint IS NOT NULL"
    ),
    "login_failures": (
        "INSERT INTO login_failures (account, network, at)"
        " SELECT 'a', 'n', now() - $2::interval WHERE $1::smallint IS NOT NULL"
    ),
}
"""By table, a row of a bucket that is so old."""
SECOND = timedelta(seconds=1)


@pytest.fixture
async def old(undone: Connection) -> Connection:
    """A connection within a transaction, in which `now()` stands still: so ages are exact."""
    await undone.execute(
        "INSERT INTO users (id, email, name, roles, password_hash) VALUES (gen_random_uuid(), 'a@b', 'A', '{}', 'x')"
    )
    return undone


@pytest.mark.parametrize("table", sorted(FORGET))
async def test_a_row_is_forgotten_when_it_is_older_than_its_age_and_not_at_it(old: Connection, table: str) -> None:
    age = ages_by_table(AGES)[table]
    for bucket, years in ((1, timedelta(0)), (1, SECOND), (1023, SECOND), (2, timedelta(days=900)), (3, -age)):
        await old.execute(ROWS[table], bucket, age + years)
    assert await forget_some(old, table=table, age=age) == 3
    assert await old.fetchval(f"SELECT count(*) FROM {table}") == 2
    assert await forget_some(old, table=table, age=age) == 0


@pytest.mark.parametrize("table", sorted(FORGET))
async def test_no_table_forgets_more_at_once_than_it_is_told_to(old: Connection, table: str) -> None:
    age = ages_by_table(AGES)[table]
    for bucket in range(5):
        await old.execute(ROWS[table], bucket, age + SECOND)
    assert [await forget_some(old, table=table, age=age, rows=2) for _ in range(4)] == [2, 2, 1, 0]


async def test_a_moment_with_a_pass_stays_as_long_as_the_ledger(old: Connection) -> None:
    for bucket in range(3):
        await old.execute(ROWS["moments"], bucket, AGES.events + SECOND)
    await old.execute("UPDATE moments SET pass_serial = gen_random_uuid() WHERE bucket = 1")
    assert await forget_some(old, table="moments", age=AGES.events) == 2
    assert await old.fetchval("SELECT array_agg(bucket) FROM moments") == [1]


async def test_a_token_that_was_never_used_ages_from_its_making(old: Connection) -> None:
    for bucket, age in ((1, timedelta(days=91)), (2, timedelta(days=89))):
        await old.execute(ROWS["customer_tokens"], bucket, age)
    assert await forget_some(old, table="customer_tokens", age=AGES.tokens) == 1
    assert await old.fetchval("SELECT array_agg(bucket) FROM customer_tokens") == [2]


async def test_all_tables_are_forgotten_in_one_go_and_each_says_how_many(pool: Pool, db: Connection) -> None:
    await db.execute(
        "INSERT INTO users (id, email, name, roles, password_hash) VALUES (gen_random_uuid(), 'a@b', 'A', '{}', 'x')"
    )
    for number, (table, age) in enumerate(ages_by_table(AGES).items(), 1):
        for bucket in range(number):
            await db.execute(ROWS[table], bucket, age + SECOND)
    gone = await forget(pool, ages=AGES, rows=3)
    assert gone == {table: number for number, table in enumerate(ages_by_table(AGES), 1)}
    assert set((await forget(pool, ages=AGES, rows=3)).values()) == {0}


async def test_two_who_forget_at_once_do_not_get_into_each_others_way(pool: Pool, db: Connection) -> None:
    await _pings(db, days=15, count=60)
    await _pings(db, days=1, count=10)
    gone = await asyncio.gather(*(forget(pool, ages=AGES, rows=9) for _ in range(3)))
    assert sum(each["pings"] for each in gone) == 60
    assert await db.fetchval("SELECT count(*) FROM pings") == 10


def test_each_age_comes_from_the_setting_of_its_kind() -> None:
    ages = ages_by_table(Ages(pings=timedelta(1), events=timedelta(2), tokens=timedelta(3), webhooks=timedelta(4)))
    assert {table for table, age in ages.items() if age == timedelta(2)} - {"occasions"} == {
        *(
            "receipt_lines",
            "receipts",
            "trials",
            "app_events",
            "customer_events",
            "external_sends",
            "deliveries",
            "moments",
            "happened_cells",
        )
    }
    assert ages["customer_tokens"] == timedelta(3)
    assert (ages["webhook_events"], ages["webhook_calls"]) == (timedelta(4), timedelta(4))
    assert set(ages) == set(FORGET)
