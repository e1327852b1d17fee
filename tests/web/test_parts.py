"""The parts of the house are handed on and never changed."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from types import SimpleNamespace

import pytest

from tests.web.serving import NoPool, parts_of, settings_with


async def test_parts_are_frozen() -> None:
    parts = parts_of(settings_with(), NoPool())
    with pytest.raises(dataclasses.FrozenInstanceError):
        parts.pool = NoPool()  # type: ignore[misc, assignment]
    assert not parts.stopping.is_set()


async def test_how_far_the_day_is_ahead_is_what_tests_and_a_demonstration_moved_it_by() -> None:
    settings = settings_with(clock_shift_s=3600.0)
    assert parts_of(settings, NoPool()).ahead == timedelta(hours=1)
    scene = SimpleNamespace(ahead=timedelta(days=2))
    assert parts_of(settings, NoPool(), scene=scene).ahead == timedelta(days=2, hours=1)
