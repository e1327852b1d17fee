"""What both services' words become: a gale under a dry sky is what the weather is."""

from __future__ import annotations

from typing import Final

from server.model.weather import Kind

GALE_MPS: Final = 17.2
"""Beaufort 8: twigs break, walking is hard."""

_DRY: Final = frozenset({"clear", "clouds"})


def with_wind(kind: Kind | None, wind_mps: float | None) -> Kind | None:
    """Give the kind, or wind where the sky is dry and a gale blows."""
    return "wind" if kind in _DRY and wind_mps is not None and wind_mps >= GALE_MPS else kind
