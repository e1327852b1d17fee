"""Inside and outside, one fix at a time: entering, leaving, resting with noise, doubtful fixes, timers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.decision.evidence import is_outside, margin_m
from server.decision.plan import Track
from server.decision.presence import Moved, advance, dwell_due, stays_for, wake, with_last_fix
from server.decision.probability import p_inside
from server.decision.ruleset import Ruleset
from server.model.customer import LastFix, State, Stay
from server.model.offer import Trust
from server.model.ping import Fix
from tests.builders import NOON, after, fence_id, fix, hit, hits, last_fix, offer, place, ruleset

PLAIN = ruleset()
FENCE = fence_id(1)


def go(*fixes: Fix, rules: Ruleset = PLAIN, state: State | None = None) -> list[Moved]:
    """Run fixes through the fences, one after the other."""
    told, now = [], state or State()
    for each in fixes:
        moved = advance(now, each, hits(rules, each.point), ruleset=rules, zone="Europe/Berlin")
        told.append(moved)
        now = moved.state
    return told


def words(moved: Sequence[Moved]) -> list[list[str]]:
    """The transitions of each step at the default confidence."""
    return [[each.type for each in one.transitions if each.confidence == 0.7] for one in moved]


def test_the_very_first_fix_inside_enters() -> None:
    [moved] = go(fix())
    [entered] = moved.transitions
    assert (entered.type, entered.geofence_id, entered.since, entered.p_inside) == ("enter", FENCE, NOON, 1.0)
    assert moved.state.stays == (Stay(FENCE, 0.7, NOON, NOON, NOON),)
    assert moved.state.last_fix is not None
    assert (moved.state.last_fix.zone, moved.trusted, moved.reason) == ("Europe/Berlin", True, None)


def test_one_who_stays_enters_once() -> None:
    assert words(go(fix(), fix(10, at=after(30)), fix(50, at=after(60)))) == [["enter"], [], []]


@pytest.mark.parametrize(("north", "enters"), [(95.5, True), (97.5, False)])
def test_to_enter_takes_seven_in_ten(north: float, enters: bool) -> None:
    [moved] = go(fix(north, accuracy_m=10))
    [presence] = moved.presences.values()
    assert (presence.p_inside >= 0.7) is enters
    assert presence.entered is enters


def test_leaving_takes_two_fixes_in_a_row() -> None:
    steps = go(fix(), fix(200, at=after(60)), fix(210, at=after(120)), fix(220, at=after(180)))
    assert words(steps) == [["enter"], [], ["exit"], []]
    assert steps[1].state.stays[0].leaving
    assert steps[2].state.stays == ()


def test_one_fix_far_out_that_claims_to_be_exact_does_not_leave() -> None:
    steps = go(fix(), fix(300, at=after(60), accuracy_m=1.9), fix(at=after(120)), fix(300, at=after(180)))
    assert words(steps) == [["enter"], [], [], []]
    assert [step.state.stays[0].leaving for step in steps] == [False, True, False, True]


def test_within_the_margin_nobody_leaves() -> None:
    assert words(go(fix(), *(fix(124, at=after(60 * n), accuracy_m=5) for n in range(1, 6)))) == [["enter"], *[[]] * 5]


@pytest.mark.parametrize(("radius", "margin"), [(20, 25), (166, 25), (200, 30), (5000, 750)])
def test_the_margin_is_25_metres_or_15_percent(radius: float, margin: float) -> None:
    assert margin_m(radius) == margin
    assert not is_outside(hit(margin, radius_m=radius), 0.0, 0.7)
    assert is_outside(hit(margin + 0.01, radius_m=radius), 0.0, 0.7)


def test_outside_needs_that_inside_is_hardly_possible() -> None:
    assert is_outside(hit(40), 0.1, 0.7)
    assert not is_outside(hit(40), 0.1001, 0.7)


def test_a_fix_that_would_enter_is_never_one_that_leaves() -> None:
    rules = ruleset(offer(trigger="inside", min_confidence=0.05))
    where = hit(40)
    assert 0.05 <= p_inside(where, 48) <= 0.1
    assert not is_outside(where, p_inside(where, 48), 0.05)
    steps = go(*(fix(140, at=after(30 * n), accuracy_m=48) for n in range(5)), rules=rules)
    assert [[each.type for each in step.transitions] for step in steps] == [["enter"], [], [], [], []]


def test_an_unclear_fix_breaks_the_row_of_two() -> None:
    unclear = fix(135, at=after(120), accuracy_m=60)
    steps = go(fix(), fix(200, at=after(60)), unclear, fix(200, at=after(180)), fix(200, at=after(240)))
    assert 0.1 < steps[2].presences[FENCE, Track()].p_inside < 0.7
    assert words(steps) == [["enter"], [], [], [], ["exit"]]


def test_a_coarse_fix_neither_enters_nor_leaves_nor_breaks_the_row() -> None:
    assert words(go(fix(accuracy_m=201))) == [[]]
    coarse = fix(2000, at=after(90), accuracy_m=900)
    steps = go(fix(), fix(200, at=after(60)), coarse, fix(200, at=after(120)))
    assert words(steps) == [["enter"], [], [], ["exit"]]
    assert (steps[2].trusted, steps[2].reason) == (False, "coarse")
    assert steps[2].state == steps[1].state


def test_a_fix_may_be_too_coarse_for_a_small_fence_and_good_for_a_large_one() -> None:
    rules = ruleset(places=[place(1, radius_m=30), place(2, radius_m=500)])
    [moved] = go(fix(accuracy_m=100), rules=rules)
    assert [each.geofence_id for each in moved.transitions] == [fence_id(2)]
    assert moved.presences[fence_id(1), Track()].coarse
    assert moved.trusted


def test_overlapping_fences_are_all_entered() -> None:
    rules = ruleset(places=[place(1), place(2, radius_m=300), place(3, radius_m=50)])
    [moved] = go(fix(), rules=rules)
    assert {each.geofence_id for each in moved.transitions} == {fence_id(n) for n in (1, 2, 3)}


def test_each_asked_confidence_is_a_state_of_its_own() -> None:
    rules = ruleset(offer(1, min_confidence=0.95), offer(2, min_confidence=0.3))
    steps = go(fix(104, accuracy_m=20), fix(92, at=after(30), accuracy_m=20), fix(at=after(60)), rules=rules)
    assert [[each.confidence for each in step.transitions] for step in steps] == [[0.3], [0.7], [0.95]]


def test_a_rule_published_while_one_is_inside_makes_no_enter() -> None:
    [before] = go(fix())
    rules = ruleset(offer(min_confidence=0.5))
    [moved] = go(fix(at=after(60)), rules=rules, state=before.state)
    assert moved.transitions == ()
    assert {(stay.confidence, stay.since) for stay in moved.state.stays} == {(0.7, NOON), (0.5, NOON)}


def test_an_out_of_order_fix_changes_nothing() -> None:
    [known] = go(fix())
    [moved] = go(fix(500, at=after(-60)), state=known.state)
    assert (moved.late, moved.reason, moved.state, moved.transitions) == (True, "out_of_order", known.state, ())


def test_a_teleport_moves_nothing_until_it_is_confirmed() -> None:
    steps = go(fix(60_000), fix(at=after(60)), fix(5, at=after(89)), fix(5, at=after(90)))
    assert words(steps) == [[], [], [], ["enter"]]
    assert [step.reason for step in steps] == [None, "teleport", "teleport", None]
    assert steps[-1].state.stays[0].since == after(90)
    assert steps[-1].state.held is None


def test_a_mocked_fix_moves_nothing_and_is_not_remembered() -> None:
    [known] = go(fix(60_000))
    [moved] = go(fix(at=after(3600), mock=True), state=known.state)
    assert (moved.trusted, moved.reason, moved.state, moved.transitions) == (False, "mock", known.state, ())


def test_who_allows_mocked_fixes_has_a_state_that_others_do_not_see() -> None:
    rules = ruleset(offer(1, trust=Trust(mock="allow")), offer(2))
    steps = go(fix(60_000), fix(at=after(3600), mock=True), fix(at=after(3660)), rules=rules)
    assert [[each.allows for each in step.transitions] for step in steps] == [[], ["mock"], [""]]


def test_who_allows_teleports_enters_at_once_and_only_once() -> None:
    rules = ruleset(offer(1, trust=Trust(teleport="allow")), offer(2))
    steps = go(fix(60_000), fix(at=after(60)), fix(at=after(95)), rules=rules)
    assert [[each.allows for each in step.transitions] for step in steps] == [[], ["teleport"], [""]]


def test_a_stay_without_evidence_for_a_day_has_lapsed() -> None:
    day = timedelta(hours=24)
    assert words(go(fix(), fix(at=NOON + day))) == [["enter"], []]
    assert words(go(fix(), fix(at=NOON + day + timedelta(seconds=1)))) == [["enter"], ["enter"]]
    [_, moved] = go(fix(), fix(60_000, at=NOON + 2 * day))
    assert (words([moved]), moved.state.stays) == ([[]], ())


def test_stays_in_fences_that_are_gone_are_forgotten() -> None:
    [known] = go(fix())
    [moved] = go(fix(at=after(60)), rules=ruleset(places=[place(2, at=place().point)]), state=known.state)
    assert [stay.geofence_id for stay in moved.state.stays] == [fence_id(2)]


def test_stays_that_no_offer_asks_for_any_more_are_forgotten() -> None:
    [known] = go(fix(), rules=ruleset(offer(min_confidence=0.4)))
    assert len(known.state.stays) == 2
    [moved] = go(fix(at=after(60)), state=known.state)
    assert [stay.confidence for stay in moved.state.stays] == [0.7]


def test_a_running_dwell_time_is_told_and_when_it_ends() -> None:
    rules = ruleset(offer(trigger="dwell", dwell=timedelta(minutes=2)))
    first, second = go(fix(), fix(at=after(120)), rules=rules)
    assert words([first, second]) == [["enter", "dwell_pending"], []]
    assert dwell_due(first.state, NOON, rules) == after(120)
    assert dwell_due(first.state, after(119), rules) == after(120)
    assert dwell_due(first.state, after(120), rules) is None


def test_a_straggler_does_not_set_the_timer_again() -> None:
    rules = ruleset(offer(trigger="dwell", dwell=timedelta(minutes=2)))
    steps = go(fix(), fix(at=after(121)), rules=rules)
    assert dwell_due(steps[-1].state, after(60), rules) is None


def test_the_next_of_several_dwell_times_is_due_first() -> None:
    two = [offer(n, trigger="dwell", dwell=timedelta(minutes=n)) for n in (5, 2)]
    rules = ruleset(*two)
    [moved] = go(fix(), rules=rules)
    assert dwell_due(moved.state, NOON, rules) == after(120)
    assert dwell_due(moved.state, after(120), rules) == after(300)


def test_nothing_is_due_where_somebody_seems_to_leave() -> None:
    rules = ruleset(offer(trigger="dwell", dwell=timedelta(minutes=5)))
    steps = go(fix(), fix(300, at=after(60)), rules=rules)
    assert dwell_due(steps[-1].state, after(60), rules) is None


@pytest.mark.parametrize(("minutes", "rests"), [(2, True), (10, True), (10.01, False), (-1, False)])
def test_a_timer_believes_in_ten_minutes_of_rest(minutes: float, rests: bool) -> None:
    [known] = go(fix())
    moved = wake(known.state, after(minutes=minutes))
    assert bool(moved.presences) is rests
    assert moved.state.stays[0].evaluated == (after(minutes=minutes) if rests else NOON)
    assert moved.state.stays[0].seen == NOON


def test_a_timer_does_not_believe_in_one_who_is_leaving() -> None:
    steps = go(fix(), fix(300, at=after(60)))
    assert wake(steps[-1].state, after(120)).presences == {}


def test_stated_stays_are_made_for_all_tracks() -> None:
    rules = ruleset(offer(min_confidence=0.4), offer(2, min_confidence=0.9, trust=Trust(teleport="allow")))
    fresh = stays_for(FENCE, NOON, at=after(300), dwelled=False, ruleset=rules)
    assert {(stay.confidence, stay.allows) for stay in fresh} == {(0.7, ""), (0.4, ""), (0.9, "teleport")}
    assert {(stay.since, stay.seen, stay.evaluated) for stay in fresh} == {(NOON, after(300), NOON)}
    dwelled = stays_for(FENCE, NOON, at=after(300), dwelled=True, ruleset=rules)
    assert {stay.evaluated for stay in dwelled} == {after(300)}


def test_a_stated_last_fix_outside_is_the_first_of_the_two() -> None:
    inside = State(stays=stays_for(FENCE, NOON, at=after(120), dwelled=True, ruleset=PLAIN))
    outside = fix(300, at=after(60))
    stated = with_last_fix(inside, last_fix(300, at=after(60)), hits(PLAIN, outside.point))
    assert words(go(fix(300, at=after(120)), state=stated)) == [["exit"]]
    assert words(go(fix(300, at=after(120)), state=inside)) == [[]]


@pytest.mark.parametrize(
    "last",
    [last_fix(90, at=after(60)), last_fix(300, at=after(-60)), last_fix(300, at=after(60), accuracy_m=250)],
    ids=["inside", "before entering", "coarse"],
)
def test_a_stated_last_fix_that_proves_nothing_is_no_first_of_two(last: LastFix) -> None:
    inside = State(stays=stays_for(FENCE, NOON, at=after(120), dwelled=True, ruleset=PLAIN))
    stated = with_last_fix(inside, last, hits(PLAIN, last.point))
    assert not stated.stays[0].leaving
    assert stated.last_fix == last


NOISE = st.lists(st.tuples(st.floats(-30, 30), st.floats(-30, 30), st.floats(3, 60)), min_size=1, max_size=12)


@given(NOISE)
def test_a_phone_at_rest_inside_never_flaps(noise: list[tuple[float, float, float]]) -> None:
    """The fence reaches 100 m; the phone rests 60 m from its middle; its fixes err by up to 42 m, whatever they claim."""
    fixes = [fix(60 + n, e, at=after(30 * i), accuracy_m=a) for i, (n, e, a) in enumerate(noise)]
    said = [word for step in words(go(*fixes)) for word in step]
    assert said in ([], ["enter"])


@given(NOISE)
def test_a_phone_at_rest_well_outside_never_enters(noise: list[tuple[float, float, float]]) -> None:
    fixes = [fix(160 + n, e, at=after(30 * i), accuracy_m=a) for i, (n, e, a) in enumerate(noise)]
    assert all(step == [] for step in words(go(*fixes)))


WALK = st.lists(
    st.tuples(st.sampled_from([0, 60, 95, 100, 110, 130, 200]), st.sampled_from([5.0, 20.0, 60.0, 150.0, 400.0])),
    max_size=10,
)


@given(WALK)
def test_any_walk_agrees_with_the_rules_read_aloud(walk: list[tuple[int, float]]) -> None:
    """A second machine, written from the sentences of the rules: enter, stay, count the fixes outside, leave."""
    fixes = [fix(north, at=after(60 * i), accuracy_m=a) for i, (north, a) in enumerate(walk)]
    expected: list[list[str]] = []
    inside, out = False, 0
    for each, (_, accuracy) in zip(fixes, walk, strict=True):
        [measured] = hits(PLAIN, each.point)
        p, said = p_inside(measured, accuracy), []
        if accuracy <= min(200, 2 * 100):
            if not inside and p >= 0.7:
                inside, out, said = True, 0, ["enter"]
            elif inside:
                out = out + 1 if p <= 0.1 and measured.edge_m > 25 else 0
                if out == 2:
                    inside, said = False, ["exit"]
        expected.append(said)
    assert words(go(*fixes)) == expected


@given(WALK)
def test_late_fixes_change_nothing_wherever_they_come(walk: list[tuple[int, float]]) -> None:
    state = State()
    for index, (north, accuracy) in enumerate(walk):
        [moved] = go(fix(north, at=after(60 * index), accuracy_m=accuracy), state=state)
        state = moved.state
        if state.last_fix is not None:
            [late] = go(fix(500, at=state.last_fix.at - timedelta(seconds=1)), state=state)
            assert (late.state, late.transitions) == (state, ())
