"""Lindenquell: a made-up town of twelve shops, its people, and how they walk. Nothing in it is chance: a number decides all.

The town lies in Thuringia's fields where no town is; streets are offsets in metres from its market square.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from server.model.place import Point

SQUARE = Point(51.0520, 10.9050)
"""The market square."""

ZONE = "Europe/Berlin"
_METRES_PER_DEGREE = 111_320.0

_SHOP = {day: [["08:00", "20:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat")}
_CAFE = {
    **{day: [["07:00", "19:00"]] for day in ("mon", "tue", "wed", "thu", "fri")},
    "sat": [["08:00", "19:00"]],
    "sun": [["09:00", "18:00"]],
}
_ALWAYS = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


class Shop(NamedTuple):
    """One shop: east and north of the square in metres, its fence's radius, its trade, its hours."""

    name: str
    east_m: float
    north_m: float
    radius_m: float
    tag: str
    hours: Mapping[str, Any]
    street: str


SHOPS = (
    Shop("Café Morgenrot", 60, 40, 80, "cafe", _CAFE, "Markt 3"),
    Shop("Café am Brunnen", -420, 180, 80, "cafe", _CAFE, "Brunnengasse 11"),
    Shop("Kaffeehaus Linde", 510, -350, 80, "cafe", _CAFE, "Lindenallee 40"),
    Shop("Bäckerei Kornblume", -180, -90, 90, "bakery", _ALWAYS, "Mühlstraße 2"),
    Shop("Bäckerei Hansel", 700, 260, 90, "bakery", _ALWAYS, "Bahnhofstraße 18"),
    Shop("Backstube Süd", 140, -820, 90, "bakery", _ALWAYS, "Südring 5"),
    Shop("Buchhandlung Zeilensprung", -60, 320, 75, "bookshop", _SHOP, "Kirchgasse 7"),
    Shop("Antiquariat Eule", 320, 520, 75, "bookshop", _SHOP, "Am Anger 1"),
    Shop("Bistro Petersilie", 250, -60, 80, "bistro", _CAFE, "Marktstraße 22"),
    Shop("Bistro Gleis 1", 880, 420, 80, "bistro", _CAFE, "Bahnhofsplatz 1"),
    Shop("Blumen Adele", -330, -410, 75, "flowers", _SHOP, "Gartenweg 9"),
    Shop("Hofladen Ettersberg", -900, 640, 120, "grocery", _SHOP, "Landstraße 80"),
)
"""Every shop is at least 200 m from the next, so that no two fences overlap."""


def at(east_m: float, north_m: float) -> Point:
    """Give the position so many metres east and north of the square (flat: right to a metre within the town)."""
    lat = SQUARE.lat + north_m / _METRES_PER_DEGREE
    return Point(lat, SQUARE.lon + east_m / (_METRES_PER_DEGREE * math.cos(math.radians(SQUARE.lat))))


START = at(0, -250)
"""Where the phone in the browser begins: some minutes' walk from every shop."""


def position(shop: Shop) -> Point:
    """Give the position of a shop."""
    return at(shop.east_m, shop.north_m)


def documents() -> Iterator[Mapping[str, Any]]:
    """Give the shops as POST /v1/stores takes them."""
    for shop in SHOPS:
        point = position(shop)
        yield {
            "name": shop.name,
            "lat": round(point.lat, 6),
            "lon": round(point.lon, 6),
            "radius_m": shop.radius_m,
            "time_zone": ZONE,
            "country": "DE",
            "region": "TH",
            "hours": shop.hours,
            "tags": [shop.tag],
            "address": f"{shop.street}, 99998 Lindenquell",
        }
