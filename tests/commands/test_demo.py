"""The demo is played as its user would: a process of its own, an embedded PostgreSQL, the whole scene through HTTP."""

from __future__ import annotations

import re
from pathlib import Path

from server.commands.scene import STEPS
from tests.street.process import kairos


async def test_the_whole_scene_holds(data_dir: Path) -> None:
    code, out, err = await kairos("demo", "--check", "--data-dir", str(data_dir), timeout_s=180)
    assert code == 0, out + err
    assert re.findall(r"^ *(\d+)  ok ", out, re.MULTILINE) == [str(number) for number in range(1, len(STEPS) + 1)]
    assert f"all {len(STEPS)} steps held" in out


async def test_a_database_of_ones_own_is_never_made_anew(data_dir: Path) -> None:
    environment = {"KAIROS__DATABASE__URL": "postgresql://nobody@127.0.0.1:1/none"}
    code, _, err = await kairos("demo", "--check", "--data-dir", str(data_dir), environment=environment)
    assert code == 2
    assert "database.url" in err
