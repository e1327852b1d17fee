"""Passes of an offer that was edited: redrawn once, marked once, and as they were promised."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from server.model.pass_ import Pass
from server.pipeline import pass_jobs
from server.pipeline.accept import accept
from server.pipeline.redraw import redraw
from server.store import offers, passes
from server.store.offers import OfferRow
from server.store.pass_tags import LATER
from server.store.pool import Connection, Pool
from tests.counter_rows import Scene, add_moment, row_of, set_scene

PROMISED = ("reward", "value_minor", "currency", "uses_total", "uses_left", "valid_from", "valid_until", "places")


async def edited(db: Connection, offer_id: UUID, wallet: Mapping[str, Any] | None = None, **titles: str) -> OfferRow:
    """The next version of the scene's offer, live: its titles by language and how its passes look."""
    before = await offers.find(db, offer_id=offer_id)
    assert before is not None
    contents = {"de-DE": {"title": titles.get("de", "Kaffee aufs Haus"), "body": "…"}}
    contents["en-US"] = {"title": titles.get("en", "Coffee on us"), "body": "…"}
    moment = {**before.document["moment"], "content": contents}
    reward = {"type": "free_item", "value": {"minor": 1, "currency": "EUR"}, "uses": 9, "wallet": wallet or {}}
    document = {**before.document, "moment": moment, "reward": reward}
    async with db.transaction():
        await offers.change(db, offer_id=offer_id, name=before.name, document=document, author="tests")
        after = await offers.enter(db, offer_id=offer_id, status="live")
    assert after is not None
    return after


async def all_of(db: Connection, scene: Scene) -> list[Pass]:
    return await passes.page(db, customer_id=scene.customer_id, limit=200, after=None)


async def redrawn(db: Connection, scene: Scene) -> int:
    """Have the scene's passes redrawn, as a portion of the job does, and tell how many came out otherwise."""
    serials = [pass_.serial for pass_ in await all_of(db, scene)]
    async with db.transaction():
        return len(await redraw(db, scene.offer_id, serials))


async def test_a_redrawn_pass_has_the_new_words_and_the_old_promise(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path, uses=3)
    before = await row_of(db, scene.serial)
    await edited(db, scene.offer_id, {"terms": {"de": "Neu.", "en": "New."}}, en="Tea on us")
    assert await redrawn(db, scene) == 1
    (found,) = await all_of(db, scene)
    assert (found.card.title, found.card.terms, found.card.version) == ("Tea on us", "New.", 2)
    assert found.card.others["de"]["Tea on us"] == "Kaffee aufs Haus"
    after = await row_of(db, scene.serial)
    assert {name: after[name] for name in PROMISED} == {name: before[name] for name in PROMISED}
    assert after["offer_version"] == 1


async def test_a_run_that_is_repeated_changes_nothing(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    await edited(db, scene.offer_id, en="Tea on us")
    assert await redrawn(db, scene) == 1
    await db.execute("UPDATE passes SET tag = 7")
    before = await row_of(db, scene.serial)
    assert await redrawn(db, scene) == 0
    after = await row_of(db, scene.serial)
    assert {**after, "relevant_at": None} == {**before, "relevant_at": None}


async def test_an_edit_that_no_pass_shows_marks_none_and_has_them_looked_at(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    await db.execute("UPDATE passes SET tag = 7, relevant_at = clock_timestamp() + interval '1 day'")
    await edited(db, scene.offer_id)
    assert await redrawn(db, scene) == 0
    row = await row_of(db, scene.serial)
    assert row["tag"] == 7
    assert row["relevant_at"] <= await db.fetchval("SELECT clock_timestamp()")


async def test_passes_of_several_versions_each_follow_from_their_own(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    await edited(db, scene.offer_id, en="Tea on us")
    moment_id = await add_moment(
        db, customer_id=scene.customer_id, offer_id=scene.offer_id, offer_version=2, title="Tea on us"
    )
    async with db.transaction():
        await accept(db, moment_id=moment_id, customer_id=scene.customer_id, desk=scene.desk)
    await edited(db, scene.offer_id, {"colours": {"background": "#000000"}}, en="Tea on us")
    assert await redrawn(db, scene) == 2
    cards = [each.card for each in await all_of(db, scene)]
    assert {(card.title, card.dress.background) for card in cards} == {("Tea on us", "#000000")}
    assert {card.version for card in cards} == {3}


async def test_a_version_that_is_gone_leaves_its_passes_as_they_are(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    await db.execute("UPDATE passes SET offer_version = 99")
    await edited(db, scene.offer_id, en="Tea on us")
    assert await redrawn(db, scene) == 0


async def test_a_pass_that_is_over_stays_as_it_was(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    await edited(db, scene.offer_id, en="Tea on us")
    await db.execute("UPDATE passes SET state = 'redeemed'")
    assert await redrawn(db, scene) == 0
    assert (await all_of(db, scene))[0].card.title == "Coffee on us"


async def test_of_an_unknown_offer_and_of_no_passes_nothing_is_redrawn(db: Connection, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    async with db.transaction():
        assert await redraw(db, scene.customer_id, [scene.serial]) == []
        assert await redraw(db, scene.offer_id, []) == []


async def test_the_job_of_an_edit_marks_what_came_out_otherwise(db: Connection, pool: Pool, tmp_path: Path) -> None:
    scene = await set_scene(db, tmp_path)
    await edited(db, scene.offer_id, en="Tea on us")
    await db.execute("UPDATE passes SET created_at = created_at - interval '1 minute'")
    async with db.transaction():
        await pass_jobs.touch(db, offer_id=scene.offer_id, by="tests")
    assert await pass_jobs.work(pool, redraw=redraw) == 1
    assert (await row_of(db, scene.serial))["tag"] == LATER
    assert (await all_of(db, scene))[0].card.title == "Tea on us"
