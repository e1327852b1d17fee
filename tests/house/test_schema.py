"""Rules of the schema, read from the database's own catalogue: whoever adds a table is told what it still lacks."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from server.store.erasure import ERASE, KEPT, TABLES
from server.store.pool import Pool
from server.store.retention import FORGET

NO_PRIMARY_KEY = {
    "funnel_facts": "a queue: facts are added, and taken by where they lie",
    "ping_facts": "a queue: counts are added, and taken by where they lie",
    "login_failures": "a tally: rows are counted, and forgotten by their age",
    "loyalty_marks": "a queue: marks are added, and taken by the day",
}
ACROSS_SHARDS = {
    "customer_state_wake": "the job of dwell timers asks every shard",
    "customer_events_at": "the job that forgets asks every shard",
    "customer_events_scored": "reports",
    "customer_tokens_used": "the job that forgets asks every shard",
    "customers_zone": "the clock asks in which zones customers are at home",
    "occasions_at": "the job that forgets asks every shard",
    "occasions_due": "the job that decides on occasions asks every shard",
    "push_tokens_owner": "rows lie by the token's hash, and an erasure finds them by their owner",
    "registrations_pass": "rows lie by the device's hash, and an erasure finds them by their pass",
    "registrations_held": "reports count the wallets of passes in the passes' order",
    "registrations_token": "a push token is taken from the device that had it",
    "pings_received": "exports, and the job that forgets",
    "visits_at": "the job that forgets",
    "trials_next": "the job that follows trials",
    "trials_started": "reports, and the job that forgets",
    "receipts_at": "exports, and the job that forgets",
    "receipt_lines_offer": "receipts of one offer, whoever's they are",
    "receipt_lines_at": "the job that forgets",
    "moments_created": "reports, and the job that forgets",
    "passes_relevant": "the job that looks where passes come up",
    "moments_attributed": "the job that looks what came of moments",
    "moments_open": "the job that ends moments",
    "moments_told": "the job that ends moments",
    "moments_reserved": "shares of places in rolling periods are an offer's, not a customer's",
    "deliveries_out": "senders ask every shard for what one service is to take",
    "deliveries_dead": "people look at what nobody took",
    "deliveries_created": "exports, and the job that forgets",
    "webhook_events_at": "replays, and the job that forgets",
    "webhook_calls_due": "senders ask every shard for what one endpoint is to be told",
    "webhook_calls_out": "senders count what one endpoint is being told",
    "webhook_calls_log": "one endpoint's log",
    "webhook_calls_queued": "the job that forgets",
    "app_events_received": "exports, and the job that forgets",
    "passes_open": "reports",
    "segment_members_segment": "reports",
    "customers_segments": "reports",
    "passes_offer": "an offer's passes are voided, walked and counted together",
    "passes_changed": "the job that numbers asks every shard",
    "passes_erased": "the job that ends farewells asks every shard",
    "registrations_erased": "the job that ends farewells asks every shard",
    "deliveries_farewell": "the job that ends farewells asks every shard",
    "passes_expiry": "the job that ends passes",
    "redemptions_store": "a store's ledger",
    "redemptions_at": "the ledger by day, and exports",
    "offline_redemptions_lost": "people look at what could not be booked",
    "external_sends_received": "the job that forgets",
    "google_callbacks_received": "the job that forgets",
    "idempotency_keys_age": "the job that forgets",
}
"""Indexes of customers' tables that do not begin with the bucket: none of them serves the hot path."""

LEDGERS = {
    "audit": ("UPDATE", "DELETE", "TRUNCATE"),
    "redemptions": ("UPDATE", "DELETE", "TRUNCATE"),
    "reversals": ("UPDATE", "DELETE", "TRUNCATE"),
    "offline_redemptions": ("UPDATE", "DELETE", "TRUNCATE"),
    "consents": ("UPDATE", "TRUNCATE"),  # an erasure takes a customer's own consents with them
}
STAYS = {
    **dict.fromkeys(
        ("customers", "external_ids", "customer_state", "devices", "push_tokens"), "as long as the customer"
    ),
    **dict.fromkeys(("consents", "redemptions", "reversals", "offline_redemptions", "audit", "audit_head"), "a ledger"),
    "registrations": "as long as the wallet holds the pass: it says when it does not; at most so many of a pass. Of an erased"
    " customer's the job of farewells takes them a day later",
    "passes": "what the ledger of uses refers to; an erasure takes the customer out of it",
    **dict.fromkeys(("funnel_facts", "ping_facts"), "moved into cells within seconds"),
    "funnel_cells": "reports of past years; counts, and hashes that name nobody",
    "funnel_sums": "reports of past years; counts, and hashes that name nobody",
    "loyalty_days": "made of what happened, and made anew when that is forgotten; hashes that name nobody",
    "loyalty_marks": "taken away within a minute, when their day is made anew",
    "loyalty_zone": "one row",
    **dict.fromkeys(("lift_cells", "lift_sums"), "reports of past years; sums that name nobody"),
    **dict.fromkeys(
        ("offers", "offer_versions", "offer_approvals", "budgets", "place_budgets", "segments"),
        "what people have written",
    ),
    **dict.fromkeys(("stores", "geofences"), "what people have written; ledgers name them also when they have closed"),
    **dict.fromkeys(("users", "api_keys", "webhooks", "till_keys"), "as long as somebody does not remove them"),
    **dict.fromkeys(("second_factors", "recovery_codes"), "as long as their person does not turn it off"),
    "addresses": "what a geocoder answered about shops: its policy asks that nothing is asked twice",
    "geocoder_turn": "one row",
    "wrong_codes": "one row per till",
    "weather_cells": "one row per cell with a place in it",
    "pass_tags": "one row per pass type",
    "google_objects": "what Google has of a pass, as long as there is the pass",
    "google_classes": "one row per offer that is at Google",
    "relevance_walk": "one row: how far a walk is",
    "segment_members": "as long as they are in it: each round of the job takes out who is not",
    "job_segment_sweep": "one row",
    "ruleset_epoch": "one row",
    "programme": "one row",
    "migrations": "one row per file",
}
"""Tables that the job of forgetting leaves alone, and why."""


class Index(NamedTuple):
    """An index: its table, whether it is unique or the primary key, and its first column (None: an expression)."""

    table: str
    name: str
    unique: bool
    primary: bool
    first: str | None


INDEXES = """
SELECT i.indrelid::regclass::text, i.indexrelid::regclass::text, i.indisunique, i.indisprimary, a.attname
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
WHERE c.relnamespace = 'public'::regnamespace
"""
COLUMNS = """
SELECT c.table_name, c.column_name, c.data_type, c.is_nullable FROM information_schema.columns c
JOIN information_schema.tables t USING (table_schema, table_name)
WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'
"""


class Column(NamedTuple):
    """A column, with its type as PostgreSQL spells it."""

    table: str
    name: str
    type: str
    nullable: bool


@pytest.fixture(scope="module")
async def indexes(shared_pool: Pool) -> list[Index]:
    async with shared_pool.acquire() as db:
        return [Index(*row) for row in await db.fetch(INDEXES)]


@pytest.fixture(scope="module")
async def columns(shared_pool: Pool) -> list[Column]:
    async with shared_pool.acquire() as db:
        return [Column(*tuple(row)[:3], row["is_nullable"] == "YES") for row in await db.fetch(COLUMNS)]


@pytest.fixture(scope="module")
def tables(columns: list[Column]) -> set[str]:
    return {column.table for column in columns}


@pytest.fixture(scope="module")
def scoped(columns: list[Column]) -> set[str]:
    """Tables that lie in shards: whoever has a customer's id or a bucket."""
    return {column.table for column in columns if column.name in ("customer_id", "bucket")}


def test_every_table_has_a_primary_key_or_a_reason(indexes: list[Index], tables: set[str]) -> None:
    keyed = {index.table for index in indexes if index.primary}
    assert tables - keyed == set(NO_PRIMARY_KEY)


def test_whatever_is_a_customers_lies_in_a_shard(columns: list[Column], scoped: set[str]) -> None:
    buckets = {column.table: column for column in columns if column.name == "bucket"}
    assert set(buckets) == scoped
    assert {(bucket.type, bucket.nullable) for bucket in buckets.values()} == {("smallint", False)}


def test_every_key_of_a_customers_table_begins_with_the_bucket(indexes: list[Index], scoped: set[str]) -> None:
    wrong = [index.name for index in indexes if index.table in scoped and index.unique and index.first != "bucket"]
    assert not wrong


def test_other_indexes_of_customers_tables_begin_with_it_too_or_have_a_reason(
    indexes: list[Index], scoped: set[str]
) -> None:
    across = {index.name for index in indexes if index.table in scoped and index.first != "bucket"}
    assert across == set(ACROSS_SHARDS)


async def test_no_row_of_a_customer_refers_to_another_table_by_a_foreign_key(
    shared_pool: Pool, scoped: set[str]
) -> None:
    async with shared_pool.acquire() as db:
        rows = await db.fetch("SELECT conrelid::regclass::text AS name FROM pg_constraint WHERE contype = 'f'")
    assert not {row["name"] for row in rows} & scoped


def test_every_time_has_a_zone(columns: list[Column]) -> None:
    times = {column.type for column in columns if "time" in column.type}
    assert times == {"timestamp with time zone"}


def test_whatever_happened_has_a_time_and_no_time_is_a_number(columns: list[Column]) -> None:
    named = [column for column in columns if column.name == "at" or column.name.endswith(("_at", "_until", "_after"))]
    wrong = [each for each in named if each.type != "timestamp with time zone" and each.name != "redeem_at"]
    assert len(named) > 30
    assert not wrong


def test_money_is_whole_and_wide(columns: list[Column]) -> None:
    money = [column for column in columns if column.name.endswith("_minor") or column.name == "liability"]
    assert len(money) > 5
    assert {column.type for column in money} == {"bigint"}


def test_no_table_of_customers_has_a_column_that_could_hold_a_position(columns: list[Column], scoped: set[str]) -> None:
    fine = {"double precision", "real", "numeric", "point", "USER-DEFINED"}
    assert not [column for column in columns if column.table in scoped and column.type in fine]
    assert not [
        column for column in columns if column.table in scoped and column.name in ("lat", "lon", "position", "accuracy")
    ]


def test_tokens_passwords_and_keys_are_hashes_or_sealed(columns: list[Column]) -> None:
    secrets = {
        "hash": "bytea",
        "token_sealed": "bytea",
        "totp_sealed": "bytea",
        "body_hash": "bytea",
        "previous": "bytea",
    }
    assert not [column for column in columns if secrets.get(column.name, column.type) != column.type]
    names = {column.name for column in columns}
    assert not names & {"token", "password", "secret", "api_key", "barcode", "code"}


def test_the_registries_name_tables_that_are_there(tables: set[str]) -> None:
    assert (set(TABLES) | set(ERASE) | set(KEPT) | set(FORGET)) - tables == set()


def test_everything_of_a_customer_is_exported_and_erased(columns: list[Column], scoped: set[str]) -> None:
    assert scoped - {"funnel_facts"} == set(TABLES)  # facts hold a hash, and are gone within seconds
    assert set(ERASE) | set(KEPT) == set(TABLES)
    erasable = {column.table for column in columns if column.name == "customer_id"}
    assert erasable <= set(ERASE)


def test_what_an_erasure_only_takes_the_customer_out_of_can_do_without_one(columns: list[Column]) -> None:
    emptied = {table for table, sql in ERASE.items() if sql.startswith("UPDATE")} - {
        "registrations"
    }  # names no customer
    nullable = {column.table for column in columns if column.name == "customer_id" and column.nullable}
    assert emptied == nullable


def test_every_table_is_forgotten_in_time_or_has_a_reason_to_stay(tables: set[str]) -> None:
    assert set(FORGET) | set(STAYS) == tables
    assert not set(FORGET) & set(STAYS)
    assert not set(FORGET) & set(LEDGERS)


async def test_only_the_ledgers_have_a_guard_and_all_of_them(shared_pool: Pool) -> None:
    async with shared_pool.acquire() as db:
        rows = await db.fetch(
            "SELECT event_object_table AS name, array_agg(event_manipulation::text) AS events"
            " FROM information_schema.triggers GROUP BY 1"
        )
        truncated = await db.fetch(
            "SELECT tgrelid::regclass::text AS name FROM pg_trigger WHERE tgtype & 32 <> 0 AND tgenabled = 'O'"
        )
    guarded = {row["name"]: set(row["events"]) for row in rows}
    noted = guarded.pop("customer_events")
    assert noted == {"INSERT", "UPDATE", "DELETE"}  # no guard: they mark the day
    assert guarded == {table: set(events) - {"TRUNCATE"} for table, events in LEDGERS.items()}
    assert {row["name"] for row in truncated} == set(LEDGERS)
