"""A rehearsal decides what the street decides: the same context, the same verdicts, the same moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from server.decision.finding import Gate
from server.errors import Invalid
from server.model.context import Cause, Used
from server.model.customer import Consents, Customer
from server.model.money import Money
from server.model.offer import Reward
from server.model.ping import Fix
from server.model.place import Circle, Geofence
from server.model.weather import Sky, Weather
from server.pipeline import authoring
from server.pipeline.rehearse import Inside, Rehearsal, Report, Stated, Told, context_of, rehearse, rehearse_offer
from server.pipeline.rules import Snapshot
from server.signals.fences import FenceIndex
from server.store.pool import Connection, Pool
from tests import builders
from tests.builders import NOON, TOWN, off, offer, place, programme
from tests.street.serving import open_street
from tests.web.authors import BY, document

ANYBODY = Customer(UUID(int=9), Consents(True, True, True))


def snapshot(*offers: Any, places: tuple[Any, ...] = (), **changes: Any) -> Snapshot:
    """Rules over some places, with a fence for each."""
    known = places or (place(),)
    ruleset = builders.ruleset(*offers, places=known, **changes)
    fences = FenceIndex.build(
        Geofence(each.geofence_id, each.name, Circle(each.point, each.radius_m), store_id=each.id) for each in known
    )
    return Snapshot(ruleset=ruleset, fences=fences, live=fences, stores=fences, rewards={})


def say(north_m: float = 0, *, ago_s: float = 0, mock: bool = False, accuracy_m: float = 9, **more: Any) -> Stated:
    report = Report(off(north_m), accuracy_m, NOON - timedelta(seconds=ago_s), None, mock)
    return Stated(**({"at": NOON, "report": report, "customer": ANYBODY, "foreground": True} | more))


def gate(done: Rehearsal) -> str | None:
    return done.gate.value if done.gate is not None else None


def test_the_context_is_that_of_a_live_fix() -> None:
    rules = snapshot(offer())
    made = context_of(say(30, ago_s=10), rules)
    assert (made.at, made.received) == (NOON, NOON)
    assert made.fix is not None
    assert made.fix.at == NOON - timedelta(seconds=10)
    assert made.fix_zone == "Europe/Berlin"
    wanted = builders.hits(rules.ruleset, off(30))
    assert [hit.id for hit in made.hits] == [hit.id for hit in wanted]
    assert made.hits[0].edge_m == pytest.approx(wanted[0].edge_m, abs=0.01)
    assert made.cause == Cause("fix")


def test_a_fence_of_the_state_is_measured_however_far_it_is() -> None:
    rules = snapshot(offer())
    inside = Inside(builders.fence_id(1), NOON - timedelta(minutes=5), False)
    made = context_of(say(3000, inside=(inside,)), rules)
    assert [round(hit.edge_m, -2) for hit in made.hits] == [2900]
    assert [stay.geofence_id for stay in made.state.stays] == [builders.fence_id(1)]


def test_a_fence_that_does_not_exist_is_told() -> None:
    strangers = (Inside(builders.fence_id(1), NOON, False), Inside(UUID(int=5), NOON, False))
    with pytest.raises(Invalid) as refused:
        context_of(say(inside=strangers), snapshot(offer()))
    assert [each.field for each in refused.value.errors] == ["before.inside[1].geofence_id"]


def test_weather_that_is_stated_is_over_every_place_and_otherwise_nobody_knows() -> None:
    near, far = place(1), place(2, at=off(90_000))
    rules = snapshot(offer(), places=(near, far))
    sky = Weather(Sky(NOON, "rain"))
    assert context_of(say(weather=sky), rules).weather == {near.id: sky, far.id: sky}
    assert context_of(say(), rules).weather == {}


def test_a_fix_from_after_its_sending_opens_no_reward() -> None:
    reward = Reward("free_item", Money(250, "EUR"))
    assert gate(rehearse(say(ago_s=-1), snapshot(offer(reward=reward)))) == "trust"
    assert gate(rehearse(say(ago_s=-1), snapshot(offer()))) is None


def test_used_is_what_every_offer_has_used() -> None:
    rules = snapshot(offer(1, units=5), offer(2, units=6))
    done = rehearse(say(used=Used(units=5)), rules)
    assert done.chosen is not None
    assert done.chosen.offer.id == builders.offer_id(2)
    assert [(each.offer.name, each.finding.gate) for each in done.others] == [("offer-1", Gate.BUDGET)]


def test_moments_that_were_had_count_by_their_offer_and_class() -> None:
    rules = snapshot(offer(1, pressure="service"), class_per_day={"service": 1, "marketing": 1})
    own, other = Told("offer-1", NOON, None), Told("unknown", NOON, None)
    assert gate(rehearse(say(told=(own,)), rules)) == "cap"
    assert gate(rehearse(say(told=(other,)), rules)) is None
    assert gate(rehearse(say(told=(other._replace(pressure="service"),)), rules)) == "cap"


def test_the_moment_has_the_words_and_times_of_the_offer() -> None:
    done = rehearse(say(), snapshot(offer(deliver_by=timedelta(minutes=7))))
    assert done.moment is not None
    assert (done.moment.title, done.moment.created_at) == ("Coffee on us", NOON)
    assert done.moment.deliver_by == NOON + timedelta(minutes=7)
    assert (done.moment.local_hour, done.moment.weekday) == (12, 1)


def test_without_a_fix_the_place_is_where_the_customer_was_said_to_be() -> None:
    rules = snapshot(
        offer(1, trigger="event", event="purchase", tag="shop"), places=(place(1, tags=frozenset({"shop"})),)
    )
    bought = {"report": None, "cause": Cause("event", "purchase")}
    inside = Inside(builders.fence_id(1), NOON, False)
    done = rehearse(say(**bought, inside=(inside,)), rules)
    assert done.moment is not None
    assert done.moment.place_id == builders.store_id(1)
    last = Fix(TOWN, 9, NOON - timedelta(minutes=1))
    assert rehearse(say(**bought, inside=(inside,), last_fix=last), rules).moment is not None
    assert gate(rehearse(say(**bought), rules)) == "place"


def test_the_zone_told_is_the_places_then_the_fixs_then_the_customers() -> None:
    tokyo = place(1, zone="Asia/Tokyo")
    assert rehearse(say(), snapshot(offer(), places=(tokyo,))).zone == "Asia/Tokyo"
    assert rehearse(say(), snapshot(offer(), places=(place(1, zone=None),))).zone == "Europe/Berlin"
    away = replace(ANYBODY, zone="America/Lima")
    told = rehearse(say(report=None, cause=Cause("schedule"), customer=away), snapshot())
    assert told.zone == "America/Lima"


def test_of_all_offers_the_one_that_came_furthest_speaks_where_none_won() -> None:
    late = offer(1, active_to=(NOON - timedelta(days=3)).date())
    elsewhere = offer(2, ids=(builders.store_id(2),))
    done = rehearse(say(), snapshot(elsewhere, late, places=(place(1), place(2, at=off(9000)))))
    assert (gate(done), done.chosen) == ("active", None)
    assert {each.offer.name: each.finding.gate for each in done.others} == {
        "offer-1": Gate.ACTIVE,
        "offer-2": Gate.PLACE,
    }


def test_nothing_is_decided_where_there_is_no_offer() -> None:
    done = rehearse(say(), snapshot())
    assert (done.gate, done.finding, done.moment, done.others) == (None, None, None, ())


async def test_the_street_gives_the_moment_that_the_rehearsal_promised(db_dsn: str, tmp_path: Path) -> None:
    async with open_street(db_dsn, tmp_path) as street:
        for kind in ("marketer", "admin"):
            await street.key(kind)
        store = {"name": "Bakery", "lat": 52.52, "lon": 13.405, "radius_m": 100}
        assert (await street.call("POST", "/v1/stores", by="marketer", body=store)).status == 201
        wanted = document(
            variants=[{"id": "a", "weight": 1, "placement": "card"}, {"id": "b", "weight": 1, "placement": "banner"}]
        )
        made = await street.call("POST", "/v1/offers", by="marketer", body=wanted)
        identifier = made.json["id"]
        assert (await street.call("POST", f"/v1/offers/{identifier}/publish", by="marketer")).status == 200
        await street.house.parts.rules.refresh()
        for number in range(4):
            customer = await street.customer(f"c{number}")
            now = datetime.fromtimestamp(street.house.parts.clock.now().timestamp(), tz=UTC)
            fix = {"lat": 52.5203, "lon": 13.4051, "accuracy_m": 12, "captured_at": now.isoformat()}
            context = {
                "at": now.isoformat(),
                "fix": fix,
                "foreground": True,
                "customer": {"id": str(customer), "locale": "de-DE", "time_zone": "Europe/Berlin"},
            }
            promised = (await street.call("POST", "/v1/dry-run", by="admin", body=context)).json
            batch = {
                "sent_at": now.isoformat(),
                "app": {"foreground": True},
                "pings": [{"id": str(UUID(int=number + 1)), **fix}],
            }
            [given] = (await street.call("POST", "/v1/pings", by=f"c{number}", body=batch)).json["moments"]
            told = promised["moment"]
            same = ("offer_id", "variant", "placement", "channel", "title", "body", "action", "place", "state")
            assert {key: told.get(key) for key in same} == {key: given.get(key) for key in same}
            moment = await street.call("GET", f"/v1/decisions?moment_id={given['id']}", by="admin")
            assert [(each["offer"], each["gate"], each["truth"]) for each in moment.json["items"]] == [
                (promised["offer"], promised["gate"], promised["truth"])
            ]


def test_a_paused_programme_stops_all_live_offers_together() -> None:
    done = rehearse(say(), snapshot(offer(), paused=True))
    assert (gate(done), done.chosen) == ("active", None)
    assert gate(rehearse(say(), snapshot(offer()))) is None


async def test_an_offer_that_is_tried_by_itself_asks_no_switch(db: Connection, pool: Pool) -> None:
    async with pool.transaction() as held:
        made = await authoring.create(held, document=document(), programme=programme(), by=BY)
    done = await rehearse_offer(db, offer_id=made.offer.id, stated=say(), snapshot=snapshot(offer(), paused=True))
    assert gate(done) is None
    assert done.moment is not None
