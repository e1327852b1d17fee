"""A real bus ride through a running server: exactly one moment, where geopy says that it must come."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import aiohttp
import asyncpg
import pytest
from geopy.distance import geodesic
from scipy.stats import ncx2

from server.commands.replay import ping_id
from server.commands.track import DEFAULT_ACCURACY_M, TrackPoint
from server.store import embedded
from tests.conftest import Silent
from tests.street.process import ServerProcess, kairos, server_process

RADIUS_M = 120.0
SIGMA_M = DEFAULT_ACCURACY_M / 1.5096  # the 68 % radius of a two-dimensional Gaussian
OFFER = {
    "name": "ride-coffee",
    "when": {"trigger": "enter", "places": {"tag": "ride"}, "min_confidence": 0.7},
    "if": {"local_time": {"tz": "place", "days": ["mon", "tue", "wed", "thu", "fri"], "from": "07:00", "to": "11:00"}},
    "fresh": "P1D",  # the whole ride is sent as of its end
    "limits": {"per_customer": [{"max": 1, "period": {"calendar": "day", "tz": "customer_home"}}]},
    "moment": {
        "surfaces": ["in_app"],
        "content": {"en-IE": {"title": "Coffee on us", "body": "Until 11 at {{ place.name }}."}},
        "fallback_locale": "en-IE",
    },
    "reward": {
        "type": "free_item",
        "sku": "coffee",
        "value": {"minor": 250, "currency": "EUR"},
        "valid": {"at_most": "PT4H"},
    },
}


def ride_of(path: Path) -> list[TrackPoint]:
    """The ride, read by a second reader."""
    tag = "{http://www.topografix.com/GPX/1/1}"
    points = []
    for element in ElementTree.parse(path).iter(f"{tag}trkpt"):
        at = datetime.fromisoformat(element.find(f"{tag}time").text)
        points.append(TrackPoint(float(element.get("lat")), float(element.get("lon")), at, DEFAULT_ACCURACY_M))
    return sorted(points, key=lambda point: point.at)


def entering(ride: list[TrackPoint], lat: float, lon: float) -> TrackPoint:
    """The first fix that lies inside with at least 70 %: geopy's distance, scipy's distribution."""
    for point in ride:
        metres = geodesic((lat, lon), (point.lat, point.lon)).m
        if ncx2.cdf((RADIUS_M / SIGMA_M) ** 2, 2, (metres / SIGMA_M) ** 2) >= 0.7:
            return point
    raise AssertionError("the ride never enters the fence")


@pytest.fixture
def ride(data: Path) -> list[TrackPoint]:
    return ride_of(data / "bus_limerick_monday_morning.gpx")


@pytest.fixture
async def server(data_dir: Path, ride: list[TrackPoint]) -> AsyncIterator[ServerProcess]:
    """A server whose clock says that the ride has just ended: a Monday, nine in the morning in Ireland."""
    shift = (ride[-1].at - datetime.now(UTC)).total_seconds()
    settings = {
        "KAIROS__MODE": "test",
        "KAIROS__DATA_DIR": str(data_dir),
        "KAIROS__SERVER__PORT": "0",
        "KAIROS__CLOCK_SHIFT_S": f"{shift:.0f}.0",
        "KAIROS__PROGRAMME__TIME_ZONE": "Europe/Dublin",
    }
    async with server_process(settings) as running:
        yield running


async def _post(server: ServerProcess, path: str, token: str, body: object) -> dict:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{server.url}{path}", json=body, headers=headers) as response,
    ):
        text = await response.text()
        assert response.status in (200, 201), f"{path}: {response.status} {text}"
        return await response.json()


async def _key(server: ServerProcess, kind: str) -> str:
    code, out, err = await kairos("keys", "create", kind, environment=server.environment)
    assert code == 0, err
    return out.strip()


async def _open_shop(server: ServerProcess, ride: list[TrackPoint]) -> TrackPoint:
    """A shop on the route, 40 % along it, and the coffee offer; gives the fix at which the moment must come."""
    token, spot = await _key(server, "marketer"), ride[int(len(ride) * 0.4)]
    shop = {
        "name": "Ride Café",
        "lat": spot.lat,
        "lon": spot.lon,
        "radius_m": RADIUS_M,
        "tags": ["ride"],
        "country": "IE",
    }
    made = await _post(server, "/v1/stores", token, shop)
    assert made["time_zone"] == "Europe/Dublin"
    offer = await _post(server, "/v1/offers", token, OFFER)
    await _post(server, f"/v1/offers/{offer['id']}/publish", token, {})
    return entering(ride, spot.lat, spot.lon)


async def _ride_along(server: ServerProcess, data: Path, *, fixes: int) -> str:
    """A new customer takes the bus; gives their token."""
    profile = {"consents": {"location": True, "push": False, "profiling": False}, "time_zone": "Europe/Dublin"}
    token = (await _post(server, "/v1/customers", await _key(server, "app"), profile))["token"]
    track = str(data / "bus_limerick_monday_morning.gpx")
    code, out, err = await kairos(
        "replay", track, "--customer", token, "--server", server.url, environment=server.environment
    )
    assert code == 0, err
    assert f"fixes: {fixes} accepted" in out
    assert "moments: 1\n" in out
    return token


async def _fixes_with_a_moment(data_dir: Path, expected: int) -> set[str]:
    async with await embedded.start(data_dir, log=Silent()) as running:
        db = await asyncpg.connect(running.dsn)
        try:
            assert await db.fetchval("SELECT count(*) FROM moments WHERE NOT held_out") == expected
            return {str(row["id"]) for row in await db.fetch("SELECT id FROM pings WHERE moment_id IS NOT NULL")}
        finally:
            await db.close()


async def test_the_ride_makes_one_moment_where_geopy_says(
    server: ServerProcess, ride: list[TrackPoint], data: Path, data_dir: Path
) -> None:
    assert len(ride) == (data / "bus_limerick_monday_morning.gpx").read_text().count("<trkpt ") == 2144
    expected = await _open_shop(server, ride)
    token = await _ride_along(server, data, fixes=len(ride))
    assert await _fixes_with_a_moment(data_dir, 1) == {str(ping_id(token, expected))}


async def test_twenty_two_thousand_stores_change_nothing_for_the_ride(
    server: ServerProcess, ride: list[TrackPoint], data: Path, data_dir: Path
) -> None:
    expected = await _open_shop(server, ride)
    listed = data / "stores_world.csv.gz"
    with gzip.open(listed, "rt", encoding="utf-8") as lines:
        count = sum(1 for line in lines if line.strip()) - 1
    assert count == 22_108
    code, out, err = await kairos("import", str(listed), environment=server.environment, timeout_s=300)
    assert code == 0, err
    assert str(count) in out
    token = await _ride_along(server, data, fixes=len(ride))
    assert await _fixes_with_a_moment(data_dir, 1) == {str(ping_id(token, expected))}
