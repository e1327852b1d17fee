"""From a moment to its pass: once per moment, only for its customer, and not after its time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from geopy.distance import geodesic

from server.errors import Conflict, Gone, NotFound
from server.model.ids import bucket_of
from server.model.look import Dress
from server.model.pass_ import Card, PassState, Told
from server.model.place import Point
from server.pipeline.accept import Accepted, accept
from server.store.ids import new_id
from server.store.pool import Connection, Pool
from server.wallet.issue import Desk
from tests.counter_rows import (
    COFFEE,
    add_customer,
    add_moment,
    add_offer,
    add_store,
    gathered,
    row_of,
    steps_of,
    the_desk,
)

PERSONAL = {"de-DE": {"title": "Kaffee, {{ customer.first_name | default: 'Hallo' }}?", "body": "…"}}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened, _ = the_desk(tmp_path)
    yield opened
    opened.close()


async def take(db: Connection, desk: Desk, moment_id: UUID, customer_id: UUID) -> Accepted:
    async with db.transaction():
        return await accept(db, moment_id=moment_id, customer_id=customer_id, desk=desk)


async def offered(db: Connection, **changes: Any) -> tuple[UUID, UUID]:
    """A customer's moment: (moment, customer)."""
    customer_id = await add_customer(db, locale=changes.pop("locale", "en-US"))
    offer_id = await add_offer(db, contents=changes.pop("contents", {"en-US": {"title": "Coffee on us", "body": "…"}}))
    return await add_moment(db, customer_id=customer_id, offer_id=offer_id, **changes), customer_id


async def test_a_moment_becomes_a_pass(db: Connection, desk: Desk) -> None:
    moment_id, customer_id = await offered(db)
    accepted = await take(db, desk, moment_id, customer_id)
    assert accepted.made
    pass_ = accepted.pass_
    assert (pass_.moment_id, pass_.customer_id, pass_.state) == (moment_id, customer_id, PassState.ACTIVE)
    assert (pass_.uses_total, pass_.uses_left, pass_.benefit.type) == (1, 1, "free_item")
    row = await row_of(db, pass_.serial)
    assert (row["value_minor"], row["currency"], row["uses_made"], row["key_id"]) == (250, "EUR", 0, 1)
    assert row["valid_until"] == pass_.valid_until


async def test_the_serial_carries_the_customers_bucket(db: Connection, desk: Desk) -> None:
    moment_id, customer_id = await offered(db)
    pass_ = (await take(db, desk, moment_id, customer_id)).pass_
    assert bucket_of(pass_.serial) == bucket_of(customer_id)


async def test_the_moment_steps_on_and_the_funnel_knows(db: Connection, desk: Desk) -> None:
    moment_id, customer_id = await offered(db)
    pass_ = (await take(db, desk, moment_id, customer_id)).pass_
    moment = await db.fetchrow("SELECT state, accepted_at, pass_serial FROM moments")
    assert tuple(moment) == ("accepted", pass_.created_at, pass_.serial)
    assert await steps_of(db, moment_id) == [("passes", 1, 0, "")]


async def test_the_facts_dimensions_are_the_moments(db: Connection, desk: Desk) -> None:
    moment_id, customer_id = await offered(db, variant="banner", placement="banner", channel="push", weather=None)
    await take(db, desk, moment_id, customer_id)
    fact = dict(await db.fetchrow("SELECT * FROM funnel_facts"))
    assert (fact["variant"], fact["placement"], fact["channel"], fact["weather"]) == ("banner", "banner", "push", "")
    created = await db.fetchval("SELECT created_at FROM moments")
    assert fact["slot"].minute % 15 == 0
    assert timedelta(0) <= created - fact["slot"] < timedelta(minutes=15)


async def test_asking_again_gives_the_same_pass(db: Connection, desk: Desk) -> None:
    moment_id, customer_id = await offered(db)
    first = await take(db, desk, moment_id, customer_id)
    second = await take(db, desk, moment_id, customer_id)
    assert (second.made, second.pass_) == (False, first.pass_)
    assert await db.fetchval("SELECT count(*) FROM funnel_facts") == 1


async def test_asking_again_after_the_end_still_gives_the_same_pass(db: Connection, desk: Desk) -> None:
    moment_id, customer_id = await offered(db)
    first = await take(db, desk, moment_id, customer_id)
    await db.execute("UPDATE moments SET valid_until = clock_timestamp(), state = 'expired'")
    assert (await take(db, desk, moment_id, customer_id)).pass_.serial == first.pass_.serial


async def test_of_thirty_askings_at_once_one_makes_it(db: Connection, pool: Pool, desk: Desk) -> None:
    moment_id, customer_id = await offered(db)

    async def ask() -> Accepted:
        async with pool.transaction() as own:
            return await accept(own, moment_id=moment_id, customer_id=customer_id, desk=desk)

    answers = await gathered(*(ask() for _ in range(30)))
    assert all(isinstance(answer, Accepted) for answer in answers)
    assert sum(answer.made for answer in answers) == 1
    assert len({answer.pass_.serial for answer in answers}) == 1
    assert await db.fetchval("SELECT count(*) FROM passes") == 1


async def test_another_customers_moment_is_not_found(db: Connection, desk: Desk) -> None:
    moment_id, _ = await offered(db)
    for stranger in (await add_customer(db), new_id(bucket=bucket_of(moment_id))):
        with pytest.raises(NotFound):
            await take(db, desk, moment_id, stranger)


async def test_a_moment_that_never_was_is_not_found(db: Connection, desk: Desk) -> None:
    with pytest.raises(NotFound):
        await take(db, desk, new_id(), await add_customer(db))


async def test_a_held_out_moment_is_not_found(db: Connection, desk: Desk) -> None:
    moment_id, customer_id = await offered(db, held_out=True)
    with pytest.raises(NotFound):
        await take(db, desk, moment_id, customer_id)


async def test_a_moment_without_a_reward_has_no_pass(db: Connection, desk: Desk) -> None:
    moment_id, customer_id = await offered(db, reward=None, action={"type": "link", "url": "https://example.com"})
    with pytest.raises(Conflict) as caught:
        await take(db, desk, moment_id, customer_id)
    assert caught.value.reason == "no_reward"


@pytest.mark.parametrize("state", ["created", "delivered", "opened", "clicked", "dismissed"])
async def test_it_may_be_taken_from_every_step_before_the_end(db: Connection, desk: Desk, state: str) -> None:
    moment_id, customer_id = await offered(db, state=state)
    assert (await take(db, desk, moment_id, customer_id)).made


async def test_an_expired_moment_is_gone(db: Connection, desk: Desk) -> None:
    moment_id, customer_id = await offered(db, state="expired")
    with pytest.raises(Gone) as caught:
        await take(db, desk, moment_id, customer_id)
    assert (caught.value.status, caught.value.reason) == (410, "expired")


async def test_an_undelivered_moment_is_gone_after_its_time(db: Connection, desk: Desk) -> None:
    past = await db.fetchval("SELECT clock_timestamp() - interval '1 second'")
    for state, gone in (("created", True), ("delivered", False)):
        moment_id, customer_id = await offered(db, state=state, deliver_by=past)
        if gone:
            with pytest.raises(Gone):
                await take(db, desk, moment_id, customer_id)
        else:
            assert (await take(db, desk, moment_id, customer_id)).made


async def test_a_moment_is_gone_with_its_rewards_end(db: Connection, desk: Desk) -> None:
    past = await db.fetchval("SELECT clock_timestamp() - interval '1 second'")
    moment_id, customer_id = await offered(db, valid_until=past)
    with pytest.raises(Gone):
        await take(db, desk, moment_id, customer_id)
    assert await db.fetchval("SELECT count(*) FROM passes") == 0


async def test_a_reward_without_times_is_valid_from_now_on(db: Connection, desk: Desk) -> None:
    moment_id, customer_id = await offered(db, valid_from=None, valid_until=None)
    pass_ = (await take(db, desk, moment_id, customer_id)).pass_
    assert (pass_.valid_from, pass_.valid_until) == (pass_.created_at, None)


async def test_the_headline_is_the_moments(db: Connection, desk: Desk) -> None:
    moment_id, customer_id = await offered(db, title="Kaffee bei Marktplatz")
    assert (await take(db, desk, moment_id, customer_id)).pass_.card.title == "Kaffee bei Marktplatz"


@pytest.mark.parametrize(("locale", "words"), [("de-DE", "Einmal aufs Haus"), ("en-GB", "One on us")])
async def test_a_headline_that_names_the_customer_is_not_on_the_pass(
    db: Connection, desk: Desk, locale: str, words: str
) -> None:
    moment_id, customer_id = await offered(db, title="Kaffee, Kim?", contents=PERSONAL, locale=locale)
    pass_ = (await take(db, desk, moment_id, customer_id)).pass_
    assert pass_.card.title == words
    assert "Kim" not in str(await row_of(db, pass_.serial))


async def test_a_reward_for_every_store_names_none(db: Connection, desk: Desk) -> None:
    await add_store(db)
    moment_id, customer_id = await offered(db, redeem_at={"any": True})
    pass_ = (await take(db, desk, moment_id, customer_id)).pass_
    assert (pass_.places, pass_.place_tag, pass_.card.anywhere) == (None, None, True)
    assert len(pass_.card.spots) == 1


async def test_a_reward_for_some_stores_names_them(db: Connection, desk: Desk) -> None:
    here, _ = await add_store(db, name="Here"), await add_store(db, name="There")
    moment_id, customer_id = await offered(db, redeem_at={"ids": [str(here)]})
    pass_ = (await take(db, desk, moment_id, customer_id)).pass_
    assert pass_.places == (here,)
    assert [spot.name for spot in pass_.card.spots] == ["Here"]
    assert not pass_.card.anywhere


async def test_a_reward_for_a_tag_keeps_the_tag(db: Connection, desk: Desk) -> None:
    await add_store(db, tags=["cafe"], name="Cafe")
    await add_store(db, tags=["kiosk"])
    moment_id, customer_id = await offered(db, redeem_at={"tag": "cafe"})
    pass_ = (await take(db, desk, moment_id, customer_id)).pass_
    assert (pass_.places, pass_.place_tag) == (None, "cafe")
    assert [spot.name for spot in pass_.card.spots] == ["Cafe"]


async def test_a_stores_fence_stands_for_its_store(db: Connection, desk: Desk) -> None:
    store = await add_store(db)
    fence = await db.fetchval("SELECT geofence_id FROM stores")
    moment_id, customer_id = await offered(db, redeem_at={"ids": [str(fence)]})
    assert (await take(db, desk, moment_id, customer_id)).pass_.places == (store,)


async def test_a_free_fence_has_no_till_so_its_reward_is_taken_anywhere(db: Connection, desk: Desk) -> None:
    await add_store(db)
    moment_id, customer_id = await offered(db, redeem_at={"ids": [str(new_id())]})
    pass_ = (await take(db, desk, moment_id, customer_id)).pass_
    assert (pass_.places, pass_.card.anywhere) == (None, True)


async def test_the_pass_shows_the_ten_stores_nearest_to_where_it_began(db: Connection, desk: Desk) -> None:
    here = await add_store(db, lat=48.40, lon=10.0, name="0")
    for number in range(1, 15):
        await add_store(db, lat=48.40 + number / 100, lon=10.0, name=str(number))
    moment_id, customer_id = await offered(db, place_id=here, place_kind="store")
    shown = (await take(db, desk, moment_id, customer_id)).pass_.card.spots
    assert [spot.name for spot in shown] == [str(number) for number in range(10)]


async def test_the_nearest_are_those_that_geopy_measures_on_the_ellipsoid(db: Connection, desk: Desk) -> None:
    """Due north and due east the sphere is wrong by up to half a percent, in opposite directions."""
    here = Point(48.4, 10.0)
    begun = await add_store(db, lat=here.lat, lon=here.lon, name="here")
    points = [Point(48.4 + (each * 37 % 19) / 50, 10.0 + (each * 53 % 23) / 50) for each in range(1, 19)]
    for point in points:
        await add_store(db, lat=point.lat, lon=point.lon)
    moment_id, customer_id = await offered(db, place_id=begun, place_kind="store")
    shown = (await take(db, desk, moment_id, customer_id)).pass_.card.spots
    assert [spot.point for spot in shown] == [here, *sorted(points, key=lambda each: geodesic(here, each).m)[:9]]


async def test_a_minimum_purchase_is_kept_for_the_till(db: Connection, desk: Desk) -> None:
    reward = dict(COFFEE) | {"minimum_purchase": {"minor": 999, "currency": "CHF"}}
    moment_id, customer_id = await offered(db, reward=reward)
    row = await row_of(db, (await take(db, desk, moment_id, customer_id)).pass_.serial)
    assert (row["minimum_minor"], row["minimum_currency"]) == (999, "CHF")


async def test_what_goes_wrong_later_undoes_the_whole(db: Connection, desk: Desk) -> None:
    moment_id, customer_id = await offered(db)

    async def take_and_fail() -> None:
        async with db.transaction():
            await accept(db, moment_id=moment_id, customer_id=customer_id, desk=desk)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await take_and_fail()
    assert await db.fetchval("SELECT count(*) FROM passes") == 0
    assert await db.fetchval("SELECT state FROM moments") == "delivered"
    assert (await take(db, desk, moment_id, customer_id)).made


GERMAN_AND_ENGLISH = {
    "de-DE": {"title": "Kaffee aufs Haus", "body": "…"},
    "en-US": {"title": "Coffee on us", "body": "…"},
}
WALLET = {
    "apple": "storeCard",
    "fields": [{"section": "back", "label": "Where", "value": "{{ place.name }}, {{ place.address }}"}],
    "terms": {"de": "Einmal am Tag.", "en": "Once a day."},
}


async def card_for(
    db: Connection, desk: Desk, *, wallet: dict[str, Any], attributes: str = "{}", **moment: Any
) -> Card:
    moment_id, customer_id = await offered(
        db, contents=GERMAN_AND_ENGLISH, reward={**COFFEE, "wallet": wallet}, **moment
    )
    await db.execute("UPDATE customers SET attributes = $1", attributes)
    return (await take(db, desk, moment_id, customer_id)).pass_.card


async def test_the_card_has_the_offers_look_and_words_in_the_customers_language(db: Connection, desk: Desk) -> None:
    store_id = await add_store(db, name="Marktplatz")
    await db.execute("UPDATE stores SET address = 'Markt 1'")
    card = await card_for(
        db, desk, wallet=WALLET, title="Kaffee aufs Haus", locale="de-DE", place_id=store_id, place_name="Marktplatz"
    )
    assert (card.dress, card.terms) == (Dress("storeCard"), "Einmal am Tag.")
    assert [(line.label, line.value) for line in card.lines] == [("Where", "Marktplatz, Markt 1")]
    assert card.others == {"en": {"Kaffee aufs Haus": "Coffee on us", "Einmal am Tag.": "Once a day."}}
    assert card.told == Told("de-DE", "du", "Marktplatz", "Markt 1", "Europe/Berlin")
    assert card.near == ()  # until it is looked at by the rules in force


async def test_an_offer_that_wants_no_relevance_has_stores_and_comes_up_at_none(db: Connection, desk: Desk) -> None:
    await add_store(db)
    card = await card_for(db, desk, wallet={"relevance": "none"})
    assert (len(card.spots), card.near) == (1, ())


@pytest.mark.parametrize(
    ("asked", "attributes", "holder"),
    [
        (False, '{"first_name": "Kim"}', None),
        (True, '{"first_name": "Kim"}', "Kim"),
        (True, '{"first_name": "Kim\\nCanary"}', "Kim Canary"),
        (True, '{"first_name": " "}', None),
        (True, '{"first_name": 5}', None),
        (True, "{}", None),
    ],
)
async def test_a_name_is_on_the_card_only_where_the_offer_asks_for_it(
    db: Connection, desk: Desk, asked: bool, attributes: str, holder: str | None
) -> None:
    assert (await card_for(db, desk, wallet={"name": asked}, attributes=attributes)).holder == holder


async def test_who_chose_sie_is_not_called_du_by_an_edit(db: Connection, desk: Desk) -> None:
    card = await card_for(db, desk, wallet={}, locale="de-DE", attributes='{"formality": "sie"}')
    assert card.told.formality == "sie"
