"""The zone of every store of a real list against the zone that the list names: the same offset, or the list is wrong.

The list is some ten years old, and 166 of its 22,108 labels give another offset today than the position's zone. Each of
them was looked at, and in each the label is wrong: it names a zone of another country (the tz database's own zone.tab is
the judge of that), or it is one of the pairs below. Nothing else may differ.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

import pytest

from server.model.place import Point
from server.signals.zones import zone_at

SEASONS = [datetime(2026, month, 15, 12, tzinfo=UTC) for month in (1, 4, 7, 10)]
NAMES = available_timezones()
NO_ZONES = {"Asia/New_Delhi": 88, "America/Oranjestad": 3, "America/Willemstad": 3, "Asia/Beijing": 1}
"""Labels that name a capital and no zone, and how many stores have them."""

LOOKED_AT = {
    ("America/Mexico_City", "America/Cancun"): ("ROO JAL", 28),  # Quintana Roo left Central Time in 2015
    ("America/Mexico_City", "America/Ciudad_Juarez"): ("CHH", 5),  # the border's towns keep Texas' time
    ("America/Mexico_City", "America/Matamoros"): ("TAM", 1),  # as above
    ("America/Chihuahua", "America/Mazatlan"): ("NAY SIN", 13),  # Chihuahua left Mountain Time in 2022, these did not
    ("America/Chihuahua", "America/Hermosillo"): ("SON", 7),  # Sonora keeps Arizona's time
    ("America/Vancouver", "America/Whitehorse"): ("YT", 2),  # Yukon stays on daylight time since 2020
    ("Asia/Jakarta", "Asia/Makassar"): ("KI", 1),  # Balikpapan is on Borneo's east coast
    ("Asia/Makassar", "Asia/Jakarta"): ("RI", 1),  # Batam is beside Sumatra
    ("America/Denver", "America/Phoenix"): ("AZ", 1),  # Page is in Arizona, outside of the Navajo Nation
    ("America/Phoenix", "America/Los_Angeles"): ("NV", 1),  # Laughlin, across the river from Arizona
    ("America/Dawson_Creek", "America/Edmonton"): ("BC", 3),  # Cranbrook and the East Kootenays keep Alberta's time
    ("America/Los_Angeles", "America/Denver"): ("NV", 1),  # West Wendover keeps Utah's time by law
}
"""Pairs of a label and the zone found instead, both of one country: the regions in which, how many, and why."""


class Labelled(NamedTuple):
    """A store as the list has it; `label` is completed where the list cut it off."""

    label: str
    country: str
    region: str
    point: Point


@pytest.fixture(scope="module")
def stores(data: Path) -> list[Labelled]:
    with gzip.open(data / "stores_world.csv.gz", "rt", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 22_108
    return [
        Labelled(
            completed(row["time_zone"]), row["country"], row["region"], Point(float(row["lat"]), float(row["lon"]))
        )
        for row in rows
    ]


def completed(label: str) -> str:
    """The list cuts names off after some twenty characters: what begins one name alone is that name."""
    whole = [label] if label in NAMES else [name for name in NAMES if name.startswith(label)]
    return whole[0] if len(whole) == 1 else label


def countries() -> dict[str, set[str]]:
    """Which zones each country has, by the tz database's own table."""
    table: dict[str, set[str]] = {}
    for line in files("tzdata.zoneinfo").joinpath("zone.tab").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            table.setdefault(country, set()).add(zone)
    return table


def same_offsets(one: str, other: str) -> bool:
    zones = ZoneInfo(one), ZoneInfo(other)
    return all(len({at.astimezone(zone).utcoffset() for zone in zones}) == 1 for at in SEASONS)


def test_every_store_is_in_a_zone_of_the_offset_of_its_label_or_the_label_is_wrong(stores: list[Labelled]) -> None:
    of = countries()
    compared, left, abroad, pairs = 0, Counter[str](), 0, Counter[tuple[str, str]]()
    for store in stores:
        found = zone_at(store.point)
        assert found is not None, store
        if store.label not in NAMES:
            left[store.label] += 1
            continue
        compared += 1
        if same_offsets(store.label, found):
            continue
        assert found in of[store.country], f"{found} is no zone of {store}"
        if store.label not in of[store.country]:
            abroad += 1
            continue
        assert (store.label, found) in LOOKED_AT, f"nobody has looked at {store}, which is in {found}"
        assert store.region in LOOKED_AT[store.label, found][0].split(), store
        pairs[store.label, found] += 1
    assert left == NO_ZONES
    assert pairs == {pair: count for pair, (_, count) in LOOKED_AT.items()}
    assert (compared, abroad) == (22_108 - 95, 102), (
        "labels of another country: Singapore's, Jordan's, Turkey's, Arizona's"
    )


def test_stores_of_one_country_with_one_zone_are_in_it(stores: list[Labelled]) -> None:
    """Where a country has one zone, the position alone must say so: also a few steps from the border."""
    single = {country: zones for country, zones in countries().items() if len(zones) == 1}
    elsewhere = Counter(
        (store.country, found)
        for store in stores
        if store.country in single and not same_offsets(found := zone_at(store.point) or "UTC", *single[store.country])
    )
    assert elsewhere == {}
