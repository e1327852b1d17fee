"""The parts of the house are handed on and never changed."""

from __future__ import annotations

import dataclasses

import pytest

from tests.web.serving import NoPool, parts_of, settings_with


async def test_parts_are_frozen() -> None:
    parts = parts_of(settings_with(), NoPool())
    with pytest.raises(dataclasses.FrozenInstanceError):
        parts.pool = NoPool()  # type: ignore[misc, assignment]
    assert not parts.stopping.is_set()
