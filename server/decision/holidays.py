"""Public holidays of a country and its regions, from the library `holidays`, one calendar at a time and remembered.

The first look at a calendar builds it (some milliseconds); later looks are dictionary reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

import holidays


@lru_cache(maxsize=4096)
def calendar_of(country: str, region: str | None, year: int, language: str = "en_US") -> Mapping[date, str] | None:
    """Give the public holidays of one year by date, with their names; None where country or region is not known.

    `country` is ISO 3166-1 alpha-2 (`DE`), `region` the second part of ISO 3166-2 (`BE`, also written `DE-BE`). Where the
    library knows no regions for a country, the country's calendar is the whole answer. The language is pinned: without it
    the library looks at the machine's. Names that it does not have in `language` come in English, or as the country has them.
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
    spoken = language if language in holidays.list_localized_countries().get(code, ()) else "en_US"
    return dict(holidays.country_holidays(code, subdiv=part, years=year, language=spoken))


def regions_of(country: str) -> list[str]:
    """List the regions of a country whose calendars are known."""
    return sorted(holidays.list_supported_countries().get(country.upper(), ()))


def between(
    start: date, end: date, *, country: str, region: str | None, language: str = "en_US"
) -> list[tuple[date, str]] | None:
    """List the public holidays with start ≤ day < end, in order; None where the calendar is not known."""
    found: list[tuple[date, str]] = []
    for year in range(start.year, end.year + 1):
        known = calendar_of(country, region, year, language)
        if known is None:
            return None
        found += [(day, name) for day, name in known.items() if start <= day < end]
    return sorted(found)


def holiday_on(day: date, *, country: str | None, region: str | None) -> tuple[bool, str | None] | None:
    """Tell whether the day is a public holiday there, with its name; None where the calendar is not known."""
    known = calendar_of(country, region, day.year) if country else None
    return None if known is None else (day in known, known.get(day))
