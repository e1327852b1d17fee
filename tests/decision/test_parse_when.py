"""What sets an offer off."""

from __future__ import annotations

from datetime import timedelta

import pytest

from server.model.offer import PlaceFilter, Schedule
from tests.decision.rulebook import LEAST, STORE, changed, mistakes, read


def when(**members):
    """Read an offer with this `when`."""
    return read(changed(LEAST, "when", members)).offer.when


@pytest.mark.parametrize("trigger", ["enter", "exit", "inside", "weather_change"])
def test_some_triggers_need_nothing_else(trigger):
    assert when(trigger=trigger).trigger == trigger


def test_dwell_has_a_time_near_a_distance_and_event_a_name():
    assert when(trigger="dwell", dwell="PT2M").dwell == timedelta(minutes=2)
    assert when(trigger="near", within_m=20_000).within_m == 20_000
    assert when(trigger="near", within_m=0.5 + 0.5).within_m == 1
    assert when(trigger="event", event="purchase").event == "purchase"


def test_inactivity_says_how_long_and_signing_up_is_written_in_two_ways():
    absent = when(trigger="event", event="inactivity", after="P14D")
    assert (absent.event, absent.after) == ("inactivity", timedelta(days=14))
    assert when(trigger="event", event="purchase").after is None
    assert when(trigger="event", event="sign_up").event == when(trigger="event", event="sign-up").event == "sign-up"


def test_a_schedule_is_a_cron_line_or_a_recurrence_rule_in_a_zone():
    assert when(trigger="schedule", cron="0 7 * * mon-fri").schedule == Schedule(cron="0 7 * * mon-fri", tz="place")
    rule = "FREQ=WEEKLY;BYDAY=MO;BYHOUR=7"
    assert when(trigger="schedule", rrule=rule, tz="customer_home").schedule == Schedule(rrule=rule, tz="customer_home")


def test_places_are_named_by_ids_by_a_tag_or_as_any():
    ids = when(trigger="enter", places={"ids": [str(STORE.id), str(STORE.geofence_id)]}).places
    assert ids == PlaceFilter(ids=frozenset({STORE.id, STORE.geofence_id}))
    assert when(trigger="enter", places={"tag": "store"}).places == PlaceFilter(tag="store")
    assert when(trigger="enter", places={"any": True}).places == PlaceFilter(any=True)


@pytest.mark.parametrize("confidence", [0.05, 0.7, 1])
def test_the_confidence_is_from_a_twentieth_to_one(confidence):
    assert when(trigger="enter", min_confidence=confidence).min_confidence == confidence


@pytest.mark.parametrize(
    ("members", "fields"),
    [
        ({}, ["trigger"]),
        ({"trigger": "leave"}, ["trigger"]),
        ({"trigger": ["enter"]}, ["trigger"]),
        ({"trigger": "enter", "where": "here"}, ["where"]),
        ({"trigger": "dwell"}, ["dwell"]),
        ({"trigger": "dwell", "dwell": "PT0S"}, ["dwell"]),
        ({"trigger": "dwell", "dwell": "P2D"}, ["dwell"]),
        ({"trigger": "dwell", "dwell": 120}, ["dwell"]),
        ({"trigger": "enter", "dwell": "PT2M"}, ["dwell"]),
        ({"trigger": "near"}, ["within_m"]),
        ({"trigger": "near", "within_m": 20_001}, ["within_m"]),
        ({"trigger": "near", "within_m": 0}, ["within_m"]),
        ({"trigger": "inside", "within_m": 50}, ["within_m"]),
        ({"trigger": "enter", "min_confidence": 0.04}, ["min_confidence"]),
        ({"trigger": "enter", "min_confidence": 1.01}, ["min_confidence"]),
        ({"trigger": "enter", "min_confidence": "sure"}, ["min_confidence"]),
        ({"trigger": "event"}, ["event"]),
        ({"trigger": "event", "event": ""}, ["event"]),
        ({"trigger": "enter", "event": "purchase"}, ["event"]),
        ({"trigger": "event", "event": "inactivity"}, ["after"]),
        ({"trigger": "event", "event": "inactivity", "after": "PT23H"}, ["after"]),
        ({"trigger": "event", "event": "inactivity", "after": "P366D"}, ["after"]),
        ({"trigger": "event", "event": "purchase", "after": "P14D"}, ["after"]),
        ({"trigger": "enter", "after": "P14D"}, ["after"]),
        ({"trigger": "schedule", "rrule": "FREQ=DAILY;BYMONTH=4;BYMONTHDAY=31;BYHOUR=7"}, ["rrule"]),
        ({"trigger": "schedule"}, [""]),
        ({"trigger": "schedule", "cron": "0 7 * * *", "rrule": "FREQ=DAILY;BYHOUR=7"}, [""]),
        ({"trigger": "schedule", "cron": "7 o'clock"}, ["cron"]),
        ({"trigger": "schedule", "rrule": "FREQ=DAILY"}, ["rrule"]),
        ({"trigger": "schedule", "cron": "0 7 * * *", "tz": "Mars/Olympus"}, ["tz"]),
        ({"trigger": "enter", "cron": "0 7 * * *", "tz": "place"}, ["cron", "tz"]),
        ({"trigger": "enter", "places": {}}, ["places"]),
        ({"trigger": "enter", "places": {"any": False}}, ["places.any"]),
        ({"trigger": "enter", "places": {"tag": "kiosk"}}, ["places.tag"]),
        ({"trigger": "enter", "places": {"tag": "store", "any": True}}, ["places"]),
        ({"trigger": "enter", "places": {"ids": ["x"]}}, ["places.ids[0]"]),
        ({"trigger": "enter", "places": "store"}, ["places"]),
        ({"trigger": "enter", "places": {"near": 5}}, ["places.near", "places"]),
    ],
)
def test_a_trigger_that_cannot_be_asked_for_says_where(members, fields):
    found = [error.field for error in mistakes(changed(LEAST, "when", members))]
    assert found == [f"when.{field}" if field else "when" for field in fields]
