"""Stories told in JSON: a town, some offers, one customer, and what happens step by step.

A step is a fix (metres from the middle of the town) or a timer; `expect` says what must come of it, and what it does not
name is not looked at. `kept: false` tries a step out and forgets it. An offer's `if` is a document, as marketers write it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, time
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest

from server.decision import conditions
from server.decision.decide import Decision, decide
from server.decision.durations import read_duration
from server.decision.reading import Known, Node
from server.decision.ruleset import Ruleset
from server.model.context import Cause, Context
from server.model.customer import Consents, Shown, State
from server.model.offer import Cap, Offer, Period, Reward, Trust
from server.model.place import Place, Span
from server.model.weather import Sky, Weather
from tests.builders import context, customer, fix, off, offer, place, programme, ruleset

STORIES = sorted((Path(__file__).parent / "stories").glob("*.json"))


def instant(text: str) -> datetime:
    """Read an instant."""
    return datetime.fromisoformat(text).astimezone(UTC)


def kinds() -> dict[str, Any]:
    """Find every kind of condition there is, by the names it has in documents."""
    found = {}
    for each in iter_modules(conditions.__path__):
        module = import_module(f"{conditions.__name__}.{each.name}")
        found.update(dict.fromkeys(getattr(module, "NAMES", (module.NAME,)), module.Condition))
    return found


def read_place(told: dict[str, Any]) -> Place:
    """Build a place of the story."""
    where = off(told.pop("north_m", 0), told.pop("east_m", 0))
    hours = {
        name: tuple(Span(time.fromisoformat(begin), time.fromisoformat(end)) for begin, end in spans)
        for name, spans in told.pop("hours", {}).items()
    }
    return place(told.pop("number"), at=where, tags=frozenset(told.pop("tags", ())), hours=hours or None, **told)


def read_offer(number: int, told: dict[str, Any]) -> Offer:
    """Build an offer of the story, with its `if` read as a document."""
    caps = [
        Cap(each["max"], Period(calendar=each.get("calendar"), rolling=read_duration(each.get("rolling", ""))))
        for each in told.pop("caps", ())
    ]
    condition = None
    if "if" in told:
        node = Node(told.pop("if"), Known(programme()), kinds(), "if")
        condition = node.condition()
        assert (node.errors, condition is None) == ([], False)
    for name in ("dwell", "deliver_by", "fresh"):
        if name in told:
            told[name] = read_duration(told[name])
    reward = Reward("free_item") if told.pop("reward", False) else None
    trust = Trust(**told.pop("trust", {}))
    return offer(number, caps=caps, condition=condition, reward=reward, trust=trust, **told)


def read_weather(told: dict[str, Any] | None, at: datetime, places: list[Place]) -> dict[Any, Weather]:
    """Put the step's sky over every place."""
    if told is None:
        return {}
    seen = datetime.fromtimestamp(at.timestamp() - told.pop("age_s"), tz=UTC)
    return {each.id: Weather(Sky(seen, **told)) for each in places}


def read_step(step: dict[str, Any], rules: Ruleset, state: State) -> Context:
    """Build the context of a step."""
    at = instant(step["at"])
    who = customer(consents=replace(Consents(True, True, True), **step.get("consents", {})))
    more: dict[str, Any] = {
        "state": state,
        "customer": who,
        "received": instant(step.get("received", step["at"])),
        "foreground": step.get("foreground", False),
        "weather": read_weather(step.get("weather"), at, list(rules.places.by_id.values())),
    }
    if step.get("timer"):
        return context(rules, at=at, cause=Cause("dwell_timer"), **more)
    told = dict(step["fix"])
    return context(rules, fix(told.pop("north_m"), told.pop("east_m", 0), at=at, **told), **more)


def outcome(decision: Decision, rules: Ruleset) -> dict[str, Any]:
    """Say everything that a step may expect."""
    chosen = decision.chosen
    shown = chosen if chosen is not None and chosen.hold_until is None else None
    held = chosen if shown is None else None
    names = rules.places.by_geofence
    return {
        "show": shown.offer.name if shown else None,
        "place": shown.place.name if shown and shown.place else None,
        "channel": shown.channel if shown else None,
        "held": held.offer.name if held else None,
        "held_until": held.hold_until if held else None,
        "gates": {each.offer.name: str(each.finding.gate) for each in decision.verdicts},
        "truths": {each.offer.name: str(each.finding.truth) for each in decision.verdicts},
        "transitions": [f"{each.type} {names[each.geofence_id].name}" for each in decision.transitions],
        "due": decision.dwell_due,
        "reason": decision.reason,
        "remembered": len(decision.state.shown),
    }


def compare(expected: dict[str, Any], found: dict[str, Any], said: str) -> None:
    """Compare what the step names."""
    for key, value in expected.items():
        if key in ("due", "held_until"):
            assert found[key] == instant(value), f"{said}: {key}"
        elif key in ("gates", "truths"):
            assert {name: found[key].get(name) for name in value} == value, f"{said}: {key}"
        elif key == "transitions":
            assert sorted(found[key]) == sorted(value), f"{said}: {key}"
        else:
            assert found[key] == value, f"{said}: {key}"


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_the_story_goes_as_it_is_told(path: Path) -> None:
    story = json.loads(path.read_text())
    offers = [read_offer(number, told) for number, told in enumerate(story["offers"], 1)]
    places = [read_place(told) for told in story["places"]]
    rules = ruleset(*offers, places=places, **story.get("programme", {}))
    known = {each.name: each.id for each in offers}
    past = [Shown(instant(each["at"]), known.get(each["offer"]), "marketing") for each in story.get("shown", ())]
    state = State(shown=tuple(past))
    for number, step in enumerate(story["steps"], 1):
        decision = decide(read_step(step, rules, state), rules)
        assert "show" in step["expect"]
        compare(step["expect"], outcome(decision, rules), f"step {number}, {step.get('says', step['at'])}")
        state = decision.state if step.get("kept", True) else state


def test_there_are_stories_and_each_says_what_it_is_about() -> None:
    assert len(STORIES) >= 6
    assert all(len(json.loads(path.read_text())["story"]) > 60 for path in STORIES)
