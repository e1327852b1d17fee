"""How much memory PostgreSQL gets: a quarter of what the machine, or its container, has."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from server.store.memory import available, buffers_mb


@pytest.mark.parametrize(
    ("gib", "mb"), [(0.25, 128), (0.5, 128), (1, 256), (8, 2048), (24, 6144), (32, 8192), (512, 8192)]
)
def test_a_quarter_of_the_memory_within_bounds(gib: float, mb: int) -> None:
    assert buffers_mb(int(gib * 2**30)) == mb


def test_a_container_has_what_it_is_held_to(tmp_path: Path) -> None:
    whole = psutil.virtual_memory().total
    limit, none = tmp_path / "memory.max", tmp_path / "memory.limit_in_bytes"
    assert available((limit, none)) == whole
    none.write_text("max\n")
    assert available((limit, none)) == whole
    limit.write_text(f"{300 * 2**20}\n")
    assert available((limit, none)) == 300 * 2**20
    limit.write_text(str(2**63))  # what version 1 says where there is no limit
    assert available((limit, none)) == whole
