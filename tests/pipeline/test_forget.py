"""Everything, and nothing: exports are complete, erasures leave ledgers that tell of nobody."""

from __future__ import annotations

import pytest

from server.errors import Unauthenticated
from server.pipeline.forget import erase, export
from server.store.ids import new_id
from tests.pipeline.town import Town, document, fix, street


async def test_an_erasure_gives_reservations_back_and_leaves_the_funnels_figures(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish(document(limits={"total": {"units": 10}}))
    gone, stays = await town.customers(2)
    async with street(db_dsn) as process:
        for each in (gone, stays):
            await process.ping(each, fix())
        async with process.pool.transaction() as db:
            await erase(db, customer_id=gone)
    assert await town.count("SELECT units FROM budgets") == 1
    assert await town.count("SELECT count(*) FROM funnel_facts WHERE step = 'decided'") == 2
    rows = await town.rows("SELECT customer_id, title, body FROM moments ORDER BY customer_id NULLS FIRST")
    assert rows[0] == {"customer_id": None, "title": "", "body": ""}
    assert rows[1]["customer_id"] == stays
    assert await town.count("SELECT count(*) FROM deliveries WHERE customer_id IS NULL AND state = 'suppressed'") == 1


async def test_whoever_is_not_there_can_neither_be_erased_nor_exported(town: Town) -> None:
    with pytest.raises(Unauthenticated):
        async with town.pool.transaction() as db:
            await erase(db, customer_id=new_id())
    with pytest.raises(Unauthenticated):
        await export(town.pool, customer_id=new_id())


async def test_an_export_is_of_one_instant_and_of_one_customer(town: Town, db_dsn: str) -> None:
    await town.open_shop()
    await town.publish()
    customer, other = await town.customers(2)
    async with street(db_dsn) as process:
        for each in (customer, other):
            await process.ping(each, fix())
        document_ = await export(process.pool, customer_id=customer)
    assert [row["id"] for row in document_["customers"]] == [str(customer)]
    for table in ("pings", "moments", "receipts", "deliveries", "customer_state"):
        assert len(document_[table]) == 1, table
    assert document_["pings"][0]["cell"] == "52.52,13.40"
