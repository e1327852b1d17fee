"""The table that says what is right: contexts as a dry run states them, with answers that were found by hand.

The cases lie in `oracle/*.json`, each with what decides (the offer's `if`, its limits, the place, the past), the instant,
and the answer: outcome, gate, truth and local time. None was found by asking the code. `row` names the line of the table
of edge cases that a case is about; every line is named.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from math import pi, sqrt
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from dateutil import tz

from server.decision.decide import decide
from server.decision.reading import Known
from server.decision.rules import Identity, parse
from server.model.hours import read_hours
from server.model.ping import OsEvent
from server.model.place import Area, Circle, Geofence, Place, Point
from server.pipeline.rehearse import Rehearsal, Stated, context_of, rehearse
from server.pipeline.rules import Rules, Snapshot
from server.signals.fences import FenceIndex
from server.store.pool import Pool
from server.web import dry_run, offers, segments, stores
from server.web.stated import DryRun, read_stated
from tests import builders
from tests.builders import NOON, off, offer_id, programme
from tests.web.authors import House, document, house

CITIES = {
    "Berlin": (Point(52.52, 13.405), "Europe/Berlin"),
    "New York": (Point(40.7484, -73.9857), "America/New_York"),
    "Lord Howe": (Point(-31.5553, 159.0821), "Australia/Lord_Howe"),
    "Apia": (Point(-13.8333, -171.7667), "Pacific/Apia"),
    "Kathmandu": (Point(27.7172, 85.324), "Asia/Kathmandu"),
    "Tromsø": (Point(69.6492, 18.9553), "Europe/Oslo"),
    "Taveuni": (Point(-16.83, 179.98), "Pacific/Fiji"),
}
ROWS = {
    "device clock wrong",
    "window bounds",
    "daylight saving",
    "which zone",
    "cap day while travelling",
    "accuracy against radius",
    "distances",
    "OS geofence event",
    "dwell while the phone rests",
    "late, batched, repeated pings",
    "teleport, mock",
    "stale weather",
    "weather change",
    "overlapping fences",
    "a customer's very first fix, already inside",
    "offer edited while live",
    "quiet hours",
    "holdout",
    "messages sent elsewhere",
    "refund, reversal",
}
"""The lines of the table of edge cases, in its order."""

Case = Mapping[str, Any]


def read_cases() -> list[Case]:
    """Read the whole table; what a file says for all of its cases, a case may say otherwise."""
    cases = []
    for path in sorted((Path(__file__).parent / "oracle").glob("*.json")):
        told = json.loads(path.read_text())
        usual = {"at": "2026-11-03T08:00:00Z", "local": "2026-11-03T09:00:00+01:00", "city": "Berlin"}
        usual |= {key: value for key, value in told.items() if key not in ("about", "cases")}
        cases += [{**usual, "file": path.stem, **each} for each in told["cases"]]
    return cases


CASES = read_cases()
BY_WEB = [case for case in CASES if case.get("web")]


# --- what a case states -----------------------------------------------------------------------------------------------


class Ground(NamedTuple):
    """The places of a case: where its middle is, and its stores with the ids that they have there."""

    middle: Point
    stores: list[dict[str, Any]]
    ids: list[tuple[Any, Any]]
    """Of each store: its id, and that of its fence."""


def told_stores(case: Case) -> list[dict[str, Any]]:
    """The stores as the case tells them; one of 100 m if it does not."""
    told = case.get("stores") or [{"name": "Bakery", **case.get("store", {})}]
    return [{"radius_m": 100, "time_zone": CITIES[case["city"]][1], **each} for each in told]


def ground_of(case: Case) -> Ground:
    """The places where the case says."""
    told = told_stores(case)
    ids = [(builders.store_id(number), builders.fence_id(number)) for number in range(1, len(told) + 1)]
    return Ground(CITIES[case["city"]][0], told, ids)


def documents(case: Case, ground: Ground) -> list[dict[str, Any]]:
    """The offers as marketers write them: the one that is asked about is called coffee."""
    told = [{"name": "coffee", **case.get("offer", {})}, *case.get("others", ())]
    if "if" in case:
        told[0]["if"] = case["if"]
    if "limits" in case:
        most, period = case["limits"]
        cap = {"max": most, "period": period}
        told[0]["limits"] = {**told[0].get("limits", {}), "per_customer": [cap]}
    if "reward" in case:
        value = {"minor": case["reward"], "currency": "EUR"}
        told[0]["reward"] = {"type": "free_item", "value": value, "valid": {"at_most": "PT8H"}}
    whole = document()
    own = {"ids": [str(each) for each, _ in ground.ids]}
    return [
        whole
        | each
        | {"when": {"trigger": "enter", "places": own, **each.get("when", {})}}
        | {"moment": whole["moment"] | each.get("moment", {})}
        for each in told
    ]


def body_of(case: Case, ground: Ground) -> dict[str, Any]:
    """What a caller of the dry run would send: metres become positions, "inside" the fence of the first store."""

    def fix(told: Mapping[str, Any]) -> dict[str, Any]:
        rest = {"accuracy_m": 9, **told}
        point = off(rest.pop("north_m", 0), rest.pop("east_m", 0), of=ground.middle)
        return {"lat": point.lat, "lon": point.lon, **rest}

    before = dict(case.get("before", {}))
    for name in ("last_fix", "held_fix"):
        if name in before:
            before[name] = fix(before[name])
    if "inside" in before:
        before["inside"] = [{"geofence_id": str(ground.ids[0][1]), **each} for each in before["inside"]]
    customer = dict(case.get("customer", {}))
    if "had" in case:
        customer["moments"] = [{"offer": "coffee", "at": at} for at in case["had"]]
    whole = {"at": case["at"], "foreground": case.get("foreground", True), "before": before, "customer": customer}
    where = case.get("fix", {})
    whole["fix"] = fix(where) if where is not None else None
    return whole | {key: case[key] for key in ("weather", "trigger", "used") if key in case}


def places_of(case: Case, ground: Ground) -> list[tuple[Place, Geofence]]:
    """The places as a decision knows them, with their fences."""
    made = []
    for told, (identifier, fence) in zip(ground.stores, ground.ids, strict=True):
        rest = dict(told)
        middle = off(rest.pop("north_m", 0), of=ground.middle)
        zone, hours = rest.pop("time_zone"), rest.pop("hours", None)
        tags = frozenset(rest.pop("tags", ()))
        shape: Circle | Area = Circle(middle, rest["radius_m"])
        if "area" in case:
            half = case["area"]["half_m"]
            north, south = (off(each, of=middle).lat for each in (half, -half))
            east, west = (off(0, each, of=middle).lon for each in (half, -half))
            ring = [(north, east), (north, west), (south, west), (south, east), (north, east)]
            shape = Area(((tuple(Point(*corner) for corner in ring),),))
            rest["radius_m"] = 2 * half / sqrt(pi)
        known = read_hours(hours) if hours is not None else None
        place = Place(identifier, fence, "store", point=middle, zone=zone, hours=known, tags=tags, **rest)
        made.append((place, Geofence(fence, place.name, shape, store_id=identifier)))
    return made


def rehearsed(case: Case) -> tuple[Stated, Snapshot]:
    """The stated context and the rules of a case, without any database."""
    ground = ground_of(case)
    places = places_of(case, ground)
    changes = case.get("programme", {})
    known = Known(
        programme(**changes),
        segments=frozenset({"coffee-drinkers"}),
        places={key: place for place, _ in places for key in (place.id, place.geofence_id)},
        tags=frozenset(tag for place, _ in places for tag in place.tags),
    )
    parsed = [
        parse(each, identity=Identity(offer_id(n), case.get("version", 1), NOON - timedelta(days=9 - n)), known=known)
        for n, each in enumerate(documents(case, ground), 1)
    ]
    rules = builders.ruleset(
        *(each.offer for each in parsed),
        places=[place for place, _ in places],
        segments={"coffee-drinkers": None},
        **changes,
    )
    fences = FenceIndex.build(fence for _, fence in places)
    snapshot = Snapshot(ruleset=rules, fences=fences, live=fences, stores=fences, rewards={})
    return read_stated(msgspec.convert(body_of(case, ground), DryRun)), snapshot


# --- what came of it --------------------------------------------------------------------------------------------------


def found_of(done: Rehearsal, at: datetime) -> dict[str, Any]:
    """Everything that a case may expect, of a rehearsal."""
    chosen = done.chosen
    held = chosen.hold_until if chosen is not None else None
    transitions = done.decision.transitions
    entered = [round(each.p_inside, 4) for each in transitions if each.type == "enter"]
    return {
        "outcome": "none" if chosen is None or held is not None else "held_out" if chosen.held_out else "show",
        "gate": done.gate.value if done.gate is not None else None,
        "truth": done.finding.truth.value if done.finding is not None else None,
        "local": at.astimezone(tz.gettz(done.zone)).isoformat(),
        "offer": done.verdict.offer.label if done.verdict is not None else None,
        "channel": chosen.channel if chosen is not None else None,
        "place": chosen.place.name if chosen is not None and chosen.place is not None else None,
        "held_until": held,
        "dwell_due": done.decision.dwell_due,
        "transitions": sorted(each.type for each in transitions),
        "p_inside": entered[0] if entered else None,
        "others": {each.offer.name: each.finding.gate.value for each in done.others},
    }


def compare(case: Case, found: Mapping[str, Any]) -> None:
    """Compare all that the case says."""
    outcome, gate, truth = case["is"]
    wanted = {"outcome": outcome, "gate": gate, "truth": truth, "local": case["local"]}
    assert {key: found[key] for key in wanted} == wanted
    for key, value in case.get("also", {}).items():
        if key in ("held_until", "dwell_due"):
            assert found[key] == (datetime.fromisoformat(value) if value else None), key
        elif key == "others":
            assert found["others"].items() >= value.items()
        elif key == "p_inside":
            assert found[key] == pytest.approx(value, abs=2e-4)
        else:
            assert found[key] == value, key


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['file']}: {case['name']}")
def test_the_answer_is_the_one_that_was_found_by_hand(case: Case) -> None:
    stated, snapshot = rehearsed(case)
    compare(case, found_of(rehearse(stated, snapshot), stated.at))
    if "os_event" in case:  # no dry run states it: it must change nothing that a fix decides
        context = context_of(stated, snapshot)
        hint = OsEvent(case["os_event"]["type"], builders.fence_id(1))
        claimed = decide(context._replace(os_event=hint), snapshot.ruleset, everything=True)
        assert claimed == decide(context, snapshot.ruleset, everything=True)


def test_the_table_is_whole() -> None:
    assert len(CASES) >= 300
    assert len({(case["file"], case["name"]) for case in CASES}) == len(CASES)
    assert {case["row"] for case in CASES if "row" in case} == ROWS
    for city in ("Berlin", "New York", "Lord Howe", "Apia"):
        assert sum(case["city"] == city and case.get("row") == "daylight saving" for case in CASES) >= 6, city
    assert {case["is"][2] for case in CASES} == {"holds", "fails", "unknown"}


def test_every_gate_stops_somebody() -> None:
    gates = {case["is"][1] for case in CASES}
    assert gates == {
        *(None, "consent", "late", "trust", "place", "trigger", "active", "local_time", "weather", "segment"),
        *("attribute", "event", "quiet_hours", "cap", "budget"),
    }


@pytest.mark.parametrize(
    "case", [case for case in CASES if case["is"][0] == "show"][::7], ids=lambda case: case["name"]
)
def test_an_instant_is_told_as_its_zone_tells_it(case: Case) -> None:
    at, local = (datetime.fromisoformat(case[key]) for key in ("at", "local"))
    assert at == local


# --- through the door -------------------------------------------------------------------------------------------------


async def asked(served: House, case: Case, number: int) -> dict[str, Any]:
    """Build the case's town a few kilometres beside the others, write its offer, and try it."""
    middle, _ = CITIES[case["city"]]
    middle = off(3000 * number, of=middle)
    ids = []
    for told in told_stores(case):
        place = off(told.pop("north_m", 0), of=middle)
        told["name"] = f"{told['name']} {number}"
        made = await served.call("marketer", "POST", "/v1/stores", told | {"lat": place.lat, "lon": place.lon})
        assert made.status == 201, made.body
        ids.append((made.json["id"], made.json["geofence_id"]))
    ground = Ground(middle, told_stores(case), ids)
    [written] = documents(case, ground)
    stands = await served.call("marketer", "POST", "/v1/offers", written | {"name": f"coffee-{number}"})
    assert stands.status == 201, stands.body
    body = body_of(case, ground)
    for moment in body["customer"].get("moments", ()):
        moment["offer"] = f"coffee-{number}"
    answer = await served.call("marketer", "POST", f"/v1/offers/{stands.json['id']}/dry-run", body)
    assert answer.status == 200, answer.body
    return answer.json


async def test_the_door_answers_what_the_table_says(pool: Pool) -> None:
    assert len(BY_WEB) >= 20
    async with house(
        pool, offers, segments, stores, dry_run, rules=Rules(pool, programme(per_day=None, per_week=None))
    ) as served:
        await served.call("marketer", "POST", "/v1/segments", {"name": "coffee-drinkers"})
        for number, case in enumerate(BY_WEB):
            said = await asked(served, case, number)
            transitions = said["transitions"]
            entered = [each["p_inside"] for each in transitions if each["type"] == "enter"]
            place = (said["moment"] or {}).get("place") or {"name": ""}
            compare(
                case,
                said
                | {"local": said["local_time"], "channel": (said["moment"] or {}).get("channel")}
                | {"place": place["name"].rpartition(" ")[0], "others": {}, "p_inside": entered[0] if entered else None}
                | {"transitions": sorted(each["type"] for each in transitions)}
                | {
                    key: datetime.fromisoformat(said[key]) if said[key] else None for key in ("held_until", "dwell_due")
                },
            )
