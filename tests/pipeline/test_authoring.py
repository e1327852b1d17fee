"""Writing offers: read against what exists, a version each, one transaction with the rules' number and the audit."""

from __future__ import annotations

import asyncio

import pytest

from server.errors import Invalid, NotFound
from server.pipeline import authoring
from server.pipeline.approving import OtherVersion
from server.pipeline.authoring import NameTaken, WrongState
from server.pipeline.places import add_fences, check_fence, close_store
from server.store import audit, epoch, offers
from server.store.ids import new_id
from server.store.pool import Connection, Pool
from server.store.ruleset import OFFERS
from tests import lives
from tests.store.waits import blocked
from tests.web.authors import BY, PROGRAMME, REWARD, a_store, document


async def write(cleared: Pool, **changes):
    async with cleared.transaction() as db:
        return await authoring.create(db, document=document(**changes), programme=PROGRAMME, by=BY)


async def lead(cleared: Pool, what: str, offer_id, **more):
    async with cleared.transaction() as db:
        if what == "publish":
            more["programme"] = PROGRAMME
        return await getattr(authoring, what)(db, offer_id=offer_id, by=BY, **more)


async def rewrite(cleared: Pool, offer_id, **changes):
    async with cleared.transaction() as db:
        return await authoring.change(
            db, offer_id=offer_id, document=document(**changes), programme=PROGRAMME, by=BY
        )  # fmt: skip


def fields(refusal: Invalid) -> list[str]:
    return [each.field for each in refusal.errors]


async def test_an_offer_begins_as_a_draft_that_decides_nothing(db: Connection, pool: Pool) -> None:
    made = (await write(pool)).offer
    assert (made.status, made.version, made.live_version) == ("draft", 1, None)
    assert made.document == document()
    assert await db.fetch(OFFERS, [], []) == []


async def test_publishing_lets_it_decide_and_opens_its_budget(db: Connection, pool: Pool) -> None:
    made = (await write(pool)).offer
    live = (await lead(pool, "publish", made.id)).offer
    assert (live.status, live.live_version) == ("live", 1)
    assert live.published_at is not None
    assert [row["id"] for row in await db.fetch(OFFERS, [], [])] == [made.id]
    assert dict(await db.fetchrow("SELECT units, liability FROM budgets")) == {"units": 0, "liability": 0}


async def test_what_was_given_away_stays_counted_when_it_is_published_again(db: Connection, pool: Pool) -> None:
    made = (await write(pool)).offer
    await lead(pool, "publish", made.id)
    await db.execute("UPDATE budgets SET units = 7")
    await lead(pool, "pause", made.id)
    await lead(pool, "publish", made.id)
    assert await db.fetchval("SELECT units FROM budgets") == 7


@pytest.mark.parametrize(
    ("way", "last"),
    [
        (["pause"], "draft"),
        (["end"], "draft"),
        (["publish", "publish"], "live"),
        (["publish", "pause", "pause"], "paused"),
        (["publish", "end", "publish"], "ended"),
        (["publish", "end", "pause"], "ended"),
        (["publish", "end", "end"], "ended"),
    ],
)
async def test_a_step_that_its_state_does_not_have_is_refused_and_changes_nothing(cleared: Pool, way, last) -> None:
    made = (await write(cleared)).offer
    more = {"end": {"void_passes": False}}
    for step in way[:-1]:
        await lead(cleared, step, made.id, **more.get(step, {}))
    async with cleared.acquire() as db:
        before = await epoch.bump(db)
    with pytest.raises(WrongState):
        await lead(cleared, way[-1], made.id, **more.get(way[-1], {}))
    async with cleared.acquire() as db:
        found = await offers.find(db, offer_id=made.id)
        assert found is not None
        assert found.status == last
        assert await epoch.bump(db) == before + 1


async def test_a_paused_offer_goes_on_with_its_newest_version(cleared: Pool) -> None:
    made = (await write(cleared)).offer
    await lead(cleared, "publish", made.id)
    await lead(cleared, "pause", made.id)
    edited = (await rewrite(cleared, made.id, priority=70)).offer
    assert (edited.version, edited.live_version) == (2, 1)
    assert (await lead(cleared, "publish", made.id)).offer.live_version == 2


async def test_a_live_offer_that_is_edited_is_live_in_its_new_version_at_once(db: Connection, pool: Pool) -> None:
    made = (await write(pool)).offer
    await lead(pool, "publish", made.id)
    edited = (await rewrite(pool, made.id, priority=70)).offer
    assert (edited.status, edited.version, edited.live_version) == ("live", 2, 2)
    assert [row["version"] for row in await db.fetch(OFFERS, [], [])] == [2]
    first = await offers.find(db, offer_id=made.id, version=1)
    assert first is not None
    assert first.document == document()


async def test_an_ended_offer_is_not_written_any_more(cleared: Pool) -> None:
    made = (await write(cleared)).offer
    await lead(cleared, "publish", made.id)
    await lead(cleared, "end", made.id, void_passes=False)
    with pytest.raises(WrongState):
        await rewrite(cleared, made.id)


async def test_two_offers_have_not_one_name(cleared: Pool) -> None:
    await write(cleared)
    with pytest.raises(NameTaken):
        await write(cleared)
    other = (await write(cleared, name="other")).offer
    with pytest.raises(NameTaken):
        await rewrite(cleared, other.id)
    assert (await rewrite(cleared, other.id, name="third")).offer.name == "third"


async def test_of_many_who_write_one_name_at_once_one_does(cleared: Pool) -> None:
    told = await asyncio.gather(*(write(cleared) for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(each, NameTaken) for each in told) == 5


async def test_of_many_who_publish_at_once_one_does(cleared: Pool) -> None:
    made = (await write(cleared)).offer
    told = await asyncio.gather(*(lead(cleared, "publish", made.id) for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(each, WrongState) for each in told) == 5


async def test_a_version_that_is_written_while_publishing_waits_is_not_published_unseen(cleared: Pool) -> None:
    offer = (await write(cleared)).offer
    async with cleared.transaction() as db:
        await authoring.change(db, offer_id=offer.id, document=document(priority=70), programme=PROGRAMME, by=BY)
        publishing = asyncio.create_task(lead(cleared, "publish", offer.id, version=1))
        while not await blocked(db):
            assert not publishing.done()
            await asyncio.sleep(0.01)
    with pytest.raises(OtherVersion) as late:
        await publishing
    assert late.value.extra == {"version": 2}
    assert (await lead(cleared, "publish", offer.id, version=2)).offer.live_version == 2


@pytest.mark.parametrize("status", ["live", "paused", "ended", 5])
async def test_a_document_does_not_publish_itself(cleared: Pool, status) -> None:
    with pytest.raises(Invalid) as refused:
        await write(cleared, status=status)
    assert fields(refused.value) == ["status"]


async def test_what_was_answered_may_come_back_with_its_state(cleared: Pool) -> None:
    made = (await write(cleared, status="draft")).offer
    await lead(cleared, "publish", made.id)
    assert (await rewrite(cleared, made.id, status="live")).offer.status == "live"
    assert (await rewrite(cleared, made.id, status="draft")).offer.status == "live"
    with pytest.raises(Invalid):
        await rewrite(cleared, made.id, status="paused")


async def test_every_mistake_is_told_with_its_path_and_nothing_is_written(db: Connection, pool: Pool) -> None:
    rounds = {"all": [{"local_time": {"from": "7 o'clock", "to": "11:00"}}, {"segment": "nobody"}]}
    with pytest.raises(Invalid) as refused:
        await write(pool, **{"if": rounds}, when={"trigger": "enter", "places": {"tag": "no-such-tag"}}, colour="red")
    assert set(fields(refused.value)) >= {"if.all[0].local_time.from", "if.all[1].segment", "when.places.tag", "colour"}
    assert await db.fetchval("SELECT count(*) FROM offers") == 0
    assert await db.fetchval("SELECT epoch FROM ruleset_epoch") == 0
    assert (await audit.verify(db)).rows == 0


async def test_places_may_be_named_by_store_by_fence_and_by_tag(cleared: Pool) -> None:
    store = await a_store(cleared, tags=("bakery",))
    for name, places in (
        ("by-store", {"ids": [str(store.id)]}),
        ("by-fence", {"ids": [str(store.geofence_id)]}),
        ("by-tag", {"tag": "bakery"}),
    ):
        assert (await write(cleared, name=name, when={"trigger": "enter", "places": places})).warnings == ()


async def test_a_place_that_is_gone_is_not_known_when_the_offer_is_published(cleared: Pool) -> None:
    store = await a_store(cleared)
    made = (await write(cleared, when={"trigger": "enter", "places": {"ids": [str(store.id)]}})).offer
    async with cleared.transaction() as db:
        await close_store(db, store_id=store.id, by=BY)
    with pytest.raises(Invalid) as refused:
        await lead(cleared, "publish", made.id)
    assert fields(refused.value) == ["when.places.ids[0]"]
    async with cleared.acquire() as db:
        found = await offers.find(db, offer_id=made.id)
    assert found is not None
    assert found.status == "draft"


@pytest.mark.parametrize(
    "places", [{"any": True}, {"tag": "kiosk"}, {"ids": True}], ids=["any place", "a tag", "its own id"]
)
async def test_a_reward_on_a_narrow_fence_is_taken_with_a_warning(cleared: Pool, places) -> None:
    store = await a_store(cleared, name="Kiosk", radius_m=40, tags=("kiosk",))
    if places.get("ids"):
        places = {"ids": [str(store.id)]}
    written = await write(cleared, when={"trigger": "enter", "places": places}, reward=REWARD)
    assert [warning.field for warning in written.warnings] == ["when.places"]
    assert "Kiosk" in written.warnings[0].message


async def test_a_small_area_is_a_narrow_fence_by_the_circle_of_its_size(cleared: Pool) -> None:
    corner, side = (13.40, 52.50), 0.0005
    ring = [
        [corner[0] + east, corner[1] + north] for east, north in ((0, 0), (side, 0), (side, side), (0, side), (0, 0))
    ]
    fence = check_fence({"name": "Yard", "geometry": {"type": "Polygon", "coordinates": [ring]}}, vertices=2000)
    async with cleared.transaction() as db:
        [made] = await add_fences(db, drafts=[fence], by=BY)
    written = await write(
        cleared, when={"trigger": "enter", "places": {"ids": [str(made.id)]}}, reward=REWARD
    )  # fmt: skip
    assert "Yard" in written.warnings[0].message


async def test_a_wide_fence_and_an_offer_without_reward_warn_of_nothing(cleared: Pool) -> None:
    await a_store(cleared, radius_m=100)
    assert (await write(cleared, name="a", reward=REWARD)).warnings == ()
    await a_store(cleared, name="Kiosk", radius_m=40)
    assert (await write(cleared, name="b")).warnings == ()


async def test_each_deed_counts_the_rules_and_stands_in_the_audit(db: Connection, pool: Pool) -> None:
    made = (await write(pool)).offer
    await lead(pool, "publish", made.id)
    await rewrite(pool, made.id, priority=60)
    await lead(pool, "pause", made.id)
    await lead(pool, "end", made.id, void_passes=True)
    assert await db.fetchval("SELECT epoch FROM ruleset_epoch") == 5
    entries = list(reversed(await audit.page(db, before=None, limit=10)))
    assert [each.action for each in entries] == [
        "offer.create",
        "offer.publish",
        "offer.change",
        "offer.pause",
        "offer.end",
    ]
    assert {each.object for each in entries} == {f"offer:{made.id}"}
    assert {each.actor for each in entries} == {BY.actor}
    assert [each.before_hash is None for each in entries] == [True, False, False, False, False]
    assert entries[1].before_hash == entries[0].after_hash
    assert await audit.verify(db) == (5, None)


async def test_the_end_of_an_offer_voids_its_active_passes_if_asked(db: Connection, pool: Pool) -> None:
    made = (await write(pool)).offer
    await lead(pool, "publish", made.id)
    for number in range(3):
        moment = lives.row(number, offer_id=made.id)
        await lives.decide(db, moment)
        taken = await lives.accept(db, moment)
        if number == 2:
            await lives.redeem(db, taken)
    other = lives.row(9)
    await lives.offer_row(db)
    await lives.decide(db, other)
    await lives.accept(db, other)
    assert (await lead(pool, "end", made.id, void_passes=True)).voided == 2
    states = await db.fetch("SELECT offer_id = $1 AS own, state FROM passes ORDER BY 1, 2", made.id)
    assert [tuple(row) for row in states] == [(False, "active"), (True, "redeemed"), (True, "voided"), (True, "voided")]


async def test_the_end_of_an_offer_leaves_its_passes_if_not_asked(db: Connection, pool: Pool) -> None:
    made = (await write(pool)).offer
    await lead(pool, "publish", made.id)
    moment = lives.row(offer_id=made.id)
    await lives.decide(db, moment)
    await lives.accept(db, moment)
    assert (await lead(pool, "end", made.id, void_passes=False)).voided == 0
    assert await db.fetchval("SELECT state FROM passes") == "active"


async def test_an_unknown_offer_is_not_found_by_any_deed(cleared: Pool) -> None:
    for what, more in (("publish", {}), ("pause", {}), ("end", {"void_passes": False})):
        with pytest.raises(NotFound):
            await lead(cleared, what, new_id(), **more)
    with pytest.raises(NotFound):
        await rewrite(cleared, new_id())


async def segment(cleared: Pool, name: str, condition=None):
    async with cleared.transaction() as db:
        return await authoring.add_segment(db, name=name, condition=condition, programme=PROGRAMME, by=BY)


async def test_a_segment_may_be_named_once_it_was_saved(db: Connection, pool: Pool) -> None:
    asking = {"if": {"segment": "regulars"}}
    with pytest.raises(Invalid):
        await write(pool, **asking)
    made = await segment(pool, "regulars", {"attribute": {"visits": {"gte": 3}}})
    assert made.document == {"attribute": {"visits": {"gte": 3}}}
    assert (await write(pool, **asking)).offer.status == "draft"
    assert await db.fetchval("SELECT epoch FROM ruleset_epoch") == 2
    assert [each.action for each in await audit.page(db, before=None, limit=1)] == ["offer.create"]


async def test_a_segment_without_a_condition_is_filled_from_outside(cleared: Pool) -> None:
    assert (await segment(cleared, "vip")).document is None


async def test_two_segments_have_not_one_name(cleared: Pool) -> None:
    await segment(cleared, "vip")
    with pytest.raises(NameTaken):
        await segment(cleared, "vip")


@pytest.mark.parametrize("name", ["", "   ", "x" * 65, "a\nb"])
async def test_a_segment_has_a_printable_name(cleared: Pool, name: str) -> None:
    with pytest.raises(Invalid) as refused:
        await segment(cleared, name)
    assert fields(refused.value) == ["name"]


async def test_a_wrong_condition_of_a_segment_is_told_with_its_path(cleared: Pool) -> None:
    with pytest.raises(Invalid) as refused:
        await segment(cleared, "odd", {"all": [{"moon": "full"}]})
    assert fields(refused.value) == ["if.all[0].moon"]
