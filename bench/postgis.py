"""A PostgreSQL 15 with PostGIS on loopback, in a folder of its own, and the question that it is asked.

It comes from Debian (`apt-get install postgresql-15-postgis-3`) and is started for one measurement, as an ordinary user
where we are root. PostGIS is asked in its quickest exact way: a GiST index over boxes, then the spheroid's distance.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import asyncpg

from server.model.place import Circle, Geofence, Point

HOME = Path("/usr/lib/postgresql/15")
CONTROL = Path("/usr/share/postgresql/15/extension/postgis.control")
MISSING = "PostGIS is missing: apt-get install --no-install-recommends postgresql-15-postgis-3"

TABLE = """
CREATE EXTENSION postgis;
CREATE TABLE fences (id uuid PRIMARY KEY, center geography(Point, 4326), radius_m float8, box geometry(Polygon, 4326));
"""
FILL = """
INSERT INTO fences
SELECT id, center, radius_m, ST_Envelope(ST_Buffer(center, radius_m * 1.01)::geometry)
FROM (SELECT id, ST_SetSRID(ST_MakePoint(lon, lat), 4326)::geography AS center, radius_m
      FROM unnest($1::uuid[], $2::float8[], $3::float8[], $4::float8[]) AS f (id, lat, lon, radius_m)) AS f
"""
INDEX = "CREATE INDEX ON fences USING gist (box)"
HELD = """
SELECT id FROM fences
WHERE box && ST_SetSRID(ST_MakePoint($1, $2), 4326)
      AND ST_DWithin(center, ST_SetSRID(ST_MakePoint($1, $2), 4326)::geography, radius_m)
"""
SCAN = "SELECT id FROM fences WHERE ST_Distance(center, ST_SetSRID(ST_MakePoint($1, $2), 4326)::geography) <= radius_m"
ROWS = 10_000


class Asked(NamedTuple):
    """The median seconds of a look-up by the index and by a plain scan, and how many answers were not ours."""

    index_s: float
    scan_s: float
    different: int


def is_there() -> bool:
    """Tell whether Debian's package is installed."""
    return (HOME / "bin" / "initdb").exists() and CONTROL.exists()


def _as_ordinary(*command: str) -> list[str]:
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else list(command)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@contextlib.asynccontextmanager
async def cluster() -> AsyncIterator[str]:
    """Start a cluster in a temporary folder, give its address on loopback, end it and take the folder away."""
    folder, port = Path(tempfile.mkdtemp(prefix="kairos-bench-postgis-")), _free_port()
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    make = _as_ordinary(
        str(HOME / "bin/initdb"), "-D", str(folder / "data"), "-U", "bench", "-A", "trust", "-E", "UTF8"
    )
    await asyncio.to_thread(subprocess.run, make, check=True, capture_output=True, cwd="/")
    options = ("-D", str(folder / "data"), "-h", "127.0.0.1", "-p", str(port), "-k", "", "-c", "shared_buffers=512MB")
    process = await asyncio.create_subprocess_exec(
        *_as_ordinary(str(HOME / "bin/postgres"), *options),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        cwd="/",
    )
    try:
        yield f"postgresql://bench@127.0.0.1:{port}/postgres"
    finally:
        stop = _as_ordinary(str(HOME / "bin/pg_ctl"), "stop", "-D", str(folder / "data"), "-m", "fast", "-w")
        await asyncio.to_thread(subprocess.run, stop, check=False, capture_output=True, cwd="/")
        await process.wait()
        shutil.rmtree(folder, ignore_errors=True)


async def _connected(dsn: str) -> asyncpg.Connection[asyncpg.Record]:
    for _ in range(100):
        with contextlib.suppress(OSError, asyncpg.PostgresError):
            return await asyncpg.connect(dsn)
        await asyncio.sleep(0.1)
    raise SystemExit("bench: PostGIS's cluster does not answer")


async def ask(made: Sequence[Geofence], some: Sequence[Point], ours: Sequence[set[UUID]], *, scans: int) -> Asked:
    """Put the fences into PostGIS and ask for each point which hold it; `ours` are the index's answers."""
    async with cluster() as dsn:
        db = await _connected(dsn)
        try:
            await db.execute(TABLE)
            await _fill(db, made)
            held, scan = await db.prepare(HELD), await db.prepare(SCAN)
            times, different = list[float](), 0
            for point, due in zip(some, ours, strict=True):
                begun = time.perf_counter()
                rows = await held.fetch(point.lon, point.lat)
                times.append(time.perf_counter() - begun)
                different += {row["id"] for row in rows} != due
            slow = list[float]()
            for point, due in zip(some[:scans], ours, strict=False):
                begun = time.perf_counter()
                rows = await scan.fetch(point.lon, point.lat)
                slow.append(time.perf_counter() - begun)
                different += {row["id"] for row in rows} != due
            return Asked(statistics.median(times), statistics.median(slow), different)
        finally:
            await db.close()


async def _fill(db: asyncpg.Connection[asyncpg.Record], made: Sequence[Geofence]) -> None:
    for start in range(0, len(made), ROWS):
        portion = made[start : start + ROWS]
        circles = [each.shape for each in portion if isinstance(each.shape, Circle)]
        await db.execute(
            FILL,
            [each.id for each in portion],
            [each.center.lat for each in circles],
            [each.center.lon for each in circles],
            [each.radius_m for each in circles],
        )
    await db.execute(INDEX)
    await db.execute("VACUUM ANALYZE fences")
