"""Styles are found by the folder, and agree with what the checker knows of Apple's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import passes.styles
from passes.model import Role, Section
from passes.styles import STYLES
from passes.testing.images import POINTS, SHOWN, TICKET_STRIP

FOLDER = Path(passes.styles.__file__).parent


def test_every_file_of_the_folder_is_a_style() -> None:
    assert set(STYLES) == {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}


@pytest.mark.parametrize("name", sorted(STYLES))
def test_every_style_places_every_role_and_knows_its_name_at_apple(name: str) -> None:
    style = STYLES[name]
    assert set(style.places) == set(Role)
    assert style.places[Role.SMALL_PRINT] is Section.BACK
    assert style.apple in SHOWN
    assert style.demanded <= set(style.images)
    assert all(limit > 0 for limit in style.limits.values())


@pytest.mark.parametrize("name", sorted(STYLES))
def test_two_readings_of_apples_images_agree(name: str) -> None:
    style = STYLES[name]
    sizes = {**POINTS, "strip": TICKET_STRIP if style.apple == "eventTicket" else POINTS["strip"]}
    assert style.images == {kind: sizes[kind] for kind in SHOWN[style.apple]}


def test_a_file_that_holds_another_style_stops_the_start() -> None:
    program = """
import passes.model, types, sys, pkgutil
module = types.ModuleType("passes.styles.voucher")
from dataclasses import replace
import passes.styles
module.STYLE = replace(passes.styles.STYLES["coupon"], name="coupon")
sys.modules["passes.styles.voucher"] = module
found = [*pkgutil.iter_modules(passes.styles.__path__), pkgutil.ModuleInfo(None, "voucher", False)]
passes.styles.iter_modules = lambda path: found
passes.styles._found()
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=20, check=False, cwd=FOLDER.parents[1]
    )
    assert run.returncode == 1
    assert b"passes/styles/voucher.py must hold a Style named 'voucher'" in run.stderr
