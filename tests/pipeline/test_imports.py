"""Lists that others made: every row is taken or refused with its first mistake, and addresses are looked up politely."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from server.errors import Invalid, Unavailable
from server.model.place import Point
from server.pipeline.imports import RADIUS_M, StoreReading, locate, read_fences, read_stores
from server.signals.geojson import Refused

HEADER = "name,lat,lon,radius_m,time_zone,tags,address,country,region,hours\n"


def read(text: str, **options: Any) -> StoreReading:
    return read_stores(text.encode(), rows=1000, **options)


def refused(row: str, header: str = HEADER) -> Refused:
    """The one refusal of a table with a good row before and after."""
    good = "Good,52.5,13.4,100,,,,,,\n" if header == HEADER else ""
    reading = read(f"{header}{good}{row}\n{good}")
    assert len(reading.drafts) == (2 if good else 0)
    [found] = reading.refused
    assert found.index == (1 if good else 0)
    return found


def test_a_row_is_taken_with_all_that_it_says() -> None:
    hours = '"{""mon"": [[""08:00"", ""20:00""]]}"'
    [draft] = read(f'{HEADER}A,52.5,13.4,80,Europe/Berlin,b;a;b,"Markt 1, Berlin",DE,BE,{hours}\n').drafts
    assert (draft.name, draft.lat, draft.lon, draft.radius_m, draft.time_zone) == (
        "A",
        52.5,
        13.4,
        80.0,
        "Europe/Berlin",
    )
    assert (draft.tags, draft.address, draft.country, draft.region) == (("a", "b"), "Markt 1, Berlin", "DE", "BE")
    assert draft.hours == {"mon": [["08:00", "20:00"]]}


def test_rows_are_counted_from_0_and_keep_their_order() -> None:
    reading = read("name,lat,lon\nA,1,1\n\nB,x,1\nC,1,1\n,1,1\n")
    assert [index for index, _ in reading.taken] == [0, 2]
    assert [(each.index, each.field) for each in reading.refused] == [(1, "lat"), (3, "name")]


@pytest.mark.parametrize("cell", ["1", "+1.5", "-1.", "1e1", "1.5E-3", "0052.5"])
def test_numbers_are_written_as_numbers(cell: str) -> None:
    [draft] = read(f"name,lat,lon\nA,{cell},1\n").drafts
    assert draft.lat == float(cell)


@pytest.mark.parametrize("cell", ["nan", "inf", "1_0", "٣", "0x1", '"52,5"', "52.5°", "1e999", ".", "e1", "1 2"])
def test_what_is_no_number_is_none(cell: str) -> None:
    assert refused(f"A,{cell},1,100,,,,,,").field == "lat"


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (",1,1,100,,,,,,", "name"),
        (f"{'x' * 201},1,1,100,,,,,,", "name"),
        ("A,,1,100,,,,,,", "lat"),
        ("A,1,,100,,,,,,", "lon"),
        ("A,,,100,,,,,,", "lat"),
        ("A,1,181,100,,,,,,", "lon"),
        ("A,1,1,,,,,,,", "radius_m"),
        ("A,1,1,19,,,,,,", "radius_m"),
        ("A,1,1,50001,,,,,,", "radius_m"),
        ("A,1,1,100,Nowhere,,,,,", "time_zone"),
        ("A,1,1,100,Mars/Olympus,,,,,", "time_zone"),
        (f"A,1,1,100,,{'x' * 65},,,,", "tags[0]"),
        ("A,1,1,100,,,,DEU,,", "country"),
        ("A,1,1,100,,,,D1,,", "country"),
        ("A,1,1,100,,,,,ABCDEFGHIJK,", "region"),
        ("A,1,1,100,,,,,,always", "hours"),
        ("A,1,1,100,,,,,,[1]", "hours"),
        (f"A,1,1,100,,,,,,{'[' * 3000}", "hours"),
        ('A,1,1,100,,,,,,"{""mon"": [], ""mon"": []}"', "hours"),
        ('A,1,1,100,,,,,,"{""mon"": [[""08:00""]]}"', "hours.mon[0]"),
        ("A,1,1,100,,,,,,,more", "row"),
    ],
)
def test_a_wrong_row_is_refused_with_its_first_mistake_and_the_others_are_taken(row: str, field: str) -> None:
    assert refused(row).field == field


def test_a_table_without_radii_gets_the_callers() -> None:
    assert [read("name,lat,lon\nA,1,1\n").drafts[0].radius_m, RADIUS_M] == [100.0, 100.0]
    assert read("name,lat,lon\nA,1,1\n", radius_m=250.0).drafts[0].radius_m == 250.0
    assert refused("A,1,1,,,,,,,").field == "radius_m"


def test_the_number_of_a_store_stands_for_its_name_and_its_town_for_the_address_where_there_is_none() -> None:
    first, second = read("store_number,name,city,address,lat,lon\n17,,Ulm,,1,1\n18,Named,Ulm,Markt 1,1,1\n").drafts
    assert [(each.name, each.address) for each in (first, second)] == [("17", "Ulm"), ("Named", "Markt 1")]


@pytest.mark.parametrize(
    "broken", ["Markt 1\n99998 X", "Markt 1,\r\n99998 X", "Markt 1 \r\r 99998 X", "Markt 1\u2028\v99998 X"]
)
def test_an_address_of_several_lines_becomes_one(broken: str) -> None:
    table = f'name,lat,lon,address,city\nA,1,1,"{broken}",\nB,1,1,,"{broken}"\n"C\nD",1,1,Markt 1,\n'
    reading = read(table)
    assert [draft.address for draft in reading.drafts] == ["Markt 1, 99998 X"] * 2
    assert [(each.field, each.message) for each in reading.refused] == [
        ("name", "must be without line breaks and control characters")
    ]
    [unplaced] = read(f'name,address,city\nA,"{broken}",Ulm\n').unplaced
    assert unplaced.question == "Markt 1, 99998 X, Ulm"


@pytest.mark.parametrize(
    ("zone", "lat", "lon", "found"),
    [
        ("America/Argentina/Bu", -34.6, -58.4, "America/Argentina/Buenos_Aires"),
        ("Asia/New_Delhi", 28.6, 77.2, "Asia/Kolkata"),
        ("Asia/Beijing", 25.03, 121.56, "Asia/Taipei"),
    ],
)
def test_a_zone_that_is_cut_off_or_a_capitals_is_told_from_the_position(
    zone: str, lat: float, lon: float, found: str
) -> None:
    reading = read(f"name,lat,lon,time_zone\nGood,52.5,13.4,Europe/Berlin\nA,{lat},{lon},{zone}\n")
    assert [draft.time_zone for draft in reading.drafts] == ["Europe/Berlin", found]
    assert [(each.index, each.field) for each in reading.warnings] == [(1, "time_zone")]
    assert reading.refused == []


def test_who_waits_hears_of_every_row() -> None:
    heard: list[int] = []
    read("name,lat,lon\nA,1,1\nB,x,1\nC,1,1,1\n", told=heard.append)
    assert heard == [1, 1, 1]


class Geocoder:
    """Answers by a table; what is not in it is not found, and None stands for no answer."""

    def __init__(self, known: dict[str, Point | None]) -> None:
        self.known = known
        self.asked: list[str] = []

    async def locate(self, address: str) -> Point | None:
        self.asked.append(address)
        if address in self.known and self.known[address] is None:
            raise Unavailable
        return self.known.get(address)


async def located(text: str, known: dict[str, Point | None], **options: Any) -> tuple[StoreReading, list[str]]:
    geocoder: Any = Geocoder(known)
    return await locate(read(text), geocoder=geocoder, **options), geocoder.asked


async def test_an_address_gets_its_position_and_the_zone_of_it_in_its_place_of_the_table() -> None:
    text = "name,address,city,country,lat,lon\nA,Markt 1,Ulm,DE,,\nB,,,,1,1\nC,Gone 7,Ulm,DE,,\nD,,Ulm,DE,,\n"
    reading, asked = await located(text, {"Markt 1, Ulm, DE": Point(48.4, 9.99), "Ulm, DE": Point(48.4, 10.0)})
    assert asked == ["Markt 1, Ulm, DE", "Gone 7, Ulm, DE", "Ulm, DE"]
    assert [(index, draft.name) for index, draft in reading.taken] == [(0, "A"), (1, "B"), (3, "D")]
    assert (reading.drafts[0].lat, reading.drafts[0].time_zone) == (48.4, "Europe/Berlin")
    assert [(each.index, each.field) for each in reading.refused] == [(2, "address")]
    assert reading.unplaced == []


async def test_other_mistakes_of_a_row_that_was_looked_up_are_still_mistakes() -> None:
    reading, _ = await located("name,address,radius_m\nA,Markt 1,5\n", {"Markt 1": Point(48.4, 9.99)})
    assert [(each.index, each.field) for each in reading.refused] == [(0, "radius_m")]


async def test_without_a_geocoder_every_address_is_refused_and_the_rest_stands() -> None:
    reading = await locate(read("name,address,lat,lon\nA,Markt 1,,\nB,,1,1\nC,x,,\n"), geocoder=None)
    assert [(each.index, each.field) for each in reading.refused] == [(0, "address"), (2, "address")]
    assert [draft.name for draft in reading.drafts] == ["B"]


async def test_no_more_are_looked_up_than_is_allowed() -> None:
    text = "name,address\n" + "".join(f"S{number},Markt {number}\n" for number in range(5))
    known: dict[str, Point | None] = {f"Markt {number}": Point(48.4, 9.99) for number in range(5)}
    reading, asked = await located(text, known, most=3)
    assert (len(asked), len(reading.drafts), [each.index for each in reading.refused]) == (3, 3, [3, 4])
    everything, asked = await located(text, known)
    assert (len(asked), len(everything.drafts)) == (5, 5)


async def test_a_geocoder_that_fails_twice_running_is_left_in_peace() -> None:
    text = "name,address\n" + "".join(f"S{letter},{letter}\n" for letter in "abcdef")
    point = Point(48.4, 9.99)
    reading, asked = await located(text, {"a": None, "b": point, "c": None, "d": None, "e": point, "f": point})
    assert asked == ["a", "b", "c", "d"]
    assert [each.index for each in reading.refused] == [0, 2, 3, 4, 5]
    assert "does not answer" in reading.refused[0].message


async def test_when_its_time_is_up_the_rest_is_refused() -> None:
    class Slow(Geocoder):
        async def locate(self, address: str) -> Point | None:
            await asyncio.sleep(0.05)
            return await super().locate(address)

    geocoder: Any = Slow({letter: Point(48.4, 9.99) for letter in "abc"})
    heard: list[int] = []
    reading = await locate(read("name,address\nA,a\nB,b\nC,c\n"), geocoder=geocoder, within_s=0.01, told=heard.append)
    assert geocoder.asked == ["a"]
    assert ([draft.name for draft in reading.drafts], [each.index for each in reading.refused]) == (["A"], [1, 2])
    assert heard == [1, 1, 1]


def feature(name: str, **properties: Any) -> dict[str, Any]:
    point = {"type": "Point", "coordinates": [13.4, 52.5]}
    return {"type": "Feature", "properties": {"name": name, "radius_m": 100} | properties, "geometry": point}


def test_a_collection_gives_rows_with_the_zone_of_their_place() -> None:
    square = [[[13.37, 52.51], [13.38, 52.51], [13.38, 52.52], [13.37, 52.52], [13.37, 52.51]]]
    area = {"type": "Feature", "properties": {"name": "P"}, "geometry": {"type": "Polygon", "coordinates": square}}
    document = {
        "type": "FeatureCollection",
        "features": [feature("A", tags=["b", "a"]), feature("B", radius_m=5), area],
    }
    reading = read_fences(document, rows=3, vertices=100)
    circle, polygon = reading.drafts
    assert (circle.lat, circle.lon, circle.radius_m, circle.geometry) == (52.5, 13.4, 100.0, None)
    assert (list(circle.tags), circle.zone, polygon.zone) == (["a", "b"], "Europe/Berlin", "Europe/Berlin")
    assert (polygon.lat, polygon.geometry) == (None, {"type": "Polygon", "coordinates": square})
    assert [(each.index, each.field) for each in reading.refused] == [(1, "properties.radius_m")]


def test_an_areas_vertices_are_bounded_as_the_settings_say() -> None:
    square = [[[13.37, 52.51], [13.38, 52.51], [13.38, 52.52], [13.37, 52.52], [13.37, 52.51]]]
    area = {"type": "Feature", "properties": {"name": "P"}, "geometry": {"type": "Polygon", "coordinates": square}}
    document = {"type": "FeatureCollection", "features": [area]}
    assert [len(read_fences(document, rows=9, vertices=most).drafts) for most in (4, 5)] == [0, 1]


@pytest.mark.parametrize("document", [None, [], {}, {"type": "Feature"}, {"type": "FeatureCollection", "features": 1}])
def test_what_is_no_collection_is_refused_whole(document: Any) -> None:
    with pytest.raises(Invalid):
        read_fences(document, rows=9, vertices=100)


def test_more_features_than_allowed_are_refused_before_one_is_read() -> None:
    with pytest.raises(Invalid) as caught:
        read_fences({"type": "FeatureCollection", "features": ["x"] * 10}, rows=9, vertices=100)
    assert caught.value.errors[0].field == "features"
