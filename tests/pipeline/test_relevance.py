"""Where passes come up: the ten nearest that are open, judged by geopy; at the edges of windows; as stores come and go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from geopy.distance import geodesic
from hypothesis import given, settings
from hypothesis import strategies as st

from server.model.ids import bucket_of
from server.model.look import Dress
from server.model.offer import Offer
from server.model.pass_ import Card, Pass, Spot
from server.model.place import Circle, Geofence, Place, Point, Span
from server.pipeline.accept import accept
from server.pipeline.places import check_store
from server.pipeline.relevance import LONGEST, MOST, Relevance, Sight, Sought, Windows, followed, sight
from server.pipeline.rules import Rules, Snapshot
from server.signals.fences import FenceIndex
from server.store import epoch, passes, stores
from server.store.ids import new_id
from server.store.pool import Connection, Pool
from server.store.sights import Due
from server.wallet.issue import Desk
from tests.builders import NOON, TOWN, off, place, programme, ruleset
from tests.counter_rows import add_moment, row_of, the_desk
from tests.decision.rulebook import LEAST, changed, read
from tests.pipeline.town import Shop, Town, document

EVERY = timedelta(minutes=15)
MORNING = {"local_time": {"from": "07:00", "to": "11:00"}}
PROGRAMME = programme()
BERLIN = ZoneInfo(PROGRAMME.zone)


def chain(*places: Place, offers: Iterable[Offer] = ()) -> Snapshot:
    """The rules of a house with these stores."""
    fences = FenceIndex.build(
        Geofence(each.geofence_id, each.name, Circle(each.point, each.radius_m), each.tags, each.id) for each in places
    )
    return Snapshot(ruleset(*offers, places=places), fences, fences, fences, {})


def offered(condition: Any = None) -> Offer:
    return read(changed(LEAST, "if", condition) if condition is not None else LEAST).offer


def sought(**changes: Any) -> Sought:
    given: dict[str, Any] = {"card": Card("Coffee", "coffee"), "offer": None, "places": None, "place_tag": None}
    given |= {"valid_from": NOON - timedelta(hours=1), "valid_until": None, "origin": TOWN, "home": None}
    return Sought(**(given | changes))


def looked(snapshot: Snapshot, at: datetime = NOON, **changes: Any) -> Sight:
    return sight(sought(**changes), at, Windows(snapshot), every=EVERY)


def ids(seen: Sight) -> list[UUID]:
    return [spot.id for spot in seen.near]


def nearest(origin: Point, places: Iterable[Place], count: int = MOST) -> list[UUID]:
    """The oracle: geopy measures every one of them."""
    ordered = sorted(places, key=lambda each: (geodesic(tuple(origin), tuple(each.point)).meters, each.geofence_id))
    return [each.id for each in ordered[:count]]


STREETS = st.lists(
    st.tuples(st.integers(-4000, 4000), st.integers(-4000, 4000), st.sampled_from([20.0, 100.0, 3000.0])),
    max_size=60,
    unique_by=lambda each: each[:2],
)


@settings(max_examples=25)
@given(where=STREETS, tagged=st.integers(1, 3))
def test_the_ten_nearest_are_those_that_geopy_finds(where: list[tuple[int, int, float]], tagged: int) -> None:
    places = [
        place(number, at=off(north, east), radius_m=radius, tags=frozenset({f"t{number % tagged}"}))
        for number, (north, east, radius) in enumerate(where, 1)
    ]
    snapshot = chain(*places)
    assert ids(looked(snapshot)) == nearest(TOWN, places)
    some = [each for each in places if "t0" in each.tags]
    assert ids(looked(snapshot, place_tag="t0")) == nearest(TOWN, some)
    named = places[::2]
    assert ids(looked(snapshot, places=tuple(each.id for each in named))) == nearest(TOWN, named)


def test_ten_are_found_in_a_crowd_of_stores_that_do_not_take_it() -> None:
    others = [place(number, at=off(number, 0)) for number in range(1, 301)]
    taking = [place(1000 + number, at=off(-1000 * number, 0), tags=frozenset({"cafe"})) for number in range(1, 13)]
    assert ids(looked(chain(*others, *taking), place_tag="cafe")) == nearest(TOWN, taking)


def test_where_nobody_knows_nearest_to_what_there_are_none_and_it_is_looked_again() -> None:
    seen = looked(chain(place(1)), origin=None)
    assert (seen.near, seen.again) == ((), NOON + LONGEST)


def test_a_spot_is_the_store_as_it_is_called() -> None:
    (spot,) = looked(chain(place(1, name="Marktplatz"))).near
    assert spot == Spot(place(1).id, "Marktplatz", TOWN)


def test_a_free_fence_takes_nothing() -> None:
    fence = place(1, kind="geofence")
    assert looked(chain(fence), places=(fence.id,)).near == ()


def test_where_the_window_is_closed_the_next_open_store_stands_in() -> None:
    hours = {"tue": (Span(time(8), time(11, 30)),)}
    closed = [place(number, at=off(10 * number, 0), hours=hours) for number in range(1, 6)]
    opened = [
        place(10 + number, at=off(1000 * number, 0), hours={"tue": (Span(time(8), None),)}) for number in range(1, 13)
    ]
    seen = looked(chain(*closed, *opened), offer=offered({"local_time": {"place_open": True}}))
    assert ids(seen) == nearest(TOWN, opened)


def test_each_store_goes_by_its_own_clock() -> None:
    berlin, lisbon = place(1), place(2, at=off(50, 0), zone="Europe/Lisbon")  # noon in Berlin is eleven in Lisbon
    offer = offered({"local_time": {"from": "10:30", "to": "12:00"}})
    seen = looked(chain(berlin, lisbon), offer=offer)
    assert ids(seen) == [lisbon.id]
    assert seen.again == NOON + EVERY


def test_the_next_look_is_at_the_windows_edge_and_sooner_while_it_is_open() -> None:
    snapshot, offer = chain(place(1)), offered(MORNING)
    seven, eleven = NOON + timedelta(hours=19), NOON + timedelta(hours=23)
    assert looked(snapshot, seven - timedelta(minutes=30), offer=offer) == Sight((), seven)
    assert looked(snapshot, seven - timedelta(hours=12), offer=offer) == Sight((), seven - timedelta(hours=6))
    assert looked(snapshot, seven, offer=offer).again == seven + EVERY
    assert looked(snapshot, eleven - timedelta(minutes=1), offer=offer).again == eleven
    assert looked(snapshot, eleven, offer=offer).near == ()


@pytest.mark.parametrize(("relevance", "near"), [("while_valid", 0), ("always", 1), ("none", 0)])
def test_an_offer_says_when_it_comes_up(relevance: Any, near: int) -> None:
    card = Card("Coffee", "coffee", dress=Dress(relevance=relevance))
    seen = looked(chain(place(1)), card=card, offer=offered(MORNING))
    assert len(seen.near) == near
    assert (seen.again is None) == (relevance == "none")


def test_it_comes_up_only_while_it_is_valid() -> None:
    snapshot = chain(place(1))
    later = NOON + timedelta(days=1)
    assert looked(snapshot, valid_from=later) == Sight((), later)
    assert looked(snapshot, valid_until=NOON) == Sight((), None)
    came_up = Card("Coffee", "coffee", near=SPOTS)
    assert looked(snapshot, valid_until=NOON, card=came_up) == Sight(SPOTS, None)  # whoever ends it tells of it
    assert len(looked(snapshot, valid_until=NOON + timedelta(seconds=1)).near) == 1


def test_an_answer_about_a_window_is_given_again_until_its_edge() -> None:
    snapshot, offer, shop = chain(place(1)), offered(MORNING), place(1)
    windows = Windows(snapshot)
    for hours in (0, 1, 18.9, 19, 22.9, 23, 42.9, 43, 19):
        at = NOON + timedelta(hours=hours)
        fresh = Windows(snapshot).at(offer, shop, at, home=None)
        assert windows.at(offer, shop, at, home=None) == fresh


def due(card: Card, *, set_at: datetime | None = None) -> Due:
    serial = UUID(int=1)
    return Due(serial, UUID(int=2), 1, card, None, None, NOON, None, NOON, NOON, set_at, None, None, TOWN)


SPOTS = tuple(Spot(place(number).id, f"Place {number}", off(number, 0)) for number in range(1, 4))
PLACES = tuple(place(number, at=off(number, 0)) for number in range(1, 4))


def changes(near: tuple[Spot, ...], seen: tuple[Spot, ...], *, ago: timedelta | None = None) -> tuple[Any, datetime]:
    """The places written after a look (None: nothing is), and when it is looked again."""
    set_at = None if ago is None else NOON - ago
    card = Card("Coffee", "coffee", near=near)
    found = followed(due(card, set_at=set_at), Sight(seen, NOON + LONGEST), NOON, chain(*PLACES), every=EVERY)
    assert found.again is not None
    return None if found.card is None else found.card.near, found.again


def test_other_places_are_written_and_the_same_ones_are_not() -> None:
    assert changes((), SPOTS) == (SPOTS, NOON + LONGEST)
    assert changes(SPOTS, SPOTS) == (None, NOON + LONGEST)
    assert changes(SPOTS, SPOTS[::-1]) == (None, NOON + LONGEST)


def test_a_pass_gets_no_second_update_too_soon_unless_it_stops_coming_up() -> None:
    soon = timedelta(minutes=5)
    assert changes(SPOTS[:1], SPOTS[:2], ago=soon) == (None, NOON + EVERY - soon)
    assert changes((), SPOTS, ago=soon) == (None, NOON + EVERY - soon)
    assert changes(SPOTS, (), ago=soon) == ((), NOON + LONGEST)
    assert changes(SPOTS[:1], SPOTS[:2], ago=EVERY) == (SPOTS[:2], NOON + LONGEST)


def test_the_stores_that_are_listed_follow_too() -> None:
    moved = replace_place(PLACES[0], point=off(500, 0))
    card = Card("Coffee", "coffee", spots=SPOTS)
    found = followed(due(card), Sight((), None), NOON, chain(moved, PLACES[1]), every=EVERY)
    assert found.card is not None
    assert found.card.spots == (Spot(SPOTS[0].id, "Place 1", off(500, 0)), SPOTS[1])


def replace_place(before: Place, **changes: Any) -> Place:
    values = {name: getattr(before, name) for name in before.__struct_fields__}
    return Place(**(values | changes))


# In a house with a database.


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened, _ = the_desk(tmp_path)
    yield opened
    opened.close()


class House:
    """A town whose rules are in force, and what follows its passes."""

    def __init__(self, town: Town, desk: Desk) -> None:
        self.town, self.desk = town, desk
        self.rules = Rules(town.pool, PROGRAMME)
        self.relevance = Relevance(town.pool, self.rules, every=EVERY)

    async def issue(self, db: Connection, offer_id: UUID, customer: UUID, **moment: Any) -> Pass:
        await self.rules.refresh()
        moment.setdefault("valid_until", datetime(2100, 1, 1, tzinfo=UTC))
        moment_id = await add_moment(db, customer_id=customer, offer_id=offer_id, **moment)
        async with db.transaction():
            rules = self.rules.current
            made = await accept(db, moment_id=moment_id, customer_id=customer, desk=self.desk, rules=rules, every=EVERY)
        return made.pass_

    async def look(self, db: Connection, serial: UUID, at: datetime) -> Card:
        """The card after everything that is due at `at` was looked at."""
        await self.rules.refresh()
        await self.relevance.look(now=at)
        found = await passes.find(db, serial=serial)
        assert found is not None
        return found.card


@pytest.fixture
async def house(town: Town, desk: Desk) -> House:
    return House(town, desk)


async def now_of(db: Connection) -> datetime:
    found: datetime = await db.fetchval("SELECT clock_timestamp()")
    return found


def daily(start: datetime, hours: float) -> dict[str, Any]:
    """A window of every day, in Berlin, from this instant on (to the minute)."""
    local = start.astimezone(BERLIN)
    end = (start + timedelta(hours=hours)).astimezone(BERLIN)
    return {"local_time": {"tz": "Europe/Berlin", "from": f"{local:%H:%M}", "to": f"{end:%H:%M}"}}


async def stands(db: Connection, customer: UUID, at: Point) -> None:
    """The customer's last position, as the street remembers it."""
    point = [round(at.lat, 3), round(at.lon, 3)]
    await db.execute(
        "UPDATE customer_state SET state = json_build_object('last_fix', json_build_object('point', $3::json,"
        " 'accuracy_m', 8, 'at', now())) WHERE bucket = $1 AND customer_id = $2",
        bucket_of(customer),
        customer,
        f"[{point[0]}, {point[1]}]",
    )


async def test_a_pass_comes_up_with_its_window_and_no_longer_after_it(db: Connection, house: House, pool: Pool) -> None:
    shop = await house.town.open_shop(name="Mitte")
    now = await now_of(db)
    offer_id = await house.town.publish(document(**{"if": daily(now - timedelta(hours=1), 2)}))
    pass_ = await house.issue(db, offer_id, await house.town.customer(), place_id=shop.id)
    assert [spot.id for spot in pass_.card.near] == [shop.id]
    row = await row_of(db, pass_.serial)
    assert row["relevant_at"] == pass_.created_at + EVERY
    await db.execute("UPDATE passes SET tag = 7")
    assert await house.look(db, pass_.serial, now + timedelta(minutes=30)) == pass_.card  # still open, nothing new
    assert (await row_of(db, pass_.serial))["tag"] == 7
    closed = await house.look(db, pass_.serial, now + timedelta(minutes=61))
    assert (closed.near, closed.spots) == ((), pass_.card.spots)
    row = await row_of(db, pass_.serial)
    assert row["tag"] == -2
    assert row["modified_at"] >= pass_.modified_at + timedelta(seconds=1)
    opened = await house.look(db, pass_.serial, now + timedelta(hours=23, minutes=30))
    assert [spot.id for spot in opened.near] == [shop.id]


async def test_it_is_looked_at_again_exactly_at_the_edge(db: Connection, house: House) -> None:
    shop = await house.town.open_shop()
    now = (await now_of(db)).replace(second=0, microsecond=0)
    opens = now + timedelta(hours=2)
    offer_id = await house.town.publish(document(**{"if": daily(opens, 3)}))
    pass_ = await house.issue(db, offer_id, await house.town.customer(), place_id=shop.id)
    assert pass_.card.near == ()
    assert (await row_of(db, pass_.serial))["relevant_at"] == opens
    assert (await house.look(db, pass_.serial, opens - timedelta(seconds=1))).near == ()
    assert [spot.id for spot in (await house.look(db, pass_.serial, opens)).near] == [shop.id]


async def test_it_follows_its_customer_who_agreed_to_that(db: Connection, house: House) -> None:
    here = await house.town.open_shop(name="Here")
    far = [await house.town.open_shop(off(20_000 + 100 * number, 0), name=f"Far {number}") for number in range(10)]
    offer_id = await house.town.publish()
    customer = await house.town.customer()
    pass_ = await house.issue(db, offer_id, customer, place_id=here.id)
    assert pass_.card.near[0].id == here.id
    at = await now_of(db)
    await stands(db, customer, off(20_000, 0))
    card = await house.look(db, pass_.serial, at + EVERY)
    assert {spot.id for spot in card.near} == {shop.id for shop in far}
    await db.execute("UPDATE customers SET location = false")
    card = await house.look(db, pass_.serial, at + 3 * EVERY)
    assert card.near[0].id == here.id  # from where the moment began


async def test_where_the_customer_is_stands_nowhere_on_the_pass(db: Connection, house: House) -> None:
    shop = await house.town.open_shop()
    customer = await house.town.customer()
    await stands(db, customer, Point(52.521, 13.407))
    pass_ = await house.issue(db, await house.town.publish(), customer, place_id=shop.id)
    row = await row_of(db, pass_.serial)
    for coarse in ("52.521", "13.407"):
        assert not [name for name, value in row.items() if coarse in str(value)]


async def moved(town: Town, shop: Shop, **changes: Any) -> None:
    """A store is written anew, as its door does it."""
    fields = {"name": "Mitte", "lat": shop.at.lat, "lon": shop.at.lon, "radius_m": 100.0, "time_zone": "Europe/Berlin"}
    async with town.pool.transaction() as db:
        number = await epoch.bump(db)
        draft = check_store(fields | changes)
        await stores.update(db, store_id=shop.id, draft=draft)
        await db.execute(
            "UPDATE geofences SET lat = $2, lon = $3, tags = $4, changed = $5 WHERE id = $1",
            shop.fence,
            draft.lat,
            draft.lon,
            list(draft.tags),
            number,
        )


async def closed(town: Town, shop: Shop) -> None:
    async with town.pool.transaction() as db:
        number = await epoch.bump(db)
        await stores.delete(db, store_id=shop.id)
        await db.execute(
            "UPDATE geofences SET deleted_at = clock_timestamp(), changed = $2 WHERE id = $1", shop.fence, number
        )


async def test_stores_that_move_close_open_or_lose_their_tag_change_the_passes_at_once(
    db: Connection, house: House
) -> None:
    town = house.town
    first = await town.open_shop(name="First", tags=("cafe",))
    second = await town.open_shop(off(100, 0), name="Second", tags=("cafe",))
    customer = await town.customer()
    await stands(db, customer, TOWN)
    pass_ = await house.issue(db, await town.publish(), customer, place_id=first.id, redeem_at={"tag": "cafe"})
    assert [spot.id for spot in pass_.card.near] == [first.id, second.id]
    at = pass_.created_at + timedelta(seconds=1)  # long before the next look by time

    async def names() -> list[str]:
        nonlocal at
        at += EVERY  # so that each change may be written
        await db.execute("UPDATE passes SET relevant_at = 'infinity'")
        return [spot.name for spot in (await house.look(db, pass_.serial, at)).near]

    await moved(town, first, name="First", tags=["cafe"], lat=off(500, 0).lat)
    assert await names() == ["Second", "First"]
    third = await town.open_shop(off(1, 0), name="Third", tags=("cafe",))
    assert await names() == ["Third", "Second", "First"]
    await moved(town, second, name="Second", tags=["bar"])
    assert await names() == ["Third", "First"]
    await closed(town, third)
    assert await names() == ["First"]


async def test_a_pass_issued_by_rules_that_are_behind_is_looked_at_by_the_next_ones(
    db: Connection, house: House
) -> None:
    here = await house.town.open_shop()
    offer_id, customer = await house.town.publish(), await house.town.customer()
    await house.rules.refresh()
    behind = house.rules.current
    new = await house.town.open_shop(off(10, 0), name="New")
    await house.rules.refresh()
    await house.relevance.look(now=await now_of(db))  # the walk for the new store is over before the pass is there
    moment_id = await add_moment(db, customer_id=customer, offer_id=offer_id, place_id=here.id)
    async with db.transaction():
        made = await accept(db, moment_id=moment_id, customer_id=customer, desk=house.desk, rules=behind, every=EVERY)
    assert [spot.id for spot in made.pass_.card.near] == [here.id]
    card = await house.look(db, made.pass_.serial, made.pass_.created_at)
    assert [spot.id for spot in card.near] == [here.id, new.id]


async def test_a_change_of_stores_is_looked_at_once(db: Connection, house: House) -> None:
    shop = await house.town.open_shop()
    pass_ = await house.issue(db, await house.town.publish(), await house.town.customer(), place_id=shop.id)
    await house.town.open_shop(off(50, 0), name="Other")
    await house.rules.refresh()
    at = pass_.created_at + timedelta(seconds=1)
    assert await house.relevance.look(now=at) == 1
    assert await house.relevance.look(now=at) == 0


async def test_of_an_offer_that_rests_the_passes_keep_the_window_they_were_given_with(
    db: Connection, house: House
) -> None:
    shop = await house.town.open_shop()
    now = await now_of(db)
    offer_id = await house.town.publish(document(**{"if": daily(now - timedelta(hours=1), 2)}))
    pass_ = await house.issue(db, offer_id, await house.town.customer(), place_id=shop.id)
    async with house.town.pool.transaction() as own:
        await epoch.bump(own)
        await own.execute("UPDATE offers SET status = 'paused'")
    assert [spot.id for spot in (await house.look(db, pass_.serial, now + timedelta(minutes=20))).near] == [shop.id]
    assert (await house.look(db, pass_.serial, now + timedelta(minutes=61))).near == ()


async def test_passes_from_before_are_looked_at_and_those_that_are_over_are_not(db: Connection, house: House) -> None:
    shop = await house.town.open_shop()
    pass_ = await house.issue(db, await house.town.publish(), await house.town.customer(), place_id=shop.id)
    await db.execute("UPDATE passes SET design = design - 'near', relevant_at = now()")
    await db.execute("UPDATE passes SET state = 'redeemed'")
    assert await house.relevance.look(now=pass_.created_at + EVERY) == 0
    await db.execute("UPDATE passes SET state = 'active'")
    card = await house.look(db, pass_.serial, pass_.created_at + EVERY)
    assert [spot.id for spot in card.near] == [shop.id]


async def test_hundreds_are_done_in_portions(db: Connection, house: House) -> None:
    shop = await house.town.open_shop()
    pass_ = await house.issue(db, await house.town.publish(), await house.town.customer(), place_id=shop.id)
    others = [new_id(bucket=bucket_of(pass_.serial)) for _ in range(449)]
    await db.execute(
        "INSERT INTO passes (bucket, serial, customer_id, moment_id, offer_id, offer_version, design, reward, uses_total,"
        " uses_left, valid_from, key_id, token_sealed) SELECT bucket, other, customer_id, other, offer_id, offer_version,"
        " design, reward, 1, 1, valid_from, 1, '' FROM passes, unnest($1::uuid[]) AS other",
        others,
    )
    assert await house.relevance.look(now=pass_.created_at + EVERY) == 2 * 450  # by their time, and for the new store
    assert await db.fetchval("SELECT count(*) FROM passes WHERE relevant_at <= now()") == 0
