"""The whole document: what it becomes, what it may leave out, and every way in which it can be wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.decision.reading import Known, WrongDocument
from server.decision.rules import parse_segment
from server.model.money import Money
from server.model.offer import Holdout, PlaceFilter, Trust
from tests.builders import place, programme
from tests.decision.rulebook import DROP, IDENTITY, KNOWN, LEAST, STORE, WHOLE, changed, mistakes, read


def test_the_document_of_the_specification_becomes_an_offer():
    offer, warnings = read(WHOLE)
    assert warnings == ()
    assert (offer.id, offer.version, offer.created_at) == IDENTITY
    assert offer.label == "coffee-morning@3"
    assert (offer.active_from, offer.active_to) == (date(2026, 11, 1), date(2027, 2, 28))
    assert (offer.goal_event, offer.goal_within) == ("redemption", timedelta(days=1))
    assert (offer.priority, offer.fresh, offer.deliver_by) == (60, timedelta(minutes=3), timedelta(minutes=5))
    assert offer.trust == Trust("deny", "hold")
    assert offer.holdout == Holdout(0.05, "coffee-morning:2026Q4")
    assert (offer.limits.units, offer.limits.liability) == (5000, Money(1250000, "EUR"))
    assert offer.condition.sentence().count(" and ") == 3


def test_a_document_that_says_least_has_sensible_defaults():
    offer, warnings = read(LEAST)
    assert warnings == ()
    assert (offer.when.places, offer.when.min_confidence) == (PlaceFilter(any=True), 0.7)
    assert (offer.condition, offer.reward, offer.holdout) == (None, None, None)
    assert (offer.active_from, offer.active_to, offer.priority) == (None, None, 50)
    assert (offer.fresh, offer.deliver_by) == (timedelta(minutes=3), timedelta(minutes=5))
    assert offer.trust == Trust("deny", "hold")
    assert not offer.limits.budgeted
    assert offer.limits.pressure == "marketing"
    assert [(variant.id, variant.placement) for variant in offer.variants] == [("default", "card")]
    assert offer.moment.surfaces == {"in_app", "push"}
    assert (offer.moment.collapse_key, offer.moment.action) == ("least", {"type": "pass"})


@pytest.mark.parametrize("status", ["draft", "live", "paused", "ended"])
def test_every_status_that_an_export_writes_is_read_again(status):
    assert read(changed(LEAST, "status", status)).offer == read(LEAST).offer


@pytest.mark.parametrize("name", ["a", "coffee-morning", "Frühstück 2026", "A.b_c-d", "7-bis-11", "x" * 64])
def test_a_name_is_made_of_letters_digits_and_a_few_signs(name):
    assert read(changed(LEAST, "name", name)).offer.name == name


@pytest.mark.parametrize("name", ["", " ", "a@1", "-a", "a ", "a/b", "x" * 65, "a\nb", "{{ a }}", 5, None, ["a"], DROP])
def test_any_other_name_is_refused(name):
    assert [field for field, _ in mistakes(changed(LEAST, "name", name))] == ["name"]


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("colour", "red", "colour"),
        ("if", {}, "if"),
        ("topic", " coffee", "topic"),
        ("topic", None, "topic"),
        ("if", None, "if"),
        ("if", [], "if"),
        ("if", {"moon": "full"}, "if.moon"),
        ("if", {"daylight": "yes"}, "if.daylight"),
        ("if.all.0.local_time.from", "11:00", "if.all[0].local_time.from"),
        ("if.all.0.local_time.from", "25:00", "if.all[0].local_time.from"),
        ("if.all.0.local_time.until", "25:00", "if.all[0].local_time.until"),
        ("if.all.1.any.1.weather.kind.2", "sun", "if.all[1].any[1].weather.kind[2]"),
        ("if.all.2.segment", "tea-drinkers", "if.all[2].segment"),
        ("if.all.3.not.event.within", "a week", "if.all[3].not.event.within"),
        ("if.all.2", {"place": {"ids": ["00000000-0000-0000-0000-000000000001"]}}, "if.all[2].place.ids[0]"),
        ("if.all.2", {"place": {"tag": "kiosk"}}, "if.all[2].place.tag"),
        ("status", "sleeping", "status"),
        ("active", "always", "active"),
        ("active.from", "2026-13-01", "active.from"),
        ("active.from", "2026-11-01T00:00:00Z", "active.from"),
        ("active.to", "2026-10-31", "active.to"),
        ("active.until", "2026-10-31", "active.until"),
        ("goal.event", DROP, "goal.event"),
        ("goal.within", "P2Y", "goal.within"),
        ("goal.soon", True, "goal.soon"),
        ("priority", -1, "priority"),
        ("priority", 1001, "priority"),
        ("priority", 60.5, "priority"),
        ("priority", "60", "priority"),
        ("priority", True, "priority"),
        ("fresh", "PT0S", "fresh"),
        ("fresh", "P2D", "fresh"),
        ("fresh", 180, "fresh"),
        ("deliver_by", "PT0.5S", "deliver_by"),
        ("deliver_by", "P8D", "deliver_by"),
        ("trust.mock", "maybe", "trust.mock"),
        ("trust.teleport", "deny", "trust.teleport"),
        ("trust.proxy", "deny", "trust.proxy"),
        ("when", DROP, "when"),
        ("when", "enter", "when"),
        ("moment", DROP, "moment"),
        ("moment", [], "moment"),
        ("reward", "coffee", "reward"),
        ("limits", 5, "limits"),
        ("holdout", 0.05, "holdout"),
        ("variants", {}, "variants"),
    ],
)
def test_a_mistake_is_told_with_its_path(path, value, field):
    assert [error.field for error in mistakes(changed(WHOLE, path, value))] == [field]


def test_all_mistakes_are_told_at_once():
    document = {"name": "@", "when": {"trigger": "dwell", "places": {"tag": "kiosk"}}, "priority": "high", "moment": {}}
    fields = [error.field for error in mistakes(document)]
    wanted = {"name", "when.dwell", "when.places.tag", "priority", "moment.content", "moment.fallback_locale"}
    assert set(fields) == wanted
    assert len(fields) == len(wanted)


@pytest.mark.parametrize("document", [[], "offer", None, 5])
def test_what_is_no_object_is_no_offer(document):
    assert [error.field for error in mistakes(document)] == ["document"]


def test_the_error_says_everything_in_one_sentence_too():
    with pytest.raises(WrongDocument, match="name: is required; when: is required; moment: is required"):
        read({})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PATHS = st.sampled_from(
    [
        *("name", "status", "active", "active.from", "goal", "priority", "when", "when.trigger", "when.places", "if"),
        *(
            "if.all",
            "if.all.0",
            "if.all.0.local_time",
            "if.all.1.any.0.weather",
            "if.all.1.any.0.weather.temperature_c",
        ),
        *("if.all.3.not", "if.all.3.not.event", "fresh", "trust", "limits", "limits.per_customer", "limits.total"),
        *("limits.per_customer.0", "limits.per_customer.0.period", "limits.per_place", "holdout", "variants"),
        *("variants.0", "moment", "moment.content", "moment.content.de-DE", "moment.content.de-DE.title", "reward"),
        *("reward.value", "reward.valid", "reward.valid.until", "reward.places", "reward.wallet", "moment.action"),
    ]
)


@given(PATHS, JSON)
def test_whatever_stands_in_a_document_is_taken_or_told_but_never_breaks_the_reader(path, value):
    for error in mistakes(changed(WHOLE, path, value)):
        assert error.field
        assert error.message
        assert error.field.split(".")[0].split("[")[0] == path.split(".")[0]


def test_a_reward_at_narrow_fences_is_taken_with_a_warning():
    narrow = [place(number, radius_m=74.9, name=f"Kiosk {number}", tags=frozenset({"store"})) for number in range(1, 6)]
    wide = place(9, radius_m=75.0, tags=frozenset({"store"}))
    known = replace(KNOWN, places={each.id: each for each in (*narrow, wide)})
    [warning] = read(WHOLE, known).warnings
    assert warning.field == "when.places"
    assert "under 75 m radius: Kiosk 1, Kiosk 2, Kiosk 3 and 2 more" in warning.message


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("reward", DROP),
        ("when", {"trigger": "near", "within_m": 500}),
        ("when", {"trigger": "event", "event": "purchase"}),
        ("when.places", {"tag": "wide"}),
    ],
)
def test_narrow_fences_do_not_matter_without_a_reward_or_a_visit(path, value):
    kiosk = msgspec.structs.replace(STORE, radius_m=20.0)
    far = place(2, radius_m=200.0, tags=frozenset({"wide"}))
    known = replace(KNOWN, places={kiosk.id: kiosk, far.id: far}, tags=frozenset({"store", "wide"}))
    document = changed(changed(WHOLE, "limits.total.liability", DROP), path, value)
    assert read(document, known).warnings == ()


def test_one_fence_under_its_two_ids_is_warned_of_once():
    kiosk = msgspec.structs.replace(STORE, radius_m=20.0, name="Kiosk")
    known = replace(KNOWN, places={kiosk.id: kiosk, kiosk.geofence_id: kiosk})
    assert "radius: Kiosk;" in read(WHOLE, known).warnings[0].message


def test_a_stored_document_outlives_what_it_names():
    bare = Known(programme(), stored=True)
    document = changed(WHOLE, "reward.places", {"ids": ["00000000-0000-0000-0000-000000000001"]})
    assert read(document, bare).offer.name == "coffee-morning"
    assert {error.field for error in mistakes(document, Known(programme()))} == {
        "when.places.tag",
        "if.all[2].segment",
        "reward.places.ids[0]",
    }


def test_a_segment_is_a_condition_without_a_trigger():
    condition = parse_segment({"attribute": {"visits": {"gte": 3}}}, KNOWN)
    assert condition.sentence() == "the customer's visits at least 3"


@pytest.mark.parametrize(
    ("document", "fields"),
    [
        ({}, ["if"]),
        ({"segment": "nobody"}, ["if.segment"]),
        ({"all": [{"attribute": {"visits": 3}}, {"moon": 1}]}, ["if.all[0].attribute.visits", "if.all[1].moon"]),
        ({"name": "regulars", "if": {}}, ["if"]),
    ],
)
def test_a_segments_mistakes_are_told_with_their_paths(document, fields):
    with pytest.raises(WrongDocument) as told:
        parse_segment(document, KNOWN)
    assert [error.field for error in told.value.errors] == fields
