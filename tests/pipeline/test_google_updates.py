"""Passes that changed, told to a Google that judges each body: patched, said in words, and never overtaken by older news."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from server.model.ids import bucket_of
from server.model.pass_ import card_document, card_from
from server.pipeline import google_saves, redeem
from server.pipeline.forget import erase
from server.pipeline.google_updates import differing
from server.pipeline.numbering import number_all
from server.pipeline.voiding import void
from server.store import passes, states
from server.store.ids import new_id
from server.store.pool import Pool
from tests.counter_rows import NO_PURCHASE, Scene, set_scene
from tests.google_scene import NUMBERING, Wire, wired
from tests.passes.google.discovery import objections
from tests.standins.google import ISSUER, Fault


@pytest.fixture
async def wire(pool: Pool, tmp_path: Path) -> AsyncIterator[Wire]:
    async with wired(pool, tmp_path) as opened:
        yield opened


async def scene_of(wire: Wire, tmp_path: Path, *, uses: int = 1, push: bool = True) -> Scene:
    """A pass of somebody who takes pushes."""
    async with wire.pool.acquire() as db:
        scene = await set_scene(db, tmp_path, uses=uses)
        await states.make(db, customers=[scene.customer_id])
        await db.execute("UPDATE customers SET push = $2 WHERE id = $1", scene.customer_id, push)
    return scene


async def saved(wire: Wire, tmp_path: Path, **options: Any) -> Scene:
    """A pass that somebody saved, and that Google has as it is."""
    scene = await scene_of(wire, tmp_path, **options)
    assert await wire.save(scene.serial)
    assert await wire.deliver() == [("delivered", None)]
    wire.google.seen.clear()
    return scene


async def use(wire: Wire, scene: Scene) -> UUID:
    async with wire.pool.transaction() as db:
        return (await redeem.redeem(db, serial=scene.serial, till=scene.till, purchase=NO_PURCHASE)).id


async def give_back(wire: Wire, redemption: UUID) -> None:
    async with wire.pool.transaction() as db:
        await redeem.reverse(
            db, redemption_id=redemption, store_id=None, window=redeem.timedelta(0), actor="user:1", reason="a mistake"
        )


async def shown(wire: Wire, scene: Scene) -> list[str]:
    """The classes of what the customer's ledger has counted."""
    async with wire.pool.acquire() as db, db.transaction():
        held = await states.read(db, customer_id=scene.customer_id)
    assert held is not None
    return [each.pressure for each in held[1].shown]


async def test_a_pass_that_was_saved_gets_its_class_and_all_of_itself(wire: Wire, tmp_path: Path) -> None:
    scene = await scene_of(wire, tmp_path)
    assert await wire.deliver() == []
    assert await wire.save(scene.serial)
    assert await wire.deliver() == [("delivered", None)]
    body = wire.object(scene.serial)
    assert objections("OfferObject", body) == []
    assert (body["state"], body["classId"]) == ("ACTIVE", f"{ISSUER}.{scene.offer_id}")
    assert list(wire.google.classes) == [body["classId"]]
    assert {module["id"] for module in body["textModulesData"]} >= {"worth", "place"}


async def test_used_up_at_the_counter_it_is_patched_to_completed_and_nothing_else_is_said(
    wire: Wire, tmp_path: Path
) -> None:
    scene = await saved(wire, tmp_path)
    await use(wire, scene)
    assert await wire.deliver() == [("delivered", None)]
    [patch] = wire.patches()
    assert patch["state"] == "COMPLETED"
    assert set(patch) <= {"state", "merchantLocations"}
    assert wire.object(scene.serial)["state"] == "COMPLETED"
    assert [method for method, path, _, _ in wire.google.seen if path != "/token"] == ["PATCH"]


async def test_a_use_that_is_left_is_counted_down_in_its_field_alone(wire: Wire, tmp_path: Path) -> None:
    scene = await saved(wire, tmp_path, uses=3)
    await use(wire, scene)
    await wire.deliver()
    [patch] = wire.patches()
    assert set(patch) == {"textModulesData"}
    assert [each["body"] for each in patch["textModulesData"] if each["id"] == "uses"] == ["2"]


async def test_a_reversal_makes_it_active_again_and_says_so_with_a_sound_that_counts(
    wire: Wire, tmp_path: Path
) -> None:
    scene = await saved(wire, tmp_path)
    redemption = await use(wire, scene)
    await wire.deliver()
    await give_back(wire, redemption)
    await wire.deliver()
    body = wire.object(scene.serial)
    assert body["state"] == "ACTIVE"
    [message] = body["messages"]
    assert (message["header"], message["messageType"]) == ("Valid again", "TEXT_AND_NOTIFY")
    assert await shown(wire, scene) == ["wallet"]


async def test_who_does_not_want_pushes_is_told_silently_and_nothing_counts(wire: Wire, tmp_path: Path) -> None:
    scene = await saved(wire, tmp_path, push=False)
    await wire.run("UPDATE customers SET locale = 'de-DE'")
    redemption = await use(wire, scene)
    await wire.deliver()
    await give_back(wire, redemption)
    await wire.deliver()
    [message] = wire.object(scene.serial)["messages"]
    assert (message["header"], message["messageType"]) == ("Wieder gültig", "TEXT")
    assert await shown(wire, scene) == []


async def test_at_night_there_is_no_sound(pool: Pool, tmp_path: Path) -> None:
    async with wired(pool, tmp_path, quiet=True) as wire:
        scene = await saved(wire, tmp_path)
        async with wire.pool.transaction() as db:
            await void(db, serial=scene.serial, reason="lost", actor="user:1", address=None, request_id=None)
        await wire.deliver()
        [message] = wire.object(scene.serial)["messages"]
        assert (message["header"], message["messageType"]) == ("No longer valid", "TEXT")
        assert wire.object(scene.serial)["state"] == "INACTIVE"
        assert await shown(wire, scene) == []


async def test_the_fourth_sound_within_a_day_is_none(wire: Wire, tmp_path: Path) -> None:
    scene = await saved(wire, tmp_path, uses=9)
    for _ in range(4):
        redemption = await use(wire, scene)
        await wire.deliver()
        await give_back(wire, redemption)
        await wire.deliver()
    kinds = [each["messageType"] for each in wire.object(scene.serial)["messages"]]
    assert kinds == ["TEXT_AND_NOTIFY"] * 3 + ["TEXT"]
    assert await shown(wire, scene) == ["wallet"] * 3


async def test_a_sound_counts_once_however_often_it_is_tried(wire: Wire, tmp_path: Path) -> None:
    scene = await saved(wire, tmp_path)
    redemption = await use(wire, scene)
    await wire.deliver()
    await give_back(wire, redemption)
    wire.google.faults.append(Fault("503", times=3, where="addMessage"))
    assert [state for state, _ in await wire.deliver(tries=4)] == ["queued"] * 3 + ["delivered"]
    assert await shown(wire, scene) == ["wallet"]
    assert [each["messageType"] for each in wire.object(scene.serial)["messages"]] == ["TEXT_AND_NOTIFY"]


async def test_a_pass_that_google_does_not_have_is_told_to_nobody(wire: Wire, tmp_path: Path) -> None:
    scene = await scene_of(wire, tmp_path)
    await use(wire, scene)
    assert await wire.deliver() == []
    assert wire.google.seen == []


async def test_a_pass_that_was_taken_out_is_left_alone_until_it_is_saved_again(wire: Wire, tmp_path: Path) -> None:
    scene = await saved(wire, tmp_path, uses=3)
    await use(wire, scene)
    later = int((await wire.now()).timestamp() * 1000) + 7_200_000
    assert await wire.save(scene.serial, "del", expTimeMillis=later)
    assert await wire.deliver() == []
    await use(wire, scene)
    assert await wire.deliver() == []
    assert await wire.save(scene.serial, expTimeMillis=later + 1)
    await wire.deliver()
    [uses] = [each["body"] for each in wire.object(scene.serial)["textModulesData"] if each["id"] == "uses"]
    assert uses == "1"


async def test_what_waited_when_it_was_taken_out_ends_with_a_reason(wire: Wire, tmp_path: Path) -> None:
    scene = await saved(wire, tmp_path, uses=3)
    await use(wire, scene)
    await wire.run("UPDATE google_objects SET removed_at = now()")
    await wire.run("UPDATE google_objects SET removed_at = NULL")
    await wire.deliver()
    await use(wire, scene)

    await number_all(wire.pool, terms=NUMBERING)
    await wire.run("UPDATE google_objects SET removed_at = now()")
    assert await wire.deliver() == []
    assert await wire.value("SELECT reason FROM deliveries WHERE state = 'suppressed'") == "removed"


async def test_a_changing_barcode_is_inserted_with_its_secret_and_only_there(pool: Pool, tmp_path: Path) -> None:
    async with wired(pool, tmp_path, rotating=True) as wire:
        scene = await scene_of(wire, tmp_path)
        async with wire.pool.transaction() as db:
            pass_ = await passes.find(db, serial=scene.serial)
            assert pass_ is not None
            assert await google_saves.expect(db, pass_, issuer=wire.issuer, now=await wire.now())
        assert await wire.deliver() == [("delivered", None)]
        body = wire.object(scene.serial)
        assert objections("OfferObject", body) == []
        [secret] = body["rotatingBarcode"]["totpDetails"]["parameters"]
        dump = str([tuple(row) for row in await pool_rows(wire, "SELECT * FROM google_objects")])
        assert secret["key"].lower() not in dump.lower()
        await use(wire, scene)
        await wire.deliver()
        assert set(wire.patches()[-1]) <= {"state", "merchantLocations"}


async def pool_rows(wire: Wire, sql: str) -> list[Any]:
    async with wire.pool.acquire() as db:
        return list(await db.fetch(sql))


@pytest.mark.parametrize("what", ["503", "429", "403", "reset"])
async def test_what_is_not_taken_is_told_again_as_the_pass_is_then(wire: Wire, tmp_path: Path, what: str) -> None:
    scene = await saved(wire, tmp_path, uses=3)
    await use(wire, scene)
    wire.google.faults.append(Fault(what, where="offerObject"))
    [(state, _)] = await wire.deliver()
    assert state == "queued"
    await use(wire, scene)
    assert await wire.deliver() == [("delivered", None)]
    [uses] = [each["body"] for each in wire.object(scene.serial)["textModulesData"] if each["id"] == "uses"]
    assert uses == "1"


async def test_a_change_that_was_taken_but_not_answered_and_then_undone_is_undone_at_google_too(
    wire: Wire, tmp_path: Path
) -> None:
    scene = await saved(wire, tmp_path)
    redemption = await use(wire, scene)
    wire.google.faults.append(Fault("reset", where="offerObject", taken=True))
    assert [state for state, _ in await wire.deliver()] == ["queued"]
    assert wire.object(scene.serial)["state"] == "COMPLETED"
    await give_back(wire, redemption)
    await wire.deliver()
    assert wire.object(scene.serial)["state"] == "ACTIVE"


async def test_after_a_death_between_sending_and_writing_the_whole_is_told_again(wire: Wire, tmp_path: Path) -> None:
    scene = await saved(wire, tmp_path)
    await use(wire, scene)
    await wire.deliver()

    redemption = await wire.value("SELECT id FROM redemptions")
    await give_back(wire, redemption)
    await number_all(wire.pool, terms=NUMBERING)
    [item] = await wire.lease()
    await wire.queue.send(item, now=await wire.now())  # and now its process dies
    await wire.run("UPDATE deliveries SET not_before = now(), leased_until = now() WHERE state = 'leased'")
    assert await wire.deliver() == [("delivered", None)]
    assert wire.object(scene.serial)["state"] == "ACTIVE"
    assert {"state", "barcode", "classId"} <= set(wire.patches()[-1])


async def test_while_one_is_under_way_the_next_waits_and_then_comes(wire: Wire, tmp_path: Path) -> None:
    scene = await saved(wire, tmp_path, uses=5)

    await use(wire, scene)
    await number_all(wire.pool, terms=NUMBERING)
    [first] = await wire.lease()
    await use(wire, scene)
    await number_all(wire.pool, terms=NUMBERING)
    assert list(await wire.lease()) == []
    await use(wire, scene)
    await number_all(wire.pool, terms=NUMBERING)
    assert await wire.value("SELECT count(*) FROM deliveries WHERE state = 'queued'") == 1
    assert await wire.finish(first) == ("delivered", None)
    assert await wire.deliver() == [("delivered", None)]
    uses = [each["body"] for patch in wire.patches() for each in patch["textModulesData"] if each["id"] == "uses"]
    assert uses == ["4", "2"]


async def test_who_lost_the_lease_leaves_nothing_that_the_next_would_build_on(wire: Wire, tmp_path: Path) -> None:
    scene = await saved(wire, tmp_path, uses=5)

    await use(wire, scene)
    await number_all(wire.pool, terms=NUMBERING)
    [slow] = await wire.lease()
    await wire.run("UPDATE deliveries SET not_before = now(), leased_until = now() WHERE state = 'leased'")
    [quick] = await wire.lease()
    await wire.finish(quick)
    await wire.finish(slow)
    assert await wire.value("SELECT digests::text FROM google_objects") == "{}"


async def test_an_erased_customers_pass_is_switched_off_and_says_nothing(wire: Wire, tmp_path: Path) -> None:
    scene = await saved(wire, tmp_path)
    async with wire.pool.transaction() as db:
        await erase(db, customer_id=scene.customer_id)
    await wire.deliver()
    body = wire.object(scene.serial)
    assert body["state"] == "INACTIVE"
    assert "messages" not in body
    assert await wire.value("SELECT count(*) FROM google_callbacks") == 0
    assert not await wire.save(scene.serial)


async def test_what_google_refuses_for_ever_is_dead_and_names_the_field(wire: Wire, tmp_path: Path) -> None:
    scene = await scene_of(wire, tmp_path)
    await wire.save(scene.serial)
    wire.google.faults.append(Fault("400", where="offerObject"))
    assert await wire.deliver() == [("dead", "400 UNAVAILABLE")]


async def test_a_secret_whose_key_is_gone_is_no_reason_to_tell_a_pass_without_one(wire: Wire, tmp_path: Path) -> None:
    scene = await saved(wire, tmp_path)
    await use(wire, scene)
    await wire.run("UPDATE google_objects SET totp_sealed = '\\x09'::bytea || decode(repeat('00', 60), 'hex')")
    assert await wire.deliver() == []
    assert await wire.value("SELECT reason FROM deliveries WHERE state = 'dead'") == "key_missing"


async def test_an_offer_with_another_title_has_its_class_replaced_by_the_next_pass(wire: Wire, tmp_path: Path) -> None:
    scene = await saved(wire, tmp_path)
    contents = {"en-US": {"title": "Tea on us", "body": "…"}}
    await wire.run(
        "UPDATE offer_versions SET document = jsonb_set(document, '{moment,content}', $2::jsonb) WHERE offer_id = $1",
        scene.offer_id,
        json.dumps(contents),
    )
    await use(wire, scene)
    await wire.deliver()
    assert wire.google.classes[f"{ISSUER}.{scene.offer_id}"]["title"] == "Tea on us"
    assert [method for method, path, _, _ in wire.google.seen if "Class" in path] == ["PUT"]


async def test_a_loyalty_card_and_its_holders_coupons_are_linked_where_both_are_there(
    pool: Pool, tmp_path: Path
) -> None:
    async with wired(pool, tmp_path, logo_url="https://kairos.example/logo.png") as wire:
        coupon = await saved(wire, tmp_path)
        card = await scene_of(wire, tmp_path)
        async with wire.pool.transaction() as db:
            document = card_document(card_from(json.loads(await db.fetchval("SELECT design FROM passes LIMIT 1"))))
            document["dress"] = {"google": "loyalty"}
            await db.execute(
                "UPDATE passes SET design = $2, customer_id = $3, bucket = $4, serial = $5 WHERE serial = $1",
                card.serial,
                json.dumps(document),
                coupon.customer_id,
                bucket_of(coupon.customer_id),
                (serial := new_id(bucket=bucket_of(coupon.customer_id))),
            )
        assert await wire.save(serial)
        assert await wire.deliver(tries=3) == [("delivered", None)] * 2
        there = wire.issuer.object_id
        assert wire.google.objects[there(serial)]["linkedObjectIds"] == [there(coupon.serial)]
        assert wire.google.objects[there(coupon.serial)]["linkedObjectIds"] == [there(serial)]


async def test_an_offer_of_another_kind_changes_no_kind_of_what_is_there(wire: Wire, tmp_path: Path) -> None:
    scene = await saved(wire, tmp_path)
    await wire.run("UPDATE passes SET design = jsonb_set(design, '{dress}', '{\"google\": \"generic\"}')")
    await use(wire, scene)
    assert await wire.deliver() == [("delivered", None)]
    assert wire.object(scene.serial)["state"] == "COMPLETED"
    assert {path.split("/")[3] for _, path, _, _ in wire.google.seen if "Object" in path} == {"offerObject"}


def test_only_what_differs_is_patched_and_what_is_gone_is_nothing() -> None:
    body = {"a": [1, 2], "b": 2}
    assert differing({"a": "1", "b": "2", "c": "3"}, {"a": "x", "b": "2"}, body) == {"a": [1, 2], "c": None}
    assert differing({"a": "1"}, {"a": "1"}, {"a": 1}) == {}
