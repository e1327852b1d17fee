"""Readings are kept once, and one that is cited again stays young."""

from __future__ import annotations

from server.store import skies
from server.store.pool import Connection


async def test_a_reading_is_kept_once_and_read_by_its_id(db: Connection) -> None:
    await skies.keep(db, skies={"b": "[2]", "a": "[1]"})
    await skies.keep(db, skies={"a": "[9]"})
    assert await skies.read(db, ids=["a", "b", "gone"]) == {"a": [1], "b": [2]}


async def test_a_reading_that_is_cited_again_after_days_is_in_use_again(db: Connection) -> None:
    await skies.keep(db, skies={"old": "[]", "left": "[]"})
    await db.execute("UPDATE skies SET used_at = now() - interval '9 days'")
    await skies.keep(db, skies={"old": "[]"})
    young = await db.fetch("SELECT id FROM skies WHERE used_at > now() - interval '1 day'")
    assert [row["id"] for row in young] == ["old"]
