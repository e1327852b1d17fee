"""What is kept of a fix decides again, and tells nobody where it was."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from server.model.customer import LastFix, State, Stay
from server.model.weather import Sky, Weather
from server.pipeline import traces
from server.pipeline.skies import Skies
from server.pipeline.traces import MOST_FENCES, Trace, read_trace
from server.pipeline.turns import NO_FIGURES, Turn, line_up, play
from tests.builders import NOON, TOWN, fence_id, off, offer, place
from tests.pipeline.test_turns import ticket, turn


def noted(one: Turn, skies: Skies | None = None) -> list[Trace | None]:
    """The traces of a turn that was played."""
    line_up(one)
    play(one, NO_FIGURES)
    traces.note([one], skies or Skies())
    return [read_trace(step.trace) if step.trace is not None else None for step in one.steps]


async def test_a_fix_beside_no_fence_leaves_no_trace() -> None:
    assert noted(turn(ticket(0, at=off(4000, 0)), offers=[offer()])) == [None]


async def test_a_trace_says_how_likely_inside_and_nothing_of_where() -> None:
    spot = off(97.31, 12.77)
    one = turn(ticket(0, at=spot), offers=[offer()])
    [trace] = noted(one)
    assert trace is not None
    [fence] = trace.fences
    assert (fence.id, 0 < fence.p < 100, fence.edge, fence.coarse) == (fence_id(1), True, "within", False)
    text = one.steps[0].trace or ""
    assert set(json.loads(text)) == {"fences"}
    assert set(json.loads(text)["fences"][0]) == {"id", "p"}
    for hidden in (f"{spot.lat:.3f}", f"{spot.lon:.3f}", "8.0", "97.", "98."):
        assert hidden not in text


async def test_places_stand_in_the_order_of_their_distance_and_only_so_many() -> None:
    crowd = [place(n, at=off(n, 0), radius_m=300) for n in range(1, MOST_FENCES + 9)]
    [trace] = noted(turn(ticket(0), places=crowd, offers=[offer()]))
    assert trace is not None
    assert [each.id for each in trace.fences] == [fence_id(n) for n in range(1, MOST_FENCES + 1)]


async def test_the_fence_of_a_stay_is_in_the_trace_however_far_it_is_by_now() -> None:
    state = State((Stay(fence_id(1), 0.7, NOON, NOON, NOON),), LastFix(TOWN, 8, NOON - timedelta(seconds=60)))
    [trace] = noted(turn(ticket(0, at=off(900, 0)), state=state, offers=[offer()]))
    assert trace is not None
    assert [(each.id, each.p, each.edge) for each in trace.fences] == [(fence_id(1), 0, "beyond")]


async def test_a_crowd_of_near_places_does_not_push_a_stay_out_of_the_trace() -> None:
    crowd = [place(n, at=off(900 + n, 0)) for n in range(1, MOST_FENCES + 9)]
    lived = place(999, at=off(0, 0))
    state = State((Stay(fence_id(999), 0.7, NOON, NOON, NOON),), LastFix(TOWN, 8, NOON - timedelta(seconds=60)))
    [trace] = noted(
        turn(
            ticket(0, at=off(900, 0)),
            places=[*crowd, lived],
            state=state,
            offers=[offer(trigger="near", within_m=3000), offer(2)],
        )
    )
    assert trace is not None
    assert len(trace.fences) == MOST_FENCES
    assert trace.fences[-1].id == fence_id(999), "the farthest of all, and in it"


async def test_an_offer_that_wants_to_be_near_leaves_the_two_distances_around_and_not_the_distance() -> None:
    offers = [offer(n, trigger="near", within_m=within) for n, within in enumerate((500, 1000, 2000, 3000), 1)]
    one = turn(ticket(0, at=off(1234, 0)), offers=offers)
    [trace] = noted(one)
    assert trace is not None
    assert [(each.holds_m, each.fails_m) for each in trace.fences] == [(2000, 1000)]
    assert "12" not in json.dumps(json.loads(one.steps[0].trace or "")["fences"][0] | {"id": ""})


@pytest.mark.parametrize(
    ("told", "more"),
    [
        ({"foreground": True}, {"foreground": True}),
        ({"mock": True}, {"mock": True}),
        ({"coarse": True}, {"accuracy_m": 250.0}),
    ],
)
async def test_what_else_decided_is_in_the_trace(told: dict[str, bool], more: dict[str, Any]) -> None:
    report = ticket(0, foreground=more.pop("foreground", False))
    report.batch = report.batch._replace(fixes=tuple(each._replace(**more) for each in report.batch.fixes))
    [trace] = noted(turn(report, offers=[offer()]))
    assert trace is not None
    assert {name for name in ("foreground", "mock", "coarse", "clock", "listening") if getattr(trace, name)} == set(
        told
    )


async def test_weather_is_cited_where_it_changes_from_one_place_to_the_next() -> None:
    skies = Skies()
    here, there = (Weather(Sky(NOON - timedelta(minutes=5), kind)) for kind in ("rain", "snow"))
    one = turn(ticket(0), places=[place(n, at=off(n, 0), radius_m=300) for n in (1, 2, 3)], offers=[offer()])
    one.sky = lambda point, now: here if point != off(3, 0) else there
    [trace] = noted(one, skies)
    assert trace is not None
    assert [(each.sky, each.sky_age_ms) for each in trace.fences] == [
        (skies.cite(here, NOON).id, 300_000),
        (None, 0),
        (skies.cite(there, NOON).id, 300_000),
    ]


async def test_a_timer_that_was_due_and_had_not_rung_is_remembered() -> None:
    due = NOON - timedelta(seconds=5)
    state = State((Stay(fence_id(1), 0.7, NOON - timedelta(seconds=125), NOON - timedelta(seconds=60), NOON),))
    dwell = [offer(trigger="dwell", dwell=timedelta(seconds=120))]
    missed, rung = ticket(0), ticket(timer=True)
    [trace] = noted(turn(missed, offers=dwell, state=state, wake_at=due))
    assert trace is not None
    assert trace.timer == "missed"
    both = noted(turn(ticket(0), rung, offers=dwell, state=state, wake_at=due))
    assert [each.timer for each in both if each is not None] == ["with"]
    early = noted(turn(ticket(0), offers=dwell, state=state, wake_at=NOON + timedelta(seconds=1)))
    assert [each.timer for each in early if each is not None] == [""]
