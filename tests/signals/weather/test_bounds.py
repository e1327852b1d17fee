"""What weather can be: records are possible, units mixed up and not-a-number are not."""

from __future__ import annotations

from dataclasses import fields
from math import inf, nan

import pytest

from server.model.weather import Sky
from server.signals.weather.bounds import BOUNDS, is_possible


@pytest.mark.parametrize(
    ("quantity", "value"),
    [("temperature_c", -89.2), ("temperature_c", 56.7), ("wind_mps", 113.3), ("uv", 43.3), ("humidity", 100.0),
     ("precipitation_mm", 305.0), ("precipitation_mm", 0.0)],
)  # fmt: skip
def test_a_record_is_possible(quantity: str, value: float) -> None:
    assert is_possible(quantity, value)


@pytest.mark.parametrize("quantity", sorted(BOUNDS))
@pytest.mark.parametrize("value", [nan, inf, -inf, 1e300, -273.16])
def test_what_is_no_number_on_earth_is_not(quantity: str, value: float) -> None:
    assert not is_possible(quantity, value)


def test_kelvin_is_not_celsius() -> None:
    assert not is_possible("temperature_c", 279.15)


def test_every_quantity_of_a_sky_has_bounds() -> None:
    assert {field.name for field in fields(Sky)} - {"at", "kind"} == set(BOUNDS)
