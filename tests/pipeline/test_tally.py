"""Sums are what was counted, and small groups are blanked."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from server.model.money import Money
from server.pipeline.tally import Tally

MON, TUE = date(2026, 11, 2), date(2026, 11, 3)
PEOPLE = [UUID(int=n) for n in range(12)]
COFFEE, TEA = UUID(int=0xC0), UUID(int=0x7EA)


def test_moments_are_counted_by_day_and_cost_what_they_are_worth() -> None:
    tally = Tally(value=Money(250, "EUR"), min_group=2)
    for number, person in enumerate(PEOPLE):
        tally.showed(person, MON if number % 2 else TUE)
    tally.showed(PEOPLE[1], MON)
    told = tally.result({})
    assert (told["customers"], told["moments"], told["cost"]) == (12, 13, {"minor": 3250, "currency": "EUR"})
    assert told["by_day"] == [
        {
            "day": "2026-11-02",
            "moments": 7,
            "customers": 6,
            "cost": {"minor": 1750, "currency": "EUR"},
            "suppressed": False,
        },
        {
            "day": "2026-11-03",
            "moments": 6,
            "customers": 6,
            "cost": {"minor": 1500, "currency": "EUR"},
            "suppressed": False,
        },
    ]


def test_a_group_that_is_too_small_is_blanked_wherever_it_stands() -> None:
    tally = Tally(value=Money(250, "EUR"), min_group=10)
    for person in PEOPLE:
        tally.showed(person, MON)
        tally.stopped(person, "cap")
        tally.displaced(person, COFFEE)
    for person in [*PEOPLE[:9], PEOPLE[0]]:
        tally.showed(person, TUE)
        tally.stopped(person, "weather")
        tally.displaced(person, TEA)
        tally.kept_back(person)
    told = tally.result({COFFEE: "coffee", TEA: "tea"})
    assert (told["customers"], told["moments"], told["held_out"], told["suppressed"]) == (12, 22, None, False)
    assert [(day["moments"], day["customers"], day["cost"], day["suppressed"]) for day in told["by_day"]] == [
        (None, None, None, True),  # else 22 - 12 would tell of the other day
        (None, None, None, True),
    ]
    assert told["gates"] == {"cap": 12, "weather": None}
    assert told["displaced"] == [{"offer": "coffee", "moments": 12}, {"offer": "tea", "moments": None}]


def test_a_small_day_cannot_be_found_by_taking_the_others_from_the_sum() -> None:
    tally = Tally(value=Money(250, "EUR"), min_group=4)
    for day, people in ((MON, PEOPLE[:9]), (TUE, PEOPLE[9:]), (date(2026, 11, 4), PEOPLE[:5])):
        for person in people:
            tally.showed(person, day)
    told = tally.result({})
    assert [(each["day"], each["moments"]) for each in told["by_day"]] == [
        ("2026-11-02", 9),
        ("2026-11-03", None),
        ("2026-11-04", None),
    ]
    assert told["moments"] == 17
    tally.showed(PEOPLE[0], TUE)
    assert [each["moments"] for each in tally.result({})["by_day"]] == [9, 4, 5], "four are enough"


def test_a_whole_replay_of_too_few_says_nothing_of_them() -> None:
    tally = Tally(value=None, min_group=3)
    tally.showed(PEOPLE[0], MON)
    tally.showed(PEOPLE[1], MON)
    told = tally.result({})
    assert (told["customers"], told["moments"], told["cost"], told["suppressed"]) == (None, None, None, True)


def test_nobody_at_all_is_no_secret_and_costs_nothing_where_there_is_no_price() -> None:
    told = Tally(value=None, min_group=3).result({})
    assert (told["customers"], told["moments"], told["cost"], told["held_out"], told["suppressed"]) == (
        0,
        0,
        None,
        0,
        False,
    )
    assert (told["by_day"], told["gates"], told["displaced"]) == ([], {}, [])
