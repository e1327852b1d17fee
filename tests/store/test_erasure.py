"""The registry of what is a customer's, compared with the database's own catalogue."""

from __future__ import annotations

from server.store.erasure import ERASE, KEPT, TABLES, erase, export
from server.store.ids import new_id
from server.store.pool import Connection, Pool
from tests.pipeline.town import Town

INDIRECT = {"customers", "redemptions", "reversals", "idempotency_keys"}
"""Tables that hold rows of customers without a column `customer_id`: by the id, the pass, or the principal."""

NOT_THEIRS = {
    *("geofences", "stores", "segments", "offers", "offer_versions", "budgets", "place_budgets", "ruleset_epoch"),
    *(
        "pass_tags",
        "users",
        "sessions",
        "login_failures",
        "api_keys",
        "audit",
        "audit_head",
        "migrations",
        "wrong_codes",
    ),
    *("funnel_facts", "funnel_cells"),  # a hash of the id, which nobody can turn round, and counts
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
