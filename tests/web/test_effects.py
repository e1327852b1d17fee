"""A lift in words: signs, units, intervals, both languages, and chance called chance."""

from __future__ import annotations

import pytest

from server.store.lift import Sums
from server.web.effects import Effect, effects_of
from server.web.languages import Language, catalogue
from server.web.lift import compare_all

NARROW, WIDE = "\u2212", "\u00a0"


def arms(*, reached: tuple[int, int], visits: tuple[int, int] = (0, 0), value: tuple[int, int] = (0, 0)) -> list[Sums]:
    """A thousand treated and a thousand held out; each visit and each amount is somebody else's."""
    return [
        Sums("k", held_out, "EUR", 1000, reached[at], visits[at], visits[at], value[at] * 100, value[at] * 10_000)
        for at, held_out in enumerate((False, True))
    ]


def said(sums: list[Sums], language: Language, least: int = 100) -> list[Effect]:
    lift = compare_all(sums, currency="EUR", hidden=10, least=least)["k"]
    return effects_of(lift, words=catalogue("dashboard")[language], language=language)


def test_each_measure_is_said_in_its_own_unit() -> None:
    found = said(arms(reached=(120, 80), visits=(400, 100), value=(300, 200)), "en")
    assert found == [
        Effect("Redemptions", "+4.0 points", "+1.4 to +6.6", False),
        Effect("Visits", "+0.30", "+0.26 to +0.34", False),
        Effect("Value", "+€0.10", "+€0.06 to +€0.14", False),
    ]


def test_the_same_in_german_with_losses() -> None:
    found = said(arms(reached=(80, 120), value=(200, 300)), "de")
    assert found == [
        Effect("Einlösungen", f"{NARROW}4,0 Punkte", f"{NARROW}6,6 bis {NARROW}1,4", False),
        Effect("Wert", f"{NARROW}0,10{WIDE}€", f"{NARROW}0,14{WIDE}€ bis {NARROW}0,06{WIDE}€", False),
    ]


def test_what_chance_alone_explains_is_called_so() -> None:
    [found] = said(arms(reached=(101, 100)), "en")
    assert found == Effect("Redemptions", "+0.1 points", f"{NARROW}2.5 to +2.7", True)


@pytest.mark.parametrize("least", [1001, 10**6])
def test_where_there_is_not_enough_data_nothing_is_said(least: int) -> None:
    assert said(arms(reached=(120, 80), visits=(400, 100)), "en", least) == []
