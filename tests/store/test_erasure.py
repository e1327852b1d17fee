"""The registry of what is a customer's, compared with the database's own catalogue."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from server.model.ids import bucket_of, bucket_of_text
from server.store import farewell
from server.store.erasure import ERASE, KEPT, TABLES, erase, export
from server.store.ids import new_id
from server.store.pool import Connection, Pool
from tests.builders import NOON
from tests.counter_rows import row_of, set_scene
from tests.pipeline.town import Town

INDIRECT = {
    "customers",
    "receipt_lines",
    "redemptions",
    "reversals",
    "offline_redemptions",
    "registrations",
    "idempotency_keys",
    "webhook_calls",
    "google_objects",
    "google_callbacks",
}
"""Tables that hold rows of customers without a column `customer_id`: by the id, the pass, the event, or the principal."""

NOT_THEIRS = {
    *(
        "geofences",
        "stores",
        "segments",
        "offers",
        "offer_versions",
        "offer_approvals",
        "budgets",
        "place_budgets",
        "ruleset_epoch",
        "programme",
        "skies",
    ),
    *(
        "pass_tags",
        "users",
        "sessions",
        "second_factors",
        "ping_facts",
        "happened_cells",
        "funnel_sums",
        "lift_sums",
        "recovery_codes",
        "half_logins",
        "login_failures",
        "api_keys",
        "audit",
        "audit_head",
        "migrations",
        "wrong_codes",
        "firings",
        "weather_cells",
        "addresses",
        "geocoder_turn",
        "replays",
        "webhooks",
    ),
    *("addresses", "geocoder_turn", "replays"),  # of shops, of processes, and sums that marketers asked for
    "google_classes",  # of offers
    "till_keys",  # of tills: public halves of their browsers' keys
    "signed_messages",  # of other systems: hashes of their own ids
    *("pass_jobs", "relevance_walk"),  # how far passes were walked through
    *("loyalty_days", "loyalty_marks", "loyalty_zone"),  # hashes again, made anew from the events that are left
    *("funnel_facts", "funnel_cells", "lift_cells"),  # a hash of the id, which nobody can turn round, counts and sums
}

COLUMNS = (
    "SELECT DISTINCT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = $1"
)
ALL = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"


async def test_every_table_with_a_customers_rows_is_in_the_export_and_in_the_erasure(db: Connection) -> None:
    named = {row["table_name"] for row in await db.fetch(COLUMNS, "customer_id")} | INDIRECT
    assert set(TABLES) == named
    assert set(ERASE) | set(KEPT) == named
    assert not set(ERASE) & set(KEPT)


async def test_every_table_of_the_schema_was_thought_of(db: Connection) -> None:
    tables = {row["table_name"] for row in await db.fetch(ALL)}
    assert tables - set(TABLES) - NOT_THEIRS - _added_later(tables) == set()


def _added_later(tables: set[str]) -> set[str]:
    """Tables of which it is plain that they hold no customer's rows: those of the house's own jobs."""
    return {table for table in tables if table.startswith(("job_", "report_"))}


async def test_each_tables_columns_but_secrets_are_in_the_export(db: Connection, pool: Pool) -> None:
    town = Town(pool)
    customer = await town.customer()
    document = await export(db, customer_id=customer)
    assert set(document) == set(TABLES)
    columns = {
        row["column_name"]
        for row in await db.fetch(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'customers' AND table_schema = 'public'"
        )
    }
    assert set(document["customers"][0]) == columns


async def test_an_erasure_tells_whether_there_was_a_customer(db: Connection, pool: Pool) -> None:
    customer = await Town(pool).customer()
    async with db.transaction():
        assert await erase(db, customer_id=customer)
        assert not await erase(db, customer_id=customer)
        assert not await erase(db, customer_id=new_id())
    assert await db.fetchval("SELECT count(*) FROM customer_state") == 0


GIVEN: dict[str, Any] = {
    "purpose": "push",
    "platform": "ios",
    "type": "opened",
    "placement": "card",
    "channel": "push",
    "state": None,  # the column's own default, but for the customer's state, which is JSON
    "erased_at": None,
    "uses_total": 2,
    "uses_left": 1,
    "uses_made": 1,
    "use_no": 1,
    "kind": "event",
    "outcome": "redeemed",
    "minimum_currency": "EUR",
}
"""Values that a constraint asks for; every other column gets one by its type."""

COLUMNS_OF = """
SELECT column_name AS name, data_type AS type FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = $1 AND is_generated = 'NEVER' ORDER BY ordinal_position
"""
BY_TYPE = {
    "smallint": 1,
    "integer": 1,
    "bigint": 1,
    "boolean": True,
    "bytea": b"x",
    "timestamp with time zone": NOON,
    "date": NOON.date(),
    "ARRAY": [],
    "jsonb": "{}",
    "json": "{}",
}
PERSONAL = {
    "title",
    "body",
    "locale",
    "device_id",
    "push_token",
    "app_version",
    "attributes",
    "subscription",
    "cell",
    "name",
}
"""Columns into which the test writes the customer's own word."""


class Life(NamedTuple):
    """A customer of whom every table holds a row, and the word that those rows say of them."""

    id: UUID
    word: str
    pass_serial: UUID
    redemption_id: UUID
    receipt_id: UUID
    event_id: UUID


async def live(db: Connection, *, bucket: int) -> Life:
    """Write a row of a customer into every table of the registry, with a value in every column."""
    serial, redemption, receipt, event = (new_id(bucket=bucket) for _ in range(4))
    life = Life(new_id(bucket=bucket), f"word{new_id().hex}", serial, redemption, receipt, event)
    for table in TABLES:
        row = {}
        for column in await db.fetch(COLUMNS_OF, table):
            name, kind = column["name"], column["type"]
            if name in GIVEN and (GIVEN[name] is None) and table != "customer_state":
                continue
            row[name] = _value(life, table, name, kind)
        marks = ", ".join(f"${number}" for number in range(1, len(row) + 1))
        await db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", *row.values())
    return life


def _value(life: Life, table: str, name: str, kind: str) -> Any:
    theirs: dict[str, Any] = {
        "bucket": bucket_of_text(life.word) if table == "external_ids" else bucket_of(life.id),
        "pass_bucket": bucket_of(life.pass_serial),
        "customer_id": life.id,
        "id": {
            "customers": life.id,
            "redemptions": life.redemption_id,
            "receipts": life.receipt_id,
            "webhook_events": life.event_id,
        }.get(table),
        "event_id": life.event_id,
        "data": json.dumps({"customer_id": str(life.id), "serial": str(life.pass_serial)}),
        "serial": life.pass_serial,
        "redemption_id": life.redemption_id,
        "receipt_id": life.receipt_id,
        "external_id": life.word,
        "principal": f"customer:{life.id}",
        "hash": life.id.bytes,
    }
    if theirs.get(name) is not None:
        return theirs[name]
    if name in GIVEN and GIVEN[name] is not None:
        return GIVEN[name]
    if name in PERSONAL:
        return {"jsonb": f'{{"of": "{life.word}"}}', "bytea": life.word.encode()}.get(kind, life.word)
    if kind == "uuid":
        return new_id(bucket=bucket_of(life.id))
    return BY_TYPE.get(kind, "text")


async def found_in(db: Connection, *texts: str) -> set[str]:
    """Tell which tables have a row that says any of these texts, whatever the column."""
    tables = [row["table_name"] for row in await db.fetch(ALL)]
    return {
        table
        for table in tables
        for text in texts
        if await db.fetchval(f"SELECT EXISTS (SELECT FROM {table} t WHERE position($1 IN to_jsonb(t)::text) > 0)", text)
    }


async def test_an_export_holds_a_row_of_every_table_and_none_of_a_neighbours(undone: Connection) -> None:
    one, neighbour = await live(undone, bucket=7), await live(undone, bucket=7)
    document = await export(undone, customer_id=one.id)
    assert {table: len(rows) for table, rows in document.items()} == dict.fromkeys(TABLES, 1)
    told = json.dumps(document)
    assert one.word in told
    assert neighbour.word not in told
    assert str(neighbour.id) not in told


async def test_no_secret_is_in_an_export(undone: Connection) -> None:
    document = await export(undone, customer_id=(await live(undone, bucket=7)).id)
    named = {name for rows in document.values() for row in rows for name in row}
    assert not named & {"hash", "token_sealed", "body_hash", "device_hash"}
    assert "body" not in document["idempotency_keys"][0]
    assert "body" in document["moments"][0]


async def test_after_an_erasure_no_table_says_anything_of_the_customer(undone: Connection) -> None:
    one, neighbour = await live(undone, bucket=7), await live(undone, bucket=7)
    theirs = (str(one.id), one.word, str(one.receipt_id))
    indirect = {
        "redemptions",
        "reversals",
        "offline_redemptions",
        "webhook_calls",
        "google_objects",
        "google_callbacks",
    }
    assert await found_in(undone, *theirs) >= set(TABLES) - indirect
    before = await found_in(undone, str(neighbour.id), neighbour.word)
    whole = await export(undone, customer_id=neighbour.id)
    assert await erase(undone, customer_id=one.id)
    # A wallet hears the last word; then nothing tells of it either.
    assert await found_in(undone, *theirs, one.id.bytes.hex()) <= {"registrations"}
    await undone.execute("UPDATE registrations SET erased_at = erased_at - interval '1 day'")
    await farewell.end(undone, after=timedelta(days=1))
    assert await found_in(undone, *theirs, one.id.bytes.hex()) == set()
    assert await found_in(undone, str(neighbour.id), neighbour.word) == before
    assert await export(undone, customer_id=neighbour.id) == whole


async def test_after_an_erasure_the_ledger_still_adds_up(undone: Connection) -> None:
    one = await live(undone, bucket=7)
    await erase(undone, customer_id=one.id)
    left = await undone.fetchrow(
        "SELECT p.customer_id, r.use_no, v.reason FROM passes p JOIN redemptions r USING (bucket, serial)"
        " JOIN reversals v ON v.bucket = r.bucket AND v.redemption_id = r.id WHERE p.serial = $1",
        one.pass_serial,
    )
    assert left is not None
    assert tuple(left) == (None, 1, "text")


async def test_what_other_systems_are_still_to_be_told_names_the_customer_no_more(undone: Connection) -> None:
    one = await live(undone, bucket=7)
    await erase(undone, customer_id=one.id)
    [row] = await undone.fetch("SELECT customer_id, data FROM webhook_events WHERE id = $1", one.event_id)
    assert row["customer_id"] is None
    assert json.loads(row["data"]) == {"serial": str(one.pass_serial)}


@pytest.mark.parametrize(
    ("state", "after", "reason"),
    [
        ("queued", "suppressed", "erased"),
        ("leased", "suppressed", "erased"),
        ("delivered", "delivered", "sent"),
        ("dead", "dead", "sent"),
    ],
)
async def test_what_was_not_sent_yet_is_not_sent_any_more(
    undone: Connection, state: str, after: str, reason: str
) -> None:
    one = await live(undone, bucket=7)
    await undone.execute("UPDATE deliveries SET state = $2, reason = 'sent' WHERE customer_id = $1", one.id, state)
    way = await undone.fetchval("SELECT id FROM deliveries WHERE customer_id = $1", one.id)
    await erase(undone, customer_id=one.id)
    row = await undone.fetchrow("SELECT state, reason, leased_until, customer_id FROM deliveries WHERE id = $1", way)
    assert row is not None
    assert tuple(row) == (after, reason, None, None)


async def test_who_has_no_external_id_takes_nobody_elses_along(undone: Connection) -> None:
    one, other = await live(undone, bucket=7), await live(undone, bucket=7)
    await undone.execute("UPDATE customers SET external_id = NULL WHERE id = $1", one.id)
    assert await erase(undone, customer_id=one.id)
    assert await undone.fetchval("SELECT customer_id FROM external_ids WHERE external_id = $1", other.word) == other.id


async def test_an_erasure_that_is_rolled_back_was_none(undone: Connection) -> None:
    one = await live(undone, bucket=7)
    whole = await export(undone, customer_id=one.id)
    attempt = undone.transaction()
    await attempt.start()
    await erase(undone, customer_id=one.id)
    await attempt.rollback()
    assert await export(undone, customer_id=one.id) == whole


async def test_of_somebody_who_is_not_there_nothing_is_exported(undone: Connection) -> None:
    await live(undone, bucket=7)
    document = await export(undone, customer_id=new_id(bucket=7))
    assert document == {table: [] for table in TABLES}


async def test_an_erased_customers_pass_bears_no_name_and_tells_no_place(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    named = '{"holder": "Zoë-Canary", "near": [{"id": "0198a1c2-7d3e-7a10-b4c5-d6e7f8091a2b"}]}'
    await db.execute("UPDATE passes SET design = design || $1::jsonb", named)
    async with db.transaction():
        assert await erase(db, customer_id=scene.customer_id)
    design = json.loads((await row_of(db, scene.serial))["design"])
    assert design["title"] == "Coffee on us"
    assert not {"holder", "near"} & design.keys()
