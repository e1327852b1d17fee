"""Tests on real data: `pytest tests/real --data FOLDER`; the folder holds the stores, the bus ride and the weather."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --data."""
    parser.addoption("--data", type=Path, required=True, help="the folder of the real data")


@pytest.fixture(scope="session")
def data(request: pytest.FixtureRequest) -> Path:
    """The folder of the real data."""
    folder: Path = request.config.getoption("--data").resolve()
    assert (folder / "bus_limerick_monday_morning.gpx").exists(), f"{folder} holds no bus ride"
    return folder
