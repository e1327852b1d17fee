"""`kairos migrate` brings a database to the head, says what it did, and does nothing the second time."""

from __future__ import annotations

import asyncpg

from server.store.migrate import read_migrations
from tests.street.process import kairos


async def test_an_empty_database_is_brought_to_the_head_once(cluster) -> None:
    admin = await asyncpg.connect(cluster.dsn)
    try:
        await admin.execute("CREATE DATABASE empty_one")
        environment = {"KAIROS__DATABASE__URL": cluster.dsn_for("kairos_owner", database="empty_one")}
        code, out, err = await kairos("migrate", environment=environment)
        assert code == 0, err
        assert out.split() == [each.name for each in read_migrations()]
        code, out, err = await kairos("migrate", environment=environment)
        assert (code, out) == (0, "")
        assert "nothing to do" in err
    finally:
        await admin.execute("DROP DATABASE IF EXISTS empty_one WITH (FORCE)")
        await admin.close()


async def test_an_address_that_is_no_database_is_told_in_a_sentence() -> None:
    code, out, err = await kairos("migrate", environment={"KAIROS__DATABASE__URL": "postgresql://x@127.0.0.1:1/none"})
    assert code == 1
    assert out == ""
    assert err.startswith("kairos: ")
    assert "Traceback" not in err
