"""What happened is told where somebody listens, once, from the deeds that were committed, and nothing personal is in it."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.model.ids import bucket_of
from server.pipeline import numbering
from server.pipeline.numbering import Numbering
from server.store import funnel, moments, passes, webhook_events
from server.store.pool import Connection, Pool
from server.store.webhook_events import TYPES
from tests import hooks, lives
from tests.builders import NOON
from tests.lives import COFFEE, STORE, offer_of, row

LIFE = [
    "moment.created", "moment.delivered", "moment.opened", "moment.clicked", "pass.issued", "redemption.created",
    "redemption.reversed",
]  # fmt: skip


async def whole_life(db: Connection, *, of: int = 1, uses: int = 1) -> tuple[lives.Taken, Any]:
    """A moment that is decided, told of, taken, redeemed, and its redemption taken back."""
    moment = row(of)
    await lives.decide(db, moment)
    await lives.told(db, moment, "delivered", "opened", "clicked")
    taken = await lives.accept(db, moment, uses=uses)
    redemption = await lives.redeem(db, taken)
    await lives.reverse(db, redemption)
    return taken, redemption


async def number(pool: Pool) -> int:
    terms = Numbering("pass.x", timedelta(days=1))
    return await pool.attempt(lambda db: numbering.number(db, terms=terms))


async def test_a_whole_life_is_told_step_by_step(pool: Pool, db: Connection) -> None:
    listening = await hooks.endpoint(db)
    await whole_life(db)
    await funnel.roll(pool)
    assert list(await hooks.types(db)) == LIFE
    assert await hooks.calls(db, listening.id) == {each["id"] for each in await hooks.written(db)}


async def test_where_nobody_listens_nothing_is_written(pool: Pool, db: Connection) -> None:
    off = await hooks.endpoint(db)
    await db.execute("UPDATE webhooks SET enabled = false WHERE id = $1", off.id)
    await whole_life(db)
    assert await webhook_events.heard(db) == frozenset()
    assert await funnel.roll(pool) == 7
    assert await number(pool) == 1
    assert await hooks.written(db) == []


async def test_each_endpoint_is_told_what_it_asked_for(pool: Pool, db: Connection) -> None:
    everything = await hooks.endpoint(db)
    some = await hooks.endpoint(db, "kairos.redemption.created", "kairos.moment.opened")
    other = await hooks.endpoint(db, "kairos.pass.voided")
    await whole_life(db)
    await funnel.roll(pool)
    by_id = {each["id"]: each["type"].removeprefix("kairos.") for each in await hooks.written(db)}
    assert {by_id[each] for each in await hooks.calls(db, everything.id)} == set(LIFE)
    assert {by_id[each] for each in await hooks.calls(db, some.id)} == {"redemption.created", "moment.opened"}
    assert await hooks.calls(db, other.id) == set()


async def test_an_event_that_nobody_asked_for_is_not_written(pool: Pool, db: Connection) -> None:
    await hooks.endpoint(db, "kairos.moment.opened")
    await whole_life(db)
    await funnel.roll(pool)
    assert list(await hooks.types(db)) == ["moment.opened"]


async def test_what_is_told_of_a_moment(pool: Pool, db: Connection) -> None:
    await hooks.endpoint(db, "kairos.moment.created")
    moment = row(3, offer=4, place_id=STORE, place_kind="store", place_name="Markt", channel="push", placement="banner")
    await lives.decide(db, moment)
    await funnel.roll(pool)
    [event] = await hooks.written(db)
    assert (event["subject"], event["customer_id"]) == (str(moment.id), moment.customer_id)
    assert bucket_of(event["id"]) == event["bucket"] == moment.bucket
    assert event["data"] == {
        "moment_id": str(moment.id),
        "customer_id": str(moment.customer_id),
        "offer_id": str(offer_of(4)),
        "offer": "offer-4@1",
        "variant": "card",
        "placement": "banner",
        "channel": "push",
        "place_id": str(STORE),
        "place_kind": "store",
    }


async def test_what_is_told_of_a_redemption_and_of_its_reversal(pool: Pool, db: Connection) -> None:
    await hooks.endpoint(db)
    before = datetime.now(UTC) - timedelta(minutes=1)
    taken, redemption = await whole_life(db, uses=3)
    await funnel.roll(pool)
    made = {each["type"]: each for each in await hooks.written(db)}
    created, reversed_ = made["kairos.redemption.created"], made["kairos.redemption.reversed"]
    shared = {
        "redemption_id": str(redemption),
        "serial": str(taken.serial),
        "moment_id": str(taken.moment.id),
        "customer_id": str(taken.moment.customer_id),
        "offer_id": str(taken.moment.offer_id),
        "store_id": str(STORE),
        "value": {"minor": 250, "currency": "EUR"},
    }
    assert created["data"] == {**shared, "uses_left": 2}
    reversal = await db.fetchval("SELECT id FROM reversals")
    assert reversed_["data"] == {**shared, "reversal_id": str(reversal)}
    assert created["subject"] == reversed_["subject"] == str(redemption)
    assert before < created["at"] <= reversed_["at"] <= datetime.now(UTC) + timedelta(minutes=1)


async def test_each_use_of_a_card_and_each_reversal_is_an_event_of_its_own(pool: Pool, db: Connection) -> None:
    await hooks.endpoint(db)
    moment = row()
    await lives.decide(db, moment)
    taken = await lives.accept(db, moment, value=COFFEE, uses=3)
    redeemed = [await lives.redeem(db, taken) for _ in range(3)]
    await lives.reverse(db, redeemed[1])
    redeemed.append(await lives.redeem(db, taken))
    await funnel.roll(pool)
    told = [
        each["data"]["redemption_id"] for each in await hooks.written(db) if each["type"].endswith("redemption.created")
    ]
    assert sorted(told) == sorted(map(str, redeemed))
    assert (await hooks.types(db)).count("redemption.reversed") == 1


async def test_however_many_roll_at_once_each_deed_is_told_once(pool: Pool, db: Connection) -> None:
    listening = await hooks.endpoint(db)
    for of in range(1, 9):
        await whole_life(db, of=of)
    await asyncio.gather(*(funnel.roll(pool, facts=5) for _ in range(6)))
    assert sorted(await hooks.types(db)) == sorted(LIFE * 8)
    assert len(await hooks.calls(db, listening.id)) == 8 * len(LIFE)


async def test_a_roll_that_is_undone_tells_nothing_and_the_next_one_does(pool: Pool, db: Connection) -> None:
    await hooks.endpoint(db)
    await lives.decide(db, row())
    transaction = db.transaction()
    await transaction.start()
    assert await funnel._roll_some(db, facts=10, terms=funnel.NO_TERMS) == 1
    assert list(await hooks.types(db)) == ["moment.created"]
    await transaction.rollback()
    assert await hooks.written(db) == []
    await funnel.roll(pool)
    assert list(await hooks.types(db)) == ["moment.created"]


async def test_a_held_out_moment_is_a_secret(pool: Pool, db: Connection) -> None:
    await hooks.endpoint(db)
    await lives.decide(db, row(held_out=True))
    await funnel.roll(pool)
    assert await hooks.written(db) == []


async def test_of_somebody_who_was_erased_meanwhile_no_moment_is_told(pool: Pool, db: Connection) -> None:
    await hooks.endpoint(db)
    await lives.decide(db, row())
    await db.execute("UPDATE moments SET customer_id = NULL")
    await funnel.roll(pool)
    assert await hooks.written(db) == []


async def test_a_change_of_a_pass_is_told_once_however_often_it_is_numbered(pool: Pool, db: Connection) -> None:
    await hooks.endpoint(db, "kairos.pass.updated", "kairos.pass.voided", "kairos.pass.expired")
    moment = row()
    await moments.insert(db, moments=[moment])
    taken = await lives.accept(db, moment, uses=2)
    await lives.redeem(db, taken)
    assert await number(pool) == 1
    await db.execute("UPDATE passes SET tag = -1")  # as a wallet's registration does, which changes nothing
    assert await number(pool) == 1
    assert list(await hooks.types(db)) == ["pass.updated"]
    await lives.redeem(db, taken)
    await number(pool)
    told = await hooks.written(db)
    assert [(each["data"]["state"], each["data"]["uses_left"]) for each in told] == [("active", 1), ("redeemed", 0)]
    assert {each["subject"] for each in told} == {str(taken.serial)}


async def test_the_end_of_a_pass_is_told_as_what_it_is(pool: Pool, db: Connection) -> None:
    await hooks.endpoint(db, "kairos.pass.updated", "kairos.pass.voided", "kairos.pass.expired")
    taken = []
    for of in (1, 2):
        moment = row(of)
        await lives.decide(db, moment)
        taken.append(await lives.accept(db, moment))
    await db.execute("UPDATE passes SET valid_until = $2 WHERE serial = $1", taken[1].serial, NOON)
    async with db.transaction():
        assert await passes.void(db, serial=taken[0].serial, reason="canary reason")
        assert await passes.expire(db, now=NOON, limit=10) == 1
    for _ in range(2):
        await number(pool)
        await db.execute("UPDATE passes SET tag = -1")
    told = {each["subject"]: each for each in await hooks.written(db)}
    assert told[str(taken[0].serial)]["type"] == "kairos.pass.voided"
    assert told[str(taken[1].serial)]["type"] == "kairos.pass.expired"
    assert told[str(taken[1].serial)]["data"]["valid_until"] == NOON.isoformat().replace("+00:00", "Z")
    assert len(told) == len(await hooks.written(db)) == 2
    assert "canary" not in str(told)


@pytest.mark.parametrize("wallet", ["apple", "google"])
async def test_a_wallet_that_takes_a_pass_is_told(undone: Connection, wallet: Any) -> None:
    await hooks.endpoint(undone)
    moment = row()
    await lives.decide(undone, moment)
    taken = await lives.accept(undone, moment)
    await webhook_events.tell_saved(undone, serial=taken.serial, wallet=wallet)
    await webhook_events.tell_saved(undone, serial=taken.serial, wallet=wallet)
    told = await hooks.written(undone)
    assert [(each["type"], each["data"]["wallet"]) for each in told] == [("kairos.pass.saved", wallet)] * 2
    assert told[0]["data"]["value"] == {"minor": 250, "currency": "EUR"}


async def test_a_test_is_told_to_one_endpoint_whatever_it_listens_to(undone: Connection) -> None:
    one, other = await hooks.endpoint(undone, "kairos.pass.issued"), await hooks.endpoint(undone)
    event = await webhook_events.test(undone, webhook_id=one.id, now=NOON)
    assert await hooks.calls(undone, one.id) == {event}
    assert await hooks.calls(undone, other.id) == set()
    [told] = await hooks.written(undone)
    assert (told["type"], told["data"]) == (webhook_events.TEST, {"webhook_id": str(one.id)})


async def test_no_event_holds_what_a_person_is_or_wrote(pool: Pool, db: Connection) -> None:
    await hooks.endpoint(db)
    moment = row(
        title="canary title", body="canary body", place_name="canary place", image_url="https://canary.example"
    )
    await lives.decide(db, moment)
    taken = await lives.accept(db, moment)
    await db.execute("UPDATE passes SET design = $1, token_sealed = $2", json.dumps({"a": "canary"}), b"canary")
    await lives.reverse(db, await lives.redeem(db, taken))
    await webhook_events.tell_saved(db, serial=taken.serial, wallet="apple")
    await funnel.roll(pool)
    await number(pool)
    told = await hooks.written(db)
    assert len(told) == 6
    assert "canary" not in str(told)
    names = {name for each in told for name in each["data"]}
    assert not names & {"title", "body", "lat", "lon", "name", "token", "code", "reason", "till_id", "external_id"}


def test_every_type_that_is_told_can_be_asked_for() -> None:
    assert {f"kairos.{each}" for each in LIFE} < set(TYPES)
    assert len(set(TYPES)) == len(TYPES) == 11
