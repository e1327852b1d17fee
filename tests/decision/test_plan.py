"""What one fence means: which filters take it, which fixes its offers read, and what is ready to fire at it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from server.decision.plan import Track, is_meant, plan_of, rules_of, track_of
from server.model.offer import PlaceFilter, Reward, Trust
from tests.builders import a_day, day, fence_id, offer, place, store_id


@pytest.mark.parametrize(
    ("where", "meant"),
    [
        (PlaceFilter(any=True), True),
        (PlaceFilter(tag="store"), True),
        (PlaceFilter(tag="kiosk"), False),
        (PlaceFilter(ids=frozenset({store_id(1)})), True),
        (PlaceFilter(ids=frozenset({fence_id(1)})), True),
        (PlaceFilter(ids=frozenset({store_id(2)})), False),
    ],
)
def test_a_filter_means_any_a_tag_or_an_id_of_either_kind(where: PlaceFilter, meant: bool) -> None:
    assert is_meant(where, place(1, tags=frozenset({"store"}))) is meant


REWARD = Reward("free_item")


@pytest.mark.parametrize(
    ("trust", "reward", "allows"),
    [
        (Trust(), None, ""),
        (Trust(mock="allow"), None, "mock"),
        (Trust(teleport="allow"), REWARD, "teleport"),
        (Trust("allow", "allow"), None, "mock+teleport"),
        (Trust("allow", "allow"), REWARD, "teleport"),
        (Trust(mock="allow"), REWARD, ""),
    ],
)
def test_value_bearing_offers_never_read_mocked_fixes(trust: Trust, reward: Reward | None, allows: str) -> None:
    assert track_of(offer(trust=trust, reward=reward)) == Track(0.7, allows)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("allows", "doubts", "admitted"),
    [
        ("", (), True),
        ("", ("mock",), False),
        ("mock", ("mock",), True),
        ("mock", ("mock", "teleport"), False),
        ("mock+teleport", ("mock", "teleport"), True),
        ("teleport", ("mock",), False),
    ],
)
def test_a_track_admits_only_the_doubts_it_allows(allows: str, doubts: tuple[str, ...], admitted: bool) -> None:
    assert Track(0.7, allows).admits(doubts) is admitted  # type: ignore[arg-type]


def test_rules_sort_by_what_wins_the_more_important_then_the_older() -> None:
    made = rules_of([offer(1, priority=10), offer(2, priority=90), offer(3, priority=90)])
    assert [rule.offer.name for rule in sorted(made)] == ["offer-2", "offer-3", "offer-1"]
    assert [rule.offer.name for rule in made] == ["offer-1", "offer-2", "offer-3"]


def test_a_rule_is_plain_that_neither_a_date_nor_a_budget_could_stop() -> None:
    asked = [
        offer(1, caps=[a_day()]),
        offer(2, units=3),
        offer(3, active_to=day("2026-12-01")),
        offer(4, place_units=1),
    ]
    assert [rule.plain for rule in rules_of(asked)] == [True, False, False, False]


def test_a_reading_holds_what_fires_on_its_track_in_the_order_of_winners() -> None:
    minute = timedelta(minutes=1)
    asked = [
        offer(1, trigger="inside", priority=10),
        offer(2, trigger="enter", priority=90),
        offer(3, trigger="exit"),
        offer(4, trigger="dwell", dwell=minute),
        offer(5, trigger="enter", min_confidence=0.9),
        offer(6, trigger="event", event="purchase"),
    ]
    plan = plan_of(rules_of(asked), place())
    usual, sure = plan.readings
    assert [rule.offer.name for rule in usual.entering] == ["offer-2", "offer-1"]
    assert [rule.offer.name for rule in usual.staying] == ["offer-1"]
    assert [rule.offer.name for rule in usual.leaving] == ["offer-3"]
    assert [(rule.offer.name, dwell) for rule, dwell in usual.dwelling] == [("offer-4", minute)]
    assert (sure.track, [rule.offer.name for rule in sure.entering]) == (Track(0.9), ["offer-5"])
    assert plan.dwells == ((Track(), minute),)
