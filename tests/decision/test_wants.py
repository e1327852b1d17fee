"""What of a customer conditions look at."""

from __future__ import annotations

import pytest

from server.decision.conditions import KINDS
from server.decision.reading import Known
from server.decision.wants import BOUGHT, any_wants, is_of_customer, wanted
from tests.builders import programme
from tests.decision.rulebook import condition

KNOWN = Known(programme(), segments=frozenset({"a", "b", "told"}), tags=frozenset({"store"}))


@pytest.mark.parametrize(
    ("document", "facts"),
    [
        ({"attribute": {"visits": {"gte": 3}, "vip": {"eq": True}}}, {"attribute:visits", "attribute:vip"}),
        ({"event": {"name": "purchase", "within": "P7D"}}, {"event:purchase"}),
        ({"topic": "coffee"}, {"topic:coffee"}),
        ({"rfm": {"frequency": {"gte": 1}}}, {"bought", "event:purchase", "event:redemption"}),
        ({"segment": "told"}, {"segment:told"}),
        ({"daylight": True}, set()),
        ({"place": {"tag": "store"}}, set()),
        ({"local_time": {"from": "08:00"}}, set()),
        ({"weather": {"kind": "rain"}}, set()),
        ({"not": {"any": [{"topic": "a"}, {"all": [{"topic": "b"}, {"daylight": True}]}]}}, {"topic:a", "topic:b"}),
    ],
)
def test_each_kind_says_what_it_looks_at(document, facts):
    assert wanted(condition(document, KNOWN), {}) == facts


@pytest.mark.parametrize(
    ("document", "alone"),
    [
        ({"attribute": {"visits": {"gte": 3}}}, True),
        ({"all": [{"topic": "a"}, {"not": {"rfm": {"frequency": {"gte": 1}}}}, {"segment": "told"}]}, True),
        ({"any": [{"topic": "a"}, {"weather": {"kind": "rain"}}]}, False),
        ({"not": {"daylight": True}}, False),
        ({"place": {"tag": "store"}}, False),
        ({"local_time": {"from": "08:00"}}, False),
        ({"segment": "a"}, False),
        ({"segment": "b"}, True),
    ],
)
def test_some_conditions_look_at_the_customer_alone(document, alone):
    segments = {"a": condition({"weather": {"kind": "rain"}}), "b": condition({"topic": "x"}), "told": None}
    assert is_of_customer(condition(document, KNOWN), segments) is alone
    assert is_of_customer(None, segments)


def test_every_kind_that_reads_the_customer_was_thought_of():
    silent = {"daylight", "place", "local_time", "weather"}
    joining = {"all", "any", "not", "segment"}
    assert {name for name, kind in KINDS.items() if not hasattr(kind, "facts")} == silent | joining


def test_a_segments_own_condition_counts_and_segments_that_name_each_other_end():
    segments = {
        "a": condition({"all": [{"segment": "b"}, {"topic": "x"}]}, KNOWN),
        "b": condition({"segment": "a"}, KNOWN),
    }
    assert wanted(segments["b"], segments) == {"segment:a", "segment:b", "topic:x"}
    assert wanted(None, segments) == frozenset()


def test_purchases_are_looked_up_where_an_offer_or_a_segment_asks():
    rfm, other = condition({"not": {"rfm": {"frequency": {"gte": 1}}}}), condition({"topic": "x"})
    assert any_wants(BOUGHT, [other, rfm], {})
    assert any_wants(BOUGHT, [None], {"a": None, "b": rfm})
    assert not any_wants(BOUGHT, [None, other], {"a": other})
