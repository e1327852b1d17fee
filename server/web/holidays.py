"""GET /v1/holidays: the calendar by which `holidays: skip` and `only` of an offer are judged at a place."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Final, Literal

import msgspec

from server.decision import holidays
from server.decision.wall import zone_named
from server.errors import FieldError, Invalid, Misconfigured
from server.web.call import Call
from server.web.door import door

_USUAL: Final = timedelta(days=366)
_LONGEST: Final = timedelta(days=3 * 366)
_FIRST, _LAST = date(1980, 1, 1), date(2100, 1, 1)
_REGION_MAX: Final = 10
_SPOKEN: Final = {"de": "de", "en": "en_US"}


class HolidayQuery(
    msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}
):
    """Country (ISO 3166-1) and region (ISO 3166-2), days with `from` ≤ day < `to`; by default a year from today."""

    country: str
    region: str | None = None
    start: date | None = None
    end: date | None = None
    language: Literal["de", "en"] = "en"


class Holiday(msgspec.Struct, frozen=True):
    """A public holiday."""

    day: date
    name: str


class Holidays(msgspec.Struct, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}):
    """Public holidays of a country or a region of it, the next first.

    `known` is false where nobody knows the calendar: a condition on holidays is then unknown, and shows nothing. `regions` are
    those whose calendars are known; the country's own counts where none is given.
    """

    country: str
    region: str | None
    start: date
    end: date
    known: bool
    regions: list[str]
    holidays: list[Holiday]


@door(
    "GET",
    "/v1/holidays",
    query=HolidayQuery,
    answer=Holidays,
    summary="Public holidays of a country or region, as conditions of offers count them",
    tags=("Marketing",),
)
async def show_holidays(call: Call) -> Holidays:
    """Show a calendar."""
    asked: HolidayQuery = call.query
    zone = zone_named(call.parts.settings.programme.time_zone)
    if zone is None:
        raise Misconfigured("programme.time_zone is not a time zone's name")
    start = asked.start or call.parts.clock.now().astimezone(zone).date()
    end = asked.end or start + _USUAL
    _check(asked, start, end)
    days = await asyncio.to_thread(
        holidays.between, start, end, country=asked.country, region=asked.region, language=_SPOKEN[asked.language]
    )
    return Holidays(
        country=asked.country,
        region=asked.region,
        start=start,
        end=end,
        known=days is not None,
        regions=holidays.regions_of(asked.country),
        holidays=[Holiday(*each) for each in days or ()],
    )


def _check(asked: HolidayQuery, start: date, end: date) -> None:
    """Raise Invalid for what is no country, region or span."""
    country, region = asked.country, asked.region
    wrong = []
    if not (len(country) == 2 and country.isascii() and country.isalpha() and country.isupper()):
        wrong.append(FieldError("country", "must be two capitals (ISO 3166-1), such as DE"))
    if region is not None and not (0 < len(region) <= _REGION_MAX and region.isprintable()):
        wrong.append(FieldError("region", f"must be a text of 1 to {_REGION_MAX} printable characters"))
    wrong += [
        FieldError(field, "must be a day between 1980 and 2100")
        for field, day in (("from", start), ("to", end))
        if not _FIRST <= day <= _LAST
    ]
    if not wrong and not timedelta() < end - start <= _LONGEST:
        wrong.append(FieldError("to", f"must be after from, and at most {_LONGEST.days} days"))
    if wrong:
        raise Invalid(errors=wrong)
