"""Public holidays of a country and its regions, from the library `holidays`, one calendar at a time and remembered.

The first look at a calendar builds it (some milliseconds); later looks are dictionary reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

import holidays


@lru_cache(maxsize=4096)
def calendar_of(country: str, region: str | None, year: int) -> Mapping[date, str] | None:
    """Give the public holidays of one year by date, with their names; None where country or region is not known.

    `country` is ISO 3166-1 alpha-2 (`DE`), `region` the second part of ISO 3166-2 (`BE`, also written `DE-BE`). Where the
    library knows no regions for a country, the country's calendar is the whole answer. The language is pinned: without it
    the library looks at the machine's.
    """
    code = country.upper()
    regions = holidays.list_supported_countries().get(code)
    if regions is None:
        return None
    part = None
    if region and regions:
        asked = region.upper().removeprefix(f"{code}-")
        part = next((name for name in regions if name.upper() == asked), None)
        if part is None:
            return None
    return dict(holidays.country_holidays(code, subdiv=part, years=year, language="en_US"))


def holiday_on(day: date, *, country: str | None, region: str | None) -> tuple[bool, str | None] | None:
    """Tell whether the day is a public holiday there, with its name; None where the calendar is not known."""
    known = calendar_of(country, region, day.year) if country else None
    return None if known is None else (day in known, known.get(day))
