"""Whom to thank for the weather: both services give their data under licences that ask to be named where it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple


class Credit(NamedTuple):
    """A sentence with the service's address, and the licence with its own."""

    text: str
    url: str
    licence: str
    licence_url: str


CREDITS: Final[Mapping[str, Credit]] = MappingProxyType(
    {
        "open_meteo": Credit(
            "Weather data by Open-Meteo.com, reduced to kinds of weather",
            "https://open-meteo.com/",
            "CC BY 4.0",
            "https://creativecommons.org/licenses/by/4.0/",
        ),
        "met_no": Credit(
            "Weather data from MET Norway, reduced to kinds of weather",
            "https://www.met.no/en",
            "NLOD 2.0 and CC BY 4.0",
            "https://api.met.no/doc/License",
        ),
    }
)
"""By provider; `fixed` is nobody's."""
