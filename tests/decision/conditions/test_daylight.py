"""The condition `daylight`; how high the sun stands is judged in tests/decision/test_sun.py."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.decision.finding import Gate, Scene, Truth
from server.model.ping import Fix
from server.model.place import Point
from tests.builders import NOON, after
from tests.decision.rulebook import STORE, ask, condition, scene, store, wrongs

LONGYEARBYEN = store(point=Point(78.2232, 15.6267))
MIDNIGHT = after(hours=12)
SUMMER = "2026-06-21T00:00:00+00:00"


@pytest.mark.parametrize(
    ("stage", "up"),
    [
        (scene(NOON), True),
        (scene(MIDNIGHT), False),
        (scene(SUMMER), False),
        (scene(SUMMER, LONGYEARBYEN), True),
        (scene("2026-12-21T12:00:00+00:00", LONGYEARBYEN), False),
        (scene("2026-06-21T12:00:00-05:00", store(point=Point(-0.1807, -78.4678))), True),
        (scene("2026-06-21T00:00:00-05:00", store(point=Point(-0.1807, -78.4678))), False),
    ],
)
def test_day_and_night_are_those_of_the_places_own_sky(stage: Scene, up: bool) -> None:
    for asked in (True, False):
        found = ask({"daylight": asked}, stage)
        assert (found.gate, found.truth) == (Gate.LOCAL_TIME, Truth.HOLDS if asked is up else Truth.FAILS)


def test_a_receipt_says_how_high_the_sun_stands():
    found = ask({"daylight": True}, scene(NOON))
    assert found.reason == "The sun is up."
    assert found.values == {"sun_height_deg": 22.31}


def somewhere(stage: Scene, point: Point) -> Scene:
    """Put a fix into a scene."""
    return replace(stage, context=stage.context._replace(fix=Fix(point, 10.0, stage.at)))


def test_the_place_counts_and_without_one_the_fix():
    south = Point(-78.0, 15.0)
    assert ask({"daylight": True}, somewhere(scene(SUMMER, LONGYEARBYEN), south)).truth is Truth.HOLDS
    assert ask({"daylight": True}, somewhere(scene(SUMMER, None), south)).truth is Truth.FAILS
    assert ask({"daylight": True}, somewhere(scene(SUMMER, None), LONGYEARBYEN.point)).truth is Truth.HOLDS


def test_without_place_and_fix_day_and_night_are_unknown_and_stay_so_under_not():
    nowhere = scene(NOON, None)
    for asked in (True, False):
        assert ask({"daylight": asked}, nowhere).truth is Truth.UNKNOWN
        assert ask({"not": {"daylight": asked}}, nowhere).truth is Truth.UNKNOWN


def test_dusk_is_the_instant_at_which_the_upper_limb_is_gone():
    at_place = [ask({"daylight": True}, scene(after(minutes=minutes), STORE)).truth for minutes in range(240, 360)]
    dusk = at_place.index(Truth.FAILS)
    assert at_place == [Truth.HOLDS] * dusk + [Truth.FAILS] * (120 - dusk)
    assert 273 <= 240 + dusk <= 276  # Berlin's sun sets at 16:34 on 3 November


@pytest.mark.parametrize("value", [1, 0, "true", None, {}, [], {"up": True}])
def test_only_true_and_false_are_taken(value):
    assert wrongs({"daylight": value}) == [("if.daylight", "must be true (the sun is up) or false (it is down)")]


def test_the_condition_is_said_in_words():
    assert condition({"daylight": True}).sentence() == "while the sun is up"
    assert condition({"daylight": False}).sentence() == "while the sun is down"
