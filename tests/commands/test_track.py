"""Recorded tracks: GPX and CSV become fixes in order of time, and what is no track is told with the file's name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.commands import track
from server.commands.track import DEFAULT_ACCURACY_M, TrackPoint, read_csv, read_gpx, read_track
from server.errors import Misconfigured

GPX = """<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="test" xmlns="http://www.topografix.com/GPX/1/1" xmlns:x="http://example.org/x">
  <wpt lat="1" lon="1"><time>2026-11-02T07:00:00Z</time></wpt>
  <trk><trkseg>{points}</trkseg></trk>
</gpx>
"""


def gpx(*points: str) -> str:
    return GPX.format(points="".join(points))


def trkpt(lat: object = 52.5, lon: object = 13.4, inside: str = "<time>2026-11-02T07:45:00Z</time>") -> str:
    return f'<trkpt lat="{lat}" lon="{lon}">{inside}</trkpt>'


def written(folder: Path, name: str, text: str | bytes) -> Path:
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def complaint(file: Path) -> str:
    with pytest.raises(Misconfigured) as caught:
        read_track(file)
    assert str(caught.value).startswith(f"{file}: ")
    return str(caught.value)


def test_a_gpx_gives_its_track_points_with_position_and_time(tmp_path: Path) -> None:
    file = written(tmp_path, "ride.gpx", gpx(trkpt(52.66, -8.63, "<ele>12</ele><time>2026-11-02T07:45:01.5Z</time>")))
    [point] = read_track(file)
    assert point == TrackPoint(52.66, -8.63, datetime(2026, 11, 2, 7, 45, 1, 500_000, tzinfo=UTC), DEFAULT_ACCURACY_M)


def test_way_points_and_points_without_a_time_are_no_fixes() -> None:
    assert len(list(read_gpx(gpx(trkpt(), trkpt(inside=""), trkpt(inside="<time/>"))))) == 1


def test_a_dilution_of_precision_is_not_taken_for_an_accuracy() -> None:
    [point] = read_gpx(gpx(trkpt(inside="<time>2026-11-02T07:45:00Z</time><hdop>99</hdop>")))
    assert point.accuracy_m == DEFAULT_ACCURACY_M


def test_fixes_come_in_order_of_time_whatever_the_files_order_and_offsets(tmp_path: Path) -> None:
    times = ["2026-11-02T09:00:00+01:00", "2026-11-02T07:59:59Z", "2026-11-02T03:00:02-05:00"]
    file = written(tmp_path, "ride.GPX", gpx(*(trkpt(inside=f"<time> {time} </time>") for time in times)))
    at = [point.at for point in read_track(file)]
    assert at == sorted(at)
    assert [later - at[0] for later in at] == [timedelta(0), timedelta(seconds=1), timedelta(seconds=3)]


def test_a_csv_gives_every_row_with_its_accuracy_where_it_has_one(tmp_path: Path) -> None:
    text = "time,lon,lat,accuracy_m,note\n2026-11-02T07:45:00Z,13.4,52.5,4.5,x\n2026-11-02T07:45:01Z,13.5,52.6,,y\n"
    first, second = read_track(written(tmp_path, "ride.csv", text))
    assert (first.lat, first.lon, first.accuracy_m) == (52.5, 13.4, 4.5)
    assert (second.lat, second.lon, second.accuracy_m) == (52.6, 13.5, DEFAULT_ACCURACY_M)


@given(
    st.lists(
        st.tuples(
            st.floats(-90, 90), st.floats(-180, 180), st.integers(0, 10**6), st.floats(0.5, 5000, allow_subnormal=False)
        ),
        min_size=1,
    )
)
def test_what_is_written_is_read(rows: list[tuple[float, float, int, float]]) -> None:
    begin = datetime(2026, 11, 2, tzinfo=UTC)
    points = [TrackPoint(lat, lon, begin + timedelta(seconds=after), metres) for lat, lon, after, metres in rows]
    lines = "".join(f"{point.lat!r},{point.lon!r},{point.at.isoformat()},{point.accuracy_m!r}\n" for point in points)
    assert list(read_csv(f"lat,lon,time,accuracy_m\n{lines}")) == points
    marks = "".join(trkpt(repr(point.lat), repr(point.lon), f"<time>{point.at.isoformat()}</time>") for point in points)
    assert [point[:3] for point in read_gpx(gpx(marks))] == [point[:3] for point in points]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("ride.csv", "lat,time\n1,2026-11-02T07:45:00Z\n", "the header lacks lon"),
        ("ride.csv", "", "the header lacks lat, lon, time"),
        ("ride.csv", "lat,lon,time\n", "has no fix"),
        ("ride.csv", "lat,lon,time\n1,2,2026-11-02T07:45:00\n", "a time needs an offset"),
        ("ride.csv", "lat,lon,time\n1,2,yesterday\n", "Invalid isoformat"),
        ("ride.csv", "lat,lon,time\nnorth,2,2026-11-02T07:45:00Z\n", "could not convert"),
        ("ride.csv", "lat,lon,time\n90.1,2,2026-11-02T07:45:00Z\n", "outside WGS 84"),
        ("ride.csv", "lat,lon,time\nnan,2,2026-11-02T07:45:00Z\n", "outside WGS 84"),
        ("ride.csv", b"lat,lon,time\n\xff", "is not UTF-8"),
        ("ride.gpx", gpx(), "has no fix"),
        ("ride.gpx", gpx(trkpt(lon=180.5)), "outside WGS 84"),
        ("ride.gpx", '<gpx><trkpt lat="1"><time>2026-11-02T07:45:00Z</time></trkpt></gpx>', "lon"),
        ("ride.gpx", "<gpx><trk>", "no element found"),
        ("ride.txt", "lat,lon,time\n", "a track is a .gpx or a .csv file"),
    ],
)
def test_what_is_no_track_is_told_in_a_sentence(tmp_path: Path, name: str, text: str | bytes, sentence: str) -> None:
    assert sentence in complaint(written(tmp_path, name, text))


def test_entities_that_unfold_are_not_unfolded(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE gpx [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><gpx><name>&b;</name></gpx>'
    assert "Entities" in complaint(written(tmp_path, "ride.gpx", bomb))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert "cannot be read (No such file or directory)" in complaint(tmp_path / "gone.gpx")


def test_a_file_beyond_the_bound_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "ride.gpx"
    with file.open("wb") as opened:
        opened.truncate(track.MAX_BYTES + 1)
    assert f"{track.MAX_BYTES} bytes at most" in complaint(file)
