"""Dry runs through the doors: every field of the context changes what it should, and nothing is ever written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from geopy.distance import geodesic

from server.pipeline.rules import Rules
from server.store.pool import Connection, Pool
from server.web import dry_run, offers, segments
from tests.web.authors import PROGRAMME, REWARD, TOWN, House, a_store, document, house

AT = "2026-11-03T08:00:00Z"
"""A Tuesday, 09:00 in Berlin."""


def beside(metres: float) -> dict[str, Any]:
    """A fix that many metres (geodesic) east of the store."""
    found = geodesic(meters=metres).destination(TOWN, 90)
    return {"lat": found.latitude, "lon": found.longitude, "accuracy_m": 9}


class Town(NamedTuple):
    """A served house with one store of 100 m, and its ids."""

    at: House
    store: Any

    async def offer(self, **changes: Any) -> str:
        answer = await self.at.call("marketer", "POST", "/v1/offers", document(**changes))
        assert answer.status == 201, answer.body
        return str(answer.json["id"])

    async def publish(self, identifier: str) -> None:
        assert (await self.at.call("marketer", "POST", f"/v1/offers/{identifier}/publish")).status == 200

    async def run(self, identifier: str, **context: Any) -> dict[str, Any]:
        answer = await self.at.call("marketer", "POST", f"/v1/offers/{identifier}/dry-run", self.context(**context))
        assert answer.status == 200, answer.body
        return answer.json

    async def run_all(self, **context: Any) -> dict[str, Any]:
        answer = await self.at.call("admin", "POST", "/v1/dry-run", self.context(**context))
        assert answer.status == 200, answer.body
        return answer.json

    async def refused(self, identifier: str, **context: Any) -> list[str]:
        answer = await self.at.call("marketer", "POST", f"/v1/offers/{identifier}/dry-run", self.context(**context))
        assert answer.status == 422, answer.body
        return [each["field"] for each in answer.json["errors"]]

    @staticmethod
    def context(**context: Any) -> dict[str, Any]:
        return {"at": AT, "fix": beside(0), "foreground": True} | context

    def inside(self, since: str, *, dwelled: bool = False) -> dict[str, Any]:
        return {"inside": [{"geofence_id": str(self.store.geofence_id), "since": since, "dwelled": dwelled}]}


@pytest.fixture
async def town(cleared: Pool) -> AsyncIterator[Town]:
    """The doors of offers and dry runs over a town with one store."""
    store = await a_store(cleared, tags=("bakery",), hours={"tue": [["08:00", "20:00"]]}, country="DE", region="BE")
    async with house(cleared, offers, segments, dry_run, rules=Rules(cleared, PROGRAMME)) as served:
        yield Town(served, store)


async def test_a_draft_that_holds_is_shown_with_its_moment(town: Town) -> None:
    said = await town.run(await town.offer(reward=REWARD))
    assert (said["outcome"], said["offer"], said["gate"], said["truth"]) == ("show", "pretzel@1", None, "holds")
    assert (said["local_time"], said["zone"]) == ("2026-11-03T09:00:00+01:00", "Europe/Berlin")
    assert said["transitions"] == [
        {"geofence_id": str(town.store.geofence_id), "type": "enter", "p_inside": pytest.approx(1, abs=1e-3)}
    ]
    moment = said["moment"]
    assert (moment["title"], moment["body"]) == ("Good to see you", "A pretzel at Bakery.")
    assert (moment["channel"], moment["placement"], moment["state"]) == ("in_app", "card", "created")
    assert moment["place"] == {"id": str(town.store.id), "kind": "store", "name": "Bakery"}
    assert (moment["created_at"], moment["expires_at"]) == (AT, "2026-11-03T08:05:00Z")


async def test_nothing_is_written(town: Town) -> None:
    identifier = await town.offer(reward=REWARD)
    await town.publish(identifier)
    async with town.at.pool.acquire() as db:
        before = await counted(db)
        assert (await town.run(identifier))["outcome"] == "show"
        assert (await town.run_all())["outcome"] == "show"
        assert await counted(db) == before
    assert before["offers"] == 1


async def counted(db: Connection) -> dict[str, int]:
    """How many rows each table has, and the rules' number."""
    tables = [row["relname"] for row in await db.fetch("SELECT relname FROM pg_stat_user_tables ORDER BY 1")]
    rows = {table: await db.fetchval(f"SELECT count(*) FROM {table}") for table in tables}
    return rows | {"epoch": await db.fetchval("SELECT epoch FROM ruleset_epoch")}


async def test_far_away_is_no_place(town: Town) -> None:
    said = await town.run(await town.offer(), fix=beside(5000))
    assert (said["outcome"], said["gate"], said["moment"], said["transitions"]) == ("none", "place", None, [])


async def test_who_is_inside_already_does_not_enter(town: Town) -> None:
    said = await town.run(await town.offer(), before=town.inside("2026-11-03T07:50:00Z"))
    assert (said["outcome"], said["gate"]) == ("none", "trigger")


async def test_a_dwell_time_that_is_over_fires_once(town: Town) -> None:
    when = {"trigger": "dwell", "places": {"tag": "bakery"}, "dwell": "PT2M"}
    identifier = await town.offer(when=when)
    entering = await town.run(identifier)
    assert (entering["outcome"], entering["gate"], entering["dwell_due"]) == ("none", "trigger", "2026-11-03T08:02:00Z")
    assert {each["type"] for each in entering["transitions"]} == {"enter", "dwell_pending"}
    stayed = await town.run(identifier, before=town.inside("2026-11-03T07:58:00Z"))
    assert stayed["outcome"] == "show"
    early = await town.run(identifier, before=town.inside("2026-11-03T07:58:01Z"))
    assert (early["outcome"], early["gate"]) == ("none", "trigger")
    again = await town.run(identifier, before=town.inside("2026-11-03T07:58:00Z", dwelled=True))
    assert (again["outcome"], again["gate"]) == ("none", "trigger")


async def test_the_last_fix_counts_as_the_first_of_the_two_that_confirm_an_exit(town: Town) -> None:
    identifier = await town.offer(when={"trigger": "exit", "places": {"any": True}})
    outside, within = beside(300), beside(10)
    stay = town.inside("2026-11-03T07:30:00Z")
    once = await town.run(identifier, fix=outside, before=stay | {"last_fix": within | {"at": "2026-11-03T07:58:00Z"}})
    assert (once["outcome"], once["gate"]) == ("none", "trigger")
    twice = await town.run(
        identifier, fix=outside, before=stay | {"last_fix": outside | {"at": "2026-11-03T07:58:00Z"}}
    )
    assert twice["outcome"] == "show"
    assert [each["type"] for each in twice["transitions"]] == ["exit"]


async def test_a_teleport_is_held_until_a_fix_agrees(town: Town) -> None:
    identifier = await town.offer()
    far = {"lat": 48.1, "lon": 11.5, "accuracy_m": 9, "at": "2026-11-03T07:59:00Z"}
    jumped = await town.run(identifier, before={"last_fix": far})
    assert (jumped["outcome"], jumped["gate"]) == ("none", "trust")
    held = beside(20) | {"at": "2026-11-03T07:59:20Z"}
    assert (await town.run(identifier, before={"last_fix": far, "held_fix": held}))["outcome"] == "show"
    too_soon = beside(20) | {"captured_at": "2026-11-03T07:59:45Z"}
    assert (await town.run(identifier, before={"last_fix": far, "held_fix": too_soon}))["gate"] == "trust"


async def test_a_mocked_fix_never_opens_a_reward(town: Town) -> None:
    mocked = beside(0) | {"mock": True}
    with_reward = await town.run(await town.offer(reward=REWARD, trust={"mock": "allow"}), fix=mocked)
    assert (with_reward["outcome"], with_reward["gate"]) == ("none", "trust")
    without = await town.run(await town.offer(name="news", trust={"mock": "allow"}), fix=mocked)
    assert without["outcome"] == "show"


@pytest.mark.parametrize(
    ("captured", "gate"),
    [
        ("2026-11-03T07:57:00.001Z", None),
        ("2026-11-03T07:57:00Z", "late"),
        ("2026-11-02T07:00:00Z", "late"),
        ("2026-11-03T08:00:01Z", "trust"),
    ],
)
async def test_an_event_must_be_younger_than_fresh_and_not_of_tomorrow(town: Town, captured: str, gate: Any) -> None:
    said = await town.run(await town.offer(reward=REWARD), fix=beside(0) | {"captured_at": captured})
    assert said["gate"] == gate


async def test_the_truth_is_that_of_the_whole_condition(town: Town) -> None:
    rain = {"weather": {"kind": ["rain"]}}
    identifier = await town.offer(**{"if": rain})
    unknown = await town.run(identifier)
    assert (unknown["outcome"], unknown["gate"], unknown["truth"]) == ("none", "weather", "unknown")
    clear = await town.run(identifier, weather={"kind": "clear"})
    assert (clear["gate"], clear["truth"]) == ("weather", "fails")
    wet = await town.run(identifier, weather={"kind": "rain", "observed_at": "2026-11-03T07:00:00Z"})
    assert (wet["outcome"], wet["truth"]) == ("show", "holds")
    stale = await town.run(identifier, weather={"kind": "rain", "observed_at": "2026-11-03T06:29:59Z"})
    assert (stale["gate"], stale["truth"]) == ("weather", "unknown")
    far = await town.run(identifier, fix=beside(5000), weather={"kind": "clear"})
    assert (far["gate"], far["truth"]) == ("place", "fails")


async def test_the_forecast_is_asked_where_the_offer_looks_ahead(town: Town) -> None:
    identifier = await town.offer(**{"if": {"weather": {"kind": ["snow"], "ahead": "PT2H"}}})
    soon = {
        "kind": "clear",
        "ahead": [{"at": "2026-11-03T12:00:00Z", "kind": "rain"}, {"at": "2026-11-03T10:00:00Z", "kind": "snow"}],
    }
    assert (await town.run(identifier, weather=soon))["outcome"] == "show"
    soon["ahead"][1]["at"] = "2026-11-03T10:00:01Z"
    assert (await town.run(identifier, weather=soon))["truth"] == "unknown"


@pytest.mark.parametrize(
    ("at", "gate", "local"),
    [
        ("2026-11-03T05:59:59Z", "local_time", "2026-11-03T06:59:59+01:00"),
        ("2026-11-03T06:00:00Z", None, "2026-11-03T07:00:00+01:00"),
        ("2026-11-03T10:00:00Z", "local_time", "2026-11-03T11:00:00+01:00"),
        ("2026-10-25T06:30:00Z", "local_time", "2026-10-25T07:30:00+01:00"),
        ("2026-07-07T05:30:00Z", None, "2026-07-07T07:30:00+02:00"),
    ],
)
async def test_local_time_is_that_of_the_place(town: Town, at: str, gate: Any, local: str) -> None:
    hours = {"local_time": {"days": ["tue"], "from": "07:00", "to": "11:00"}}
    said = await town.run(await town.offer(**{"if": hours}), at=at)
    assert (said["gate"], said["local_time"]) == (gate, local)


async def test_a_repeated_hour_is_told_with_its_offset(town: Town) -> None:
    identifier = await town.offer()
    first = await town.run(identifier, at="2026-10-25T00:30:00Z")
    second = await town.run(identifier, at="2026-10-25T01:30:00Z")
    assert (first["local_time"], second["local_time"]) == ("2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00")


async def test_the_customer_is_who_was_stated(town: Town) -> None:
    await town.at.call("marketer", "POST", "/v1/segments", {"name": "coffee-drinkers"})
    needs = [
        {"segment": "coffee-drinkers"},
        {"attribute": {"visits": {"gte": 3}}},
        {"event": {"name": "purchase", "within": "P7D"}},
        {"not": {"event": {"name": "redemption", "offer": "pretzel", "within": "P7D"}}},
    ]
    identifier = await town.offer(**{"if": {"all": needs}})
    whole: dict[str, Any] = {
        "segments": ["coffee-drinkers"],
        "attributes": {"visits": 3},
        "events": [{"name": "purchase", "at": "2026-11-01T08:00:00Z"}],
    }
    assert (await town.run(identifier, customer=whole))["outcome"] == "show"
    gates = {
        (await town.run(identifier, customer=whole | change))["gate"]
        for change in (
            {"segments": []},
            {"attributes": {"visits": 2}},
            {"events": [{"name": "purchase", "at": "2026-10-01T08:00:00Z"}]},
            {"redemptions": [{"offer": "pretzel", "at": "2026-11-02T08:00:00Z"}]},
        )
    }
    assert gates == {"segment", "attribute", "event"}
    hidden = await town.run(identifier, customer=whole | {"consents": {"profiling": False}})
    assert (hidden["gate"], hidden["truth"]) == ("segment", "unknown")


async def test_consents_count_each_for_itself(town: Town) -> None:
    identifier = await town.offer()
    nowhere = await town.run(identifier, customer={"consents": {"location": False}})
    assert (nowhere["outcome"], nowhere["gate"], nowhere["transitions"]) == ("none", "consent", [])
    pushed = await town.run(
        await town.offer(name="p", moment=document()["moment"] | {"surfaces": ["push"]}),
        foreground=False,
        customer={"consents": {"push": False}},
    )
    assert pushed["gate"] == "consent"


async def test_words_are_chosen_by_the_customers_locale_and_filled_once(town: Town) -> None:
    content = {
        "de-DE": {"title": "Hallo {{ customer.first_name | default: 'du' }}", "body": "Bei {{ place.name }}."},
        "en-US": {"title": "Hello", "body": "At {{ place.name }}."},
    }
    identifier = await town.offer(moment={"surfaces": ["in_app"], "content": content, "fallback_locale": "en-US"})
    kim = {"locale": "de-AT", "attributes": {"first_name": "{{ place.name }}"}}
    assert (await town.run(identifier, customer=kim))["moment"]["title"] == "Hallo {{ place.name }}"
    assert (await town.run(identifier, customer={"locale": "fr-FR"}))["moment"]["title"] == "Hello"


async def test_caps_count_the_moments_that_were_stated(town: Town) -> None:
    cap = {"per_customer": [{"max": 1, "period": {"calendar": "day", "tz": "customer_home"}}]}
    identifier = await town.offer(limits=cap)

    async def gate(*moments: dict[str, Any], **customer: Any) -> Any:
        return (await town.run(identifier, customer={"moments": list(moments), **customer}))["gate"]

    today = {"offer": "pretzel", "at": "2026-11-03T00:30:00Z"}
    yesterday = {"offer": "pretzel", "at": "2026-11-02T20:30:00Z"}
    assert await gate(today) == "cap"
    assert await gate(yesterday) is None
    assert await gate(yesterday, time_zone="America/New_York") is None
    assert await gate(today | {"offer": "other"}) is None
    two = [today | {"offer": "other"}, today | {"offer": "third"}]
    assert await gate(*two) == "cap"


async def test_a_class_of_its_own_counts_into_its_own_cap(cleared: Pool) -> None:
    programme = PROGRAMME._replace(class_per_day={"service": 1}, per_day=None, per_week=None)
    await a_store(cleared)
    async with house(cleared, offers, dry_run, rules=Rules(cleared, programme)) as served:
        town = Town(served, None)
        identifier = await town.offer(limits={"pressure_class": "service"})
        had = {"offer": "other", "at": "2026-11-03T07:00:00Z"}
        assert (await town.run(identifier, customer={"moments": [had | {"class": "service"}]}))["gate"] == "cap"
        assert (
            await town.run(
                identifier,
                customer={
                    "moments": [
                        had | {"class": "marketing"},
                    ]
                },
            )
        )["outcome"] == "show"


async def test_budgets_count_what_was_stated_as_used(town: Town) -> None:
    limits = {
        "total": {"units": 10, "liability": {"minor": 1000, "currency": "EUR"}},
        "per_place": {"units": 4, "period": {"calendar": "day", "tz": "place"}},
    }
    identifier = await town.offer(limits=limits, reward=REWARD)
    for used, gate in (
        ({"units": 9}, None),
        ({"units": 10}, "budget"),
        ({"liability_minor": 905}, None),
        ({"liability_minor": 906}, "budget"),
        ({"place_units": 3}, None),
        ({"place_units": 4}, "budget"),
    ):
        assert (await town.run(identifier, used=used))["gate"] == gate, used


async def test_quiet_hours_bind_pushes_and_not_the_app_in_front(town: Town) -> None:
    night = "2026-11-03T21:00:00Z"
    identifier = await town.offer(deliver_by="PT5M")
    assert (await town.run(identifier, at=night))["outcome"] == "show"
    pushed = await town.run(identifier, at=night, foreground=False)
    assert (pushed["outcome"], pushed["gate"], pushed["held_until"]) == ("none", "quiet_hours", None)
    patient = await town.offer(name="patient", deliver_by="PT12H")
    held = await town.run(patient, at=night, foreground=False)
    assert (held["outcome"], held["gate"], held["moment"]) == ("none", "quiet_hours", None)
    assert held["held_until"] == "2026-11-04T07:00:00Z"


async def test_the_control_group_is_held_out_and_told_nothing(town: Town) -> None:
    identifier = await town.offer(holdout={"share": 0.5, "salt": "half"})
    outcomes = set()
    for number in range(12):
        said = await town.run(identifier, customer={"id": str(UUID(int=number))})
        assert (said["moment"] is None) == (said["outcome"] == "held_out")
        outcomes.add(said["outcome"])
    assert outcomes == {"show", "held_out"}


async def test_a_trigger_that_is_no_fix_needs_none(town: Town) -> None:
    identifier = await town.offer(when={"trigger": "event", "event": "purchase", "places": {"any": True}})
    bought = {"type": "event", "name": "purchase"}
    for context in ({"fix": None}, {"fix": beside(0)}, {"fix": None, "before": town.inside(AT)}):
        assert (await town.run(identifier, trigger=bought, **context))["outcome"] == "show"
    assert (await town.run(identifier, trigger=bought | {"name": "birthday"}, fix=None))["gate"] == "trigger"
    assert (await town.run(identifier))["gate"] == "trigger"


async def test_an_event_inside_a_fence_is_at_that_place(town: Town) -> None:
    when = {"trigger": "event", "event": "purchase", "places": {"tag": "bakery"}}
    identifier = await town.offer(when=when)
    said = await town.run(identifier, trigger={"type": "event", "name": "purchase"}, fix=None, before=town.inside(AT))
    assert (said["outcome"], said["moment"]["place"]["id"]) == ("show", str(town.store.id))


async def test_the_dates_of_a_draft_are_looked_at(town: Town) -> None:
    identifier = await town.offer(active={"from": "2026-11-04"})
    assert (await town.run(identifier))["gate"] == "active"
    assert (await town.run(identifier, at="2026-11-03T23:00:00Z"))["outcome"] == "show"


async def test_an_offer_that_rests_is_stopped_at_the_gate_that_says_so(town: Town) -> None:
    identifier = await town.offer()
    await town.publish(identifier)
    assert (await town.run(identifier))["outcome"] == "show"
    await town.at.call("marketer", "POST", f"/v1/offers/{identifier}/pause")
    rested = await town.run(identifier)
    assert (rested["outcome"], rested["gate"], rested["moment"]) == ("none", "active", None)
    assert (await town.run(identifier, fix=beside(5000)))["gate"] == "place"


async def test_the_newest_version_is_tried(town: Town) -> None:
    identifier = await town.offer()
    await town.at.call("marketer", "PUT", f"/v1/offers/{identifier}", document(priority=70))
    assert (await town.run(identifier))["offer"] == "pretzel@2"


async def test_all_live_offers_are_tried_against_each_other(town: Town) -> None:
    low = await town.offer(name="low", priority=10)
    high = await town.offer(name="high", priority=90)
    wet = await town.offer(name="wet", priority=95, **{"if": {"weather": {"kind": ["rain"]}}})
    await town.offer(name="draft", priority=99)
    for identifier in (low, high, wet):
        await town.publish(identifier)
    said = await town.run_all()
    assert (said["outcome"], said["offer"], said["gate"]) == ("show", "high@1", None)
    assert {each["offer"]: (each["gate"], each["truth"]) for each in said["others"]} == {
        "low@1": ("arbitration", "holds"),
        "wet@1": ("weather", "unknown"),
    }
    nobody = await town.run_all(fix=beside(5000))
    assert (nobody["outcome"], nobody["offer"], nobody["gate"]) == ("none", None, "place")
    assert {each["offer"] for each in nobody["others"]} == {"low@1", "high@1", "wet@1"}


async def test_of_equals_the_least_recently_shown_wins(town: Town) -> None:
    for name in ("first", "second"):
        await town.publish(await town.offer(name=name))
    assert (await town.run_all())["offer"] == "first@1"
    had = {"moments": [{"offer": "first", "at": "2026-10-01T08:00:00Z"}]}
    assert (await town.run_all(customer=had))["offer"] == "second@1"


async def test_without_live_offers_nothing_is_shown(town: Town) -> None:
    said = await town.run_all()
    assert (said["outcome"], said["offer"], said["gate"], said["others"]) == ("none", None, None, [])


async def test_a_store_of_a_moment_ago_is_known(town: Town) -> None:
    identifier = await town.offer()
    away = geodesic(meters=5000).destination(TOWN, 90)
    await a_store(town.at.pool, name="New", at=(away.latitude, away.longitude))
    said = await town.run(identifier, fix=beside(5000))
    assert said["moment"]["place"]["name"] == "New"


@pytest.mark.parametrize(
    ("context", "field"),
    [
        ({"at": "2026-11-03T08:00:00"}, "at"),
        ({"at": "0001-01-01T00:00:00Z"}, "at"),
        ({"at": "9999-12-31T23:59:59-12:00"}, "at"),
        ({"fix": None}, "fix"),
        ({"fix": beside(0) | {"lat": 91}}, "fix.lat"),
        ({"fix": beside(0) | {"accuracy_m": -1}}, "fix.accuracy_m"),
        ({"fix": beside(0) | {"height": 3}}, "fix.height"),
        ({"before": {"inside": [{"geofence_id": str(UUID(int=5)), "since": AT}]}}, "before.inside[0].geofence_id"),
        ({"before": {"last_fix": beside(0)}}, "before.last_fix.at"),
        ({"weather": {"kind": "frogs"}}, "weather.kind"),
        ({"weather": {"temperature_c": 100}}, "weather.temperature_c"),
        ({"weather": {"ahead": [{"at": AT, "humidity": 101}]}}, "weather.ahead[0].humidity"),
        ({"trigger": {"type": "enter"}}, "trigger.type"),
        ({"trigger": {"type": "event"}}, "trigger.name"),
        ({"used": {"units": -1}}, "used.units"),
        ({"customer": {"time_zone": "Europe/Atlantis"}}, "customer.time_zone"),
        ({"customer": {"attributes": {"a": [1]}}}, "customer.attributes[...]"),
        ({"customer": {"events": [{"name": "x", "at": "1900-01-01T00:00:00Z"}]}}, "customer.events[0].at"),
        ({"foreground": "yes"}, "foreground"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_what_could_not_be_is_refused_with_its_field(town: Town, context: dict[str, Any], field: str) -> None:
    assert await town.refused(await town.offer(), **context) == [field]


async def test_a_stay_is_neither_of_tomorrow_nor_named_twice(town: Town) -> None:
    identifier = await town.offer()
    assert await town.refused(identifier, before=town.inside("2026-11-03T08:00:01Z")) == ["before.inside[0].since"]
    twice = {"inside": town.inside(AT)["inside"] * 2}
    assert await town.refused(identifier, before=twice) == ["before.inside[1].geofence_id"]


async def test_an_offer_that_is_not_there_is_not_found_and_analysts_try_nothing(town: Town) -> None:
    unknown = f"/v1/offers/{UUID(int=5)}/dry-run"
    assert (await town.at.call("marketer", "POST", unknown, town.context())).status == 404
    assert (await town.at.call("analyst", "POST", unknown, town.context())).status == 403
    assert (await town.at.call("analyst", "POST", "/v1/dry-run", town.context())).status == 403


async def test_the_example_of_the_documentation_is_taken_whole(town: Town) -> None:
    body = {
        "at": "2026-10-25T00:30:00Z",
        "fix": beside(3) | {"speed_mps": 0.4, "mock": False, "captured_at": "2026-10-25T00:29:50Z"},
        "before": {
            **town.inside("2026-10-25T00:20:00Z"),
            "last_fix": beside(9) | {"at": "2026-10-25T00:25:00Z"},
            "held_fix": None,
        },
        "weather": {
            "kind": "rain",
            "temperature_c": 6.1,
            "precipitation_mm": 0.8,
            "wind_mps": 4,
            "observed_at": "2026-10-25T00:15:00Z",
            "ahead": [
                {"at": "2026-10-25T02:00:00Z", "kind": "snow", "temperature_c": 0},
            ],
        },
        "used": {"units": 0, "liability_minor": 0, "place_units": 0},
        "customer": {
            "id": str(UUID(int=77)),
            "time_zone": "Europe/Berlin",
            "locale": "de-DE",
            "segments": ["coffee-drinkers"],
            "attributes": {"first_name": "Kim"},
            "consents": {
                "location": True,
                "push": True,
                "profiling": True,
            },
            "moments": [
                {"offer": "coffee-morning", "at": "2026-10-01T08:00:00Z", "class": "marketing"},
            ],
            "redemptions": [{"offer": "coffee-morning", "at": "2026-10-01T08:10:00Z"}],
            "events": [{"name": "purchase", "at": "2026-10-01T08:10:00Z"}],
        },
        "foreground": True,
    }
    identifier = await town.offer(when={"trigger": "inside", "places": {"any": True}})
    said = await town.run(identifier, **body)
    assert (said["outcome"], said["local_time"]) == ("show", "2026-10-25T02:30:00+02:00")
    assert datetime.fromisoformat(said["moment"]["created_at"]) == datetime.fromisoformat(body["at"])


async def test_a_stated_customer_has_topics(town: Town) -> None:
    identifier = await town.offer(
        topic="coffee", **{"if": {"topic": "coffee"}}, when={"trigger": "inside", "places": {"any": True}}
    )
    asked: list[tuple[str, str | None, str]] = []
    for topics in ({"coffee": True}, {"coffee": False}, {"books": True}):
        said = await town.run(identifier, customer={"topics": topics})
        asked.append((said["outcome"], said["gate"], said["truth"]))
    assert asked == [("show", None, "holds"), ("none", "attribute", "fails"), ("none", "attribute", "unknown")]
    about = await town.offer(name="about", topic="coffee", when={"trigger": "inside", "places": {"any": True}})
    said = await town.run(about, customer={"topics": {"coffee": False}})
    assert (said["gate"], said["truth"], said["values"]) == ("consent", "holds", {"topic": "coffee"})


async def test_every_condition_answers_for_itself_in_the_language_that_was_asked_for(town: Town) -> None:
    wet = {"weather": {"kind": ["rain", "drizzle"]}}
    asked = {"all": [wet, {"local_time": {"from": "07:00", "to": "08:30", "place_open": True}}]}
    identifier = await town.offer(**{"if": asked})
    body = town.context(weather={"kind": "drizzle", "temperature_c": 6})
    path = f"/v1/offers/{identifier}/dry-run"
    plain = (await town.at.call("marketer", "POST", path, body)).json
    assert [(each["gate"], each["truth"]) for each in plain["parts"]] == [("local_time", "fails"), ("weather", "holds")]
    assert "said" not in plain
    assert "said" not in plain["parts"][0]
    german = (await town.at.call("marketer", "POST", f"{path}?language=de", body)).json
    assert (german["gate"], german["said"]) == ("local_time", "09:00 liegt nicht in 07:00–08:30.")
    assert german["parts"][1]["said"] == "Das Wetter ist wie gefordert (Nieselregen oder Regen)."
    assert german["parts"][1]["values"]["kind"] == "drizzle"
    shown = (await town.at.call("marketer", "POST", f"{path}?language=en", body | {"at": "2026-11-03T07:00:00Z"})).json
    assert (shown["outcome"], shown["said"]) == ("show", "It won.")
    assert [each["said"] for each in shown["parts"]] == [
        "08:00 is within 07:00–08:30. Bakery is open.",
        "The weather is as asked (drizzle or rain).",
    ]
    await town.publish(identifier)
    second = await town.offer(name="second", **{"if": {"weather": {"kind": ["snow"]}}})
    await town.publish(second)
    everything = (await town.at.call("admin", "POST", "/v1/dry-run?language=de", town.context())).json
    assert {each["offer"]: each["said"] for each in everything["others"]}["second@1"] == "Das Wetter ist nicht bekannt."
