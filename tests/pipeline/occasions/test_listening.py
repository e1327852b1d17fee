"""Which offers wait for what."""

from __future__ import annotations

from datetime import timedelta

import pytest

from server.pipeline.occasions.listening import listening_of
from server.signals.weather.cache import cell_of
from server.store.occasions import Occasion
from tests.builders import CUSTOMER, NOON, TOWN, fence_id, off, offer, offer_id, place, ruleset

FAR = off(30_000)


def occasion(kind, name: str = "purchase") -> Occasion:
    return Occasion(CUSTOMER, CUSTOMER, kind, name, NOON, offer_id=offer_id(1))


@pytest.mark.parametrize(("name", "waits"), [("purchase", True), ("visit", False)])
def test_an_event_is_waited_for_by_its_name(name, waits):
    listening = listening_of(ruleset(offer(trigger="event", event="purchase"), offer(2)))
    assert listening.waits_for(occasion("event", name)) is waits


def test_what_is_held_and_what_a_schedule_fired_is_always_decided():
    listening = listening_of(ruleset())
    assert listening.waits_for(occasion("held"))
    assert listening.waits_for(occasion("schedule"))
    assert not listening.waits_for(occasion("weather_change"))


def test_fences_that_wait_for_weather_are_listed_by_its_cells():
    near, far, other = place(1, tags=frozenset({"a"})), place(2, at=FAR, tags=frozenset({"a"})), place(3)
    rules = ruleset(offer(trigger="weather_change", tag="a"), places=[near, far, other])
    assert listening_of(rules).cells == {cell_of(TOWN): (fence_id(1),), cell_of(FAR): (fence_id(2),)}
    assert listening_of(ruleset(offer(), places=[near])).cells == {}


def test_schedules_and_spells_of_absence_are_listed_too():
    week = offer(2, trigger="event", event="inactivity", after=timedelta(days=7))
    daily = offer(trigger="schedule")
    listening = listening_of(ruleset(daily, week, offer(3)))
    assert (listening.scheduled, listening.spells) == ((daily,), {timedelta(days=7)})
    assert listening.events == {"inactivity"}


def test_another_ruleset_is_read_anew_and_the_same_one_is_not():
    first, second = ruleset(offer(trigger="event", event="a")), ruleset(offer(trigger="event", event="b"))
    assert listening_of(first) is listening_of(first)
    assert listening_of(second).events == {"b"}
    assert listening_of(first).events == {"a"}
