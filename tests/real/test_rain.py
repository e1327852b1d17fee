"""Four years of Seattle's weather through a rain offer: it fires on the days that an independent reading says.

The reading knows nothing of offers: csv, dates, and the rules as a marketer would tell them on the telephone.
"""

from __future__ import annotations

import csv
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

from server.decision.finding import Gate
from server.decision.reading import Known
from server.decision.rules import Identity, parse
from server.decision.ruleset import Ruleset
from server.model.customer import Consents, Customer
from server.model.place import Circle, Geofence, Place, Places, Point
from server.model.weather import Sky, Weather
from server.pipeline.rehearse import Report, Stated, Told, rehearse
from server.pipeline.rules import Snapshot
from server.signals.fences import FenceIndex
from tests.builders import programme

SEATTLE = Point(47.6097, -122.3422)
ZONE = ZoneInfo("America/Los_Angeles")
FIRST, LAST = date(2012, 2, 15), date(2015, 10, 31)
MOST, WEEK = 3, timedelta(days=7)
OFFER = {
    "name": "rainy-coffee",
    "active": {"from": FIRST.isoformat(), "to": LAST.isoformat()},
    "when": {"trigger": "enter", "places": {"any": True}},
    "if": {
        "all": [
            {
                "local_time": {
                    "tz": "place",
                    "days": ["mon", "tue", "wed", "thu", "fri"],
                    "from": "07:00",
                    "to": "11:00",
                }
            },
            {"weather": {"kind": ["drizzle", "rain"], "precipitation_mm": {"gte": 0.3}}},
        ]
    },
    "limits": {"per_customer": [{"max": MOST, "period": {"rolling": "P7D"}}]},
    "moment": {"content": {"en-US": {"title": "Coffee on us", "body": "It rains."}}, "fallback_locale": "en-US"},
}
KINDS = {"drizzle": "drizzle", "rain": "rain", "sun": "clear", "snow": "snow", "fog": "fog"}


def town() -> Snapshot:
    """One shop in Seattle, and the offer."""
    shop = Place(UUID(int=1), UUID(int=2), "store", "Pike Place", SEATTLE, 100.0, "America/Los_Angeles")
    places = Places({shop.geofence_id: shop}, {shop.id: shop})
    rules = programme(zone="America/Los_Angeles")
    made = datetime(2012, 1, 1, tzinfo=UTC)
    identity = Identity(UUID(int=3), 1, made)
    offer = parse(OFFER, identity=identity, known=Known(rules, frozenset(), {}, frozenset())).offer
    ruleset = Ruleset.build(offers=(offer,), places=places, programme=rules, segments={}, epoch=1)
    fences = FenceIndex.build([Geofence(shop.geofence_id, shop.name, Circle(SEATTLE, 100.0))])
    return Snapshot(ruleset, fences, fences, fences, {})


def morning(day: date) -> datetime:
    """Eight o'clock on the wall in Seattle."""
    return datetime(day.year, day.month, day.day, 8, tzinfo=ZONE).astimezone(UTC)


def expected(rows: list[dict[str, str]]) -> list[date]:
    """Read the days on which somebody who comes every morning gets a coffee."""
    given: list[date] = []
    for row in rows:
        day = date(*map(int, row["date"].split("/")))
        wet = row["weather"] in ("rain", "drizzle") and float(row["precipitation"]) >= 0.3
        lately = [other for other in given if morning(day) - morning(other) < WEEK]
        if FIRST <= day <= LAST and day.weekday() < 5 and wet and len(lately) < MOST:
            given.append(day)
    return given


def test_the_rain_offer_fires_on_the_days_that_an_independent_reading_says(data: Path) -> None:
    with (data / "weather_seattle_daily.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1461
    customer = Customer(UUID(int=4), Consents(location=True), zone="America/Los_Angeles")
    rules = town()
    fired: list[date] = []
    gates: Counter[str] = Counter()
    for row in rows:
        day = date(*map(int, row["date"].split("/")))
        at = morning(day)
        warmth = (float(row["temp_max"]) + float(row["temp_min"])) / 2
        sky = Sky(at, KINDS[row["weather"]], warmth, None, float(row["precipitation"]), float(row["wind"]))  # type: ignore[arg-type]
        stated = Stated(
            at=at,
            report=Report(SEATTLE, 8.0, at, None, mock=False),
            weather=Weather(sky),
            customer=customer,
            told=tuple(Told("rainy-coffee", morning(each), None) for each in fired[-10:]),
            foreground=True,
        )
        done = rehearse(stated, rules)
        gates[done.gate.value if done.gate is not None else "shown"] += 1
        if done.gate is None:
            fired.append(day)
    assert fired == expected(rows)
    assert len(fired) > 100, "it rains in Seattle"
    assert set(gates) == {"shown", Gate.ACTIVE, Gate.LOCAL_TIME, Gate.WEATHER, Gate.CAP}, "every rule had its say"
    assert sum(gates.values()) == 1461
