"""Cards written anew: held while they are, read as they were written, and looked at again."""

from __future__ import annotations

from pathlib import Path

from server.model.pass_ import Card
from server.store import cards, passes
from server.store.cards import HeldCard, NewCard
from server.store.pool import Connection
from tests.counter_rows import row_of, set_scene


async def test_a_card_is_held_with_what_its_words_are_about(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    pass_ = await passes.find(db, serial=scene.serial)
    assert pass_ is not None
    async with db.transaction():
        (held,) = await cards.hold(db, serials=[scene.serial, scene.moment_id])
    assert held == HeldCard(
        pass_.serial, 1, pass_.card, pass_.benefit, valid_until=pass_.valid_until, created_at=pass_.created_at
    )


async def test_a_pass_that_is_over_is_not_held(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    await db.execute("UPDATE passes SET state = 'voided'")
    async with db.transaction():
        assert await cards.hold(db, serials=[scene.serial]) == []


async def test_a_card_is_read_as_it_was_rewritten(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    card = Card("Tea", "tea-morning", terms='Ü "quoted"', others={"de": {"Tea": "Tee"}}, version=2)
    await cards.rewrite(db, cards=[NewCard(scene.serial, card)])
    found = await passes.find(db, serial=scene.serial)
    assert found is not None
    assert found.card == card


async def test_where_it_comes_up_is_looked_at_soon(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    await db.execute("UPDATE passes SET relevant_at = 'infinity'")
    await cards.look_again(db, serials=[scene.serial])
    row = await row_of(db, scene.serial)
    assert row["relevant_at"] <= await db.fetchval("SELECT clock_timestamp()")
