"""`kairos replay` finds the customer by token, id or external id, and tells what came out."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.store import customers
from server.store.pool import Pool
from tests.street.process import kairos
from tests.street.serving import open_street

TRACK = """lat,lon,time,accuracy_m
52.52,13.40,2026-11-20T08:00:00Z,9
52.53,13.41,2026-11-20T08:05:00Z,9
"""


@pytest.fixture
def track(tmp_path: Path) -> Path:
    path = tmp_path / "walk.csv"
    path.write_text(TRACK)
    return path


async def test_a_customer_is_found_by_external_id_id_and_token(db_dsn: str, tmp_path: Path, track: Path) -> None:
    async with open_street(db_dsn, tmp_path / "data") as street:
        await street.key("app")
        body = {"external_id": "card-77", "consents": {"location": True, "push": False, "profiling": False}}
        made = (await street.call("POST", "/v1/customers", by="app", body=body)).json
        environment = {"KAIROS__DATABASE__URL": db_dsn, "KAIROS__DATA_DIR": str(tmp_path / "data")}
        for name in ("card-77", made["customer_id"], made["token"]):
            code, out, err = await kairos(
                "replay", str(track), "--customer", name, "--server", street.url, environment=environment
            )
            assert code == 0, err
            assert "fixes: 2 accepted" in out
            assert "moments: 0" in out


async def test_somebody_unknown_is_told(db_dsn: str, pool: Pool, tmp_path: Path, track: Path) -> None:
    async with pool.transaction() as db:
        await customers.insert(db, external_id="known", locale=None, time_zone=None, attributes={})
    environment = {"KAIROS__DATABASE__URL": db_dsn, "KAIROS__DATA_DIR": str(tmp_path)}
    code, out, err = await kairos("replay", str(track), "--customer", "unknown", environment=environment)
    assert code == 1
    assert out == ""
    assert "no customer unknown" in err


async def test_a_file_that_is_no_track_is_told(tmp_path: Path) -> None:
    path = tmp_path / "walk.txt"
    path.write_text("hello")
    code, _, err = await kairos("replay", str(path), "--customer", "kc_x", "--server", "http://127.0.0.1:1")
    assert code == 2
    assert "a track is a .gpx or a .csv file" in err
