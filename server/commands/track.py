"""Recorded tracks: GPX 1.1 (https://www.topografix.com/GPX/1/1/) and CSV, read into fixes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from defusedxml import ElementTree

from server.errors import Misconfigured

DEFAULT_ACCURACY_M = 10.0
"""What a track that names no accuracy counts as: a phone under an open sky."""

MAX_BYTES = 64 * 1024 * 1024
"""A track of a week at one fix a second is about 60 MB of GPX."""


class TrackPoint(NamedTuple):
    """One recorded fix: WGS 84 degrees, the 68 % radius in metres, an aware time."""

    lat: float
    lon: float
    at: datetime
    accuracy_m: float


def read_track(path: Path) -> list[TrackPoint]:
    """Read a .gpx or .csv file (columns lat, lon, time, accuracy_m?), oldest fix first; raises Misconfigured."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise Misconfigured(f"{path}: a track may be {MAX_BYTES} bytes at most")
        text = path.read_text("utf-8")
    except OSError as error:
        raise Misconfigured(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise Misconfigured(f"{path}: is not UTF-8") from None
    readers = {".gpx": read_gpx, ".csv": read_csv}
    if path.suffix.lower() not in readers:
        raise Misconfigured(f"{path}: a track is a .gpx or a .csv file")
    try:
        points = sorted(readers[path.suffix.lower()](text), key=lambda point: point.at)
    except (ValueError, KeyError, ElementTree.ParseError) as error:
        raise Misconfigured(f"{path}: {error}") from None
    if not points:
        raise Misconfigured(f"{path}: has no fix with a position and a time")
    return points


def read_gpx(text: str) -> Iterable[TrackPoint]:
    """Give every track point that has a time; `hdop` is not an accuracy and is not taken for one."""
    for element in ElementTree.fromstring(text).iter():
        if element.tag.rpartition("}")[2] != "trkpt":
            continue
        time = next((child.text for child in element if child.tag.rpartition("}")[2] == "time"), None)
        if time:
            yield _point(element.attrib["lat"], element.attrib["lon"], time, None)


def read_csv(text: str) -> Iterable[TrackPoint]:
    """Give every row; the header names lat, lon, time and, where known, accuracy_m."""
    rows = csv.DictReader(io.StringIO(text))
    missing = {"lat", "lon", "time"} - set(rows.fieldnames or ())
    if missing:
        raise ValueError(f"the header lacks {', '.join(sorted(missing))}")
    for row in rows:
        yield _point(row["lat"], row["lon"], row["time"], row.get("accuracy_m"))


def _point(lat: str, lon: str, time: str, accuracy: str | None) -> TrackPoint:
    point = TrackPoint(
        float(lat),
        float(lon),
        datetime.fromisoformat(time.strip()),
        float(accuracy) if accuracy else DEFAULT_ACCURACY_M,
    )
    if point.at.tzinfo is None:
        raise ValueError("a time needs an offset, such as Z")
    if not (-90 <= point.lat <= 90 and -180 <= point.lon <= 180):
        raise ValueError("a position lies outside WGS 84's degrees")
    return point
